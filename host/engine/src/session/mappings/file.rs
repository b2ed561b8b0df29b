//! Mappings from and to the tables of a rig file: leniently read, canonically written.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::super::fields::{Fields, number, whole};
use super::super::problem::{Report, Severity};
use super::super::scenes::{endpoint, read_names};
use super::super::write::{Table, float, quoted};
use super::super::{EndpointEntry, read, words};
use super::{
    Behaviour, ControlAction, ControlMessage, CrosspointPlace, Curve, DEFAULT_STEP, FaderPlace, MappingEntry,
    MappingTarget, PickUp, RangeEnd, meaning, word,
};

/// The keys of targets, of which a mapping has one.
const TARGETS: [&str; 8] = ["parameter", "gain", "mute", "bypass", "present", "scene", "song", "action"];

/// What else a rig has, by name, for mappings to speak of.
pub(in super::super) struct Names<'n> {
    pub nodes: &'n BTreeSet<String>,
    pub scenes: &'n BTreeSet<String>,
    pub songs: &'n BTreeSet<String>,
    pub faders: &'n BTreeSet<FaderPlace>,
}

/// The mapping that a table says, unless it does not say what controls what.
pub(in super::super) fn read_mapping(
    mut fields: Fields<'_>,
    report: &mut Report<'_>,
    names: &Names<'_>,
) -> Option<MappingEntry> {
    let role = fields.string(report, "role");
    let missing = |report: &mut Report<'_>, fields: &Fields<'_>, what: &str| {
        let message = format!("a mapping needs {what}; it has no effect and is kept");
        report.add(Severity::Error, fields.span.clone(), message);
    };
    if role.is_empty() {
        missing(report, &fields, "`role`, the one of the MIDI ports that it listens to");
    }
    let message = match fields.text(report, "message") {
        None => {
            missing(report, &fields, "`message`, such as \"cc 7 channel 1\"");
            None
        }
        Some((text, span)) => {
            let message = text.parse::<ControlMessage>();
            if let Err(error) = message {
                report.add(Severity::Error, span, format!("{error}; the mapping has no effect and is kept"));
            }
            message.ok()
        }
    };
    let said = TARGETS.iter().filter(|key| fields.value(key).is_some()).count();
    let target = match said {
        1 => target(&mut fields, report),
        _ => {
            missing(
                report,
                &fields,
                &format!("one target and no more: {}", TARGETS.map(|key| format!("`{key}`")).join(", ")),
            );
            None
        }
    };
    let (message, target) = (message?, target?);
    if role.is_empty() {
        return None;
    }
    told_if_unknown(&fields, report, &target, names);
    let behaviour = choice(&mut fields, report, "behaviour", &Behaviour::ALL);
    let is_step = |step: &f64| *step > 0.0 && *step <= 1.0;
    let step = fields.read(report, "step", "a number above 0, at most 1", |value| number(value).filter(is_step));
    let range =
        fields.read(report, "range", "two numbers or decibels such as [\"-inf dB\", \"6 dB\"]", |value| match &**value
            .as_array(
        )? {
            [from, to] => Some((range_end(from.get_ref())?, range_end(to.get_ref())?)),
            _ => None,
        });
    let scenes = read_names(&mut fields, report, "scenes", "scene", names.scenes);
    Some(MappingEntry {
        role,
        message,
        target,
        behaviour,
        step: step.unwrap_or(DEFAULT_STEP),
        range,
        curve: choice(&mut fields, report, "curve", &Curve::ALL).unwrap_or_default(),
        pick_up: choice(&mut fields, report, "pick_up", &PickUp::ALL).unwrap_or_default(),
        scenes,
        pass_on: fields.flag(report, "pass_on"),
        feedback: fields.text(report, "feedback").map(|(role, _)| role.to_owned()).filter(|role| !role.is_empty()),
        note: read::note(&mut fields, report),
        extra: fields.finish(report),
    })
}

