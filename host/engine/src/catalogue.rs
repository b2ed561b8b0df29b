//! The plugin libraries that are loaded, and finding a plugin in them, in the database or on disk. Does not scan: it opens
//! what it is pointed to.

use crate::error::EngineError;
use crate::plugins::{PluginDatabase, PluginReference};
use crate::session::PluginRef;
use crosspoint_formats::clap::{ClapEntry, ClapLibrary};
use crosspoint_formats::scan::standard_folders;
use crosspoint_formats::{Format, Library, LoadError, Plugin, PluginDescriptor};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// All libraries of one engine.
///
/// # Threads
/// The main thread only.
#[derive(Default)]
pub struct Catalogue {
    libraries: Vec<Rc<dyn Library>>,
    database: Option<PluginDatabase>,
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

    /// Looks plugins up in a database from now on.
    pub fn set_database(&mut self, database: PluginDatabase) {
        self.database = Some(database);
    }

    /// The database, if there is one.
    pub fn database(&self) -> Option<&PluginDatabase> {
        self.database.as_ref()
    }

    /// Adds a library that was opened elsewhere, such as a linked pack of another format.
    pub fn add(&mut self, library: Rc<dyn Library>) {
        self.libraries.push(library);
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

    /// Makes the plugin that a reference means: in its file; or by id or name among the libraries that are loaded and
    /// the plugins of the database.
    ///
    /// # Errors
    /// If the file does not load, or holds no such plugin, or several and none is named; if the reference means no known
    /// plugin, or more than one.
    pub fn instantiate(&mut self, reference: &PluginReference) -> Result<(Box<dyn Plugin>, PathBuf), EngineError> {
        let (file, id) = self.locate(reference)?;
        let library = self.open(&file)?;
        let id = match (id, library.descriptors()) {
            (Some(id), _) => id,
            (None, [only]) => only.id.clone(),
            (None, several) => {
                let ids: Vec<&str> = several.iter().map(|descriptor| descriptor.id.as_str()).collect();
                return Err(EngineError::File {
                    path: file,
                    problem: format!("holds {} plugins; add # and one of: {}", ids.len(), ids.join(", ")),
                });
            }
        };
        Ok((library.instantiate(&id)?, library.path().to_owned()))
    }

    /// The file that a reference means, or the name of a linked pack, and the plugin's id in it; none for the only one
    /// there. Opens no file.
    ///
    /// # Errors
    /// If the reference means no known plugin, or more than one.
    pub fn locate(&self, reference: &PluginReference) -> Result<(PathBuf, Option<String>), EngineError> {
        Ok(match reference {
            PluginReference::File { file, id } => (file.clone(), id.clone()),
            PluginReference::Name(name) if self.is_linked(name) => (name.into(), None),
            _ => {
                let (file, id) = self.look_up(reference)?;
                (file, Some(id))
            }
        })
    }

    /// Whether a linked pack, or a file without any folder, is loaded under that very name.
    fn is_linked(&self, name: &str) -> bool {
        self.libraries.iter().any(|library| library.path() == Path::new(name))
    }

    /// The file and the id of the plugin that a reference means.
    fn look_up(&self, reference: &PluginReference) -> Result<(PathBuf, String), EngineError> {
        let known = self.known().map(|(path, plugin)| (path, plugin, (path.to_owned(), plugin.id.clone())));
        Ok(reference.pick(known)?)
    }

    /// All plugins that are loaded or in the database, with their files. Some are both.
    fn known(&self) -> impl Iterator<Item = (&Path, &PluginDescriptor)> {
        let loaded = self.libraries.iter().flat_map(|library| {
            let path = library.path();
            library.descriptors().iter().map(move |plugin| (path, plugin))
        });
        let installed = self.database.iter().flat_map(PluginDatabase::plugins);
        loaded.chain(installed.map(|plugin| (plugin.path, &plugin.facts.descriptor)))
    }

    /// Finds and makes the plugin of a rig file: by format and id in what is loaded and in the database, then in the file
    /// of its path hint, then in a file of that name in the standard folders. The hint decides between duplicates.
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
        let is_wanted =
            |plugin: &PluginDescriptor| plugin.id == wanted.id && plugin.format.to_string() == wanted.format;
        let known = self.known().filter(|(_, plugin)| is_wanted(plugin)).map(|(path, _)| path.to_owned());
        let mut paths: Vec<PathBuf> = known.collect();
        if let Some(hint) = &wanted.path_hint {
            paths.sort_by_key(|path| path != hint);
            let folders = Format::of(hint).map(standard_folders).unwrap_or_default();
            let elsewhere = folders.into_iter().filter_map(|folder| Some(folder.join(hint.file_name()?)));
            paths.extend(std::iter::once(hint.clone()).chain(elsewhere).filter(|path| path.exists()));
        }
        paths
    }
}
