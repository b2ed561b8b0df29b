//! Moments: all values of the rig as they were at some time, to go back to. Other hosts call them snapshots. A person takes
//! them, and the engine does before it takes values away that nobody has stored. They have values, not what the rig is made
//! of: nodes and edges stay as they are, and so does what of a plugin's state is no parameter.
//!
//! Those that people took are never dropped; of the others the oldest give way.

use super::edit::check_title;
use super::value::{Key, Setting, Value};
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crate::notice::Notice;
use crate::session::{Crosspoint, FaderPlace, MomentEntry, SceneCrosspoints, SceneEntry, SceneParameter};
use crosspoint_graph::EdgeId;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How many moments are kept that nobody asked for.
pub const AUTOMATIC_MOMENTS: usize = 32;
/// How many people can take.
pub const MOST_MOMENTS: usize = 256;

/// A change of the list of moments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MomentEdit {
    /// Gives one another name. It is one that somebody wants to keep then.
    Rename {
        /// As it is called now.
        from: String,
        /// As it is to be called.
        to: String,
    },
    /// Removes one.
    Remove(String),
}

/// One moment, as everybody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MomentSnapshot {
    /// Its name.
    pub name: String,
    /// When it was taken; none if that is not known.
    pub taken: Option<SystemTime>,
    /// Whether nobody asked for it.
    pub is_automatic: bool,
    /// The scene that played.
    pub scene: Option<String>,
}

/// A step of the history of moments.
#[derive(Debug)]
pub(crate) enum MomentStep {
    /// Removes the one of that name.
    Remove(String),
    /// Puts one back into its place.
    Put(usize, Box<MomentEntry>),
    /// Puts one in the place of the one of that name.
    Replace(String, Box<MomentEntry>),
}

/// Values that are about to be lost, and the scene that played.
pub(super) struct Leaving {
    setting: Setting,
    scene: Option<String>,
}

impl<P: Plugins> Engine<P> {
    /// Keeps how all values are now: crosspoints, faders of groups and mixes, bypasses, which nodes are away, parameters, tempo
    /// and metre, and which scene plays. Gives its name, a new one if none is given.
    ///
    /// # Errors
    /// [`EngineError::Title`] if nothing can be called so, or something is; [`EngineError::TooManyMoments`].
    pub fn take_moment(&mut self, name: Option<&str>) -> Result<String, EngineError> {
        self.resolve_scenes();
        let moments = &self.rig.rest.moments;
        if moments.iter().filter(|moment| !moment.is_automatic).count() >= MOST_MOMENTS {
            return Err(EngineError::TooManyMoments { most: MOST_MOMENTS });
        }
        let name = match name {
            Some(name) => {
                self.check_moment_name(name)?;
                name.to_owned()
            }
            None => {
                (1..).map(|number| format!("moment {number}")).find(|name| self.is_unused(name)).unwrap_or_default()
            }
        };
        let now = Leaving { setting: self.live(), scene: self.playing_scene().map(str::to_owned) };
        self.put_moment(name.clone(), now, false);
        Ok(name)
    }

    /// Goes back to a moment: all values at one frame, smoothly, and the scene that played then, a step of the history. What
    /// is now is kept as a moment of its own. Gives what could not be had.
    ///
    /// # Errors
    /// [`EngineError::UnknownMoment`], [`EngineError::Moment`] if its values are gone, or if the renderer takes nothing.
    pub fn recall_moment(&mut self, name: &str) -> Result<Vec<String>, EngineError> {
        self.resolve_scenes();
        let moment = &self.rig.rest.moments[self.moment_place(name)?];
        let unreadable = |source| EngineError::Moment { name: name.to_owned(), source };
        let (setting, scene) = (moment.setting().map_err(unreadable)?, moment.scene.clone());
        let resolved = self.resolve(&setting, &self.nodes_by_name());
        let mut left_out = [resolved.missing, resolved.awaited].concat();
        let place = scene.and_then(|scene| {
            let place = self.rig.rest.scenes.iter().position(|known| known.name == scene);
            if place.is_none() {
                left_out.push(format!("there is no scene \"{scene}\" any more"));
            }
            place
        });
        let now = Leaving { setting: self.live(), scene: self.playing_scene().map(str::to_owned) };
        let back = self.go_to_setting(resolved.setting, place)?;
        self.remember_step(Step::Whole(Box::new(back)));
        self.put_moment(self.unused_name(&format!("before {name}")), now, true);
        Ok(left_out)
    }

