use super::*;
use crate::event::{Event, EventBody, NoteAddress};
use crate::graph::{Edge, Edit, Endpoint, Graph, Matrix, NodeKind};
use crate::{Command, NOW, Settings, Timed, renderer};
use assert_no_alloc::assert_no_alloc;

const RATE: f64 = 44_100.0;

/// What a metronome sounds like in a renderer that is told things at their frames, block by block.
fn listen(metronome: Metronome, commands: &[(u64, Command)], frames: usize, blocks: &[usize]) -> Vec<f32> {
    let (mut publisher, mut renderer) = renderer(Settings::new(RATE, 256));
    let mut graph = Graph::new();
    let speakers = Node {
        audio_inputs: vec![AudioPort::new("in", ChannelLayout::Mono)],
        ..Node::new("speakers", NodeKind::Output { device_channels: vec![Some(0)], alignment_groups: vec![None] })
    };
    let nodes = [node("click", ChannelLayout::Mono), speakers];
    let added = graph.apply(nodes.map(|node| Edit::AddNode { id: None, node }).into()).unwrap().nodes;
    let end = |node| Endpoint::new(node, 0);
    let edge = Edge::audio(end(added[0]), end(added[1]), Matrix::diagonal(1));
    graph.apply(vec![Edit::Connect { id: None, edge }]).unwrap();
    publisher.give(added[0], Box::new(metronome));
    publisher.publish(&graph, NOW).unwrap();
    for &(frame, command) in commands {
        let command = match command {
            Command::Event { event, .. } => Command::Event { node: added[0], event },
            other => other,
        };
        publisher.send(Timed { frame, command }).unwrap();
    }
    let mut out = vec![0.0; frames];
    let (mut start, mut lengths) = (0, blocks.iter().cycle());
    while start < frames {
        let end = (start + lengths.next().unwrap()).min(frames);
        assert_no_alloc(|| renderer.render(&[], &mut [&mut out[start..end]]));
        start = end;
    }
    out
}

/// The frames on which clicks begin. A click's own first sample is 0, and one lasts 30 ms.
fn onsets(sound: &[f32]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for (frame, sample) in sound.iter().enumerate() {
        if *sample != 0.0 && found.last().is_none_or(|last| frame > last + (LENGTH * RATE) as usize) {
            found.push(frame - 1);
        }
    }
    found
}

fn beats() -> Metronome {
    Metronome::new(RATE).with(ACCENT_LEVEL, 0.0)
}

fn bars() -> Metronome {
    Metronome::new(RATE).with(LEVEL, 0.0)
}

fn set(parameter: u32, value: f64) -> Command {
    let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
    // Of which node is put in later.
    let node = Graph::new().apply(vec![Edit::AddNode { id: None, node: Node::processor("any") }]).unwrap().nodes[0];
    Command::Event { node, event: Event { frame: 0, port: 0, body } }
}

/// ```text
/// frame   0        16537.5  33075  49612.5  66150      160 quarter notes a minute at 44.1 kHz: beats lie halfway
///         |        |        |      |        |          between frames, and on the earlier one
///         bar      beat     beat   beat     bar
/// ```
#[test]
fn clicks_on_the_beat() {
    let commands = [(0, Command::Tempo(160.0)), (0, Command::Play(true))];
    assert_eq!(onsets(&listen(bars(), &commands, 100_000, &[64])), [0, 66150]);
    assert_eq!(onsets(&listen(beats(), &commands, 100_000, &[64])), [16537, 33075, 49612, 82687, 99225]);
    // Three parts a beat: the two between.
    let parts = beats().with(LEVEL, 0.0).with(SUBDIVISION, 3.0);
    assert_eq!(onsets(&listen(parts, &commands, 20_000, &[64])), [5512, 11025]);
    // It stands while the transport does, and when it is off.
    assert_eq!(onsets(&listen(beats(), &commands[..1], 50_000, &[64])), []);
    assert_eq!(onsets(&listen(beats().with(ON, 0.0), &commands, 50_000, &[64])), []);
}

