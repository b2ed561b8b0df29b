//! The words of `crosspoint check`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint check guitar.rig.toml\n  \
    crosspoint check guitar.rig.toml --input di.wav --buffer 64\n  \
    crosspoint check band.rig.toml --transitions setlist --max-load 70 --json > report.json\n\n\
    The rig is loaded, played through all its scenes faster than real time and listened to, without a device. What goes in \
    are two sines for each channel, or --input; keyboards hold chords through every switch. Errors are what will be missing, \
    fail or be heard as a fault: plugins and files that are not there, scenes that cannot be played, clicks and gaps in a \
    switch, clipping, notes that stay. Warnings are what may be meant so.\n\n\
    The load is a share of the time for a block, on this machine while it checked: a busy machine shows more than the rig \
    takes. It is a finding only above --max-load.\n\n\
    The document: rig, rate, block, rendered_seconds, wall_seconds, findings [{code, severity (error, warning, note), seen, \
    advice, node, moment {from, scene, in_switch}, line, times}], scenes [{scene, peak_dbfs, load_peak}], transitions [{from, \
    to, waited_frames, control_ms, load_peak, step, step_limit, gap_frames, peak_dbfs}], possible_transitions, worst_switch (a \
    place in transitions), paths [{input, output, earliest, latest}] in frames, load {mean, p99, peak}, node_loads [{node, \
    peak}].\n\n\
    Exit status: 0 no errors (there may be warnings and notes), 1 errors, 2 the command line makes no sense, 4 the rig file \
    cannot be used at all.")]
pub struct Check {
    /// The rig file.
    pub rig: PathBuf,
    /// WAV files to play in place of the test signal, in a loop; several fill consecutive channels.
    #[arg(long, value_name = "WAV", num_args = 1..)]
    pub input: Vec<PathBuf>,
    /// Peak of the test signal in dBFS.
    #[arg(long, value_name = "DB", default_value_t = -12.0, allow_negative_numbers = true, conflicts_with = "input")]
    pub level: f64,
    /// Sample rate in Hz. Default: the machine file's, 48000 if it says none.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Frames a block. Default: the machine file's buffer, 128 if it says none.
    #[arg(long)]
    pub buffer: Option<u32>,
    /// Seconds that each scene is listened to after each switch.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.4)]
    pub listen: f64,
    /// Which switches are tried. Default: all, or along the setlist if there are more than 400.
    #[arg(long, value_enum)]
    pub transitions: Option<Which>,
    /// The longest block that is no error, in percent of its time.
    #[arg(long, value_name = "PERCENT")]
    pub max_load: Option<f64>,
    /// Take warnings for errors.
    #[arg(long)]
    pub strict: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Which switches between scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// From each scene to each other.
    All,
    /// From each scene to the next and the one before, as the setlist has them.
    Setlist,
}
