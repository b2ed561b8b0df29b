//! A guitar cabinet by convolution. The sound is made in [`crate::dsp::cabinet`]; this is its plugin shell, and the way
//! of an impulse response from a file to the audio thread and of the old one back.
//!
//! Reading, resampling and transforming happen in nice-plug's background task or, before the first block, on the thread
//! that activates. Two rings carry finished responses to the audio thread and spent ones home: nothing is freed there.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::*;

use crate::dsp::cabinet::{Bank, Cabinet as Core, HIGH_CUT_OFF, LOW_CUT_OFF, Settings};
use crate::dsp::effect::Runner;
use crate::dsp::impulse::Response;
use crate::parameters::{decibels, hertz, hertz_of, percent};
use crate::shell::{self, Channels};

/// Which impulse response is in use, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResponseState {
    /// No file is chosen: the built-in response.
    #[default]
    BuiltIn,
    /// The chosen file.
    File,
    /// The chosen file cannot be used, for the reason given: the built-in response takes its place. The choice is kept.
    Failed(String),
}

/// The chosen file: part of the plugin's saved state under the key `impulse-response`, as a path (empty: none).
///
/// Locks are taken on the main and background threads only; the audio thread looks at the counter.
#[derive(Default)]
pub struct ResponseFile {
    path: Mutex<String>,
    state: Mutex<ResponseState>,
    changes: AtomicU32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A string or an enum is whole whatever happened to the thread that wrote it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ResponseFile {
    /// Chooses a file; it is loaded at the next activation, or in the background while the plugin runs.
    pub fn choose(&self, path: &str) {
        path.clone_into(&mut lock(&self.path));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The chosen path, empty if none.
    pub fn path(&self) -> String {
        lock(&self.path).clone()
    }

    /// What became of the choice at the last attempt to load it.
    pub fn state(&self) -> ResponseState {
        lock(&self.state).clone()
    }

    /// Loads the chosen file at `rate` hertz or falls back to the built-in response. Not for the audio thread.
    fn load(&self, rate: f32) -> Response {
        let path = self.path();
        let rate = f64::from(rate);
        let (response, state) = if path.is_empty() {
            (Response::built_in(rate), ResponseState::BuiltIn)
        } else {
            match Response::load(&PathBuf::from(&path), rate) {
                Ok(response) => (response, ResponseState::File),
                Err(error) => {
                    let reason = format!("{path}: {error}");
                    nice_warn!("{reason}");
                    (Response::built_in(rate), ResponseState::Failed(reason))
                }
            }
        };
        *lock(&self.state) = state;
        response
    }
}

impl PersistentField<'_, String> for ResponseFile {
    fn set(&self, new_value: String) {
        self.choose(&new_value);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&String) -> R,
    {
        f(&lock(&self.path))
    }
}

/// The parameters of [`Cabinet`].
#[derive(Params)]
pub struct CabinetParameters {
    /// The chosen impulse response.
    #[persist = "impulse-response"]
    pub response: ResponseFile,
    /// Low cut after the cabinet.
    #[id = "low-cut"]
    pub low_cut: FloatParam,
    /// High cut after the cabinet.
    #[id = "high-cut"]
    pub high_cut: FloatParam,
    /// Share of the cabinet.
    #[id = "mix"]
    pub mix: FloatParam,
    /// Output gain.
    #[id = "level"]
    pub level: FloatParam,
}

impl Default for CabinetParameters {
    fn default() -> Self {
        let default = Settings::default();
        Self {
            response: ResponseFile::default(),
            low_cut: hertz("Low cut", default.low_cut, LOW_CUT_OFF, 500.0),
            high_cut: hertz("High cut", default.high_cut, 2000.0, HIGH_CUT_OFF),
            mix: percent("Mix", default.mix, 1.0),
            level: decibels("Level", default.level, -48.0, 12.0),
        }
    }
}

impl CabinetParameters {
    /// What the core is to do now.
    pub fn settings(&self) -> Settings {
        Settings {
            low_cut: hertz_of(&self.low_cut),
            high_cut: hertz_of(&self.high_cut),
            mix: self.mix.value(),
            level: self.level.value(),
        }
    }
}

/// Work off the audio thread.
#[derive(Clone, Copy, Debug)]
pub struct LoadResponse {
    rate: f32,
    channels: usize,
}

/// The loader's ends of the two rings.
struct Workshop {
    ready: rtrb::Producer<Box<Bank>>,
    spent: rtrb::Consumer<Box<Bank>>,
}

/// The audio thread's ends.
struct Counter {
    ready: rtrb::Consumer<Box<Bank>>,
    spent: rtrb::Producer<Box<Bank>>,
}

/// Room in either ring; only one response is ever under way, a few more may be loaded in a hurry.
const RING: usize = 8;

/// A guitar cabinet with a built-in or loaded impulse response.
pub struct Cabinet {
    parameters: Arc<CabinetParameters>,
    running: Option<(Runner<Core>, Channels)>,
    workshop: Option<Workshop>,
    counter: Counter,
    changes_seen: u32,
}

impl Default for Cabinet {
    fn default() -> Self {
        let (ready_in, ready_out) = rtrb::RingBuffer::new(RING);
        let (spent_in, spent_out) = rtrb::RingBuffer::new(RING);
        Self {
            parameters: Arc::default(),
            running: None,
            workshop: Some(Workshop { ready: ready_in, spent: spent_out }),
            counter: Counter { ready: ready_out, spent: spent_in },
            changes_seen: 0,
        }
    }
}

impl Counter {
    /// Takes a finished response if there is one and hands a spent one back. Waits for nothing.
    fn serve(&mut self, runner: &mut Runner<Core>) {
        if !self.spent.is_full()
            && let Some(bank) = runner.effect_mut().take_retired()
        {
            // Never refused: there was room, and this is the only writer.
            let _handed_back = self.spent.push(bank);
        }
        let at_rest = runner.is_resting();
        if runner.effect().accepts_replacement()
            && let Ok(bank) = self.ready.pop()
        {
            runner.effect_mut().replace(bank, at_rest);
        }
    }
}

impl Cabinet {
    /// The plugin's parameters, shared with the host's side.
    pub fn parameters(&self) -> &Arc<CabinetParameters> {
        &self.parameters
    }
}

impl Plugin for Cabinet {
    const NAME: &'static str = "Crosspoint Cabinet";
    const VENDOR: &'static str = shell::VENDOR;
    const URL: &'static str = shell::URL;
    const EMAIL: &'static str = shell::EMAIL;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = shell::EFFECT_LAYOUTS;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = ();
    type SysExMessage = ();
    type BackgroundTask = LoadResponse;

