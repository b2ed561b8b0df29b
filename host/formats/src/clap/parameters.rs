//! Reads a plugin's parameters (main thread), and the table of them that goes with the audio half.

use std::ffi::c_void;
use std::sync::Arc;

use clack_extensions::params::{ParamInfo, ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_host::plugin::PluginMainThreadHandle;

use crate::plugin::{Parameter, ParameterFlags};

/// A plugin that reports more parameters than this is not believed.
const MOST_PARAMETERS: u32 = 1 << 20;

/// What the audio half needs of a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) id: u32,
    /// The plugin's own short cut to the parameter, handed back with each event.
    pub(crate) cookie: *mut c_void,
    minimum: f64,
    maximum: f64,
}

/// Parameters by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct ParameterTable {
    slots: Arc<[Slot]>,
}

// SAFETY: cookies are numbers to us; only the plugin looks behind them. Nothing in a table changes.
unsafe impl Send for ParameterTable {}

impl ParameterTable {
    /// # Real-time
    /// Safe to call.
    #[inline]
    pub(crate) fn find(&self, id: u32) -> Option<&Slot> {
        let index = self.slots.binary_search_by_key(&id, |slot| slot.id).ok()?;
        self.slots.get(index)
    }
}

impl Slot {
    /// A value within the range; none for one that is no number.
    #[inline]
    pub(crate) fn clamp(&self, value: f64) -> Option<f64> {
        // Not `f64::clamp`, which panics on a range that the plugin wrote the wrong way round.
        (!value.is_nan()).then(|| value.max(self.minimum).min(self.maximum))
    }
}

/// Reads all parameters, for people and for the audio half.
pub(crate) fn read(plugin: &PluginMainThreadHandle) -> (Vec<Parameter>, ParameterTable) {
    let Some(extension) = plugin.get_extension::<PluginParams>() else { return Default::default() };
    let mut buffer = ParamInfoBuffer::new();
    let mut parameters = Vec::new();
    let mut slots = Vec::new();
    for index in 0..extension.count(plugin).min(MOST_PARAMETERS) {
        if let Some(info) = extension.get_info(plugin, index, &mut buffer) {
            let parameter = read_parameter(&info);
            slots.push(Slot {
                id: parameter.id,
                cookie: info.cookie.as_raw(),
                minimum: parameter.minimum,
                maximum: parameter.maximum,
            });
            parameters.push(parameter);
        }
    }
    slots.sort_by_key(|slot: &Slot| slot.id);
    slots.dedup_by_key(|slot| slot.id);
    (parameters, ParameterTable { slots: slots.into() })
}

fn read_parameter(info: &ParamInfo) -> Parameter {
    let has = |flag| info.flags.contains(flag);
    Parameter {
        id: info.id.get(),
        name: String::from_utf8_lossy(info.name).into_owned(),
        module: String::from_utf8_lossy(info.module).into_owned(),
        minimum: info.min_value,
        maximum: info.max_value,
        default: info.default_value,
        flags: ParameterFlags {
            stepped: has(ParamInfoFlags::IS_STEPPED),
            enumerated: has(ParamInfoFlags::IS_ENUM),
            periodic: has(ParamInfoFlags::IS_PERIODIC),
            hidden: has(ParamInfoFlags::IS_HIDDEN),
            read_only: has(ParamInfoFlags::IS_READONLY),
            bypass: has(ParamInfoFlags::IS_BYPASS),
            automatable: has(ParamInfoFlags::IS_AUTOMATABLE),
            modulatable: has(ParamInfoFlags::IS_MODULATABLE),
            modulatable_per_note: has(ParamInfoFlags::IS_MODULATABLE_PER_NOTE_ID),
            requires_process: has(ParamInfoFlags::REQUIRES_PROCESS),
        },
    }
}
