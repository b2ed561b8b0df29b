//! What is heard of the user's matrix: each cell by the factor that solo and groups give it. Only what is sent to the
//! renderer changes; the user's graph is never touched. Knows no cause: what is soloed is in `solo`, what is grouped in
//! `groups`.

use super::groups::GroupFactors;
use super::solo::Silence;
use super::{FaderKey, PortChannel, cells_of};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::Fader;
use crosspoint_graph::graph::{Edit, EditError};
use crosspoint_graph::{Cell, Command, Edge, EdgeId, Graph, NOW, Published, Signal};
use std::borrow::Cow;

/// More cells than this are sent with a schedule, which the callback takes over at once, and not one by one.
const MOST_COMMANDS: usize = 512;
/// More cells than this are not moved by a plan for the sake of faders: the callback takes them one by one, at one frame.
pub(crate) const MOST_MOVED: usize = 2048;

/// By what each cell is heard beside its own gain.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    pub(super) silence: Silence,
    pub(super) groups: GroupFactors,
}

impl Overlay {
    /// Whether all is heard as the graph says it.
    pub fn is_plain(&self) -> bool {
        self.silence.is_empty() && self.groups.is_empty()
    }

    /// What a cell is multiplied by, whether the graph has it or not.
    pub fn factor(&self, source: PortChannel, destination: PortChannel) -> f32 {
        if self.silence.covers(source, destination) { 0.0 } else { self.groups.factor(source, destination) }
    }

    /// A cell as it is heard.
    pub fn of(&self, source: PortChannel, destination: PortChannel, cell: Cell) -> Cell {
        scaled(cell, self.factor(source, destination))
    }

    /// A cell of an edge as it is heard, by its source and destination channel.
    pub fn at(&self, edge: &Edge, source: u32, destination: u32, cell: Cell) -> Cell {
        self.of(PortChannel::at(edge.source, source), PortChannel::at(edge.destination, destination), cell)
    }

    /// A graph as it is heard.
    pub fn heard<'g>(&self, graph: &'g Graph) -> Result<Cow<'g, Graph>, EditError> {
        if self.is_plain() {
            return Ok(Cow::Borrowed(graph));
        }
        let mut edits = Vec::new();
        for (id, edge) in graph.edges() {
            let heard = self.heard_of(edge);
            if let Cow::Owned(Edge { signal: Signal::Audio { matrix }, .. }) = heard {
                edits.push(Edit::SetCells { edge: id, block: matrix.get_block(matrix.region())? });
            }
        }
        if edits.is_empty() {
            return Ok(Cow::Borrowed(graph));
        }
        let mut heard = graph.clone();
        heard.apply(edits)?;
        Ok(Cow::Owned(heard))
    }

    /// An edge as it is heard.
    pub fn heard_of<'e>(&self, edge: &'e Edge) -> Cow<'e, Edge> {
        let mut heard = Cow::Borrowed(edge);
        for (source, destination, cell) in cells_of(edge) {
            let now = self.of(source, destination, cell);
            if now != cell
                && let Signal::Audio { matrix } = &mut heard.to_mut().signal
            {
                // It is one of the edge's own.
                let _ = matrix.set(source.channel, destination.channel, Some(now));
            }
        }
        heard
    }
}

/// What lets a cell be heard with a gain.
pub(crate) fn gain_of(edge: EdgeId, source: u32, destination: u32, heard: Cell, ramp: u32) -> Command {
    // A port has no more channels than that.
    let (source, destination) = (source as u16, destination as u16);
    Command::Gain { edge, source, destination, gain: heard.effective(), ramp }
}

/// A cell with a factor, as loud as can be if that is too much for a float.
pub(crate) fn scaled(cell: Cell, factor: f32) -> Cell {
    match factor {
        1.0 => cell,
        0.0 => Cell { mute: true, ..cell },
        _ => Cell { gain: (cell.gain * factor).clamp(f32::MIN, f32::MAX), ..cell },
    }
}

impl<P: Plugins> Engine<P> {
    /// Finds anew by what cells are heard. Before anything is sent.
    pub(crate) fn follow_overlay(&mut self) {
        self.overlay = self.overlay_with(|_| None);
    }

