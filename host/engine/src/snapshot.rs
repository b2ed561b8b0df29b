//! What the rig looks like, for any thread to read: the engine leaves a new one behind whenever something has changed and
//! somebody may look. Never read by the callback.

use crate::autosave::AutosaveState;
use crate::control::MappingsSnapshot;
use crate::controllers::{Phase, PluginDescription, Plugins};
use crate::device::DeviceState;
use crate::engine::Engine;
use crate::guard::GuardSnapshot;
use crate::load::LoadSnapshot;
use crate::matrix::{Gesture, GroupSnapshot, MatrixPresetSnapshot, MixSnapshot, SoloView};
use crate::midi::MidiConnection;
use crate::overload::OverloadSnapshot;
use crate::scenes::{MomentSnapshot, ScenesSnapshot};
use crate::session::{Builtin, BypassMode, EntryKind, Spillover};
use crate::settings::EngineSettings;
use crate::track::TrackSnapshot;
use crate::transport::ClockSnapshot;
use crate::xruns::XrunEntry;
use crosspoint_devices::Joined;
use crosspoint_formats::{Parameter, PluginDescriptor};
use crosspoint_graph::{Graph, NodeId, PlayheadReader, Transport};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The rig at one moment. Cheap to clone and to keep.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Counts up with every change.
    pub revision: u64,
    /// How the engine runs.
    pub settings: EngineSettings,
    /// The rig's own file: the one that it was loaded from, or saved to last.
    pub file: Option<PathBuf>,
    /// Nodes with their names, ports and latencies, and edges with their crosspoints.
    pub graph: Arc<Graph>,
    /// What else there is to know of each node.
    pub nodes: Arc<BTreeMap<NodeId, NodeSnapshot>>,
    /// Frames from the rig's inputs to the latest of its outputs.
    pub latency: u32,
    /// Quarter notes a minute, as last asked for.
    pub tempo: f64,
    /// Beats a bar and the note value of a beat, as last asked for.
    pub metre: (u16, u16),
    /// Where the playhead was when the snapshot was read, all of one moment: its tempo and metre are those that are heard.
    /// It moves without a new revision.
    pub playhead: Transport,
    /// What knows where it is.
    pub(crate) playhead_reader: Option<PlayheadReader>,
    /// Bars that a count-in counts.
    pub count_in: u32,
    /// The MIDI clock that the transport follows, and who gets its own.
    pub clock: Arc<ClockSnapshot>,
    /// The audio files of players.
    pub tracks: Arc<[TrackSnapshot]>,
    /// Scenes, songs and the setlist, and what of them plays.
    pub scenes: Arc<ScenesSnapshot>,
    /// Moments to go back to, in the order in which they were taken.
    pub moments: Arc<[MomentSnapshot]>,
    /// What MIDI messages control.
    pub mappings: Arc<MappingsSnapshot>,
    /// What plays the rig, or is waited for.
    pub device: DeviceState,
    /// Periods that the device lost.
    pub xruns: u64,
    /// Frames that were lost with them, as far as the driver tells.
    pub lost_frames: u64,
    /// When, and who is likely to be to blame: the oldest first.
    pub xrun_log: Arc<[XrunEntry]>,
    /// Whether [somebody looks after the time](Engine::watch_time) that the rig and its plugins take.
    pub watches_time: bool,
    /// The nodes whose loudness is measured: [`EngineHandle::levels`](crate::EngineHandle::levels) shows it.
    pub loudness: Arc<[NodeId]>,
    /// The MIDI ports of the rig's roles.
    pub midi: Arc<[MidiConnection]>,
    /// How the device's input and output are joined, if they are two streams: their drift and what joining them adds.
    pub joined: Option<Joined>,
    /// Whether there is something to undo, and to redo.
    pub history: (bool, bool),
    /// Whether cells, parameters, bypasses, presences, groups and mixes that are set are parts of one
    /// [gesture](Engine::begin_gesture).
    pub in_gesture: bool,
    /// What is soloed in the matrix, and what is safe from that. The graph says what the user set, not what a solo silences.
    pub solo: Arc<SoloView>,
    /// The groups of the matrix. The graph says what the user set, not what they make of it.
    pub groups: Arc<[GroupSnapshot]>,
    /// Monitor mixes: a part of the matrix for each listener. [`MatrixView::part`](crate::MatrixView::part) shows one.
    pub mixes: Arc<[MixSnapshot]>,
    /// Presets of the matrix.
    pub matrix_presets: Arc<[MatrixPresetSnapshot]>,
    /// Whether a rig or chain waits for its plugins.
    pub is_building: bool,
    /// How long the rig and each node take, while that is [measured](Engine::measure_load).
    pub load: Option<Arc<LoadSnapshot>>,
    /// Whether all that the device plays is muted.
    pub muted: bool,
    /// The frequency of A4 that the tuner tells notes by, in Hz.
    pub tuner_reference: f64,
    /// Bounds of what rings on of nodes that are bypassed, away or gone.
    pub spillover: Spillover,
    /// MB that the plugins may take which are away unless a scene wants them; none for no limit.
    pub instance_limit: Option<u32>,
    /// The names of nodes that are gone and ring on.
    pub ringing: Vec<String>,
    /// When the rig was autosaved last, and whether the performance lock keeps it from that.
    pub autosave: AutosaveState,
}

