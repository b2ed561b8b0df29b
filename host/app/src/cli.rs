//! The command line. Words and examples only; what commands do is in `commands`.

mod check;
mod measurement;
mod remote;

pub use check::{Check, Which};
pub use measurement::{BitPerfect, Latency, Tune};
pub use remote::{
    Ctl, CtlOrder, FaderChoice, GroupOrder, LoadOrder, LoudnessOrder, MappingOrder, MatrixPresetOrder, MetersOrder,
    MidiOrder, MixOrder, MomentOrder, OutputOrder, OverloadOrder, PanOrder, PlayheadOrder, RemoteChoice, SceneOrder,
    SongOrder, TransportOrder, TunerOrder, XrunsOrder,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use crosspoint::PluginReference;
use crosspoint::devices::{ChannelSelection, DeviceName};
use crosspoint::formats::Format;
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
    /// Find out before the gig what of a rig would go wrong.
    Check(Check),
    /// Command a rig that runs.
    Ctl(Ctl),
    /// List the audio devices and the MIDI ports.
    Devices(Devices),
    /// Play an audio file on a device.
    Play(Play),
    /// Record a device to a file.
    Record(Record),
    /// Look at plugins.
    Plugins(Plugins),
    /// Show a rig as text, as a picture, or for Graphviz.
    Graph(Graph),
    /// Measure the round trip from outputs to inputs, through cables.
    Latency(Latency),
    /// Find out whether what goes out comes in again with every bit.
    BitPerfect(BitPerfect),
    /// Find the smallest buffer that a rig is safe with.
    Tune(Tune),
}

/// Where a rig comes from: a file, or plugins named one by one.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// The rig file.
    pub rig: Option<PathBuf>,
    /// A plugin of an ad-hoc chain, in place of a rig file: its file, with #ID where it holds several; its id, as clap:ID;
    /// or a name that only one has. May be given several times, in the order of the signal. No plugin at all: straight
    /// through.
    #[arg(long, value_name = "REF", conflicts_with = "rig")]
    pub plugin: Vec<String>,
    /// Loads a preset of the plugin named before it, before its parameters are set: by its name or its place, as `crosspoint
    /// plugins presets` lists them, or a preset file.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "rig")]
    pub preset: Vec<String>,
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

#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint run guitar.rig.toml\n  \
    crosspoint run guitar.rig.toml --device jack\n  \
    crosspoint run --plugin rack#org.crosspoint.amp --param Drive=60 --device alsa:hw:1 --inputs 1 --outputs 3,4\n  \
    crosspoint run --plugin rack#org.crosspoint.synth --midi-input Keystation --midi-input Pedals\n  \
    crosspoint run guitar.rig.toml --device \"asio:My Interface\" --clock \"Word Clock\" --panel --wait 30\n  \
    crosspoint run guitar.rig.toml --remote\n  \
    crosspoint run guitar.rig.toml --performance\n  \
    crosspoint run --recover\n  \
    crosspoint run --device virtual --seconds 5")]
