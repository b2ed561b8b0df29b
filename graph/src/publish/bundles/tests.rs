//! Bundles, plans of scenes and commands from within the callback: all at their frame, for any partition into blocks.

use crate::rt::BUNDLE_CREDITS;
use crate::{
    AudioPort, Cell, ChannelLayout, Command, Commands, Edge, EdgeId, Endpoint, EventEnds, Graph, HardwareEvents,
    Matrix, NOW, Node, NodeKind, Published, Publisher, Renderer, Report, SceneStart, Settings, Timed, renderer,
};
use assert_no_alloc::assert_no_alloc;
use proptest::prelude::*;

const FRAMES: usize = 600;

/// Inputs to outputs through one edge, every cell at a gain, dense or so sparse that it is summed term by term.
fn rig(channels: u32, gain: f32, every: u32) -> (Graph, EdgeId) {
    let mut graph = Graph::new();
    let device: Vec<Option<u32>> = (0..channels).map(Some).collect();
    let port = || vec![AudioPort::new("audio", ChannelLayout::Discrete(channels))];
    let input = NodeKind::Input { device_channels: device.clone() };
    let output = NodeKind::Output { device_channels: device, alignment_groups: vec![None; channels as usize] };
    let (from, _) = graph.edit(|t| t.add_node(Node { audio_outputs: port(), ..Node::new("in", input) })).unwrap();
    let (to, _) = graph.edit(|t| t.add_node(Node { audio_inputs: port(), ..Node::new("out", output) })).unwrap();
    let mut matrix = Matrix::new(channels, channels);
    for source in 0..channels {
        for destination in (0..channels).filter(|destination| (source + destination) % every == 0) {
            matrix.set(source, destination, Some(Cell::new(gain))).unwrap();
        }
    }
    let edge = Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), matrix);
    let (edge, _) = graph.edit(|t| t.connect(edge)).unwrap();
    (graph, edge)
}

fn gains(graph: &Graph, edge: EdgeId, gain: f32, ramp: u32) -> Vec<Command> {
    let cells = graph.edge(edge).unwrap().matrix().unwrap().cells();
    cells
        .map(|(source, destination, _)| Command::Gain {
            edge,
            source: source as u16,
            destination: destination as u16,
            gain: gain / (1.0 + source as f32),
            ramp: ramp + destination,
        })
        .collect()
}

/// What the hardware commands, by frame since the start.
#[derive(Default)]
struct Feet {
    start: usize,
    commands: Vec<(usize, Command)>,
}

impl HardwareEvents for Feet {
    fn command(&mut self, frames: usize, rig: &mut Commands<'_>) {
        for &(frame, command) in &self.commands {
            if (self.start..self.start + frames).contains(&frame) {
                assert!(rig.push(frame - self.start, command));
            }
        }
        self.start += frames;
    }

