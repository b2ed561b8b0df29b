//! The program's measurements, run as people run them.

#[cfg(target_os = "linux")]
#[path = "../../devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
#[cfg(target_os = "linux")]
#[path = "../../devices/tests/devices/support.rs"]
mod support;

#[cfg(target_os = "linux")]
mod running;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn crosspoint(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let Output { status, stdout, stderr } = crosspoint(arguments).output().unwrap();
    (status.code(), serde_json::from_slice(&stdout).unwrap_or_default(), String::from_utf8_lossy(&stderr).into_owned())
}

/// Two cables, each one period long, as the device says.
#[test]
fn a_round_trip_is_what_the_device_claims() {
    let device = ["--device", "virtual:2x2,loopback", "--buffer", "256", "--json"];
    let (code, report, stderr) = run(&[&["latency"], &device[..]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(report["claimed"]["round_trip"], 256);
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 4);
    for pair in pairs {
        let is_cable = pair["output"] == pair["input"];
        assert_eq!(pair["heard"], is_cable, "{pair}");
        if is_cable {
            assert!((pair["frames"].as_f64().unwrap() - 256.0).abs() < 0.001, "{pair}");
            assert!(pair["gain_db"].as_f64().unwrap().abs() < 0.001, "{pair}");
            assert_eq!(pair["inverted"], false);
        } else {
            assert!(pair["frames"].is_null());
        }
    }
}

/// Channels are those of the device, whatever the order in which they are chosen; one without a cable is told.
#[test]
fn what_is_not_connected_is_told() {
    let chosen = ["--device", "virtual:4x4,loopback", "--outputs", "3,2", "--inputs", "2", "--json"];
    let (code, report, _) = run(&[&["latency"], &chosen[..]].concat());
    assert_eq!(code, Some(0));
    let shown = |pair: &Value| (pair["output"].as_u64(), pair["input"].as_u64(), pair["heard"].as_bool());
    let pairs: Vec<_> = report["pairs"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(pairs, [(Some(3), Some(2), Some(false)), (Some(2), Some(2), Some(true))]);

    let (code, _, stderr) = run(&["latency", "--device", "virtual:1x1", "--json"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("connect one with a cable"), "{stderr}");
}

#[test]
fn every_bit_survives_a_loopback_and_silence_is_no_copy() {
    let (code, report, stderr) = run(&["bit-perfect", "--device", "virtual:2x2,loopback", "--json"]);
    assert_eq!((code, &report["bit_perfect"]), (Some(0), &Value::Bool(true)), "{stderr}");
    let widths: Vec<_> =
        report["paths"].as_array().unwrap().iter().map(|path| path["bits"].as_u64().unwrap()).collect();
    assert_eq!(widths, [16, 24, 32, 16, 24, 32]);

    let (code, report, _) = run(&["bit-perfect", "--device", "virtual:1x1", "--widths", "16", "--json"]);
    assert_eq!(code, Some(1));
    assert!(report["paths"][0]["finding"].as_str().unwrap().contains("nothing comes back"));
}

/// Whether a size is safe is up to the machine; that each was tried, timed and drawn is not.
#[test]
fn sizes_are_tried_from_the_largest_down() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("tune.png");
    let (code, report, stderr) = run(&[
        "tune",
        "--plugin",
        "rack#org.crosspoint.reverb",
        "--device",
        "virtual:1x2",
        "--sizes",
        "64,512",
        "--seconds",
        "1",
        "--output",
        picture.to_str().unwrap(),
        "--json",
    ]);
    assert!(matches!(code, Some(0 | 1)), "{stderr}");
    let steps = report["steps"].as_array().unwrap();
    let sizes: Vec<_> = steps.iter().map(|step| step["buffer_frames"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [512, 64], "{report}");
    for step in steps {
        let [median, worst] = ["median", "worst"].map(|key| step[key].as_f64().unwrap());
        assert!(0.0 < median && median <= worst, "{step}");
        assert!(step["periods"].as_u64().unwrap() > 10, "{step}");
    }
    assert_eq!(code == Some(0), report["buffer_frames"].is_u64());
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));

    let missing = ["tune", "--device", "virtual", "--sizes", "100000"];
    let (code, _, stderr) = run(&missing);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no buffer of 100000 frames") && !Path::new("crosspoint-tune.png").exists(), "{stderr}");
}

#[cfg(target_os = "linux")]
mod jack {
    use super::jack_server::JackServer;
    use super::running::Process;
    use super::support::eventually;
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    /// In frames, longer than a machine stalls now and then: a period that is lost while it is measured bends the figure.
    const PERIOD: u32 = 1024;

    /// Connects two ports as soon as both are there.
    fn connect(server: &JackServer, from: &str, to: &str) {
        eventually(|| {
            let ports = server.tool("jack_lsp", &[]);
            let is_there = |name: &str| ports.lines().any(|line| line == name);
            (is_there(from) && is_there(to)).then(|| server.connect(from, to))
        });
    }

    /// What `jack_iodelay` measures between two ports of its own, in frames: the first figure that it says twice in a row, for
    /// it begins before it hears anything.
    fn iodelay(server: &JackServer, through: Option<(&str, &str)>) -> f64 {
        let mut tool = Command::new("stdbuf");
        tool.args(["-oL", "jack_iodelay"]).env("JACK_DEFAULT_SERVER", &server.name);
        let mut tool = Process(tool.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let (into, out_of) = through.unwrap_or(("jack_delay:in", "jack_delay:out"));
        connect(server, "jack_delay:out", into);
        if through.is_some() {
            connect(server, out_of, "jack_delay:in");
        }
        let lines = BufReader::new(tool.0.stdout.take().unwrap()).lines();
        let mut before = None;
        let frames = lines.map_while(Result::ok).find_map(|line| {
            let (frames, _) = line.split_once(" frames")?;
            let frames = frames.trim().parse().ok()?;
            (before.replace(frames) == Some(frames)).then_some(frames)
        });
        frames.expect("it says a number")
    }

    /// What `crosspoint latency` measures from its output to its input, in frames.
    fn latency(server: &JackServer, through: Option<(&str, &str)>) -> f64 {
        let device = format!("jack:{}", server.name);
        let channels = ["--outputs", "1", "--inputs", "1", "--client-name", "probe", "--no-connect"];
        let patience = ["--wait", "20", "--longest", "100", "--json"];
        let arguments = [&["latency", "--device", &device], &channels[..], &patience[..]].concat();
        let measuring = crosspoint(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (into, out_of) = through.unwrap_or(("probe:in_1", "probe:out_1"));
        connect(server, "probe:out_1", into);
        if through.is_some() {
            connect(server, out_of, "probe:in_1");
        }
        let output = measuring.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["pairs"][0]["frames"].as_f64().unwrap()
    }

    /// ```text
    /// probe:out ──► probe:in                       a loop in JACK takes one period
    /// probe:out ──► crosspoint (a rig) ──► probe:in     and so it does through a rig that lets all through
    /// ```
    /// Both ways to measure agree to a hundredth of a frame, and the rig adds nothing.
    #[test]
    fn latency_is_what_jack_iodelay_says_and_a_rig_adds_nothing() {
        let Some(server) = JackServer::start_with(PERIOD) else {
            assert!(std::env::var_os("CROSSPOINT_REQUIRE_REAL_PLUGINS").is_none(), "nothing may be skipped here");
            return;
        };
        let direct = latency(&server, None);
        assert!((direct - iodelay(&server, None)).abs() < 0.01, "{direct}");
        assert!((direct - f64::from(PERIOD)).abs() < 0.01, "{direct}");

        let device = format!("jack:{}", server.name);
        let straight = ["run", "--device", &device, "--inputs", "1", "--outputs", "1", "--no-connect"];
        let _rig = Process(crosspoint(&straight).stderr(Stdio::null()).spawn().unwrap());
        let through = Some(("crosspoint:in_1", "crosspoint:out_1"));
        let through_rig = latency(&server, through);
        let by_iodelay = iodelay(&server, through);
        assert!((through_rig - by_iodelay).abs() < 0.01, "{through_rig} and {by_iodelay}");
        assert!((through_rig - direct).abs() < 0.01, "{through_rig} and {direct}");
    }
}
