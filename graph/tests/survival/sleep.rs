//! Silence: a processor is left alone by its own word only, and woken by whatever may concern it.

use crate::stage::{MAX_BLOCK, Seen, Stage, probe, silence, through};
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use crosspoint_graph::{Command, EventPort, NOW, Node, NodeId, Status};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const CHUNK: u64 = MAX_BLOCK as u64;

/// A chain of one probe that says the same status after each chunk.
fn chain(status: Status) -> (Stage, NodeId, Arc<Seen>) {
    let mut stage = Stage::new();
    let (processor, seen) = probe(through(status));
    let node = stage.processor("probe", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    (stage, node, seen)
}

/// Sounds in the chunks named.
fn in_chunks(chunks: &'static [u64]) -> impl Fn(usize, u64) -> f32 {
    move |_, frame| if chunks.contains(&(frame / CHUNK)) { 0.5 } else { 0.0 }
}

/// ```text
/// input   . . x x . . .
/// called  x   x x x          the first silent chunk is where it says that it would sleep
/// ```
#[test]
fn a_sleeper_is_called_once_into_the_silence() {
    let (mut stage, _, seen) = chain(Status::Sleep);
    let heard = stage.play(7 * MAX_BLOCK, in_chunks(&[2, 3]));
    assert_eq!(seen.calls(), 4);
    assert!((0..7 * MAX_BLOCK).all(|frame| heard[0][frame] == in_chunks(&[2, 3])(0, frame as u64)));
}

/// Continue is never left alone, a tail for ever neither.
#[test]
fn who_does_not_say_sleep_is_called() {
    for status in [Status::Continue, Status::Tail(u32::MAX)] {
        let (mut stage, _, seen) = chain(status);
        stage.play(10 * MAX_BLOCK, silence);
        assert_eq!(seen.calls(), 10, "{status:?}");
    }
}

/// A tail of 70 frames takes three chunks of 32, counted from the first silent one, and starts anew behind each sound.
#[test]
fn a_tail_is_counted_in_frames() {
    let (mut stage, _, seen) = chain(Status::Tail(70));
    stage.play(10 * MAX_BLOCK, in_chunks(&[0]));
    assert_eq!(seen.calls(), 1 + 3);
    stage.play(10 * MAX_BLOCK, in_chunks(&[11, 12]));
    assert_eq!(seen.calls(), 4 + 2 + 3);
}

/// A level that halves each chunk is called until it is below -120 dB: 0.5^20 is, 0.5^19 is not.
#[test]
fn continue_if_not_quiet_is_measured() {
    let mut stage = Stage::new();
    let mut level = 1.0_f32;
    let (processor, seen) = probe(move |block| {
        level *= 0.5;
        block.output(0, 0).fill(level);
        Status::ContinueIfNotQuiet
    });
    let node = stage.processor("ringing", 0, processor);
    stage.chain(&[node]);
    stage.publish();
    let heard = stage.play(40 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), 20);
    assert!(heard[0][19 * MAX_BLOCK] > 0.0 && heard[0][20 * MAX_BLOCK..].iter().all(|&sample| sample == 0.0));
}

/// ```text
/// gain    0 0 0 0 | 1 1 1 1 | 0 0 0 0        what is muted is silence, however loud it plays, from the start too
/// called  x       | x x x x | x x            the fade takes one chunk
/// ```
#[test]
fn who_hears_what_is_muted_sleeps() {
    let mut stage = Stage::new();
    let (processor, seen) = probe(through(Status::Sleep));
    let node = stage.processor("probe", 0, processor);
    let (input, output) = (stage.input(0), stage.output(0, None));
    let edge = stage.wire(input, node, 0.0);
    stage.wire(node, output, 1.0);
    stage.publish();
    let loud = |_, _| 0.5;
    let gain = |gain| Command::Gain { edge, source: 0, destination: 0, gain, ramp: MAX_BLOCK as u32 / 2 };
    assert!(stage.play(4 * MAX_BLOCK, loud)[0].iter().all(|&sample| sample == 0.0));
    assert_eq!(seen.calls(), 1);
    stage.send(NOW, gain(1.0));
    let heard = stage.play(4 * MAX_BLOCK, loud);
    assert!(heard[0][MAX_BLOCK..].iter().all(|&sample| sample == 0.5));
    assert_eq!(seen.calls(), 1 + 4);
    stage.send(NOW, gain(0.0));
    let heard = stage.play(4 * MAX_BLOCK, loud);
    assert!(heard[0][MAX_BLOCK..].iter().all(|&sample| sample == 0.0));
    assert_eq!(seen.calls(), 5 + 2);
}

/// Silence goes along a chain, each node one chunk behind the one before it; its outputs are zeros.
#[test]
fn a_silent_branch_sleeps_as_a_whole() {
    let mut stage = Stage::new();
    let (mut nodes, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (processor, saw) = probe(through(Status::Sleep));
        nodes.push(stage.processor("probe", 0, processor));
        seen.push(saw);
    }
    stage.chain(&nodes);
    stage.publish();
    stage.play(3 * MAX_BLOCK, in_chunks(&[0, 1]));
    let before: Vec<u32> = seen.iter().map(|seen| seen.calls()).collect();
    let heard = stage.play(50 * MAX_BLOCK, silence);
    assert!(heard[0].iter().all(|&sample| sample == 0.0));
    for ((seen, before), place) in seen.iter().zip(before).zip(1..) {
        assert!(seen.calls() <= before + place);
    }
}

/// So it does through a delay that compensates for a latency.
#[test]
fn silence_passes_a_delay() {
    let mut stage = Stage::new();
    let (processor, seen) = probe(through(Status::Sleep));
    let (late, _) = probe(through(Status::Sleep));
    let (input, output) = (stage.input(0), stage.output(0, None));
    let late = stage.processor("late", 100, late);
    let sum = stage.processor("sum", 0, processor);
    stage.wire(input, late, 1.0);
    stage.wire(late, sum, 1.0);
    stage.wire(input, sum, 1.0);
    stage.wire(sum, output, 1.0);
    stage.publish();
    stage.play(2 * MAX_BLOCK, in_chunks(&[0]));
    stage.play(8 * MAX_BLOCK, silence);
    let before = seen.calls();
    stage.play(50 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), before);
}

/// Put to sleep, it is called for one chunk at a sound, an event, its own wish or the playhead's start.
#[test]
fn a_sleeper_wakes() {
    let mut stage = Stage::new();
    let (processor, seen) = probe(through(Status::Sleep));
    let id = stage.add(Node { event_inputs: vec![EventPort::new("notes")], ..crate::stage::effect("probe") });
    stage.publisher.give(id, processor);
    stage.chain(&[id]);
    stage.publish();
    stage.play(3 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), 1);

    let body = EventBody::NoteOn { address: NoteAddress::key(0, 60), velocity: 1.0 };
    let note = Event { frame: 0, port: 0, body };
    stage.send(5 * CHUNK + 3, Command::Event { node: id, event: note });
    stage.play(5 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), 2, "an event");

    seen.wants.store(true, Ordering::Relaxed);
    stage.play(2 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), 4, "its own wish");
    seen.wants.store(false, Ordering::Relaxed);

    stage.send(NOW, Command::Play(true));
    stage.play(4 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), 5, "the start of the playhead");
    stage.send(NOW, Command::Play(true));
    stage.play(4 * MAX_BLOCK, silence);
    assert_eq!(seen.calls(), 5, "the playhead ran already");

    stage.play(MAX_BLOCK, |_, _| 1.0);
    assert_eq!(seen.calls(), 6, "a sound");
}
