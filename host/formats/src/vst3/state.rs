//! A plugin's state, as a whole and as programs. Main thread.

use std::rc::Rc;

use vst3::Steinberg::Vst::*;

use super::instance::Instance;
use super::notes::Point;
use super::plugin::Vst3Plugin;
use super::preset_file::{Part, PresetFile};
use super::stream::Purpose;
use super::units::{self, Program};
use crate::error::PluginError;

impl Vst3Plugin {
    pub(super) fn save(&mut self, purpose: Purpose) -> Result<Vec<u8>, PluginError> {
        self.flush_inactive();
        let preset = self.state(purpose).ok_or(PluginError::Unsupported { feature: "state" })?;
        Ok(preset.write())
    }

    pub(super) fn load(&mut self, state: &[u8], purpose: Purpose) -> Result<(), PluginError> {
        let failed = PluginError::Failed { action: "load its state" };
        let Ok(preset) = PresetFile::read(state) else { return Err(failed) };
        if preset.class != self.class || !self.set_state(&preset, purpose) {
            return Err(failed);
        }
        // What was set before the state is no longer meant.
        self.pending.clear();
        Ok(())
    }

    /// Chooses a program by the parameter that its unit has for that.
    pub(super) fn choose(&mut self, program: Program) -> Option<()> {
        let controller = self.controller()?;
        let (unit, count) = units::unit_of(controller, program.list).filter(|(_, count)| program.index < *count)?;
        let parameter = self.parameters.programs.iter().find(|parameter| parameter.unit == unit)?.id;
        let normalised = f64::from(program.index) / f64::from((count - 1).max(1));
        // SAFETY: the controller is initialised and this is the main thread.
        unsafe { controller.setParamNormalized(parameter, normalised) };
        // The component hears of it at its next block, or as soon as it is on.
        self.notes.send(Point { parameter, normalised });
        Some(())
    }

    /// Makes the plugin anew with the state it has, as it asked for. If that fails, the old one stays.
    pub(super) fn reload(&mut self) {
        self.must_reload = false;
        let state = self.state(Purpose::Project);
        self.view.lose();
        match Instance::new(Rc::clone(&self.factory), &self.class, &self.notes) {
            Ok(instance) => drop(std::mem::replace(&mut *self.instance, instance)),
            Err(reason) => self.notes.log(crate::plugin::Severity::Error, format!("it cannot be made anew: {reason}")),
        }
        if let Some(preset) = state {
            self.set_state(&preset, Purpose::Project);
        }
        self.read_all();
    }

    /// Both halves' states; none if the component gives none.
    fn state(&self, purpose: Purpose) -> Option<PresetFile> {
        let mut preset = PresetFile::new(self.class);
        preset.add(Part::Component, self.instance.component_state(purpose)?);
        if let Some(controller) = self.instance.controller_state(purpose) {
            preset.add(Part::Controller, controller);
        }
        Some(preset)
    }

    fn set_state(&self, preset: &PresetFile, purpose: Purpose) -> bool {
        preset
            .part(Part::Component)
            .is_some_and(|component| self.instance.set_states(component, preset.part(Part::Controller), purpose))
    }
}
