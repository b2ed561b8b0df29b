//! What only a plugin itself can tell or take: texts of values, states. Asked for, and answered when it is there.

use crate::builtin_parameters;
use crate::controllers::{Kept, PluginKey, Plugins, Request, StateSource};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crate::pending::{Pending, Reply};
use crate::scenes::Question;
use crate::session::{Document, EntryKind};
use crosspoint_graph::NodeId;
use std::path::PathBuf;
use std::sync::Arc;

/// What is done with an answer of the plugins.
pub(crate) enum Asked {
    /// A document with their states.
    Document(Reply<Document>),
    /// The state of a node's plugin, for a second instance in a scene.
    SecondInstance {
        /// Its node.
        node: NodeId,
        /// The scene.
        scene: String,
        /// Who wants to know which node it is.
        reply: Reply<NodeId>,
    },
    /// The state of a node's plugin, for a scene to have it.
    SharedState {
        /// Its node.
        node: NodeId,
        /// The scene.
        scene: String,
        /// Who wants to know.
        reply: Reply<()>,
    },
    /// The state of a node's plugin, which a scene is about to change.
    BaseState(NodeId),
    /// Whether a node's plugin took the state of a scene, or that of the base.
    StateOfScene(NodeId),
    /// A document with their states, for a rig file; none for the rig's own.
    Save(Option<PathBuf>, Reply<()>),
    /// The state of a node's plugin, to be autosaved.
    Autosave(NodeId),
    /// Whether a state was taken; if so, the step that it is in the history.
    State {
        /// Who wants to know.
        reply: Reply<()>,
        /// None for a step that is taken back.
        step: Option<Step>,
    },
    /// What a plugin is set to, for a preset file.
    Preset(PathBuf, Reply<()>),
    /// A parameter of a node to be set.
    Value(NodeId, Reply<()>),
    /// What a text in a scene means.
    SceneText(Question),
    /// A value as text.
    Text(Reply<Option<String>>),
}

impl<P: Plugins> Engine<P> {
    pub(crate) fn ticket(&mut self, asked: Asked) -> u64 {
        self.last_ticket += 1;
        self.asked.insert(self.last_ticket, asked);
        self.last_ticket
    }

    /// The key of a node's plugin.
    pub(crate) fn key(&self, node: NodeId) -> Result<PluginKey, EngineError> {
        self.node(node)?;
        let record = self.records.get(&node).map(|record| record.key);
        record.ok_or_else(|| EngineError::Unfit { name: self.name(node), problem: "is no plugin, or it is missing" })
    }

    /// Sets a parameter by a text: `parameter` is an id or a name, `text` a number in the plain scale or whatever the
    /// plugin understands, such as `-6 dB`. Of built-in nodes gains may be in decibels.
    ///
    /// # Errors
    /// In the answer: if there is no such node or parameter, or the text is not understood.
    pub fn set_parameter_text(&mut self, node: NodeId, parameter: &str, text: &str) -> Pending<()> {
        let (reply, pending) = Pending::new();
        self.parse_and_set(node, parameter.to_owned(), text.to_owned(), reply);
        pending
    }

    pub(crate) fn parse_and_set(&mut self, node: NodeId, parameter: String, text: String, reply: Reply<()>) {
        if let Some(EntryKind::Builtin { builtin, .. }) = self.rig.entries.get(&node).map(|entry| &entry.kind) {
            let read = builtin_parameters::read(builtin, &parameter, &text);
            let read = read.map_err(|problem| EngineError::Unfit { name: self.name(node), problem });
            return reply(read.and_then(|(parameter, value)| self.set_parameter(node, parameter, value)));
        }
        match self.key(node) {
            Ok(key) => {
                let ticket = self.ticket(Asked::Value(node, reply));
                self.ask(Request::Parse { ticket, key, parameter, text });
            }
            Err(error) => reply(Err(error)),
        }
    }

    /// How a plugin would show a value of a parameter; none if it has no words for it.
    ///
    /// # Errors
    /// In the answer: if there is no such plugin.
    pub fn parameter_text(&mut self, node: NodeId, parameter: u32, value: f64) -> Pending<Option<String>> {
        let (reply, pending) = Pending::new();
        self.ask_for_text(node, parameter, value, reply);
        pending
    }

    pub(crate) fn ask_for_text(&mut self, node: NodeId, parameter: u32, value: f64, reply: Reply<Option<String>>) {
        match self.key(node) {
            Ok(key) => {
                let ticket = self.ticket(Asked::Text(reply));
                self.ask(Request::Text { ticket, key, parameter, value });
            }
            Err(error) => reply(Err(error)),
        }
    }

    /// Gives a node's plugin a state: a step of the history.
    ///
    /// # Errors
    /// In the answer: if there is no such plugin, or it refuses the state.
    pub fn load_state(&mut self, node: NodeId, state: Arc<[u8]>) -> Pending<()> {
        let (reply, pending) = Pending::new();
        self.recall(node, StateSource::Bytes(state), reply);
        pending
    }

    /// Gives a node's plugin a state from somewhere.
    pub(crate) fn recall(&mut self, node: NodeId, source: StateSource, reply: Reply<()>) {
        match self.key(node) {
            Ok(key) => {
                let before = Kept::default();
                let step = Some(Step::State { node, state: before.clone() });
                self.give_state((node, key), source, before, Asked::State { reply, step });
                self.hear_plugins();
            }
            Err(error) => reply(Err(error)),
        }
    }

    /// Asks a node's plugin to take a state. Hears no answer yet.
    pub(crate) fn give_state(
        &mut self,
        (node, key): (NodeId, PluginKey),
        source: StateSource,
        before: Kept,
        asked: Asked,
    ) {
        if let Some(record) = self.records.get_mut(&node) {
            record.forgive_restarts();
        }
        let ticket = self.ticket(asked);
        self.plugins.send(Request::LoadState { ticket, key, source, before });
    }

    pub(crate) fn ask(&mut self, request: Request) {
        self.plugins.send(request);
        self.hear_plugins();
    }
}
