//! A plugin at work under the doctor's eyes: called as the renderer calls it, restarted when it asks for it, and all that
//! it does wrong on the way written down.

use std::collections::BTreeSet;

use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::kernels::FloatEnvironment;
use crosspoint_graph::{Harness, Processor, Status};

use super::signal::{Random, Sound};
use super::watch::{CallWatch, Calls};
use crate::describe::describe;
use crate::error::PluginError;
use crate::plugin::{Activation, Plugin, PluginNotice, Severity};

/// How most examinations activate.
pub(crate) const USUAL: Activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: 512 };

/// Restarts without a reason from which on they are a storm.
const STORM: u32 = 8;

/// Where a run is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blocks {
    /// Into blocks of one size.
    Of(usize),
    /// Anywhere, at most so many frames a block.
    Random(Random, usize),
}

impl Blocks {
    fn next(&mut self) -> usize {
        match self {
            Self::Of(frames) => *frames,
            // Small ones as often as large ones.
            Self::Random(random, most) => 1 + ((*most as f64).powf(random.unit()) as usize).min(*most - 1),
        }
    }
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) struct Take<'t> {
    pub frames: usize,
    /// Of a channel, counted over all buses, and a frame.
    pub input: &'t dyn Fn(usize, usize) -> f32,
    /// By frame, sorted.
    pub events: &'t [(usize, EventBody)],
    pub blocks: Blocks,
}

/// What was wrong during a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// Blocks that were answered with an error, those with numbers that are none included.
    pub failed_blocks: u32,
    pub non_finite_blocks: u32,
    pub late_events: u32,
    pub unsorted_events: u32,
    pub invalid_events: u32,
    pub overwrites_input: bool,
    /// It asks for one restart after the other though nothing is moved.
    pub is_storm: bool,
    /// Latencies it took on without a restart.
    pub latencies: Vec<u32>,
    /// What the format's own checks told it off for.
    pub misdeeds: BTreeSet<String>,
}

/// Both halves of an active plugin. Dropped, it brings the audio half home.
pub(crate) struct Playing {
    pub plugin: Box<dyn Plugin>,
    processor: Option<Box<dyn Processor>>,
    harness: Harness,
    activation: Activation,
    inputs: usize,
    outputs: usize,
    has_events: bool,
    frames_to_poll: usize,
    /// Restarts since something was last moved, which may be a reason for one.
    unprovoked_restarts: u32,
    /// The plugin's answer to the last block.
    pub status: Status,
    /// What it sent in the last run, save its parameters.
    pub sent: Vec<EventBody>,
    pub record: Record,
}

impl Playing {
    /// Activates a plugin and starts its audio half.
    pub fn start(mut plugin: Box<dyn Plugin>, activation: Activation) -> Result<Self, PluginError> {
        let processor = plugin.activate(activation)?;
        let harness = Harness::new(&describe(&*plugin), activation.max_frames as usize);
        let mut playing = Self {
            plugin,
            processor: Some(processor),
            harness,
            activation,
            inputs: 0,
            outputs: 0,
            has_events: false,
            frames_to_poll: 0,
            unprovoked_restarts: 0,
            status: Status::Continue,
            sent: Vec::new(),
            record: Record::default(),
        };
        playing.begin();
        Ok(playing)
    }

