//! What the plugin shells share: who made them, their channel layouts, and how an effect core is run on a host's
//! buffer. Called from the audio thread in [`process`]; it never allocates.

use nice_plug::prelude::*;

use crate::dsp::effect::{Effect, Runner};

/// The vendor of all plugins in the pack.
pub const VENDOR: &str = "Crosspoint";
/// Where the project is found; empty as long as it has no public page.
pub const URL: &str = "";
/// The vendor's address; none.
pub const EMAIL: &str = "";

const fn layout(inputs: u32, outputs: u32, name: &'static str) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels: NonZeroU32::new(inputs),
        main_output_channels: NonZeroU32::new(outputs),
        names: PortNames { layout: Some(name), ..PortNames::const_default() },
        ..AudioIOLayout::const_default()
    }
}

/// Stereo first, then a guitar's one channel to one, then to two.
pub const EFFECT_LAYOUTS: &[AudioIOLayout] =
    &[layout(2, 2, "Stereo"), layout(1, 1, "Mono"), layout(1, 2, "Mono to stereo")];
/// Instruments: stereo, or one channel.
pub const INSTRUMENT_LAYOUTS: &[AudioIOLayout] = &[layout(0, 2, "Stereo"), layout(0, 1, "Mono")];

/// How many channels go in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Channels of the main input; 0 for an instrument.
    pub inputs: usize,
    /// Channels of the main output.
    pub outputs: usize,
}

impl Channels {
    /// From the layout a host chose.
    pub fn of(layout: &AudioIOLayout) -> Self {
        let count = |channels: Option<NonZeroU32>| channels.map_or(0, |count| count.get() as usize);
        Self { inputs: count(layout.main_input_channels), outputs: count(layout.main_output_channels) }
    }
}

/// Runs a core on the buffer, a mono input feeding both channels of a stereo output, and says whether it may sleep:
/// a tail as long as the past can matter, `Normal` once the core rests.
pub fn process<E: Effect>(runner: &mut Runner<E>, buffer: &mut Buffer, channels: Channels) -> ProcessStatus {
    let slices = buffer.as_slice();
    if channels.inputs == 1
        && let [left, right, ..] = slices
    {
        right.copy_from_slice(left);
    }
    // Reborrowed one by one: the buffer's own slices outlive this call.
    match slices {
        [] => {}
        [mono] => runner.process(&mut [&mut **mono]),
        [left, right, ..] => runner.process(&mut [&mut **left, &mut **right]),
    }
    status(runner)
}

/// What a host may do with a core in its present state.
pub fn status<E: Effect>(runner: &Runner<E>) -> ProcessStatus {
    if runner.is_resting() { ProcessStatus::Normal } else { ProcessStatus::Tail(runner.effect().tail()) }
}
