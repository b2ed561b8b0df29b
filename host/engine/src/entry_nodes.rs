//! Entries of a rig file as nodes of the graph: hardware on this machine, and what stands for a plugin that is missing.

use crate::session::{Document, EntryKind, HardwareSignal, Mapping, PluginEntry};
use crosspoint_graph::{AudioPort, ChannelLayout, EventPort, Node, NodeKind};
use std::collections::BTreeMap;

/// A node in the place of one that cannot be had: its ports as they were, stereo if nobody knows.
pub(crate) fn placeholder(name: &str, entry: &PluginEntry) -> Node {
    let never_seen = entry.audio_inputs.is_empty()
        && entry.audio_outputs.is_empty()
        && entry.event_inputs.is_empty()
        && entry.event_outputs.is_empty();
    let or_stereo = |ports: &Vec<AudioPort>| {
        if never_seen { vec![AudioPort::new("main", ChannelLayout::Stereo)] } else { ports.clone() }
    };
    Node {
        audio_inputs: or_stereo(&entry.audio_inputs),
        audio_outputs: or_stereo(&entry.audio_outputs),
        event_inputs: entry.event_inputs.clone(),
        event_outputs: entry.event_outputs.clone(),
        bypassable: true,
        ..Node::processor(name)
    }
}

fn mapped(roles: &BTreeMap<String, Vec<Option<u32>>>, role: &str, channels: u32) -> Vec<Option<u32>> {
    let known = roles.get(role).map(Vec::as_slice).unwrap_or_default();
    (0..channels as usize).map(|channel| known.get(channel).copied().flatten()).collect()
}

/// What the hardware delivers, mapped to this machine's channels.
pub(crate) fn input_node(name: &str, role: &str, signal: HardwareSignal, roles: &Mapping) -> Node {
    match signal {
        HardwareSignal::Audio(layout) => {
            let device_channels = mapped(&roles.inputs, role, layout.channels());
            let kind = NodeKind::Input { device_channels };
            Node { audio_outputs: vec![AudioPort::new("main", layout)], ..Node::new(name, kind) }
        }
        HardwareSignal::Events => {
            let kind = NodeKind::Input { device_channels: Vec::new() };
            Node { event_outputs: vec![EventPort::new("events")], ..Node::new(name, kind) }
        }
    }
}

/// What the hardware plays, mapped to this machine's channels.
pub(crate) fn output_node(name: &str, role: &str, signal: HardwareSignal, group: Option<u16>, roles: &Mapping) -> Node {
    match signal {
        HardwareSignal::Audio(layout) => {
            let device_channels = mapped(&roles.outputs, role, layout.channels());
            let alignment_groups = vec![group; device_channels.len()];
            let kind = NodeKind::Output { device_channels, alignment_groups };
            Node { audio_inputs: vec![AudioPort::new("main", layout)], ..Node::new(name, kind) }
        }
        HardwareSignal::Events => {
            let kind = NodeKind::Output { device_channels: Vec::new(), alignment_groups: Vec::new() };
            Node { event_inputs: vec![EventPort::new("events")], ..Node::new(name, kind) }
        }
    }
}

/// The names of all alignment groups, each once.
pub(crate) fn alignment_groups(document: &Document) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for entry in &document.nodes {
        if let EntryKind::Output { alignment_group: Some(group), .. } = &entry.kind
            && !groups.contains(&group.as_str())
        {
            groups.push(group);
        }
    }
    groups
}
