//! Which port of a node an edge means: the first, one by name, or one by number. Knows no node.

use std::fmt;

/// Which of a node's ports of one direction and signal is meant.
///
/// Written after the node's name: nothing, `/sidechain`, or `/#2` (counted from 1).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum PortSelector {
    /// The first one.
    #[default]
    First,
    /// The first one of that name.
    Name(String),
    /// By number, counted from 0.
    Number(u16),
}

impl PortSelector {
    /// How to name the port of that number among ports of these names: by name if that is unique, else by number.
    pub fn of<'a>(number: u16, names: impl IntoIterator<Item = &'a str>) -> Self {
        if number == 0 {
            return Self::First;
        }
        let names: Vec<&str> = names.into_iter().collect();
        match names.get(usize::from(number)) {
            Some(&name) if Self::is_name(name) && names.iter().filter(|other| **other == name).count() == 1 => {
                Self::Name(name.to_owned())
            }
            _ => Self::Number(number),
        }
    }

    /// The number of the port that is meant, counted from 0, among ports of these names.
    pub fn resolve<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<u16> {
        let mut names = names.into_iter();
        let found = match self {
            Self::First => names.next().map(|_| 0),
            Self::Name(name) => names.position(|other| other == name),
            Self::Number(number) => names.nth(usize::from(*number)).map(|_| usize::from(*number)),
        };
        found.and_then(|number| u16::try_from(number).ok())
    }

    /// Reads what stands after the `/` in an edge.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('#') {
            Some(number) => match number.parse::<u16>().ok()?.checked_sub(1)? {
                0 => Some(Self::First),
                number => Some(Self::Number(number)),
            },
            None => Self::is_name(text).then(|| Self::Name(text.to_owned())),
        }
    }

    fn is_name(name: &str) -> bool {
        !name.is_empty() && !name.starts_with('#')
    }
}

impl fmt::Display for PortSelector {
    /// With the `/` in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => Ok(()),
            Self::Name(name) => write!(f, "/{name}"),
            Self::Number(number) => write!(f, "/#{}", u32::from(*number) + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A port is named so that it is found again: by name where that is unique, else by number.
    #[test]
    fn a_selector_finds_the_port_it_was_made_for() {
        let names = ["main", "sidechain", "aux", "aux", "", "#1", "a/b"];
        for number in 0..names.len() as u16 {
            let selector = PortSelector::of(number, names);
            assert_eq!(selector.resolve(names), Some(number), "{selector}");
            let text = selector.to_string();
            let read = text.strip_prefix('/').map_or(Some(PortSelector::First), PortSelector::parse);
            assert_eq!(read, Some(selector));
        }
        assert_eq!(PortSelector::of(1, names), PortSelector::Name("sidechain".into()));
        assert_eq!(PortSelector::of(3, names), PortSelector::Number(3));
    }

    #[test]
    fn what_is_no_port_is_not_found() {
        assert_eq!(PortSelector::First.resolve([]), None);
        assert_eq!(PortSelector::Number(2).resolve(["a", "b"]), None);
        assert_eq!(PortSelector::Name("c".into()).resolve(["a", "b"]), None);
        for text in ["", "#", "#0", "#-1", "#70000", "#x"] {
            assert_eq!(PortSelector::parse(text), None, "{text}");
        }
    }
}
