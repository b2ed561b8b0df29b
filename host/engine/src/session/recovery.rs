//! Recovery files: what a run leaves behind while it goes on, so that a crash costs no more than the last seconds. A folder
//! for each run, locked as long as the run lives; whoever starts later finds those whose run is gone. Never touches the
//! rig's own file.
//!
//! In the folder is a rig file with its states. Its table `recovery` says which rig it was, which scene played, what was
//! changed and not stored, and whatever else the program wants to know again.

use super::document::Document;
use super::file::{load, save};
use super::folders::{Purpose, folder};
use super::problem::LoadError;
use super::read::Loaded;
use super::scenes::SceneEntry;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use toml::{Table, Value};

/// The key of the table.
const TABLE: &str = "recovery";
/// The files in a run's folder.
const RIG: &str = "recovered.rig.toml";
const LOCK: &str = "lock";
/// What a run's folder is called.
const PREFIX: &str = "run-";
/// For how long a run may have a folder and no lock yet.
const BEGINNING: Duration = Duration::from_secs(60);
/// Runs whose remains are kept.
const KEPT: usize = 8;

/// Where recovery files are: `crosspoint/recovery` in `$XDG_STATE_HOME` or `~/.local/state`, on Windows in
/// `%LOCALAPPDATA%`, on macOS in `~/Library/Application Support`. None if the environment does not say.
pub fn recovery_folder() -> Option<PathBuf> {
    Some(folder(Purpose::State, |name| std::env::var_os(name))?.join("crosspoint").join("recovery"))
}

/// What was going on beside the rig itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Whereabouts {
    /// The rig's own file.
    pub rig: Option<PathBuf>,
    /// The scene that played.
    pub scene: Option<String>,
    /// Its place in the setlist: which song, and which of its scenes, from 0.
    pub position: Option<(usize, usize)>,
    /// What was changed since that scene was switched to, and not stored.
    pub edits: Option<SceneEntry>,
    /// What the program wants to know again, such as the device: texts by name.
    pub program: BTreeMap<String, Vec<String>>,
}

/// The place of a run's recovery file. It goes when this is dropped: the run has ended as it should. It stays if a panic
/// drops it.
#[derive(Debug)]
pub struct RecoveryFile {
    folder: PathBuf,
    /// Locked until the process ends, however it ends.
    lock: Option<File>,
}

impl RecoveryFile {
    /// A place for this run in a folder of such places. Makes that folder if there is none.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn begin(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        for old in recoverable(root).into_iter().skip(KEPT) {
            // If it cannot be removed it is one too many, and does no harm.
            let _ = old.remove();
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(root)?.keep();
        let lock = File::create(folder.join(LOCK))?;
        lock.lock()?;
        Ok(Self { folder, lock: Some(lock) })
    }

    /// The rig file in it.
    pub fn path(&self) -> PathBuf {
        self.folder.join(RIG)
    }
}

impl Drop for RecoveryFile {
    fn drop(&mut self) {
        // Some systems remove no file that is open.
        drop(self.lock.take());
        // Who is cut off by a fault has not ended as it should.
        if std::thread::panicking() {
            return;
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Writes a recovery file, whole or not at all.
pub(crate) fn write_recovery(mut document: Document, whereabouts: Whereabouts, path: &Path) -> Result<(), String> {
    let Whereabouts { rig, scene, position, edits, program } = whereabouts;
    let mut table = Table::new();
    let text = |path: PathBuf| path.to_str().map(|path| Value::String(path.to_owned()));
    table.extend(rig.and_then(text).map(|rig| ("rig".to_owned(), rig)));
    table.extend(scene.map(|scene| ("scene".to_owned(), Value::String(scene))));
    if let Some((song, scene)) = position {
        let number = |number: usize| Value::Integer(number as i64);
        table.insert("position".to_owned(), Value::Array(vec![number(song), number(scene)]));
    }
    if let Some(mut edits) = edits {
        let is_taken = |name: &str| document.scenes.iter().any(|scene| scene.name == name);
        let names = (1..).map(|number| format!("recovered edits {number}"));
        edits.name = names.into_iter().find(|name| !is_taken(name)).unwrap_or_default();
        table.insert("edits".to_owned(), Value::String(edits.name.clone()));
        document.scenes.push(edits);
    }
    let texts = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::String).collect());
    let program = program.into_iter().map(|(name, values)| (name, texts(values)));
    table.insert("program".to_owned(), Value::Table(program.collect()));
    document.extra.insert(TABLE.to_owned(), Value::Table(table));
    save(&document, path).map_err(|error| error.to_string())
}

/// What a run has left behind that did not end as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    folder: PathBuf,
    /// When it was written last.
    pub saved: SystemTime,
}

impl Remains {
    /// The rig and what was going on.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(&self) -> Result<(Loaded, Whereabouts), LoadError> {
        let mut loaded = load(&self.folder.join(RIG))?;
        // That the table is nothing of a rig's is known.
        loaded.problems.retain(|problem| !problem.message.contains(&format!("`{TABLE}`")));
        let table = match loaded.document.extra.remove(TABLE) {
            Some(Value::Table(table)) => table,
            _ => Table::new(),
        };
        let text = |key: &str| table.get(key).and_then(Value::as_str);
        let number = |value: &Value| value.as_integer().and_then(|number| usize::try_from(number).ok());
        let position = table.get("position").and_then(Value::as_array).and_then(|pair| match &pair[..] {
            [song, scene] => Some((number(song)?, number(scene)?)),
            _ => None,
        });
        let texts = |(name, values): (&String, &Value)| {
            let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
            (name.clone(), values.map(str::to_owned).collect())
        };
        let place = text("edits").and_then(|name| loaded.document.scenes.iter().position(|scene| scene.name == name));
        let whereabouts = Whereabouts {
            rig: text("rig").map(PathBuf::from),
            scene: text("scene").map(str::to_owned),
            position,
            edits: place.map(|place| {
                loaded.scene_lines.truncate(place);
                loaded.document.scenes.remove(place)
            }),
            program: table.get("program").and_then(Value::as_table).into_iter().flatten().map(texts).collect(),
        };
        Ok((loaded, whereabouts))
    }

    /// Removes it: it was brought back, or nobody wants it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(self.folder)
    }
}

