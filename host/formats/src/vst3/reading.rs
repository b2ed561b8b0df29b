//! Reading what a plugin has, at first and whenever it says that it has something else. Main thread.

use std::sync::Arc;

use vst3::Steinberg::Vst::*;

use super::abi::whole;
use super::expressions::ExpressionMap;
use super::midi_map::MidiMap;
use super::parameters::Parameters;
use super::plugin::Vst3Plugin;
use super::ports::Ports;

impl Vst3Plugin {
    pub(super) fn read_ports(&mut self) {
        let old = std::mem::take(&mut self.ports);
        self.ports = Ports::read(&self.instance.component, &self.instance.processor, &old);
    }

    pub(super) fn read_parameters(&mut self) {
        let Some(controller) = &self.instance.controller else { return };
        let controlled = self.map.controlled();
        self.parameters = Parameters::read(controller, |id| controlled.contains(&id));
        self.map.read_programs(controller, &self.parameters.programs);
    }

    pub(super) fn read_all(&mut self) {
        self.read_ports();
        let buses = self.ports.note_inputs.len();
        let learns = self.controller().is_some_and(|controller| whole::<IMidiLearn, _>(controller).is_some());
        let (map, expressions) = (MidiMap::new(buses, learns), ExpressionMap::new(buses));
        if let Some(controller) = &self.instance.controller {
            map.read(controller);
            expressions.read(controller);
        }
        (self.map, self.expressions) = (Arc::new(map), Arc::new(expressions));
        self.read_parameters();
        self.is_stale = false;
    }

    pub(super) fn read_latency(&self) -> u32 {
        // SAFETY: the component is initialised and this is the main thread.
        unsafe { self.instance.processor.getLatencySamples() }
    }

    pub(super) fn renew(&mut self) {
        if self.must_reload {
            self.reload();
        } else if self.is_stale {
            self.read_all();
        }
    }
}