    fn task_executor(&mut self) -> TaskExecutor<Self> {
        let parameters = self.parameters.clone();
        // Asked for once, by contract; a second executor would have no rings and do nothing.
        let workshop = Mutex::new(self.workshop.take());
        Box::new(move |task| {
            if let Some(workshop) = &mut *lock(&workshop) {
                while workshop.spent.pop().is_ok() {}
                let bank = Bank::new(&parameters.response.load(task.rate), task.channels);
                // A full ring holds newer choices than will be heard anyway.
                let _refused = workshop.ready.push(Box::new(bank));
            }
        })
    }

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
        // What was loaded for another activation may have another rate.
        while self.counter.ready.pop().is_ok() {}
        self.changes_seen = self.parameters.response.changes.load(Ordering::Acquire);
        context.execute(LoadResponse { rate: buffer.sample_rate, channels: channels.outputs });
        let Ok(bank) = self.counter.ready.pop() else {
            return false;
        };
        let runner = Runner::new(Core::new(buffer.sample_rate, bank));
        context.set_latency_samples(0);
        self.running = Some((runner, channels));
        true
    }

    fn reset(&mut self) {
        if let Some((runner, _)) = &mut self.running {
            runner.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some((runner, channels)) = &mut self.running else {
            return ProcessStatus::Error("not activated");
        };
        let changes = self.parameters.response.changes.load(Ordering::Acquire);
        if changes != self.changes_seen {
            self.changes_seen = changes;
            let rate = context.transport().sample_rate;
            context.execute_background(LoadResponse { rate, channels: channels.outputs });
        }
        self.counter.serve(runner);
        runner.set(&self.parameters.settings());
        shell::process(runner, buffer, *channels)
    }
}

impl ClapPlugin for Cabinet {
    const CLAP_ID: &'static str = "org.crosspoint.cabinet";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("A guitar cabinet with a built-in or loaded impulse response");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Filter, ClapFeature::Mono, ClapFeature::Stereo];
}

impl Vst3Plugin for Cabinet {
    const VST3_CLASS_ID: [u8; 16] = *b"CrosspointCabine";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Filter];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A missing file is told as such and replaced by the built-in response; the choice stays in the state.
    #[test]
    fn missing_file_falls_back() {
        let file = ResponseFile::default();
        assert_eq!(file.load(48e3), Response::built_in(48e3));
        assert_eq!(file.state(), ResponseState::BuiltIn);
        file.set("nowhere/cab.wav".into());
        assert_eq!(file.load(48e3), Response::built_in(48e3));
        assert!(matches!(file.state(), ResponseState::Failed(reason) if reason.starts_with("nowhere/cab.wav: cannot")));
        assert_eq!(file.map(String::clone), "nowhere/cab.wav");
    }

    /// Loaded off the audio thread, a new response reaches the running core, and the old one comes home to be freed.
    #[test]
    fn responses_travel_by_rings() {
        let mut cabinet = Cabinet::default();
        let execute = cabinet.task_executor();
        let task = LoadResponse { rate: 48e3, channels: 1 };
        execute(task);
        let mut runner = Runner::new(Core::new(48e3, cabinet.counter.ready.pop().unwrap()));
        execute(task);
        cabinet.counter.serve(&mut runner);
        assert_eq!(cabinet.counter.ready.slots(), 0);
        cabinet.counter.serve(&mut runner);
        assert_eq!(cabinet.counter.spent.slots(), RING - 1);
        execute(task);
        assert_eq!(cabinet.counter.spent.slots(), RING);
    }
}
