//! Pass 6: an independent check of every compile. Plays the ops on symbols instead of samples and compares what each
//! node would hear with what the graph says it should; shares nothing with the passes that made the ops.

use super::latency::Delays;
use super::schedule::{Mix, Op, SILENT_SLOT, Schedule, Span, Term};
use crate::graph::flat::{Flat, FlatNode, Form, Kind, NONE};
use crate::id::NodeId;
use std::ops::Range;
use std::sync::Arc;

/// What a slot holds: an output channel of the rig, so many frames late, or one of the kinds below, which are later than
/// any delay. One number, so that two are compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Symbol(u64);

impl Symbol {
    /// Zeros.
    const SILENCE: Self = Self::new(0, u32::MAX);
    /// Nothing was written yet.
    const NOTHING: Self = Self::new(1, u32::MAX);

    const fn new(channel: u32, late: u32) -> Self {
        Self((late as u64) << 32 | channel as u64)
    }

    /// An output channel of the rig, so many frames late.
    fn output(channel: u32, delay: u32) -> Self {
        Self::new(channel, delay)
    }

    fn channel(self) -> u32 {
        self.0 as u32
    }

    /// That of a channel so many further on.
    fn behind(self, channels: u32) -> Self {
        Self(self.0 + u64::from(channels))
    }

    /// Whether it is one of so many output channels from another on, as late.
    fn is_within(self, first: Self, count: u32) -> bool {
        self.0.wrapping_sub(first.0) < u64::from(count)
    }

    /// The sum into an input channel of the rig, as far as it has come.
    fn sum(input: u32) -> Self {
        Self::new(input, u32::MAX - 1)
    }
}

/// A slot of the arena.
#[derive(Clone, Copy)]
struct Slot {
    symbol: Symbol,
    /// Op that last read it as the input of a node, and that last read it as several.
    reader: u32,
    shared: u32,
}

/// An input channel of the rig.
#[derive(Clone, Copy)]
struct Input {
    /// How many of the cells that lead to it are not summed so far.
    missing: u32,
    /// The place behind the last that is; 0 for none.
    next: u32,
}

impl Input {
    /// Whether something was summed into it.
    fn is_begun(self) -> bool {
        self.next > 0
    }

    /// Sums so many cells more, which lie in a range, each behind the one before.
    #[inline(always)]
    fn add(&mut self, cells: Range<u32>, count: u32) -> Verdict {
        require(self.next <= cells.start, "a sum is out of order")?;
        require(count <= self.missing, "a sum has too many terms")?;
        *self = Self { missing: self.missing - count, next: cells.end };
        Ok(())
    }
}

/// What is wrong with a schedule. A defect of the compiler, never of the rig.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("op {position}: {problem}; please report this rig, the schedule before it keeps playing")]
pub struct Defect {
    /// Index of the op.
    pub position: usize,
    /// What it does wrong.
    pub problem: &'static str,
}

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    slots: Vec<Slot>,
    inputs: Vec<Input>,
    /// The only cell that leads to an input channel, of those that hear one without a sum.
    only: Vec<u32>,
    /// The node for whose inputs they were found last.
    found: u32,
    /// Of each term of the mix at hand the output channel that its first cell should read, and that cell.
    terms: Vec<(u32, u32)>,
    done: Vec<bool>,
    lines: Vec<bool>,
}

/// Checks that no op reads what was not written for it, that nothing is overwritten while it is needed, that every sum
/// is complete and in order, and that every node runs once, after what feeds it.
pub(super) fn verify(
    flat: &Arc<Flat>,
    delays: &Delays,
    schedule: &Schedule,
    scratch: &mut Scratch,
) -> Result<(), Defect> {
    scratch.prepare(flat, schedule);
    let mut check = Check { flat, delays, schedule, scratch, position: 0, inputs: 0, outputs: 0, ran: 0, elided: 0 };
    check.tables().map_err(|problem| Defect { position: 0, problem })?;
    for (position, op) in schedule.ops.iter().enumerate() {
        check.position = position;
        check.op(op).map_err(|problem| Defect { position, problem })?;
    }
    check.end().map_err(|problem| Defect { position: schedule.ops.len(), problem })
}