pub struct Run {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub device: DeviceChoice,
    /// Device inputs to use, in order: `1-8`, `3,4`, `all`, `none`.
    #[arg(long, default_value = "all")]
    pub inputs: ChannelSelection,
    /// Device outputs to use, in order.
    #[arg(long, default_value = "all")]
    pub outputs: ChannelSelection,
    /// A MIDI port to play the rig's event input, or the chain, with: its name as `crosspoint devices` lists it, or a part of
    /// it; `jack` for a port to be connected by hand. May be given several times. One that is not there is waited for.
    #[arg(long, value_name = "NAME")]
    pub midi_input: Vec<String>,
    /// Try for so many seconds while another program has the device, or until it is plugged in.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "device")]
    pub wait: Option<f64>,
    /// Open the driver's own window (ASIO).
    #[arg(long)]
    pub panel: bool,
    /// What the device takes its clock from (ASIO): a name or a number, as `crosspoint devices --probe` lists them.
    #[arg(long, value_name = "NAME|INDEX")]
    pub clock: Option<String>,
    #[command(flatten)]
    pub remote: RemoteChoice,
    /// Go on where the last run was that ended without being closed: the rig with what was not saved, its scene, its device.
    #[arg(long, conflicts_with_all = ["rig", "plugin"])]
    pub recover: bool,
    /// Save what --recover brings back every so many seconds, if anything has changed; 0 for never. The rig's own file is
    /// left alone.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = pause)]
    pub autosave: f64,
    /// Begin under the performance lock: nothing is autosaved, no plugin is asked for its state.
    #[arg(long)]
    pub performance: bool,
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
#[command(
    after_help = "Examples:\n  crosspoint devices\n  crosspoint devices --channels\n  crosspoint devices --json\n  \
    crosspoint devices --probe \"asio:My Interface\"\n\n\
    No driver of ASIO is loaded and no plugin of ALSA is opened to be listed, so that nobody is disturbed who plays; what is \
    not known without that is null or empty.\n\n\
    The document: devices [{device (what --device takes), backend, name, description, default, inputs, outputs, input_names, \
    output_names, rates and buffer_frames [{min, max}], sample_formats, shares_clock, wrapper, broken}], failed [{backend, \
    reason}], hint. Of --probe: device, backend, name, version, inputs and outputs [{name, group, format}], rate, rates, \
    buffer_frames [{min, max}], preferred_frames, latencies {input, output}, clock_sources [{index, name, channel, \
    is_current}].\n\n\
    Exit status: 0 done; 1 the driver that was to be probed refused, crashed or hung, or there is no ASIO here."
)]
pub struct Devices {
    /// Name every channel.
    #[arg(long)]
    pub channels: bool,
    /// Load one driver of ASIO, in a process of its own, and tell all that it says: channels, rates, buffers, latencies,
    /// clocks. Not while something plays on it.
    #[arg(long, value_name = "asio:NAME", conflicts_with = "channels")]
    pub probe: Option<DeviceName>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Which device, and how it is to be.
#[derive(Clone, Debug, Args)]
pub struct DeviceChoice {
    /// The device: a backend, or a backend and a name, as `crosspoint devices` lists them. Default: the best there is.
    #[arg(long, value_name = "BACKEND[:NAME]")]
    pub device: Option<DeviceName>,
    /// Sample rate in Hz to switch the device to. Default: the device's, or that of a file that is played.
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
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint play song.flac\n  \
    crosspoint play take.wav --device \"asio:My Interface\" --outputs 3,4\n  \
    crosspoint play click.wav --device jack --loop --gain -6\n  \
    crosspoint play long.wav --start 90 --seconds 10\n\n\
    The device is switched to the file's rate where it can be; else the file is resampled, which is said. A file of one channel \
    plays on all outputs that are chosen, one of more channels on the output of each one's place.\n\n\
    Exit status: 0 played to its end, or as far as was asked for; 1 it could not be, or the device went away; 3 played with \
    gaps, or with parts of the file damaged.")]
pub struct Play {
    /// The file: WAV, AIFF, FLAC, MP3 or Ogg Vorbis.
    pub file: PathBuf,
    #[command(flatten)]
    pub device: DeviceChoice,
    /// Device outputs to play on, in order: `1-8`, `3,4`, `all`. Default: as many as the file has channels, from the first; two
    /// for a file of one.
    #[arg(long)]
    pub outputs: Option<ChannelSelection>,
    /// Where to begin, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub start: f64,
    /// Stop after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Begin again at the end, until interrupted.
    #[arg(long = "loop")]
    pub repeat: bool,
    /// Louder or softer, in dB.
    #[arg(long, value_name = "DB", default_value_t = 0.0, allow_negative_numbers = true)]
    pub gain: f64,
    /// Print one JSON document when it is over.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint record take.wav --inputs 1-8\n  \
    crosspoint record take.wav --device \"asio:My Interface\" --inputs 1,2 --bits 24 --seconds 60\n  \
    crosspoint record take.wav --device jack --json\n\n\
    The file is sound at any moment: a crash costs the last second. One that is there already is kept, unless --force. A take \
    that a WAV file cannot hold (4 GiB) goes on in FILE-2.wav, FILE-3.wav without losing a frame. Frames that are known to be \
    lost are silence in the file, so that it keeps time, and it is said where.\n\n\
    Exit status: 0 recorded until interrupted or as long as was asked for; 1 it could not be, or it ended early, which keeps \
    what there is; 3 recorded, but frames are missing.")]
