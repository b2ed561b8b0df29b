//! Saves that fail at every step there is: an error, a full disk in the middle of a write, or a machine that stops.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::disk::{Disk, SystemDisk};
use super::file::{load, save_on};
use super::{Document, EntryKind, NodeEntry, PluginEntry, State, save};

/// Fails at step `at`; if it `stops`, at every later one too, and leaves its temporary files as a crash would.
struct Faulty {
    at: usize,
    stops: bool,
    step: Cell<usize>,
    log: RefCell<Vec<String>>,
}

impl Faulty {
    fn new(at: usize, stops: bool) -> Self {
        Self { at, stops, step: Cell::new(0), log: RefCell::default() }
    }

    fn step(&self, action: &str, path: &Path) -> io::Result<()> {
        let step = self.step.replace(self.step.get() + 1);
        if step == self.at || (self.stops && step > self.at) {
            return Err(ErrorKind::StorageFull.into());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.log.borrow_mut().push(format!("{action} {name}").trim().to_owned());
        Ok(())
    }
}

impl Disk for Faulty {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("folder", folder)?;
        SystemDisk.create_folder(folder)
    }

    fn create(&self, folder: &Path) -> io::Result<NamedTempFile> {
        self.step("create in", folder)?;
        let mut file = SystemDisk.create(folder)?;
        file.disable_cleanup(self.stops);
        Ok(file)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self.step("write", Path::new("")) {
            Ok(()) => SystemDisk.write(file, bytes),
            Err(error) => file.write_all(&bytes[..bytes.len() / 2]).and(Err(error)),
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step("sync", Path::new(""))?;
        SystemDisk.sync(file)
    }

    fn rename(&self, file: NamedTempFile, to: &Path) -> io::Result<()> {
        self.step("rename to", to)?;
        SystemDisk.rename(file, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("sync folder", folder)?;
        SystemDisk.sync_folder(folder)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.step("remove", file)?;
        SystemDisk.remove(file)
    }
}

/// A rig of one plugin for each of these states.
fn rig(name: &str, states: &[&str]) -> Document {
    let node = |(index, state): (usize, &&str)| {
        let mut plugin =
            PluginEntry { state: Some(State::Bytes(Arc::from(state.as_bytes()))), ..PluginEntry::default() };
        plugin.plugin.format = "clap".into();
        plugin.plugin.id = "org.example".into();
        NodeEntry::new(format!("plugin {index}"), EntryKind::Plugin(Box::new(plugin)))
    };
    Document { name: name.into(), nodes: states.iter().enumerate().map(node).collect(), ..Document::default() }
}

// old -> older states collected ... step n fails ... what is loaded is the old rig or the new one, never half of either,
// with all its states; and the next save succeeds.
#[test]
fn a_save_that_fails_anywhere_leaves_a_whole_rig() {
    for stops in [false, true] {
        let mut failures = 0;
        for at in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("my.rig.toml");
            save(&rig("oldest", &["a", "b"]), &path).unwrap();
            let (old, new) = (rig("old", &["b", "c"]), rig("new", &["c", "d", "e"]));
            save(&old, &path).unwrap();

            let disk = Faulty::new(at, stops);
            let result = save_on(&disk, &new, &path);
            let loaded = load(&path).unwrap();
            assert_eq!(loaded.problems, [], "step {at}");
            assert!(loaded.document == old || loaded.document == new, "step {at}");
            assert!(result.is_err() || loaded.document == new, "step {at} said it was saved");
            failures += usize::from(result.is_err());

            save(&new, &path).unwrap();
            assert_eq!(load(&path).unwrap().document, new);
            if disk.step.get() <= at {
                break;
            }
        }
        assert_eq!(failures, 1 + 2 * 4 + 2 + 4 + 1, "every step but the collecting must count");
    }
}

// What a rig names is on the disk before the rig is, and its content before its name.
#[test]
fn states_are_on_the_disk_before_the_rig_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.rig.toml");
    let disk = Faulty::new(usize::MAX, false);
    save_on(&disk, &rig("one", &["a"]), &path).unwrap();
    let root = folder.path().file_name().unwrap().to_string_lossy().into_owned();
    let state = super::state::file_name(b"a");
    let expected = [
        "folder my.rig.state",
        "create in my.rig.state",
        "write",
        "sync",
        &format!("rename to {state}"),
        "sync folder my.rig.state",
        &format!("sync folder {root}"),
        &format!("create in {root}"),
        "write",
        "sync",
        "rename to my.rig.toml",
        &format!("sync folder {root}"),
    ];
    assert_eq!(*disk.log.borrow(), expected);
}
