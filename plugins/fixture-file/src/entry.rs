//! The entry of the file, which reads its name and may not survive that: CLAP's, and what VST3's has in common with it.

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::CLAP_PLUGIN_FACTORY_ID;
use clap_sys::version::CLAP_VERSION;

use crate::{PLUGINS, WINDOWS, factory};

/// Set by `poison` in its process.
const POISONED: &str = "CROSSPOINT_FIXTURE_POISONED";

/// What happens when the second plugin is made.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
enum Second {
    IsMade,
    Aborts,
    Hangs,
    IsRefused,
}

static SECOND: AtomicU8 = AtomicU8::new(Second::IsMade as u8);

/// Whether the file holds the plugins that have windows.
static HAS_WINDOWS: AtomicBool = AtomicBool::new(false);

/// Whether it holds all fixtures.
static WHOLE: AtomicBool = AtomicBool::new(false);

/// Whether it holds those that have windows in place of the others.
pub(crate) fn has_windows() -> bool {
    HAS_WINDOWS.load(Ordering::Relaxed)
}

/// The ids of its plugins.
pub(crate) fn plugins() -> &'static [&'static str] {
    if has_windows() { &WINDOWS } else { &PLUGINS }
}

/// Whether the file's name says so of its second plugin.
fn second(what: Second) -> bool {
    SECOND.load(Ordering::Relaxed) == what as u8
}

/// The entry, under the name that hosts look for.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static clap_entry: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(init),
    deinit: Some(deinit),
    get_factory: Some(get_factory),
};

/// Does what the name of a file says, in so far as that is done when it is entered.
pub(crate) fn behave(name: &str) {
    println!("a fixture is loaded");
    if std::env::var_os(POISONED).is_some() {
        std::process::abort();
    }
    let second = match name.split('-').next().unwrap_or_default() {
        "abort" => std::process::abort(),
        "hang" => hang(),
        "exit" => std::process::exit(3),
        "poison" => {
            // SAFETY: nobody else in the process of a test's worker reads or writes the environment now.
            unsafe { std::env::set_var(POISONED, "1") };
            Second::IsMade
        }
        "fragile" => Second::Aborts,
        "stuck" => Second::Hangs,
        "refuse" => Second::IsRefused,
        "window" => {
            HAS_WINDOWS.store(true, Ordering::Relaxed);
            Second::IsMade
        }
        _ => Second::IsMade,
    };
    SECOND.store(second as u8, Ordering::Relaxed);
    WHOLE.store(name == "pack", Ordering::Relaxed);
}

/// Whether it holds all fixtures.
pub(crate) fn is_whole() -> bool {
    WHOLE.load(Ordering::Relaxed)
}

/// Whether the second plugin can be made; does not come back if its making is fatal.
pub(crate) fn make_second() -> bool {
    if second(Second::Aborts) {
        std::process::abort();
    }
    if second(Second::Hangs) {
        hang();
    }
    !second(Second::IsRefused)
}

unsafe extern "C" fn init(path: *const c_char) -> bool {
    // SAFETY: hosts hand over a C string.
    let path = unsafe { CStr::from_ptr(path) }.to_string_lossy().into_owned();
    behave(&Path::new(&path).file_stem().unwrap_or_default().to_string_lossy());
    // SAFETY: the pack's entry is as CLAP wants it and takes any path.
    unsafe { factory::start() }
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn get_factory(id: *const c_char) -> *const c_void {
    // SAFETY: hosts hand over a C string.
    let id = unsafe { CStr::from_ptr(id) };
    if is_whole() {
        return factory::pack(id);
    }
    if id == CLAP_PLUGIN_FACTORY_ID { factory::FACTORY.cast() } else { std::ptr::null() }
}

/// Never returns.
fn hang() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}
