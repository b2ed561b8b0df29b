//! The engine's control half: graph, history, plugins, and the renderer's other end. Runs on the main thread, never waits
//! for the audio thread, never touches a processor that the renderer has.

use crate::builtin;
use crate::catalogue::Catalogue;
use crate::error::EngineError;
use crate::handle::{EngineHandle, Job};
use crate::hosting::{Hosted, activate};
use crate::housekeeping::make_renderer;
use crate::plugins::PluginReference;
use crate::rig::Rig;
use crate::session::{Builtin, EntryKind, HardwareSignal, NodeEntry, ParameterEntry, PluginEntry, PluginRef, cable};
use crosspoint_devices::Stream;
use crosspoint_formats::{Plugin, PluginNotice, RenderMode, describe};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    AudioPort, Cell, ChannelLayout, Command, Edge, EdgeId, Endpoint, EventPort, Graph, Level, Load, NOW, Node, NodeId,
    NodeKind, Processor, Publisher, RendererCell, Timed, kernels,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Edits that undo remembers.
const HISTORY: usize = 200;

/// How an engine is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineSettings {
    /// Sample rate in Hz, until a device has another.
    pub rate: u32,
    /// Most frames that plugins are called with at once. Independent of the device's buffer.
    pub max_block: usize,
    /// Instruction set of the renderer.
    pub level: kernels::Level,
}

impl EngineSettings {
    /// Sample rates that make sense, in Hz.
    pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=768_000;
    /// Block sizes that make sense, in frames.
    pub const BLOCKS: std::ops::RangeInclusive<usize> = 1..=16_384;

    /// These settings, if they make sense.
    ///
    /// # Errors
    /// [`EngineError::OutOfRange`] with what would do.
    pub fn checked(self) -> Result<Self, EngineError> {
        if !Self::RATES.contains(&self.rate) {
            let range = "8,000 to 768,000 Hz";
            return Err(EngineError::OutOfRange { what: "a sample rate", value: f64::from(self.rate), range });
        }
        if !Self::BLOCKS.contains(&self.max_block) {
            let range = "1 to 16,384 frames";
            return Err(EngineError::OutOfRange { what: "a block size", value: self.max_block as f64, range });
        }
        Ok(self)
    }
}

impl Default for EngineSettings {
    /// 48 kHz, blocks of up to 512 frames, the machine's best instruction set.
    fn default() -> Self {
        Self { rate: 48_000, max_block: 512, level: kernels::Level::detect() }
    }
}

/// Something that people should know, gathered by [`Engine::poll`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A plugin failed and is bypassed until it is restarted or replaced.
    Fault {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
    },
    /// A plugin said something.
    Plugin {
        /// The node.
        node: NodeId,
        /// What.
        notice: PluginNotice,
    },
    /// A plugin was restarted because it asked for it; its latency in frames now.
    Restarted {
        /// The node.
        node: NodeId,
        /// Latency from now on.
        latency: u32,
    },
    /// A plugin asks for restarts all the time; no more are made.
    RestartStorm {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
    },
    /// A plugin could not be activated again and is bypassed.
    Inactive {
        /// The node.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// Events were lost at a node because too many came at once.
    EventsLost {
        /// The node.
        node: NodeId,
        /// How many.
        count: u32,
    },
    /// The device has something to say.
    Device(crosspoint_devices::Notice),
}

/// A rig with all that makes it sound. One thread for its whole life: the main thread.
pub struct Engine {
    pub(crate) settings: EngineSettings,
    pub(crate) graph: Graph,
    pub(crate) publisher: Publisher,
    pub(crate) cell: Arc<RendererCell>,
    pub(crate) catalogue: Catalogue,
    pub(crate) hosted: BTreeMap<NodeId, Hosted>,
    /// Processors of built-in nodes that are not in the graph just now, for undo to bring back.
    pub(crate) shelf: HashMap<NodeId, Box<dyn Processor>>,
    pub(crate) rig: Rig,
    pub(crate) undo: VecDeque<Vec<Edit>>,
    pub(crate) redo: Vec<Vec<Edit>>,
    /// Whether the graph has edits that no parcel carries yet.
    pub(crate) unpublished: bool,
    pub(crate) render_mode: RenderMode,
    /// How many batches are open: nothing is published meanwhile.
    pub(crate) batches: u32,
    pub(crate) stream: Option<Box<dyn Stream>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) handle: EngineHandle,
    pub(crate) jobs: Receiver<Job>,
}

