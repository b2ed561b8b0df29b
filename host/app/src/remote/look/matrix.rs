//! Groups, mixes and presets of the matrix as documents, and a mix with its part of the matrix.

use super::{Channel, channel};
use crosspoint::graph::Graph;
use crosspoint::measurement::decibels;
use crosspoint::session::{ChannelEntry, Fader};
use crosspoint::{GroupSnapshot, MatrixPresetSnapshot, MatrixView, MixSnapshot};
use serde::Serialize;
use serde_json::Value;

/// A group.
#[derive(Serialize)]
pub struct Group {
    name: String,
    /// Null is silence.
    gain_db: Option<f64>,
    muted: bool,
    /// The keys of a rig file's `[[group]]` table.
    group: Value,
    /// What of it is not there.
    missing: Vec<String>,
}

/// A monitor mix.
#[derive(Serialize)]
pub struct Mix {
    name: String,
    /// Null is silence.
    gain_db: Option<f64>,
    muted: bool,
    /// The columns that are there.
    columns: Vec<Channel>,
    /// The keys of a rig file's `[[mix]]` table.
    mix: Value,
    /// What of it is not there.
    missing: Vec<String>,
}

/// A mix with its part of the matrix.
#[derive(Serialize)]
pub struct MixView {
    #[serde(flatten)]
    mix: Mix,
    /// Those that are set in one of the columns.
    rows: Vec<Channel>,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    /// Its place among the rows, and among the columns, from 1.
    row: usize,
    column: usize,
    /// Null is silence.
    gain_db: Option<f64>,
    mute: bool,
    invert: bool,
    /// Whether it is of a feedback edge.
    is_feedback: bool,
}

/// A preset of the matrix.
#[derive(Serialize)]
pub struct MatrixPreset {
    name: String,
    note: String,
    rows: Vec<Name>,
    columns: Vec<Name>,
    /// What of it is not there, and is passed over.
    missing: Vec<String>,
}

/// A row or column as rig files name it.
#[derive(Serialize)]
struct Name {
    /// `NODE` or `NODE/PORT`.
    node: String,
    /// Counted from 1.
    channel: u32,
}

impl Group {
    /// That of a snapshot.
    pub fn of(group: &GroupSnapshot) -> Self {
        let (gain_db, muted) = fader(group.group.fader);
        Self {
            name: group.group.name.clone(),
            gain_db,
            muted,
            group: serde_json::to_value(group.group.to_table()).unwrap_or_default(),
            missing: group.missing.clone(),
        }
    }
}

impl Mix {
    /// That of a snapshot.
    pub fn of(graph: &Graph, mix: &MixSnapshot) -> Self {
        let (gain_db, muted) = fader(mix.mix.fader);
        Self {
            name: mix.mix.name.clone(),
            gain_db,
            muted,
            columns: mix.columns.iter().map(|column| channel(graph, column)).collect(),
            mix: serde_json::to_value(mix.mix.to_table()).unwrap_or_default(),
            missing: mix.missing.clone(),
        }
    }
}

impl MixView {
    /// That of a snapshot.
    pub fn of(graph: &Graph, mix: &MixSnapshot) -> Self {
        let part = MatrixView::of(graph).part(&mix.columns);
        let cells = part.cells.iter().map(|at| Cell {
            row: at.row + 1,
            column: at.column + 1,
            gain_db: level(at.cell.gain),
            mute: at.cell.mute,
            invert: at.cell.unsigned().invert,
            is_feedback: at.is_feedback,
        });
        Self {
            mix: Mix::of(graph, mix),
            rows: part.rows.iter().map(|row| channel(graph, row)).collect(),
            cells: cells.collect(),
        }
    }
}

impl MatrixPreset {
    /// That of a snapshot.
    pub fn of(preset: &MatrixPresetSnapshot) -> Self {
        let names = |channels: &[ChannelEntry]| {
            let name = |known: &ChannelEntry| Name {
                node: format!("{}{}", known.end.node, known.end.port),
                channel: known.channel + 1,
            };
            channels.iter().map(name).collect()
        };
        Self {
            name: preset.name.clone(),
            note: preset.note.clone(),
            rows: names(&preset.rows),
            columns: names(&preset.columns),
            missing: preset.missing.clone(),
        }
    }
}

fn fader(fader: Fader) -> (Option<f64>, bool) {
    (level(fader.gain), fader.muted)
}

/// In dB; none for silence.
fn level(gain: f32) -> Option<f64> {
    (gain != 0.0).then(|| decibels(gain.into()))
}
