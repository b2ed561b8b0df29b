//! Top-level windows on macOS. Lengths are logical: the system scales what plugins draw, so the scale is 1. Windows belong
//! to the program's first thread.

use std::cell::Cell;
use std::time::Duration;

use objc2::rc::Retained;
use objc2::{MainThreadMarker, MainThreadOnly};
use objc2_app_kit::{
    NSApplication, NSApplicationActivationPolicy, NSBackingStoreType, NSEventMask, NSView, NSWindow, NSWindowStyleMask,
};
use objc2_foundation::{NSDate, NSDefaultRunLoopMode, NSPoint, NSRect, NSSize, NSString};

use super::editor::{ResizeHints, Size};
use super::error::WindowError;
use super::top_level::{ParentHandle, TopLevel, WindowEvent};
use crate::plugin::Interest;

/// See the module.
pub(super) struct Window {
    window: Retained<NSWindow>,
    view: Retained<NSView>,
    main_thread: MainThreadMarker,
    /// Whether it was put on the screen: it is to be there, unless a person has closed it.
    is_shown: Cell<bool>,
    size: Cell<Size>,
}

impl Window {
    pub(super) fn open(title: &str, size: Size) -> Result<Self, WindowError> {
        let main_thread = MainThreadMarker::new().ok_or(WindowError::WrongThread)?;
        let application = NSApplication::sharedApplication(main_thread);
        application.setActivationPolicy(NSApplicationActivationPolicy::Regular);
        application.finishLaunching();
        // SAFETY: the window is given a rectangle, and is kept by us: it does not release itself when it is closed.
        let window = unsafe {
            let window = NSWindow::initWithContentRect_styleMask_backing_defer(
                NSWindow::alloc(main_thread),
                NSRect::new(NSPoint::new(0.0, 0.0), extent(size)),
                style(ResizeHints::default()),
                NSBackingStoreType::Buffered,
                false,
            );
            window.setReleasedWhenClosed(false);
            window
        };
        window.setTitle(&NSString::from_str(title));
        window.center();
        let refused = || WindowError::Refused { reason: "it has no inside".to_owned() };
        let view = window.contentView().ok_or_else(refused)?;
        Ok(Self { window, view, main_thread, is_shown: Cell::new(false), size: Cell::new(size) })
    }
}

impl TopLevel for Window {
    fn handle(&self) -> ParentHandle {
        ParentHandle::Cocoa(Retained::as_ptr(&self.view).cast_mut().cast())
    }

    fn scale(&self) -> f64 {
        1.0
    }

    fn set_size(&self, size: Size, hints: ResizeHints) {
        self.size.set(size);
        self.window.setStyleMask(style(hints));
        self.window.setContentSize(extent(size));
    }

    fn set_visible(&self, visible: bool) {
        self.is_shown.set(visible);
        if visible {
            self.window.makeKeyAndOrderFront(None);
        } else {
            self.window.orderOut(None);
        }
    }

    fn take_events(&self) -> Vec<WindowEvent> {
        while dispatch_one(self.main_thread, Duration::ZERO) {}
        let mut events = Vec::new();
        let inside = self.view.frame().size;
        let size = Size::new(inside.width as u32, inside.height as u32);
        if self.size.replace(size) != size {
            events.push(WindowEvent::Resized(size));
        }
        let is_away = self.window.isMiniaturized() || NSApplication::sharedApplication(self.main_thread).isHidden();
        if self.is_shown.get() && !self.window.isVisible() && !is_away {
            self.is_shown.set(false);
            events.push(WindowEvent::CloseRequested);
        }
        events
    }

    fn interests(&self) -> Vec<Interest> {
        Vec::new()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.window.close();
    }
}

fn extent(size: Size) -> NSSize {
    NSSize::new(size.width.into(), size.height.into())
}

fn style(hints: ResizeHints) -> NSWindowStyleMask {
    let fixed = NSWindowStyleMask::Titled | NSWindowStyleMask::Closable | NSWindowStyleMask::Miniaturizable;
    if hints.can_resize() { fixed | NSWindowStyleMask::Resizable } else { fixed }
}

/// Lets the next event do what it does, after waiting for one for at most so long. False if none came.
fn dispatch_one(main_thread: MainThreadMarker, time: Duration) -> bool {
    let application = NSApplication::sharedApplication(main_thread);
    let until = NSDate::dateWithTimeIntervalSinceNow(time.as_secs_f64());
    // SAFETY: the mode is the system's own string, there for good.
    let mode = unsafe { NSDefaultRunLoopMode };
    let event = application.nextEventMatchingMask_untilDate_inMode_dequeue(NSEventMask::Any, Some(&until), mode, true);
    event.as_ref().is_some_and(|event| {
        application.sendEvent(event);
        true
    })
}

pub(super) fn wait(_interests: &[Interest], time: Duration) {
    match MainThreadMarker::new() {
        Some(main_thread) => drop(dispatch_one(main_thread, time)),
        None => std::thread::sleep(time),
    }
}
