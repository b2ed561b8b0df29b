//! The engine on one thread, its plugins on another: a plugin that takes its time delays nothing else. Every test shows it
//! by the order of events: a call of the plugin waits at a gate, and things happen meanwhile.

use crosspoint::graph::graph::Edit;
use crosspoint::graph::{Cell, Command, NodeId};
use crosspoint::session::{self, EntryKind, MachineFile, SceneEntry, Spillover};
use crosspoint::{
    Action, Condition, Done, Engine, EngineError, EngineSettings, Notice, PluginHost, PluginLink, PluginSetup,
    Readiness, SceneEdit,
};
use crosspoint_fixtures::gate::{self, Stage};
use crosspoint_fixtures::ids::slow_loader::GAIN;
use crosspoint_tests::{fixture, plugins};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An engine here, its plugins on a thread of their own, which is their main thread.
fn apart() -> (Engine<PluginLink>, JoinHandle<()>) {
    let (links, link) = std::sync::mpsc::channel();
    let main_thread = std::thread::spawn(move || {
        let (link, server) = plugins().apart();
        links.send(link).unwrap();
        server.run();
    });
    (Engine::with_plugins(EngineSettings::default(), link.recv().unwrap()), main_thread)
}

/// Renders a block of ones; what comes out last on two channels.
fn ones<P: crosspoint::Plugins>(engine: &Engine<P>) -> (f32, f32) {
    let ones = [1.0; 480];
    let (mut left, mut right) = ([0.0; 480], [0.0; 480]);
    assert!(engine.cell().render(&[&ones, &ones], &mut [&mut left, &mut right], true));
    (left[479], right[479])
}

/// Polls and renders until something holds. That a plugin's thread gets its turn is all that is waited for.
fn until(engine: &mut Engine<PluginLink>, mut holds: impl FnMut(&mut Engine<PluginLink>, &[Notice]) -> bool) {
    let mut notices = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        notices.extend(engine.poll());
        if holds(engine, &notices) {
            return;
        }
        ones(engine);
        std::thread::yield_now();
    }
    panic!("it never came; the notices: {notices:?}");
}

/// input ──► gain? ──► output, where the plugin is still to come.
fn rig(engine: &mut Engine<PluginLink>) -> (NodeId, NodeId, NodeId) {
    engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let slow = engine.add_plugin("slow", &fixture("slow-loader"), PluginSetup::default())?;
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, slow)?;
            engine.connect(slow, output)?;
            Ok((input, slow, output))
        })
        .unwrap()
}

#[test]
fn an_engine_with_its_plugins_elsewhere_is_send() {
    fn is_send<T: Send>() {}
    is_send::<Engine<PluginLink>>();
    is_send::<PluginLink>();
}

/// While `init` waits, then while `activate` waits: crosspoints move, edits are made and undone, audio renders on, the
/// signal goes through. Then the plugin comes, with its own ports and what was set meanwhile.
#[test]
fn a_plugin_that_loads_delays_nothing() {
    let closed = gate::close(&[Stage::Init, Stage::Activate]);
    let (mut engine, main_thread) = apart();
    let (input, slow, output) = rig(&mut engine);
    for stage in [Stage::Init, Stage::Activate] {
        closed.wait_for_call(stage);
        assert!(engine.is_loading(slow));
        assert_eq!(ones(&engine), (1.0, 1.0), "the signal goes through");
        let dry = engine.connect(input, output).unwrap();
        until(&mut engine, |engine, _| ones(engine) == (2.0, 2.0));
        engine.set_cell(dry, 0, 0, Cell::new(0.5)).unwrap();
        until(&mut engine, |engine, _| ones(engine) == (1.5, 2.0));
        assert!(engine.undo().unwrap() && engine.undo().unwrap());
        until(&mut engine, |engine, _| ones(engine) == (1.0, 1.0));
        engine.set_parameter(slow, GAIN, 0.25).unwrap();
        assert_eq!(engine.look().nodes[&slow].condition, Condition::Loading);
        closed.open(stage);
    }
    until(&mut engine, |_, notices| notices.iter().any(|notice| matches!(notice, Notice::Ready { .. })));
    assert_eq!(engine.graph().node(slow).unwrap().audio_inputs[0].layout.channels(), 1);
    assert_eq!(engine.look().nodes[&slow].condition, Condition::Ready);
    until(&mut engine, |engine, _| ones(engine) == (0.25, 0.25));
    drop(engine);
    main_thread.join().unwrap();
}