/// What runs have left behind that are gone, the newest first.
pub fn recoverable(root: &Path) -> Vec<Remains> {
    let folders = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let ours = folders.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)));
    let mut found: Vec<Remains> = ours
        .filter_map(|folder| {
            // The system lets go of the lock when a process ends.
            let lock = open_lock(&folder).ok()?;
            lock.try_lock().ok()?;
            let begun = lock.metadata().and_then(|file| file.modified());
            drop(lock);
            match fs::metadata(folder.join(RIG)).and_then(|file| file.modified()) {
                Ok(saved) => return Some(Remains { folder, saved }),
                // A run that ended before it had saved anything. If it cannot be removed it does no harm.
                Err(error) if error.kind() == io::ErrorKind::NotFound && begun.is_ok_and(is_long_ago) => {
                    let _ = fs::remove_dir_all(folder);
                }
                Err(_) => {}
            }
            None
        })
        .collect();
    found.sort_by_key(|remains| std::cmp::Reverse(remains.saved));
    found
}

/// Whether a run that began then has long had its lock.
fn is_long_ago(time: SystemTime) -> bool {
    time.elapsed().is_ok_and(|passed| passed > BEGINNING)
}

/// The lock of a run's folder that is there already. Network file systems lock only what is open for writing.
fn open_lock(folder: &Path) -> io::Result<File> {
    File::options().write(true).open(folder.join(LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// While a run lives nobody else finds its file; one that ended leaves nothing; one that was cut off leaves all it said.
    #[test]
    fn only_what_a_dead_run_left_is_found() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("recovery");
        let whereabouts = Whereabouts {
            rig: Some("/rigs/band.rig.toml".into()),
            scene: Some("Lead".to_owned()),
            position: Some((1, 2)),
            edits: Some(SceneEntry { tempo: Some(90.0), ..SceneEntry::default() }),
            program: BTreeMap::from([("device".to_owned(), vec!["virtual".to_owned()])]),
        };
        let document = Document { name: "Band".to_owned(), ..Document::default() };
        let run = RecoveryFile::begin(&root).unwrap();
        write_recovery(document.clone(), whereabouts.clone(), &run.path()).unwrap();
        assert_eq!(recoverable(&root), []);
        drop(run);
        assert_eq!(recoverable(&root), []);
        let mut run = RecoveryFile::begin(&root).unwrap();
        write_recovery(document.clone(), whereabouts.clone(), &run.path()).unwrap();
        // As if the process were gone.
        run.lock = None;
        let [remains] = &recoverable(&root)[..] else { panic!("none is found") };
        let (loaded, mut found) = remains.load().unwrap();
        assert_eq!((loaded.document, loaded.problems), (document, Vec::new()));
        let edits = found.edits.as_mut().unwrap();
        assert_eq!(std::mem::take(&mut edits.name), "recovered edits 1");
        assert_eq!(found, whereabouts);
        remains.clone().remove().unwrap();
        assert_eq!(recoverable(&root), []);
    }

    /// A fault that unwinds the thread of a run, and with it the place of its file.
    #[test]
    fn a_run_that_a_fault_cuts_off_leaves_its_file() {
        let root = tempfile::tempdir().unwrap();
        let run = RecoveryFile::begin(root.path()).unwrap();
        write_recovery(Document::default(), Whereabouts::default(), &run.path()).unwrap();
        let faulty = std::thread::spawn(move || {
            let _run = run;
            panic!("a fault");
        });
        assert!(faulty.join().is_err());
        assert_eq!(recoverable(root.path()).len(), 1);
    }

    /// A run that was cut off before it saved anything leaves nothing behind for long; one that has just begun is left alone.
    #[test]
    fn a_run_that_never_saved_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - 2 * BEGINNING;
        let begin = |since: Option<SystemTime>| {
            let mut run = RecoveryFile::begin(root.path()).unwrap();
            since.into_iter().for_each(|since| run.lock.as_ref().unwrap().set_modified(since).unwrap());
            run.lock = None;
            run
        };
        let (old, young) = (begin(Some(long_ago)), begin(None));
        let living = RecoveryFile::begin(root.path()).unwrap();
        living.lock.as_ref().unwrap().set_modified(long_ago).unwrap();
        assert_eq!(recoverable(root.path()), []);
        assert!(!old.folder.exists() && young.folder.exists() && living.folder.exists());
    }

    /// What cannot be written has no lock on a network file system.
    #[test]
    fn a_lock_is_tried_where_it_could_be_written() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(LOCK), "").unwrap();
        open_lock(root.path()).unwrap().write_all(b"1").unwrap();
        fs::remove_file(root.path().join(LOCK)).unwrap();
        assert!(open_lock(root.path()).is_err(), "it makes none");
    }
}
