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
        let Some(preset) = self.preset(state) else { return Err(PluginError::Failed { action: "load its state" }) };
        if let (None, Some((list, content))) = (preset.part(Part::Component), program_part(&preset)) {
            // A file of one program is loaded into the one that is chosen.
            let program = self.chosen(list).unwrap_or(Program { list, index: 0 });
            return units::write_program(&self.instance.component, self.controller(), program, content);
        }
        if !self.set_state(&preset, purpose) {
            return Err(PluginError::Failed { action: "load its state" });
        }
        // What was set before the state is no longer meant.
        self.pending.clear();
        Ok(())
    }

    /// The preset in a file's content, if it is one of this plugin.
    fn preset(&self, file: &[u8]) -> Option<PresetFile> {
        PresetFile::read(file).ok().filter(|preset| preset.class == self.class)
    }

    /// What a program holds, as a file's content.
    pub(super) fn read_program(&self, program: Program) -> Result<Vec<u8>, PluginError> {
        let content = units::read_program(&self.instance.component, program)?;
        let mut preset = PresetFile::new(self.class);
        preset.add(Part::Program, program.list.to_le_bytes().into_iter().chain(content).collect());
        Ok(preset.write())
    }

    /// Puts what [`Self::read_program`] gave into a program, of whichever list it was.
    pub(super) fn write_program(&mut self, program: Program, file: &[u8]) -> Result<(), PluginError> {
        let preset = self.preset(file);
        let part = preset.as_ref().and_then(program_part);
        let (_, content) = part.ok_or(PluginError::Failed { action: "find a program in that" })?;
        units::write_program(&self.instance.component, self.controller(), program, content)
    }

    /// The parameter that chooses the programs of a list, and how many they are.
    fn program_parameter(&self, list: ProgramListID) -> Option<(u32, i32)> {
        let (unit, count) = units::unit_of(self.controller()?, list)?;
        let parameter = self.parameters.programs.iter().find(|parameter| parameter.unit == unit)?;
        Some((parameter.id, count))
    }

    /// The program of a list that is chosen; none if there is nothing to choose it by.
    pub(super) fn chosen(&self, list: ProgramListID) -> Option<Program> {
        let (parameter, count) = self.program_parameter(list)?;
        // SAFETY: the controller is initialised and this is the main thread.
        let normalised = unsafe { self.controller()?.getParamNormalized(parameter) };
        let last = f64::from((count - 1).max(0));
        Some(Program { list, index: (normalised * last).round().clamp(0.0, last) as i32 })
    }

    /// Chooses a program by the parameter that its unit has for that.
    pub(super) fn choose(&mut self, program: Program) -> Option<()> {
        let (parameter, count) = self.program_parameter(program.list).filter(|(_, count)| program.index < *count)?;
        let normalised = f64::from(program.index) / f64::from((count - 1).max(1));
        self.set_program(self.controller()?, Point { parameter, normalised });
        Some(())
    }

    /// Makes the plugin anew with the state it has, as it asked for. If that fails, the old one stays.
    pub(super) fn reload(&mut self) {
        self.must_reload = false;
        let state = self.state(Purpose::Project);
        self.view.lose();
        self.lose_menus();
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

/// The program's list and content in a preset that has one.
fn program_part(preset: &PresetFile) -> Option<(ProgramListID, &[u8])> {
    let (list, content) = preset.part(Part::Program)?.split_first_chunk::<4>()?;
    Some((i32::from_le_bytes(*list), content))
}
