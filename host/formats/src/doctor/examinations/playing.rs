//! The plainest use: noise and a note, nothing moved.

use crate::doctor::playing::Blocks;
use crate::doctor::report::Severity;
use crate::doctor::subject::{Stop, Subject};

/// A second of it.
pub(crate) fn plays(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    subject.usual_sound(&mut playing, 1.0, Blocks::Of(256));
    if let Some(frames) = playing.record.latencies.last() {
        let seen = format!("with nothing moved, it took on a latency of {frames} frames without a restart");
        let means = "a rig follows, and until then other signals do not line up with this one";
        subject.find(Severity::Warning, "latency-changed", seen, means);
    }
    subject.close(playing);
    Ok(())
}

/// Chance is no fault: it is only told that comparisons are left out.
pub(crate) fn repeats(subject: &mut Subject<'_>) -> Result<(), Stop> {
    if !subject.is_repeatable()? {
        let means = "sounds are not compared any further; an offline render comes out otherwise each time";
        subject.find(Severity::Note, "not-repeatable", "two fresh instances sound unlike each other", means);
    }
    Ok(())
}
