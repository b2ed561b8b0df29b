//! Menus, both sides.

use std::ffi::{CStr, c_void};

use clap_sys::ext::context_menu::*;
use clap_sys::host::clap_host;
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;

use super::{first_extension, host_extension, text, with_notes};
use crate::plugin::PluginNotice;
use crate::surface::{MenuItem, MenuTarget};

/// A menu of more lines than this is not believed.
const MOST: u32 = 1 << 16;

host_extension!(
    /// The host's side of context-menu: it has a line to add to a plugin's menu for a parameter, and shows none for it.
    HostContextMenu,
    [CLAP_EXT_CONTEXT_MENU, CLAP_EXT_CONTEXT_MENU_COMPAT],
    clap_host_context_menu {
        populate: Some(populate),
        perform: Some(perform),
        can_popup: Some(can_popup),
        popup: Some(popup),
    }
);

/// The host's line for a parameter.
const RESET: clap_id = 1;
/// What it says.
const RESET_LABEL: &CStr = c"Reset to default";

/// The parameter that a menu is about, if it is about one.
///
/// # Safety
/// `target` is null or what CLAP lays down.
unsafe fn parameter_of(target: *const clap_context_menu_target) -> Option<clap_id> {
    // SAFETY: promised by the caller.
    let target = unsafe { target.as_ref() }?;
    (target.kind == CLAP_CONTEXT_MENU_TARGET_KIND_PARAM).then_some(target.id)
}

unsafe extern "C" fn populate(
    _host: *const clap_host,
    target: *const clap_context_menu_target,
    builder: *const clap_context_menu_builder,
) -> bool {
    // SAFETY: the plugin vouches for the target.
    if unsafe { parameter_of(target) }.is_none() {
        return true;
    }
    // SAFETY: the plugin vouches for the builder.
    let Some(add) = (unsafe { builder.as_ref() }).and_then(|builder| builder.add_item) else { return false };
    let reset = clap_context_menu_entry { label: RESET_LABEL.as_ptr(), is_enabled: true, action_id: RESET };
    // SAFETY: the builder is the plugin's own; the line outlives the call.
    unsafe { add(builder, CLAP_CONTEXT_MENU_ITEM_ENTRY, (&raw const reset).cast()) }
}

unsafe extern "C" fn perform(host: *const clap_host, target: *const clap_context_menu_target, action: clap_id) -> bool {
    // SAFETY: the plugin vouches for the target.
    let Some(parameter) = (unsafe { parameter_of(target) }).filter(|_| action == RESET) else { return false };
    let call = "context-menu.perform was called off the main thread";
    // SAFETY: the pointer is the one the plugin was given.
    let told =
        unsafe { with_notes(host, |notes| notes.tell(call, || PluginNotice::ParameterResetRequested { parameter })) };
    told.unwrap_or(false)
}

unsafe extern "C" fn can_popup(_host: *const clap_host) -> bool {
    false
}

unsafe extern "C" fn popup(
    _host: *const clap_host,
    _target: *const clap_context_menu_target,
    _screen: i32,
    _x: i32,
    _y: i32,
) -> bool {
    false
}

fn raw_target(target: MenuTarget) -> clap_context_menu_target {
    match target {
        MenuTarget::Plugin => clap_context_menu_target { kind: CLAP_CONTEXT_MENU_TARGET_KIND_GLOBAL, id: 0 },
        MenuTarget::Parameter(id) => clap_context_menu_target { kind: CLAP_CONTEXT_MENU_TARGET_KIND_PARAM, id },
    }
}

/// # Safety
/// `plugin` is an initialised plugin.
unsafe fn context_menu(plugin: *const clap_plugin) -> Option<clap_plugin_context_menu> {
    let ids = [CLAP_EXT_CONTEXT_MENU, CLAP_EXT_CONTEXT_MENU_COMPAT];
    // SAFETY: promised by the caller; the type is that of the ids, and the vtable lasts as long as the plugin.
    unsafe { first_extension::<clap_plugin_context_menu>(plugin, &ids).map(|e| *e.as_ref()) }
}

/// A menu as a plugin builds it: the lines so far, and above them those of the menus that it is within.
#[derive(Default)]
struct Builder {
    items: Vec<MenuItem>,
    /// Label and switch of an open menu, and the lines before it.
    outer: Vec<(String, bool, Vec<MenuItem>)>,
    count: u32,
}

