//! The machine file: which device this machine uses and which of its channels play which role, so that one rig file
//! fits every machine. Never asks a device whether it has these channels.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::disk::{Disk, SystemDisk, folder_of, write_whole};
use super::document::{Document, EntryKind, HardwareSignal};
use super::fields::{Fields, whole};
use super::file::{SaveError, old_text, text};
use super::folders::{Purpose, folder};
use super::problem::{LoadError, Problem, Report, Severity};
use super::read::{syntax, version};
use super::write::{key, quoted};

/// The version of the machine file that this program writes.
const VERSION: u32 = 1;
/// The key of the version.
const VERSION_KEY: &str = "crosspoint_machine";
/// Above the greatest number of a device's channel.
const CHANNEL_LIMIT: u32 = 1 << 16;

/// What is particular to this machine.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MachineFile {
    /// The device to open.
    pub device: DeviceChoice,
    /// What the roles of rigs are here.
    pub roles: BTreeMap<String, Role>,
    /// Whether it comes from a newer version and so cannot be saved.
    pub newer: bool,
    /// Keys that this version does not know or could not read. Written back as they were.
    pub extra: toml::Table,
}

/// Which device to open and how. What is `None` is left to the program.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DeviceChoice {
    /// The backend, such as `jack`.
    pub backend: Option<String>,
    /// The device's name within the backend.
    pub name: Option<String>,
    /// Frames a second.
    pub rate: Option<u32>,
    /// Frames a buffer.
    pub buffer: Option<u32>,
    /// Keys that this version does not know or could not read.
    pub extra: toml::Table,
}

/// What a role is on this machine. Device channels are counted from 0 here, from 1 in the file; `None`, 0 in the file,
/// is not connected.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Role {
    /// The device's input channels.
    pub inputs: Vec<Option<u32>>,
    /// The device's output channels.
    pub outputs: Vec<Option<u32>>,
    /// The names of MIDI inputs, all of which play the role. One is a text in the file, several are a list.
    pub midi_input: Vec<String>,
    /// The names of MIDI outputs, all of which the role plays.
    pub midi_output: Vec<String>,
    /// Keys that this version does not know or could not read.
    pub extra: toml::Table,
}

/// What a rig's roles are on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mapping {
    /// Of each role of an audio input: its device channels, as many as its widest node has.
    pub inputs: BTreeMap<String, Vec<Option<u32>>>,
    /// Of each role of an audio output: its device channels, as many as its widest node has.
    pub outputs: BTreeMap<String, Vec<Option<u32>>>,
    /// Of each role of an event input that has any: the MIDI ports.
    pub midi_inputs: BTreeMap<String, Vec<String>>,
    /// Of each role of an event output that has any: the MIDI ports.
    pub midi_outputs: BTreeMap<String, Vec<String>>,
    /// What was assumed or is not connected, for people.
    pub notices: Vec<String>,
}

/// A machine file that was read.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LoadedMachine {
    /// What could be understood; the rest is in it too, for the next save.
    pub machine: MachineFile,
    /// All that is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

impl MachineFile {
    /// Where it is: `crosspoint/machine.toml` in `$XDG_CONFIG_HOME` or `~/.config`, on Windows in `%APPDATA%`, on macOS
    /// in `~/Library/Application Support`. `None` if the environment does not say.
    pub fn default_path() -> Option<PathBuf> {
        Some(folder(Purpose::Configuration, |name| env::var_os(name))?.join("crosspoint").join("machine.toml"))
    }

