//! Moments as a rig file has them: how all values were at some time, so that one can go back there. The rig file has a few
//! lines for each; the values lie in a file of their own among the states, so that the rig stays readable and a save takes
//! both or neither. Never resolves a name.

use super::document::State;
use super::fields::Fields;
use super::problem::{LoadError, Report, Severity};
use super::read;
use super::scenes::{SceneEntry, title, write_scene};
use super::state;
use super::write::{Table, quoted};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

/// A moment of a rig file.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MomentEntry {
    /// What people call it: unique among moments ([`is_title`](super::is_title)).
    pub name: String,
    /// When it was taken, in seconds since 1970; 0 if that is not known.
    pub taken: u64,
    /// Whether nobody asked for it: it was taken before something else took its values away.
    pub is_automatic: bool,
    /// The scene that played.
    pub scene: Option<String>,
    /// [All values](Self::setting), as a scene says them; none if the file names none.
    pub values: Option<State>,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

/// Why the values of a moment cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MomentError {
    /// The rig file names none.
    #[error("it has no values")]
    None,
    /// Their file is not there, or is not what it was.
    #[error("its values are not there: put the file `{file}` back beside the rig and load the rig again")]
    Unavailable {
        /// The file.
        file: String,
    },
    /// Their file makes no sense.
    #[error("its values cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl MomentEntry {
    /// What it says of the rig: all values that a scene may say.
    ///
    /// # Errors
    /// If they cannot be had.
    pub fn setting(&self) -> Result<SceneEntry, MomentError> {
        let bytes = match &self.values {
            None => return Err(MomentError::None),
            Some(State::Unavailable { file }) => return Err(MomentError::Unavailable { file: file.clone() }),
            Some(State::Bytes(bytes)) => bytes,
        };
        let unreadable = |reason: String| MomentError::Unreadable { reason };
        let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
        let loaded = read::parse_with(text, Path::new(""), |_| Err(String::new())).map_err(|error| {
            let first = |error: LoadError| match error {
                LoadError::Syntax { problems } => problems.into_iter().next().map(|problem| problem.to_string()),
                other => Some(other.to_string()),
            };
            unreadable(first(error).unwrap_or_default())
        })?;
        loaded.document.scenes.into_iter().next().ok_or_else(|| unreadable("it says nothing".to_owned()))
    }

    /// Lets it say these values: two that say the same share a file.
    pub fn set_setting(&mut self, setting: SceneEntry) {
        let mut text = "crosspoint = 1\n".to_owned();
        write_scene(&mut text, &SceneEntry { name: "moment".to_owned(), ..setting }, "");
        self.values = Some(State::Bytes(Arc::from(text.into_bytes())));
    }
}

/// The moment that a table says. `taken` are the names of those before it.
pub(super) fn read_moment(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    taken: &mut BTreeSet<String>,
    read_state: &read::ReadState<'_>,
) -> MomentEntry {
    let name = title(&mut fields, report, "moment", taken);
    let wanted = "a time in UTC, such as 2026-05-31T20:15:00Z";
    let time = |value: &DeValue<'_>| value.as_datetime().and_then(seconds);
    MomentEntry {
        name,
        taken: fields.read(report, "taken", wanted, time).unwrap_or_default(),
        is_automatic: fields.flag(report, "automatic"),
        scene: fields.text(report, "scene").map(|(scene, _)| scene.to_owned()),
        values: fields.text(report, "values").map(|(file, span)| match read_state(file) {
            Ok(bytes) => State::Bytes(bytes),
            Err(message) => {
                report.add(Severity::Error, span, format!("{message}; nobody can go back to this moment until then"));
                State::Unavailable { file: file.to_owned() }
            }
        }),
        extra: fields.finish(report),
    }
}

pub(super) fn write_moment(text: &mut String, moment: &MomentEntry, state_folder: &str) {
    text.push_str("\n[[moment]]\n");
    let mut fields = Table::new(text, &moment.extra);
    fields.put("name", quoted(&moment.name));
    if moment.taken > 0 {
        fields.put("taken", time_text(moment.taken));
    }
    if moment.is_automatic {
        fields.put("automatic", true);
    }
    if let Some(scene) = &moment.scene {
        fields.put("scene", quoted(scene));
    }
    if let Some(values) = &moment.values {
        fields.put("values", quoted(&state::named(values, state_folder)));
    }
    fields.finish();
}

/// The latest second that a rig file can say: the last one of the year 9999.
const LATEST: i64 = 253_402_300_799;

/// Seconds since 1970 as TOML has a time.
fn time_text(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(LATEST).min(LATEST);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, time) = (at.date(), at.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}