fn target(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<MappingTarget> {
    let wanted = "a node and its parameter such as { node = \"amp\", name = \"Drive\" }";
    if let Some(target) = fields.read(report, "parameter", wanted, parameter) {
        return Some(target);
    }
    let wanted = "a crosspoint such as { from = \"amp\", to = \"cabinet\", cell = \"1>1\" }, or { group = \"Drums\" }, or \
        { mix = \"Ann\" }";
    let kinds = [
        ("gain", MappingTarget::Gain as fn(_) -> _, MappingTarget::FaderGain as fn(_) -> _),
        ("mute", MappingTarget::Mute, MappingTarget::FaderMute),
    ];
    for (key, of_cell, of_fader) in kinds {
        let of_fader = |value: &DeValue<'_>| fader(value.as_table()?, &[]).map(of_fader);
        let place = |value: &DeValue<'_>| crosspoint(value).map(of_cell).or_else(|| of_fader(value));
        if let Some(target) = fields.read(report, key, wanted, place) {
            return Some(target);
        }
    }
    for (key, kind) in [
        ("bypass", MappingTarget::Bypass as fn(_) -> _),
        ("present", MappingTarget::Present),
        ("scene", MappingTarget::Scene),
        ("song", MappingTarget::Song),
    ] {
        if let Some((name, _)) = fields.text(report, key) {
            return Some(kind(name.to_owned()));
        }
    }
    choice(fields, report, "action", &ControlAction::ALL).map(MappingTarget::Action)
}

fn told_if_unknown(fields: &Fields<'_>, report: &mut Report<'_>, target: &MappingTarget, names: &Names<'_>) {
    let mut tell = |key: &str, is_known: bool, what: String| {
        if !is_known {
            let message = format!("there is no {what}; the mapping has no effect and is kept");
            fields.complain(report, Severity::Warning, key, message);
        }
    };
    let mut tell_node = |key: &str, name: &String| tell(key, names.nodes.contains(name), format!("node `{name}`"));
    match target {
        MappingTarget::Parameter { node, .. } => tell_node("parameter", node),
        MappingTarget::Gain(place) | MappingTarget::Mute(place) => {
            let key = if matches!(target, MappingTarget::Gain(_)) { "gain" } else { "mute" };
            tell_node(key, &place.source.node);
            tell_node(key, &place.destination.node);
        }
        MappingTarget::FaderGain(place) => tell("gain", names.faders.contains(place), place.to_string()),
        MappingTarget::FaderMute(place) => tell("mute", names.faders.contains(place), place.to_string()),
        MappingTarget::Bypass(node) => tell_node("bypass", node),
        MappingTarget::Present(node) => tell_node("present", node),
        MappingTarget::Scene(scene) => tell("scene", names.scenes.contains(scene), format!("scene `{scene}`")),
        MappingTarget::Song(song) => tell("song", names.songs.contains(song), format!("song `{song}`")),
        MappingTarget::Action(_) => {}
    }
}

fn parameter(value: &DeValue<'_>) -> Option<MappingTarget> {
    let table = value.as_table()?;
    only(table, &["node", "id", "name"])?;
    let id = match table.get("id") {
        None => None,
        Some(id) => Some(whole(id.get_ref())?),
    };
    let name = table.get("name").map_or(Some(""), |name| name.get_ref().as_str())?.to_owned();
    let node = text(table, "node")?.to_owned();
    (id.is_some() || !name.is_empty()).then_some(MappingTarget::Parameter { node, id, name })
}

/// A crosspoint by its place.
pub(in super::super) fn crosspoint(value: &DeValue<'_>) -> Option<CrosspointPlace> {
    let table = value.as_table()?;
    only(table, &["from", "to", "cell"])?;
    let cell = text(table, "cell")?;
    let at = words::crosspoint(cell)?;
    // A gain or mute behind the channels would be lost.
    let is_place = cell.split_whitespace().count() == 1;
    is_place.then_some(CrosspointPlace {
        source: endpoint(text(table, "from")?)?,
        destination: endpoint(text(table, "to")?)?,
        source_channel: at.source,
        destination_channel: at.destination,
    })
}

/// A fader by the name of its group or mix, of which a table says no more than these other keys.
pub(in super::super) fn fader(table: &DeTable<'_>, others: &[&str]) -> Option<FaderPlace> {
    let name = |key| Some(text(table, key)?.to_owned());
    let (key, place) = match name("group") {
        Some(group) => ("group", FaderPlace::Group(group)),
        None => ("mix", FaderPlace::Mix(name("mix")?)),
    };
    only(table, &[&[key], others].concat())?;
    Some(place)
}

/// Writes what [`fader`] reads.
pub(in super::super) fn fader_text(place: &FaderPlace) -> String {
    match place {
        FaderPlace::Group(name) => format!("group = {}", quoted(name)),
        FaderPlace::Mix(name) => format!("mix = {}", quoted(name)),
    }
}

pub(in super::super) fn only(table: &DeTable<'_>, keys: &[&str]) -> Option<()> {
    table.keys().all(|key| keys.contains(&key.get_ref().as_ref())).then_some(())
}

pub(in super::super) fn text<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    table.get(key)?.get_ref().as_str()
}