    /// Renames or removes a moment: a step of the history.
    ///
    /// # Errors
    /// [`EngineError::UnknownMoment`] or [`EngineError::Title`].
    pub fn edit_moments(&mut self, edit: MomentEdit) -> Result<(), EngineError> {
        let step = match edit {
            MomentEdit::Remove(name) => {
                self.moment_place(&name)?;
                MomentStep::Remove(name)
            }
            MomentEdit::Rename { from, to } => {
                let moment = &self.rig.rest.moments[self.moment_place(&from)?];
                if from == to {
                    return Ok(());
                }
                self.check_moment_name(&to)?;
                MomentStep::Replace(from, Box::new(MomentEntry { name: to, is_automatic: false, ..moment.clone() }))
            }
        };
        let back = self.take_moment_step(step);
        self.remember_step(Step::Moment(back));
        Ok(())
    }

    /// Takes a step of the history; gives the one that leads back. One of a moment that has given way changes nothing.
    pub(crate) fn take_moment_step(&mut self, step: MomentStep) -> MomentStep {
        self.snapshot.outdate();
        let place = |name: &str| self.moment_place(name).ok();
        match step {
            MomentStep::Remove(name) => match place(&name) {
                Some(place) => MomentStep::Put(place, Box::new(self.rig.rest.moments.remove(place))),
                None => MomentStep::Remove(name),
            },
            MomentStep::Put(place, mut moment) => {
                moment.name = self.unused_name(&moment.name);
                let moments = &mut self.rig.rest.moments;
                let back = MomentStep::Remove(moment.name.clone());
                moments.insert(place.min(moments.len()), *moment);
                back
            }
            MomentStep::Replace(name, moment) => match place(&name) {
                Some(place) => {
                    let back = moment.name.clone();
                    let before = std::mem::replace(&mut self.rig.rest.moments[place], *moment);
                    MomentStep::Replace(back, Box::new(before))
                }
                None => MomentStep::Replace(name, moment),
            },
        }
    }

    /// What a switch to another scene would take away: values that some scene says, and that were changed since the scene
    /// that plays was switched to or stored.
    pub(super) fn leaving(&self) -> Option<Leaving> {
        let scene = self.playing_scene()?.to_owned();
        let setting = self.live();
        self.has_unstored_edits(&setting).then_some(Leaving { setting, scene: Some(scene) })
    }

    /// Keeps what a switch took away, if there was anything.
    pub(super) fn keep_unstored(&mut self, leaving: Option<Leaving>) {
        if let Some(leaving) = leaving {
            let scene = leaving.scene.clone().unwrap_or_default();
            self.put_moment(self.unused_name(&format!("{scene}, changed")), leaving, true);
        }
    }

    /// Keeps values; those that a moment has already only for who asks for it.
    fn put_moment(&mut self, name: String, leaving: Leaving, is_automatic: bool) {
        let Leaving { setting, scene } = leaving;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let taken = since.as_ref().map_or(0, Duration::as_secs);
        let mut moment = MomentEntry { name, taken, is_automatic, scene, ..MomentEntry::default() };
        moment.set_setting(self.scene_of(&setting));
        let moments = &mut self.rig.rest.moments;
        let is_same = |known: &MomentEntry| (&known.values, &known.scene) == (&moment.values, &moment.scene);
        if is_automatic && moments.iter().any(is_same) {
            return;
        }
        if is_automatic {
            self.notices.push(Notice::MomentTaken { moment: moment.name.clone() });
        }
        moments.push(moment);
        while moments.iter().filter(|moment| moment.is_automatic).count() > AUTOMATIC_MOMENTS {
            if let Some(oldest) = moments.iter().position(|moment| moment.is_automatic) {
                moments.remove(oldest);
            }
        }
        self.snapshot.outdate();
    }

