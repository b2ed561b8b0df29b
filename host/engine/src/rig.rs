//! From a rig file to a rig and back. Keeps beside the graph what only the file needs to know: roles, states of plugins
//! that are missing, notes, and whatever a newer version wrote.

use crate::builtin;
use crate::engine::{Engine, plugin_ref};
use crate::error::EngineError;
use crate::hosting::Hosted;
use crate::session::{
    Crosspoints, Document, EdgeEntry, EndpointEntry, EntryKind, HardwareSignal, Mapping, NodeEntry, ParameterEntry,
    ParameterValue, PluginEntry, PortSelector, SignalEntry, State,
};
use crosspoint_formats::{Plugin, describe};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    AudioPort, ChannelLayout, Command, Edge, Endpoint, EventPort, NOW, Node, NodeId, NodeKind, Signal,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a rig is beside its graph.
#[derive(Debug)]
pub(crate) struct Rig {
    pub entries: HashMap<NodeId, NodeEntry>,
    pub tempo: f64,
    pub metre: (u16, u16),
    /// Everything of the document that the engine does not interpret.
    rest: Document,
}

impl Default for Rig {
    fn default() -> Self {
        let rest = Document::default();
        Self { entries: HashMap::new(), tempo: rest.tempo, metre: rest.metre, rest }
    }
}

impl Rig {
    pub fn is_builtin(&self, node: NodeId) -> bool {
        self.entries.get(&node).is_some_and(|entry| matches!(entry.kind, EntryKind::Builtin { .. }))
    }

    /// Remembers a parameter of a built-in node for the file; those of plugins are in their states.
    pub fn note_parameter(&mut self, node: NodeId, parameter: u32, value: f64) {
        let Some(NodeEntry { kind: EntryKind::Builtin { builtin, parameters }, .. }) = self.entries.get_mut(&node)
        else {
            return;
        };
        let Some((name, _)) = builtin::parameters(builtin).into_iter().find(|(_, id)| *id == parameter) else { return };
        let value = ParameterValue::Plain(value);
        match parameters.iter_mut().find(|known| known.name == name) {
            Some(known) => known.value = value,
            None => parameters.push(ParameterEntry { id: None, name, value }),
        }
    }

    pub fn note_bypassed(&mut self, node: NodeId, on: bool) {
        if let Some(NodeEntry { kind: EntryKind::Plugin(plugin), .. }) = self.entries.get_mut(&node) {
            plugin.bypassed = on;
        }
    }

    /// Parameters of built-in nodes that are not at their initial value.
    pub fn builtin_parameters(&self) -> Vec<(NodeId, u32, f64)> {
        let mut all = Vec::new();
        for (&node, entry) in &self.entries {
            let EntryKind::Builtin { builtin, parameters } = &entry.kind else { continue };
            let known = parameters.iter().filter_map(|entry| builtin::value(builtin, entry));
            all.extend(known.map(|(id, value)| (node, id, value)));
        }
        all
    }
}

/// What a problem of a rig is about, by its place in the document's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A node.
    Node(usize),
    /// An edge.
    Edge(usize),
}

/// Something of a rig that could not be had as the document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RigProblem {
    /// Where in the document.
    pub place: Place,
    /// What is wrong, and what is done instead.
    pub message: String,
}

impl Engine {
    /// Builds the rig of a document, in place of what is there. What cannot be had is kept as a placeholder that lets the
    /// signal through; every problem is reported, none stops the rest.
    ///
    /// # Errors
    /// Only if the renderer takes nothing.
    pub fn load_document(&mut self, document: &Document, roles: &Mapping) -> Result<Vec<RigProblem>, EngineError> {
        let mut problems = Vec::new();
        let removed = self.graph.nodes().map(|(id, _)| Edit::RemoveNode { id }).collect();
        self.batch(|engine| {
            engine.apply(removed)?;
            engine.rig = Rig {
                entries: HashMap::new(),
                tempo: document.tempo,
                metre: document.metre,
                rest: Document { nodes: Vec::new(), edges: Vec::new(), ..document.clone() },
            };
            let timing = document.timing;
            engine.apply(vec![Edit::SetDefaultTiming { timing }])?;
            let mut ids = HashMap::new();
            let mut said = Vec::new();
            for (place, entry) in document.nodes.iter().enumerate() {
                match engine.load_node(entry, roles, document, &mut said) {
                    Ok(id) => {
                        ids.insert(entry.name.as_str(), id);
                    }
                    Err(error) => said.push(format!("{}: {error}", entry.name)),
                }
                problems.extend(said.drain(..).map(|message| RigProblem { place: Place::Node(place), message }));
            }
            for (place, edge) in document.edges.iter().enumerate() {
                if let Err(problem) = engine.load_edge(edge, &ids, &mut said) {
                    said.push(format!("{} -> {}: {problem}", edge.source.node, edge.destination.node));
                }
                problems.extend(said.drain(..).map(|message| RigProblem { place: Place::Edge(place), message }));
            }
            Ok(())
        })?;
        self.send_settings()?;
        self.forget_history();
        Ok(problems)
    }

