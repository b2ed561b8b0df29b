//! What the engine does beside what it is asked for: hears the renderer, the plugins and the device, restarts plugins, sends
//! what could not be sent before. Never waits.

use crate::builtin;
use crate::engine::{Engine, EngineSettings, Notice};
use crate::error::EngineError;
use crate::hosting::{Restart, activate};
use crate::session::EntryKind;
use crosspoint_formats::{Activation, PluginNotice, describe};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    Command, Fault, Graph, NOW, Node, NodeId, Publisher, Renderer, Report, Returned, Settings, renderer_at,
};
use std::time::Instant;

impl Engine {
    /// Does what is due: jobs of handles, callbacks and restarts of plugins, processors that came home, edits that could
    /// not be sent before. Call it some fifty times a second, or between blocks of an offline render. Never waits.
    pub fn poll(&mut self) -> Vec<Notice> {
        while let Ok(job) = self.jobs.try_recv() {
            job(self);
        }
        self.hear_renderer();
        self.hear_plugins();
        self.take_home();
        if self.unpublished {
            self.publish_or_note();
        } else if let Err(error) = self.publisher.settle(&self.graph) {
            tracing::warn!("{error}");
        }
        self.hear_device();
        std::mem::take(&mut self.notices)
    }

    fn hear_renderer(&mut self) {
        while let Some(report) = self.publisher.report() {
            match report {
                Report::Fault { node, fault: Fault::Failed, .. } => {
                    let name = self.name(node);
                    self.notices.push(Notice::Fault { node, name });
                }
                Report::Bypassed { node } => self.bypassed(node),
                Report::EventsLost { node, count } => self.notices.push(Notice::EventsLost { node, count }),
                Report::Sent { node, event, .. } => {
                    if let EventBody::Parameter { parameter, value, .. } = event.body {
                        self.notices
                            .push(Notice::Plugin { node, notice: PluginNotice::ParameterValue { parameter, value } });
                    }
                }
                _ => {}
            }
        }
    }

    fn hear_plugins(&mut self) {
        let mut heard = Vec::new();
        let mut notices = Vec::new();
        for (&node, hosted) in &mut self.hosted {
            hosted.plugin.poll(&mut notices);
            heard.extend(notices.drain(..).map(|notice| (node, notice)));
        }
        for (node, notice) in heard {
            match notice {
                PluginNotice::RestartRequested | PluginNotice::PortsChanged => self.restart(node),
                PluginNotice::LatencyChanged { frames } => self.follow_latency(node, frames),
                notice => self.notices.push(Notice::Plugin { node, notice }),
            }
        }
    }

    fn hear_device(&mut self) {
        if let Some(stream) = &mut self.stream {
            self.notices.extend(stream.notices().into_iter().map(Notice::Device));
        }
    }

    /// A plugin that changes its latency while it is active: the rest of the rig follows.
    fn follow_latency(&mut self, node: NodeId, frames: u32) {
        if self.graph.node(node).is_some_and(|known| known.latency != frames) {
            match self.graph.apply(vec![Edit::SetLatency { node, latency: frames }]) {
                Ok(_) => self.publish_or_note(),
                Err(error) => tracing::warn!("{}: {error}", self.name(node)),
            }
        }
    }

    /// Begins a restart: the plugin fades to its bypass path, the rest of the rig plays on.
    pub(crate) fn restart(&mut self, node: NodeId) {
        if self.graph.node(node).is_none() {
            return;
        }
        let Some(hosted) = self.hosted.get_mut(&node) else { return };
        let was_storming = hosted.storming;
        if !hosted.may_restart(Instant::now()) {
            if hosted.storming && !was_storming {
                let name = self.name(node);
                self.notices.push(Notice::RestartStorm { node, name });
            }
            return;
        }
        if !hosted.plugin.is_active() {
            self.publish_or_note();
            return;
        }
        hosted.restart = Restart::Fading;
        if let Err(error) = self.send_command(NOW, Command::Bypass { node, on: true }) {
            tracing::warn!("{error}");
        }
    }

    fn bypassed(&mut self, node: NodeId) {
        let Some(hosted) = self.hosted.get_mut(&node) else { return };
        if hosted.restart == Restart::Fading {
            hosted.restart = Restart::Withdrawn;
            self.publisher.withdraw(node);
            self.publish_or_note();
        }
    }

    /// Deactivates the plugins whose audio half has come home, and ends their restarts.
    fn take_home(&mut self) {
        for Returned { node, processor } in self.publisher.returned() {
            let Some(hosted) = self.hosted.get_mut(&node) else {
                self.shelf.insert(node, processor);
                continue;
            };
            if let Err(error) = hosted.plugin.deactivate(processor) {
                tracing::warn!("{error}");
            }
            if hosted.restart == Restart::Withdrawn {
                hosted.restart = Restart::None;
                self.unpublished = true;
            }
        }
    }

    /// Sends the graph, with processors for all nodes that should have one and do not.
    pub(crate) fn publish(&mut self) -> Result<(), EngineError> {
        if self.batches > 0 {
            self.unpublished = true;
            return Ok(());
        }
        self.activate_all();
        let published = self.publisher.publish(&self.graph, NOW)?;
        self.unpublished = published == crosspoint_graph::Published::Waiting;
        Ok(())
    }

    fn publish_or_note(&mut self) {
        if let Err(error) = self.publish() {
            tracing::warn!("{error}");
        }
    }

