//! The cells that lead to each channel of a port, where that does not follow from the channel's number.

use super::sum::Reading;
use crate::graph::flat::Flat;
use crate::span::Span;

/// Those of one port. Memory kept from one to the next.
#[derive(Default)]
pub(super) struct Feeders {
    /// Of each channel its cells, in `cells`.
    channels: Vec<Span>,
    cells: Vec<u32>,
}

impl Feeders {
    /// Counting sort of the cells of the edges into a port.
    pub fn read(&mut self, flat: &Flat, channels: Span, entering: &[Reading]) {
        self.channels.clear();
        self.channels.resize(channels.count as usize, Span::default());
        let cells = || {
            let edges = entering.iter().map(|entering| flat.edges[entering.edge as usize].cells.range());
            edges.flatten().map(|index| (index as u32, usize::from(flat.cells[index].destination)))
        };
        cells().for_each(|(_, channel)| self.channels[channel].count += 1);
        let mut first = 0;
        for channel in &mut self.channels {
            channel.first = first;
            first += std::mem::take(&mut channel.count);
        }
        self.cells.clear();
        self.cells.resize(first as usize, 0);
        for (index, channel) in cells() {
            let channel = &mut self.channels[channel];
            self.cells[(channel.first + channel.count) as usize] = index;
            channel.count += 1;
        }
    }

    /// The cells that lead to a channel of the port, in the order of its sum.
    pub fn of(&self, channel: u32) -> &[u32] {
        &self.cells[self.channels[channel as usize].range()]
    }
}
