//! From the words of a command line to an order.

use super::{matrix, stage};
use crate::cli::{
    CtlOrder, LoadOrder, MappingOrder, MetersOrder, MidiOrder, MomentOrder, PanOrder, SceneOrder, SongOrder,
    TunerOrder, XrunsOrder,
};
use crate::failure::Failure;
use crate::remote::{BlockName, CellOrder, ChannelName, End, Order, PortName, Setting, Spot, Title, Topic};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The order that is meant.
pub fn order(order: &CtlOrder) -> Result<Order, Failure> {
    Ok(match order.clone() {
        CtlOrder::Show => Order::Show {},
        CtlOrder::Watch { levels, playhead, notices } => {
            let more = [(levels, Topic::Levels), (playhead, Topic::Playhead), (notices, Topic::Notices)];
            let more = more.into_iter().filter(|(wanted, _)| *wanted).map(|(_, topic)| topic);
            Order::Subscribe { to: std::iter::once(Topic::Rig).chain(more).collect() }
        }
        CtlOrder::Parameters { node } => Order::Parameters { node },
        CtlOrder::Set { node, parameter, value, text } => {
            let value = text.map(Setting::Text).or(value.map(Setting::Plain));
            let value = value.ok_or_else(|| Failure::usage("give a value"))?;
            Order::Set { node, parameter, value }
        }
        CtlOrder::Presets { node } => Order::Presets { node },
        CtlOrder::LoadPreset { node, preset } => Order::LoadPreset { node, preset },
        CtlOrder::SavePreset { node, file } => Order::SavePreset { node, file: absolute(&file)? },
        CtlOrder::Bypass { node, on } => Order::Bypass { node, on },
        CtlOrder::Present { node, on } => Order::Present { node, on },
        CtlOrder::SecondInstance(plugin) => Order::SecondInstance(plugin),
        CtlOrder::ShareState(change) => Order::ShareState(change),
        CtlOrder::InstanceLimit { megabytes } => Order::InstanceLimit { megabytes },
        CtlOrder::BypassMode(change) => Order::BypassMode(change),
        CtlOrder::Spillover(change) => Order::Spillover(change),
        CtlOrder::Pan(PanOrder { position, rows, columns, gain, law }) => {
            let BlockName { rows, columns } = block(&rows, &columns)?;
            Order::Pan { rows, columns, position, law, gain_db: gain, mute: false, invert: false }
        }
        CtlOrder::Cell { source, destination, gain, mute, invert, remove } => {
            let (source, source_channel) = channel(&source)?;
            let (destination, destination_channel) = channel(&destination)?;
            let cell = CellOrder {
                source,
                source_channel,
                destination,
                destination_channel,
                gain_db: gain,
                mute,
                invert,
                remove,
            };
            Order::Cells { cells: vec![cell] }
        }
        CtlOrder::Block { change, rows, columns, other_rows, other_columns } => {
            let has_other = !(other_rows.is_empty() && other_columns.is_empty());
            let other = has_other.then(|| block(&other_rows, &other_columns)).transpose()?;
            Order::Block { change, block: block(&rows, &columns)?, other }
        }
        CtlOrder::Solo { source, on, to } => {
            let destination = to.as_deref().map(channel_name).transpose()?;
            Order::Solo { source: channel_name(&source)?, destination, on }
        }
        CtlOrder::SoloSafe { source, on } => Order::SoloSafe { source: channel_name(&source)?, on },
        CtlOrder::ClearSolo => Order::ClearSolo {},
        CtlOrder::Group(group) => matrix::group_order(group)?,
        CtlOrder::Mix(mix) => matrix::mix_order(mix)?,
        CtlOrder::MatrixPreset(preset) => matrix::preset_order(preset)?,
        CtlOrder::Connect { source, destination, events, feedback } => {
            Order::Connect { source: spot(&source), destination: spot(&destination), events, feedback }
        }
        CtlOrder::Disconnect(between) => Order::Disconnect(between),
        CtlOrder::Timing { source, destination, timing } => Order::Timing { source, destination, timing },
        CtlOrder::AddInput { name, channels, role } => Order::AddInput { name, role, channels },
        CtlOrder::AddOutput { name, channels, role } => Order::AddOutput { name, role, channels },
        CtlOrder::AddBuiltin { name, kind, channels, keys } => {
            let mut builtin = object(&keys)?;
            builtin.insert("kind".to_owned(), kind.into());
            builtin.extend(channels.map(|channels| ("channels".to_owned(), channels.into())));
            Order::AddBuiltin { name, builtin }
        }
        CtlOrder::Add { name, plugin } => Order::AddPlugin { name, plugin },
        CtlOrder::Insert(cable) => Order::Insert(cable),
        CtlOrder::Move(cable) => Order::Move(cable),
        CtlOrder::Replace(replacement) => Order::Replace(replacement),
        CtlOrder::Rename(name) => Order::Rename(name),
        CtlOrder::Remove { node, bridge } => Order::Remove { node, bridge },
        CtlOrder::Undo => Order::Undo {},
        CtlOrder::Redo => Order::Redo {},
        CtlOrder::Playhead(playhead) => stage::playhead_order(playhead),
        CtlOrder::Transport(transport) => stage::transport_order(transport),
        CtlOrder::Output(output) => stage::output_order(output),
        CtlOrder::Overload(overload) => stage::overload_order(overload),
        CtlOrder::Xruns(XrunsOrder::List) => Order::Xruns {},
        CtlOrder::Xruns(XrunsOrder::Clear) => Order::ClearXruns {},
        CtlOrder::Loudness(loudness) => stage::loudness_order(loudness),
        CtlOrder::PerformanceLock { on } => Order::PerformanceLock { on },
        CtlOrder::Mute { on } => Order::Mute { on },
        CtlOrder::Panic => Order::Panic {},
        CtlOrder::Scene(scene) => scene_order(scene)?,
        CtlOrder::Moment(moment) => moment_order(moment)?,
        CtlOrder::Song(song) => song_order(song)?,
        CtlOrder::Mapping(mapping) => mapping_order(mapping)?,
        CtlOrder::Tuner(TunerOrder::Show) | CtlOrder::Meters(MetersOrder::Show) => Order::Levels {},
        CtlOrder::Tuner(TunerOrder::On { node, channel }) => Order::Tune { on: true, node, channel },
        CtlOrder::Tuner(TunerOrder::Off) => Order::Tune { on: false, node: None, channel: 1 },
        CtlOrder::Tuner(TunerOrder::Reference { frequency }) => Order::TunerReference { frequency },
        CtlOrder::Meters(MetersOrder::On { node }) => Order::Meter { node, on: true },
        CtlOrder::Meters(MetersOrder::Off { node }) => Order::Meter { node, on: false },
        CtlOrder::Meters(MetersOrder::Reset) => Order::ResetMeters {},
        CtlOrder::Midi(MidiOrder::Ports) => Order::MidiPorts {},
        CtlOrder::Midi(MidiOrder::Open { role, port, output }) => Order::OpenMidi { role, port, output },
        CtlOrder::Midi(MidiOrder::Close { role, output }) => Order::CloseMidi { role, output },
        CtlOrder::Midi(MidiOrder::Send { node, message }) => Order::Midi { node, message },
        CtlOrder::Timings(LoadOrder::Measure { on }) => Order::MeasureLoad { on },
        CtlOrder::Timings(LoadOrder::Reset) => Order::ResetWorstLoad {},
        // A person means files by where they are, the rig by where it is.
        CtlOrder::Load { file } => Order::Load { file: absolute(&file)? },
        CtlOrder::Save { file } => Order::Save { file: file.as_deref().map(absolute).transpose()? },
        CtlOrder::Refusals => Order::Refusals {},
        CtlOrder::Send { command, arguments } => Order::new(&command, object(&arguments)?).map_err(Failure::usage)?,
    })
}