impl Scratch {
    fn prepare(&mut self, flat: &Flat, schedule: &Schedule) {
        fn fill<T: Clone>(list: &mut Vec<T>, length: usize, value: T) {
            list.clear();
            list.resize(length, value);
        }
        let slot = Slot { symbol: Symbol::NOTHING, reader: u32::MAX, shared: u32::MAX };
        fill(&mut self.slots, schedule.slots as usize, slot);
        self.slots[SILENT_SLOT as usize].symbol = Symbol::SILENCE;
        self.inputs.clear();
        self.inputs.extend(flat.feeders.iter().map(|&missing| Input { missing, next: 0 }));
        fill(&mut self.done, schedule.nodes.len(), false);
        fill(&mut self.lines, schedule.lines.len(), false);
        self.only.resize(flat.input_channels(), 0);
        self.found = u32::MAX;
    }

    /// Finds the cells that a node hears without a sum.
    fn find_only(&mut self, flat: &Flat, node: &FlatNode) {
        if std::mem::replace(&mut self.found, node.id.index) == node.id.index {
            return;
        }
        for edge in flat.entering(node) {
            flat.each_cell(edge, |index, _, destination| self.only[destination as usize] = index);
        }
    }
}

type Verdict = Result<(), &'static str>;

struct Check<'a> {
    flat: &'a Arc<Flat>,
    delays: &'a Delays,
    schedule: &'a Schedule,
    scratch: &'a mut Scratch,
    position: usize,
    /// How many inputs were read, outputs written and nodes run so far.
    inputs: usize,
    outputs: usize,
    ran: usize,
    /// How many cells are elided by what was found.
    elided: usize,
}

fn require(holds: bool, problem: &'static str) -> Verdict {
    if holds { Ok(()) } else { Err(problem) }
}

/// Whether an output channel belongs to an input node and shows no channel of the device.
#[cold]
fn is_unmapped(flat: &Flat, output: u32) -> bool {
    let place = flat.nodes.partition_point(|node| node.outputs.first + node.outputs.count <= output);
    flat.nodes[place].kind != Kind::Processor && flat.device_inputs[output as usize].is_none()
}

impl<'a> Check<'a> {
    /// What a cell should read.
    #[inline(always)]
    fn source_of(&self, cell: u32) -> Symbol {
        let flat = &self.flat.cells[cell as usize];
        Symbol::output(self.flat.owner(flat).source_of(flat), self.delays.of_cell(cell))
    }

    /// Whether a symbol is what a cell should read.
    #[inline(always)]
    fn carries(&self, wanted: Symbol, symbol: Symbol) -> Verdict {
        let right = symbol == wanted || symbol == Symbol::SILENCE && is_unmapped(self.flat, wanted.channel());
        require(right, "a cell reads something else than its source")
    }

    /// What the schedule says without ops.
    fn tables(&self) -> Verdict {
        require(Arc::ptr_eq(&self.schedule.flat, self.flat), "the schedule is of another graph")?;
        require(self.schedule.delays == self.delays.of_cells(), "a cell has another delay than it needs")?;
        require(self.schedule.elided.len() == self.flat.cells.len(), "there are more or fewer cells than in the graph")
    }

    fn op(&mut self, op: &Op) -> Verdict {
        match *op {
            Op::Clear { slot } => self.write(slot, Symbol::SILENCE),
            Op::Input { channel, slot } => self.input(channel, slot),
            Op::Output { channel, slot, .. } => self.output(channel, slot),
            Op::Mix { mix } => self.mix(mix as usize),
            Op::Matrix { matrix } => self.matrix(matrix as usize),
            Op::DelayWrite { line, slot } | Op::FeedbackWrite { line, slot } => self.keep(line as usize, slot),
            Op::DelayRead { tap, slot } => {
                let line = self.schedule.taps[tap as usize].line as usize;
                let written = self.scratch.lines[line] || self.is_unmapped_input(line);
                require(written, "reads a delay line before it is written")?;
                self.read_tap(tap as usize, slot)
            }
            Op::FeedbackRead { tap, slot } => {
                let delay = self.schedule.taps[tap as usize].delay;
                require(delay >= self.schedule.longest_chunk, "a feedback edge is shorter than a chunk")?;
                self.read_tap(tap as usize, slot)
            }
            Op::Merge { node } => self.merge(node as usize),
            Op::Process { node } => self.process(node as usize),
        }
    }

    fn write(&mut self, slot: u32, symbol: Symbol) -> Verdict {
        require(slot != SILENT_SLOT, "writes to the silent slot")?;
        self.scratch.slots[slot as usize].symbol = symbol;
        Ok(())
    }

