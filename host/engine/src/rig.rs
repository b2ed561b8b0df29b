//! From a rig file to a rig. Keeps beside the graph what only the file needs to know: roles, states of plugins
//! that are missing, notes, and whatever a newer version wrote.

use crate::assembly::{Need, Part, Plan};
use crate::builtin;
use crate::controllers::{Origin, PluginHost, PluginSetup, Plugins};
use crate::engine::Engine;
use crate::entry_nodes::{alignment_groups, input_node, output_node, placeholder};
use crate::error::EngineError;
use crate::matrix::SoloView;
use crate::pending::{Pending, Reply};
use crate::session::{
    Document, EdgeEntry, EndpointEntry, EntryKind, Mapping, NodeEntry, ParameterEntry, ParameterValue, PluginEntry,
    PortSelector, SignalEntry, TEMPO_RANGE,
};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{AudioPort, Command, Edge, Endpoint, NodeId, Signal, is_metre};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What a rig is beside its graph.
#[derive(Debug)]
pub(crate) struct Rig {
    pub entries: HashMap<NodeId, NodeEntry>,
    pub tempo: f64,
    pub metre: (u16, u16),
    /// The file that it was loaded from, or saved to last.
    pub file: Option<PathBuf>,
    /// Everything of the document that the engine does not interpret.
    pub rest: Document,
}

impl Default for Rig {
    fn default() -> Self {
        let rest = Document::default();
        Self { entries: HashMap::new(), tempo: rest.tempo, metre: rest.metre, file: None, rest }
    }
}

impl Rig {
    pub fn is_builtin(&self, node: NodeId) -> bool {
        self.entries.get(&node).is_some_and(|entry| matches!(entry.kind, EntryKind::Builtin { .. }))
    }

    /// Remembers a parameter of a built-in node for the file; those of plugins are in their states. One that is at its
    /// initial value is none that the file has.
    pub fn note_parameter(&mut self, node: NodeId, parameter: u32, value: f64) {
        let Some(NodeEntry { kind: EntryKind::Builtin { builtin, parameters }, .. }) = self.entries.get_mut(&node)
        else {
            return;
        };
        let names = builtin::parameters(builtin);
        let Some(place) = names.iter().position(|(_, id)| *id == parameter) else { return };
        let place_of = |entry: &ParameterEntry| names.iter().position(|(name, _)| *name == entry.name);
        let known = parameters.iter().position(|entry| place_of(entry) == Some(place));
        if builtin::initial(builtin, parameter) == Some(value) {
            known.map(|known| parameters.remove(known));
            return;
        }
        let entry = ParameterEntry { id: None, name: names[place].0.clone(), value: ParameterValue::Plain(value) };
        match known {
            Some(known) => parameters[known].value = entry.value,
            None => {
                let next = parameters.iter().position(|entry| place_of(entry) > Some(place));
                parameters.insert(next.unwrap_or(parameters.len()), entry);
            }
        }
    }

    /// Remembers what of the transport belongs to a rig.
    pub fn note_command(&mut self, command: &Command) {
        match *command {
            Command::Tempo(tempo) if (TEMPO_RANGE.0..=TEMPO_RANGE.1).contains(&tempo) => self.tempo = tempo,
            Command::Metre(beats, value) if is_metre((beats, value)) => self.metre = (beats, value),
            _ => {}
        }
    }

    /// Parameters of a built-in node that are not at their initial value, by id.
    pub fn values(&self, node: NodeId) -> Vec<(u32, f64)> {
        let Some(NodeEntry { kind: EntryKind::Builtin { builtin, parameters }, .. }) = self.entries.get(&node) else {
            return Vec::new();
        };
        parameters.iter().filter_map(|entry| builtin::value(builtin, entry)).collect()
    }

    /// The value of a built-in node's parameter, the initial one if it was never set.
    pub fn value(&self, node: NodeId, parameter: u32) -> Option<f64> {
        let EntryKind::Builtin { builtin, parameters } = &self.entries.get(&node)?.kind else { return None };
        let set = parameters.iter().filter_map(|entry| builtin::value(builtin, entry)).find(|(id, _)| *id == parameter);
        set.map(|(_, value)| value).or_else(|| builtin::initial(builtin, parameter))
    }

