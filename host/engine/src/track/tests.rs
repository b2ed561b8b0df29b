//! Tracks from a file to the output: what is there in time is the file's very samples, at the frame of the transport.

use super::*;
use crate::engine::Engine;
use crate::notice::Notice;
use crate::offline::{Job, wav};
use crate::session::Builtin;
use crate::settings::EngineSettings;
use crate::transport::{SongPosition, TransportAction};
use crosspoint_graph::nodes::player::Source;
use crosspoint_graph::{ChannelLayout, NodeId, Transport};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A sample that is another at each frame and channel, and never silence.
fn sample(frame: usize, channel: usize) -> f32 {
    let number = (frame * 2 + channel).wrapping_mul(2_654_435_761) % 60_000 + 1;
    number as f32 / 65_536.0 * if channel == 0 { 1.0 } else { -1.0 }
}

struct Rig {
    engine: Engine,
    track: NodeId,
    _folder: tempfile::TempDir,
    file: PathBuf,
}

/// A stereo file of so many frames, in a rig of 48 kHz.
fn rig(rate: u32, frames: usize) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("track.wav");
    let channels = (0..2).map(|channel| (0..frames).map(|frame| sample(frame, channel)).collect()).collect();
    wav::write(&file, &wav::Audio { rate, channels }).unwrap();
    let mut engine = Engine::new(EngineSettings { rate: 48_000, ..EngineSettings::default() });
    let track = engine
        .batch(|engine| {
            let layout = ChannelLayout::Stereo;
            let track = engine.add_builtin("track", Builtin::Player { layout, file: file.clone() })?;
            let output = engine.add_output("out", "out", &[Some(0), Some(1)])?;
            engine.connect(track, output)?;
            Ok(track)
        })
        .unwrap();
    Rig { engine, track, _folder: folder, file }
}

impl Rig {
    fn act(&mut self, action: TransportAction) {
        self.engine.transport(action).unwrap();
    }

    fn render(&mut self, frames: usize, block: usize) -> Vec<Vec<f32>> {
        let job = Job { inputs: &[], outputs: 2, frames, block, compensate: false, events: &[], events_into: None };
        self.engine.render(&job, |_| true).unwrap().channels
    }

