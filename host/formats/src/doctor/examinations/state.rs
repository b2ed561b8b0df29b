//! What is saved comes back.

use crosspoint_graph::Status;

use crate::doctor::playing::{Blocks, Playing, USUAL};
use crate::doctor::report::Severity;
use crate::doctor::signal;
use crate::doctor::subject::{SAME, Stop, Subject, movable, some, value_at};
use crate::error::PluginError;
use crate::plugin::Plugin;

/// More bytes than this make rigs slow to save.
const LARGE: usize = 16 << 20;

/// An instance with random values.
fn with_random_values(subject: &Subject<'_>) -> Result<Box<dyn Plugin>, Stop> {
    let mut plugin = subject.make()?;
    let mut random = subject.random();
    let chosen = some(movable(&*plugin), 256);
    let values: Vec<(u32, f64)> = chosen.iter().map(|one| (one.id, value_at(one, random.unit()))).collect();
    plugin.set_parameters(&values)?;
    plugin.poll(&mut Vec::new());
    Ok(plugin)
}

/// The state of a plugin that has states.
fn saved(plugin: &mut dyn Plugin) -> Result<Option<Vec<u8>>, Stop> {
    match plugin.save_state() {
        Ok(state) => Ok(Some(state)),
        Err(PluginError::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Random values, saved, loaded into a fresh instance: the values, the bytes and the sound are the same.
pub(crate) fn same(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut one = with_random_values(subject)?;
    let Some(state) = saved(&mut *one)? else {
        if movable(&*one).is_empty() {
            return Err(Stop::DoesNotApply("it has neither a state nor a parameter"));
        }
        let means = "a rig has nothing to keep its settings by";
        subject.find(Severity::Warning, "no-state", "it has parameters and no state", means);
        return Ok(());
    };
    subject.measured = Some(format!("{} bytes", state.len()));
    if state.len() > LARGE {
        let seen = format!("its state has {} bytes", state.len());
        subject.find(Severity::Warning, "state-large", seen, "saving the rig takes time, each time");
    }
    let mut other = subject.make()?;
    if let Err(error) = other.load_state(&state) {
        let seen = format!("it does not take the state that it has saved: {error}");
        subject.find(Severity::Error, "state-refused", seen, "what was set is lost when the rig is opened again");
        return Ok(());
    }
    other.poll(&mut Vec::new());
    let lost = lost_values(&mut *one, &mut *other);
    if let Some(first) = lost.first() {
        let seen = format!("{} parameters come back with another value, such as {first}", lost.len());
        subject.find(Severity::Error, "state-lost", seen, "the rig sounds otherwise when it is opened again");
    } else if other.save_state()? != state {
        let means = "a rig that did not change is saved as another file";
        subject.find(Severity::Note, "state-unsteady", "saved again, the state has other bytes", means);
    }
    if subject.is_repeatable()? {
        let (mut one, mut other) = (Playing::start(one, USUAL)?, Playing::start(other, USUAL)?);
        let seconds = subject.full_or_quick(1.0, 0.3);
        let sound = subject.usual_sound(&mut one, seconds, Blocks::Of(256));
        let apart = signal::distance(&sound, &subject.usual_sound(&mut other, seconds, Blocks::Of(256)));
        if apart > SAME {
            let seen = format!("after loading it sounds up to {} unlike before", signal::decibels(apart));
            subject.find(Severity::Error, "state-sound", seen, "the rig sounds otherwise when it is opened again");
        }
    }
    Ok(())
}

/// The parameters that differ, with both values.
fn lost_values(one: &mut dyn Plugin, other: &mut dyn Plugin) -> Vec<String> {
    let parameters = movable(one);
    let differing = parameters.iter().filter_map(|parameter| {
        let before = one.parameter_value(parameter.id)?;
        let after = other.parameter_value(parameter.id)?;
        let apart = (before - after).abs() > 1e-4 * (parameter.maximum - parameter.minimum);
        apart.then(|| format!("\"{}\": {before} became {after}", parameter.name))
    });
    differing.collect()
}

/// Cut short, empty, random, with bits turned over; then the good one again. Refusing is as good as ignoring.
pub(crate) fn broken(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let Some(state) = saved(&mut *with_random_values(subject)?)? else {
        return Err(Stop::DoesNotApply("it has no state"));
    };
    let mut random = subject.random();
    let mut turned = state.clone();
    for _ in 0..16 {
        let at = random.below(turned.len());
        turned.get_mut(at).into_iter().for_each(|byte| *byte = !*byte);
    }
    let noise: Vec<u8> = (0..4096).map(|_| random.below(256) as u8).collect();
    let half = &state[..state.len() / 2];
    let mut playing = subject.play()?;
    subject.usual_sound(&mut playing, 0.1, Blocks::Of(256));
    let was_well = playing.status != Status::Error;
    for broken in [half, &[], &noise, &turned] {
        let _refused = playing.plugin.load_state(broken);
        playing.poll();
        subject.usual_sound(&mut playing, 0.1, Blocks::Of(256));
    }
    let is_well = playing.plugin.load_state(&state).is_ok();
    playing.poll();
    subject.usual_sound(&mut playing, 0.1, Blocks::Of(256));
    if was_well && is_well && playing.status == Status::Error {
        let means = "a damaged rig file silences it for good";
        subject.find(Severity::Error, "state-breaks", "after a broken state and then a good one it still fails", means);
    }
    subject.close(playing);
    Ok(())
}
