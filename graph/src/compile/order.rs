//! Pass 1: the order of the nodes. Depth first from the ends of the rig, so that a node stands right behind what it
//! needs and few buffers live at once; the same graph always gives the same order.

use crate::graph::flat::{Flat, Kind};

/// Appends positions of nodes to `order`, sources before what they feed. Feedback edges do not count.
///
/// # Errors
/// The nodes of a cycle, in the direction of the signal.
pub(super) fn order(flat: &Flat, scratch: &mut Scratch, order: &mut Vec<u32>) -> Result<(), Vec<u32>> {
    order.clear();
    order.reserve(flat.node_count());
    scratch.state.clear();
    scratch.state.resize(flat.nodes.len(), Visit::Unseen);
    flat.bring_routes_near();
    for (sink, links) in (0..).zip(&flat.links) {
        if links.feeds == 0 {
            visit(flat, scratch, order, sink)?;
        }
    }
    if order.len() < flat.node_count() {
        // Whatever no end of the rig can reach backwards runs in a circle.
        for (position, node) in (0..).zip(&flat.nodes) {
            if node.kind != Kind::Absent {
                visit(flat, scratch, order, position)?;
            }
        }
    }
    Ok(())
}

/// Memory kept between compiles.
#[derive(Default)]
pub(super) struct Scratch {
    state: Vec<Visit>,
    /// Nodes that wait for one that feeds them, each with the edge to look at next.
    stack: Vec<(u32, u32)>,
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
    let mut next = flat.links[start as usize].first_edge;
    // Most graphs have none: what the edges carry need not be looked at then.
    let any_feeds_back = flat.counts.feedback > 0;
    loop {
        let position = next as usize;
        let Some(route) = flat.routes.get(position) else {
            state[node as usize] = Visit::Done;
            order.push(node);
            let Some(before) = stack.pop() else { return Ok(()) };
            (node, next) = before;
            continue;
        };
        next = route.next;
        if any_feeds_back && flat.edges[position].feeds_back() {
            continue;
        }
        let source = &mut state[route.source as usize];
        match source {
            Visit::Done => {}
            Visit::Unseen => {
                *source = Visit::Open;
                stack.push((node, next));
                node = route.source;
                next = flat.links[node as usize].first_edge;
            }
            Visit::Open => {
                // The stack runs against the signal, from a node to what feeds it.
                let nodes = stack.iter().map(|&(node, _)| node).chain([node]);
                let mut path: Vec<u32> = nodes.skip_while(|&node| node != route.source).collect();
                path.reverse();
                return Err(path);
            }
        }
    }
}
