//! Groups of the routing matrix as a rig file has them: plain data by name, so that they outlive what is missing. Reads
//! leniently and writes canonically, as the rest of the file; never resolves a name.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::document::EndpointEntry;
use super::fields::{Fields, number, whole};
use super::mappings::{self, CrosspointPlace};
use super::port::PortSelector;
use super::problem::{Report, Severity};
use super::scenes::{endpoint, title};
use super::write::{Table, quoted};
use super::{read, words};
use crosspoint_graph::MAX_PORT_CHANNELS;

/// A group of a rig file, as the VCA groups of a console: all cells that it speaks of are heard by its fader, too.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GroupEntry {
    /// What people call it: unique among groups ([`is_title`](super::is_title)).
    pub name: String,
    /// Whatever the user wants to remember.
    pub note: String,
    /// What is heard of its cells.
    pub fader: Fader,
    /// Rows: every cell of theirs is in it.
    pub rows: Vec<ChannelsEntry>,
    /// Columns: every cell of theirs is in it.
    pub columns: Vec<ChannelsEntry>,
    /// Single cells. Where several edges join two ports, each one's is meant.
    pub cells: Vec<CrosspointPlace>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

/// A gain and a mute for many cells, by which each is heard beside its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fader {
    /// Linear, 0 to [`Self::MAX_GAIN`]; kept while muted.
    pub gain: f32,
    /// Lets nothing be heard.
    pub muted: bool,
}

impl Default for Fader {
    /// Leaves all as it is.
    fn default() -> Self {
        Self { gain: 1.0, muted: false }
    }
}

impl Fader {
    /// The greatest gain: 20 dB.
    pub const MAX_GAIN: f32 = 10.0;

    /// What cells are multiplied by.
    pub fn factor(self) -> f32 {
        if self.muted { 0.0 } else { self.gain }
    }
}

/// Rows or columns of the matrix by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelsEntry {
    /// All of a node's, by its name.
    Node(String),
    /// One.
    One(ChannelEntry),
}

impl ChannelsEntry {
    /// The name of the node.
    pub fn node(&self) -> &str {
        match self {
            Self::Node(name) => name,
            Self::One(ChannelEntry { end, .. }) => &end.node,
        }
    }

    pub(super) fn node_mut(&mut self) -> &mut String {
        match self {
            Self::Node(name) => name,
            Self::One(ChannelEntry { end, .. }) => &mut end.node,
        }
    }
}

/// A row or column of the matrix by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelEntry {
    /// The port.
    pub end: EndpointEntry,
    /// Its channel, from 0, below [`MAX_PORT_CHANNELS`].
    pub channel: u32,
}

impl GroupEntry {
    /// The names of the nodes that it speaks of.
    pub(crate) fn node_names(&mut self) -> impl Iterator<Item = &mut String> {
        let cells = self.cells.iter_mut().flat_map(|at| [&mut at.source.node, &mut at.destination.node]);
        self.rows.iter_mut().chain(&mut self.columns).map(ChannelsEntry::node_mut).chain(cells)
    }
}

/// The group that a table says. `nodes` are the names of all nodes, `taken` those of the groups before it.
pub(super) fn read_group(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    nodes: &BTreeSet<String>,
    taken: &mut BTreeSet<String>,
) -> GroupEntry {
    let name = title(&mut fields, report, "group", taken);
    let note = read::note(&mut fields, report);
    let fader = read_fader(&mut fields, report);
    let rows = read_channels(&mut fields, report, "rows", nodes);
    let columns = read_channels(&mut fields, report, "columns", nodes);
    let wanted = "a crosspoint such as { from = \"amp\", to = \"cabinet\", cell = \"1>1\" }";
    let cells = fields.elements(report, "cells", wanted, mappings::crosspoint);
    for end in cells.iter().flat_map(|at| [&at.source, &at.destination]) {
        tell_unknown(&fields, report, "cells", &end.node, nodes);
    }
    GroupEntry { name, note, fader, rows, columns, cells, extra: fields.finish(report) }
}

