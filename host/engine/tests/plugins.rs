//! The plugin database, filled by real workers from real files: what is known is not looked into again, what changed is,
//! and files are told apart whatever is in them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosspoint::formats::Format;
use crosspoint::formats::scan::{self, ScanFault, Scanner, WorkerProgram};
use crosspoint::plugins::{
    DatabaseError, PluginDatabase, PluginQuery, PluginReference, ReferenceError, ScanProgress, ScanRequest, ScanSummary,
};
use crosspoint::{Engine, EngineError, EngineSettings};
use crosspoint_fixture_file::{PLUGINS, copy};

/// Not a test: what the workers of the others run, which are this program again.
#[test]
fn worker() {
    if std::env::var_os("CROSSPOINT_SCAN_WORKER").is_some() {
        scan::serve();
    }
}

/// A folder with plugin files and a database.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plugins")).unwrap();
        let place = Self { folder };
        names.iter().for_each(|name| drop(copy(&place.plugins(), name).unwrap()));
        place
    }

    fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.plugins().join(name)
    }

    fn database(&self) -> PluginDatabase {
        PluginDatabase::open(self.folder.path().join("data/plugins.json")).unwrap()
    }

    /// What a scan of the folder, one file after the other, looks into and finds.
    fn scan(&self, again: bool) -> (Vec<PathBuf>, ScanSummary) {
        let mut begun = Vec::new();
        let request = ScanRequest { again, ..request(&self.plugins()) };
        let summary = self.database().scan(&request, |progress| {
            if let ScanProgress::Started { path } = progress {
                begun.push(path);
            }
            ControlFlow::Continue(())
        });
        let summary = summary.unwrap();
        assert_eq!(summary.looked_into, begun.len());
        (begun, summary)
    }
}

fn request(path: &Path) -> ScanRequest {
    let mut worker = WorkerProgram::this().unwrap();
    worker.arguments = ["--exact", "worker", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec();
    let scanner = Scanner { jobs: 1, time_limit: Duration::from_secs(60), ..Scanner::new(worker) };
    ScanRequest { paths: vec![path.to_owned()], again: false, scanner }
}

/// Every plugin of the database, as file name and id.
fn known(database: &PluginDatabase) -> Vec<(String, String)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    database.plugins().map(|plugin| (name(plugin.path), plugin.facts.descriptor.id.clone())).collect()
}

fn reasons(database: &PluginDatabase) -> Vec<&ScanFault> {
    database.faults().map(|(_, fault)| fault).collect()
}

#[test]
fn what_has_not_changed_is_not_looked_into_again() {
    let place = Place::new(&["abort.clap", "good.clap"]);
    let (begun, first) = place.scan(false);
    assert_eq!(begun, [place.file("abort.clap"), place.file("good.clap")]);
    let (begun, second) = place.scan(false);
    assert_eq!((begun, second.reports), (vec![], first.reports.clone()));
    assert_eq!(known(&place.database()).len(), PLUGINS.len());
    assert_eq!(reasons(&place.database()).len(), 1);
    let (begun, _) = place.scan(true);
    assert_eq!(begun.len(), 2);
}

/// A file that failed is tried again when it is another one, and a good one when it has another content.
#[test]
fn what_changed_is_looked_into_again() {
    let place = Place::new(&["good.clap", "other.clap"]);
    fs::write(place.file("broken.clap"), b"not a library").unwrap();
    place.scan(false);
    assert_eq!(reasons(&place.database()).len(), 1);

    fs::copy(place.file("good.clap"), place.file("broken.clap")).unwrap();
    fs::write(place.file("good.clap"), b"no library any more").unwrap();
    let (begun, _) = place.scan(false);
    assert_eq!(begun, [place.file("broken.clap"), place.file("good.clap")]);
    let files: Vec<String> = known(&place.database()).into_iter().map(|(file, _)| file).collect();
    assert_eq!(files, ["broken.clap"; 3].into_iter().chain(["other.clap"; 3]).collect::<Vec<_>>());
}

