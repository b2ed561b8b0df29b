//! One file for each command.

pub mod demo;
pub mod devices;
pub mod graph;
pub mod plugins;
pub mod render;
pub mod run;

use crosspoint::Notice;
use crosspoint::devices::Notice as DeviceNotice;

/// A notice of the engine for people, if it is one that matters to them.
fn describe(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Fault { name, .. } => format!("{name} failed and is bypassed; its output was an error or not a number"),
        Notice::RestartStorm { name, .. } => format!("{name} asks to be restarted all the time; it is left as it is"),
        Notice::Inactive { reason, .. } => format!("a plugin could not be activated and is bypassed: {reason}"),
        Notice::Missing { name, reason, .. } => format!("{name} is missing: {reason}; the signal goes through"),
        Notice::LatencyChanged { before, after } => format!(
            "the rig was {before} frames late and is {after} from here on: what follows lines up with its input no more"
        ),
        Notice::EventsLost { count, .. } => format!("{count} events were lost: too many at once"),
        Notice::CommandsLate { count } => format!("{count} commands came late: too many at once"),
        Notice::Device(notice) => describe_device(notice)?,
        _ => return None,
    })
}

/// A notice of a device, save xruns, of which there may be hundreds a second.
fn describe_device(notice: &DeviceNotice) -> Option<String> {
    Some(match notice {
        DeviceNotice::RateChanged { rate } => format!("the device runs at {rate} Hz now"),
        DeviceNotice::BufferSizeChanged { frames } => format!("the device's buffer is {frames} frames long now"),
        DeviceNotice::DeviceLost { reason } => format!("the device is gone: {reason}"),
        DeviceNotice::NotRealTime { advice } => format!("the audio thread may be kept waiting by others: {advice}"),
        DeviceNotice::Stopped { reason } => format!("the device stopped: {reason}"),
        _ => return None,
    })
}
