//! CLAP 1 through clack-host: its entries, instances and host callbacks. The audio half and all events go over CLAP's
//! own structures, built once at activation, because the safe wrappers build their ports at every call, set constant
//! masks by port instead of by channel and call plugins without audio ports with no frames.

mod buffers;
mod call;
mod extensions;
mod gui;
mod host;
mod input;
mod library;
mod output;
mod parameters;
mod plugin;
mod poll;
mod ports;
mod presets;
mod processor;
mod timers;
mod transport;

pub use library::{ClapEntry, ClapLibrary};
pub use plugin::ClapPlugin;
