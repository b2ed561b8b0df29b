//! Pass 6: an independent check of every compile. Plays the ops on symbols instead of samples and compares what each
//! node would hear with what the graph says it should; shares nothing with the passes that made the ops.

use super::flat::{Flat, FlatCell, Kind};
use super::schedule::{Op, SILENT_SLOT, Schedule, Span};

/// What a slot holds: an output channel of the rig, so many frames late, or one of the kinds below, whose second number
/// is greater than any delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Symbol(u32, u32);

impl Symbol {
    /// Zeros.
    const SILENCE: Self = Self(0, u32::MAX);
    /// Nothing was written yet.
    const NOTHING: Self = Self(1, u32::MAX);

    /// The sum into an input channel of the rig, as far as it has come.
    fn sum(input: u32) -> Self {
        Self(input, u32::MAX - 1)
    }
}

/// A slot of the arena.
#[derive(Clone, Copy)]
struct Slot {
    symbol: Symbol,
    /// Op that last read it as the input of a node, and which of the node's channels that was.
    reader: u32,
    channel: u32,
    /// Op that last wrote it as the output of a node.
    writer: u32,
}

/// An input channel of the rig.
#[derive(Clone, Copy, Default)]
struct Input {
    /// How many cells lead to it, and the last of them.
    wanted: u32,
    last: u32,
    /// How many were summed, and the place behind the last of those.
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
    /// Place in the flat graph by index of a node's id.
    places: Vec<u32>,
    done: Vec<bool>,
    lines: Vec<bool>,
}

/// Checks that no op reads what was not written for it, that nothing is overwritten while it is needed, that every sum
/// is complete and in order, and that every node runs once, after what feeds it.
pub(super) fn verify(flat: &Flat, schedule: &Schedule, scratch: &mut Scratch) -> Result<(), Defect> {
    scratch.prepare(flat, schedule);
    let mut check = Check { flat, schedule, scratch, position: 0, inputs: 0, outputs: 0 };
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
        let slot = Slot { symbol: Symbol::NOTHING, reader: u32::MAX, channel: 0, writer: u32::MAX };
        fill(&mut self.slots, schedule.slots as usize, slot);
        self.slots[SILENT_SLOT as usize].symbol = Symbol::SILENCE;
        fill(&mut self.inputs, flat.input_channels(), Input::default());
        fill(&mut self.places, flat.nodes.iter().map(|node| node.id.index() + 1).max().unwrap_or(0), u32::MAX);
        fill(&mut self.done, schedule.nodes.len(), false);
        fill(&mut self.lines, schedule.lines.len(), false);
        for (place, node) in flat.nodes.iter().enumerate() {
            self.places[node.id.index()] = place as u32;
        }
        for (place, cell) in flat.cells.iter().enumerate() {
            let input = &mut self.inputs[cell.destination as usize];
            input.wanted += 1;
            input.last = place as u32;
        }
    }
}

type Verdict = Result<(), &'static str>;

struct Check<'a> {
    flat: &'a Flat,
    schedule: &'a Schedule,
    scratch: &'a mut Scratch,
    position: usize,
    inputs: usize,
    outputs: usize,
}

fn require(holds: bool, problem: &'static str) -> Verdict {
    if holds { Ok(()) } else { Err(problem) }
}

/// Whether a symbol is what a cell should read.
#[inline(always)]
fn carries(flat: &Flat, cell: &FlatCell, symbol: Symbol) -> Verdict {
    let right =
        symbol == Symbol(cell.source, cell.delay) || symbol == Symbol::SILENCE && is_unmapped(flat, cell.source);
    require(right, "a cell reads something else than its source")
}

/// Whether an output channel belongs to an input node and shows no channel of the device.
#[cold]
fn is_unmapped(flat: &Flat, output: u32) -> bool {
    let place = flat.nodes.partition_point(|node| node.outputs.first + node.outputs.count <= output);
    flat.nodes[place].kind != Kind::Processor && flat.device_inputs[output as usize].is_none()
}

