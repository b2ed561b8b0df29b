//! `crosspoint devices`: the audio devices of all backends, what each can do, and what to do where there is none; and the
//! MIDI ports.

use crate::cli::Devices;
use crate::failure::Failure;
use crate::output::Output;
use crosspoint::devices::{Choices, DeviceInfo, backends};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

/// The backend whose devices nobody hears.
const SILENT: &str = "virtual";

#[derive(Serialize)]
struct Listing {
    devices: Vec<Device>,
    /// Backends that could not be asked.
    failed: Vec<FailedBackend>,
    /// What to do, where there is no device that can be heard.
    hint: Option<&'static str>,
    /// MIDI ports.
    midi: super::midi::Ports,
}

/// What is not known without opening a device is null or empty.
#[derive(Serialize)]
struct Device {
    /// What `--device` takes.
    device: String,
    backend: &'static str,
    name: String,
    description: String,
    default: bool,
    inputs: Option<usize>,
    outputs: Option<usize>,
    input_names: Vec<String>,
    output_names: Vec<String>,
    /// In Hz.
    rates: Vec<Range>,
    buffer_frames: Vec<Range>,
    sample_formats: Vec<String>,
    /// Whether input and output run by one clock.
    shares_clock: Option<bool>,
    /// Whether it stands before another device, whose hardware it takes.
    wrapper: bool,
    /// Why it cannot be opened.
    broken: Option<String>,
}

/// From one value to another, both included; a single value is both.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Range {
    pub min: u32,
    pub max: u32,
}

#[derive(Serialize)]
struct FailedBackend {
    backend: &'static str,
    reason: String,
}

impl Device {
    fn new(backend: &'static str, info: DeviceInfo) -> Self {
        Self {
            device: format!("{backend}:{}", info.name),
            backend,
            name: info.name,
            description: info.description,
            default: info.is_default,
            inputs: info.inputs,
            outputs: info.outputs,
            input_names: info.input_names,
            output_names: info.output_names,
            rates: ranges(&info.rates),
            buffer_frames: ranges(&info.buffer_frames),
            sample_formats: info.sample_formats,
            shares_clock: info.shares_clock,
            wrapper: info.is_wrapper,
            broken: info.broken,
        }
    }

    /// Whether somebody could hear it. ALSA lists its plugins, `null` among them, on machines without a card too.
    fn is_audible(&self) -> bool {
        let has_card = self.backend != "alsa" || self.name.contains("hw:") || self.name.contains("CARD=");
        self.backend != SILENT && self.broken.is_none() && has_card
    }
}

fn ranges(choices: &Choices) -> Vec<Range> {
    choices.ranges().iter().map(|range| Range { min: *range.start(), max: *range.end() }).collect()
}

/// Runs the command.
pub fn run(arguments: &Devices) -> Result<ExitCode, Failure> {
    if let Some(device) = &arguments.probe {
        return super::probe::run(device, arguments.json);
    }
    let mut output = Output::take()?;
    let mut listing = Listing { devices: Vec::new(), failed: Vec::new(), hint: None, midi: super::midi::ports() };
    for backend in backends() {
        match backend.devices() {
            Ok(devices) => {
                listing.devices.extend(devices.into_iter().map(|info| Device::new(backend.name(), info)));
            }
            Err(error) => {
                listing.failed.push(FailedBackend { backend: backend.name(), reason: error.to_string() });
            }
        }
    }
    listing.hint = hint(&listing.devices);
    if arguments.json {
        output.json(&listing)?;
    } else {
        output.text(&text(&listing, arguments.channels))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What to do, where nothing can be heard; on Windows also where there is no driver of ASIO but a wrapper or none.
fn hint(devices: &[Device]) -> Option<&'static str> {
    let has_audible = devices.iter().any(Device::is_audible);
    if cfg!(windows) {
        let has_own_driver =
            devices.iter().any(|device| device.backend == "asio" && device.is_audible() && !device.wrapper);
        (!has_own_driver).then_some(
            "no ASIO driver of an interface's own is installed: install the one of its maker, for the least latency. Without \
             one use WASAPI in exclusive mode, or a wrapper such as FlexASIO or ASIO4ALL",
        )
    } else if has_audible {
        None
    } else if cfg!(target_os = "macos") {
        Some("the system has no audio device: connect one, and look at Audio MIDI Setup")
    } else {
        Some(
            "there is no device that can be heard: connect one and look at it with `aplay -l`, or start JACK or PipeWire. \
             --device virtual runs without any",
        )
    }
}

fn text(listing: &Listing, names_channels: bool) -> String {
    let mut text = String::new();
    for device in &listing.devices {
        describe(&mut text, device, names_channels);
    }
    for failed in &listing.failed {
        let _ = writeln!(text, "{}: {}", failed.backend, failed.reason);
    }
    if let Some(hint) = listing.hint {
        let _ = writeln!(text, "{hint}.");
    }
    text + &super::midi::text(&listing.midi)
}

fn describe(text: &mut String, device: &Device, names_channels: bool) {
    let marks = [
        device.default.then_some("default"),
        device.wrapper.then_some("a wrapper of the system's own audio"),
        device.broken.is_some().then_some("broken"),
    ];
    let marks: Vec<&str> = marks.into_iter().flatten().collect();
    let marks = if marks.is_empty() { String::new() } else { format!("  [{}]", marks.join(", ")) };
    let _ = writeln!(text, "{}{marks}", device.device);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name:<10}{value}");
    };
    line("", device.description.trim());
    if let Some(reason) = &device.broken {
        line("broken", reason);
        return;
    }
    let count = |channels: Option<usize>| channels.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let clock = match device.shares_clock {
        Some(true) if device.inputs != Some(0) && device.outputs != Some(0) => ", on one clock",
        Some(false) => ", on two clocks",
        _ => "",
    };
    line("channels", &format!("{} in, {} out{clock}", count(device.inputs), count(device.outputs)));
    if !device.rates.is_empty() {
        line("rates", &format!("{} Hz", list(&device.rates)));
    }
    if !device.buffer_frames.is_empty() {
        line("buffers", &format!("{} frames", list(&device.buffer_frames)));
    }
    if !device.sample_formats.is_empty() {
        line("samples", &device.sample_formats.join(", "));
    }
    if names_channels {
        for (side, names) in [("inputs", &device.input_names), ("outputs", &device.output_names)] {
            for (place, name) in names.iter().enumerate() {
                line(if place == 0 { side } else { "" }, &format!("{:>3}  {name}", place + 1));
            }
        }
    }
}

