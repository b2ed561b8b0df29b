//! `devices`, `play` and `record` on the test driver of ASIO, as people run them. Runs on Windows, and in Wine.
//!
//! ```text
//!   record: what the driver gives ─► file ─► play ─► driver: is it what comes in now, sample by sample?
//! ```
#![cfg(windows)]

use std::path::PathBuf;
use std::process::Command;

use crosspoint_asio_driver::{NAME, PLAN_VARIABLE, Plan, REPORT_VARIABLE, Report, Trait, install};
use hound::WavReader;
use serde_json::Value;

/// The program in a folder of its own, with the driver registered.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        install();
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The document of a command that succeeds, and what the driver says.
    fn json(&self, arguments: &[&str], traits: &[Trait]) -> (Value, Option<Report>) {
        let paced = Trait::Paced as u32;
        let plan = Plan { traits: traits.iter().fold(paced, |all, &one| all | one as u32), ..Plan::default() };
        let report = self.path("report");
        let _ = std::fs::remove_file(&report);
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        command.args(arguments).arg("--json").current_dir(self.0.path());
        command.env(PLAN_VARIABLE, plan.text()).env(REPORT_VARIABLE, &report);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        (serde_json::from_slice(&output.stdout).unwrap(), Report::read(&report).ok())
    }
}

/// The driver is listed from the registry, not loaded, and one for a class that is not there says why.
#[test]
fn devices_tell_of_the_registry() {
    let place = Place::new();
    let broken = ["add", "HKLM\\SOFTWARE\\ASIO\\Crosspoint Broken Driver", "/v", "CLSID", "/f", "/d"];
    let class = "{0B0B0B0B-0000-0000-0000-000000000000}";
    assert!(Command::new("reg").args(broken).arg(class).output().unwrap().status.success());
    let (told, report) = place.json(&["devices"], &[]);
    assert_eq!(report, None, "no driver was loaded");
    let devices = told["devices"].as_array().unwrap();
    let device = |name: &str| devices.iter().find(|device| device["name"] == name).unwrap();
    assert_eq!(device(NAME)["device"], format!("asio:{NAME}"));
    assert_eq!((device(NAME)["backend"].as_str(), device(NAME)["wrapper"].as_bool()), (Some("asio"), Some(false)));
    assert!(device(NAME)["broken"].is_null() && device(NAME)["inputs"].is_null());
    let reason = device("Crosspoint Broken Driver")["broken"].as_str().unwrap();
    assert!(reason.contains("install the driver again"), "{reason}");
}

/// A driver that is probed says what it has; one that crashes ends its helper, not the program.
#[test]
fn a_probed_driver_says_what_it_has() {
    let place = Place::new();
    let device = format!("asio:{NAME}");
    let (told, _) = place.json(&["devices", "--probe", &device], &[]);
    assert_eq!((told["device"].as_str(), told["name"].as_str()), (Some(device.as_str()), Some("Crosspoint Test")));
    assert_eq!(told["inputs"].as_array().map(Vec::len), Some(8));
    assert_eq!((&told["outputs"][2]["name"], told["rate"].as_u64()), (&"test out 3".into(), Some(48_000)));
    assert_eq!(told["buffer_frames"][0], serde_json::json!({"min": 32, "max": 32}));
    assert_eq!(told["latencies"], serde_json::json!({"input": 96, "output": 80}));
    assert_eq!(told["clock_sources"][1]["name"], "Word Clock");

    let plan = Plan { faults_in: crosspoint_asio_driver::Place::Channels as u32, ..Plan::default() };
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    let output = command.args(["devices", "--probe", &device]).env(PLAN_VARIABLE, plan.text()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("crashed while asking for its channels"), "{stderr}");
}

/// The driver's window is opened once and its clock is set, while a rig plays on it.
#[test]
fn a_rig_opens_the_drivers_window_and_chooses_its_clock() {
    let place = Place::new();
    let device = format!("asio:{NAME}");
    let run = ["run", "--device", &device, "--seconds", "0.5"];
    let (told, _) = place.json(&[&run[..], &["--panel", "--clock", "word"]].concat(), &[]);
    assert_eq!(told["state"], "playing");
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    let output = command.args(run).args(["--clock", "Sundial"]).env(PLAN_VARIABLE, Plan::default().text()).output();
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("choose one of Internal (0), Word Clock (1)"), "{stderr}");
}

/// Half a second of eight channels, recorded in each kind of file that holds the driver's bits, and played again: the driver
/// finds every sample where it was.
#[test]
fn what_was_recorded_is_played_to_the_bit() {
    let device = format!("asio:{NAME}");
    for bits in ["24", "32f"] {
        let place = Place::new();
        let record = ["record", "take.wav", "--device", &device, "--bits", bits, "--seconds", "0.5"];
        let (told, _) = place.json(&record, &[]);
        assert_eq!((told["frames"].as_u64(), told["gaps"].as_array().map(Vec::len)), (Some(24_000), Some(0)));
        assert_eq!(told["inputs"][7], "test in 8");
        let reader = WavReader::open(place.path("take.wav")).unwrap();
        assert_eq!((reader.spec().channels, reader.duration()), (8, 24_000));

        let (told, report) = place.json(&["play", "take.wav", "--device", &device], &[]);
        assert_eq!((told["frames"].as_u64(), told["underruns"].as_u64()), (Some(24_000), Some(0)));
        assert_eq!(told["stopped_by"], "end");
        let Report { switches, compared, mismatches } = report.unwrap();
        let file = 24_000 * 8;
        assert_eq!(compared, switches * 64 * 8);
        // Silence after the end is compared too, and is not what comes in but by chance.
        assert!(compared > file && compared - mismatches >= file, "{compared} compared, {mismatches} differ");
        assert!(compared - mismatches < file + 100, "silence is told from sound");
    }
}

/// Two channels of the file on outputs 3 and 4, in the driver's buffers of these channels alone. The driver is switched to the
/// file's rate; one that refuses that has the file resampled.
#[test]
fn a_file_goes_to_the_outputs_that_are_named_at_its_own_rate() {
    let place = Place::new();
    let device = format!("asio:{NAME}");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(place.path("a.wav"), spec).unwrap();
    (0..8820_i16).for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    let play = ["play", "a.wav", "--device", &device, "--outputs", "3,4"];
    let (told, report) = place.json(&play, &[]);
    assert_eq!(told["outputs"], serde_json::json!(["test out 3", "test out 4"]));
    assert_eq!((told["rate"].as_u64(), told["frames"].as_u64()), (Some(44_100), Some(4410)));
    let report = report.unwrap();
    assert_eq!(report.compared, report.switches * 64 * 2);
    let (told, _) = place.json(&play, &[Trait::RateLocked]);
    assert_eq!((told["rate"].as_u64(), told["resampled"].as_bool()), (Some(48_000), Some(true)));
    assert_eq!(told["frames"].as_u64(), Some(4800));
}