    fn load_node(
        &mut self,
        entry: &NodeEntry,
        roles: &Mapping,
        document: &Document,
        problems: &mut Vec<String>,
    ) -> Result<NodeId, EngineError> {
        let node = match &entry.kind {
            EntryKind::Input { role, signal } => input_node(&entry.name, role, *signal, roles),
            EntryKind::Output { role, signal, alignment_group } => {
                let groups: Vec<&str> = alignment_groups(document);
                let group = alignment_group.as_deref().and_then(|name| groups.iter().position(|known| *known == name));
                output_node(&entry.name, role, *signal, group.map(|group| group as u16), roles)
            }
            EntryKind::Builtin { builtin, parameters } => {
                let unknown = parameters.iter().filter(|entry| builtin::value(builtin, entry).is_none());
                problems.extend(unknown.map(|wrong| {
                    format!("{}: parameter \"{}\" is unknown, or its value makes no sense", entry.name, wrong.name)
                }));
                let id = self.add_builtin_with(&entry.name, builtin.clone(), parameters.clone())?;
                self.rig.entries.insert(id, entry.clone());
                return Ok(id);
            }
            EntryKind::Plugin(plugin) => return self.load_plugin(entry, plugin, problems),
            EntryKind::Unknown => {
                problems
                    .push(format!("{}: this version does not know such a node; it lets stereo through", entry.name));
                placeholder(&entry.name, &PluginEntry::default())
            }
        };
        let id = self.add_node(node, entry.kind.clone())?;
        self.rig.entries.insert(id, entry.clone());
        Ok(id)
    }

    fn load_plugin(
        &mut self,
        entry: &NodeEntry,
        wanted: &PluginEntry,
        problems: &mut Vec<String>,
    ) -> Result<NodeId, EngineError> {
        let found = match self.catalogue.find(&wanted.plugin) {
            Ok((plugin, file)) => {
                let prepared = |plugin: &mut dyn Plugin| {
                    prepare(plugin, wanted, &entry.name, problems);
                    Ok(())
                };
                self.add_instance(&entry.name, plugin, file, prepared).map_err(|error| error.to_string())
            }
            Err(Some(error)) => Err(error.to_string()),
            Err(None) => Err("it is not installed where it was; install it or correct its path".to_owned()),
        };
        let id = match found {
            Ok(id) => id,
            Err(reason) => {
                problems.push(format!(
                    "{}: the plugin \"{}\" ({}) is missing: {reason}. The signal goes through, its state is kept",
                    entry.name, wanted.plugin.name, wanted.plugin.id
                ));
                self.add_node(placeholder(&entry.name, wanted), entry.kind.clone())?
            }
        };
        self.rig.entries.insert(id, entry.clone());
        if wanted.bypassed {
            if let Some(hosted) = self.hosted.get_mut(&id) {
                hosted.bypassed = true;
            }
            self.send_command(NOW, Command::Bypass { node: id, on: true })?;
        }
        Ok(id)
    }

    fn load_edge(
        &mut self,
        entry: &EdgeEntry,
        ids: &HashMap<&str, NodeId>,
        problems: &mut Vec<String>,
    ) -> Result<(), String> {
        let node = |name: &str| ids.get(name).copied().ok_or_else(|| format!("there is no node \"{name}\""));
        let (source, destination) = (node(&entry.source.node)?, node(&entry.destination.node)?);
        let graph = &self.graph;
        let ports = |id: NodeId, output: bool, events: bool| -> Vec<&str> {
            let Some(node) = graph.node(id) else { return Vec::new() };
            match (output, events) {
                (true, true) => node.event_outputs.iter().map(|port| port.name.as_str()).collect(),
                (false, true) => node.event_inputs.iter().map(|port| port.name.as_str()).collect(),
                (true, false) => node.audio_outputs.iter().map(|port| port.name.as_str()).collect(),
                (false, false) => node.audio_inputs.iter().map(|port| port.name.as_str()).collect(),
            }
        };
        let events = matches!(entry.signal, SignalEntry::Events);
        let endpoint = |id: NodeId, end: &EndpointEntry, output: bool| {
            let names = ports(id, output, events);
            let missing = || format!("\"{}\" has no such port; it has: {}", end.node, names.join(", "));
            end.port.resolve(names.iter().copied()).map(|port| Endpoint::new(id, port)).ok_or_else(missing)
        };
        let from = endpoint(source, &entry.source, true)?;
        let to = endpoint(destination, &entry.destination, false)?;
        let signal = match &entry.signal {
            SignalEntry::Events => Signal::Events,
            SignalEntry::Audio(crosspoints) => {
                let channels = |port: Option<&AudioPort>| port.map_or(0, |port| port.layout.channels());
                let sources = channels(graph.node(source).and_then(|node| node.audio_output(from.port)));
                let destinations = channels(graph.node(destination).and_then(|node| node.audio_input(to.port)));
                let (matrix, outside) = crosspoints.matrix(sources, destinations);
                for cell in outside {
                    problems.push(format!(
                        "{} -> {}: there is no crosspoint {}>{} between {sources} and {destinations} channels",
                        entry.source.node,
                        entry.destination.node,
                        cell.source + 1,
                        cell.destination + 1
                    ));
                }
                Signal::Audio { matrix }
            }
        };
        let edge = Edge { source: from, destination: to, signal, timing: entry.timing, feedback: entry.feedback };
        self.connect_edge(edge).map(|_| ()).map_err(|error| error.to_string())
    }

