//! From the text of a rig file to a document, leniently: every problem is reported with its line, and whatever can be
//! understood is. Reads state files, changes nothing, never panics.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crosspoint_formats::Precision;
use crosspoint_graph::graph::{DEFAULT_FEEDBACK_FRAMES, MAX_FEEDBACK_FRAMES};
use crosspoint_graph::nodes::pan;
use crosspoint_graph::{AudioPort, ChannelLayout, EventPort, MAX_PORT_CHANNELS, Timing};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::crosspoints::{Crosspoint, Crosspoints};
use super::document::{
    Builtin, BypassMode, Document, EdgeEntry, EndpointEntry, EntryKind, HardwareSignal, MAX_DELAY_FRAMES, NodeEntry,
    ParameterEntry, ParameterValue, PluginEntry, PluginRef, SignalEntry, Spillover, State, TEMPO_RANGE, VERSION,
    is_node_name,
};
use super::fields::{Fields, kept_table, number, owned_table, whole};
use super::mappings::FaderPlace;
use super::port::PortSelector;
use super::problem::{LoadError, Problem, Report, Severity};
use super::{groups, guard, mappings, matrix_presets, mixes, moments, overload, path, scenes, state, transport, words};

/// What a rig file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// All of it that could be understood; the rest is in it too, for the next save.
    pub document: Document,
    /// All that is wrong, in the order of the file.
    pub problems: Vec<Problem>,
    /// The line of each node of the document, counted from 1, for what is found wrong later on.
    pub node_lines: Vec<usize>,
    /// The line of each edge of the document, counted from 1.
    pub edge_lines: Vec<usize>,
    /// The line of each scene of the document, counted from 1.
    pub scene_lines: Vec<usize>,
    /// The line of each mapping of the document, counted from 1.
    pub mapping_lines: Vec<usize>,
}

/// The tables of nodes.
const NODE_TABLES: [&str; 4] = ["input", "output", "plugin", "builtin"];

/// A table of the file and where it begins.
type Entry<'t> = (&'static str, &'t DeTable<'t>, Range<usize>);

/// Reads the text of a rig file that lies in `folder`, where its state files are.
///
/// # Errors
/// [`LoadError::Syntax`] if it is not TOML, with all mistakes. Anything else is among the problems.
pub fn parse(text: &str, folder: &Path) -> Result<Loaded, LoadError> {
    parse_with(text, folder, |file| state::read(folder, file))
}

/// As [`parse`], with the states of `read_state`.
pub(super) fn parse_with(
    text: &str,
    folder: &Path,
    read_state: impl Fn(&str) -> Result<Arc<[u8]>, String>,
) -> Result<Loaded, LoadError> {
    let mut report = Report::new(text);
    let root = syntax(text)?;
    let mut fields = Fields::new(root.get_ref(), 0..0);
    let mut reader = Reader {
        report: &mut report,
        folder,
        read_state: &read_state,
        names: BTreeSet::new(),
        faders: BTreeSet::new(),
    };
    let mut document = reader.head(&mut fields);
    let (mut node_lines, mut edge_lines) = (Vec::new(), Vec::new());

    let mut nodes: Vec<Entry<'_>> = Vec::new();
    for table in NODE_TABLES {
        nodes.extend(reader.entries(&mut fields, table));
    }
    nodes.sort_by_key(|(_, _, span)| span.start);
    for (table, content, span) in nodes {
        node_lines.push(reader.report.place(span.start).0);
        document.nodes.push(reader.node(table, Fields::new(content, span)));
    }
    for (_, content, span) in reader.entries(&mut fields, "edge") {
        match reader.edge(Fields::new(content, span.clone())) {
            Some(edge) => {
                edge_lines.push(reader.report.place(span.start).0);
                document.edges.push(edge);
            }
            None => document.unreadable_edges.push(owned_table(content)),
        }
    }
    reader.matrix(&mut fields, &mut document);
    let scene_lines = reader.scenes(&mut fields, &mut document);
    let mapping_lines = reader.mappings(&mut fields, &mut document);
    reader.moments(&mut fields, &mut document);
    document.extra = fields.finish(&mut report);
    Ok(Loaded { document, problems: report.finish(), node_lines, edge_lines, scene_lines, mapping_lines })
}