    fn read(&mut self, _offset: usize, _frames: usize, _rig: &mut EventEnds<'_>) {}

    fn write(&mut self, _offset: usize, _frames: usize, _rig: &EventEnds<'_>) {}
}

/// Plays `FRAMES` frames in blocks of these lengths, over and over, and gives every output channel.
fn play(renderer: &mut Renderer, channels: usize, blocks: &[usize], feet: &mut Feet) -> Vec<Vec<f32>> {
    let input: Vec<Vec<f32>> =
        (0..channels).map(|channel| (0..FRAMES).map(|n| ((n * 7 + channel) as f32 * 0.1).sin()).collect()).collect();
    let mut output = vec![vec![0.0; FRAMES]; channels];
    let mut done = 0;
    for &length in blocks.iter().cycle() {
        let end = (done + length).min(FRAMES);
        let inputs: Vec<&[f32]> = input.iter().map(|channel| &channel[done..end]).collect();
        let mut outputs: Vec<&mut [f32]> = output.iter_mut().map(|channel| &mut channel[done..end]).collect();
        assert_no_alloc(|| renderer.render_with_events(&inputs, &mut outputs, end - done, feet));
        done = end;
        if done == FRAMES {
            return output;
        }
    }
    output
}

fn started(graph: &Graph) -> (Publisher, Box<Renderer>) {
    let (mut publisher, renderer) = renderer(Settings::new(48_000.0, 64));
    publisher.publish(graph, NOW).unwrap();
    (publisher, renderer)
}

fn reports(publisher: &mut Publisher) -> Vec<Report> {
    std::iter::from_fn(|| publisher.report()).collect()
}

fn blocks() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..200_usize, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A bundle does what its commands do one by one at that frame, to the bit, while other ramps are under way.
    #[test]
    fn a_bundle_is_its_commands_at_one_frame(
        (every, frame, ramp, blocks, other) in (1..4_u32, 0..400_u64, 0..300_u32, blocks(), blocks())
    ) {
        let (graph, edge) = rig(6, 0.7, every);
        let mut results = Vec::new();
        for (bundled, blocks) in [(true, &blocks), (false, &other), (true, &other)] {
            let (mut publisher, mut renderer) = started(&graph);
            for command in gains(&graph, edge, 0.3, 150) {
                publisher.send(Timed { frame: 100, command }).unwrap();
            }
            let mut commands = gains(&graph, edge, -0.9, ramp);
            commands.reverse();
            if bundled {
                prop_assert_eq!(publisher.send_bundle(frame, commands).unwrap(), Published::Sent);
            } else {
                commands.into_iter().for_each(|command| publisher.send(Timed { frame, command }).unwrap());
            }
            results.push(play(&mut renderer, 6, blocks, &mut Feet::default()));
            prop_assert_eq!(reports(&mut publisher), vec![]);
            publisher.receive();
            prop_assert_eq!(publisher.bundle_credits, BUNDLE_CREDITS);
        }
        prop_assert_eq!(&results[0], &results[1]);
        prop_assert_eq!(&results[0], &results[2]);
    }

    /// A scene that a foot calls for takes over at the very frame of the beat or bar, for any partition.
    #[test]
    fn a_scene_takes_over_on_the_beat((asked, blocks) in (2..590_usize, blocks())) {
        // One frame before, the call that is replaced must not fall on a bar.
        prop_assume!((asked - 1) % 360 != 0);
        let (graph, edge) = rig(2, 0.7, 1);
        for start in [SceneStart::Now, SceneStart::Beat, SceneStart::Bar] {
            let (mut publisher, mut renderer) = started(&graph);
            publisher.send_now(Command::Tempo(1000.0)).unwrap();
            publisher.send_now(Command::Metre(2, 64)).unwrap();
            publisher.send_now(Command::Play(true)).unwrap();
            // 1000 quarters a minute are 2880 frames each; a 64th is 180 frames.
            let beat = 180;
            let expected = match start {
                SceneStart::Now => asked,
                SceneStart::Beat => asked.div_ceil(beat) * beat,
                SceneStart::Bar => asked.div_ceil(2 * beat) * 2 * beat,
            };
            publisher.prepare_scene(3, gains(&graph, edge, 0.0, 0)).unwrap();
            let scene = |scene, start| Command::Scene { scene, start };
            // The second replaces the first, which has no plan.
            let mut feet = Feet {
                commands: vec![
                    (asked - 1, scene(9, SceneStart::Bar)),
                    (asked, scene(3, start)),
                ],
                ..Feet::default()
            };
            let output = play(&mut renderer, 2, &blocks, &mut feet);
            let silent_from = output[0].iter().rposition(|&sample| sample != 0.0).map_or(0, |last| last + 1);
            if expected < FRAMES {
                prop_assert_eq!(silent_from, expected, "{:?}", start);
                let taken = Report::Scene { scene: 3, frame: expected as u64, skipped: 0 };
                prop_assert_eq!(reports(&mut publisher), vec![taken]);
            } else {
                prop_assert_eq!(silent_from, FRAMES);
            }
        }
    }
}

/// A scene without a plan changes nothing and says so; without a moving playhead there is nothing to wait for. A plan that is
/// replaced or forgotten comes home.
#[test]
fn plans_come_and_go() {
    let (graph, edge) = rig(2, 0.7, 1);
    let (mut publisher, mut renderer) = started(&graph);
    publisher.send(Timed { frame: 50, command: Command::Scene { scene: 1, start: SceneStart::Bar } }).unwrap();
    publisher.prepare_scene(2, gains(&graph, edge, 0.5, 0)).unwrap();
    let stranger = EdgeId { index: 77, generation: 0 };
    let plan = vec![Command::Gate { edge: stranger, open: false }, Command::Scene { scene: 2, start: SceneStart::Now }];
    publisher.prepare_scene(2, plan).unwrap();
    publisher.send(Timed { frame: 70, command: Command::Scene { scene: 2, start: SceneStart::Beat } }).unwrap();
    play(&mut renderer, 2, &[64], &mut Feet::default());
    let expected =
        [Report::SceneNotPrepared { scene: 1, frame: 50 }, Report::Scene { scene: 2, frame: 70, skipped: 2 }];
    assert_eq!(reports(&mut publisher), expected);
    publisher.receive();
    assert_eq!(publisher.bundle_credits, BUNDLE_CREDITS - 1);
    publisher.forget_scene(2).unwrap();
    play(&mut renderer, 2, &[64], &mut Feet::default());
    publisher.receive();
    assert_eq!(publisher.bundle_credits, BUNDLE_CREDITS);
}

/// Cables at unity are left out of the sums once all is at rest, save those that a plan moves or that somebody asked for.
#[test]
fn what_a_plan_moves_is_not_elided() {
    for by_plan in [true, false] {
        let (graph, edge) = rig(1, 1.0, 1);
        let (mut publisher, mut renderer) = started(&graph);
        play(&mut renderer, 1, &[64], &mut Feet::default());
        if by_plan {
            assert_eq!(publisher.prepare_scene(0, gains(&graph, edge, 0.25, 0)).unwrap(), Published::Sent);
        } else {
            assert_eq!(publisher.keep_adjustable(&[edge]).unwrap(), Published::Sent);
        }
        for _ in 0..4 {
            play(&mut renderer, 1, &[64], &mut Feet::default());
            publisher.settle(&graph).unwrap();
        }
        let command = match by_plan {
            true => Command::Scene { scene: 0, start: SceneStart::Now },
            false => gains(&graph, edge, 0.25, 0)[0],
        };
        let mut feet = Feet { commands: vec![(10, command)], ..Feet::default() };
        let output = play(&mut renderer, 1, &[64], &mut feet);
        let sine = |n: usize| ((n * 7) as f32 * 0.1).sin();
        assert_eq!((output[0][9], output[0][20]), (sine(9), 0.25 * sine(20)));
        assert!(!reports(&mut publisher).iter().any(|report| matches!(report, Report::Unknown { .. })));
    }
}

/// 16,384 cells at once, more than could wait one by one.
#[test]
fn a_bundle_holds_every_cell_of_a_large_matrix() {
    let (graph, edge) = rig(128, 0.01, 1);
    let (mut publisher, mut renderer) = started(&graph);
    play(&mut renderer, 128, &[64], &mut Feet::default());
    let frame = publisher.frame() + 100;
    let commands = gains(&graph, edge, 0.0, 0);
    assert_eq!(commands.len(), 16_384);
    publisher.send_bundle(frame, commands).unwrap();
    let output = play(&mut renderer, 128, &[64], &mut Feet::default());
    assert!(
        output.iter().all(|channel| channel[99] != 0.0 && channel[100 + 128..].iter().all(|&sample| sample == 0.0))
    );
    assert_eq!(reports(&mut publisher), []);
}
