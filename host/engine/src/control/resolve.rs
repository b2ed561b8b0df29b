//! From the names of a mapping to what the audio thread can use. What cannot be found is told; nothing is sent from here.

use super::binding::Way;
use super::compiled::Binding;
use super::domain;
use super::target::{CellTarget, Domain, Target, TargetKey};
use crate::builtin;
use crate::controllers::{Phase, Plugins};
use crate::engine::Engine;
use crate::matrix::FaderKey;
use crate::measurement::from_decibels;
use crate::session::{
    Behaviour, ControlAction, CrosspointPlace, EntryKind, FaderPlace, MappingEntry, MappingTarget, MessageKind,
    RangeEnd, TEMPO_RANGE,
};
use crosspoint_devices::midi::Direction;
use crosspoint_graph::{EdgeId, NodeId};
use std::collections::{BTreeMap, HashMap};

/// The tempo that a knob has, in quarter notes a minute.
const USUAL_TEMPO: (f64, f64) = (40.0, 240.0);

/// How it is with a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MappingCondition {
    /// It acts.
    Acts,
    /// It waits for one of its scenes.
    Rests,
    /// No port of its role is open: nothing can be heard.
    NoPort,
    /// What it controls is not there, or cannot be controlled so.
    Missing {
        /// What is missing, and what to do.
        reason: String,
    },
}

/// A target that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    key: TargetKey,
    domain: Domain,
    /// What of its values a control has unless a mapping says otherwise; none for all.
    usual: Option<(f64, f64)>,
    /// Whether a press sets one value, rather than the other one than now.
    is_set: bool,
    /// Whether numbers of a range are decibels.
    in_decibels: bool,
}

impl Found {
    fn new(key: TargetKey, domain: Domain) -> Self {
        Self { key, domain, usual: None, is_set: false, in_decibels: false }
    }
}

/// All that the mappings are for the rig as it is: what is compared to see whether the audio thread must know.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub bindings: Vec<Binding>,
    pub targets: Vec<Target>,
    /// How it is with each mapping.
    pub conditions: Vec<MappingCondition>,
    /// What each controls.
    pub keys: Vec<Option<TargetKey>>,
}

impl<P: Plugins> Engine<P> {
    /// Finds what the mappings speak of.
    pub(super) fn draft_mappings(&mut self) -> Draft {
        self.note_faders();
        let nodes = self.nodes_by_name();
        let mappings = std::mem::take(&mut self.rig.rest.mappings);
        let mut draft = Draft::default();
        let mut wanted: Vec<(usize, Binding, TargetKey)> = Vec::new();
        for (place, mapping) in mappings.iter().enumerate() {
            let resolved = self.resolve_mapping(mapping, &nodes);
            draft.keys.push(resolved.as_ref().ok().map(|(key, _)| *key));
            let condition = match resolved {
                Err(reason) => MappingCondition::Missing { reason },
                Ok((key, way)) => {
                    let role = self.midi.role_number(Direction::Input, &mapping.role);
                    let acts = self.is_scene_of(mapping);
                    if let Some(role) = role.filter(|_| acts) {
                        let feedback = mapping.feedback.as_deref();
                        let binding = Binding {
                            role,
                            message: mapping.message,
                            target: 0,
                            way,
                            pass_on: mapping.pass_on,
                            feedback: feedback.and_then(|role| self.midi.role_number(Direction::Output, role)),
                        };
                        wanted.push((place, binding, key));
                    }
                    match (self.midi.is_open(Direction::Input, &mapping.role), acts) {
                        (false, _) => MappingCondition::NoPort,
                        (true, false) => MappingCondition::Rests,
                        (true, true) => MappingCondition::Acts,
                    }
                }
            };
            draft.conditions.push(condition);
        }
        self.rig.rest.mappings = mappings;
        self.join_targets(&mut draft, wanted);
        draft
    }

    /// Gives each target a place, a crosspoint always one for its gain and one for its mute.
    fn join_targets(&self, draft: &mut Draft, wanted: Vec<(usize, Binding, TargetKey)>) {
        let mut keys: BTreeMap<TargetKey, u16> = BTreeMap::new();
        for &(_, _, key) in &wanted {
            keys.insert(key, 0);
            if let Some(other) = other_of_cell(key) {
                keys.insert(other, 0);
            }
        }
        for (place, number) in (0..).zip(keys.values_mut()) {
            *number = place;
        }
        for (_, mut binding, key) in wanted {
            binding.target = keys[&key];
            draft.bindings.push(binding);
        }
        for &key in keys.keys() {
            let cell = other_of_cell(key).map(|other| {
                let (invert, factor) = self.cell_is(key);
                CellTarget { invert, factor, other: keys[&other] }
            });
            let region = (key == TargetKey::Looping).then(|| self.transport.region()).flatten();
            let plan = self.control.plans.usable(key);
            let plan = plan.map(|(plan, destination)| (plan, self.start_at(destination)));
            draft.targets.push(Target { key, cell, region, plan });
        }
    }