/// The tree of a TOML text, or all of its mistakes.
pub(super) fn syntax(text: &str) -> Result<Spanned<DeTable<'_>>, LoadError> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(root);
    }
    let mut report = Report::new(text);
    for error in errors {
        report.add(Severity::Error, error.span().unwrap_or(0..0), error.message());
    }
    Err(LoadError::Syntax { problems: report.finish() })
}

/// How the bytes of a state file are had, or what is wrong with it.
pub(super) type ReadState<'r> = dyn Fn(&str) -> Result<Arc<[u8]>, String> + 'r;

struct Reader<'r, 'a> {
    report: &'r mut Report<'a>,
    folder: &'r Path,
    read_state: &'r ReadState<'r>,
    /// The names of the nodes so far.
    names: BTreeSet<String>,
    /// The faders of groups and mixes so far.
    faders: BTreeSet<FaderPlace>,
}

impl Reader<'_, '_> {
    fn head(&mut self, fields: &mut Fields<'_>) -> Document {
        let report = &mut *self.report;
        let default = Document::default();
        let version = match fields.value("crosspoint") {
            Some(value) => version(value.get_ref()),
            None => {
                let message =
                    format!("the version is missing; it is read as version {VERSION}: write `crosspoint = {VERSION}`");
                report.add(Severity::Warning, 0..0, message);
                VERSION
            }
        };
        if version > VERSION {
            let message = format!(
                "the rig is of a newer version than {VERSION}, which this program knows: what it does not know has no \
                 effect, and it will not save over this file; a newer program can"
            );
            fields.complain(report, Severity::Warning, "crosspoint", message);
        }
        Document {
            version,
            name: fields.string(report, "name"),
            note: note(fields, report),
            tempo: tempo(fields, report).unwrap_or(default.tempo),
            metre: metre(fields, report).unwrap_or(default.metre),
            transport: match fields.value("transport").map(|value| (value.get_ref().as_table(), value.span())) {
                Some((Some(table), span)) => transport::read_transport(Fields::new(table, span), report),
                _ => fields.read(report, "transport", "a table", |_| None).unwrap_or_default(),
            },
            timing: timing(fields, report).unwrap_or_default(),
            spillover: spillover(fields, report),
            instance_limit: fields.whole(report, "instance_limit_mb", 0..u32::MAX),
            ..default
        }
    }

