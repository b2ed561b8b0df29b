//! Second instances: a scene in which a plugin's state differs by more than parameters gets an instance of its own, beside the
//! first one and with the same edges. Both are loaded; a switch cross-fades from one that goes away to one that comes, as a
//! scene says. Never gives a state to a plugin that plays.

use crate::asking::Asked;
use crate::controllers::{Origin, PluginKey, PluginSetup, Plugins, Record, Request};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crate::pending::{Pending, Reply};
use crate::scenes::Book;
use crate::session::{EntryKind, NodeEntry, PluginEntry, PortSelector, State};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{AudioPort, Edge, EdgeId, Node, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of a MB.
const MEGABYTE: u64 = 1_000_000;

/// A second instance made or taken back.
pub(crate) struct InstanceStep {
    /// What leads there.
    pub edits: Vec<Edit>,
    book: Book,
}

impl<P: Plugins> Engine<P> {
    /// Gives a scene an instance of a plugin of its own: a node of the same plugin with the same edges and cells, called
    /// `name (scene)`, with this state or the one that the plugin has now. It is there while the scene plays, and the first
    /// one is away then; what the scene says of the first is said of it. Where plugins live on another thread it is being
    /// loaded when this is answered, and the scene [is prepared](crate::Readiness) once it is ready. One step of the
    /// history.
    ///
    /// # Errors
    /// In the answer: if there is no such scene or plugin, [`EngineError::InstanceLimit`], or what the plugin says.
    pub fn add_second_instance(&mut self, node: NodeId, scene: &str, state: Option<Arc<[u8]>>) -> Pending<NodeId> {
        let (reply, pending) = Pending::new();
        self.ask_for_second_instance(node, scene.to_owned(), state, reply);
        pending
    }

    pub(crate) fn ask_for_second_instance(
        &mut self,
        node: NodeId,
        scene: String,
        state: Option<Arc<[u8]>>,
        reply: Reply<NodeId>,
    ) {
        match (self.may_have_second_instance(node, &scene), state) {
            (Err(error), _) => reply(Err(error)),
            (Ok(_), Some(state)) => reply(self.make_second_instance(node, &scene, state)),
            (Ok(key), None) => {
                let ticket = self.ticket(Asked::SecondInstance { node, scene, reply });
                self.ask(Request::SaveStates { ticket, keys: vec![key] });
            }
        }
    }

    /// Says how many MB the plugins may take which are away unless a scene wants them; none for no limit. Those that are
    /// there stay.
    pub fn set_instance_limit(&mut self, limit: Option<u32>) {
        self.rig.rest.instance_limit = limit;
        self.snapshot.outdate();
    }

    /// The key of a plugin that a scene may have twice.
    fn may_have_second_instance(&self, node: NodeId, scene: &str) -> Result<PluginKey, EngineError> {
        self.scene_place(scene)?;
        let key = self.key(node)?;
        let name = self.name(node);
        if self.description(node).is_none() {
            return Err(EngineError::Unfit {
                name,
                problem: "is not ready: its plugin is being loaded, or is missing",
            });
        }
        let Some(limit) = self.rig.rest.instance_limit else { return Ok(key) };
        let memory = |node: &NodeId| self.records.get(node).and_then(|record| record.memory).unwrap_or(0);
        let waits = self.graph.nodes().map(|(id, _)| id).filter(|&id| !self.is_present_in_base(id));
        let (needed, waiting) = (memory(&node), waits.map(|id| memory(&id)).sum::<u64>());
        if needed + waiting > u64::from(limit) * MEGABYTE {
            let megabytes = |bytes: u64| bytes.div_ceil(MEGABYTE);
            return Err(EngineError::InstanceLimit {
                name,
                needed: megabytes(needed),
                waiting: megabytes(waiting),
                limit,
            });
        }
        Ok(key)
    }

    pub(crate) fn make_second_instance(
        &mut self,
        node: NodeId,
        scene: &str,
        state: Arc<[u8]>,
    ) -> Result<NodeId, EngineError> {
        self.may_have_second_instance(node, scene)?;
        let (place, name) = (self.scene_place(scene)?, self.name(node));
        let (Some(first), Some(reference)) =
            (self.node(node).ok().cloned(), self.description(node).map(|known| known.reference()))
        else {
            return Err(EngineError::PluginGone);
        };
        let second = self.unique_name(&format!("{name} ({scene})"));
        let entry = self.second_entry(node, &second, &first, State::Bytes(state));
        let key = PluginKey::unused();
        if let EntryKind::Plugin(plugin) = &entry.kind {
            let ports = |ports: &[AudioPort]| ports.iter().map(|port| PortSelector::Name(port.name.clone())).collect();
            let setup = PluginSetup {
                precision: plugin.precision,
                state: plugin.state.clone(),
                inputs: ports(&first.audio_inputs),
                outputs: ports(&first.audio_outputs),
                ..PluginSetup::default()
            };
            self.load(key, second.clone(), Origin::Entry(reference), setup, false);
        }
        // An answer that happens to be there already is one that comes later.
        let instance = if P::AT_ONCE { self.answer_to(key).transpose()? } else { None };
        let edges = self.edges_of_second(node);
        let made = self.graph.edit(|t| {
            let id = t.add_node(Node { name: second.clone(), ..first })?;
            for edge in edges {
                t.connect(moved(edge, node, id))?;
            }
            Ok(id)
        });
        let (id, inverse) = match (made, instance) {
            (Ok(made), instance) => {
                self.rig.entries.insert(made.0, entry);
                self.records.insert(made.0, Record::loading(key));
                self.begin_as_said(made.0);
                self.parking.note(&made.1);
                self.snapshot.outdate_graph();
                if let Some(instance) = instance {
                    self.activated(made.0, Ok(instance));
                }
                made
            }
            (Err(error), Some(instance)) => {
                self.discard(key, *instance);
                return Err(error.into());
            }
            (Err(error), None) => return Err(error.into()),
        };
        let mut book = self.book();
        let entry = book.scene_mut(place);
        entry.rename_node(&name, &second);
        entry.presence.extend([(name, false), (second, true)]);
        let said = self.said_of_base();
        let book = self.open_book(book);
        self.remember_step(Step::Instance(Box::new(InstanceStep { edits: inverse, book })));
        self.publish()?;
        self.follow_book(said)?;
        Ok(id)
    }

    /// The second instance as a rig file has it: away until the scene plays.
    fn second_entry(&self, node: NodeId, name: &str, first: &Node, state: State) -> NodeEntry {
        let known = self.rig.entries.get(&node);
        let plugin = match known.map(|entry| &entry.kind) {
            Some(EntryKind::Plugin(plugin)) => (**plugin).clone(),
            _ => PluginEntry::default(),
        };
        let plugin = PluginEntry {
            audio_inputs: first.audio_inputs.clone(),
            audio_outputs: first.audio_outputs.clone(),
            event_inputs: first.event_inputs.clone(),
            event_outputs: first.event_outputs.clone(),
            latency: first.latency,
            parameters: Vec::new(),
            state: Some(state),
            ..plugin
        };
        let mut entry = NodeEntry::new(name, EntryKind::Plugin(Box::new(plugin)));
        entry.present = false;
        (entry.bypassed, entry.bypass) = known.map_or_else(Default::default, |known| (known.bypassed, known.bypass));
        entry
    }

    /// The edges of a node, each once, in their order.
    fn edges_of_second(&self, node: NodeId) -> Vec<Edge> {
        let edges = self.graph.edges_into(node).chain(self.graph.edges_out_of(node));
        let edges: BTreeMap<EdgeId, &Edge> = edges.collect();
        edges.into_values().cloned().collect()
    }

    /// Makes a second instance once more, or takes it back; gives what leads back.
    pub(crate) fn take_instance(&mut self, step: InstanceStep) -> Result<InstanceStep, EngineError> {
        let InstanceStep { edits, book } = step;
        let said = self.said_of_base();
        let comes: Vec<NodeId> = added(&edits).collect();
        let applied = self.graph.apply(edits)?;
        added(&applied.inverse).for_each(|node| self.note_present(node, false));
        self.parking.note(&applied.inverse);
        self.snapshot.outdate_graph();
        let book = self.open_book(book);
        self.publish()?;
        // It may still ring, as it was when it was taken back; of the rig it is away.
        for node in comes {
            self.give_present(node, false)?;
        }
        self.follow_book(said)?;
        Ok(InstanceStep { edits: applied.inverse, book })
    }
}

/// The nodes that edits bring back.
pub(crate) fn added(edits: &[Edit]) -> impl Iterator<Item = NodeId> + '_ {
    edits.iter().filter_map(|edit| match edit {
        Edit::AddNode { id, .. } => *id,
        _ => None,
    })
}

/// An edge of one node as an edge of another.
fn moved(mut edge: Edge, from: NodeId, to: NodeId) -> Edge {
    for end in [&mut edge.source, &mut edge.destination] {
        if end.node == from {
            end.node = to;
        }
    }
    edge
}
