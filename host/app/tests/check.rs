//! `crosspoint check` as scripts use it: exit codes, one document, words for people.
mod running;

use running::command;
use serde_json::Value;
use std::path::Path;

/// Exit code, standard output and standard error, on a machine without a machine file.
fn check(rig: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let place = tempfile::tempdir().unwrap();
    let mut command = command(place.path(), &["check", "--listen", "0.1"]);
    let output = command.arg(rig).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn example(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rigs").join(name)
}

/// 0 with warnings, 1 if those count; the document has the keys that the help tells of.
#[test]
fn an_example_passes_and_its_document_has_all_keys() {
    let rig = example("guitar-scenes.rig.toml");
    let (code, stdout, stderr) = check(&rig, &["--json"]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
    let expected = [
        (
            "",
            "rig rate block rendered_seconds wall_seconds findings scenes transitions possible_transitions worst_switch paths load node_loads",
        ),
        ("/findings/0", "code severity seen advice node moment line times"),
        ("/scenes/0", "scene peak_dbfs load_peak"),
        ("/transitions/0", "from to waited_frames control_ms load_peak step step_limit gap_frames peak_dbfs"),
        ("/paths/0", "input output earliest latest"),
        ("/load", "mean p99 peak"),
        ("/node_loads/0", "node peak"),
    ];
    for (place, names) in expected {
        let names = names.split(' ').map(str::to_owned).collect();
        assert_eq!(keys(report.pointer(place).unwrap()), names, "{place}");
    }
    assert_eq!(report["findings"][0]["code"], "controller-unheard");
    let (code, stdout, _) = check(&rig, &["--strict", "--transitions", "setlist"]);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("warning: mappings of \"pedals\" hear nothing"), "{stdout}");
    assert!(stdout.contains("guitar to speakers: ") && stdout.contains("0 errors, 1 warning, "), "{stdout}");
}

/// 1 for errors, with what to do and where; 4 for what is no rig; 2 for what makes no sense.
#[test]
fn exit_codes_tell_findings_from_unusable_files() {
    let place = tempfile::tempdir().unwrap();
    let rig = place.path().join("band.rig.toml");
    let text = std::fs::read_to_string(example("guitar.rig.toml")).unwrap();
    std::fs::write(&rig, text.replace("org.crosspoint.amp", "com.example.gone")).unwrap();
    let (code, stdout, _) = check(&rig, &[]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("[plugin-missing]") && stdout.contains("crosspoint plugins scan"), "{stdout}");
    std::fs::write(&rig, "crosspoint = ").unwrap();
    for file in [&rig, &place.path().join("none.rig.toml")] {
        let (code, stdout, stderr) = check(file, &["--json"]);
        assert_eq!((code, stdout.as_str()), (Some(4), ""), "{stderr}");
        assert!(stderr.contains("rig.toml"), "{stderr}");
    }
    assert_eq!(check(&example("guitar.rig.toml"), &["--buffer", "1"]).0, Some(2));
    assert_eq!(check(&example("guitar.rig.toml"), &["--rate", "1"]).0, Some(2));
    assert_eq!(check(&example("guitar.rig.toml"), &["--input", "none.wav"]).0, Some(2));
    assert_eq!(check(&example("guitar.rig.toml"), &["--transitions", "some"]).0, Some(2));
}

/// A guitar of one's own in place of the test signal, at another rate than the rig is checked at.
#[test]
fn a_file_is_played_in_place_of_the_signal() {
    let place = tempfile::tempdir().unwrap();
    let wav = place.path().join("loud.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 44_100,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&wav, spec).unwrap();
    (0..44_100).for_each(|frame| writer.write_sample(4.0 * (f64::from(frame) * 0.03).sin() as f32).unwrap());
    writer.finalize().unwrap();
    let rig = place.path().join("wire.rig.toml");
    std::fs::write(
        &rig,
        "crosspoint = 1\n[[input]]\nname = \"in\"\nchannels = 1\n[[output]]\nname = \"out\"\nchannels = 1\n[[edge]]\nfrom = \
         \"in\"\nto = \"out\"\n",
    )
    .unwrap();
    let (code, stdout, stderr) = check(&rig, &["--input", wav.to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
    assert_eq!((code, &report["findings"][0]["code"]), (Some(1), &Value::from("clipping")), "{report}");
    assert_eq!(check(&rig, &[]).0, Some(0));
}