/// `gain` and `muted`.
pub(super) fn read_fader(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Fader {
    let gain = fields.read(report, "gain", "a gain such as \"-6 dB\" or \"-inf dB\", at most 20 dB", fader_gain);
    Fader { gain: gain.unwrap_or(1.0), muted: fields.flag(report, "muted") }
}

/// A fader's gain as a text or a number of decibels.
pub(super) fn fader_gain(value: &DeValue<'_>) -> Option<f32> {
    let gain = match value.as_str() {
        Some(text) => words::gain(text.strip_suffix("dB").map_or(text, str::trim_end)),
        None => words::gain(&number(value)?.to_string()),
    };
    gain.filter(|gain| (0.0..=Fader::MAX_GAIN).contains(gain))
}

/// Rows or columns. Those of a node that is not there are told and kept.
pub(super) fn read_channels(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    key: &'static str,
    nodes: &BTreeSet<String>,
) -> Vec<ChannelsEntry> {
    let wanted = "a node such as { node = \"amp\" }, or a channel such as { node = \"amp/side\", channel = 2 }";
    let all = fields.elements(report, key, wanted, |value| channels(value.as_table()?));
    for known in &all {
        tell_unknown(fields, report, key, known.node(), nodes);
    }
    all
}

pub(super) fn tell_unknown(
    fields: &Fields<'_>,
    report: &mut Report<'_>,
    key: &str,
    node: &str,
    nodes: &BTreeSet<String>,
) {
    if !nodes.contains(node) {
        let message = format!("there is no node `{node}`; what is said of it has no effect and is kept");
        fields.complain(report, Severity::Warning, key, message);
    }
}

/// All channels of a node, or one.
pub(super) fn channels(table: &DeTable<'_>) -> Option<ChannelsEntry> {
    mappings::only(table, &["node", "channel"])?;
    let end = endpoint(table.get("node")?.get_ref().as_str()?)?;
    let entry = match table.get("channel") {
        None if end.port == PortSelector::First => ChannelsEntry::Node(end.node),
        None => return None,
        Some(channel) => {
            let channel = whole(channel.get_ref())?.checked_sub(1).filter(|channel| *channel < MAX_PORT_CHANNELS)?;
            ChannelsEntry::One(ChannelEntry { end, channel })
        }
    };
    Some(entry)
}

pub(super) fn write_group(text: &mut String, group: &GroupEntry) {
    text.push_str("\n[[group]]\n");
    let mut fields = Table::new(text, &group.extra);
    fields.put("name", quoted(&group.name));
    fields.note(&group.note);
    write_fader(&mut fields, group.fader);
    write_channels(&mut fields, "rows", &group.rows);
    write_channels(&mut fields, "columns", &group.columns);
    if !group.cells.is_empty() {
        fields.list("cells", group.cells.iter().map(mappings::crosspoint_text).collect());
    }
    fields.finish();
}

pub(super) fn write_fader(fields: &mut Table<'_>, fader: Fader) {
    if fader.gain != 1.0 {
        fields.put("gain", quoted(&words::level_text(fader.gain)));
    }
    if fader.muted {
        fields.put("muted", true);
    }
}

pub(super) fn write_channels(fields: &mut Table<'_>, key: &'static str, channels: &[ChannelsEntry]) {
    if !channels.is_empty() {
        fields.list(key, channels.iter().map(channels_text).collect());
    }
}

/// Writes what [`channels`] reads.
pub(super) fn channels_text(channels: &ChannelsEntry) -> String {
    match channels {
        ChannelsEntry::Node(name) => format!("{{ node = {} }}", quoted(name)),
        ChannelsEntry::One(ChannelEntry { end, channel }) => {
            let port = quoted(&format!("{}{}", end.node, end.port));
            format!("{{ node = {port}, channel = {} }}", u64::from(*channel) + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::problem::Severity;
    use super::super::{read, write};

    // What cannot be meant is told with its line and kept; the rest of the group is there.
    #[test]
    fn every_problem_of_a_group_has_its_line() {
        let text = "crosspoint = 1\n\n[[group]]\nname = \"Drums\"\ngain = \"loud\"\nmuted = 1\nrows = [\n    { node = \
                    \"gone\" },\n    { node = \"amp/side\" },\n    { node = \"amp\", channel = 0 },\n]\ncells = [{ from = \
                    \"amp\" }]\ncolour = 1\n\n[[group]]\nname = \"Drums\"\ngain = -6\n\n[[group]]\ngain = \"21 dB\"\n";
        let folder = Path::new("/nowhere");
        let loaded = read::parse(text, folder).unwrap();
        let lines: Vec<(usize, Severity)> = loaded.problems.iter().map(|told| (told.line, told.severity)).collect();
        use Severity::{Error, Notice, Warning};
        let expected = [(5, Error), (6, Error), (7, Warning), (9, Error), (10, Error), (12, Error), (13, Notice)];
        assert_eq!(lines[..7], expected, "{:#?}", loaded.problems);
        assert_eq!(lines[7..], [(16, Error), (19, Error), (20, Error)], "{:#?}", loaded.problems);
        let groups = &loaded.document.groups;
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["Drums", "Drums 2", "group"]);
        assert!((groups[1].fader.gain - 0.501_187).abs() < 1e-6, "a number is decibels");
        let written = write::document(&loaded.document, folder, "x.state").unwrap();
        for kept in ["gain = \"loud\"", "muted = 1", "unread_rows", "unread_cells", "colour = 1", "gain = \"21 dB\""] {
            assert!(written.contains(kept), "{kept} in\n{written}");
        }
    }
}
