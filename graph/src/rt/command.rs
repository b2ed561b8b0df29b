//! What the control half asks of the renderer, and what the renderer reports. Plain values, each with its frame.

use super::budget::{Budget, Culprit, OverloadAction, WatchSettings, XrunKind};
use super::guard::{GuardCause, GuardSettings};
use super::listen::ListenTo;
use crate::event::Event;
use crate::id::{EdgeId, NodeId};

/// Takes effect as soon as it arrives.
pub const NOW: u64 = 0;

/// Something to do at a frame, without a compile.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// A crosspoint goes to a linear gain within so many frames.
    Gain {
        /// The edge.
        edge: EdgeId,
        /// Source channel within its port.
        source: u16,
        /// Destination channel within its port.
        destination: u16,
        /// Linear, with polarity; 0 for muted.
        gain: f32,
        /// Length of the ramp in frames.
        ramp: u32,
    },
    /// A crosspoint closes so many frames later, so that what its source no longer gets rings on until then. Any
    /// [gain](Self::Gain) that it is given before keeps it open.
    CloseLater {
        /// The edge.
        edge: EdgeId,
        /// Source channel within its port.
        source: u16,
        /// Destination channel within its port.
        destination: u16,
        /// Length of the ramp in frames.
        ramp: u32,
        /// Frames until it begins.
        after: u32,
    },
    /// A node receives an event; an input node sends it on. The event's own frame is ignored.
    Event {
        /// The node.
        node: NodeId,
        /// The event.
        event: Event,
    },
    /// All notes end that came to a node along edges, and all that it has sent on along edges: its device is lost.
    EndNotes {
        /// The node.
        node: NodeId,
    },
    /// A node is bypassed, or no longer, as its [mode](Self::BypassMode) says.
    Bypass {
        /// The node.
        node: NodeId,
        /// Whether it is to be bypassed.
        on: bool,
    },
    /// How a node is bypassed from the next time on.
    BypassMode {
        /// The node.
        node: NodeId,
        /// How.
        mode: BypassMode,
    },
    /// A node is there for what comes to it, or *away*: nothing passes it, not even past its processor. Its input fades out and
    /// no note begins; what sounds rings out, held keys until they are released, for as long as [tails](Self::TailLimit)
    /// may. Then its processor is not called any more until the node is back, whose input fades in. Says nothing of a bypass,
    /// which a node has beside it.
    Present {
        /// The node.
        node: NodeId,
        /// Whether it is there.
        on: bool,
    },
    /// A node fades to its bypass path however it sounds, so that its processor can go home; or back. The next
    /// [`Report::Bypassed`] says that it is there.
    Withdraw {
        /// The node.
        node: NodeId,
        /// Whether the processor is to go home.
        on: bool,
    },
    /// Once nothing comes into a node and nothing of it sounds any more, [`Report::Sleeps`] says so, one time.
    TellSleep {
        /// The node.
        node: NodeId,
    },
    /// How many frames the tail of a node that is bypassed or away may ring on, from the next time on.
    TailLimit(u32),
    /// The gate of an event edge: while it is closed no new note begins along the edge, and only what ends something
    /// passes: note-offs, chokes, lifted pedals, all notes off.
    Gate {
        /// The edge.
        edge: EdgeId,
        /// Whether it lets events through, as at first.
        open: bool,
    },
    /// The plan of a scene is carried out. A switch that still waits for its beat is replaced.
    Scene {
        /// The scene, below [`SCENES`](crate::SCENES).
        scene: u16,
        /// When.
        start: SceneStart,
    },
    /// A switch to a scene that waits for its beat is not made.
    CancelScene,
    /// The playhead starts or stops.
    Play(bool),
    /// The playhead jumps to a frame of the song.
    Locate(i64),
    /// The playhead jumps to a place in quarter notes, as if the song had the tempo and the metre of now from its start.
    LocateQuarters(f64),
    /// So many beats are counted, then the playhead starts. Nothing if it plays; 0 ends the count.
    CountIn(u32),
    /// The playhead goes along with a clock, of which this is where it is now; none to go on alone in the clock's tempo.
    Follow(Option<ClockPoint>),
    /// Quarter notes a minute, from here on. Not taken while the playhead follows a clock.
    Tempo(f64),
    /// Beats a bar and the note value of a beat, from here on.
    Metre(u16, u16),
    /// Loops between two frames of the song, or no longer.
    Loop(Option<(i64, i64)>),
    /// Whether recording is armed.
    Record(bool),
    /// Whether the time of each node is taken.
    Measure(bool),
    /// Whether the renderer looks after its time: budgets, blocks near their deadline, who made a block late. Not while it
    /// freewheels, when there is no deadline.
    WatchTime(Option<WatchSettings>),
    /// What a node may take of the time that there is for a block, from here on; none for no budget. Best sent by
    /// [`Publisher::set_budget`](crate::Publisher::set_budget), so that schedules to come have it too.
    SetBudget {
        /// The node.
        node: NodeId,
        /// The budget.
        budget: Option<Budget>,
    },
    /// A node that was taken out of the way for being overloaded comes back.
    Recover {
        /// The node.
        node: NodeId,
    },
    /// Whether the outputs of a node are metered.
    Meter {
        /// The node.
        node: NodeId,
        /// Whether to.
        on: bool,
    },
    /// All that the device plays goes to silence, until it is released. No edit releases it.
    MasterMute(bool),
    /// What an output may play, from here on. Best sent by [`Publisher::guard`](crate::Publisher::guard), so that schedules
    /// to come have it too.
    GuardOutput {
        /// The output.
        node: NodeId,
        /// Its limits.
        settings: GuardSettings,
    },
    /// An output goes to silence and stays there, or one that was taken there by its guard comes back.
    HoldOutput {
        /// The output.
        node: NodeId,
        /// Whether it is to be silent.
        on: bool,
    },
    /// What a listener copies into its ring; none to copy nothing. Sent by
    /// [`Publisher::listen`](crate::Publisher::listen), which knows the generation.
    Listen {
        /// Which listener, below [`crate::LISTENERS`].
        listener: u8,
        /// Tells what comes now from what the ring still has of a request before.
        generation: u32,
        /// The channel.
        source: Option<ListenTo>,
    },
}

