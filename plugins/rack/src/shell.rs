//! What the plugin shells share: who made them, their channel layouts, how an effect core is run on a host's buffer, and
//! the whole plugin of an effect that needs no more than that. What the audio thread calls never allocates.

use std::sync::Arc;

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

/// What is special about the plugin of an effect, told by its parameters: [`EffectPlugin`] does the rest.
pub trait Shell: Params + Default {
    /// What makes the sound.
    type Core: Effect<Settings: Send> + Send;

    /// What people call it.
    const NAME: &'static str;
    /// Its CLAP id.
    const ID: &'static str;
    /// A sentence about it.
    const DESCRIPTION: &'static str;
    /// What it is, to CLAP hosts.
    const CLAP_FEATURES: &'static [ClapFeature];
    /// Its VST3 class id.
    const VST3_CLASS_ID: [u8; 16];
    /// What it is, to VST3 hosts.
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory];

    /// The core at a rate in hertz, for so many output channels. Main thread.
    fn core(&self, rate: f32, channels: usize) -> Self::Core;

    /// What the core is to do now. Audio thread.
    fn settings(&self, transport: &Transport) -> <Self::Core as Effect>::Settings;

    /// Whether the core must be made anew to be as the parameters say: the host is asked for a restart. Audio thread.
    fn is_outdated(&self, _core: &Self::Core, _rate: f32) -> bool {
        false
    }
}

/// The plugin of an effect.
pub struct EffectPlugin<S: Shell> {
    parameters: Arc<S>,
    running: Option<Running<S::Core>>,
}

struct Running<E: Effect> {
    runner: Runner<E>,
    channels: Channels,
    restart_requested: bool,
}

impl<S: Shell> Default for EffectPlugin<S> {
    fn default() -> Self {
        Self { parameters: Arc::default(), running: None }
    }
}

impl<S: Shell> EffectPlugin<S> {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<S> {
        &self.parameters
    }
}

impl<S: Shell> Plugin for EffectPlugin<S> {
    const NAME: &'static str = S::NAME;
    const VENDOR: &'static str = VENDOR;
    const URL: &'static str = URL;
    const EMAIL: &'static str = EMAIL;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = EFFECT_LAYOUTS;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.parameters.clone()
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        buffer: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let channels = Channels::of(layout);
        let runner = Runner::new(self.parameters.core(buffer.sample_rate, channels.outputs));
        context.set_latency_samples(runner.effect().latency());
        self.running = Some(Running { runner, channels, restart_requested: false });
        true
    }

    fn reset(&mut self) {
        if let Some(running) = &mut self.running {
            running.runner.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some(Running { runner, channels, restart_requested }) = &mut self.running else {
            return ProcessStatus::Error("not activated");
        };
        let transport = context.transport();
        let is_outdated = self.parameters.is_outdated(runner.effect(), transport.sample_rate);
        runner.set(&self.parameters.settings(transport));
        if is_outdated && !*restart_requested {
            *restart_requested = true;
            context.request_restart();
        }
        process(runner, buffer, *channels)
    }
}

impl<S: Shell> ClapPlugin for EffectPlugin<S> {
    const CLAP_ID: &'static str = S::ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some(S::DESCRIPTION);
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = S::CLAP_FEATURES;
}

impl<S: Shell> Vst3Plugin for EffectPlugin<S> {
    const VST3_CLASS_ID: [u8; 16] = S::VST3_CLASS_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = S::VST3_SUBCATEGORIES;
}