impl Engine {
    /// An engine with an empty rig. Nothing renders until somebody takes [`Self::cell`].
    pub fn new(settings: EngineSettings) -> Self {
        let (publisher, renderer) = make_renderer(&settings);
        let (handle, jobs) = EngineHandle::new();
        Self {
            settings,
            graph: Graph::new(),
            publisher,
            cell: Arc::new(RendererCell::new(renderer)),
            catalogue: Catalogue::default(),
            hosted: BTreeMap::new(),
            shelf: HashMap::new(),
            rig: Rig::default(),
            undo: VecDeque::new(),
            redo: Vec::new(),
            unpublished: false,
            render_mode: RenderMode::RealTime,
            batches: 0,
            stream: None,
            notices: Vec::new(),
            handle,
            jobs,
        }
    }

    /// How the engine runs now.
    pub fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// Where the renderer is to be found: by a device's callback, or by who renders without a device.
    pub fn cell(&self) -> Arc<RendererCell> {
        self.cell.clone()
    }

    /// The engine for other threads.
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// The rig's graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The plugin libraries.
    pub fn catalogue(&mut self) -> &mut Catalogue {
        &mut self.catalogue
    }

    /// The schedule that plays, or is about to.
    pub fn schedule(&self) -> Option<Arc<crosspoint_graph::compile::Schedule>> {
        self.publisher.schedule().cloned()
    }

    /// Frames from the rig's inputs to the latest of its outputs.
    pub fn latency(&self) -> u32 {
        self.publisher.schedule().map_or(0, |schedule| schedule.latency())
    }

    /// The plugin of a node, if it has one.
    pub fn plugin(&mut self, node: NodeId) -> Option<&mut dyn Plugin> {
        Some(&mut *self.hosted.get_mut(&node)?.plugin)
    }

    // Building

    /// Makes several changes that are heard together: nothing is sent to the renderer before the end. The way to build
    /// a rig; what is there from the first frame on does not fade in.
    ///
    /// # Errors
    /// What `build` says, or what sending says. What was built until then stays.
    pub fn batch<R>(&mut self, build: impl FnOnce(&mut Self) -> Result<R, EngineError>) -> Result<R, EngineError> {
        self.batches += 1;
        let built = build(self);
        self.batches -= 1;
        let published = self.publish();
        let built = built?;
        published?;
        Ok(built)
    }

    /// Adds what the hardware delivers as a role: a channel for each entry, `None` where it is not mapped.
    ///
    /// # Errors
    /// If there are no or too many channels.
    pub fn add_input(&mut self, name: &str, role: &str, channels: &[Option<u32>]) -> Result<NodeId, EngineError> {
        let layout = ChannelLayout::from_channels(channels.len() as u32);
        let kind = NodeKind::Input { device_channels: channels.to_vec() };
        let node = Node { audio_outputs: vec![AudioPort::new("main", layout)], ..Node::new(name, kind) };
        let signal = HardwareSignal::Audio(layout);
        self.add_entry(node, EntryKind::Input { role: role.to_owned(), signal })
    }

    /// Adds a port through which events come in, as from a keyboard: [`Self::send_event`] plays it.
    ///
    /// # Errors
    /// If the graph is full.
    pub fn add_event_input(&mut self, name: &str, role: &str) -> Result<NodeId, EngineError> {
        let kind = NodeKind::Input { device_channels: Vec::new() };
        let node = Node { event_outputs: vec![EventPort::new("events")], ..Node::new(name, kind) };
        self.add_entry(node, EntryKind::Input { role: role.to_owned(), signal: HardwareSignal::Events })
    }

    /// Adds what the hardware plays as a role.
    ///
    /// # Errors
    /// If there are no or too many channels.
    pub fn add_output(&mut self, name: &str, role: &str, channels: &[Option<u32>]) -> Result<NodeId, EngineError> {
        let layout = ChannelLayout::from_channels(channels.len() as u32);
        let alignment_groups = vec![None; channels.len()];
        let kind = NodeKind::Output { device_channels: channels.to_vec(), alignment_groups };
        let node = Node { audio_inputs: vec![AudioPort::new("main", layout)], ..Node::new(name, kind) };
        let signal = HardwareSignal::Audio(layout);
        self.add_entry(node, EntryKind::Output { role: role.to_owned(), signal, alignment_group: None })
    }

