//! MIDI ports for people: those there are, and those that a rig has.

use crosspoint::devices::jack::JackBackend;
use crosspoint::devices::midi::{Direction, MidiPorts, SystemMidi, TickClock};
use crosspoint::{MidiConnection, MidiEvent};
use serde::Serialize;
use std::fmt::Write;

/// The MIDI ports that `--midi-input` and the machine file take.
#[derive(Serialize)]
pub struct Ports {
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// Why ports may be missing.
    failed: Vec<String>,
}

/// Looks at what there is.
pub fn ports() -> Ports {
    // Nothing is opened, so no time is asked for.
    let clock = TickClock { now: || 0, per_second: 0.0 };
    let mut system = MidiPorts::new(Box::new(SystemMidi::new("crosspoint-look")), clock);
    let mut failed = Vec::new();
    let mut list = |direction| {
        let mut names = Vec::new();
        match system.list(direction) {
            Ok(ports) => names.extend(ports.into_iter().map(|port| port.name)),
            Err(error) => failed.push(error.to_string()),
        }
        // Why there is no JACK is said where its audio is listed.
        names.extend(JackBackend::midi_ports(direction).into_iter().flatten().map(|port| format!("jack:{port}")));
        names
    };
    let (inputs, outputs) = (list(Direction::Input), list(Direction::Output));
    failed.dedup();
    Ports { inputs, outputs, failed }
}

/// The same for people.
pub fn text(ports: &Ports) -> String {
    let mut text = String::new();
    for (direction, names) in [("input", &ports.inputs), ("output", &ports.outputs)] {
        for name in names {
            let _ = writeln!(text, "MIDI {direction}: {name}");
        }
    }
    for reason in &ports.failed {
        let _ = writeln!(text, "{reason}");
    }
    text
}

/// What has become of a role's port.
pub fn describe(direction: Direction, role: &str, event: &MidiEvent) -> Option<String> {
    Some(match event {
        // That is good news, told apart.
        MidiEvent::Open { .. } => return None,
        MidiEvent::Lost => format!("the MIDI {direction} of `{role}` is gone; its notes are ended, it is waited for"),
        MidiEvent::Refused { reason } => format!("the MIDI {direction} of `{role}`: {reason}"),
        _ => return None,
    })
}

/// A port of the rig, as the report of a run has it.
#[derive(Serialize)]
pub struct Connection {
    direction: String,
    role: String,
    name: String,
    open: Option<String>,
    /// Frames between the device and the rig, always the same.
    delay: Option<u32>,
}

impl From<MidiConnection> for Connection {
    fn from(port: MidiConnection) -> Self {
        let MidiConnection { direction, role, name, open, delay } = port;
        Self { direction: direction.to_string(), role, name, open, delay }
    }
}

/// A port of the rig for people.
pub fn state(port: &MidiConnection, rate: u32) -> String {
    let MidiConnection { direction, role, name, open, delay } = port;
    match (open, delay) {
        (Some(open), Some(0)) => format!("MIDI {direction} of `{role}`: {open}, at its frame"),
        (Some(open), Some(delay)) => {
            let milliseconds = f64::from(*delay) / f64::from(rate) * 1e3;
            format!("MIDI {direction} of `{role}`: {open}, {delay} frames ({milliseconds:.1} ms) late, always the same")
        }
        _ => format!("MIDI {direction} of `{role}`: waiting for `{name}`"),
    }
}
