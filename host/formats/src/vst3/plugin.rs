//! The controller half of a VST3 plugin: everything that VST3 reserves for the main thread.

use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crosspoint_graph::{ChannelLayout, MAX_PORT_CHANNELS, Processor};
use vst3::ComPtr;
use vst3::Steinberg::TUID;
use vst3::Steinberg::Vst::ChannelContext::{IInfoListener, IInfoListenerTrait};
use vst3::Steinberg::Vst::*;

use super::abi::whole;
use super::activation::DEFAULT_ACTIVATION;
use super::expressions::{self, ExpressionMap};
use super::factory::{Factory, PluginClass};
use super::instance::Instance;
use super::menu::{self, Shown};
use super::midi_map::MidiMap;
use super::more;
use super::notes::{Notes, Point, Record};
use super::orphans;
use super::parameters::{self, Parameters, Slot};
use super::ports::{self, Ports};
use super::processor::{Leash, Vst3Processor};
use super::program_values;
use super::run_loop::RunLoop;
use super::stream::Purpose;
use super::track;
use super::units::{self, Program};
use super::view::View;
use crate::arrangement::{BusLayout, ChannelMap};
use crate::error::PluginError;
use crate::library::PluginDescriptor;
use crate::note_expression::{FingerMovement, NoteExpressionKind, NoteExpressionType};
use crate::plugin::{
    Activation, AudioBus, BusDirection as Direction, Interest, NotePort, Parameter, Plugin, PluginNotice, Precision,
    RenderAhead, RenderMode, Tail,
};
use crate::preset::{Preset, PresetLocation, PresetPlace, PresetPlugin};
use crate::session::StatePurpose;
use crate::surface::{MenuItem, MenuTarget, NoteName, SurfaceModel, Track};
use crate::window::Editor;

/// The sub-category of plugins that need the time to be the wall's.
const REAL_TIME_ONLY: &str = "OnlyRT";

/// A VST3 plugin on its main thread.
pub struct Vst3Plugin {
    pub(super) descriptor: PluginDescriptor,
    pub(super) class: TUID,
    pub(super) factory: Rc<Factory>,
    /// Taken when this is dropped.
    pub(super) instance: ManuallyDrop<Instance>,
    pub(super) notes: Arc<Notes>,
    pub(super) told: rtrb::Consumer<Record>,
    pub(super) ports: Ports,
    pub(super) parameters: Parameters,
    pub(super) map: Arc<MidiMap>,
    pub(super) expressions: Arc<ExpressionMap>,
    /// Values that the component was not told yet.
    pub(super) pending: Vec<Point>,
    pub(super) mode: RenderMode,
    /// As asked for.
    pub(super) precision: Precision,
    /// Frames between buses and the world, as far as they are known.
    presentation: Vec<(Direction, usize, u32)>,
    pub(super) activation: Activation,
    pub(super) latency: u32,
    /// Held by the audio half as well while it is out.
    leash: Leash,
    /// Read ports and parameters again as soon as the plugin is inactive.
    pub(super) is_stale: bool,
    /// Make it anew as soon as it is inactive.
    pub(super) must_reload: bool,
    /// Its window, as far as it has one.
    pub(super) view: View,
    /// The menu that it last asked to be shown.
    pub(super) menu: Option<Shown>,
}

