//! What each order asks of the engine.

use super::matrix;
use super::names::{
    Refused, between, block, cable_between, change, column, device_channels, edge, ends, find, known, moment,
    parameter_id, place, row, scene, song,
};
use super::stage::{bypass_mode, guard, outputs, overload, pan, spillover};
use super::transport::{looping, position, transport};
use super::{Desk, Step, document, levels_document};
use crate::remote::look;
use crate::remote::order::{
    Between, BlockWord, BypassModeChange, ForScene, IntoCable, NewName, Order, Replacement, Setting, Spot, StateChange,
    TimingWord,
};
use crate::source::machine_roles;
use crosspoint::devices::midi::Direction;
use crosspoint::formats::PresetPlace;
use crosspoint::graph::event::{Event, EventBody};
use crosspoint::graph::graph::Edit;
use crosspoint::graph::{ListenTo, SceneStart, Timing};
use crosspoint::session::{self, MappingEntry, NodeEntry, SceneEntry, SongEntry};
use crosspoint::{
    Action, BlockChange, Capture, GroupEdit, MappingEdit, MatrixPresetEdit, MixEdit, MomentEdit, PluginReference,
    PluginSetup, SceneEdit, Snapshot, Soloed, TransportAction,
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

impl Desk {
    /// What an order begins with.
    pub(super) fn first_step(&self, order: Order) -> Result<Step, Refused> {
        let snapshot = self.handle.snapshot();
        let graph = &*snapshot.graph;
        let action = match order {
            Order::Show {} => return document(&snapshot).map(Step::Say),
            Order::Levels {} => return levels_document(&snapshot, &self.handle.levels()).map(Step::Say),
            Order::Transport {} => return say(look::Playhead::of(&snapshot)),
            Order::Xruns {} => return say(json!({ "xruns": look::xruns(&snapshot) })),
            Order::Scenes {} => return say(look::Scenes::of(&snapshot.scenes)),
            Order::Mappings {} => return say(look::Mappings::of(&snapshot.mappings)),
            // The connection's own matter.
            Order::Subscribe { .. } | Order::Unsubscribe {} | Order::Refusals {} => return Ok(Step::Say(json!({}))),
            Order::Parameters { node } => {
                let (_, node) = known(&snapshot, &node)?;
                return say(json!({ "parameters": look::parameters(node) }));
            }
            Order::Set { node, parameter, value } => {
                let (id, node) = known(&snapshot, &node)?;
                match value {
                    Setting::Plain(value) => {
                        Action::SetParameter { node: id, parameter: parameter_id(node, &parameter)?, value }
                    }
                    Setting::Text(text) => Action::SetParameterText { node: id, parameter, text },
                }
            }
            Order::Text { node, parameter, value } => {
                Action::ParameterText { node: find(graph, &node)?, parameter, value }
            }
            Order::Presets { node } => Action::Presets { node: find(graph, &node)? },
            Order::LoadPreset { node, preset } => return self.load_preset(&snapshot, &node, preset),
            Order::SavePreset { node, file } => {
                let (node, folders) = (find(graph, &node)?, self.folders.clone());
                let look = move || Ok(Step::Do(vec![Action::SavePreset { node, file: folders.find(&file)? }]));
                return self.clerk.ask(look).map(Step::Look);
            }
            Order::Bypass { node, on } => Action::SetBypassed { node: find(graph, &node)?, on },
            Order::BypassMode(BypassModeChange { node, mode }) => {
                Action::SetBypassMode { node: find(graph, &node)?, mode: bypass_mode(mode) }
            }
            Order::Present { node, on } => Action::SetPresent { node: find(graph, &node)?, on },
            Order::SecondInstance(ForScene { node, scene }) => {
                Action::AddSecondInstance { node: find(graph, &node)?, scene, state: None }
            }
            Order::ShareState(StateChange { node, scene, on }) => {
                Action::ShareState { node: find(graph, &node)?, scene, on }
            }
            Order::InstanceLimit { megabytes } => Action::SetInstanceLimit(megabytes),
            Order::Spillover(change) => spillover(&snapshot, &change),
            Order::Pan { rows, columns, position, law, gain_db, mute, invert } => {
                pan(graph, &rows, &columns, position, law, (gain_db, mute, invert))?
            }
            Order::Cells { cells } => {
                let changes = cells.iter().map(|cell| change(graph, cell)).collect::<Result<_, _>>()?;
                Action::SetCells { changes, keep_edges: false }
            }
            Order::Block { change, block: one, other } => {
                let one = block(graph, &one)?;
                let other = other.map(|other| block(graph, &other)).transpose()?;
                Action::ChangeBlock(match (change, other) {
                    (BlockWord::Clear, None) => BlockChange::Clear(one),
                    (BlockWord::Invert, None) => BlockChange::Invert(one),
                    (BlockWord::Copy, Some(to)) => BlockChange::Copy { from: one, to },
                    (BlockWord::Swap, Some(other)) => BlockChange::Swap(one, other),
                    (BlockWord::Copy | BlockWord::Swap, None) => return Err("name the `other` block".to_owned()),
                    (_, Some(_)) => return Err("there is no `other` block in that".to_owned()),
                })
            }
            Order::Gesture { on: true } => Action::BeginGesture,
            Order::Gesture { on: false } => Action::EndGesture,
            Order::Solo { source, destination, on } => {
                let source = row(graph, &source)?;
                let what = match destination {
                    None => Soloed::Row(source),
                    Some(destination) => Soloed::Cell { source, destination: column(graph, &destination)? },
                };
                Action::SetSoloed { what, on }
            }
            Order::SoloSafe { source, on } => Action::SetSoloSafe { row: row(graph, &source)?, on },
            Order::ClearSolo {} => Action::ClearSolo,
            Order::SetGroup { group } => matrix::set_group(group)?,
            Order::GroupFader { group, gain_db, mute } => return matrix::group_fader(&group, gain_db, mute),
            Order::RenameGroup(NewName { from, to }) => matrix::edit_groups(GroupEdit::Rename { from, to }),
            Order::RemoveGroup { group } => matrix::edit_groups(GroupEdit::Remove(group)),
            Order::Mix { mix } => return say(matrix::mix(&snapshot, &mix)?),
            Order::SetMix { mix } => matrix::set_mix(mix)?,
            Order::MixFader { mix, gain_db, mute } => return matrix::mix_fader(&mix, gain_db, mute),
            Order::CopyMix { from, to } => Action::CopyMix { from, to },
            Order::RenameMix(NewName { from, to }) => matrix::edit_mixes(MixEdit::Rename { from, to }),
            Order::RemoveMix { mix } => matrix::edit_mixes(MixEdit::Remove(mix)),
            Order::StoreMatrixPreset { preset, block, sources, destinations } => {
                matrix::store_preset(&snapshot, preset, block.as_ref(), &sources, &destinations)?
            }
            Order::RecallMatrixPreset { preset } => Action::RecallMatrixPreset { preset },
            Order::RenameMatrixPreset(NewName { from, to }) => {
                matrix::edit_presets(MatrixPresetEdit::Rename { from, to })
            }
            Order::RemoveMatrixPreset { preset } => matrix::edit_presets(MatrixPresetEdit::Remove(preset)),
            Order::Connect {
                source: Spot::Node(source),
                destination: Spot::Node(destination),
                events,
                feedback: None,
            } => {
                let (source, destination) = (find(graph, &source)?, find(graph, &destination)?);
                match events {
                    true => Action::ConnectEvents { source, destination },
                    false => Action::Connect { source, destination },
                }
            }
            Order::Connect { source, destination, events, feedback } => {
                Action::ConnectEdge(edge(graph, source, destination, events, feedback)?)
            }
            Order::Disconnect(Between { source, destination }) => {
                let edges = between(graph, &source, &destination)?;
                Action::Edit(edges.iter().map(|(id, _)| Edit::Disconnect { id: *id }).collect())
            }
            Order::Timing { source, destination, timing } => {
                let timing = match timing {
                    TimingWord::Aligned => Some(Timing::Aligned),
                    TimingWord::Immediate => Some(Timing::Immediate),
                    TimingWord::Default => None,
                };
                let edges = between(graph, &source, &destination)?;
                Action::Edit(edges.iter().map(|(edge, _)| Edit::SetTiming { edge: *edge, timing }).collect())
            }
            Order::AddInput { name, role, channels } => {
                let role = role.unwrap_or_else(|| name.clone());
                match channels.is_empty() {
                    true => Action::AddEventInput { name, role },
                    false => Action::AddInput { name, role, channels: device_channels(&channels) },
                }
            }
            Order::AddOutput { name, role, channels } => {
                let role = role.unwrap_or_else(|| name.clone());
                match channels.is_empty() {
                    true => Action::AddEventOutput { name, role },
                    false => Action::AddOutput { name, role, channels: device_channels(&channels) },
                }
            }
            Order::AddBuiltin { name, builtin } => return self.add_builtin(name, builtin),
            Order::AddPlugin { name, plugin } => return self.add_plugin(name, &plugin),
            Order::Insert(IntoCable { node, source, destination }) => {
                Action::InsertNode { node: find(graph, &node)?, edge: cable_between(graph, &source, &destination)? }
            }
            Order::Move(IntoCable { node, source, destination }) => {
                Action::MoveNode { node: find(graph, &node)?, edge: cable_between(graph, &source, &destination)? }
            }
            Order::Replace(Replacement { node, with }) => {
                Action::ReplaceNode { node: find(graph, &node)?, with: find(graph, &with)? }
            }
            Order::Rename(NewName { from, to }) => {
                Action::Edit(vec![Edit::Rename { node: find(graph, &from)?, name: to }])
            }
            Order::Remove { node, bridge } => Action::RemoveNode { node: find(graph, &node)?, bridge },
            Order::Undo {} => Action::Undo,
            Order::Redo {} => Action::Redo,
            Order::Play { on: true } => transport(TransportAction::Play),
            Order::Play { on: false } => transport(TransportAction::Stop),
            Order::PlayOrStop {} => transport(TransportAction::PlayOrStop),
            Order::Locate(place) => transport(TransportAction::Locate(position(&place)?)),
            Order::Loop { from, to } => looping(from, to)?,
            Order::Record { on } => transport(TransportAction::Record(on)),
            Order::Tempo { bpm } => transport(TransportAction::Tempo(bpm)),
            Order::Metre { beats, value } => transport(TransportAction::Metre(beats, value)),
            Order::Tap { at } => transport(TransportAction::Tap(self.taps.moment(at, Instant::now()))),
            Order::CountIn {} => transport(TransportAction::CountIn),
            Order::SetCountIn { bars } => transport(TransportAction::SetCountIn(bars)),
            Order::FollowClock { role } => {
                // What is told where there is none can be said, too.
                transport(TransportAction::FollowClock(role.filter(|role| !role.is_empty())))
            }
            Order::SendClock { roles, while_stopped } => transport(TransportAction::SendClock { roles, while_stopped }),
            Order::WatchTime { on } => Action::WatchTime(on),
            Order::Overload(change) => overload(&snapshot, &change)?,
            Order::Recover { node } => Action::RecoverNode { node: find(graph, &node)? },
            Order::ClearXruns {} => Action::ClearXruns,
            Order::Guard(change) => guard(&snapshot, &change)?,
            Order::HoldOutput { node, on } => Action::HoldOutput { node: find(graph, &node)?, on },
            Order::Loudness { node: Some(node), on } => Action::MeasureLoudness { node: find(graph, &node)?, on },
            Order::Loudness { node: None, on } => {
                return Ok(Step::Do(outputs(graph).map(|node| Action::MeasureLoudness { node, on }).collect()));
            }
            Order::ResetLoudness { node: Some(node) } => Action::ResetLoudness { node: find(graph, &node)? },
            Order::ResetLoudness { node: None } => {
                let measured = snapshot.loudness.iter();
                return Ok(Step::Do(measured.map(|&node| Action::ResetLoudness { node }).collect()));
            }
            Order::PerformanceLock { on } => Action::SetPerformanceLock(on),
            Order::MeasureLoad { on } => Action::MeasureLoad(on),
            Order::ResetWorstLoad {} => Action::ResetWorstLoad,
            Order::Meter { node: Some(node), on } => Action::Meter { node: find(graph, &node)?, on },
            Order::Meter { node: None, on } => {
                return Ok(Step::Do(ends(graph).map(|node| Action::Meter { node, on }).collect()));
            }
            Order::ResetMeters {} => Action::ResetMeters,
            Order::Tune { on: false, .. } => Action::Tune(None),
            Order::Tune { on: true, node, channel } => Action::Tune(Some(listen(&snapshot, node.as_deref(), channel)?)),
            Order::TunerReference { frequency } => Action::SetTunerReference(frequency),
            Order::Mute { on } => Action::SetMuted(on),
            Order::Panic {} => Action::Panic,
            Order::MidiPorts {} => Action::MidiPorts,
            Order::OpenMidi { role, port, output } => {
                Action::OpenMidi { direction: direction(output), role, name: port }
            }
            Order::CloseMidi { role, output } => Action::CloseMidi { direction: direction(output), role },
            Order::Midi { node, message } => {
                let event = Event { frame: 0, port: 0, body: midi(&message)? };
                Action::SendEvent { node: find(graph, &node)?, event }
            }
            Order::PlayScene { scene: title, start } => {
                Action::PlayScene { scene: scene(&snapshot, title)?, start: start.map(SceneStart::from) }
            }
            Order::NextScene {} => Action::NextScene,
            Order::PreviousScene {} => Action::PreviousScene,
            Order::LeaveScene {} => Action::LeaveScene,
            Order::PlaySong { song: title, scene } => {
                Action::PlaySong { song: song(&snapshot, &title)?, scene: place(scene as usize)? }
            }
            Order::NextSong {} => Action::NextSong,
            Order::PreviousSong {} => Action::PreviousSong,
            Order::StoreScene { scene, nodes, all } => {
                let capture = match (all, nodes.is_empty()) {
                    (true, _) => Capture::All,
                    (false, true) => Capture::Differences,
                    (false, false) => {
                        Capture::Nodes(nodes.iter().map(|node| find(graph, node)).collect::<Result<_, _>>()?)
                    }
                };
                Action::StoreScene { scene, capture }
            }
            Order::Moments {} => return say(json!({ "moments": look::moments(&snapshot) })),
            Order::TakeMoment { moment } => Action::TakeMoment { name: moment },
            Order::RecallMoment { moment: title } => Action::RecallMoment { moment: moment(&snapshot, title)? },
            Order::RenameMoment(NewName { from, to }) => Action::EditMoments(MomentEdit::Rename { from, to }),
            Order::RemoveMoment { moment } => Action::EditMoments(MomentEdit::Remove(moment)),
            Order::SetScene { scene } => edit_scenes(SceneEdit::SetScene(table(scene, SceneEntry::from_table)?)),
            Order::RemoveScene { scene } => edit_scenes(SceneEdit::RemoveScene(scene)),
            Order::RenameScene(NewName { from, to }) => edit_scenes(SceneEdit::RenameScene { from, to }),
            Order::MoveScene { scene, place: to } => edit_scenes(SceneEdit::MoveScene { scene, place: place(to)? }),
            Order::SetSong { song } => edit_scenes(SceneEdit::SetSong(table(song, SongEntry::from_table)?)),
            Order::RemoveSong { song } => edit_scenes(SceneEdit::RemoveSong(song)),
            Order::RenameSong(NewName { from, to }) => edit_scenes(SceneEdit::RenameSong { from, to }),
            Order::SetSetlist { songs } => edit_scenes(SceneEdit::SetSetlist(songs)),
            Order::AddMapping { mapping: entry } => edit_mappings(MappingEdit::Add(mapping(entry)?)),
            Order::ChangeMapping { place: at, mapping: entry } => {
                edit_mappings(MappingEdit::Change { place: place(at)?, mapping: mapping(entry)? })
            }
            Order::RemoveMapping { place: at } => edit_mappings(MappingEdit::Remove { place: place(at)? }),
            Order::Learn { mapping: None } => Action::StartLearning(None),
            Order::Learn { mapping: Some(mut entry) } => {
                // What is learned takes their place.
                for (key, word) in [("role", "learned"), ("message", "cc 0")] {
                    if entry.insert(key.to_owned(), word.into()).is_some() {
                        return Err(format!("`{key}` is what is to be learned: leave it out"));
                    }
                }
                Action::StartLearning(Some(Box::new(mapping(entry)?)))
            }
            Order::StopLearning {} => Action::StopLearning,
            Order::Load { file } => return self.load(file),
            Order::Save { file } => return self.save(file),
        };
        Ok(Step::Do(vec![action]))
    }

    fn load(&self, file: PathBuf) -> Result<Step, Refused> {
        let folders = self.folders.clone();
        let look = move || {
            let path = folders.find(&file)?;
            let loaded = session::load(&path).map_err(|error| error.to_string())?;
            let roles = machine_roles(&loaded.document).map_err(|error| error.to_string())?;
            let told = loaded.problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
            let action = Action::Load { document: Box::new(loaded.document), roles, file: Some(path) };
            Ok(Step::Use { action: Box::new(action), told })
        };
        self.clerk.ask(look).map(Step::Look)
    }

    fn save(&self, file: Option<PathBuf>) -> Result<Step, Refused> {
        let folders = self.folders.clone();
        // Without a file too: not to overtake a rig that is still being read.
        let look = move || {
            let path = file.map(|file| folders.find(&file)).transpose()?;
            Ok(Step::Do(vec![Action::Save { path }]))
        };
        self.clerk.ask(look).map(Step::Look)
    }

    /// A plugin file is code: one may be named only where the rig's files are.
    fn add_plugin(&self, name: String, plugin: &str) -> Result<Step, Refused> {
        let Ok(plugin) = plugin.parse::<PluginReference>();
        let add = |plugin| Step::Do(vec![Action::AddPlugin { name, plugin, setup: PluginSetup::default() }]);
        match plugin {
            PluginReference::File { file, id } if file.as_os_str() != crate::rack::NAME => {
                let folders = self.folders.clone();
                let look = move || Ok(add(PluginReference::File { file: folders.find(&file)?, id }));
                self.clerk.ask(look).map(Step::Look)
            }
            plugin => Ok(add(plugin)),
        }
    }

    fn add_builtin(&self, name: String, mut builtin: Map<String, Value>) -> Result<Step, Refused> {
        if ["name", "parameters"].iter().any(|key| builtin.contains_key(*key)) {
            return Err("`builtin` says the kind and its channels; `set` sets parameters".to_owned());
        }
        builtin.insert("name".to_owned(), name.clone().into());
        let folders = self.folders.clone();
        let look = move || {
            let (_, mut builtin) = table(builtin, |table| NodeEntry::from_builtin_table(table, Path::new("")))?;
            if let session::Builtin::Player { file, .. } = &mut builtin {
                *file = folders.find(file)?;
            }
            Ok(Step::Do(vec![Action::AddBuiltin { name, builtin }]))
        };
        self.clerk.ask(look).map(Step::Look)
    }

    fn load_preset(&self, snapshot: &Snapshot, node: &str, preset: String) -> Result<Step, Refused> {
        let node = find(&snapshot.graph, node)?;
        let file = PathBuf::from(&preset);
        if !file.extension().is_some_and(|end| end.eq_ignore_ascii_case("vstpreset")) {
            return Ok(Step::Choose { node, wanted: preset });
        }
        let folders = self.folders.clone();
        let look = move || {
            let place = PresetPlace::file(folders.find(&file)?);
            Ok(Step::Do(vec![Action::LoadPreset { node, place }]))
        };
        self.clerk.ask(look).map(Step::Look)
    }
}

fn say(document: impl serde::Serialize) -> Result<Step, Refused> {
    serde_json::to_value(document).map(Step::Say).map_err(|error| error.to_string())
}

fn edit_scenes(edit: SceneEdit) -> Action {
    Action::EditScenes(Box::new(edit))
}

fn edit_mappings(edit: MappingEdit) -> Action {
    Action::EditMappings(Box::new(edit))
}

/// An entry of a rig file by its keys.
pub(super) fn table<Table: serde::de::DeserializeOwned, T>(
    keys: Map<String, Value>,
    read: impl FnOnce(Table) -> Result<T, String>,
) -> Result<T, Refused> {
    let table = serde_json::from_value(Value::Object(keys));
    read(table.map_err(|error| format!("no rig file can have that: {error}"))?)
}

fn mapping(keys: Map<String, Value>) -> Result<MappingEntry, Refused> {
    table(keys, MappingEntry::from_table)
}

fn direction(output: bool) -> Direction {
    if output { Direction::Output } else { Direction::Input }
}

/// What is listened to for tuning.
fn listen(snapshot: &Snapshot, node: Option<&str>, channel: u32) -> Result<ListenTo, Refused> {
    let graph = &*snapshot.graph;
    let node = match node {
        Some(name) => find(graph, name)?,
        None => {
            let sounds = |id: &_| graph.node(*id).is_some_and(|node| !node.audio_outputs.is_empty());
            ends(graph).find(sounds).ok_or("the rig has no input to tune by: name a node")?
        }
    };
    let known = graph.node(node).map(|node| match node.audio_outputs.is_empty() {
        true => &node.audio_inputs,
        false => &node.audio_outputs,
    });
    let channels: u32 = known.into_iter().flatten().map(|port| port.layout.channels()).sum();
    let channel = channel.checked_sub(1).filter(|channel| *channel < channels);
    let channel = channel.and_then(|channel| u16::try_from(channel).ok());
    let channel = channel.ok_or_else(|| format!("there are channels 1 to {channels}"))?;
    Ok(ListenTo { node, channel })
}

/// A message of a channel, or a short one of the system.
fn midi(message: &[u8]) -> Result<EventBody, Refused> {
    let (status, data) = message.split_first().ok_or("there is no message")?;
    let length = match status {
        0xC0..=0xDF | 0xF1 | 0xF3 => 1,
        0x80..=0xEF | 0xF2 => 2,
        0xF6 | 0xF8..=0xFF => 0,
        _ => return Err(format!("no message begins with {status}")),
    };
    if data.len() != length || data.iter().any(|byte| *byte > 127) {
        return Err(format!("a message that begins with {status} has {length} bytes more, each at most 127"));
    }
    let byte = |place: usize| data.get(place).copied().unwrap_or(0);
    Ok(EventBody::Midi([*status, byte(0), byte(1)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only whole messages of their length reach the engine.
    #[test]
    fn midi_messages_are_whole_or_refused() {
        assert_eq!(midi(&[0x90, 60, 100]), Ok(EventBody::Midi([0x90, 60, 100])));
        assert_eq!(midi(&[0xC1, 5]), Ok(EventBody::Midi([0xC1, 5, 0])));
        assert_eq!(midi(&[0xF8]), Ok(EventBody::Midi([0xF8, 0, 0])));
        for wrong in [&[][..], &[60], &[0x90, 60], &[0x90, 60, 128], &[0xF0, 1], &[0xF8, 1], &[0xC0, 1, 2], &[0xF7]] {
            assert!(midi(wrong).is_err(), "{wrong:?}");
        }
    }
}
