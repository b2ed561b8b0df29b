//! CLAP files and linked entries. Never unloads what it loaded: one reference to each entry is kept for good.

use std::ffi::{CStr, CString, OsStr};
use std::path::{Path, PathBuf};

use clack_host::entry::PluginEntry;
use clack_host::plugin::PluginDescriptor as RawDescriptor;

use super::plugin::ClapPlugin;
use super::presets;
use crate::error::LoadError;
use crate::library::{Format, Library, PluginDescriptor};
use crate::plugin::Plugin;
use crate::preset::Presets;

/// What a CLAP library exports as `clap_entry`; a linked pack has one as a static.
pub use clack_host::entry::EntryDescriptor as ClapEntry;

/// A loaded CLAP file or a linked entry.
pub struct ClapLibrary {
    path: PathBuf,
    entry: PluginEntry,
    descriptors: Vec<PluginDescriptor>,
}

impl ClapLibrary {
    /// Loads a `.clap` file, or the file in a `.clap` folder. Main thread. Loading it again gives the same library.
    ///
    /// # Errors
    /// If it is absent, does not load or is no CLAP library.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let path = path.canonicalize().map_err(|reason| LoadError::Unreadable { path: path.to_owned(), reason })?;
        let entry = load(&path)?;
        Self::from_plugin_entry(path, entry)
    }

    /// Takes an entry that is linked into the program. Main thread. `name` is handed to the entry as its path.
    ///
    /// # Safety
    /// The entry keeps CLAP's rules: its functions are safe to call as CLAP says, and their results mean what CLAP says.
    ///
    /// # Errors
    /// If the entry speaks another version, refuses to start or has no plugins.
    pub unsafe fn from_entry(name: &str, entry: &'static ClapEntry) -> Result<Self, LoadError> {
        let path = PathBuf::from(name);
        let name = c_path(&path)?;
        // SAFETY: the caller vouches for the entry.
        let entry = unsafe { PluginEntry::load_from_raw(entry, &name) }.map_err(|error| entry_error(&path, error))?;
        Self::from_plugin_entry(path, entry)
    }

    fn from_plugin_entry(path: PathBuf, entry: PluginEntry) -> Result<Self, LoadError> {
        // Plugins leave threads, thread-local destructors and exit handlers behind: the library stays.
        std::mem::forget(entry.clone());
        let descriptors = match entry.get_plugin_factory() {
            Some(factory) => factory.plugin_descriptors().filter_map(read_descriptor).collect(),
            None => return Err(LoadError::Entry { path, reason: "it has no plugin factory".to_owned() }),
        };
        Ok(Self { path, entry, descriptors })
    }
}

impl Library for ClapLibrary {
    fn path(&self) -> &Path {
        &self.path
    }

    fn descriptors(&self) -> &[PluginDescriptor] {
        &self.descriptors
    }

    fn instantiate(&self, id: &str) -> Result<Box<dyn Plugin>, LoadError> {
        Ok(Box::new(ClapPlugin::instantiate(self, id)?))
    }

    fn presets(&self) -> Presets {
        presets::find(&self.entry)
    }
}

impl ClapPlugin {
    /// Makes a plugin, as [`Library::instantiate`], for those who want more of CLAP than the common trait has.
    ///
    /// # Errors
    /// [`LoadError::UnknownPlugin`] and [`LoadError::Instantiate`].
    pub fn instantiate(library: &ClapLibrary, id: &str) -> Result<Self, LoadError> {
        let ClapLibrary { path, entry, descriptors } = library;
        let Some(descriptor) = descriptors.iter().find(|descriptor| descriptor.id == id) else {
            return Err(LoadError::unknown_plugin(path, id, descriptors));
        };
        Self::new(entry, descriptor.clone()).map_err(|reason| LoadError::Instantiate {
            path: path.clone(),
            id: id.to_owned(),
            reason: reason.to_string(),
        })
    }
}

/// A C string as text, whatever its bytes; empty if there is none.
fn text(string: Option<&CStr>) -> String {
    string.map_or_else(String::new, |string| string.to_string_lossy().into_owned())
}

