//! The tuner: listens to one channel of a node and says which note it plays. The callback copies samples, a thread of the
//! tuner's own looks at them, and the engine only carries them from the one to the other: it never waits for either.

mod note;
mod pitch;
mod resample;

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::ListenTo;
pub use note::TunedNote;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// The renderer's listener that is the tuner's.
const LISTENER: usize = 0;
/// Seconds from one reading to the next, at least.
const HOP: f64 = 0.02;
/// Below this there is no pitch, in dBFS.
const LEAST_LEVEL: f64 = -75.0;
/// Frequencies of the reference pitch that make sense, in Hz.
const REFERENCES: std::ops::RangeInclusive<f64> = 380.0..=500.0;

/// What the tuner found in the last 150 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TunerReading {
    /// One behind the last steady frame that was looked at.
    pub frame: u64,
    /// RMS in dBFS: -3 for a sine of full scale. Negative infinity for silence.
    pub level: f64,
    /// The note; none where there is no pitch.
    pub note: Option<TunedNote>,
}

/// Samples to be looked at.
struct Window {
    samples: Vec<f32>,
    rate: f64,
    reference: f64,
    end: u64,
}

impl Window {
    fn read(&self) -> TunerReading {
        let power = self.samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
        let level = 10.0 * (power / self.samples.len().max(1) as f64).log10();
        let loud = level >= LEAST_LEVEL;
        let pitch = loud.then(|| pitch::pitch(&self.samples, self.rate)).flatten();
        let note = pitch.map(|pitch| TunedNote::of(pitch.frequency, pitch.clarity, self.reference));
        TunerReading { frame: self.end, level, note }
    }
}

/// The thread that looks at windows, one at a time. Ends with the tuner.
struct Looking {
    windows: Option<SyncSender<Window>>,
    readings: Receiver<TunerReading>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
}

impl Looking {
    fn begin() -> std::io::Result<Self> {
        let (windows, inbox) = sync_channel::<Window>(1);
        let (outbox, readings) = sync_channel(1);
        let look = move || inbox.into_iter().map(|window| window.read()).all(|reading| outbox.send(reading).is_ok());
        let thread = std::thread::Builder::new().name("tuner".to_owned()).spawn(move || {
            look();
        })?;
        Ok(Self { windows: Some(windows), readings, thread: Some(thread), busy: false })
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.windows = None;
        if let Some(thread) = self.thread.take() {
            // It looks at one window more, a few milliseconds.
            let _ended = thread.join();
        }
    }
}

/// The control half.
pub(crate) struct Tuner {
    source: ListenTo,
    looking: Looking,
    /// Heard without a gap, and the steady frame behind.
    heard: Vec<f32>,
    end: u64,
    /// The end of what was looked at last.
    looked: u64,
}

impl<P: Plugins> Engine<P> {
    /// Listens to one channel of a node's output (of an output node: what the device plays) and shows its pitch in
    /// [`Levels::tuner`](crate::Levels::tuner), or no longer. A reading is of 150 ms; there is a new one every 20 ms or
    /// with every poll.
    ///
    /// # Errors
    /// If there is no such node, nothing takes commands, or there is no thread to be had.
    pub fn tune(&mut self, source: Option<ListenTo>) -> Result<(), EngineError> {
        if let Some(source) = source {
            self.node(source.node)?;
        }
        self.publisher.listen(LISTENER, source)?;
        self.levels.show_tuner(None);
        self.tuner = match source {
            Some(source) => {
                let looking = Looking::begin().map_err(|error| EngineError::NoThread { reason: error.to_string() })?;
                Some(Tuner { source, looking, heard: Vec::new(), end: 0, looked: 0 })
            }
            None => None,
        };
        Ok(())
    }

    /// Sets the frequency of A4 that notes are told by: 440 Hz until then.
    ///
    /// # Errors
    /// If it is not between 380 and 500 Hz.
    pub fn set_tuner_reference(&mut self, frequency: f64) -> Result<(), EngineError> {
        if !REFERENCES.contains(&frequency) {
            let range = "380 to 500 Hz";
            return Err(EngineError::OutOfRange { what: "a reference pitch", value: frequency, range });
        }
        self.tuner_reference = frequency;
        self.snapshot.outdate();
        Ok(())
    }

    /// Carries samples to the tuner's thread, and readings from it.
    pub(crate) fn hear_tuner(&mut self) {
        let Some(tuner) = &mut self.tuner else { return };
        let rate = f64::from(self.settings.rate);
        let mut piece = Vec::new();
        while let Some(first) = self.publisher.hear(LISTENER, &mut piece) {
            if first != tuner.end {
                tuner.heard.clear();
            }
            tuner.end = first + piece.len() as u64;
            tuner.heard.append(&mut piece);
        }
        let window = (pitch::WINDOW * rate) as usize;
        tuner.heard.drain(..tuner.heard.len().saturating_sub(window));
        if let Ok(reading) = tuner.looking.readings.try_recv() {
            tuner.looking.busy = false;
            self.levels.show_tuner(Some(reading));
        }
        if self.graph.node(tuner.source.node).is_none() {
            tuner.heard.clear();
            self.levels.show_tuner(None);
        }
        let due = tuner.end >= tuner.looked + (HOP * rate) as u64 && tuner.heard.len() == window;
        if due && !tuner.looking.busy {
            let (samples, reference, end) = (tuner.heard.clone(), self.tuner_reference, tuner.end);
            let sent = tuner
                .looking
                .windows
                .as_ref()
                .map(|windows| windows.try_send(Window { samples, rate, reference, end }));
            tuner.looking.busy = matches!(sent, Some(Ok(())));
            tuner.looked = end;
        }
    }

    /// A fresh renderer listens to nothing, and counts its frames from 0.
    pub(crate) fn tune_anew(&mut self) -> Result<(), EngineError> {
        self.tune(self.tuner.as_ref().map(|tuner| tuner.source).filter(|source| self.graph.node(source.node).is_some()))
    }
}
