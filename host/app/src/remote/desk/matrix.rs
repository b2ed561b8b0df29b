//! From what clients say of groups, mixes and presets of the matrix to what the engine is to do.

use super::names::{Refused, block, find, gain};
use super::{Step, action::table};
use crate::remote::look;
use crate::remote::order::BlockName;
use crosspoint::session::{Fader, GroupEntry, MixEntry};
use crosspoint::{Action, GroupEdit, MatrixBlock, MatrixPresetEdit, MixEdit, Snapshot};
use serde_json::{Map, Value};

/// A change of groups.
pub fn edit_groups(edit: GroupEdit) -> Action {
    Action::EditGroups(Box::new(edit))
}

/// A change of mixes.
pub fn edit_mixes(edit: MixEdit) -> Action {
    Action::EditMixes(Box::new(edit))
}

/// A change of presets of the matrix.
pub fn edit_presets(edit: MatrixPresetEdit) -> Action {
    Action::EditMatrixPresets(Box::new(edit))
}

/// The group that keys say.
pub fn set_group(group: Map<String, Value>) -> Result<Action, Refused> {
    Ok(edit_groups(GroupEdit::Set(table(group, GroupEntry::from_table)?)))
}

/// The mix that keys say.
pub fn set_mix(mix: Map<String, Value>) -> Result<Action, Refused> {
    Ok(edit_mixes(MixEdit::Set(table(mix, MixEntry::from_table)?)))
}

/// What is said of a group's fader.
pub fn group_fader(group: &str, gain_db: Option<f32>, mute: Option<bool>) -> Result<Step, Refused> {
    let level = |gain| edit_groups(GroupEdit::Gain { group: group.to_owned(), gain });
    fader(gain_db, level, mute, |on| edit_groups(GroupEdit::Mute { group: group.to_owned(), on }))
}

/// What is said of a mix's fader.
pub fn mix_fader(mix: &str, gain_db: Option<f32>, mute: Option<bool>) -> Result<Step, Refused> {
    let level = |gain| edit_mixes(MixEdit::Gain { mix: mix.to_owned(), gain });
    fader(gain_db, level, mute, |on| edit_mixes(MixEdit::Mute { mix: mix.to_owned(), on }))
}

fn fader(
    gain_db: Option<f32>,
    level: impl Fn(f32) -> Action,
    mute: Option<bool>,
    muted: impl Fn(bool) -> Action,
) -> Result<Step, Refused> {
    let level = gain_db.map(fader_gain).transpose()?.map(level);
    let actions: Vec<Action> = level.into_iter().chain(mute.map(muted)).collect();
    if actions.is_empty() { Err("say `gain_db` or `mute`".to_owned()) } else { Ok(Step::Do(actions)) }
}

/// A fader's gain, which is refused before a mute beside it is done.
fn fader_gain(gain_db: f32) -> Result<f32, Refused> {
    let gain = gain(gain_db)?;
    if gain <= Fader::MAX_GAIN { Ok(gain) } else { Err("the gain of a fader is at most 20 dB".to_owned()) }
}

/// The cells to be stored: a block, or what is between nodes.
pub fn store_preset(
    snapshot: &Snapshot,
    preset: String,
    named: Option<&BlockName>,
    sources: &[String],
    destinations: &[String],
) -> Result<Action, Refused> {
    let graph = &*snapshot.graph;
    let nodes = |names: &[String]| names.iter().map(|name| find(graph, name)).collect::<Result<Vec<_>, _>>();
    let block = match named {
        Some(_) if !(sources.is_empty() && destinations.is_empty()) => {
            return Err("say a `block`, or `sources` and `destinations`".to_owned());
        }
        Some(name) => block(graph, name)?,
        None => MatrixBlock::between(graph, &nodes(sources)?, &nodes(destinations)?),
    };
    Ok(edit_presets(MatrixPresetEdit::Store { preset, block }))
}

/// One mix with its part of the matrix.
pub fn mix(snapshot: &Snapshot, name: &str) -> Result<look::MixView, Refused> {
    let names = || snapshot.mixes.iter().map(|known| known.mix.name.as_str()).collect::<Vec<_>>().join(", ");
    let known = snapshot.mixes.iter().find(|known| known.mix.name == name);
    let known = known.ok_or_else(|| format!("the rig has no mix \"{name}\"; it has: {}", names()))?;
    Ok(look::MixView::of(&snapshot.graph, known))
}
