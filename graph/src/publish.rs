//! The control half's end of the rings: turns edited graphs into programs, sends them, and takes back what they replace.
//! Never touches a processor that the renderer has.

mod bundles;
mod carry;
mod ends;
mod leaving;

use crate::compile::{CompileError, Compiler, Context, Schedule};
use crate::graph::Graph;
use crate::graph::flat::FlatEdge;
use crate::id::{EdgeId, NodeId};
use crate::kernels::{Kernels, Level as KernelLevel};
use crate::processor::Processor;
use crate::rt::{
    BUNDLE_CREDITS, Budget, Bundle, BypassMode, Clue, Command, Crosspoint, GuardSettings, Hearing, Level, ListenTo,
    Load, Message, NOW, Parcel, PlayheadReader, Program, Progress, Renderer, Report, Reports, Settings, Timed,
    listeners,
};
use bundles::Kept;
use carry::{
    CarriedTaps, carried_gains, carried_lines, carried_matrices, carried_nodes, carried_taps, moving_edges, places,
};
use ends::Ends;
use leaving::{Closing, Leaving};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Parcels that may be about at once: on their way out, waiting for their frame, or on their way home.
pub const CREDITS: usize = 8;
/// Messages that fit into the ring to the renderer.
const MESSAGES: usize = 8192;
const REPORTS: usize = 4096;
const LOADS: usize = 1 << 16;
const LEVELS: usize = 1 << 14;
const CLUES: usize = 1 << 12;
/// Inputs and outputs of the rig that can be metered at once.
const METERED_ENDS: usize = 256;

/// Why something could not be sent to the renderer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The graph does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The renderer has not taken what was sent before: nothing renders, or too much is sent at once.
    #[error("the renderer has not taken {} messages yet; is anything rendering?", MESSAGES)]
    Full,
}

/// Whether a graph is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was sent.
    Sent,
    /// All credits are out: it goes with the next [`Publisher::publish`] that finds one. Edits made until then go
    /// together.
    Waiting,
}

/// Edges of a graph that play only for a while.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parting<'e> {
    /// Audio edges that are to go.
    pub leaving: &'e [EdgeId],
    /// Audio edges, those among them, that wait for others for as long as they did, whatever they arrive with: what is on its
    /// way out does not shift.
    pub held: &'e [EdgeId],
}

/// A processor that has come home.
pub struct Returned {
    /// Whose it was.
    pub node: NodeId,
    /// To be deactivated and dropped, or given out again.
    pub processor: Box<dyn Processor>,
}

/// The control half of a renderer.
///
/// # Threads
/// One thread at a time; may be sent.
pub struct Publisher {
    settings: Settings,
    compiler: Compiler,
    outbox: rtrb::Producer<Message>,
    home: rtrb::Consumer<Box<Parcel>>,
    bundles_home: rtrb::Consumer<Bundle>,
    reports: rtrb::Consumer<Report>,
    loads: rtrb::Consumer<Load>,
    levels: rtrb::Consumer<Level>,
    clues: rtrb::Consumer<Clue>,
    /// What outputs may play, as far as somebody said so.
    guards: HashMap<NodeId, GuardSettings>,
    /// What nodes may take of the time, as far as somebody said so.
    budgets: HashMap<NodeId, Budget>,
    hearings: Box<[Hearing]>,
    progress: Arc<Progress>,
    credits: usize,
    /// What the last parcel sent will play; none before the first.
    playing: Option<Arc<Schedule>>,
    /// What its inputs and outputs are on the device.
    ends: Ends,
    /// Processors to go with the next parcel.
    arriving: HashMap<NodeId, Box<dyn Processor>>,
    /// Nodes whose processor is to come home with the next parcel though they stay.
    withdrawn: Vec<NodeId>,
    /// How nodes begin that are new to the renderer.
    bypasses: HashMap<NodeId, (bool, BypassMode)>,
    /// Which of them begin away.
    away: HashSet<NodeId>,
    returned: Vec<Returned>,
    /// By index of an edge's id: its gains move, or are about to.
    adjustable: Vec<bool>,
    /// Edges that stay adjustable at rest.
    kept: Kept,
    /// Boxes of commands that may still be sent; the ring home has room for all.
    bundle_credits: usize,
    /// Frame by which all that was sent so far has come to rest, once it is installed.
    rest_after: u64,
    leaving: Leaving,
}

