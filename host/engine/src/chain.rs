//! A chain of plugins made on the spot: input, one plugin after the other, output. What people mean when they name
//! plugins on a command line.

use crate::assembly::{Need, Part, Plan};
use crate::controllers::{Instance, Origin, PluginHost, PluginKey, PluginSetup, Plugins};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::pending::{Pending, Reply};
use crate::plugins::PluginReference;
use crate::session::{EntryKind, ParameterEntry, ParameterValue, PluginEntry};
use crosspoint_formats::PresetPlace;
use crosspoint_graph::{Cell, Edge, Endpoint, Matrix, NodeId};

/// One plugin of a chain, with the parameters to set before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Which plugin.
    pub plugin: PluginReference,
    /// A preset to load before the parameters.
    pub preset: Option<PresetPlace>,
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

/// A chain to be built once its plugins are there.
pub(crate) struct ChainPlan {
    inputs: Vec<Option<u32>>,
    pub(crate) reply: Reply<Chain>,
}

impl ChainLink {
    /// A plugin as it is.
    pub fn new(plugin: PluginReference) -> Self {
        Self { plugin, preset: None, parameters: Vec::new() }
    }

    fn need(&self) -> Need {
        let entry = |(parameter, text): &(String, String)| ParameterEntry {
            id: None,
            name: parameter.clone(),
            value: ParameterValue::Text(text.clone()),
        };
        let parameters = self.parameters.iter().map(entry).collect();
        // Without a name of its own it is called as the plugin calls itself.
        Need {
            name: String::new(),
            origin: Origin::Reference(self.plugin.clone()),
            setup: PluginSetup { preset: self.preset.clone(), parameters, ..PluginSetup::default() },
        }
    }
}

impl Engine<PluginHost> {
    /// Builds a chain from device channels 0 and on to device channels 0 and on. Channel k goes to channel k of the next
    /// main bus, a single channel to all of them; as many channels come out as the last main bus has. Events go to the
    /// first plugin that takes notes and, where it sends notes itself, on from there.
    ///
    /// # Errors
    /// If a plugin does not load, or does not know a parameter.
    pub fn build_chain(&mut self, inputs: &[Option<u32>], links: &[ChainLink]) -> Result<Chain, EngineError> {
        self.request_chain(inputs, links).wait()
    }
}

impl<P: Plugins> Engine<P> {
    /// As [`Engine::build_chain`], wherever plugins live: it is built once they are all there.
    ///
    /// # Errors
    /// In the answer: those of [`Engine::build_chain`], or [`EngineError::Replaced`] if another rig or chain was asked
    /// for meanwhile.
    pub fn request_chain(&mut self, inputs: &[Option<u32>], links: &[ChainLink]) -> Pending<Chain> {
        let (reply, pending) = Pending::new();
        let needs = links.iter().map(ChainLink::need).collect();
        self.assemble(Plan::Chain(ChainPlan { inputs: inputs.to_vec(), reply }), needs);
        pending
    }

    pub(crate) fn finish_chain(&mut self, plan: ChainPlan, parts: Vec<Part>) {
        let mut instances = Vec::new();
        let mut failed = None;
        for Part { key, instance } in parts {
            match instance {
                Ok(instance) => instances.push((key, instance)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let built = match failed {
            Some(error) => {
                instances.into_iter().for_each(|(key, instance)| self.discard(key, *instance));
                Err(error)
            }
            None => self.batch(|engine| engine.build_links(&plan.inputs, instances)),
        };
        (plan.reply)(built);
    }

    fn build_links(
        &mut self,
        inputs: &[Option<u32>],
        instances: Vec<(PluginKey, Box<Instance>)>,
    ) -> Result<Chain, EngineError> {
        let events = self.add_event_input("events", "events")?;
        let mut notes = events;
        let mut last = if inputs.is_empty() { None } else { Some(self.add_input("input", "input", inputs)?) };
        let mut plugins = Vec::new();
        for (key, instance) in instances {
            let name = instance.description.descriptor.name.clone();
            let (takes_notes, sends_notes) = instance.description.note_ports;
            let entry = PluginEntry { plugin: instance.description.reference(), ..PluginEntry::default() };
            let node = self.add_instance(&name, key, instance, EntryKind::Plugin(Box::new(entry)))?;
            if takes_notes > 0 {
                self.connect_events(notes, node)?;
                notes = if sends_notes > 0 { node } else { notes };
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
