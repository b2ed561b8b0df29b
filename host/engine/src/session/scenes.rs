//! Scenes, songs and the setlist as a rig file has them: plain data by name, so that they outlive missing plugins. Reads
//! leniently and writes canonically, as the rest of the file; never resolves a name.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_graph::SceneStart;
use toml::de::DeValue;

use super::crosspoints::Crosspoint;
use super::document::{EndpointEntry, ParameterEntry, State};
use super::fields::{Fields, number};
use super::groups::{Fader, fader_gain};
use super::mappings::{self, FaderPlace, only, text};
use super::port::PortSelector;
use super::problem::{Report, Severity};
use super::read;
use super::state;
use super::words;
use super::write::{Table, quoted};

/// The longest cross-fade of a scene, in seconds.
pub const MAX_FADE: f64 = 60.0;

/// The keys of nodes that are bypassed, and that are not.
const BYPASS: [&str; 2] = ["bypassed", "active"];
/// The keys of nodes that are there, and that are away.
const PRESENCE: [&str; 2] = ["present", "away"];

/// A scene of a rig file: what differs from the rig while it plays. It holds only what it says.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SceneEntry {
    /// What people and songs call it: unique among scenes ([`is_title`]).
    pub name: String,
    /// Whatever the user wants to remember.
    pub note: String,
    /// Quarter notes a minute, within [`TEMPO_RANGE`](super::TEMPO_RANGE).
    pub tempo: Option<f64>,
    /// Beats a bar and the note value of a beat.
    pub metre: Option<(u16, u16)>,
    /// Length of the ramp of its crosspoints in seconds, 0 to [`MAX_FADE`]; none for the shortest that does not click. 0 is
    /// hard: each crosspoint has its gain from one frame to the next, a step of what it lets through times the difference
    /// and no more, which may click. Bypasses cross-fade as always, and what plugins do with parameters is theirs.
    pub fade: Option<f64>,
    /// When it takes over from what plays: at once, or with the next beat or bar.
    pub start: SceneStart,
    /// Whether nodes are bypassed, by name.
    pub bypass: BTreeMap<String, bool>,
    /// Whether nodes are there or away, by name.
    pub presence: BTreeMap<String, bool>,
    /// What faders of groups and mixes have.
    pub faders: BTreeMap<FaderPlace, Fader>,
    /// Whole states of plugins, by the names of their nodes: for what is no parameter. Parameters come on top of them.
    pub states: BTreeMap<String, State>,
    /// Parameters of nodes.
    pub parameters: Vec<SceneParameter>,
    /// Crosspoints of edges.
    pub crosspoints: Vec<SceneCrosspoints>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

/// A parameter in a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneParameter {
    /// The node's name.
    pub node: String,
    /// Which parameter, and its value.
    pub parameter: ParameterEntry,
}

/// Crosspoints of one edge in a scene: those that it says.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneCrosspoints {
    /// Where the edge comes from.
    pub source: EndpointEntry,
    /// Where it goes. Of several edges between the same ports the first is meant.
    pub destination: EndpointEntry,
    /// The cells.
    pub cells: Vec<Crosspoint>,
}

/// A song of a rig file.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SongEntry {
    /// What people and the setlist call it: unique among songs ([`is_title`]).
    pub name: String,
    /// Whatever the user wants to remember.
    pub note: String,
    /// Quarter notes a minute, within [`TEMPO_RANGE`](super::TEMPO_RANGE), for scenes that say none.
    pub tempo: Option<f64>,
    /// Beats a bar and the note value of a beat, for scenes that say none.
    pub metre: Option<(u16, u16)>,
    /// The names of its scenes, in the order in which they are played. One may occur twice.
    pub scenes: Vec<String>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl SceneEntry {
    /// Has it speak of another node, whatever it says of this one.
    pub(crate) fn rename_node(&mut self, before: &str, after: &str) {
        for switches in [&mut self.bypass, &mut self.presence] {
            if let Some(on) = switches.remove(before) {
                switches.insert(after.to_owned(), on);
            }
        }
        if let Some(state) = self.states.remove(before) {
            self.states.insert(after.to_owned(), state);
        }
        let parameters = self.parameters.iter_mut().map(|known| &mut known.node);
        let ends = self.crosspoints.iter_mut().flat_map(|known| [&mut known.source.node, &mut known.destination.node]);
        parameters.chain(ends).filter(|name| **name == before).for_each(|name| after.clone_into(name));
    }

    /// Has it speak of each of two faders, whatever it says of the other.
    pub(crate) fn rename_fader(&mut self, before: &FaderPlace, after: &FaderPlace) {
        let (one, other) = (self.faders.remove(before), self.faders.remove(after));
        self.faders.extend(one.map(|fader| (after.clone(), fader)));
        self.faders.extend(other.map(|fader| (before.clone(), fader)));
    }
}

