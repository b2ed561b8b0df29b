//! Pass 7: schedules and graphs for people: text for goldens and the terminal, DOT and SVG to look at.

use super::schedule::{Mix, Op, SILENT_SLOT, Schedule};
use crate::graph::{Graph, NodeKind, Signal};
use crate::id::NodeId;
use std::fmt::Write;

/// A schedule as text, one op a line; the same schedule always gives the same text.
pub fn text(schedule: &Schedule, graph: &Graph) -> String {
    let mut out = String::new();
    let _ =
        writeln!(out, "{} ops, {} slots, latency {} frames", schedule.ops.len(), schedule.slots, schedule.latency());
    for (position, op) in schedule.ops.iter().enumerate() {
        let _ = writeln!(out, "{position:4}  {}", line(schedule, graph, op));
    }
    out
}

fn name(graph: &Graph, id: NodeId) -> &str {
    graph.node(id).map_or("?", |node| &node.name)
}

fn slot(slot: u32) -> String {
    if slot == SILENT_SLOT { "silence".to_owned() } else { format!("s{slot}") }
}

fn slots(list: &[u32]) -> String {
    list.iter().map(|&each| slot(each)).collect::<Vec<_>>().join(" ")
}

/// A linear gain in decibels, as people read it.
fn decibels(gain: f32) -> String {
    match gain {
        1.0 => "unity".to_owned(),
        0.0 => "off".to_owned(),
        gain => {
            let sign = if gain < 0.0 { " inverted" } else { "" };
            format!("{:+.1} dB{sign}", 20.0 * gain.abs().log10())
        }
    }
}

fn line(schedule: &Schedule, graph: &Graph, op: &Op) -> String {
    match *op {
        Op::Clear { slot: which } => format!("clear    {}", slot(which)),
        Op::Input { channel, slot: to } => format!("input    device {} -> {}", channel + 1, slot(to)),
        Op::Output { channel, slot: from, accumulate } => {
            format!("output   {} {} device {}", slot(from), if accumulate { "+>" } else { "->" }, channel + 1)
        }
        Op::Mix { mix } => mix_line(schedule, &schedule.mixes[mix as usize]),
        Op::Matrix { matrix } => {
            let matrix = &schedule.matrices[matrix as usize];
            let sources = &schedule.matrix_slots[matrix.sources.range()];
            let destinations = &schedule.matrix_slots[matrix.destinations.range()];
            format!(
                "matrix   {} {} {}",
                slots(sources),
                if matrix.accumulate { "+>" } else { "->" },
                slots(destinations)
            )
        }
        Op::DelayWrite { line, slot: from } => format!("keep     {} in line {line}", slot(from)),
        Op::DelayRead { tap, slot: to } => {
            let tap = &schedule.taps[tap as usize];
            format!("delay    line {} by {} -> {}", tap.line, tap.delay, slot(to))
        }
        Op::FeedbackWrite { line, slot: from } => format!("feed     {} into line {line}", slot(from)),
        Op::FeedbackRead { tap, slot: to } => {
            let tap = &schedule.taps[tap as usize];
            format!("feedback line {} by {} -> {}", tap.line, tap.delay, slot(to))
        }
        Op::Merge { node } => {
            let node = &schedule.nodes[node as usize];
            let edges = &schedule.event_edges[node.events.range()];
            let sources: Vec<&str> =
                edges.iter().map(|edge| name(graph, schedule.nodes[edge.source as usize].id)).collect();
            format!("events   {} -> {}", sources.join(" + "), name(graph, node.id))
        }
        Op::Process { node } => {
            let node = &schedule.nodes[node as usize];
            let inputs = slots(&schedule.node_slots[node.inputs.range()]);
            let outputs = slots(&schedule.node_slots[node.outputs.range()]);
            format!("process  {}: {inputs} -> {outputs}", name(graph, node.id))
        }
    }
}

/// The sums of a mix, channel after channel.
fn mix_line(schedule: &Schedule, mix: &Mix) -> String {
    let sums = schedule.sums(mix).map(|(destination, terms)| {
        let terms = terms.map(|(from, term)| {
            let gain = schedule.flat.cells[term.cell as usize].gain;
            format!("{} ({})", slot(from), decibels(gain))
        });
        let terms: Vec<String> = terms.collect();
        format!("{} {} {}", terms.join(" + "), if mix.accumulate { "+>" } else { "->" }, slot(destination))
    });
    let sums: Vec<String> = sums.collect();
    format!("mix      {}", sums.join(", "))
}