/// A plugin that does not exist: the node stays, lets the signal through, and says why.
#[test]
fn a_plugin_that_cannot_be_had_is_told() {
    let (mut engine, _main_thread) = apart();
    let node = engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let gone = engine.add_plugin("gone", &fixture("of-nobody"), PluginSetup::default())?;
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            engine.connect(input, gone)?;
            engine.connect(gone, output)?;
            Ok(gone)
        })
        .unwrap();
    until(&mut engine, |_, notices| notices.iter().any(|notice| matches!(notice, Notice::Missing { .. })));
    assert_eq!(ones(&engine), (1.0, 1.0));
    assert!(matches!(engine.look().nodes[&node].condition, Condition::Missing { .. }));
}

/// A plugin that is removed, or whose rate changes, while it is being loaded: what comes is taken as it is wanted by then.
#[test]
fn what_happens_to_a_rig_while_a_plugin_loads_counts() {
    let closed = gate::close(&[Stage::Activate]);
    let (mut engine, main_thread) = apart();
    let (_, slow, _) = rig(&mut engine);
    closed.wait_for_call(Stage::Activate);
    engine.apply(vec![Edit::RemoveNode { id: slow }]).unwrap();
    engine.rebuild(EngineSettings { rate: 96_000, ..EngineSettings::default() }).unwrap();
    closed.open(Stage::Activate);
    until(&mut engine, |engine, _| !engine.is_loading(slow));
    assert_eq!(ones(&engine), (0.0, 0.0));
    assert!(engine.undo().unwrap(), "it comes back");
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    drop(engine);
    main_thread.join().unwrap();
}

/// A rig is loaded while another one plays, which plays on until all plugins of the new one are there.
#[test]
fn the_old_rig_plays_until_the_new_one_is_whole() {
    let (mut engine, main_thread) = apart();
    rig(&mut engine);
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    let document = engine.request_document();
    let mut rig = None;
    until(&mut engine, |_, _| {
        rig = rig.take().or_else(|| document.try_take());
        rig.is_some()
    });
    let mut rig = rig.unwrap().unwrap();
    rig.nodes.iter_mut().find(|node| node.name == "slow").unwrap().name = "new".to_owned();
    rig.edges.iter_mut().for_each(|edge| {
        for end in [&mut edge.source, &mut edge.destination].into_iter().filter(|end| end.node == "slow") {
            end.node = "new".to_owned();
        }
    });

    let closed = gate::close(&[Stage::LoadState]);
    let roles = MachineFile::default().map(&rig);
    let loaded = engine.request_rig(rig, roles, None);
    closed.wait_for_call(Stage::LoadState);
    engine.poll();
    assert!(engine.is_building() && loaded.try_take().is_none());
    assert_eq!(ones(&engine), (0.5, 0.5), "the old one plays");
    assert!(engine.graph().nodes().any(|(_, node)| node.name == "slow"));
    closed.open(Stage::LoadState);
    let mut problems = None;
    until(&mut engine, |_, _| {
        problems = problems.take().or_else(|| loaded.try_take());
        problems.is_some()
    });
    assert_eq!(problems.unwrap().unwrap(), []);
    assert!(engine.graph().nodes().any(|(_, node)| node.name == "new"));
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    drop(engine);
    main_thread.join().unwrap();
}