/// Seconds since 1970 of a time in UTC, fractions left out; none for one of another zone or without one, and for what came
/// before.
fn seconds(time: &Datetime) -> Option<u64> {
    let (date, clock) = (time.date?, time.time?);
    let is_utc = matches!(time.offset?, Offset::Z | Offset::Custom { minutes: 0 });
    let month = Month::try_from(date.month).ok()?;
    let date = Date::from_calendar_date(date.year.into(), month, date.day).ok()?;
    let clock = Time::from_hms(clock.hour, clock.minute, clock.second.unwrap_or(0)).ok()?;
    let seconds = PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp();
    is_utc.then_some(seconds).and_then(|seconds| u64::try_from(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::super::document::{Document, EndpointEntry, ParameterEntry, ParameterValue};
    use super::super::port::PortSelector;
    use super::super::scenes::{SceneCrosspoints, SceneParameter};
    use super::super::{Crosspoint, load, save};
    use super::*;
    use crosspoint_graph::Cell;

    fn moment(name: &str, taken: u64) -> MomentEntry {
        let mut moment = MomentEntry { name: name.to_owned(), taken, ..MomentEntry::default() };
        let end = |node: &str| EndpointEntry::new(node, PortSelector::First);
        let value = ParameterValue::Plain(0.1);
        moment.set_setting(SceneEntry {
            tempo: Some(taken as f64 % 200.0 + 20.0),
            bypass: [("amp \"2\"".to_owned(), true)].into(),
            parameters: vec![SceneParameter {
                node: "amp \"2\"".to_owned(),
                parameter: ParameterEntry { id: Some(3), name: "Drive".to_owned(), value },
            }],
            crosspoints: vec![SceneCrosspoints {
                source: end("a"),
                destination: end("b"),
                cells: vec![Crosspoint { source: 0, destination: 1, cell: Cell::new(0.3) }],
            }],
            ..SceneEntry::default()
        });
        moment
    }

    /// A rig file has a few lines for each, the values lie among the states, once where they are the same. What was written
    /// is read; what no rig names any more is collected.
    #[test]
    fn moments_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.rig.toml");
        let one = MomentEntry { scene: Some("Lead".to_owned()), is_automatic: true, ..moment("one", 1_764_425_525) };
        let again = MomentEntry { name: "again".to_owned(), taken: 0, scene: None, ..one.clone() };
        let mut document = Document { moments: vec![one, again, moment("other", 9)], ..Document::default() };
        save(&document, &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("taken = 2025-11-29T14:12:05Z\nautomatic = true\nscene = \"Lead\"\nvalues = "), "{text}");
        let files = || std::fs::read_dir(folder.path().join("my.rig.state")).unwrap().count();
        assert_eq!((text.lines().count(), files()), (20, 2), "{text}");
        let loaded = load(&path).unwrap();
        assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
        assert_eq!(loaded.document, document);
        let said = loaded.document.moments[0].setting().unwrap();
        assert_eq!(said.parameters[0].parameter.value, ParameterValue::Plain(0.1));
        assert_eq!(said.crosspoints[0].cells[0].cell, Cell::new(0.3));

        document.moments.truncate(1);
        save(&document, &path).unwrap();
        save(&document, &path).unwrap();
        assert_eq!(files(), 1);
    }

    /// A file of values that is gone or damaged is named still, and so is a time that is none.
    #[test]
    fn what_cannot_be_read_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text = "crosspoint = 1\n\n[[moment]]\nname = \"a\"\ntaken = 12:30:00\nvalues = \"x/0123456789abcdef.state\"\n\n\
                    [[moment]]\nname = \"a\"\nlater = 1\n";
        let loaded = read::parse(text, folder.path()).unwrap();
        let lines: Vec<_> = loaded.problems.iter().map(|problem| (problem.line, problem.severity)).collect();
        assert_eq!(lines, [(5, Severity::Error), (6, Severity::Error), (9, Severity::Error), (10, Severity::Notice)]);
        let [first, second] = &loaded.document.moments[..] else { panic!() };
        assert!(matches!(first.setting(), Err(MomentError::Unavailable { file }) if file.ends_with("cdef.state")));
        assert_eq!((second.name.as_str(), second.setting()), ("a 2", Err(MomentError::None)));
        let written = super::super::write::document(&loaded.document, folder.path(), "y.state").unwrap();
        for kept in ["taken = 12:30:00", "values = \"x/0123456789abcdef.state\"", "later = 1"] {
            assert!(written.contains(kept), "{kept} in\n{written}");
        }
        let garbage = MomentEntry { values: Some(State::Bytes(Arc::from(&b"[["[..]))), ..MomentEntry::default() };
        assert!(matches!(garbage.setting(), Err(MomentError::Unreadable { .. })));
    }

    #[test]
    fn times_go_both_ways() {
        for seconds in [1, 951_782_399, 1_764_425_525, LATEST as u64] {
            let text = time_text(seconds);
            assert_eq!(self::seconds(&text.parse().unwrap()), Some(seconds), "{text}");
        }
        assert_eq!(time_text(u64::MAX), "9999-12-31T23:59:59Z");
        for wrong in ["2026-02-30T00:00:00Z", "1969-12-31T23:59:59Z", "2026-01-01T00:00:00+01:00", "2026-01-01"] {
            assert_eq!(wrong.parse().ok().as_ref().and_then(self::seconds), None, "{wrong}");
        }
    }
}