/// A scan that is broken off has saved what it found, and the next one goes on behind that.
#[test]
fn a_scan_goes_on_where_it_was_broken_off() {
    let place = Place::new(&["a.clap", "b.clap", "c.clap"]);
    let stopped = place.database().scan(&request(&place.plugins()), |progress| match progress {
        ScanProgress::Finished { path } if path == place.file("b.clap") => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(stopped.unwrap().looked_into, 2);
    let (begun, _) = place.scan(false);
    assert_eq!(begun, [place.file("c.clap")]);
}

#[test]
fn two_scans_do_not_write_at_once() {
    let place = Place::new(&["good.clap"]);
    let mut other = None;
    let outer = place.database().scan(&request(&place.plugins()), |_| {
        other = Some(place.database().scan(&request(&place.plugins()), |_| ControlFlow::Continue(())));
        ControlFlow::Continue(())
    });
    assert!(outer.is_ok());
    assert!(matches!(other, Some(Err(DatabaseError::Busy { .. }))));
}

/// Two files with the same plugins: both are known, and only a file's name tells them apart.
#[test]
fn the_same_id_in_two_files_is_two_plugins() {
    let place = Place::new(&["one.clap", "two.clap"]);
    place.scan(false);
    let database = place.database();
    assert_eq!(known(&database).len(), 2 * PLUGINS.len());
    let look_up = |text: &str| database.look_up(&text.parse().unwrap()).map(|plugin| plugin.path.to_owned());
    let id = format!("clap:{}", PLUGINS[1]);
    let Err(ReferenceError::Ambiguous { candidates, .. }) = look_up(&id) else { panic!() };
    let files = [place.file("one.clap"), place.file("two.clap")];
    assert_eq!(candidates, files.each_ref().map(|file| format!("{}#{}", file.display(), PLUGINS[1])));
    assert_eq!(look_up(&candidates[1]).as_ref(), Ok(&files[1]));

    let query =
        PluginQuery { category: Some("instrument".to_owned()), format: Some(Format::Clap), ..Default::default() };
    let found: Vec<_> = database.search(&query).map(|plugin| plugin.path).collect();
    assert_eq!(found, files);
}

/// An engine with the database makes a plugin by its id or its name, without being told its file.
#[test]
fn an_engine_finds_what_a_scan_has_found() {
    let place = Place::new(&["good.clap"]);
    place.scan(false);
    let database = place.database();
    let name = database.plugins().next().unwrap().facts.descriptor.name.to_uppercase();
    let mut engine = Engine::new(EngineSettings::default());
    let catalogue = engine.catalogue();
    let reference: PluginReference = name.parse().unwrap();
    assert!(matches!(catalogue.instantiate(&reference), Err(EngineError::Reference(_))));
    catalogue.set_database(database);
    let (plugin, file) = catalogue.instantiate(&reference).unwrap();
    assert_eq!((plugin.descriptor().id.as_str(), file), (PLUGINS[0], place.file("good.clap").canonicalize().unwrap()));
    // The same file again, under the name of the database and its own: still one.
    let id = format!("clap:{}", PLUGINS[2]);
    assert_eq!(catalogue.instantiate(&id.parse().unwrap()).unwrap().0.descriptor().id, PLUGINS[2]);
}

/// What is no longer there is forgotten when all is scanned, and told when it is named.
#[test]
fn what_is_gone_is_forgotten() {
    let place = Place::new(&["good.clap"]);
    place.scan(false);
    fs::remove_file(place.file("good.clap")).unwrap();
    let named = place.database().scan(&request(&place.file("good.clap")), |_| ControlFlow::Continue(())).unwrap();
    assert!(named.reports[0].faults[0].reason.contains("cannot be read"));
    assert_eq!(known(&place.database()), []);
}
