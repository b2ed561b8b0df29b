//! Monitor mixes as a rig file has them: plain data by name. Reads leniently and writes canonically, as the rest of the file;
//! never resolves a name.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::groups::{ChannelsEntry, Fader, read_channels, read_fader, write_channels, write_fader};
use super::problem::Report;
use super::read;
use super::scenes::title;
use super::write::{Table, quoted};

/// A monitor mix of a rig file: what one listener hears.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MixEntry {
    /// What people call it, such as the listener: unique among mixes ([`is_title`](super::is_title)).
    pub name: String,
    /// Whatever the user wants to remember.
    pub note: String,
    /// How loud all of it is.
    pub fader: Fader,
    /// The columns that the listener hears.
    pub columns: Vec<ChannelsEntry>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl MixEntry {
    /// The names of the nodes that it speaks of.
    pub(crate) fn node_names(&mut self) -> impl Iterator<Item = &mut String> {
        self.columns.iter_mut().map(ChannelsEntry::node_mut)
    }
}

/// The mix that a table says. `nodes` are the names of all nodes, `taken` those of the mixes before it.
pub(super) fn read_mix(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    nodes: &BTreeSet<String>,
    taken: &mut BTreeSet<String>,
) -> MixEntry {
    let name = title(&mut fields, report, "mix", taken);
    let note = read::note(&mut fields, report);
    let fader = read_fader(&mut fields, report);
    let columns = read_channels(&mut fields, report, "columns", nodes);
    MixEntry { name, note, fader, columns, extra: fields.finish(report) }
}

pub(super) fn write_mix(text: &mut String, mix: &MixEntry) {
    text.push_str("\n[[mix]]\n");
    let mut fields = Table::new(text, &mix.extra);
    fields.put("name", quoted(&mix.name));
    fields.note(&mix.note);
    write_fader(&mut fields, mix.fader);
    write_channels(&mut fields, "columns", &mix.columns);
    fields.finish();
}
