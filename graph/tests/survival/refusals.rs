//! What a graph does not let in, and how it says so.

use crate::stage::{Stage, cable, effect};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{AudioPort, ChannelLayout, EditError, Node, Settings, renderer};

/// ```text
/// gate -> amp -> delay -> gate
/// ```
#[test]
fn a_cycle_is_refused_with_its_path() {
    let mut stage = Stage::new();
    let [gate, amp, delay] = ["gate", "amp", "delay"].map(|name| stage.add(effect(name)));
    stage.wire(gate, amp, 1.0);
    stage.wire(amp, delay, 1.0);
    let before = stage.graph.clone();
    let error = stage.graph.apply(vec![Edit::Connect { id: None, edge: cable(delay, gate, 1.0) }]).unwrap_err();
    assert!(stage.graph == before);
    let EditError::Cycle { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path.len(), 3);
    let told = error.to_string();
    let circle = ["gate -> amp -> delay -> gate", "amp -> delay -> gate -> amp", "delay -> gate -> amp -> delay"];
    assert!(circle.iter().any(|circle| told.starts_with(circle)), "{told}");
    assert!(told.contains("feedback edge"), "{told}");
}

/// A port has 1 to 256 channels.
#[test]
fn no_channels_and_too_many_are_refused() {
    for channels in [0, 10_000] {
        let mut stage = Stage::new();
        let node = Node {
            audio_inputs: vec![AudioPort::new("wide", ChannelLayout::Discrete(channels))],
            ..Node::processor("plugin")
        };
        let error = stage.graph.apply(vec![Edit::AddNode { id: None, node }]).unwrap_err();
        assert_eq!(error, EditError::Channels { node: "plugin".to_owned(), port: "wide".to_owned(), channels },);
        assert!(error.to_string().contains("1 to 256"), "{error}");
        assert_eq!(stage.graph.node_count(), 0);
    }
}

/// A device with other channels than the rig's, with none at all, and a block of no frames.
#[test]
fn any_device_will_do() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(3), stage.output(40, None));
    stage.wire(input, output, 1.0);
    stage.publish();
    stage.renderer.render(&[], &mut []);
    stage.renderer.render(&[&[]], &mut [&mut []]);
    let mut channel = [1.0; 50];
    stage.renderer.render(&[&[1.0; 50]], &mut [&mut channel]);
    assert_eq!(channel, [0.0; 50]);
    stage.renderer.render_frames(&[], &mut [], 100);
    assert_eq!(stage.renderer.frame(), 150);
}

/// A renderer that plays nothing yet plays silence.
#[test]
fn silence_before_the_first_graph() {
    let (_publisher, mut renderer) = renderer(Settings::new(44_100.0, 64));
    let mut channel = [1.0; 1000];
    renderer.render(&[&[1.0; 1000]], &mut [&mut channel]);
    assert_eq!(channel, [0.0; 1000]);
}
