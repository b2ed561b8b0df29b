//! A CLAP file loaded and asked by nothing but CLAP's own functions.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_plugin_audio_ports};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::version::CLAP_VERSION;

/// Makes each plugin of a file and asks it for its buses, its parameters and, active, for its latency.
pub fn query(file: &Path) {
    let Some(file_name) = file.to_str().and_then(|name| CString::new(name).ok()) else { return };
    // SAFETY: the file is a plugin; every function is called as CLAP says.
    unsafe {
        let library = libloading::Library::new(file).expect("the file loads");
        let entry = *library.get::<*const clap_plugin_entry>(b"clap_entry\0").expect("it has an entry");
        (*entry).init.expect("it starts")(file_name.as_ptr());
        let factory = (*entry).get_factory.expect("it has factories")(CLAP_PLUGIN_FACTORY_ID.as_ptr());
        let factory = factory.cast::<clap_plugin_factory>();
        for index in 0..(*factory).get_plugin_count.expect("it counts")(factory) {
            let descriptor = (*factory).get_plugin_descriptor.expect("it describes")(factory, index);
            let plugin = (*factory).create_plugin.expect("it creates")(factory, &raw const HOST.0, (*descriptor).id);
            std::hint::black_box(look(plugin));
        }
        // Nothing is unloaded: the process ends.
        std::mem::forget(library);
    }
}

unsafe fn look(plugin: *const clap_plugin) -> u32 {
    // SAFETY: the plugin was just made; every function is called as CLAP says.
    unsafe {
        let it = &*plugin;
        it.init.expect("it initialises")(plugin);
        let extension = |id: &CStr| it.get_extension.expect("it extends")(plugin, id.as_ptr());
        let mut sum = 0;
        if let Some(ports) = extension(CLAP_EXT_AUDIO_PORTS).cast::<clap_plugin_audio_ports>().as_ref() {
            let mut info = std::mem::zeroed();
            for is_input in [true, false] {
                for index in 0..ports.count.expect("it counts")(plugin, is_input) {
                    ports.get.expect("it tells")(plugin, index, is_input, &raw mut info);
                }
            }
            sum += info.channel_count;
        }
        if let Some(parameters) = extension(CLAP_EXT_PARAMS).cast::<clap_plugin_params>().as_ref() {
            sum += parameters.count.expect("it counts")(plugin);
        }
        it.activate.expect("it activates")(plugin, 48_000.0, 1, 512);
        if let Some(latency) = extension(CLAP_EXT_LATENCY).cast::<clap_plugin_latency>().as_ref() {
            sum += latency.get.expect("it tells")(plugin);
        }
        it.deactivate.expect("it deactivates")(plugin);
        it.destroy.expect("it goes")(plugin);
        sum
    }
}

struct Host(clap_host);
// SAFETY: nothing in it ever changes.
unsafe impl Sync for Host {}

static HOST: Host = Host(clap_host {
    clap_version: CLAP_VERSION,
    host_data: ptr::null_mut(),
    name: c"bench".as_ptr(),
    vendor: c"".as_ptr(),
    url: c"".as_ptr(),
    version: c"1".as_ptr(),
    get_extension: Some(extension),
    request_restart: Some(nothing),
    request_process: Some(nothing),
    request_callback: Some(nothing),
});

/// One of the plugins takes this extension for granted.
static LATENCY: clap_host_latency = clap_host_latency { changed: Some(nothing) };

unsafe extern "C" fn extension(_: *const clap_host, id: *const c_char) -> *const c_void {
    // SAFETY: plugins ask by a C string.
    if unsafe { CStr::from_ptr(id) } == CLAP_EXT_LATENCY { (&raw const LATENCY).cast() } else { ptr::null() }
}
unsafe extern "C" fn nothing(_: *const clap_host) {}