    /// Loads a machine file. One that does not exist is empty.
    ///
    /// # Errors
    /// If it cannot be read or is not TOML. Anything else is among the problems.
    pub fn load(path: &Path) -> Result<LoadedMachine, LoadError> {
        match text(path) {
            Err(LoadError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(LoadedMachine::default()),
            text => Self::parse(&text?),
        }
    }

    /// Reads the text of a machine file.
    ///
    /// # Errors
    /// [`LoadError::Syntax`] if it is not TOML. Anything else is among the problems.
    pub fn parse(text: &str) -> Result<LoadedMachine, LoadError> {
        let root = syntax(text)?;
        let mut report = Report::new(text);
        let mut fields = Fields::new(root.get_ref(), 0..0);
        let newer = fields.value(VERSION_KEY).is_some_and(|value| version(value.get_ref()) > VERSION);
        if newer {
            let message = format!("the file is of a newer version than {VERSION} and will not be saved over");
            fields.complain(&mut report, Severity::Warning, VERSION_KEY, message);
        }
        let mut machine = Self { newer, ..Self::default() };
        if let Some(table) = fields.read(&mut report, "device", "a table", DeValue::as_table) {
            machine.device = device(Fields::new(table, 0..0), &mut report);
        }
        if let Some(table) = fields.read(&mut report, "roles", "a table", DeValue::as_table) {
            for (name, value) in table.iter() {
                match value.get_ref().as_table() {
                    Some(content) => {
                        let role = role(Fields::new(content, value.span()), &mut report);
                        machine.roles.insert(name.get_ref().clone().into_owned(), role);
                    }
                    None => report.add(Severity::Error, value.span(), "a role must be a table; it is left out"),
                }
            }
        }
        machine.extra = fields.finish(&mut report);
        Ok(LoadedMachine { machine, problems: report.finish() })
    }

    /// The text of the file: same content, same bytes.
    pub fn to_text(&self) -> String {
        let mut text = format!("{VERSION_KEY} = {VERSION}\n");
        write_extra(&mut text, &self.extra, &[VERSION_KEY, "device", "roles"]);
        let device = &self.device;
        let lines = [
            device.backend.as_deref().map(|backend| ("backend", quoted(backend))),
            device.name.as_deref().map(|name| ("name", quoted(name))),
            device.rate.map(|rate| ("rate", rate.to_string())),
            device.buffer.map(|buffer| ("buffer", buffer.to_string())),
        ];
        if self.device != DeviceChoice::default() {
            write_table(&mut text, "device", &lines, &device.extra);
        }
        for (name, role) in &self.roles {
            let lines = [
                (!role.inputs.is_empty()).then(|| ("inputs", channels_text(&role.inputs))),
                (!role.outputs.is_empty()).then(|| ("outputs", channels_text(&role.outputs))),
                ports_text(&role.midi_input).map(|ports| ("midi_input", ports)),
                ports_text(&role.midi_output).map(|ports| ("midi_output", ports)),
            ];
            write_table(&mut text, &format!("roles.{}", key(name)), &lines, &role.extra);
        }
        text
    }

    /// Saves the file, whole or not at all, and makes its folder if there is none. Comments in the old one are lost.
    ///
    /// # Errors
    /// If it, or the file it would replace, is of a newer version, or the system refuses.
    pub fn save(&self, path: &Path) -> Result<(), SaveError> {
        if self.newer {
            return Err(SaveError::NewerDocument);
        }
        old_text(path, VERSION, VERSION_KEY)?;
        let folder = folder_of(path);
        let written = SystemDisk.create_folder(&folder);
        let written = written.and_then(|()| write_whole(&SystemDisk, path, self.to_text().as_bytes()));
        written
            .and_then(|()| SystemDisk.sync_folder(&folder))
            .map_err(|source| SaveError::Write { path: path.to_owned(), source })
    }

    /// Maps the roles of a rig. One that is not in the file gets the first run of consecutive channels that no other role
    /// of the rig has, with a notice.
    pub fn map(&self, document: &Document) -> Mapping {
        let mut mapping = Mapping::default();
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut midi = |direction: &str, role: &str| {
            let here = self.roles.get(role);
            let (ports, mapped) = match direction {
                "input" => (here.map(|role| &role.midi_input), &mut mapping.midi_inputs),
                _ => (here.map(|role| &role.midi_output), &mut mapping.midi_outputs),
            };
            if let Some(ports) = ports.filter(|ports| !ports.is_empty()) {
                mapped.insert(role.to_owned(), ports.clone());
                return;
            }
            let notice = format!(
                "the MIDI {direction} `{role}` is not connected on this machine; name its port as `midi_{direction}` of the role"
            );
            // Several nodes and a clock may have one role.
            if !mapping.notices.contains(&notice) {
                mapping.notices.push(notice);
            }
        };
        for node in &document.nodes {
            match &node.kind {
                EntryKind::Input { role, signal: HardwareSignal::Audio(layout) } => {
                    inputs.push((role.as_str(), layout.channels() as usize));
                }
                EntryKind::Output { role, signal: HardwareSignal::Audio(layout), .. } => {
                    outputs.push((role.as_str(), layout.channels() as usize));
                }
                EntryKind::Input { role, signal: HardwareSignal::Events } => midi("input", role),
                EntryKind::Output { role, signal: HardwareSignal::Events, .. } => midi("output", role),
                _ => {}
            }
        }
        let transport = &document.transport;
        transport.clock_from.iter().for_each(|role| midi("input", role));
        transport.clock_to.iter().for_each(|role| midi("output", role));
        // Controls need no node of the rig: their messages act by mappings alone.
        for control in &document.mappings {
            let ends = [
                ("input", Some(&control.role), &mut mapping.midi_inputs),
                ("output", control.feedback.as_ref(), &mut mapping.midi_outputs),
            ];
            for (direction, role, mapped) in ends {
                let Some((role, here)) = role.and_then(|role| Some((role, self.roles.get(role)?))) else { continue };
                let ports = if direction == "input" { &here.midi_input } else { &here.midi_output };
                if !ports.is_empty() {
                    mapped.insert(role.clone(), ports.clone());
                }
            }
        }
        let notices = &mut mapping.notices;
        let inputs_of = |role: &str| self.roles.get(role).map_or(&[][..], |role| &role.inputs);
        let outputs_of = |role: &str| self.roles.get(role).map_or(&[][..], |role| &role.outputs);
        mapping.inputs = map_channels("input", &inputs, inputs_of, notices);
        mapping.outputs = map_channels("output", &outputs, outputs_of, notices);
        mapping
    }
}

/// The device channels of each role, of which there may be several nodes.
fn map_channels<'f>(
    direction: &str,
    nodes: &[(&str, usize)],
    in_file: impl Fn(&str) -> &'f [Option<u32>],
    notices: &mut Vec<String>,
) -> BTreeMap<String, Vec<Option<u32>>> {
    let mut widths: BTreeMap<&str, usize> = BTreeMap::new();
    for (role, channels) in nodes {
        let width = widths.entry(role).or_default();
        *width = (*width).max(*channels);
    }
    let mut taken: BTreeSet<u32> = widths.keys().flat_map(|role| in_file(role).iter().copied().flatten()).collect();
    let mut mapping = BTreeMap::new();
    // In the order of the rig, so that its first role gets the first channels.
    for (role, _) in nodes {
        let Some(width) = widths.remove(role) else { continue };
        let mut channels = in_file(role).to_vec();
        if channels.is_empty() {
            let first = first_free(&taken, width as u32);
            channels = (first..first + width as u32).map(Some).collect();
            taken.extend(channels.iter().copied().flatten());
            let last = first + width as u32;
            let span = if width == 1 { format!("channel {last}") } else { format!("channels {} to {last}", first + 1) };
            notices.push(format!("the {direction} `{role}` is not mapped on this machine; it is taken as {span}"));
        } else if channels.len() < width {
            let given = channels.len();
            notices.push(format!(
                "the {direction} `{role}` has {width} channels, {given} of them mapped on this machine; the rest is not \
                 connected"
            ));
        }
        channels.resize(width, None);
        mapping.insert((*role).to_owned(), channels);
    }
    mapping
}

