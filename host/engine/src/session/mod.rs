//! Rig files: what a rig is on disk, plain data without live objects. Never makes a plugin, never asks a device, and
//! never leaves half a file behind.
//!
//! # A rig file
//!
//! `my.rig.toml` with the states of its plugins beside it in `my.rig.state/`, each named by the first 16 hexadecimal
//! digits of its BLAKE3. This is a whole one, `examples/rigs/guitar.rig.toml`, written by hand:
//!
//! ```toml
#![doc = include_str!("../../../../examples/rigs/guitar.rig.toml")]
//! ```
//!
//! The first key, `crosspoint`, is the version of the format. Then come nodes, in the order in which they are made, and
//! edges, in the order in which they are summed. What has its default is not written.
//!
//! | table | keys |
//! | --- | --- |
//! | top | `crosspoint`, `name`, `note`, `tempo`, `metre` (`"4/4"`), `timing` of edges without their own (`"aligned"`, `"immediate"`); `spillover_seconds` and `spillover_nodes`, the bounds of what rings on of nodes that are bypassed, away or gone; `instance_limit_mb`, what plugins may take that are away unless a scene wants them |
//! | `[transport]` | `count_in` in bars; `clock_from`, the role of the MIDI ports whose clock it follows; `clock_to`, the roles of those that get its clock; `clock_while_stopped` |
//! | all nodes | `name`, which edges use: unique, without `/`; `note` |
//! | plugins and built-in nodes | `bypassed`; `bypass`: how, `tails`, `cut`, `live` or `plugin` (its own switch); `present = false` for one that is away, which nothing passes |
//! | `[[input]]`, `[[output]]` | `role` if it is not the name; `channels`, or `layout` (`"surround 6"`, `"ambisonic 4"`), or `events = true` for MIDI; of an output `alignment_group` and `guard` (`{ limit = 6.0, time = 0.1, returns_after = 5.0 }`: dBFS or `"off"`, seconds, and seconds after which it comes back by itself, if it does) |
//! | `[[plugin]]` | `format`, `id`, `plugin` (its own name), `vendor`, `version`, `path` (a hint), `overload` (`{ budget = 0.3, blocks = 8, action = "bypass", returns_after = 10.0 }`: a part of the time for a block, how many in a row, `"nothing"`, `"bypass"` or `"mute"`, and seconds after which it comes back by itself, if it does), `precision` (32 or 64 bits; else the one that it prefers), `state`; as last seen: `latency`, `inputs` and `outputs` (`["main: stereo"]`), `event_inputs`, `event_outputs`; `parameters` |
//! | `[[builtin]]` | `kind`: `gain`, `pan`, `tone`, `meter` with `channels` or `layout`; `mixer` with `inputs` and `outputs` (`["stereo"]`); `delay` with `longest` in frames; `player` with `file` (WAV, AIFF, FLAC, MP3 or Ogg Vorbis, read while it plays; parameters `follow` the transport, `play`, `loop`); `zone`, by its parameters alone; `metronome` with `channels`; `parameters` |
//! | `[[edge]]` | `from` and `to`: a node, `node/port` or `node/#2`; `events = true`, or crosspoints; `timing`; `feedback` in frames |
//! | `[[group]]` | `name`, `note`; `gain` (`"-6 dB"`) and `muted`, by which all its cells are heard; `rows` and `columns` of the matrix (`{ node = "amp" }`, `{ node = "amp/side", channel = 2 }`), `cells` (`{ from = "amp", to = "cabinet", cell = "1>1" }`) |
//! | `[[mix]]` | `name`, `note`; the `columns` that a listener hears; `gain` and `muted` of all of it |
//! | `[[matrix_preset]]` | `name`, `note`; `rows` and `columns`, all single channels; `gains`: a text for each row with a word for each column, as of an edge |
//! | `[[scene]]` | `name`, `note`, `tempo`, `metre`; `fade` of its crosspoints in seconds, 0 to switch hard; `start` (`now`, `beat` or `bar`); `bypassed` and `active` nodes; `present` and `away` nodes; whole `states` of plugins (`{ node = "amp", state = "my.rig.state/0123456789abcdef.state" }`); `parameters` (`{ node = "amp", name = "Drive", value = 30.0 }`); `crosspoints` (`{ from = "amp", to = "cabinet", cells = ["1>1 -6 dB"] }`) |
//! | `[[song]]` | `name`, `note`, `tempo`, `metre`; `scenes` by name |
//! | `[[mapping]]` | `role` of MIDI ports, `message` (`"cc 7 channel 1"`); one of `parameter` (`{ node = "amp", name = "Drive" }`), `gain` and `mute` (`{ from = "amp", to = "cabinet", cell = "1>1" }`), `bypass`, `scene`, `song`, `action`; `behaviour`, `step`, `range` (`[0.0, 10.0]`, `["-inf dB", "6 dB"]`), `curve`, `pick_up`; `scenes` while which it acts; `pass_on`; `feedback`, a role of MIDI ports; `note` |
//! | `[[moment]]` | `name`; `taken`, a time in UTC; `automatic`; the `scene` that played; its `values`, a file beside the states |
//!
//! A scene says what differs from the rig while it plays, and nothing else. Names of nodes that are not there have no
//! effect and are kept. A moment has all values as they were at a time, to go back to; other hosts call it a snapshot. The
//! file of its values is a rig file with one scene. The top key `setlist` is the order of songs by name; without it they are played as they stand.
//!
//! A message is a controller (`cc 7`, `cc 7 14-bit`), a key (`note C3` is middle C), `program 5`, `pitch bend`, `channel
//! pressure`, `key pressure C3`, `rpn 0` or `nrpn 130`, numbers as on the wire, with `channel 1` to 16 behind it if only one
//! is meant. Behaviours are `absolute`, `toggle`, `momentary`, `trigger` and `relative two's complement`, `relative offset`,
//! `relative sign bit`; curves `linear`, `exponential`, `logarithmic`, `s`; to pick a value up is `none`, `pick up`,
//! `scaled`; actions are `play`, `stop`, `play or stop`, `to start`, `loop`, `record`, `tap tempo`, `tempo`, `count in`,
//! `next scene`, `previous scene`, `leave scene`, `next song`, `previous song`, `panic`, `master mute`.
//!
//! A parameter is `{ id = 7, name = "Level", value = -6.0 }`; either `id` or `name` will do, and a text is read as the
//! plugin reads it. Paths are relative to the rig's folder, with `/` between names, unless they share nothing with it.
//!
//! An edge without crosspoints is a [`cable`]. Otherwise it has `cells`, source to destination, from 1, at 0 dB unless
//! said otherwise; or, where most are set, `gains`: a row for each source channel, a column for each destination
//! channel, in dB, `.` for none, `i` after it for inverted, `m` for muted:
//!
//! ```toml
//! cells = [
//!     "1>1",
//!     "2>1 -6 dB inverted",
//!     "2>2 x-0.5 muted",
//! ]
//! gains = [
//!     "    0    -6     .",
//!     "   -6     0   -3i",
//!     " -inf   -3m     0",
//! ]
//! ```
//!
//! Gains have as many digits as give the same float back; those without decibels are factors (`x-0.5`).
//!
//! # Loading
//!
//! [`load`] goes as far as it can and reports every problem with its line. What it cannot understand has no effect but is
//! never lost: unknown keys and tables, values of the wrong kind and edges to nowhere are in the document and are written
//! back; elements of a list go to a key that begins with `unread_`. Only comments are not kept (use `note`), and a value
//! that was not understood gives way once the user sets another one. A state file that is absent or not what its name
//! says leaves [`State::Unavailable`], which stays named. A file of a newer version loads with a warning, and nothing
//! saves over it.
//!
//! # Saving
//!
//! [`save`] gives the same bytes for the same document. It writes states, then the rig, each to a temporary file that is
//! flushed and renamed, and then flushes the folder: whatever fails, the old rig with its states is there, or the new one
//! with its own. Leftovers of a crash (`.*.tmp`) are harmless. State files that are named neither by the rig, nor by the
//! one it replaced, nor by any other `*.toml*` file in the folder, are collected after the save.
//!
//! # The machine file
//!
//! [`MachineFile`] says what a rig's roles are on one machine; channels are counted from 1, 0 is none:
//!
//! ```toml
//! crosspoint_machine = 1
//!
//! [device]
//! backend = "jack"
//! rate = 48000
//! buffer = 64
//!
//! [roles.guitar]
//! inputs = [1]
//!
//! [roles.keys]
//! midi_input = ["Stage piano", "Pedals"]
//!
//! [roles.synth]
//! midi_output = "jack"
//!
//! [roles.speakers]
//! outputs = [3, 4]
//! ```
//!
//! A MIDI port is named as `crosspoint devices` lists it, or by a part of that. `jack` is a port of the program's own JACK
//! client, left to be connected by hand; `jack:CLIENT:PORT` is one that is connected to that port whenever it is there.
//!
//! A role that only mappings name needs no node: its ports are opened all the same.
//!
//! # Recovery files
//!
//! While a rig plays, [`RecoveryFile`] is a place for what is not saved yet, in a folder of its own for each run, locked as
//! long as that lives; [`recoverable`] finds what is left of runs that were cut off. It is a rig file with a table
//! `recovery`, which a rig's own file never has.

