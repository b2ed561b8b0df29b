//! Meters and the tuner as a document.

use super::stage::{LoudnessReading, finite};
use crosspoint::measurement::decibels;
use crosspoint::{ChannelLevel, Levels, Snapshot, TunedNote};
use serde::Serialize;
use std::collections::BTreeMap;

/// Levels at one moment. Null is silence.
#[derive(Serialize)]
pub struct LevelsDocument {
    /// The channels of each node that is metered, by its name.
    nodes: BTreeMap<String, Vec<Channel>>,
    /// What the tuner hears; null while it is off or has heard too little.
    tuner: Option<Tuner>,
    /// Of each node for which it is measured, by its name.
    loudness: BTreeMap<String, LoudnessReading>,
}

#[derive(Serialize)]
struct Channel {
    /// Of full scale; falls by 20 dB in 1.7 s.
    peak_db: Option<f64>,
    /// Over 0.3 s; -3 for a sine of full scale.
    rms_db: Option<f64>,
    /// The peak, held for 2 s.
    held_db: Option<f64>,
    /// How often full scale was reached since the reset.
    clips: u64,
}

#[derive(Serialize)]
struct Tuner {
    level_db: Option<f64>,
    /// Null where there is no pitch.
    note: Option<Note>,
}

#[derive(Serialize)]
struct Note {
    /// Such as `F#2`.
    name: String,
    /// In Hz.
    frequency: f64,
    /// As MIDI counts.
    key: i32,
    /// From the note to the tone, -50 to 50.
    cents: f64,
    /// How periodic the sound is, 1 for exactly.
    clarity: f64,
}

impl LevelsDocument {
    /// Those of nodes of a snapshot.
    pub fn of(snapshot: &Snapshot, levels: &Levels) -> Self {
        let name = |id| snapshot.graph.node(id).map(|node| node.name.clone());
        let (nodes, loudness) = (levels.nodes.iter(), levels.loudness.iter());
        let note = |note: TunedNote| Note {
            name: note.name(),
            frequency: note.frequency,
            key: note.key,
            cents: note.cents,
            clarity: note.clarity,
        };
        let tuner = levels.tuner.map(|tuner| Tuner { level_db: finite(tuner.level), note: tuner.note.map(note) });
        Self {
            nodes: nodes
                .filter_map(|(&id, channels)| Some((name(id)?, channels.iter().map(channel).collect())))
                .collect(),
            tuner,
            loudness: loudness.filter_map(|(&id, reading)| Some((name(id)?, LoudnessReading::of(reading)))).collect(),
        }
    }
}

fn channel(level: &ChannelLevel) -> Channel {
    let shown = |linear: f32| finite(decibels(linear.into()));
    Channel { peak_db: shown(level.peak), rms_db: shown(level.rms), held_db: shown(level.held), clips: level.clips }
}