    /// A setting as a scene says it. Values that are not finite are no values.
    fn scene_of(&self, setting: &Setting) -> SceneEntry {
        let mut scene = SceneEntry::default();
        let mut edges: BTreeMap<EdgeId, Vec<Crosspoint>> = BTreeMap::new();
        for (&key, &value) in setting {
            match (key, value) {
                (Key::Parameter(node, id), Value::Parameter(value)) if value.is_finite() => {
                    let parameter = self.parameter_entry(node, id, value);
                    scene.parameters.push(SceneParameter { node: self.name(node), parameter });
                }
                (Key::Parameter(..), _) => {}
                (Key::Cell(edge, source, destination), Value::Cell(cell)) => {
                    edges.entry(edge).or_default().push(Crosspoint { source, destination, cell });
                }
                _ => self.put(&mut scene, key, value),
            }
        }
        let edges = edges.into_iter().filter_map(|(edge, cells)| {
            let edge = self.edge_entry(self.graph.edge(edge)?);
            Some(SceneCrosspoints { source: edge.source, destination: edge.destination, cells })
        });
        scene.crosspoints.extend(edges);
        scene
    }

    pub(crate) fn shown_moments(&self) -> Vec<MomentSnapshot> {
        let shown = |moment: &MomentEntry| MomentSnapshot {
            name: moment.name.clone(),
            taken: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(moment.taken)).filter(|_| moment.taken > 0),
            is_automatic: moment.is_automatic,
            scene: moment.scene.clone(),
        };
        self.rig.rest.moments.iter().map(shown).collect()
    }

    fn moment_place(&self, name: &str) -> Result<usize, EngineError> {
        let moments = &self.rig.rest.moments;
        moments.iter().position(|moment| moment.name == name).ok_or_else(|| EngineError::UnknownMoment {
            name: name.to_owned(),
            known: moments.iter().map(|moment| moment.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    fn check_moment_name(&self, name: &str) -> Result<(), EngineError> {
        check_title(name)?;
        match self.is_unused(name) {
            true => Ok(()),
            false => Err(EngineError::Title { name: name.to_owned(), problem: "is taken" }),
        }
    }

    fn is_unused(&self, name: &str) -> bool {
        self.rig.rest.moments.iter().all(|moment| moment.name != name)
    }

    fn unused_name(&self, name: &str) -> String {
        let others = (2..).map(|number| format!("{name} {number}"));
        std::iter::once(name.to_owned()).chain(others).find(|name| self.is_unused(name)).unwrap_or_default()
    }
}

/// A node was renamed: moments call it so too.
pub(super) fn rename_node(moments: &mut [MomentEntry], before: &str, after: &str) {
    change_settings(moments, |setting| setting.rename_node(before, after));
}

/// A group or mix was renamed.
pub(crate) fn rename_fader(moments: &mut [MomentEntry], before: &FaderPlace, after: &FaderPlace) {
    change_settings(moments, |setting| setting.rename_fader(before, after));
}

fn change_settings(moments: &mut [MomentEntry], mut change: impl FnMut(&mut SceneEntry)) {
    for moment in moments {
        // What cannot be read stays as it is.
        if let Ok(mut setting) = moment.setting() {
            change(&mut setting);
            moment.set_setting(setting);
        }
    }
}

/// Scenes were renamed: moments call them so too. Each is given as it was called, and as it is now.
pub(super) fn rename_scenes(moments: &mut [MomentEntry], renamed: &[(String, String)]) {
    for scene in moments.iter_mut().filter_map(|moment| moment.scene.as_mut()) {
        if let Some((_, after)) = renamed.iter().find(|(before, _)| before == scene) {
            scene.clone_from(after);
        }
    }
}

#[cfg(test)]
mod tests;
