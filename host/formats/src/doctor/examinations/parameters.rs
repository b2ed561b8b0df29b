//! Parameters: what they say of themselves, and what becomes of the sound when they move.

use std::collections::HashSet;

use crosspoint_graph::event::EventBody;

use crate::doctor::playing::{Blocks, Take, parameter};
use crate::doctor::report::Severity;
use crate::doctor::signal;
use crate::doctor::subject::{Stop, Subject, movable, some, value_at};
use crate::plugin::Parameter;

/// Ranges in order, defaults within, ids once, texts that lead back to their values.
pub(crate) fn ranges(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut plugin = subject.make()?;
    let parameters = plugin.parameters().to_vec();
    subject.measured = Some(format!("{} parameters", parameters.len()));
    let mut ids = HashSet::new();
    for Parameter { id, name, minimum, maximum, default, .. } in &parameters {
        if !ids.insert(*id) {
            let seen = format!("two parameters have the id {id}, one of them is \"{name}\"");
            subject.find(Severity::Error, "parameter-id", seen, "a rig moves the wrong one");
        }
        let is_sound = minimum <= maximum && (minimum..=maximum).contains(&default);
        if !(is_sound && minimum.is_finite() && maximum.is_finite()) {
            let seen = format!("\"{name}\" goes from {minimum} to {maximum} and begins at {default}");
            subject.find(Severity::Error, "parameter-range", seen, "its values mean nothing in a rig");
        }
    }
    let most = subject.full_or_quick(500, 100);
    let mut textless = Vec::new();
    let mut astray = Vec::new();
    for one in some(movable(&*plugin), most) {
        for position in [0.0, 0.5, 1.0] {
            let value = value_at(&one, position);
            let Some(text) = plugin.value_to_text(one.id, value) else {
                textless.push(one.name.clone());
                break;
            };
            // Only what a text stands for can be asked back, which rounds: its own text must be the same again.
            let back = plugin.text_to_value(one.id, &text);
            let again = back.and_then(|back| plugin.value_to_text(one.id, back));
            if again.is_some_and(|again| again != text) {
                astray.push(format!("\"{}\" {text}", one.name));
                break;
            }
        }
    }
    if let Some(first) = textless.first() {
        let seen = format!("{} parameters have values without a text, such as \"{first}\"", textless.len());
        subject.find(Severity::Note, "parameter-text", seen, "a rig shows bare numbers");
    }
    if let Some(first) = astray.first() {
        let seen = format!("{} texts lead to another value, such as {first}", astray.len());
        subject.find(Severity::Note, "parameter-text", seen, "what is typed in is not what is set");
    }
    Ok(())
}

/// One after the other in steps, each back to its default before the next.
pub(crate) fn sweep(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let all = movable(&*playing.plugin);
    if all.is_empty() {
        return Err(Stop::DoesNotApply("it has no parameter to move"));
    }
    let chosen = some(all, subject.full_or_quick(128, 24));
    subject.measured = Some(format!("{} parameters moved", chosen.len()));
    let steps = subject.full_or_quick(16, 6);
    for one in &chosen {
        let before = playing.record.failed_blocks;
        let values = (0..=steps).map(|step| value_at(one, f64::from(step) / f64::from(steps))).chain([one.default]);
        for value in values {
            let events = [(0, parameter(one.id, value))];
            playing.render(Take { frames: 256, input: &signal::noise, events: &events, blocks: Blocks::Of(64) });
            if playing.record.failed_blocks > before {
                let seen = format!("with \"{}\" at {value} it fails or puts out what is no number", one.name);
                subject.find(Severity::Error, "parameter-breaks", seen, "a rig silences it whenever it is set so");
                break;
            }
        }
    }
    subject.close(playing);
    Ok(())
}

/// Everything at once, at random; now and then told while it is bypassed.
pub(crate) fn automation(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let all = movable(&*playing.plugin);
    if all.is_empty() {
        return Err(Stop::DoesNotApply("it has no parameter to move"));
    }
    let mut random = subject.random();
    for round in 0..subject.full_or_quick(200, 40) {
        let mut any = || {
            let one = &all[random.below(all.len())];
            parameter(one.id, value_at(one, random.unit()))
        };
        let bodies: Vec<EventBody> = (0..8).map(|_| any()).collect();
        let mut events: Vec<_> = bodies.into_iter().map(|body| (random.below(1024), body)).collect();
        events.sort_by_key(|(frame, _)| *frame);
        let blocks = Blocks::Random(random, 512);
        playing.render(Take { frames: 1024, input: &signal::noise, events: &events, blocks });
        if round % 20 == 19 {
            playing.flush(events.into_iter().map(|(_, body)| body));
        }
        random.below(2);
    }
    subject.close(playing);
    Ok(())
}