/// How a program takes over from the one before.
#[derive(Default)]
struct Transition {
    /// Crosspoints that fade out before.
    fading: Vec<Crosspoint>,
    /// Crosspoints that begin at silence though they are not new.
    beginning: HashSet<Crosspoint>,
    /// Crosspoints that close in the new program.
    closing: Closing,
    /// Whether the graph is the one that plays.
    resent: bool,
}

/// Makes the two halves, playing nothing yet.
pub fn renderer(settings: Settings) -> (Publisher, Box<Renderer>) {
    renderer_at(settings, KernelLevel::detect())
}

/// As [`renderer`], with the instruction set forced; one that the machine lacks falls back to its best.
pub fn renderer_at(settings: Settings, level: KernelLevel) -> (Publisher, Box<Renderer>) {
    let (outbox, inbox) = rtrb::RingBuffer::new(MESSAGES);
    let (home_in, home) = rtrb::RingBuffer::new(CREDITS);
    let (bundles_in, bundles_home) = rtrb::RingBuffer::new(BUNDLE_CREDITS);
    let (reports_in, reports) = rtrb::RingBuffer::new(REPORTS);
    let (loads_in, loads) = rtrb::RingBuffer::new(LOADS);
    let (levels_in, levels) = rtrb::RingBuffer::new(LEVELS);
    let (clues_in, clues) = rtrb::RingBuffer::new(CLUES);
    let (listeners, hearings) = listeners();
    let progress = Arc::new(Progress::default());
    let nothing = Schedule { longest_chunk: u32::MAX, slots: 1, ..Schedule::default() };
    let program = Box::new(Program::new(Arc::new(nothing), &settings));
    let kernels = Kernels::for_level(level).unwrap_or_else(Kernels::best);
    let streams = Reports {
        reports: reports_in,
        loads: loads_in,
        levels: levels_in,
        clues: clues_in,
        listeners,
        metered_ends: Vec::with_capacity(METERED_ENDS),
        lost: 0,
    };
    let renderer =
        Box::new(Renderer::new(settings, kernels, program, inbox, (home_in, bundles_in), streams, progress.clone()));
    let publisher = Publisher {
        settings,
        compiler: Compiler::new(),
        outbox,
        home,
        bundles_home,
        reports,
        loads,
        levels,
        clues,
        guards: HashMap::new(),
        budgets: HashMap::new(),
        hearings,
        progress,
        credits: CREDITS,
        playing: None,
        ends: Ends::default(),
        arriving: HashMap::new(),
        withdrawn: Vec::new(),
        bypasses: HashMap::new(),
        away: HashSet::new(),
        returned: Vec::new(),
        adjustable: Vec::new(),
        kept: Kept::default(),
        bundle_credits: BUNDLE_CREDITS,
        rest_after: 0,
        leaving: Leaving::default(),
    };
    (publisher, renderer)
}

impl Publisher {
    /// How the renderer was made.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Steady frame of the renderer's next block.
    pub fn frame(&self) -> u64 {
        self.progress.frame.load(Ordering::Acquire)
    }

    /// What tells any thread where the playhead is.
    pub fn playhead(&self) -> PlayheadReader {
        PlayheadReader::new(self.progress.clone())
    }

    /// The schedule that the last parcel sent carries.
    pub fn schedule(&self) -> Option<&Arc<Schedule>> {
        self.playing.as_ref()
    }

    /// Messages that the renderer could not deliver because nobody read them.
    pub fn lost(&self) -> u64 {
        self.progress.lost.load(Ordering::Relaxed)
    }

    /// Gives a node the processor that the next parcel brings to it, in place of the one it has.
    pub fn give(&mut self, node: NodeId, processor: Box<dyn Processor>) {
        if let Some(unsent) = self.arriving.insert(node, processor) {
            self.returned.push(Returned { node, processor: unsent });
        }
    }

