//! Clients of a JACK server that play to a rig and record it, for the tests with one.

use crate::support;
use crosspoint::devices::midi::Direction;
use crosspoint::devices::{Backend, Period, Stream};
use crosspoint_tests::jack_request;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

/// The samples of a period with the server's frame of its first.
pub type Heard = (u64, Vec<f32>);

/// A client that plays a sound and, once it is told to go, messages at frames from the period at hand on, whose own frame
/// it tells. The sound is given by the frames since then; none before.
pub fn cued_source(
    jack: &dyn Backend,
    server: &str,
    sound: impl Fn(Option<u64>) -> f32 + Send + 'static,
    score: Vec<(u64, [u8; 3])>,
) -> (Box<dyn Stream>, Arc<AtomicBool>, Receiver<u64>) {
    let go = Arc::new(AtomicBool::new(false));
    let start = go.clone();
    let (told, began) = channel();
    let mut at: Option<u64> = None;
    let callback = move |period: Period<'_>| {
        let (frame, Some(midi)) = (period.time.frame, period.midi) else { return };
        if at.is_none() && start.load(Ordering::Acquire) {
            at = Some(frame);
            let _ = told.send(frame);
        }
        for output in &mut *period.outputs {
            let since = |offset: usize| at.map(|at| frame + offset as u64 - at);
            output.iter_mut().enumerate().for_each(|(offset, sample)| *sample = sound(since(offset)));
        }
        let Some(at) = at else { return };
        for (due, bytes) in &score {
            if let Some(offset) = (at + due).checked_sub(frame).filter(|offset| *offset < period.frames as u64) {
                // A program change has no third byte.
                let length = if bytes[0] & 0xF0 == 0xC0 { 2 } else { 3 };
                midi.write(0, offset as u32, &bytes[..length]);
            }
        }
    };
    let mut source = jack.open(&jack_request(server, "source", 0, 1), Box::new(callback)).unwrap();
    source.midi().unwrap().open(Direction::Output, "out").unwrap();
    source.start().unwrap();
    (source, go, began)
}

/// A client that tells what it hears, period by period.
pub fn audio_recorder(jack: &dyn Backend, server: &str) -> (Box<dyn Stream>, Receiver<Heard>) {
    let (recorded, heard) = channel();
    let record = move |period: Period<'_>| {
        let _ = recorded.send((period.time.frame, period.inputs[0].to_vec()));
    };
    let mut recorder = jack.open(&jack_request(server, "recorder", 1, 0), Box::new(record)).unwrap();
    recorder.start().unwrap();
    (recorder, heard)
}

/// So many samples from a frame of the server on. `tend` looks after the rig meanwhile.
pub fn recorded_from(heard: &Receiver<Heard>, began: u64, frames: usize, mut tend: impl FnMut()) -> Vec<f32> {
    let mut samples = Vec::new();
    while samples.len() < frames {
        let (frame, input) = heard.recv_timeout(support::patience()).unwrap();
        let skip = began.saturating_sub(frame) as usize;
        samples.extend_from_slice(&input[skip.min(input.len())..]);
        tend();
    }
    samples.truncate(frames);
    samples
}