/// Whether a scene, song, moment, group, mix or preset of the matrix may be called so: not empty, no control characters, no
/// blank at either end.
pub fn is_title(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control)
}

/// The scene that a table says. `nodes` are the names of all nodes, `known` all faders, `taken` the names of the scenes before
/// it.
pub(super) fn read_scene(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    (nodes, known): (&BTreeSet<String>, &BTreeSet<FaderPlace>),
    taken: &mut BTreeSet<String>,
    read_state: &read::ReadState<'_>,
) -> SceneEntry {
    let name = title(&mut fields, report, "scene", taken);
    let note = read::note(&mut fields, report);
    let (tempo, metre) = (read::tempo(&mut fields, report), read::metre(&mut fields, report));
    let wanted = format!("a number of seconds from 0 to {MAX_FADE}");
    let is_fade = |fade: &f64| (0.0..=MAX_FADE).contains(fade);
    let fade = fields.read(report, "fade", &wanted, |value| number(value).filter(is_fade));
    let start =
        fields.read(report, "start", "\"now\", \"beat\" or \"bar\"", |value| words::scene_start(value.as_str()?));
    let start = start.unwrap_or_default();
    let bypass = read_switches(&mut fields, report, BYPASS);
    let presence = read_switches(&mut fields, report, PRESENCE);
    let wanted = "a fader such as { group = \"Drums\", gain = \"-6 dB\" } or { mix = \"Ann\", muted = true }";
    let faders: BTreeMap<_, _> = fields.elements(report, "faders", wanted, fader).into_iter().collect();
    for place in faders.keys().filter(|place| !known.contains(place)) {
        let message = format!("there is no {place}; what is said of it has no effect and is kept");
        fields.complain(report, Severity::Warning, "faders", message);
    }
    let states = read_states(&mut fields, report, read_state);
    let wanted =
        "a parameter such as { node = \"amp\", name = \"Drive\", value = 6.0 }, its value a finite number or a text";
    let parameters = fields.elements(report, "parameters", wanted, parameter);
    let wanted = "crosspoints such as { from = \"amp\", to = \"cabinet\", cells = [\"1>1 -6 dB\"] }";
    let crosspoints = fields.elements(report, "crosspoints", wanted, crosspoints);
    let ends = crosspoints
        .iter()
        .flat_map(|edge| [(&edge.source.node, "crosspoints"), (&edge.destination.node, "crosspoints")]);
    let mut named: Vec<(&String, &str)> = Vec::new();
    for (switches, words) in [(&bypass, BYPASS), (&presence, PRESENCE)] {
        named.extend(switches.iter().map(|(name, &on)| (name, words[usize::from(!on)])));
    }
    named.extend(states.keys().map(|name| (name, "states")));
    named.extend(parameters.iter().map(|known| (&known.node, "parameters")));
    named.extend(ends);
    for (name, key) in named {
        if !nodes.contains(name) {
            let message = format!("there is no node `{name}`; what is said of it has no effect and is kept");
            fields.complain(report, Severity::Warning, key, message);
        }
    }
    let extra = fields.finish(report);
    SceneEntry {
        name,
        note,
        tempo,
        metre,
        fade,
        start,
        bypass,
        presence,
        faders,
        states,
        parameters,
        crosspoints,
        extra,
    }
}

/// The states of plugins. Of two for one node the last counts.
fn read_states(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    read_state: &read::ReadState<'_>,
) -> BTreeMap<String, State> {
    let wanted = "a state such as { node = \"amp\", state = \"my.rig.state/0123456789abcdef.state\" }";
    let mut states = BTreeMap::new();
    for (node, file) in fields.elements(report, "states", wanted, state) {
        let state = match read_state(file) {
            Ok(bytes) => State::Bytes(bytes),
            Err(message) => {
                let message = format!("{message}; `{node}` plays without this state until then");
                fields.complain(report, Severity::Error, "states", message);
                State::Unavailable { file: file.to_owned() }
            }
        };
        if states.insert(node.to_owned(), state).is_some() {
            let message = format!("`{node}` has two states here; the last one counts");
            fields.complain(report, Severity::Warning, "states", message);
        }
    }
    states
}

