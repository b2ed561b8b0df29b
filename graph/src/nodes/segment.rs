//! Cuts a chunk at the frames of its parameter events. Never loses an event: one beyond the chunk applies at its end.

use std::ops::Range;

use crate::event::EventBody;
use crate::rt::Block;

/// A processor between two parameter events.
pub(super) trait Segment {
    /// A parameter takes a value at a steady frame.
    fn set_parameter(&mut self, parameter: u32, value: f64, frame: u64);

    /// Renders some frames of the chunk; there is at least one.
    fn render(&mut self, block: &mut Block<'_>, frames: Range<usize>);
}

/// Runs a whole chunk.
pub(super) fn run(processor: &mut impl Segment, block: &mut Block<'_>) {
    let frames = block.frames();
    let mut at = 0;
    for index in 0..block.events().len() {
        let event = block.events()[index];
        let EventBody::Parameter { parameter, value, .. } = event.body else { continue };
        let place = (event.frame as usize).min(frames);
        if place > at {
            processor.render(block, at..place);
            at = place;
        }
        processor.set_parameter(parameter, value, block.chunk().steady_frame + at as u64);
    }
    if at < frames {
        processor.render(block, at..frames);
    }
}

/// Takes the parameters of a chunk that is not rendered.
pub(super) fn flush(processor: &mut impl Segment, block: &mut Block<'_>) {
    for index in 0..block.events().len() {
        let event = block.events()[index];
        if let EventBody::Parameter { parameter, value, .. } = event.body {
            processor.set_parameter(parameter, value, block.chunk().steady_frame + u64::from(event.frame));
        }
    }
}
