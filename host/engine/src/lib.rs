//! The Crosspoint engine: a rig of plugins, its devices, its transport and its files.
//!
//! An [`Engine`] holds the graph, its history and what is known of the plugins. The audio half is a [`graph::Renderer`]
//! in a [`graph::RendererCell`]: a device's callback, a file or a test renders with it, and no device is needed. The
//! plugins are in a [`PluginHost`]: with the engine on one thread, the main thread, or apart from it, so that the engine
//! may go to another thread and never waits for a plugin. An [`EngineHandle`] reaches the engine from any thread.
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
//!
//! On two threads:
//!
//! ```
//! use crosspoint::{Engine, EngineSettings, PluginHost};
//!
//! // The main thread, which plugins need for their own.
//! let (link, plugins) = PluginHost::new().apart();
//! let control = std::thread::spawn(move || {
//!     let mut engine = Engine::with_plugins(EngineSettings::default(), link);
//!     engine.add_input("guitar", "guitar", &[Some(0)])?;
//!     engine.poll(); // some fifty times a second
//!     Ok::<(), crosspoint::EngineError>(())
//! });
//! plugins.run(); // until the engine is gone
//! control.join().unwrap()?;
//! # Ok::<(), crosspoint::EngineError>(())
//! ```

mod asking;
mod assembly;
mod autosave;
mod building;
mod builtin;
mod builtin_parameters;
mod bypass;
mod catalogue;
mod chain;
pub mod check;
mod control;
mod controllers;
mod device;
mod engine;
mod entry_nodes;
mod error;
mod guard;
mod handle;
mod history;
mod hosting;
mod housekeeping;
mod instances;
mod levels;
mod load;
mod loudness;
mod matrix;
pub mod measurement;
mod midi;
mod notice;
pub mod offline;
mod overload;
mod parking;
mod pending;
pub mod plugins;
mod presence;
mod presets;
mod replace;
mod rerouting;
mod rig;
mod scenes;
pub mod session;
mod settings;
mod snapshot;
pub mod tape;
mod tick_rate;
mod track;
mod transport;
mod tuner;
mod untold;
mod upstream;
mod wishes;
mod writing;
mod xruns;

pub use autosave::{AutosavePlace, AutosaveState};
pub use builtin_parameters::BuiltinParameter;
pub use catalogue::Catalogue;
pub use chain::{Chain, ChainLink};
pub use control::{MappingCondition, MappingEdit, MappingSnapshot, MappingsSnapshot};
pub use controllers::{PluginDescription, PluginHost, PluginLink, PluginServer, PluginSetup, Plugins};
pub use crosspoint_devices as devices;
pub use crosspoint_formats as formats;
pub use crosspoint_graph as graph;
pub use device::DeviceState;
pub use engine::Engine;
pub use error::EngineError;
pub use guard::{ClosedOutput, GuardSnapshot};
pub use handle::{Action, Done, EngineHandle};
pub use levels::{ChannelLevel, Levels};
pub use load::{LoadSnapshot, LoadStatistics, WorstLoad};
pub use loudness::Loudness;
pub use matrix::{
    BlockChange, CellChange, GroupEdit, GroupSnapshot, MatrixBlock, MatrixCell, MatrixPresetEdit, MatrixPresetSnapshot,
    MatrixView, MixEdit, MixSnapshot, PanLaw, PannedCell, PannedRows, PortChannel, SoloView, Soloed,
};
pub use midi::{MidiConnection, MidiEvent, MidiListing};
pub use notice::Notice;
pub use overload::OverloadSnapshot;
pub use pending::Pending;
pub use plugins::PluginReference;
pub use rig::{Place, RigProblem};
pub use scenes::{
    AUTOMATIC_MOMENTS, Capture, MOST_MOMENTS, MomentEdit, MomentSnapshot, Readiness, SceneEdit, SceneSnapshot,
    ScenesSnapshot, SongSnapshot,
};
pub use settings::EngineSettings;
pub use snapshot::{Condition, NodeSnapshot, Snapshot};
pub use track::TrackSnapshot;
pub use transport::{ClockSnapshot, ClockState, SongPosition, TransportAction};
pub use tuner::{TunedNote, TunerReading};
pub use xruns::{XrunCulprit, XrunEntry};

/// Lets the tests of callbacks see allocations.
#[cfg(all(test, debug_assertions))]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
