//! When edges that are to go fade out: as late as what comes in their place. What is new begins with nothing in its delay
//! lines and processors, and is heard once it has come through; until then the old way goes on.
//!
//! ```text
//!   in ──┬── old, leaves ───────────── out        the new way is heard after 480 frames: then the old one fades out
//!        └── new ── eq (480) ── new ───┘
//! ```

use super::Parting;
use crate::compile::Schedule;
use crate::graph::Graph;
use crate::graph::flat::{FlatEdge, FlatNode};
use crate::id::EdgeId;
use crate::rt::Crosspoint;
use std::collections::{HashMap, HashSet};

/// The edges that are to go, of what was sent last.
#[derive(Default)]
pub(super) struct Leaving {
    edges: HashSet<EdgeId>,
    /// What waits for as long as it did.
    held: Vec<EdgeId>,
}

/// How crosspoints close that are to go.
#[derive(Default)]
pub(super) struct Closing {
    /// Those that close so many frames after the schedule has taken over.
    pub later: Vec<(Crosspoint, u32)>,
    /// Those that close at once, or are closing or closed.
    pub now: Vec<Crosspoint>,
    /// The edges of those that close at once.
    pub edges: Vec<EdgeId>,
}

impl Leaving {
    pub fn has(&self, edge: EdgeId) -> bool {
        self.edges.contains(&edge)
    }

    pub fn edges(&self) -> impl Iterator<Item = EdgeId> {
        self.edges.iter().copied()
    }

    /// Those that are in a graph, and what of it waits for as long as it did.
    pub fn in_graph(&self, graph: &Graph) -> (Vec<EdgeId>, Vec<EdgeId>) {
        let is_there = |edge: &EdgeId| graph.edge(*edge).is_some();
        (self.edges().filter(is_there).collect(), self.held.iter().copied().filter(is_there).collect())
    }

    /// How those close that are to go under a schedule. `plays` says which edges have played until then, and were not to go.
    pub fn closing(
        schedule: &Schedule,
        previous: Option<&Schedule>,
        leaving: &[EdgeId],
        plays: impl Fn(EdgeId) -> bool,
        fade: u32,
    ) -> Closing {
        let mut closing = Closing::default();
        let times = closing_times(schedule, previous, &leaving.iter().copied().collect(), &plays, fade);
        for edge in leaving.iter().filter_map(|&edge| schedule.edge(edge)) {
            // What closes already goes on to do so.
            let after = times.get(&edge.id).copied().filter(|_| plays(edge.id)).unwrap_or(0);
            let cells = schedule.flat.cells[edge.cells.range()].iter();
            let crosspoints =
                cells.map(|cell| Crosspoint { edge: edge.id, source: cell.source, destination: cell.destination });
            if after == 0 && plays(edge.id) {
                closing.edges.push(edge.id);
            }
            match after {
                0 => closing.now.extend(crosspoints),
                after => closing.later.extend(crosspoints.map(|crosspoint| (crosspoint, after))),
            }
        }
        closing
    }

    /// Those are to go now.
    pub fn replace(&mut self, Parting { leaving, held }: Parting<'_>) {
        self.edges = leaving.iter().copied().collect();
        self.held = held.to_vec();
    }
}

/// How many frames after a schedule has taken over each edge begins to fade out that is to go. `plays` says which edges
/// have played until then: the others are new.
fn closing_times(
    schedule: &Schedule,
    previous: Option<&Schedule>,
    leaving: &HashSet<EdgeId>,
    plays: impl Fn(EdgeId) -> bool,
    fade: u32,
) -> HashMap<EdgeId, u32> {
    let mut times = HashMap::new();
    if leaving.is_empty() {
        return times;
    }
    let flat = &*schedule.flat;
    let goes = |edge: &FlatEdge| leaving.contains(&edge.id);
    let fresh = news(schedule, previous, goes, plays);
    let left: HashSet<u32> =
        flat.audio_edges().filter(|edge| goes(edge)).map(|edge| flat.route(edge).destination).collect();
    let mut onwards: HashMap<u32, Vec<&FlatEdge>> = HashMap::new();
    for edge in flat.audio_edges().filter(|edge| !edge.feeds_back() && left.contains(&flat.route(edge).source)) {
        onwards.entry(flat.route(edge).source).or_default().push(edge);
    }
    for node in in_order(schedule).rev().filter(|node| left.contains(&node.id.index)) {
        let after = if entering(schedule, node).all(goes) {
            // All of its signal goes. What is still in it is heard until what is new has come to where that leads.
            let late = |edge| flat.traits(node).latency + waits(schedule, edge);
            let onwards = onwards.get(&node.id.index).into_iter().flatten().map(|edge| match times.get(&edge.id) {
                Some(after) => after + fade,
                None => fresh.get(&flat.route(edge).destination).map_or(0, |since| since.saturating_sub(late(edge))),
            });
            onwards.max().unwrap_or(0)
        } else {
            fresh.get(&node.id.index).copied().unwrap_or(0)
        };
        times.extend(entering(schedule, node).filter(|edge| goes(edge)).map(|edge| (edge.id, after)));
    }
    times
}

/// After how many frames what is new comes to the nodes that it comes to, by their positions.
fn news(
    schedule: &Schedule,
    previous: Option<&Schedule>,
    goes: impl Fn(&FlatEdge) -> bool,
    plays: impl Fn(EdgeId) -> bool,
) -> HashMap<u32, u32> {
    let flat = &*schedule.flat;
    let mut news: HashMap<u32, u32> = HashMap::new();
    for node in in_order(schedule) {
        let ways = entering(schedule, node).filter(|edge| !goes(edge)).filter_map(|edge| {
            let source = flat.route(edge).source;
            let since = match news.get(&source) {
                Some(since) => since + flat.traits[source as usize].latency,
                None if plays(edge.id) => return None,
                None => 0,
            };
            // A way that was there is as late as it was, until what is new has come through its delay lines.
            let before = previous.filter(|_| plays(edge.id)).and_then(|previous| previous.edge_delays(edge.id));
            Some(since + before.map_or_else(|| waits(schedule, edge), |(_, longest)| longest))
        });
        if let Some(since) = ways.max() {
            news.insert(node.id.index, since);
        }
    }
    news
}

/// For how many frames an edge that does not feed back waits for others.
fn waits(schedule: &Schedule, edge: &FlatEdge) -> u32 {
    schedule.delays.get(edge.cells.range()).into_iter().flatten().copied().max().unwrap_or(0)
}

/// All nodes, in the order of the signal.
fn in_order(schedule: &Schedule) -> impl DoubleEndedIterator<Item = &FlatNode> {
    let outputs = schedule.flat.outputs.iter().map(|&position| &schedule.flat.nodes[position as usize]);
    schedule.nodes.iter().map(|node| schedule.flat_node(node)).chain(outputs)
}

/// The audio edges into a node that do not feed back.
fn entering<'s>(schedule: &'s Schedule, node: &FlatNode) -> impl Iterator<Item = &'s FlatEdge> + use<'s> {
    schedule.flat.entering(node).filter(|edge| edge.is_audio() && !edge.feeds_back())
}
