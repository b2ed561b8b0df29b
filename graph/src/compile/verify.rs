//! Pass 6: an independent check of every compile. Plays the ops on symbols instead of samples and compares what each
//! node would hear with what the graph says it should; shares nothing with the passes that made the ops.

use super::latency::Delays;
use super::schedule::{Op, SILENT_SLOT, Schedule, Span};
use crate::graph::flat::{Flat, FlatNode, Kind};
use crate::id::NodeId;

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

/// An input channel of the rig: how many cells were summed into it, and the place behind the last of those.
#[derive(Clone, Copy, Default)]
struct Input {
    summed: u32,
    next: u32,
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
    done: Vec<bool>,
    lines: Vec<bool>,
}

/// Checks that no op reads what was not written for it, that nothing is overwritten while it is needed, that every sum
/// is complete and in order, and that every node runs once, after what feeds it.
pub(super) fn verify(flat: &Flat, delays: &Delays, schedule: &Schedule, scratch: &mut Scratch) -> Result<(), Defect> {
    scratch.prepare(flat, schedule);
    let mut check = Check { flat, delays, schedule, scratch, position: 0, inputs: 0, outputs: 0, ran: 0 };
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
        fill(&mut self.inputs, flat.input_channels(), Input::default());
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
            for (index, cell) in (edge.cells.first..).zip(&flat.cells[edge.cells.range()]) {
                self.only[edge.destination_of(cell) as usize] = index;
            }
        }
    }
}

type Verdict = Result<(), &'static str>;

