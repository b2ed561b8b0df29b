//! Adding nodes and joining them. Each is one step of the history.

use crate::builtin;
use crate::controllers::{Instance, Origin, PluginKey, PluginSetup, Plugins, Record, Request};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::plugins::PluginReference;
use crate::session::{
    Builtin, EntryKind, HardwareSignal, NodeEntry, OutputGuard, ParameterEntry, PluginEntry, PluginRef, cable,
};
use crosspoint_formats::Format;
use crosspoint_graph::{
    AudioPort, ChannelLayout, Edge, EdgeId, Endpoint, EventPort, Node, NodeId, NodeKind, Processor,
};

impl<P: Plugins> Engine<P> {
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

    /// Adds a port through which events come in, as from a keyboard: [`Self::open_midi`] joins one to its role, and
    /// [`Self::send_event`] plays it.
    ///
    /// # Errors
    /// If the graph is full.
    pub fn add_event_input(&mut self, name: &str, role: &str) -> Result<NodeId, EngineError> {
        let kind = NodeKind::Input { device_channels: Vec::new() };
        let node = Node { event_outputs: vec![EventPort::new("events")], ..Node::new(name, kind) };
        self.add_entry(node, EntryKind::Input { role: role.to_owned(), signal: HardwareSignal::Events })
    }

    /// Adds a port through which events go out, as to a synthesizer.
    ///
    /// # Errors
    /// If the graph is full.
    pub fn add_event_output(&mut self, name: &str, role: &str) -> Result<NodeId, EngineError> {
        let kind = NodeKind::Output { device_channels: Vec::new(), alignment_groups: Vec::new() };
        let node = Node { event_inputs: vec![EventPort::new("events")], ..Node::new(name, kind) };
        let (role, signal) = (role.to_owned(), HardwareSignal::Events);
        self.add_entry(node, EntryKind::Output { role, signal, alignment_group: None, guard: OutputGuard::default() })
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
        let (role, guard) = (role.to_owned(), OutputGuard::default());
        self.add_entry(node, EntryKind::Output { role, signal, alignment_group: None, guard })
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
        let (processor, track) = builtin::processor(&builtin, &parameters, f64::from(self.settings.rate))?;
        let node = builtin::node(name, &builtin);
        let id = self.add_node(node, EntryKind::Builtin { builtin, parameters })?;
        self.tracks.extend(track.map(|track| (id, track)));
        self.publisher.give(id, processor);
        self.publish()?;
        Ok(id)
    }

    /// Adds a plugin, set up before it first plays.
    ///
    /// Where plugins live on another thread this returns at once: the node is there with one stereo port and one event
    /// port each way and lets the signal through. When the plugin is ready, the node takes on its ports and latency,
    /// cables are fitted to them, and the plugin fades in; [`Notice::Ready`](crate::Notice::Ready) or
    /// [`Notice::Missing`](crate::Notice::Missing) tells.
    ///
    /// # Errors
    /// Where plugins live on this thread: if it does not load or activate, or refuses its setup.
    pub fn add_plugin(
        &mut self,
        name: &str,
        reference: &PluginReference,
        setup: PluginSetup,
    ) -> Result<NodeId, EngineError> {
        let key = PluginKey::unused();
        let entry = PluginEntry {
            precision: setup.precision,
            state: setup.state.clone(),
            parameters: setup.parameters.clone(),
            plugin: as_entry(reference),
            ..PluginEntry::default()
        };
        self.load(key, name.to_owned(), Origin::Reference(reference.clone()), setup, false);
        let kind = EntryKind::Plugin(Box::new(entry));
        // An answer that happens to be there already is one that comes later.
        let answer = if P::AT_ONCE { self.answer_to(key) } else { None };
        match answer {
            Some(instance) => self.add_instance(name, key, instance?, kind),
            None => {
                let id = self.add_node(loading(name), kind)?;
                self.records.insert(id, Record::loading(key));
                self.publish()?;
                Ok(id)
            }
        }
    }

    /// Asks for a plugin.
    pub(crate) fn load(&mut self, key: PluginKey, name: String, origin: Origin, setup: PluginSetup, lenient: bool) {
        let (activation, render_mode) = (self.activation(), self.render_mode);
        self.plugins.send(Request::Load {
            key,
            name,
            origin,
            setup: Box::new(setup),
            lenient,
            activation,
            render_mode,
        });
    }

    /// Adds a plugin that is there already.
    pub(crate) fn add_instance(
        &mut self,
        name: &str,
        key: PluginKey,
        instance: Box<Instance>,
        kind: EntryKind,
    ) -> Result<NodeId, EngineError> {
        let node = Node { name: name.to_owned(), ..instance.description.node.clone() };
        match self.add_node(node, kind) {
            Ok(id) => {
                self.records.insert(id, Record::loading(key));
                self.activated(id, Ok(instance));
                self.publish()?;
                Ok(id)
            }
            Err(error) => {
                self.discard(key, *instance);
                Err(error)
            }
        }
    }

    /// Adds a processor of the embedder's own. Rig files keep its place and nothing else.
    ///
    /// # Errors
    /// If its ports make no sense.
    pub fn add_processor(&mut self, node: Node, processor: Box<dyn Processor>) -> Result<NodeId, EngineError> {
        let id = self.add_node(node, EntryKind::Unknown)?;
        self.publisher.give(id, processor);
        self.publish()?;
        Ok(id)
    }

    fn add_entry(&mut self, node: Node, kind: EntryKind) -> Result<NodeId, EngineError> {
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
    pub(crate) fn unique_name(&self, wanted: &str) -> String {
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
}

/// The node of a plugin that nobody has seen yet.
fn loading(name: &str) -> Node {
    let audio = || vec![AudioPort::new("main", ChannelLayout::Stereo)];
    let events = || vec![EventPort::new("events")];
    Node {
        audio_inputs: audio(),
        audio_outputs: audio(),
        event_inputs: events(),
        event_outputs: events(),
        bypassable: true,
        ..Node::processor(name)
    }
}

/// What is known of a plugin by its reference alone.
fn as_entry(reference: &PluginReference) -> PluginRef {
    let unknown = |format: Option<Format>| PluginRef {
        format: format.unwrap_or(Format::Clap).to_string(),
        ..PluginRef::default()
    };
    match reference {
        PluginReference::File { file, id } => PluginRef {
            id: id.clone().unwrap_or_default(),
            path_hint: file.is_absolute().then(|| file.clone()),
            ..unknown(Format::of(file))
        },
        PluginReference::Id { format, id } => PluginRef { id: id.clone(), ..unknown(Some(*format)) },
        PluginReference::Name(name) => PluginRef { name: name.clone(), ..unknown(None) },
    }
}