    /// The rig as a document, states of plugins included.
    pub fn document(&mut self) -> Document {
        let mut document = Document { tempo: self.rig.tempo, metre: self.rig.metre, ..self.rig.rest.clone() };
        document.timing = self.graph.default_timing();
        let ids: Vec<NodeId> = self.graph.nodes().map(|(id, _)| id).collect();
        for id in ids {
            let Some(node) = self.graph.node(id) else { continue };
            let Some(entry) = self.rig.entries.get(&id) else { continue };
            let mut entry = NodeEntry { name: node.name.clone(), ..entry.clone() };
            if let (EntryKind::Plugin(plugin), Some(hosted)) = (&mut entry.kind, self.hosted.get_mut(&id)) {
                refresh(plugin, hosted);
            }
            document.nodes.push(entry);
        }
        for (_, edge) in self.graph.edges() {
            document.edges.push(self.edge_entry(edge));
        }
        document
    }

    fn edge_entry(&self, edge: &Edge) -> EdgeEntry {
        let end = |endpoint: Endpoint, output: bool| {
            let name = self.name(endpoint.node);
            let Some(node) = self.graph.node(endpoint.node) else {
                return EndpointEntry::new(name, PortSelector::First);
            };
            let audio =
                |ports: &[AudioPort]| PortSelector::of(endpoint.port, ports.iter().map(|port| port.name.as_str()));
            let events =
                |ports: &[EventPort]| PortSelector::of(endpoint.port, ports.iter().map(|port| port.name.as_str()));
            let port = match (&edge.signal, output) {
                (Signal::Audio { .. }, true) => audio(&node.audio_outputs),
                (Signal::Audio { .. }, false) => audio(&node.audio_inputs),
                (Signal::Events, true) => events(&node.event_outputs),
                (Signal::Events, false) => events(&node.event_inputs),
            };
            EndpointEntry::new(name, port)
        };
        let signal = match &edge.signal {
            Signal::Audio { matrix } => SignalEntry::Audio(Crosspoints::of(matrix)),
            Signal::Events => SignalEntry::Events,
        };
        let (source, destination) = (end(edge.source, true), end(edge.destination, false));
        EdgeEntry { timing: edge.timing, feedback: edge.feedback, ..EdgeEntry::new(source, destination, signal) }
    }
}

/// Brings a plugin's entry up to the plugin: ports, version, path and state.
fn refresh(entry: &mut PluginEntry, hosted: &mut Hosted) {
    let described = describe(&*hosted.plugin);
    entry.plugin = plugin_ref(&*hosted.plugin, &hosted.file);
    entry.bypassed = hosted.bypassed;
    entry.audio_inputs = described.audio_inputs;
    entry.audio_outputs = described.audio_outputs;
    entry.event_inputs = described.event_inputs;
    entry.event_outputs = described.event_outputs;
    entry.latency = described.latency;
    // A plugin without states keeps the parameters that the file set; one that fails keeps the state it had.
    match hosted.plugin.save_state() {
        Ok(state) => {
            entry.state = Some(State::Bytes(Arc::from(state)));
            entry.parameters.clear();
        }
        Err(error) => tracing::warn!("{}: {error}", entry.plugin.name),
    }
}

/// Gives a fresh plugin its state, then its parameters.
fn prepare(plugin: &mut dyn Plugin, wanted: &PluginEntry, name: &str, problems: &mut Vec<String>) {
    match &wanted.state {
        Some(State::Bytes(state)) => {
            if let Err(error) = plugin.load_state(state) {
                problems.push(format!("{name}: its state was refused, it starts as new: {error}"));
            }
        }
        Some(State::Unavailable { file }) => {
            problems.push(format!("{name}: its state {file} is missing, it starts as new"))
        }
        None => {}
    }
    for entry in &wanted.parameters {
        let parameter = entry.id.map_or_else(|| entry.name.clone(), |id| id.to_string());
        let text = match &entry.value {
            ParameterValue::Plain(value) => value.to_string(),
            ParameterValue::Text(text) => text.clone(),
        };
        let set = Engine::parse_parameter(plugin, &parameter, &text).and_then(|value| {
            plugin.set_parameters(&[value]).map_err(|source| EngineError::Plugin { name: name.to_owned(), source })
        });
        if let Err(error) = set {
            problems.push(format!("{name}: {error}"));
        }
    }
}

/// A node in the place of one that cannot be had: its ports as they were, stereo if nobody knows.
fn placeholder(name: &str, entry: &PluginEntry) -> Node {
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

fn input_node(name: &str, role: &str, signal: HardwareSignal, roles: &Mapping) -> Node {
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

fn output_node(name: &str, role: &str, signal: HardwareSignal, group: Option<u16>, roles: &Mapping) -> Node {
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
fn alignment_groups(document: &Document) -> Vec<&str> {
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
