//! One file for each command.

pub mod bit_perfect;
pub mod check;
pub mod ctl;
pub mod demo;
pub mod device_events;
pub mod devices;
mod driver;
pub mod graph;
pub mod latency;
mod midi;
mod notices;
mod opening;
pub mod play;
pub mod plugins;
mod probe;
pub mod record;
pub mod render;
pub mod run;
mod safety;
pub mod tune;

use crosspoint::Notice;
use crosspoint::devices::Notice as DeviceNotice;

/// A notice of the engine for people, if it is one that matters to them.
fn describe(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Fault { name, .. } => format!("{name} failed and is bypassed; its output was an error or not a number"),
        Notice::OutputClosed { name, cause, blamed, .. } => safety::closed(name, cause, blamed.as_ref()),
        Notice::Overloaded { name, action, share, .. } => safety::overloaded(name, *action, *share),
        Notice::Recovered { name, .. } => format!("{name} is within its time again and plays as before"),
        Notice::NearDeadline { share } => format!(
            "the rig takes {:.0} % of its time, block after block: take a larger buffer, or something out of it",
            100.0 * share
        ),
        Notice::Xrun(entry) => safety::xrun(entry),
        Notice::OutputOpened { name, .. } => format!("the output {name} plays again"),
        Notice::RestartStorm { name, .. } => format!("{name} asks to be restarted all the time; it is left as it is"),
        Notice::Inactive { reason, .. } => format!("a plugin could not be activated and is bypassed: {reason}"),
        Notice::Missing { name, reason, .. } => format!("{name} is missing: {reason}; the signal goes through"),
        Notice::StateNotTaken { name, reason } => {
            format!("{name} goes on with the state it has, not that of the scene: {reason}")
        }
        Notice::LatencyChanged { before, after } => format!(
            "the rig was {before} frames late and is {after} from here on: what follows lines up with its input no more"
        ),
        Notice::EventsLost { count, .. } => format!("{count} events were lost: too many at once"),
        Notice::CommandsLate { count } => format!("{count} commands came late: too many at once"),
        Notice::Device(DeviceNotice::DeviceLost { reason }) => format!("the device is gone: {reason}"),
        Notice::Device(DeviceNotice::Stopped { reason }) => format!("the device stopped: {reason}"),
        Notice::Midi { direction, role, event } => midi::describe(*direction, role, event)?,
        Notice::AutosaveFailed { reason } => format!("nothing is autosaved: {reason}"),
        Notice::MidiLost { count } => format!("{count} MIDI messages were lost: too many at once, or too long"),
        Notice::ClockFollowed { role, tempo } => {
            format!("the transport follows the MIDI clock of {role}, at {tempo:.1}")
        }
        Notice::ClockLost { role, tempo } => {
            format!("the MIDI clock of {role} has ceased; the transport goes on alone at {tempo:.1}")
        }
        Notice::TrackLate { name, count, seconds, .. } => {
            format!("{name} was not read in time {count} times, {seconds:.3} s were silent; the disk is slow or busy")
        }
        Notice::TrackUnreadable { name, reason, .. } => format!("{name} is silent where it cannot be read: {reason}"),
        _ => return None,
    })
}
