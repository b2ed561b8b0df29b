//! `crosspoint plugins doctor`, run as people run it: what a plugin does to its process, and what the program alone can see.

use std::path::Path;
use std::process::{Command, Output};

use crosspoint_fixture_file::copy;
use serde_json::Value;

fn doctor(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crosspoint"))
        .args(["plugins", "doctor"])
        .args(arguments)
        .current_dir(folder)
        .env("CROSSPOINT_DATA", folder.join("data"))
        .output()
        .unwrap()
}

/// The exit status and the document for one fixture of `pack.clap`.
fn examined(folder: &Path, fixture: &str) -> (Option<i32>, Value) {
    let output = doctor(folder, &[&format!("pack.clap#org.crosspoint.fixture.{fixture}"), "--quick", "--json"]);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

/// The names of the examinations with a finding of that code.
fn with_code<'d>(document: &'d Value, code: &str) -> Vec<&'d str> {
    let has_code =
        |examined: &&Value| examined["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code);
    let examinations = document["examinations"].as_array().unwrap();
    examinations.iter().filter(has_code).map(|examined| examined["name"].as_str().unwrap()).collect()
}

/// Whoever takes the process down is blamed where it did so, and the document is whole.
#[test]
fn a_crash_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path(), "pack.clap").unwrap();
    for (fixture, examination) in
        [("aborts-in-init", "load"), ("aborts-in-activate", "activate"), ("aborts-in-process", "activate")]
    {
        let (status, document) = examined(folder.path(), fixture);
        assert_eq!((status, with_code(&document, "crashed")), (Some(1), vec![examination]), "{document:#}");
        assert_eq!(document["summary"]["errors"], 1);
        assert_eq!(document["examinations"].as_array().unwrap().last().unwrap()["outcome"], "not_reached");
    }
}

/// One that does not return is given up, and the next examination goes on in another process.
#[test]
fn a_hang_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path(), "pack.clap").unwrap();
    let plugin = "pack.clap#org.crosspoint.fixture.hangs-in-process";
    let output = doctor(folder.path(), &[plugin, "--quick", "--json", "--timeout", "2"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(with_code(&document, "hung").contains(&"tail"), "{document:#}");
    assert_eq!(document["examinations"].as_array().unwrap().last().unwrap()["name"], "time");
    assert_ne!(document["examinations"].as_array().unwrap().last().unwrap()["outcome"], "not_reached");
}

/// A file that aborts as soon as it is opened.
#[test]
fn a_file_that_aborts_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path(), "abort.clap").unwrap();
    let output = doctor(folder.path(), &["abort.clap", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), with_code(&document, "crashed")), (Some(1), vec!["load"]));
    assert_eq!(document["plugin"], Value::Null);
}

/// Memory, locks, waiting for those who have them and calls into the system are seen, each for itself, and are warnings.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn what_a_process_call_does_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path(), "pack.clap").unwrap();
    let table: [(&str, &[&str]); 4] = [
        ("allocates", &["allocates"]),
        ("locks", &["locks"]),
        // It waits in the system.
        ("waits-for-lock", &["locks", "waits-for-lock", "system-call"]),
        ("calls-system", &["system-call"]),
    ];
    for (fixture, expected) in table {
        let (status, document) = examined(folder.path(), fixture);
        for code in ["allocates", "locks", "waits-for-lock", "system-call"] {
            let expected: &[&str] = if expected.contains(&code) { &["calls"] } else { &[] };
            assert_eq!(with_code(&document, code), expected, "{code}: {document:#}");
        }
        assert_eq!(status, Some(0));
    }
}

/// A plugin whose blocks now and then take longer than they last, by its own thread's time.
#[cfg(unix)]
#[test]
fn a_slow_plugin_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path(), "pack.clap").unwrap();
    assert_eq!(with_code(&examined(folder.path(), "is-slow").1, "too-slow"), ["time"]);
}

