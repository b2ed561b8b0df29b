//! A CLAP plugin's window: its own view by the gui extension, and what it may ask of its host for it. The host's side
//! leaves notes only, as any thread may call it; the plugin's side is the main thread's.

use std::ffi::{CString, c_ulong};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, HostGuiImpl, PluginGui, Window as ClapWindow};
use clack_host::prelude::*;

use super::host::Shared;
use super::plugin::ClapPlugin;
use crate::window::{Editor, EditorRequests, ParentHandle, Placement, ResizeHints, Size, TopLevel, WindowError};

/// What a plugin asked for concerning its window; any thread writes it, the main thread takes it.
#[derive(Default)]
pub(crate) struct WindowNotes {
    /// There is a view; if not, everything is refused.
    is_open: AtomicBool,
    /// The size it asked for, as [`GuiSize`] packs it; 0 is none.
    size: AtomicU64,
    hints_changed: AtomicBool,
    show: AtomicBool,
    hide: AtomicBool,
    closed: AtomicBool,
}

impl WindowNotes {
    fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Release);
        self.take();
    }

    /// Leaves a note, if there is a view.
    fn ask(&self, leave: impl FnOnce(&Self)) -> Result<(), HostError> {
        if !self.is_open.load(Ordering::Acquire) {
            return Err(HostError::Message("no window"));
        }
        leave(self);
        Ok(())
    }

    fn take(&self) -> EditorRequests {
        let take = |flag: &AtomicBool| flag.swap(false, Ordering::AcqRel);
        let size = GuiSize::unpack_from_u64(self.size.swap(0, Ordering::AcqRel));
        let (show, hide) = (take(&self.show), take(&self.hide));
        EditorRequests {
            size: (size.area() > 0).then(|| Size::new(size.width, size.height)),
            hints_changed: take(&self.hints_changed),
            // Which of the two came last is not known; a window that is there can be closed.
            visible: (show || hide).then_some(show),
            closed: take(&self.closed),
        }
    }
}

impl HostGuiImpl for Shared {
    fn resize_hints_changed(&self) {
        // Without a view there is nothing that could have changed.
        let _ = self.0.window.ask(|notes| notes.hints_changed.store(true, Ordering::Release));
    }

    fn request_resize(&self, size: GuiSize) -> Result<(), HostError> {
        if size.area() == 0 {
            return Err(HostError::Message("a window has an inside"));
        }
        self.0.window.ask(|notes| notes.size.store(size.pack_to_u64(), Ordering::Release))
    }

    fn request_show(&self) -> Result<(), HostError> {
        self.0.window.ask(|notes| notes.show.store(true, Ordering::Release))
    }

    fn request_hide(&self) -> Result<(), HostError> {
        self.0.window.ask(|notes| notes.hide.store(true, Ordering::Release))
    }

    fn closed(&self, _was_destroyed: bool) {
        // As above. Either way it is answered by `destroy`.
        let _ = self.0.window.ask(|notes| notes.closed.store(true, Ordering::Release));
    }
}

/// What a plugin's window is at the moment.
#[derive(Default)]
pub(super) struct View {
    /// Where the view is; none if there is no view.
    placement: Option<Placement>,
    /// The window it is in, which must outlive it.
    parent: Option<Rc<dyn TopLevel>>,
}

impl ClapPlugin {
    /// Whether it offers the extension.
    pub(super) fn has_view(&self) -> bool {
        self.instance.plugin_shared_handle().get_extension::<PluginGui>().is_some()
    }

    /// Calls the plugin. Timers and descriptors that it adds meanwhile are its window's.
    fn call_view<R>(&mut self, call: impl FnOnce(&PluginGui, &PluginMainThreadHandle) -> R) -> Option<R> {
        let notes = Arc::clone(&self.notes);
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginGui>()?;
        notes.timers().set_window_call(true);
        let result = call(&extension, &handle);
        notes.timers().set_window_call(false);
        Some(result)
    }
}

/// How CLAP names it on this system.
fn configuration(placement: Placement) -> Option<GuiConfiguration<'static>> {
    let api_type = GuiApiType::default_for_current_platform()?;
    Some(GuiConfiguration { api_type, is_floating: placement == Placement::Floating })
}

