//! The file that the plugin database is kept in, and its journal: a scan that is under way appends each result to the
//! journal, so that one that is killed loses nothing; when it ends, file and journal become one file. All of it can be
//! found out again: what cannot be read is left out.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crosspoint_formats::scan::{FileReport, PluginFacts, ScanFault};
use serde::{Deserialize, Serialize};

use super::disk::{Disk, SystemDisk, folder_of, write_whole};
use super::folders::{Purpose, folder};

/// The version of the file and of its journal. Another one is not read.
const VERSION: u32 = 1;

/// By what a file is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Bytes, all files of a bundle together.
    pub size: u64,
    /// Nanoseconds since 1970, of the file of a bundle that was changed last.
    pub modified: u64,
    /// The BLAKE3 of its content.
    pub content: String,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownFile {
    pub path: PathBuf,
    pub stamp: Stamp,
    pub plugins: Vec<PluginFacts>,
    pub faults: Vec<ScanFault>,
}

impl KnownFile {
    pub fn new(report: FileReport, stamp: Stamp) -> Self {
        let FileReport { path, plugins, faults } = report;
        Self { path, stamp, plugins, faults }
    }

    pub fn report(&self) -> FileReport {
        FileReport { path: self.path.clone(), plugins: self.plugins.clone(), faults: self.faults.clone() }
    }
}

/// Files by their paths.
pub(crate) type KnownFiles = BTreeMap<PathBuf, KnownFile>;

#[derive(Serialize, Deserialize)]
struct Content<F> {
    crosspoint_plugins: u32,
    files: F,
}

/// Where the database is, unless a program wants it elsewhere: `plugins.json` in `$CROSSPOINT_DATA`, or in `crosspoint`
/// in the user's folder for caches. None if the environment names neither.
pub(crate) fn default_path() -> Option<PathBuf> {
    let own = env::var_os("CROSSPOINT_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = own.or_else(|| Some(folder(Purpose::Cache, |name| env::var_os(name))?.join("crosspoint")))?;
    Some(folder.join("plugins.json"))
}

/// What the file and its journal know.
pub(crate) fn load(path: &Path) -> io::Result<KnownFiles> {
    let content: Option<Content<Vec<KnownFile>>> = serde_json::from_slice(&bytes(path)?).ok();
    let content = content.filter(|content| content.crosspoint_plugins == VERSION);
    let mut files: KnownFiles =
        content.into_iter().flat_map(|content| content.files).map(|file| (file.path.clone(), file)).collect();
    // The last line is half a line if the machine stopped meanwhile.
    for line in bytes(&beside(path, "journal"))?.split(|&byte| byte == b'\n') {
        if let Ok(Content { crosspoint_plugins: VERSION, files: file }) =
            serde_json::from_slice::<Content<KnownFile>>(line)
        {
            files.insert(file.path.clone(), file);
        }
    }
    Ok(files)
}

/// Empty if there is no such file.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        result => result,
    }
}

/// `plugins.json` has `plugins.journal` beside it.
fn beside(path: &Path, extension: &str) -> PathBuf {
    path.with_extension(extension)
}

/// The right to change a database, of one scan at a time on the whole machine.
pub(crate) struct Journal {
    path: PathBuf,
    journal: File,
    /// Locked as long as it is open.
    _lock: File,
}

impl Journal {
    /// Begins a change; none if another scan is at it.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        SystemDisk.create_folder(&folder_of(path))?;
        let open = |extension| OpenOptions::new().create(true).append(true).open(beside(path, extension));
        let lock = open("lock")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        let mut journal = open("journal")?;
        // Ends the half line of a scan that was killed.
        if journal.metadata()?.len() > 0 {
            journal.write_all(b"\n")?;
        }
        Ok(Some(Self { path: path.to_owned(), journal, _lock: lock }))
    }

    /// Appends what was found out about a file.
    pub fn append(&mut self, file: &KnownFile) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Content { crosspoint_plugins: VERSION, files: file })?;
        line.push(b'\n');
        self.journal.write_all(&line)
    }

    /// Writes everything, whole or not at all, and empties the journal.
    pub fn close(self, files: &KnownFiles) -> io::Result<()> {
        let files: Vec<&KnownFile> = files.values().collect();
        let text = serde_json::to_vec(&Content { crosspoint_plugins: VERSION, files })?;
        write_whole(&SystemDisk, &self.path, &text)?;
        self.journal.set_len(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> KnownFile {
        let stamp = Stamp { size: 1, modified: 2, content: "3".to_owned() };
        let faults = vec![ScanFault { plugin: None, reason: "it is only a test".to_owned() }];
        KnownFile { path: path.into(), stamp, plugins: Vec::new(), faults }
    }

    fn paths(path: &Path) -> Vec<PathBuf> {
        load(path).unwrap().into_keys().collect()
    }

    /// Two results are journalled, the third is cut in the middle: the two are there, and so is what the next scan adds.
    #[test]
    fn a_scan_that_is_killed_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/plugins.json");
        assert_eq!(load(&path).unwrap(), KnownFiles::new());
        let mut journal = Journal::open(&path).unwrap().unwrap();
        journal.append(&file("a")).unwrap();
        journal.append(&file("b")).unwrap();
        journal.journal.write_all(b"{\"crosspoint_plugins\":1,\"files\":{\"path\":\"c\",").unwrap();
        drop(journal);
        assert_eq!(paths(&path), ["a", "b"].map(PathBuf::from));

        let mut journal = Journal::open(&path).unwrap().unwrap();
        journal.append(&file("d")).unwrap();
        let files = load(&path).unwrap();
        assert_eq!(files.len(), 3);
        assert_eq!(files[Path::new("d")], file("d"));
        journal.close(&files).unwrap();
        assert_eq!(fs::metadata(beside(&path, "journal")).unwrap().len(), 0);
        assert_eq!(load(&path).unwrap(), files);
    }

    #[test]
    fn one_scan_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.json");
        let first = Journal::open(&path).unwrap();
        assert!(first.is_some() && Journal::open(&path).unwrap().is_none());
        drop(first);
        assert!(Journal::open(&path).unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_read_is_found_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.json");
        fs::write(&path, b"{\"crosspoint_plugins\":1,").unwrap();
        assert_eq!(load(&path).unwrap(), KnownFiles::new());
        fs::write(&path, b"{\"crosspoint_plugins\":999,\"files\":[]}").unwrap();
        assert_eq!(load(&path).unwrap(), KnownFiles::new());
    }
}
