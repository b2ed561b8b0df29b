//! Inputs at the ends of what there is: nothing, far too much, and what is no number.

use crate::doctor::playing::{Blocks, Playing, Take};
use crate::doctor::report::Severity;
use crate::doctor::signal::{self, Sound};
use crate::doctor::subject::{Stop, Subject};

/// -80 dBFS: louder is heard.
const AUDIBLE: f32 = 1e-4;

fn take(playing: &mut Playing, seconds: f64, input: &dyn Fn(usize, usize) -> f32) -> Sound {
    let frames = playing.frames(seconds);
    playing.render(Take { frames, input, events: &[], blocks: Blocks::Of(256) })
}

/// Some seconds of nothing from the start.
pub(crate) fn silence(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let seconds = subject.full_or_quick(3.0, 1.0);
    let sound = take(&mut playing, seconds, &signal::silence);
    let peak = signal::peak(&sound, 0);
    subject.measured = Some(format!("its own sound: {}", signal::decibels(peak)));
    if playing.inputs() > 0 && peak > AUDIBLE {
        let seen = format!("with silence in, its output reaches {}", signal::decibels(peak));
        subject.find(Severity::Note, "own-sound", seen, "it adds hiss, hum or a sound of its own to a rig at rest");
    }
    subject.close(playing);
    Ok(())
}

/// A square wave at full scale, and noise at +24 dBFS.
pub(crate) fn full_scale(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    if playing.inputs() == 0 {
        return Err(Stop::DoesNotApply("it has no audio input"));
    }
    let seconds = subject.full_or_quick(1.0, 0.3);
    let square = take(&mut playing, seconds, &|_, frame| if frame / 100 % 2 == 0 { 1.0 } else { -1.0 });
    take(&mut playing, seconds, &|channel, frame| 32.0 * signal::noise(channel, frame));
    subject.measured = Some(format!("peak at full scale: {}", signal::decibels(signal::peak(&square, 0))));
    subject.close(playing);
    Ok(())
}

/// Ten milliseconds of what is no number, then clean noise: it should come back by itself, and must after a reset.
pub(crate) fn nan_in(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    if playing.inputs() == 0 {
        return Err(Stop::DoesNotApply("it has no audio input"));
    }
    take(&mut playing, 0.1, &signal::noise);
    if playing.record.failed_blocks > 0 {
        return Err(Stop::DoesNotApply("it fails with any input"));
    }
    take(&mut playing, 0.01, &|channel, frame| if (channel + frame) % 2 == 0 { f32::NAN } else { f32::INFINITY });
    let seconds = subject.full_or_quick(3.0, 1.0);
    take(&mut playing, seconds, &signal::noise);
    playing.record = Default::default();
    take(&mut playing, 0.1, &signal::noise);
    if playing.record.failed_blocks > 0 {
        let is_stuck = {
            playing.reset();
            playing.record = Default::default();
            take(&mut playing, 0.1, &signal::noise);
            playing.record.failed_blocks > 0
        };
        let (severity, until) =
            if is_stuck { (Severity::Error, "even after a reset") } else { (Severity::Warning, "until a reset") };
        let seen = format!("after an input that was no number it puts out none either, {until}");
        let means = "one bad sample from a plugin before it silences it; a rig cleans what plugins put out";
        subject.find(severity, "nan-stays", seen, means);
    }
    Ok(())
}
