//! An open device on whose outputs test signals are played, one after the other, while all of its inputs are heard.

use super::stimulus::Stimulus;
use super::take::{Take, TakePlayer, Takes};
use crosspoint_devices::{DuplexCallback, Latency, Notice, Stream, StreamError, StreamInfo};
use std::time::{Duration, Instant};

/// How often a take is looked after.
const POLL: Duration = Duration::from_millis(5);
/// How much longer than it lasts a take may be on its way.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a take is tried that the driver disturbed.
const TRIES: usize = 10;

/// Why a measurement did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasurementError {
    /// The device does not start.
    #[error(transparent)]
    Start(#[from] StreamError),
    /// The device went away or stopped.
    #[error("`{device}` stopped in the middle of a measurement: {reason}")]
    Stopped {
        /// The device.
        device: String,
        /// What it said.
        reason: String,
    },
    /// Frames were lost in every attempt.
    #[error("`{device}` loses frames all the time: choose a larger buffer, or close other programs")]
    Disturbed {
        /// The device.
        device: String,
    },
    /// There is no such output.
    #[error("there is no output {output}; the stream has {outputs}")]
    NoOutput {
        /// Which, from 1.
        output: usize,
        /// How many there are.
        outputs: usize,
    },
}

/// A device that plays test signals and is listened to. Used from the control thread; closed when it is dropped.
pub struct Loopback {
    stream: Box<dyn Stream>,
    takes: Takes,
}

impl Loopback {
    /// On a stream that `open` opens with the callback that it is given, which it may ask for again if a device refuses.
    /// The device plays silence until it is asked for more.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn open<E>(
        open: impl FnOnce(&mut dyn FnMut() -> Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, E>,
    ) -> Result<Self, E> {
        let (_, mut takes) = TakePlayer::new();
        // A backend that refuses drops its player; the last one is that of the stream.
        let mut player = || {
            let (player, own) = TakePlayer::new();
            takes = own;
            Box::new(player) as Box<dyn DuplexCallback>
        };
        let stream = open(&mut player)?;
        Ok(Self { stream, takes })
    }

    /// What is open.
    pub fn info(&self) -> &StreamInfo {
        self.stream.info()
    }

    /// What the driver claims of its latency.
    pub fn claimed(&self) -> Latency {
        self.stream.latency()
    }

    /// Periods that the driver lost since it was opened.
    pub fn xruns(&self) -> u64 {
        self.stream.xruns()
    }

    /// Plays the stimulus on an output, counted from 0, twice; what came in on each input the second time. Waits for that,
    /// and tries again if the driver loses frames, as it may while something is being connected: some times, and then as long
    /// as there is time.
    ///
    /// # Errors
    /// If the device does not start or stops, or loses frames all the time.
    pub fn hear(
        &mut self,
        output: usize,
        stimulus: &Stimulus,
        until: Option<Instant>,
    ) -> Result<Vec<Vec<f32>>, MeasurementError> {
        let outputs = self.info().outputs.len();
        if output >= outputs {
            return Err(MeasurementError::NoOutput { output: output + 1, outputs });
        }
        self.stream.start()?;
        let mut tries = 0;
        while tries < TRIES || until.is_some_and(|until| Instant::now() < until) {
            tries += 1;
            let take = Take {
                output: Some(output),
                stimulus: stimulus.samples().clone(),
                heard: vec![vec![0.0; stimulus.frames()]; self.info().inputs.len()],
                disturbed: false,
            };
            let take = self.play(take)?;
            if !take.disturbed {
                return Ok(take.heard);
            }
        }
        Err(MeasurementError::Disturbed { device: self.info().device.clone() })
    }

