//! What the engine has to tell, beside answers to what it was asked.

use crate::xruns::XrunEntry;
use crosspoint_devices::StreamInfo;
use crosspoint_formats::PluginNotice;
use crosspoint_graph::{GuardCause, NodeId, OverloadAction};
use std::sync::Arc;

/// Something that people should know, gathered by [`Engine::poll`](crate::Engine::poll).
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
    /// A plugin takes more than its budget of the time, block after block. What its policy says is done.
    Overloaded {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
        /// What was done.
        action: OverloadAction,
        /// Its part of the time that there is for a block.
        share: f32,
    },
    /// A plugin that was overloaded is not any more, and plays as before.
    Recovered {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
    },
    /// The rig is near its deadline, block after block.
    NearDeadline {
        /// Its part of the time that there is for a block.
        share: f32,
    },
    /// Periods were lost, or blocks came late. Those with the same culprit that follow at a stretch are added to the
    /// [log](crate::Engine::xrun_log), and not told.
    Xrun(XrunEntry),
    /// An output was taken to silence by its guard, and stays so until it is
    /// [let play again](crate::Engine::hold_output) or comes back by itself.
    OutputClosed {
        /// The output.
        node: NodeId,
        /// Its name.
        name: String,
        /// Why.
        cause: GuardCause,
        /// The node that is to blame and its name, as far as it could be found.
        blamed: Option<(NodeId, String)>,
    },
    /// An output that was silent plays again.
    OutputOpened {
        /// The output.
        node: NodeId,
        /// Its name.
        name: String,
    },
    /// A plugin that was added is there and plays; until then its node let the signal through.
    Ready {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
        /// What of its setup it refused, and connections that its ports have no place for.
        problems: Vec<String>,
    },
    /// A plugin that was added could not be had. Its node stays and lets the signal through.
    Missing {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
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
    /// Commands took effect after their frame because too many waited for theirs.
    CommandsLate {
        /// How many.
        count: u32,
    },
    /// The rig is late by another number of frames than before while a file is rendered: what comes after lines up no more.
    LatencyChanged {
        /// Frames until now.
        before: u32,
        /// Frames from now on.
        after: u32,
    },
    /// The device has something to say.
    Device(crosspoint_devices::Notice),
    /// The device is gone, for the reason that [`Notice::Device`] gave, and the rig runs on by a timer.
    OnTimer {
        /// The device as it was.
        device: Arc<StreamInfo>,
        /// Whether it is asked for until it is back.
        is_awaited: bool,
        /// Why there is no timer either; the rig stands still then.
        failure: Option<String>,
    },
    /// The device that is waited for is there, and cannot be had.
    DeviceRefuses {
        /// The device as it was.
        device: Arc<StreamInfo>,
        /// Why, and what to do.
        reason: String,
    },
    /// The device is back and plays.
    DeviceBack {
        /// The device as it was when it went away.
        before: Arc<StreamInfo>,
        /// The device as it is now.
        now: Arc<StreamInfo>,
    },
    /// The thread that renders has no real-time priority: others may keep it waiting. Told once for each time that a device
    /// begins to play.
    NotRealTime {
        /// Why, and what to do.
        advice: String,
    },
    /// The engine runs at the device's new rate. Plugins are activated anew, and what sounded is gone.
    RateFollowed {
        /// Frames a second until now.
        before: u32,
        /// Frames a second from now on.
        after: u32,
    },
    /// The engine cannot run at the device's new rate and plays on at its own.
    RateRefused {
        /// The device's rate, in frames a second.
        rate: u32,
        /// Why.
        reason: String,
    },
    /// A MIDI port was opened, is gone, or cannot be opened.
    Midi {
        /// Which way.
        direction: crosspoint_devices::midi::Direction,
        /// The role that it has in the rig.
        role: String,
        /// What has become of it.
        event: crate::midi::MidiEvent,
    },
    /// The transport follows the MIDI clock of a role from now on.
    ClockFollowed {
        /// The role.
        role: String,
        /// Its tempo, in quarter notes a minute.
        tempo: f64,
    },
    /// The MIDI clock that the transport followed has ceased although it was not stopped. The transport goes on alone in the
    /// clock's last tempo; the clock has it again when it comes back, and its place in the song with the next start,
    /// continue or song position.
    ClockLost {
        /// The role.
        role: String,
        /// The tempo that stays, in quarter notes a minute.
        tempo: f64,
    },
    /// The audio file of a player was not read in time: silence was heard instead. The disk is slow or busy.
    TrackLate {
        /// The player.
        node: NodeId,
        /// Its name.
        name: String,
        /// How often.
        count: u64,
        /// Seconds that were missing.
        seconds: f64,
    },
    /// The audio file of a player cannot be read any more; what is missing of it is silent.
    TrackUnreadable {
        /// The player.
        node: NodeId,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A scene plays.
    ScenePlays {
        /// Its name.
        scene: String,
    },
    /// A plugin does not have the state that a scene has for it, and goes on with the one it has.
    StateNotTaken {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// What is now, or what a switch took away and nobody had stored, was kept as a moment to go back to.
    MomentTaken {
        /// Its name.
        moment: String,
    },
    /// A scene that was asked for is not prepared: it plays as soon as it is.
    SceneNotPrepared {
        /// Its name.
        scene: String,
        /// What it waits for.
        waits_for: Vec<String>,
    },
    /// A control was moved while one was to be [learned](crate::Engine::start_learning).
    Learned {
        /// The role of the port that it came from.
        role: String,
        /// Its message.
        message: crate::session::ControlMessage,
        /// The place of the mapping that was added for it, if one was to be.
        mapping: Option<usize>,
    },
    /// No control is [learned](crate::Engine::stop_learning) any longer, and none was.
    LearningStopped,
    /// The rig could not be autosaved. Told once for each reason; it is tried again.
    AutosaveFailed {
        /// Why.
        reason: String,
    },
    /// A control ended all that sounded.
    Panic,
    /// MIDI messages were lost because too many came at once, or were longer than any may be.
    MidiLost {
        /// How many.
        count: u64,
    },
}