/// One node beside what the graph says of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NodeSnapshot {
    /// How it is.
    pub condition: Condition,
    /// Whether the user wants it bypassed.
    pub bypassed: bool,
    /// How it is bypassed. The plugin's own switch is the parameter whose flags say so.
    pub bypass: BypassMode,
    /// Whether it is there, or [away](Engine::set_present).
    pub present: bool,
    /// Whether its plugin is being given [another state](Engine::share_state), and is not heard meanwhile.
    pub state_under_way: bool,
    /// Bytes by which the process grew while its plugin was made; none if that is not known, or if it is no plugin.
    pub memory: Option<u64>,
    /// What plugin it is, if it is one and was there once.
    pub plugin: Option<Arc<PluginDescriptor>>,
    /// Which built-in node it is, if it is one. It says what its parameters are.
    pub builtin: Option<Builtin>,
    /// What a plugin may take of the time, and whether it took too much.
    pub overload: Option<OverloadSnapshot>,
    /// What of an audio output its guard lets pass.
    pub guard: Option<GuardSnapshot>,
    /// Its plugin's parameters, in the plugin's order.
    pub parameters: Arc<[Parameter]>,
    /// Values as they were last told, by id, in the plain scale. Of built-in nodes only those that are not initial.
    pub values: Vec<(u32, f64)>,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// It plays.
    Ready,
    /// Its plugin is being made; it lets the signal through.
    Loading,
    /// Its plugin is being activated anew; it lets the signal through.
    Restarting,
    /// Its plugin is not there or does not run; it lets the signal through.
    Missing {
        /// Why, as far as it is known.
        reason: String,
    },
}

/// Where snapshots are left, and whether a new one is due.
pub(crate) struct SnapshotCell {
    place: Arc<Mutex<Snapshot>>,
    outdated: bool,
    graph_outdated: bool,
}

impl SnapshotCell {
    pub fn new(settings: EngineSettings) -> Self {
        let nothing = Snapshot {
            revision: 0,
            settings,
            file: None,
            graph: Arc::default(),
            nodes: Arc::default(),
            latency: 0,
            tempo: 120.0,
            metre: (4, 4),
            playhead: Transport::default(),
            playhead_reader: None,
            count_in: 1,
            clock: Arc::default(),
            tracks: Arc::default(),
            scenes: Arc::default(),
            moments: Arc::default(),
            mappings: Arc::default(),
            device: DeviceState::None,
            xruns: 0,
            lost_frames: 0,
            xrun_log: Arc::default(),
            watches_time: false,
            loudness: Arc::default(),
            midi: Arc::default(),
            joined: None,
            history: (false, false),
            in_gesture: false,
            solo: Arc::default(),
            groups: Arc::default(),
            mixes: Arc::default(),
            matrix_presets: Arc::default(),
            is_building: false,
            load: None,
            muted: false,
            tuner_reference: 440.0,
            spillover: Spillover::default(),
            instance_limit: None,
            ringing: Vec::new(),
            autosave: AutosaveState::default(),
        };
        Self { place: Arc::new(Mutex::new(nothing)), outdated: true, graph_outdated: true }
    }

    /// The same place, for who reads.
    pub fn reader(&self) -> Self {
        Self { place: self.place.clone(), outdated: true, graph_outdated: true }
    }

    /// What was left last.
    pub fn read(&self) -> Snapshot {
        let mut snapshot = self.place.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((playhead, _)) = snapshot.playhead_reader.as_ref().and_then(PlayheadReader::read) {
            snapshot.playhead = playhead;
        }
        snapshot
    }

    /// Runs something while this thread holds the place.
    pub fn with_lock_held(&self, during: &mut dyn FnMut()) {
        let _held = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        during();
    }

    /// What tells whether anything has changed since it was last told: the last snapshot, and whether it is outdated.
    pub fn mark(&self) -> (u64, bool) {
        (self.place.lock().unwrap_or_else(PoisonError::into_inner).revision, self.outdated)
    }

