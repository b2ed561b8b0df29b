//! Reaching the engine from other threads. Never touches the engine itself: an action is done by its next poll, and what
//! the rig looks like was left behind by its last one.

use crate::control::MappingEdit;
use crate::controllers::{PluginSetup, Plugins, StateSource};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::levels::{self, Levels, LevelsCell};
use crate::matrix::{
    BlockChange, CellChange, GroupEdit, MatrixPresetEdit, MixEdit, PanLaw, PannedCell, PannedRows, PortChannel, Soloed,
};
use crate::midi::MidiListing;
use crate::pending::{Pending, Reply};
use crate::plugins::PluginReference;
use crate::rig::RigProblem;
use crate::scenes::{Capture, MomentEdit, SceneEdit};
use crate::session::{Builtin, BypassMode, Document, Mapping, MappingEntry, OutputGuard, OverloadPolicy, Spillover};
use crate::settings::EngineSettings;
use crate::snapshot::{Snapshot, SnapshotCell};
use crate::transport::TransportAction;
use crosspoint_devices::midi::Direction;
use crosspoint_formats::PresetPlace;
use crosspoint_formats::inspect::PluginPresets;
use crosspoint_graph::event::Event;
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Cell, Command, Edge, EdgeId, ListenTo, NOW, NodeId, SceneStart};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Something to do for the engine: what remote control, a desktop and scripts can ask for. Each is what the method of its
/// name on [`Engine`] does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Adds what the hardware delivers. Answered by [`Done::Node`].
    AddInput {
        /// What people call it.
        name: String,
        /// Its role.
        role: String,
        /// A device channel for each of its own, from 0.
        channels: Vec<Option<u32>>,
    },
    /// Adds what the hardware plays. Answered by [`Done::Node`].
    AddOutput {
        /// What people call it.
        name: String,
        /// Its role.
        role: String,
        /// A device channel for each of its own, from 0.
        channels: Vec<Option<u32>>,
    },
    /// Adds a port for events. Answered by [`Done::Node`].
    AddEventInput {
        /// What people call it.
        name: String,
        /// Its role.
        role: String,
    },
    /// Adds a port through which events go out. Answered by [`Done::Node`].
    AddEventOutput {
        /// What people call it.
        name: String,
        /// Its role.
        role: String,
    },
    /// Lists the MIDI ports there are. Answered by [`Done::Midi`].
    MidiPorts,
    /// Joins a MIDI port to a role. The snapshot tells when it is open.
    OpenMidi {
        /// Which way.
        direction: Direction,
        /// The role of the rig's event inputs or outputs.
        role: String,
        /// The port's name or a part of it.
        name: String,
    },
    /// Closes the MIDI ports of a role.
    CloseMidi {
        /// Which way.
        direction: Direction,
        /// The role.
        role: String,
    },
    /// Adds a built-in node. Answered by [`Done::Node`].
    AddBuiltin {
        /// What people call it.
        name: String,
        /// Which.
        builtin: Builtin,
    },
    /// Adds a plugin. Answered by [`Done::Node`] at once; the snapshot tells when it is ready.
    AddPlugin {
        /// What people call it.
        name: String,
        /// Which.
        plugin: PluginReference,
        /// Its state and parameters.
        setup: PluginSetup,
    },
    /// Joins main audio ports by a cable. Answered by [`Done::Edge`].
    Connect {
        /// Where the signal comes from.
        source: NodeId,
        /// Where it goes.
        destination: NodeId,
    },
    /// Joins first event ports. Answered by [`Done::Edge`].
    ConnectEvents {
        /// Where the events come from.
        source: NodeId,
        /// Where they go.
        destination: NodeId,
    },
    /// Adds any edge. Answered by [`Done::Edge`].
    ConnectEdge(Edge),
    /// Removes nodes or edges, renames, sets timings and many crosspoints: one step of the history.
    Edit(Vec<Edit>),
    /// Sets a crosspoint.
    SetCell {
        /// The edge.
        edge: EdgeId,
        /// The source channel, from 0.
        source: u32,
        /// The destination channel, from 0.
        destination: u32,
        /// Gain, mute and polarity.
        cell: Cell,
    },
    /// Sets cells anywhere in the rig's matrix, making and removing edges as they need: one step of the history.
    SetCells {
        /// The cells.
        changes: Vec<CellChange>,
        /// Whether edges stay that have no cell any more.
        keep_edges: bool,
    },
    /// Sets two cells by a gain and a position between left and right: one step of the history.
    SetPanned {
        /// The row, or both.
        rows: PannedRows,
        /// The left and the right column.
        columns: [PortChannel; 2],
        /// Gain, mute, polarity and position.
        panned: PannedCell,
        /// How loud both sides are in between.
        law: PanLaw,
    },
    /// Clears, inverts, copies or swaps blocks of the matrix: one step of the history.
    ChangeBlock(BlockChange),
    /// Lets the cells, parameters and bypasses that are set from now on be one step of the history.
    BeginGesture,
    /// Lets each of them be a step of its own again.
    EndGesture,
    /// Soloes a row or a cell of the matrix in place, or no longer.
    SetSoloed {
        /// Which.
        what: Soloed,
        /// Whether it is to be soloed.
        on: bool,
    },
    /// Lets a row be heard whatever is soloed, or no longer.
    SetSoloSafe {
        /// The row.
        row: PortChannel,
        /// Whether it is to be safe.
        on: bool,
    },
    /// Ends every solo.
    ClearSolo,
    /// Changes the groups of the matrix: one step of the history.
    EditGroups(Box<GroupEdit>),
    /// Changes the monitor mixes: one step of the history.
    EditMixes(Box<MixEdit>),
    /// Gives a mix the cells of another one: one step of the history.
    CopyMix {
        /// Whose cells.
        from: String,
        /// Who gets them.
        to: String,
    },
    /// Changes the presets of the matrix: one step of the history.
    EditMatrixPresets(Box<MatrixPresetEdit>),
    /// Sets the cells of a preset of the matrix: one step of the history. Answered by [`Done::LeftOut`].
    RecallMatrixPreset {
        /// Its name.
        preset: String,
    },
    /// Puts a node into an audio edge.
    InsertNode {
        /// The node, which is in the rig already.
        node: NodeId,
        /// The edge.
        edge: EdgeId,
    },
    /// Takes a node out of its cables and puts it into another audio edge: reorders a chain.
    MoveNode {
        /// The node.
        node: NodeId,
        /// The edge.
        edge: EdgeId,
    },
    /// Removes a node and gives its edges to another one. Answered by [`Done::LeftOut`].
    ReplaceNode {
        /// The node that goes.
        node: NodeId,
        /// The one that takes its place, which is in the rig already.
        with: NodeId,
    },
    /// Removes a node.
    RemoveNode {
        /// The node.
        node: NodeId,
        /// Whether what it was given goes on to where it led.
        bridge: bool,
    },
    /// Bypasses a node, or no longer.
    SetBypassed {
        /// The node.
        node: NodeId,
        /// Whether it is to be bypassed.
        on: bool,
    },
    /// Says how a node is bypassed.
    SetBypassMode {
        /// The node.
        node: NodeId,
        /// How.
        mode: BypassMode,
    },
    /// Lets a node be there, or has it go away: nothing passes it then.
    SetPresent {
        /// The node.
        node: NodeId,
        /// Whether it is to be there.
        on: bool,
    },
    /// Gives a scene an instance of a plugin of its own. Answered by [`Done::Node`]; the snapshot tells when it is ready.
    AddSecondInstance {
        /// The plugin's node.
        node: NodeId,
        /// The scene.
        scene: String,
        /// Its state; none for the one that the plugin has.
        state: Option<Arc<[u8]>>,
    },
    /// Lets a scene have a plugin's present state whole, or no longer: the plugin cross-fades through its bypass path.
    ShareState {
        /// The plugin's node.
        node: NodeId,
        /// The scene.
        scene: String,
        /// Whether the scene is to have it.
        on: bool,
    },
    /// Says how many MB the plugins may take which are away unless a scene wants them; none for no limit.
    SetInstanceLimit(Option<u32>),
    /// Says what may ring on of nodes that are bypassed, away or gone.
    SetSpillover(Spillover),
    /// Sets a parameter in the node's plain scale.
    SetParameter {
        /// The node.
        node: NodeId,
        /// The parameter's id.
        parameter: u32,
        /// Its value.
        value: f64,
    },
    /// Sets a parameter by a text, such as `-6 dB`.
    SetParameterText {
        /// The node.
        node: NodeId,
        /// The parameter's id or name.
        parameter: String,
        /// Its value.
        text: String,
    },
    /// How a plugin would show a value. Answered by [`Done::Text`].
    ParameterText {
        /// The node.
        node: NodeId,
        /// The parameter's id.
        parameter: u32,
        /// The value in the plain scale.
        value: f64,
    },
    /// Finds the presets for a plugin. Answered by [`Done::Presets`] once they are found.
    Presets {
        /// The node.
        node: NodeId,
    },
    /// Has a plugin load a preset.
    LoadPreset {
        /// The node.
        node: NodeId,
        /// Where the preset lies.
        place: PresetPlace,
    },
    /// Saves what a plugin is set to as a `.vstpreset`. Answered once the file is written.
    SavePreset {
        /// The node.
        node: NodeId,
        /// The file.
        file: PathBuf,
    },
    /// Gives a plugin a state.
    LoadState {
        /// The node.
        node: NodeId,
        /// The state's bytes.
        state: Arc<[u8]>,
    },
    /// Plays an event.
    SendEvent {
        /// The node.
        node: NodeId,
        /// The event.
        event: Event,
    },
    /// Shows the load in the snapshot, or no longer.
    MeasureLoad(bool),
    /// Begins the worst load that the snapshot shows anew.
    ResetWorstLoad,
    /// Meters a node, or no longer: [`EngineHandle::levels`] shows it.
    Meter {
        /// The node.
        node: NodeId,
        /// Whether to.
        on: bool,
    },
    /// Mutes all that the device plays, or releases it.
    SetMuted(bool),
    /// Sets what an output may play before its guard takes it to silence.
    SetOutputGuard {
        /// The output.
        node: NodeId,
        /// Its limits.
        guard: OutputGuard,
    },
    /// Looks after the time that the rig and its plugins take, or no longer.
    WatchTime(bool),
    /// Sets what becomes of a plugin that takes too much time.
    SetOverloadPolicy {
        /// The node.
        node: NodeId,
        /// When it does, and what is done.
        policy: OverloadPolicy,
    },
    /// Brings a plugin back that was taken out of the way for being overloaded.
    RecoverNode {
        /// The node.
        node: NodeId,
    },
    /// Forgets all xruns of the log.
    ClearXruns,
    /// Measures the loudness of a node's output, or no longer: [`EngineHandle::levels`] shows it.
    MeasureLoudness {
        /// The node.
        node: NodeId,
        /// Whether to.
        on: bool,
    },
    /// Begins the integrated loudness, its range and the maxima of a node anew.
    ResetLoudness {
        /// The node.
        node: NodeId,
    },
    /// Takes an output to silence, or lets one that is silent play again.
    HoldOutput {
        /// The output.
        node: NodeId,
        /// Whether it is to be silent.
        on: bool,
    },
    /// Forgets held peaks and clips of all meters.
    ResetMeters,
    /// Tunes by one channel of a node's output, or no longer: [`EngineHandle::levels`] shows the note.
    Tune(Option<ListenTo>),
    /// Sets the frequency of A4 that the tuner tells notes by, in Hz.
    SetTunerReference(f64),
    /// Starts, stops or moves the playhead, taps its tempo, counts in, or chooses its clocks.
    Transport(TransportAction),
    /// Transport, measuring and metering, by the renderer's own command, at once.
    Send(Command),
    /// Loads a rig in the place of what is there. Answered by [`Done::Loaded`] once it plays.
    Load {
        /// The rig.
        document: Box<Document>,
        /// The channels of its roles.
        roles: Mapping,
        /// Its own file from then on.
        file: Option<PathBuf>,
    },
    /// Saves the rig. Answered once the file is written.
    Save {
        /// The rig file, its own from then on; none for the one it has.
        path: Option<PathBuf>,
    },
    /// Plays a scene, as soon as it is prepared and its beat is there. Answered by [`Done::Changed`]: whether it plays
    /// already.
    PlayScene {
        /// Its name.
        scene: String,
        /// When it takes over; none for when the scene itself says.
        start: Option<SceneStart>,
    },
    /// Plays the rig without a scene.
    LeaveScene,
    /// Plays the next scene of the setlist. Answered by [`Done::Changed`].
    NextScene,
    /// Plays the scene before. Answered by [`Done::Changed`].
    PreviousScene,
    /// Plays the first scene of the next song. Answered by [`Done::Changed`].
    NextSong,
    /// Plays the first scene of the song before. Answered by [`Done::Changed`].
    PreviousSong,
    /// Plays a scene of a song. Answered by [`Done::Changed`].
    PlaySong {
        /// The song's place in the setlist, from 0.
        song: usize,
        /// The scene's place in the song, from 0.
        scene: usize,
    },
    /// Stores what is heard as a scene.
    StoreScene {
        /// Its name; a new one, or that of the scene to be overwritten.
        scene: String,
        /// What of the rig.
        capture: Capture,
    },
    /// Keeps how all values are now, to go back to. Answered by [`Done::Name`].
    TakeMoment {
        /// What to call it; none for a new name.
        name: Option<String>,
    },
    /// Goes back to a moment. Answered by [`Done::LeftOut`].
    RecallMoment {
        /// Its name.
        moment: String,
    },
    /// Renames or removes moments.
    EditMoments(MomentEdit),
    /// Changes scenes, songs or the setlist.
    EditScenes(Box<SceneEdit>),
    /// Changes what MIDI messages control.
    EditMappings(Box<MappingEdit>),
    /// Learns the next control that is moved; with a mapping, adds that for it. [`Notice::Learned`](crate::Notice::Learned)
    /// tells.
    StartLearning(Option<Box<MappingEntry>>),
    /// Learns no longer.
    StopLearning,
    /// Puts the performance lock on, or takes it off: under it nothing is autosaved.
    SetPerformanceLock(bool),
    /// Ends all that sounds.
    Panic,
    /// Takes the last edit or state back. Answered by [`Done::Changed`].
    Undo,
    /// Makes it again. Answered by [`Done::Changed`].
    Redo,
}