    /// Lets the next parcel bring a node's processor home though the node stays; it plays its bypass path then. Fade
    /// to that first, by [`Command::Withdraw`].
    pub fn withdraw(&mut self, node: NodeId) {
        self.withdrawn.push(node);
    }

    /// Says whether a node begins bypassed, and how it is bypassed, whenever it is new to the renderer. One that plays
    /// hears of nothing by this.
    pub fn begin_bypassed(&mut self, node: NodeId, on: bool, mode: BypassMode) {
        if on || mode != BypassMode::default() {
            self.bypasses.insert(node, (on, mode));
        } else {
            self.bypasses.remove(&node);
        }
    }

    /// Says whether a node begins away whenever it is new to the renderer. One that plays hears of nothing by this.
    pub fn begin_away(&mut self, node: NodeId, on: bool) {
        match on {
            true => self.away.insert(node),
            false => self.away.remove(&node),
        };
    }

    /// Sends the graph as it is now, to play from a steady frame on ([`NOW`]: at once). What goes fades out first, what
    /// is new or changed ramps from there. Where it would cut a delay off on its way to another one it plays once that is
    /// reached.
    ///
    /// # Errors
    /// If the graph does not compile; what plays goes on.
    pub fn publish(&mut self, graph: &Graph, frame: u64) -> Result<Published, PublishError> {
        self.publish_leaving(graph, Parting::default(), frame)
    }

    /// Sends the graph as [`Self::publish`] does, with audio edges that are to go: they fade out while what is new fades in, so
    /// that the signal goes from one way to the other without a gap. Where what comes in the place of one is late it fades out
    /// that much later, once that has come through. They stay in the graph, as they were, for as long as anything is on its
    /// way: see [`Self::is_settled`].
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn publish_leaving(
        &mut self,
        graph: &Graph,
        parting: Parting<'_>,
        frame: u64,
    ) -> Result<Published, PublishError> {
        self.publish_eliding(graph, parting, frame, false)
    }

    /// `elide` says whether cells may be left out that have a term now. Only once all is at rest: what is left out cannot
    /// move, and until its parcel is installed gains are set that must go on in it.
    fn publish_eliding(
        &mut self,
        graph: &Graph,
        Parting { leaving, held }: Parting<'_>,
        frame: u64,
        elide: bool,
    ) -> Result<Published, PublishError> {
        self.receive();
        // A removal may take two parcels: one that gives the cells a gain to fade, one without them.
        if self.credits < 2 || self.outbox.slots() < 2 {
            return Ok(Published::Waiting);
        }
        let exchanged = self.playing.as_deref().map(|playing| self.ends.exchanged(graph, playing)).unwrap_or_default();
        let mut fading = self.removed_crosspoints(graph);
        let removed = fading.len();
        fading.extend(exchanged.fading);
        let elided = self.edges_with_elided(&fading);
        if !elided.is_empty() {
            self.materialise(&elided, frame)?;
        }
        fading[removed..]
            .iter()
            .chain(&exchanged.beginning)
            .for_each(|crosspoint| self.mark_adjustable(crosspoint.edge));
        leaving.iter().for_each(|&edge| self.mark_adjustable(edge));
        let previous = self.playing.clone();
        let context = Context { previous: previous.as_deref(), adjustable: &self.adjustable, held };
        let mut schedule = self.compiler.compile(graph, context)?;
        let begin_to_be_elided = if elide && fading.is_empty() { Vec::new() } else { self.newly_elided(&schedule) };
        if !begin_to_be_elided.is_empty() {
            begin_to_be_elided.into_iter().for_each(|edge| self.mark_adjustable(edge));
            let context = Context { previous: previous.as_deref(), adjustable: &self.adjustable, held };
            schedule = self.compiler.recompile(context)?;
        }
        let closing =
            Leaving::closing(&schedule, previous.as_deref(), leaving, |edge| self.has_edge(edge), self.settings.fade);
        self.leaving.replace(Parting { leaving, held });
        let transition = Transition { fading, beginning: exchanged.beginning, closing, resent: false };
        self.send_program(Arc::new(schedule), transition, frame)?;
        self.ends = Ends::of(graph);
        self.arriving_must_have_a_node(graph);
        Ok(Published::Sent)
    }

