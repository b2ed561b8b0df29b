//! The controller half of a CLAP plugin: everything that CLAP reserves for the main thread.

use std::cell::RefCell;
use std::ffi::CString;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clack_extensions::audio_ports_activation::{PluginAudioPortsActivation, SampleSize};
use clack_extensions::latency::PluginLatency;
use clack_extensions::params::PluginParams;
use clack_extensions::render::{PluginRender, RenderMode as ClapRenderMode};
use clack_extensions::state::PluginState;
use clack_extensions::state_context::{PluginStateContext, StateContextType};
use clack_host::entry::PluginEntry;
use clack_host::host::HostInfo;
use clack_host::plugin::{PluginInstance, PluginInstanceError};
use clack_host::process::PluginAudioConfiguration;
use clack_host::utils::ClapId;
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::plugin::clap_plugin;
use crosspoint_graph::event::EventBody;
use crosspoint_graph::{MAX_PORT_CHANNELS, Processor};

use super::call::PinnedCall;
use super::extensions::work::Tasks;
use super::extensions::{arrangement, history, menu, plugin_extension, presets, resize_hints, session, surface};
use super::gui::View;
use super::host::{Audio, Handlers, MainEnds, MainThread, Notes, Shared};
use super::parameters::{self, ParameterTable};
use super::ports::Ports;
use super::processor::{ClapProcessor, Functions};
use crate::arrangement::{BusLayout, ChannelMap, PortConfiguration};
use crate::error::PluginError;
use crate::library::PluginDescriptor;
use crate::plugin::{
    Activation, AudioBus, BusDirection, Interest, NotePort, Parameter, Plugin, PluginNotice, Precision, RenderMode,
    Tail,
};
use crate::preset::PresetPlace;
use crate::session::{ChangeDelta, HistoryDirection, ProjectPart, StatePurpose, UndoContext};
use crate::surface::{AutomationState, Color, ControlPage, Mapping, MenuItem, MenuTarget, NoteName, Track, Voices};
use crate::window::{Editor, ResizeHints};

thread_local! {
    /// Plugins that were dropped while their audio half was out. clack-host would leak them; here they wait for it.
    static ORPHANS: RefCell<Vec<PluginInstance<Handlers>>> = const { RefCell::new(Vec::new()) };
}

/// A CLAP plugin on its main thread.
pub struct ClapPlugin {
    descriptor: PluginDescriptor,
    /// Taken when this is dropped.
    pub(super) instance: ManuallyDrop<PluginInstance<Handlers>>,
    pub(super) notes: Arc<Notes>,
    pub(super) ends: MainEnds,
    pub(super) ports: Ports,
    pub(super) parameters: Vec<Parameter>,
    pub(super) table: ParameterTable,
    pub(super) latency: u32,
    /// The precision asked for; none for the one that the plugin prefers.
    precision: Option<Precision>,
    /// Read ports and parameters again as soon as the plugin is inactive.
    pub(super) is_stale: bool,
    /// Its window, as far as it has one.
    pub(super) view: View,
}

impl ClapPlugin {
    /// Makes and initialises the plugin.
    pub(crate) fn new(entry: &PluginEntry, descriptor: PluginDescriptor) -> Result<Self, PluginInstanceError> {
        reap();
        let (notes, ends) = Notes::new();
        let info = host_info();
        let id = CString::new(descriptor.id.as_str()).map_err(|_| PluginInstanceError::PluginNotFound)?;
        let instance = PluginInstance::<Handlers>::new(
            |()| Shared(Arc::clone(&notes)),
            |shared| MainThread(Arc::clone(&shared.0)),
            entry,
            &id,
            &info,
        )?;
        let mut plugin = Self {
            descriptor,
            instance: ManuallyDrop::new(instance),
            notes,
            ends,
            ports: Ports::default(),
            parameters: Vec::new(),
            table: ParameterTable::default(),
            latency: 0,
            precision: None,
            is_stale: false,
            view: View::default(),
        };
        // SAFETY: the plugin is initialised.
        if let Some(tasks) = unsafe { Tasks::of(plugin.raw()) } {
            plugin.notes.tasks.get_or_init(|| tasks);
        }
        plugin.read_all();
        Ok(plugin)
    }