/// What came of an [`Action`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Done {
    /// It is done; there is nothing to say.
    Done,
    /// The node that was added.
    Node(NodeId),
    /// The edge that was added.
    Edge(EdgeId),
    /// Whether there was anything to do.
    Changed(bool),
    /// What it was called.
    Name(String),
    /// The ways that found no port, as `from -> to`; what of a preset or a moment is not there.
    LeftOut(Vec<String>),
    /// What of a rig could not be had as its file says.
    Loaded(Vec<RigProblem>),
    /// A value as text.
    Text(Option<String>),
    /// The presets for a plugin.
    Presets(Box<PluginPresets>),
    /// The MIDI ports there are.
    Midi(MidiListing),
}

/// An action on its way to the engine.
pub(crate) struct Order {
    action: Action,
    reply: Reply<Done>,
}

/// The engine as seen from another thread. Cheap to clone.
///
/// # Threads
/// Any, but the callback: asking allocates.
#[derive(Clone)]
pub struct EngineHandle {
    orders: Sender<Order>,
    snapshot: Arc<SnapshotCell>,
    levels: LevelsCell,
}

impl EngineHandle {
    pub(crate) fn new(settings: EngineSettings) -> (Self, Receiver<Order>) {
        let (orders, inbox) = channel();
        (Self { orders, snapshot: Arc::new(SnapshotCell::new(settings)), levels: LevelsCell::default() }, inbox)
    }

