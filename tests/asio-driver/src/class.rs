//! The class of the driver as COM sees it: a factory that lives for ever and makes drivers.

use std::ffi::c_void;
use std::ptr::null_mut;

use crate::driver;
use windows_sys::Win32::Foundation::{E_NOINTERFACE, S_OK};
use windows_sys::core::GUID;

/// [`CLASS`](crate::CLASS) in numbers.
const OURS: GUID = GUID::from_u128(0x5B1C0F3E_6D1B_4C7B_9C0A_2F6E1D9A7C11);
const UNKNOWN: GUID = GUID::from_u128(0x00000000_0000_0000_C000_000000000046);
const CLASS_FACTORY: GUID = GUID::from_u128(0x00000001_0000_0000_C000_000000000046);

#[repr(C)]
struct Factory {
    functions: *const FactoryFunctions,
}

// SAFETY: it is a constant.
unsafe impl Sync for Factory {}

#[repr(C)]
struct FactoryFunctions {
    query_interface: unsafe extern "system" fn(*mut c_void, *const GUID, *mut *mut c_void) -> i32,
    add_ref: unsafe extern "system" fn(*mut c_void) -> u32,
    release: unsafe extern "system" fn(*mut c_void) -> u32,
    create_instance: unsafe extern "system" fn(*mut c_void, *mut c_void, *const GUID, *mut *mut c_void) -> i32,
    lock_server: unsafe extern "system" fn(*mut c_void, i32) -> i32,
}

static FUNCTIONS: FactoryFunctions =
    FactoryFunctions { query_interface, add_ref: stays, release: stays, create_instance, lock_server };
static FACTORY: Factory = Factory { functions: &FUNCTIONS };

fn same(one: &GUID, other: &GUID) -> bool {
    (one.data1, one.data2, one.data3, one.data4) == (other.data1, other.data2, other.data3, other.data4)
}

/// Whether an identifier is that of the driver, as class and as interface.
///
/// # Safety
/// It is valid.
pub unsafe fn is_ours(id: *const GUID) -> bool {
    // SAFETY: the caller vouches for it.
    same(unsafe { &*id }, &OURS)
}

/// Whether an identifier is that of every object.
///
/// # Safety
/// It is valid.
pub unsafe fn is_unknown(id: *const GUID) -> bool {
    // SAFETY: the caller vouches for it.
    same(unsafe { &*id }, &UNKNOWN)
}

/// Hands out the factory.
///
/// # Safety
/// As COM calls it.
pub unsafe fn factory(interface: *const GUID, object: *mut *mut c_void) -> i32 {
    // SAFETY: as COM calls it.
    unsafe { query_interface((&raw const FACTORY).cast_mut().cast(), interface, object) }
}

unsafe extern "system" fn query_interface(this: *mut c_void, id: *const GUID, object: *mut *mut c_void) -> i32 {
    // SAFETY: as COM calls it.
    let is_factory = unsafe { same(&*id, &CLASS_FACTORY) || is_unknown(id) };
    // SAFETY: COM hands over room for the object.
    unsafe { *object = if is_factory { this } else { null_mut() } };
    if is_factory { S_OK } else { E_NOINTERFACE }
}

unsafe extern "system" fn stays(_: *mut c_void) -> u32 {
    1
}

unsafe extern "system" fn create_instance(
    _: *mut c_void,
    _: *mut c_void,
    id: *const GUID,
    object: *mut *mut c_void,
) -> i32 {
    // SAFETY: as COM calls it.
    let is_driver = unsafe { is_ours(id) || is_unknown(id) };
    let made = if is_driver { driver::make() } else { null_mut() };
    // SAFETY: COM hands over room for the object.
    unsafe { *object = made };
    if is_driver { S_OK } else { E_NOINTERFACE }
}

unsafe extern "system" fn lock_server(_: *mut c_void, _: i32) -> i32 {
    S_OK
}