/// Another thread asks a running engine to save while the plugin takes its time over its state: commands go on, and the
/// file has what was set.
#[test]
fn a_save_waits_for_states_and_nothing_waits_for_the_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.rig.toml");
    let (mut engine, main_thread) = apart();
    let (_, slow, _) = rig(&mut engine);
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    let handle = engine.handle();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let control = std::thread::spawn(move || {
        while stopped.try_recv().is_err() {
            engine.poll();
            ones(&engine);
        }
    });
    let closed = gate::close(&[Stage::SaveState]);
    handle.send(Action::SetParameter { node: slow, parameter: GAIN, value: 0.125 }).wait().unwrap();
    let saved = handle.send(Action::Save { path: Some(path.clone()) });
    closed.wait_for_call(Stage::SaveState);
    assert_eq!(handle.send(Action::Send(Command::Tempo(90.0))).wait().unwrap(), Done::Done);
    handle.send(Action::SetBypassed { node: slow, on: true }).wait().unwrap();
    assert!(saved.try_take().is_none() && !path.exists());
    closed.open(Stage::SaveState);
    saved.wait().unwrap();
    let document = session::load(&path).unwrap().document;
    assert_eq!(document.tempo, 90.0);
    let Some(EntryKind::Plugin(plugin)) = document.node("slow").map(|node| &node.kind) else { panic!() };
    assert!(document.node("slow").unwrap().bypassed && plugin.state.is_some());
    let text = handle.send(Action::ParameterText { node: slow, parameter: GAIN, value: 0.5 }).wait().unwrap();
    assert!(matches!(text, Done::Text(Some(_))), "{text:?}");
    handle.send(Action::SetParameterText { node: slow, parameter: "gain".into(), text: "0.75".into() }).wait().unwrap();
    let wrong = Action::SetParameterText { node: slow, parameter: "gain".into(), text: "loud".into() };
    assert!(matches!(handle.send(wrong).wait(), Err(EngineError::ParameterText { .. })));
    stop.send(()).unwrap();
    control.join().unwrap();
    main_thread.join().unwrap();
}

/// A plugin that scenes share takes its time over a state: its dry signal is heard until it has it, edits are heard and undone
/// meanwhile, and what another scene wants by then is what is heard, with nothing of the first one.
#[test]
fn a_state_that_takes_its_time_delays_nothing() {
    let (mut engine, main_thread) = apart();
    let (input, slow, output) = rig(&mut engine);
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    for (name, level) in [("A", 0.25), ("B", 0.75)] {
        engine.edit_scenes(SceneEdit::SetScene(SceneEntry { name: name.into(), ..SceneEntry::default() })).unwrap();
        engine.set_parameter(slow, GAIN, f64::from(level)).unwrap();
        until(&mut engine, |engine, _| ones(engine) == (level, level));
        let shared = engine.share_state(slow, name, true);
        until(&mut engine, |_, _| shared.try_take().is_some_and(|shared| shared.is_ok()));
    }
    engine.set_parameter(slow, GAIN, 0.5).unwrap();
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));

    let closed = gate::close(&[Stage::LoadState]);
    assert!(engine.play_scene("A").unwrap());
    until(&mut engine, |_, _| closed.is_called(Stage::LoadState));
    assert_eq!(ones(&engine), (1.0, 1.0), "it is past the plugin");
    assert!(engine.look().nodes[&slow].state_under_way);
    engine.connect(input, output).unwrap();
    until(&mut engine, |engine, _| ones(engine) == (2.0, 2.0));
    assert!(engine.undo().unwrap());
    until(&mut engine, |engine, _| ones(engine) == (1.0, 1.0));
    assert!(engine.play_scene("B").unwrap());
    closed.open(Stage::LoadState);
    until(&mut engine, |engine, _| {
        let (left, right) = ones(engine);
        assert!(left == right && left >= 0.75, "nothing of A is heard: {left}, {right}");
        left == 0.75 && !engine.look().nodes[&slow].state_under_way
    });
    engine.leave_scene().unwrap();
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5) && !engine.look().nodes[&slow].state_under_way);
    drop(closed);

    // It takes its time to say what it has: who goes back meanwhile hears that at once.
    let closed = gate::close(&[Stage::SaveState]);
    assert!(engine.play_scene("A").unwrap());
    until(&mut engine, |engine, _| closed.is_called(Stage::SaveState) && ones(engine) == (1.0, 1.0));
    engine.leave_scene().unwrap();
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    closed.open(Stage::SaveState);
    assert!(engine.play_scene("A").unwrap());
    until(&mut engine, |engine, _| ones(engine) == (0.25, 0.25));
    drop((engine, closed));
    main_thread.join().unwrap();
}

/// The main thread's half ends first: what is asked of plugins fails, everything else goes on.
#[test]
fn a_main_thread_that_is_gone_takes_nothing_with_it() {
    let (link, server) = PluginHost::new().apart();
    let mut engine = Engine::with_plugins(EngineSettings::default(), link);
    drop(server);
    let input = engine.add_input("input", "input", &[Some(0), Some(1)]).unwrap();
    let slow = engine.add_plugin("slow", &fixture("slow-loader"), PluginSetup::default()).unwrap();
    until(&mut engine, |engine, _| !engine.is_loading(slow));
    let output = engine.add_output("output", "output", &[Some(0), Some(1)]).unwrap();
    engine.connect(input, output).unwrap();
    until(&mut engine, |engine, _| ones(engine) == (1.0, 1.0));
    let document = engine.request_document().try_take().unwrap().unwrap();
    assert_eq!((document.nodes.len(), document.edges.len()), (3, 1));
}

