//! What keeps a stage safe, with plugins that do what no plugin may: outputs that are guarded, plugins that take too much
//! time on a device.

use crosspoint::devices::{DeviceName, StreamRequest};
use crosspoint::graph::{GuardCause, NodeId, OverloadAction};
use crosspoint::session::{OutputGuard, OverloadPolicy};
use crosspoint::{Engine, EngineSettings, Notice, XrunCulprit};
use crosspoint_fixtures::ids;
use crosspoint_tests::{FIXTURES, add, engine, noise, render};
use std::time::{Duration, Instant};

fn plugin(engine: &mut Engine, id: &str) -> NodeId {
    add(engine, &crosspoint::PluginReference::in_file(FIXTURES, Some(id)))
}

/// ```text
/// in ──► plugin ──► out
/// ```
fn rig(id: &str) -> (Engine, NodeId, NodeId) {
    let mut engine = engine(EngineSettings::default());
    let input = engine.add_input("in", "in", &[Some(0), Some(1)]).unwrap();
    let node = plugin(&mut engine, id);
    let output = engine.add_output("out", "out", &[Some(0), Some(1)]).unwrap();
    engine.connect(input, node).unwrap();
    engine.connect(node, output).unwrap();
    (engine, node, output)
}

/// A plugin that writes what is no number is found at its own output, and bypassed: nothing of it gets as far as the guard,
/// and the sound goes on.
#[test]
fn a_plugin_is_caught_before_the_guard() {
    let (mut engine, node, output) = rig(ids::NAN);
    engine.set_parameter(node, ids::nan::FROM, 10_000.0).unwrap();
    let input = vec![noise(1, 48_000), noise(2, 48_000)];
    let rendered = render(&mut engine, &input, 2, 48_000, 64);
    assert!(rendered.channels.iter().flatten().all(|sample| sample.is_finite()));
    assert!(rendered.channels[0][40_000..].iter().any(|&sample| sample != 0.0));
    assert!(
        rendered.notices.iter().any(|notice| matches!(notice, Notice::Fault { node: failed, .. } if *failed == node))
    );
    assert_eq!(engine.look().nodes[&output].guard.unwrap().closed, None);
}

/// A plugin that is far too loud closes the output, and is named.
#[test]
fn a_loud_plugin_is_named() {
    let (mut engine, node, output) = rig(ids::GAIN);
    engine.set_parameter(node, ids::gain::GAIN, 4.0).unwrap();
    engine.set_output_guard(output, OutputGuard { limit: Some(0.0), ..OutputGuard::default() }).unwrap();
    let input = vec![noise(1, 48_000), noise(2, 48_000)];
    let rendered = render(&mut engine, &input, 2, 48_000, 64);
    let closed = rendered.notices.iter().find_map(|notice| match notice {
        Notice::OutputClosed { node, cause: GuardCause::TooLoud { peak }, blamed, .. } => Some((*node, *peak, blamed)),
        _ => None,
    });
    let (closed, peak, blamed) = closed.unwrap_or_else(|| panic!("{:?}", rendered.notices));
    assert!(closed == output && peak > 1.9 && blamed.as_ref().is_some_and(|(who, _)| *who == node), "{blamed:?}");
    assert!(rendered.channels.iter().all(|channel| channel[10_000..].iter().all(|&sample| sample == 0.0)));
}

/// Polls until something is told. That the machine gets round to it is all that is waited for.
fn until<R>(engine: &mut Engine, mut found: impl FnMut(&mut Engine, &[Notice]) -> Option<R>) -> R {
    let begun = Instant::now();
    let mut told = Vec::new();
    while begun.elapsed() < Duration::from_secs(60) {
        told.extend(engine.poll());
        if let Some(found) = found(engine, &told) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it never came; told: {told:?}, logged: {:?}", engine.xrun_log());
}

/// On a device, a plugin that computes for 2 ms in every twentieth block of 1.3 ms: each of these blocks is missed, and the log
/// names the plugin. Once it has a budget and is to be bypassed it is, and comes back by hand.
#[test]
fn a_slow_plugin_is_named_and_bypassed() {
    let (mut engine, node, _) = rig(ids::IS_SLOW);
    let name: DeviceName = "virtual:2x2".parse().unwrap();
    let request = StreamRequest { buffer_frames: Some(64), rate: Some(48_000), ..StreamRequest::default() };
    engine.open_device(Some(&name), &request).unwrap();
    let (share, usual) = until(&mut engine, |engine, _| {
        engine.xrun_log().iter().find_map(|entry| match entry.culprit {
            XrunCulprit::Node { node: culprit, share, usual, .. }
                if culprit == node && entry.missed >= 5 && share > 1.49 =>
            {
                Some((share, usual))
            }
            _ => None,
        })
    });
    // It has had the processor for 2 ms of 1.3; the rate of a clock is known to a part in a thousand here, or far better.
    assert!(usual < share / 2.0, "{share} of the time, usually {usual}");
    let policy = OverloadPolicy { budget: 1.0, blocks: 1, action: OverloadAction::Bypass, returns_after: None };
    engine.set_overload_policy(node, policy).unwrap();
    let is_it = move |notice: &&Notice| matches!(notice, Notice::Overloaded { node: slow, .. } if *slow == node);
    until(&mut engine, |_, told| told.iter().find(is_it).map(|_| ()));
    assert!(engine.look().nodes[&node].overload.unwrap().overloaded.is_some());
    engine.recover_node(node).unwrap();
    until(&mut engine, |_, told| told.iter().find(is_it).map(|_| ()));
}
