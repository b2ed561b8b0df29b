//! The control half's care for its plugins: heeds what the main thread answers, keeps each one active while its node is in
//! the graph, and restarts it when it asks. A plugin is deactivated only once its audio half has come home.

use crate::asking::Asked;
use crate::controllers::{Answer, Instance, Phase, PluginDescription, PluginKey, Plugins, Record, Request};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::replace;
use crate::session::write_file;
use crate::writing::States;
use crosspoint_formats::PluginNotice;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Command, NOW, Node, NodeId, Processor, Returned};
use std::sync::Arc;
use std::time::Instant;

impl<P: Plugins> Engine<P> {
    fn node_of(&self, key: PluginKey) -> Option<NodeId> {
        self.records.iter().find(|(_, record)| record.key == key).map(|(&node, _)| node)
    }

    /// What is known of a node's plugin; none before it is there.
    pub fn description(&self, node: NodeId) -> Option<&PluginDescription> {
        self.records.get(&node)?.description.as_ref()
    }

    /// Whether a node's plugin is still being loaded.
    pub fn is_loading(&self, node: NodeId) -> bool {
        self.records.get(&node).is_some_and(|record| record.phase == Phase::Loading)
    }

    /// Heeds every answer that is there.
    pub(crate) fn hear_plugins(&mut self) {
        while let Some(answer) = self.plugins.answer() {
            self.heed(answer);
        }
    }

    /// As [`Self::hear_plugins`], with the answer to a load picked out, if it is there.
    pub(crate) fn answer_to(&mut self, wanted: PluginKey) -> Option<Result<Box<Instance>, EngineError>> {
        let mut found = None;
        while let Some(answer) = self.plugins.answer() {
            match answer {
                Answer::Activated { key, instance } if key == wanted => found = Some(instance),
                answer => self.heed(answer),
            }
        }
        found
    }

    fn heed(&mut self, answer: Answer) {
        self.snapshot.outdate();
        match answer {
            Answer::Activated { key, instance } => {
                let instance = match &mut self.assembly {
                    Some(assembly) => assembly.take_in(key, instance),
                    None => Some(instance),
                };
                match (instance, self.node_of(key)) {
                    (None, _) => {}
                    (Some(instance), Some(node)) => self.activated(node, instance),
                    (Some(Ok(instance)), None) => self.discard(key, *instance),
                    (Some(Err(_)), None) => {}
                }
            }
            Answer::States { ticket, mut states } => match self.asked.remove(&ticket) {
                Some(Asked::Document(reply)) => reply(Ok(self.document_with(states))),
                Some(Asked::SecondInstance { node, scene, reply }) => {
                    let state = self.state_told(node, states);
                    reply(state.and_then(|state| self.make_second_instance(node, &scene, state)));
                }
                Some(Asked::SharedState { node, scene, reply }) => {
                    let state = self.state_told(node, states);
                    reply(state.and_then(|state| self.store_shared_state(node, &scene, state)));
                }
                Some(Asked::BaseState(node)) => self.note_base_state(node, states.pop().map(|(_, state)| state)),
                Some(Asked::Save(path, reply)) => reply(self.save_with(path, states)),
                Some(Asked::Autosave(node)) => self.autosave_state(node, states.pop().map(|(_, state)| state)),
                _ => {}
            },
            Answer::StateLoaded { ticket, described, .. }
                if matches!(self.asked.get(&ticket), Some(Asked::StateOfScene(_))) =>
            {
                if let Some(Asked::StateOfScene(node)) = self.asked.remove(&ticket) {
                    self.state_loaded(node, described);
                }
            }
            Answer::StateLoaded { ticket, key, described } => {
                let told = described.map(|described| {
                    if let Some(node) = self.node_of(key) {
                        self.refresh_values(node, *described);
                        self.autosave.note_change(node);
                    }
                });
                if let Some(Asked::State { reply, step }) = self.asked.remove(&ticket) {
                    if let (Ok(()), Some(step)) = (&told, step) {
                        self.remember_step(step);
                    }
                    reply(told);
                }
            }
            Answer::PresetSaved { ticket, preset } => {
                if let Some(Asked::Preset(file, reply)) = self.asked.remove(&ticket) {
                    reply(preset.and_then(|preset| {
                        let failed = |error: std::io::Error| format!("cannot be written: {error}");
                        write_file(&file, &preset)
                            .map_err(|error| EngineError::File { path: file, problem: failed(error) })
                    }));
                }
            }
            Answer::Parsed { ticket, value } => match self.asked.remove(&ticket) {
                Some(Asked::Value(node, reply)) => {
                    reply(value.and_then(|(parameter, value)| self.set_parameter(node, parameter, value)));
                }
                Some(Asked::SceneText(question)) => {
                    let value = value.map(|(_, value)| value).map_err(|error| error.to_string());
                    self.scenes.answered(question, value);
                }
                _ => {}
            },
            Answer::Text { ticket, text } => {
                if let Some(Asked::Text(reply)) = self.asked.remove(&ticket) {
                    reply(text);
                }
            }
            Answer::Said { key, notices, described } => match self.node_of(key) {
                Some(node) => {
                    if let Some(described) = described {
                        self.heed_values(node, *described);
                    }
                    self.plugin_said(node, notices);
                }
                None => {
                    if let Some(assembly) = &mut self.assembly {
                        assembly.note(key, notices);
                    }
                }
            },
        }
    }