impl Builder {
    /// Ends the innermost menu; false if there is none.
    fn end_menu(&mut self) -> bool {
        let Some((label, enabled, before)) = self.outer.pop() else { return false };
        let items = std::mem::replace(&mut self.items, before);
        self.items.push(MenuItem::Menu { label, enabled, items });
        true
    }

    /// # Safety
    /// `data` is what CLAP lays down for `kind`, or null.
    unsafe fn add(&mut self, kind: clap_context_menu_item_kind, data: *const c_void) -> bool {
        self.count += 1;
        if self.count > MOST {
            return false;
        }
        match kind {
            CLAP_CONTEXT_MENU_ITEM_SEPARATOR => self.items.push(MenuItem::Separator),
            CLAP_CONTEXT_MENU_ITEM_END_SUBMENU => return self.end_menu(),
            _ if data.is_null() => return false,
            CLAP_CONTEXT_MENU_ITEM_ENTRY => {
                // SAFETY: promised by the caller, here and below.
                let entry = unsafe { data.cast::<clap_context_menu_entry>().read() };
                // SAFETY: as above.
                let label = unsafe { text(entry.label) };
                let (enabled, action) = (entry.is_enabled, entry.action_id);
                self.items.push(MenuItem::Entry { label, enabled, action, checked: None });
            }
            CLAP_CONTEXT_MENU_ITEM_CHECK_ENTRY => {
                // SAFETY: as above.
                let entry = unsafe { data.cast::<clap_context_menu_check_entry>().read() };
                // SAFETY: as above.
                let label = unsafe { text(entry.label) };
                let (enabled, action, checked) = (entry.is_enabled, entry.action_id, Some(entry.is_checked));
                self.items.push(MenuItem::Entry { label, enabled, action, checked });
            }
            CLAP_CONTEXT_MENU_ITEM_TITLE => {
                // SAFETY: as above.
                let title = unsafe { data.cast::<clap_context_menu_item_title>().read() };
                // SAFETY: as above.
                self.items.push(MenuItem::Title { label: unsafe { text(title.title) }, enabled: title.is_enabled });
            }
            CLAP_CONTEXT_MENU_ITEM_BEGIN_SUBMENU => {
                // SAFETY: as above.
                let menu = unsafe { data.cast::<clap_context_menu_submenu>().read() };
                // SAFETY: as above.
                let label = unsafe { text(menu.label) };
                self.outer.push((label, menu.is_enabled, std::mem::take(&mut self.items)));
            }
            _ => return false,
        }
        true
    }
}

unsafe extern "C" fn add_item(
    builder: *const clap_context_menu_builder,
    kind: clap_context_menu_item_kind,
    data: *const c_void,
) -> bool {
    // SAFETY: the context is the builder that `menu` keeps for the call, which nothing else borrows meanwhile.
    let builder = unsafe { builder.as_ref().and_then(|builder| builder.ctx.cast::<Builder>().as_mut()) };
    // SAFETY: the data is the plugin's to vouch for.
    builder.is_some_and(|builder| unsafe { builder.add(kind, data) })
}

unsafe extern "C" fn supports(_builder: *const clap_context_menu_builder, kind: clap_context_menu_item_kind) -> bool {
    kind <= CLAP_CONTEXT_MENU_ITEM_TITLE
}

/// A plugin's lines for a menu. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn menu(plugin: *const clap_plugin, target: MenuTarget) -> Vec<MenuItem> {
    // SAFETY: promised by the caller.
    let Some(populate) = unsafe { context_menu(plugin) }.and_then(|extension| extension.populate) else {
        return Vec::new();
    };
    let mut built = Builder::default();
    let builder =
        clap_context_menu_builder { ctx: (&raw mut built).cast(), add_item: Some(add_item), supports: Some(supports) };
    let target = raw_target(target);
    // SAFETY: the plugin is initialised; target and builder outlive the call.
    if !unsafe { populate(plugin, &raw const target, &raw const builder) } {
        return Vec::new();
    }
    while built.end_menu() {}
    built.items
}

/// Does what a line of the menu says. Main thread.
///
/// # Safety
/// `plugin` is an initialised plugin.
pub(crate) unsafe fn perform_menu_action(plugin: *const clap_plugin, target: MenuTarget, action: u32) -> bool {
    let target = raw_target(target);
    // SAFETY: promised by the caller; the target outlives the call.
    unsafe {
        let perform = context_menu(plugin).and_then(|extension| extension.perform);
        perform.is_some_and(|perform| perform(plugin, &raw const target, action))
    }
}
