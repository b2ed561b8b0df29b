//! What becomes of a device while a rig plays on it, for people and for programs.

use crosspoint::Notice;
use crosspoint::devices::{Notice as DeviceNotice, StreamInfo};
use serde::Serialize;

/// Something that happened to the device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceEvent {
    /// What, as programs ask for it.
    pub event: &'static str,
    /// The same for people.
    pub message: String,
}

/// A notice as an event of the device, if it is one; xruns are not, since there may be hundreds a second.
pub fn device_event(notice: &Notice) -> Option<DeviceEvent> {
    let (event, message) = match notice {
        Notice::Device(notice) => driver_event(notice)?,
        Notice::OnTimer { device, is_awaited, failure } => ("on-timer", on_timer(device, *is_awaited, failure)),
        Notice::DeviceRefuses { device, reason } => ("refused", format!("{} cannot be had: {reason}", named(device))),
        Notice::DeviceBack { before, now } => {
            let changes = changes(before, now);
            let changes = if changes.is_empty() { String::new() } else { format!(", with {}", changes.join(", ")) };
            ("back", format!("{} is back{changes}", named(now)))
        }
        Notice::NotRealTime { advice } => {
            ("not-real-time", format!("others may keep the audio thread waiting: {advice}"))
        }
        Notice::RateFollowed { before, after } => {
            ("rate-followed", format!("the rig runs at {after} Hz now instead of {before} Hz"))
        }
        Notice::RateRefused { rate, reason } => {
            ("rate-refused", format!("the rig cannot run at the device's {rate} Hz and sounds wrong: {reason}"))
        }
        _ => return None,
    };
    Some(DeviceEvent { event, message })
}

/// What a driver says, as programs ask for it and for people.
pub fn driver_event(notice: &DeviceNotice) -> Option<(&'static str, String)> {
    Some(match notice {
        DeviceNotice::RateChanged { rate } => ("rate-changed", format!("the device runs at {rate} Hz now")),
        DeviceNotice::BufferSizeChanged { frames } => {
            ("buffer-changed", format!("the device's buffer is {frames} frames long now"))
        }
        DeviceNotice::Freewheel { on: true } => {
            ("freewheel-on", "the server runs as fast as its clients can".to_owned())
        }
        DeviceNotice::Freewheel { on: false } => ("freewheel-off", "the server runs in real time again".to_owned()),
        DeviceNotice::DeviceLost { reason } => ("lost", format!("the device is gone: {reason}")),
        DeviceNotice::Stopped { reason } => ("stopped", format!("the device stopped: {reason}")),
        _ => return None,
    })
}

fn named(device: &StreamInfo) -> String {
    format!("{}:{}", device.backend, device.device)
}

fn on_timer(device: &StreamInfo, is_awaited: bool, failure: &Option<String>) -> String {
    let rig = match failure {
        None => "the rig runs on by a timer".to_owned(),
        Some(reason) => format!("the rig stands still, as there is no timer either ({reason})"),
    };
    let waits = if is_awaited { format!("; waiting for {}", named(device)) } else { String::new() };
    rig + &waits
}

/// What a device that is back has that it had not.
fn changes(before: &StreamInfo, now: &StreamInfo) -> Vec<String> {
    let numbers = [
        ("Hz", before.rate as usize, now.rate as usize),
        ("frames a buffer", before.buffer_frames as usize, now.buffer_frames as usize),
        ("inputs", before.inputs.len(), now.inputs.len()),
        ("outputs", before.outputs.len(), now.outputs.len()),
    ];
    let changed = numbers.into_iter().filter(|(_, before, now)| before != now);
    changed.map(|(what, before, now)| format!("{now} {what} instead of {before}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Only what is different is said of a device that is back.
    #[test]
    fn a_device_that_is_back_is_told_with_what_has_changed() {
        let before = StreamInfo {
            backend: "jack",
            device: "stage".into(),
            client: String::new(),
            rate: 48_000,
            buffer_frames: 64,
            inputs: vec!["in".into(); 8],
            outputs: vec!["out".into(); 8],
        };
        let back = |now: &StreamInfo| {
            let (before, now) = (Arc::new(before.clone()), Arc::new(now.clone()));
            device_event(&Notice::DeviceBack { before, now }).unwrap().message
        };
        assert_eq!(back(&before), "jack:stage is back");
        let now = StreamInfo { rate: 96_000, inputs: vec!["in".into(); 2], ..before.clone() };
        assert_eq!(back(&now), "jack:stage is back, with 96000 Hz instead of 48000, 2 inputs instead of 8");
    }
}