    /// Something but the graph is no longer as the last snapshot says.
    pub fn outdate(&mut self) {
        self.outdated = true;
    }

    /// The graph is no longer as the last snapshot says.
    pub fn outdate_graph(&mut self) {
        self.outdated = true;
        self.graph_outdated = true;
    }
}

impl<P: Plugins> Engine<P> {
    /// The rig as it is now.
    pub fn look(&mut self) -> Snapshot {
        self.show();
        self.snapshot.read()
    }

    /// Leaves a snapshot if anything has changed.
    pub(crate) fn show(&mut self) {
        let (xruns, lost_frames) = (self.xruns(), self.lost_frames());
        let joined = self.stream().and_then(|stream| stream.joined());
        let mut snapshot = self.snapshot.read();
        let shown = (snapshot.xruns, snapshot.lost_frames, &snapshot.joined);
        if !self.snapshot.outdated && !self.scenes.stale && shown == (xruns, lost_frames, &joined) {
            return;
        }
        if std::mem::take(&mut self.snapshot.graph_outdated) {
            snapshot.graph = Arc::new(self.graph.clone());
            self.scenes.stale = true;
        }
        if self.scenes.stale {
            self.resolve_scenes();
        }
        self.snapshot.outdated = false;
        let snapshot = Snapshot {
            revision: snapshot.revision + 1,
            settings: self.settings,
            file: self.rig.file.clone(),
            nodes: Arc::new(self.graph.nodes().map(|(id, _)| (id, self.look_at(id))).collect()),
            latency: self.latency(),
            tempo: self.rig.tempo,
            metre: self.rig.metre,
            playhead: snapshot.playhead,
            playhead_reader: Some(self.publisher.playhead()),
            count_in: self.rig.rest.transport.count_in,
            clock: Arc::new(self.shown_clock()),
            tracks: self.shown_tracks(),
            scenes: Arc::new(self.shown_scenes()),
            moments: self.shown_moments().into(),
            mappings: Arc::new(self.shown_mappings()),
            device: self.device.state.clone(),
            xruns,
            lost_frames,
            xrun_log: self.xrun_log.shown(),
            watches_time: self.time.is_on(),
            loudness: self.loudness.nodes().collect(),
            midi: self.midi_connections().into(),
            joined,
            history: (!self.undo.is_empty(), !self.redo.is_empty()),
            in_gesture: self.gesture != Gesture::None,
            solo: Arc::new(self.solo.clone()),
            groups: self.shown_groups(),
            mixes: self.shown_mixes(),
            matrix_presets: self.shown_matrix_presets(),
            is_building: self.assembly.is_some(),
            load: self.shown_load(),
            muted: self.muted,
            tuner_reference: self.tuner_reference,
            spillover: self.rig.rest.spillover,
            instance_limit: self.rig.rest.instance_limit,
            ringing: self.parking.names(),
            autosave: self.autosave.state(),
            graph: snapshot.graph,
        };
        *self.snapshot.place.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    pub(crate) fn look_at(&self, id: NodeId) -> NodeSnapshot {
        let entry = self.rig.entries.get(&id).map(|entry| &entry.kind);
        let record = self.records.get(&id);
        let condition = match (record.map(|record| &record.phase), entry) {
            (Some(Phase::Loading), _) => Condition::Loading,
            (Some(Phase::Active), _) | (None, Some(EntryKind::Input { .. } | EntryKind::Output { .. })) => {
                Condition::Ready
            }
            (Some(Phase::Failed { reason }), _) => Condition::Missing { reason: reason.clone() },
            (Some(_), _) => Condition::Restarting,
            (None, Some(EntryKind::Plugin(_))) => {
                Condition::Missing { reason: "it was missing when the rig was loaded".to_owned() }
            }
            (None, _) => Condition::Ready,
        };
        let description = record.and_then(|record| record.description.as_ref());
        NodeSnapshot {
            condition,
            bypassed: self.is_bypassed(id),
            bypass: self.rig.entries.get(&id).map(|entry| entry.bypass).unwrap_or_default(),
            present: self.is_present(id),
            state_under_way: self.scenes.shared.is_under_way(id),
            memory: record.and_then(|record| record.memory),
            overload: self.shown_overload(id),
            guard: self.shown_guard(id),
            plugin: description.map(|description| description.descriptor.clone()),
            builtin: match entry {
                Some(EntryKind::Builtin { builtin, .. }) => Some(builtin.clone()),
                _ => None,
            },
            parameters: description.map_or_else(Arc::default, |description| description.parameters.clone()),
            values: description.map_or_else(|| self.rig.values(id), PluginDescription::all_values),
        }
    }
}
