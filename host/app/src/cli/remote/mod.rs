//! The words of remote control: how `run` lets clients in, and what `ctl` asks of a running rig.

mod matrix;
mod performance;
mod stage;

use crate::remote::{
    Between, BlockWord, BypassModeChange, ForScene, IntoCable, NewName, Replacement, SpilloverChange, StateChange,
    TimingWord, on_or_off,
};
use clap::{Args, Subcommand};
pub use matrix::{FaderChoice, GroupOrder, MatrixPresetOrder, MixOrder};
pub use performance::{
    LoadOrder, MappingOrder, MetersOrder, MidiOrder, MomentOrder, SceneOrder, SongOrder, TunerOrder,
};
pub use stage::{LoudnessOrder, OutputOrder, OverloadOrder, PanOrder, PlayheadOrder, TransportOrder, XrunsOrder};
use std::net::SocketAddr;
use std::path::PathBuf;

/// How a running rig can be reached.
#[derive(Clone, Debug, Args)]
pub struct RemoteChoice {
    /// Let clients command the rig: `crosspoint ctl`, scripts, tablets (docs/remote.md). Without an address: programs on this
    /// machine, at 127.0.0.1:4820.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:4820", require_equals = true)]
    pub remote: Option<SocketAddr>,
    /// Let control surfaces command the rig by OSC over UDP (docs/remote.md). Without an address: programs on this machine, at
    /// 127.0.0.1:4821.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:4821", require_equals = true)]
    pub osc: Option<SocketAddr>,
    /// What lets a client in: 16 or more letters, digits, - or _. Default: a new one for each run.
    #[arg(long, value_name = "TOKEN")]
    pub remote_token: Option<String>,
    /// A folder, beside the rig's own, whose files clients may load and save. May be given several times.
    #[arg(long, value_name = "FOLDER")]
    pub remote_folder: Vec<PathBuf>,
    /// A name under which a proxy shows this server. May be given several times.
    #[arg(long, value_name = "HOST", requires = "remote")]
    pub remote_host: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint run guitar.rig.toml --remote &\n  \
    crosspoint ctl show\n  crosspoint ctl set amp Drive 60\n  crosspoint ctl set amp Level --text \"-6 dB\"\n  \
    crosspoint ctl bypass delay on\n  crosspoint ctl cell reverb:1 speakers:2 --gain -12\n  \
    crosspoint ctl scene play Lead\n  crosspoint ctl scene next\n  crosspoint ctl song play --number 2\n  \
    crosspoint ctl moment take \"before the solo\"\n  crosspoint ctl moment recall \"before the solo\"\n  \
    crosspoint ctl mapping learn '{\"bypass\": \"delay\"}'\n  crosspoint ctl tuner on guitar\n  crosspoint ctl meters on\n  \
    crosspoint ctl mute on\n  crosspoint ctl panic\n  \
    crosspoint ctl add-builtin volume gain --channels 2\n  crosspoint ctl insert volume master speakers\n  \
    crosspoint ctl tempo 96\n  crosspoint ctl transport tap\n  crosspoint ctl transport locate --bar 17\n  \
    crosspoint ctl transport loop --bars 17 25\n  crosspoint ctl transport count-in\n  \
    crosspoint ctl transport follow drummer\n  crosspoint ctl transport send pedals --while-stopped\n  \
    crosspoint ctl output guard speakers --limit -6 --returns-after 5\n  crosspoint ctl output open speakers\n  \
    crosspoint ctl overload policy amp --budget 0.3 --action bypass\n  crosspoint ctl overload recover amp\n  \
    crosspoint ctl xruns list\n  crosspoint ctl loudness on speakers\n  crosspoint ctl bypass-mode delay live\n  \
    crosspoint ctl spillover --seconds 5\n  crosspoint ctl pan -0.5 --rows amp:1 --columns out:1 out:2 --gain -3\n  \
    crosspoint ctl group set Drums --rows kick snare overheads:1 --gain -3\n  crosspoint ctl group fader Drums --mute on\n  \
    crosspoint ctl mix set Ann in-ears:1 in-ears:2\n  crosspoint ctl mix copy Ann Ben\n  \
    crosspoint ctl matrix-preset store Verse --from amp reverb --to speakers\n  \
    crosspoint ctl matrix-preset recall Verse\n  \
    crosspoint ctl move delay reverb master\n  crosspoint ctl replace amp bass-amp\n  \
    crosspoint ctl performance-lock on\n  crosspoint ctl undo\n  crosspoint ctl save evening.rig.toml\n  \
    crosspoint ctl send text '{\"node\": \"amp\", \"parameter\": 3, \"value\": 0.5}'\n\n\
    The rig is found by itself if one runs that listens. docs/remote.md has every order.\n\n\
    Exit status: 0 done, 1 the rig refused or none was reached, 2 the command line makes no sense, 3 loaded with problems, which \
    standard error lists.")]