    /// By what cells would be heard with faders as `moved` has them where it has any.
    pub(crate) fn overlay_with(&self, moved: impl Fn(FaderKey) -> Option<Fader>) -> Overlay {
        Overlay { silence: Silence::of(&self.solo, &self.graph), groups: self.group_factors(moved) }
    }

    /// What lets all cells be heard by another overlay than they are.
    fn heard_otherwise(&self, overlay: &Overlay, ramp: u32) -> impl Iterator<Item = Command> {
        self.all_cells().filter_map(move |(edge, row, column, cell)| {
            let now = overlay.of(row, column, cell);
            let is_other = self.overlay.of(row, column, cell).effective() != now.effective();
            is_other.then(|| gain_of(edge, row.channel, column.channel, now, ramp))
        })
    }

    /// What lets all cells that one of these faders moves be heard by an overlay, whatever they are heard by now, save those
    /// that are said already by their edge, source and destination; and all others that are heard otherwise than now.
    pub(crate) fn moved_by(
        &self,
        is_meant: impl Fn(FaderKey) -> bool,
        overlay: &Overlay,
        ramp: u32,
        is_said: impl Fn(EdgeId, u32, u32) -> bool,
    ) -> Vec<Command> {
        if !self.faders().any(|(key, _)| is_meant(key)) {
            return Vec::new();
        }
        let with = |fader: Fader| self.overlay_with(|key| is_meant(key).then_some(fader));
        let (up, down) = (with(Fader::default()), with(Fader { muted: true, ..Fader::default() }));
        let moved = self.all_cells().filter_map(|(edge, row, column, cell)| {
            let now = overlay.of(row, column, cell);
            let is_moved = up.factor(row, column) != down.factor(row, column)
                || self.overlay.of(row, column, cell).effective() != now.effective();
            let is_wanted = is_moved && !is_said(edge, row.channel, column.channel);
            is_wanted.then(|| gain_of(edge, row.channel, column.channel, now, ramp))
        });
        moved.collect()
    }

    fn all_cells(&self) -> impl Iterator<Item = (EdgeId, PortChannel, PortChannel, Cell)> {
        let cells = |(id, edge)| cells_of(edge).map(move |(row, column, cell)| (id, row, column, cell));
        self.graph.edges().flat_map(cells)
    }

    /// A cell of an edge as it is heard.
    pub(crate) fn heard_cell(&self, edge: EdgeId, source: u32, destination: u32, cell: Cell) -> Cell {
        scaled(cell, self.heard_factor(edge, source, destination))
    }

    /// What a cell of an edge is multiplied by.
    pub(crate) fn heard_factor(&self, edge: EdgeId, source: u32, destination: u32) -> f32 {
        let Some(edge) = self.graph.edge(edge) else { return 1.0 };
        self.overlay.factor(PortChannel::at(edge.source, source), PortChannel::at(edge.destination, destination))
    }

    /// Sends what is heard otherwise because of solo or groups: ramped, and without a compile where that can be.
    pub(crate) fn publish_overlay(&mut self) -> Result<(), EngineError> {
        self.snapshot.outdate();
        if self.unpublished || self.batches > 0 || self.parking.is_in_use() {
            return self.publish();
        }
        let overlay = self.overlay_with(|_| None);
        if self.overlay.is_plain() && overlay.is_plain() {
            return Ok(());
        }
        let ramp = self.publisher.settings().fade;
        let commands = self.heard_otherwise(&overlay, ramp).take(MOST_COMMANDS + 1);
        let commands: Vec<Command> = commands.collect();
        self.overlay = overlay;
        if commands.is_empty() {
            return Ok(());
        }
        if commands.len() > MOST_COMMANDS {
            return self.publish();
        }
        // What messages set meanwhile is sent once more.
        self.control.republished = true;
        // Should it fail it goes with the whole graph.
        self.unpublished = true;
        self.unpublished = self.publisher.send_bundle(NOW, commands)? == Published::Waiting;
        Ok(())
    }
}
