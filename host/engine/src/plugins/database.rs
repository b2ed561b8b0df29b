//! What is known of the plugin files of this machine.

use std::io;
use std::path::{Path, PathBuf};

use crosspoint_formats::scan::{PluginFacts, ScanError, ScanFault};

use super::query::PluginQuery;
use super::reference::{PluginReference, ReferenceError};
use crate::session::plugin_file::{self, KnownFiles};

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The environment does not say where the user's files are.
    #[error("there is no folder for the plugin database; set CROSSPOINT_DATA to one")]
    NoFolder,
    /// The system refused.
    #[error("the plugin database {} cannot be used: {source}; see that you may read and write there", path.display())]
    System {
        /// The database's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another scan is under way.
    #[error("another scan writes the plugin database {}; wait until it is done", path.display())]
    Busy {
        /// The database's file.
        path: PathBuf,
    },
    /// No scan can be made.
    #[error(transparent)]
    Scan(#[from] ScanError),
}

/// A plugin of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPlugin<'d> {
    /// The file or bundle it is in; together with its id, what it is known by.
    pub path: &'d Path,
    /// What it was when it was scanned.
    pub facts: &'d PluginFacts,
}

/// The plugins that scans have found, as of the last one.
///
/// It is kept in a file, which other programs may scan into meanwhile: open it again to see that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginDatabase {
    pub(super) path: PathBuf,
    pub(super) files: KnownFiles,
}

impl PluginDatabase {
    /// The user's: `plugins.json` in `$CROSSPOINT_DATA`, or in `crosspoint` in the user's folder for caches.
    ///
    /// # Errors
    /// If there is no such folder, or the file is there and cannot be read.
    pub fn open_default() -> Result<Self, DatabaseError> {
        Self::open(plugin_file::default_path().ok_or(DatabaseError::NoFolder)?)
    }

    /// The one in a file, empty if that does not exist. Files that end in `.journal` and `.lock` are beside it.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DatabaseError> {
        let path = path.into();
        match plugin_file::load(&path) {
            Ok(files) => Ok(Self { path, files }),
            Err(source) => Err(DatabaseError::System { path, source }),
        }
    }

    /// All plugins, by their files and in the order of these.
    pub fn plugins(&self) -> impl Iterator<Item = KnownPlugin<'_>> {
        self.files
            .values()
            .flat_map(|file| file.plugins.iter().map(|facts| KnownPlugin { path: file.path.as_path(), facts }))
    }

    /// What went wrong when files were scanned, with the file.
    pub fn faults(&self) -> impl Iterator<Item = (&Path, &ScanFault)> {
        self.files.values().flat_map(|file| file.faults.iter().map(|fault| (file.path.as_path(), fault)))
    }

    /// The plugins that meet a query.
    pub fn search<'d>(&'d self, query: &'d PluginQuery) -> impl Iterator<Item = KnownPlugin<'d>> {
        self.plugins().filter(|plugin| query.is_met_by(&plugin.facts.descriptor))
    }

    /// The plugin that a reference means.
    ///
    /// # Errors
    /// If it means none that is known, or more than one.
    pub fn look_up(&self, reference: &PluginReference) -> Result<KnownPlugin<'_>, ReferenceError> {
        reference.pick(self.plugins().map(|plugin| (plugin.path, &plugin.facts.descriptor, plugin)))
    }
}
