//! The guards of a rig's outputs: what is not a number, or louder than its limit for too long, takes its output to silence.
//! They stand between the rig and the device, before the master mute, and cost one comparison beside the copy that every
//! output is anyway. Whatever they do is told. They never change what is within the limits.

mod unit;

use super::command::Report;
use super::program::Context;
use crate::compile::Schedule;
use crate::id::NodeId;
pub(crate) use unit::Past;
use unit::{Channels, Happened, Moment, Unit};

/// What an output of the rig may play.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardSettings {
    /// The greatest magnitude that may last, linear; infinite for none. Samples a thousand times as great are treated as
    /// those that are not numbers, which no setting lets pass.
    pub level: f32,
    /// For how many frames it may be exceeded: from the first sample above it to the last, with no more than 25 ms between
    /// two of them.
    pub frames: u32,
    /// After how many frames without a fault the output comes back by itself; none if it stays silent until
    /// [`Command::HoldOutput`](crate::Command::HoldOutput) lets it.
    pub returns_after: Option<u32>,
}

impl Default for GuardSettings {
    /// No limit, until opened.
    fn default() -> Self {
        Self { level: f32::INFINITY, frames: 0, returns_after: None }
    }
}

impl GuardSettings {
    /// What is right by both.
    fn stricter(self, other: Self) -> Self {
        Self {
            level: self.level.min(other.level),
            frames: self.frames.min(other.frames),
            returns_after: self.returns_after.zip(other.returns_after).map(|(one, other)| one.max(other)),
        }
    }
}

/// Why an output was taken to silence.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GuardCause {
    /// A sample was infinite or not a number.
    NotANumber,
    /// It was louder than its limit for too long.
    TooLoud {
        /// The greatest magnitude, linear.
        peak: f32,
    },
}

/// The guards of a program. Outputs that share a channel of the device are guarded as one.
pub(crate) struct Guards {
    units: Box<[Guarded]>,
    /// By channel of the device: what its samples stay below without a fault.
    thresholds: Box<[f32]>,
    /// By channel of the device.
    past: Box<[Past]>,
    /// By index of an output's id: its unit, [`NO_UNIT`] for others.
    of_node: Box<[u32]>,
    /// Whether some unit must look at the chunk.
    alarm: bool,
}

struct Guarded {
    nodes: Box<[(NodeId, GuardSettings)]>,
    channels: Box<[u32]>,
    unit: Unit,
}

const NO_UNIT: u32 = u32::MAX;

impl Guards {
    /// For the outputs of a schedule. Allocates.
    pub fn new(schedule: &Schedule) -> Self {
        let outputs = &schedule.outputs;
        let device_channels = outputs.iter().map(|output| output.device_channel as usize + 1).max().unwrap_or(0);
        let indices = outputs.iter().map(|output| output.node.index() + 1).max().unwrap_or(0);
        let groups = groups(schedule);
        let mut of_node = vec![NO_UNIT; indices];
        for (unit, (nodes, _)) in (0..).zip(&groups) {
            nodes.iter().for_each(|node| of_node[node.index()] = unit);
        }
        let units = groups.into_iter().map(|(nodes, channels)| Guarded {
            nodes: nodes.into_iter().map(|node| (node, GuardSettings::default())).collect(),
            channels: channels.into(),
            unit: Unit::new(GuardSettings::default()),
        });
        Self {
            units: units.collect(),
            thresholds: vec![f32::INFINITY; device_channels].into_boxed_slice(),
            past: vec![Past::default(); device_channels].into_boxed_slice(),
            of_node: of_node.into(),
            alarm: false,
        }
    }

    fn place(&self, node: NodeId) -> Option<usize> {
        let place = *self.of_node.get(node.index())? as usize;
        let guarded = self.units.get(place)?;
        guarded.nodes.iter().any(|(known, _)| *known == node).then_some(place)
    }

    /// Sets what an output may play, if it is there.
    pub fn set(&mut self, node: NodeId, settings: GuardSettings) {
        let Some(place) = self.place(node) else { return };
        let Guarded { nodes, channels, unit } = &mut self.units[place];
        nodes.iter_mut().filter(|(known, _)| *known == node).for_each(|(_, known)| *known = settings);
        let strictest = nodes.iter().map(|(_, settings)| *settings).reduce(GuardSettings::stricter);
        unit.settings = strictest.unwrap_or_default();
        for &channel in channels.iter() {
            self.thresholds[channel as usize] = unit.settings.level;
        }
    }

