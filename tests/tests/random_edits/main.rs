//! Ten thousand random edits of a rig while it plays: what is heard is what an offline rendering of the same edits gives, the
//! callback allocates nothing, and undo leads back to where all began.
//!
//! ```text
//!   one thread of random edits ──► the engine on a driver called by hand, in blocks of random lengths ──► frames, edits, samples
//!                                                                    frames, edits ──► the engine offline ──► the same samples
//! ```

#[path = "../../../host/engine/tests/by_hand/mod.rs"]
mod by_hand;
mod edits;
mod rig;
mod smooth;
mod stage;

use assert_no_alloc::AllocDisabler;
use crosspoint::session::{self, Document, EntryKind, NodeEntry, State};
use edits::Editor;
use rig::RATE;
use stage::{Moment, Offline, Stage};
use std::collections::BTreeMap;

#[cfg(debug_assertions)]
#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Kinds of edits that there are, those of scenes among them.
const KINDS: usize = 22;

/// Plays edits at random frames, many at one frame, some far apart. Gives what was done, and heard.
fn play(stage: &mut Stage, editor: &mut Editor, edits: usize) {
    for _ in 0..edits {
        let action = editor.next(&stage.engine);
        stage.act(action);
        let pause = match editor.random.u32(0..10) {
            0..4 => 0,
            4..7 => editor.random.usize(1..65),
            7..9 => editor.random.usize(1..400),
            _ => editor.random.usize(1..1500),
        };
        stage.play(pause, &mut editor.random);
    }
    // What is still on its way comes to its end.
    stage.play(48_000, &mut editor.random);
}

/// A rig as it is saved.
struct Saved {
    document: Document,
    /// The bytes of every file.
    files: BTreeMap<String, Vec<u8>>,
}

fn saved(engine: &mut crosspoint::Engine) -> Saved {
    let folder = tempfile::tempdir().unwrap();
    let document = engine.document().unwrap();
    session::save(&document, &folder.path().join("rig.rig.toml")).unwrap();
    Saved { document, files: files(folder.path(), folder.path()) }
}

fn files(root: &std::path::Path, folder: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(root, &path));
        } else {
            found.insert(path.strip_prefix(root).unwrap().display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// The first channel and frame at which two recordings differ.
fn difference(one: &[Vec<f32>], other: &[Vec<f32>]) -> Option<(usize, usize)> {
    assert_eq!(one.len(), other.len());
    let frame = |(one, other): (&Vec<f32>, &Vec<f32>)| {
        assert_eq!(one.len(), other.len());
        one.iter().zip(other).position(|(one, other)| one != other)
    };
    one.iter()
        .zip(other)
        .map(frame)
        .enumerate()
        .filter_map(|(channel, frame)| Some((channel, frame?)))
        .min_by_key(|at| at.1)
}

/// Every kind of edit, scenes, solo, undo and redo among them, with as little as no time between. Each period is rendered,
/// in none is anything allocated, and offline, in blocks as long as there is nothing to do, the same bits come out.
#[test]
fn ten_thousand_edits_are_heard_live_as_offline() {
    let mut stage = Stage::new();
    let mut editor = Editor::new(1, true);
    let edits = std::env::var("EDITS").map_or(10_000, |n| n.parse().unwrap());
    play(&mut stage, &mut editor, edits);
    let done = Editor::done(&stage.script);
    assert!(
        edits < 10_000 || done.len() == KINDS && done.values().all(|accepted| *accepted >= 20),
        "every kind was made often enough: {done:?}"
    );
    assert!(stage.trouble.is_empty(), "{:?}", stage.trouble);
    assert_eq!((stage.engine.xruns(), stage.engine.lost_frames()), (0, 0));
    assert_eq!(stage.rendered(), stage.frame, "the renderer was there for every period");
    let loud = stage.heard.iter().flatten().fold(0.0_f32, |loud, sample| loud.max(sample.abs()));
    assert!(loud > 0.1 && loud.is_finite(), "{loud}");
    let tenths = stage.heard[0].chunks(RATE as usize / 10);
    let (all, sounding) = (tenths.len(), tenths.filter(|tenth| tenth.iter().any(|it| it.abs() > 1e-3)).count());
    assert!(2 * sounding > all, "{sounding} of {all} tenths of a second sound");

    let mut offline = Offline::new();
    for moment in &stage.script {
        offline.follow(moment);
    }
    offline.play(stage.frame);
    if let Some((channel, frame)) = difference(&stage.heard, &offline.heard) {
        let near: Vec<&Moment> = stage.script.iter().filter(|at| at.frame <= frame as u64).rev().take(6).collect();
        let (live, offline) = (stage.heard[channel][frame], offline.heard[channel][frame]);
        panic!("channel {channel} at frame {frame} of {}: {live} and {offline}, after {near:#?}", stage.frame);
    }
    assert_eq!(stage.engine.graph(), offline.engine.graph());
}

/// Whatever was done, undo leads to the files that were there at first, byte by byte, and redo to what was there at last.
#[test]
fn undo_leads_all_the_way_back() {
    let mut stage = Stage::new();
    stage.engine.remember_steps(10_000);
    let first = saved(&mut stage.engine);
    let mut editor = Editor::new(2, false);
    play(&mut stage, &mut editor, 3_000);
    let last = saved(&mut stage.engine);
    assert_ne!(first.files, last.files);
    let mut steps = 0;
    while stage.engine.undo().unwrap() {
        steps += 1;
        stage.play(if steps % 16 == 0 { 1000 } else { 0 }, &mut editor.random);
    }
    assert!(steps > 1_000, "{steps} steps");
    stage.play(24_000, &mut editor.random);
    same(&saved(&mut stage.engine), &first);
    while stage.engine.redo().unwrap() {
        steps -= 1;
        stage.play(if steps % 16 == 0 { 1000 } else { 0 }, &mut editor.random);
    }
    assert_eq!(steps, 0);
    stage.play(24_000, &mut editor.random);
    // A plugin may round a value that it is told once more: byte by byte this is not.
    let now = saved(&mut stage.engine).document;
    let but_states = |document: Document| {
        let without = |mut node: NodeEntry| {
            if let EntryKind::Plugin(plugin) = &mut node.kind {
                plugin.state = None;
            }
            node
        };
        Document { nodes: document.nodes.into_iter().map(without).collect(), ..document }
    };
    assert_eq!(but_states(now), but_states(last.document));
}

/// Says where saved rigs differ.
fn same(now: &Saved, expected: &Saved) {
    for (now, expected) in now.document.nodes.iter().zip(&expected.document.nodes) {
        let state = |node: &NodeEntry| match &node.kind {
            EntryKind::Plugin(plugin) => {
                let bytes = plugin.state.as_ref().and_then(State::bytes);
                bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            }
            _ => None,
        };
        assert_eq!(state(now), state(expected), "the state of {}", expected.name);
        assert_eq!(now, expected);
    }
    for (name, bytes) in &expected.files {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(now.files.get(name).map(|bytes| text(bytes)), Some(text(bytes)), "{name}");
    }
    assert_eq!(now.files, expected.files);
}
