//! Scanning of real files by real workers: whatever one file does, the others are found, and it alone is blamed.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosspoint_fixture_file::{PLUGINS, copy};
use crosspoint_formats::scan::{self, FileReport, ScanError, ScanEvent, Scanner, WorkerProgram};

/// Not a test: what the workers of the others run, which are this program again.
#[test]
fn worker() {
    if std::env::var_os("CROSSPOINT_SCAN_WORKER").is_some() {
        scan::serve();
    }
}

/// A scanner with so many workers, which prints nothing and has time.
fn scanner(jobs: usize) -> Scanner {
    let mut worker = WorkerProgram::this().unwrap();
    worker.arguments = ["--exact", "worker", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec();
    Scanner { jobs, time_limit: Duration::from_secs(60), ..Scanner::new(worker) }
}

/// Files of these names in a folder.
fn files(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| copy(folder, name).unwrap()).collect()
}

/// The reports in the order of the files.
fn scan(scanner: &Scanner, files: &[PathBuf]) -> Vec<FileReport> {
    let mut reports = Vec::new();
    let observer = |event| {
        if let ScanEvent::Finished(report) = event {
            reports.push(report);
        }
        ControlFlow::Continue(())
    };
    scanner.scan(files, observer).unwrap();
    reports.sort_by_key(|report| files.iter().position(|file| *file == report.path));
    assert_eq!(reports.len(), files.len(), "each file has its report");
    reports
}

fn ids(report: &FileReport) -> Vec<&str> {
    report.plugins.iter().map(|plugin| plugin.descriptor.id.as_str()).collect()
}

/// The plugin and the reason of each fault.
fn faults(report: &FileReport) -> Vec<(Option<&str>, &str)> {
    report.faults.iter().map(|fault| (fault.plugin.as_deref(), fault.reason.as_str())).collect()
}

#[test]
fn a_good_file_tells_everything() {
    let folder = tempfile::tempdir().unwrap();
    let [report] = &scan(&scanner(1), &files(folder.path(), &["good.clap"]))[..] else { panic!() };
    assert_eq!((ids(report), faults(report)), (PLUGINS.to_vec(), vec![]));
    let shapes: Vec<_> = report.plugins.iter().map(|plugin| plugin.shape.as_ref().unwrap()).collect();
    assert_eq!(shapes[0].audio_inputs[0].channels, 2);
    assert_eq!((shapes[0].latency, shapes[1].parameters), (Some(0), 1));
    assert_eq!(shapes[2].note_inputs[0].dialects, ["notes", "midi"]);
}

/// A crash, an exit, a file that is no library and one that is not there: each says why, and the good one among them is
/// found whatever process it comes into.
#[test]
fn whatever_fails_costs_its_own_file_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(folder.path(), &["a-good.clap", "abort.clap", "b-good.clap", "exit.clap", "c-good.clap"]);
    files.extend(["broken.clap", "absent.clap", "unknown.txt"].map(|name| folder.path().join(name)));
    std::fs::write(&files[5], b"not a library").unwrap();
    for jobs in [1, 3] {
        let reports = scan(&scanner(jobs), &files);
        for good in [0, 2, 4] {
            assert_eq!((ids(&reports[good]), faults(&reports[good])), (PLUGINS.to_vec(), vec![]));
        }
        let reason = |index: usize| match &faults(&reports[index])[..] {
            [(None, reason)] => (*reason).to_owned(),
            other => panic!("{other:?}"),
        };
        if cfg!(unix) {
            assert_eq!(reason(1), "it crashed: SIGABRT (signal 6)");
        }
        assert_eq!(reason(3), "it ended the process with exit code 3");
        assert!(reason(5).contains("does not load"), "{}", reason(5));
        assert!(reason(6).contains("cannot read"), "{}", reason(6));
        assert!(reason(7).contains("not a plugin file"), "{}", reason(7));
    }
}

/// One that never returns is ended at its time limit; what came before it and after it is found.
#[test]
fn a_hang_ends_at_the_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), &["a-good.clap", "hang.clap", "stuck.clap", "z-good.clap"]);
    // Long enough for a good file on a busy machine.
    let scanner = Scanner { time_limit: Duration::from_secs(2), ..scanner(2) };
    let reports = scan(&scanner, &files);
    let late = "it took longer than the time limit of 2s";
    assert_eq!(faults(&reports[1]), [(None, late)]);
    assert_eq!((ids(&reports[2]), faults(&reports[2])), (PLUGINS.to_vec(), vec![(Some(PLUGINS[1]), late)]));
    assert!(reports[2].plugins[0].shape.is_some(), "what was found before is kept");
    for good in [0, 3] {
        assert_eq!((ids(&reports[good]), faults(&reports[good])), (PLUGINS.to_vec(), vec![]));
    }
}

/// One plugin of a file crashes, or refuses to be made: the other plugins of the file are found.
#[test]
fn one_plugin_does_not_cost_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for report in scan(&scanner(1), &files(folder.path(), &["fragile.clap", "refuse.clap"])) {
        assert_eq!(ids(&report), PLUGINS);
        let made: Vec<bool> = report.plugins.iter().map(|plugin| plugin.shape.is_some()).collect();
        assert_eq!(made, [true, false, true]);
        let [(Some(plugin), _)] = &faults(&report)[..] else { panic!("{:?}", report.faults) };
        assert_eq!(*plugin, PLUGINS[1]);
    }
}

/// A good file that crashes in a process which another one spoilt is tried again in its own.
#[test]
fn nobody_is_blamed_for_another() {
    let folder = tempfile::tempdir().unwrap();
    for report in scan(&scanner(1), &files(folder.path(), &["poison.clap", "victim.clap", "victim-2.clap"])) {
        assert_eq!((ids(&report), faults(&report)), (PLUGINS.to_vec(), vec![]), "{:?}", report.path);
    }
}