    /// The state of one plugin, of which nothing else was asked.
    fn state_told(&self, node: NodeId, mut states: States) -> Result<Arc<[u8]>, EngineError> {
        let (_, state) = states.pop().ok_or(EngineError::PluginGone)?;
        state.map(Arc::from).map_err(|source| EngineError::Plugin { name: self.name(node), source })
    }

    /// Parameters and values are as the plugin says; ports and latency follow when it is activated.
    pub(crate) fn refresh_values(&mut self, node: NodeId, described: PluginDescription) {
        if let Some(known) = self.records.get_mut(&node).and_then(|record| record.description.as_mut()) {
            known.parameters = described.parameters;
            known.values = described.values;
        }
        self.follow_all_values(node);
    }

    pub(crate) fn plugin_said(&mut self, node: NodeId, notices: Vec<PluginNotice>) {
        for notice in notices {
            match notice {
                PluginNotice::RestartRequested | PluginNotice::PortsChanged => self.restart(node),
                PluginNotice::LatencyChanged { frames } => self.follow_latency(node, frames),
                notice => {
                    match &notice {
                        &PluginNotice::ParameterValue { parameter, value } => self.note_value(node, parameter, value),
                        PluginNotice::StateDirty | PluginNotice::ParametersChanged(_) => {
                            self.autosave.note_change(node)
                        }
                        &PluginNotice::TransportRequested(request) => self.grant_transport(node, request),
                        PluginNotice::ChangeMade { delta: Some(delta), .. } => self.remember_change(node, delta),
                        &PluginNotice::HistoryRequested(direction) => self.grant_history(direction),
                        &PluginNotice::ParameterResetRequested { parameter } => self.reset_parameter(node, parameter),
                        _ => {}
                    }
                    self.notices.push(Notice::Plugin { node, notice });
                }
            }
        }
    }

    /// A plugin set a parameter by itself.
    pub(crate) fn note_value(&mut self, node: NodeId, parameter: u32, value: f64) {
        if let Some(known) = self.records.get_mut(&node).and_then(|record| record.description.as_mut()) {
            known.note_value(parameter, value);
        }
        self.follow_own_switch(node, parameter, value);
    }

    /// A plugin is active, or could not be made so. Its audio half goes with the next parcel.
    pub(crate) fn activated(&mut self, node: NodeId, instance: Result<Box<Instance>, EngineError>) {
        let name = self.name(node);
        let wanted = self.activation();
        let is_there = self.graph.node(node).is_some();
        let Some(record) = self.records.get_mut(&node) else { return };
        match instance {
            Ok(instance) if is_there && instance.activation == wanted => self.adopt(node, name, *instance),
            Ok(instance) => {
                // It was removed, or the rate is another by now: once more when it is wanted.
                record.memory = instance.memory.or(record.memory);
                record.description = Some(instance.description);
                self.unpublished = true;
                self.send_home(node, instance.processor);
            }
            Err(error) => {
                let reason = error.to_string();
                record.phase = Phase::Failed { reason: reason.clone() };
                self.notices.push(match record.is_seen {
                    true => Notice::Inactive { node, reason },
                    false => Notice::Missing { node, name, reason },
                });
                if record.forgotten {
                    let key = record.key;
                    self.records.remove(&node);
                    self.plugins.send(Request::Drop { key });
                }
            }
        }
    }

    /// The node becomes what its plugin says of itself now.
    fn adopt(&mut self, node: NodeId, name: String, instance: Instance) {
        let Instance { mut description, processor, notices, problems, memory, .. } = instance;
        let (Some(record), Some(known)) = (self.records.get_mut(&node), self.graph.node(node)) else { return };
        record.memory = memory.or(record.memory);
        let is_first = !std::mem::replace(&mut record.is_seen, true);
        let described = Node { name: name.clone(), ..description.node.clone() };
        let mut problems: Vec<String> = problems.iter().map(EngineError::to_string).collect();
        let edits = if is_first && *known != described {
            replace::first_seen(&self.graph, node, described, &mut problems)
        } else {
            replace::changes(node, known, &described)
        };
        let latency = description.node.latency;
        // What it could not be told yet is what it will have.
        record.parameters_untold.iter().for_each(|&(id, value)| description.note_value(id, value));
        record.description = Some(description);
        record.phase = Phase::Active;
        if let Err(error) = self.graph.apply(edits) {
            tracing::warn!("{name}: {error}");
        }
        self.snapshot.outdate_graph();
        self.publisher.give(node, processor);
        self.recovered(node);
        self.unpublished = true;
        if is_first {
            self.use_own_switch(node);
        }
        self.notices.push(match is_first {
            true => Notice::Ready { node, name, problems },
            false => Notice::Restarted { node, latency },
        });
        self.plugin_said(node, notices);
    }