    /// Adds a built-in node.
    ///
    /// # Errors
    /// If its ports make no sense, or the file of a player cannot be read.
    pub fn add_builtin(&mut self, name: &str, builtin: Builtin) -> Result<NodeId, EngineError> {
        self.add_builtin_with(name, builtin, Vec::new())
    }

    /// As [`Self::add_builtin`], with parameters that are set from the start.
    pub(crate) fn add_builtin_with(
        &mut self,
        name: &str,
        builtin: Builtin,
        parameters: Vec<ParameterEntry>,
    ) -> Result<NodeId, EngineError> {
        let processor = builtin::processor(&builtin, &parameters, f64::from(self.settings.rate))?;
        let node = builtin::node(name, &builtin);
        let id = self.add_node(node, EntryKind::Builtin { builtin, parameters })?;
        self.publisher.give(id, processor);
        self.publish()?;
        Ok(id)
    }

    /// Adds a plugin. `prepare` is called while it is inactive: the place to load a state or set parameters.
    ///
    /// # Errors
    /// If it does not load or activate, or `prepare` fails.
    pub fn add_plugin(
        &mut self,
        name: &str,
        reference: &PluginReference,
        prepare: impl FnOnce(&mut dyn Plugin) -> Result<(), EngineError>,
    ) -> Result<NodeId, EngineError> {
        let (plugin, file) = self.catalogue.instantiate(reference)?;
        self.add_instance(name, plugin, file, prepare)
    }

    /// Adds a plugin that was made already. Otherwise as [`Self::add_plugin`].
    pub(crate) fn add_instance(
        &mut self,
        name: &str,
        mut plugin: Box<dyn Plugin>,
        file: PathBuf,
        prepare: impl FnOnce(&mut dyn Plugin) -> Result<(), EngineError>,
    ) -> Result<NodeId, EngineError> {
        prepare(&mut *plugin)?;
        // Said before it is activated: many change it only by a restart.
        plugin.set_render_mode(self.render_mode);
        let plugin_error = |source| EngineError::Plugin { name: name.to_owned(), source };
        let mut said = Vec::new();
        let processor = activate(&mut *plugin, self.activation(), &mut said).map_err(plugin_error)?;
        let node = Node { name: name.to_owned(), ..describe(&*plugin) };
        let entry =
            EntryKind::Plugin(Box::new(PluginEntry { plugin: plugin_ref(&*plugin, &file), ..PluginEntry::default() }));
        match self.add_node(node, entry) {
            Ok(id) => {
                self.hosted.insert(id, Hosted::new(plugin, file));
                self.notices.extend(said.into_iter().map(|notice| Notice::Plugin { node: id, notice }));
                self.publisher.give(id, processor);
                self.publish()?;
                Ok(id)
            }
            Err(error) => {
                plugin.deactivate(processor).map_err(plugin_error)?;
                Err(error)
            }
        }
    }

    /// Adds a processor of the embedder's own. Rig files keep its place and nothing else.
    ///
    /// # Errors
    /// If its ports make no sense.
    pub fn add_processor(&mut self, node: Node, processor: Box<dyn Processor>) -> Result<NodeId, EngineError> {
        let id = self.add_entry(node, EntryKind::Unknown)?;
        self.publisher.give(id, processor);
        self.publish()?;
        Ok(id)
    }

    pub(crate) fn add_entry(&mut self, node: Node, kind: EntryKind) -> Result<NodeId, EngineError> {
        let id = self.add_node(node, kind)?;
        self.publish()?;
        Ok(id)
    }

    pub(crate) fn add_node(&mut self, mut node: Node, kind: EntryKind) -> Result<NodeId, EngineError> {
        node.name = self.unique_name(&node.name);
        let entry = NodeEntry::new(node.name.clone(), kind);
        let (id, inverse) = self.graph.edit(|t| t.add_node(node))?;
        self.remember(inverse);
        self.rig.entries.insert(id, entry);
        Ok(id)
    }