fn read_descriptor(raw: &RawDescriptor) -> Option<PluginDescriptor> {
    let id = text(raw.id());
    if id.is_empty() {
        return None;
    }
    let name = text(raw.name());
    Some(PluginDescriptor {
        format: Format::Clap,
        name: if name.is_empty() { id.clone() } else { name },
        id,
        vendor: text(raw.vendor()),
        version: text(raw.version()),
        description: text(raw.description()),
        url: text(raw.url()),
        features: raw.features().map(|feature| feature.to_string_lossy().into_owned()).collect(),
    })
}

fn entry_error(path: &Path, error: impl std::fmt::Display) -> LoadError {
    LoadError::Entry { path: path.to_owned(), reason: error.to_string() }
}

fn c_path(path: &Path) -> Result<CString, LoadError> {
    CString::new(path.to_string_lossy().into_owned()).map_err(|error| entry_error(path, error))
}

/// The library file that a `.clap` path stands for.
#[cfg_attr(target_os = "macos", allow(dead_code))]
fn library_file(path: &Path) -> Result<PathBuf, LoadError> {
    let unreadable = |reason| LoadError::Unreadable { path: path.to_owned(), reason };
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(unreadable)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|file| file.extension() == Some(OsStr::new("clap")) && file.is_file())
        .collect();
    inside.sort();
    let same_name = inside.iter().position(|file| file.file_stem() == path.file_stem()).unwrap_or(0);
    if inside.is_empty() {
        return Err(LoadError::EmptyBundle { path: path.to_owned() });
    }
    Ok(inside.swap_remove(same_name))
}

/// A bundle is the system's own matter there.
#[cfg(target_os = "macos")]
fn load(path: &Path) -> Result<PluginEntry, LoadError> {
    // SAFETY: loading foreign code is what was asked for; that it keeps CLAP's rules cannot be checked.
    unsafe { PluginEntry::load(path) }.map_err(|error| entry_error(path, error))
}

#[cfg(not(target_os = "macos"))]
fn load(path: &Path) -> Result<PluginEntry, LoadError> {
    use clack_host::entry::LibraryEntry;

    let file = library_file(path)?;
    let failed = |error: libloading::Error| {
        use std::error::Error;
        let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        LoadError::Library { path: file.clone(), reason }
    };
    let library = open_library(&file).map_err(failed)?;
    // SAFETY: a symbol of that name in a CLAP file is an entry; more cannot be checked.
    let provider = unsafe { LibraryEntry::load_from_library(library) }.map_err(|error| entry_error(&file, error))?;
    let name = c_path(&file)?;
    // SAFETY: as above.
    unsafe { PluginEntry::load_from(provider, &name) }.map_err(|error| entry_error(&file, error))
}

/// Resolves every symbol now: a library that lacks one fails here with the symbol's name, not later in the callback.
#[cfg(unix)]
#[cfg(not(target_os = "macos"))]
fn open_library(file: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix;
    // SAFETY: loading foreign code is what was asked for.
    Ok(unsafe { unix::Library::open(Some(file), unix::RTLD_NOW | unix::RTLD_LOCAL) }?.into())
}

/// Finds the libraries that the plugin brings along beside it.
#[cfg(windows)]
fn open_library(file: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::windows;
    // SAFETY: loading foreign code is what was asked for.
    Ok(unsafe { windows::Library::load_with_flags(file, windows::LOAD_WITH_ALTERED_SEARCH_PATH) }?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Name.clap/` holding `Name.clap` and others: the one of the same name is the library.
    #[test]
    fn a_folder_stands_for_the_file_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("Name.clap");
        std::fs::create_dir(&bundle).unwrap();
        assert!(matches!(library_file(&bundle), Err(LoadError::EmptyBundle { .. })));
        for name in ["Zother.clap", "Another.clap", "readme.txt"] {
            std::fs::write(bundle.join(name), b"").unwrap();
        }
        assert_eq!(library_file(&bundle).unwrap(), bundle.join("Another.clap"));
        std::fs::write(bundle.join("Name.clap"), b"").unwrap();
        assert_eq!(library_file(&bundle).unwrap(), bundle.join("Name.clap"));
    }

    #[test]
    fn what_is_no_library_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("broken.clap");
        assert!(matches!(ClapLibrary::open(&file), Err(LoadError::Unreadable { .. })));
        std::fs::write(&file, b"not a library").unwrap();
        assert!(matches!(ClapLibrary::open(&file), Err(LoadError::Library { .. } | LoadError::Entry { .. })));
    }
}
