//! The driver as a test has it: registered under its name, told what to be, and asked what happened. Registers for the
//! whole machine, as drivers are.

use std::mem::transmute;

use crate::plan::{CLASS, Control, Counts, NAME, PLAN_VARIABLE, Plan, library};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryW};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CLASSES_ROOT, HKEY_LOCAL_MACHINE, REG_SZ, RegDeleteTreeW, RegSetKeyValueW,
};

/// The test driver, registered.
pub struct TestDriver {
    control: Control,
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn set(root: HKEY, key: &str, name: &str, value: &str) {
    let (key, name, value) = (wide(key), wide(name), wide(value));
    let (bytes, length) = (value.as_ptr().cast(), value.len() as u32 * 2);
    // SAFETY: texts that end in zero, and the length of the value in bytes.
    let result = unsafe { RegSetKeyValueW(root, key.as_ptr(), name.as_ptr(), REG_SZ, bytes, length) };
    assert_eq!(result, 0, "a key of the registry is written");
}

/// Registers a driver by name and class, whether there is such a class or not.
pub fn register(name: &str, class: &str) {
    let key = format!("SOFTWARE\\ASIO\\{name}");
    set(HKEY_LOCAL_MACHINE, &key, "CLSID", class);
    set(HKEY_LOCAL_MACHINE, &key, "Description", "Driver for tests");
}

/// Registers the library under [`NAME`], for this program and all others. Returns where it is.
///
/// # Panics
/// If it is not built, or the registry cannot be written.
pub fn install() -> String {
    let path = library().expect("the library of the test driver is built");
    let path = path.to_str().expect("its path is text");
    register(NAME, CLASS);
    let class = format!("CLSID\\{CLASS}\\InprocServer32");
    set(HKEY_CLASSES_ROOT, &class, "", path);
    set(HKEY_CLASSES_ROOT, &class, "ThreadingModel", "Apartment");
    path.to_owned()
}

impl TestDriver {
    /// Registers the library, loads it, and tells it what the next driver is to be.
    ///
    /// # Panics
    /// If it cannot be registered or loaded.
    pub fn new(plan: Plan) -> Self {
        let path = install();
        // SAFETY: the library is the test driver; it is never unloaded, so what it exports stays.
        let control = unsafe {
            let module = LoadLibraryW(wide(&path).as_ptr());
            assert!(!module.is_null(), "{path} loads");
            let function = |name: &[u8]| GetProcAddress(module, name.as_ptr()).expect("the test driver exports it");
            Control {
                configure: transmute(function(b"crosspoint_asio_configure\0")),
                step: transmute(function(b"crosspoint_asio_step\0")),
                message: transmute(function(b"crosspoint_asio_message\0")),
                rate_changed: transmute(function(b"crosspoint_asio_rate_changed\0")),
                counts: transmute(function(b"crosspoint_asio_counts\0")),
                vanish: transmute(function(b"crosspoint_asio_vanish\0")),
            }
        };
        let driver = Self { control };
        driver.vanish(false);
        driver.configure(plan);
        driver
    }

    /// Registers a driver under a name whose class may not exist.
    pub fn register(&self, name: &str, class: &str) {
        register(name, class);
    }

    /// Has the registry name no driver at all. [`new`](Self::new) brings this one back.
    pub fn unregister_all(&self) {
        // SAFETY: a text that ends in zero.
        unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, wide("SOFTWARE\\ASIO").as_ptr()) };
    }

    /// What the next driver is to be, here and in processes that this one starts. Clears the counts.
    pub fn configure(&self, plan: Plan) {
        // SAFETY: tests of a driver run one after the other, and nothing else reads the environment meanwhile.
        unsafe { std::env::set_var(PLAN_VARIABLE, plan.text()) };
        // SAFETY: the plan is valid.
        unsafe { (self.control.configure)(&plan) };
    }

    /// Has all that run switch so often, on this thread.
    pub fn step(&self, count: u32) {
        // SAFETY: may be called at any time.
        unsafe { (self.control.step)(count) };
    }

    /// Sends a message to the host that opened it last, and returns its answer.
    pub fn message(&self, selector: i32, value: i32) -> i32 {
        // SAFETY: may be called at any time.
        unsafe { (self.control.message)(selector, value) }
    }

    /// Tells the host of another rate.
    pub fn rate_changed(&self, rate: f64) {
        // SAFETY: may be called at any time.
        unsafe { (self.control.rate_changed)(rate) };
    }

    /// Takes the hardware away, or brings it back.
    pub fn vanish(&self, is_gone: bool) {
        // SAFETY: may be called at any time.
        unsafe { (self.control.vanish)(is_gone) };
    }

    /// What happened.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        // SAFETY: there is room for the counts.
        unsafe { (self.control.counts)(&mut counts) };
        counts
    }
}
