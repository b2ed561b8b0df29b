//! `crosspoint devices --probe`: what a driver of ASIO says once it is loaded, which happens in a process of its own.

use super::devices::{Range, list};
use crate::failure::Failure;
use crate::output::Output;
use crosspoint::devices::asio::probe::{Probe, ProbedChannel, Prober, warning};
use crosspoint::devices::{ClockSource, DeviceName};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

/// The one backend whose drivers say nothing before they are loaded.
const BACKEND: &str = "asio";

/// Said whatever is known of the driver: what it takes away from another program is seen too late.
const CAUTION: &str = "the driver is loaded in a process of its own; one that wraps the system's audio may interrupt \
                       what another program plays";

/// What is not known is null or empty.
#[derive(Serialize)]
struct Document {
    /// What `--device` takes.
    device: String,
    backend: &'static str,
    /// What the driver calls itself.
    name: String,
    version: i32,
    inputs: Vec<ProbedChannel>,
    outputs: Vec<ProbedChannel>,
    /// The one it runs at, in Hz.
    rate: Option<u32>,
    /// Those it can be switched to, in Hz.
    rates: Vec<u32>,
    buffer_frames: Vec<Range>,
    preferred_frames: Option<u32>,
    /// With buffers of that size.
    latencies: Option<Latencies>,
    clock_sources: Vec<ClockSource>,
}

/// In frames.
#[derive(Serialize)]
struct Latencies {
    input: u32,
    output: u32,
}

impl Document {
    fn new(device: String, probe: Probe) -> Self {
        Self {
            device,
            backend: BACKEND,
            name: probe.name,
            version: probe.version,
            inputs: probe.inputs,
            outputs: probe.outputs,
            rate: probe.rate,
            rates: probe.rates,
            buffer_frames: probe.buffer_frames.into_iter().map(|(min, max)| Range { min, max }).collect(),
            preferred_frames: probe.preferred_frames,
            latencies: probe.latencies.map(|(input, output)| Latencies { input, output }),
            clock_sources: probe.clock_sources,
        }
    }
}

/// Looks into one driver.
///
/// # Errors
/// If it is no driver of ASIO, or it refuses, crashes or hangs.
pub fn run(device: &DeviceName, json: bool) -> Result<ExitCode, Failure> {
    let name = match (device.backend.as_str(), &device.device) {
        (BACKEND, Some(name)) => name,
        (BACKEND, None) => return Err(Failure::usage("--probe: name the driver, as `crosspoint devices` lists it")),
        _ => {
            return Err(Failure::usage(format_args!(
                "--probe {device}: only drivers of ASIO have to be loaded to be known; `crosspoint devices --channels` \
                 tells of all others"
            )));
        }
    };
    let mut output = Output::take()?;
    let prober = Prober::this_program().map_err(Failure::new)?;
    if cfg!(windows) {
        eprintln!("{}", warning().as_deref().unwrap_or(CAUTION));
    }
    let document = Document::new(device.to_string(), prober.probe(name).map_err(Failure::new)?);
    if json {
        output.json(&document)?
    } else {
        output.text(&text(&document))?
    }
    Ok(ExitCode::SUCCESS)
}

fn text(document: &Document) -> String {
    let mut text = format!("{}\n", document.device);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name:<10}{value}");
    };
    line("driver", &format!("{}, version {}", document.name, document.version));
    let current = document.rate.map_or_else(|| "no clock".to_owned(), |rate| format!("{rate} Hz"));
    line("runs at", &current);
    let rates: Vec<String> = document.rates.iter().map(u32::to_string).collect();
    line("rates", &if rates.is_empty() { "none".to_owned() } else { format!("{} Hz", rates.join(", ")) });
    let preferred = document.preferred_frames.map_or_else(String::new, |frames| format!("; it prefers {frames}"));
    line("buffers", &format!("{} frames{preferred}", list(&document.buffer_frames)));
    let latencies = document.latencies.as_ref().map_or_else(
        || "not known".to_owned(),
        |Latencies { input, output }| format!("{input} frames in, {output} out, with such buffers"),
    );
    line("latency", &latencies);
    for (place, clock) in document.clock_sources.iter().enumerate() {
        let mark = if clock.is_current { "  [in use]" } else { "" };
        line(if place == 0 { "clocks" } else { "" }, &format!("{:>3}  {}{mark}", clock.index, clock.name));
    }
    for (side, channels) in [("inputs", &document.inputs), ("outputs", &document.outputs)] {
        for (place, channel) in channels.iter().enumerate() {
            let name = if place == 0 { side } else { "" };
            line(name, &format!("{:>3}  {}  {}", place + 1, channel.name, channel.format));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let channel = |name: &str| ProbedChannel { name: name.to_owned(), group: 0, format: "Int32 LSB".to_owned() };
        let clock =
            |index, name: &str, is_current| ClockSource { index, name: name.to_owned(), channel: None, is_current };
        let probe = Probe {
            name: "Box".to_owned(),
            version: 7,
            inputs: vec![channel("Mic"), channel("Line")],
            outputs: vec![channel("Phones")],
            rate: Some(48_000),
            rates: vec![44_100, 48_000],
            buffer_frames: vec![(32, 32), (64, 1024)],
            preferred_frames: Some(64),
            latencies: Some((96, 80)),
            clock_sources: vec![clock(0, "Internal", false), clock(3, "ADAT", true)],
        };
        Document::new("asio:Box".to_owned(), probe)
    }

    #[test]
    fn the_text_has_all_that_a_driver_says() {
        let said = text(&document());
        for wanted in [
            "asio:Box\n    driver    Box, version 7\n",
            "runs at   48000 Hz\n",
            "rates     44100, 48000 Hz\n",
            "buffers   32, 64 to 1024 frames; it prefers 64\n",
            "latency   96 frames in, 80 out",
            "clocks      0  Internal\n                3  ADAT  [in use]\n",
            "inputs      1  Mic  Int32 LSB\n                2  Line",
            "outputs     1  Phones  Int32 LSB\n",
        ] {
            assert!(said.contains(wanted), "{wanted} in\n{said}");
        }
    }

    #[test]
    fn the_document_has_the_keys_of_the_other_devices() {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!((&document["device"], &document["backend"]), (&"asio:Box".into(), &"asio".into()));
        assert_eq!(document["buffer_frames"][1], serde_json::json!({"min": 64, "max": 1024}));
        assert_eq!(document["latencies"], serde_json::json!({"input": 96, "output": 80}));
        assert_eq!(document["inputs"][1]["name"], "Line");
        assert_eq!(document["clock_sources"][1]["is_current"], true);
    }
}