fn scene_order(order: SceneOrder) -> Result<Order, Failure> {
    Ok(match order {
        SceneOrder::List => Order::Scenes {},
        SceneOrder::Play { scene, number, start } => Order::PlayScene { scene: title(scene, number)?, start },
        SceneOrder::Next => Order::NextScene {},
        SceneOrder::Previous => Order::PreviousScene {},
        SceneOrder::Leave => Order::LeaveScene {},
        SceneOrder::Store { scene, node, all } => Order::StoreScene { scene, nodes: node, all },
        SceneOrder::Set { scene } => Order::SetScene { scene: object(&scene)? },
        SceneOrder::Rename(name) => Order::RenameScene(name),
        SceneOrder::Move { scene, place } => Order::MoveScene { scene, place },
        SceneOrder::Remove { scene } => Order::RemoveScene { scene },
    })
}

fn moment_order(order: MomentOrder) -> Result<Order, Failure> {
    Ok(match order {
        MomentOrder::List => Order::Moments {},
        MomentOrder::Take { moment } => Order::TakeMoment { moment },
        MomentOrder::Recall { moment, number } => Order::RecallMoment { moment: title(moment, number)? },
        MomentOrder::Rename(name) => Order::RenameMoment(name),
        MomentOrder::Remove { moment } => Order::RemoveMoment { moment },
    })
}

