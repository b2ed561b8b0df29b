//! What an output of a rig may play, as its file says it: `guard = { limit = 6.0, time = 0.1, returns_after = 5.0 }`, all in
//! one line. What has its default is not written.

use toml::de::{DeTable, DeValue};

use super::fields::{Fields, number};
use super::problem::Report;
use super::write::float;

/// What an output may play before its [guard](crate::Engine::set_output_guard) takes it to silence. What is not a number
/// never leaves, whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputGuard {
    /// The peak level that may last, in dBFS, within [`Self::LIMITS`]; none for any.
    pub limit: Option<f64>,
    /// For how long it may be exceeded, in seconds, within [`Self::TIMES`].
    pub time: f64,
    /// After how many seconds without a fault the output comes back by itself, within [`Self::RETURNS`]; none if it stays
    /// silent until somebody lets it.
    pub returns_after: Option<f64>,
}

impl OutputGuard {
    /// Limits that make sense, in dBFS.
    pub const LIMITS: std::ops::RangeInclusive<f64> = -60.0..=60.0;
    /// Times that make sense, in seconds.
    pub const TIMES: std::ops::RangeInclusive<f64> = 0.0..=10.0;
    /// Times after which an output may come back, in seconds.
    pub const RETURNS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;
}

impl Default for OutputGuard {
    /// 12 dB above full scale for a tenth of a second: what a converter clips to a square wave. A rig that is too hot, or hits
    /// that clip for some milliseconds, are none of a guard's business, since silence would be worse; feedback that runs
    /// away and filters that burst are. Closed until opened: whoever stands before the speakers is asked first.
    fn default() -> Self {
        Self { limit: Some(12.0), time: 0.1, returns_after: None }
    }
}

pub(super) fn read_guard(fields: &mut Fields<'_>, report: &mut Report<'_>) -> OutputGuard {
    let wanted = "such as { limit = 6.0, time = 0.1, returns_after = 5.0 }: a limit from -60 to 60 dBFS or \"off\", a time \
                  from 0 to 10 s, and if it is to come back by itself 0.1 to 3600 s";
    fields.read(report, "guard", wanted, |value| guard(value.as_table()?)).unwrap_or_default()
}

fn guard(table: &DeTable<'_>) -> Option<OutputGuard> {
    let mut guard = OutputGuard::default();
    for (key, value) in table.iter() {
        let value = value.get_ref();
        let within = |range: std::ops::RangeInclusive<f64>| number(value).filter(|number| range.contains(number));
        match (key.get_ref().as_ref(), value) {
            ("limit", DeValue::String(text)) if text == "off" => guard.limit = None,
            ("limit", _) => guard.limit = Some(within(OutputGuard::LIMITS)?),
            ("time", _) => guard.time = within(OutputGuard::TIMES)?,
            ("returns_after", _) => guard.returns_after = Some(within(OutputGuard::RETURNS)?),
            _ => return None,
        }
    }
    Some(guard)
}

/// The value of the key, unless all is as by default.
pub(super) fn guard_text(guard: &OutputGuard) -> Option<String> {
    if *guard == OutputGuard::default() {
        return None;
    }
    let limit = guard.limit.map_or_else(|| "\"off\"".to_owned(), float);
    let returns = guard.returns_after.map_or_else(String::new, |after| format!(", returns_after = {}", float(after)));
    Some(format!("{{ limit = {limit}, time = {}{returns} }}", float(guard.time)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{read, write};
    use super::*;
    use crate::session::EntryKind;

    // What makes sense comes back as the same line; what does not is told, has no effect and is kept.
    #[test]
    fn guards_are_read_and_written() {
        let written = |guard: &str| {
            let text = format!("crosspoint = 1\n\n[[output]]\nname = \"out\"\nchannels = 2\n{guard}");
            let loaded = read::parse(&text, Path::new("/nowhere")).unwrap();
            let EntryKind::Output { guard, .. } = loaded.document.nodes[0].kind else { panic!() };
            let again = write::document(&loaded.document, Path::new("/nowhere"), "x.state").unwrap();
            (guard, loaded.problems.len(), again.ends_with(text.trim_start_matches("crosspoint = 1\n")))
        };
        let off = OutputGuard { limit: None, time: 0.1, returns_after: None };
        let strict = OutputGuard { limit: Some(-3.0), time: 0.0, returns_after: Some(2.5) };
        assert_eq!(written(""), (OutputGuard::default(), 0, true));
        assert_eq!(written("guard = { limit = \"off\", time = 0.1 }\n"), (off, 0, true));
        assert_eq!(written("guard = { limit = -3.0, time = 0.0, returns_after = 2.5 }\n"), (strict, 0, true));
        for wrong in ["{ limit = 61.0 }", "{ time = -1.0 }", "{ returns_after = 0.0 }", "{ level = 1.0 }", "\"off\""] {
            assert_eq!(written(&format!("guard = {wrong}\n")), (OutputGuard::default(), 1, true), "{wrong}");
        }
    }
}