pub(super) fn list(ranges: &[Range]) -> String {
    let range = |range: &Range| match (range.min, range.max) {
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(backend: &'static str, info: DeviceInfo) -> Device {
        Device::new(backend, info)
    }

    /// Numbers are numbers, a single rate is a range of itself, and what is not known is null or empty.
    #[test]
    fn the_document_is_for_machines() {
        let info = DeviceInfo {
            name: "hw:0".to_owned(),
            outputs: Some(2),
            rates: Choices::new([44_100..=44_100, 48_000..=96_000]),
            ..DeviceInfo::default()
        };
        let document = serde_json::to_value(device("alsa", info)).unwrap();
        assert_eq!(document["device"], "alsa:hw:0");
        assert_eq!(
            document["rates"],
            serde_json::json!([{"min": 44_100, "max": 44_100}, {"min": 48_000, "max": 96_000}])
        );
        assert_eq!((document["outputs"].as_u64(), document["inputs"].is_null()), (Some(2), true));
        assert_eq!(document["buffer_frames"], serde_json::json!([]));
    }

    /// What is broken says why and nothing else; channels are named on request.
    #[test]
    fn the_text_is_for_people() {
        let names = vec!["system:playback_1".to_owned(), "system:playback_2".to_owned()];
        let good = DeviceInfo {
            name: "default".to_owned(),
            inputs: Some(0),
            outputs: Some(2),
            rates: Choices::only(48_000),
            output_names: names,
            is_default: true,
            ..DeviceInfo::default()
        };
        let broken = DeviceInfo {
            name: "Old".to_owned(),
            broken: Some("it is gone: install it again".to_owned()),
            ..DeviceInfo::default()
        };
        let listing = Listing {
            devices: vec![device("jack", good), device("asio", broken)],
            failed: vec![FailedBackend { backend: "alsa", reason: "no".to_owned() }],
            hint: None,
            midi: crate::commands::midi::Ports::default(),
        };
        let said = text(&listing, true);
        for wanted in
            ["jack:default  [default]\n", "channels  0 in, 2 out\n", "48000 Hz", "outputs     1  system:playback_1\n"]
        {
            assert!(said.contains(wanted), "{wanted} in\n{said}");
        }
        assert!(said.contains("asio:Old  [broken]\n") && said.contains("broken    it is gone"), "{said}");
        assert!(!text(&listing, false).contains("playback_1"));
    }

    /// A virtual device is no device to hear, a broken one neither, nor a plugin of ALSA without a card.
    #[cfg(not(windows))]
    #[test]
    fn where_nothing_can_be_heard_it_says_what_to_do() {
        let broken = DeviceInfo { broken: Some("gone".to_owned()), ..DeviceInfo::default() };
        let named = |name: &str| DeviceInfo { name: name.to_owned(), ..DeviceInfo::default() };
        let silent = [device(SILENT, DeviceInfo::default()), device("jack", broken), device("alsa", named("null"))];
        assert!(hint(&silent).is_some());
        assert_eq!(hint(&[device("alsa", named("hw:CARD=0,DEV=0"))]), None);
        assert_eq!(hint(&[device("jack", DeviceInfo::default())]), None);
    }
}
