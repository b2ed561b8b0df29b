//! What the demonstration is made of: a guitar phrase from string models, and the picture of what became of it.

pub mod guitar;
pub mod picture;
