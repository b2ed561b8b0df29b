//! The list of events that a plugin reads during its call: an object made at activation and reused for each block. Never
//! allocates once made; note-offs find room when nothing else does.
#![deny(clippy::disallowed_types)]

use std::cell::{Cell, UnsafeCell};
use std::mem::zeroed;

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kInvalidArgument, kResultOk, tresult};
use vst3::{Class, ComWrapper};

/// Events that a plugin can be given in one block.
const CAPACITY: usize = 2048;
/// Places that only note-offs may take.
const RESERVED: usize = 256;

/// See the module.
pub(crate) struct InputEvents {
    events: UnsafeCell<Box<[Event]>>,
    length: Cell<usize>,
}

impl InputEvents {
    pub(crate) fn new() -> ComWrapper<Self> {
        // SAFETY: an event is numbers and pointers that nobody follows before it is written.
        let empty: Event = unsafe { zeroed() };
        let events = UnsafeCell::new(vec![empty; CAPACITY].into_boxed_slice());
        ComWrapper::new(Self { events, length: Cell::new(0) })
    }

    /// Forgets the events.
    #[inline]
    pub(crate) fn clear(&self) {
        self.length.set(0);
    }

    /// Adds an event behind the others. False if there is no room.
    pub(crate) fn push(&self, event: Event, is_release: bool) -> bool {
        let length = self.length.get();
        if length >= if is_release { CAPACITY } else { CAPACITY - RESERVED } {
            return false;
        }
        // SAFETY: nothing else borrows the events: the plugin reads copies, and not while the list is being made.
        unsafe { (&mut *self.events.get())[length] = event };
        self.length.set(length + 1);
        true
    }
}

impl Class for InputEvents {
    type Interfaces = (IEventList,);
}

impl IEventListTrait for InputEvents {
    unsafe fn getEventCount(&self) -> i32 {
        self.length.get() as i32
    }

    unsafe fn getEvent(&self, index: i32, to: *mut Event) -> tresult {
        // SAFETY: as in `push`.
        let events = unsafe { &(&*self.events.get())[..self.length.get()] };
        match usize::try_from(index).ok().and_then(|index| events.get(index)).filter(|_| !to.is_null()) {
            Some(event) => {
                // SAFETY: the plugin hands over room for the event.
                unsafe { to.write_unaligned(*event) };
                kResultOk
            }
            None => kInvalidArgument,
        }
    }

    /// It is the host's to write.
    unsafe fn addEvent(&self, _event: *mut Event) -> tresult {
        kInvalidArgument
    }
}
