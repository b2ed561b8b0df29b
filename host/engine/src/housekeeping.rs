//! What the engine does beside what it is asked for: hears the renderer, the plugins and the device, restarts plugins, sends
//! what could not be sent before. Never waits.

use crate::builtin::{self, Made};
use crate::controllers::{Plugins, Record};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crate::parking::Parking;
use crate::session::{EntryKind, NodeEntry};
use crate::settings::EngineSettings;
use crate::untold::Untold;
use crosspoint_formats::PluginNotice;
use crosspoint_graph::event::EventBody;
use crosspoint_graph::{
    Command, Fault, Graph, NOW, NodeId, Published, Publisher, Renderer, Report, Settings, renderer_at,
};
use std::time::Instant;

impl<P: Plugins> Engine<P> {
    /// Does what is due: orders of handles, answers and restarts of plugins, processors that came home, edits that could
    /// not be sent before. Call it some fifty times a second, or between blocks of an offline render. Never waits, save for
    /// plugins that live on this thread.
    pub fn poll(&mut self) -> Vec<Notice> {
        self.hear_control();
        while let Ok(order) = self.orders.try_recv() {
            self.obey(order);
        }
        self.hear_renderer();
        self.hear_playhead();
        self.hear_tracks();
        self.plugins.poll();
        self.hear_plugins();
        self.build_if_complete();
        self.take_home();
        // What undo brought back before its processor was home waits for it here.
        let is_awaited = self.shelf.keys().any(|&node| self.graph.node(node).is_some());
        self.end_parking();
        self.let_go();
        if self.unpublished || is_awaited {
            self.publish_or_note();
        } else if let Err(error) = self.settle() {
            tracing::warn!("{error}");
        }
        self.tell_the_untold();
        self.play_wanted_scene();
        self.tend_states();
        self.hear_device();
        self.tell_control();
        self.hear_midi();
        self.hear_load();
        self.tend_autosave(Instant::now());
        self.hear_tuner();
        self.hear_loudness();
        if let Err(error) = self.hear_levels() {
            tracing::warn!("{error}");
        }
        self.show();
        std::mem::take(&mut self.notices)
    }