impl Vst3Plugin {
    /// Makes and initialises the plugin.
    pub(crate) fn new(factory: Rc<Factory>, class: &PluginClass) -> Result<Self, &'static str> {
        orphans::reap();
        let (notes, told) = Notes::new();
        let instance = Instance::new(Rc::clone(&factory), &class.id, &notes)?;
        let mut plugin = Self {
            descriptor: class.descriptor.clone(),
            class: class.id,
            factory,
            instance: ManuallyDrop::new(instance),
            notes,
            told,
            ports: Ports::default(),
            parameters: Parameters::default(),
            map: Arc::default(),
            expressions: Arc::default(),
            pending: Vec::new(),
            mode: RenderMode::RealTime,
            precision: Precision::Single,
            presentation: Vec::new(),
            activation: DEFAULT_ACTIVATION,
            latency: 0,
            leash: Leash::new(()),
            is_stale: false,
            must_reload: false,
            view: View::default(),
            menu: None,
        };
        plugin.read_all();
        Ok(plugin)
    }

    /// Asks for layouts of all buses of both directions; reads what the plugin has then. True if it took them.
    fn arrange(&mut self, inputs: &[ChannelLayout], outputs: &[ChannelLayout]) -> bool {
        let is_taken = ports::arrange(&self.instance.processor, &self.ports, inputs, outputs);
        self.read_ports();
        is_taken
    }

    /// The layouts of all buses of both directions.
    fn layouts(&self) -> [Vec<ChannelLayout>; 2] {
        [&self.ports.inputs, &self.ports.outputs].map(|buses| buses.iter().map(|bus| bus.layout).collect())
    }

    /// Chooses the program that a value of such a parameter stands for.
    fn choose_value(&mut self, parameter: u32, value: f64) -> Option<()> {
        self.parameters.programs.iter().find(|known| known.id == parameter)?;
        let (controller, slot) = self.slot(parameter)?;
        let (least, most) = slot.scale.range();
        let normalised = slot.exactly_normalised(controller, value).filter(|_| (least..=most).contains(&value))?;
        self.set_program(controller, Point { parameter, normalised });
        Some(())
    }

    /// Sets a parameter that chooses programs. Some components know nothing of programs: what the controller has changed with
    /// it is told them too, which is nothing new to the others.
    pub(super) fn set_program(&self, controller: &ComPtr<IEditController>, program: Point) {
        // SAFETY: the controller is initialised and this is the main thread; as below.
        let value = |parameter: &Parameter| unsafe { controller.getParamNormalized(parameter.id) };
        let parameters = &self.parameters.list;
        let before: Vec<f64> = parameters.iter().map(value).collect();
        // SAFETY: as above.
        unsafe { controller.setParamNormalized(program.parameter, program.normalised) };
        // The component hears of it at its next block, or as soon as it is on.
        self.notes.send(program);
        for (parameter, before) in parameters.iter().zip(before) {
            let normalised = value(parameter);
            if normalised != before && normalised.is_finite() && parameter.id != program.parameter {
                self.notes.send(Point { parameter: parameter.id, normalised: normalised.clamp(0.0, 1.0) });
            }
        }
    }

    /// A value as the plugin shows it.
    fn text_of(&self, parameter: u32, value: f64) -> Option<String> {
        let (controller, slot) = self.slot(parameter)?;
        let normalised = slot.exactly_normalised(controller, value)?;
        parameters::to_text(controller, parameter, normalised, self.parameters.unit(parameter))
    }

    /// The edit controller, for what else there is of VST3 than the common trait has.
    pub(super) fn controller(&self) -> Option<&ComPtr<IEditController>> {
        self.instance.controller.as_ref()
    }

    /// Lets go of what its menus hold of it, because it is about to end.
    pub(super) fn lose_menus(&mut self) {
        self.menu = None;
        drop(self.notes.take_menus());
    }

    /// Those of its window, of the plugin itself and of the file it comes from.
    fn run_loops(&self) -> impl Iterator<Item = &RunLoop> {
        let (context, host) = (&self.instance.context, &self.factory.host);
        self.view.run_loop().into_iter().chain([&context.run_loop, &host.run_loop])
    }

    /// A parameter with the controller.
    fn slot(&self, parameter: u32) -> Option<(&ComPtr<IEditController>, &Slot)> {
        Some((self.controller()?, self.parameters.slot(parameter)?))
    }
}

