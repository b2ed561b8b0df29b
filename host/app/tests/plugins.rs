//! The program's plugin commands, run as people run them.

use std::path::Path;
use std::process::{Command, Output};

use crosspoint_fixture_file::{PLUGINS, copy};
use serde_json::Value;

/// A folder with plugin files, and the program with its data there.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| drop(copy(folder.path(), name).unwrap()));
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        command
            .arg("plugins")
            .args(arguments)
            .current_dir(self.path())
            .env("CROSSPOINT_DATA", self.path().join("data"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The document that a command prints, which must succeed.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap()).collect()
}

/// One document on standard output, though every plugin prints there; the failed file is in it, and the status is 0.
#[test]
fn a_scan_is_one_document_and_the_list_reads_it() {
    let place = Place::new(&["abort.clap", "good.clap"]);
    let scanned = place.json(&["scan", ".", "--json"]);
    assert_eq!(texts(&scanned["plugins"], "id"), PLUGINS);
    for key in ["format", "id", "name", "vendor", "version", "path"] {
        assert!(scanned["plugins"][0][key].is_string(), "{key}");
    }
    assert!(scanned["plugins"][0]["features"].is_array());
    let [failed] = &scanned["failed"].as_array().unwrap()[..] else { panic!("{scanned}") };
    assert_eq!(failed["path"].as_str().map(|path| path.ends_with("abort.clap")), Some(true));
    assert!(failed["reason"].is_string());

    assert_eq!(place.json(&["list", "--json"]), scanned);
    let instruments = place.json(&["list", "--category", "instrument", "--format", "clap", "--json"]);
    assert_eq!(texts(&instruments["plugins"], "id"), [PLUGINS[2]]);
    assert_eq!(texts(&place.json(&["list", "--name", "no such name", "--json"])["plugins"], "id"), [""; 0]);
}

/// All that Debian has of zam-plugins, in both formats, without a failure.
#[cfg(target_os = "linux")]
#[test]
fn plugins_of_others_are_found() {
    let place = Place::new(&[]);
    let folders = ["/usr/lib/clap", "/usr/lib/vst3"];
    if folders.map(|folder| Path::new(folder).join("ZamEQ2").with_extension(&folder[9..]).exists()) != [true; 2] {
        assert!(std::env::var_os("CROSSPOINT_REQUIRE_REAL_PLUGINS").is_none(), "zam-plugins are not installed");
        return eprintln!("SKIPPED: zam-plugins are not installed (apt-get install zam-plugins)");
    }
    let scanned = place.json(&["scan", folders[0], folders[1], "--json"]);
    for format in ["clap", "vst3"] {
        let plugins = scanned["plugins"].as_array().unwrap();
        let is_one = |plugin: &&Value| {
            plugin["format"] == format && plugin["name"].as_str().is_some_and(|name| name.starts_with("Za"))
        };
        assert_eq!(plugins.iter().filter(is_one).count(), 17, "{scanned:#}");
    }
    assert!(texts(&scanned["failed"], "path").iter().all(|path| !path.contains("/Za")), "{scanned:#}");
}

