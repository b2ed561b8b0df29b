//! The audio thread's half of the crate. All of the crate's unsafe code is here; nothing here blocks, allocates, frees,
//! locks, logs or calls the system once it is rendering.

mod arena;
mod block;
mod bundle;
mod bypass;
mod cell;
mod closings;
mod command;
mod delay_line;
mod hardware;
mod harness;
pub mod kernels;
mod listen;
mod mute;
mod node;
mod parcel;
mod passing;
mod playhead;
mod program;
mod ramp;
mod renderer;
mod silence;
mod tap;
mod waiting;
mod watch;
mod way;
mod weight;

pub use block::{Block, Chunk};
pub(crate) use bundle::{BUNDLE_CREDITS, Bundle, bundle};
pub use bundle::{BUNDLES, SCENES};
pub use cell::{AudioCell, RendererCell};
pub use command::{BypassMode, Command, Fault, Level, Load, NOW, Report, SceneStart, Timed};
pub use hardware::{Commands, EventEnds, HardwareEvents};
pub use harness::Harness;
pub(crate) use listen::{Hearing, listeners};
pub use listen::{LISTENERS, ListenTo};
pub(crate) use parcel::{CarriedGain, CarriedNode, Crosspoint, GainStart, Parcel};
pub(crate) use program::{Program, Reports};
pub use ramp::MAX_RAMP_FRAMES;
pub(crate) use renderer::{Message, Progress};
pub use renderer::{Renderer, Settings};
