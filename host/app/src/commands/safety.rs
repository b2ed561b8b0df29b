//! What keeps a stage safe, told to people.

use crosspoint::graph::{GuardCause, NodeId, OverloadAction};
use crosspoint::measurement::decibels;
use crosspoint::{XrunCulprit, XrunEntry};

/// An output that was closed by its guard.
pub fn closed(name: &str, cause: &GuardCause, blamed: Option<&(NodeId, String)>) -> String {
    let what = match cause {
        GuardCause::TooLoud { peak } => format!("too loud for too long ({:+.1} dBFS)", decibels(f64::from(*peak))),
        _ => "not a number".to_owned(),
    };
    let who = blamed.map_or_else(|| "who made it is not known".to_owned(), |(_, who)| format!("it came from {who}"));
    format!("the output {name} is silent: what was to be played was {what}; {who}")
}

/// A plugin that takes too much time.
pub fn overloaded(name: &str, action: OverloadAction, share: f32) -> String {
    let done = match action {
        OverloadAction::Nothing => "nothing is done about it",
        OverloadAction::Bypass => "it is bypassed",
        OverloadAction::Mute => "it is muted",
    };
    format!("{name} takes {:.0} % of the time that there is, block after block; {done}", 100.0 * share)
}

/// Periods that were lost.
pub fn xrun(entry: &XrunEntry) -> String {
    let who = match &entry.culprit {
        XrunCulprit::Node { name, share, usual, .. } => {
            format!("{name} took {:.0} % of it, usually {:.0} %", 100.0 * share, 100.0 * usual)
        }
        XrunCulprit::Rig => "the rig always takes nearly all of it".to_owned(),
        XrunCulprit::Outside => "nothing of the rig stands out: the system or the driver".to_owned(),
        _ => "nobody took the time".to_owned(),
    };
    format!("an xrun: the block took {:.0} % of its time; {who}", 100.0 * entry.share)
}
