//! `crosspoint devices`: the audio devices of all backends, and the MIDI ports.

use crate::cli::Devices;
use crate::failure::Failure;
use crate::output::Output;
use crosspoint::devices::backends;
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Serialize)]
struct Listing {
    devices: Vec<Device>,
    /// Backends that could not be asked.
    failed: Vec<FailedBackend>,
    /// MIDI ports.
    midi: super::midi::Ports,
}

#[derive(Serialize)]
struct Device {
    /// What `--device` takes.
    device: String,
    backend: String,
    name: String,
    description: String,
    inputs: Option<usize>,
    outputs: Option<usize>,
    rates: String,
    buffer_frames: String,
    default: bool,
}

#[derive(Serialize)]
struct FailedBackend {
    backend: String,
    reason: String,
}

/// Runs the command.
pub fn run(arguments: &Devices) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let mut listing = Listing { devices: Vec::new(), failed: Vec::new(), midi: super::midi::ports() };
    for backend in backends() {
        match backend.devices() {
            Ok(devices) => listing.devices.extend(devices.into_iter().map(|device| Device {
                device: format!("{}:{}", backend.name(), device.name),
                backend: backend.name().to_owned(),
                name: device.name,
                description: device.description,
                inputs: device.inputs,
                outputs: device.outputs,
                rates: device.rates.to_string(),
                buffer_frames: device.buffer_frames.to_string(),
                default: device.is_default,
            })),
            Err(error) => {
                listing.failed.push(FailedBackend { backend: backend.name().to_owned(), reason: error.to_string() });
            }
        }
    }
    if arguments.json {
        output.json(&listing)?;
    } else {
        output.text(&text(&listing))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(listing: &Listing) -> String {
    let count = |channels: Option<usize>| channels.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let mut text = String::new();
    for device in &listing.devices {
        let default = if device.default { ", default" } else { "" };
        let _ = writeln!(text, "{}  ({}{default})", device.device, device.description);
        let (inputs, outputs) = (count(device.inputs), count(device.outputs));
        let _ = writeln!(
            text,
            "    {inputs} in, {outputs} out; {} Hz; buffers of {} frames",
            device.rates, device.buffer_frames
        );
    }
    for failed in &listing.failed {
        let _ = writeln!(text, "{}: {}", failed.backend, failed.reason);
    }
    text + &super::midi::text(&listing.midi)
}