    /// Whether one of a mapping's scenes plays, if it has any.
    fn is_scene_of(&self, mapping: &MappingEntry) -> bool {
        mapping.scenes.is_empty()
            || self.playing_scene().is_some_and(|name| mapping.scenes.iter().any(|scene| scene == name))
    }

    fn resolve_mapping(
        &mut self,
        mapping: &MappingEntry,
        nodes: &HashMap<String, NodeId>,
    ) -> Result<(TargetKey, Way), String> {
        let found = self.find_target(&mapping.target, nodes)?;
        let range = match mapping.range.filter(|_| found.domain != Domain::Deed) {
            None => found.usual,
            Some((from, to)) => Some((plain(from, &found)?, plain(to, &found)?)),
        };
        let behaviour = match (found.domain, mapping.behaviour) {
            (Domain::Deed, _) => Behaviour::Trigger,
            (_, Some(behaviour)) => behaviour,
            _ if found.is_set => Behaviour::Trigger,
            (Domain::Switch, None) => Behaviour::Toggle,
            (Domain::Whole(least, greatest), None) if (greatest - least).abs() == 1.0 => Behaviour::Toggle,
            (_, None) if matches!(mapping.message.kind, MessageKind::Program(_)) => Behaviour::Trigger,
            (_, None) => Behaviour::Absolute,
        };
        let scale = found.domain.scale(range);
        Ok((found.key, Way { behaviour, scale, curve: mapping.curve, pick_up: mapping.pick_up, step: mapping.step }))
    }

    fn find_target(&mut self, target: &MappingTarget, nodes: &HashMap<String, NodeId>) -> Result<Found, String> {
        let node = |name: &str| nodes.get(name).copied().ok_or_else(|| format!("there is no node \"{name}\""));
        match target {
            MappingTarget::Parameter { node: name, id, name: parameter } => {
                self.find_parameter(node(name)?, *id, parameter).map_err(|reason| format!("\"{name}\": {reason}"))
            }
            MappingTarget::Gain(place) => {
                let (edge, source, destination) = self.find_cell(place, nodes)?;
                let key = TargetKey::Gain(edge, source, destination);
                Ok(Found { in_decibels: true, ..Found::new(key, domain::CROSSPOINT) })
            }
            MappingTarget::Mute(place) => {
                let (edge, source, destination) = self.find_cell(place, nodes)?;
                Ok(Found::new(TargetKey::Mute(edge, source, destination), Domain::Switch))
            }
            MappingTarget::Bypass(name) => {
                let node = node(name)?;
                self.can_be_bypassed(node)
                    .then_some(Found::new(TargetKey::Bypass(node), Domain::Switch))
                    .ok_or_else(|| format!("\"{name}\" is no plugin, or a missing one: there is nothing to bypass"))
            }
            MappingTarget::FaderGain(place) => {
                let key = TargetKey::FaderGain(self.find_fader(place)?);
                Ok(Found { in_decibels: true, ..Found::new(key, domain::FADER) })
            }
            MappingTarget::FaderMute(place) => {
                Ok(Found::new(TargetKey::FaderMute(self.find_fader(place)?), Domain::Switch))
            }
            MappingTarget::Present(name) => {
                let node = node(name)?;
                self.can_be_away(node)
                    .then_some(Found::new(TargetKey::Present(node), Domain::Switch))
                    .ok_or_else(|| format!("\"{name}\" is an input or output of the rig, which is always there"))
            }
            MappingTarget::Scene(name) => {
                let is_there = self.rig.rest.scenes.iter().any(|scene| scene.name == *name);
                let key = TargetKey::Scene(self.control.number_of(name));
                is_there.then_some(Found::new(key, Domain::Deed)).ok_or_else(|| format!("there is no scene \"{name}\""))
            }
            MappingTarget::Song(name) => {
                let is_there = self.song_in_order(name).is_some();
                let key = TargetKey::Song(self.control.number_of(name));
                let missing = || format!("there is no song \"{name}\" in the setlist");
                is_there.then_some(Found::new(key, Domain::Deed)).ok_or_else(missing)
            }
            MappingTarget::Action(action) => Ok(of_action(*action, self.count_in_beats() as u16)),
        }
    }

    fn find_parameter(&self, node: NodeId, id: Option<u32>, name: &str) -> Result<Found, String> {
        let unknown = || match id {
            Some(id) => format!("it has no parameter {id}"),
            None => format!("it has no parameter \"{name}\""),
        };
        let Some(record) = self.records.get(&node) else {
            let Some(EntryKind::Builtin { builtin, .. }) = self.rig.entries.get(&node).map(|entry| &entry.kind) else {
                return Err("it has no parameters, or its plugin is missing".to_owned());
            };
            let parameters = builtin::parameters(builtin);
            let is_meant = |known: &&(String, u32)| id.map_or(known.0 == name, |id| known.1 == id);
            let &(_, id) = parameters.iter().find(is_meant).ok_or_else(unknown)?;
            let domain = domain::of_builtin(builtin, id).ok_or("this parameter is nothing for a control".to_owned())?;
            return Ok(Found::new(TargetKey::Parameter(node, id), domain));
        };
        let Some(description) = &record.description else {
            return Err(match &record.phase {
                Phase::Failed { reason } => format!("its plugin is missing: {reason}"),
                _ => "it is being loaded".to_owned(),
            });
        };
        let is_meant = |known: &&crosspoint_formats::Parameter| id.map_or(known.name == name, |id| known.id == id);
        let known = description.parameters.iter().find(is_meant).ok_or_else(unknown)?;
        match known.flags.read_only {
            true => Err(format!("\"{}\" tells something and cannot be set", known.name)),
            false => Ok(Found::new(TargetKey::Parameter(node, known.id), domain::of_parameter(known))),
        }
    }

