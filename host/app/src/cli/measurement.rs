//! The command line of what is measured: latency, bits, buffer sizes.

use super::{DeviceChoice, Source, seconds};
use clap::Args;
use crosspoint::devices::ChannelSelection;
use std::path::PathBuf;

/// How loud a test signal may be, in dB below full scale.
fn level(text: &str) -> Result<f64, String> {
    let level = text.parse().ok().filter(|level| (-90.0..=0.0).contains(level));
    level.ok_or_else(|| "it must be a number of dB from -90 to 0".to_owned())
}

/// A part of the time there is, in per cent.
fn percent(text: &str) -> Result<f32, String> {
    let percent = text.parse().ok().filter(|percent| (1.0..=100.0).contains(percent));
    percent.ok_or_else(|| "it must be a number of per cent from 1 to 100".to_owned())
}

/// What is played through cables and heard again: what `latency` and `bit-perfect` share.
#[derive(Debug, Args)]
pub struct Cables {
    #[command(flatten)]
    pub device: DeviceChoice,
    /// Device outputs to play on, in order: `1-8`, `3,4`, `all`.
    #[arg(long, default_value = "all")]
    pub outputs: ChannelSelection,
    /// Device inputs to hear, in order.
    #[arg(long, default_value = "all")]
    pub inputs: ChannelSelection,
    /// The peak of the noise, in dB below full scale.
    #[arg(long, value_name = "DB", default_value_t = -20.0, allow_negative_numbers = true, value_parser = level)]
    pub level: f64,
    /// Try for so many seconds until everything is connected: time to plug cables.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub wait: Option<f64>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint latency --device \"asio:My Interface\" --outputs 1 --inputs 1\n  \
    crosspoint latency --device jack --no-connect --outputs 1 --inputs 1 --wait 30\n  \
    crosspoint latency --device alsa:hw:1 --json > latency.json\n\n\
    Each output plays a noise, one after the other, and every input is searched for it: the delay to a fraction of a frame, the \
    gain and the polarity of every pair that is connected, beside what the driver claims. Turn loudspeakers down first: it is \
    played at --level.\n\n\
    Exit status: 0 something was heard, 1 nothing was, or the device failed, 2 the command line makes no sense.")]
pub struct Latency {
    #[command(flatten)]
    pub cables: Cables,
    /// The longest round trip that is looked for, in milliseconds; a longer one is taken for a shorter one.
    #[arg(long, value_name = "MS", default_value_t = 300.0)]
    pub longest: f64,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crosspoint bit-perfect --device \"asio:My Interface\" --outputs 1,2 --inputs 1,2\n  \
    crosspoint bit-perfect --device virtual:2x2,loopback --json\n\n\
    The k-th output is connected with the k-th input, by a digital cable or a patch bay. Each plays whole numbers of 16, 24 and \
    32 bits by chance, which are compared one by one with what comes in. What is not bit-perfect is named: a volume, a \
    resampler, a narrower format, dither, lost frames. A float of 32 bits holds 24 of them at a time; those of the widest \
    numbers are tried at all places. Bits above --level are not tried.\n\n\
    Exit status: 0 all bits survive all paths, 1 they do not, or the device failed, 2 the command line makes no sense."
)]
pub struct BitPerfect {
    #[command(flatten)]
    pub cables: Cables,
    /// Widths of the numbers, in bits.
    #[arg(long, value_name = "BITS", value_delimiter = ',', default_values_t = [16, 24, 32], value_parser = clap::value_parser!(u32).range(8..=32))]
    pub widths: Vec<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crosspoint tune guitar.rig.toml --device \"asio:My Interface\"\n  \
    crosspoint tune guitar.rig.toml --sizes 32,64,128,256 --seconds 30 --output tune.png\n  \
    crosspoint tune --plugin ZamComp --device virtual --json\n\n\
    The rig runs at each size from the largest down, hearing noise in place of the inputs so that nothing of it sleeps; the \
    outputs are silent unless --audible. A size is safe if the driver lost no period, the worst period took no more of its time \
    than --worst, and 999 of 1,000 no more than --usual.\n\n\
    Exit status: 0 a size is safe, 1 none is, or the device failed, 2 the command line makes no sense, 3 done with problems of \
    the rig.")]
pub struct Tune {
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
    /// Buffer sizes to try, in frames. Default: powers of two from 16 to 2048 that the device has.
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    pub sizes: Vec<u32>,
    /// How long each size is tried.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,
    /// What 999 of 1,000 periods may take of their time, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = percent)]
    pub usual: f32,
    /// What the worst period may take of its time, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 80.0, value_parser = percent)]
    pub worst: f32,
    /// The noise that the rig hears, in dB below full scale.
    #[arg(long, value_name = "DB", default_value_t = -20.0, allow_negative_numbers = true, value_parser = level)]
    pub level: f64,
    /// Let the outputs be heard.
    #[arg(long)]
    pub audible: bool,
    /// The picture to draw. Default: crosspoint-tune.png in this folder.
    #[arg(long, value_name = "PNG", default_value = "crosspoint-tune.png")]
    pub output: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}