    fn hear_renderer(&mut self) {
        while let Some(report) = self.publisher.report() {
            match report {
                Report::Fault { node, fault: Fault::Failed, .. } => {
                    let name = self.name(node);
                    self.notices.push(Notice::Fault { node, name });
                }
                Report::Overloaded { node, action, share, .. } => self.overloaded(node, action, share),
                Report::Recovered { node, .. } => self.recovered(node),
                Report::NearDeadline { share, .. } => self.notices.push(Notice::NearDeadline { share }),
                Report::Xrun { frame, kind, share, culprit } => self.note_xrun(frame, kind, share, culprit),
                Report::OutputClosed { node, cause, .. } => self.output_closed(node, cause),
                Report::OutputOpened { node, .. } => self.output_opened(node),
                Report::OutputsTraced => self.outputs_traced(),
                Report::Bypassed { node } => self.bypassed(node),
                Report::Sleeps { node } => self.rang_out(node),
                Report::Scene { scene, frame, .. } => self.plan_carried_out(scene, frame),
                Report::EventsLost { node, count } => self.notices.push(Notice::EventsLost { node, count }),
                Report::Late { count, .. } => self.notices.push(Notice::CommandsLate { count }),
                Report::Sent { node, event, .. } => {
                    if let EventBody::Parameter { parameter, value, .. } = event.body {
                        self.note_value(node, parameter, value);
                        self.notices
                            .push(Notice::Plugin { node, notice: PluginNotice::ParameterValue { parameter, value } });
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends the graph, with processors for all nodes that should have one and do not.
    pub(crate) fn publish(&mut self) -> Result<(), EngineError> {
        // Before anybody looks for a node by its name, or changes a list that has it.
        self.follow_names();
        self.request_activations();
        self.hear_plugins();
        self.snapshot.outdate();
        if self.batches > 0 {
            self.unpublished = true;
            return Ok(());
        }
        self.clear_the_shelf();
        self.tell_guards()?;
        self.tell_budgets()?;
        self.park();
        self.follow_overlay();
        let before = self.publisher.schedule().cloned();
        let heard = self.parking.heard(self.overlay.heard(&self.graph)?, &self.overlay, &self.publisher);
        self.parking.keep_leaving(&heard.leaving);
        self.unpublished = self.publisher.publish_leaving(&heard.graph, heard.parting(), NOW)? == Published::Waiting;
        if !self.unpublished {
            let nodes = before.iter().flat_map(|before| &before.nodes).map(|node| node.id);
            let is_gone = |node: &NodeId| heard.graph.node(*node).is_none();
            let has_processor = |node: &NodeId| match self.records.get(node) {
                Some(record) => record.is_out(),
                None => self.rig.is_builtin(*node),
            };
            nodes.filter(is_gone).filter(has_processor).for_each(|node| self.untold.leaves(node));
            self.release_removed();
        }
        self.control.republished = true;
        Ok(())
    }

    /// Leaves out of the sums what came to rest.
    fn settle(&mut self) -> Result<(), EngineError> {
        if !self.publisher.can_settle() {
            return Ok(());
        }
        let heard = self.parking.heard(self.overlay.heard(&self.graph)?, &self.overlay, &self.publisher);
        self.publisher.settle(&heard.graph)?;
        Ok(())
    }

    pub(crate) fn publish_or_note(&mut self) {
        if let Err(error) = self.publish() {
            tracing::warn!("{error}");
        }
    }

    /// Gives back to built-in nodes that are in the graph again what they had.
    fn clear_the_shelf(&mut self) {
        let returning: Vec<NodeId> =
            self.shelf.keys().copied().filter(|&node| self.graph.node(node).is_some()).collect();
        for node in returning {
            if let Some(processor) = self.shelf.remove(&node) {
                self.publisher.give(node, processor);
            }
        }
    }

    /// Makes the renderer anew for other settings, with the same rig. What sounded is gone.
    ///
    /// # Errors
    /// [`EngineError::RendererBusy`] if another thread renders; [`EngineError::OutOfRange`]; or if the file of a player cannot
    /// be read. Then all is as it was.
    pub fn rebuild(&mut self, settings: EngineSettings) -> Result<(), EngineError> {
        let settings = settings.checked()?;
        let processors = self.builtin_processors(settings.rate)?;
        let mut renderer = self.cell.take().ok_or(EngineError::RendererBusy)?;
        self.bring_all_home(&mut renderer);
        drop(renderer);
        let (publisher, renderer) = make_renderer(&settings);
        self.publisher = publisher;
        self.parking = Parking::default();
        self.control.begin_anew();
        self.scenes.begin_anew();
        self.time.forget();
        self.xrun_log.begin_anew();
        self.settings = settings;
        if self.cell.put(renderer).is_err() {
            return Err(EngineError::RendererBusy);
        }
        self.shelf.retain(|node, _| !self.rig.is_builtin(*node));
        self.untold = Untold::default();
        for (node, (processor, track)) in processors {
            self.tracks.extend(track.map(|track| (node, track)));
            self.shelf.insert(node, processor);
        }
        self.snapshot.outdate();
        self.begin_all_as_said();
        self.publish()?;
        self.guard_anew()?;
        self.watch_time_anew()?;
        self.measure_loudness_anew()?;
        self.measure_anew()?;
        self.set_muted(self.muted)?;
        self.meter_anew();
        self.tune_anew()?;
        self.send_settings()
    }

    /// The audio halves of all built-in nodes for a rate.
    fn builtin_processors(&self, rate: u32) -> Result<Vec<(NodeId, Made)>, EngineError> {
        let make = |(&node, entry): (&NodeId, &NodeEntry)| match &entry.kind {
            EntryKind::Builtin { builtin, parameters } => {
                Some(builtin::processor(builtin, parameters, f64::from(rate)).map(|made| (node, made)))
            }
            _ => None,
        };
        self.rig.entries.iter().filter_map(make).collect()
    }

    /// What a fresh renderer must be told beside the graph.
    pub(crate) fn send_settings(&mut self) -> Result<(), EngineError> {
        for (node, parameter, value) in self.rig.builtin_parameters() {
            self.send_parameter(node, NOW, parameter, value)?;
        }
        self.send_spillover()?;
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
            if !self.records.values().any(Record::is_out) {
                break;
            }
        }
    }
}

impl<P: Plugins> Drop for Engine<P> {
    fn drop(&mut self) {
        // No callback after this; then no plugin is destroyed while its audio half is out.
        self.device.close();
        if let Some(mut renderer) = self.cell.take() {
            self.bring_all_home(&mut renderer);
        }
    }
}

pub(crate) fn make_renderer(settings: &EngineSettings) -> (Publisher, Box<Renderer>) {
    renderer_at(Settings::new(f64::from(settings.rate), settings.max_block), settings.level)
}