impl Drop for Vst3Plugin {
    fn drop(&mut self) {
        orphans::reap();
        self.view.lose();
        self.lose_menus();
        // SAFETY: taken once, here; nothing uses it afterwards.
        orphans::end(&self.leash, unsafe { ManuallyDrop::take(&mut self.instance) });
    }
}

impl Plugin for Vst3Plugin {
    fn descriptor(&self) -> &PluginDescriptor {
        &self.descriptor
    }

    fn audio_buses(&self, direction: Direction) -> &[AudioBus] {
        self.ports.buses(direction)
    }

    fn set_bus_active(&mut self, direction: Direction, index: usize, active: bool) -> Result<(), PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        let bus = self.ports.buses_mut(direction).get_mut(index).ok_or(PluginError::UnknownBus { index })?;
        // The component is told at its activation.
        bus.active = active;
        Ok(())
    }

    fn note_ports(&self, direction: Direction) -> &[NotePort] {
        match direction {
            Direction::Input => &self.ports.note_inputs,
            Direction::Output => &self.ports.note_outputs,
        }
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters.list
    }

    fn parameter_value(&mut self, parameter: u32) -> Option<f64> {
        let (controller, slot) = self.slot(parameter)?;
        // SAFETY: the controller is initialised and this is the main thread.
        let normalised = unsafe { controller.getParamNormalized(parameter) };
        Some(slot.exactly_plain(controller, normalised))
    }

    fn value_to_text(&mut self, parameter: u32, value: f64) -> Option<String> {
        self.text_of(parameter, value)
    }

    fn text_to_value(&mut self, parameter: u32, text: &str) -> Option<f64> {
        let (controller, slot) = self.slot(parameter)?;
        let normalised = parameters::from_text(controller, parameter, text, self.parameters.unit(parameter))?;
        Some(slot.exactly_plain(controller, normalised))
    }

    fn set_parameters(&mut self, values: &[(u32, f64)]) -> Result<(), PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        let mut points = Vec::with_capacity(values.len());
        for &(parameter, value) in values {
            let (controller, slot) = self.slot(parameter).ok_or(PluginError::UnknownParameter { parameter })?;
            let normalised = slot.exactly_normalised(controller, value);
            points.extend(normalised.map(|normalised| Point { parameter, normalised }));
        }
        if let Some(controller) = self.controller() {
            for point in &points {
                // SAFETY: the controller is initialised and this is the main thread.
                unsafe { controller.setParamNormalized(point.parameter, point.normalised) };
            }
        }
        self.pending.extend(points);
        Ok(())
    }

    fn latency(&self) -> u32 {
        self.latency
    }

    fn tail(&mut self) -> Tail {
        // SAFETY: the component is initialised and this is the main thread.
        match unsafe { self.instance.processor.getTailSamples() } {
            kInfiniteTail => Tail::Infinite,
            frames => Tail::Frames(frames),
        }
    }

    /// A `.vstpreset`, see the `preset_file` module.
    fn save_state(&mut self) -> Result<Vec<u8>, PluginError> {
        self.save(Purpose::Project)
    }

    fn load_state(&mut self, state: &[u8]) -> Result<(), PluginError> {
        self.load(state, Purpose::Project)
    }

    /// Heard at the next activation.
    fn set_render_mode(&mut self, mode: RenderMode) -> bool {
        self.mode = mode;
        true
    }

    fn requires_real_time(&mut self) -> bool {
        self.descriptor.features.iter().any(|feature| feature == REAL_TIME_ONLY)
    }

    fn activate(&mut self, activation: Activation) -> Result<Box<dyn Processor>, PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        activation.check()?;
        self.renew();
        let [inputs, outputs] = self.layouts();
        self.arrange(&inputs, &outputs);
        for bus in self.ports.inputs.iter().chain(&self.ports.outputs) {
            let channels = bus.layout.channels();
            if channels > MAX_PORT_CHANNELS {
                return Err(PluginError::Channels { bus: bus.name.clone(), channels, most: MAX_PORT_CHANNELS });
            }
        }
        self.activation = activation;
        // Before the activation that counts: plugins start from the values they have at that moment.
        self.flush_inactive();
        let precision = self.switch_on(activation)?;
        for &(direction, index, frames) in &self.presentation {
            more::set_presentation_latency(&self.instance.processor, direction, index, frames);
        }
        let functions = self.functions();
        let call = self.make_call(activation, precision);
        self.latency = self.read_latency();
        Ok(Box::new(Vst3Processor::new(functions, call, Arc::clone(&self.notes), Arc::clone(&self.leash))))
    }

    fn deactivate(&mut self, mut processor: Box<dyn Processor>) -> Result<(), PluginError> {
        if !self.is_active() {
            return Err(PluginError::Inactive);
        }
        // Nothing to one that was stopped on the audio thread; one that was not is stopped here, in its place.
        processor.stop();
        drop(processor);
        if Arc::strong_count(&self.leash) > 1 {
            return Err(PluginError::ForeignProcessor);
        }
        self.switch_off();
        self.renew();
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.instance.is_active
    }

    fn with_locks_held(&self, during: &mut dyn FnMut()) {
        self.notes.with_locks_held(&mut || self.instance.with_locks_held(during));
    }

    fn poll(&mut self, notices: &mut Vec<PluginNotice>) {
        self.run_loops().for_each(RunLoop::serve);
        self.poll_all(notices);
    }

    fn next_poll(&self) -> Option<Instant> {
        self.run_loops().filter_map(RunLoop::next).min()
    }

    fn interests(&self) -> Vec<Interest> {
        self.run_loops().flat_map(RunLoop::interests).collect()
    }

    fn editor(&mut self) -> Option<&mut dyn Editor> {
        self.controller().is_some().then_some(self)
    }

    /// A preset is a `.vstpreset` file's content.
    fn save_state_for(&mut self, purpose: StatePurpose) -> Result<Vec<u8>, PluginError> {
        self.save(purpose.into())
    }

    fn load_state_for(&mut self, state: &[u8], purpose: StatePurpose) -> Result<(), PluginError> {
        self.load(state, purpose.into())
    }

    fn presets(&mut self) -> Vec<Preset> {
        let listed = self.controller().map(units::programs).unwrap_or_default();
        if !listed.is_empty() {
            return listed;
        }
        let Parameters { list, programs, .. } = &self.parameters;
        let chosen_by = list.iter().filter(|known| programs.iter().any(|program| program.id == known.id));
        program_values::presets(chosen_by, |parameter, value| self.text_of(parameter, value))
    }

    fn load_preset(&mut self, place: &PresetPlace) -> Result<(), PluginError> {
        let failed = PluginError::Failed { action: "load that preset" };
        match &place.location {
            PresetLocation::File(path) => {
                let Ok(preset) = std::fs::read(path) else { return Err(failed) };
                self.load(&preset, Purpose::Preset)?;
            }
            PresetLocation::Plugin => match place.key.as_deref().and_then(program_values::from_key) {
                Some((parameter, value)) => self.choose_value(parameter, value).ok_or(failed)?,
                None => self.choose(Program::at(place)?).ok_or(failed)?,
            },
        }
        self.notes.tell_preset(place.clone());
        Ok(())
    }

    /// A `.vstpreset` file's content, which holds the program alone.
    fn read_preset(&mut self, place: &PresetPlace) -> Result<Vec<u8>, PluginError> {
        self.read_program(Program::at(place)?)
    }

    fn write_preset(&mut self, place: &PresetPlace, content: &[u8]) -> Result<(), PluginError> {
        self.write_program(Program::at(place)?, content)
    }

    fn set_bus_layouts(&mut self, layouts: &[BusLayout]) -> Result<(), PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        let [inputs, outputs] = self.layouts();
        let mut wanted = [inputs.clone(), outputs.clone()];
        for &BusLayout { direction, index, layout } in layouts {
            let buses = &mut wanted[usize::from(direction == Direction::Output)];
            *buses.get_mut(index).ok_or(PluginError::UnknownBus { index })? = layout;
        }
        if self.arrange(&wanted[0], &wanted[1]) && self.layouts() == wanted {
            return Ok(());
        }
        self.arrange(&inputs, &outputs);
        Err(PluginError::Failed { action: "take those layouts of its buses" })
    }

    fn channel_map(&mut self, direction: Direction, index: usize) -> Option<ChannelMap> {
        self.ports.channel_map(direction, index)
    }

    fn note_names(&mut self) -> Vec<NoteName> {
        let buses = self.ports.note_inputs.len();
        let names = |controller| units::note_names(controller, buses, |list| self.chosen(list));
        self.controller().map(names).unwrap_or_default()
    }

    fn note_expressions(&mut self, port: u16, channel: u8) -> Vec<NoteExpressionType> {
        self.controller().map(|controller| expressions::types(controller, port, channel)).unwrap_or_default()
    }

    fn note_expression_to_text(
        &mut self,
        port: u16,
        channel: u8,
        kind: NoteExpressionKind,
        value: f64,
    ) -> Option<String> {
        expressions::to_text(self.controller()?, (port, channel), kind, value)
    }

    fn text_to_note_expression(&mut self, port: u16, channel: u8, kind: NoteExpressionKind, text: &str) -> Option<f64> {
        expressions::from_text(self.controller()?, (port, channel), kind, text)
    }

    fn finger_movements(&mut self, port: u16, channel: u8) -> Vec<(FingerMovement, NoteExpressionKind)> {
        self.controller().map(|controller| expressions::movements(controller, port, channel)).unwrap_or_default()
    }

    /// Its help and what it says about itself. It builds its other menus when a person clicks in its window, not when it is
    /// asked: see [`PluginNotice::MenuRequested`].
    fn menu(&mut self, target: MenuTarget) -> Vec<MenuItem> {
        let controller = self.controller().filter(|_| target == MenuTarget::Plugin);
        controller.map(menu::common_lines).unwrap_or_default()
    }

    fn perform_menu_action(&mut self, target: MenuTarget, action: u32) -> bool {
        self.menu.as_ref().is_some_and(|menu| menu.perform(target, action))
            || (target == MenuTarget::Plugin
                && self.controller().is_some_and(|controller| menu::open(controller, action, false)))
    }

    fn remap_parameter(&mut self, replaced: &PresetPlugin, parameter: u32) -> Option<u32> {
        more::remap(self.controller()?, replaced, parameter)
    }

    fn render_ahead(&mut self) -> RenderAhead {
        more::render_ahead(&self.instance.component)
    }

    fn set_presentation_latency(&mut self, direction: Direction, index: usize, frames: u32) {
        self.presentation.retain(|&(other, bus, _)| (other, bus) != (direction, index));
        self.presentation.push((direction, index, frames));
        more::set_presentation_latency(&self.instance.processor, direction, index, frames);
    }

    fn surface_layout(&mut self, surface: &SurfaceModel) -> Option<String> {
        more::surface_layout(self.controller()?, surface)
    }

    fn set_precision(&mut self, precision: Precision) -> bool {
        self.precision = precision;
        self.can_process(precision)
    }

    fn set_track(&mut self, track: &Track) {
        if let Some(listener) = self.controller().and_then(whole::<IInfoListener, _>) {
            let list = track::attributes(track);
            let list = list.as_com_ref::<IAttributeList>();
            // SAFETY: the controller is initialised and this is the main thread; the list lives for the call.
            unsafe { listener.setChannelContextInfos(list.map_or(std::ptr::null_mut(), |list| list.as_ptr())) };
        }
    }
}