/// By name, by id and by file: the same plugin with its parameters.
#[test]
fn one_plugin_is_shown_whatever_it_is_called() {
    let place = Place::new(&["good.clap"]);
    let name = place.json(&["scan", ".", "--json"])["plugins"][1]["name"].as_str().unwrap().to_lowercase();
    let file = format!("good.clap#{}", PLUGINS[1]);
    for reference in [&name, &format!("clap:{}", PLUGINS[1]), &file] {
        let shown = place.json(&["show", reference, "--json"]);
        assert_eq!(shown["id"], PLUGINS[1], "{reference}");
        let parameter = &shown["parameters"][0];
        assert!(parameter["maximum"]["value"].as_f64() > parameter["minimum"]["value"].as_f64(), "{parameter}");
    }
    let unknown = place.run(&["show", "no such plugin"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("plugins scan"));
}

/// One that crashes as a file, as a plugin or by never coming back costs its own process: the error says so, nothing is
/// on standard output, and what a good one prints is not there either.
#[test]
fn a_plugin_that_crashes_is_not_shown() {
    let place = Place::new(&["abort.clap", "fragile.clap", "stuck.clap", "pack.clap"]);
    let cases = [
        ("abort.clap#any".to_owned(), "SIGABRT"),
        (format!("fragile.clap#{}", PLUGINS[1]), "SIGABRT"),
        ("pack.clap#org.crosspoint.fixture.aborts-in-activate".to_owned(), "SIGABRT"),
        (format!("stuck.clap#{}", PLUGINS[1]), "did not answer within 2s"),
        (format!("fragile.clap#{}", PLUGINS[2]), ""),
    ];
    for (reference, reason) in cases {
        let shown = place.run(&["show", &reference, "--json", "--timeout", "2"]);
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        if reason.is_empty() {
            assert_eq!(serde_json::from_slice::<Value>(&shown.stdout).unwrap()["id"], PLUGINS[2]);
        } else {
            assert_eq!((shown.status.code(), shown.stdout.len()), (Some(1), 0), "{reference}: {said}");
            let reason = if cfg!(unix) { reason } else { "" };
            assert!(said.contains(reason) && said.contains(reference.split('#').next().unwrap()), "{said}");
        }
    }
}

/// Presets within the plugin and in files, those that cannot be read told; and searched. A plugin that crashes is an error.
#[test]
fn presets_are_listed_and_searched() {
    let place = Place::new(&["pack.clap"]);
    let puppet = &format!("pack.clap#{}", crosspoint_fixtures::ids::PUPPET);
    let folder = place.path().join("sounds");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("two.puppet"), "one\nabsent").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env(crosspoint_fixtures::ids::puppet::FOLDER, &folder).output().unwrap()
    };
    let json = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };

    let listed = run(&["presets", puppet, "--json"]);
    assert!(listed.status.success(), "{listed:?}");
    let presets = &json(&listed)["presets"];
    assert_eq!(texts(presets, "name"), ["Bright", "Dark", "two", "two"]);
    assert_eq!((&presets[0]["location"], &presets[0]["key"]), (&Value::from("plugin"), &Value::from("bright")));
    assert!(presets[3]["location"]["file"].as_str().unwrap().ends_with("two.puppet"));
    assert_eq!(presets[0]["creators"][1], "Another");
    assert_eq!((&presets[0]["created"], &presets[0]["modified"]), (&Value::from(1_000_000_000), &Value::Null));
    let found = run(&["presets", puppet, "--search", "another LEAD", "--json"]);
    assert_eq!(texts(&json(&found)["presets"], "name"), ["Bright"]);
    let text = String::from_utf8(run(&["presets", puppet]).stdout).unwrap();
    assert!(text.starts_with("Bright (in the plugin, factory)\n    bright\n    lead, bright; by A person"), "{text}");

    std::fs::write(folder.join("broken.puppet"), "broken").unwrap();
    let listed = run(&["presets", puppet, "--json"]);
    assert_eq!((listed.status.code(), json(&listed)["problems"].as_array().unwrap().len()), (Some(3), 1));
    assert!(String::from_utf8_lossy(&listed.stderr).contains("it is broken"));
    let crashed = run(&["presets", "pack.clap#org.crosspoint.fixture.aborts-in-init", "--json"]);
    assert_eq!((crashed.status.code(), crashed.stdout.len()), (Some(1), 0), "{crashed:?}");

    // Only what VST3 has is saved as VST3 wants it.
    let saved = run(&["presets", puppet, "--save", "a.vstpreset"]);
    assert_eq!(saved.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&saved.stderr).contains("no VST3 plugin"), "{saved:?}");
}

