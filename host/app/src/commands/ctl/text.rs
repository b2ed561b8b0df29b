//! What came of an order, for people.

use super::{matrix, stage};
use crate::cli::{
    CtlOrder, GroupOrder, LoudnessOrder, MappingOrder, MatrixPresetOrder, MetersOrder, MidiOrder, MixOrder,
    MomentOrder, SceneOrder, SongOrder, TransportOrder, TunerOrder, XrunsOrder,
};
use serde_json::Value;
use std::fmt::{Display, Write};
use std::time::SystemTime;

/// What came of it, for people; what is done without a word says nothing.
pub fn text(order: &CtlOrder, result: &Value) -> String {
    match order {
        CtlOrder::Show => rig(result),
        CtlOrder::Parameters { .. } => parameters(result),
        CtlOrder::Scene(SceneOrder::List) => scenes(result),
        CtlOrder::Song(SongOrder::List) => songs(result),
        CtlOrder::Moment(MomentOrder::List) => moments(result),
        CtlOrder::Moment(MomentOrder::Take { moment: None }) => format!("{}\n", word(result, "name")),
        CtlOrder::Moment(MomentOrder::Recall { .. }) => {
            lines(list(result, "left_out").filter_map(Value::as_str).map(|what| format!("left out: {what}")))
        }
        CtlOrder::Mapping(MappingOrder::List) => mappings(result),
        CtlOrder::Tuner(TunerOrder::Show) => tuner(&result["tuner"]),
        CtlOrder::Meters(MetersOrder::Show) => meters(&result["nodes"]),
        CtlOrder::Transport(TransportOrder::Show) => stage::transport(result),
        CtlOrder::Xruns(XrunsOrder::List) => stage::xruns(result),
        CtlOrder::Loudness(LoudnessOrder::Show) => stage::loudness(&result["loudness"]),
        CtlOrder::Group(GroupOrder::List) => matrix::faders(result, "groups"),
        CtlOrder::Mix(MixOrder::List) => matrix::faders(result, "mixes"),
        CtlOrder::Mix(MixOrder::Show { .. }) => matrix::mix(result),
        CtlOrder::MatrixPreset(MatrixPresetOrder::List) => matrix::presets(result),
        CtlOrder::MatrixPreset(MatrixPresetOrder::Recall { .. }) => {
            let left = list(result, "left_out").filter_map(Value::as_str);
            lines(left.map(|what| format!("{what}: it is passed over")))
        }
        CtlOrder::Replace(_) => {
            let left = list(result, "left_out").filter_map(Value::as_str);
            lines(left.map(|way| format!("{way}: found no port, and is gone")))
        }
        CtlOrder::Presets { .. } => lines(list(result, "presets").map(|preset| word(preset, "name"))),
        CtlOrder::Midi(MidiOrder::Ports) => {
            let way = |key: &'static str| move |port: &Value| format!("{key}: {}", port.as_str().unwrap_or_default());
            lines(list(result, "inputs").map(way("in")).chain(list(result, "outputs").map(way("out"))))
        }
        CtlOrder::Scene(SceneOrder::Play { .. }) if result["changed"] == false => {
            "it is awaited: it plays on its beat, or as soon as it is prepared\n".to_owned()
        }
        CtlOrder::Scene(_) | CtlOrder::Song(_) if result["changed"] == false => "there is none\n".to_owned(),
        CtlOrder::Undo | CtlOrder::Redo if result["changed"] == false => "there is nothing to do\n".to_owned(),
        CtlOrder::Send { .. } | CtlOrder::Refusals => format!("{result}\n"),
        _ => String::new(),
    }
}

pub fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

pub fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn rig(rig: &Value) -> String {
    let mut text = String::new();
    let device = &rig["device"];
    let playing = match word(device, "state") {
        "playing" => format!("{} at {} Hz", word(device, "name"), rig["rate"]),
        "lost" => format!("{} is gone: {}", word(device, "name"), word(device, "reason")),
        _ => "no device".to_owned(),
    };
    let _ = writeln!(
        text,
        "{playing}; {} frames late, {} xruns; {} bpm, {}/{}",
        rig["latency"], rig["xruns"], rig["tempo"], rig["metre"][0], rig["metre"][1]
    );
    let nodes: Vec<&Value> = list(rig, "nodes").collect();
    let width = nodes.iter().map(|node| word(node, "name").chars().count()).max().unwrap_or(0);
    for node in nodes {
        let state = match (word(node, "condition"), node["bypassed"].as_bool()) {
            ("ready", _) if node["guard"]["closed"].is_object() => "silent: `crosspoint ctl output open` lets it play",
            ("ready", _) if node["overload"]["overloaded"].is_object() => "overloaded",
            ("ready", _) if node["present"] == false => "away",
            ("ready", Some(true)) => "bypassed",
            ("ready", _) => "",
            (condition, _) => condition,
        };
        let plugin = node["plugin"]["name"].as_str().unwrap_or_else(|| word(node, "kind"));
        let _ = writeln!(text, "  {:width$}  {plugin}  {state}", word(node, "name"));
    }
    for edge in list(rig, "edges") {
        let end = |end: &Value| match end["port"].as_u64() {
            Some(port) if port > 1 => format!("{}/{port}", word(end, "node")),
            _ => word(end, "node").to_owned(),
        };
        let cells: Vec<String> = list(edge, "crosspoints")
            .map(|cell| {
                let gain = cell["gain_db"].as_f64().map_or("silent".to_owned(), |gain| format!("{gain:.1} dB"));
                let gain = if cell["mute"] == true { "muted".to_owned() } else { gain };
                format!("{}>{} {gain}", cell["source"], cell["destination"])
            })
            .collect();
        let what = if edge["is_events"] == true { "events".to_owned() } else { cells.join(", ") };
        let _ = writeln!(text, "  {} -> {}: {what}", end(&edge["source"]), end(&edge["destination"]));
    }
    text
}

