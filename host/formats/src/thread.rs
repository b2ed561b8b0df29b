//! Which thread is the audio thread, and for whom: a mark on the thread itself, set while a plugin's audio half runs.
//! Plugins ask for it, and logging chooses its way by it. Never decides what may be called.
#![deny(clippy::disallowed_types)]

use std::cell::Cell;
use std::ptr;

thread_local! {
    static INSIDE: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// Marks the current thread as the audio thread of `owner` until it is dropped. Audio halves do not run within each
/// other, so that there is no outer mark to go back to.
pub(crate) struct AudioThread;

impl AudioThread {
    /// `owner` is an address that stands for one plugin.
    #[inline]
    pub(crate) fn enter(owner: *const ()) -> Self {
        INSIDE.set(owner);
        Self
    }
}

impl Drop for AudioThread {
    #[inline]
    fn drop(&mut self) {
        INSIDE.set(ptr::null());
    }
}

/// Whether the calling thread is, at this moment, inside a plugin's audio half.
#[inline]
pub fn is_audio_thread() -> bool {
    !INSIDE.get().is_null()
}

/// Whether it is inside that of `owner`.
#[inline]
pub(crate) fn is_inside(owner: *const ()) -> bool {
    ptr::eq(INSIDE.get(), owner)
}
