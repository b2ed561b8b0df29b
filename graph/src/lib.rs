//! The graph of a rig, its compiler, the schedule and its renderer.
//!
//! This crate knows no operating system, no device, no plugin format and no file. Its control half builds and compiles
//! graphs and may allocate; its audio half, all of it under `rt`, never does.
#![deny(clippy::disallowed_types)]

pub mod event;
pub mod graph;
mod id;
mod port;
mod processor;
mod rt;
mod transport;

pub use graph::{Cell, Edge, EditError, Endpoint, Graph, Matrix, Node, NodeKind, Signal, Timing};
pub use id::{EdgeId, NodeId};
pub use port::{AudioPort, ChannelLayout, EventPort, MAX_PORT_CHANNELS};
pub use processor::{Processor, Status};
pub use rt::{Block, Chunk, kernels};
pub use transport::Transport;