    fn input(&mut self, channel: u32, slot: u32) -> Verdict {
        let input = self.schedule.inputs.get(self.inputs).ok_or("more inputs are read than are planned")?;
        self.inputs += 1;
        let output = self.node(input.node).outputs.first + input.channel;
        require(input.device_channel == channel, "another device channel is read than is planned")?;
        require(self.flat.device_inputs[output as usize] == Some(channel), "an input shows another device channel")?;
        self.write(slot, Symbol::output(output, 0))
    }

    /// Whether what a slot holds is what an input channel of the rig should hear.
    #[inline(always)]
    fn hears(&mut self, node: &FlatNode, input: u32, symbol: Symbol) -> Verdict {
        let sum = self.scratch.inputs[input as usize];
        if sum.is_begun() {
            require(sum.missing == 0, "a sum is not complete")?;
            return require(symbol == Symbol::sum(input), "a sum was overwritten");
        }
        if sum.missing == 0 {
            return require(symbol == Symbol::SILENCE, "an input that nothing feeds is not silent");
        }
        require(sum.missing == 1, "a sum was left out")?;
        let (only, source) = self.only(node, input)?;
        require(self.schedule.elided[only as usize], "a cell was elided and is not known to be")?;
        // What an end of the rig hears is counted when all is done: not all of it shows.
        self.elided += usize::from(node.kind == Kind::Processor);
        self.carries(source, symbol)
    }