    /// Plays from a frame on, once what is there has been read, as if a device called.
    fn play_once_read(&mut self, frame: usize) {
        let started = Instant::now();
        loop {
            self.act(TransportAction::Stop);
            self.act(TransportAction::Locate(SongPosition::Frame(frame as i64)));
            self.pass(1024);
            self.act(TransportAction::Play);
            if self.pass(512)[511] == sample(frame + 511, 0) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "what is at {frame} is never read");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// As a device would, without waiting for anything.
    fn pass(&mut self, frames: usize) -> Vec<f32> {
        let (mut left, mut right) = (vec![0.0; frames], vec![0.0; frames]);
        self.engine.cell().render(&[], &mut [&mut left, &mut right], false);
        left
    }
}

/// ```text
/// transport   0 ──► 200000      jump to 600000 ──► 900000        loop 100000 .. 150000
/// output      the file's very samples at these frames, in any partition into blocks; fades where it jumps
/// ```
#[test]
fn offline_every_sample_is_the_files() {
    for block in [64, 1000] {
        let mut rig = rig(48_000, 1_000_000);
        rig.act(TransportAction::Play);
        let heard = rig.render(200_000, block);
        for (channel, heard) in heard.iter().enumerate() {
            assert!((0..200_000).all(|frame| heard[frame] == sample(frame, channel)), "channel {channel}");
        }
        rig.act(TransportAction::Locate(SongPosition::Frame(600_000)));
        let heard = &rig.render(300_000, block)[0];
        assert!((256..300_000).all(|frame| heard[frame] == sample(600_000 + frame, 0)));
        rig.act(TransportAction::Loop(Some((SongPosition::Frame(100_000), SongPosition::Frame(150_000)))));
        rig.act(TransportAction::Locate(SongPosition::Frame(100_000)));
        let heard = &rig.render(150_000, block)[0];
        let is_faded = |frame: usize| frame % 50_000 < 256;
        assert!((0..150_000).all(|frame| is_faded(frame) || heard[frame] == sample(100_000 + frame % 50_000, 0)));
        let tracks = rig.engine.look().tracks;
        assert_eq!((tracks[0].node(), tracks[0].underruns(), tracks[0].missing()), (rig.track, 0, 0.0));
        assert!((tracks[0].length() - 1_000_000.0 / 48_000.0).abs() < 1e-9 && tracks[0].position() > 2.0);
    }
}

/// A file of another rate is what resampling all of it gives, in its middle too, where reading begins anew.
#[test]
fn another_rate_is_resampled() {
    let mut rig = rig(44_100, 441_000);
    let whole = wav::read(&rig.file).unwrap().resampled(48_000).unwrap();
    rig.act(TransportAction::Play);
    let heard = &rig.render(96_000, 512)[0];
    let off = |heard: &[f32], from: usize, frames: std::ops::Range<usize>| {
        frames.map(|frame| (heard[frame] - whole.channels[0][from + frame]).abs()).fold(0.0, f32::max)
    };
    assert!(off(heard, 0, 3000..96_000) < 1e-4, "{}", off(heard, 0, 3000..96_000));
    // Without waiting, so that it is read from there.
    rig.act(TransportAction::Stop);
    rig.act(TransportAction::Locate(SongPosition::Frame(400_000)));
    rig.act(TransportAction::Play);
    let started = Instant::now();
    let (mut done, mut heard) = (0, Vec::new());
    while heard.len() < 4096 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing comes");
        let piece = rig.pass(64);
        heard = if piece.contains(&0.0) { Vec::new() } else { [heard, piece].concat() };
        done += 64;
        if heard.is_empty() {
            rig.act(TransportAction::Locate(SongPosition::Frame(400_000)));
            done = 0;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let from = 400_000 + done - heard.len();
    assert!(off(&heard, from, 512..heard.len()) < 1e-4, "{}", off(&heard, from, 512..heard.len()));
}

/// A jump to where nothing was read yet: silence that is counted and told, then the file at its frame. The start is there
/// at once, from the first frame on.
#[test]
fn what_is_late_is_told_and_what_is_at_the_start_never_is() {
    let mut rig = rig(48_000, 1_000_000);
    // The beginning is being read since the file was opened.
    rig.play_once_read(0);
    rig.engine.poll();
    let before = rig.engine.look().tracks[0].underruns();
    rig.act(TransportAction::Locate(SongPosition::Frame(800_000)));
    assert!(rig.pass(1024)[256..].iter().all(|sample| *sample == 0.0));
    let notices = rig.engine.poll();
    let late =
        notices.iter().any(|notice| matches!(notice, Notice::TrackLate { node, count: 1, .. } if *node == rig.track));
    assert!(late && rig.engine.look().tracks[0].underruns() == before + 1, "{notices:?}");
    rig.play_once_read(800_000);
    assert!(rig.engine.look().tracks[0].missing() > 0.0);
    // Back at the start.
    rig.act(TransportAction::Locate(SongPosition::Frame(0)));
    let heard = rig.pass(1024);
    assert!((256..1024).all(|frame| heard[frame] == sample(frame, 0)));
}

/// ```text
/// scene "One":  one follows the transport, two does not        a song each
/// scene "Two":  the other way round
/// ```
/// Each scene is heard with its own track from the transport's frame on, and nothing of the other's.
#[test]
fn scenes_have_tracks_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let part = |start: usize, channel| (start..start + 100_000).map(|at| sample(at, channel)).collect();
    for (name, start) in [("one.wav", 0), ("two.wav", 500_000)] {
        let audio = wav::Audio { rate: 48_000, channels: vec![part(start, 0), part(start, 1)] };
        wav::write(&folder.path().join(name), &audio).unwrap();
    }
    let player = |name: &str| {
        format!(
            "[[builtin]]\nname = \"{name}\"\nkind = \"player\"\nchannels = 2\nfile = \"{name}.wav\"\n\
             [[edge]]\nfrom = \"{name}\"\nto = \"out\"\n"
        )
    };
    let scene = |name: &str, one: u8, two: u8| {
        format!(
            "[[scene]]\nname = \"{name}\"\nparameters = [{{ node = \"one\", name = \"follow\", value = {one} }}, \
             {{ node = \"two\", name = \"follow\", value = {two} }}]\n"
        )
    };
    let (one, two) = (player("one"), player("two"));
    let text = format!(
        "crosspoint = 1\n[[output]]\nname = \"out\"\nchannels = 2\n{one}{two}{}{}",
        scene("One", 1, 0),
        scene("Two", 0, 1)
    );
    let loaded = crate::session::parse(&text, folder.path()).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let mut engine = Engine::new(EngineSettings { rate: 48_000, ..EngineSettings::default() });
    let roles = crate::session::MachineFile::default().map(&loaded.document);
    assert_eq!(engine.load_document(&loaded.document, &roles).unwrap(), []);
    let track = engine.graph().nodes().next().unwrap().0;
    let mut rig = Rig { engine, track, _folder: folder, file: PathBuf::new() };
    rig.engine.play_scene("One").unwrap();
    rig.render(4800, 64);
    rig.act(TransportAction::Play);
    let heard = &rig.render(1000, 64)[0];
    assert!((256..1000).all(|frame| heard[frame] == sample(frame, 0)));
    rig.engine.play_scene("Two").unwrap();
    rig.render(9000, 64);
    let heard = &rig.render(1000, 64)[0];
    assert!((0..1000).all(|frame| heard[frame] == sample(510_000 + frame, 0)));
}

/// Only what is about to be played, the beginning, and the loop's are in memory; the rest is taken back.
#[test]
fn memory_is_bounded() {
    let rig = rig(48_000, 3_000_000);
    let (mut pages, track) = open(&rig.file, 48_000).unwrap();
    let looped = Transport { loop_range: Some((20.0, 24.0)), ..Transport::default() };
    let started = Instant::now();
    let settle = |pages: &mut Pages, position: i64, transport: &Transport, done: &dyn Fn(&Pages) -> bool| {
        while !done(pages) {
            assert!(started.elapsed() < Duration::from_secs(60), "it does not settle at {position}");
            pages.prepare(position, transport, 60.0 * 48_000.0);
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    let has = |pages: &Pages, position: i64, frames: u64| pages.available(position, frames) == frames;
    // Two half notes a second: the loop begins at 10 s.
    settle(&mut pages, 2_000_000, &looped, &|pages| {
        has(pages, 2_000_000, 192_000) && has(pages, 0, 96_000) && has(pages, 480_000, 96_000)
    });
    assert_eq!(track.shared.returns_to.load(Ordering::Relaxed), 480_000);
    settle(&mut pages, 1_000_000, &Transport::default(), &|pages| {
        has(pages, 1_000_000, 192_000) && pages.available(2_000_000, 1) == 0 && pages.available(480_000, 1) == 0
    });
    assert!(has(&pages, 0, 96_000));
}

/// ```text
/// load all ── let go, rest ── load all ── let go, rest ── load all ──► the player is called
/// ```
/// A player on the shelf takes nothing, however often its file is loaded. Each time that ends, and once the player is called
/// it has all.
#[test]
fn a_player_that_is_not_called_holds_nobody_up() {
    let rig = rig(48_000, 100 * PAGE);
    let (mut reading, mut pages, shared) =
        halves(AudioFile::open(&rig.file).unwrap(), 48_000, 100 * PAGE as u64).unwrap();
    let steps_on = |reading: &mut Reading, steps: usize| {
        for _ in 0..steps {
            reading.step();
        }
    };
    for round in 0..2 {
        shared.wants_all.store(true, Ordering::Release);
        let steps = (0..1000).take_while(|_| !shared.has_all.load(Ordering::Acquire));
        steps.for_each(|_| steps_on(&mut reading, 1));
        assert!(shared.has_all.load(Ordering::Acquire), "round {round}: it is never loaded");
        shared.wants_all.store(false, Ordering::Release);
        steps_on(&mut reading, 1000);
        assert!(!shared.has_all.load(Ordering::Acquire));
    }
    shared.wants_all.store(true, Ordering::Release);
    steps_on(&mut reading, 200);
    pages.prepare(0, &Transport::default(), 60.0 * 48_000.0);
    assert_eq!(pages.available(0, 100 * PAGE as u64), 100 * PAGE as u64);
}

/// What is no audio file is refused with what to do.
#[test]
fn what_cannot_be_played_is_refused() {
    let mut engine = Engine::new(EngineSettings::default());
    let player = |file: &str| Builtin::Player { layout: ChannelLayout::Mono, file: file.into() };
    let error = engine.add_builtin("track", player("nowhere.wav")).unwrap_err().to_string();
    assert!(error.starts_with("nowhere.wav: cannot be read") && error.contains("check the path"), "{error}");
    assert!(engine.graph().nodes().next().is_none());
}

/// A rig that gives way to another takes its players along: their files are closed.
#[test]
fn the_players_of_a_rig_that_is_gone_are_gone() {
    let mut rig = rig(48_000, 48_000);
    rig.render(256, 256);
    let nothing = crate::session::Document::default();
    let roles = crate::session::MachineFile::default().map(&nothing);
    assert_eq!(rig.engine.load_document(&nothing, &roles).unwrap(), []);
    for _ in 0..8 {
        rig.render(1024, 256);
        rig.engine.poll();
    }
    assert!(rig.engine.shelf.is_empty() && rig.engine.tracks.is_empty());
}

/// Another rate while the file is gone: refused, and the player plays on.
#[test]
fn a_rate_that_a_player_cannot_follow_is_refused() {
    let mut rig = rig(48_000, 96_000);
    rig.act(TransportAction::Play);
    let heard = rig.render(1024, 256);
    assert_eq!(heard[0][1023], sample(1023, 0));
    std::fs::remove_file(&rig.file).unwrap();
    let settings = *rig.engine.settings();
    assert!(rig.engine.rebuild(EngineSettings { rate: 96_000, ..settings }).is_err());
    assert_eq!(*rig.engine.settings(), settings);
    assert_eq!(rig.render(1024, 256)[0][1023], sample(2047, 0));
}