/// The linker's own words, with the name of the symbol. `abort`, which the file imports, is no longer called so in it.
#[cfg(target_os = "linux")]
#[test]
fn an_undefined_symbol_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), &["good.clap", "good.vst3"]);
    for library in [files[0].clone(), crosspoint_fixture_file::library_in(&files[1]).unwrap()] {
        let mut bytes = std::fs::read(&library).unwrap();
        let at = bytes.windows(7).position(|window| window == b"\0abort\0").expect("the library imports abort");
        bytes[at + 1..at + 6].copy_from_slice(b"abhor");
        std::fs::write(library, bytes).unwrap();
    }
    for report in scan(&scanner(1), &files) {
        let [(None, reason)] = &faults(&report)[..] else { panic!("{:?}", report.faults) };
        assert!(reason.contains("undefined symbol: abhor"), "{reason}");
    }
}

/// Bundles of VST3 that do what their names say: an entry that aborts, ends the process or never returns, a plugin that aborts,
/// is never made or cannot be made, a file that spoils its process. Each alone is blamed, what there is of it is found.
#[cfg(unix)]
#[test]
fn vst3_files_fail_for_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a-good", "abort", "exit", "hang", "fragile", "stuck", "refuse", "poison", "victim", "z-good"];
    let files = files(folder.path(), &names.map(|name| format!("{name}.vst3")).each_ref().map(String::as_str));
    // Long enough for a good file on a busy machine.
    let reports = scan(&Scanner { time_limit: Duration::from_secs(4), ..scanner(2) }, &files);
    let plugins = crosspoint_fixture_file::vst3_plugins();
    let late = "it took longer than the time limit of 4s";
    for (name, report) in names.iter().zip(&reports) {
        let second = Some(plugins[1].as_str());
        let (is_found, wanted) = match *name {
            "abort" => (false, vec![(None, "it crashed: SIGABRT (signal 6)")]),
            "exit" => (false, vec![(None, "it ended the process with exit code 3")]),
            "hang" => (false, vec![(None, late)]),
            "fragile" => (true, vec![(second, "it crashed: SIGABRT (signal 6)")]),
            "stuck" => (true, vec![(second, late)]),
            "refuse" => (true, vec![(second, "it failed to initialise: its factory does not make one")]),
            _ => (true, vec![]),
        };
        assert_eq!(faults(report), wanted, "{name}");
        let found = if is_found { plugins.each_ref().map(String::as_str).to_vec() } else { vec![] };
        assert_eq!(ids(report), found, "{name}");
        for plugin in &report.plugins {
            // What comes after one that is never made is not tried.
            let last = if *name == "stuck" { 1 } else { plugins.len() };
            let is_made = plugins[..last].contains(&plugin.descriptor.id)
                && (wanted.is_empty() || plugin.descriptor.id != plugins[1]);
            assert_eq!(plugin.shape.is_some(), is_made, "{name}: {}", plugin.descriptor.id);
        }
    }
}

/// A bundle whose library aborts as soon as it is loaded is known all the same if it describes itself: nothing of it is run,
/// and what only a plugin that was made can tell is not known. Without its description it costs a process.
#[cfg(unix)]
#[test]
fn a_bundle_that_describes_itself_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = copy(folder.path(), "abort.vst3").unwrap();
    let resources = bundle.join("Contents/Resources");
    std::fs::create_dir(&resources).unwrap();
    let description = resources.join("moduleinfo.json");
    let text = r#"{
        "Name": "Self", "Version": "1.0",
        "Factory Info": { "Vendor": "Somebody", "URL": "", "E-Mail": "", "Flags": { "Unicode": true, }, },
        "Classes": [{
            "CID": "0123456789ABCDEF0123456789ABCDEF", "Category": "Audio Module Class", "Name": "Of itself",
            "Sub Categories": ["Fx", "Delay"],
        }],
    }"#;
    std::fs::write(&description, text).unwrap();
    let [report] = &scan(&scanner(1), std::slice::from_ref(&bundle))[..] else { panic!() };
    assert_eq!((ids(report), faults(report)), (vec!["0123456789ABCDEF0123456789ABCDEF"], vec![]));
    let plugin = &report.plugins[0];
    assert_eq!((plugin.descriptor.name.as_str(), plugin.descriptor.vendor.as_str()), ("Of itself", "Somebody"));
    assert!(plugin.shape.is_none());

    std::fs::remove_file(description).unwrap();
    let [report] = &scan(&scanner(1), &[bundle])[..] else { panic!() };
    assert_eq!((ids(report), faults(report)), (vec![], vec![(None, "it crashed: SIGABRT (signal 6)")]));
}

/// Once the observer has enough, nothing more is told, and a worker that hangs does not delay the end.
#[test]
fn a_scan_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), &["good.clap", "hang.clap", "hang-2.clap", "hang-3.clap"]);
    let mut told = 0;
    let observer = |event| match event {
        ScanEvent::Finished(_) => {
            told += 1;
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    };
    Scanner { time_limit: Duration::from_secs(3600), ..scanner(2) }.scan(&files, observer).unwrap();
    assert_eq!(told, 1);
}

/// A program that is no worker is found out, and no file is blamed.
#[test]
fn a_program_that_is_no_worker_is_an_error() {
    let mut scanner = scanner(1);
    scanner.worker.arguments = vec!["--exact".to_owned(), "there is no such test".to_owned()];
    let events = scanner.scan(&["any.clap".into()], |event| {
        assert!(!matches!(event, ScanEvent::Finished(_)));
        ControlFlow::Continue(())
    });
    assert!(matches!(events, Err(ScanError::Worker { .. })));
}
