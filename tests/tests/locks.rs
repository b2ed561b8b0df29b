//! Rendering takes no lock: one thread holds all there are while another one renders.

use crosspoint::graph::{Cell, Command, ListenTo};
use crosspoint::{ChainLink, EngineSettings};
use crosspoint_tests::{engine, fixture, noise, rack};
use std::sync::mpsc::channel;
use std::time::Duration;

/// A rig of bundled plugins and of fixtures that call their host from the callback, with edits and events on their way to
/// the renderer. If anything in it waited for a lock, the render would not end before the locks are let go.
///
/// ```text
///   this thread:  edits, then holds every lock ........................ lets go
///   the other:                        renders 400 blocks, says so
/// ```
#[test]
fn a_render_ends_while_every_lock_is_held() {
    let mut engine = engine(EngineSettings::default());
    let hostile = ["wrong-thread", "late-events", "restart-storm", "callback-storm", "echo-events", "stateful"];
    let plugins = ["gate", "amp", "cabinet", "delay", "reverb"].map(rack).into_iter().chain(hostile.map(fixture));
    let links: Vec<ChainLink> = plugins.map(ChainLink::new).collect();
    let chain = engine.build_chain(&[Some(0)], &links).unwrap();
    let edges: Vec<_> = engine.graph().edges().filter(|(_, edge)| edge.matrix().is_some()).map(|(id, _)| id).collect();
    engine.send_command(0, Command::Measure(true)).unwrap();
    engine.send_command(0, Command::Play(true)).unwrap();
    engine.set_bypassed(chain.plugins[0], true).unwrap();
    engine.set_cell(edges[1], 0, 0, Cell::new(0.5)).unwrap();
    let parameters = engine.description(chain.plugins[1]).unwrap().parameters.clone();
    for parameter in parameters.iter() {
        engine.set_parameter(chain.plugins[1], parameter.id, parameter.maximum).unwrap();
    }
    engine.meter(chain.plugins[1], true).unwrap();
    engine.tune(Some(ListenTo { node: chain.plugins[1], channel: 0 })).unwrap();
    engine.poll();
    let cell = engine.cell();
    engine.with_every_lock_held(&mut || {
        let (cell, (done, ended)) = (cell.clone(), channel());
        std::thread::spawn(move || {
            let input = noise(1, 64);
            let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
            let rendered = (0..400).all(|_| cell.render(&[&input], &mut [&mut left, &mut right], false));
            // Nobody listens any more if it took for ever.
            let _ = done.send(rendered && left.iter().all(|sample| sample.is_finite()));
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(true), "the render waits for a lock");
    });
    engine.poll();
}
