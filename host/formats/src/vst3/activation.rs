//! Switching a component on and off, and telling it parameters while it is off. Main thread; stands in for the audio half
//! only while there is none.

use std::sync::Arc;

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kNotImplemented, kResultOk};

use super::abi;
use super::call::{Call, Shape};
use super::plugin::Vst3Plugin;
use super::ports;
use super::processor::Functions;
use crate::error::PluginError;
use crate::plugin::{Activation, BusDirection as Direction, Plugin, Precision, RenderMode};
use crate::thread::AudioThread;

/// How a plugin is activated to be told parameters when nothing else is known.
pub(super) const DEFAULT_ACTIVATION: Activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: 512 };
/// Values handed over in one call.
const FLUSH_VALUES: usize = 256;

/// How VST3 numbers it.
fn mode(mode: RenderMode) -> i32 {
    match mode {
        RenderMode::RealTime => abi::REAL_TIME,
        RenderMode::Offline => abi::OFFLINE,
    }
}

impl Vst3Plugin {
    pub(super) fn can_process(&self, precision: Precision) -> bool {
        // SAFETY: the component is initialised and this is the main thread.
        unsafe { self.instance.processor.canProcessSampleSize(abi::sample_size(precision)) == kResultOk }
    }

    /// Sets up processing and switches the component on. The precision that it has then: the one asked for if it can be.
    pub(super) fn switch_on(&mut self, activation: Activation) -> Result<Precision, PluginError> {
        let Activation { sample_rate, max_frames, .. } = activation;
        let mut possible = [self.precision, Precision::Single, Precision::Double].into_iter();
        let Some(precision) = possible.find(|&precision| self.can_process(precision)) else {
            return Err(PluginError::Unsupported { feature: "32-bit or 64-bit samples" });
        };
        let mut setup = ProcessSetup {
            processMode: mode(self.mode),
            symbolicSampleSize: abi::sample_size(precision),
            maxSamplesPerBlock: max_frames as i32,
            sampleRate: sample_rate,
        };
        // SAFETY: the component is initialised and inactive, and this is the main thread; as for all calls here.
        if unsafe { self.instance.processor.setupProcessing(&mut setup) } != kResultOk {
            return Err(PluginError::ActivationRefused { sample_rate });
        }
        self.switch_buses();
        self.instance.is_active = true;
        // SAFETY: as above.
        let result = unsafe { self.instance.component.setActive(1) };
        // Some have nothing to do and say that they do not know the call.
        if result != kResultOk && result != kNotImplemented {
            self.switch_off();
            return Err(PluginError::ActivationRefused { sample_rate });
        }
        Ok(precision)
    }

    pub(super) fn switch_off(&mut self) {
        // SAFETY: the component is initialised, its audio half is home, and this is the main thread.
        unsafe { self.instance.component.setActive(0) };
        self.instance.is_active = false;
    }

    /// Tells the component which buses are on: those that are, and all for events.
    fn switch_buses(&self) {
        let component = &self.instance.component;
        let switch = |kind, direction, index: usize, on: bool| {
            // SAFETY: the component is initialised and inactive, and this is the main thread. One that refuses is given
            // silence there.
            unsafe { component.activateBus(kind, direction, index as i32, on.into()) };
        };
        for direction in [Direction::Input, Direction::Output] {
            for (index, bus) in self.ports.buses(direction).iter().enumerate() {
                switch(abi::AUDIO, ports::number(direction), index, bus.active);
            }
            (0..self.note_ports(direction).len()).for_each(|index| {
                switch(abi::EVENT, ports::number(direction), index, true);
            });
        }
    }

    pub(super) fn make_call(&self, activation: Activation, precision: Precision) -> Box<Call> {
        let requirements = abi::whole::<IProcessContextRequirements, _>(&self.instance.processor);
        // SAFETY: the component is initialised and this is the main thread. One that does not say wants all.
        let wants = |needs: ComPtr<IProcessContextRequirements>| unsafe { needs.getProcessContextRequirements() } != 0;
        Call::new(Shape {
            ports: &self.ports,
            table: self.parameters.table.clone(),
            map: Arc::clone(&self.map),
            expressions: Arc::clone(&self.expressions),
            max_frames: activation.max_frames as usize,
            sample_rate: activation.sample_rate,
            mode: mode(self.mode),
            wants_context: requirements.is_none_or(wants),
            precision,
        })
    }

    /// Tells an inactive component the values that wait for it. VST3 has no way but a call of `process`, for which it has to
    /// be on; what the call leaves behind in it is gone when it is switched off.
    pub(super) fn flush_inactive(&mut self) {
        if self.is_active() || (self.pending.is_empty() && !self.notes.has_unsent()) {
            return;
        }
        let Ok(precision) = self.switch_on(self.activation) else { return };
        let functions = self.functions();
        let mut call = self.make_call(self.activation, precision);
        let pending = std::mem::take(&mut self.pending);
        let mark = AudioThread::enter(self.notes.identity());
        // SAFETY: the component is on, and there is no audio half: this thread stands in for it; as for all calls here.
        unsafe { functions.set_processing(true) };
        // A block's worth at a time, so that a long list is never cut.
        for some in pending.chunks(FLUSH_VALUES).chain(pending.is_empty().then_some(&[][..])) {
            call.prepare_values(some, &self.notes);
            // SAFETY: as above.
            unsafe { functions.process(&mut call) };
            call.finish(&self.notes, None);
        }
        // SAFETY: as above.
        unsafe { functions.set_processing(false) };
        drop(mark);
        self.switch_off();
    }

    pub(super) fn functions(&self) -> Functions {
        // SAFETY: the processor lives as long as the instance, which the leash keeps until the audio half is gone.
        unsafe { Functions::of(self.instance.processor.as_ptr()) }
    }
}