    /// Whether the schedule that the last parcel sent carries has an audio edge that is not [to go](Self::publish_leaving).
    pub fn has_edge(&self, edge: EdgeId) -> bool {
        self.playing.as_ref().is_some_and(|playing| playing.edge(edge).is_some()) && !self.leaving.has(edge)
    }

    /// Whether the schedule that the last parcel sent carries has a crosspoint, so that [`Self::set_gain`] looks at no graph.
    pub fn has_cell(&self, edge: EdgeId, source: u16, destination: u16) -> bool {
        self.playing.as_ref().is_some_and(|playing| playing.cell(edge, source, destination).is_some())
    }

    /// Sends a crosspoint to a linear gain (polarity and mute applied) in so many frames, from a steady frame on. The
    /// graph has been edited likewise. Needs no compile, unless the crosspoint had been elided for being at unity.
    ///
    /// # Errors
    /// If nothing takes messages, or the graph does not compile.
    #[allow(clippy::too_many_arguments, reason = "a crosspoint and its way are all of these")]
    pub fn set_gain(
        &mut self,
        graph: &Graph,
        edge: EdgeId,
        source: u16,
        destination: u16,
        gain: f32,
        frame: u64,
        ramp: u32,
    ) -> Result<Published, PublishError> {
        let known = self.playing.as_ref().and_then(|playing| {
            let cell = playing.cell(edge, source, destination)?;
            Some(!playing.elided[cell as usize])
        });
        match known {
            // A cell that the renderer has never heard of comes with a schedule.
            None => return self.publish(graph, frame),
            Some(true) => {}
            Some(false) => {
                self.receive();
                if self.credits < 1 || self.outbox.slots() < 2 {
                    return Ok(Published::Waiting);
                }
                self.materialise(&[edge], frame)?;
            }
        }
        self.mark_adjustable(edge);
        self.send(Timed { frame, command: Command::Gain { edge, source, destination, gain, ramp } })?;
        self.rest_after = self.rest_after.max(frame.max(self.frame()) + u64::from(ramp));
        Ok(Published::Sent)
    }

    /// Sends a command.
    ///
    /// # Errors
    /// [`PublishError::Full`] if nothing takes messages.
    pub fn send(&mut self, timed: Timed) -> Result<(), PublishError> {
        self.outbox.push(Message::Command(timed)).map_err(|_| PublishError::Full)
    }

