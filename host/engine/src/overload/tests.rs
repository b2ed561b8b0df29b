use super::*;
use crate::session::{Mapping, parse};
use crate::{Action, EngineSettings};
use std::cell::Cell;
use std::path::Path;

thread_local! {
    static TICKS: Cell<u64> = const { Cell::new(0) };
}

/// A clock that goes on by one tick whenever somebody looks: a node takes 1 for a block, a rig of one node 3.
pub(crate) fn now() -> u64 {
    TICKS.set(TICKS.get() + 1);
    TICKS.get()
}

/// ```text
/// in ──► fx ──► out      a plugin that is not there lets the signal through
/// ```
pub(crate) fn rig() -> (Engine, NodeId) {
    let text = "crosspoint = 1\n[[input]]\nname = \"in\"\nchannels = 2\n[[plugin]]\nname = \"fx\"\nformat = \"clap\"\nid = \
                \"not.there\"\noverload = { budget = 0.2, blocks = 4, action = \"mute\" }\n[[output]]\nname = \"out\"\n\
                channels = 2\n[[edge]]\nfrom = \"in\"\nto = \"fx\"\n[[edge]]\nfrom = \"fx\"\nto = \"out\"\n";
    let loaded = parse(text, Path::new("/nowhere")).unwrap();
    assert_eq!(loaded.problems, []);
    let mut engine = Engine::new(EngineSettings::default());
    let mut roles = Mapping::default();
    roles.inputs.insert("in".into(), vec![Some(0), Some(1)]);
    roles.outputs.insert("out".into(), vec![Some(0), Some(1)]);
    engine.load_document(&loaded.document, &roles).unwrap();
    let node = engine.graph().nodes().find(|(_, node)| node.name == "fx").unwrap().0;
    (engine, node)
}

/// Plays so many blocks of 1 ms with a deadline; what comes out last, and what is told.
pub(crate) fn play(engine: &mut Engine, blocks: usize) -> (f32, Vec<Notice>) {
    let (mut left, mut right) = ([0.0; 48], [0.0; 48]);
    for _ in 0..blocks {
        engine.cell().render(&[&[0.5; 48], &[0.5; 48]], &mut [&mut left, &mut right], false);
    }
    (left[47], engine.poll())
}

fn overloads(notices: &[Notice]) -> usize {
    notices.iter().filter(|notice| matches!(notice, Notice::Overloaded { .. })).count()
}

/// With four ticks a block the plugin takes a quarter of the time, and may take a fifth: muted after four blocks, back by
/// hand, and muted again; with a larger budget it stays.
#[test]
fn a_plugin_over_its_budget_is_muted_until_it_is_let_back() {
    let (mut engine, node) = rig();
    let handle = engine.handle();
    let (heard, told) = play(&mut engine, 20);
    assert!(heard == 0.5 && overloads(&told) == 0, "nobody looks yet");
    engine.set_clock(now, 4000.0).unwrap();
    let (heard, told) = play(&mut engine, 30);
    assert_eq!((heard, overloads(&told)), (0.0, 1));
    let overload = told.into_iter().find(|notice| matches!(notice, Notice::Overloaded { .. })).unwrap();
    let (action, share, name) = (OverloadAction::Mute, 0.25, "fx".to_owned());
    assert_eq!(overload, Notice::Overloaded { node, name, action, share });
    assert_eq!(engine.look().nodes[&node].overload.unwrap().overloaded, Some((action, share)));
    let recover = |engine: &mut Engine| {
        let answer = handle.send(Action::RecoverNode { node });
        engine.poll();
        answer.try_take().unwrap().unwrap();
    };
    recover(&mut engine);
    let (heard, told) = play(&mut engine, 30);
    assert!(told.contains(&Notice::Recovered { node, name: "fx".into() }) && overloads(&told) == 1 && heard == 0.0);
    let policy = OverloadPolicy { budget: 0.5, ..engine.look().nodes[&node].overload.unwrap().policy };
    engine.set_overload_policy(node, policy).unwrap();
    recover(&mut engine);
    let (heard, told) = play(&mut engine, 30);
    assert_eq!((heard, overloads(&told)), (0.5, 0));
    assert_eq!(engine.look().nodes[&node].overload, Some(OverloadSnapshot { policy, overloaded: None }));
    for wrong in [OverloadPolicy { budget: 0.0, ..policy }, OverloadPolicy { blocks: 0, ..policy }] {
        assert!(engine.set_overload_policy(node, wrong).is_err());
    }
    let input = engine.graph().nodes().find(|(_, node)| node.name == "in").unwrap().0;
    assert!(engine.set_overload_policy(input, policy).is_err());
    // A fresh renderer is told all of it again.
    engine.set_overload_policy(node, OverloadPolicy { budget: 0.2, returns_after: Some(0.1), ..policy }).unwrap();
    engine.rebuild(EngineSettings { max_block: 256, ..*engine.settings() }).unwrap();
    let (_, told) = play(&mut engine, 400);
    assert!(overloads(&told) >= 3, "every tenth of a second it is tried again: {told:?}");
}

/// Three of three and a half ticks are near the deadline; it is told once.
#[test]
fn a_rig_near_its_deadline_is_told_of() {
    let (mut engine, node) = rig();
    engine.set_overload_policy(node, OverloadPolicy::default()).unwrap();
    engine.set_clock(now, 3500.0).unwrap();
    let (heard, told) = play(&mut engine, 30);
    let near: Vec<&Notice> = told.iter().filter(|notice| matches!(notice, Notice::NearDeadline { .. })).collect();
    let [Notice::NearDeadline { share }] = near[..] else { panic!("{told:?}") };
    assert!((share - 3.0 / 3.5).abs() < 1e-6 && heard == 0.5);
    engine.watch_time(false).unwrap();
    assert!(!engine.look().watches_time);
    engine.set_clock(now, 35_000.0).unwrap();
    let (_, told) = play(&mut engine, 30);
    assert!(!told.iter().any(|notice| matches!(notice, Notice::NearDeadline { .. })));
}