/// The lowest channel that begins a run of so many free ones.
fn first_free(taken: &BTreeSet<u32>, width: u32) -> u32 {
    let mut first = 0;
    for &channel in taken {
        if channel >= first + width {
            break;
        }
        first = channel + 1;
    }
    first
}

fn device(mut fields: Fields<'_>, report: &mut Report<'_>) -> DeviceChoice {
    DeviceChoice {
        backend: fields.text(report, "backend").map(|(text, _)| text.to_owned()),
        name: fields.text(report, "name").map(|(text, _)| text.to_owned()),
        rate: fields.whole(report, "rate", 1..10_000_001),
        buffer: fields.whole(report, "buffer", 1..(1 << 20) + 1),
        extra: fields.finish(report),
    }
}

fn role(mut fields: Fields<'_>, report: &mut Report<'_>) -> Role {
    Role {
        inputs: channels(&mut fields, report, "inputs"),
        outputs: channels(&mut fields, report, "outputs"),
        midi_input: ports(&mut fields, report, "midi_input"),
        midi_output: ports(&mut fields, report, "midi_output"),
        extra: fields.finish(report),
    }
}

fn channels(fields: &mut Fields<'_>, report: &mut Report<'_>, key: &'static str) -> Vec<Option<u32>> {
    let wanted = format!("channels of the device from 1 to {CHANNEL_LIMIT}, 0 for none");
    let channels = fields.read(report, key, &format!("a list of {wanted}"), |value| {
        let numbers = value.as_array()?.iter().map(|value| whole(value.get_ref()).filter(|n| *n <= CHANNEL_LIMIT));
        // All or nothing: a channel left out would shift those after it.
        numbers.map(|number| number.map(|number| number.checked_sub(1))).collect::<Option<Vec<_>>>()
    });
    channels.unwrap_or_default()
}

