//! Edits that come while the ones before are still under way: what is heard goes on from where it is, no faster than a
//! fade, and to the same bits for any partition into blocks.

use crate::rig::render;
use crate::stage::{FADE, MAX_BLOCK, Stage};
use crosspoint_graph::graph::Edit;
use crosspoint_graph::{Cell, EdgeId, NOW, Published};

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
