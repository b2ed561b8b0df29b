//! Plugin files: what is in them, and making a plugin of it. Loading is a main-thread matter; a library once loaded
//! stays loaded for the process's life, for code of it may run on at exit and its threads may outlive its plugins.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clap::ClapLibrary;
use crate::error::LoadError;
use crate::plugin::Plugin;
use crate::preset::Presets;
use crate::vst3::Vst3Library;

/// A plugin format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// CLAP 1.
    Clap,
    /// VST 3.
    Vst3,
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Clap, Self::Vst3];

    /// The format of a file or bundle, by the end of its name.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::ALL.iter().copied().find(|format| format.to_string() == extension)
    }
}

impl fmt::Display for Format {
    /// As in a plugin reference, and as files end: `clap`, `vst3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clap => "clap",
            Self::Vst3 => "vst3",
        })
    }
}

/// What a plugin says of itself before it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginDescriptor {
    /// The format it was found in.
    pub format: Format,
    /// Its identity; unique within a file only.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who made it, empty if it does not say.
    pub vendor: String,
    /// Its version as it writes it.
    pub version: String,
    /// A sentence about it, possibly empty.
    pub description: String,
    /// Its home page, possibly empty.
    pub url: String,
    /// What it is, in the format's words, such as `audio-effect`, `stereo`.
    pub features: Vec<String>,
}

/// A loaded plugin file, or an entry linked into the program.
pub trait Library {
    /// The file, or the name that a linked entry was given.
    fn path(&self) -> &Path;

    /// The plugins in it. Those that do not even have an id are left out.
    fn descriptors(&self) -> &[PluginDescriptor];

    /// Makes a plugin. The calling thread becomes its main thread for its whole life.
    ///
    /// # Errors
    /// [`LoadError::UnknownPlugin`] and [`LoadError::Instantiate`].
    fn instantiate(&self, id: &str) -> Result<Box<dyn Plugin>, LoadError>;

    /// The presets that can be found without making a plugin; a plugin may know of more: [`Plugin::presets`]. Main
    /// thread; reads files and may take long.
    fn presets(&self) -> Presets {
        Presets::default()
    }
}

/// Opens a plugin file or bundle by the format its name says. Main thread.
///
/// # Errors
/// If the file is absent, of no known format, or does not load.
pub fn open(path: &Path) -> Result<Box<dyn Library>, LoadError> {
    match Format::of(path) {
        Some(Format::Clap) => Ok(Box::new(ClapLibrary::open(path)?)),
        Some(Format::Vst3) => Ok(Box::new(Vst3Library::open(path)?)),
        None => Err(LoadError::UnknownFormat { path: path.to_owned() }),
    }
}

/// The plugin of an id, or the only one; else what is wrong, and what there is.
pub(crate) fn pick<'l>(library: &'l dyn Library, id: Option<&str>) -> Result<&'l PluginDescriptor, String> {
    let path = library.path().display();
    let all = library.descriptors();
    let ids = || all.iter().map(|plugin| plugin.id.as_str()).collect::<Vec<_>>().join(", ");
    match (id, all) {
        (None, [only]) => Ok(only),
        (None, several) => Err(format!("{path} holds {} plugins; add # and one of: {}", several.len(), ids())),
        (Some(id), _) => {
            // VST3's are hexadecimal digits, which people write either way.
            let is_it = |plugin: &&PluginDescriptor| match plugin.format {
                Format::Vst3 => plugin.id.eq_ignore_ascii_case(id),
                Format::Clap => plugin.id == id,
            };
            let found = all.iter().find(is_it);
            found.ok_or_else(|| format!("{path} holds no plugin with the id \"{id}\"; it holds: {}", ids()))
        }
    }
}
