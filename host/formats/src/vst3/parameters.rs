//! Reads a plugin's parameters (main thread), and the table of them that goes with the audio half.

use std::collections::HashMap;
use std::mem::zeroed;
use std::sync::Arc;

use vst3::ComPtr;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_::*;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::kResultOk;

use super::abi::whole;
use super::scale::Scale;
use super::text::{to_wide, wide};
use crate::plugin::{Parameter, ParameterFlags};

/// A plugin that reports more parameters than this is not believed.
const MOST_PARAMETERS: i32 = 1 << 20;

/// What both halves need of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    pub(crate) id: u32,
    pub(crate) scale: Scale,
    /// Whether it stands for a MIDI controller alone and is none of people's.
    pub(crate) is_proxy: bool,
}

/// Parameters by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ParameterTable {
    slots: Arc<[Slot]>,
}

impl ParameterTable {
    /// The place of a parameter in the table.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn find(&self, id: u32) -> Option<usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.id).ok()
    }

    /// The parameter itself.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn get(&self, id: u32) -> Option<&Slot> {
        self.slots.get(self.find(id)?)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

/// A parameter by which a unit's programs are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProgramParameter {
    pub(crate) id: u32,
    pub(crate) unit: UnitID,
}

/// A plugin's parameters.
#[derive(Default)]
pub(crate) struct Parameters {
    /// For people, in the plugin's order, without those that stand for MIDI controllers.
    pub(crate) list: Vec<Parameter>,
    pub(crate) table: ParameterTable,
    pub(crate) programs: Vec<ProgramParameter>,
    /// What values are counted in, by id, where it says.
    units: HashMap<u32, String>,
}

impl Parameters {
    /// Reads all. `is_mapped` says which ids a MIDI controller is assigned to.
    pub(crate) fn read(controller: &ComPtr<IEditController>, is_mapped: impl Fn(u32) -> bool) -> Self {
        let modules = modules(controller);
        let mut parameters = Self::default();
        let mut slots = Vec::new();
        // SAFETY: the controller is initialised and this is the main thread; as for all calls here.
        for index in 0..unsafe { controller.getParameterCount() }.min(MOST_PARAMETERS) {
            // SAFETY: a structure of numbers, filled by the plugin.
            let mut info: ParameterInfo = unsafe { zeroed() };
            // SAFETY: as above; there is room for the answer.
            if unsafe { controller.getParameterInfo(index, &mut info) } != kResultOk {
                continue;
            }
            let has = |flag: i32| info.flags & flag != 0;
            let is_proxy = is_mapped(info.id) && (has(kIsHidden) || has(kIsReadOnly) || !has(kCanAutomate));
            let steps = u32::try_from(info.stepCount).unwrap_or(0);
            // SAFETY: as above.
            let to_plain = |normalised: f64| unsafe { controller.normalizedParamToPlain(info.id, normalised) };
            // There may be thousands of proxies, and nobody sees their values.
            let scale = Scale::measure(steps, |normalised| if is_proxy { normalised } else { to_plain(normalised) });
            if !is_proxy {
                let module = modules.get(&info.unitId).cloned().unwrap_or_default();
                parameters.list.push(describe(&info, &scale, module));
                parameters.units.insert(info.id, wide(&info.units).trim().to_owned());
                if has(kIsProgramChange) {
                    parameters.programs.push(ProgramParameter { id: info.id, unit: info.unitId });
                }
            }
            slots.push(Slot { id: info.id, scale, is_proxy });
        }
        slots.sort_by_key(|slot: &Slot| slot.id);
        slots.dedup_by_key(|slot| slot.id);
        parameters.table = ParameterTable { slots: slots.into() };
        parameters
    }

    /// The parameter, if it is one of people's.
    pub(crate) fn slot(&self, id: u32) -> Option<&Slot> {
        self.table.get(id).filter(|slot| !slot.is_proxy)
    }

    /// What a parameter's values are counted in; empty if it does not say.
    pub(crate) fn unit(&self, id: u32) -> &str {
        self.units.get(&id).map_or("", String::as_str)
    }
}

impl Slot {
    /// A plain value as 0 to 1, by the plugin's own conversion where there is one. Main thread.
    pub(crate) fn exactly_normalised(&self, controller: &ComPtr<IEditController>, plain: f64) -> Option<f64> {
        let near = self.scale.normalise(plain)?;
        let (least, most) = self.scale.range();
        if !self.scale.is_plugins() {
            return Some(near);
        }
        // SAFETY: the controller is initialised and this is the main thread.
        let exact = unsafe { controller.plainParamToNormalized(self.id, plain.max(least).min(most)) };
        // Some have only one of the two conversions.
        Some(if (exact - near).abs() <= 1e-3 { exact.clamp(0.0, 1.0) } else { near })
    }

