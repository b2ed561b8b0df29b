//! The graph of a rig, its compiler, the schedule and its renderer.
//!
//! This crate knows no operating system, no device, no plugin format and no file. Its control half builds and compiles
//! graphs and may allocate; its audio half, all of it under `rt`, never does.
#![deny(clippy::disallowed_types)]

pub mod compile;
pub mod event;
pub mod graph;
mod id;
pub mod nodes;
mod port;
mod processor;
mod publish;
mod rt;
mod span;
mod transport;

pub use graph::{Cell, Edge, EditError, Endpoint, Graph, Matrix, Node, NodeKind, Signal, Timing};
pub use id::{EdgeId, NodeId};
pub use port::{AudioPort, ChannelLayout, EventPort, MAX_PORT_CHANNELS};
pub use processor::{Processor, Status};
pub use publish::{CREDITS, Parting, PublishError, Published, Publisher, Returned, renderer, renderer_at};
pub use rt::{
    AudioCell, BUNDLES, Block, Budget, BypassMode, Chunk, ClockPoint, Clue, Command, Commands, Culprit, EventEnds,
    Fault, GuardCause, GuardSettings, HardwareEvents, Harness, LISTENERS, Level, ListenTo, Load, MAX_RAMP_FRAMES, NOW,
    OverloadAction, PlayheadReader, Renderer, RendererCell, Report, SCENES, SceneStart, Settings, Timed, WatchSettings,
    XrunKind, kernels,
};
pub use transport::{CountIn, MAX_BEAT_VALUE, MAX_BEATS, MAX_COUNT_IN, Transport, is_metre};

/// Makes `assert_no_alloc` abort a test that allocates or frees where it must not. Without debug assertions it checks
/// nothing.
#[cfg(all(test, debug_assertions))]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
