//! VST3 on the bindings of the `vst3` crate: its modules, instances and host objects. What a process call is handed is built
//! once at activation, on VST3's own structures.

#![allow(non_upper_case_globals, non_snake_case, reason = "names as the VST3 interface has them")]

mod abi;
mod activation;
mod arrangement;
mod buffers;
mod bundle;
mod call;
mod connection;
mod context;
mod events;
mod exchange;
mod expressions;
mod factory;
mod handler;
mod host;
mod input;
mod instance;
mod library;
mod menu;
mod message;
mod midi_map;
mod module;
mod more;
mod notes;
mod orphans;
mod output;
mod parameters;
mod plugin;
mod points;
mod poll;
mod ports;
mod preset_file;
mod presets;
mod processor;
mod program_values;
mod queue;
mod reading;
mod run_loop;
mod scale;
mod sounding;
mod state;
mod stream;
mod text;
mod track;
mod units;
mod view;

pub use library::Vst3Library;
pub use module::Vst3Entry;
pub use plugin::Vst3Plugin;
