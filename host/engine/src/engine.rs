//! The engine's control half: graph, history, what it knows of its plugins, and the renderer's other end. Never waits for
//! the audio thread or for a plugin on another thread, never touches a processor that the renderer has.

use crate::asking::Asked;
use crate::assembly::Assembly;
use crate::autosave::Autosave;
use crate::control::{self, Control};
use crate::controllers::{Phase, PluginHost, Plugins, Record, Request};
use crate::device::DeviceLife;
use crate::error::EngineError;
use crate::guard::Guarding;
use crate::handle::{EngineHandle, Order};
use crate::history::{HISTORY, Step};
use crate::housekeeping::make_renderer;
use crate::levels::Meters;
use crate::load::LoadMeter;
use crate::loudness::LoudnessMeters;
use crate::matrix::{Faders, Gesture, Overlay, SoloView};
use crate::midi::MidiSide;
use crate::notice::Notice;
use crate::overload::TimeWatch;
use crate::parking::Parking;
use crate::rig::Rig;
use crate::scenes::Scenes;
use crate::settings::EngineSettings;
use crate::snapshot::SnapshotCell;
use crate::track::Track;
use crate::transport::{ClockWatch, Tapping};
use crate::tuner::Tuner;
use crate::untold::Untold;
use crate::wishes::TransportWish;
use crate::xruns::XrunLog;
use crosspoint_formats::inspect::Inspector;
use crosspoint_formats::{Activation, Plugin, RenderMode};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    Cell, Command, EdgeId, Graph, Level, Load, NOW, Node, NodeId, Processor, Publisher, RendererCell, Timed,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// A rig with all that makes it sound, save its plugins' controllers, which are wherever `P` says.
///
/// `Engine<PluginHost>`, the plain `Engine`, has them with it: what it is asked for is done when a call returns, and it
/// stays on its thread, the main thread. `Engine<PluginLink>` has them on another thread and is `Send`: no call waits for a
/// plugin. A plugin that is added is *loading* then; its node lets the signal through until [`Notice::Ready`].
pub struct Engine<P: Plugins = PluginHost> {
    pub(crate) settings: EngineSettings,
    pub(crate) graph: Graph,
    pub(crate) publisher: Publisher,
    pub(crate) cell: Arc<RendererCell>,
    pub(crate) plugins: P,
    pub(crate) records: BTreeMap<NodeId, Record>,
    /// What is being put together until its plugins are there.
    pub(crate) assembly: Option<Assembly>,
    /// What plugins were asked, by ticket.
    pub(crate) asked: HashMap<u64, Asked>,
    pub(crate) last_ticket: u64,
    /// How plugins are looked at in other processes, if anybody said so.
    pub(crate) inspector: Option<Inspector>,
    /// Processors of built-in nodes that are not in the graph just now, for undo to bring back.
    pub(crate) shelf: HashMap<NodeId, Box<dyn Processor>>,
    /// Parameters that the renderer may not have heard.
    pub(crate) untold: Untold,
    pub(crate) rig: Rig,
    pub(crate) scenes: Scenes,
    pub(crate) autosave: Autosave,
    pub(crate) transport: TransportWish,
    pub(crate) tapping: Tapping,
    /// The audio files of players.
    pub(crate) tracks: BTreeMap<NodeId, Track>,
    /// What was last told of the clock that is followed.
    pub(crate) clock: ClockWatch,
    pub(crate) undo: VecDeque<Step>,
    pub(crate) redo: Vec<Step>,
    /// How many steps of `undo` are kept.
    pub(crate) most_steps: usize,
    pub(crate) gesture: Gesture,
    pub(crate) solo: SoloView,
    /// By which numbers faders of groups and mixes are known.
    pub(crate) faders: Faders,
    /// By what cells are heard, as of the last sending.
    pub(crate) overlay: Overlay,
    pub(crate) parking: Parking,
    /// Whether the graph has edits that no parcel carries yet.
    pub(crate) unpublished: bool,
    pub(crate) render_mode: RenderMode,
    /// How many batches are open: nothing is published meanwhile.
    pub(crate) batches: u32,
    pub(crate) device: DeviceLife,
    pub(crate) midi: MidiSide,
    pub(crate) control: Control,
    pub(crate) notices: Vec<Notice>,
    pub(crate) handle: EngineHandle,
    pub(crate) orders: Receiver<Order>,
    pub(crate) snapshot: SnapshotCell,
    /// Takes the time, while somebody wants to know.
    pub(crate) load: Option<LoadMeter>,
    pub(crate) levels: Meters,
    pub(crate) guarding: Guarding,
    pub(crate) time: TimeWatch,
    pub(crate) xrun_log: XrunLog,
    pub(crate) loudness: LoudnessMeters,
    /// Whether everything is muted.
    pub(crate) muted: bool,
    pub(crate) tuner: Option<Tuner>,
    /// The frequency of A4, in Hz.
    pub(crate) tuner_reference: f64,
}