    /// The tables `[[table]]`, or the one `[table]`.
    fn entries<'t>(&mut self, fields: &mut Fields<'t>, table: &'static str) -> Vec<Entry<'t>> {
        let Some(value) = fields.value(table) else { return Vec::new() };
        let alone = std::slice::from_ref(value);
        let values = value.get_ref().as_array().map_or(alone, |array: &DeArray<'_>| &**array);
        let mut entries = Vec::new();
        for value in values {
            match value.get_ref().as_table() {
                Some(content) => entries.push((table, content, value.span())),
                None => {
                    let message = format!("must be a table `[[{table}]]`; it is left out of the next save");
                    self.report.add(Severity::Error, value.span(), message);
                }
            }
        }
        entries
    }

    fn node(&mut self, table: &'static str, mut fields: Fields<'_>) -> NodeEntry {
        let name = self.node_name(table, &mut fields);
        let note = note(&mut fields, self.report);
        let (bypassed, bypass, present) = match table {
            "plugin" | "builtin" => self.way(&mut fields),
            _ => (false, BypassMode::default(), true),
        };
        let kind = match table {
            "input" => {
                EntryKind::Input { role: self.role(&mut fields, &name), signal: self.hardware_signal(&mut fields) }
            }
            "output" => EntryKind::Output {
                role: self.role(&mut fields, &name),
                signal: self.hardware_signal(&mut fields),
                alignment_group: fields.text(self.report, "alignment_group").map(|(group, _)| group.to_owned()),
                guard: guard::read_guard(&mut fields, self.report),
            },
            "plugin" => EntryKind::Plugin(Box::new(self.plugin(&mut fields))),
            _ => self.builtin(&mut fields),
        };
        NodeEntry { name, note, bypassed, bypass, present, kind, extra: fields.finish(self.report) }
    }

    /// Whether a node is bypassed, and how, and whether it is there.
    fn way(&mut self, fields: &mut Fields<'_>) -> (bool, BypassMode, bool) {
        let bypassed = fields.flag(self.report, "bypassed");
        let wanted = "`tails`, `cut`, `live` or `plugin`";
        let mode = fields.read(self.report, "bypass", wanted, |value| words::bypass(value.as_str()?));
        let present = fields.read(self.report, "present", "`true` or `false`", DeValue::as_bool);
        (bypassed, mode.unwrap_or_default(), present.unwrap_or(true))
    }

    /// The node's name; a new one if it has none, or if it cannot be called so.
    fn node_name(&mut self, table: &str, fields: &mut Fields<'_>) -> String {
        let given = fields.text(self.report, "name");
        let (wanted, span) = given.clone().unwrap_or((table, fields.span.clone()));
        let name = if is_node_name(wanted) { wanted.to_owned() } else { repaired(wanted, table) };
        let name = unused(name, &self.names);
        let reason = match given {
            None => "the node has no name",
            Some(_) if !is_node_name(wanted) => {
                "a node's name must not be empty, begin or end blank, or have `/` in it"
            }
            Some(_) if name != wanted => "another node has this name already, and edges mean that one",
            Some(_) => "",
        };
        if !reason.is_empty() {
            self.report.add(Severity::Error, span, format!("{reason}; this one is called `{name}` now"));
        }
        self.names.insert(name.clone());
        name
    }

    /// What is said of the routing matrix beside its cells.
    fn matrix(&mut self, fields: &mut Fields<'_>, document: &mut Document) {
        let mut names = BTreeSet::new();
        for (_, content, span) in self.entries(fields, "group") {
            let group = groups::read_group(Fields::new(content, span), self.report, &self.names, &mut names);
            self.faders.insert(FaderPlace::Group(group.name.clone()));
            document.groups.push(group);
        }
        names.clear();
        for (_, content, span) in self.entries(fields, "mix") {
            let mix = mixes::read_mix(Fields::new(content, span), self.report, &self.names, &mut names);
            self.faders.insert(FaderPlace::Mix(mix.name.clone()));
            document.mixes.push(mix);
        }
        names.clear();
        for (_, content, span) in self.entries(fields, "matrix_preset") {
            let fields = Fields::new(content, span);
            match matrix_presets::read_matrix_preset(fields, self.report, &self.names, &mut names) {
                Some(preset) => document.matrix_presets.push(preset),
                None => document.unreadable_matrix_presets.push(kept_table(content)),
            }
        }
    }

    /// Scenes, songs and the setlist; where the scenes stand.
    fn scenes(&mut self, fields: &mut Fields<'_>, document: &mut Document) -> Vec<usize> {
        let (mut lines, mut scenes, mut songs) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (_, content, span) in self.entries(fields, "scene") {
            lines.push(self.report.place(span.start).0);
            let (fields, read_state) = (Fields::new(content, span), self.read_state);
            let entry = scenes::read_scene(fields, self.report, (&self.names, &self.faders), &mut scenes, read_state);
            document.scenes.push(entry);
        }
        for (_, content, span) in self.entries(fields, "song") {
            let entry = scenes::read_song(Fields::new(content, span), self.report, &scenes, &mut songs);
            document.songs.push(entry);
        }
        document.setlist = scenes::read_names(fields, self.report, "setlist", "song", &songs);
        lines
    }

    /// What MIDI messages control; where each mapping stands.
    fn mappings(&mut self, fields: &mut Fields<'_>, document: &mut Document) -> Vec<usize> {
        let scenes = document.scenes.iter().map(|scene| scene.name.clone()).collect();
        let songs = document.songs.iter().map(|song| song.name.clone()).collect();
        let mut lines = Vec::new();
        for (_, content, span) in self.entries(fields, "mapping") {
            let names = mappings::Names { nodes: &self.names, faders: &self.faders, scenes: &scenes, songs: &songs };
            match mappings::read_mapping(Fields::new(content, span.clone()), self.report, &names) {
                Some(mapping) => {
                    lines.push(self.report.place(span.start).0);
                    document.mappings.push(mapping);
                }
                None => document.unreadable_mappings.push(kept_table(content)),
            }
        }
        lines
    }

    fn moments(&mut self, fields: &mut Fields<'_>, document: &mut Document) {
        let mut names = BTreeSet::new();
        for (_, content, span) in self.entries(fields, "moment") {
            let fields = Fields::new(content, span);
            document.moments.push(moments::read_moment(fields, self.report, &mut names, self.read_state));
        }
    }

    fn role(&mut self, fields: &mut Fields<'_>, name: &str) -> String {
        fields.text(self.report, "role").map_or(name, |(role, _)| role).to_owned()
    }

    fn hardware_signal(&mut self, fields: &mut Fields<'_>) -> HardwareSignal {
        if fields.flag(self.report, "events") {
            return HardwareSignal::Events;
        }
        HardwareSignal::Audio(self.layout(fields))
    }

    /// `channels` or `layout`; stereo if there is neither.
    fn layout(&mut self, fields: &mut Fields<'_>) -> ChannelLayout {
        let wanted = "a layout such as \"stereo\", \"surround 6\" or \"ambisonic 4\"";
        let layout = fields.read(self.report, "layout", wanted, |value| words::layout(value.as_str()?));
        let channels = fields.whole(self.report, "channels", 1..MAX_PORT_CHANNELS + 1);
        layout.or(channels.map(ChannelLayout::from_channels)).unwrap_or_default()
    }

    fn plugin(&mut self, fields: &mut Fields<'_>) -> PluginEntry {
        let (folder, read_state) = (self.folder, self.read_state);
        let report = &mut *self.report;
        let plugin = PluginRef {
            format: fields.string(report, "format"),
            id: fields.string(report, "id"),
            name: fields.string(report, "plugin"),
            vendor: fields.string(report, "vendor"),
            version: fields.string(report, "version"),
            path_hint: fields.text(report, "path").map(|(text, _)| path::joined(folder, text)),
        };
        if plugin.format.is_empty() || plugin.id.is_empty() {
            let message = "a plugin needs `format`, such as \"clap\", and `id`; this one cannot be found";
            report.add(Severity::Error, fields.span.clone(), message);
        }
        PluginEntry {
            plugin,
            overload: overload::read_policy(fields, report),
            precision: fields.read(report, "precision", "32 or 64", |value| Precision::of_bits(whole(value)?)),
            latency: fields.whole(report, "latency", 0..crosspoint_graph::graph::MAX_LATENCY + 1).unwrap_or(0),
            audio_inputs: audio_ports(fields, report, "inputs"),
            audio_outputs: audio_ports(fields, report, "outputs"),
            event_inputs: event_ports(fields, report, "event_inputs"),
            event_outputs: event_ports(fields, report, "event_outputs"),
            parameters: parameters(fields, report),
            state: fields.text(report, "state").map(|(file, span)| match read_state(file) {
                Ok(bytes) => State::Bytes(bytes),
                Err(message) => {
                    report.add(Severity::Error, span, format!("{message}; the plugin starts without it"));
                    State::Unavailable { file: file.to_owned() }
                }
            }),
        }
    }

    fn builtin(&mut self, fields: &mut Fields<'_>) -> EntryKind {
        let kind = fields.text(self.report, "kind").map_or("", |(kind, _)| kind);
        let layouts = |fields: &mut Fields<'_>, report: &mut Report<'_>, key| {
            fields.elements(report, key, "a layout such as \"stereo\"", |value| words::layout(value.as_str()?))
        };
        let builtin = match kind {
            "gain" => Builtin::Gain { layout: self.layout(fields) },
            "pan" => Builtin::Pan { source: self.pan_source(fields) },
            "mixer" => Builtin::Mixer {
                inputs: layouts(fields, self.report, "inputs"),
                outputs: layouts(fields, self.report, "outputs"),
            },
            "delay" => Builtin::Delay {
                layout: self.layout(fields),
                longest: fields.whole(self.report, "longest", 0..MAX_DELAY_FRAMES + 1).unwrap_or(0),
            },
            "tone" => Builtin::Tone { layout: self.layout(fields) },
            "meter" => Builtin::Meter { layout: self.layout(fields) },
            "player" => Builtin::Player { layout: self.layout(fields), file: self.player_file(fields) },
            "zone" => Builtin::Zone,
            "metronome" => Builtin::Metronome { layout: self.layout(fields) },
            _ => {
                let message = format!("there is no built-in node `{kind}` in this version; its place is kept");
                fields.reject(self.report, Severity::Error, "kind", message);
                return EntryKind::Unknown;
            }
        };
        EntryKind::Builtin { builtin, parameters: parameters(fields, self.report) }
    }

    fn pan_source(&mut self, fields: &mut Fields<'_>) -> pan::Source {
        match self.layout(fields) {
            ChannelLayout::Mono => pan::Source::Mono,
            ChannelLayout::Stereo => pan::Source::Stereo,
            _ => {
                let message = "a pan has 1 or 2 `channels`; it is taken as stereo".to_owned();
                let key = if fields.value("layout").is_some() { "layout" } else { "channels" };
                fields.reject(self.report, Severity::Error, key, message);
                pan::Source::Stereo
            }
        }
    }

    fn player_file(&mut self, fields: &mut Fields<'_>) -> PathBuf {
        let file = fields.text(self.report, "file").map(|(text, _)| path::joined(self.folder, text));
        if file.is_none() {
            let message = "a player needs `file`, an audio file relative to the rig's folder; it stays silent";
            self.report.add(Severity::Error, fields.span.clone(), message);
        }
        file.unwrap_or_default()
    }

    /// The edge, unless one of its ends is nowhere.
    fn edge(&mut self, mut fields: Fields<'_>) -> Option<EdgeEntry> {
        let source = self.endpoint(&mut fields, "from");
        let destination = self.endpoint(&mut fields, "to");
        let (source, destination) = (source?, destination?);
        let report = &mut *self.report;
        let signal = match fields.flag(report, "events") {
            true => SignalEntry::Events,
            false => SignalEntry::Audio(crosspoints(&mut fields, report)),
        };
        let timing = timing(&mut fields, report);
        let feedback = match fields.value("feedback") {
            None => None,
            // An edge that was to be feedback stays one: without, it would close a cycle and silence the rig.
            Some(_) => {
                let frames = fields.whole(report, "feedback", 1..MAX_FEEDBACK_FRAMES + 1);
                Some(frames.unwrap_or(DEFAULT_FEEDBACK_FRAMES))
            }
        };
        Some(EdgeEntry { source, destination, signal, timing, feedback, extra: fields.finish(report) })
    }

    fn endpoint(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<EndpointEntry> {
        let Some((text, span)) = fields.text(self.report, key) else {
            let message = format!("an edge needs `{key}`, a node's name or `name/port`; it has no effect and is kept");
            self.report.add(Severity::Error, fields.span.clone(), message);
            return None;
        };
        let (node, port) = match text.split_once('/') {
            None => (text, Some(PortSelector::First)),
            Some((node, port)) => (node, PortSelector::parse(port)),
        };
        if !self.names.contains(node) {
            let message = format!("there is no node `{node}`; the edge has no effect and is kept");
            self.report.add(Severity::Error, span, message);
            return None;
        }
        let Some(port) = port else {
            let message =
                "a port's name or `#` and its number from 1 must follow the `/`; the edge has no effect and is kept";
            self.report.add(Severity::Error, span, message);
            return None;
        };
        Some(EndpointEntry { node: node.to_owned(), port })
    }
}

/// The nearest that a node may be called.
fn repaired(name: &str, fallback: &str) -> String {
    let name: String = name.chars().map(|c| if c == '/' || c.is_control() { '-' } else { c }).collect();
    let name = name.trim();
    if name.is_empty() { fallback.to_owned() } else { name.to_owned() }
}

/// The version a file says it is of. One that this program cannot even read is newer than any.
pub(super) fn version(value: &DeValue<'_>) -> u32 {
    whole(value).filter(|version| *version >= 1).unwrap_or(u32::MAX)
}

/// The name, or the first of `name 2`, `name 3`, ... that is not taken.
pub(super) fn unused(name: String, taken: &BTreeSet<String>) -> String {
    let mut free = name.clone();
    let mut number = 2_u64;
    while taken.contains(&free) {
        free = format!("{name} {number}");
        number += 1;
    }
    free
}

pub(super) fn tempo(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<f64> {
    let (slowest, fastest) = TEMPO_RANGE;
    let wanted = format!("a number from {slowest} to {fastest}");
    let is_tempo = |tempo: &f64| (slowest..=fastest).contains(tempo);
    fields.read(report, "tempo", &wanted, |value| number(value).filter(is_tempo))
}

fn spillover(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Spillover {
    let default = Spillover::default();
    let wanted = format!("seconds from 0 to {}", Spillover::MAX_SECONDS);
    let fits = |seconds: &f64| (0.0..=Spillover::MAX_SECONDS).contains(seconds);
    let seconds = fields.read(report, "spillover_seconds", &wanted, |value| number(value).filter(fits));
    let nodes = fields.whole(report, "spillover_nodes", 0..Spillover::MAX_NODES + 1);
    Spillover { seconds: seconds.unwrap_or(default.seconds), nodes: nodes.unwrap_or(default.nodes) }
}

pub(super) fn metre(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<(u16, u16)> {
    fields.read(report, "metre", "a text such as \"4/4\"", |value| words::metre(value.as_str()?))
}

/// A note, its line ends the same on every system.
pub(super) fn note(fields: &mut Fields<'_>, report: &mut Report<'_>) -> String {
    fields.string(report, "note").replace("\r\n", "\n")
}

fn timing(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Timing> {
    fields.read(report, "timing", "\"aligned\" or \"immediate\"", |value| match value.as_str()? {
        "aligned" => Some(Timing::Aligned),
        "immediate" => Some(Timing::Immediate),
        _ => None,
    })
}

fn audio_ports(fields: &mut Fields<'_>, report: &mut Report<'_>, key: &'static str) -> Vec<AudioPort> {
    fields
        .elements(report, key, "a port and its layout, such as \"main: stereo\"", |value| words::port(value.as_str()?))
}

fn event_ports(fields: &mut Fields<'_>, report: &mut Report<'_>, key: &'static str) -> Vec<EventPort> {
    fields.elements(report, key, "a port's name", |value| value.as_str().map(EventPort::new))
}

fn parameters(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<ParameterEntry> {
    let wanted = "a parameter such as { id = 1, name = \"Level\", value = -6.0 }, its value a finite number or a text";
    fields.elements(report, "parameters", wanted, |value| parameter(value.as_table()?, &[]))
}

/// A parameter of an inline table that has only its keys and `others`.
pub(super) fn parameter(table: &DeTable<'_>, others: &[&str]) -> Option<ParameterEntry> {
    let is_known = |key: &str| matches!(key, "id" | "name" | "value") || others.contains(&key);
    let known = table.keys().all(|key| is_known(key.get_ref()));
    let id = match table.get("id") {
        None => None,
        Some(id) => Some(whole(id.get_ref())?),
    };
    let name = table.get("name").map_or(Some(""), |name| name.get_ref().as_str())?.to_owned();
    let value = match table.get("value")?.get_ref() {
        DeValue::String(text) => ParameterValue::Text(text.clone().into_owned()),
        value => ParameterValue::Plain(number(value)?),
    };
    (known && (id.is_some() || !name.is_empty())).then_some(ParameterEntry { id, name, value })
}

/// `cells` and `gains`, whichever there are; a cable if there is neither.
fn crosspoints(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Crosspoints {
    if fields.value("cells").is_none() && fields.value("gains").is_none() {
        return Crosspoints::Cable;
    }
    let wanted = format!("a crosspoint such as \"1>2 -6 dB inverted muted\", channels 1 to {MAX_PORT_CHANNELS}");
    let cells = fields.elements(report, "cells", &wanted, |value| words::crosspoint(value.as_str()?));
    let mut by_place = BTreeMap::new();
    let rows = rows(fields, report);
    let count = cells.len() + rows.len();
    for at in rows.into_iter().chain(cells) {
        by_place.insert((at.destination, at.source), at);
    }
    if by_place.len() < count {
        let message = "several crosspoints join the same channels; the last one counts";
        report.add(Severity::Warning, fields.span.clone(), message);
    }
    Crosspoints::Cells(by_place.into_values().collect())
}

/// The cells of `gains`: a row for each source channel, in it a word for each destination channel.
fn rows(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<Crosspoint> {
    let mut cells = Vec::new();
    let most = MAX_PORT_CHANNELS as usize;
    let Some(array) = fields.value("gains").and_then(|value| value.get_ref().as_array()) else {
        fields.array(report, "gains");
        return cells;
    };
    for (source, row) in array.iter().enumerate() {
        let Some(text) = row.get_ref().as_str().filter(|_| source < most) else {
            let message = format!("must be a text of gains, one of at most {most} rows; it is left out");
            report.add(Severity::Error, row.span(), message);
            fields.leave("gains", super::fields::owned(row.get_ref()));
            continue;
        };
        for (destination, word) in text.split_whitespace().enumerate() {
            match words::cell(word).filter(|_| destination < most) {
                Some(cell) => cells.extend(cell.map(|cell| Crosspoint {
                    source: source as u32,
                    destination: destination as u32,
                    cell,
                })),
                None => {
                    let place = format!("{}>{} {word}", source + 1, destination + 1);
                    let message = format!(
                        "`{word}` must be a gain in dB such as -6 or -inf, `i` after it if inverted, `m` if muted, or `.` \
                         for none, in at most {most} columns; it is left out"
                    );
                    report.add(Severity::Error, row.span(), message);
                    fields.leave("gains", toml::Value::String(place));
                }
            }
        }
    }
    cells
}