struct Check<'a> {
    flat: &'a Flat,
    delays: &'a Delays,
    schedule: &'a Schedule,
    scratch: &'a mut Scratch,
    position: usize,
    /// How many inputs were read, outputs written and nodes run so far.
    inputs: usize,
    outputs: usize,
    ran: usize,
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
    /// Whether a symbol is what a cell should read.
    #[inline(always)]
    fn carries(&self, index: u32, symbol: Symbol) -> Verdict {
        let cell = &self.flat.cells[index as usize];
        let source = self.flat.owner(cell).source_of(cell);
        let right = symbol == Symbol::output(source, self.delays.of_cell(index))
            || symbol == Symbol::SILENCE && is_unmapped(self.flat, source);
        require(right, "a cell reads something else than its source")
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
        let (cells, summed) = (self.flat.feeders[input as usize], self.scratch.inputs[input as usize].summed);
        if summed > 0 {
            require(summed == cells, "a sum is not complete")?;
            return require(symbol == Symbol::sum(input), "a sum was overwritten");
        }
        if cells == 0 {
            return require(symbol == Symbol::SILENCE, "an input that nothing feeds is not silent");
        }
        require(cells == 1, "a sum was left out")?;
        self.scratch.find_only(self.flat, node);
        let only = self.scratch.only[input as usize];
        require(self.flat.cells[only as usize].gain == 1.0, "a cell was elided that is not at unity")?;
        self.carries(only, symbol)
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

    /// Notes a cell as summed into an input channel of the rig, from a source that stands in a slot.
    #[inline(always)]
    fn sum_cell(&self, sum: &mut Input, index: u32, input: u32, gain: f32, slot: u32) -> Verdict {
        let cell = &self.flat.cells[index as usize];
        require(sum.next <= index, "a sum is out of order")?;
        sum.next = index + 1;
        sum.summed += 1;
        require(self.flat.owner(cell).destination_of(cell) == input, "a cell is summed into another channel")?;
        require(cell.gain == gain, "a cell has another gain than the graph")?;
        self.carries(index, self.scratch.slots[slot as usize].symbol)
    }

    fn begin_sum(&mut self, input: u32, slot: u32, accumulate: bool) -> Verdict {
        let begun = self.scratch.inputs[input as usize].summed > 0;
        let symbol = self.scratch.slots[slot as usize].symbol;
        if accumulate && !begun {
            // What a dense edge left where it has no cells, or cleared for it to add to.
            return require(symbol == Symbol::SILENCE, "a sum goes on from nothing");
        }
        require(begun == accumulate, "a sum begins twice")?;
        require(!accumulate || symbol == Symbol::sum(input), "a sum goes on from something else")
    }

    fn mix(&mut self, mix: usize) -> Verdict {
        let mix = &self.schedule.mixes[mix];
        let terms = &self.schedule.terms[mix.terms.range()];
        let first = terms.first().ok_or("a sum without terms")?;
        let cell = &self.flat.cells[first.cell as usize];
        let input = self.flat.owner(cell).destination_of(cell);
        self.begin_sum(input, mix.destination, mix.accumulate)?;
        let mut sum = self.scratch.inputs[input as usize];
        for term in terms {
            require(term.slot != mix.destination, "a sum overwrites what it reads")?;
            self.sum_cell(&mut sum, term.cell, input, term.gain, term.slot)?;
        }
        self.scratch.inputs[input as usize] = sum;
        self.write(mix.destination, Symbol::sum(input))
    }

    fn matrix(&mut self, matrix: usize) -> Verdict {
        let matrix = &self.schedule.matrices[matrix];
        let edge = &self.schedule.edges[matrix.edge as usize];
        let sources = &self.schedule.matrix_slots[matrix.sources.range()];
        let destinations = &self.schedule.matrix_slots[matrix.destinations.range()];
        let flat = &self.flat.edges[edge.id.index()];
        require(flat.id == edge.id && flat.cells == edge.cells, "a matrix belongs to another edge")?;
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
            let mut sum = self.scratch.inputs[input as usize];
            self.sum_cell(&mut sum, index, input, gain, sources[source])?;
            self.scratch.inputs[input as usize] = sum;
        }
        for (input, &slot) in inputs.zip(destinations) {
            let summed = self.scratch.inputs[input as usize].summed > 0;
            self.write(slot, if summed { Symbol::sum(input) } else { Symbol::SILENCE })?;
        }
        Ok(())
    }

    fn merge(&mut self, node: usize) -> Verdict {
        let node = &self.schedule.nodes[node];
        for edge in &self.schedule.event_edges[node.events.range()] {
            require(
                self.flat.edges[edge.id.index()].feedback
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
        let ports = |ports: Span| &self.schedule.ports[ports.range()];
        let mut input_ports = ports(node.input_ports).iter();
        let mut symbol = own;
        for port in ports(node.output_ports) {
            // Only channels that this port and its like have both may share a slot.
            let pair = input_ports.next().and_then(|pair| inputs.get(pair.range())).unwrap_or_default();
            let outputs = outputs.get(port.range()).ok_or("a port has other channels than its node")?;
            for (channel, &place) in outputs.iter().enumerate() {
                let slot = &mut self.scratch.slots[place as usize];
                require(!slot.symbol.is_within(own, flat.outputs.count), "two outputs of a node share a slot")?;
                if slot.reader == now {
                    require(flat.in_place, "a node that is not in-place overwrites its input")?;
                    require(slot.shared != now, "an output overwrites the input of several channels")?;
                    require(pair.get(channel) == Some(&place), "an output overwrites the input of another channel")?;
                }
                require(place != SILENT_SLOT, "writes to the silent slot")?;
                slot.symbol = symbol;
                symbol = Symbol(symbol.0 + 1);
            }
        }
        require(symbol == Symbol::output(own.0 as u32 + flat.outputs.count, 0), "an output belongs to no port")
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
        let hosted = schedule.nodes.iter().filter(|node| node.hosted).count();
        require(self.ran == hosted, "a node does not run")?;
        let processors = self.flat.nodes.iter().filter(|node| node.kind == Kind::Processor).count();
        require(hosted == processors, "a node is missing")?;
        require(self.outputs == schedule.outputs.len(), "an output is not written")?;
        let mut fed = 0;
        for node in self.flat.nodes.iter().filter(|node| node.kind == Kind::Output) {
            self.scratch.find_only(self.flat, node);
            for input in node.inputs.range() {
                let cell = || &self.flat.cells[self.scratch.only[input] as usize];
                let silent = || is_unmapped(self.flat, self.flat.owner(cell()).source_of(cell()));
                let cells = self.flat.feeders[input];
                let sounds = cells > 1 || self.scratch.inputs[input].summed > 0 || cells == 1 && !silent();
                fed += usize::from(self.flat.device_outputs[input].0.is_some() && sounds);
            }
        }
        require(fed == self.outputs, "an output is missing")?;
        let kept = (0..schedule.lines.len()).all(|line| self.scratch.lines[line] || self.is_unmapped_input(line));
        require(kept, "a delay line is never written")
    }
}

#[cfg(test)]
mod tests;
