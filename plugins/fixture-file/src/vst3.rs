//! The same file as a VST3 library: its entry, which finds its name by its own address, and a factory of a few fixtures.
#![allow(non_snake_case, reason = "names as the VST3 interface has them")]

use std::ffi::{CStr, OsStr, c_void};
use std::mem::zeroed;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crosspoint_fixtures::vst3::{entry as pack, ids};
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComWrapper, uid};

use crate::entry::{behave, has_windows, is_whole, make_second};

/// The class of a fixture.
const fn class(number: u32) -> TUID {
    let [a, b] = ids::FAMILY;
    uid(a, b, 0, number)
}

/// The fixtures in the file by their numbers, in its order.
fn fixtures() -> &'static [u32] {
    if has_windows() { &ids::WINDOWS_IN_FILES } else { &ids::IN_FILES }
}

/// The name of the library that this code is in, without its folder and its ending.
fn own_name() -> String {
    // SAFETY: a structure of pointers, filled by the loader.
    let mut about: libc::Dl_info = unsafe { zeroed() };
    // SAFETY: there is room for the answer; the name in it is a C string that lasts as long as the library.
    let name = unsafe {
        if libc::dladdr(own_name as *const c_void, &mut about) == 0 || about.dli_fname.is_null() {
            return String::new();
        }
        CStr::from_ptr(about.dli_fname)
    };
    Path::new(OsStr::from_bytes(name.to_bytes())).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The entry.
///
/// # Safety
/// None but VST3's own.
#[cfg(not(target_os = "macos"))]
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ModuleEntry(_handle: *mut c_void) -> bool {
    behave(&own_name());
    true
}

/// The entry.
///
/// # Safety
/// None but VST3's own.
#[cfg(target_os = "macos")]
#[unsafe(no_mangle)]
pub unsafe extern "system" fn bundleEntry(_bundle: *mut c_void) -> bool {
    behave(&own_name());
    true
}

/// The factory, with a reference for the caller.
///
/// # Safety
/// None but VST3's own.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetPluginFactory() -> *mut IPluginFactory {
    // SAFETY: the pack's entry gives a factory with a reference for us.
    let whole = unsafe { ComPtr::from_raw(pack()) };
    if is_whole() {
        return whole.map_or(ptr::null_mut(), ComPtr::into_raw);
    }
    let few = whole.and_then(|whole| whole.cast::<IPluginFactory3>()).map(|pack| ComWrapper::new(Few { pack }));
    let factory = few.and_then(|few| few.to_com_ptr::<IPluginFactory>());
    factory.map_or(ptr::null_mut(), ComPtr::into_raw)
}

/// Some of the pack's classes.
struct Few {
    pack: ComPtr<IPluginFactory3>,
}

impl Class for Few {
    type Interfaces = (IPluginFactory3,);
}

impl Few {
    /// The place of a class in the pack.
    fn place(&self, index: i32) -> Option<i32> {
        let wanted = class(*fixtures().get(usize::try_from(index).ok()?)?);
        // SAFETY: the pack's functions are called with its own factory; there is room for the answer.
        unsafe {
            (0..self.pack.countClasses()).find(|&place| {
                let mut info: PClassInfo = zeroed();
                self.pack.getClassInfo(place, &mut info) == kResultOk && info.cid == wanted
            })
        }
    }
}

impl IPluginFactoryTrait for Few {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the caller's own room.
        unsafe { self.pack.getFactoryInfo(info) }
    }

    unsafe fn countClasses(&self) -> i32 {
        fixtures().len() as i32
    }

    unsafe fn getClassInfo(&self, index: i32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the caller's own room.
        self.place(index).map_or(kInvalidArgument, |place| unsafe { self.pack.getClassInfo(place, info) })
    }

    unsafe fn createInstance(&self, cid: FIDString, iid: FIDString, to: *mut *mut c_void) -> tresult {
        // SAFETY: the host hands over two ids and room for a pointer.
        unsafe {
            if cid.cast::<TUID>().read_unaligned() == class(ids::IN_FILES[1]) && !make_second() {
                *to = ptr::null_mut();
                return kResultFalse;
            }
            self.pack.createInstance(cid, iid, to)
        }
    }
}

impl IPluginFactory2Trait for Few {
    unsafe fn getClassInfo2(&self, index: i32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the caller's own room.
        self.place(index).map_or(kInvalidArgument, |place| unsafe { self.pack.getClassInfo2(place, info) })
    }
}

impl IPluginFactory3Trait for Few {
    unsafe fn getClassInfoUnicode(&self, index: i32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the caller's own room.
        self.place(index).map_or(kInvalidArgument, |place| unsafe { self.pack.getClassInfoUnicode(place, info) })
    }

    unsafe fn setHostContext(&self, context: *mut FUnknown) -> tresult {
        // SAFETY: the caller's own context.
        unsafe { self.pack.setHostContext(context) }
    }
}
