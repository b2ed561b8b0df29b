//! The audio thread's half of the crate. All of the crate's unsafe code is here; nothing here blocks, allocates, frees,
//! locks, logs or calls the system once it is rendering.

mod arena;
mod block;
mod budget;
mod bundle;
mod bypass;
mod cell;
mod command;
mod delay_line;
mod guard;
mod hardware;
mod harness;
pub mod kernels;
mod listen;
mod mute;
mod node;
mod parcel;
mod playhead;
mod playhead_cell;
mod program;
mod ramp;
mod renderer;
mod silence;
mod tap;
mod trace;
mod waiting;
mod watch;

pub use block::{Block, Chunk};
pub use budget::{Budget, Culprit, OverloadAction, WatchSettings, XrunKind};
pub(crate) use bundle::{BUNDLE_CREDITS, Bundle, bundle};
pub use bundle::{BUNDLES, SCENES};
pub use cell::{AudioCell, RendererCell};
pub use command::{ClockPoint, Command, Fault, Level, Load, NOW, Report, SceneStart, Timed};
pub use guard::{GuardCause, GuardSettings};
pub use hardware::{Commands, EventEnds, HardwareEvents};
pub use harness::Harness;
pub(crate) use listen::{Hearing, listeners};
pub use listen::{LISTENERS, ListenTo};
pub(crate) use parcel::{CarriedGain, CarriedNode, Crosspoint, GainStart, Parcel};
pub use playhead_cell::PlayheadReader;
pub(crate) use program::{Program, Reports};
pub use ramp::MAX_RAMP_FRAMES;
pub(crate) use renderer::{Message, Progress};
pub use renderer::{Renderer, Settings};
pub use trace::Clue;