impl Editor for ClapPlugin {
    fn supports(&mut self, placement: Placement) -> bool {
        let Some(configuration) = configuration(placement) else { return false };
        self.call_view(|gui, plugin| gui.is_api_supported(plugin, configuration)).unwrap_or(false)
    }

    fn create(&mut self, placement: Placement, title: &str, scale: f64) -> Result<(), WindowError> {
        if self.view.placement.is_some() {
            return Err(WindowError::AlreadyOpen);
        }
        let failed = WindowError::Failed { action: "make its window" };
        let Some(configuration) = configuration(placement) else { return Err(failed) };
        // Some ask for things from inside.
        self.notes.window.set_open(true);
        let created = self.call_view(|gui, plugin| gui.create(plugin, configuration));
        if !matches!(created, Some(Ok(()))) {
            self.notes.window.set_open(false);
            self.notes.timers().purge_window();
            return Err(failed);
        }
        self.view.placement = Some(placement);
        self.set_scale(scale);
        if placement == Placement::Floating
            && let Ok(title) = CString::new(title)
        {
            self.call_view(|gui, plugin| gui.suggest_title(plugin, &title));
        }
        Ok(())
    }

    fn size(&mut self) -> Option<Size> {
        let size = self.call_view(|gui, plugin| gui.get_size(plugin))??;
        Some(Size::new(size.width, size.height))
    }

    fn resize_hints(&mut self) -> ResizeHints {
        if !self.call_view(|gui, plugin| gui.can_resize(plugin)).unwrap_or(false) {
            return ResizeHints::default();
        }
        // Past clack, which hides hints without an aspect ratio. A plugin that gives none can be sized any way.
        ClapPlugin::resize_hints(self).unwrap_or(ResizeHints::FREE)
    }

    fn check_size(&mut self, wanted: Size) -> Size {
        let size = GuiSize { width: wanted.width, height: wanted.height };
        let adjusted = self.call_view(|gui, plugin| gui.adjust_size(plugin, size)).flatten();
        adjusted.map_or(wanted, |size| Size::new(size.width, size.height))
    }

    fn set_size(&mut self, size: Size) -> bool {
        let size = GuiSize { width: size.width, height: size.height };
        self.call_view(|gui, plugin| gui.set_size(plugin, size).is_ok()).unwrap_or(false)
    }

    fn set_scale(&mut self, scale: f64) -> bool {
        let is_logical = GuiApiType::default_for_current_platform().is_none_or(|api| api.uses_logical_size());
        !is_logical && self.call_view(|gui, plugin| gui.set_scale(plugin, scale).is_ok()).unwrap_or(false)
    }

    fn attach(&mut self, parent: &Rc<dyn TopLevel>) -> Result<(), WindowError> {
        let window = match parent.handle() {
            ParentHandle::X11(id) => ClapWindow::from_x11_handle(c_ulong::from(id)),
            // SAFETY: the window lives as long as the view, which `view.parent` sees to.
            ParentHandle::Win32(handle) => unsafe { ClapWindow::from_win32_hwnd(handle) },
            // SAFETY: as above.
            ParentHandle::Cocoa(view) => unsafe { ClapWindow::from_cocoa_nsview(view) },
        };
        self.view.parent = Some(Rc::clone(parent));
        // SAFETY: as above.
        let attached = self.call_view(|gui, plugin| unsafe { gui.set_parent(plugin, window) });
        match attached {
            Some(Ok(())) => Ok(()),
            _ => Err(WindowError::Failed { action: "put its view into a window" }),
        }
    }

    fn show(&mut self) -> bool {
        self.call_view(|gui, plugin| gui.show(plugin).is_ok()).unwrap_or(false)
    }

    fn hide(&mut self) {
        // One that cannot is hidden by its parent.
        self.call_view(|gui, plugin| gui.hide(plugin).is_ok());
    }

    fn destroy(&mut self) {
        if self.view.placement.is_none() {
            return;
        }
        self.hide();
        self.call_view(|gui, plugin| gui.destroy(plugin));
        self.view = View::default();
        self.notes.window.set_open(false);
        self.notes.timers().purge_window();
    }

    fn take_requests(&mut self) -> EditorRequests {
        self.notes.window.take()
    }
}
