//! Loudness of chosen nodes, by EBU R 128. The callback copies samples, as it does for the tuner; the control thread measures
//! them with its polls, which costs it a few milliseconds for each second of a channel at most.

mod meter;

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crosspoint_graph::{ChannelLayout, LISTENERS, ListenTo, Node, NodeId, NodeKind};
pub use meter::Loudness;
use meter::Meter;
use std::collections::BTreeMap;

/// The first of the renderer's listeners that are for loudness, and how many there are.
const FIRST: usize = 8;
const CHANNELS: usize = LISTENERS - FIRST;

/// All that is measured.
#[derive(Default)]
pub(crate) struct LoudnessMeters(BTreeMap<NodeId, Measured>);

/// One node.
struct Measured {
    meter: Meter,
    layout: ChannelLayout,
    ears: Vec<Ear>,
}

/// One channel of it.
struct Ear {
    listener: usize,
    channel: u16,
    /// Heard without a gap and not measured yet, and the steady frame behind.
    heard: Vec<f32>,
    end: u64,
}

impl LoudnessMeters {
    /// The nodes that are measured.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.0.keys().copied()
    }

    /// Listeners that nobody uses.
    fn free(&self) -> impl Iterator<Item = usize> {
        let used: Vec<usize> = self.0.values().flat_map(|measured| &measured.ears).map(|ear| ear.listener).collect();
        (FIRST..LISTENERS).filter(move |listener| !used.contains(listener))
    }
}

impl<P: Plugins> Engine<P> {
    /// Measures the loudness of all channels of a node's outputs (of an output: what the device plays), or no longer. See
    /// [`Levels::loudness`](crate::Levels::loudness), where there is something new ten times a second. A node that undo
    /// brings back is measured on.
    ///
    /// # Errors
    /// If there is no such node, [`EngineError::TooManyLoudnessChannels`], or nothing takes commands.
    pub fn measure_loudness(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        let known = self.node(node).map(heard_channels);
        for ear in self.loudness.0.remove(&node).into_iter().flat_map(|measured| measured.ears) {
            self.publisher.listen(ear.listener, None)?;
        }
        self.levels.show_loudness(node, None);
        self.snapshot.outdate();
        if !on {
            return Ok(());
        }
        let (layout, channels) = known?;
        let full = || EngineError::TooManyLoudnessChannels { limit: CHANNELS };
        let listeners: Vec<usize> = self.loudness.free().take(channels.len()).collect();
        if listeners.len() < channels.len() {
            return Err(full());
        }
        let meter = Meter::new(layout, self.settings.rate).ok_or_else(full)?;
        let mut ears = Vec::new();
        for (&channel, listener) in channels.iter().zip(listeners) {
            self.publisher.listen(listener, Some(ListenTo { node, channel }))?;
            ears.push(Ear { listener, channel, heard: Vec::new(), end: 0 });
        }
        self.levels.show_loudness(node, Some(meter.reading()));
        self.loudness.0.insert(node, Measured { meter, layout, ears });
        Ok(())
    }

    /// Begins the integrated loudness, its range and the maxima of a node anew. Does nothing for one that is not measured.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn reset_loudness(&mut self, node: NodeId) -> Result<(), EngineError> {
        self.node(node)?;
        if let Some(measured) = self.loudness.0.get_mut(&node) {
            measured.meter.reset();
            self.levels.show_loudness(node, Some(measured.meter.reading()));
        }
        Ok(())
    }

    /// Takes in what was heard.
    pub(crate) fn hear_loudness(&mut self) {
        let longest = self.settings.rate as usize;
        let mut changed = Vec::new();
        for (&node, measured) in &mut self.loudness.0 {
            if let Some(known) = self.graph.node(node) {
                let (layout, channels) = heard_channels(known);
                if layout != measured.layout || !channels.iter().eq(measured.ears.iter().map(|ear| &ear.channel)) {
                    changed.push(node);
                    continue;
                }
            }
            for ear in &mut measured.ears {
                let mut piece = Vec::new();
                while let Some(first) = self.publisher.hear(ear.listener, &mut piece) {
                    if first != ear.end {
                        ear.heard.clear();
                    }
                    ear.end = first + piece.len() as u64;
                    ear.heard.append(&mut piece);
                }
                // One channel that the device does not have must not keep all others waiting in ever more memory.
                ear.heard.drain(..ear.heard.len().saturating_sub(longest));
            }
            if measured.take() {
                self.levels.show_loudness(node, Some(measured.meter.reading()));
            }
        }
        for node in changed {
            if let Err(error) = self.measure_loudness(node, true) {
                tracing::warn!("the loudness of {} is measured no more: {error}", self.name(node));
            }
        }
    }

    /// A fresh renderer listens to nothing, and counts its frames from 0.
    pub(crate) fn measure_loudness_anew(&mut self) -> Result<(), EngineError> {
        let nodes: Vec<NodeId> = self.loudness.nodes().collect();
        nodes.into_iter().try_for_each(|node| self.measure_loudness(node, self.graph.node(node).is_some()))
    }
}

impl Measured {
    /// Measures the frames that all channels have been heard of. Says whether there is a new reading.
    fn take(&mut self) -> bool {
        let first = self.ears.iter().map(|ear| ear.end - ear.heard.len() as u64).max().unwrap_or(0);
        let end = self.ears.iter().map(|ear| ear.end).min().unwrap_or(0);
        let Some(frames) = end.checked_sub(first).map(|frames| frames as usize).filter(|&frames| frames > 0) else {
            return false;
        };
        for ear in &mut self.ears {
            let before = first - (ear.end - ear.heard.len() as u64);
            ear.heard.drain(..before as usize);
        }
        let channels: Vec<&[f32]> = self.ears.iter().map(|ear| &ear.heard[..frames]).collect();
        let is_new = self.meter.take(&channels);
        self.ears.iter_mut().for_each(|ear| drop(ear.heard.drain(..frames)));
        is_new
    }
}

/// The channels of a node that are heard, and their layout. Channels of an output that are not mapped to the device are
/// heard by nobody; what is left is no surround.
fn heard_channels(node: &Node) -> (ChannelLayout, Vec<u16>) {
    let ports = match node.kind {
        NodeKind::Output { .. } => &node.audio_inputs,
        _ => &node.audio_outputs,
    };
    let count: u32 = ports.iter().map(|port| port.layout.channels()).sum();
    let is_mapped = |channel: &u16| match &node.kind {
        NodeKind::Output { device_channels, .. } | NodeKind::Input { device_channels } => {
            device_channels.get(usize::from(*channel)).copied().flatten().is_some()
        }
        NodeKind::Processor => true,
    };
    let channels: Vec<u16> = (0..count as u16).filter(is_mapped).collect();
    let layout = match ports.as_slice() {
        [port] if channels.len() == count as usize => port.layout,
        _ => ChannelLayout::from_channels(channels.len() as u32),
    };
    (layout, channels)
}

#[cfg(test)]
mod tests;
