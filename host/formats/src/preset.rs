//! Presets: sounds that a plugin's maker or a person has put by, listed without loading one and loaded by name of place.
//! The same words for CLAP's preset discovery, for VST3's preset files and program lists. Never reads what a preset
//! holds: that is the plugin's own matter.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::library::Format;

/// Where a preset lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresetLocation {
    /// Within the plugin itself, found by its key alone.
    Plugin,
    /// In a file, which may hold several.
    File(PathBuf),
}

/// What is needed to load a preset: its place, and its key within that place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PresetPlace {
    /// Where it lies.
    pub location: PresetLocation,
    /// Which it is there, in the plugin's own words; none if the place holds one only. A VST3 program is
    /// `LIST/INDEX`.
    pub key: Option<String>,
}

impl PresetPlace {
    /// A file that holds one preset.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { location: PresetLocation::File(path.into()), key: None }
    }

    /// The file, if it lies in one.
    pub fn path(&self) -> Option<&Path> {
        match &self.location {
            PresetLocation::Plugin => None,
            PresetLocation::File(path) => Some(path),
        }
    }
}

impl fmt::Display for PresetPlace {
    /// The file, the key within the plugin, or both with a `#` between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.location, &self.key) {
            (PresetLocation::Plugin, key) => f.write_str(key.as_deref().unwrap_or("of the plugin itself")),
            (PresetLocation::File(path), None) => write!(f, "{}", path.display()),
            (PresetLocation::File(path), Some(key)) => write!(f, "{}#{key}", path.display()),
        }
    }
}

/// What kind of preset it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PresetFlags {
    /// It came with the plugin or a pack of sounds.
    pub factory: bool,
    /// A person made it.
    pub user: bool,
    /// It shows what the plugin can do.
    pub demo: bool,
    /// A person likes it.
    pub favourite: bool,
}

/// A plugin that a preset is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PresetPlugin {
    /// The plugin's format.
    pub format: Format,
    /// Its id there.
    pub id: String,
}

/// A preset as far as it tells without being loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// What people call it.
    pub name: String,
    /// How to load it: [`Plugin::load_preset`](crate::Plugin::load_preset).
    #[serde(flatten)]
    pub place: PresetPlace,
    /// The plugins it is for, in formats that are known here; empty if it does not say.
    pub plugins: Vec<PresetPlugin>,
    /// What kind it is.
    pub flags: PresetFlags,
    /// Who made it.
    pub creators: Vec<String>,
    /// A sentence about it, possibly empty.
    pub description: String,
    /// What it sounds like or is for, in the plugin's words, such as `bass`, `bright`.
    pub features: Vec<String>,
    /// The id of the pack of sounds that it belongs to.
    pub pack: Option<String>,
    /// When it was made.
    #[serde(with = "seconds")]
    pub created: Option<SystemTime>,
    /// When it was last changed.
    #[serde(with = "seconds")]
    pub modified: Option<SystemTime>,
    /// Whatever else it says, as names and values.
    pub more: Vec<(String, String)>,
}

impl Preset {
    /// A preset of which no more is known than its name and place.
    pub fn new(name: impl Into<String>, place: PresetPlace) -> Self {
        Self {
            name: name.into(),
            place,
            plugins: Vec::new(),
            flags: PresetFlags::default(),
            creators: Vec::new(),
            description: String::new(),
            features: Vec::new(),
            pack: None,
            created: None,
            modified: None,
            more: Vec::new(),
        }
    }

    /// Whether it is for that plugin; true if it does not say.
    pub fn suits(&self, format: Format, id: &str) -> bool {
        self.plugins.is_empty() || self.plugins.iter().any(|plugin| plugin.format == format && plugin.id == id)
    }
}

/// A pack of sounds that presets belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetPack {
    /// Its identity, which [`Preset::pack`] names.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who made it, possibly empty.
    pub vendor: String,
    /// A sentence about it, possibly empty.
    pub description: String,
    /// Its home page, possibly empty.
    pub url: String,
    /// A picture of it.
    pub picture: Option<PathBuf>,
}

/// Why a place yielded no presets, or fewer than it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetProblem {
    /// The place; none if a whole source of presets failed.
    pub location: Option<PresetLocation>,
    /// What went wrong.
    pub reason: String,
}

/// Presets that were found, and what stood in the way of others.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Presets {
    /// In the order they were found; files in order of their paths.
    pub presets: Vec<Preset>,
    /// The packs they belong to.
    pub packs: Vec<PresetPack>,
    /// What went wrong on the way; the rest was listed all the same.
    pub problems: Vec<PresetProblem>,
}

/// Times as whole seconds since 1970; before that there were no plugins.
mod seconds {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since.map(|since| since.as_secs()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        let seconds = Option::<u64>::deserialize(deserializer)?;
        Ok(seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))))
    }
}
