//! Reads a TOML table key by key, leniently: what is of the wrong kind is reported with its line and kept, and so is
//! what nobody asked for. Knows nothing of rigs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{Report, Severity};

/// A text and where it stands.
pub(super) type Text<'t> = (&'t str, Range<usize>);

/// The keys of a table. Those asked for and understood are done with; [`Self::finish`] returns all others.
pub(super) struct Fields<'t> {
    table: &'t DeTable<'t>,
    /// Where the table begins: the place of what is missing.
    pub span: Range<usize>,
    understood: BTreeSet<&'static str>,
    complained: BTreeSet<&'static str>,
    leftovers: BTreeMap<String, Vec<toml::Value>>,
}

/// Begins the key under which elements that were not understood are written back.
const LEFTOVER: &str = "unread_";

impl<'t> Fields<'t> {
    pub fn new(table: &'t DeTable<'t>, span: Range<usize>) -> Self {
        Self { table, span, understood: BTreeSet::new(), complained: BTreeSet::new(), leftovers: BTreeMap::new() }
    }

    /// The value of a key, whatever its kind.
    pub fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.table.get(key)?;
        self.understood.insert(key);
        Some(value)
    }

    /// Reports a problem with a key's value.
    pub fn complain(&self, report: &mut Report<'_>, severity: Severity, key: &str, message: String) {
        let span = self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span);
        report.add(severity, span, message);
    }

    /// Reports a problem with a key's value, which is kept as it is, not understood.
    pub fn reject(&mut self, report: &mut Report<'_>, severity: Severity, key: &'static str, message: String) {
        self.complain(report, severity, key, message);
        self.understood.remove(key);
        self.complained.insert(key);
    }

    /// The value of a key as `read` understands it. What it does not is reported as not being `wanted`.
    pub fn read<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?.get_ref();
        let read = read(value);
        if read.is_none() {
            let message = format!("`{key}` must be {wanted}; it is left out");
            self.reject(report, Severity::Error, key, message);
        }
        read
    }

    /// A text, or nothing if the key is absent.
    pub fn text(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Text<'t>> {
        let span = self.table.get(key)?.span();
        self.read(report, key, "a text in quotes", DeValue::as_str).map(|text| (text, span))
    }

    /// A text that may be absent or empty alike.
    pub fn string(&mut self, report: &mut Report<'_>, key: &'static str) -> String {
        self.text(report, key).map_or_else(String::new, |(text, _)| text.to_owned())
    }

    /// `true` or `false`; absent is `false`.
    pub fn flag(&mut self, report: &mut Report<'_>, key: &'static str) -> bool {
        self.read(report, key, "true or false", DeValue::as_bool).unwrap_or(false)
    }

    /// A whole number within a range.
    pub fn whole(&mut self, report: &mut Report<'_>, key: &'static str, range: Range<u32>) -> Option<u32> {
        let wanted = format!("a whole number from {} to {}", range.start, range.end.saturating_sub(1));
        self.read(report, key, &wanted, |value| whole(value).filter(|number| range.contains(number)))
    }

    /// The elements of an array that `read` understands. Each that it does not is reported and kept, in the key's
    /// leftovers.
    pub fn elements<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        wanted: &str,
        mut read: impl FnMut(&'t DeValue<'t>) -> Option<T>,
    ) -> Vec<T> {
        let Some(array) = self.array(report, key) else { return Vec::new() };
        let mut elements = Vec::new();
        for value in array.iter() {
            match read(value.get_ref()) {
                Some(element) => elements.push(element),
                None => {
                    report.add(Severity::Error, value.span(), format!("must be {wanted}; it is left out"));
                    self.leave(key, owned(value.get_ref()));
                }
            }
        }
        elements
    }

    /// Keeps a part of a key's value that was not understood.
    pub fn leave(&mut self, key: &str, value: toml::Value) {
        self.leftovers.entry(format!("{LEFTOVER}{key}")).or_default().push(value);
    }

    /// An array.
    pub fn array(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<&'t DeArray<'t>> {
        self.read(report, key, "a list in brackets", DeValue::as_array)
    }

    /// Whatever was not understood, to be written back; what was not asked for is reported now.
    pub fn finish(mut self, report: &mut Report<'_>) -> toml::Table {
        let mut extra = toml::Table::new();
        for (key, value) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if self.understood.contains(name) {
                continue;
            }
            if name.starts_with(LEFTOVER) {
                let message =
                    format!("`{name}` holds what was not understood; correct it and move it back, or delete it");
                report.add(Severity::Warning, key.span(), message);
            } else if !self.complained.contains(name) {
                let message = format!("`{name}` is unknown here; it has no effect and is kept");
                report.add(Severity::Notice, key.span(), message);
            }
            let kept = owned(value.get_ref());
            // A number that had to become a text must not be read as one the next time.
            if kept.is_str() && value.get_ref().as_str().is_none() {
                self.leave(name, kept);
            } else {
                extra.insert(name.to_owned(), kept);
            }
        }
        for (key, leftovers) in self.leftovers {
            match extra.get_mut(&key) {
                Some(toml::Value::Array(before)) => before.extend(leftovers),
                _ => drop(extra.insert(key, toml::Value::Array(leftovers))),
            }
        }
        extra
    }
}

/// A whole number from 0.
pub(super) fn whole(value: &DeValue<'_>) -> Option<u32> {
    let integer = value.as_integer()?;
    u32::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A finite number, whole or not.
pub(super) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64,
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// The value without its places. A number too large for 64 bits becomes a text.
pub(super) fn owned(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.clone().into_owned()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => toml::Value::String(integer.to_string()),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(number) => toml::Value::Float(number),
            Err(_) => toml::Value::String(float.to_string()),
        },
        DeValue::Boolean(truth) => toml::Value::Boolean(*truth),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(array) => toml::Value::Array(array.iter().map(|value| owned(value.get_ref())).collect()),
        DeValue::Table(table) => toml::Value::Table(owned_table(table)),
    }
}

/// As [`owned_table`], for a table that made no sense and must not make any the next time: what had to become a text goes
/// to the key's leftovers.
pub(super) fn kept_table(table: &DeTable<'_>) -> toml::Table {
    let kept = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let (name, kept) = (key.get_ref().clone().into_owned(), owned(value.get_ref()));
        match kept.is_str() && value.get_ref().as_str().is_none() {
            true => (format!("{LEFTOVER}{name}"), toml::Value::Array(vec![kept])),
            false => (name, kept),
        }
    };
    table.iter().map(kept).collect()
}

/// The table without its places.
pub(super) fn owned_table(table: &DeTable<'_>) -> toml::Table {
    table.iter().map(|(key, value)| (key.get_ref().clone().into_owned(), owned(value.get_ref()))).collect()
}