fn ports(fields: &mut Fields<'_>, report: &mut Report<'_>, key: &'static str) -> Vec<String> {
    let ports = fields.read(report, key, "the name of a MIDI port, or a list of names", |value| {
        let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        match value.as_array() {
            Some(list) => list.iter().map(|value| text(value.get_ref())).collect(),
            None => text(value).map(|port| vec![port]),
        }
    });
    ports.unwrap_or_default()
}

fn ports_text(ports: &[String]) -> Option<String> {
    match ports {
        [] => None,
        [port] => Some(quoted(port)),
        ports => Some(format!("[{}]", ports.iter().map(|port| quoted(port)).collect::<Vec<_>>().join(", "))),
    }
}

fn channels_text(channels: &[Option<u32>]) -> String {
    let numbers: Vec<String> =
        channels.iter().map(|channel| channel.map_or(0, |channel| u64::from(channel) + 1).to_string()).collect();
    format!("[{}]", numbers.join(", "))
}

fn write_table(text: &mut String, header: &str, lines: &[Option<(&str, String)>], extra: &toml::Table) {
    let _ = write!(text, "\n[{header}]\n");
    for (key, value) in lines.iter().flatten() {
        let _ = writeln!(text, "{key} = {value}");
    }
    let written: Vec<&str> = lines.iter().flatten().map(|(key, _)| *key).collect();
    write_extra(text, extra, &written);
}

fn write_extra(text: &mut String, extra: &toml::Table, written: &[&str]) {
    for (name, value) in extra.iter().filter(|(name, _)| !written.contains(&name.as_str())) {
        let _ = writeln!(text, "{} = {value}", key(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Taken: 1 and 4. A run of two fits between them, a run of three only behind.
    #[test]
    fn the_first_run_that_is_free_is_found() {
        let taken = BTreeSet::from([1, 4]);
        let firsts: Vec<u32> = (1..=3).map(|width| first_free(&taken, width)).collect();
        assert_eq!(firsts, [0, 2, 5]);
        assert_eq!(first_free(&BTreeSet::new(), 64), 0);
    }

    /// A role of two nodes and a clock: its ports are mapped, and where there are none that is told once.
    #[test]
    fn a_role_of_midi_is_told_of_once() {
        let node = |name: &str| format!("[[input]]\nname = \"{name}\"\nrole = \"keys\"\nevents = true\n");
        let text = format!("crosspoint = 1\n[transport]\nclock_from = \"keys\"\n{}{}", node("one"), node("two"));
        let document = super::super::read::parse(&text, Path::new("")).unwrap().document;
        let mapping = MachineFile::default().map(&document);
        assert!(mapping.midi_inputs.is_empty() && mapping.notices.len() == 1, "{:?}", mapping.notices);
        let role = Role { midi_input: vec!["Piano".to_owned()], ..Role::default() };
        let machine = MachineFile { roles: BTreeMap::from([("keys".to_owned(), role)]), ..MachineFile::default() };
        let mapping = machine.map(&document);
        assert_eq!((mapping.midi_inputs["keys"].len(), mapping.notices), (1, Vec::new()));
    }
}
