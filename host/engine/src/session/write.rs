//! From a document to the one text that says it: same document, same bytes, on every system. Keys in a fixed order, one
//! a line; what has its default is left out unless people want to see it. Never touches a file.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crosspoint_graph::nodes::pan;
use crosspoint_graph::{AudioPort, Cell, ChannelLayout, EventPort, Timing};

use super::crosspoints::{Crosspoint, Crosspoints};
use super::document::{
    Builtin, BypassMode, Document, EdgeEntry, EndpointEntry, EntryKind, HardwareSignal, NodeEntry, ParameterEntry,
    ParameterValue, PluginEntry, SignalEntry, Spillover, VERSION,
};
use super::transport::{TransportEntry, write_transport};
use super::{groups, guard, mappings, matrix_presets, mixes, moments, overload, path, scenes, state, words};

/// More cells than this are written as rows if they fill more than half of their rectangle.
const MOST_LISTED_CELLS: usize = 8;

/// Writes a rig file that is to lie in `folder` with its state files in `state_folder` within. `None` if a path is not
/// Unicode.
pub(super) fn document(document: &Document, folder: &Path, state_folder: &str) -> Option<String> {
    let mut text = String::new();
    let mut extra = document.extra.clone();
    if document.transport != TransportEntry::default() {
        extra.remove("transport");
    }
    let mut head = Table::new(&mut text, &extra);
    let (beats, value) = document.metre;
    head.put("crosspoint", VERSION);
    head.put_unless_default("name", &document.name);
    head.note(&document.note);
    head.put_or_extra("tempo", float(document.tempo), document.tempo == Document::default().tempo);
    head.put_or_extra("metre", quoted(&format!("{beats}/{value}")), document.metre == Document::default().metre);
    head.timing((document.timing != Timing::default()).then_some(document.timing));
    let (spillover, default) = (document.spillover, Spillover::default());
    if spillover.seconds != default.seconds {
        head.put("spillover_seconds", float(spillover.seconds));
    }
    if spillover.nodes != default.nodes {
        head.put("spillover_nodes", spillover.nodes);
    }
    if let Some(limit) = document.instance_limit {
        head.put("instance_limit_mb", limit);
    }
    if !document.setlist.is_empty() {
        head.list("setlist", document.setlist.iter().map(|song| quoted(song)).collect());
    }
    let tables = head.finish_top();
    write_transport(&mut text, &document.transport);

    for node in &document.nodes {
        self::node(&mut text, node, folder, state_folder)?;
    }
    for edge in &document.edges {
        self::edge(&mut text, edge);
    }
    for edge in &document.unreadable_edges {
        text.push_str("\n[[edge]]\n");
        Table::new(&mut text, edge).finish();
    }
    document.groups.iter().for_each(|group| groups::write_group(&mut text, group));
    document.mixes.iter().for_each(|mix| mixes::write_mix(&mut text, mix));
    document.matrix_presets.iter().for_each(|preset| matrix_presets::write_matrix_preset(&mut text, preset));
    for preset in &document.unreadable_matrix_presets {
        text.push_str("\n[[matrix_preset]]\n");
        Table::new(&mut text, preset).finish();
    }
    document.scenes.iter().for_each(|scene| scenes::write_scene(&mut text, scene, state_folder));
    document.songs.iter().for_each(|song| scenes::write_song(&mut text, song));
    document.mappings.iter().for_each(|mapping| mappings::write_mapping(&mut text, mapping));
    for mapping in &document.unreadable_mappings {
        text.push_str("\n[[mapping]]\n");
        Table::new(&mut text, mapping).finish();
    }
    document.moments.iter().for_each(|moment| moments::write_moment(&mut text, moment, state_folder));
    if !tables.is_empty() {
        text.push('\n');
        // Tables and arrays of tables, which the text before does not have: they cannot fail to be written.
        text.push_str(&toml::to_string(&tables).unwrap_or_default());
    }
    Some(text)
}

fn node(text: &mut String, node: &NodeEntry, folder: &Path, state_folder: &str) -> Option<()> {
    let table = match node.kind {
        EntryKind::Input { .. } => "input",
        EntryKind::Output { .. } => "output",
        EntryKind::Plugin(_) => "plugin",
        EntryKind::Builtin { .. } | EntryKind::Unknown => "builtin",
    };
    let _ = write!(text, "\n[[{table}]]\n");
    let mut fields = Table::new(text, &node.extra);
    fields.put("name", quoted(&node.name));
    fields.note(&node.note);
    if node.bypassed {
        fields.put("bypassed", true);
    }
    if node.bypass != BypassMode::default() {
        fields.put("bypass", quoted(node.bypass.word()));
    }
    if !node.present {
        fields.put("present", false);
    }
    match &node.kind {
        EntryKind::Input { role, signal } => hardware(&mut fields, &node.name, role, *signal),
        EntryKind::Output { role, signal, alignment_group, guard } => {
            hardware(&mut fields, &node.name, role, *signal);
            if let Some(group) = alignment_group {
                fields.put("alignment_group", quoted(group));
            }
            if let Some(guard) = guard::guard_text(guard) {
                fields.put("guard", guard);
            }
        }
        EntryKind::Plugin(entry) => plugin(&mut fields, entry, folder, state_folder),
        EntryKind::Builtin { builtin, parameters } => {
            self::builtin(&mut fields, builtin, folder)?;
            fields.parameters(parameters);
        }
        EntryKind::Unknown => {}
    }
    fields.finish();
    Some(())
}

