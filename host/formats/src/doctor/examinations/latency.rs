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

/// Codes of findings, and what the graver one means.
const TOO_SMALL: &str = "latency-too-small";
const TOO_LARGE: &str = "latency-too-large";
const FOR_NOTHING: &str = "a rig delays everything else for nothing";

/// What differs between the takes, from the impulse or the note on.
struct Heard {
    what: &'static str,
    /// In frames, as the next two.
    reported: usize,
    first: usize,
    most: usize,
    greatest: f32,
    differing: Vec<f32>,
}

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

    let heard = listen(subject, excitation, reported)?;
    let Heard { what, first, most, .. } = heard;
    if heard.greatest < 1e-4 {
        subject.measured = Some(format!("reported: {reported} frames; {what} changes nothing that could be heard"));
        return Ok(());
    }
    subject.measured = Some(format!("reported: {reported} frames; {what} is first heard at {first}, most at {most}"));
    match excitation {
        Excitation::Input => judge_impulse(subject, &heard),
        Excitation::Notes => judge_note(subject, &heard),
    }
    Ok(())
}

fn listen(subject: &Subject<'_>, excitation: Excitation, reported: usize) -> Result<Heard, Stop> {
    let take = |impulse: f32, notes: usize| -> Result<Sound, Stop> {
        let mut playing = subject.play()?;
        let input = |channel: usize, frame: usize| {
            let noise = 0.5 * signal::noise(channel, frame);
            if frame == BEFORE { noise + impulse } else { noise }
        };
        let events = &[(BEFORE, note_on(60))][..notes];
        let frames = BEFORE + reported + 24_000;
        Ok(playing.render(Take { frames, input: &input, events, blocks: Blocks::Of(256) }))
    };
    let (what, with) = match excitation {
        Excitation::Input => ("an impulse", take(0.5, 0)?),
        Excitation::Notes => ("a note", take(0.0, 1)?),
    };
    let differing: Vec<f32> = signal::difference(&take(0.0, 0)?, &with).into_iter().skip(BEFORE).collect();
    let greatest = differing.iter().copied().fold(0.0, f32::max);
    let first = differing.iter().position(|&apart| apart > 0.01 * greatest).unwrap_or(0);
    let most = differing.iter().position(|&apart| apart == greatest).unwrap_or(0);
    Ok(Heard { what, reported, first, most, greatest, differing })
}

fn judge_impulse(subject: &mut Subject<'_>, heard: &Heard) {
    let Heard { reported, first, most, greatest, .. } = *heard;
    if first > reported + LATE {
        let means = "if it does not delay on purpose, it is late against the rest of the rig";
        subject.find(Severity::Warning, TOO_SMALL, heard.first(), means);
    }
    let goes_on = |apart: &f32| *apart > 0.1 * greatest;
    if most + DOUBT < reported && !heard.differing.iter().skip(reported - DOUBT).any(goes_on) {
        let seen = format!("it reports {reported} frames, and {} is heard most after {most}", heard.what);
        subject.find(Severity::Error, TOO_LARGE, seen, FOR_NOTHING);
    }
}

fn judge_note(subject: &mut Subject<'_>, heard: &Heard) {
    if heard.first > heard.reported + LATE_NOTE {
        let means = "if its notes do not begin softly on purpose, they are late against the rest of the rig";
        subject.find(Severity::Note, TOO_SMALL, heard.first(), means);
    }
    if heard.first + DOUBT < heard.reported {
        subject.find(Severity::Error, TOO_LARGE, heard.first(), FOR_NOTHING);
    }
}

impl Heard {
    fn first(&self) -> String {
        format!("it reports {} frames, and {} is first heard after {}", self.reported, self.what, self.first)
    }
}
