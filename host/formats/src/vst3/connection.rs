//! Joins a plugin's two halves: each is given one end of ours instead of the other half, so that messages cross on the main
//! thread alone, and neither half keeps the other alive.

use std::sync::{Arc, Mutex, PoisonError};

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::notes::{Letter, Notes};

/// What one half sees of the other.
pub(super) struct End {
    notes: Arc<Notes>,
    /// The other half; none once disconnected.
    other: Mutex<Option<ComPtr<IConnectionPoint>>>,
}

impl End {
    fn other(&self) -> Option<ComPtr<IConnectionPoint>> {
        self.other.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self) {
        // Dropped outside the lock: letting go of the last reference runs foreign code.
        let other = self.other.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(other);
    }
}

impl Class for End {
    type Interfaces = (IConnectionPoint,);
}

impl IConnectionPointTrait for End {
    /// Halves are joined by the host alone.
    unsafe fn connect(&self, _other: *mut IConnectionPoint) -> tresult {
        kResultFalse
    }

    unsafe fn disconnect(&self, _other: *mut IConnectionPoint) -> tresult {
        self.forget();
        kResultOk
    }

    unsafe fn notify(&self, message: *mut IMessage) -> tresult {
        // SAFETY: the half hands over a message or null.
        let (Some(message), Some(other)) = (unsafe { ComRef::from_raw(message) }, self.other()) else {
            return kResultFalse;
        };
        if self.notes.is_main_thread() {
            // SAFETY: this is the main thread, and the other half is initialised as long as it is joined.
            unsafe { other.notify(message.as_ptr()) }
        } else {
            self.notes.post(Letter { to: other, message: message.to_com_ptr() });
            kResultOk
        }
    }
}

/// Two halves that are joined until this is dropped. Main thread.
pub(crate) struct Connection {
    halves: [ComPtr<IConnectionPoint>; 2],
    /// What the half of the same place was given.
    ends: [ComWrapper<End>; 2],
}

impl Connection {
    /// Joins the halves, if both can be.
    pub(crate) fn join(
        component: Option<ComPtr<IConnectionPoint>>,
        controller: Option<ComPtr<IConnectionPoint>>,
        notes: &Arc<Notes>,
    ) -> Option<Self> {
        let halves = [component?, controller?];
        let end = |other: &ComPtr<IConnectionPoint>| {
            ComWrapper::new(End { notes: Arc::clone(notes), other: Mutex::new(Some(other.clone())) })
        };
        let ends = [end(&halves[1]), end(&halves[0])];
        let connection = Self { halves, ends };
        connection.each(|half, end| {
            // SAFETY: both halves are initialised and this is the main thread.
            unsafe { half.connect(end.as_ptr()) };
        });
        Some(connection)
    }

    /// Runs something while the locks of both ends are held.
    pub(crate) fn with_locks_held(&self, during: &mut dyn FnMut()) {
        let lock = |end: usize| self.ends[end].other.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = (lock(0), lock(1));
        during();
    }

    fn each(&self, act: impl Fn(&ComPtr<IConnectionPoint>, ComRef<'_, IConnectionPoint>)) {
        for (half, end) in self.halves.iter().zip(&self.ends) {
            if let Some(end) = end.as_com_ref::<IConnectionPoint>() {
                act(half, end);
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.each(|half, end| {
            // SAFETY: as in `join`; both halves live until this is gone.
            unsafe { half.disconnect(end.as_ptr()) };
        });
        // Whatever they keep of the ends, it leads nowhere now.
        self.ends.iter().for_each(|end| end.forget());
    }
}