/// ```text
/// input ──┬── quick ──┬── output        both come back; one is activated at once, the other waits at its gate
///         └── slow ───┘
/// ```
/// What is ready is heard while the rest are still on their way.
#[test]
fn each_plugin_plays_as_soon_as_it_is_ready() {
    let (mut engine, main_thread) = apart();
    let [quick, slow] = engine
        .batch(|engine| {
            let input = engine.add_input("input", "input", &[Some(0), Some(1)])?;
            let nodes = [("quick", "gain"), ("slow", "slow-loader")]
                .map(|(name, id)| engine.add_plugin(name, &fixture(id), PluginSetup::default()));
            let [quick, slow] = nodes.map(Result::unwrap);
            let output = engine.add_output("output", "output", &[Some(0), Some(1)])?;
            for node in [quick, slow] {
                engine.connect(input, node)?;
                engine.connect(node, output)?;
            }
            Ok([quick, slow])
        })
        .unwrap();
    until(&mut engine, |engine, _| [quick, slow].iter().all(|&node| !engine.is_loading(node)));
    engine.set_parameter(quick, crosspoint_fixtures::ids::gain::GAIN, 0.25).unwrap();
    until(&mut engine, |engine, _| ones(engine) == (0.75, 0.75));

    // Else they would ring on, and never have to come home.
    engine.set_spillover(Spillover { seconds: 0.0, nodes: 0 }).unwrap();
    let closed = gate::close(&[Stage::Activate]);
    engine.apply([quick, slow].map(|id| Edit::RemoveNode { id }).to_vec()).unwrap();
    assert!(engine.undo().unwrap(), "before the plugins are home");
    // The slow one lets the signal through until it is there.
    until(&mut engine, |engine, notices| {
        let is_quick = |notice: &Notice| matches!(notice, Notice::Restarted { node, .. } if *node == quick);
        notices.iter().any(is_quick) && ones(engine) == (1.25, 1.25)
    });
    closed.wait_for_call(Stage::Activate);
    assert_eq!(engine.look().nodes[&slow].condition, Condition::Restarting);
    closed.open(Stage::Activate);
    until(&mut engine, |engine, _| ones(engine) == (0.75, 0.75));
    drop(engine);
    main_thread.join().unwrap();
}

/// ```text
/// input ── slow ── output      the scene that plays gets an instance of its own, which waits at the gate
/// ```
/// The scene says what it waits for, and the first instance plays on; once the second one is there it takes over.
#[test]
fn a_second_instance_that_loads_holds_nothing_up() {
    let (mut engine, main_thread) = apart();
    let (_, slow, _) = rig(&mut engine);
    until(&mut engine, |_, notices| notices.iter().any(|notice| matches!(notice, Notice::Ready { .. })));
    engine.set_parameter(slow, GAIN, 0.5).unwrap();
    let scene = SceneEntry { name: "B".into(), ..SceneEntry::default() };
    engine.edit_scenes(SceneEdit::SetScene(scene)).unwrap();
    assert!(engine.play_scene("B").unwrap());
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    let closed = gate::close(&[Stage::Init]);
    let answer = engine.add_second_instance(slow, "B", None);
    let mut second = None;
    until(&mut engine, |_, _| {
        second = second.or_else(|| answer.try_take().map(Result::unwrap));
        second.is_some()
    });
    let second = second.unwrap();
    closed.wait_for_call(Stage::Init);
    engine.poll();
    let readiness = engine.look().scenes.scenes[0].readiness.clone();
    assert!(matches!(readiness, Readiness::Preparing(_)), "{readiness:?}");
    assert_eq!(ones(&engine), (0.5, 0.5));
    let nodes = engine.look().nodes.clone();
    assert!(nodes[&slow].present && !nodes[&second].present);
    closed.open(Stage::Init);
    until(&mut engine, |engine, _| {
        let nodes = engine.look().nodes.clone();
        !nodes[&slow].present && nodes[&second].present
    });
    until(&mut engine, |engine, _| ones(engine) == (0.5, 0.5));
    drop(engine);
    main_thread.join().unwrap();
}