impl Check<'_> {
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
        let place = self.scratch.places[input.node.index()] as usize;
        let output = self.flat.nodes[place].outputs.first + input.channel;
        require(input.device_channel == channel, "another device channel is read than is planned")?;
        require(self.flat.device_inputs[output as usize] == Some(channel), "an input shows another device channel")?;
        self.write(slot, Symbol(output, 0))
    }

    /// Whether what a slot holds is what an input channel of the rig should hear.
    #[inline(always)]
    fn hears(&self, input: u32, symbol: Symbol) -> Verdict {
        let Input { wanted, last, summed, .. } = self.scratch.inputs[input as usize];
        if summed > 0 {
            require(summed == wanted, "a sum is not complete")?;
            return require(symbol == Symbol::sum(input), "a sum was overwritten");
        }
        if wanted == 0 {
            return require(symbol == Symbol::SILENCE, "an input that nothing feeds is not silent");
        }
        let cell = &self.flat.cells[last as usize];
        require(wanted == 1, "a sum was left out")?;
        require(cell.gain == 1.0, "a cell was elided that is not at unity")?;
        carries(self.flat, cell, symbol)
    }

    fn line_source(&self, line: usize) -> u32 {
        let line = &self.schedule.lines[line];
        let place = self.scratch.places[line.node.index()] as usize;
        self.flat.nodes[place].outputs.first + line.channel
    }

    fn is_unmapped_input(&self, line: usize) -> bool {
        is_unmapped(self.flat, self.line_source(line))
    }

    fn keep(&mut self, line: usize, slot: u32) -> Verdict {
        let source = self.line_source(line);
        let symbol = self.scratch.slots[slot as usize].symbol;
        require(symbol == Symbol(source, 0), "a delay line is fed by something else than its source")?;
        require(!std::mem::replace(&mut self.scratch.lines[line], true), "a delay line is written twice")
    }

    fn read_tap(&mut self, tap: usize, slot: u32) -> Verdict {
        let tap = self.schedule.taps[tap];
        let longest = self.schedule.lines[tap.line as usize].longest;
        require(tap.delay.max(tap.previous) <= longest, "a tap is longer than its line")?;
        let source = self.line_source(tap.line as usize);
        self.write(slot, Symbol(source, tap.delay))
    }

    /// Notes a cell as summed into an input channel of the rig, from a source that stands in a slot.
    #[inline(always)]
    fn sum_cell(&mut self, index: u32, input: u32, gain: f32, slot: u32) -> Verdict {
        let cell = &self.flat.cells[index as usize];
        let sum = &mut self.scratch.inputs[input as usize];
        require(sum.next <= index, "a sum is out of order")?;
        sum.next = index + 1;
        sum.summed += 1;
        require(cell.destination == input, "a cell is summed into another channel")?;
        require(cell.gain == gain, "a cell has another gain than the graph")?;
        carries(self.flat, cell, self.scratch.slots[slot as usize].symbol)
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
        let input = self.flat.cells[first.cell as usize].destination;
        self.begin_sum(input, mix.destination, mix.accumulate)?;
        for term in terms {
            require(term.slot != mix.destination, "a sum overwrites what it reads")?;
            self.sum_cell(term.cell, input, term.gain, term.slot)?;
        }
        self.write(mix.destination, Symbol::sum(input))
    }

    fn matrix(&mut self, matrix: usize) -> Verdict {
        let matrix = &self.schedule.matrices[matrix];
        let edge = &self.schedule.edges[matrix.edge as usize];
        let sources = &self.schedule.matrix_slots[matrix.sources.range()];
        let destinations = &self.schedule.matrix_slots[matrix.destinations.range()];
        let place = self.flat.edges.partition_point(|other| other.id.index() < edge.id.index());
        let flat = &self.flat.edges[place];
        require(flat.id == edge.id && flat.cells == edge.cells, "a matrix belongs to another edge")?;
        let inputs = flat.destination_channel..;
        for (channel, (input, &slot)) in inputs.clone().zip(destinations).enumerate() {
            self.begin_sum(input, slot, matrix.accumulate)?;
            require(!sources.contains(&slot), "a matrix overwrites what it reads")?;
            require(!destinations[..channel].contains(&slot), "a matrix writes a slot twice")?;
        }
        let gains = &self.schedule.matrix_gains[matrix.gains.range()];
        for index in flat.cells.range() {
            let cell = &self.flat.cells[index];
            let source = (cell.source - flat.source_channel) as usize;
            let destination = (cell.destination - flat.destination_channel) as usize;
            let gain = gains[destination * sources.len() + source];
            self.sum_cell(index as u32, cell.destination, gain, sources[source])?;
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
            let place = self.flat.edges.partition_point(|other| other.id.index() < edge.id.index());
            let feedback = self.flat.edges[place].feedback;
            require(
                feedback
                    || self.scratch.done[edge.source as usize]
                    || !self.schedule.nodes[edge.source as usize].hosted,
                "events are merged before they are sent",
            )?;
        }
        Ok(())
    }

    fn process(&mut self, place: usize) -> Verdict {
        require(!std::mem::replace(&mut self.scratch.done[place], true), "a node runs twice")?;
        let node = &self.schedule.nodes[place];
        let flat = &self.flat.nodes[self.scratch.places[node.id.index()] as usize];
        let inputs = &self.schedule.node_slots[node.inputs.range()];
        let outputs = &self.schedule.node_slots[node.outputs.range()];
        require(inputs.len() == flat.inputs.count as usize, "a node has another number of inputs")?;
        require(outputs.len() == flat.outputs.count as usize, "a node has another number of outputs")?;
        let now = self.position as u32;
        const SEVERAL: u32 = u32::MAX;
        for (channel, &place) in (0..).zip(inputs) {
            let slot = &mut self.scratch.slots[place as usize];
            slot.channel = if slot.reader == now { SEVERAL } else { channel };
            slot.reader = now;
            let symbol = slot.symbol;
            self.hears(flat.inputs.first + channel, symbol)?;
        }
        let ports = |ports: Span| &self.schedule.ports[ports.range()];
        let mut input_ports = ports(node.input_ports).iter();
        let mut outputs = outputs.iter();
        let mut output = flat.outputs.first;
        for port in ports(node.output_ports) {
            // Only channels that this port and its like have both may share a slot.
            let pair = input_ports.next().copied().unwrap_or_default();
            for (channel, &place) in (0..port.count).zip(outputs.by_ref()) {
                let slot = &mut self.scratch.slots[place as usize];
                require(slot.writer != now, "two outputs of a node share a slot")?;
                slot.writer = now;
                if slot.reader == now {
                    require(flat.in_place, "a node that is not in-place overwrites its input")?;
                    require(slot.channel != SEVERAL, "an output overwrites the input of several channels")?;
                    let is_pair = channel < pair.count && slot.channel == pair.first + channel;
                    require(is_pair, "an output overwrites the input of another channel")?;
                }
                require(place != SILENT_SLOT, "writes to the silent slot")?;
                slot.symbol = Symbol(output, 0);
                output += 1;
            }
        }
        require(outputs.next().is_none(), "an output belongs to no port")
    }

    fn output(&mut self, channel: u32, slot: u32) -> Verdict {
        let output = self.schedule.outputs.get(self.outputs).ok_or("more outputs are written than are planned")?;
        self.outputs += 1;
        require(output.device_channel == channel, "another device channel is written than is planned")?;
        let place = self.scratch.places[output.node.index()] as usize;
        let input = self.flat.nodes[place].inputs.first + output.channel;
        require(self.flat.device_outputs[input as usize].0 == Some(channel), "an output shows another device channel")?;
        self.hears(input, self.scratch.slots[slot as usize].symbol)
    }

    fn end(&mut self) -> Verdict {
        let schedule = self.schedule;
        let ran = schedule.nodes.iter().zip(&self.scratch.done).all(|(node, &done)| done || !node.hosted);
        require(ran, "a node does not run")?;
        let processors = self.flat.nodes.iter().filter(|node| node.kind == Kind::Processor).count();
        require(schedule.nodes.iter().filter(|node| node.hosted).count() == processors, "a node is missing")?;
        require(self.outputs == schedule.outputs.len(), "an output is not written")?;
        let fed = self.flat.device_outputs.iter().zip(&self.scratch.inputs).filter(|((device, _), input)| {
            let silent = || is_unmapped(self.flat, self.flat.cells[input.last as usize].source);
            device.is_some() && input.wanted > 0 && (input.wanted > 1 || input.summed > 0 || !silent())
        });
        require(fed.count() == self.outputs, "an output is missing")?;
        let kept = (0..schedule.lines.len()).all(|line| self.scratch.lines[line] || self.is_unmapped_input(line));
        require(kept, "a delay line is never written")
    }
}

#[cfg(test)]
mod tests;
