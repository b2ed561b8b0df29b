//! From a rig to a rig file. States are asked for, and everything else is known already; what a plugin does not give, stays
//! as it was last known.

use crate::asking::Asked;
use crate::controllers::{PluginHost, PluginKey, Plugins, Record, Request};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::pending::{Pending, Reply};
use crate::session::{
    self, Crosspoints, Document, EdgeEntry, EndpointEntry, EntryKind, ParameterEntry, ParameterValue, PluginEntry,
    PortSelector, SignalEntry, State,
};
use crosspoint_formats::PluginError;
use crosspoint_graph::{AudioPort, Edge, Endpoint, EventPort, NodeId, Signal};
use std::path::PathBuf;
use std::sync::Arc;

/// What plugins gave for their states.
pub(crate) type States = Vec<(PluginKey, Result<Vec<u8>, PluginError>)>;

impl Engine<PluginHost> {
    /// The rig as a document, states of plugins included.
    ///
    /// # Errors
    /// None as yet.
    pub fn document(&mut self) -> Result<Document, EngineError> {
        self.request_document().wait()
    }
}

impl<P: Plugins> Engine<P> {
    /// As [`Engine::document`], wherever plugins live. The document has what was asked of the rig before: plugins that are
    /// still being loaded are waited for.
    pub fn request_document(&mut self) -> Pending<Document> {
        let (reply, pending) = Pending::new();
        self.ask_for_states(Asked::Document(reply));
        pending
    }

    /// Saves the rig to a file, as [`session::save`] does, once its plugins have given their states: that is its own file
    /// from then on. Without a path, to its own file.
    ///
    /// # Errors
    /// In the answer: if it has no file of its own, or that cannot be written.
    pub fn save(&mut self, path: Option<PathBuf>) -> Pending<()> {
        let (reply, pending) = Pending::new();
        self.save_to(path, reply);
        pending
    }

    pub(crate) fn save_to(&mut self, path: Option<PathBuf>, reply: Reply<()>) {
        self.ask_for_states(Asked::Save(path, reply));
    }

    /// Saves the rig with the states that came. Which file is its own is known only now: another rig may have come before
    /// them.
    pub(crate) fn save_with(&mut self, path: Option<PathBuf>, states: States) -> Result<(), EngineError> {
        let document = self.document_with(states);
        let path = path.or_else(|| self.rig.file.clone()).ok_or(EngineError::NoFile)?;
        session::save(&document, &path)?;
        self.rig.file = Some(path);
        Ok(())
    }

    fn ask_for_states(&mut self, asked: Asked) {
        let keys = self.records.values().map(|record| record.key).collect();
        let ticket = self.ticket(asked);
        self.plugins.send(Request::SaveStates { ticket, keys });
        self.hear_plugins();
    }

    /// The rig as a document with the states that came.
    pub(crate) fn document_with(&mut self, states: States) -> Document {
        self.follow_names();
        let mut document = Document { tempo: self.rig.tempo, metre: self.rig.metre, ..self.rig.rest.clone() };
        document.timing = self.graph.default_timing();
        let mut states: std::collections::HashMap<_, _> = states.into_iter().collect();
        let ids: Vec<NodeId> = self.graph.nodes().map(|(id, _)| id).collect();
        for id in ids {
            let Some(node) = self.graph.node(id) else { continue };
            let Some(entry) = self.rig.entries.get_mut(&id) else { continue };
            entry.name.clone_from(&node.name);
            if let (EntryKind::Plugin(plugin), Some(record)) = (&mut entry.kind, self.records.get(&id)) {
                refresh(plugin, record, states.remove(&record.key));
            }
            let mut entry = entry.clone();
            if let (EntryKind::Plugin(plugin), Some(record)) = (&mut entry.kind, self.records.get(&id)) {
                add_untold(plugin, record);
            }
            document.nodes.push(entry);
        }
        for (_, edge) in self.graph.edges() {
            document.edges.push(self.edge_entry(edge));
        }
        self.put_base(&mut document);
        document
    }

    /// Brings what is known of a plugin's entry up to the plugin.
    pub(crate) fn refresh_entry(&mut self, node: NodeId, state: Option<Result<Vec<u8>, PluginError>>) {
        let entry = self.rig.entries.get_mut(&node).map(|entry| &mut entry.kind);
        if let (Some(EntryKind::Plugin(plugin)), Some(record)) = (entry, self.records.get(&node)) {
            refresh(plugin, record, state);
        }
    }

    pub(crate) fn edge_entry(&self, edge: &Edge) -> EdgeEntry {
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
fn refresh(entry: &mut PluginEntry, record: &Record, state: Option<Result<Vec<u8>, PluginError>>) {
    let Some(description) = &record.description else { return };
    entry.plugin = description.reference();
    let node = description.node.clone();
    entry.audio_inputs = node.audio_inputs;
    entry.audio_outputs = node.audio_outputs;
    entry.event_inputs = node.event_inputs;
    entry.event_outputs = node.event_outputs;
    entry.latency = node.latency;
    // A plugin without states keeps the parameters that the file set; one that fails keeps the state it had.
    match state {
        Some(Ok(state)) => {
            entry.state = Some(State::Bytes(Arc::from(state)));
            entry.parameters.clear();
        }
        Some(Err(error)) => tracing::warn!("{}: {error}", entry.plugin.name),
        None => {}
    }
}

/// Parameters that the plugin could not be told yet, and its state does not have.
fn add_untold(entry: &mut PluginEntry, record: &Record) {
    for &(id, value) in &record.parameters_untold {
        entry.parameters.retain(|known| known.id != Some(id));
        let parameters = record.description.iter().flat_map(|description| description.parameters.iter());
        let name = parameters.into_iter().find(|known| known.id == id).map(|known| known.name.clone());
        let value = ParameterValue::Plain(value);
        entry.parameters.push(ParameterEntry { id: Some(id), name: name.unwrap_or_default(), value });
    }
}
