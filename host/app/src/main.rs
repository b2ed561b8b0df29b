//! Crosspoint, the application.
fn main() {}
