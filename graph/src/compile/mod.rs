//! The compiler: from a graph to a schedule, in passes of one file each. Runs on the control thread; knows no samples.

mod buffers;
mod dump;
mod feedback;
mod latency;
mod lower;
mod order;
mod played;
mod schedule;
mod verify;

pub use dump::{dot, svg, text};
pub use schedule::{
    EventEdge, Line, MatrixPlan, Mix, Op, SILENT_SLOT, Schedule, ScheduledInput, ScheduledNode, ScheduledOutput, Span,
    Tap, Term,
};
pub use verify::Defect;

use crate::graph::Graph;
use crate::graph::flat::Flat;
use crate::id::{EdgeId, NodeId};
use std::sync::Arc;

/// Why a graph could not be compiled. The schedule before it keeps playing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The signal runs in a circle.
    #[error("the signal runs in a circle: {}; make one of its edges a feedback edge", path(names))]
    Cycle {
        /// The nodes of the circle, in the direction of the signal.
        nodes: Vec<NodeId>,
        /// Their names.
        names: Vec<String>,
    },
    /// The compiler made a mistake and found it.
    #[error("the compiled schedule is wrong, {0}")]
    Defect(#[from] Defect),
}

fn path(names: &[String]) -> String {
    let mut path = names.join(" -> ");
    if let Some(first) = names.first() {
        path.push_str(" -> ");
        path.push_str(first);
    }
    path
}

/// Compiles graphs, keeping its working memory from one to the next.
#[derive(Default)]
pub struct Compiler {
    /// The graph as it was compiled last, shared with it until its next edit.
    flat: Arc<Flat>,
    order: Vec<u32>,
    order_scratch: order::Scratch,
    arrivals: latency::Arrivals,
    delays: latency::Delays,
    lower_scratch: lower::Scratch,
    verify_scratch: verify::Scratch,
}

/// What a schedule has to go on from.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// The schedule that plays now: new cells fade in, changed delays cross-fade.
    pub previous: Option<&'a Schedule>,
    /// By index of an edge's id: whether the gains of the edge are about to change without a compile, so that none of
    /// its cells may be elided. Edges beyond the end are not.
    pub adjustable: &'a [bool],
    /// Edges that wait for as long as they did, whatever they arrive with: what is on its way out must not shift. Others wait
    /// for them.
    pub held: &'a [EdgeId],
}

impl Compiler {
    /// A compiler without any memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compiles and verifies.
    ///
    /// # Errors
    /// [`CompileError::Cycle`] with the path, if the graph has one.
    pub fn compile(&mut self, graph: &Graph, context: Context<'_>) -> Result<Schedule, CompileError> {
        self.flat.clone_from(graph.flat());
        order::order(&self.flat, &mut self.order_scratch, &mut self.order).map_err(|path| {
            let nodes: Vec<NodeId> = path.into_iter().map(|node| self.flat.nodes[node as usize].id).collect();
            let names = nodes.iter().map(|&id| graph.node(id).map_or_else(|| id.to_string(), |node| node.name.clone()));
            CompileError::Cycle { names: names.collect(), nodes }
        })?;
        latency::align(&self.flat, &self.order, &mut self.arrivals, &mut self.delays);
        latency::hold(&self.flat, played::Played(context.previous), context.held, &mut self.delays);
        self.recompile(context)
    }

    /// Compiles the graph that was compiled last once more, under another context. Order and delays stay as they are.
    ///
    /// # Errors
    /// Only a defect of the compiler: the graph has been compiled before.
    pub fn recompile(&mut self, context: Context<'_>) -> Result<Schedule, CompileError> {
        let plan = Plan {
            flat: &self.flat,
            order: &self.order,
            arrivals: &self.arrivals,
            delays: &self.delays,
            played: played::Played(context.previous),
            adjustable: context.adjustable,
        };
        let mut schedule = lower::lower(plan, &mut self.lower_scratch);
        schedule.longest_chunk = feedback::longest_chunk(&self.flat);
        verify::verify(&self.flat, &self.delays, &schedule, &mut self.verify_scratch)?;
        Ok(schedule)
    }
}

/// What is to be lowered: the graph, and what the passes found out.
#[derive(Clone, Copy)]
struct Plan<'a> {
    flat: &'a Arc<Flat>,
    order: &'a [u32],
    arrivals: &'a latency::Arrivals,
    delays: &'a latency::Delays,
    played: played::Played<'a>,
    adjustable: &'a [bool],
}
