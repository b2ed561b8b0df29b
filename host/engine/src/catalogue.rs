//! The plugin libraries that are loaded, and finding a plugin in them or on disk. Does not scan: it opens what it is
//! pointed to.

use crate::error::EngineError;
use crate::session::PluginRef;
use crosspoint_formats::clap::{ClapEntry, ClapLibrary};
use crosspoint_formats::{Library, LoadError, Plugin, PluginDescriptor};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

/// A plugin as people name it on a command line: `FILE`, or `FILE#ID` where a file holds several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginReference {
    /// The file, folder, or the name of a linked pack.
    pub file: PathBuf,
    /// The plugin's id; none for the only one in the file.
    pub id: Option<String>,
}

impl FromStr for PluginReference {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A file name may have a `#` of its own: the file that exists wins.
        if !Path::new(text).exists()
            && let Some((file, id)) = text.rsplit_once('#')
        {
            return Ok(Self { file: file.into(), id: Some(id.to_owned()) });
        }
        Ok(Self { file: text.into(), id: None })
    }
}

/// All libraries of one engine.
///
/// # Threads
/// The main thread only.
#[derive(Default)]
pub struct Catalogue {
    libraries: Vec<Rc<dyn Library>>,
}

impl Catalogue {
    /// Adds an entry that is linked into the program, under a name that references may use.
    ///
    /// # Safety
    /// The entry keeps CLAP's rules.
    ///
    /// # Errors
    /// If it does not start.
    pub unsafe fn add_linked(&mut self, name: &str, entry: &'static ClapEntry) -> Result<Rc<dyn Library>, LoadError> {
        // SAFETY: the caller vouches for the entry.
        let library: Rc<dyn Library> = Rc::new(unsafe { ClapLibrary::from_entry(name, entry) }?);
        self.libraries.push(library.clone());
        Ok(library)
    }

    /// The libraries loaded so far.
    pub fn libraries(&self) -> &[Rc<dyn Library>] {
        &self.libraries
    }

    /// The library of a file, loaded now unless it has been before.
    ///
    /// # Errors
    /// If it does not load.
    pub fn open(&mut self, path: &Path) -> Result<Rc<dyn Library>, LoadError> {
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(known) = self.libraries.iter().find(|library| library.path() == path || library.path() == whole) {
            return Ok(known.clone());
        }
        let library: Rc<dyn Library> = Rc::from(crosspoint_formats::open(path)?);
        self.libraries.push(library.clone());
        Ok(library)
    }

    /// Makes the plugin that a reference names.
    ///
    /// # Errors
    /// If the file does not load, or holds no such plugin, or several and none is named.
    pub fn instantiate(&mut self, reference: &PluginReference) -> Result<(Box<dyn Plugin>, PathBuf), EngineError> {
        let library = self.open(&reference.file)?;
        let id = match (&reference.id, library.descriptors()) {
            (Some(id), _) => id.clone(),
            (None, [only]) => only.id.clone(),
            (None, several) => {
                let ids: Vec<&str> = several.iter().map(|descriptor| descriptor.id.as_str()).collect();
                return Err(EngineError::File {
                    path: reference.file.clone(),
                    problem: format!("holds {} plugins; add # and one of: {}", ids.len(), ids.join(", ")),
                });
            }
        };
        Ok((library.instantiate(&id)?, library.path().to_owned()))
    }

    /// Finds and makes the plugin of a rig file: by format and id in what is loaded, then in the file of its path hint,
    /// then in a file of that name in the standard folders. The hint decides between duplicates.
    ///
    /// # Errors
    /// What went wrong with the last file tried; none if no file is known at all.
    pub fn find(&mut self, wanted: &PluginRef) -> Result<(Box<dyn Plugin>, PathBuf), Option<LoadError>> {
        let mut last = None;
        for path in self.candidates(wanted) {
            match self.open(&path).and_then(|library| Ok((library.instantiate(&wanted.id)?, library.path().to_owned())))
            {
                Ok(found) => return Ok(found),
                Err(error) => last = Some(error),
            }
        }
        Err(last)
    }

    /// Where a plugin may be, the most likely first.
    fn candidates(&self, wanted: &PluginRef) -> Vec<PathBuf> {
        let matches = |descriptor: &PluginDescriptor| {
            descriptor.id == wanted.id && descriptor.format.to_string() == wanted.format
        };
        let mut paths: Vec<PathBuf> = self
            .libraries
            .iter()
            .filter(|library| library.descriptors().iter().any(matches))
            .map(|library| library.path().to_owned())
            .collect();
        if let Some(hint) = &wanted.path_hint {
            paths.sort_by_key(|path| path != hint);
            let elsewhere = standard_folders().into_iter().filter_map(|folder| Some(folder.join(hint.file_name()?)));
            paths.extend(std::iter::once(hint.clone()).chain(elsewhere).filter(|path| path.exists()));
        }
        paths
    }
}

/// Where CLAP files are installed: the user's folder, the system's, and those of `CLAP_PATH`.
fn standard_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("CLAP_PATH").map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default();
    let mut below = |variable: &str, rest: &str| {
        if let Some(base) = std::env::var_os(variable) {
            folders.push(PathBuf::from(base).join(rest));
        }
    };
    if cfg!(windows) {
        below("LOCALAPPDATA", "Programs/Common/CLAP");
        below("COMMONPROGRAMFILES", "CLAP");
    } else if cfg!(target_os = "macos") {
        below("HOME", "Library/Audio/Plug-Ins/CLAP");
        folders.push("/Library/Audio/Plug-Ins/CLAP".into());
    } else {
        below("HOME", ".clap");
        folders.extend(["/usr/lib/clap".into(), "/usr/local/lib/clap".into()]);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_a_file_and_perhaps_an_id() {
        let parse = |text: &str| text.parse::<PluginReference>().unwrap_or_else(|never| match never {});
        assert_eq!(parse("a/b.clap").id, None);
        assert_eq!(parse("a#b.clap#org.x").file, PathBuf::from("a#b.clap"));
        assert_eq!(parse("a#b.clap#org.x").id.as_deref(), Some("org.x"));
    }
}
