//! Presets of the routing matrix as a rig file has them: named blocks of crosspoints, plain data by name. Reads leniently and
//! writes canonically, as the rest of the file; never resolves a name.

use std::collections::BTreeSet;

use crosspoint_graph::Cell;
use toml::de::DeValue;

use super::fields::Fields;
use super::groups::{ChannelEntry, ChannelsEntry, channels, channels_text, tell_unknown};
use super::problem::{Report, Severity};
use super::scenes::title;
use super::write::{Table, quoted};
use super::{read, words};

/// A named block of crosspoints.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MatrixPresetEntry {
    /// What people call it: unique among presets of the matrix ([`is_title`](super::is_title)).
    pub name: String,
    /// Whatever the user wants to remember.
    pub note: String,
    /// Its rows.
    pub rows: Vec<ChannelEntry>,
    /// Its columns.
    pub columns: Vec<ChannelEntry>,
    /// A cell for each row and column, all columns of the first row first; none where there is no crosspoint.
    pub cells: Vec<Option<Cell>>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl MatrixPresetEntry {
    /// The names of the nodes that it speaks of.
    pub(crate) fn node_names(&mut self) -> impl Iterator<Item = &mut String> {
        self.rows.iter_mut().chain(&mut self.columns).map(|channel| &mut channel.end.node)
    }
}

/// The preset that a table says, unless it is not clear which cell stands where. `nodes` are the names of all nodes, `taken`
/// those of the presets before it.
pub(super) fn read_matrix_preset(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    nodes: &BTreeSet<String>,
    taken: &mut BTreeSet<String>,
) -> Option<MatrixPresetEntry> {
    let wanted = "a list of channels such as { node = \"amp/side\", channel = 2 }";
    let rows = fields.read(report, "rows", wanted, all_channels);
    let columns = fields.read(report, "columns", wanted, all_channels);
    let wanted = "a text for each row with a gain in dB such as -6 or -inf for each column, `i` after it if inverted, `m` if \
                  muted, or `.` for none";
    let gains = fields.read(report, "gains", wanted, gains);
    let (Some(rows), Some(columns), Some(gains)) = (rows, columns, gains) else {
        let message = "a preset of the matrix needs `rows`, `columns` and `gains`; it has no effect and is kept";
        report.add(Severity::Error, fields.span.clone(), message);
        return None;
    };
    if gains.len() != rows.len() || gains.iter().any(|row| row.len() != columns.len()) {
        let (rows, columns) = (rows.len(), columns.len());
        let message =
            format!("there must be {rows} texts of {columns} gains each; the preset has no effect and is kept");
        fields.complain(report, Severity::Error, "gains", message);
        return None;
    }
    for (key, channels) in [("rows", &rows), ("columns", &columns)] {
        channels.iter().for_each(|channel| tell_unknown(&fields, report, key, &channel.end.node, nodes));
    }
    let name = title(&mut fields, report, "preset", taken);
    let note = read::note(&mut fields, report);
    let cells = gains.into_iter().flatten().collect();
    Some(MatrixPresetEntry { name, note, rows, columns, cells, extra: fields.finish(report) })
}

fn all_channels(value: &DeValue<'_>) -> Option<Vec<ChannelEntry>> {
    let one = |value: &DeValue<'_>| match channels(value.as_table()?)? {
        ChannelsEntry::One(channel) => Some(channel),
        ChannelsEntry::Node(_) => None,
    };
    value.as_array()?.iter().map(|value| one(value.get_ref())).collect()
}

fn gains(value: &DeValue<'_>) -> Option<Vec<Vec<Option<Cell>>>> {
    let row = |text: &str| text.split_whitespace().map(words::cell).collect::<Option<Vec<_>>>();
    value.as_array()?.iter().map(|value| row(value.get_ref().as_str()?)).collect()
}

pub(super) fn write_matrix_preset(text: &mut String, preset: &MatrixPresetEntry) {
    text.push_str("\n[[matrix_preset]]\n");
    let mut fields = Table::new(text, &preset.extra);
    fields.put("name", quoted(&preset.name));
    fields.note(&preset.note);
    for (key, channels) in [("rows", &preset.rows), ("columns", &preset.columns)] {
        let text = |channel: &ChannelEntry| channels_text(&ChannelsEntry::One(channel.clone()));
        fields.list(key, channels.iter().map(text).collect());
    }
    let row = |cells: &[Option<Cell>]| {
        let words: Vec<String> = cells.iter().map(|cell| format!("{:>5}", words::cell_text(*cell))).collect();
        quoted(&words.join(" "))
    };
    let gains = match preset.columns.len() {
        0 => preset.rows.iter().map(|_| row(&[])).collect(),
        columns => preset.cells.chunks(columns).map(row).collect(),
    };
    fields.list("gains", gains);
    fields.finish();
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::problem::Severity;
    use super::super::{read, write};

    // A preset of which it is not clear which cell stands where is told with its line, has no effect and is kept whole.
    #[test]
    fn a_preset_is_whole_or_kept_as_it_is() {
        let head = "[[matrix_preset]]\nname = \"Verse\"\n";
        let rows = "rows = [{ node = \"amp\", channel = 1 }]\ncolumns = [{ node = \"out\", channel = 1 }]\n";
        let whole = format!("{head}{rows}gains = [\"-6i\"]\n");
        let short = format!("{head}{rows}gains = [\"0 0\"]\n");
        let node = format!("{head}rows = [{{ node = \"amp\" }}]\ncolumns = []\ngains = [\"\"]\n");
        let text = format!("crosspoint = 1\n\n{whole}\n{short}\n{node}");
        let folder = Path::new("/nowhere");
        let loaded = read::parse(&text, folder).unwrap();
        let lines: Vec<(usize, Severity)> = loaded.problems.iter().map(|told| (told.line, told.severity)).collect();
        use Severity::{Error, Warning};
        let expected = [(5, Warning), (6, Warning), (13, Error), (15, Error), (17, Error)];
        assert_eq!(lines, expected, "{:#?}", loaded.problems);
        let document = &loaded.document;
        assert_eq!((document.matrix_presets.len(), document.unreadable_matrix_presets.len()), (1, 2));
        let cell = document.matrix_presets[0].cells[0].unwrap();
        assert!(cell.invert && (cell.gain - 0.501_187).abs() < 1e-6);
        let written = write::document(document, folder, "x.state").unwrap();
        assert_eq!(read::parse(&written, folder).unwrap().document, *document);
    }
}