    /// The plain value of 0 to 1, by the plugin's own conversion where there is one. Main thread.
    pub(crate) fn exactly_plain(&self, controller: &ComPtr<IEditController>, normalised: f64) -> f64 {
        if !self.scale.is_plugins() {
            return self.scale.plain(normalised);
        }
        let (least, most) = self.scale.range();
        // SAFETY: as above.
        let plain = unsafe { controller.normalizedParamToPlain(self.id, normalised.clamp(0.0, 1.0)) };
        if plain.is_nan() { self.scale.plain(normalised) } else { plain.max(least).min(most) }
    }
}

fn describe(info: &ParameterInfo, scale: &Scale, module: String) -> Parameter {
    let has = |flag: i32| info.flags & flag != 0;
    let (minimum, maximum) = scale.range();
    let title = wide(&info.title);
    Parameter {
        id: info.id,
        name: if title.is_empty() { wide(&info.shortTitle) } else { title },
        module,
        minimum,
        maximum,
        default: scale.plain(info.defaultNormalizedValue),
        flags: ParameterFlags {
            stepped: info.stepCount > 0,
            enumerated: has(kIsList),
            periodic: has(kIsWrapAround),
            hidden: has(kIsHidden),
            read_only: has(kIsReadOnly),
            bypass: has(kIsBypass),
            automatable: has(kCanAutomate),
            ..ParameterFlags::default()
        },
    }
}

/// Where each unit stands, such as `oscillators/1`; the root is nowhere.
fn modules(controller: &ComPtr<IEditController>) -> HashMap<UnitID, String> {
    let Some(info) = whole::<IUnitInfo, _>(controller) else { return HashMap::new() };
    let mut units = HashMap::new();
    // SAFETY: the controller is initialised and this is the main thread.
    for index in 0..unsafe { info.getUnitCount() }.min(MOST_PARAMETERS) {
        // SAFETY: a structure of numbers, filled by the plugin.
        let mut unit: UnitInfo = unsafe { zeroed() };
        // SAFETY: as above; there is room for the answer.
        if unsafe { info.getUnitInfo(index, &mut unit) } == kResultOk {
            units.insert(unit.id, (unit.parentUnitId, wide(&unit.name)));
        }
    }
    let path = |id: UnitID| {
        let mut names = Vec::new();
        let mut next = id;
        // No longer than there are units: parents may go round in a circle.
        while let Some((parent, name)) = units.get(&next).filter(|_| next != kRootUnitId && names.len() <= units.len())
        {
            names.push(name.as_str());
            next = *parent;
        }
        names.reverse();
        names.join("/")
    };
    units.keys().map(|&id| (id, path(id))).collect()
}

/// A value as the plugin shows it, with its unit.
pub(crate) fn to_text(controller: &ComPtr<IEditController>, id: u32, normalised: f64, unit: &str) -> Option<String> {
    let mut text: String128 = [0; 128];
    // SAFETY: the controller is initialised, this is the main thread and there is room for the answer.
    if unsafe { controller.getParamStringByValue(id, normalised, &mut text) } != kResultOk {
        return None;
    }
    let text = wide(&text);
    let text = text.trim();
    let has_unit = unit.is_empty() || text.ends_with(unit);
    Some(if has_unit { text.to_owned() } else { format!("{text} {unit}") })
}

/// The value that a text stands for. Whole first, since its unit may have a prefix that the plugin knows.
pub(crate) fn from_text(controller: &ComPtr<IEditController>, id: u32, text: &str, unit: &str) -> Option<f64> {
    let read = |text: &str| {
        let mut wide = to_wide(text);
        let mut normalised = f64::NAN;
        // SAFETY: the controller is initialised, this is the main thread; the string ends with a zero.
        let result = unsafe { controller.getParamValueByString(id, wide.as_mut_ptr(), &mut normalised) };
        (result == kResultOk && normalised.is_finite()).then(|| normalised.clamp(0.0, 1.0))
    };
    let text = text.trim();
    let bare = text.strip_suffix(unit).map(str::trim_end).filter(|_| !unit.is_empty());
    read(text).or_else(|| bare.and_then(read))
}
