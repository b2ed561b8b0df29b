//! Loads the library of a `.vst3` and runs its entry. What was loaded is kept for good, entered once however often it is
//! opened: plugins leave threads, thread-local destructors and exit handlers behind.

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vst3::ComPtr;
use vst3::Steinberg::IPluginFactory;

use super::abi::is_whole;
use super::bundle::library_file;
use crate::error::LoadError;

/// What a library exports as `GetPluginFactory`; a linked pack has one as a function. Its result is counted as one
/// reference.
pub type Vst3Entry = unsafe extern "system" fn() -> *mut IPluginFactory;

/// A library that was entered.
struct Module {
    file: PathBuf,
    entry: Vst3Entry,
}

static ENTERED: Mutex<Vec<Module>> = Mutex::new(Vec::new());

/// The factory of a `.vst3`.
pub(crate) fn open(path: &Path) -> Result<ComPtr<IPluginFactory>, LoadError> {
    let file = library_file(path)?;
    // Held while the library is entered: two threads must not do so at once.
    let mut entered = ENTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = match entered.iter().find(|module| module.file == file) {
        Some(module) => module.entry,
        None => {
            let entry = enter(path, &file)?;
            entered.push(Module { file: file.clone(), entry });
            entry
        }
    };
    // SAFETY: the symbol of that name is a factory's, and the library stays.
    unsafe { factory(entry) }.ok_or_else(|| broken(&file, "its GetPluginFactory gives no factory"))
}

/// The factory that an entry gives; none if it gives none or one without functions.
///
/// # Safety
/// The entry keeps VST3's rules.
pub(crate) unsafe fn factory(entry: Vst3Entry) -> Option<ComPtr<IPluginFactory>> {
    // SAFETY: promised by the caller: the result is a factory with a reference for us, or null.
    unsafe { ComPtr::from_raw(entry()) }.filter(is_whole)
}

fn broken(file: &Path, reason: &str) -> LoadError {
    LoadError::Entry { path: file.to_owned(), reason: reason.to_owned() }
}

/// Loads a library and enters it; one without an entry needs none.
fn enter(bundle: &Path, file: &Path) -> Result<Vst3Entry, LoadError> {
    let library = load(file).map_err(|error| {
        use std::error::Error;
        let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        LoadError::Library { path: file.to_owned(), reason }
    })?;
    // SAFETY: symbols of these names in a VST3 library are such functions; more cannot be checked.
    let (entry, enter) = unsafe { (library.get::<Vst3Entry>(b"GetPluginFactory\0"), library.get::<Enter>(ENTER)) };
    let entry = *entry.map_err(|_| broken(file, "it exports no GetPluginFactory, so it is no VST3 library"))?;
    let enter = enter.ok().map(|enter| *enter);
    // Loaded for good from here on, also if it refuses: it has run code already.
    let handle = keep(library);
    // SAFETY: the function is the library's entry, and is called once.
    let is_entered = enter.is_none_or(|enter| unsafe { start(enter, handle, bundle) });
    if is_entered { Ok(entry) } else { Err(broken(file, "its entry refused to start")) }
}

/// The entry's type and name. Its answer is a C++ `bool`, read as a byte because a broken one may be any.
#[cfg(all(unix, not(target_os = "macos")))]
const ENTER: &[u8] = b"ModuleEntry\0";
/// As above.
#[cfg(target_os = "macos")]
const ENTER: &[u8] = b"bundleEntry\0";
/// As above.
#[cfg(windows)]
const ENTER: &[u8] = b"InitDll\0";
/// As above.
#[cfg(unix)]
type Enter = unsafe extern "system" fn(*mut c_void) -> u8;
/// As above.
#[cfg(windows)]
type Enter = unsafe extern "system" fn() -> u8;

/// Enters with the library's own handle, by which it may look itself up.
#[cfg(all(unix, not(target_os = "macos")))]
unsafe fn start(enter: Enter, handle: *mut c_void, _bundle: &Path) -> bool {
    // SAFETY: promised by the caller.
    unsafe { enter(handle) != 0 }
}

/// Enters.
#[cfg(windows)]
unsafe fn start(enter: Enter, _handle: *mut c_void, _bundle: &Path) -> bool {
    // SAFETY: promised by the caller.
    unsafe { enter() != 0 }
}

/// Enters with the bundle, where its pictures and presets are; one that is none of the system's is entered with null.
#[cfg(target_os = "macos")]
unsafe fn start(enter: Enter, _handle: *mut c_void, bundle: &Path) -> bool {
    // SAFETY: promised by the caller.
    unsafe { enter(core_foundation::bundle(bundle)) != 0 }
}

/// The little of the system's bundles that an entry asks for.
#[cfg(target_os = "macos")]
mod core_foundation {
    use std::ffi::c_void;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::ptr;

    #[link(name = "CoreFoundation", kind = "framework")]
    unsafe extern "C" {
        fn CFURLCreateFromFileSystemRepresentation(
            allocator: *const c_void,
            bytes: *const u8,
            length: isize,
            is_folder: u8,
        ) -> *const c_void;
        fn CFBundleCreate(allocator: *const c_void, url: *const c_void) -> *mut c_void;
        fn CFRelease(object: *const c_void);
    }

    /// The bundle of a folder, never released, as the library in it; null if it is none.
    pub(super) fn bundle(folder: &Path) -> *mut c_void {
        let bytes = folder.as_os_str().as_bytes();
        // SAFETY: the bytes are those of a path; the URL is released by whoever made it.
        unsafe {
            let url = CFURLCreateFromFileSystemRepresentation(ptr::null(), bytes.as_ptr(), bytes.len() as isize, 1);
            if url.is_null() {
                return ptr::null_mut();
            }
            let bundle = CFBundleCreate(ptr::null(), url);
            CFRelease(url);
            bundle
        }
    }
}

/// Resolves every symbol now: a library that lacks one fails here with the symbol's name, not later in the callback.
#[cfg(unix)]
fn load(file: &Path) -> Result<libloading::os::unix::Library, libloading::Error> {
    use libloading::os::unix;
    // SAFETY: loading foreign code is what was asked for.
    unsafe { unix::Library::open(Some(file), unix::RTLD_NOW | unix::RTLD_LOCAL) }
}

/// Never to be unloaded; gives the library's handle.
#[cfg(unix)]
fn keep(library: libloading::os::unix::Library) -> *mut c_void {
    library.into_raw()
}

/// Never to be unloaded. The entry asks for no handle.
#[cfg(windows)]
fn keep(library: libloading::os::windows::Library) -> *mut c_void {
    std::mem::forget(library);
    std::ptr::null_mut()
}

/// Finds the libraries that the plugin brings along beside it.
#[cfg(windows)]
fn load(file: &Path) -> Result<libloading::os::windows::Library, libloading::Error> {
    use libloading::os::windows;
    // SAFETY: loading foreign code is what was asked for.
    unsafe { windows::Library::load_with_flags(file, windows::LOAD_WITH_ALTERED_SEARCH_PATH) }
}