/// A chain's plugin starts with the preset that stands behind it, by name, key or file; what it may not mean is told.
#[test]
fn a_chain_loads_presets() {
    let place = Place::new(&["pack.clap"]);
    let puppet = &format!("pack.clap#{}", crosspoint_fixtures::ids::PUPPET);
    let folder = place.path().join("sounds");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("two.puppet"), "one\nabsent\nunreadable").unwrap();
    let midi = b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0MTrk\0\0\0\x04\0\xff\x2f\0";
    std::fs::write(place.path().join("a.mid"), midi).unwrap();
    let render = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        command.args(["render", "--midi", "a.mid", "--output", "a.wav", "--tail", "0.1"]).args(arguments);
        command.env(crosspoint_fixtures::ids::puppet::FOLDER, &folder);
        command.current_dir(place.path()).env("CROSSPOINT_DATA", place.path().join("data"));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let with = |preset: &str| render(&["--plugin", puppet, "--preset", preset]);
    for preset in ["Bright", "dark", "bright"] {
        assert_eq!(with(preset).0, Some(0), "{preset}");
    }
    // The plugin itself refuses this one: it was asked.
    let (code, said) = with(&format!("{}#absent", folder.join("two.puppet").display()));
    assert!(code == Some(1) && said.contains("does not load the preset"), "{said}");
    let (code, said) = with(&format!("{}#unreadable", folder.join("two.puppet").display()));
    assert!(code == Some(1) && said.contains("it is not there"), "{said}");
    for (preset, words) in [("Brighd", ["there is no preset", "Bright"]), ("two", ["may be any of", "two.puppet#one"])]
    {
        let (code, said) = with(preset);
        assert!(code == Some(1) && words.iter().all(|word| said.contains(word)), "{said}");
    }
    for (preset, expected) in [("Bright", 0), ("Brighd", 1)] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        run.args(["run", "--device", "virtual", "--seconds", "0.1", "--plugin", puppet, "--preset", preset]);
        let output = run.current_dir(place.path()).env("CROSSPOINT_DATA", place.path().join("data")).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
    }
    assert_eq!(render(&["--preset", "Bright", "--plugin", puppet]).0, Some(2));
    assert_eq!(render(&["--plugin", puppet, "--preset", "Bright", "--preset", "Dark"]).0, Some(2));
}

/// The bundled plugins need no file and no scan.
#[test]
fn the_bundled_plugins_are_listed() {
    let place = Place::new(&[]);
    let bundled = place.json(&["list", "rack", "--json"]);
    assert!(texts(&bundled["plugins"], "id").contains(&"org.crosspoint.amp"));
    assert_eq!(bundled["failed"], Value::Array(vec![]));
    assert_eq!(place.json(&["show", "clap:org.crosspoint.amp", "--json"])["path"], "rack");
}

/// The scan is killed while its second file hangs: the first one is known, the worker is gone, and the next scan does not
/// begin with the first file again.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_scan_leaves_no_worker_and_loses_nothing() {
    let place = Place::new(&["a-good.clap", "hang.clap"]);
    let arguments = ["scan", ".", "--jobs", "1", "--timeout", "3600"];
    let mut scan = place
        .command(&arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let journal = place.path().join("data/plugins.journal");
    let id = scan.id();
    // Workers are children of the scan's threads.
    let children = || -> Vec<std::path::PathBuf> {
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let listed = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        let listed: Vec<String> = listed.collect();
        listed.iter().flat_map(|ids| ids.split_whitespace()).map(|id| Path::new("/proc").join(id)).collect()
    };
    wait_for("a result in the journal", || std::fs::metadata(&journal).is_ok_and(|journal| journal.len() > 0));
    wait_for("a worker", || !children().is_empty());
    let workers = children();
    scan.kill().unwrap();
    scan.wait().unwrap();
    wait_for("the worker's end", || workers.iter().all(|worker| !is_running(worker)));

    assert_eq!(texts(&place.json(&["list", "--json"])["plugins"], "id"), PLUGINS);
    std::fs::remove_file(place.path().join("hang.clap")).unwrap();
    let next = place.run(&["scan", "."]);
    assert!(String::from_utf8_lossy(&next.stdout).contains("3 plugins in 1 files, 0 of which"), "{next:?}");
}

/// Waits without an end, which is the test runner's business.
#[cfg(target_os = "linux")]
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    while !is_so() {
        eprintln!("waiting for {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Whether a process is there and no mere entry of one that has ended.
#[cfg(target_os = "linux")]
fn is_running(process: &Path) -> bool {
    let state = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    state.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with(['Z', 'X']))
}
