//! A plugin's window that is open: the plugin's view and the host's window kept of one size and one fate. Knows no format
//! and no system. Believes no size that a plugin tells.

use std::rc::Rc;

use super::editor::{Editor, EditorRequests, Placement, ResizeHints, Size};
use super::error::WindowError;
use super::top_level::{TopLevel, WindowEvent, open_top_level};
use crate::plugin::{Interest, Plugin};

/// What a view gets whose plugin does not say how large it is.
const FALLBACK: Size = Size { width: 640, height: 480 };

/// An open window of a plugin.
///
/// It is given its plugin at each call and keeps no hold on it: the plugin may be dropped first, which ends its view; or
/// the window may be, which hides it, and the view ends with the plugin. [`PluginWindow::close`] ends both at once.
pub struct PluginWindow {
    top_level: Rc<dyn TopLevel>,
    placement: Placement,
    /// What view and window have agreed on.
    size: Size,
    /// A size that the window was asked to leave, and may be kept at all the same, as by a tiling window manager.
    unwanted: Option<Size>,
    hints: ResizeHints,
    scale: f64,
}

impl PluginWindow {
    /// Opens a plugin's window: as asked for, or without a wish embedded, else floating. Main thread.
    ///
    /// # Errors
    /// See [`WindowError`]. The plugin is then as it was.
    pub fn open(plugin: &mut dyn Plugin, placement: Option<Placement>) -> Result<Self, WindowError> {
        let title = plugin.descriptor().name.clone();
        let no_editor = || WindowError::NoEditor { plugin: title.clone() };
        let editor = plugin.editor().ok_or_else(no_editor)?;
        let placement = match placement {
            Some(placement) if editor.supports(placement) => placement,
            Some(placement) => return Err(WindowError::Placement { plugin: title, placement }),
            None if editor.supports(Placement::Embedded) => Placement::Embedded,
            None if editor.supports(Placement::Floating) => Placement::Floating,
            None => return Err(no_editor()),
        };
        // For a floating one too: it says whether there is a display, and of what scale.
        let top_level = open_top_level(&title, FALLBACK)?;
        let scale = top_level.scale();
        editor.create(placement, &title, scale)?;
        let hints = ResizeHints::default();
        let mut window = Self { top_level, placement, size: FALLBACK, unwanted: None, hints, scale };
        match window.show(editor) {
            Ok(()) => Ok(window),
            Err(error) => {
                editor.destroy();
                Err(error)
            }
        }
    }

    fn show(&mut self, editor: &mut dyn Editor) -> Result<(), WindowError> {
        if self.placement == Placement::Embedded {
            self.follow(editor.size(), editor);
            editor.attach(&self.top_level)?;
            // Some know their size once they are where they belong.
            self.follow(editor.size(), editor);
            self.top_level.set_visible(true);
        }
        if editor.show() || self.placement == Placement::Embedded {
            Ok(())
        } else {
            Err(WindowError::Failed { action: "show its window" })
        }
    }

    /// Does what people and the plugin asked for. False once the window is closed, its view gone; then drop it.
    pub fn poll(&mut self, plugin: &mut dyn Plugin) -> bool {
        let Some(editor) = plugin.editor() else { return false };
        for event in self.top_level.take_events() {
            match event {
                WindowEvent::CloseRequested => {
                    self.end(editor);
                    return false;
                }
                WindowEvent::Resized(size) => self.resized(size, editor),
                WindowEvent::ScaleChanged(scale) => {
                    self.scale = scale;
                    if editor.set_scale(scale) {
                        self.follow(editor.size(), editor);
                    }
                }
            }
        }
        let requests = editor.take_requests();
        if requests.closed {
            self.end(editor);
            return false;
        }
        self.grant(requests, editor);
        true
    }

    /// Closes the window and ends the plugin's view. Main thread, at any moment.
    pub fn close(mut self, plugin: &mut dyn Plugin) {
        if let Some(editor) = plugin.editor() {
            self.end(editor);
        }
    }

    /// The descriptors that [`wait`](super::wait) is to wait for besides the plugin's own.
    pub fn interests(&self) -> Vec<Interest> {
        self.top_level.interests()
    }

    /// Where the view is.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// How large it is; of a floating one only its plugin knows.
    pub fn size(&self) -> Option<Size> {
        (self.placement == Placement::Embedded).then_some(self.size)
    }

    /// How people may size it.
    pub fn resize_hints(&self) -> ResizeHints {
        self.hints
    }

    /// What a length of 1 is in pixels.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The host's window around the view; of a floating one, a window that is never shown.
    pub fn top_level(&self) -> &dyn TopLevel {
        &*self.top_level
    }

    fn grant(&mut self, requests: EditorRequests, editor: &mut dyn Editor) {
        if self.placement == Placement::Floating {
            return;
        }
        if requests.size.is_some() || requests.hints_changed {
            self.follow(requests.size, editor);
        }
        if let Some(visible) = requests.visible {
            self.top_level.set_visible(visible);
            if visible {
                editor.show();
            } else {
                editor.hide();
            }
        }
    }

    /// The window takes the size of the view.
    fn follow(&mut self, size: Option<Size>, editor: &mut dyn Editor) {
        let size = size.map_or(self.size, |size| Size::new(size.width, size.height));
        self.hints = editor.resize_hints();
        self.size = size;
        self.unwanted = None;
        self.top_level.set_size(size, self.hints);
    }

    /// The view is asked to take the size of the window; where it will not, the window is asked to go back, once.
    fn resized(&mut self, size: Size, editor: &mut dyn Editor) {
        if self.placement == Placement::Floating || self.unwanted == Some(size) {
            return;
        }
        self.unwanted = None;
        if size == self.size {
            return;
        }
        let wanted = if self.hints.can_resize() { editor.check_size(size) } else { self.size };
        let wanted = Size::new(wanted.width, wanted.height);
        if wanted == self.size || editor.set_size(wanted) {
            self.size = wanted;
        }
        if self.size != size {
            self.unwanted = Some(size);
            self.top_level.set_size(self.size, self.hints);
        }
    }

    fn end(&mut self, editor: &mut dyn Editor) {
        self.top_level.set_visible(false);
        editor.destroy();
    }
}

impl Drop for PluginWindow {
    fn drop(&mut self) {
        self.top_level.set_visible(false);
    }
}
