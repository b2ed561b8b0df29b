//! The words of remote control: how `run` lets clients in, and what `ctl` asks of a running rig.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// How a running rig can be reached.
#[derive(Clone, Debug, Args)]
pub struct RemoteChoice {
    /// Let clients command the rig: `crosspoint ctl`, scripts, tablets (docs/remote.md). Without an address: programs on this
    /// machine, at 127.0.0.1:4820.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:4820", require_equals = true)]
    pub remote: Option<SocketAddr>,
    /// What lets a client in: 16 or more letters, digits, - or _. Default: a new one for each run.
    #[arg(long, value_name = "TOKEN", requires = "remote")]
    pub remote_token: Option<String>,
    /// A folder, beside the rig's own, whose files clients may load and save. May be given several times.
    #[arg(long, value_name = "FOLDER", requires = "remote")]
    pub remote_folder: Vec<PathBuf>,
    /// A name under which a proxy shows this server. May be given several times.
    #[arg(long, value_name = "HOST", requires = "remote")]
    pub remote_host: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint run guitar.rig.toml --remote &\n  \
    crosspoint ctl show\n  crosspoint ctl set amp Drive 60\n  crosspoint ctl set amp Level --text \"-6 dB\"\n  \
    crosspoint ctl bypass delay on\n  crosspoint ctl cell reverb:1 speakers:2 --gain -12\n  \
    crosspoint ctl tempo 96\n  crosspoint ctl undo\n  crosspoint ctl save evening.rig.toml\n  \
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
    Watch,
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
    /// Join two nodes by a cable.
    Connect {
        /// Where the signal comes from.
        source: String,
        /// Where it goes.
        destination: String,
        /// Events, not audio.
        #[arg(long)]
        events: bool,
    },
    /// Remove the cables between two nodes.
    Disconnect {
        /// Where the signal comes from.
        source: String,
        /// Where it goes.
        destination: String,
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
    /// Take the last step back.
    Undo,
    /// Make it again.
    Redo,
    /// Start the transport.
    Play,
    /// Stop the transport.
    Stop,
    /// Set the playhead.
    Locate {
        /// Seconds from the song's beginning.
        seconds: f64,
    },
    /// Set the tempo.
    Tempo {
        /// Quarter notes a minute.
        bpm: f64,
    },
    /// Load a rig in the place of what plays.
    Load {
        /// The rig file.
        file: PathBuf,
    },
    /// Save the rig.
    Save {
        /// The rig file. Default: the one that was loaded.
        file: Option<PathBuf>,
    },
    /// Send any order of docs/remote.md.
    Send {
        /// Its name.
        command: String,
        /// Its arguments, a JSON object.
        #[arg(default_value = "{}")]
        arguments: String,
    },
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it must be `on` or `off`".to_owned()),
    }
}
