//! Activated and deactivated, as often as a rig and its device do it.

use crate::doctor::playing::{Blocks, Playing, USUAL};
use crate::doctor::subject::{Stop, Subject};
use crate::plugin::Activation;

/// Without a block, with one, with a reset, with other block sizes each time.
pub(crate) fn cycles(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut plugin = subject.make()?;
    for cycle in 0..subject.full_or_quick(20, 6) {
        let activation = Activation { max_frames: 32 << (cycle % 6), ..USUAL };
        let half = plugin.activate(activation)?;
        plugin.deactivate(half)?;
    }
    let mut playing = Playing::start(plugin, USUAL)?;
    for cycle in 0..subject.full_or_quick(20, 6) {
        if cycle % 2 == 0 {
            subject.usual_sound(&mut playing, 0.02, Blocks::Of(64));
        }
        if cycle % 3 == 0 {
            playing.reset();
        }
        playing.restart();
    }
    subject.close(playing);
    Ok(())
}
