//! A plugin as a node of the graph.

use crosspoint_graph::graph::Alignment;
use crosspoint_graph::{AudioPort, EventPort, MAX_PORT_CHANNELS, Node};

use crate::plugin::{AudioBus, BusDirection, NotePort, Plugin};

impl AudioBus {
    /// Whether the bus is a port of the plugin's node: on, and of a size that a port can have.
    pub fn is_port(&self) -> bool {
        self.active && (1..=MAX_PORT_CHANNELS).contains(&self.layout.channels())
    }
}

/// The node of a plugin as it is now: a port for each bus that is on and for each note port, in the plugin's order, and
/// the latency of its last activation.
///
/// A plugin that has parameters and no note ports gets one event port, `parameters`, so that they can be driven and
/// heard through the graph; with note ports, parameter events go over any of them.
pub fn describe(plugin: &dyn Plugin) -> Node {
    let inputs = plugin.audio_buses(BusDirection::Input);
    let outputs = plugin.audio_buses(BusDirection::Output);
    let has_parameters = !plugin.parameters().is_empty();
    let mut node = Node::processor(plugin.descriptor().name.clone());
    node.audio_inputs = audio_ports(inputs);
    node.audio_outputs = audio_ports(outputs);
    node.event_inputs = event_ports(plugin.note_ports(BusDirection::Input), has_parameters);
    node.event_outputs = event_ports(plugin.note_ports(BusDirection::Output), has_parameters);
    node.latency = plugin.latency();
    node.in_place = works_in_place(inputs, outputs);
    node.alignment = Alignment::Ports;
    node.bypassable = !node.audio_inputs.is_empty() && !node.audio_outputs.is_empty();
    node
}

fn audio_ports(buses: &[AudioBus]) -> Vec<AudioPort> {
    buses.iter().filter(|bus| bus.is_port()).map(|bus| AudioPort::new(bus.name.clone(), bus.layout)).collect()
}

fn event_ports(ports: &[NotePort], has_parameters: bool) -> Vec<EventPort> {
    match ports {
        [] if has_parameters => vec![EventPort::new("parameters")],
        _ => ports.iter().map(|port| EventPort::new(port.name.clone())).collect(),
    }
}

/// Whether each input port is the in-place partner of the output port of its number, where both are.
fn works_in_place(inputs: &[AudioBus], outputs: &[AudioBus]) -> bool {
    let ports =
        |buses: &'_ [AudioBus]| -> Vec<usize> { (0..buses.len()).filter(|&index| buses[index].is_port()).collect() };
    let (from, to) = (ports(inputs), ports(outputs));
    let mut pairs = from.iter().zip(&to).peekable();
    pairs.peek().is_some() && pairs.all(|(&input, &output)| inputs[input].in_place == Some(output))
}
