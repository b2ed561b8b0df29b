//! Programs, what they hold, and names of notes, as a plugin's halves tell them. Main thread.

use std::ffi::CStr;
use std::mem::zeroed;

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kResultOk, kResultTrue};

use super::abi::whole;
use super::stream::{Purpose, Stream};
use super::text::wide;
use crate::error::PluginError;
use crate::preset::{Preset, PresetFlags, PresetLocation, PresetPlace};
use crate::surface::NoteName;

/// More lists, programs or switches than this are not believed.
const MOST: i32 = 65_536;
/// Channels of an event bus.
const CHANNELS: i16 = 16;

/// Of `PresetAttributes`: an instrument, a style, a character.
const FEATURES: [&CStr; 3] = [c"MusicalInstrument", c"MusicalStyle", c"MusicalCharacter"];

/// A program of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) list: ProgramListID,
    pub(crate) index: i32,
}

impl Program {
    /// How a preset's place names it: `LIST/INDEX`.
    fn key(self) -> String {
        format!("{}/{}", self.list, self.index)
    }

    /// Reads [`Self::key`].
    fn from_key(key: &str) -> Option<Self> {
        let (list, index) = key.split_once('/')?;
        Some(Self { list: list.parse().ok()?, index: index.parse().ok().filter(|index| *index >= 0)? })
    }

    /// The program that a preset's place names.
    ///
    /// # Errors
    /// If it names none, as a file does.
    pub(crate) fn at(place: &PresetPlace) -> Result<Self, PluginError> {
        let is_within = place.location == PresetLocation::Plugin;
        let program = place.key.as_deref().filter(|_| is_within).and_then(Self::from_key);
        program.ok_or(PluginError::Failed { action: "find a program there" })
    }
}

/// All program lists.
fn lists(units: &ComPtr<IUnitInfo>) -> impl Iterator<Item = ProgramListInfo> + '_ {
    // SAFETY: the controller is initialised and this is the main thread; as for all calls here.
    (0..unsafe { units.getProgramListCount() }.min(MOST)).filter_map(|index| {
        // SAFETY: a structure of numbers, filled by the plugin.
        let mut list: ProgramListInfo = unsafe { zeroed() };
        // SAFETY: as above; there is room for the answer.
        (unsafe { units.getProgramListInfo(index, &mut list) } == kResultOk).then_some(list)
    })
}

