//! What the library exports: what COM asks for, and how a test talks to it.

use std::ffi::c_void;
use std::ptr::null_mut;

use crate::class;
use crate::driver;
use crate::plan::{Counts, Plan};
use crate::record;
use windows_sys::Win32::Foundation::{CLASS_E_CLASSNOTAVAILABLE, S_FALSE};
use windows_sys::core::GUID;

/// The factory of the driver, for COM.
///
/// # Safety
/// As COM calls it.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn DllGetClassObject(
    class: *const GUID,
    interface: *const GUID,
    object: *mut *mut c_void,
) -> i32 {
    // SAFETY: COM hands over an identifier of a class.
    if !unsafe { class::is_ours(class) } {
        // SAFETY: COM hands over room for the object.
        unsafe { *object = null_mut() };
        return CLASS_E_CLASSNOTAVAILABLE;
    }
    // SAFETY: as COM calls it.
    unsafe { class::factory(interface, object) }
}

/// The library stays: its counts are of its whole life.
#[unsafe(no_mangle)]
pub extern "system" fn DllCanUnloadNow() -> i32 {
    S_FALSE
}

/// What the next driver is to be. Clears the counts.
///
/// # Safety
/// `plan` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosspoint_asio_configure(plan: *const Plan) {
    // SAFETY: the caller vouches for it.
    record::configure(unsafe { *plan });
}

/// Has all running drivers switch so often, on the calling thread.
#[unsafe(no_mangle)]
pub extern "C" fn crosspoint_asio_step(count: u32) {
    driver::step(count);
}

/// Sends a message to the host and returns its answer; -1 if there is no host.
#[unsafe(no_mangle)]
pub extern "C" fn crosspoint_asio_message(selector: i32, value: i32) -> i32 {
    driver::message(selector, value)
}

/// Tells the host that the rate changed.
#[unsafe(no_mangle)]
pub extern "C" fn crosspoint_asio_rate_changed(rate: f64) {
    driver::rate_changed(rate);
}

/// What happened.
///
/// # Safety
/// There is room for the counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosspoint_asio_counts(counts: *mut Counts) {
    // SAFETY: the caller vouches for it.
    unsafe { *counts = record::counts() };
}

/// Takes the hardware away, or brings it back.
#[unsafe(no_mangle)]
pub extern "C" fn crosspoint_asio_vanish(is_gone: bool) {
    record::vanish(is_gone);
}