    /// Rig files tell nodes apart by name.
    fn unique_name(&self, wanted: &str) -> String {
        let wanted: String = wanted.trim().chars().map(|c| if c == '/' || c.is_control() { '-' } else { c }).collect();
        let wanted = if wanted.is_empty() { "node".to_owned() } else { wanted };
        let taken = |name: &str| self.graph.nodes().any(|(_, node)| node.name == name);
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wanted)
    }

    /// Joins the main audio ports of two nodes as a cable would: like channels to like, one channel to all.
    ///
    /// # Errors
    /// If a node lacks such a port, or the signal would run in a circle.
    pub fn connect(&mut self, source: NodeId, destination: NodeId) -> Result<EdgeId, EngineError> {
        let channels = |node: NodeId, port: Option<&AudioPort>| {
            port.map(|port| port.layout.channels())
                .ok_or(EngineError::Unfit { name: self.name(node), problem: "has no audio port there" })
        };
        let from = channels(source, self.node(source)?.audio_output(0))?;
        let to = channels(destination, self.node(destination)?.audio_input(0))?;
        self.connect_edge(Edge::audio(Endpoint::new(source, 0), Endpoint::new(destination, 0), cable(from, to)))
    }

    /// Joins the first event ports of two nodes.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_events(&mut self, source: NodeId, destination: NodeId) -> Result<EdgeId, EngineError> {
        self.connect_edge(Edge::events(Endpoint::new(source, 0), Endpoint::new(destination, 0)))
    }

    /// Adds an edge.
    ///
    /// # Errors
    /// If it does not fit, or the signal would run in a circle.
    pub fn connect_edge(&mut self, edge: Edge) -> Result<EdgeId, EngineError> {
        let (id, inverse) = self.graph.edit(|t| t.connect(edge))?;
        self.remember(inverse);
        self.publish()?;
        Ok(id)
    }

    // Editing

    /// Makes edits, all or none, as one step of the history.
    ///
    /// # Errors
    /// If one of them makes no sense; nothing is changed then.
    pub fn apply(&mut self, edits: Vec<Edit>) -> Result<(), EngineError> {
        let applied = self.graph.apply(edits)?;
        self.remember(applied.inverse);
        self.publish()
    }

    /// Sets a crosspoint, ramped, without a compile where that can be.
    ///
    /// # Errors
    /// If there is no such edge or channel.
    pub fn set_cell(&mut self, edge: EdgeId, source: u32, destination: u32, cell: Cell) -> Result<(), EngineError> {
        let applied = self.graph.apply(vec![Edit::SetCell { edge, source, destination, cell: Some(cell) }])?;
        self.remember(applied.inverse);
        if self.unpublished {
            return self.publish();
        }
        let ramp = self.publisher.settings().fade;
        let published = self.publisher.set_gain(
            &self.graph,
            edge,
            source as u16,
            destination as u16,
            cell.effective(),
            NOW,
            ramp,
        )?;
        self.unpublished = published == crosspoint_graph::Published::Waiting;
        Ok(())
    }

    /// Takes the last edit back. False if there is none.
    ///
    /// # Errors
    /// If a plugin that it brings back does not activate.
    pub fn undo(&mut self) -> Result<bool, EngineError> {
        let Some(edits) = self.undo.pop_back() else { return Ok(false) };
        let applied = self.graph.apply(edits)?;
        self.redo.push(applied.inverse);
        self.publish()?;
        Ok(true)
    }

    /// Makes the last edit again that was taken back. False if there is none.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn redo(&mut self) -> Result<bool, EngineError> {
        let Some(edits) = self.redo.pop() else { return Ok(false) };
        let applied = self.graph.apply(edits)?;
        self.undo.push_back(applied.inverse);
        self.publish()?;
        Ok(true)
    }

    fn remember(&mut self, inverse: Vec<Edit>) {
        self.redo.clear();
        self.undo.push_back(inverse);
        if self.undo.len() > HISTORY {
            self.undo.pop_front();
        }
    }

    /// Forgets the history, and with it the plugins that only undo could bring back.
    pub fn forget_history(&mut self) {
        self.undo.clear();
        self.redo.clear();
        self.hosted.retain(|&id, hosted| self.graph.node(id).is_some() || hosted.plugin.is_active());
        self.shelf.clear();
    }

    // Playing

    /// Sets a parameter, in the node's plain scale.
    ///
    /// # Errors
    /// If the node has no such parameter.
    pub fn set_parameter(&mut self, node: NodeId, parameter: u32, value: f64) -> Result<(), EngineError> {
        let name = self.name(node);
        if let Some(hosted) = self.hosted.get_mut(&node)
            && !hosted.plugin.is_active()
        {
            let failed = |source| EngineError::Plugin { name, source };
            return hosted.plugin.set_parameters(&[(parameter, value)]).map_err(failed);
        }
        self.node(node)?;
        self.rig.note_parameter(node, parameter, value);
        let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
        self.send_event(node, NOW, Event { frame: 0, port: 0, body })
    }

    /// The id and value that a parameter and a text stand for: `parameter` is an id or a name, `text` a number in the
    /// plain scale or whatever the plugin understands, such as `-6 dB`.
    ///
    /// # Errors
    /// If there is no such parameter, or the plugin does not understand the text.
    pub fn parse_parameter(plugin: &mut dyn Plugin, parameter: &str, text: &str) -> Result<(u32, f64), EngineError> {
        let name = plugin.descriptor().name.clone();
        let by_id = parameter.parse::<u32>().ok();
        let found = plugin.parameters().iter().find(|known| Some(known.id) == by_id || known.name == parameter);
        let found = found
            .or_else(|| plugin.parameters().iter().find(|known| known.name.eq_ignore_ascii_case(parameter.trim())));
        let Some(found) = found.cloned() else {
            let names: Vec<&str> = plugin.parameters().iter().map(|known| known.name.as_str()).take(40).collect();
            let known = names.join(", ");
            return Err(EngineError::UnknownParameter { name, parameter: parameter.to_owned(), known });
        };
        let plain = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        let value = plain.or_else(|| plugin.text_to_value(found.id, text)).filter(|value| value.is_finite());
        match value {
            Some(value) if (found.minimum..=found.maximum).contains(&value) => Ok((found.id, value)),
            _ => Err(EngineError::ParameterText {
                name,
                parameter: found.name,
                text: text.to_owned(),
                minimum: found.minimum,
                maximum: found.maximum,
            }),
        }
    }

    /// Sends an event to a node at a steady frame of the renderer; an input node sends it on.
    ///
    /// # Errors
    /// If nothing takes events.
    pub fn send_event(&mut self, node: NodeId, frame: u64, event: Event) -> Result<(), EngineError> {
        Ok(self.publisher.send(Timed { frame, command: Command::Event { node, event } })?)
    }

    /// Sends a command to the renderer at a steady frame.
    ///
    /// # Errors
    /// If nothing takes commands.
    pub fn send_command(&mut self, frame: u64, command: Command) -> Result<(), EngineError> {
        Ok(self.publisher.send(Timed { frame, command })?)
    }

    /// Fades a node to its bypass path, or back.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn set_bypassed(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        self.node(node)?;
        if let Some(hosted) = self.hosted.get_mut(&node) {
            hosted.bypassed = on;
        }
        self.rig.note_bypassed(node, on);
        self.send_command(NOW, Command::Bypass { node, on })
    }

    /// The next measurement of time, after [`Command::Measure`].
    pub fn next_load(&mut self) -> Option<Load> {
        self.publisher.load()
    }

    /// The next measurement of a level, after [`Command::Meter`].
    pub fn next_level(&mut self) -> Option<Level> {
        self.publisher.level()
    }

    pub(crate) fn node(&self, node: NodeId) -> Result<&Node, EngineError> {
        self.graph.node(node).ok_or(EngineError::UnknownNode(node))
    }

    /// What people call a node.
    pub fn name(&self, node: NodeId) -> String {
        self.graph.node(node).map_or_else(|| node.to_string(), |known| known.name.clone())
    }
}

pub(crate) fn plugin_ref(plugin: &dyn Plugin, file: &std::path::Path) -> PluginRef {
    let descriptor = plugin.descriptor();
    PluginRef {
        format: descriptor.format.to_string(),
        id: descriptor.id.clone(),
        name: descriptor.name.clone(),
        vendor: descriptor.vendor.clone(),
        version: descriptor.version.clone(),
        path_hint: file.is_absolute().then(|| file.to_owned()),
    }
}
