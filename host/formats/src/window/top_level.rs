//! The host's side of a window: a top-level window of the system's with nothing in it, for a plugin's view to be put into.
//! One file a system implements it: `x11`, `win32`, `cocoa`.

use std::ffi::c_void;
use std::rc::Rc;
use std::time::Instant;

use super::editor::{ResizeHints, Size};
use super::error::WindowError;
use super::system;
use crate::plugin::Interest;

/// How plugins are told which window is their parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentHandle {
    /// The id of a window on the X server.
    X11(u32),
    /// A window's `HWND`.
    Win32(*mut c_void),
    /// An `NSView`.
    Cocoa(*mut c_void),
}

/// What happened to a top-level window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WindowEvent {
    /// A person, or the system, wants it closed. It is still there.
    CloseRequested,
    /// Its inside is of this size now.
    Resized(Size),
    /// A length of 1 is so many pixels now.
    ScaleChanged(f64),
}

/// A top-level window of the system's. It is closed when it is dropped, and belongs to the thread that made it.
pub trait TopLevel {
    /// What plugins are told.
    fn handle(&self) -> ParentHandle;

    /// What a length of 1 is in pixels.
    fn scale(&self) -> f64;

    /// Makes the inside so large, and says how people may size it from then on.
    fn set_size(&self, size: Size, hints: ResizeHints);

    /// Puts it on the screen, or takes it from there.
    fn set_visible(&self, visible: bool);

    /// What happened since the last call; of several sizes the last one. Never waits.
    fn take_events(&self) -> Vec<WindowEvent>;

    /// The descriptors to wait for, on systems that have them.
    fn interests(&self) -> Vec<Interest>;
}

/// Makes a top-level window, which is not on the screen yet.
///
/// # Errors
/// [`WindowError::NoDisplay`], [`WindowError::Refused`], [`WindowError::WrongThread`].
pub fn open_top_level(title: &str, size: Size) -> Result<Rc<dyn TopLevel>, WindowError> {
    Ok(Rc::new(system::Window::open(title, size)?))
}

/// Waits until one of the descriptors is ready, a window has something to say or `until` is over, whichever is first: the
/// one place where a loop around [`PluginWindow::poll`](super::PluginWindow::poll) rests. It may return early.
pub fn wait(interests: &[Interest], until: Instant) {
    system::wait(interests, until.saturating_duration_since(Instant::now()));
}