mod crosspoints;
mod disk;
mod document;
mod entries;
#[cfg(test)]
mod faults;
mod fields;
mod file;
mod folders;
#[cfg(test)]
mod fuzz;
mod groups;
mod guard;
mod machine;
mod mappings;
mod matrix_presets;
mod mixes;
mod moments;
mod overload;
mod path;
pub(crate) mod plugin_file;
mod port;
mod problem;
mod read;
mod recovery;
mod scenes;
mod state;
mod transport;
mod words;
mod write;

pub(crate) use disk::write_file;
pub(crate) use recovery::write_recovery;

pub use crosspoint_graph::{MAX_BEAT_VALUE, MAX_BEATS};
pub use crosspoints::{Crosspoint, Crosspoints, cable};
pub use document::{
    Builtin, BypassMode, Document, EdgeEntry, EndpointEntry, EntryKind, HardwareSignal, MAX_DELAY_FRAMES, NodeEntry,
    ParameterEntry, ParameterValue, PluginEntry, PluginRef, SignalEntry, Spillover, State, TEMPO_RANGE, VERSION,
    is_node_name,
};
pub use file::{SaveError, load, save};
pub use folders::runtime_folder;
pub use groups::{ChannelEntry, ChannelsEntry, Fader, GroupEntry};
pub use guard::OutputGuard;
pub use machine::{DeviceChoice, LoadedMachine, MachineFile, Mapping, Role};
pub use mappings::{
    Behaviour, Coding, ControlAction, ControlMessage, CrosspointPlace, Curve, DEFAULT_STEP, FaderPlace, MappingEntry,
    MappingTarget, MessageKind, PickUp, RangeEnd,
};
pub use matrix_presets::MatrixPresetEntry;
pub use mixes::MixEntry;
pub use moments::{MomentEntry, MomentError};
pub use overload::OverloadPolicy;
pub use port::PortSelector;
pub use problem::{LoadError, Problem, Severity};
pub use read::{Loaded, parse};
pub use recovery::{RecoveryFile, Remains, Whereabouts, recoverable, recovery_folder};
pub use scenes::{MAX_FADE, SceneCrosspoints, SceneEntry, SceneParameter, SongEntry, is_title};
pub use transport::{MAX_COUNT_IN_BARS, TransportEntry};
