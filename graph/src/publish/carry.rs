//! What goes over from one schedule to the next: which node, line, tap and gain of the one is which of the other. Knows
//! no processor and no sample; what a program is doing when the next takes over is for the audio thread to find out.

use crate::compile::{MatrixPlan, Schedule, Tap};
use crate::graph::flat::FlatEdge;
use crate::id::{EdgeId, NodeId};
use crate::rt::{CarriedGain, CarriedNode, Crosspoint, GainStart};
use std::collections::{HashMap, HashSet};

pub(super) fn carried_nodes(
    schedule: &Schedule,
    previous: Option<&Schedule>,
    withdrawn: &[NodeId],
) -> Box<[CarriedNode]> {
    let Some(previous) = previous else { return Box::default() };
    let places: HashMap<NodeId, u32> =
        previous.nodes.iter().enumerate().map(|(place, node)| (node.id, place as u32)).collect();
    let carried = schedule.nodes.iter().enumerate().filter_map(|(to, node)| {
        let from = *places.get(&node.id)?;
        Some(CarriedNode { to: to as u32, from, withdraw: withdrawn.contains(&node.id) })
    });
    carried.collect()
}

pub(super) fn carried_lines(schedule: &Schedule, previous: Option<&Schedule>) -> Box<[(u32, u32)]> {
    let Some(previous) = previous else { return Box::default() };
    let places: HashMap<(NodeId, u32), u32> =
        previous.lines.iter().enumerate().map(|(place, line)| ((line.node, line.channel), place as u32)).collect();
    let carried = schedule
        .lines
        .iter()
        .enumerate()
        .filter_map(|(to, line)| Some((to as u32, *places.get(&(line.node, line.channel))?)));
    carried.collect()
}

/// How taps follow those of the schedule before.
#[derive(Default)]
pub(super) struct CarriedTaps {
    /// Taps that go on from what one of the schedule before reads, new and old.
    pub taps: Box<[(u32, u32)]>,
    /// Those of the schedule before that nothing can go on from while they are on their way: several to one delay, and
    /// those to none at all, which nothing tells from what has been there all the time.
    pub held: Box<[u32]>,
}

/// Finds out, for lines that both schedules have, new and old.
pub(super) fn carried_taps(schedule: &Schedule, previous: Option<&Schedule>, lines: &[(u32, u32)]) -> CarriedTaps {
    let Some(previous) = previous else { return CarriedTaps::default() };
    let moved: HashMap<u32, u32> = lines.iter().map(|&(to, from)| (to, from)).collect();
    let mut places: HashMap<(u32, u32), u32> = HashMap::new();
    let mut held = Vec::new();
    for (place, tap) in (0..).zip(&previous.taps) {
        let first = *places.entry((tap.line, tap.delay)).or_insert(place);
        if first != place {
            held.extend([first, place]);
        } else if tap.delay == 0 {
            held.push(place);
        }
    }
    let from = |tap: &Tap| places.get(&(*moved.get(&tap.line)?, tap.previous)).copied();
    let carried = (0..).zip(&schedule.taps).filter_map(|(to, tap)| Some((to, from(tap)?)));
    CarriedTaps { taps: carried.collect(), held: held.into() }
}

/// Edges with a crosspoint that a schedule brings to another gain than it had, or that is new.
pub(super) fn moving_edges(schedule: &Schedule, previous: Option<&Schedule>) -> Vec<EdgeId> {
    let Some(previous) = previous else { return Vec::new() };
    let moves = |edge: &&FlatEdge| {
        let begins = previous.edge(edge.id).is_none_or(|old| old.delay != edge.delay);
        begins
            || schedule.flat.cells[edge.cells.range()].iter().any(|cell| {
                let before = previous.cell(edge.id, cell.source, cell.destination);
                before.is_none_or(|before| previous.flat.cells[before as usize].gain != cell.gain)
            })
    };
    schedule.flat.audio_edges().filter(moves).map(|edge| edge.id).collect()
}

/// The places of crosspoints in the graph of the schedule before, in order.
pub(super) fn places(crosspoints: &[Crosspoint], previous: Option<&Schedule>) -> Box<[u32]> {
    let Some(previous) = previous else { return Box::default() };
    let place = |at: &Crosspoint| previous.cell(at.edge, at.source, at.destination);
    let mut places: Vec<u32> = crosspoints.iter().filter_map(place).collect();
    places.sort_unstable();
    places.into()
}

/// Dense matrices that both schedules have, new and old.
pub(super) fn carried_matrices(schedule: &Schedule, previous: Option<&Schedule>) -> Box<[(u32, u32)]> {
    let Some(previous) = previous else { return Box::default() };
    let shape = |plan: &MatrixPlan| (plan.edge, plan.sources.count, plan.destinations.count);
    let places: HashMap<_, u32> = previous.matrices.iter().map(shape).zip(0..).collect();
    (0..).zip(&schedule.matrices).filter_map(|(to, plan)| Some((to, *places.get(&shape(plan))?))).collect()
}

/// The crosspoints that do not start at their goal, or whose gain only the renderer knows; without those that go on with
/// one of `matrices`, new and old, as they were.
pub(super) fn carried_gains(
    schedule: &Schedule,
    previous: Option<&Schedule>,
    beginning: &HashSet<Crosspoint>,
    matrices: &[(u32, u32)],
) -> Box<[CarriedGain]> {
    let Some(previous) = previous else { return Box::default() };
    let whole: HashSet<EdgeId> = matrices.iter().map(|&(to, _)| schedule.matrices[to as usize].edge).collect();
    let mut gains = Vec::new();
    for edge in schedule.flat.audio_edges() {
        let is_whole = whole.contains(&edge.id);
        if is_whole && beginning.iter().all(|crosspoint| crosspoint.edge != edge.id) {
            continue;
        }
        let cells = edge.cells.range();
        for (place, cell) in (edge.cells.first..).zip(&schedule.flat.cells[cells]) {
            if schedule.elided[place as usize] {
                continue;
            }
            let crosspoint = Crosspoint { edge: edge.id, source: cell.source, destination: cell.destination };
            let begins = beginning.contains(&crosspoint);
            if is_whole && !begins {
                continue;
            }
            let before = previous.cell(edge.id, cell.source, cell.destination);
            let start = match before {
                Some(before) if !begins => match previous.elided[before as usize] {
                    true => GainStart::At(1.0),
                    false => GainStart::Carried(before),
                },
                _ => GainStart::At(0.0),
            };
            gains.push(CarriedGain { cell: place, start });
        }
    }
    gains.into_boxed_slice()
}
