//! Plugins in a real renderer, whose plain blocks take a shorter way than those of a harness: what goes wrong on it is
//! noticed all the same.

mod rig;

use assert_no_alloc::assert_no_alloc;
use crosspoint_fixtures::ids;
use crosspoint_formats::{Activation, Plugin, PluginNotice, describe};
use crosspoint_graph::event::EventBody;
use crosspoint_graph::{
    AudioPort, ChannelLayout, Edge, Endpoint, Fault, Graph, Matrix, NOW, Node, NodeKind, Publisher, Renderer, Report,
    Settings, renderer,
};
use rig::{fixture, poll};

const FRAMES: usize = 64;

/// A stereo plugin between the device's first two channels.
struct Rig {
    renderer: Box<Renderer>,
    publisher: Publisher,
    plugin: Box<dyn Plugin>,
    /// What both inputs hold.
    level: f32,
    outputs: [Vec<f32>; 2],
}

impl Rig {
    /// Of a fixture with these values.
    fn new(id: &str, values: &[(u32, f64)]) -> Self {
        let activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: FRAMES as u32 };
        let (mut publisher, renderer) = renderer(Settings::new(activation.sample_rate, FRAMES));
        let mut plugin = fixture(id);
        plugin.set_parameters(values).unwrap();
        let processor = plugin.activate(activation).unwrap();
        let stereo = || vec![AudioPort::new("main", ChannelLayout::Stereo)];
        let device_channels = vec![Some(0), Some(1)];
        let input = NodeKind::Input { device_channels: device_channels.clone() };
        let output = NodeKind::Output { device_channels, alignment_groups: vec![None, None] };
        let mut graph = Graph::new();
        graph
            .edit(|t| {
                let input = t.add_node(Node { audio_outputs: stereo(), ..Node::new("in", input) })?;
                let node = t.add_node(describe(&*plugin))?;
                let output = t.add_node(Node { audio_inputs: stereo(), ..Node::new("out", output) })?;
                publisher.give(node, processor);
                for (from, to) in [(input, node), (node, output)] {
                    t.connect(Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(2)))?;
                }
                Ok(())
            })
            .unwrap();
        publisher.publish(&graph, NOW).unwrap();
        Self { renderer, publisher, plugin, level: 0.5, outputs: [vec![0.0; FRAMES], vec![0.0; FRAMES]] }
    }

    /// Renders so many blocks; the greatest sample of the last, all of which are numbers.
    fn render(&mut self, blocks: usize) -> f32 {
        let input = vec![self.level; FRAMES];
        let [left, right] = &mut self.outputs;
        for _ in 0..blocks {
            assert_no_alloc(|| self.renderer.render(&[&input, &input], &mut [left, right]));
            assert!(left.iter().chain(&*right).all(|sample| sample.is_finite()));
        }
        left.iter().chain(&*right).fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    fn reports(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.publisher.report()).collect()
    }

    /// The steady frames at which something failed.
    fn faults(&mut self) -> Vec<u64> {
        let faults = self.reports().into_iter().filter_map(|report| match report {
            Report::Fault { frame, fault: Fault::Failed, .. } => Some(frame),
            _ => None,
        });
        faults.collect()
    }
}

/// Sound, silence for long enough to sleep, sound again: the same each time.
#[test]
fn silence_comes_and_goes() {
    let mut rig = Rig::new(ids::GAIN, &[]);
    for _ in 0..3 {
        rig.level = 0.5;
        assert_eq!(rig.render(100), 0.5);
        rig.level = 0.0;
        assert_eq!(rig.render(100), 0.0);
    }
    assert_eq!((rig.faults(), poll(&mut *rig.plugin)), (vec![], vec![]));
}

/// A plugin that writes what is no number, with sound going in, is on its bypass path from that very block on.
#[test]
fn a_number_that_is_none_is_never_heard() {
    let mut rig = Rig::new(ids::NAN, &[(ids::nan::FROM, (40 * FRAMES + 10) as f64)]);
    assert_eq!(rig.render(60), 0.5, "the input");
    assert_eq!(rig.faults(), [40 * FRAMES as u64]);
    assert!(poll(&mut *rig.plugin).contains(&PluginNotice::NonFiniteOutput { blocks: 1 }));
}

/// As many good blocks as the fixture promises, then its error, then the input as it is.
#[test]
fn an_error_is_told_with_its_block() {
    let mut rig = Rig::new(ids::ERROR, &[(ids::error::AFTER, 30.0)]);
    assert_eq!(rig.render(60), 0.5);
    assert_eq!(rig.faults(), [30 * FRAMES as u64]);
    assert!(poll(&mut *rig.plugin).contains(&PluginNotice::ProcessingFailed { times: 1 }));
}

/// What a plugin sends in a plain block is collected, block after block.
#[test]
fn events_are_heard_in_every_block() {
    let mut rig = Rig::new(ids::WILD_PARAMETERS, &[]);
    rig.render(10);
    let sent = rig.reports().into_iter().filter(|report| {
        let Report::Sent { event, .. } = report else { return false };
        matches!(event.body, EventBody::Parameter { parameter: ids::wild_parameters::LEVEL, .. })
    });
    assert_eq!(sent.count(), 30);
    assert!(poll(&mut *rig.plugin).contains(&PluginNotice::EventFaults { late: 0, unsorted: 0, dropped: 40 }));
}