/// The meaning of a key's word.
fn choice<T: Copy>(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    key: &'static str,
    all: &[(T, &'static str)],
) -> Option<T> {
    let words: Vec<String> = all.iter().map(|(_, word)| format!("\"{word}\"")).collect();
    let wanted = format!("one of {}", words.join(", "));
    fields.read(report, key, &wanted, |value| meaning(all, value.as_str()?))
}

fn range_end(value: &DeValue<'_>) -> Option<RangeEnd> {
    let Some(text) = value.as_str() else { return number(value).map(RangeEnd::Plain) };
    let decibels: f64 = text.strip_suffix("dB")?.trim_end().parse().ok()?;
    (decibels < f64::INFINITY).then_some(RangeEnd::Decibels(decibels))
}

fn range_end_text(end: RangeEnd) -> String {
    match end {
        RangeEnd::Plain(value) => float(value),
        RangeEnd::Decibels(decibels) => quoted(&format!("{decibels} dB")),
    }
}

/// Writes a mapping's table.
pub(in super::super) fn write_mapping(text: &mut String, mapping: &MappingEntry) {
    text.push_str("\n[[mapping]]\n");
    let mut fields = Table::new(text, &mapping.extra);
    fields.put("role", quoted(&mapping.role));
    fields.put("message", quoted(&mapping.message.to_string()));
    match &mapping.target {
        MappingTarget::Parameter { node, id, name } => {
            let id = id.map(|id| format!("id = {id}"));
            let name = (!name.is_empty()).then(|| format!("name = {}", quoted(name)));
            let parts: Vec<String> = [format!("node = {}", quoted(node))].into_iter().chain(id).chain(name).collect();
            fields.put("parameter", format!("{{ {} }}", parts.join(", ")));
        }
        MappingTarget::Gain(place) => fields.put("gain", crosspoint_text(place)),
        MappingTarget::Mute(place) => fields.put("mute", crosspoint_text(place)),
        MappingTarget::FaderGain(place) => fields.put("gain", format!("{{ {} }}", fader_text(place))),
        MappingTarget::FaderMute(place) => fields.put("mute", format!("{{ {} }}", fader_text(place))),
        MappingTarget::Bypass(node) => fields.put("bypass", quoted(node)),
        MappingTarget::Present(node) => fields.put("present", quoted(node)),
        MappingTarget::Scene(scene) => fields.put("scene", quoted(scene)),
        MappingTarget::Song(song) => fields.put("song", quoted(song)),
        MappingTarget::Action(action) => fields.put("action", quoted(word(&ControlAction::ALL, action))),
    }
    if let Some(behaviour) = &mapping.behaviour {
        fields.put("behaviour", quoted(word(&Behaviour::ALL, behaviour)));
    }
    if mapping.step != DEFAULT_STEP {
        fields.put("step", float(mapping.step));
    }
    if let Some((from, to)) = mapping.range {
        fields.put("range", format!("[{}, {}]", range_end_text(from), range_end_text(to)));
    }
    if mapping.curve != Curve::default() {
        fields.put("curve", quoted(word(&Curve::ALL, &mapping.curve)));
    }
    if mapping.pick_up != PickUp::default() {
        fields.put("pick_up", quoted(word(&PickUp::ALL, &mapping.pick_up)));
    }
    if !mapping.scenes.is_empty() {
        fields.list("scenes", mapping.scenes.iter().map(|scene| quoted(scene)).collect());
    }
    if mapping.pass_on {
        fields.put("pass_on", true);
    }
    if let Some(role) = &mapping.feedback {
        fields.put("feedback", quoted(role));
    }
    fields.note(&mapping.note);
    fields.finish();
}

/// Writes what [`crosspoint`] reads.
pub(in super::super) fn crosspoint_text(place: &CrosspointPlace) -> String {
    let end = |end: &EndpointEntry| quoted(&format!("{}{}", end.node, end.port));
    let cell = format!("{}>{}", u64::from(place.source_channel) + 1, u64::from(place.destination_channel) + 1);
    format!("{{ from = {}, to = {}, cell = {} }}", end(&place.source), end(&place.destination), quoted(&cell))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::problem::Severity;
    use super::super::super::{read, write};

    // What cannot be meant is told with its line and kept: a mapping that says what controls what is there, with what of it
    // could be understood.
    #[test]
    fn every_problem_of_a_mapping_has_its_line() {
        let text = "crosspoint = 1\n\n[[mapping]]\nrole = \"pedal\"\nmessage = \"cc 200\"\naction = \"play\"\n\n\
                    [[mapping]]\nrole = \"pedal\"\nmessage = \"cc 20\"\naction = \"play\"\nbypass = \"amp\"\n\n\
                    [[mapping]]\nmessage = \"cc 20\"\naction = \"play\"\n\n\
                    [[mapping]]\nrole = \"pedal\"\nmessage = \"cc 20\"\nbypass = \"amp\"\nbehaviour = \"wild\"\nstep = 2\n\
                    range = [1]\nscenes = [\"gone\"]\nlater = 1\n";
        let folder = Path::new("/nowhere");
        let loaded = read::parse(text, folder).unwrap();
        let lines: Vec<(usize, Severity)> = loaded.problems.iter().map(|told| (told.line, told.severity)).collect();
        use Severity::{Error, Notice, Warning};
        let expected = [(5, Error), (8, Error), (14, Error), (21, Warning), (22, Error), (23, Error), (24, Error)];
        assert_eq!(lines[..7], expected, "{:#?}", loaded.problems);
        assert_eq!(lines[7..], [(25, Warning), (26, Notice)], "{:#?}", loaded.problems);
        assert_eq!((loaded.document.mappings.len(), loaded.document.unreadable_mappings.len()), (1, 3));
        assert_eq!(loaded.mapping_lines, [18]);
        let written = write::document(&loaded.document, folder, "x.state").unwrap();
        for kept in [
            "behaviour = \"wild\"",
            "step = 2",
            "range = [1]",
            "later = 1",
            "message = \"cc 200\"",
            "scenes = [\"gone\"]",
        ] {
            assert!(written.contains(kept), "{kept} in\n{written}");
        }
    }
}
