//! What a rig file says of the transport beside tempo and metre: the count-in, and MIDI clock in and out by role. Plain
//! data; never asks whether a role has a port.

use toml::de::DeValue;

use super::fields::Fields;
use super::problem::Report;
use super::write::{Table, quoted};

/// The most bars of a count-in.
pub const MAX_COUNT_IN_BARS: u32 = 16;

/// How the transport of a rig starts, and what clocks it has to do with.
#[derive(Clone, Debug, PartialEq)]
pub struct TransportEntry {
    /// Bars that a count-in counts, 1 to [`MAX_COUNT_IN_BARS`].
    pub count_in: u32,
    /// The role of the MIDI ports whose clock the transport follows; none to be its own master.
    pub clock_from: Option<String>,
    /// The roles of the MIDI ports that get the transport's clock.
    pub clock_to: Vec<String>,
    /// Whether they get it while the transport stands, too.
    pub clock_while_stopped: bool,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

impl Default for TransportEntry {
    /// One bar, no clock.
    fn default() -> Self {
        Self {
            count_in: 1,
            clock_from: None,
            clock_to: Vec::new(),
            clock_while_stopped: false,
            extra: toml::Table::new(),
        }
    }
}

pub(super) fn read_transport(mut fields: Fields<'_>, report: &mut Report<'_>) -> TransportEntry {
    let role = |value: &'_ DeValue<'_>| value.as_str().filter(|role| !role.is_empty()).map(str::to_owned);
    TransportEntry {
        count_in: fields.whole(report, "count_in", 1..MAX_COUNT_IN_BARS + 1).unwrap_or(1),
        clock_from: fields.read(report, "clock_from", "the role of a MIDI input", role),
        clock_to: fields.elements(report, "clock_to", "the role of a MIDI output", role),
        clock_while_stopped: fields.flag(report, "clock_while_stopped"),
        extra: fields.finish(report),
    }
}

pub(super) fn write_transport(text: &mut String, transport: &TransportEntry) {
    let default = TransportEntry::default();
    if *transport == default {
        return;
    }
    text.push_str("\n[transport]\n");
    let mut fields = Table::new(text, &transport.extra);
    if transport.count_in != default.count_in {
        fields.put("count_in", transport.count_in);
    }
    if let Some(role) = &transport.clock_from {
        fields.put("clock_from", quoted(role));
    }
    if !transport.clock_to.is_empty() {
        fields.list("clock_to", transport.clock_to.iter().map(|role| quoted(role)).collect());
    }
    if transport.clock_while_stopped {
        fields.put("clock_while_stopped", true);
    }
    fields.finish();
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{read, write};

    /// What is understood comes back as it was, what is not is told with its line and kept.
    #[test]
    fn what_is_wrong_is_told_and_kept() {
        let text = "crosspoint = 1\n\n[transport]\ncount_in = 17\nclock_from = \"drums\"\nclock_to = [\"synth\", 3]\n\
                    clock_while_stopped = true\nswing = 0.5\n";
        let loaded = read::parse(text, Path::new("")).unwrap();
        let transport = &loaded.document.transport;
        assert_eq!((transport.count_in, transport.clock_from.as_deref()), (1, Some("drums")));
        assert_eq!((transport.clock_to.as_slice(), transport.clock_while_stopped), (&["synth".to_owned()][..], true));
        assert_eq!(loaded.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [4, 6, 8]);
        let written = write::document(&loaded.document, Path::new(""), "").unwrap();
        for kept in ["count_in = 17", "unread_clock_to = [3]", "swing = 0.5", "clock_to = [\"synth\"]"] {
            assert!(written.contains(kept), "{kept}:\n{written}");
        }
        assert_eq!(read::parse(&written, Path::new("")).unwrap().document, loaded.document);
        // What is no table at all is kept, until somebody sets what it stands for.
        let mut document = read::parse("crosspoint = 1\ntransport = 3\n", Path::new("")).unwrap().document;
        assert!(write::document(&document, Path::new(""), "").unwrap().contains("transport = 3"));
        document.transport.count_in = 2;
        let written = write::document(&document, Path::new(""), "").unwrap();
        assert!(written.contains("[transport]\ncount_in = 2\n") && !written.contains("transport = 3"), "{written}");
    }
}