    /// The only cell that leads to an input channel of a node, and what it should read: at unity, as it is not summed.
    #[inline(always)]
    fn only(&mut self, node: &FlatNode, input: u32) -> Result<(u32, Symbol), &'static str> {
        let first = self.flat.links[node.id.index()].first_edge as usize;
        let edge = &self.flat.edges[first];
        if edge.form == Form::Unity && self.flat.routes[first].next == NONE {
            let place = input - edge.destination_channel;
            let cell = edge.cells.first + place;
            return Ok((cell, Symbol::output(edge.source_channel + place, self.delays.of_cell(cell))));
        }
        self.scratch.find_only(self.flat, node);
        let cell = self.scratch.only[input as usize];
        require(self.flat.cells[cell as usize].gain == 1.0, "a cell was elided that is not at unity")?;
        Ok((cell, self.source_of(cell)))
    }

    fn node(&self, id: NodeId) -> &'a FlatNode {
        &self.flat.nodes[id.index()]
    }

    fn line_source(&self, line: usize) -> u32 {
        let line = &self.schedule.lines[line];
        self.node(line.node).outputs.first + line.channel
    }

    fn is_unmapped_input(&self, line: usize) -> bool {
        is_unmapped(self.flat, self.line_source(line))
    }

    fn keep(&mut self, line: usize, slot: u32) -> Verdict {
        let source = self.line_source(line);
        let symbol = self.scratch.slots[slot as usize].symbol;
        require(symbol == Symbol::output(source, 0), "a delay line is fed by something else than its source")?;
        require(!std::mem::replace(&mut self.scratch.lines[line], true), "a delay line is written twice")
    }

    fn read_tap(&mut self, tap: usize, slot: u32) -> Verdict {
        let tap = self.schedule.taps[tap];
        let longest = self.schedule.lines[tap.line as usize].longest;
        require(tap.delay.max(tap.previous) <= longest, "a tap is longer than its line")?;
        let source = self.line_source(tap.line as usize);
        self.write(slot, Symbol::output(source, tap.delay))
    }

    fn begin_sum(&mut self, input: u32, slot: u32, accumulate: bool) -> Verdict {
        let begun = self.scratch.inputs[input as usize].is_begun();
        let symbol = self.scratch.slots[slot as usize].symbol;
        if accumulate && !begun {
            // What a dense edge left where it has no cells, or cleared for it to add to.
            return require(symbol == Symbol::SILENCE, "a sum goes on from nothing");
        }
        require(begun == accumulate, "a sum begins twice")?;
        require(!accumulate || symbol == Symbol::sum(input), "a sum goes on from something else")
    }

    fn mix(&mut self, mix: usize) -> Verdict {
        let Mix { channels, accumulate, slots, terms } = self.schedule.mixes[mix];
        let planned = &self.schedule.terms[terms.range()];
        let mut slots = &self.schedule.mix_slots[slots.range()];
        let first = planned.first().ok_or("a sum without terms")?.cell;
        require(slots.len() == channels as usize * (planned.len() + 1), "a sum has another number of slots")?;
        let (mut input, mut next) = (None, first);
        let mut terms = std::mem::take(&mut self.scratch.terms);
        terms.clear();
        for &term in planned {
            require(next <= term.cell, "a sum is out of order")?;
            next = term.cell + 1;
            let (source, destination) = self.term(term, channels)?;
            require(*input.get_or_insert(destination) == destination, "a cell is summed into another channel")?;
            terms.push((source, term.cell));
        }
        let input = input.unwrap_or_default();
        for channel in 0..channels {
            let (own, others) = slots.split_at(terms.len() + 1);
            slots = others;
            let input = input + channel;
            self.begin_sum(input, own[0], accumulate)?;
            self.scratch.inputs[input as usize].add(first + channel..next + channel, planned.len() as u32)?;
            // Written first, so that a term that reads what is written does not find its source there.
            self.write(own[0], Symbol::sum(input))?;
            for (&(source, cell), &slot) in terms.iter().zip(&own[1..]) {
                let wanted = Symbol::output(source + channel, self.delays.of_cell(cell + channel));
                self.carries(wanted, self.scratch.slots[slot as usize].symbol)?;
            }
        }
        self.scratch.terms = terms;
        Ok(())
    }

    /// The output channel that the first cell of a term of a mix should read, and the input channel that it leads to. The
    /// cells of the channels behind it should read the sources behind that, and lead to the inputs behind.
    #[inline(always)]
    fn term(&self, term: Term, channels: u32) -> Result<(u32, u32), &'static str> {
        let edge = &self.flat.edges[term.edge as usize];
        let place = term.cell.wrapping_sub(edge.cells.first);
        require(edge.is_audio() && place < edge.cells.count, "a cell is of another edge")?;
        if edge.is_straight() {
            require(place + channels <= edge.cells.count, "a mix hears more channels than its edge has")?;
            return Ok((edge.source_channel + place, edge.destination_channel + place));
        }
        require(channels == 1, "a mix of several channels hears an edge that is not straight")?;
        let cell = &self.flat.cells[term.cell as usize];
        Ok((edge.source_of(cell), edge.destination_of(cell)))
    }

    fn matrix(&mut self, matrix: usize) -> Verdict {
        let matrix = &self.schedule.matrices[matrix];
        let sources = &self.schedule.matrix_slots[matrix.sources.range()];
        let destinations = &self.schedule.matrix_slots[matrix.destinations.range()];
        let flat = &self.flat.edges[matrix.edge.index()];
        require(flat.id == matrix.edge && flat.is_audio(), "a matrix belongs to no edge")?;
        let inputs = flat.destination_channel..;
        for (channel, (input, &slot)) in inputs.clone().zip(destinations).enumerate() {
            self.begin_sum(input, slot, matrix.accumulate)?;
            require(!sources.contains(&slot), "a matrix overwrites what it reads")?;
            require(!destinations[..channel].contains(&slot), "a matrix writes a slot twice")?;
        }
        let gains = &self.schedule.matrix_gains[matrix.gains.range()];
        for (index, cell) in (flat.cells.first..).zip(&self.flat.cells[flat.cells.range()]) {
            let (source, destination) = (usize::from(cell.source), usize::from(cell.destination));
            let gain = gains[destination * sources.len() + source];
            let input = flat.destination_of(cell);
            require(cell.gain == gain, "a cell has another gain than the graph")?;
            self.scratch.inputs[input as usize].add(index..index + 1, 1)?;
            self.carries(self.source_of(index), self.scratch.slots[sources[source] as usize].symbol)?;
        }
        for (input, &slot) in inputs.zip(destinations) {
            let summed = self.scratch.inputs[input as usize].is_begun();
            self.write(slot, if summed { Symbol::sum(input) } else { Symbol::SILENCE })?;
        }
        Ok(())
    }

    fn merge(&mut self, node: usize) -> Verdict {
        let node = &self.schedule.nodes[node];
        for edge in &self.schedule.event_edges[node.events.range()] {
            require(
                self.flat.edges[edge.id.index()].feeds_back()
                    || self.scratch.done[edge.source as usize]
                    || !self.schedule.nodes[edge.source as usize].hosted,
                "events are merged before they are sent",
            )?;
        }
        Ok(())
    }

    fn process(&mut self, place: usize) -> Verdict {
        require(!std::mem::replace(&mut self.scratch.done[place], true), "a node runs twice")?;
        self.ran += 1;
        let node = &self.schedule.nodes[place];
        let flat = self.node(node.id);
        require(node.hosted && flat.kind == Kind::Processor, "an end of the rig is run")?;
        let inputs = &self.schedule.node_slots[node.inputs.range()];
        let outputs = &self.schedule.node_slots[node.outputs.range()];
        require(inputs.len() == flat.inputs.count as usize, "a node has another number of inputs")?;
        require(outputs.len() == flat.outputs.count as usize, "a node has another number of outputs")?;
        let now = self.position as u32;
        for (input, &place) in (flat.inputs.first..).zip(inputs) {
            let slot = &mut self.scratch.slots[place as usize];
            if slot.reader == now {
                slot.shared = now;
            }
            slot.reader = now;
            let symbol = slot.symbol;
            self.hears(flat, input, symbol)?;
        }
        let own = Symbol::output(flat.outputs.first, 0);
        for (channel, &place) in (0..).zip(outputs) {
            let slot = &mut self.scratch.slots[place as usize];
            require(!slot.symbol.is_within(own, flat.outputs.count), "two outputs of a node share a slot")?;
            require(place != SILENT_SLOT, "writes to the silent slot")?;
            slot.symbol = own.behind(channel);
            if slot.reader == now {
                require(flat.in_place, "a node that is not in-place overwrites its input")?;
                require(slot.shared != now, "an output overwrites the input of several channels")?;
                let beside = if channel < flat.alike { Some(channel) } else { self.input_beside(flat, channel) };
                let pair = beside.and_then(|input| inputs.get(input as usize));
                require(pair == Some(&place), "an output overwrites the input of another channel")?;
            }
        }
        Ok(())
    }

    /// The input of the same port and channel as an output, if there is one.
    #[cold]
    fn input_beside(&self, node: &FlatNode, output: u32) -> Option<u32> {
        let ports = |ports: Span| &self.flat.ports[ports.range()];
        let traits = self.flat.traits(node);
        let mut pairs = ports(traits.output_ports).iter().zip(ports(traits.input_ports));
        let (to, from) = pairs.find(|(to, _)| to.range().contains(&(output as usize)))?;
        let channel = output - to.first;
        (channel < from.count).then(|| from.first + channel)
    }

    fn output(&mut self, channel: u32, slot: u32) -> Verdict {
        let output = self.schedule.outputs.get(self.outputs).ok_or("more outputs are written than are planned")?;
        self.outputs += 1;
        require(output.device_channel == channel, "another device channel is written than is planned")?;
        let node = self.node(output.node);
        let input = node.inputs.first + output.channel;
        require(self.flat.device_outputs[input as usize].0 == Some(channel), "an output shows another device channel")?;
        self.hears(node, input, self.scratch.slots[slot as usize].symbol)
    }

    fn end(&mut self) -> Verdict {
        let schedule = self.schedule;
        require(self.outputs == schedule.outputs.len(), "an output is not written")?;
        let mut fed = 0;
        for node in self.flat.output_nodes() {
            self.scratch.find_only(self.flat, node);
            for input in node.inputs.range() {
                let cell = || &self.flat.cells[self.scratch.only[input] as usize];
                let silent = || is_unmapped(self.flat, self.flat.owner(cell()).source_of(cell()));
                let sum = self.scratch.inputs[input];
                let is_alone = !sum.is_begun() && sum.missing == 1;
                let sounds = sum.is_begun() || sum.missing > 1 || is_alone && !silent();
                fed += usize::from(self.flat.device_outputs[input].0.is_some() && sounds);
                self.elided += usize::from(is_alone);
            }
        }
        require(self.ran == self.flat.counts.processors as usize, "a node does not run")?;
        let elided = schedule.elided.iter().filter(|&&elided| elided).count();
        require(self.elided == elided, "a cell is summed and passes for elided")?;
        require(fed == self.outputs, "an output is missing")?;
        let kept = (0..schedule.lines.len()).all(|line| self.scratch.lines[line] || self.is_unmapped_input(line));
        require(kept, "a delay line is never written")
    }
}

#[cfg(test)]
mod tests;