pub struct Record {
    /// The file to write, a WAV.
    pub file: PathBuf,
    #[command(flatten)]
    pub device: DeviceChoice,
    /// Device inputs to record, in order: `1-8`, `3,4`, `all`.
    #[arg(long, default_value = "all")]
    pub inputs: ChannelSelection,
    /// Bits of a sample: integers of 16 or 24, or floats of 32, which hold all that a device gives.
    #[arg(long, value_enum, default_value = "32f")]
    pub bits: Bits,
    /// Stop after so many seconds. Default: when interrupted.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Write over a file of that name.
    #[arg(long)]
    pub force: bool,
    /// Print one JSON document when it is over.
    #[arg(long)]
    pub json: bool,
}

/// What a recorded sample is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Bits {
    /// Integers of 16 bits.
    #[value(name = "16")]
    Int16,
    /// Integers of 24 bits.
    #[value(name = "24")]
    Int24,
    /// Floats of 32 bits.
    #[value(name = "32f")]
    Float32,
}

#[derive(Debug, Args)]
pub struct Plugins {
    #[command(subcommand)]
    pub command: PluginsCommand,
}

#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// Find out which plugins are installed, and remember them.
    Scan(PluginsScan),
    /// List the plugins that a scan has found, or those in the given files.
    List(PluginsList),
    /// Show one plugin with its parameters.
    Show(PluginsShow),
    /// List the presets for one plugin.
    Presets(PluginsPresets),
    /// Open one plugin's own window, until it is closed.
    Open(PluginsOpen),
    /// Do to one plugin what a rig will do to it, and tell what was seen.
    Doctor(PluginsDoctor),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint plugins scan\n  crosspoint plugins scan ~/plugins --again\n  \
    crosspoint plugins scan --json > plugins.json\n\n\
    Plugins are looked into in other processes: one that crashes, hangs or does not load costs its own file only, and the \
    scan tells why. Files that have not changed since are not looked into again. A scan that was interrupted goes on where \
    it was.\n\nExit status: 0 done, even if files failed; 1 no scan could be made.")]
