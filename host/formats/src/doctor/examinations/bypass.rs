//! The plugin's own bypass switch.

use crate::doctor::playing::{Blocks, Take, parameter};
use crate::doctor::report::Severity;
use crate::doctor::signal;
use crate::doctor::subject::{Stop, Subject};

/// -40 dB: what differs more is no ramp's end.
const APART: f32 = 0.01;

/// Switched over and over, then left on: what comes out is what went in, as late as it reports.
pub(crate) fn bypass(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let switch = playing.plugin.parameters().iter().find(|parameter| parameter.flags.bypass).cloned();
    let Some(switch) = switch else { return Err(Stop::DoesNotApply("it has no bypass switch; a rig has its own")) };
    let mut play = |value: f64, frames: usize| {
        let events = [(0, parameter(switch.id, value))];
        playing.render(Take { frames, input: &signal::noise, events: &events, blocks: Blocks::Of(128) })
    };
    for _ in 0..20 {
        play(switch.maximum, 1000);
        play(switch.minimum, 1000);
    }
    let settled = 48_000;
    let sound = play(switch.maximum, settled + 9600);
    let latency = playing.plugin.latency() as usize;
    let channels = playing.inputs().min(playing.outputs());
    let apart = (0..channels).flat_map(|channel| {
        let after = sound[channel].iter().enumerate().skip(settled.max(latency));
        after.map(move |(frame, sample)| (sample - signal::noise(channel, frame - latency)).abs())
    });
    let apart = apart.fold(0.0, f32::max);
    if apart > APART {
        let seen = format!("bypassed, its output differs from its input by up to {}", signal::decibels(apart));
        subject.find(Severity::Warning, "bypass-alters", seen, "switched off, it is still heard");
    }
    subject.close(playing);
    Ok(())
}