    /// Activates the plugins that are in the graph and not active: after undo, a restart or a change of rate.
    fn activate_all(&mut self) {
        let activation = self.activation();
        let mut edits = Vec::new();
        for (&node, hosted) in &mut self.hosted {
            let Some(known) = self.graph.node(node) else { continue };
            if hosted.plugin.is_active() || hosted.restart != Restart::None {
                continue;
            }
            let mut said = Vec::new();
            match activate(&mut *hosted.plugin, activation, &mut said) {
                Ok(processor) => {
                    self.notices.extend(said.into_iter().map(|notice| Notice::Plugin { node, notice }));
                    let described = describe(&*hosted.plugin);
                    edits.extend(changes(node, known, &described));
                    self.publisher.give(node, processor);
                    let on = hosted.bypassed;
                    if self.publisher.send_now(Command::Bypass { node, on }).is_err() {
                        tracing::warn!("{} may stay bypassed: nothing takes commands", known.name);
                    }
                    self.notices.push(Notice::Restarted { node, latency: described.latency });
                }
                Err(error) => {
                    // It stays in the graph on its bypass path; a restart of it is tried when it or a person asks.
                    hosted.restart = Restart::Withdrawn;
                    self.notices.push(Notice::Inactive { node, reason: error.to_string() });
                }
            }
        }
        if let Err(error) = self.graph.apply(edits) {
            tracing::warn!("{error}");
        }
        let returning: Vec<NodeId> =
            self.shelf.keys().copied().filter(|&node| self.graph.node(node).is_some()).collect();
        for node in returning {
            if let Some(processor) = self.shelf.remove(&node) {
                self.publisher.give(node, processor);
            }
        }
    }

    pub(crate) fn activation(&self) -> Activation {
        Activation {
            sample_rate: f64::from(self.settings.rate),
            min_frames: 1,
            max_frames: self.settings.max_block as u32,
        }
    }

    /// Makes the renderer anew for other settings, with the same rig. What sounded is gone.
    ///
    /// # Errors
    /// [`EngineError::RendererBusy`] if another thread renders; [`EngineError::OutOfRange`].
    pub fn rebuild(&mut self, settings: EngineSettings) -> Result<(), EngineError> {
        let settings = settings.checked()?;
        let mut renderer = self.cell.take().ok_or(EngineError::RendererBusy)?;
        self.bring_all_home(&mut renderer);
        drop(renderer);
        let (publisher, renderer) = make_renderer(&settings);
        self.publisher = publisher;
        self.settings = settings;
        if self.cell.put(renderer).is_err() {
            return Err(EngineError::RendererBusy);
        }
        self.shelf.retain(|node, _| !self.rig.is_builtin(*node));
        for (&node, entry) in &self.rig.entries {
            if let EntryKind::Builtin { builtin, parameters } = &entry.kind {
                self.shelf.insert(node, builtin::processor(builtin, parameters, f64::from(settings.rate))?);
            }
        }
        for hosted in self.hosted.values_mut() {
            hosted.restart = Restart::None;
        }
        self.publish()?;
        self.send_settings()
    }

    /// What a fresh renderer must be told beside the graph.
    pub(crate) fn send_settings(&mut self) -> Result<(), EngineError> {
        for (node, parameter, value) in self.rig.builtin_parameters() {
            let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
            self.send_event(node, NOW, Event { frame: 0, port: 0, body })?;
        }
        self.send_command(NOW, Command::Tempo(self.rig.tempo))?;
        self.send_command(NOW, Command::Metre(self.rig.metre.0, self.rig.metre.1))
    }

    /// Renders nothing until every processor has come home, and deactivates the plugins.
    fn bring_all_home(&mut self, renderer: &mut Renderer) {
        let empty = Graph::new();
        // A parcel may wait for a fade, and eight may be under way: each takes a fade at most.
        for _ in 0..64 {
            if let Err(error) = self.publisher.publish(&empty, NOW) {
                tracing::warn!("{error}");
            }
            renderer.render_frames(&[], &mut [], self.publisher.settings().fade as usize + 1);
            self.take_home();
            if self.hosted.values().all(|hosted| !hosted.plugin.is_active()) {
                break;
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // No callback after this; then no plugin is destroyed while its audio half is out.
        drop(self.stream.take());
        if let Some(mut renderer) = self.cell.take() {
            self.bring_all_home(&mut renderer);
        }
    }
}

pub(crate) fn make_renderer(settings: &EngineSettings) -> (Publisher, Box<Renderer>) {
    renderer_at(Settings::new(f64::from(settings.rate), settings.max_block), settings.level)
}

/// The edits that bring a node up to what its plugin says of itself now.
fn changes(node: NodeId, known: &Node, described: &Node) -> Vec<Edit> {
    let mut edits = Vec::new();
    let same_ports = known.audio_inputs == described.audio_inputs
        && known.audio_outputs == described.audio_outputs
        && known.event_inputs == described.event_inputs
        && known.event_outputs == described.event_outputs;
    if !same_ports {
        edits.push(Edit::SetPorts {
            node,
            audio_inputs: described.audio_inputs.clone(),
            audio_outputs: described.audio_outputs.clone(),
            event_inputs: described.event_inputs.clone(),
            event_outputs: described.event_outputs.clone(),
        });
    }
    if known.latency != described.latency {
        edits.push(Edit::SetLatency { node, latency: described.latency });
    }
    edits
}