impl Engine<PluginHost> {
    /// An engine with an empty rig and its plugins on this thread. Nothing renders until somebody takes [`Self::cell`].
    pub fn new(settings: EngineSettings) -> Self {
        Self::with_plugins(settings, PluginHost::new())
    }

    /// The plugin libraries.
    pub fn catalogue(&mut self) -> &mut crate::catalogue::Catalogue {
        self.plugins.catalogue()
    }

    /// Runs something while this thread holds every lock there is in the engine, its plugins' controllers and its
    /// devices: a way for tests to show that rendering takes none.
    #[doc(hidden)]
    pub fn with_every_lock_held(&self, during: &mut dyn FnMut()) {
        let mut plugins = || self.plugins.with_locks_held(during);
        let mut snapshot = || self.snapshot.with_lock_held(&mut plugins);
        let mut levels = || self.levels.with_lock_held(&mut snapshot);
        crosspoint_devices::jack::JackBackend::with_locks_held(&mut levels);
    }

    /// The plugin of a node, if it has one.
    pub fn plugin(&mut self, node: NodeId) -> Option<&mut dyn Plugin> {
        let key = self.records.get(&node)?.key;
        self.plugins.plugin(key)
    }
}

impl<P: Plugins> Engine<P> {
    /// An engine with an empty rig and its plugins wherever they are.
    pub fn with_plugins(settings: EngineSettings, plugins: P) -> Self {
        let (publisher, renderer) = make_renderer(&settings);
        let (handle, orders) = EngineHandle::new(settings);
        let (line, desk) = control::line();
        let mut graph = Graph::new();
        graph.hold_removed();
        Self {
            settings,
            graph,
            publisher,
            cell: Arc::new(RendererCell::new(renderer)),
            plugins,
            records: BTreeMap::new(),
            assembly: None,
            asked: HashMap::new(),
            last_ticket: 0,
            inspector: None,
            shelf: HashMap::new(),
            untold: Untold::default(),
            rig: Rig::default(),
            scenes: Scenes::default(),
            autosave: Autosave::default(),
            transport: TransportWish::default(),
            tapping: Tapping::default(),
            tracks: BTreeMap::new(),
            clock: ClockWatch::default(),
            undo: VecDeque::new(),
            redo: Vec::new(),
            most_steps: HISTORY,
            gesture: Gesture::None,
            solo: SoloView::default(),
            faders: Faders::default(),
            overlay: Overlay::default(),
            parking: Parking::default(),
            unpublished: false,
            render_mode: RenderMode::RealTime,
            batches: 0,
            device: DeviceLife::default(),
            midi: MidiSide::new(desk),
            control: Control::new(line),
            notices: Vec::new(),
            load: None,
            levels: Meters::new(handle.levels_cell()),
            guarding: Guarding::default(),
            time: TimeWatch::default(),
            xrun_log: XrunLog::default(),
            loudness: LoudnessMeters::default(),
            muted: false,
            tuner: None,
            tuner_reference: 440.0,
            snapshot: handle.snapshot_cell(),
            handle,
            orders,
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

    /// The schedule that plays, or is about to.
    pub fn schedule(&self) -> Option<Arc<crosspoint_graph::compile::Schedule>> {
        self.publisher.schedule().cloned()
    }

    /// Frames from the rig's inputs to the latest of its outputs.
    pub fn latency(&self) -> u32 {
        self.publisher.schedule().map_or(0, |schedule| schedule.latency())
    }

    // Editing

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

    /// Makes edits, all or none, as one step of the history.
    ///
    /// # Errors
    /// If one of them makes no sense; nothing is changed then.
    pub fn apply(&mut self, edits: Vec<Edit>) -> Result<(), EngineError> {
        let applied = self.graph.apply(edits)?;
        self.remember(applied.inverse);
        self.publish()
    }

    /// Sets a crosspoint, ramped, without a compile where that can be. One that is set so already makes no step.
    ///
    /// # Errors
    /// If there is no such edge or channel.
    pub fn set_cell(&mut self, edge: EdgeId, source: u32, destination: u32, cell: Cell) -> Result<(), EngineError> {
        let known = self.graph.edge(edge).and_then(|known| known.matrix());
        if known.and_then(|matrix| matrix.get(source, destination)) == Some(cell) {
            return Ok(());
        }
        let applied = self.graph.apply(vec![Edit::SetCell { edge, source, destination, cell: Some(cell) }])?;
        self.remember_cells(applied.inverse);
        let ramp = self.publisher.settings().fade;
        self.send_cell(edge, (source, destination), cell, ramp)
    }

    /// Sends a crosspoint that the graph has already, as solo and groups let it be heard.
    pub(crate) fn send_cell(
        &mut self,
        edge: EdgeId,
        (source, destination): (u32, u32),
        cell: Cell,
        ramp: u32,
    ) -> Result<(), EngineError> {
        let gain = self.heard_cell(edge, source, destination, cell).effective();
        let (source, destination) = (source as u16, destination as u16);
        if self.unpublished || !self.publisher.has_cell(edge, source, destination) {
            return self.publish();
        }
        let published = self.publisher.set_gain(&self.graph, edge, source, destination, gain, NOW, ramp)?;
        self.unpublished = published == crosspoint_graph::Published::Waiting;
        Ok(())
    }

    // Playing

    /// Sets a parameter as [`Self::set_parameter`] does, without a step of the history.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn give_parameter(&mut self, node: NodeId, parameter: u32, value: f64) -> Result<(), EngineError> {
        self.snapshot.outdate();
        self.follow_own_switch(node, parameter, value);
        if let Some(record) = self.records.get_mut(&node) {
            if let Some(description) = &mut record.description {
                description.note_value(parameter, value);
            }
            match record.phase {
                Phase::Active | Phase::Fading => {
                    if let Some(untold) = record.parameters_untold.iter_mut().find(|untold| untold.0 == parameter) {
                        untold.1 = value;
                    }
                }
                Phase::Idle if record.parameters_untold.is_empty() => {
                    let (key, values) = (record.key, vec![(parameter, value)]);
                    self.plugins.send(Request::SetParameters { key, values });
                    return Ok(());
                }
                _ => {
                    record.tell_later(parameter, value);
                    return Ok(());
                }
            }
        }
        self.node(node)?;
        self.rig.note_parameter(node, parameter, value);
        self.untold.note(node, parameter, value, self.unpublished, self.publisher.frame());
        self.send_parameter(node, NOW, parameter, value)
    }

    pub(crate) fn send_parameter(
        &mut self,
        node: NodeId,
        frame: u64,
        parameter: u32,
        value: f64,
    ) -> Result<(), EngineError> {
        let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
        self.send_event(node, frame, Event { frame: 0, port: 0, body })
    }

    /// Sends an event to a node at a steady frame of the renderer; an input node sends it on.
    ///
    /// # Errors
    /// If nothing takes events.
    pub fn send_event(&mut self, node: NodeId, frame: u64, event: Event) -> Result<(), EngineError> {
        self.send_command(frame, Command::Event { node, event })
    }

    /// Sends a command to the renderer at a steady frame.
    ///
    /// # Errors
    /// If nothing takes commands.
    pub fn send_command(&mut self, frame: u64, command: Command) -> Result<(), EngineError> {
        self.rig.note_command(&command);
        self.transport.tell(&command, self.publisher.playhead().blocks());
        if let Command::MasterMute(on) = command {
            self.muted = on;
        }
        self.snapshot.outdate();
        Ok(self.publisher.send(Timed { frame, command })?)
    }

    /// Takes all that the device plays to silence within 5 ms, or releases it. Nothing else releases it: no edit, no other
    /// device, no other rig. Plugins play on unheard; events go out as ever.
    ///
    /// # Errors
    /// If nothing takes commands.
    pub fn set_muted(&mut self, on: bool) -> Result<(), EngineError> {
        self.send_command(NOW, Command::MasterMute(on))
    }

    /// Tells all plugins, those to come included, whether there is a deadline. Best before they are added: a plugin that
    /// plays may ask for a restart.
    pub fn set_render_mode(&mut self, mode: RenderMode) {
        self.render_mode = mode;
        self.plugins.send(Request::RenderMode(mode));
    }

    /// The next measurement of time, after [`Command::Measure`]. For numbers that sum them up see [`Self::measure_load`].
    pub fn next_load(&mut self) -> Option<Load> {
        self.publisher.load()
    }

    /// The next measurement of a level, after [`Command::Meter`].
    pub fn next_level(&mut self) -> Option<Level> {
        self.publisher.level()
    }

    pub(crate) fn activation(&self) -> Activation {
        Activation {
            sample_rate: f64::from(self.settings.rate),
            min_frames: 1,
            max_frames: self.settings.max_block as u32,
        }
    }

    pub(crate) fn node(&self, node: NodeId) -> Result<&Node, EngineError> {
        self.graph.node(node).ok_or(EngineError::UnknownNode(node))
    }

    /// What people call a node.
    pub fn name(&self, node: NodeId) -> String {
        self.graph.node(node).map_or_else(|| node.to_string(), |known| known.name.clone())
    }
}