    /// Parameters of built-in nodes that are not at their initial value.
    pub fn builtin_parameters(&self) -> Vec<(NodeId, u32, f64)> {
        let of = |&node: &NodeId| self.values(node).into_iter().map(move |(id, value)| (node, id, value));
        self.entries.keys().flat_map(of).collect()
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

/// A rig to be built once its plugins are there.
pub(crate) struct RigPlan {
    document: Arc<Document>,
    roles: Mapping,
    file: Option<PathBuf>,
    pub(crate) reply: Reply<Vec<RigProblem>>,
}

impl Engine<PluginHost> {
    /// Builds the rig of a document, in place of what is there. What cannot be had is kept as a placeholder that lets the
    /// signal through; every problem is reported, none stops the rest.
    ///
    /// # Errors
    /// Only if the renderer takes nothing.
    pub fn load_document(&mut self, document: &Document, roles: &Mapping) -> Result<Vec<RigProblem>, EngineError> {
        self.request_rig(document.clone(), roles.clone(), None).wait()
    }
}

impl<P: Plugins> Engine<P> {
    /// As [`Engine::load_document`], wherever plugins live: what is there plays on until all of them have come, then gives
    /// way to the new rig. `file` is the rig's own file from then on: where it is saved if nothing else is said.
    ///
    /// # Errors
    /// In the answer: if the renderer takes nothing, or [`EngineError::Replaced`] if another rig or chain was asked for
    /// meanwhile.
    pub fn request_rig(
        &mut self,
        document: Document,
        roles: Mapping,
        file: Option<PathBuf>,
    ) -> Pending<Vec<RigProblem>> {
        let (reply, pending) = Pending::new();
        self.load_rig(document, roles, file, reply);
        pending
    }

    pub(crate) fn load_rig(
        &mut self,
        document: Document,
        roles: Mapping,
        file: Option<PathBuf>,
        reply: Reply<Vec<RigProblem>>,
    ) {
        let need = |entry: &NodeEntry| match &entry.kind {
            EntryKind::Plugin(plugin) => Some(Need {
                name: entry.name.clone(),
                origin: Origin::Entry(plugin.plugin.clone()),
                setup: PluginSetup {
                    precision: plugin.precision,
                    state: plugin.state.clone(),
                    preset: None,
                    parameters: plugin.parameters.clone(),
                    inputs: in_use(&plugin.audio_inputs, destinations(&document, &entry.name)),
                    outputs: in_use(&plugin.audio_outputs, sources(&document, &entry.name)),
                },
            }),
            _ => None,
        };
        let needs = document.nodes.iter().filter_map(need).collect();
        self.assemble(Plan::Rig(RigPlan { document: Arc::new(document), roles, file, reply }), needs);
    }

    pub(crate) fn finish_rig(&mut self, plan: RigPlan, parts: Vec<Part>) {
        let RigPlan { document, roles, file, reply } = plan;
        let built = self.build_rig(&document, &roles, parts);
        // Half a rig has no file: it would be saved over the whole one.
        if built.is_ok() {
            self.rig.file = file;
        }
        reply(built);
    }

    fn build_rig(
        &mut self,
        document: &Document,
        roles: &Mapping,
        parts: Vec<Part>,
    ) -> Result<Vec<RigProblem>, EngineError> {
        let mut problems = Vec::new();
        let mut parts = parts.into_iter();
        let removed = self.graph.nodes().map(|(id, _)| Edit::RemoveNode { id }).collect();
        self.batch(|engine| {
            engine.apply(removed)?;
            engine.solo = SoloView::default();
            engine.rig = Rig {
                entries: HashMap::new(),
                tempo: document.tempo,
                metre: document.metre,
                file: None,
                rest: Document { nodes: Vec::new(), edges: Vec::new(), ..document.clone() },
            };
            engine.scenes.reset();
            let timing = document.timing;
            engine.apply(vec![Edit::SetDefaultTiming { timing }])?;
            let mut ids = HashMap::new();
            let mut said = Vec::new();
            for (place, entry) in document.nodes.iter().enumerate() {
                let loaded = match &entry.kind {
                    EntryKind::Plugin(plugin) => engine.load_plugin(entry, plugin, parts.next(), &mut said),
                    _ => engine.load_node(entry, roles, document, &mut said),
                };
                match loaded {
                    Ok(id) => {
                        engine.begin_bypassed(id);
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
        self.map_midi(roles);
        self.send_settings()?;
        self.forget_history();
        self.begin_ledger();
        self.tell_control();
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
            EntryKind::Output { role, signal, alignment_group, .. } => {
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
            EntryKind::Plugin(plugin) => placeholder(&entry.name, plugin),
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
        part: Option<Part>,
        problems: &mut Vec<String>,
    ) -> Result<NodeId, EngineError> {
        let found = match part {
            Some(Part { key, instance }) => instance.and_then(|instance| {
                problems.extend(instance.problems.iter().map(EngineError::to_string));
                self.add_instance(&entry.name, key, instance, entry.kind.clone())
            }),
            None => Err(EngineError::PluginGone),
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
}

/// The audio inputs of a node that edges lead to.
fn destinations<'a>(document: &'a Document, node: &'a str) -> impl Iterator<Item = &'a PortSelector> {
    audio_edges(document).map(|edge| &edge.destination).filter(move |end| end.node == node).map(|end| &end.port)
}

/// The audio outputs of a node that edges come from.
fn sources<'a>(document: &'a Document, node: &'a str) -> impl Iterator<Item = &'a PortSelector> {
    audio_edges(document).map(|edge| &edge.source).filter(move |end| end.node == node).map(|end| &end.port)
}

fn audio_edges(document: &Document) -> impl Iterator<Item = &EdgeEntry> {
    document.edges.iter().filter(|edge| matches!(edge.signal, SignalEntry::Audio(_)))
}

/// The buses that a rig makes use of: those that were ports when it was saved, and others that an edge names. An edge's
/// number counts ports, so that it says something only while nobody knows which there were.
fn in_use<'a>(seen: &[AudioPort], named: impl Iterator<Item = &'a PortSelector>) -> Vec<PortSelector> {
    let mut buses: Vec<PortSelector> = seen.iter().map(|port| PortSelector::Name(port.name.clone())).collect();
    for selector in named {
        let counts = seen.is_empty() || matches!(selector, PortSelector::Name(_));
        if counts && !buses.contains(selector) {
            buses.push(selector.clone());
        }
    }
    buses
}
