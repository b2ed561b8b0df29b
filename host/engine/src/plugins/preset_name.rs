//! How people name a preset, wherever one is asked for: picking one of many by its name or its place. Never opens a file.

use crosspoint_formats::{Preset, PresetPlace};
use std::path::Path;

/// Names that are offered in place of one that is not there.
const MOST_OFFERED: usize = 5;

/// Why a name means no preset, or which of several it may mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresetNameError {
    /// Nothing is called so.
    #[error("there is no preset \"{name}\"; {}", offer(nearest))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that come nearest to it.
        nearest: Vec<String>,
    },
    /// Several are called so.
    #[error("the preset \"{name}\" may be any of {}; name one of these", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their places, each of which means one.
        candidates: Vec<String>,
    },
}

fn offer(nearest: &[String]) -> String {
    match nearest {
        [] => "the plugin has none that are known".to_owned(),
        names => format!("the nearest are: {}", names.join(", ")),
    }
}

/// The preset that a text means: by its name, best in the very letters; or by its place: a file, a key, or `FILE#KEY`. The
/// same place twice counts once.
///
/// # Errors
/// If it means none, or more than one.
pub fn choose_preset<'p>(presets: &'p [Preset], text: &str) -> Result<&'p Preset, PresetNameError> {
    let file = Path::new(text).canonicalize().ok();
    let is_file = |place: &PresetPlace| {
        let path = place.path();
        path.is_some_and(|path| path == Path::new(text) || file.is_some() && path.canonicalize().ok() == file)
    };
    let wanted = text.to_lowercase();
    let ways: [&dyn Fn(&Preset) -> bool; 4] = [
        &|preset| preset.place.to_string() == text,
        &|preset| is_file(&preset.place),
        &|preset| preset.name == text,
        &|preset| preset.name.to_lowercase() == wanted,
    ];
    for is_meant in ways {
        let mut met: Vec<&Preset> = Vec::new();
        for preset in presets.iter().filter(|preset| is_meant(preset)) {
            if met.iter().all(|other| other.place != preset.place) {
                met.push(preset);
            }
        }
        match met[..] {
            [] => {}
            [only] => return Ok(only),
            _ => {
                let candidates = met.iter().map(|preset| preset.place.to_string()).collect();
                return Err(PresetNameError::Ambiguous { name: text.to_owned(), candidates });
            }
        }
    }
    Err(PresetNameError::Unknown { name: text.to_owned(), nearest: nearest(presets, &wanted) })
}

/// The names that hold the text, then those that differ by the fewest letters.
fn nearest(presets: &[Preset], wanted: &str) -> Vec<String> {
    let distance = |name: &str| {
        let name = name.to_lowercase();
        if name.contains(wanted) { 0 } else { letters_between(&name, wanted) }
    };
    let mut names: Vec<(usize, &str)> =
        presets.iter().map(|preset| (distance(&preset.name), preset.name.as_str())).collect();
    names.sort_by_key(|(distance, _)| *distance);
    let mut nearest: Vec<String> = Vec::new();
    for (_, name) in names {
        if nearest.len() < MOST_OFFERED && !nearest.iter().any(|known| known == name) {
            nearest.push(name.to_owned());
        }
    }
    nearest
}

/// How many letters must be put in, taken out or changed to come from one text to the other: Levenshtein's distance, a row
/// of its table at a time.
fn letters_between(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, &candidate) in other.iter().enumerate() {
            let change = diagonal + usize::from(letter != candidate);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint_formats::PresetLocation;

    fn within(name: &str, key: &str) -> Preset {
        Preset::new(name, PresetPlace { location: PresetLocation::Plugin, key: Some(key.to_owned()) })
    }

    #[test]
    fn presets_are_named_by_name_or_place() {
        let presets = [
            within("Bright", "0/1"),
            within("BRIGHT", "0/2"),
            Preset::new("Dark", PresetPlace::file("/sounds/Dark.vstpreset")),
            Preset::new("Dark", PresetPlace::file("/more/Dark.vstpreset")),
            within("Warm Pad", "0/3"),
            within("Warm Pad", "0/3"),
        ];
        let place = |text: &str| choose_preset(&presets, text).map(|preset| preset.place.to_string());
        assert_eq!(place("Bright").as_deref(), Ok("0/1"));
        assert_eq!(place("BRIGHT").as_deref(), Ok("0/2"));
        assert_eq!(place("warm pad").as_deref(), Ok("0/3"));
        assert_eq!(place("0/3").as_deref(), Ok("0/3"));
        assert_eq!(place("/more/Dark.vstpreset").as_deref(), Ok("/more/Dark.vstpreset"));
        let ambiguous = |candidates: [&str; 2]| candidates.map(str::to_owned).to_vec();
        let error = |name: &str, candidates| {
            Err(PresetNameError::Ambiguous { name: name.to_owned(), candidates: ambiguous(candidates) })
        };
        assert_eq!(place("dark"), error("dark", ["/sounds/Dark.vstpreset", "/more/Dark.vstpreset"]));
        assert_eq!(place("bright"), error("bright", ["0/1", "0/2"]));
    }

    #[test]
    fn the_nearest_names_are_offered() {
        let presets = ["Glass Bells", "Warm Pad", "Warm Bass", "Choir"].map(|name| within(name, name));
        let Err(PresetNameError::Unknown { nearest, .. }) = choose_preset(&presets, "worm pad") else { panic!() };
        assert_eq!(nearest[0], "Warm Pad");
        let Err(PresetNameError::Unknown { nearest, .. }) = choose_preset(&presets, "warm") else { panic!() };
        assert_eq!(nearest[..2], ["Warm Pad", "Warm Bass"]);
        assert_eq!((letters_between("kitten", "sitting"), letters_between("", "abc")), (3, 3));
        let none = choose_preset(&[], "any").unwrap_err().to_string();
        assert!(none.contains("none"), "{none}");
    }
}