    fn find_fader(&self, place: &FaderPlace) -> Result<FaderKey, String> {
        self.fader_key(place).ok_or_else(|| format!("there is no {place}"))
    }

    fn find_cell(
        &self,
        place: &CrosspointPlace,
        nodes: &HashMap<String, NodeId>,
    ) -> Result<(EdgeId, u16, u16), String> {
        let (from, to) = (&place.source.node, &place.destination.node);
        let (edge, ..) = self
            .edge_between(&place.source, &place.destination, nodes)
            .ok_or_else(|| format!("there is no edge {from} -> {to}"))?;
        let (source, destination) = (place.source_channel, place.destination_channel);
        let matrix = self.graph.edge(edge).and_then(|edge| edge.matrix());
        matrix.and_then(|matrix| matrix.get(source, destination)).ok_or_else(|| {
            let (source, destination) = (source + 1, destination + 1);
            format!("{from} -> {to} has nothing at the crosspoint {source}>{destination}; set it first")
        })?;
        Ok((edge, source as u16, destination as u16))
    }

    /// Whether a crosspoint is inverted, and what it is multiplied by to be heard.
    fn cell_is(&self, key: TargetKey) -> (bool, f32) {
        let (TargetKey::Gain(edge, source, destination) | TargetKey::Mute(edge, source, destination)) = key else {
            return (false, 1.0);
        };
        let cell = self.graph.edge(edge).and_then(|edge| edge.matrix()?.get(source.into(), destination.into()));
        (cell.is_some_and(|cell| cell.invert), self.heard_factor(edge, source.into(), destination.into()))
    }
}

/// The other target of the same crosspoint.
fn other_of_cell(key: TargetKey) -> Option<TargetKey> {
    match key {
        TargetKey::Gain(edge, source, destination) => Some(TargetKey::Mute(edge, source, destination)),
        TargetKey::Mute(edge, source, destination) => Some(TargetKey::Gain(edge, source, destination)),
        _ => None,
    }
}

/// An end of a range in the target's plain scale.
fn plain(end: RangeEnd, found: &Found) -> Result<f64, String> {
    match (end, found.domain) {
        (RangeEnd::Decibels(decibels), Domain::Gain(..)) => Ok(from_decibels(decibels)),
        (RangeEnd::Decibels(_), _) => {
            Err("a range in decibels is for gains; give numbers of the parameter's own scale".to_owned())
        }
        (RangeEnd::Plain(decibels), _) if found.in_decibels => Ok(from_decibels(decibels)),
        (RangeEnd::Plain(value), _) => Ok(value),
    }
}

/// `count_in` is the beats of a count-in.
fn of_action(action: ControlAction, count_in: u16) -> Found {
    let switch = |key| Found::new(key, Domain::Switch);
    let deed = |key| Found::new(key, Domain::Deed);
    match action {
        ControlAction::Play => Found { is_set: true, ..switch(TargetKey::Playing) },
        ControlAction::Stop => Found { is_set: true, usual: Some((1.0, 0.0)), ..switch(TargetKey::Playing) },
        ControlAction::PlayOrStop => switch(TargetKey::Playing),
        ControlAction::Loop => switch(TargetKey::Looping),
        ControlAction::Record => switch(TargetKey::Recording),
        ControlAction::MasterMute => switch(TargetKey::MasterMute),
        ControlAction::Tempo => {
            let domain = Domain::Even(TEMPO_RANGE.0, TEMPO_RANGE.1);
            Found { usual: Some(USUAL_TEMPO), ..Found::new(TargetKey::Tempo, domain) }
        }
        ControlAction::ToStart => deed(TargetKey::ToStart),
        ControlAction::TapTempo => deed(TargetKey::TapTempo),
        ControlAction::CountIn => deed(TargetKey::CountIn(count_in)),
        ControlAction::NextScene => deed(TargetKey::NextScene),
        ControlAction::PreviousScene => deed(TargetKey::PreviousScene),
        ControlAction::LeaveScene => deed(TargetKey::LeaveScene),
        ControlAction::NextSong => deed(TargetKey::NextSong),
        ControlAction::PreviousSong => deed(TargetKey::PreviousSong),
        ControlAction::Panic => deed(TargetKey::Panic),
    }
}
