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