    fn play(&mut self, take: Take) -> Result<Box<Take>, MeasurementError> {
        let length = Duration::from_secs_f64(2.0 * take.stimulus.len() as f64 / f64::from(self.info().rate.max(1)));
        let until = Instant::now() + length + PATIENCE;
        // One take is about at a time, so there is room.
        let _ = self.takes.takes.push(Box::new(take));
        loop {
            if let Ok(take) = self.takes.done.pop() {
                return Ok(take);
            }
            let stopped = self.stream.notices().into_iter().find_map(|notice| match notice {
                Notice::DeviceLost { reason } | Notice::Stopped { reason } => Some(reason),
                _ => None,
            });
            let late = || (Instant::now() > until).then(|| "it does not call back".to_owned());
            if let Some(reason) = stopped.or_else(late) {
                return Err(MeasurementError::Stopped { device: self.info().device.clone(), reason });
            }
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::find_path;
    use assert_no_alloc::assert_no_alloc;
    use crosspoint_devices::{ChannelSelection, Period, PeriodTime, StreamRequest, backend};

    /// A wiring of outputs to inputs, each wire with a delay in frames and a gain, played in periods of changing length.
    struct Wired {
        player: TakePlayer,
        wires: Vec<(usize, usize, usize, f32)>,
        /// All that was played so far, by output.
        played: Vec<Vec<f32>>,
        inputs: usize,
        xruns: u64,
    }

    impl Wired {
        /// One period.
        fn run(&mut self, frames: usize) {
            let start = self.played[0].len();
            let mut inputs = vec![vec![0.0; frames]; self.inputs];
            for &(output, input, delay, gain) in &self.wires {
                for (frame, heard) in inputs[input].iter_mut().enumerate() {
                    let played = (start + frame).checked_sub(delay).and_then(|frame| self.played[output].get(frame));
                    *heard += gain * played.unwrap_or(&0.0);
                }
            }
            let mut outputs = vec![vec![0.0; frames]; self.played.len()];
            let heard: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let mut playing: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
            let period = Period {
                inputs: &heard,
                outputs: &mut playing,
                frames,
                time: PeriodTime { frame: start as u64, nanoseconds: None },
                xruns: self.xruns,
                freewheel: false,
                midi: None,
            };
            assert_no_alloc(|| self.player.process(period));
            for (played, output) in self.played.iter_mut().zip(outputs) {
                played.extend(output);
            }
        }
    }

    /// ```text
    /// output 1 ──── 64 frames, -6 dB ────► input 1
    /// output 2 ─┬── 100 frames ──────────► input 2
    ///           └── 300 frames, turned ──► input 3
    /// ```
    /// Each take plays on its output alone, and tells which inputs hear it, after what time and how loud.
    #[test]
    fn takes_play_on_one_output_and_hear_all_inputs() {
        let (player, mut takes) = TakePlayer::new();
        let wires = vec![(0, 0, 64, 0.5), (1, 1, 100, 1.0), (1, 2, 300, -1.0)];
        let mut wired = Wired { player, wires, played: vec![vec![]; 2], inputs: 3, xruns: 0 };
        let stimulus = Stimulus::flat(1024, -6.0);
        for output in 0..2 {
            let heard = vec![vec![0.0; 1024]; 3];
            let take = Take { output: Some(output), stimulus: stimulus.samples().clone(), heard, disturbed: false };
            assert!(takes.takes.push(Box::new(take)).is_ok());
            let take = (1..).find_map(|k| {
                // No longer than the shortest wire: what comes in was played before.
                wired.run(k * 37 % 64);
                takes.done.pop().ok()
            });
            let take = take.unwrap();
            assert!(!take.disturbed);
            let found: Vec<_> = take.heard.iter().map(|heard| find_path(&stimulus, heard)).collect();
            let shown = |path: Option<crate::measurement::Path>| {
                path.map(|path| (path.delay.round(), (path.gain * 100.0).round(), path.inverted))
            };
            let expected = [
                [Some((64.0, 50.0, false)), None, None],
                [None, Some((100.0, 100.0, false)), Some((300.0, 100.0, true))],
            ];
            assert_eq!(found.into_iter().map(shown).collect::<Vec<_>>(), expected[output]);
        }
    }

    /// Frames that the driver lost in the middle of a take spoil it; those before it do not.
    #[test]
    fn lost_frames_spoil_a_take() {
        let (player, mut takes) = TakePlayer::new();
        let mut wired = Wired { player, wires: vec![], played: vec![vec![]], inputs: 1, xruns: 0 };
        let stimulus = Stimulus::flat(256, -6.0);
        for lost_before in [true, false] {
            wired.run(64);
            wired.xruns += u64::from(lost_before);
            let take = Take {
                output: Some(0),
                stimulus: stimulus.samples().clone(),
                heard: vec![vec![0.0; 256]],
                disturbed: false,
            };
            assert!(takes.takes.push(Box::new(take)).is_ok());
            wired.run(64);
            wired.xruns += u64::from(!lost_before);
            (0..8).for_each(|_| wired.run(64));
            assert_eq!(takes.done.pop().unwrap().disturbed, !lost_before);
        }
    }

    /// A device that hears what it plays one period later, as it says.
    #[test]
    fn a_loopback_is_one_period_long() {
        let two = ChannelSelection::first(2).unwrap();
        let request = StreamRequest {
            device: Some("2x2,loopback".to_owned()),
            inputs: two.clone(),
            outputs: two,
            buffer_frames: Some(256),
            ..StreamRequest::default()
        };
        let device = backend("virtual").unwrap();
        let mut loopback = Loopback::open(|player| device.open(&request, player())).unwrap();
        let stimulus = Stimulus::flat(2048, -20.0);
        let heard = loopback.hear(1, &stimulus, None).unwrap();
        assert_eq!(find_path(&stimulus, &heard[0]), None);
        let path = find_path(&stimulus, &heard[1]).unwrap();
        assert!((path.delay - 256.0).abs() < 1e-4 && (path.gain - 1.0).abs() < 1e-4, "{path:?}");
        assert_eq!(loopback.claimed().round_trip(), Some(256));
        assert!(matches!(loopback.hear(2, &stimulus, None), Err(MeasurementError::NoOutput { output: 3, outputs: 2 })));
    }
}