/// Tempo and metre that change between beats, a jump, a loop and a stop: each click on its frame.
#[test]
fn follows_the_transport() {
    let commands = [
        (0, Command::Play(true)),
        // At quarter 1.5, then half as fast: the next beat half a quarter, 22050 frames, later.
        (33_075, Command::Tempo(60.0)),
        // A bar of 3/8 begins here, at quarter 2.5.
        (77_175, Command::Metre(3, 8)),
        (143_325, Command::Locate(0)),
        (160_000, Command::Play(false)),
    ];
    let bars = onsets(&listen(bars(), &commands, 180_000, &[100]));
    // The song's start is the start of a bar, of 3/8 by now.
    assert_eq!(bars, [0, 77_175, 143_325]);
    let looped = [(0, Command::Loop(Some((0, 44_100)))), (0, Command::Play(true))];
    assert_eq!(onsets(&listen(self::bars(), &looped, 100_000, &[100])), [0, 44_100, 88_200]);
}

/// A count-in clicks while the transport stands, accents bars, and leads to the first beat of the song.
#[test]
fn counts_in() {
    let commands = [(0, Command::Tempo(160.0)), (1000, Command::CountIn(4))];
    assert_eq!(onsets(&listen(bars(), &commands, 100_000, &[64])), [1000, 67_150]);
    let off = beats().with(ON, 0.0);
    assert_eq!(onsets(&listen(off, &commands, 100_000, &[64])), [17_537, 34_075, 50_612]);
    // Called off after two.
    let commands = [commands[0], commands[1], (20_000, Command::CountIn(0))];
    assert_eq!(onsets(&listen(beats(), &commands, 100_000, &[64])), [17_537]);
}

/// Any partition into blocks gives the same bits, whatever happens.
#[test]
fn partition_does_not_matter() {
    let commands = [
        (0, Command::Tempo(173.3)),
        (100, Command::CountIn(3)),
        (100, set(SUBDIVISION, 5.0)),
        (50_001, Command::Tempo(999.0)),
        (60_000, set(SOUND, 1.0)),
        (61_001, Command::Metre(7, 16)),
        (70_000, Command::Loop(Some((0, 30_000)))),
        (90_000, set(LEVEL, 0.1)),
        (110_000, Command::Play(false)),
    ];
    let whole = listen(Metronome::new(RATE), &commands, 120_000, &[256]);
    assert!(onsets(&whole).len() > 10 && whole[119_999] == 0.0);
    for blocks in [&[1, 7, 64, 500][..], &[333], &[16]] {
        let other = listen(Metronome::new(RATE), &commands, 120_000, blocks);
        assert!(whole == other, "{blocks:?}");
    }
}

/// Clicks begin and end at nothing and hold nothing that a converter could not: next to nothing lies above 12 kHz.
#[test]
fn sounds_do_not_click() {
    for sound in [Sound::Beep, Sound::Wood, Sound::Low] {
        for kind in [Kind::Bar, Kind::Beat, Kind::Part] {
            let metronome = Metronome::new(48_000.0);
            let click = Click { start: 0, kind, sound, level: 1.0 };
            let samples: Vec<f32> = (0..1500).map(|frame| metronome.sample(&click, frame)).collect();
            assert!(samples[0] == 0.0 && samples[1439].abs() < 1e-4 && samples[1440] == 0.0);
            let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            // Power at 12 kHz and above, by the transform's own sum.
            let high: f64 = (375..=750)
                .map(|bin| {
                    let (mut real, mut imaginary) = (0.0, 0.0);
                    for (frame, sample) in samples.iter().enumerate() {
                        let (sin, cos) = (TAU * f64::from(bin) * frame as f64 / 1500.0).sin_cos();
                        real += f64::from(*sample) * cos;
                        imaginary += f64::from(*sample) * sin;
                    }
                    2.0 * (real * real + imaginary * imaginary) / 1500.0
                })
                .sum();
            let decibels = 10.0 * (high / energy).log10();
            assert!(decibels < -60.0, "{sound:?} {kind:?}: {decibels} dB");
        }
    }
}