    /// How its window may be sized, as far as it says.
    pub fn resize_hints(&self) -> Option<ResizeHints> {
        // SAFETY: the plugin is initialised and this is its main thread.
        unsafe { resize_hints(self.raw()) }
    }

    pub(super) fn raw(&self) -> *const clap_plugin {
        self.instance.raw_instance()
    }

    fn read_all(&mut self) {
        let old = std::mem::take(&mut self.ports);
        let handle = self.instance.plugin_handle();
        let ports = Ports::read(&handle, &old);
        let (parameters, table) = parameters::read(&handle);
        (self.ports, self.parameters, self.table) = (ports, parameters, table);
        self.is_stale = false;
    }

    /// The latency that the plugin reports; it may only be asked while it is active.
    pub(super) fn read_latency(&mut self) -> u32 {
        let handle = self.instance.plugin_handle();
        handle.get_extension::<PluginLatency>().map_or(0, |latency| latency.get(&handle))
    }

    fn functions(&self) -> Option<Functions> {
        let plugin = self.raw();
        // SAFETY: the plugin is initialised; the types are those of the ids.
        unsafe {
            Some(Functions {
                plugin,
                process: (*plugin).process?,
                params: plugin_extension::<clap_plugin_params>(plugin, CLAP_EXT_PARAMS),
                tail: plugin_extension::<clap_plugin_tail>(plugin, CLAP_EXT_TAIL),
            })
        }
    }

    /// Runs `params.flush` of an inactive plugin with these values, and appends what it answers.
    pub(super) fn flush(&mut self, values: &[(u32, f64)], notices: &mut Vec<PluginNotice>) {
        let plugin = self.raw();
        // SAFETY: the plugin is initialised; the type is that of the id.
        let params = unsafe { plugin_extension::<clap_plugin_params>(plugin, CLAP_EXT_PARAMS) };
        // SAFETY: the vtable is valid as long as the plugin.
        let Some(flush) = params.and_then(|params| unsafe { params.as_ref().flush }) else { return };
        let mut call = PinnedCall::new(&Ports::default(), self.table.clone(), Precision::Single, 1);
        // A block's worth at a time, so that a long list is never cut.
        for some in values.chunks(FLUSH_VALUES).chain(values.is_empty().then_some(values)) {
            call.get().prepare_values(some);
            let (input, output) = call.lists();
            // SAFETY: the plugin is inactive and this is its main thread, as CLAP asks for then.
            unsafe { flush(plugin, input, output) };
            notices.extend(call.get().output().events().iter().filter_map(|event| match event.body {
                EventBody::Parameter { parameter, value, .. } => {
                    Some(PluginNotice::ParameterValue { parameter, value })
                }
                EventBody::Gesture { parameter, begin } => Some(PluginNotice::ParameterGesture { parameter, begin }),
                _ => None,
            }));
            call.get().finish();
        }
    }

    /// Lets the inactive plugin take other buses, and reads them.
    fn rearrange(
        &mut self,
        change: impl FnOnce(*const clap_plugin) -> Result<(), PluginError>,
    ) -> Result<(), PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        change(self.raw())?;
        self.read_all();
        Ok(())
    }

    fn buses_mut(&mut self, direction: BusDirection) -> &mut [AudioBus] {
        match direction {
            BusDirection::Input => &mut self.ports.inputs,
            BusDirection::Output => &mut self.ports.outputs,
        }
    }
}

/// Values handed over in one flush.
const FLUSH_VALUES: usize = 1024;

pub(super) fn host_info() -> HostInfo {
    HostInfo::new_from_cstring(
        c"Crosspoint".to_owned(),
        c"Crosspoint".to_owned(),
        c"".to_owned(),
        CString::new(env!("CARGO_PKG_VERSION")).unwrap_or_default(),
    )
}

/// Destroys the orphans whose audio half is gone.
fn reap() {
    let orphans = ORPHANS.with_borrow_mut(std::mem::take);
    // Outside the borrow: a plugin's destruction is foreign code.
    let waiting: Vec<_> = orphans.into_iter().filter_map(end).collect();
    ORPHANS.with_borrow_mut(|orphans| orphans.extend(waiting));
}

/// Deactivates and destroys a plugin, or gives it back if its audio half is still out.
fn end(mut instance: PluginInstance<Handlers>) -> Option<PluginInstance<Handlers>> {
    match instance.try_deactivate() {
        Err(PluginInstanceError::StillActivatedPlugin) => Some(instance),
        _ => None,
    }
}

