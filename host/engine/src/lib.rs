//! The Crosspoint engine: a rig of plugins, its devices, its transport and its files.
//!
//! An [`Engine`] holds the graph, the plugins and their history on one thread, the main thread. The audio half is a
//! [`graph::Renderer`] in a [`graph::RendererCell`]: a device's callback, a file or a test renders with it, and no device
//! is needed. An [`EngineHandle`] reaches the engine from any other thread.
//!
//! ```
//! use crosspoint::graph::{ChannelLayout, nodes};
//! use crosspoint::session::Builtin;
//! use crosspoint::{Engine, EngineSettings};
//!
//! let mut engine = Engine::new(EngineSettings::default());
//! engine.batch(|engine| {
//!     let input = engine.add_input("guitar", "guitar", &[Some(0)])?;
//!     let gain = engine.add_builtin("volume", Builtin::Gain { layout: ChannelLayout::Mono })?;
//!     let output = engine.add_output("speakers", "speakers", &[Some(0), Some(1)])?;
//!     engine.connect(input, gain)?;
//!     engine.connect(gain, output)?;
//!     engine.set_parameter(gain, nodes::gain::GAIN, 0.5)
//! })?;
//!
//! let cell = engine.cell();
//! let (mut left, mut right) = ([0.0; 512], [0.0; 512]);
//! cell.render(&[&[1.0; 512]], &mut [&mut left, &mut right], true);
//! assert_eq!((left[511], right[511]), (0.5, 0.5));
//! # Ok::<(), crosspoint::EngineError>(())
//! ```

mod builtin;
mod catalogue;
mod chain;
mod device;
mod engine;
mod error;
mod handle;
mod hosting;
mod housekeeping;
pub mod offline;
pub mod plugins;
mod rig;
pub mod session;

pub use catalogue::Catalogue;
pub use chain::{Chain, ChainLink};
pub use crosspoint_devices as devices;
pub use crosspoint_formats as formats;
pub use crosspoint_graph as graph;
pub use engine::{Engine, EngineSettings, Notice};
pub use error::EngineError;
pub use handle::EngineHandle;
pub use plugins::PluginReference;
pub use rig::{Place, RigProblem};
