//! A chain of plugins made on the spot: input, one plugin after the other, output. What people mean when they name
//! plugins on a command line.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::plugins::PluginReference;
use crosspoint_formats::{BusDirection, Plugin};
use crosspoint_graph::{Cell, Edge, Endpoint, Matrix, NodeId};

/// One plugin of a chain, with the parameters to set before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Which plugin.
    pub plugin: PluginReference,
    /// Parameters by id or name, each with a number or a text.
    pub parameters: Vec<(String, String)>,
}

/// A chain in the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Where the events come in.
    pub events: NodeId,
    /// The plugins, in order.
    pub plugins: Vec<NodeId>,
    /// How many channels come out.
    pub outputs: usize,
}

impl Engine {
    /// Builds a chain from device channels 0 and on to device channels 0 and on. Channel k goes to channel k of the next
    /// main bus, a single channel to all of them; as many channels come out as the last main bus has. Events go to the
    /// first plugin that takes notes and, where it sends notes itself, on from there.
    ///
    /// # Errors
    /// If a plugin does not load, or does not know a parameter.
    pub fn build_chain(&mut self, inputs: &[Option<u32>], links: &[ChainLink]) -> Result<Chain, EngineError> {
        self.batch(|engine| engine.build_links(inputs, links))
    }

    fn build_links(&mut self, inputs: &[Option<u32>], links: &[ChainLink]) -> Result<Chain, EngineError> {
        let events = self.add_event_input("events", "events")?;
        let mut notes = events;
        let mut last = if inputs.is_empty() { None } else { Some(self.add_input("input", "input", inputs)?) };
        let mut plugins = Vec::new();
        for link in links {
            let (plugin, file) = self.catalogue.instantiate(&link.plugin)?;
            let name = plugin.descriptor().name.clone();
            let takes_notes = !plugin.note_ports(BusDirection::Input).is_empty();
            let sends_notes = !plugin.note_ports(BusDirection::Output).is_empty();
            let node = self.add_instance(&name, plugin, file, |plugin| set_parameters(plugin, &link.parameters))?;
            if takes_notes {
                self.connect_events(notes, node)?;
                notes = if sends_notes { node } else { notes };
            }
            if let Some(last) = last
                && self.node(node)?.audio_input(0).is_some()
            {
                self.connect_straight(last, node)?;
            }
            // A plugin without an output of its own leaves the signal as it is.
            if self.node(node)?.audio_output(0).is_some() {
                last = Some(node);
            }
            plugins.push(node);
        }
        let outputs = match last {
            Some(last) => self.node(last)?.audio_output(0).map_or(0, |port| port.layout.channels()),
            None => 0,
        };
        if let Some(last) = last {
            let channels: Vec<Option<u32>> = (0..outputs).map(Some).collect();
            let output = self.add_output("output", "output", &channels)?;
            self.connect_straight(last, output)?;
        }
        Ok(Chain { events, plugins, outputs: outputs as usize })
    }

    /// Joins main ports: channel k to channel k, a single channel to all.
    fn connect_straight(&mut self, source: NodeId, destination: NodeId) -> Result<(), EngineError> {
        let from = self.node(source)?.audio_output(0).map_or(0, |port| port.layout.channels());
        let to = self.node(destination)?.audio_input(0).map_or(0, |port| port.layout.channels());
        let mut matrix = Matrix::new(from, to);
        for channel in 0..if from == 1 { to } else { from.min(to) } {
            // The channel lies within both.
            let _ = matrix.set(if from == 1 { 0 } else { channel }, channel, Some(Cell::UNITY));
        }
        self.connect_edge(Edge::audio(Endpoint::new(source, 0), Endpoint::new(destination, 0), matrix))?;
        Ok(())
    }
}

fn set_parameters(plugin: &mut dyn Plugin, parameters: &[(String, String)]) -> Result<(), EngineError> {
    for (parameter, text) in parameters {
        let value = Engine::parse_parameter(plugin, parameter, text)?;
        let name = plugin.descriptor().name.clone();
        plugin.set_parameters(&[value]).map_err(|source| EngineError::Plugin { name, source })?;
    }
    Ok(())
}