    pub(crate) fn levels_cell(&self) -> LevelsCell {
        self.levels.clone()
    }

    pub(crate) fn snapshot_cell(&self) -> SnapshotCell {
        self.snapshot.reader()
    }

    /// Lets the engine do something with its next [`Engine::poll`]. The answer fails if the engine is gone.
    pub fn send(&self, action: Action) -> Pending<Done> {
        let (reply, pending) = Pending::new();
        // The reply goes with an order that nobody takes, and with that the answer fails.
        let _ = self.orders.send(Order { action, reply });
        pending
    }

    /// What the rig looked like at the end of the last [`Engine::poll`].
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.read()
    }

    /// Meters and tuner as of the last [`Engine::poll`]. Cheap: for readers that draw thirty times a second.
    pub fn levels(&self) -> Arc<Levels> {
        levels::read(&self.levels)
    }
}

impl<P: Plugins> Engine<P> {
    pub(crate) fn obey(&mut self, Order { action, reply }: Order) {
        let done = |result: Result<(), EngineError>| result.map(|()| Done::Done);
        let answer = match action {
            Action::AddInput { name, role, channels } => self.add_input(&name, &role, &channels).map(Done::Node),
            Action::AddOutput { name, role, channels } => self.add_output(&name, &role, &channels).map(Done::Node),
            Action::AddEventInput { name, role } => self.add_event_input(&name, &role).map(Done::Node),
            Action::AddEventOutput { name, role } => self.add_event_output(&name, &role).map(Done::Node),
            Action::MidiPorts => Ok(Done::Midi(self.midi_ports())),
            Action::OpenMidi { direction, role, name } => {
                self.open_midi(direction, &role, &name);
                Ok(Done::Done)
            }
            Action::CloseMidi { direction, role } => {
                self.close_midi(direction, &role);
                Ok(Done::Done)
            }
            Action::AddBuiltin { name, builtin } => self.add_builtin(&name, builtin).map(Done::Node),
            Action::AddPlugin { name, plugin, setup } => self.add_plugin(&name, &plugin, setup).map(Done::Node),
            Action::Connect { source, destination } => self.connect(source, destination).map(Done::Edge),
            Action::ConnectEvents { source, destination } => self.connect_events(source, destination).map(Done::Edge),
            Action::ConnectEdge(edge) => self.connect_edge(edge).map(Done::Edge),
            Action::Edit(edits) => done(self.apply(edits)),
            Action::SetCell { edge, source, destination, cell } => done(self.set_cell(edge, source, destination, cell)),
            Action::SetCells { changes, keep_edges } => done(self.set_cells(&changes, keep_edges)),
            Action::SetPanned { rows, columns, panned, law } => done(self.set_panned(rows, columns, panned, law)),
            Action::ChangeBlock(change) => done(self.change_block(&change)),
            Action::BeginGesture => {
                self.begin_gesture();
                Ok(Done::Done)
            }
            Action::EndGesture => {
                self.end_gesture();
                Ok(Done::Done)
            }
            Action::SetSoloed { what, on } => done(self.set_soloed(what, on)),
            Action::SetSoloSafe { row, on } => done(self.set_solo_safe(row, on)),
            Action::ClearSolo => done(self.clear_solo()),
            Action::EditGroups(edit) => done(self.edit_groups(*edit)),
            Action::EditMixes(edit) => done(self.edit_mixes(*edit)),
            Action::CopyMix { from, to } => done(self.copy_mix(&from, &to)),
            Action::EditMatrixPresets(edit) => done(self.edit_matrix_presets(*edit)),
            Action::RecallMatrixPreset { preset } => self.recall_matrix_preset(&preset).map(Done::LeftOut),
            Action::InsertNode { node, edge } => done(self.insert_node(node, edge)),
            Action::MoveNode { node, edge } => done(self.move_node(node, edge)),
            Action::ReplaceNode { node, with } => self.replace_node(node, with).map(Done::LeftOut),
            Action::RemoveNode { node, bridge } => done(self.remove_node(node, bridge)),
            Action::SetBypassed { node, on } => done(self.set_bypassed(node, on)),
            Action::SetPresent { node, on } => done(self.set_present(node, on)),
            Action::SetBypassMode { node, mode } => done(self.set_bypass_mode(node, mode)),
            Action::SetInstanceLimit(limit) => {
                self.set_instance_limit(limit);
                Ok(Done::Done)
            }
            Action::SetSpillover(spillover) => done(self.set_spillover(spillover)),
            Action::SetParameter { node, parameter, value } => done(self.set_parameter(node, parameter, value)),
            Action::PlayScene { scene, start: None } => self.play_scene(&scene).map(Done::Changed),
            Action::PlayScene { scene, start: Some(start) } => self.play_scene_at(&scene, start).map(Done::Changed),
            Action::LeaveScene => done(self.leave_scene()),
            Action::NextScene => self.next_scene().map(Done::Changed),
            Action::PreviousScene => self.previous_scene().map(Done::Changed),
            Action::NextSong => self.next_song().map(Done::Changed),
            Action::PreviousSong => self.previous_song().map(Done::Changed),
            Action::PlaySong { song, scene } => self.play_song(song, scene).map(Done::Changed),
            Action::StoreScene { scene, capture } => done(self.store_scene(&scene, &capture)),
            Action::TakeMoment { name } => self.take_moment(name.as_deref()).map(Done::Name),
            Action::RecallMoment { moment } => self.recall_moment(&moment).map(Done::LeftOut),
            Action::EditMoments(edit) => done(self.edit_moments(edit)),
            Action::EditScenes(edit) => done(self.edit_scenes(*edit)),
            Action::EditMappings(edit) => done(self.edit_mappings(*edit)),
            Action::StartLearning(mapping) => {
                self.start_learning(mapping.map(|mapping| *mapping));
                Ok(Done::Done)
            }
            Action::StopLearning => {
                self.stop_learning();
                Ok(Done::Done)
            }
            Action::SetPerformanceLock(on) => {
                self.set_performance_lock(on);
                Ok(Done::Done)
            }
            Action::Panic => done(self.panic()),
            Action::SendEvent { node, event } => done(self.send_event(node, NOW, event)),
            Action::MeasureLoad(on) => done(self.measure_load(on)),
            Action::Meter { node, on } => done(self.meter(node, on)),
            Action::WatchTime(on) => done(self.watch_time(on)),
            Action::SetOverloadPolicy { node, policy } => done(self.set_overload_policy(node, policy)),
            Action::RecoverNode { node } => done(self.recover_node(node)),
            Action::ClearXruns => {
                self.clear_xruns();
                done(Ok(()))
            }
            Action::MeasureLoudness { node, on } => done(self.measure_loudness(node, on)),
            Action::ResetLoudness { node } => done(self.reset_loudness(node)),
            Action::SetOutputGuard { node, guard } => done(self.set_output_guard(node, guard)),
            Action::HoldOutput { node, on } => done(self.hold_output(node, on)),
            Action::SetMuted(on) => done(self.set_muted(on)),
            Action::ResetMeters => {
                self.reset_meters();
                done(Ok(()))
            }
            Action::Tune(source) => done(self.tune(source)),
            Action::SetTunerReference(frequency) => done(self.set_tuner_reference(frequency)),
            Action::ResetWorstLoad => {
                self.reset_worst_load();
                done(Ok(()))
            }
            Action::Transport(action) => done(self.transport(action)),
            Action::Send(command) => done(self.send_command(NOW, command)),
            Action::Undo => self.undo().map(Done::Changed),
            Action::Redo => self.redo().map(Done::Changed),
            // The rest have answers that plugins have a say in.
            Action::Load { document, roles, file } => {
                let reply = Box::new(move |problems: Result<_, _>| reply(problems.map(Done::Loaded)));
                return self.load_rig(*document, roles, file, reply);
            }
            Action::Save { path } => return self.save_to(path, when_done(reply)),
            Action::SetParameterText { node, parameter, text } => {
                return self.parse_and_set(node, parameter, text, when_done(reply));
            }
            Action::ParameterText { node, parameter, value } => {
                let reply = Box::new(move |text: Result<_, _>| reply(text.map(Done::Text)));
                return self.ask_for_text(node, parameter, value, reply);
            }
            Action::AddSecondInstance { node, scene, state } => {
                let reply = Box::new(move |node: Result<_, _>| reply(node.map(Done::Node)));
                return self.ask_for_second_instance(node, scene, state, reply);
            }
            Action::ShareState { node, scene, on } => {
                return self.ask_to_share_state(node, scene, on, when_done(reply));
            }
            Action::LoadState { node, state } => {
                return self.recall(node, StateSource::Bytes(state), when_done(reply));
            }
            Action::LoadPreset { node, place } => {
                return self.recall(node, StateSource::Preset(place), when_done(reply));
            }
            Action::SavePreset { node, file } => return self.save_preset_to(node, file, when_done(reply)),
            Action::Presets { node } => {
                let reply =
                    Box::new(move |found: Result<_, _>| reply(found.map(|found| Done::Presets(Box::new(found)))));
                return self.find_presets(node, reply);
            }
        };
        reply(answer);
    }
}

