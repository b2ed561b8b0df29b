//! A reset silences what rings, as when the transport jumps.

use crate::doctor::playing::{Blocks, Take, note_on};
use crate::doctor::report::Severity;
use crate::doctor::signal::{self, Sound};
use crate::doctor::subject::{Stop, Subject};
use crate::plugin::BusDirection;

/// -60 dBFS: what is left after a reset and louder is heard.
const AUDIBLE: f32 = 1e-3;

/// The same twice: once left to ring, once reset.
pub(crate) fn reset(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let rest = |is_reset: bool| -> Result<Sound, Stop> {
        let mut playing = subject.play()?;
        let has_notes = !playing.plugin.note_ports(BusDirection::Input).is_empty();
        let held = [(0, note_on(60))];
        let events = if has_notes { &held[..] } else { &[] };
        let frames = playing.frames(0.5);
        playing.render(Take { frames, input: &signal::noise, events, blocks: Blocks::Of(256) });
        if is_reset {
            playing.reset();
        }
        Ok(playing.render(Take { frames, input: &signal::silence, events: &[], blocks: Blocks::Of(256) }))
    };
    let idle = {
        let mut playing = subject.play()?;
        let frames = playing.frames(0.5);
        signal::peak(&playing.render(Take { frames, input: &signal::silence, events: &[], blocks: Blocks::Of(256) }), 0)
    };
    let rang = signal::peak(&rest(false)?, 0);
    if rang <= AUDIBLE.max(2.0 * idle) {
        return Err(Stop::DoesNotApply("nothing of it rings"));
    }
    let left = signal::peak(&rest(true)?, 0);
    subject.measured =
        Some(format!("rings at {}, after a reset at {}", signal::decibels(rang), signal::decibels(left)));
    if left > AUDIBLE.max(2.0 * idle) && left > 0.01 * rang {
        let seen = format!("after a reset it still puts out {}", signal::decibels(left));
        subject.find(Severity::Warning, "reset-ignored", seen, "after a jump one hears what was before it");
    }
    Ok(())
}