pub struct Ctl {
    /// Where the rig listens. Default: the one that runs for this user.
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    pub address: Option<SocketAddr>,
    /// What lets a client in. Default: what the rig has left for this user.
    #[arg(long, value_name = "TOKEN", global = true)]
    pub token: Option<String>,
    /// Print what came of it as one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub order: CtlOrder,
}

/// What is asked of a running rig.
#[derive(Clone, Debug, Subcommand)]
pub enum CtlOrder {
    /// Show the rig: nodes, cables, device, load.
    Show,
    /// Show the rig again whenever it has changed, one JSON document a line.
    Watch {
        /// Show levels too: each line is an event then.
        #[arg(long)]
        levels: bool,
        /// Show where the playhead is, too: each line is an event then.
        #[arg(long)]
        playhead: bool,
        /// Tell what the engine has to tell, too: each line is an event then.
        #[arg(long)]
        notices: bool,
    },
    /// Show a node's parameters.
    Parameters {
        /// The node.
        node: String,
    },
    /// Set a parameter.
    #[command(allow_negative_numbers = true)]
    Set {
        /// The node.
        node: String,
        /// Its parameter, by name or id.
        parameter: String,
        /// A number in the plain scale.
        #[arg(required_unless_present = "text")]
        value: Option<f64>,
        /// A text that the plugin understands, such as "-6 dB", in place of the number.
        #[arg(long, conflicts_with = "value", allow_hyphen_values = true)]
        text: Option<String>,
    },
    /// Bypass a node, or no longer.
    Bypass {
        /// The node.
        node: String,
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// Let a node be there, or have it go away: nothing passes it then, and what sounds rings out.
    Present {
        /// The node.
        node: String,
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// Give a scene an instance of a plugin of its own, with the state that the plugin has now.
    SecondInstance(ForScene),
    /// Let a scene have the state that a plugin has now, whole, or no longer: the plugin cross-fades through its bypass path.
    ShareState(StateChange),
    /// Say how much memory plugins may take that are away unless a scene wants them.
    InstanceLimit {
        /// In MB; no limit if it is left out.
        megabytes: Option<u32>,
    },
    /// Say how a node is bypassed.
    BypassMode(BypassModeChange),
    /// Say what may ring on of nodes that are bypassed, away or gone. What is not said stays as it is.
    Spillover(SpilloverChange),
    /// Set two cells of the routing matrix by a position between left and right.
    Pan(PanOrder),
    /// Set one cell of the routing matrix; the cable comes and goes with its cells.
    #[command(allow_negative_numbers = true)]
    Cell {
        /// Where the signal comes from: NODE[/PORT]:CHANNEL, channels from 1.
        source: String,
        /// Where it goes.
        destination: String,
        /// Its gain in dB.
        #[arg(long, value_name = "DB", allow_negative_numbers = true)]
        gain: Option<f32>,
        /// Silent or not.
        #[arg(long, value_parser = on_or_off)]
        mute: Option<bool>,
        /// Polarity flipped or not.
        #[arg(long, value_parser = on_or_off)]
        invert: Option<bool>,
        /// Take it away.
        #[arg(long, conflicts_with_all = ["gain", "mute", "invert"])]
        remove: bool,
    },
    /// Clear, invert, copy or swap blocks of the routing matrix.
    Block {
        /// What to do.
        change: BlockWord,
        /// Its rows: NODE[/PORT]:CHANNEL.
        #[arg(long, required = true, num_args = 1..)]
        rows: Vec<String>,
        /// Its columns.
        #[arg(long, required = true, num_args = 1..)]
        columns: Vec<String>,
        /// The other block's rows, to copy to or to swap with.
        #[arg(long, num_args = 1..)]
        other_rows: Vec<String>,
        /// The other block's columns.
        #[arg(long, num_args = 1..)]
        other_columns: Vec<String>,
    },
    /// Solo a row of the matrix or a cell, or no longer.
    Solo {
        /// The row: NODE[/PORT]:CHANNEL.
        source: String,
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
        /// The cell's column.
        #[arg(long, value_name = "DESTINATION")]
        to: Option<String>,
    },
    /// Let a row be heard whatever is soloed, or no longer.
    SoloSafe {
        /// The row: NODE[/PORT]:CHANNEL.
        source: String,
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// End every solo.
    ClearSolo,
    /// Groups of the matrix: a fader for many cells.
    #[command(subcommand)]
    Group(GroupOrder),
    /// Monitor mixes: what each listener hears.
    #[command(subcommand)]
    Mix(MixOrder),
    /// Presets of the matrix: stored blocks of cells.
    #[command(subcommand)]
    MatrixPreset(MatrixPresetOrder),
    /// Join two nodes by a cable.
    Connect {
        /// Where the signal comes from: NODE[/PORT].
        source: String,
        /// Where it goes.
        destination: String,
        /// Events, not audio.
        #[arg(long)]
        events: bool,
        /// A feedback edge, with so many frames of delay.
        #[arg(long, value_name = "FRAMES")]
        feedback: Option<u32>,
    },
    /// Remove the cables between two nodes.
    Disconnect(Between),
    /// Say whether the cables between two nodes wait for others.
    Timing {
        /// Where the signal comes from.
        source: String,
        /// Where it goes.
        destination: String,
        /// Whether.
        timing: TimingWord,
    },
    /// Add what the hardware delivers.
    AddInput {
        /// What to call it.
        name: String,
        /// A device channel, from 1, for each of its own; none for events.
        channels: Vec<u32>,
        /// Its role. Default: the name.
        #[arg(long)]
        role: Option<String>,
    },
    /// Add what the hardware plays.
    AddOutput {
        /// What to call it.
        name: String,
        /// A device channel, from 1, for each of its own; none for events.
        channels: Vec<u32>,
        /// Its role. Default: the name.
        #[arg(long)]
        role: Option<String>,
    },
    /// Add a built-in node.
    AddBuiltin {
        /// What to call it.
        name: String,
        /// Which: gain, pan, mixer, delay, tone, meter, player, zone, metronome.
        kind: String,
        /// Its channels.
        #[arg(long)]
        channels: Option<u32>,
        /// More keys of a rig file's `[[builtin]]` table, a JSON object, such as '{"longest": 48000}'.
        #[arg(long, default_value = "{}")]
        keys: String,
    },
    /// Add a plugin.
    Add {
        /// What to call it.
        name: String,
        /// Which: `rack#ID`, `clap:ID`, or a name that only one has.
        plugin: String,
    },
    /// Remove a node.
    Remove {
        /// The node.
        node: String,
        /// What it was given goes on to where it led.
        #[arg(long)]
        bridge: bool,
    },
    /// Put a node into the cable between two others.
    Insert(IntoCable),
    /// Take a node out of its cables, which are joined, and put it into another cable: reorders a chain.
    Move(IntoCable),
    /// Remove a node and give its cables to another one.
    Replace(Replacement),
    /// Give a node another name.
    Rename(NewName),
    /// List the presets for a plugin.
    Presets {
        /// The node.
        node: String,
    },
    /// Have a plugin load a preset.
    LoadPreset {
        /// The node.
        node: String,
        /// Its name or place, as `presets` lists it, or a .vstpreset file.
        preset: String,
    },
    /// Save what a plugin is set to as a .vstpreset.
    SavePreset {
        /// The node.
        node: String,
        /// The file.
        file: PathBuf,
    },
    /// Take the last step back.
    Undo,
    /// Make it again.
    Redo,
    #[command(flatten)]
    Playhead(PlayheadOrder),
    /// The transport: play, locate, tap, count in, clocks.
    #[command(subcommand)]
    Transport(TransportOrder),
    /// Outputs: close and open them, and what their guards let pass.
    #[command(subcommand)]
    Output(OutputOrder),
    /// Plugins that take too much time.
    #[command(subcommand)]
    Overload(OverloadOrder),
    /// The log of xruns.
    #[command(subcommand)]
    Xruns(XrunsOrder),
    /// How loud it is, by EBU R 128.
    #[command(subcommand)]
    Loudness(LoudnessOrder),
    /// Put the performance lock on, or take it off: under it nothing is autosaved.
    PerformanceLock {
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// Mute all that the device plays, or release it.
    Mute {
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// End all that sounds.
    Panic,
    /// Scenes: list, play, store.
    #[command(subcommand)]
    Scene(SceneOrder),
    /// Moments to go back to: take, list, recall.
    #[command(subcommand)]
    Moment(MomentOrder),
    /// Songs and the setlist.
    #[command(subcommand)]
    Song(SongOrder),
    /// What MIDI messages control.
    #[command(subcommand)]
    Mapping(MappingOrder),
    /// The tuner.
    #[command(subcommand)]
    Tuner(TunerOrder),
    /// Meters.
    #[command(subcommand)]
    Meters(MetersOrder),
    /// MIDI ports and messages.
    #[command(subcommand)]
    Midi(MidiOrder),
    /// How long each node takes.
    #[command(subcommand)]
    Timings(LoadOrder),
    /// Load a rig in the place of what plays.
    Load {
        /// The rig file.
        file: PathBuf,
    },
    /// Save the rig.
    Save {
        /// The rig file. Default: the one that was loaded, or saved to last.
        file: Option<PathBuf>,
    },
    /// How many requests were refused, by why.
    Refusals,
    /// Send any order of docs/remote.md.
    Send {
        /// Its name.
        command: String,
        /// Its arguments, a JSON object.
        #[arg(default_value = "{}")]
        arguments: String,
    },
}

fn metre(text: &str) -> Result<(u16, u16), String> {
    let parts = text.split_once('/').and_then(|(beats, value)| Some((beats.parse().ok()?, value.parse().ok()?)));
    parts.ok_or_else(|| "write it as BEATS/VALUE, such as 3/4".to_owned())
}