    /// Closes or opens an output by hand. False if it is not there.
    pub fn hold(&mut self, node: NodeId, closed: bool, frame: u64, fade: u32) -> bool {
        let Some(place) = self.place(node) else { return false };
        let unit = &mut self.units[place].unit;
        match closed {
            true => unit.close(frame, fade.max(1)),
            false => unit.open(frame),
        }
        self.alarm = true;
        true
    }

    /// Goes on as under the program before.
    pub fn adopt(&mut self, old: &Self) {
        for guarded in &mut self.units {
            let before = guarded.nodes.iter().filter_map(|(node, _)| old.place(*node)).map(|place| &old.units[place]);
            // One that is closed stays so, with whatever it is guarded from now on.
            if let Some(old) = before.max_by_key(|old| old.unit.is_closed()) {
                guarded.unit.adopt(&old.unit);
            }
        }
        for (new, old) in self.past.iter_mut().zip(&old.past) {
            *new = *old;
        }
        self.alarm = true;
    }

    /// What the samples of a channel of the device are to stay below.
    #[inline]
    pub fn threshold(&self, channel: u32) -> f32 {
        self.thresholds[channel as usize]
    }

    /// Notes what a chunk of a channel ends with, and whether all of it is below the threshold. `more` says that the channel
    /// was written before, and something was added.
    #[inline]
    pub fn note(&mut self, channel: u32, last: f32, is_below: bool, more: bool) {
        let past = &mut self.past[channel as usize];
        if !more {
            past.before = past.last;
            past.alarm = false;
        }
        past.last = last;
        past.alarm |= !is_below;
        self.alarm |= !is_below;
    }

    /// Whether [`Self::pass`] has anything to do.
    #[inline]
    pub fn has_alarm(&self) -> bool {
        self.alarm
    }

    /// Lets a chunk of all of the device's channels pass as far as it may. Says why it closed an output, if it did, and
    /// whether a limit is exceeded.
    #[cold]
    #[inline(never)]
    pub fn pass(
        &mut self,
        frame: u64,
        frames: usize,
        rate: f64,
        context: &mut Context<'_, '_>,
    ) -> (Option<GuardCause>, bool) {
        let moment = Moment { frame, fade: context.fade.max(1), rate };
        let Context { outputs, reports, offset, .. } = context;
        let (mut acts, mut closed, mut is_exceeded) = (false, None, false);
        for Guarded { nodes, channels: numbers, unit } in &mut self.units {
            let alarm = numbers.iter().any(|&number| self.past[number as usize].alarm);
            if alarm || unit.acts() {
                let mut channels = Channels { outputs, offset: *offset, frames, past: &mut self.past, numbers };
                unit.pass(&mut channels, &moment, &mut |happened| {
                    if let Happened::Closed { cause, .. } = happened {
                        closed = Some(cause);
                    }
                    for &(node, _) in nodes.iter() {
                        reports.push(match happened {
                            Happened::Closed { frame, cause } => Report::OutputClosed { node, frame, cause },
                            Happened::Opened { frame } => Report::OutputOpened { node, frame },
                        });
                    }
                });
            }
            acts |= unit.acts();
            is_exceeded |= unit.is_exceeded(&moment);
        }
        self.alarm = acts;
        (closed, is_exceeded)
    }
}

/// The outputs of a schedule that share channels of the device, directly or by others, and those channels.
fn groups(schedule: &Schedule) -> Vec<(Vec<NodeId>, Vec<u32>)> {
    let mut groups: Vec<(Vec<NodeId>, Vec<u32>)> = Vec::new();
    for output in &schedule.outputs {
        let (mut nodes, mut channels) = (vec![output.node], vec![output.device_channel]);
        groups.retain_mut(|(known_nodes, known_channels)| {
            let joined = known_nodes.contains(&output.node) || known_channels.contains(&output.device_channel);
            if joined {
                // What was there comes first.
                known_nodes.retain(|node| !nodes.contains(node));
                known_channels.retain(|channel| !channels.contains(channel));
                nodes.append(known_nodes);
                channels.append(known_channels);
            }
            !joined
        });
        groups.push((nodes, channels));
    }
    groups
}

#[cfg(test)]
mod tests;
