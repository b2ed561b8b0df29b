//! Who is to blame for what an output's guard has found: while something is wrong at an output, the peaks of what goes into
//! each node and of what comes out of it are gathered, for the control half to follow the signal by. The rest of the time
//! nobody looks.

use super::guard::GuardCause;
use super::kernels::Kernels;
use super::node::NodeState;
use super::program::Reports;
use crate::id::NodeId;

/// Seconds for which the origin of samples that are not numbers is looked for.
const PATIENCE: f64 = 0.25;

/// What went into a node and came out of it while something was wrong. Read in the order in which nodes are rendered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clue {
    /// The node.
    pub node: NodeId,
    /// The greatest magnitude of its inputs; infinite if any sample was not finite.
    pub inputs: f32,
    /// The same of its outputs.
    pub outputs: f32,
}

/// The clues of a program's nodes.
pub(crate) struct Trace {
    state: State,
    /// By place of the node: peaks of inputs and outputs.
    peaks: Box<[(f32, f32)]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Nobody looks.
    Off,
    /// A limit is exceeded, and nobody knows for how long.
    Ahead,
    /// An output was closed; up to a frame there may be something to be found.
    Behind { cause: GuardCause, until: u64 },
}

impl Trace {
    /// For so many nodes. Allocates.
    pub fn new(nodes: usize) -> Self {
        Self { state: State::Off, peaks: vec![(0.0, 0.0); nodes].into_boxed_slice() }
    }

    /// Goes on as under the program before.
    pub fn adopt(&mut self, old: &Self) {
        self.begin(old.state);
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.state != State::Off
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.peaks.fill((0.0, 0.0));
    }

    /// Looks at a node's inputs, before it may overwrite them.
    #[cold]
    pub fn look_at_inputs(&mut self, place: usize, node: &NodeState, frames: usize, kernels: &Kernels) {
        let peak = &mut self.peaks[place].0;
        *peak = node.io.inputs().iter().fold(*peak, |peak, &channel| peak.max(magnitude(channel, frames, kernels)));
    }

    /// Looks at what a node made of them.
    #[cold]
    pub fn look_at_outputs(&mut self, place: usize, node: &NodeState, frames: usize, kernels: &Kernels) {
        let peak = &mut self.peaks[place].1;
        *peak = node.io.outputs().iter().fold(*peak, |peak, &channel| peak.max(magnitude(channel, frames, kernels)));
    }

    /// After the guards have looked at a chunk that begins at a frame: what closed an output, if one did, and whether a limit
    /// is exceeded.
    #[cold]
    pub fn follow(
        &mut self,
        closed: Option<GuardCause>,
        is_exceeded: bool,
        frame: u64,
        rate: f64,
        nodes: &[NodeState],
        reports: &mut Reports,
    ) {
        let until = frame + (PATIENCE * rate) as u64;
        match (self.state, closed) {
            (State::Ahead, Some(GuardCause::TooLoud { .. })) => self.tell(nodes, reports),
            (_, Some(cause)) => self.begin(State::Behind { cause, until }),
            (State::Off, None) if is_exceeded => self.begin(State::Ahead),
            (State::Ahead, None) if !is_exceeded => self.state = State::Off,
            (State::Behind { cause, until }, None) => {
                let is_found = match cause {
                    GuardCause::NotANumber => self.peaks.iter().any(|(_, outputs)| outputs.is_infinite()),
                    GuardCause::TooLoud { .. } => true,
                };
                if is_found || frame >= until {
                    self.tell(nodes, reports);
                }
            }
            (State::Off | State::Ahead, None) => {}
        }
    }

    fn tell(&mut self, nodes: &[NodeState], reports: &mut Reports) {
        for (node, &(inputs, outputs)) in nodes.iter().zip(&self.peaks) {
            if outputs > 0.0 {
                reports.clue(Clue { node: node.id, inputs, outputs });
            }
        }
        reports.push(super::command::Report::OutputsTraced);
        self.state = State::Off;
    }
}

fn magnitude(channel: *const f32, frames: usize, kernels: &Kernels) -> f32 {
    // SAFETY: the channels of a node are valid for the frames of the chunk.
    unsafe {
        match kernels.is_finite_all(channel, frames) {
            true => kernels.peak(channel, frames),
            false => f32::INFINITY,
        }
    }
}
