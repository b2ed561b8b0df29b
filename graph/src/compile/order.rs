//! Pass 1: the order of the nodes. Depth first from the ends of the rig, so that a node stands right behind what it
//! needs and few buffers live at once; the same graph always gives the same order.

use super::flat::Flat;

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
    /// Nodes being visited, each with the next of its incoming edges to look at.
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
    stack.push((start, flat.nodes[start as usize].incoming.first));
    state[start as usize] = Visit::Open;
    while let Some(top) = stack.last_mut() {
        let (node, next) = *top;
        let incoming = flat.nodes[node as usize].incoming;
        if next == incoming.first + incoming.count {
            state[node as usize] = Visit::Done;
            order.push(node);
            stack.pop();
            continue;
        }
        top.1 += 1;
        let edge = flat.incoming[next as usize];
        if edge.feedback {
            continue;
        }
        match state[edge.source as usize] {
            Visit::Done => {}
            Visit::Unseen => {
                state[edge.source as usize] = Visit::Open;
                stack.push((edge.source, flat.nodes[edge.source as usize].incoming.first));
            }
            Visit::Open => {
                // The stack runs against the signal, from a node to what feeds it.
                let mut path: Vec<u32> =
                    stack.iter().map(|&(node, _)| node).skip_while(|&node| node != edge.source).collect();
                path.reverse();
                return Err(path);
            }
        }
    }
    Ok(())
}