    /// Gives back a plugin that nobody needs any more.
    pub(crate) fn discard(&mut self, key: PluginKey, instance: Instance) {
        self.plugins.send(Request::Deactivate { key, processor: instance.processor });
        self.plugins.send(Request::Drop { key });
    }

    /// A plugin that changes its latency while it is active: the rest of the rig follows.
    fn follow_latency(&mut self, node: NodeId, frames: u32) {
        if self.graph.node(node).is_some_and(|known| known.latency != frames) {
            match self.graph.apply(vec![Edit::SetLatency { node, latency: frames }]) {
                Ok(_) => self.unpublished = true,
                Err(error) => tracing::warn!("{}: {error}", self.name(node)),
            }
            self.snapshot.outdate_graph();
        }
    }

    /// Begins a restart: the plugin fades to its bypass path, the rest of the rig plays on.
    pub(crate) fn restart(&mut self, node: NodeId) {
        if self.graph.node(node).is_none() {
            return;
        }
        let name = self.name(node);
        let Some(record) = self.records.get_mut(&node) else { return };
        let was_storming = record.storming;
        if !record.may_restart(Instant::now()) {
            if record.storming && !was_storming {
                self.notices.push(Notice::RestartStorm { node, name });
            }
            return;
        }
        if record.phase != Phase::Active {
            record.phase = Phase::Idle;
            self.unpublished = true;
            return;
        }
        record.phase = Phase::Fading;
        if let Err(error) = self.publisher.send_now(Command::Withdraw { node, on: true }) {
            tracing::warn!("{error}");
        }
    }

    /// The renderer plays a node's bypass path alone.
    pub(crate) fn bypassed(&mut self, node: NodeId) {
        if let Some(record) = self.records.get_mut(&node).filter(|record| record.phase == Phase::Fading) {
            record.phase = Phase::Withdrawn;
            self.untold.leaves(node);
            self.publisher.withdraw(node);
            self.unpublished = true;
        }
        self.state_may_change(node);
    }

    /// Takes back the processors that have come home; the plugins are deactivated.
    pub(crate) fn take_home(&mut self) {
        for Returned { node, processor } in self.publisher.returned() {
            self.untold.comes_home(node);
            match self.records.get(&node) {
                Some(record) => {
                    // One that was removed may be in the graph again by now.
                    self.unpublished |= record.phase == Phase::Withdrawn || self.graph.node(node).is_some();
                    self.send_home(node, processor);
                }
                None if self.rig.entries.contains_key(&node) => drop(self.shelf.insert(node, processor)),
                // Nothing brings it back.
                None => drop(processor),
            }
        }
    }

    /// Has a plugin deactivated, told what it could not be told before, and dropped if it was forgotten.
    fn send_home(&mut self, node: NodeId, processor: Box<dyn Processor>) {
        let Some(Record { key, phase, parameters_untold, forgotten, .. }) = self.records.get_mut(&node) else { return };
        let (key, forgotten) = (*key, *forgotten);
        *phase = Phase::Idle;
        let mut values = std::mem::take(parameters_untold);
        values.extend(self.untold.take_of(node));
        self.plugins.send(Request::Deactivate { key, processor });
        if !values.is_empty() {
            self.plugins.send(Request::SetParameters { key, values });
        }
        if forgotten {
            self.records.remove(&node);
            self.plugins.send(Request::Drop { key });
        }
    }

    /// Asks for the plugins that are in the graph and not active: after undo, a restart or a change of rate.
    pub(crate) fn request_activations(&mut self) {
        let activation = self.activation();
        for (&node, record) in &mut self.records {
            if record.phase == Phase::Idle && self.graph.node(node).is_some() {
                record.phase = Phase::Activating;
                self.plugins.send(Request::Activate { key: record.key, activation });
            }
        }
    }

    /// Tells the renderer what it may not have heard for want of the node: once all parcels are home it has that.
    pub(crate) fn tell_the_untold(&mut self) {
        let untold = |record: &Record| record.phase == Phase::Active && !record.parameters_untold.is_empty();
        let nothing = self.untold.is_empty() && !self.records.values().any(untold);
        if self.unpublished || (nothing && self.untold.is_heard()) || !self.publisher.is_settled() {
            return;
        }
        self.untold.goes_on(self.publisher.frame());
        if nothing {
            return;
        }
        let mut parameters = self.untold.take();
        parameters.retain(|(node, ..)| self.graph.node(*node).is_some());
        for (&node, record) in self.records.iter_mut().filter(|(_, record)| untold(record)) {
            parameters.extend(record.parameters_untold.drain(..).map(|(id, value)| (node, id, value)));
        }
        let told = parameters.into_iter().try_for_each(|(node, id, value)| self.send_parameter(node, NOW, id, value));
        if let Err(error) = told {
            tracing::warn!("{error}");
        }
    }
}