fn hardware(fields: &mut Table<'_>, name: &str, role: &str, signal: HardwareSignal) {
    if role != name {
        fields.put("role", quoted(role));
    }
    match signal {
        HardwareSignal::Events => fields.put("events", true),
        HardwareSignal::Audio(layout) => fields.layout(layout),
    }
}

fn plugin(fields: &mut Table<'_>, entry: &PluginEntry, folder: &Path, state_folder: &str) {
    let plugin = &entry.plugin;
    fields.put_unless_default("format", &plugin.format);
    fields.put_unless_default("id", &plugin.id);
    fields.put_unless_default("plugin", &plugin.name);
    fields.put_unless_default("vendor", &plugin.vendor);
    fields.put_unless_default("version", &plugin.version);
    // A hint that cannot be written is only a hint.
    if let Some(hint) = plugin.path_hint.as_deref().and_then(|hint| path::text(hint, folder)) {
        fields.put("path", quoted(&hint));
    }
    if let Some(policy) = overload::policy_text(&entry.overload) {
        fields.put("overload", policy);
    }
    if let Some(precision) = entry.precision {
        fields.put("precision", precision.bits());
    }
    if entry.latency > 0 {
        fields.put("latency", entry.latency);
    }
    fields.audio_ports("inputs", &entry.audio_inputs);
    fields.audio_ports("outputs", &entry.audio_outputs);
    fields.event_ports("event_inputs", &entry.event_inputs);
    fields.event_ports("event_outputs", &entry.event_outputs);
    fields.parameters(&entry.parameters);
    if let Some(state) = &entry.state {
        fields.put("state", quoted(&state::named(state, state_folder)));
    }
}

fn builtin(fields: &mut Table<'_>, builtin: &Builtin, folder: &Path) -> Option<()> {
    fields.put("kind", quoted(builtin.kind()));
    match builtin {
        Builtin::Gain { layout }
        | Builtin::Tone { layout }
        | Builtin::Meter { layout }
        | Builtin::Metronome { layout } => fields.layout(*layout),
        Builtin::Zone => {}
        Builtin::Pan { source: pan::Source::Mono } => fields.layout(ChannelLayout::Mono),
        Builtin::Pan { source: pan::Source::Stereo } => fields.layout(ChannelLayout::Stereo),
        Builtin::Mixer { inputs, outputs } => {
            let texts = |layouts: &[ChannelLayout]| layouts.iter().map(|layout| quoted(&layout.to_string())).collect();
            fields.list("inputs", texts(inputs));
            fields.list("outputs", texts(outputs));
        }
        Builtin::Delay { layout, longest } => {
            fields.layout(*layout);
            fields.put_or_extra("longest", longest.to_string(), *longest == 0);
        }
        Builtin::Player { layout, file } => {
            fields.layout(*layout);
            fields.put_unless_default("file", &path::text(file, folder)?);
        }
    }
    Some(())
}

fn edge(text: &mut String, edge: &EdgeEntry) {
    text.push_str("\n[[edge]]\n");
    let endpoint = |end: &EndpointEntry| quoted(&format!("{}{}", end.node, end.port));
    let mut fields = Table::new(text, &edge.extra);
    fields.put("from", endpoint(&edge.source));
    fields.put("to", endpoint(&edge.destination));
    match &edge.signal {
        SignalEntry::Events => fields.put("events", true),
        SignalEntry::Audio(Crosspoints::Cable) => {}
        SignalEntry::Audio(Crosspoints::Cells(cells)) => self::cells(&mut fields, cells),
    }
    fields.timing(edge.timing);
    if let Some(frames) = edge.feedback {
        fields.put("feedback", frames);
    }
    fields.finish();
}

fn cells(fields: &mut Table<'_>, cells: &[Crosspoint]) {
    let bound = |channel: fn(&Crosspoint) -> u32| cells.iter().map(|at| channel(at) as usize + 1).max().unwrap_or(0);
    let (sources, destinations) = (bound(|at| at.source), bound(|at| at.destination));
    if cells.len() <= MOST_LISTED_CELLS || cells.len() * 2 <= sources.saturating_mul(destinations) {
        let mut sorted: Vec<&Crosspoint> = cells.iter().collect();
        sorted.sort_by_key(|at| (at.destination, at.source));
        fields.list("cells", sorted.into_iter().map(|at| quoted(&words::crosspoint_text(at))).collect());
        return;
    }
    let mut rows: Vec<Vec<Option<Cell>>> = vec![vec![None; destinations]; sources];
    for at in cells {
        rows[at.source as usize][at.destination as usize] = Some(at.cell);
    }
    let row = |cells: &Vec<Option<Cell>>| {
        let words: Vec<String> = cells.iter().map(|cell| format!("{:>5}", words::cell_text(*cell))).collect();
        quoted(&words.join(" "))
    };
    fields.list("gains", rows.iter().map(row).collect());
}

