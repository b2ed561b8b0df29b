//! The words of `ctl` for the transport and for what keeps a stage safe: outputs, overload, xruns, bypass.

use super::metre;
use crate::remote::{GuardChange, LawWord, OverloadChange, on_or_off};
use clap::{Args, Subcommand};

/// What is asked of the playhead: by itself or as a part of `transport`.
#[derive(Clone, Debug, Subcommand)]
pub enum PlayheadOrder {
    /// Start the transport.
    Play,
    /// Stop the transport.
    Stop,
    /// Set the playhead.
    #[command(allow_negative_numbers = true)]
    Locate {
        /// Seconds from the song's beginning.
        #[arg(required_unless_present_any = ["bar", "quarters"], conflicts_with_all = ["bar", "quarters"])]
        seconds: Option<f64>,
        /// A bar, from 1.
        #[arg(long, conflicts_with = "quarters")]
        bar: Option<i32>,
        /// A beat of the bar, from 1.
        #[arg(long, requires = "bar")]
        beat: Option<f64>,
        /// Quarter notes from the song's beginning.
        #[arg(long)]
        quarters: Option<f64>,
    },
    /// Loop between two places of the song; no longer without them.
    Loop {
        /// Where it begins, in seconds from the song's beginning.
        #[arg(requires = "to")]
        from: Option<f64>,
        /// Where it ends.
        to: Option<f64>,
        /// The first bar of the loop, from 1, and the one that comes after it.
        #[arg(long, num_args = 2, value_names = ["FROM", "TO"], conflicts_with = "from")]
        bars: Vec<i32>,
    },
    /// Arm recording, or no longer.
    Record {
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// Set the metre.
    Metre {
        /// Such as `3/4`.
        #[arg(value_parser = metre)]
        metre: (u16, u16),
    },
    /// Set the tempo.
    Tempo {
        /// Quarter notes a minute.
        bpm: f64,
    },
}

/// What is asked of the transport.
#[derive(Clone, Debug, Subcommand)]
pub enum TransportOrder {
    /// Say where the playhead and the players' files are.
    Show,
    #[command(flatten)]
    Playhead(PlayheadOrder),
    /// Start it, or stop it if it plays or counts in.
    Toggle,
    /// Tap a beat of the tempo; from the second one on the transport has it.
    Tap,
    /// Count in, then play.
    CountIn,
    /// Say how many bars a count-in is.
    CountInBars {
        /// 1 to 16.
        bars: u32,
    },
    /// Follow the MIDI clock of a role, or no longer any.
    Follow {
        /// The role of the rig's event inputs; none for the transport's own tempo.
        role: Option<String>,
    },
    /// Send MIDI clock to roles, or to nobody.
    Send {
        /// The roles of the rig's event outputs.
        roles: Vec<String>,
        /// While the transport stands, too.
        #[arg(long)]
        while_stopped: bool,
    },
}

/// What is asked of an output.
#[derive(Clone, Debug, Subcommand)]
pub enum OutputOrder {
    /// Take it to silence.
    Close {
        /// The output.
        node: String,
    },
    /// Let it play again that was closed, by hand or by its guard.
    Open {
        /// The output.
        node: String,
    },
    /// Say what it may play before its guard closes it. What is not said stays as it is.
    Guard(GuardChange),
}

/// What is asked of plugins that take too much time.
#[derive(Clone, Debug, Subcommand)]
pub enum OverloadOrder {
    /// Look after the time, or no longer.
    Watch {
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// Say what becomes of a plugin that takes too much. What is not said stays as it is.
    Policy(OverloadChange),
    /// Bring one back that was taken out of the way.
    Recover {
        /// The plugin's node.
        node: String,
    },
}

/// What is asked of the log of xruns.
#[derive(Clone, Debug, Subcommand)]
pub enum XrunsOrder {
    /// List them: when, how many, and who is likely to be to blame.
    List,
    /// Forget them.
    Clear,
}

/// What is asked of loudness meters.
#[derive(Clone, Debug, Subcommand)]
pub enum LoudnessOrder {
    /// Show what they show.
    Show,
    /// Measure a node.
    On {
        /// The node. Default: all outputs of the rig.
        node: Option<String>,
    },
    /// Measure it no longer.
    Off {
        /// The node. Default: all outputs of the rig.
        node: Option<String>,
    },
    /// Begin integrated loudness, range and maxima anew.
    Reset {
        /// The node. Default: all that are measured.
        node: Option<String>,
    },
}

/// Two cells between left and right.
#[derive(Clone, Debug, Args)]
pub struct PanOrder {
    /// From -1 (left) to 1 (right).
    #[arg(allow_negative_numbers = true)]
    pub position: f64,
    /// One row that is heard on both columns, or a left and a right one: NODE[/PORT]:CHANNEL.
    #[arg(long, required = true, num_args = 1..=2)]
    pub rows: Vec<String>,
    /// The left and the right column.
    #[arg(long, required = true, num_args = 2)]
    pub columns: Vec<String>,
    /// The gain of both in dB.
    #[arg(long, value_name = "DB", default_value_t = 0.0, allow_negative_numbers = true)]
    pub gain: f32,
    /// How loud both sides are in between.
    #[arg(long, default_value = "constant-power")]
    pub law: LawWord,
}
