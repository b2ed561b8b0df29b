//! Notes: those that are begun end, whether they are heard or sent on.

use std::collections::BTreeSet;

use crosspoint_graph::event::EventBody;

use crate::doctor::playing::{Blocks, Playing, Take, note_off, note_on};
use crate::doctor::report::Severity;
use crate::doctor::signal::{self, Sound};
use crate::doctor::subject::{Stop, Subject};
use crate::plugin::{BusDirection, Tail};

/// -80 dBFS: quieter is not heard.
const AUDIBLE: f32 = 1e-4;

fn take(playing: &mut Playing, seconds: f64, events: &[(usize, EventBody)]) -> Sound {
    let frames = playing.frames(seconds);
    playing.render(Take { frames, input: &signal::silence, events, blocks: Blocks::Of(128) })
}

/// One note, then very many at once with what should not be: keys released twice, or never pressed.
pub(crate) fn notes(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    if playing.plugin.note_ports(BusDirection::Input).is_empty() {
        return Err(Stop::DoesNotApply("it takes no notes"));
    }
    // What it does as it begins is not what it does at rest.
    let idle = signal::peak(&take(&mut playing, 1.0, &[]), 24_000);
    let off_at = playing.frames(0.25);
    let one = [(0, note_on(60)), (off_at, note_off(60))];
    single(subject, &mut playing, &one, idle);

    let keys = 36..100_u8;
    let mut many: Vec<(usize, EventBody)> = keys.clone().map(|key| (usize::from(key), note_on(key))).collect();
    many.extend(keys.clone().step_by(2).map(|key| (4000 + usize::from(key), note_on(key))));
    many.extend(keys.clone().map(|key| (8000 + usize::from(key), note_off(key))));
    many.extend((0..128).map(|key| (12_000 + usize::from(key), note_off(key))));
    cluster(subject, &mut playing, &many, idle);
    subject.close(playing);
    Ok(())
}

fn single(subject: &mut Subject<'_>, playing: &mut Playing, events: &[(usize, EventBody)], idle: f32) {
    let peak = signal::peak(&take(playing, 0.5, events), 0);
    if playing.outputs() > 0 {
        subject.measured = Some(format!("a note reaches {}", signal::decibels(peak)));
        if peak <= idle.max(AUDIBLE) && playing.inputs() == 0 {
            let means = "as it begins, a rig hears nothing of it";
            subject.find(Severity::Note, "note-silent", "a note makes no sound", means);
        }
    }
    rests(subject, playing, (peak, idle), "one note");
}

fn cluster(subject: &mut Subject<'_>, playing: &mut Playing, events: &[(usize, EventBody)], idle: f32) {
    let peak = signal::peak(&take(playing, 0.5, events), 0);
    rests(subject, playing, (peak, idle), "a hundred notes");
}

/// Whether it is quiet again, and has released what it pressed, some time after the last key went up.
fn rests(subject: &mut Subject<'_>, playing: &mut Playing, (peak, idle): (f32, f32), what: &str) {
    let mut sent = playing.sent.clone();
    let told = match playing.plugin.tail() {
        Tail::Frames(frames) => (f64::from(frames) / playing.rate()).min(30.0),
        Tail::Infinite => return,
    };
    let seconds = told + subject.full_or_quick(8.0, 4.0);
    let sound = take(playing, seconds, &[]);
    sent.append(&mut playing.sent);
    let rest = signal::peak(&sound, playing.frames(seconds - 0.25));
    if rest > AUDIBLE.max(0.01 * peak).max(2.0 * idle) {
        let seen = format!("{seconds:.0} s after {what} ended, {} still sounds", signal::decibels(rest));
        subject.find(Severity::Error, "note-stuck", seen, "the note sounds until the plugin is restarted");
    }
    if let Some(key) = held_key(&sent) {
        let seen = format!("after {what} it has sent a note-on for key {key} and no note-off");
        subject.find(Severity::Error, "note-stuck", seen, "what it plays goes on sounding");
    }
}

/// A key that it has pressed and not released.
fn held_key(sent: &[EventBody]) -> Option<i8> {
    let mut held = BTreeSet::new();
    for body in sent {
        match body {
            EventBody::NoteOn { address, .. } => {
                held.insert(address.key);
            }
            EventBody::NoteOff { address, .. } | EventBody::NoteChoke { address } => {
                held.retain(|&key| address.key >= 0 && key != address.key);
            }
            _ => {}
        }
    }
    held.pop_first()
}