impl Drop for ClapPlugin {
    fn drop(&mut self) {
        reap();
        self.destroy();
        // SAFETY: taken once, here; nothing uses it afterwards.
        let instance = unsafe { ManuallyDrop::take(&mut self.instance) };
        if let Some(orphan) = end(instance) {
            // On a thread that ends, there is nobody left to wait: then clack's leak is the safe way.
            let _ = ORPHANS.try_with(|orphans| orphans.borrow_mut().push(orphan));
        }
    }
}

impl Plugin for ClapPlugin {
    fn descriptor(&self) -> &PluginDescriptor {
        &self.descriptor
    }

    fn audio_buses(&self, direction: BusDirection) -> &[AudioBus] {
        match direction {
            BusDirection::Input => &self.ports.inputs,
            BusDirection::Output => &self.ports.outputs,
        }
    }

    fn set_bus_active(&mut self, direction: BusDirection, index: usize, active: bool) -> Result<(), PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        let bus = self.buses_mut(direction).get_mut(index).ok_or(PluginError::UnknownBus { index })?;
        bus.active = active;
        if let Some(mut handle) = self.instance.inactive_plugin_handle()
            && let Some(extension) = handle.get_extension::<PluginAudioPortsActivation>()
        {
            let is_input = direction == BusDirection::Input;
            // A plugin that refuses is given silence, as one that was never asked.
            extension.set_active_audio_inactive(&mut handle, is_input, index as u32, active, SampleSize::Float32);
        }
        Ok(())
    }

    fn note_ports(&self, direction: BusDirection) -> &[NotePort] {
        match direction {
            BusDirection::Input => &self.ports.note_inputs,
            BusDirection::Output => &self.ports.note_outputs,
        }
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn parameter_value(&mut self, parameter: u32) -> Option<f64> {
        let handle = self.instance.plugin_handle();
        handle.get_extension::<PluginParams>()?.get_value(&handle, ClapId::from_raw(parameter)?)
    }

    fn value_to_text(&mut self, parameter: u32, value: f64) -> Option<String> {
        let handle = self.instance.plugin_handle();
        let mut buffer = [0; 256];
        let text = handle
            .get_extension::<PluginParams>()?
            .value_to_text(&handle, ClapId::from_raw(parameter)?, value, &mut buffer)
            .ok()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn text_to_value(&mut self, parameter: u32, text: &str) -> Option<f64> {
        let text = CString::new(text).ok()?;
        let handle = self.instance.plugin_handle();
        let params = handle.get_extension::<PluginParams>()?;
        params.text_to_value(&handle, ClapId::from_raw(parameter)?, &text).filter(|value| value.is_finite())
    }

    fn set_parameters(&mut self, values: &[(u32, f64)]) -> Result<(), PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        if let Some(&(parameter, _)) = values.iter().find(|(parameter, _)| self.table.find(*parameter).is_none()) {
            return Err(PluginError::UnknownParameter { parameter });
        }
        if !values.is_empty() {
            self.flush(values, &mut Vec::new());
        }
        Ok(())
    }

    fn latency(&self) -> u32 {
        self.latency
    }

    fn tail(&mut self) -> Tail {
        let plugin = self.raw();
        // SAFETY: the plugin is initialised; the type is that of the id; CLAP allows the call on the main thread.
        let frames = unsafe {
            let extension = plugin_extension::<clap_plugin_tail>(plugin, CLAP_EXT_TAIL);
            extension.and_then(|tail| tail.as_ref().get).map_or(0, |get| get(plugin))
        };
        if frames >= i32::MAX as u32 { Tail::Infinite } else { Tail::Frames(frames) }
    }

    fn save_state(&mut self) -> Result<Vec<u8>, PluginError> {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginState>().ok_or(PluginError::Unsupported { feature: "state" })?;
        let mut state = Vec::new();
        extension.save(&handle, &mut state).map_err(|_| PluginError::Failed { action: "save its state" })?;
        Ok(state)
    }

    fn load_state(&mut self, mut state: &[u8]) -> Result<(), PluginError> {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginState>().ok_or(PluginError::Unsupported { feature: "state" })?;
        extension.load(&handle, &mut state).map_err(|_| PluginError::Failed { action: "load its state" })
    }

    fn set_render_mode(&mut self, mode: RenderMode) -> bool {
        let mode = match mode {
            RenderMode::RealTime => ClapRenderMode::Realtime,
            RenderMode::Offline => ClapRenderMode::Offline,
        };
        let handle = self.instance.plugin_handle();
        handle.get_extension::<PluginRender>().is_some_and(|render| render.set(&handle, mode).is_ok())
    }

    fn requires_real_time(&mut self) -> bool {
        let handle = self.instance.plugin_handle();
        handle.get_extension::<PluginRender>().is_some_and(|render| render.has_realtime_requirement(&handle))
    }

    fn activate(&mut self, activation: Activation) -> Result<Box<dyn Processor>, PluginError> {
        if self.is_active() {
            return Err(PluginError::Active);
        }
        activation.check()?;
        if self.is_stale {
            self.read_all();
        }
        for bus in self.ports.inputs.iter().chain(&self.ports.outputs) {
            let channels = bus.layout.channels();
            if channels > MAX_PORT_CHANNELS {
                return Err(PluginError::Channels { bus: bus.name.clone(), channels, most: MAX_PORT_CHANNELS });
            }
        }
        let Activation { sample_rate, min_frames, max_frames } = activation;
        let functions = self.functions().ok_or(PluginError::Unsupported { feature: "processing" })?;
        let Ports { takes_double, prefers_double, .. } = self.ports;
        let precision = match self.precision {
            Some(Precision::Double) if takes_double => Precision::Double,
            None if prefers_double => Precision::Double,
            _ => Precision::Single,
        };
        let call = PinnedCall::new(&self.ports, self.table.clone(), precision, max_frames as usize);
        let notes = Arc::clone(&self.notes);
        let configuration =
            PluginAudioConfiguration { sample_rate, min_frames_count: min_frames, max_frames_count: max_frames };
        self.notes.set_being_activated(true);
        let processor = self.instance.activate(|shared, _| Audio(Arc::clone(&shared.0)), configuration);
        self.notes.set_being_activated(false);
        let processor = processor.map_err(|_| {
            self.notes.scratch.release();
            PluginError::ActivationRefused { sample_rate }
        })?;
        self.latency = self.read_latency();
        Ok(Box::new(ClapProcessor::new(functions, call, notes, processor.into())))
    }

    fn set_precision(&mut self, precision: Precision) -> bool {
        self.precision = Some(precision);
        precision == Precision::Single || self.ports.takes_double
    }

    fn deactivate(&mut self, mut processor: Box<dyn Processor>) -> Result<(), PluginError> {
        if !self.is_active() {
            return Err(PluginError::Inactive);
        }
        // Nothing to one that was stopped on the audio thread; one that was not is stopped here, in its place.
        processor.stop();
        drop(processor);
        self.instance.try_deactivate().map_err(|_| PluginError::ForeignProcessor)?;
        self.notes.scratch.release();
        if self.is_stale {
            self.read_all();
        }
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.instance.is_active()
    }

    fn with_locks_held(&self, during: &mut dyn FnMut()) {
        self.notes.with_locks_held(during);
    }

    fn poll(&mut self, notices: &mut Vec<PluginNotice>) {
        reap();
        self.poll_all(notices);
    }

    fn next_poll(&self) -> Option<Instant> {
        self.notes.timers().next()
    }

    fn interests(&self) -> Vec<Interest> {
        self.notes.timers().interests().to_vec()
    }

    fn save_state_for(&mut self, purpose: StatePurpose) -> Result<Vec<u8>, PluginError> {
        let handle = self.instance.plugin_handle();
        let Some(extension) = handle.get_extension::<PluginStateContext>() else { return self.save_state() };
        let mut state = Vec::new();
        let failed = PluginError::Failed { action: "save its state" };
        extension.save(&handle, &mut state, state_context(purpose)).map_err(|_| failed)?;
        Ok(state)
    }

    fn load_state_for(&mut self, mut state: &[u8], purpose: StatePurpose) -> Result<(), PluginError> {
        let handle = self.instance.plugin_handle();
        let Some(extension) = handle.get_extension::<PluginStateContext>() else { return self.load_state(state) };
        let failed = PluginError::Failed { action: "load its state" };
        extension.load(&handle, &mut state, state_context(purpose)).map_err(|_| failed)
    }

    fn load_preset(&mut self, place: &PresetPlace) -> Result<(), PluginError> {
        // SAFETY: the plugin is initialised and this is its main thread, as in all that follows.
        unsafe { presets::load_preset(self.raw(), place) }
    }

    fn port_configurations(&mut self) -> Vec<PortConfiguration> {
        // SAFETY: as above.
        unsafe { arrangement::port_configurations(self.raw()) }
    }

    fn select_port_configuration(&mut self, id: u32) -> Result<(), PluginError> {
        self.rearrange(|plugin| {
            // SAFETY: as above, and the plugin is inactive.
            unsafe { arrangement::select_port_configuration(plugin, id) }
        })
    }

    fn set_bus_layouts(&mut self, layouts: &[BusLayout]) -> Result<(), PluginError> {
        for bus in layouts {
            self.audio_buses(bus.direction).get(bus.index).ok_or(PluginError::UnknownBus { index: bus.index })?;
        }
        self.rearrange(|plugin| {
            // SAFETY: as above, and the plugin is inactive.
            unsafe { arrangement::set_bus_layouts(plugin, layouts) }
        })
    }

    fn channel_map(&mut self, direction: BusDirection, index: usize) -> Option<ChannelMap> {
        let layout = self.audio_buses(direction).get(index)?.layout;
        // SAFETY: as above; there is such a bus.
        unsafe { arrangement::channel_map(self.raw(), direction, index, layout) }
    }

    fn note_names(&mut self) -> Vec<NoteName> {
        // SAFETY: as above.
        unsafe { surface::note_names(self.raw()) }
    }

    fn voices(&mut self) -> Option<Voices> {
        // SAFETY: as above.
        unsafe { surface::voices(self.raw()) }
    }

    fn control_pages(&mut self) -> Vec<ControlPage> {
        // SAFETY: as above.
        unsafe { surface::control_pages(self.raw()) }
    }

    fn show_mapping(&mut self, parameter: u32, mapping: Option<&Mapping>) {
        // SAFETY: as above.
        unsafe { surface::show_mapping(self.raw(), parameter, mapping) }
    }

    fn show_automation(&mut self, parameter: u32, state: AutomationState, color: Option<Color>) {
        // SAFETY: as above.
        unsafe { surface::show_automation(self.raw(), parameter, state, color) }
    }

    fn set_track(&mut self, track: &Track) {
        self.notes.set_track(track.clone());
        // SAFETY: as above.
        unsafe { surface::track_changed(self.raw()) }
    }

    fn menu(&mut self, target: MenuTarget) -> Vec<MenuItem> {
        // SAFETY: as above.
        unsafe { menu::menu(self.raw(), target) }
    }

    fn perform_menu_action(&mut self, target: MenuTarget, action: u32) -> bool {
        // SAFETY: as above.
        unsafe { menu::perform_menu_action(self.raw(), target, action) }
    }

    fn set_project_path(&mut self, path: &[ProjectPart]) {
        // SAFETY: as above.
        unsafe { session::set_project_path(self.raw(), path) }
    }

    fn set_resource_directory(&mut self, path: Option<&Path>, shared: bool) -> Result<(), PluginError> {
        // SAFETY: as above.
        unsafe { session::set_resource_directory(self.raw(), path, shared) }
    }

    fn collect_resources(&mut self, all: bool) {
        // SAFETY: as above.
        unsafe { session::collect_resources(self.raw(), all) }
    }

    fn resource_files(&mut self) -> Vec<PathBuf> {
        // SAFETY: as above.
        unsafe { session::resource_files(self.raw()) }
    }

    fn apply_change(&mut self, delta: &ChangeDelta, direction: HistoryDirection) -> Result<(), PluginError> {
        // SAFETY: as above.
        unsafe { history::apply_change(self.raw(), delta, direction) }
    }

    fn editor(&mut self) -> Option<&mut dyn Editor> {
        self.has_view().then_some(self)
    }

    fn set_undo_context(&mut self, context: &UndoContext) {
        // SAFETY: as above.
        unsafe { history::set_undo_context(self.raw(), context) }
    }
}

fn state_context(purpose: StatePurpose) -> StateContextType {
    match purpose {
        StatePurpose::Project => StateContextType::ForProject,
        StatePurpose::Preset => StateContextType::ForPreset,
        StatePurpose::Duplicate => StateContextType::ForDuplicate,
    }
}
