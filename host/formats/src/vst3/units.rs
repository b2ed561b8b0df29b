//! Programs and names of notes, as a plugin's controller tells them. Main thread.

use std::mem::zeroed;

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kResultOk, kResultTrue};

use super::text::wide;
use crate::preset::{Preset, PresetFlags, PresetLocation, PresetPlace};
use crate::surface::NoteName;

/// More lists, programs or switches than this are not believed.
const MOST: i32 = 65_536;
/// Channels of an event bus.
const CHANNELS: i16 = 16;

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
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        let (list, index) = key.split_once('/')?;
        Some(Self { list: list.parse().ok()?, index: index.parse().ok().filter(|index| *index >= 0)? })
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

/// All programs, each a preset within the plugin. Their list's name goes with them.
pub(crate) fn programs(controller: &ComPtr<IEditController>) -> Vec<Preset> {
    let Some(units) = controller.cast::<IUnitInfo>() else { return Vec::new() };
    let mut presets = Vec::new();
    for list in lists(&units) {
        for index in 0..list.programCount.min(MOST) {
            let mut name: String128 = [0; 128];
            // SAFETY: as above.
            if unsafe { units.getProgramName(list.id, index, &mut name) } != kResultOk {
                continue;
            }
            let key = Some(Program { list: list.id, index }.key());
            let place = PresetPlace { location: PresetLocation::Plugin, key };
            presets.push(Preset {
                flags: PresetFlags { factory: true, ..PresetFlags::default() },
                more: vec![("list".to_owned(), wide(&list.name))],
                ..Preset::new(wide(&name), place)
            });
        }
    }
    presets
}

/// The unit whose programs are those of a list, and how many they are.
pub(crate) fn unit_of(controller: &ComPtr<IEditController>, list: ProgramListID) -> Option<(UnitID, i32)> {
    let units = controller.cast::<IUnitInfo>()?;
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

/// Keys that switch something, and the names that the first program gives its keys, of so many event buses.
pub(crate) fn note_names(controller: &ComPtr<IEditController>, buses: usize) -> Vec<NoteName> {
    let mut names = Vec::new();
    if let Some(switches) = controller.cast::<IKeyswitchController>() {
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
    if let Some(units) = controller.cast::<IUnitInfo>() {
        for list in lists(&units) {
            names.extend(pitch_names(&units, Program { list: list.id, index: 0 }));
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
