//! How long it rings once its input, or its note, has ended, against what it says and does.

use crosspoint_graph::Status;

use crate::doctor::playing::{Blocks, Take, note_off, note_on};
use crate::doctor::report::Severity;
use crate::doctor::signal;
use crate::doctor::subject::{Excitation, SAME, Stop, Subject};
use crate::plugin::Tail;

/// Frames of the blocks, which is how finely sleep is seen.
const BLOCK: usize = 256;
/// -80 dBFS: quieter is not heard.
const AUDIBLE: f32 = 1e-4;

/// Noise, then silence for as long as it may ring; of an instrument a note, and from where its key goes up.
pub(crate) fn tail(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let excitation = Excitation::of(&playing)?;
    let seconds = subject.full_or_quick(12.0, 3.0);
    let frames = playing.frames(seconds);
    let idle = {
        let mut fresh = subject.play()?;
        let input = &signal::silence;
        signal::peak(&fresh.render(Take { frames: 24_000, input, events: &[], blocks: Blocks::Of(BLOCK) }), 0)
    };
    let (loud, end) = match excitation {
        Excitation::Input => (subject.usual_sound(&mut playing, 0.5, Blocks::Of(BLOCK)), None),
        Excitation::Notes => {
            let (input, events) = (&signal::silence, &[(0, note_on(60))]);
            let frames = playing.frames(0.5);
            (playing.render(Take { frames, input, events, blocks: Blocks::Of(BLOCK) }), Some((0, note_off(60))))
        }
    };
    let said = playing.plugin.tail();
    let latency = playing.plugin.latency() as usize;
    let audible = AUDIBLE.max(SAME * signal::peak(&loud, loud[0].len() / 2));
    if idle > audible {
        return Err(Stop::DoesNotApply("it makes a sound of its own"));
    }
    let (mut last_heard, mut sleeps_at, mut at) = (0, None, 0);
    while at < frames {
        let events = if at == 0 { end.as_slice() } else { &[] };
        let take = Take { frames: BLOCK, input: &signal::silence, events, blocks: Blocks::Of(BLOCK) };
        let sound = playing.render(take);
        let heard = (0..BLOCK).rev().find(|&frame| sound.iter().any(|channel| channel[frame].abs() > audible));
        last_heard = heard.map_or(last_heard, |frame| at + frame + 1);
        // By its word a rig stops calling it then, and what rings on is not heard.
        let sleep = match playing.status {
            Status::Sleep => Some(at + BLOCK),
            Status::Tail(frames) if frames < u32::MAX => Some(at + frames as usize),
            _ => None,
        };
        sleeps_at = sleeps_at.or(sleep);
        at += BLOCK;
    }
    let ring = last_heard.saturating_sub(latency);
    let slack = playing.frames(0.01);
    let words = match said {
        Tail::Frames(frames) => format!("{frames} frames"),
        Tail::Infinite => "for ever".to_owned(),
    };
    subject.measured = Some(format!("reported: {words}; rings for {ring} frames"));
    match (sleeps_at, said) {
        (Some(sleep), _) if last_heard > sleep + slack => {
            let seen =
                format!("it lets itself be put to sleep after {sleep} frames of silence and rings for {last_heard}");
            subject.find(Severity::Warning, "tail-cut", seen, "a rig that takes its word cuts its sound off");
        }
        (_, Tail::Frames(0)) if ring > 5 * slack => {
            let seen = format!("it reports no tail and rings for {ring} frames");
            subject.find(Severity::Note, "tail-untold", seen, "a render may end before its sound does");
        }
        (_, Tail::Frames(told @ 1..)) if ring > told as usize + slack => {
            let seen = format!("it reports a tail of {told} frames and rings for {ring}");
            subject.find(Severity::Warning, "tail-too-short", seen, "a render may end before its sound does");
        }
        _ => {}
    }
    subject.close(playing);
    Ok(())
}
