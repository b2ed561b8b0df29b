//! An engine on a driver that the test is: its periods, its MIDI ports, and its time are called and set by hand.

use super::by_hand::ByHand;
use assert_no_alloc::assert_no_alloc;
use crosspoint::devices::midi::Direction;
use crosspoint::devices::{DuplexCallback, Period, PeriodMidi, PeriodTime};
use crosspoint::session::{ControlMessage, MappingEntry, MappingTarget};
use crosspoint::{Engine, EngineSettings, MappingEdit, Notice};
use std::time::{Duration, Instant};

pub const RATE: u32 = 48_000;

/// Messages in a period: from port 0 of the inputs, by frame; what was sent, by port, frame of the stage and bytes.
#[derive(Debug, Default)]
struct Messages {
    arriving: Vec<(u32, Vec<u8>)>,
    start: u64,
    sent: Vec<(usize, u64, Vec<u8>)>,
}

impl PeriodMidi for Messages {
    fn read(&mut self, port: usize, each: &mut dyn FnMut(u32, &[u8])) {
        self.arriving.iter().filter(|_| port == 0).for_each(|(frame, bytes)| each(*frame, bytes));
    }

    fn write(&mut self, port: usize, frame: u32, message: &[u8]) -> bool {
        // A driver has its room; the test's is made by an allocation that is not the callback's.
        assert_no_alloc::permit_alloc(|| self.sent.push((port, self.start + u64::from(frame), message.to_vec())));
        true
    }
}

/// The engine and its driver. Role "pedal" has an input port, role "lights" an output port.
pub struct Stage {
    pub engine: Engine,
    callback: Box<dyn DuplexCallback>,
    messages: Messages,
    /// Frames played.
    pub frame: u64,
    pub notices: Vec<Notice>,
}

impl Stage {
    /// With a rig that is built first.
    pub fn new(build: impl FnOnce(&mut Engine)) -> Self {
        let mut engine = Engine::new(EngineSettings::default());
        build(&mut engine);
        engine.open_midi(Direction::Input, "pedal", "jack");
        engine.open_midi(Direction::Output, "lights", "jack");
        engine.play_on(Box::new(ByHand::new(RATE, 64).with_midi())).unwrap();
        let callback = engine.callback();
        let mut stage = Self { engine, callback, messages: Messages::default(), frame: 0, notices: Vec::new() };
        // Ports are looked for in real time.
        let started = Instant::now();
        while stage.engine.midi_connections().iter().any(|port| port.open.is_none()) {
            stage.poll();
            assert!(started.elapsed() < Duration::from_secs(30), "no port opens");
        }
        stage.settle();
        stage
    }

    pub fn poll(&mut self) {
        self.notices.extend(self.engine.poll());
    }

    /// Lets everything come to rest that an edit has set in motion.
    pub fn settle(&mut self) {
        for _ in 0..8 {
            self.poll();
            self.play(&[], 1024, 64);
        }
        self.poll();
        self.take_sent();
    }

    /// Plays frames in blocks, with a constant of 1 on two inputs and messages that come at frames from now; what the two
    /// outputs have. The engine is not polled.
    pub fn play(&mut self, score: &[(u64, &[u8])], frames: usize, block: usize) -> [Vec<f32>; 2] {
        let input = vec![1.0_f32; block];
        let mut heard = [Vec::with_capacity(frames), Vec::with_capacity(frames)];
        let mut outputs = [vec![0.0_f32; block], vec![0.0_f32; block]];
        let mut done = 0;
        while done < frames {
            let length = block.min(frames - done);
            let now = done as u64..(done + length) as u64;
            let due = score.iter().filter(|(frame, _)| now.contains(frame));
            self.messages.arriving = due.map(|(frame, bytes)| ((frame - now.start) as u32, bytes.to_vec())).collect();
            self.messages.start = self.frame;
            let [left, right] = &mut outputs;
            let (callback, messages) = (&mut self.callback, &mut self.messages);
            let inputs = [&input[..length], &input[..length]];
            let mut outputs_now = [&mut left[..length], &mut right[..length]];
            assert_no_alloc(|| {
                callback.process(Period {
                    inputs: &inputs,
                    outputs: &mut outputs_now,
                    frames: length,
                    time: PeriodTime::default(),
                    xruns: 0,
                    freewheel: false,
                    midi: Some(messages),
                });
            });
            for (heard, played) in heard.iter_mut().zip(&outputs) {
                heard.extend_from_slice(&played[..length]);
            }
            done += length;
            self.frame += length as u64;
        }
        heard
    }

    /// As [`Self::play`] for one message, and polls twice: what it does is done, and what the engine does about it.
    pub fn send(&mut self, bytes: &[u8]) {
        self.play(&[(3, bytes)], 64, 64);
        self.poll();
        self.play(&[], 64, 64);
        self.poll();
    }

    /// What was sent to the lights since the last call, by frame of the stage.
    pub fn take_sent(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.messages.sent.drain(..).map(|(_, frame, bytes)| (frame, bytes)).collect()
    }

    /// Maps a message of the pedal, and lets the audio thread know.
    pub fn map(&mut self, message: &str, target: MappingTarget, change: impl FnOnce(&mut MappingEntry)) {
        let message: ControlMessage = message.parse().unwrap();
        let mut mapping = MappingEntry::new("pedal", message, target);
        change(&mut mapping);
        self.engine.edit_mappings(MappingEdit::Add(mapping)).unwrap();
        self.settle();
    }
}