fn song_order(order: SongOrder) -> Result<Order, Failure> {
    Ok(match order {
        SongOrder::List => Order::Scenes {},
        SongOrder::Play { song, number, scene } => Order::PlaySong { song: title(song, number)?, scene },
        SongOrder::Next => Order::NextSong {},
        SongOrder::Previous => Order::PreviousSong {},
        SongOrder::Set { song, scenes, tempo, metre, note } => {
            let keys = [
                ("name", Some(song.into())),
                ("scenes", Some(scenes.into())),
                ("tempo", tempo.map(|tempo| json!(tempo))),
                ("metre", metre.map(Value::from)),
                ("note", note.map(Value::from)),
            ];
            let song = keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
            Order::SetSong { song }
        }
        SongOrder::Rename(name) => Order::RenameSong(name),
        SongOrder::Remove { song } => Order::RemoveSong { song },
        SongOrder::Setlist { songs } => Order::SetSetlist { songs },
    })
}

fn mapping_order(order: MappingOrder) -> Result<Order, Failure> {
    Ok(match order {
        MappingOrder::List => Order::Mappings {},
        MappingOrder::Add { mapping } => Order::AddMapping { mapping: object(&mapping)? },
        MappingOrder::Change { place, mapping } => Order::ChangeMapping { place, mapping: object(&mapping)? },
        MappingOrder::Remove { place } => Order::RemoveMapping { place },
        MappingOrder::Learn { mapping } => Order::Learn { mapping: mapping.as_deref().map(object).transpose()? },
        MappingOrder::StopLearning => Order::StopLearning {},
    })
}

fn title(name: Option<String>, number: Option<usize>) -> Result<Title, Failure> {
    let title = name.map(Title::Name).or(number.map(Title::Number));
    title.ok_or_else(|| Failure::usage("give a name or a number"))
}

pub(super) fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::usage(format_args!("{text}: no JSON object: {error}")))
}

fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(file).map_err(Failure::new)
}

/// `NODE[/PORT]`.
fn end(text: &str) -> End {
    let (node, port) = match text.split_once('/') {
        Some((node, port)) => (node, Some(port.parse().map_or(PortName::Name(port.to_owned()), PortName::Number))),
        None => (text, None),
    };
    End { node: node.to_owned(), port }
}

fn spot(text: &str) -> Spot {
    match end(text) {
        End { node, port: None } => Spot::Node(node),
        end => Spot::End(end),
    }
}

/// `NODE[/PORT]:CHANNEL`.
fn channel(text: &str) -> Result<(End, u32), Failure> {
    let wrong = || Failure::usage(format_args!("{text}: write it as NODE:CHANNEL or NODE/PORT:CHANNEL"));
    let (text, channel) = text.rsplit_once(':').ok_or_else(wrong)?;
    Ok((end(text), channel.parse().map_err(|_| wrong())?))
}

pub(super) fn channel_name(text: &str) -> Result<ChannelName, Failure> {
    let (End { node, port }, channel) = channel(text)?;
    Ok(ChannelName { node, port, channel })
}

pub(super) fn block(rows: &[String], columns: &[String]) -> Result<BlockName, Failure> {
    let names = |texts: &[String]| texts.iter().map(|text| channel_name(text)).collect::<Result<_, _>>();
    Ok(BlockName { rows: names(rows)?, columns: names(columns)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_written_with_its_node_and_port() {
        let end = |node: &str, port| End { node: node.into(), port };
        assert_eq!(channel("amp:2").unwrap(), (end("amp", None), 2));
        assert_eq!(channel("a:b/side:1").unwrap(), (end("a:b", Some(PortName::Name("side".into()))), 1));
        assert_eq!(channel("amp/2:1").unwrap(), (end("amp", Some(PortName::Number(2))), 1));
        assert!(channel("amp").is_err() && channel("amp:x").is_err());
    }
}
