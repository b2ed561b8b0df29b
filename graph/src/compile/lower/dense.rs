//! Input ports with a dense edge. Such an edge is multiplied as a whole, if all its cells are equally late; what lies
//! between dense edges is summed channel by channel.

use super::super::flat::{FlatEdge, FlatNode};
use super::super::schedule::{MatrixPlan, Op, SILENT_SLOT, Span};
use super::Lowering;

impl Lowering<'_> {
    /// Computes the values of the channels of an input port and appends them to `scratch.inputs`.
    pub(super) fn port(&mut self, node: &FlatNode, port: u16, channels: Span) {
        let flat = self.flat;
        let enters = |&edge: &u32| {
            let edge = &flat.edges[edge as usize];
            !edge.events && edge.destination_port == port && edge.cells.count > 0
        };
        let edges = || flat.incoming[node.incoming.range()].iter().map(|incoming| incoming.edge).filter(enters);
        if !edges().any(|edge| flat.edges[edge as usize].dense) {
            return self.channels(channels);
        }
        let base = self.scratch.inputs.len();
        self.scratch.inputs.resize(base + channels.count as usize, SILENT_SLOT);
        let mut next = 0;
        for edge in edges() {
            if self.is_matrix(&flat.edges[edge as usize]) {
                self.sums_of(next..edge, channels, base);
                self.matrix(edge, base);
                next = edge + 1;
            }
        }
        self.sums_of(next..flat.edges.len() as u32, channels, base);
        // A dense edge writes zeros where it has no cells; what nothing else feeds is silent.
        for (place, channel) in channels.range().enumerate() {
            if flat.feeders(channel).is_empty() {
                self.scratch.inputs[base + place] = SILENT_SLOT;
            }
        }
    }

    /// Sums, channel by channel, the cells of the edges of that range, onto what the channels hold.
    fn sums_of(&mut self, edges: std::ops::Range<u32>, channels: Span, base: usize) {
        let flat = self.flat;
        for (place, channel) in channels.range().enumerate() {
            let feeders = flat.feeders(channel);
            let before = |end: u32| feeders.partition_point(|&cell| flat.cells[cell as usize].edge < end);
            let feeders = &feeders[before(edges.start)..before(edges.end)];
            if !feeders.is_empty() {
                self.scratch.inputs[base + place] = self.sum(feeders, self.scratch.inputs[base + place]);
            }
        }
    }

    /// Whether an edge is lowered to one dense multiplication: all that leaves a source channel is equally late.
    fn is_matrix(&self, edge: &FlatEdge) -> bool {
        if !edge.dense {
            return false;
        }
        let cells = &self.flat.cells[edge.cells.range()];
        let first = cells.partition_point(|cell| cell.destination <= cells[0].destination);
        let heads = &cells[..first];
        let past = |place: usize| self.flat.played_before(edge.cells.first + place as u32).map(|old| old.delay);
        cells.iter().enumerate().all(|(place, cell)| {
            heads
                .binary_search_by_key(&cell.source, |head| head.source)
                .is_ok_and(|head| heads[head].delay == cell.delay && past(head) == past(place))
        })
    }

    fn matrix(&mut self, edge_index: u32, base: usize) {
        let flat = self.flat;
        let edge = &flat.edges[edge_index as usize];
        let cells = &flat.cells[edge.cells.range()];
        let sources = flat.ports
            [(flat.nodes[edge.source as usize].output_ports.first + u32::from(edge.source_port)) as usize]
            .count as usize;
        let destinations = flat.ports
            [(flat.nodes[edge.destination as usize].input_ports.first + u32::from(edge.destination_port)) as usize]
            .count as usize;
        let mut values = std::mem::take(&mut self.scratch.matrix_values);
        values.clear();
        values.resize(sources, SILENT_SLOT);
        let row = cells.partition_point(|cell| cell.destination <= cells[0].destination);
        for (index, cell) in (edge.cells.first..).zip(&cells[..row]) {
            values[(cell.source - edge.source_channel) as usize] = self.source_value(index, cell);
        }
        let first_source = self.schedule.matrix_slots.len();
        self.schedule.matrix_slots.extend_from_slice(&values);
        self.scratch.matrix_values = values;
        let first_destination = self.schedule.matrix_slots.len();
        let begun = &self.scratch.inputs[base..base + destinations];
        let accumulate = begun.iter().any(|&value| value != SILENT_SLOT);
        for channel in 0..destinations {
            if self.scratch.inputs[base + channel] == SILENT_SLOT {
                let slot = self.value();
                self.scratch.inputs[base + channel] = slot;
                if accumulate {
                    self.ops.push(Op::Clear { slot });
                }
            }
            self.schedule.matrix_slots.push(self.scratch.inputs[base + channel]);
        }
        let end = self.schedule.matrix_slots.len();
        let first_gain = self.schedule.matrix_gains.len();
        self.schedule.matrix_gains.resize(first_gain + sources * destinations, 0.0);
        for cell in cells {
            let (source, destination) =
                (cell.source - edge.source_channel, cell.destination - edge.destination_channel);
            self.schedule.matrix_gains[first_gain + destination as usize * sources + source as usize] = cell.gain;
        }
        let place = self.edge_place(edge);
        let index = self.schedule.matrices.len() as u32;
        self.schedule.edges[place].matrix = Some(index);
        self.schedule.matrices.push(MatrixPlan {
            sources: Span::new(first_source, first_destination),
            destinations: Span::new(first_destination, end),
            accumulate,
            edge: place as u32,
            gains: Span::new(first_gain, self.schedule.matrix_gains.len()),
        });
        self.ops.push(Op::Matrix { matrix: index });
    }

    fn edge_place(&self, edge: &FlatEdge) -> usize {
        self.schedule.edges.partition_point(|other| other.id.index < edge.id.index)
    }
}
