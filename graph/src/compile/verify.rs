//! Pass 6: an independent check of every compile. Plays the ops on symbols instead of samples and compares what each
//! node would hear with what the graph says it should; shares nothing with the passes that made the ops.

use super::flat::{Flat, Kind};
use super::schedule::{Op, SILENT_SLOT, Schedule, Span};

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    /// Zeros.
    Silence,
    /// Nothing was written yet.
    Nothing,
    /// An output channel of the rig, so many frames late.
    Channel(u32, u32),
    /// The sum into an input channel of the rig, as far as it has come.
    Sum(u32),
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
    slots: Vec<Symbol>,
    /// How many cells each input channel of the rig has, how many were summed, and the last of them.
    wanted: Vec<u32>,
    summed: Vec<u32>,
    last_cell: Vec<u32>,
    /// Source and destination channel of each cell.
    cells: Vec<(u32, u32)>,
    /// Place in the flat graph by index of a node's id.
    places: Vec<u32>,
    done: Vec<bool>,
    lines: Vec<bool>,
    /// Op that last read a slot, and for which of its input channels; op that last wrote it.
    readers: Vec<(u32, u32)>,
    writers: Vec<u32>,
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
        fill(&mut self.slots, schedule.slots as usize, Symbol::Nothing);
        self.slots[SILENT_SLOT as usize] = Symbol::Silence;
        fill(&mut self.wanted, flat.input_channels(), 0);
        fill(&mut self.summed, flat.input_channels(), 0);
        fill(&mut self.last_cell, flat.input_channels(), 0);
        fill(&mut self.cells, flat.cells.len(), (0, 0));
        fill(&mut self.places, flat.nodes.iter().map(|node| node.id.index() + 1).max().unwrap_or(0), u32::MAX);
        fill(&mut self.done, schedule.nodes.len(), false);
        fill(&mut self.lines, schedule.lines.len(), false);
        fill(&mut self.readers, schedule.slots as usize, (u32::MAX, 0));
        fill(&mut self.writers, schedule.slots as usize, u32::MAX);
        for (place, node) in flat.nodes.iter().enumerate() {
            self.places[node.id.index()] = place as u32;
        }
        for edge in &flat.edges {
            for cell in edge.cells.range() {
                let source = edge.source_channel + u32::from(flat.cells[cell].source);
                let destination = edge.destination_channel + u32::from(flat.cells[cell].destination);
                self.cells[cell] = (source, destination);
                self.wanted[destination as usize] += 1;
                self.last_cell[destination as usize] = cell as u32;
            }
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

impl Check<'_> {
    fn op(&mut self, op: &Op) -> Verdict {
        match *op {
            Op::Clear { slot } => self.write(slot, Symbol::Silence),
            Op::Input { channel, slot } => self.input(channel, slot),
            Op::Output { channel, slot, .. } => self.output(channel, slot),
            Op::Mix { mix } => self.mix(mix as usize),
            Op::Matrix { matrix } => self.matrix(matrix as usize),
            Op::DelayWrite { line, slot } | Op::FeedbackWrite { line, slot } => self.keep(line as usize, slot),
            Op::DelayRead { tap, slot } => {
                let line = self.schedule.taps[tap as usize].line as usize;
                let silent = self.is_unmapped_input(line);
                require(self.scratch.lines[line] || silent, "reads a delay line before it is written")?;
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
        self.scratch.slots[slot as usize] = symbol;
        Ok(())
    }

    fn input(&mut self, channel: u32, slot: u32) -> Verdict {
        let input = self.schedule.inputs.get(self.inputs).ok_or("more inputs are read than are planned")?;
        self.inputs += 1;
        let place = self.scratch.places[input.node.index()] as usize;
        let output = self.flat.nodes[place].outputs.first + input.channel;
        require(input.device_channel == channel, "another device channel is read than is planned")?;
        require(self.flat.device_inputs[output as usize] == Some(channel), "an input shows another device channel")?;
        self.write(slot, Symbol::Channel(output, 0))
    }

    /// Whether a slot holds what an input channel of the rig should hear.
    fn hears(&self, input: usize, slot: u32) -> Verdict {
        let symbol = self.scratch.slots[slot as usize];
        let wanted = self.scratch.wanted[input];
        let summed = self.scratch.summed[input];
        if wanted == 0 {
            return require(symbol == Symbol::Silence, "an input that nothing feeds is not silent");
        }
        if summed == 0 {
            let cell = self.scratch.last_cell[input] as usize;
            require(wanted == 1, "a sum was left out")?;
            require(self.flat.cells[cell].gain == 1.0, "a cell was elided that is not at unity")?;
            return self.carries(cell, symbol);
        }
        require(summed == wanted, "a sum is not complete")?;
        require(symbol == Symbol::Sum(input as u32), "a sum was overwritten")
    }

    /// Whether a symbol is what a cell should read.
    fn carries(&self, cell: usize, symbol: Symbol) -> Verdict {
        let (source, _) = self.scratch.cells[cell];
        let delay = self.flat.cells[cell].delay;
        let silent = symbol == Symbol::Silence && self.is_unmapped(source);
        require(symbol == Symbol::Channel(source, delay) || silent, "a cell reads something else than its source")
    }

    /// Whether an output channel belongs to an input node and shows no channel of the device.
    fn is_unmapped(&self, output: u32) -> bool {
        let place = self.flat.nodes.partition_point(|node| node.outputs.first + node.outputs.count <= output);
        self.flat.nodes[place].kind != Kind::Processor && self.flat.device_inputs[output as usize].is_none()
    }

    fn line_source(&self, line: usize) -> u32 {
        let line = &self.schedule.lines[line];
        let place = self.scratch.places[line.node.index()] as usize;
        self.flat.nodes[place].outputs.first + line.channel
    }

    fn is_unmapped_input(&self, line: usize) -> bool {
        self.is_unmapped(self.line_source(line))
    }

    fn keep(&mut self, line: usize, slot: u32) -> Verdict {
        let source = self.line_source(line);
        let symbol = self.scratch.slots[slot as usize];
        require(symbol == Symbol::Channel(source, 0), "a delay line is fed by something else than its source")?;
        require(!std::mem::replace(&mut self.scratch.lines[line], true), "a delay line is written twice")
    }

    fn read_tap(&mut self, tap: usize, slot: u32) -> Verdict {
        let tap = self.schedule.taps[tap];
        let longest = self.schedule.lines[tap.line as usize].longest;
        require(tap.delay.max(tap.previous) <= longest, "a tap is longer than its line")?;
        let source = self.line_source(tap.line as usize);
        self.write(slot, Symbol::Channel(source, tap.delay))
    }

    fn sum_cell(&mut self, cell: usize, input: u32, slot: u32) -> Verdict {
        require(self.scratch.cells[cell].1 == input, "a cell is summed into another channel")?;
        self.carries(cell, self.scratch.slots[slot as usize])?;
        self.scratch.summed[input as usize] += 1;
        Ok(())
    }

    fn begin_sum(&mut self, input: u32, slot: u32, accumulate: bool) -> Verdict {
        let begun = self.scratch.summed[input as usize] > 0;
        let symbol = self.scratch.slots[slot as usize];
        if accumulate && !begun {
            // What a dense edge left where it has no cells, or cleared for it to add to.
            return require(symbol == Symbol::Silence, "a sum goes on from nothing");
        }
        require(begun == accumulate, "a sum begins twice")?;
        require(!accumulate || symbol == Symbol::Sum(input), "a sum goes on from something else")
    }

    fn mix(&mut self, mix: usize) -> Verdict {
        let mix = self.schedule.mixes[mix];
        let terms = &self.schedule.terms[mix.terms.range()];
        let first = terms.first().ok_or("a sum without terms")?;
        let input = self.scratch.cells[first.cell as usize].1;
        self.begin_sum(input, mix.destination, mix.accumulate)?;
        let mut last = None;
        for term in terms {
            require(last.is_none_or(|last| last < term.cell), "a sum is out of order")?;
            last = Some(term.cell);
            require(term.slot != mix.destination, "a sum overwrites what it reads")?;
            let gain = self.flat.cells[term.cell as usize].gain;
            require(term.gain == gain, "a cell has another gain than the graph")?;
            self.sum_cell(term.cell as usize, input, term.slot)?;
        }
        self.write(mix.destination, Symbol::Sum(input))
    }

    fn matrix(&mut self, matrix: usize) -> Verdict {
        let matrix = self.schedule.matrices[matrix];
        let edge = &self.schedule.edges[matrix.edge as usize];
        let sources = &self.schedule.matrix_slots[matrix.sources.range()];
        let destinations = &self.schedule.matrix_slots[matrix.destinations.range()];
        let place = self.flat.edges.partition_point(|other| other.id.index() < edge.id.index());
        let base = self.flat.edges[place].destination_channel;
        for (channel, &slot) in destinations.iter().enumerate() {
            let input = base + channel as u32;
            self.begin_sum(input, slot, matrix.accumulate)?;
            require(!sources.contains(&slot), "a matrix overwrites what it reads")?;
            require(!destinations[..channel].contains(&slot), "a matrix writes a slot twice")?;
        }
        let gains = &self.schedule.matrix_gains[matrix.gains.range()];
        for cell in edge.cells.range() {
            let flat = self.flat.cells[cell];
            let (source, destination) = (usize::from(flat.source), usize::from(flat.destination));
            require(
                gains[destination * sources.len() + source] == flat.gain,
                "a cell has another gain than the graph",
            )?;
            self.sum_cell(cell, base + destination as u32, sources[source])?;
        }
        for (channel, &slot) in destinations.iter().enumerate() {
            let input = base + channel as u32;
            self.write(
                slot,
                if self.scratch.summed[input as usize] > 0 { Symbol::Sum(input) } else { Symbol::Silence },
            )?;
        }
        Ok(())
    }

    fn merge(&mut self, node: usize) -> Verdict {
        let node = &self.schedule.nodes[node];
        for edge in &self.schedule.event_edges[node.events.range()] {
            let place = self.flat.edges.partition_point(|other| other.id.index() < edge.id.index());
            let feedback = self.flat.edges[place].feedback.is_some();
            require(
                feedback
                    || self.scratch.done[edge.source as usize]
                    || !self.schedule.nodes[edge.source as usize].hosted,
                "events are merged before they are sent",
            )?;
        }
        Ok(())
    }

    fn process(&mut self, node: usize) -> Verdict {
        require(!std::mem::replace(&mut self.scratch.done[node], true), "a node runs twice")?;
        let node = self.schedule.nodes[node];
        let flat = self.flat.nodes[self.scratch.places[node.id.index()] as usize];
        let inputs = &self.schedule.node_slots[node.inputs.range()];
        let outputs = &self.schedule.node_slots[node.outputs.range()];
        require(inputs.len() == flat.inputs.count as usize, "a node has another number of inputs")?;
        require(outputs.len() == flat.outputs.count as usize, "a node has another number of outputs")?;
        let now = self.position as u32;
        const SEVERAL: u32 = u32::MAX;
        for (channel, &slot) in inputs.iter().enumerate() {
            self.hears(flat.inputs.first as usize + channel, slot)?;
            let reader = &mut self.scratch.readers[slot as usize];
            *reader = (now, if reader.0 == now { SEVERAL } else { channel as u32 });
        }
        for (channel, &slot) in outputs.iter().enumerate() {
            let writer = std::mem::replace(&mut self.scratch.writers[slot as usize], now);
            require(writer != now, "two outputs of a node share a slot")?;
            let (reader, input) = self.scratch.readers[slot as usize];
            if reader == now {
                require(flat.in_place, "a node that is not in-place overwrites its input")?;
                require(input != SEVERAL, "an output overwrites the input of several channels")?;
                require(
                    self.is_pair(&node, input, channel as u32),
                    "an output overwrites the input of another channel",
                )?;
            }
            self.write(slot, Symbol::Channel(flat.outputs.first + channel as u32, 0))?;
        }
        Ok(())
    }

    /// Whether an input and an output are the same channel of the same port.
    fn is_pair(&self, node: &super::schedule::ScheduledNode, input: u32, output: u32) -> bool {
        let place = |ports: Span, channel: u32| {
            let ports = &self.schedule.ports[ports.range()];
            ports
                .iter()
                .position(|port| port.range().contains(&(channel as usize)))
                .map(|port| (port, channel - ports[port].first))
        };
        place(node.input_ports, input) == place(node.output_ports, output)
    }

    fn output(&mut self, channel: u32, slot: u32) -> Verdict {
        let output = self.schedule.outputs.get(self.outputs).ok_or("more outputs are written than are planned")?;
        self.outputs += 1;
        require(output.device_channel == channel, "another device channel is written than is planned")?;
        let place = self.scratch.places[output.node.index()] as usize;
        let input = (self.flat.nodes[place].inputs.first + output.channel) as usize;
        require(self.flat.device_outputs[input].0 == Some(channel), "an output shows another device channel")?;
        self.hears(input, slot)
    }

    fn end(&mut self) -> Verdict {
        let schedule = self.schedule;
        let ran = schedule.nodes.iter().zip(&self.scratch.done).all(|(node, &done)| done || !node.hosted);
        require(ran, "a node does not run")?;
        let processors = self.flat.nodes.iter().filter(|node| node.kind == Kind::Processor).count();
        require(schedule.nodes.iter().filter(|node| node.hosted).count() == processors, "a node is missing")?;
        require(self.outputs == schedule.outputs.len(), "an output is not written")?;
        let heard =
            |channel: &usize| self.flat.device_outputs[*channel].0.is_some() && self.scratch.wanted[*channel] > 0;
        let fed = (0..self.flat.input_channels()).filter(heard).filter(|&channel| {
            let cell = self.scratch.last_cell[channel] as usize;
            self.scratch.wanted[channel] > 1
                || !self.is_unmapped(self.scratch.cells[cell].0)
                || self.scratch.summed[channel] > 0
        });
        require(fed.count() == self.outputs, "an output is missing")?;
        let kept = (0..schedule.lines.len()).all(|line| self.scratch.lines[line] || self.is_unmapped_input(line));
        require(kept, "a delay line is never written")
    }
}
