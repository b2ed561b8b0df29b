//! Block sizes.

use crate::doctor::playing::{Blocks, USUAL};
use crate::doctor::report::Severity;
use crate::doctor::signal::{self, Sound};
use crate::doctor::subject::{SAME, Stop, Subject};
use crate::plugin::Activation;

/// Frames of the longest block.
const LONGEST: u32 = 4096;

/// The same sound, cut in several ways.
pub(crate) fn blocks(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let all: &[usize] = &[1, 2, 7, 16, 63, 64, 65, 128, 441, 512, 1024, 2048, 4096];
    let few: &[usize] = &[1, 63, 64, 4096];
    let sizes = subject.full_or_quick(all, few).iter().map(|&size| (Blocks::Of(size), format!("{size} frames")));
    let random = (Blocks::Random(subject.random(), LONGEST as usize), "random sizes".to_owned());
    let compares = subject.is_repeatable()?;
    let mut first: Option<Sound> = None;
    for (blocks, name) in sizes.chain([random]) {
        let mut playing = subject.play_with(Activation { max_frames: LONGEST, ..USUAL })?;
        let sound = subject.usual_sound(&mut playing, subject.full_or_quick(0.5, 0.2), blocks);
        let apart = first.as_ref().map_or(0.0, |first| signal::distance(first, &sound));
        if compares && apart > SAME && subject.findings.is_empty() {
            let seen = format!("blocks of {name} sound up to {} unlike blocks of 1 frame", signal::decibels(apart));
            let means = "the same rig sounds otherwise on another device, and offline";
            subject.find(Severity::Note, "depends-on-blocks", seen, means);
        }
        first.get_or_insert(sound);
        subject.close(playing);
    }
    Ok(())
}
