//! What keeps a stage safe, as a document: guards of outputs, overloaded plugins, xruns, autosave, loudness.

use crosspoint::graph::{Graph, GuardCause, OverloadAction};
use crosspoint::measurement::decibels;
use crosspoint::{AutosaveState, GuardSnapshot, Loudness, OverloadSnapshot, Snapshot, XrunCulprit, XrunEntry};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// What of an output its guard lets pass.
#[derive(Serialize)]
pub struct Guard {
    /// The peak level that may last, in dBFS; null for any.
    limit_db: Option<f64>,
    /// For how many seconds it may be exceeded.
    time: f64,
    /// After how many seconds it plays again by itself; null for never.
    returns_after: Option<f64>,
    /// Null while it plays.
    closed: Option<Closed>,
}

/// Why an output is silent.
#[derive(Serialize)]
struct Closed {
    /// `by_hand`, `not_a_number` or `too_loud`.
    cause: &'static str,
    /// How loud it was, in dBFS.
    peak_db: Option<f64>,
    /// The node that is to blame, as far as it could be found.
    blamed: Option<String>,
}

/// What a plugin may take of the time.
#[derive(Serialize)]
pub struct Overload {
    /// Its part of the time that there is for a block.
    budget: f64,
    /// How many blocks in a row must exceed that.
    blocks: u32,
    /// `nothing`, `bypass` or `mute`.
    action: &'static str,
    /// After how many seconds it comes back by itself; null for never.
    returns_after: Option<f64>,
    /// Null while it is within its budget.
    overloaded: Option<Overloaded>,
}

#[derive(Serialize)]
struct Overloaded {
    /// What was done.
    action: &'static str,
    /// The part of the time that it took.
    share: f32,
}

/// Xruns with one culprit.
#[derive(Serialize)]
pub struct Xrun {
    /// Of the first, in seconds since 1970 (UTC).
    time: f64,
    /// Frames of the engine at the first and the last.
    frame: u64,
    last_frame: u64,
    /// How many the device reported.
    reported: u64,
    /// How many blocks took longer than they last.
    missed: u64,
    /// What the worst block took of its time; 0 if nobody took it.
    share: f32,
    /// `node`, `rig` (it always takes nearly all of its time), `outside` (the system or the driver) or `unknown`.
    culprit: &'static str,
    /// Which node.
    node: Option<String>,
    /// The part of the time that it took then, and usually takes.
    node_share: Option<f32>,
    usual_share: Option<f32>,
}

/// What of the rig survives a crash.
#[derive(Serialize)]
pub struct Autosave {
    /// In seconds since 1970 (UTC); null if nothing was saved yet.
    saved: Option<f64>,
    /// Whether the performance lock keeps it from that.
    is_locked: bool,
}

/// By EBU R 128. Null is silence, or too little to measure.
#[derive(Serialize)]
pub struct LoudnessReading {
    /// Over 0.4 s and 3 s, in LUFS.
    momentary: Option<f64>,
    short_term: Option<f64>,
    /// Since the reset, in LUFS.
    integrated: Option<f64>,
    /// In LU.
    range: Option<f64>,
    greatest_momentary: Option<f64>,
    greatest_short_term: Option<f64>,
    /// In dBTP.
    true_peak: Option<f64>,
    /// Measured since the reset.
    frames: u64,
}

impl Guard {
    /// That of an output.
    pub fn of(graph: &Graph, guard: &GuardSnapshot) -> Self {
        let closed = guard.closed.as_ref().map(|closed| Closed {
            cause: match closed.cause {
                None => "by_hand",
                Some(GuardCause::TooLoud { .. }) => "too_loud",
                Some(_) => "not_a_number",
            },
            peak_db: match closed.cause {
                Some(GuardCause::TooLoud { peak }) => finite(decibels(peak.into())),
                _ => None,
            },
            blamed: closed.blamed.and_then(|node| graph.node(node)).map(|node| node.name.clone()),
        });
        let settings = guard.settings;
        Self { limit_db: settings.limit, time: settings.time, returns_after: settings.returns_after, closed }
    }
}

impl Overload {
    /// That of a plugin.
    pub fn of(overload: &OverloadSnapshot) -> Self {
        let policy = overload.policy;
        Self {
            budget: policy.budget,
            blocks: policy.blocks,
            action: action(policy.action),
            returns_after: policy.returns_after,
            overloaded: overload.overloaded.map(|(done, share)| Overloaded { action: action(done), share }),
        }
    }
}

impl Xrun {
    /// That of an entry of the log.
    pub fn of(entry: &XrunEntry) -> Self {
        let (culprit, node) = match &entry.culprit {
            XrunCulprit::Node { name, share, usual, .. } => ("node", Some((name.clone(), *share, *usual))),
            XrunCulprit::Rig => ("rig", None),
            XrunCulprit::Outside => ("outside", None),
            _ => ("unknown", None),
        };
        Self {
            time: unix(entry.time),
            frame: entry.frame,
            last_frame: entry.last_frame,
            reported: entry.reported,
            missed: entry.missed,
            share: entry.share,
            culprit,
            node_share: node.as_ref().map(|(_, share, _)| *share),
            usual_share: node.as_ref().map(|(_, _, usual)| *usual),
            node: node.map(|(name, _, _)| name),
        }
    }
}

/// The log of xruns, the oldest first.
pub fn xruns(snapshot: &Snapshot) -> Vec<Xrun> {
    snapshot.xrun_log.iter().map(Xrun::of).collect()
}

impl Autosave {
    /// That of a snapshot.
    pub fn of(state: &AutosaveState) -> Self {
        Self { saved: state.saved.map(unix), is_locked: state.is_locked }
    }
}

impl LoudnessReading {
    /// That of a node.
    pub fn of(loudness: &Loudness) -> Self {
        Self {
            momentary: finite(loudness.momentary),
            short_term: finite(loudness.short_term),
            integrated: finite(loudness.integrated),
            range: finite(loudness.range),
            greatest_momentary: finite(loudness.greatest_momentary),
            greatest_short_term: finite(loudness.greatest_short_term),
            true_peak: finite(loudness.true_peak),
            frames: loudness.frames,
        }
    }
}

/// The word for what is done about overload.
fn action(action: OverloadAction) -> &'static str {
    match action {
        OverloadAction::Nothing => "nothing",
        OverloadAction::Bypass => "bypass",
        OverloadAction::Mute => "mute",
    }
}

pub(super) fn unix(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// JSON has no word for infinity.
pub(super) fn finite(level: f64) -> Option<f64> {
    level.is_finite().then_some(level)
}