/// The lists of nodes of which something is so, and of which it is not.
fn read_switches(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    [so, not]: [&'static str; 2],
) -> BTreeMap<String, bool> {
    let mut switches = BTreeMap::new();
    for (key, on) in [(so, true), (not, false)] {
        for name in fields.elements(report, key, "a node's name", DeValue::as_str) {
            if switches.insert(name.to_owned(), on) == Some(!on) {
                let message = format!("`{name}` is both {so} and {not} here; it is {not}");
                fields.complain(report, Severity::Warning, key, message);
            }
        }
    }
    switches
}

/// The song that a table says. `scenes` are the names of all scenes, `taken` those of the songs before it.
pub(super) fn read_song(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    scenes: &BTreeSet<String>,
    taken: &mut BTreeSet<String>,
) -> SongEntry {
    let name = title(&mut fields, report, "song", taken);
    let note = read::note(&mut fields, report);
    let (tempo, metre) = (read::tempo(&mut fields, report), read::metre(&mut fields, report));
    let scenes = read_names(&mut fields, report, "scenes", "scene", scenes);
    SongEntry { name, note, tempo, metre, scenes, extra: fields.finish(report) }
}

/// A list of names of scenes or songs. One that is not there is told and kept: it is passed over.
pub(super) fn read_names(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    key: &'static str,
    what: &str,
    known: &BTreeSet<String>,
) -> Vec<String> {
    let names = fields.elements(report, key, &format!("a {what}'s name"), DeValue::as_str);
    for name in names.iter().filter(|name| !known.contains(**name)) {
        let message = format!("there is no {what} `{name}`; it is passed over and kept");
        fields.complain(report, Severity::Warning, key, message);
    }
    names.into_iter().map(str::to_owned).collect()
}

/// The name of an entry; a new one if it has none, or none that it may have.
pub(super) fn title(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    what: &str,
    taken: &mut BTreeSet<String>,
) -> String {
    let given = fields.text(report, "name").map(|(text, span)| (text.to_owned(), span));
    let span = given.as_ref().map_or_else(|| fields.span.clone(), |(_, span)| span.clone());
    let wanted = given.as_ref().map_or("", |(text, _)| text.as_str());
    let kept: String = wanted.chars().filter(|c| !c.is_control()).collect();
    let kept = if kept.trim().is_empty() { what } else { kept.trim() };
    let name = read::unused(kept.to_owned(), taken);
    if name != wanted {
        let reason = match given {
            None => format!("the {what} has no name"),
            Some(_) if is_title(wanted) => format!("another {what} has this name already"),
            Some(_) => format!("a {what}'s name must not be empty, nor begin or end blank"),
        };
        report.add(Severity::Error, span, format!("{reason}; this one is called `{name}` now"));
    }
    taken.insert(name.clone());
    name
}

fn state<'v>(value: &'v DeValue<'_>) -> Option<(&'v str, &'v str)> {
    let table = value.as_table()?;
    only(table, &["node", "state"])?;
    Some((text(table, "node")?, text(table, "state")?))
}

fn fader(value: &DeValue<'_>) -> Option<(FaderPlace, Fader)> {
    let table = value.as_table()?;
    let place = mappings::fader(table, &["gain", "muted"])?;
    let gain = table.get("gain").map_or(Some(1.0), |gain| fader_gain(gain.get_ref()))?;
    let muted = table.get("muted").map_or(Some(false), |muted| muted.get_ref().as_bool())?;
    Some((place, Fader { gain, muted }))
}

/// Writes what [`fader`] reads.
fn fader_text((place, fader): (&FaderPlace, &Fader)) -> String {
    let muted = if fader.muted { ", muted = true" } else { "" };
    format!("{{ {}, gain = {}{muted} }}", mappings::fader_text(place), quoted(&words::level_text(fader.gain)))
}

fn parameter(value: &DeValue<'_>) -> Option<SceneParameter> {
    let table = value.as_table()?;
    let node = text(table, "node")?.to_owned();
    Some(SceneParameter { node, parameter: read::parameter(table, &["node"])? })
}

fn crosspoints(value: &DeValue<'_>) -> Option<SceneCrosspoints> {
    let table = value.as_table()?;
    only(table, &["from", "to", "cells"])?;
    let cells = table.get("cells")?.get_ref().as_array()?;
    let cells: Option<Vec<Crosspoint>> = cells.iter().map(|cell| words::crosspoint(cell.get_ref().as_str()?)).collect();
    let (source, destination) = (endpoint(text(table, "from")?)?, endpoint(text(table, "to")?)?);
    Some(SceneCrosspoints { source, destination, cells: cells? })
}

pub(super) fn endpoint(text: &str) -> Option<EndpointEntry> {
    let (node, port) = text
        .split_once('/')
        .map_or((text, Some(PortSelector::First)), |(node, port)| (node, PortSelector::parse(port)));
    (!node.is_empty()).then_some(EndpointEntry::new(node, port?))
}

