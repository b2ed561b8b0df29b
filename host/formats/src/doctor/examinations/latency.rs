//! Latency, measured: the same noise twice, the second time with an impulse in it, and what differs.
//!
//! ```text
//! in    ~~~~~~~|~~~~~~~~~        |: the impulse
//! out   ~~~~~~~~~~~/\_~~~        first difference and greatest difference
//!              <-L->             L: what it reports
//! ```
//!
//! A look-ahead works before the impulse comes out, so the first difference may come early; a reverb's greatest one may
//! come late. Only what no honest plugin does is a finding: nothing at all until well after L, or all of it well before.

use crate::doctor::playing::{Blocks, Take};
use crate::doctor::report::Severity;
use crate::doctor::signal::{self, Sound};
use crate::doctor::subject::{Stop, Subject};

/// Frames before the impulse, for gates to open and ramps to end.
const BEFORE: usize = 24_000;
/// Frames of doubt: filters smear.
const DOUBT: usize = 64;
/// A millisecond: what comes later at first is late.
const LATE: usize = 48;

/// Both takes of one instance each.
pub(crate) fn latency(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    if playing.inputs() == 0 || playing.outputs() == 0 {
        return Err(Stop::DoesNotApply("it has no audio input or no output"));
    }
    if !subject.is_repeatable()? {
        return Err(Stop::DoesNotApply("it is not repeatable, so that two takes cannot be compared"));
    }
    // One that finds out its latency while it plays has had its time.
    subject.usual_sound(&mut playing, 0.2, Blocks::Of(256));
    playing.restart();
    let reported = playing.plugin.latency() as usize;
    drop(playing);

    let take = |impulse: f32| -> Result<Sound, Stop> {
        let mut playing = subject.play()?;
        let input = |channel: usize, frame: usize| {
            let noise = 0.5 * signal::noise(channel, frame);
            if frame == BEFORE { noise + impulse } else { noise }
        };
        let frames = BEFORE + reported + 24_000;
        Ok(playing.render(Take { frames, input: &input, events: &[], blocks: Blocks::Of(256) }))
    };
    let differing = signal::difference(&take(0.0)?, &take(0.5)?);
    let after = differing.get(BEFORE..).unwrap_or_default();
    let greatest = after.iter().copied().fold(0.0, f32::max);
    if greatest < 1e-4 {
        subject.measured = Some(format!("reported: {reported} frames; an impulse changes nothing that could be heard"));
        return Ok(());
    }
    let first = after.iter().position(|&apart| apart > 0.01 * greatest).unwrap_or(0);
    let main = after.iter().position(|&apart| apart == greatest).unwrap_or(0);
    subject.measured =
        Some(format!("reported: {reported} frames; an impulse is first heard at {first}, most at {main}"));
    if first > reported + LATE {
        let seen = format!("it reports {reported} frames, and an impulse is first heard after {first}");
        let means = "if it does not delay on purpose, it is late against the rest of the rig";
        subject.find(Severity::Warning, "latency-too-small", seen, means);
    }
    if main + DOUBT < reported && !after.iter().skip(reported - DOUBT).any(|&apart| apart > 0.1 * greatest) {
        let seen = format!("it reports {reported} frames, and an impulse is heard most after {main}");
        subject.find(Severity::Error, "latency-too-large", seen, "a rig delays everything else for nothing");
    }
    Ok(())
}
