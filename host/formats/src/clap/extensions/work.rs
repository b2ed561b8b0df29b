//! What plugins use within a block: thread-pool and the draft scratch-memory. Never waits, allocates or frees on the
//! audio thread.

use std::alloc::Layout;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use clap_sys::ext::thread_pool::*;
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;

use super::{host_extension, plugin_extension, with_notes};
use crate::thread;

host_extension!(
    /// The host's side of thread-pool. The pool is the calling thread: it does the tasks one after the other, which wakes
    /// nobody and waits for nobody, and is what a plugin does itself when there is no pool. Some forget to.
    HostThreadPool,
    [CLAP_EXT_THREAD_POOL],
    clap_host_thread_pool { request_exec: Some(request_exec) }
);

/// A plugin's function for the tasks of its pool.
#[derive(Clone, Copy)]
pub(crate) struct Tasks {
    plugin: *const clap_plugin,
    exec: unsafe extern "C" fn(plugin: *const clap_plugin, task_index: u32),
}

// SAFETY: the plugin outlives its host's notes, which alone hold this; CLAP lets any thread call the function during a
// block.
unsafe impl Send for Tasks {}
// SAFETY: as above.
unsafe impl Sync for Tasks {}

impl Tasks {
    /// A plugin's, if it has any. Main thread.
    ///
    /// # Safety
    /// `plugin` is an initialised plugin.
    pub(crate) unsafe fn of(plugin: *const clap_plugin) -> Option<Self> {
        // SAFETY: promised by the caller; the type is that of the id, and the vtable lasts as long as the plugin.
        let exec = unsafe { plugin_extension::<clap_plugin_thread_pool>(plugin, CLAP_EXT_THREAD_POOL)?.as_ref().exec }?;
        Some(Self { plugin, exec })
    }

    fn run(self, count: u32) {
        for task in 0..count {
            // SAFETY: this is within the plugin's block, and each number is handed out once.
            unsafe { (self.exec)(self.plugin, task) };
        }
    }
}

unsafe extern "C" fn request_exec(host: *const clap_host, count: u32) -> bool {
    // SAFETY: the pointer is the one the plugin was given.
    let tasks = unsafe {
        with_notes(host, |notes| thread::is_inside(notes.identity()).then(|| notes.tasks.get().copied()).flatten())
    };
    // Outside of what clack-host guards: a task is the plugin's code, not a callback's.
    tasks.flatten().map(|tasks| tasks.run(count)).is_some()
}

/// The draft extension scratch-memory, by its first version.
const CLAP_EXT_SCRATCH_MEMORY: &CStr = c"clap.scratch-memory/1";

/// As CLAP 1.2.6 lays it down.
#[repr(C)]
struct ClapHostScratchMemory {
    reserve: Option<unsafe extern "C" fn(host: *const clap_host, bytes: u32, concurrency: u32) -> bool>,
    access: Option<unsafe extern "C" fn(host: *const clap_host) -> *mut c_void>,
}

host_extension!(
    /// The host's side of scratch-memory: a block for each plugin, since two of them may run at once on threads of two
    /// renderers.
    HostScratchMemory,
    [CLAP_EXT_SCRATCH_MEMORY],
    ClapHostScratchMemory { reserve: Some(reserve), access: Some(access) }
);

/// More than this is refused.
const MOST_SCRATCH: u32 = 256 << 20;

/// Memory that a plugin uses within a block and that forgets between blocks.
#[derive(Default)]
pub(crate) struct Scratch {
    memory: AtomicPtr<u8>,
    /// Bytes there. Main thread.
    size: std::sync::atomic::AtomicU32,
}

impl Scratch {
    fn layout(bytes: u32) -> Option<Layout> {
        Layout::from_size_align(bytes as usize, 64).ok()
    }

    /// Has so many bytes ready. Main thread, while the plugin is being activated. False if there is not so much.
    fn reserve(&self, bytes: u32) -> bool {
        self.release();
        let Some(layout) = Self::layout(bytes).filter(|layout| (1..=MOST_SCRATCH as usize).contains(&layout.size()))
        else {
            return false;
        };
        // SAFETY: the layout has a size.
        let memory = unsafe { std::alloc::alloc_zeroed(layout) };
        self.size.store(bytes, Ordering::Relaxed);
        self.memory.store(memory, Ordering::Release);
        !memory.is_null()
    }

    /// Gives it back. Main thread, while the plugin does not run.
    pub(crate) fn release(&self) {
        let memory = self.memory.swap(ptr::null_mut(), Ordering::AcqRel);
        if let Some(layout) = Self::layout(self.size.load(Ordering::Relaxed))
            && !memory.is_null()
        {
            // SAFETY: allocated by `reserve` with that layout, and taken out by the swap.
            unsafe { std::alloc::dealloc(memory, layout) };
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.release();
    }
}

unsafe extern "C" fn reserve(host: *const clap_host, bytes: u32, _concurrency: u32) -> bool {
    // SAFETY: the pointer is the one the plugin was given.
    let reserved = unsafe { with_notes(host, |notes| notes.is_being_activated() && notes.scratch.reserve(bytes)) };
    reserved.unwrap_or(false)
}

unsafe extern "C" fn access(host: *const clap_host) -> *mut c_void {
    // SAFETY: the pointer is the one the plugin was given.
    let memory = unsafe {
        with_notes(host, |notes| {
            let is_inside = thread::is_inside(notes.identity());
            if is_inside { notes.scratch.memory.load(Ordering::Acquire) } else { ptr::null_mut() }
        })
    };
    memory.unwrap_or(ptr::null_mut()).cast()
}
