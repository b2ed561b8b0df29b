//! Edits that come while the ones before are still under way: what is heard goes on from where it is, no faster than a
//! fade, and to the same bits for any partition into blocks.

use crate::rig::render;
use crate::stage::{FADE, MAX_BLOCK, Stage};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Cell, EdgeId, NOW, Published, Report};

/// The greatest step from one frame to the next.
fn steepest(channel: &[f32]) -> f32 {
    channel.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

/// One, on all channels.
fn one(_: usize, _: u64) -> f32 {
    1.0
}

impl Stage {
    fn set_gain(&mut self, edge: EdgeId, gain: f32, frame: u64, ramp: u32) {
        let cell = Some(Cell::new(gain));
        self.graph.apply(vec![Edit::SetCell { edge, source: 0, destination: 0, cell }]).unwrap();
        let sent = self.publisher.set_gain(&self.graph, edge, 0, 0, gain, frame, ramp);
        assert_eq!(sent, Ok(Published::Sent));
    }
}

/// ```text
/// in ══ unity, 0.5 ══ out      the 0.5 is taken out: 1.5 ── fade ── 1.0
///                              meanwhile the cell at unity, alone in its sum from then on, goes to 0.25
/// ```
#[test]
fn a_gain_goes_on_from_where_it_is_though_a_parcel_on_its_way_leaves_its_cell_alone() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let stays = stage.wire(input, output, 1.0);
    let goes = stage.wire(input, output, 0.5);
    stage.publish();
    let mut heard = stage.play(MAX_BLOCK, one)[0].clone();
    stage.graph.apply(vec![Edit::Disconnect { id: goes }]).unwrap();
    stage.publish();
    heard.extend(&render(&mut stage.renderer, 10, &[10], one, |_, _| {})[0]);
    stage.set_gain(stays, 0.25, NOW, 5);
    heard.extend(&stage.play(4 * MAX_BLOCK, one)[0]);
    assert_eq!(heard.last(), Some(&0.25));
    let bound = 0.5 / FADE as f32 + 0.75 / 5.0;
    assert!(steepest(&heard) <= bound + 1e-6, "{} {bound}", steepest(&heard));
    // Once all is at rest a cell that is back at unity costs nothing again.
    stage.set_gain(stays, 1.0, NOW, 5);
    stage.play(4 * MAX_BLOCK, one);
    assert_eq!(stage.publisher.settle(&stage.graph), Ok(true));
    assert!(stage.publisher.schedule().unwrap().mixes.is_empty());
}

/// Some thousand gains, each with a frame of its own and all of them in one block: the same for any partition.
#[test]
fn a_flood_of_gains_is_the_same_for_any_partition() {
    let play = |max_block: usize, blocks: &[usize]| {
        let mut stage = Stage::with_max_block(max_block);
        let (input, output) = (stage.input(0), stage.output(0, None));
        let edges: Vec<EdgeId> = (0..8).map(|place| stage.wire(input, output, 0.1 * place as f32)).collect();
        stage.publish();
        stage.play(64, one);
        for number in 0..3000_u64 {
            // Several on one frame, and not in the order of their frames.
            let frame = 64 + (number * 37) % 300;
            let gain = ((number * 29) % 100) as f32 / 100.0;
            stage.set_gain(edges[(number % 8) as usize], gain, frame, (number % 7) as u32);
        }
        render(&mut stage.renderer, 600, blocks, one, |_, _| {})[0].clone()
    };
    let expected = play(1, &[1]);
    assert!(expected == play(512, &[600]), "one block");
    assert!(expected == play(512, &[100, 7]), "several blocks");
}

/// More commands than may wait: those left in the ring are obeyed in the next block, and it is told that they were late.
#[test]
fn commands_that_find_no_room_are_said_to_be_late() {
    let mut stage = Stage::new();
    let (input, output) = (stage.input(0), stage.output(0, None));
    let edge = stage.wire(input, output, 0.5);
    stage.publish();
    stage.play(MAX_BLOCK, one);
    for number in 0..5000 {
        stage.set_gain(edge, number as f32 / 5000.0, 40, 0);
    }
    stage.play(MAX_BLOCK, one);
    assert_eq!(stage.reports(), []);
    let heard = stage.play(MAX_BLOCK, one);
    assert_eq!(heard[0][0], 4999.0 / 5000.0);
    assert_eq!(stage.reports(), [Report::Late { frame: 2 * MAX_BLOCK as u64, count: 5000 - 4096 }]);
}
