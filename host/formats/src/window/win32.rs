//! Top-level windows on Windows. Lengths are physical pixels, the scale is that of the monitor a window is on.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::time::Duration;

use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, RECT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::HiDpi::{
    AdjustWindowRectExForDpi, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, GetDpiForWindow,
    SetProcessDpiAwarenessContext,
};
use windows_sys::Win32::UI::WindowsAndMessaging::*;

use super::editor::{ResizeHints, Size};
use super::error::WindowError;
use super::top_level::{ParentHandle, TopLevel, WindowEvent};
use crate::plugin::Interest;

/// What a monitor has where a length of 1 is a pixel.
const PLAIN_DPI: f64 = USER_DEFAULT_SCREEN_DPI as f64;
/// A window whose inside cannot be sized by hand.
const FIXED: WINDOW_STYLE = WS_OVERLAPPED | WS_CAPTION | WS_SYSMENU | WS_MINIMIZEBOX | WS_CLIPCHILDREN;
/// What is more in one that can be.
const SIZEABLE: WINDOW_STYLE = WS_THICKFRAME | WS_MAXIMIZEBOX;

/// What the window's procedure leaves for [`Window::take_events`].
type Events = RefCell<Vec<WindowEvent>>;

/// See the module.
pub(super) struct Window {
    handle: HWND,
    /// The window's procedure has its address, so it must stay where it is.
    events: Box<Events>,
    style: Cell<WINDOW_STYLE>,
}

impl Window {
    pub(super) fn open(title: &str, size: Size) -> Result<Self, WindowError> {
        let class = wide("CrosspointPluginWindow");
        let title = wide(title);
        let events = Box::<Events>::default();
        // SAFETY: strings end with a zero and outlive the calls; the procedure is that of this class. A process whose
        // awareness is set, or a class that is registered, stays as it is.
        let handle = unsafe {
            SetProcessDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2);
            let module = GetModuleHandleW(ptr::null());
            let description = WNDCLASSW {
                lpfnWndProc: Some(procedure),
                hInstance: module,
                lpszClassName: class.as_ptr(),
                hCursor: LoadCursorW(ptr::null_mut(), IDC_ARROW),
                ..WNDCLASSW::default()
            };
            RegisterClassW(&raw const description);
            let (parent, menu) = (ptr::null_mut(), ptr::null_mut());
            let place = CW_USEDEFAULT;
            let (class, title) = (class.as_ptr(), title.as_ptr());
            CreateWindowExW(0, class, title, FIXED, place, place, 1, 1, parent, menu, module, ptr::null())
        };
        if handle.is_null() {
            return Err(WindowError::Refused { reason: std::io::Error::last_os_error().to_string() });
        }
        // SAFETY: the window is ours; the address is valid until `Drop` takes it back.
        unsafe { SetWindowLongPtrW(handle, GWLP_USERDATA, ptr::from_ref::<Events>(&events) as isize) };
        let window = Self { handle, events, style: Cell::new(FIXED) };
        window.set_size(size, ResizeHints::default());
        window.events.take();
        Ok(window)
    }

    fn dpi(&self) -> u32 {
        // SAFETY: the window is ours.
        unsafe { GetDpiForWindow(self.handle) }
    }
}

impl TopLevel for Window {
    fn handle(&self) -> ParentHandle {
        ParentHandle::Win32(self.handle)
    }

    fn scale(&self) -> f64 {
        f64::from(self.dpi()) / PLAIN_DPI
    }

    fn set_size(&self, size: Size, hints: ResizeHints) {
        let style = if hints.can_resize() { FIXED | SIZEABLE } else { FIXED };
        let mut outside = RECT { left: 0, top: 0, right: size.width as i32, bottom: size.height as i32 };
        let flags = SWP_NOMOVE | SWP_NOZORDER | SWP_NOACTIVATE | SWP_FRAMECHANGED;
        // SAFETY: the window is ours, and this is its thread.
        unsafe {
            if self.style.replace(style) != style {
                let kept = GetWindowLongPtrW(self.handle, GWL_STYLE) as u32 & (WS_VISIBLE | WS_MINIMIZE | WS_MAXIMIZE);
                SetWindowLongPtrW(self.handle, GWL_STYLE, (style | kept) as isize);
            }
            AdjustWindowRectExForDpi(&raw mut outside, style, 0, 0, self.dpi());
            let (width, height) = (outside.right - outside.left, outside.bottom - outside.top);
            SetWindowPos(self.handle, ptr::null_mut(), 0, 0, width, height, flags);
        }
    }

    fn set_visible(&self, visible: bool) {
        // SAFETY: the window is ours, and this is its thread.
        unsafe { ShowWindow(self.handle, if visible { SW_SHOW } else { SW_HIDE }) };
    }

    fn take_events(&self) -> Vec<WindowEvent> {
        let mut message = MSG::default();
        // SAFETY: the message is valid for each call. Those of the plugins' windows are among them: they are of this
        // thread too.
        unsafe {
            while PeekMessageW(&raw mut message, ptr::null_mut(), 0, 0, PM_REMOVE) != 0 {
                TranslateMessage(&raw const message);
                DispatchMessageW(&raw const message);
            }
        }
        let mut events = self.events.take();
        let last = events.iter().rposition(|event| matches!(event, WindowEvent::Resized(_)));
        let mut index = 0;
        events.retain(|event| {
            index += 1;
            !matches!(event, WindowEvent::Resized(_)) || Some(index - 1) == last
        });
        events
    }

    fn interests(&self) -> Vec<Interest> {
        Vec::new()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the window is ours, this is its thread, and no view is in it any more: each holds on to its parent. The
        // procedure forgets the address before it becomes invalid.
        unsafe {
            SetWindowLongPtrW(self.handle, GWLP_USERDATA, 0);
            DestroyWindow(self.handle);
        }
    }
}

unsafe extern "system" fn procedure(handle: HWND, message: u32, first: WPARAM, second: LPARAM) -> LRESULT {
    // SAFETY: the address was put there by `open` and is taken away before it becomes invalid; all on one thread.
    let events = unsafe { (GetWindowLongPtrW(handle, GWLP_USERDATA) as *const Events).as_ref() };
    let Some(events) = events else {
        // SAFETY: the arguments are the system's own.
        return unsafe { DefWindowProcW(handle, message, first, second) };
    };
    match message {
        WM_CLOSE => events.borrow_mut().push(WindowEvent::CloseRequested),
        WM_SIZE if first as u32 != SIZE_MINIMIZED => {
            let (width, height) = (second as u32 & 0xffff, second as u32 >> 16 & 0xffff);
            events.borrow_mut().push(WindowEvent::Resized(Size::new(width, height)));
        }
        WM_DPICHANGED => {
            let scale = (first & 0xffff) as f64 / PLAIN_DPI;
            events.borrow_mut().push(WindowEvent::ScaleChanged(scale));
        }
        // SAFETY: the arguments are the system's own.
        _ => return unsafe { DefWindowProcW(handle, message, first, second) },
    }
    0
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|&unit| unit != 0).chain([0]).collect()
}

pub(super) fn wait(_interests: &[Interest], time: Duration) {
    let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX - 1);
    // SAFETY: there are no handles to wait for, only this thread's messages.
    unsafe { MsgWaitForMultipleObjectsEx(0, ptr::null(), milliseconds, QS_ALLINPUT, MWMO_INPUTAVAILABLE) };
}