impl Command {
    /// Whether it has a crosspoint go somewhere, now or later.
    pub(crate) fn moves_crosspoint(&self) -> bool {
        matches!(self, Self::Gain { .. } | Self::CloseLater { .. })
    }
}

/// Where a clock is that the playhead follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockPoint {
    /// Its place in quarter notes from the start of the song; none while it only tells the tempo.
    pub quarters: Option<f64>,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Whether nobody could know the tempo until now.
    pub begins: bool,
}

/// What becomes of a node that is bypassed. Its input always goes to its main output, as late as the node, and the events
/// that come to it are sent on in place of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum BypassMode {
    /// Its input fades to silence, its notes end, and what sounds of them rings out, until the processor says that it is over
    /// or the limit of tails is reached. A node without inputs of any kind falls silent.
    #[default]
    Tails,
    /// It fades out, and forgets what sounds.
    Cut,
    /// It fades out and plays on unheard, with its input, its notes and all.
    Live,
    /// It bypasses itself: a parameter of its own is set, and nothing else is done.
    Own {
        /// The node's own number of the parameter.
        parameter: u32,
        /// Its value while the node is to be bypassed, in the plain scale.
        on: f64,
        /// And while not.
        off: f64,
    },
}

/// When a scene takes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SceneStart {
    /// At the command's frame.
    #[default]
    Now,
    /// At the next beat of the metre, at once if the playhead stands or is on one.
    Beat,
    /// At the start of the next bar, at once if the playhead stands or is on one.
    Bar,
}

/// A command with the frame at which it takes effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timed {
    /// Steady frame of the renderer; a frame that has passed means at once.
    pub frame: u64,
    /// What to do.
    pub command: Command,
}

/// Why a node is bypassed although nobody asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Its processor said so: an error, or output that is not a number.
    Failed,
}