    /// Sends a command that takes effect at once.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_now(&mut self, command: Command) -> Result<(), PublishError> {
        self.send(Timed { frame: NOW, command })
    }

    /// Whether all parcels are home and all ramps are over, so that nothing of the edits is left.
    pub fn is_settled(&mut self) -> bool {
        self.receive();
        let rests_at = self.progress.rests_at.load(Ordering::Acquire);
        self.credits == CREDITS && self.frame() > self.rest_after.max(rests_at)
    }

    /// Whether [`Self::settle`] has anything to do now.
    pub fn can_settle(&mut self) -> bool {
        self.has_passing_adjustable() && self.is_settled()
    }

    /// Once all is at rest, sends a schedule in which crosspoints that came to rest at unity cost nothing again. What is
    /// [to go](Self::publish_leaving) and still in the graph stays silent. Says whether there was anything to do.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn settle(&mut self, graph: &Graph) -> Result<bool, PublishError> {
        if !self.can_settle() {
            return Ok(false);
        }
        self.adjustable.clear();
        self.mark_kept();
        let (leaving, held) = self.leaving.in_graph(graph);
        let parting = Parting { leaving: &leaving, held: &held };
        self.publish_eliding(graph, parting, NOW, true).map(|published| published == Published::Sent)
    }

    /// The processors that have come home since the last call.
    pub fn returned(&mut self) -> Vec<Returned> {
        self.receive();
        std::mem::take(&mut self.returned)
    }

    /// The next report.
    pub fn report(&mut self) -> Option<Report> {
        self.reports.pop().ok()
    }

    /// The next measurement of time, while [`Command::Measure`] is on.
    pub fn load(&mut self) -> Option<Load> {
        self.loads.pop().ok()
    }

    /// The next measurement of a level, for nodes that are metered.
    pub fn level(&mut self) -> Option<Level> {
        self.levels.pop().ok()
    }

    /// The next clue to why outputs were closed, in the order in which nodes are rendered. All are there with a
    /// [`Report::OutputsTraced`].
    pub fn clue(&mut self) -> Option<Clue> {
        self.clues.pop().ok()
    }

    /// Sets what an output may play, now and under all schedules to come. One that is not in the rig yet begins so.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn guard(&mut self, node: NodeId, settings: GuardSettings) -> Result<(), PublishError> {
        if self.guards.get(&node) != Some(&settings) {
            self.send_now(Command::GuardOutput { node, settings })?;
            self.guards.insert(node, settings);
        }
        Ok(())
    }

    /// Sends what a node may take of the time that there is for a block, now and under all schedules to come; none for no
    /// budget. It counts while [the time is watched](Command::WatchTime).
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn set_budget(&mut self, node: NodeId, budget: Option<Budget>) -> Result<(), PublishError> {
        if self.budgets.get(&node) != budget.as_ref() {
            self.send_now(Command::SetBudget { node, budget })?;
            match budget {
                Some(budget) => drop(self.budgets.insert(node, budget)),
                None => drop(self.budgets.remove(&node)),
            }
        }
        Ok(())
    }

    /// Has a listener, below [`LISTENERS`](crate::LISTENERS), copy a channel from now on, or nothing. What it heard before
    /// is forgotten. A node that is not there yet is waited for.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn listen(&mut self, listener: usize, source: Option<ListenTo>) -> Result<(), PublishError> {
        let Some(hearing) = self.hearings.get_mut(listener) else { return Ok(()) };
        let generation = hearing.begin();
        self.send_now(Command::Listen { listener: listener as u8, generation, source })
    }

    /// Appends the next samples that a listener heard without a gap between them. Returns the steady frame of the first;
    /// none if there is nothing new.
    pub fn hear(&mut self, listener: usize, samples: &mut Vec<f32>) -> Option<u64> {
        self.hearings.get_mut(listener)?.hear(samples)
    }

    /// Takes what came home, and drops what is of no use.
    fn receive(&mut self) {
        while self.bundles_home.pop().is_ok() {
            self.bundle_credits += 1;
        }
        while let Ok(mut parcel) = self.home.pop() {
            self.credits += 1;
            for node in &mut parcel.program.nodes {
                if let Some(processor) = node.processor.take() {
                    self.returned.push(Returned { node: node.id, processor });
                }
            }
        }
    }

    fn mark_adjustable(&mut self, edge: EdgeId) {
        if self.adjustable.len() <= edge.index() {
            self.adjustable.resize(edge.index() + 1, false);
        }
        self.adjustable[edge.index()] = true;
    }

    /// Crosspoints that play now and will not any more, or will feed back otherwise.
    fn removed_crosspoints(&self, graph: &Graph) -> Vec<Crosspoint> {
        let Some(playing) = &self.playing else { return Vec::new() };
        let mut removed = Vec::new();
        for edge in playing.flat.audio_edges() {
            let stays = graph.edge(edge.id).filter(|now| now.feedback.unwrap_or(0) == edge.delay);
            let matrix = stays.and_then(|now| now.matrix());
            for cell in &playing.flat.cells[edge.cells.range()] {
                if matrix.is_none_or(|matrix| matrix.get(cell.source.into(), cell.destination.into()).is_none()) {
                    removed.push(Crosspoint { edge: edge.id, source: cell.source, destination: cell.destination });
                }
            }
        }
        removed
    }

    /// The edges of crosspoints that could not move, being elided.
    fn edges_with_elided(&self, crosspoints: &[Crosspoint]) -> Vec<EdgeId> {
        let Some(playing) = &self.playing else { return Vec::new() };
        let elided = |at: &&Crosspoint| playing.is_elided(at.edge, at.source, at.destination);
        crosspoints.iter().filter(elided).map(|crosspoint| crosspoint.edge).collect()
    }

    /// Edges with a cell that a schedule leaves out and the one before did not.
    fn newly_elided(&self, schedule: &Schedule) -> Vec<EdgeId> {
        let Some(playing) = &self.playing else { return Vec::new() };
        let begins = |edge: &&FlatEdge| {
            let cells = schedule.flat.cells[edge.cells.range()].iter().zip(&schedule.elided[edge.cells.range()]);
            let mut elided = cells.filter(|&(_, &elided)| elided);
            elided.any(|(cell, _)| !playing.is_elided(edge.id, cell.source, cell.destination))
        };
        schedule.flat.audio_edges().filter(begins).map(|edge| edge.id).collect()
    }

    /// Sends what plays once more, with cells that can move where some were elided.
    fn materialise(&mut self, edges: &[EdgeId], frame: u64) -> Result<(), PublishError> {
        edges.iter().for_each(|&edge| self.mark_adjustable(edge));
        let previous = self.playing.clone();
        let context = Context { previous: previous.as_deref(), adjustable: &self.adjustable, held: &[] };
        let schedule = Arc::new(self.compiler.recompile(context)?);
        let arriving = std::mem::take(&mut self.arriving);
        let withdrawn = std::mem::take(&mut self.withdrawn);
        let sent = self.send_program(schedule, Transition { resent: true, ..Transition::default() }, frame);
        self.arriving = arriving;
        self.withdrawn = withdrawn;
        sent
    }

    fn send_program(
        &mut self,
        schedule: Arc<Schedule>,
        transition: Transition,
        frame: u64,
    ) -> Result<(), PublishError> {
        let mut program = Box::new(Program::new(schedule.clone(), &self.settings));
        for node in &mut program.nodes {
            if let Some(processor) = self.arriving.remove(&node.id) {
                node.processor = Some(processor);
            }
            if let Some(&(on, mode)) = self.bypasses.get(&node.id) {
                // One that plays already goes on as it is.
                node.begin_bypassed(Some(on), Some(mode));
            }
            if self.away.contains(&node.id) {
                node.begin_away(true);
            }
        }
        // Of outputs that are gone for good nobody asks any more; there are not many.
        self.guards.iter().for_each(|(&node, &settings)| program.guards.set(node, settings));
        self.budgets.iter().for_each(|(&node, &budget)| program.set_budget(node, Some(budget)));
        let previous = self.playing.as_deref();
        let lines = carried_lines(&schedule, previous);
        let matrices = carried_matrices(&schedule, previous);
        let CarriedTaps { taps, held } = carried_taps(&schedule, previous, &lines);
        let mut parcel = Parcel {
            frame,
            nodes: carried_nodes(&schedule, previous, &self.withdrawn),
            taps,
            held,
            inputs: self.ends.inputs(&schedule, previous),
            lines,
            gains: carried_gains(&schedule, previous, &transition.beginning, &matrices),
            matrices,
            resent: transition.resent,
            follows: previous.is_some(),
            fading: places(&transition.fading, previous),
            closings: transition.closing.later.into(),
            closed: transition.closing.edges.into(),
            program,
        };
        for crosspoint in transition.closing.now {
            parcel.set_goal(crosspoint, 0.0);
        }
        let moving = moving_edges(&schedule, previous);
        if self.outbox.push(Message::Parcel(Box::new(parcel))).is_err() {
            return Err(PublishError::Full);
        }
        self.withdrawn.clear();
        self.credits -= 1;
        moving.into_iter().for_each(|edge| self.mark_adjustable(edge));
        self.playing = Some(schedule);
        Ok(())
    }

    /// Processors given to nodes that are not there come back.
    fn arriving_must_have_a_node(&mut self, graph: &Graph) {
        let strays: Vec<NodeId> = self.arriving.keys().copied().filter(|&node| graph.node(node).is_none()).collect();
        for node in strays {
            if let Some(processor) = self.arriving.remove(&node) {
                self.returned.push(Returned { node, processor });
            }
        }
    }
}
