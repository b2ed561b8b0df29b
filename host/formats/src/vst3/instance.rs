//! One instance of a plugin's class: its component and its controller, which may be one object or two, from their making to
//! their end. Main thread.

use std::mem::size_of;
use std::rc::Rc;
use std::sync::Arc;

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{ComPtr, ComWrapper};

use super::abi::{is_whole, whole};
use super::connection::Connection;
use super::factory::Factory;
use super::handler::Handler;
use super::host::HostContext;
use super::notes::Notes;
use super::stream::{Purpose, Stream};

/// See the module. Fields are dropped in this order, which is the order that plugins expect.
pub(crate) struct Instance {
    connection: Option<Connection>,
    pub(crate) controller: Option<ComPtr<IEditController>>,
    pub(crate) processor: ComPtr<IAudioProcessor>,
    pub(crate) component: ComPtr<IComponent>,
    /// Whether the controller is an object of its own.
    is_split: bool,
    /// Whether the component is active.
    pub(crate) is_active: bool,
    handler: ComWrapper<Handler>,
    pub(crate) context: ComWrapper<HostContext>,
    /// Its code stays, but it must not outlive its factory.
    factory: Rc<Factory>,
}

impl Instance {
    /// Makes and initialises both halves, joins them and tells the controller the component's state.
    pub(crate) fn new(factory: Rc<Factory>, class: &TUID, notes: &Arc<Notes>) -> Result<Self, &'static str> {
        let context = HostContext::new();
        let handler = Handler::new(Arc::clone(notes));
        let component = factory.create::<IComponent>(class).ok_or("its factory does not make one")?;
        if !is_whole(&component) {
            return Err("its component lacks functions");
        }
        // SAFETY: the component was just made, this is the main thread, and the context outlives it.
        if unsafe { component.initialize(unknown(&context)) } != kResultOk {
            return Err("its component does not initialise");
        }
        let Some(processor) = whole::<IAudioProcessor, _>(&component) else {
            // SAFETY: it was initialised.
            unsafe { component.terminate() };
            return Err("it has no audio processor");
        };
        let mut instance = Self {
            connection: None,
            controller: whole::<IEditController, _>(&component),
            processor,
            component,
            is_split: false,
            is_active: false,
            handler,
            context,
            factory,
        };
        if instance.controller.is_none() {
            instance.make_controller();
        }
        instance.introduce(notes);
        Ok(instance)
    }

    /// The controller as an object of its own. A plugin without one has no parameters.
    fn make_controller(&mut self) {
        let mut class: TUID = [0; size_of::<TUID>()];
        // SAFETY: the component is initialised and there is room for the id.
        if unsafe { self.component.getControllerClassId(&mut class) } != kResultOk {
            return;
        }
        let Some(controller) = self.factory.create::<IEditController>(&class).filter(is_whole) else { return };
        // SAFETY: as for the component.
        if unsafe { controller.initialize(unknown(&self.context)) } == kResultOk {
            self.controller = Some(controller);
            self.is_split = true;
        }
    }

    /// Gives the controller its handler, joins it to the component and brings it up to the component's state.
    fn introduce(&mut self, notes: &Arc<Notes>) {
        let Some(controller) = self.controller.clone() else { return };
        let handler = self.handler.as_com_ref::<IComponentHandler>();
        // SAFETY: the controller is initialised, this is the main thread, and the handler outlives it.
        unsafe { controller.setComponentHandler(handler.map_or(std::ptr::null_mut(), |handler| handler.as_ptr())) };
        self.context.exchange.set_receiver(whole::<IDataExchangeReceiver, _>(&controller));
        if self.is_split {
            let (component, other) = (whole(&self.component), whole(&controller));
            self.connection = Connection::join(component, other, notes);
            self.follow_component();
        }
    }

    /// Runs something while every lock of the host objects that belong to it alone is held.
    pub(crate) fn with_locks_held(&self, during: &mut dyn FnMut()) {
        let mut within = || match &self.connection {
            Some(connection) => connection.with_locks_held(during),
            None => during(),
        };
        let HostContext { run_loop, exchange } = &*self.context;
        run_loop.with_lock_held(&mut || exchange.with_lock_held(&mut within));
    }

    /// Tells the controller the component's state.
    pub(crate) fn follow_component(&self) {
        if let (Some(controller), Some(state)) = (&self.controller, self.component_state(Purpose::Project)) {
            // Some complain of a state that is empty, even if it is their own.
            if !state.is_empty() {
                let stream = Stream::new(state, Purpose::Project);
                // SAFETY: the controller is initialised and this is the main thread. One that needs no state says so.
                unsafe { controller.setComponentState(Stream::lend(&stream)) };
            }
        }
    }

    /// The component's state; none if it gives none.
    pub(crate) fn component_state(&self, purpose: Purpose) -> Option<Vec<u8>> {
        let stream = Stream::new(Vec::new(), purpose);
        // SAFETY: the component is initialised and this is the main thread.
        let result = unsafe { self.component.getState(Stream::lend(&stream)) };
        (result == kResultOk).then(|| stream.take())
    }

    /// The controller's own state; none if it gives none.
    pub(crate) fn controller_state(&self, purpose: Purpose) -> Option<Vec<u8>> {
        let stream = Stream::new(Vec::new(), purpose);
        // SAFETY: the controller is initialised and this is the main thread.
        let result = unsafe { self.controller.as_ref()?.getState(Stream::lend(&stream)) };
        (result == kResultOk).then(|| stream.take()).filter(|state| !state.is_empty())
    }

    /// Gives both halves their states back. False if the component refuses its own.
    pub(crate) fn set_states(&self, component: &[u8], controller: Option<&[u8]>, purpose: Purpose) -> bool {
        let stream = |bytes: &[u8]| Stream::new(bytes.to_vec(), purpose);
        if component.is_empty() {
            return true;
        }
        // SAFETY: both halves are initialised and this is the main thread; as for all calls here.
        let result = unsafe { self.component.setState(Stream::lend(&stream(component))) };
        // Some refuse what they wrote themselves when there is nothing in it.
        if result != kResultOk && self.component_state(purpose).as_deref() != Some(component) {
            return false;
        }
        if let Some(editor) = &self.controller {
            // SAFETY: as above.
            unsafe { editor.setComponentState(Stream::lend(&stream(component))) };
            if let Some(state) = controller {
                // SAFETY: as above. What it cannot use of it, it leaves.
                unsafe { editor.setState(Stream::lend(&stream(state))) };
            }
        }
        true
    }
}

/// The context as plugins take it, for as long as it lives.
fn unknown(context: &ComWrapper<HostContext>) -> *mut FUnknown {
    context.as_com_ref::<FUnknown>().map_or(std::ptr::null_mut(), |context| context.as_ptr())
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.connection = None;
        // SAFETY: both halves were initialised and are ended once, on the main thread; the audio half is gone.
        unsafe {
            if self.is_active {
                self.component.setActive(0);
            }
            self.context.exchange.set_receiver(None);
            if let Some(controller) = &self.controller {
                controller.setComponentHandler(std::ptr::null_mut());
                if self.is_split {
                    controller.terminate();
                }
            }
            self.component.terminate();
        }
        self.context.run_loop.purge();
    }
}
