//! `play`, `record` and `devices` as people run them, on the virtual device and, where there is one, on a JACK server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use serde_json::Value;

/// The program in a folder of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        command.args(arguments).current_dir(self.0.path()).env("JACK_NO_START_SERVER", "1");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The document of a command that may have been late, but did what it was to do.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code and what a command that fails says.
    fn refusal(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A file of 24 bits: frame f, from 1 on, is f in the first channel and -f in the second.
fn ramp(path: &Path, frames: i32) {
    let spec = WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: 24, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).unwrap();
    (1..=frames).flat_map(|frame| [frame, -frame]).for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

/// To the last frame, at the file's own rate, and the document says all of it.
#[test]
fn a_file_is_played_whole() {
    let place = Place::new();
    ramp(&place.path("ramp.wav"), 11_025);
    let told = place.json(&["play", "ramp.wav", "--device", "virtual:2x8", "--json"]);
    assert_eq!((told["frames"].as_u64(), told["seconds"].as_f64()), (Some(11_025), Some(0.25)));
    assert_eq!((told["rate"].as_u64(), told["resampled"].as_bool()), (Some(44_100), Some(false)));
    assert_eq!(told["outputs"], serde_json::json!(["output 1", "output 2"]));
    assert_eq!(told["stopped_by"], "end");
    // A part of it, on one output: resampled, and half of it unheard.
    let arguments =
        ["play", "ramp.wav", "--device", "virtual", "--rate", "48000", "--outputs", "5", "--start", "0.125"];
    let told = place.json(&[&arguments[..], &["--json"]].concat());
    // 11,025 - 5,513 frames of 44.1 kHz.
    assert_eq!((told["frames"].as_u64(), told["resampled"].as_bool()), (Some(6000), Some(true)));
    assert_eq!((told["outputs"][0].as_str(), told["unheard_channels"].as_u64()), (Some("output 5"), Some(1)));
}

/// What cannot be played or recorded is refused with what to do, by the exit code that scripts are told of.
#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    ramp(&place.path("ramp.wav"), 4410);
    std::fs::write(place.path("text.wav"), "no sound").unwrap();
    for (arguments, code, wanted) in [
        (&["play", "absent.wav", "--device", "virtual"][..], 1, "check the path"),
        (&["play", "text.wav", "--device", "virtual"], 1, "convert it"),
        (&["play", "ramp.wav", "--device", "virtual", "--start", "1"], 1, "0.100 s long"),
        (&["play", "ramp.wav", "--device", "virtual", "--gain", "99"], 2, "-120 to 40 dB"),
        (&["play", "ramp.wav", "--device", "virtual:2x2", "--outputs", "3"], 1, "the device has channels 1-2"),
        (&["play", "ramp.wav", "--device", "tape"], 1, "there is no backend"),
        (&["record", "take.wav", "--device", "virtual", "--inputs", "none"], 1, "select at least one"),
        (&["record", "none/take.wav", "--device", "virtual"], 1, "check the folder"),
    ] {
        let (status, said) = place.refusal(arguments);
        assert_eq!(status, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
    assert!(!place.path("take.wav").exists(), "what was refused leaves no file");
}

/// As long as was asked for, in the bits that were asked for; never over what is there.
#[test]
fn a_recording_is_as_asked_and_replaces_nothing() {
    let place = Place::new();
    let arguments = ["record", "take.wav", "--device", "virtual", "--inputs", "2,4-5", "--seconds", "0.2", "--json"];
    let told = place.json(&[&arguments[..], &["--bits", "16"]].concat());
    assert_eq!((told["frames"].as_u64(), told["stopped_by"].as_str()), (Some(9600), Some("seconds")));
    assert_eq!(told["inputs"], serde_json::json!(["input 2", "input 4", "input 5"]));
    assert_eq!(told["peaks"], serde_json::json!([null, null, null]));
    let reader = WavReader::open(place.path("take.wav")).unwrap();
    let WavSpec { channels, bits_per_sample, sample_rate, .. } = reader.spec();
    assert_eq!((channels, bits_per_sample, sample_rate, reader.duration()), (3, 16, 48_000, 9600));
    let before = std::fs::read(place.path("take.wav")).unwrap();
    let (status, said) = place.refusal(&arguments);
    assert!(status == Some(1) && said.contains("--force"), "{said}");
    assert_eq!(std::fs::read(place.path("take.wav")).unwrap(), before);
    place.json(&[&arguments[..], &["--force"]].concat());
    assert_eq!(WavReader::open(place.path("take.wav")).unwrap().spec().bits_per_sample, 32);
}

/// Every device has the keys that the help promises, in numbers; the virtual one is always there.
#[test]
fn devices_are_listed_for_machines() {
    let told = Place::new().json(&["devices", "--json"]);
    let devices = told["devices"].as_array().unwrap();
    for device in devices {
        for key in ["device", "backend", "name", "description"] {
            assert!(device[key].is_string(), "{key} of {device}");
        }
        for key in ["input_names", "output_names", "rates", "buffer_frames", "sample_formats"] {
            assert!(device[key].is_array(), "{key} of {device}");
        }
        assert!(device["default"].is_boolean() && device["wrapper"].is_boolean(), "{device}");
    }
    let silent = devices.iter().find(|device| device["device"] == "virtual:8x8").unwrap();
    assert_eq!(silent["rates"], serde_json::json!([{"min": 8000, "max": 768_000}]));
    assert_eq!((silent["inputs"].as_u64(), silent["output_names"][7].as_str()), (Some(8), Some("output 8")));
    assert_eq!((silent["shares_clock"].as_bool(), silent["broken"].is_null()), (Some(true), true));
}

#[cfg(target_os = "linux")]
#[path = "../../devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
#[cfg(target_os = "linux")]
#[path = "../../devices/tests/devices/support.rs"]
mod support;

#[cfg(target_os = "linux")]
mod running;

#[cfg(target_os = "linux")]
mod on_jack {
    use super::*;
    use crate::jack_server::JackServer;
    use crate::running::Process;
    use crate::support::eventually;
    use std::io::Read;
    use std::process::Stdio;

    const FRAMES: i32 = 20_000;

    /// As Ctrl-C does; returns the document.
    fn interrupt(Process(child): &mut Process) -> Value {
        let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let mut told = String::new();
        child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3)), "{code:?}: {told}");
        serde_json::from_str(&told).unwrap()
    }

    /// The two channels of a file that may still be written.
    fn read(path: &Path) -> Vec<[i32; 2]> {
        let Ok(mut reader) = WavReader::open(path) else { return Vec::new() };
        let samples: Vec<i32> = reader.samples().map_while(Result::ok).collect();
        samples.chunks_exact(2).map(|frame| [frame[0], frame[1]]).collect()
    }

    /// ```text
    /// crosspoint play ──two cables──► crosspoint record      every sample of every bit, in order, until Ctrl-C
    /// ```
    #[test]
    fn what_is_played_is_recorded() {
        let Some(server) = JackServer::start() else { return };
        let place = Place::new();
        ramp(&place.path("ramp.wav"), FRAMES);
        let device = format!("jack:{}", server.name);
        let start = |arguments: &[&str], client: &str| {
            let mut command = place.command(arguments);
            command.args(["--device", &device, "--no-connect", "--client-name", client, "--json"]);
            let child = Process(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
            eventually(|| server.tool("jack_lsp", &[]).contains(&format!("{client}:")).then_some(()));
            child
        };
        // The rate of the server is not the file's: what is compared is a copy at the server's.
        let converted = place.path("same-rate.wav");
        let spec = WavSpec { sample_rate: 48_000, ..WavReader::open(place.path("ramp.wav")).unwrap().spec() };
        let mut writer = WavWriter::create(&converted, spec).unwrap();
        (1..=FRAMES).flat_map(|frame| [frame, -frame]).for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let mut player = start(&["play", "same-rate.wav", "--loop", "--outputs", "1,2"], "player");
        let mut recorder = start(&["record", "take.wav", "--inputs", "1,2", "--bits", "24"], "recorder");
        server.connect("player:out_1", "recorder:in_1");
        server.connect("player:out_2", "recorder:in_2");
        // Read while it is written: the file is sound all the time.
        let sounding = |frames: &[[i32; 2]]| frames.iter().filter(|frame| frame[0] != 0).count();
        eventually(|| (sounding(&read(&place.path("take.wav"))) > 30_000).then_some(()));
        let recorded = interrupt(&mut recorder);
        let played = interrupt(&mut player);
        assert_eq!((&recorded["stopped_by"], &played["stopped_by"]), (&"interrupted".into(), &"interrupted".into()));

        let take = read(&place.path("take.wav"));
        assert_eq!(recorded["frames"].as_u64(), Some(take.len() as u64));
        let both = |frame: &&[i32; 2]| frame[0] != 0 && frame[1] != 0;
        let heard: Vec<[i32; 2]> = take.iter().skip_while(|frame| !both(frame)).filter(both).copied().collect();
        assert!(heard.iter().all(|frame| frame[0] == -frame[1] && (1..=FRAMES).contains(&frame[0])));
        let jumps = heard.windows(2).filter(|pair| pair[1][0] != pair[0][0] % FRAMES + 1).count() as u64;
        // A server that is late may lose a period; it says so.
        let lost: u64 = ["xruns", "underruns"].iter().filter_map(|key| played[key].as_u64()).sum();
        let lost = lost + recorded["xruns"].as_u64().unwrap();
        assert!(jumps <= lost, "{jumps} jumps, {lost} losses told");
    }

    /// A server's ports are named, and one rate and one buffer are all it has.
    #[test]
    fn a_server_is_described() {
        let Some(server) = JackServer::start() else { return };
        let place = Place::new();
        let output = place.command(&["devices", "--json"]).env("JACK_DEFAULT_SERVER", &server.name).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let devices = told["devices"].as_array().unwrap();
        let jack = devices.iter().find(|device| device["backend"] == "jack").unwrap();
        assert_eq!(jack["name"], server.name.as_str());
        assert_eq!((jack["inputs"].as_u64(), jack["outputs"].as_u64()), (Some(8), Some(8)));
        assert_eq!(jack["output_names"][2], "system:playback_3");
        assert_eq!(jack["rates"], serde_json::json!([{"min": 48_000, "max": 48_000}]));
        assert_eq!(jack["sample_formats"], serde_json::json!(["f32"]));
    }
}
