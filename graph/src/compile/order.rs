//! Pass 1: the order of the nodes. Depth first from the ends of the rig, so that a node stands right behind what it
//! needs and few buffers live at once; the same graph always gives the same order.

use super::flat::{Flat, Incoming};

/// Appends node indices to `order`, sources before what they feed. Feedback edges do not count.
///
/// # Errors
/// The nodes of a cycle, in the direction of the signal.
pub(super) fn order(flat: &Flat, scratch: &mut Scratch, order: &mut Vec<u32>) -> Result<(), Vec<u32>> {
    order.clear();
    scratch.state.clear();
    scratch.state.resize(flat.nodes.len(), Visit::Unseen);
    for (sink, node) in flat.nodes.iter().enumerate() {
        if node.feeds == 0 {
            visit(flat, scratch, order, sink as u32)?;
        }
    }
    if order.len() < flat.nodes.len() {
        // Whatever no end of the rig can reach backwards runs in a circle.
        for node in 0..flat.nodes.len() as u32 {
            visit(flat, scratch, order, node)?;
        }
    }
    Ok(())
}

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    state: Vec<Visit>,
    /// Nodes that wait for one that feeds them.
    stack: Vec<Waiting>,
}

/// A node, and how many of its incoming edges are still to be looked at.
struct Waiting {
    node: u32,
    edges: u32,
}

impl Waiting {
    fn resume(self, flat: &Flat) -> (u32, std::slice::Iter<'_, Incoming>) {
        let incoming = flat.nodes[self.node as usize].incoming;
        let end = (incoming.first + incoming.count) as usize;
        (self.node, flat.incoming[end - self.edges as usize..end].iter())
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Unseen,
    Open,
    Done,
}

fn visit(flat: &Flat, scratch: &mut Scratch, order: &mut Vec<u32>, start: u32) -> Result<(), Vec<u32>> {
    let Scratch { state, stack } = scratch;
    if state[start as usize] != Visit::Unseen {
        return Ok(());
    }
    stack.clear();
    state[start as usize] = Visit::Open;
    let mut node = start;
    let mut edges = flat.incoming[flat.nodes[start as usize].incoming.range()].iter();
    loop {
        let Some(edge) = edges.next() else {
            state[node as usize] = Visit::Done;
            order.push(node);
            let Some(before) = stack.pop() else { return Ok(()) };
            (node, edges) = before.resume(flat);
            continue;
        };
        if edge.feedback {
            continue;
        }
        let source = &mut state[edge.source as usize];
        match source {
            Visit::Done => {}
            Visit::Unseen => {
                *source = Visit::Open;
                stack.push(Waiting { node, edges: edges.as_slice().len() as u32 });
                node = edge.source;
                edges = flat.incoming[flat.nodes[node as usize].incoming.range()].iter();
            }
            Visit::Open => {
                // The stack runs against the signal, from a node to what feeds it.
                let nodes = stack.iter().map(|waiting| waiting.node).chain([node]);
                let mut path: Vec<u32> = nodes.skip_while(|&node| node != edge.source).collect();
                path.reverse();
                return Err(path);
            }
        }
    }
}
