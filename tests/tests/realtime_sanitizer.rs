//! The callback under RealtimeSanitizer: malloc, free, locks and blocking calls below it abort with a stack. Built by
//! `cargo xtask rtsan` alone, which switches the sanitizer on.
#![cfg(rtsan)]
#![feature(sanitize)]

use crosspoint::graph::{Cell, Command, NodeId, RendererCell};
use crosspoint::{ChainLink, EngineSettings};
use crosspoint_tests::{engine, noise, rack};

/// What a driver would call.
#[sanitize(realtime = "nonblocking")]
fn callback(cell: &RendererCell, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) {
    cell.render(inputs, outputs, false);
}

/// The bundled chain plays while crosspoints move, plugins are bypassed, edges come and go and the transport jumps.
#[test]
fn the_callback_never_blocks() {
    let mut engine = engine(EngineSettings::default());
    let links: Vec<ChainLink> =
        ["gate", "amp", "cabinet", "delay", "reverb"].iter().map(|name| ChainLink::new(rack(name))).collect();
    let chain = engine.build_chain(&[Some(0)], &links).unwrap();
    let gate = chain.plugins[0];
    let edges: Vec<_> = engine.graph().edges().map(|(id, _)| id).collect();
    let cell = engine.cell();
    let input = noise(1, 64);
    let (mut left, mut right) = (vec![0.0; 64], vec![0.0; 64]);
    for block in 0..2000_u32 {
        edit(&mut engine, block, gate, &edges);
        callback(&cell, &[&input], &mut [&mut left, &mut right]);
        engine.poll();
    }
    assert!(left.iter().all(|sample| sample.is_finite()));
}

fn edit(engine: &mut crosspoint::Engine, block: u32, gate: NodeId, edges: &[crosspoint::graph::EdgeId]) {
    match block % 50 {
        5 => engine.set_cell(edges[1], 0, 0, Cell::new(block as f32 / 2000.0)).unwrap(),
        15 => engine.set_bypassed(gate, block % 100 == 15).unwrap(),
        25 => engine.send_command(0, Command::Locate(i64::from(block))).unwrap(),
        35 => {
            let id = *edges.last().unwrap();
            engine.apply(vec![crosspoint::graph::graph::Edit::Disconnect { id }]).unwrap();
        }
        45 => assert!(engine.undo().unwrap()),
        _ => {}
    }
}