/// Something the control half should know.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Report {
    /// A node failed at a frame and is bypassed until it is replaced.
    Fault {
        /// The node.
        node: NodeId,
        /// Steady frame of the chunk.
        frame: u64,
        /// Why.
        fault: Fault,
    },
    /// A node sent a parameter value or gesture of its own.
    Sent {
        /// The node.
        node: NodeId,
        /// Steady frame of the event.
        frame: u64,
        /// The event.
        event: Event,
    },
    /// Events were lost at a node because too many came at once.
    EventsLost {
        /// The node.
        node: NodeId,
        /// How many.
        count: u32,
    },
    /// A node has faded to its bypass path, and nothing of its processor is heard any more.
    Bypassed {
        /// The node.
        node: NodeId,
    },
    /// A node sleeps, of which [`Command::TellSleep`] asked: nothing comes in, and nothing sounds any more.
    Sleeps {
        /// The node.
        node: NodeId,
    },
    /// Commands took effect after their frame because too many waited for theirs.
    Late {
        /// Steady frame at which they took effect.
        frame: u64,
        /// How many.
        count: u32,
    },
    /// A bundle took effect, except for commands about nodes, edges or crosspoints that the schedule does not have.
    Skipped {
        /// Steady frame.
        frame: u64,
        /// How many.
        count: u32,
    },
    /// A scene took over.
    Scene {
        /// The scene.
        scene: u16,
        /// Steady frame.
        frame: u64,
        /// Commands of its plan about what the schedule does not have.
        skipped: u32,
    },
    /// A scene was called for of which the renderer has no plan. Nothing changed.
    SceneNotPrepared {
        /// The scene.
        scene: u16,
        /// Steady frame.
        frame: u64,
    },
    /// A node took more than its budget, block after block. What is to be done about it is done.
    Overloaded {
        /// The node.
        node: NodeId,
        /// Steady frame behind the last of these blocks.
        frame: u64,
        /// Its part of the deadline in that.
        share: f32,
        /// What was done.
        action: OverloadAction,
    },
    /// A node is not overloaded any more, and is as it was before.
    Recovered {
        /// The node.
        node: NodeId,
        /// Steady frame.
        frame: u64,
    },
    /// Blocks of the rig are near their deadline, one after the other. Told once until that many are not.
    NearDeadline {
        /// Steady frame of the last of them.
        frame: u64,
        /// Its part of the deadline.
        share: f32,
    },
    /// A block came late. Of one that the device reports after it was missed there are two.
    Xrun {
        /// Steady frame of the block that was rendered last.
        frame: u64,
        /// Who says so.
        kind: XrunKind,
        /// What it took of its deadline; 0 if its time was not taken.
        share: f32,
        /// Who may be to blame; none if its time was not taken.
        culprit: Option<Culprit>,
    },
    /// The guard of an output takes it to silence. [`Report::OutputsTraced`] follows.
    OutputClosed {
        /// The output.
        node: NodeId,
        /// Steady frame at which the ramp begins.
        frame: u64,
        /// Why.
        cause: GuardCause,
    },
    /// An output that was taken to silence comes back.
    OutputOpened {
        /// The output.
        node: NodeId,
        /// Steady frame at which the ramp begins.
        frame: u64,
    },
    /// All clues to who is to blame for the outputs that were closed before [are there](crate::Publisher::clue).
    OutputsTraced,
    /// A command spoke of a node or crosspoint that the playing schedule does not have.
    Unknown {
        /// Steady frame.
        frame: u64,
    },
}

/// How long a node took for a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The node; none for the whole of a call to render.
    pub node: Option<NodeId>,
    /// In ticks of [`crate::kernels::ticks`].
    pub ticks: u64,
    /// Frames rendered in that time.
    pub frames: u32,
}

/// The level of one channel over a chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The node.
    pub node: NodeId,
    /// Output channel, counted over all ports.
    pub channel: u16,
    /// Greatest magnitude.
    pub peak: f32,
    /// Sum of squares; its mean over [`Self::frames`] is the square of the RMS.
    pub square_sum: f64,
    /// Frames measured.
    pub frames: u32,
}