pub(super) fn write_scene(text: &mut String, scene: &SceneEntry, state_folder: &str) {
    text.push_str("\n[[scene]]\n");
    let mut fields = Table::new(text, &scene.extra);
    head(&mut fields, &scene.name, &scene.note, scene.tempo, scene.metre);
    if let Some(fade) = scene.fade {
        fields.put("fade", super::write::float(fade));
    }
    if scene.start != SceneStart::default() {
        fields.put("start", quoted(words::scene_start_text(scene.start)));
    }
    for (switches, words) in [(&scene.bypass, BYPASS), (&scene.presence, PRESENCE)] {
        for (key, on) in words.into_iter().zip([true, false]) {
            let meant = switches.iter().filter(|(_, is_on)| **is_on == on);
            let names: Vec<String> = meant.map(|(name, _)| quoted(name)).collect();
            if !names.is_empty() {
                fields.list(key, names);
            }
        }
    }
    if !scene.faders.is_empty() {
        fields.lines("faders", scene.faders.iter().map(fader_text).collect());
    }
    let state = |(node, state): (&String, &State)| {
        format!("{{ node = {}, state = {} }}", quoted(node), quoted(&state::named(state, state_folder)))
    };
    if !scene.states.is_empty() {
        fields.lines("states", scene.states.iter().map(state).collect());
    }
    let parameter = |known: &SceneParameter| {
        format!("{{ node = {}, {} }}", quoted(&known.node), super::write::parameter(&known.parameter))
    };
    if !scene.parameters.is_empty() {
        fields.lines("parameters", scene.parameters.iter().map(parameter).collect());
    }
    let crosspoints = |edge: &SceneCrosspoints| {
        let end = |end: &EndpointEntry| quoted(&format!("{}{}", end.node, end.port));
        let cells: Vec<String> = edge.cells.iter().map(|at| quoted(&words::crosspoint_text(at))).collect();
        format!("{{ from = {}, to = {}, cells = [{}] }}", end(&edge.source), end(&edge.destination), cells.join(", "))
    };
    if !scene.crosspoints.is_empty() {
        fields.lines("crosspoints", scene.crosspoints.iter().map(crosspoints).collect());
    }
    fields.finish();
}

pub(super) fn write_song(text: &mut String, song: &SongEntry) {
    text.push_str("\n[[song]]\n");
    let mut fields = Table::new(text, &song.extra);
    head(&mut fields, &song.name, &song.note, song.tempo, song.metre);
    if !song.scenes.is_empty() {
        fields.list("scenes", song.scenes.iter().map(|name| quoted(name)).collect());
    }
    fields.finish();
}

fn head(fields: &mut Table<'_>, name: &str, note: &str, tempo: Option<f64>, metre: Option<(u16, u16)>) {
    fields.put("name", quoted(name));
    fields.note(note);
    if let Some(tempo) = tempo {
        fields.put("tempo", super::write::float(tempo));
    }
    if let Some((beats, value)) = metre {
        fields.put("metre", quoted(&format!("{beats}/{value}")));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::problem::Severity;
    use super::super::{read, write};

    // What cannot be meant is told with its line and kept; the rest of the scene is there.
    #[test]
    fn every_problem_of_a_scene_has_its_line() {
        let text = "crosspoint = 1\nsetlist = [\"A\", \"B\"]\n\n[[scene]]\nname = \"Verse/Chorus\"\ntempo = 0\nfade = -1\nstart = \"later\"\n\
                    bypassed = [\"gone\", 3]\nparameters = [\n    { node = \"gone\", name = \"Mix\", value = 1 },\n    \
                    { name = \"Mix\", value = 1 },\n]\ncrosspoints = [{ from = \"a\" }]\n\n[[scene]]\nname = \
                    \"Verse/Chorus\"\n\n[[song]]\nname = \"A\"\nscenes = [\"Verse/Chorus\", \"Bridge\"]\n";
        let folder = Path::new("/nowhere");
        let loaded = read::parse(text, folder).unwrap();
        let lines: Vec<(usize, Severity)> = loaded.problems.iter().map(|told| (told.line, told.severity)).collect();
        use Severity::{Error, Warning};
        let expected = [(2, Warning), (6, Error), (7, Error), (8, Error), (9, Warning), (9, Error), (10, Warning)];
        assert_eq!(lines[..7], expected, "{:#?}", loaded.problems);
        assert_eq!(lines[7..], [(12, Error), (14, Error), (17, Error), (21, Warning)], "{:#?}", loaded.problems);
        assert_eq!(loaded.scene_lines, [4, 16]);
        let names: Vec<&str> = loaded.document.scenes.iter().map(|scene| scene.name.as_str()).collect();
        assert_eq!(names, ["Verse/Chorus", "Verse/Chorus 2"]);
        assert_eq!(loaded.document.songs[0].scenes, ["Verse/Chorus", "Bridge"]);
        let written = write::document(&loaded.document, folder, "x.state").unwrap();
        for kept in [
            "tempo = 0",
            "fade = -1",
            "start = \"later\"",
            "unread_bypassed = [3]",
            "unread_parameters",
            "unread_crosspoints",
        ] {
            assert!(written.contains(kept), "{kept} in\n{written}");
        }
    }
}
