//! The audio thread's half of the crate. All of the crate's unsafe code is here; nothing here blocks, allocates, frees,
//! locks, logs or calls the system once it is rendering.

mod block;
pub mod kernels;

pub use block::{Block, Chunk, NodeIo};
