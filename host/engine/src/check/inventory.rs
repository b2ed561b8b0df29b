//! What can be said of a rig before it sounds: what of its file could not be had, what is not connected on this machine,
//! what controls nothing. Plays nothing.

use super::report::{Finding, Findings, Severity};
use super::states::missing_files;
use crate::control::MappingCondition;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::rig::{Place, RigProblem};
use crate::session::{Builtin, EntryKind, HardwareSignal, Loaded, MachineFile, NodeEntry, State};
use crate::snapshot::Condition;
use std::collections::BTreeSet;

/// What was wrong with the file itself.
pub(super) fn of_file(loaded: &Loaded, findings: &mut Findings) {
    for problem in &loaded.problems {
        let advice = "correct the line; until then it has no effect, and is kept";
        let finding = Finding::new("file", problem.severity.into(), &problem.message, advice);
        findings.add(finding.on_line(Some(problem.line)));
    }
    for (place, entry) in loaded.document.nodes.iter().enumerate() {
        let EntryKind::Plugin(plugin) = &entry.kind else { continue };
        let line = loaded.node_lines.get(place).copied();
        match &plugin.state {
            Some(State::Unavailable { file }) => {
                let seen = format!("the state of \"{}\" is missing or damaged: {file}", entry.name);
                let advice = "copy it from where the rig was made; until then the plugin is as it starts";
                findings.add(
                    Finding::new("state-missing", Severity::Error, seen, advice).of_node(&entry.name).on_line(line),
                );
            }
            Some(State::Bytes(state)) => {
                for file in missing_files(state) {
                    let seen = format!("the state of \"{}\" names a file that is not there: {file}", entry.name);
                    let advice = "copy it there, or choose another one in the plugin";
                    findings.add(
                        Finding::new("file-missing", Severity::Warning, seen, advice)
                            .of_node(&entry.name)
                            .on_line(line),
                    );
                }
            }
            None => {}
        }
    }
}

/// What the rig's roles are on this machine.
pub(super) fn of_machine(loaded: &Loaded, machine: &MachineFile, findings: &mut Findings) {
    let mapping = machine.map(&loaded.document);
    let in_file = "say in the machine file which channels it is";
    for (kind, roles) in [("input", &mapping.inputs), ("output", &mapping.outputs)] {
        for (role, channels) in roles {
            let known = machine.roles.get(role).map(|role| if kind == "input" { &role.inputs } else { &role.outputs });
            if known.is_none_or(Vec::is_empty) {
                let seen = format!("the {kind} \"{role}\" is not mapped on this machine; channels are assumed");
                findings.add(Finding::new("role-unmapped", Severity::Note, seen, in_file).of_node(role));
            } else if channels.contains(&None) {
                let lost = channels.iter().filter(|channel| channel.is_none()).count();
                let seen = format!("{lost} of {} channels of the {kind} \"{role}\" are not connected", channels.len());
                findings.add(Finding::new("role-unconnected", Severity::Warning, seen, in_file).of_node(role));
            }
        }
    }
    let mapped: BTreeSet<&str> = loaded.document.mappings.iter().map(|mapping| mapping.role.as_str()).collect();
    for node in &loaded.document.nodes {
        let (role, direction, known) = match &node.kind {
            EntryKind::Input { role, signal: HardwareSignal::Events } => (role, "input", &mapping.midi_inputs),
            EntryKind::Output { role, signal: HardwareSignal::Events, .. } => (role, "output", &mapping.midi_outputs),
            _ => continue,
        };
        if !known.contains_key(role) {
            let seen = format!("no MIDI port is the {direction} \"{role}\" on this machine");
            let advice = format!("name it in the machine file: midi_{direction} under [roles.{role}]");
            findings.add(Finding::new("midi-role-unmapped", Severity::Note, seen, advice).of_node(role));
        }
        let is_joined = loaded.document.edges.iter().any(|edge| {
            let end = if direction == "input" { &edge.source } else { &edge.destination };
            end.node == node.name
        });
        let is_control = direction == "input" && mapped.contains(role.as_str());
        if !is_joined && !is_control {
            let seen = format!("nothing uses the MIDI {direction} \"{}\"", node.name);
            let advice = "join it to a node or map its messages, or remove it";
            findings.add(Finding::new("midi-role-unused", Severity::Warning, seen, advice).of_node(&node.name));
        }
    }
    for role in mapped.into_iter().filter(|role| !mapping.midi_inputs.contains_key(*role)) {
        let seen = format!("mappings of \"{role}\" hear nothing: no MIDI port is that role on this machine");
        let advice = format!("name it in the machine file: midi_input under [roles.{role}]");
        findings.add(Finding::new("controller-unheard", Severity::Warning, seen, advice).of_node(role));
    }
}

impl<P: Plugins> Engine<P> {
    /// What of the rig is missing now that it is loaded.
    pub(super) fn take_inventory(&mut self, loaded: &Loaded, problems: &[RigProblem], findings: &mut Findings) {
        for problem in problems {
            let (line, entry) = match problem.place {
                Place::Node(place) => (loaded.node_lines.get(place), loaded.document.nodes.get(place)),
                Place::Edge(place) => (loaded.edge_lines.get(place), None),
            };
            let (code, advice) = self.kind_of_problem(entry);
            let finding = Finding::new(code, Severity::Error, &problem.message, advice).on_line(line.copied());
            findings.add(match entry {
                Some(entry) => finding.of_node(&entry.name),
                None => finding,
            });
        }
        let snapshot = self.look();
        for (place, scene) in snapshot.scenes.scenes.iter().enumerate() {
            for missing in &scene.missing {
                let seen = format!("scene \"{}\": {missing}", scene.name);
                let advice = "store the scene anew, or bring back what it speaks of";
                let line = loaded.scene_lines.get(place).copied();
                findings.add(Finding::new("scene-incomplete", Severity::Error, seen, advice).on_line(line));
            }
        }
        for (place, mapping) in snapshot.mappings.mappings.iter().enumerate() {
            if let MappingCondition::Missing { reason } = &mapping.condition {
                let seen = format!("a mapping of \"{}\" controls nothing: {reason}", mapping.mapping.role);
                let line = loaded.mapping_lines.get(place).copied();
                let advice = "map it anew, or remove it";
                findings.add(Finding::new("mapping-missing", Severity::Error, seen, advice).on_line(line));
            }
        }
    }

    fn kind_of_problem(&self, entry: Option<&NodeEntry>) -> (&'static str, &'static str) {
        let Some(entry) = entry else {
            return ("edge", "join them anew, or bring back the port that it led to");
        };
        let node = self.graph.nodes().find(|(_, node)| node.name == entry.name).map(|(id, _)| id);
        let is_missing = node.is_some_and(|node| matches!(self.look_at(node).condition, Condition::Missing { .. }));
        match &entry.kind {
            EntryKind::Plugin(_) if is_missing => {
                ("plugin-missing", "install it and run `crosspoint plugins scan`, or replace it in the rig")
            }
            EntryKind::Builtin { builtin: Builtin::Player { .. }, .. } if node.is_none() => {
                ("file-missing", "copy the file there, or choose another one")
            }
            _ => ("node-setup", "set it anew and save the rig"),
        }
    }
}