    fn begin(&mut self) {
        let node = describe(&*self.plugin);
        let channels = |ports: &[crosspoint_graph::AudioPort]| -> usize {
            ports.iter().map(|port| port.layout.channels() as usize).sum()
        };
        (self.inputs, self.outputs) = (channels(&node.audio_inputs), channels(&node.audio_outputs));
        self.has_events = !node.event_inputs.is_empty();
        self.harness = Harness::new(&node, self.activation.max_frames as usize);
        self.harness.transport.playing = true;
        if let Some(processor) = &mut self.processor {
            processor.start();
        }
        self.poll();
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub fn rate(&self) -> f64 {
        self.activation.sample_rate
    }

    /// Frames in so many seconds.
    pub fn frames(&self, seconds: f64) -> usize {
        (seconds * self.activation.sample_rate) as usize
    }

    /// Forgets what sounds.
    pub fn reset(&mut self) {
        if let Some(processor) = &mut self.processor {
            processor.reset();
        }
    }

    /// A run, and what comes out of it.
    pub fn render(&mut self, take: Take<'_>) -> Sound {
        self.run(take, &mut |harness, processor, frames| harness.process(processor, frames))
    }

    /// A run whose process calls are watched, each told to `seen`.
    pub fn watch(&mut self, take: Take<'_>, watch: &dyn CallWatch, seen: &mut dyn FnMut(Calls)) -> Sound {
        self.run(take, &mut |harness, processor, frames| {
            watch.begin();
            let status = harness.process(processor, frames);
            seen(watch.end());
            status
        })
    }

    /// A run through any way to call the processor.
    pub fn run(
        &mut self,
        mut take: Take<'_>,
        call: &mut dyn FnMut(&mut Harness, &mut dyn Processor, usize) -> Status,
    ) -> Sound {
        let mut sound = vec![Vec::with_capacity(take.frames); self.outputs];
        self.sent.clear();
        let mut events = take.events.iter().peekable();
        let mut start = 0;
        while start < take.frames {
            let frames = take.blocks.next().clamp(1, take.frames - start).min(self.activation.max_frames as usize);
            for channel in 0..self.inputs {
                let samples = &mut self.harness.input(channel)[..frames];
                samples.iter_mut().enumerate().for_each(|(frame, s)| *s = (take.input)(channel, start + frame));
            }
            while let Some(&(frame, body)) = events.next_if(|(frame, _)| *frame < start + frames) {
                if self.has_events {
                    self.harness.send(Event { frame: frame.saturating_sub(start) as u32, port: 0, body });
                    self.unprovoked_restarts = 0;
                }
            }
            self.block(frames, call);
            for (channel, samples) in sound.iter_mut().enumerate().take(self.outputs) {
                samples.extend_from_slice(&self.harness.output(channel)[..frames]);
            }
            let input = |channel, frame| (take.input)(channel, start + frame);
            self.record.overwrites_input |= self.is_input_spoilt(frames, input);
            start += frames;
            self.poll_in_time(frames);
        }
        self.poll();
        sound.iter_mut().for_each(|samples| samples.resize(take.frames, 0.0));
        sound
    }

    fn block(&mut self, frames: usize, call: &mut dyn FnMut(&mut Harness, &mut dyn Processor, usize) -> Status) {
        let Some(processor) = &mut self.processor else { return };
        {
            let _environment = FloatEnvironment::flush_to_zero();
            self.status = call(&mut self.harness, &mut **processor, frames);
        }
        self.record.failed_blocks += u32::from(self.status == Status::Error);
        let sent = self.harness.sent().iter().map(|event| event.body);
        self.sent.extend(sent.filter(|body| !matches!(body, EventBody::Parameter { .. } | EventBody::Gesture { .. })));
    }

    /// Some thirty times a second.
    fn poll_in_time(&mut self, frames: usize) {
        self.frames_to_poll = self.frames_to_poll.saturating_sub(frames);
        if self.frames_to_poll == 0 {
            self.frames_to_poll = self.frames(1.0 / 30.0);
            self.poll();
        }
    }

    /// Whether the last block's input is no longer what it was. Numbers that are none are not compared.
    fn is_input_spoilt(&mut self, frames: usize, input: impl Fn(usize, usize) -> f32) -> bool {
        (0..self.inputs).any(|channel| {
            let samples = &self.harness.input(channel)[..frames];
            samples.iter().enumerate().any(|(frame, &sample)| {
                let before = input(channel, frame);
                before.is_finite() && sample != before
            })
        })
    }

    /// Lets it take events without processing, as one that is bypassed.
    pub fn flush(&mut self, bodies: impl Iterator<Item = EventBody>) {
        let Some(processor) = &mut self.processor else { return };
        self.unprovoked_restarts = 0;
        for body in bodies.filter(|_| self.has_events) {
            self.harness.send(Event { frame: 0, port: 0, body });
        }
        self.harness.flush(&mut **processor);
        self.poll();
    }

    /// Does the main thread's part, and restarts it if it asks for that.
    pub fn poll(&mut self) {
        let mut notices = Vec::new();
        self.plugin.poll(&mut notices);
        let wants_restart = notices.contains(&PluginNotice::RestartRequested);
        notices.into_iter().for_each(|notice| self.note(notice, wants_restart));
        if wants_restart && !self.record.is_storm {
            self.unprovoked_restarts += 1;
            self.record.is_storm = self.unprovoked_restarts >= STORM;
            self.restart();
        }
    }

    fn note(&mut self, notice: PluginNotice, restarts: bool) {
        let record = &mut self.record;
        match notice {
            PluginNotice::NonFiniteOutput { blocks } => record.non_finite_blocks += blocks,
            PluginNotice::EventFaults { late, unsorted, dropped } => {
                record.late_events += late;
                record.unsorted_events += unsorted;
                record.invalid_events += dropped;
            }
            PluginNotice::LatencyChanged { frames } if !restarts => record.latencies.push(frames),
            PluginNotice::Log { severity: Severity::PluginMisbehaving, message } => {
                record.misdeeds.insert(message);
            }
            _ => {}
        }
    }

    /// Deactivates it and activates it again, as a rig does when it asks for it. One that refuses plays no more.
    pub fn restart(&mut self) {
        self.stop();
        if let Ok(processor) = self.plugin.activate(self.activation) {
            self.processor = Some(processor);
            self.begin();
        }
    }

    /// Brings the audio half home. What it has to say after that is heard too.
    pub fn stop(&mut self) {
        if let Some(mut processor) = self.processor.take() {
            processor.stop();
            // It can only fail for a half that is not this plugin's.
            let _ = self.plugin.deactivate(processor);
            let mut notices = Vec::new();
            self.plugin.poll(&mut notices);
            notices.into_iter().for_each(|notice| self.note(notice, true));
        }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A parameter takes a value.
pub(crate) fn parameter(parameter: u32, value: f64) -> EventBody {
    EventBody::Parameter { parameter, address: NoteAddress::ALL, value }
}

/// A key goes down.
pub(crate) fn note_on(key: u8) -> EventBody {
    EventBody::NoteOn { address: NoteAddress::key(0, key), velocity: 0.8 }
}

/// A key goes up.
pub(crate) fn note_off(key: u8) -> EventBody {
    EventBody::NoteOff { address: NoteAddress::key(0, key), velocity: 0.5 }
}