fn parameters(result: &Value) -> String {
    let mut text = String::new();
    for parameter in list(result, "parameters") {
        let value = parameter["value"].as_f64().map_or("?".to_owned(), |value| value.to_string());
        let range = match (&parameter["minimum"], &parameter["maximum"]) {
            (Value::Null, _) | (_, Value::Null) => String::new(),
            (minimum, maximum) => format!("  ({minimum} to {maximum})"),
        };
        let _ = writeln!(text, "{}  {}  {value}{range}", parameter["id"], word(parameter, "name"));
    }
    text
}

pub fn lines(lines: impl Iterator<Item = impl Display>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

fn scenes(result: &Value) -> String {
    let line = |scene: &Value| {
        let name = &scene["name"];
        let state = match (name == &result["playing"], scene["is_prepared"] == false) {
            (true, _) if result["is_modified"] == true => "  plays, modified",
            (true, _) => "  plays",
            (false, true) => "  not prepared",
            (false, false) => "",
        };
        format!("{}{state}", word(scene, "name"))
    };
    lines(list(result, "scenes").map(line))
}

/// Newest last, as they were taken: a number to recall it by, when, its name.
fn moments(result: &Value) -> String {
    let line = |(place, moment): (usize, &Value)| {
        let scene = moment["scene"].as_str().map_or_else(String::new, |scene| format!("  scene {scene}"));
        let automatic = if moment["is_automatic"] == true { "  automatic" } else { "" };
        let age = moment["taken"].as_f64().map_or_else(|| "at an unknown time".to_owned(), age);
        format!("{}  {}  {age}{scene}{automatic}", place + 1, word(moment, "name"))
    };
    lines(list(result, "moments").enumerate().map(line))
}

/// How long ago a time in seconds since 1970 was.
fn age(taken: f64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
    let seconds = (now - taken).max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn songs(result: &Value) -> String {
    let line = |(place, song): (usize, &Value)| {
        let mark = if result["position"][0] == place + 1 { "  plays" } else { "" };
        let scenes: Vec<&str> = list(song, "scenes").filter_map(Value::as_str).collect();
        format!("{}  {}: {}{mark}", place + 1, word(song, "name"), scenes.join(", "))
    };
    lines(list(result, "songs").enumerate().map(line))
}

fn mappings(result: &Value) -> String {
    let line = |mapping: &Value| {
        let state = match word(mapping, "condition") {
            "missing" => format!("  {}", word(mapping, "reason")),
            "no_port" => "  no port of its role is open".to_owned(),
            "rests" => "  waits for its scene".to_owned(),
            _ => String::new(),
        };
        format!("{}  {}{state}", mapping["place"], mapping["mapping"])
    };
    lines(list(result, "mappings").map(line))
}

fn tuner(tuner: &Value) -> String {
    let note = &tuner["note"];
    match (tuner.is_null(), note["cents"].as_f64()) {
        (true, _) => "the tuner is off, or has heard too little\n".to_owned(),
        (false, Some(cents)) => format!("{} {cents:+.1} cents, {:.2} Hz\n", word(note, "name"), note["frequency"]),
        (false, None) => "no note\n".to_owned(),
    }
}

fn meters(nodes: &Value) -> String {
    let shown = |level: &Value| level.as_f64().map_or("silent".to_owned(), |level| format!("{level:.1} dB"));
    let line = |(node, channels): (&String, &Value)| {
        let channels = channels.as_array().into_iter().flatten();
        let channels = channels.map(|channel| {
            let clips = if channel["clips"] == 0 { String::new() } else { format!(", {} clips", channel["clips"]) };
            format!("{} (held {}{clips})", shown(&channel["peak_db"]), shown(&channel["held_db"]))
        });
        format!("{node}: {}", channels.collect::<Vec<_>>().join("  "))
    };
    match nodes.as_object().filter(|nodes| !nodes.is_empty()) {
        Some(nodes) => lines(nodes.iter().map(line)),
        None => "nothing is metered: `crosspoint ctl meters on`\n".to_owned(),
    }
}