pub struct PluginsScan {
    /// Files, bundles and folders. Default: the standard folders, those of CLAP_PATH and VST3_PATH, and what was scanned
    /// before.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Look into every file again, changed or not, those that failed among them.
    #[arg(long)]
    pub again: bool,
    /// How many files are looked into at once. Default: as many as there are cores.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// How long one file may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    pub timeout: f64,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crosspoint plugins list\n  crosspoint plugins list --category reverb --vendor zam\n  \
    crosspoint plugins list /usr/lib/clap/*.clap\n  crosspoint plugins list rack --json"
)]
pub struct PluginsList {
    /// Plugin files, bundles and folders, in place of what a scan has found; `rack` for the bundled plugins.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only those with this in their name.
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Only those with this in their vendor's name.
    #[arg(long, value_name = "TEXT")]
    pub vendor: Option<String>,
    /// Only those of this kind: `effect`, `instrument`, `reverb`, or any other of a plugin's features.
    #[arg(long, value_name = "FEATURE")]
    pub category: Option<String>,
    /// Only those of this format, such as `clap`.
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<Format>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crosspoint plugins show ZamComp\n  crosspoint plugins show clap:org.crosspoint.amp\n  \
    crosspoint plugins show /usr/lib/clap/ZamVerb.clap --json\n\n\
    The plugin runs in a process of its own.\n\n\
    Exit status: 0 done; 1 there is no such plugin, or it crashed or did not answer."
)]
pub struct PluginsShow {
    /// The plugin: its file, with #ID where it holds several; its id, as clap:ID; or a name that only one has.
    #[arg(value_name = "REF")]
    pub plugin: PluginReference,
    /// How long it may take to answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    pub timeout: f64,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint plugins presets Surge --search \"warm pad\"\n  \
    crosspoint plugins presets ZamVerb.vst3 --json\n  \
    crosspoint plugins presets ZamVerb.vst3 --preset Cathedral --save Cathedral.vstpreset\n\n\
    Presets are those that the plugin lists itself and those in files: the places of CLAP's preset discovery, the standard \
    folders of VST3. The plugin runs in a process of its own, save to be saved.\n\n\
    Exit status: 0 done; 1 there is no such plugin or preset, or it crashed or did not answer; 3 done, but some presets could \
    not be read, which standard error lists.")]
pub struct PluginsPresets {
    /// The plugin: its file, with #ID where it holds several; its id, as clap:ID; or a name that only one has.
    #[arg(value_name = "REF")]
    pub plugin: PluginReference,
    /// Only those with all these words in their names, features, creators or descriptions.
    #[arg(long, value_name = "TEXT", conflicts_with = "save")]
    pub search: Option<String>,
    /// Save what the plugin is like, of VST3, as a preset file that every host reads.
    #[arg(long, value_name = "FILE.vstpreset")]
    pub save: Option<PathBuf>,
    /// The preset to load before it is saved. Default: the plugin as it starts.
    #[arg(long, value_name = "NAME|FILE", requires = "save")]
    pub preset: Option<String>,
    /// How long the plugin may take to answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    pub timeout: f64,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crosspoint plugins open ZamComp\n  crosspoint plugins open ZamVerb.clap --seconds 5 --json\n\n\
    No audio is made. Exit status: 0 the window was closed, 1 it could not be opened."
)]
pub struct PluginsOpen {
    /// The plugin: its file, with #ID where it holds several; its id, as clap:ID; or a name that only one has.
    #[arg(value_name = "REF")]
    pub plugin: PluginReference,
    /// A window of the plugin's own in place of one around its view. Default: as the plugin can, around its view if it can
    /// both.
    #[arg(long)]
    pub floating: bool,
    /// Close it after so many seconds.
    #[arg(long, value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Print one JSON document once the window is open.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crosspoint plugins doctor ZamComp\n  crosspoint plugins doctor clap:org.crosspoint.amp --quick\n  \
    crosspoint plugins doctor ~/plugins/New.clap --json > report.json\n\n\
    The plugin runs in a process of its own: one that crashes or hangs there is told about like any other finding.\n\n\
    Exit status: 0 no errors (there may be warnings and notes), 1 errors or no such plugin, 2 the command line makes no \
    sense."
)]
pub struct PluginsDoctor {
    /// The plugin: its file, with #ID where it holds several; its id, as clap:ID; or a name that only one has.
    #[arg(value_name = "REF")]
    pub plugin: PluginReference,
    /// Less of everything: a second or two in place of ten.
    #[arg(long)]
    pub quick: bool,
    /// How long one examination may take, in seconds. Default: 120, or 30 if it has to be quick.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<f64>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

fn format(text: &str) -> Result<Format, String> {
    let known = || Format::ALL.iter().map(Format::to_string).collect::<Vec<_>>().join(", ");
    let found = Format::ALL.iter().copied().find(|format| format.to_string() == text.to_ascii_lowercase());
    found.ok_or_else(|| format!("the formats are: {}", known()))
}

fn pause(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds == 0.0 || (0.1..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "it must be 0, or a number from 0.1 to 86400".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "it must be a number from 0.001 to 86400".to_owned())
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
