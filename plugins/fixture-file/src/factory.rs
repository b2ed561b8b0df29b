//! The factory of the file: a few plugins of the pack's, the second of which may be fatal.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};

use crate::PLUGINS;
use crate::entry::{make_second, plugins};

static TABLE: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(get_plugin_count),
    get_plugin_descriptor: Some(get_plugin_descriptor),
    create_plugin: Some(create_plugin),
};

/// What hosts are given.
pub(crate) const FACTORY: *const clap_plugin_factory = &raw const TABLE;

/// Starts the pack.
///
/// # Safety
/// Once, before the factory is used.
pub(crate) unsafe fn start() -> bool {
    // SAFETY: the entry is as CLAP wants it.
    unsafe { crosspoint_fixtures::entry().init.is_some_and(|init| init(c"fixtures".as_ptr())) }
}

/// The pack's own factory of that id; null if it has none.
pub(crate) fn pack(id: &CStr) -> *const c_void {
    let get = crosspoint_fixtures::entry().get_factory;
    // SAFETY: the pack was started, and is given a C string.
    get.map_or(ptr::null(), |get| unsafe { get(id.as_ptr()) })
}

fn pack_factory() -> Option<&'static clap_plugin_factory> {
    // SAFETY: that is what the id asked for; it lives as long as the pack does.
    unsafe { pack(CLAP_PLUGIN_FACTORY_ID).cast::<clap_plugin_factory>().as_ref() }
}

fn descriptor(index: u32) -> Option<*const clap_plugin_descriptor> {
    let wanted = plugins().get(index as usize)?;
    let pack = pack_factory()?;
    // SAFETY: the pack's functions are called with its own factory; its descriptors have ids.
    unsafe {
        let mut all =
            (0..pack.get_plugin_count?(pack)).filter_map(|index| Some(pack.get_plugin_descriptor?(pack, index)));
        all.find(|&descriptor| CStr::from_ptr((*descriptor).id).to_bytes() == wanted.as_bytes())
    }
}

unsafe extern "C" fn get_plugin_count(_: *const clap_plugin_factory) -> u32 {
    plugins().len() as u32
}

unsafe extern "C" fn get_plugin_descriptor(_: *const clap_plugin_factory, index: u32) -> *const clap_plugin_descriptor {
    descriptor(index).unwrap_or(ptr::null())
}

unsafe extern "C" fn create_plugin(
    _: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: hosts hand over a C string.
    if unsafe { CStr::from_ptr(id) }.to_bytes() == PLUGINS[1].as_bytes() && !make_second() {
        return ptr::null();
    }
    // SAFETY: the caller's host and id, the pack's own factory.
    pack_factory()
        .map_or(ptr::null(), |pack| unsafe { pack.create_plugin.map_or(ptr::null(), |create| create(pack, host, id)) })
}