fn when_done(reply: Reply<Done>) -> Reply<()> {
    Box::new(move |result| reply(result.map(|()| Done::Done)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another thread asks; the answer comes with the next poll, and no more once the engine is gone.
    #[test]
    fn another_thread_is_answered_by_a_poll() {
        let mut engine = Engine::new(EngineSettings::default());
        let handle = engine.handle();
        let add = || Action::AddInput { name: "guitar".into(), role: "guitar".into(), channels: vec![Some(0)] };
        let asking = std::thread::spawn({
            let (handle, action) = (handle.clone(), add());
            move || handle.send(action)
        });
        let answer = asking.join().unwrap();
        assert!(answer.try_take().is_none(), "nothing is done before the poll");
        let before = handle.snapshot();
        engine.poll();
        assert!(matches!(answer.try_take(), Some(Ok(Done::Node(_)))));
        let after = handle.snapshot();
        assert_eq!((before.graph.node_count(), after.graph.node_count()), (0, 1));
        assert!(after.revision > before.revision);
        engine.poll();
        assert_eq!(handle.snapshot().revision, after.revision, "nothing has changed");
        drop(engine);
        assert!(matches!(handle.send(add()).wait(), Err(EngineError::Gone)));
    }

    /// ```text
    /// save             no file yet
    /// load a, save     asked at once: a is written
    /// save as b, save  b is written, a is as it was
    /// ```
    #[test]
    fn a_rig_is_saved_where_it_came_from_or_was_saved_last() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a.rig.toml", "b.rig.toml"].map(|name| folder.path().join(name));
        let mut engine = Engine::new(EngineSettings::default());
        let handle = engine.handle();
        let save = |path: Option<&PathBuf>| handle.send(Action::Save { path: path.cloned() });
        let tempo = |bpm| handle.send(Action::Transport(TransportAction::Tempo(bpm)));
        let saved = |path: &PathBuf| crate::session::load(path).ok().map(|loaded| loaded.document.tempo);
        let early = save(None);
        engine.poll();
        assert!(matches!(early.try_take(), Some(Err(EngineError::NoFile))));
        let document = Document { tempo: 90.0, ..Document::default() };
        let loading = Action::Load { document: Box::new(document), roles: Mapping::default(), file: Some(a.clone()) };
        let answers = [handle.send(loading), save(None)];
        engine.poll();
        assert!(answers.iter().all(|answer| matches!(answer.try_take(), Some(Ok(_)))));
        assert_eq!((saved(&a), handle.snapshot().file), (Some(90.0), Some(a.clone())));
        let answers = [tempo(100.0), save(Some(&b)), tempo(110.0), save(None)];
        engine.poll();
        assert!(answers.iter().all(|answer| matches!(answer.try_take(), Some(Ok(_)))));
        assert_eq!((saved(&a), saved(&b), handle.snapshot().file), (Some(90.0), Some(110.0), Some(b)));
    }
}
