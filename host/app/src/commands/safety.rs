//! What keeps a stage safe, told to people.

use crosspoint::graph::{GuardCause, NodeId};
use crosspoint::measurement::decibels;

/// An output that was closed by its guard.
pub fn closed(name: &str, cause: &GuardCause, blamed: Option<&(NodeId, String)>) -> String {
    let what = match cause {
        GuardCause::TooLoud { peak } => format!("too loud for too long ({:+.1} dBFS)", decibels(f64::from(*peak))),
        _ => "not a number".to_owned(),
    };
    let who = blamed.map_or_else(|| "who made it is not known".to_owned(), |(_, who)| format!("it came from {who}"));
    format!("the output {name} is silent: what was to be played was {what}; {who}")
}
