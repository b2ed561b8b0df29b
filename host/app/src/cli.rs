//! The command line. Words and examples only; what commands do is in `commands`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use crosspoint::devices::{ChannelSelection, DeviceName};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit status: 0 done, 1 failed, 2 the command line makes no sense, 3 done with problems \
                          (a missing plugin or state, a plugin that failed), which standard error lists.";

/// A live rig of plugins between the inputs and outputs of an audio interface.
#[derive(Debug, Parser)]
#[command(name = "crosspoint", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// Say more on standard error.
    #[arg(long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a guitar phrase through the bundled effects; needs no files and no hardware.
    Demo(Demo),
    /// Play a rig, or a chain of plugins, on an audio device until interrupted.
    Run(Run),
    /// Render files through a rig, or a chain of plugins, to a file.
    Render(Render),
    /// List the audio devices.
    Devices(Devices),
    /// Look at plugins.
    Plugins(Plugins),
    /// Show a rig as text, as a picture, or for Graphviz.
    Graph(Graph),
}

/// Where a rig comes from: a file, or plugins named one by one.
#[derive(Debug, Args)]
pub struct Source {
    /// The rig file.
    pub rig: Option<PathBuf>,
    /// A plugin of an ad-hoc chain, in place of a rig file: a file, with #ID where it holds several; `rack#ID` for the
    /// bundled ones. May be given several times, in the order of the signal. No plugin at all: straight through.
    #[arg(long, value_name = "FILE[#ID]", conflicts_with = "rig")]
    pub plugin: Vec<String>,
    /// Sets a parameter of the plugin named before it, by id or name: a number in the plugin's own scale, or a text that
    /// the plugin understands, such as "-6 dB".
    #[arg(long, value_name = "ID|NAME=VALUE", conflicts_with = "rig", allow_hyphen_values = true)]
    pub param: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint demo\n  crosspoint demo --output ~/Music\n  crosspoint demo --live")]
pub struct Demo {
    /// Folder for crosspoint-demo.wav and crosspoint-demo.png.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub output: PathBuf,
    /// Play on the best audio device there is instead of writing files.
    #[arg(long)]
    pub live: bool,
    /// Sample rate in Hz.
    #[arg(long, default_value_t = 48_000)]
    pub rate: u32,
    /// Frames a block.
    #[arg(long, default_value_t = 64)]
    pub block: usize,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint run guitar.rig.toml\n  \
    crosspoint run guitar.rig.toml --device jack\n  \
    crosspoint run --plugin rack#org.crosspoint.amp --param Drive=60 --device alsa:hw:1 --inputs 1 --outputs 3,4\n  \
    crosspoint run --device virtual --seconds 5")]
pub struct Run {
    #[command(flatten)]
    pub source: Source,
    /// The device: a backend, or a backend and a name, as `crosspoint devices` lists them. Default: the best there is.
    #[arg(long, value_name = "BACKEND[:NAME]")]
    pub device: Option<DeviceName>,
    /// Device inputs to use, in order: `1-8`, `3,4`, `all`, `none`.
    #[arg(long, default_value = "all")]
    pub inputs: ChannelSelection,
    /// Device outputs to use, in order.
    #[arg(long, default_value = "all")]
    pub outputs: ChannelSelection,
    /// Sample rate in Hz. Default: the device's.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Device buffer in frames. Default: the device's.
    #[arg(long)]
    pub buffer: Option<u32>,
    /// The name under which JACK and others show the program.
    #[arg(long, default_value = "crosspoint")]
    pub client_name: String,
    /// Leave the ports unconnected (JACK).
    #[arg(long)]
    pub no_connect: bool,
    /// Stop after so many seconds.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Print one JSON document when the program stops.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint render guitar.rig.toml --input di.wav --output wet.wav --tail 3\n  \
    crosspoint render --plugin ZamComp.clap --param Threshold=-24 --input a.wav --output b.wav\n  \
    crosspoint render --plugin rack#org.crosspoint.synth --midi song.mid --output song.wav --tail 2")]
pub struct Render {
    #[command(flatten)]
    pub source: Source,
    /// WAV files; several fill consecutive channels.
    #[arg(long, value_name = "WAV", num_args = 1..)]
    pub input: Vec<PathBuf>,
    /// The file to write: 32-bit float WAV at the input's rate.
    #[arg(long, value_name = "WAV")]
    pub output: PathBuf,
    /// A MIDI file to play into the rig's event input, or into the chain.
    #[arg(long, value_name = "FILE.mid")]
    pub midi: Option<PathBuf>,
    /// Frames a block; changes only the partition, never the result.
    #[arg(long, default_value_t = 512)]
    pub block: usize,
    /// Sample rate in Hz; inputs of other rates are resampled. Default: that of the inputs, 48000 without any.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Seconds to go on after the end of the input.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub tail: f64,
    /// Leave the latency of the plugins in the file.
    #[arg(long)]
    pub no_compensation: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  crosspoint devices --json")]
pub struct Devices {
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Plugins {
    #[command(subcommand)]
    pub command: PluginsCommand,
}

#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// List every plugin in the given files.
    #[command(
        after_help = "Examples:\n  crosspoint plugins list /usr/lib/clap/*.clap\n  crosspoint plugins list rack --json"
    )]
    List {
        /// Plugin files or folders; `rack` for the bundled ones.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint graph guitar.rig.toml\n  \
    crosspoint graph guitar.rig.toml --format svg --output guitar.svg")]
pub struct Graph {
    /// The rig file.
    pub rig: PathBuf,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub format: GraphFormat,
    /// A file in place of standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print one JSON document that holds the text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// The schedule, one op a line.
    Text,
    /// The language of Graphviz.
    Dot,
    /// A picture.
    Svg,
}
