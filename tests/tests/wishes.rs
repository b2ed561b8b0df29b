//! What a plugin wishes of the transport and of the history, heard and granted.

use crosspoint::graph::{AudioPort, Block, ChannelLayout, Node, Processor, Status, Transport};
use crosspoint::{Engine, EngineSettings, Notice};
use crosspoint_tests::{add, engine, fixture};
use std::sync::{Arc, Mutex};

/// Keeps the transport of the last block.
struct Witness(Arc<Mutex<Transport>>);

impl Processor for Witness {
    fn process(&mut self, block: Block<'_>) -> Status {
        *self.0.lock().unwrap() = *block.transport();
        Status::Continue
    }
}

/// A change in the plugin's window is a step that it takes back itself, in turn with those of the rig, by whom ever asked for.
#[test]
fn a_plugin_has_its_part_in_the_history() {
    let mut engine = engine(EngineSettings::default());
    let puppet = add(&mut engine, &fixture("puppet"));
    let say = |engine: &mut Engine, words: &str| {
        engine.plugin(puppet).unwrap().load_state(words.as_bytes()).unwrap();
        engine.poll();
        String::from_utf8(engine.plugin(puppet).unwrap().save_state().unwrap()).unwrap()
    };
    say(&mut engine, "undo made");
    let output = engine.add_output("output", "output", &[Some(0)]).unwrap();
    assert_eq!(say(&mut engine, "undo undo"), "");
    assert!(engine.graph().node(output).is_none(), "the last step was the output");
    assert_eq!(say(&mut engine, "undo undo"), "undo 5 step\n");
    assert_eq!(say(&mut engine, "undo redo"), "redo 5 step\n");
    assert!(engine.undo().unwrap());
    assert_eq!(say(&mut engine, ""), "undo 5 step\n");
    assert!(engine.graph().node(puppet).is_some());
}

/// Has the puppet say something; the transport of the block after that, of 480 frames.
fn after(engine: &mut Engine, puppet: crosspoint::graph::NodeId, words: &str, seen: &Mutex<Transport>) -> Transport {
    engine.plugin(puppet).unwrap().load_state(words.as_bytes()).unwrap();
    let wishes = engine.poll().iter().filter(|notice| matches!(notice, Notice::Plugin { .. })).count();
    assert_eq!(wishes, words.lines().count(), "the notices go on to whoever listens");
    let mut output = [0.0; 480];
    assert!(engine.cell().render(&[], &mut [&mut output], true));
    *seen.lock().unwrap()
}

#[test]
fn a_plugin_drives_the_transport() {
    let mut engine = engine(EngineSettings::default());
    let puppet = add(&mut engine, &fixture("puppet"));
    let seen = Arc::new(Mutex::new(Transport::default()));
    let node = Node { audio_outputs: vec![AudioPort::new("main", ChannelLayout::Mono)], ..Node::processor("witness") };
    let witness = engine.add_processor(node, Box::new(Witness(seen.clone()))).unwrap();
    let output = engine.add_output("output", "output", &[Some(0)]).unwrap();
    engine.connect(witness, output).unwrap();
    let mut after = |words: &str| after(&mut engine, puppet, words, &seen);
    // 2.5 quarter notes at 120 a minute are 60000 frames.
    let jumped = after("transport jump");
    assert_eq!((jumped.playing, jumped.frame), (false, 60_000));
    let playing = after("transport continue\ntransport record");
    assert_eq!((playing.playing, playing.recording, playing.frame), (true, true, 60_000));
    assert_eq!(after("transport loop\ntransport enable-loop").loop_range, Some((4.0, 12.0)));
    let stopped = after("transport toggle-loop\ntransport stop");
    assert_eq!((stopped.playing, stopped.loop_range, stopped.frame), (false, None, 60_000));
}
