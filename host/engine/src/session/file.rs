//! Loading and saving rig files with their states. A save that fails at any step, or a machine that loses its power
//! during one, leaves the old rig with all its states, or the new one with all of its.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::disk::{Disk, SystemDisk, folder_of, write_whole};
use super::document::{Document, EntryKind, State, VERSION};
use super::problem::{LoadError, Problem, Report, Severity};
use super::read::{self, Loaded};
use super::{state, write};

/// The most bytes that a rig file or a machine file may have.
const MAX_BYTES: u64 = 1 << 26;

/// Why a file was not saved. What was there before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The document comes from a newer version, parts of which would be lost.
    #[error(
        "this was loaded from a file of a newer version than {VERSION}; save it with a newer program, or give it this \
         version and save it under another name"
    )]
    NewerDocument,
    /// The file that is to be replaced is of a newer version.
    #[error("{} is of a newer version than {VERSION}; save under another name", path.display())]
    NewerFile {
        /// The file.
        path: PathBuf,
    },
    /// A path in the document, or the file's own, is not Unicode, which a rig file is.
    #[error("the name of a file is not Unicode; rename the file or the rig")]
    NotUnicode,
    /// The document has what a file cannot say, such as a gain that is not finite or two nodes of one name.
    #[error("the rig cannot be written so that it can be read back; the first doubtful line is {line}: {text}")]
    Unfaithful {
        /// The line of the file as it would have been, counted from 1.
        line: usize,
        /// What it would have said.
        text: String,
    },
    /// The system refused.
    #[error(
        "{} cannot be written: {source}; what was there before is unharmed. Make room, or see that you may write there",
        path.display()
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Loads a rig file and its states.
///
/// # Errors
/// If the file cannot be read or is not TOML. Anything else is among the problems.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    read::parse(&text(path)?, &folder_of(path))
}

/// The text of a file, unless it is no text.
pub(super) fn text(path: &Path) -> Result<String, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(LoadError::NotAFile { path: path.to_owned(), limit: MAX_BYTES });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let (line, column) = Report::new(&before).place(valid);
        let message = "the text is not UTF-8 from here on".to_owned();
        LoadError::Syntax { problems: vec![Problem { line, column, severity: Severity::Error, message }] }
    })
}

/// Saves a rig file and its states, whole or not at all.
///
/// States go first, so that no file names one that is not there. Then state files are collected which neither this rig
/// nor the one it replaces names, nor any other file in the folder with `.toml` in its name: a save can be taken back by
/// hand, and copies of a rig stay whole.
///
/// # Errors
/// See [`SaveError`]. The old file and its states are unharmed then.
pub fn save(document: &Document, path: &Path) -> Result<(), SaveError> {
    save_on(&SystemDisk, document, path)
}

pub(super) fn save_on(disk: &impl Disk, document: &Document, path: &Path) -> Result<(), SaveError> {
    if document.version > VERSION {
        return Err(SaveError::NewerDocument);
    }
    let folder = folder_of(path);
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(SaveError::NotUnicode)?;
    let state_folder_name = state::folder_name(name);
    let text = write::document(document, &folder, &state_folder_name).ok_or(SaveError::NotUnicode)?;
    check_faithful(&text, &folder, &state_folder_name)?;
    let old = old_text(path, VERSION, "crosspoint")?;

    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SaveError::Write { path, source }
    };
    let state_folder = folder.join(&state_folder_name);
    let states = states(document);
    if !states.is_empty() {
        disk.create_folder(&state_folder).map_err(failed(&state_folder))?;
    }
    for (name, bytes) in &states {
        let file = state_folder.join(name);
        // What is there already under this name is the same, unless it was damaged.
        if fs::read(&file).map_or(true, |there| *there != ***bytes) {
            write_whole(disk, &file, bytes).map_err(failed(&file))?;
        }
    }
    if !states.is_empty() {
        disk.sync_folder(&state_folder).map_err(failed(&state_folder))?;
    }
    // The state folder's own name must be there before the rig is.
    disk.sync_folder(&folder).map_err(failed(&folder))?;
    write_whole(disk, path, text.as_bytes()).map_err(failed(path))?;
    disk.sync_folder(&folder).map_err(failed(&folder))?;
    let mut named = state::names_in(&old);
    named.extend(state::names_in(text.as_bytes()));
    collect(disk, &folder, &state_folder, named);
    Ok(())
}

/// The file as it was, empty if there was none; an error if it is of a newer version.
pub(super) fn old_text(path: &Path, version: u32, key: &str) -> Result<Vec<u8>, SaveError> {
    let old = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        result => result.map_err(|source| SaveError::Write { path: path.to_owned(), source })?,
    };
    let text = String::from_utf8_lossy(&old);
    let (root, _) = DeTable::parse_recoverable(&text);
    match root.get_ref().get(key) {
        Some(value) if read::version(value.get_ref()) > version => Err(SaveError::NewerFile { path: path.to_owned() }),
        _ => Ok(old),
    }
}

/// Whether the text is read back as what it was written from: then it is written again to the same bytes.
pub(super) fn check_faithful(text: &str, folder: &Path, state_folder: &str) -> Result<(), SaveError> {
    let again = read::parse_with(text, folder, |_| Err(String::new())).map_err(|error| match error {
        LoadError::Syntax { problems } => problems.first().map_or(1, |problem| problem.line),
        _ => 1,
    });
    let again = again.and_then(|loaded| match write::document(&loaded.document, folder, state_folder) {
        Some(again) if again == text => Ok(()),
        again => {
            let again = again.unwrap_or_default();
            Err(text.lines().zip(again.lines()).take_while(|(one, other)| one == other).count() + 1)
        }
    });
    again.map_err(|line| {
        let text = text.lines().nth(line - 1).unwrap_or_default().to_owned();
        SaveError::Unfaithful { line, text }
    })
}

fn states(document: &Document) -> BTreeMap<String, &Arc<[u8]>> {
    let plugins = document.nodes.iter().filter_map(|node| match &node.kind {
        EntryKind::Plugin(plugin) => plugin.state.as_ref(),
        _ => None,
    });
    let moments = document.moments.iter().filter_map(|moment| moment.values.as_ref());
    let scenes = document.scenes.iter().flat_map(|scene| scene.states.values());
    let states = plugins.chain(scenes).chain(moments).filter_map(|state| match state {
        State::Bytes(bytes) => Some((state::file_name(bytes), bytes)),
        State::Unavailable { .. } => None,
    });
    states.collect()
}

/// Removes the state files that are neither among the `named` nor in any other rig of the folder. If in doubt, or if that fails, they stay: another save comes.
fn collect(disk: &impl Disk, folder: &Path, state_folder: &Path, mut named: BTreeSet<String>) {
    let Ok(rigs) = files(folder, |name| name.contains(".toml")) else { return };
    for rig in rigs {
        match fs::read(rig) {
            Ok(text) => named.extend(state::names_in(&text)),
            Err(_) => return,
        }
    }
    let is_unnamed = |name: &str| state::is_file_name(name) && !named.contains(name);
    for file in files(state_folder, is_unnamed).unwrap_or_default() {
        if disk.remove(&file).is_err() {
            return;
        }
    }
}

/// The files of a folder whose names are `wanted`.
fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| wanted(&name.to_string_lossy())) && path.is_file() {
            files.insert(path);
        }
    }
    Ok(files)
}