/// What a program says of itself under a name, in the words between its bars.
fn attribute(units: &ComPtr<IUnitInfo>, program: Program, name: &CStr) -> Vec<String> {
    let mut text: String128 = [0; 128];
    // SAFETY: as above; the name is a C string.
    let result = unsafe { units.getProgramInfo(program.list, program.index, name.as_ptr(), &mut text) };
    let text = if result == kResultOk { wide(&text) } else { String::new() };
    text.split('|').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// All programs, each a preset within the plugin. Their list's name goes with them.
pub(crate) fn programs(controller: &ComPtr<IEditController>) -> Vec<Preset> {
    let Some(units) = whole::<IUnitInfo, _>(controller) else { return Vec::new() };
    let mut presets = Vec::new();
    for list in lists(&units) {
        for index in 0..list.programCount.min(MOST) {
            let mut name: String128 = [0; 128];
            // SAFETY: as above.
            if unsafe { units.getProgramName(list.id, index, &mut name) } != kResultOk {
                continue;
            }
            let program = Program { list: list.id, index };
            let place = PresetPlace { location: PresetLocation::Plugin, key: Some(program.key()) };
            presets.push(Preset {
                flags: PresetFlags { factory: true, ..PresetFlags::default() },
                features: FEATURES.iter().flat_map(|name| attribute(&units, program, name)).collect(),
                more: vec![("list".to_owned(), wide(&list.name))],
                ..Preset::new(wide(&name), place)
            });
        }
    }
    presets
}

/// The data of programs, if the component gives and takes them for that list.
fn program_data(component: &ComPtr<IComponent>, list: ProgramListID) -> Option<ComPtr<IProgramListData>> {
    let data = whole::<IProgramListData, _>(component)?;
    // SAFETY: the component is initialised and this is the main thread; as for all calls here.
    (unsafe { data.programDataSupported(list) } == kResultTrue).then_some(data)
}

/// What a program holds.
///
/// # Errors
/// If its component tells none, or not of this one.
pub(crate) fn read_program(component: &ComPtr<IComponent>, program: Program) -> Result<Vec<u8>, PluginError> {
    let data = program_data(component, program.list).ok_or(NO_PROGRAM_DATA)?;
    let stream = Stream::new(Vec::new(), Purpose::Preset);
    // SAFETY: as above; the stream lives for the call.
    let result = unsafe { data.getProgramData(program.list, program.index, Stream::lend(&stream)) };
    let bytes = stream.take();
    let is_given = result == kResultOk && !bytes.is_empty();
    if is_given { Ok(bytes) } else { Err(PluginError::Failed { action: "tell what that program holds" }) }
}

/// Changes what a program holds, and tells the controller.
///
/// # Errors
/// If its component takes none, or not this.
pub(crate) fn write_program(
    component: &ComPtr<IComponent>,
    controller: Option<&ComPtr<IEditController>>,
    program: Program,
    content: &[u8],
) -> Result<(), PluginError> {
    let data = program_data(component, program.list).ok_or(NO_PROGRAM_DATA)?;
    let stream = || Stream::new(content.to_vec(), Purpose::Preset);
    // SAFETY: as above; the streams live for their calls.
    unsafe {
        if data.setProgramData(program.list, program.index, Stream::lend(&stream())) != kResultOk {
            return Err(PluginError::Failed { action: "take that into the program" });
        }
        if let Some(units) = controller.and_then(whole::<IUnitInfo, _>) {
            units.setUnitProgramData(program.list, program.index, Stream::lend(&stream()));
        }
    }
    Ok(())
}

/// The plugin has programs, if any, whose content is its own matter.
const NO_PROGRAM_DATA: PluginError = PluginError::Unsupported { feature: "the content of programs" };

/// The unit whose programs are those of a list, and how many they are.
pub(crate) fn unit_of(controller: &ComPtr<IEditController>, list: ProgramListID) -> Option<(UnitID, i32)> {
    let units = whole::<IUnitInfo, _>(controller)?;
    let count = lists(&units).find(|info| info.id == list)?.programCount;
    // SAFETY: as above.
    let unit = (0..unsafe { units.getUnitCount() }.min(MOST)).find_map(|index| {
        // SAFETY: a structure of numbers, filled by the plugin.
        let mut unit: UnitInfo = unsafe { zeroed() };
        // SAFETY: as above.
        let result = unsafe { units.getUnitInfo(index, &mut unit) };
        (result == kResultOk && unit.programListId == list).then_some(unit.id)
    });
    Some((unit?, count))
}

/// Keys that switch something, and the names that programs give their keys, of so many event buses. `chosen` says which
/// program of a list it is that is heard.
pub(crate) fn note_names(
    controller: &ComPtr<IEditController>,
    buses: usize,
    chosen: impl Fn(ProgramListID) -> Option<Program>,
) -> Vec<NoteName> {
    let mut names = Vec::new();
    if let Some(switches) = whole::<IKeyswitchController, _>(controller) {
        for (bus, channel) in (0..buses as i32).flat_map(|bus| (0..CHANNELS).map(move |channel| (bus, channel))) {
            // SAFETY: as above.
            for index in 0..unsafe { switches.getKeyswitchCount(bus, channel) }.min(MOST) {
                // SAFETY: a structure of numbers, filled by the plugin.
                let mut info: KeyswitchInfo = unsafe { zeroed() };
                // SAFETY: as above.
                if unsafe { switches.getKeyswitchInfo(bus, channel, index, &mut info) } == kResultOk {
                    let keys = info.keyswitchMin.max(0)..=info.keyswitchMax.min(127);
                    names.extend(keys.map(|key| NoteName {
                        name: wide(&info.title),
                        port: Some(bus as u16),
                        channel: Some(channel as u8),
                        key: Some(key as u8),
                    }));
                }
            }
        }
    }
    if let Some(units) = whole::<IUnitInfo, _>(controller) {
        for list in lists(&units) {
            let program = chosen(list.id).unwrap_or(Program { list: list.id, index: 0 });
            names.extend(pitch_names(&units, program));
        }
    }
    names
}

fn pitch_names(units: &ComPtr<IUnitInfo>, program: Program) -> Vec<NoteName> {
    let Program { list, index } = program;
    // SAFETY: as above.
    if unsafe { units.hasProgramPitchNames(list, index) } != kResultTrue {
        return Vec::new();
    }
    let name = |key: u8| {
        let mut name: String128 = [0; 128];
        // SAFETY: as above.
        let result = unsafe { units.getProgramPitchName(list, index, key.into(), &mut name) };
        (result == kResultOk).then(|| NoteName { name: wide(&name), port: None, channel: None, key: Some(key) })
    };
    (0..128).filter_map(name).filter(|name| !name.name.is_empty()).collect()
}