/// The graph in the DOT language of Graphviz, left to right.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from("digraph rig {\n    rankdir=LR;\n    node [shape=box, fontname=\"sans-serif\"];\n");
    for (id, node) in graph.nodes() {
        let shape = match node.kind {
            NodeKind::Processor => "box",
            NodeKind::Input { .. } | NodeKind::Output { .. } => "cds",
        };
        let latency = if node.latency > 0 { format!("\\n{} frames late", node.latency) } else { String::new() };
        let _ = writeln!(out, "    {id} [label=\"{}{latency}\", shape={shape}];", escape_dot(&node.name));
    }
    for (_, edge) in graph.edges() {
        let (label, style) = match &edge.signal {
            Signal::Audio { matrix } => {
                let cells = matrix.cells().count();
                (format!("{} x {}, {cells} cells", matrix.sources(), matrix.destinations()), "solid")
            }
            Signal::Events => ("events".to_owned(), "dashed"),
        };
        let feedback = edge
            .feedback
            .map_or(String::new(), |frames| format!(", constraint=false, color=red, xlabel=\"feedback {frames}\""));
        let _ = writeln!(
            out,
            "    {} -> {} [label=\"{label}\", style={style}{feedback}];",
            edge.source.node, edge.destination.node
        );
    }
    out.push_str("}\n");
    out
}

fn escape_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ")
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const BOX_WIDTH: usize = 150;
const BOX_HEIGHT: usize = 44;
const COLUMN: usize = 230;
const ROW: usize = 76;
const MARGIN: usize = 30;

/// The graph as a picture: a column for each step from the inputs, edges as curves, feedback in red, events dashed.
pub fn svg(graph: &Graph) -> String {
    let placed = columns(graph);
    let place = |id: NodeId| placed.iter().find(|(node, ..)| *node == id).map(|&(_, column, row)| (column, row));
    let width = placed.iter().map(|&(_, column, _)| column + 1).max().unwrap_or(0) * COLUMN + 2 * MARGIN;
    let height = placed.iter().map(|&(.., row)| row + 1).max().unwrap_or(0) * ROW + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#16181d\"/>\n"
    );
    for (_, edge) in graph.edges() {
        let (Some(from), Some(to)) = (place(edge.source.node), place(edge.destination.node)) else { continue };
        let (x1, y1) = (MARGIN + from.0 * COLUMN + BOX_WIDTH, MARGIN + from.1 * ROW + BOX_HEIGHT / 2);
        let (x2, y2) = (MARGIN + to.0 * COLUMN, MARGIN + to.1 * ROW + BOX_HEIGHT / 2);
        let bend = (COLUMN - BOX_WIDTH) / 2 + if edge.feedback.is_some() { 60 } else { 0 };
        let colour = if edge.feedback.is_some() { "#e0555a" } else { "#8fb3e0" };
        let dash = if matches!(edge.signal, Signal::Events) { " stroke-dasharray=\"5 4\"" } else { "" };
        let _ = writeln!(
            out,
            "<path d=\"M {x1} {y1} C {} {y1}, {} {y2}, {x2} {y2}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            x1 + bend,
            x2 as i64 - bend as i64
        );
    }
    for (id, column, row) in &placed {
        let Some(node) = graph.node(*id) else { continue };
        let (x, y) = (MARGIN + column * COLUMN, MARGIN + row * ROW);
        let fill = if matches!(node.kind, NodeKind::Processor) { "#2b3445" } else { "#2f4a3c" };
        let mut label: String = node.name.chars().take(20).collect();
        if label.len() < node.name.len() {
            label.push('…');
        }
        let detail = if node.latency > 0 { format!("{} frames late", node.latency) } else { String::new() };
        let middle = x + BOX_WIDTH / 2;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"#5a6a85\"/>\n\
             <text x=\"{middle}\" y=\"{}\" fill=\"#e8ecf2\" text-anchor=\"middle\">{}</text>\n\
             <text x=\"{middle}\" y=\"{}\" fill=\"#9aa7bb\" text-anchor=\"middle\" font-size=\"11\">{detail}</text>",
            y + if detail.is_empty() { 27 } else { 20 },
            escape_xml(&label),
            y + 36
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A column for each node, one right of the rightmost of its sources, and a row within it.
fn columns(graph: &Graph) -> Vec<(NodeId, usize, usize)> {
    let mut depth = vec![0_usize; graph.node_bound()];
    // As many rounds as the longest path has steps; a picture is for graphs that people can look at.
    for _ in 0..graph.node_count() {
        let mut changed = false;
        for (_, edge) in graph.edges().filter(|(_, edge)| edge.feedback.is_none()) {
            let right = depth[edge.source.node.index()] + 1;
            let place = &mut depth[edge.destination.node.index()];
            if *place < right {
                *place = right;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut rows = vec![0; depth.iter().max().map_or(0, |last| last + 1)];
    graph
        .nodes()
        .map(|(id, _)| {
            let column = depth[id.index()];
            rows[column] += 1;
            (id, column, rows[column] - 1)
        })
        .collect()
}