/// The keys of one table, each once: what the document says comes first, what it did not understand last.
pub(super) struct Table<'w> {
    text: &'w mut String,
    extra: &'w toml::Table,
    written: BTreeSet<&'static str>,
}

impl<'w> Table<'w> {
    pub fn new(text: &'w mut String, extra: &'w toml::Table) -> Self {
        Self { text, extra, written: BTreeSet::new() }
    }

    pub fn put(&mut self, key: &'static str, value: impl ToString) {
        let _ = writeln!(self.text, "{key} = {}", value.to_string());
        self.written.insert(key);
    }

    fn put_unless_default(&mut self, key: &'static str, text: &str) {
        if !text.is_empty() {
            self.put(key, quoted(text));
        }
    }

    /// Puts the value, unless it only stands in for one that was not understood.
    fn put_or_extra(&mut self, key: &'static str, value: String, is_default: bool) {
        if !(is_default && self.extra.contains_key(key)) {
            self.put(key, value);
        }
    }

    pub fn note(&mut self, note: &str) {
        if note.contains('\n') {
            let lines: Vec<String> = note.split('\n').map(escaped).collect();
            self.put("note", format!("\"\"\"\n{}\"\"\"", lines.join("\n")));
        } else {
            self.put_unless_default("note", note);
        }
    }

    fn timing(&mut self, timing: Option<Timing>) {
        match timing {
            None => {}
            Some(Timing::Aligned) => self.put("timing", quoted("aligned")),
            Some(Timing::Immediate) => self.put("timing", quoted("immediate")),
        }
    }

    fn layout(&mut self, layout: ChannelLayout) {
        let is_default = layout == ChannelLayout::default();
        if layout != ChannelLayout::from_channels(layout.channels()) {
            self.put("layout", quoted(&layout.to_string()));
        } else if !(is_default && self.extra.contains_key("layout")) {
            self.put_or_extra("channels", layout.channels().to_string(), is_default);
        }
    }

    fn audio_ports(&mut self, key: &'static str, ports: &[AudioPort]) {
        if !ports.is_empty() {
            self.list(key, ports.iter().map(|port| quoted(&words::port_text(port))).collect());
        }
    }

    fn event_ports(&mut self, key: &'static str, ports: &[EventPort]) {
        if !ports.is_empty() {
            self.list(key, ports.iter().map(|port| quoted(&port.name)).collect());
        }
    }

    fn parameters(&mut self, parameters: &[ParameterEntry]) {
        let text = |known: &ParameterEntry| format!("{{ {} }}", parameter(known));
        if !parameters.is_empty() {
            self.lines("parameters", parameters.iter().map(text).collect());
        }
    }

    /// One element in the key's line, more below each other.
    pub fn list(&mut self, key: &'static str, elements: Vec<String>) {
        match elements.as_slice() {
            [] => self.put(key, "[]"),
            [one] => self.put(key, format!("[{one}]")),
            _ => self.lines(key, elements),
        }
    }

    /// Each element in a line of its own.
    pub fn lines(&mut self, key: &'static str, elements: Vec<String>) {
        let lines: String = elements.iter().map(|element| format!("    {element},\n")).collect();
        self.put(key, format!("[\n{lines}]"));
    }

    pub fn finish(self) {
        for (key, value) in self.extra.iter().filter(|(key, _)| !self.written.contains(key.as_str())) {
            let _ = writeln!(self.text, "{} = {value}", self::key(key));
        }
    }

    /// As [`Self::finish`], but returns the tables, for the end of the file.
    fn finish_top(self) -> toml::Table {
        let is_table = |value: &toml::Value| match value {
            toml::Value::Table(_) => true,
            toml::Value::Array(elements) => !elements.is_empty() && elements.iter().all(toml::Value::is_table),
            _ => false,
        };
        let (tables, plain): (toml::Table, toml::Table) =
            self.extra.clone().into_iter().partition(|(_, value)| is_table(value));
        Table { text: self.text, extra: &plain, written: self.written }.finish();
        tables
    }
}

/// The keys of a parameter's inline table.
pub(super) fn parameter(parameter: &ParameterEntry) -> String {
    let id = parameter.id.map(|id| format!("id = {id}"));
    let name = (!parameter.name.is_empty()).then(|| format!("name = {}", quoted(&parameter.name)));
    let value = match &parameter.value {
        ParameterValue::Plain(value) => float(*value),
        ParameterValue::Text(text) => quoted(text),
    };
    let parts: Vec<String> = id.into_iter().chain(name).chain([format!("value = {value}")]).collect();
    parts.join(", ")
}

pub(super) fn key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { quoted(key) }
}

/// A TOML float with the fewest digits that give the same number back.
pub(super) fn float(value: f64) -> String {
    format!("{value:?}")
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(escaped, "\\u{:04X}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
