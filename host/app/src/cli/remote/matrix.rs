//! The words of `ctl` for groups, mixes and presets of the routing matrix.

use crate::remote::{NewName, on_or_off};
use clap::{Args, Subcommand};

/// What is asked of groups.
#[derive(Clone, Debug, Subcommand)]
pub enum GroupOrder {
    /// List them.
    List,
    /// Put a group in the place of the one of its name, or after the last.
    Set {
        /// Its name.
        group: String,
        /// Its rows: NODE for all that it puts out, or NODE[/PORT]:CHANNEL.
        #[arg(long, num_args = 1..)]
        rows: Vec<String>,
        /// Its columns: NODE for all that it takes, or NODE[/PORT]:CHANNEL.
        #[arg(long, num_args = 1..)]
        columns: Vec<String>,
        /// More keys of a rig file's `[[group]]` table, a JSON object, such as '{"note": "the kit"}'.
        #[arg(long, default_value = "{}")]
        keys: String,
        #[command(flatten)]
        fader: FaderChoice,
    },
    /// Set the gain of a group, or mute it.
    Fader {
        /// Its name.
        group: String,
        #[command(flatten)]
        fader: FaderChoice,
    },
    /// Give one another name.
    Rename(NewName),
    /// Remove one.
    Remove {
        /// Its name.
        group: String,
    },
}

/// What is asked of monitor mixes.
#[derive(Clone, Debug, Subcommand)]
pub enum MixOrder {
    /// List them.
    List,
    /// Show one with its part of the matrix.
    Show {
        /// Its name.
        mix: String,
    },
    /// Put a mix in the place of the one of its name, or after the last.
    Set {
        /// Its name, such as the listener's.
        mix: String,
        /// What the listener hears: NODE for all that it takes, or NODE[/PORT]:CHANNEL.
        #[arg(required = true)]
        columns: Vec<String>,
        #[command(flatten)]
        fader: FaderChoice,
    },
    /// Set the gain of all of a mix, or mute it.
    Fader {
        /// Its name.
        mix: String,
        #[command(flatten)]
        fader: FaderChoice,
    },
    /// Give a mix the cells of another one, column by column.
    Copy {
        /// Whose cells.
        from: String,
        /// Who gets them.
        to: String,
    },
    /// Give one another name.
    Rename(NewName),
    /// Remove one. Its cells stay.
    Remove {
        /// Its name.
        mix: String,
    },
}

/// How loud many cells are together.
#[derive(Clone, Copy, Debug, Args)]
pub struct FaderChoice {
    /// In dB, at most 20; -144 and below is silence.
    #[arg(long, value_name = "DB", allow_negative_numbers = true)]
    pub gain: Option<f32>,
    /// Silent or not.
    #[arg(long, value_parser = on_or_off)]
    pub mute: Option<bool>,
}

/// What is asked of presets of the matrix.
#[derive(Clone, Debug, Subcommand)]
pub enum MatrixPresetOrder {
    /// List them.
    List,
    /// Store cells as they are, in the place of the preset of that name or as a new one.
    Store {
        /// The name.
        preset: String,
        /// Rows: NODE[/PORT]:CHANNEL.
        #[arg(long, num_args = 1.., requires = "columns")]
        rows: Vec<String>,
        /// Columns.
        #[arg(long, num_args = 1.., requires = "rows")]
        columns: Vec<String>,
        /// In place of rows: nodes, of which all that they put out is meant.
        #[arg(long, num_args = 1.., requires = "to", conflicts_with = "rows")]
        from: Vec<String>,
        /// In place of columns: nodes, of which all that they take is meant.
        #[arg(long, num_args = 1.., requires = "from")]
        to: Vec<String>,
    },
    /// Set the cells of one.
    Recall {
        /// Its name.
        preset: String,
    },
    /// Give one another name.
    Rename(NewName),
    /// Remove one.
    Remove {
        /// Its name.
        preset: String,
    },
}
