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
//!
//! An instrument hears no impulse: it is given a note in the second take. Many begin softly, so that one that is late is
//! only mentioned; but none that is L late sounds before L.

use crate::doctor::playing::{Blocks, Take, note_on};
use crate::doctor::report::Severity;
use crate::doctor::signal::{self, Sound};
use crate::doctor::subject::{Excitation, Stop, Subject};

/// Frames before the impulse or the note, for gates to open and ramps to end.
const BEFORE: usize = 24_000;
/// Frames of doubt: filters smear.
const DOUBT: usize = 64;
/// A millisecond: what comes later at first is late.
const LATE: usize = 48;
/// Ten milliseconds: a note that comes later at first is late.
const LATE_NOTE: usize = 480;

/// Both takes of one instance each.
pub(crate) fn latency(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let excitation = Excitation::of(&playing)?;
    if !subject.is_repeatable()? {
        return Err(Stop::DoesNotApply("it is not repeatable, so that two takes cannot be compared"));
    }
    // One that finds out its latency while it plays has had its time.
    subject.usual_sound(&mut playing, 0.2, Blocks::Of(256));
    playing.restart();
    let reported = playing.plugin.latency() as usize;
    drop(playing);

    let take = |impulse: f32, note: usize| -> Result<Sound, Stop> {
        let mut playing = subject.play()?;
        let input = |channel: usize, frame: usize| {
            let noise = 0.5 * signal::noise(channel, frame);
            if frame == BEFORE { noise + impulse } else { noise }
        };
        let events = &[(BEFORE, note_on(60))][..note];
        let frames = BEFORE + reported + 24_000;
        Ok(playing.render(Take { frames, input: &input, events, blocks: Blocks::Of(256) }))
    };
    let (what, with) = match excitation {
        Excitation::Input => ("an impulse", take(0.5, 0)?),
        Excitation::Notes => ("a note", take(0.0, 1)?),
    };
    let differing = signal::difference(&take(0.0, 0)?, &with);
    let after = differing.get(BEFORE..).unwrap_or_default();
    let greatest = after.iter().copied().fold(0.0, f32::max);
    if greatest < 1e-4 {
        subject.measured = Some(format!("reported: {reported} frames; {what} changes nothing that could be heard"));
        return Ok(());
    }
    let first = after.iter().position(|&apart| apart > 0.01 * greatest).unwrap_or(0);
    let main = after.iter().position(|&apart| apart == greatest).unwrap_or(0);
    subject.measured = Some(format!("reported: {reported} frames; {what} is first heard at {first}, most at {main}"));
    let heard = |how: &str, at: usize| format!("it reports {reported} frames, and {what} is heard {how} after {at}");
    match excitation {
        Excitation::Input if first > reported + LATE => {
            let means = "if it does not delay on purpose, it is late against the rest of the rig";
            subject.find(Severity::Warning, "latency-too-small", heard("first", first), means);
        }
        Excitation::Notes if first > reported + LATE_NOTE => {
            let means = "if its notes do not begin softly on purpose, they are late against the rest of the rig";
            subject.find(Severity::Note, "latency-too-small", heard("first", first), means);
        }
        _ => {}
    }
    let (how, at) = match excitation {
        Excitation::Input => ("most", main),
        Excitation::Notes => ("first", first),
    };
    let is_over = || !after.iter().skip(reported - DOUBT).any(|&apart| apart > 0.1 * greatest);
    if at + DOUBT < reported && (matches!(excitation, Excitation::Notes) || is_over()) {
        let means = "a rig delays everything else for nothing";
        subject.find(Severity::Error, "latency-too-large", heard(how, at), means);
    }
    Ok(())
}