/// A plugin that is well: nothing found, the same keys as ever, and a summary that people can read.
#[test]
fn a_good_plugin_passes() {
    let folder = tempfile::tempdir().unwrap();
    let output = doctor(folder.path(), &["clap:org.crosspoint.delay", "--quick", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["summary"]["errors"]), (Some(0), &Value::from(0)), "{document:#}");
    assert_eq!(with_code(&document, "allocates"), [""; 0]);
    assert_eq!(document["plugin"]["id"], "org.crosspoint.delay");
    for key in ["name", "shows", "outcome", "measured", "findings"] {
        assert!(document["examinations"][0].get(key).is_some(), "{key}");
    }
    let text = doctor(folder.path(), &["rack#org.crosspoint.delay", "--quick"]).stdout;
    assert!(String::from_utf8_lossy(&text).contains(" 0 errors, "));
}

/// The examination and the code of each finding, but for those about speed, which is the machine's matter too.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn findings(document: &Value) -> Vec<(&str, &str)> {
    let examinations = document["examinations"].as_array().unwrap().iter();
    let all = examinations.flat_map(|examined| {
        let codes = examined["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap());
        codes.map(|code| (examined["name"].as_str().unwrap(), code))
    });
    all.filter(|(examination, _)| *examination != "time").collect()
}

/// The pack's library as it is shipped, a CLAP file and a VST3 bundle, with the program's watch on its calls: nothing is
/// said against any plugin in it.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_bundled_plugins_pass_as_files_of_both_formats() {
    let library = format!("{}crosspoint_rack{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().unwrap();
    let library = program.parent().unwrap().join(library);
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("pack.vst3/Contents/x86_64-linux");
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::copy(&library, inside.join("pack.so")).unwrap();
    std::fs::copy(&library, folder.path().join("pack.clap")).unwrap();
    let scanned = Command::new(env!("CARGO_BIN_EXE_crosspoint"))
        .args(["plugins", "scan", ".", "--json"])
        .current_dir(folder.path())
        .env("CROSSPOINT_DATA", folder.path().join("data"))
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&scanned.stdout).unwrap();
    let plugins = found["plugins"].as_array().unwrap();
    assert!(plugins.len() >= 12 && plugins.len().is_multiple_of(2), "{found:#}");
    for plugin in plugins {
        let [path, id] = ["path", "id"].map(|key| plugin[key].as_str().unwrap());
        let output = doctor(folder.path(), &[&format!("{path}#{id}"), "--quick", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(findings(&document), [], "{document:#}");
    }
}

/// Plugins that others made: two are well, but that as CLAP they have no state, and of one it is known that it takes memory.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn plugins_of_others_are_examined() {
    let folder = tempfile::tempdir().unwrap();
    for (format, expected) in [("clap", &[("state", "no-state")][..]), ("vst3", &[])] {
        let files = ["ZaMultiCompX2", "ZamEQ2", "ZamHeadX2"];
        let [one, other, third] = files.map(|name| format!("/usr/lib/{format}/{name}.{format}"));
        if !Path::new(&one).exists() {
            assert!(std::env::var_os("CROSSPOINT_REQUIRE_REAL_PLUGINS").is_none(), "zam-plugins are not installed");
            eprintln!("SKIPPED: zam-plugins are not installed (apt-get install zam-plugins)");
            return;
        }
        for file in [one, other] {
            let output = doctor(folder.path(), &[&file, "--quick", "--json"]);
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((output.status.code(), findings(&document)), (Some(0), expected.to_vec()), "{document:#}");
            assert_eq!(document["plugin"]["format"], format);
        }
        let output = doctor(folder.path(), &[&third, "--quick", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(with_code(&document, "allocates"), ["calls"], "{document:#}");
    }
}

#[test]
fn a_plugin_that_is_not_there_is_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path(), "good.clap").unwrap();
    for (reference, word) in [("absent.clap", "absent.clap"), ("good.clap#no.such", "it holds"), ("good.clap", "add #")]
    {
        let output = doctor(folder.path(), &[reference]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{output:?}");
    }
    assert_eq!(doctor(folder.path(), &[]).status.code(), Some(2));
}
