//! A VST3 plugin's window: its `IPlugView`, and the frame it is told about, which is its run loop too. Main thread; calls
//! of the frame from elsewhere are refused.

use std::ffi::c_void;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ThreadId;

use vst3::Steinberg::Linux::IRunLoop;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::abi::is_whole;
use super::plugin::Vst3Plugin;
use super::run_loop::{RunLoop, is_run_loop};
use crate::window::{Editor, EditorRequests, ParentHandle, Placement, ResizeHints, Size, TopLevel, WindowError};

/// What views call their system's windows here.
#[cfg(windows)]
const PLATFORM: FIDString = kPlatformTypeHWND;
#[cfg(target_os = "macos")]
const PLATFORM: FIDString = kPlatformTypeNSView;
#[cfg(all(unix, not(target_os = "macos")))]
const PLATFORM: FIDString = kPlatformTypeX11EmbedWindowID;

/// What a view knows of its host.
pub(crate) struct Frame {
    main_thread: ThreadId,
    run_loop: RunLoop,
    /// The size that the view was last given at its own wish: width, then height; 0 is none.
    size: AtomicU64,
    /// Within a resize: a view that asks for another from inside is refused.
    is_resizing: AtomicBool,
}

impl Frame {
    fn new() -> ComWrapper<Self> {
        ComWrapper::new(Self {
            main_thread: std::thread::current().id(),
            run_loop: RunLoop::default(),
            size: AtomicU64::new(0),
            is_resizing: AtomicBool::new(false),
        })
    }

    fn take_size(&self) -> Option<Size> {
        let size = self.size.swap(0, Ordering::Relaxed);
        (size != 0).then(|| Size::new((size >> u32::BITS) as u32, size as u32))
    }
}

impl Class for Frame {
    type Interfaces = (IPlugFrame, IRunLoop);
}

is_run_loop!(Frame);

impl IPlugFrameTrait for Frame {
    /// The view is given its size within the call, as VST3 asks for; the window follows at the next poll.
    unsafe fn resizeView(&self, view: *mut IPlugView, size: *mut ViewRect) -> tresult {
        // SAFETY: the plugin hands over its view and a rectangle, or null.
        let (view, rect) = unsafe { (ComRef::from_raw(view), size.as_ref()) };
        let (Some(view), Some(size)) = (view, rect.and_then(size_of_rect)) else { return kInvalidArgument };
        if std::thread::current().id() != self.main_thread || self.is_resizing.swap(true, Ordering::Relaxed) {
            return kResultFalse;
        }
        // SAFETY: the view is the plugin's own, and this is the main thread.
        unsafe { view.onSize(&mut rect_of_size(size)) };
        self.is_resizing.store(false, Ordering::Relaxed);
        self.size.store(u64::from(size.width) << u32::BITS | u64::from(size.height), Ordering::Relaxed);
        kResultOk
    }
}

/// None for one without an inside.
fn size_of_rect(rect: &ViewRect) -> Option<Size> {
    let length = |from: i32, to: i32| u32::try_from(to.checked_sub(from)?).ok().filter(|&length| length > 0);
    Some(Size::new(length(rect.left, rect.right)?, length(rect.top, rect.bottom)?))
}

fn rect_of_size(size: Size) -> ViewRect {
    ViewRect { left: 0, top: 0, right: size.width as i32, bottom: size.height as i32 }
}

/// A plugin's view, from [`Editor::create`] to [`Editor::destroy`].
struct Open {
    view: ComPtr<IPlugView>,
    frame: ComWrapper<Frame>,
    /// The window it is in, which must outlive it.
    parent: Option<Rc<dyn TopLevel>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: the view is a live object, and this is the main thread.
        unsafe {
            if self.parent.is_some() {
                self.view.removed();
            }
            self.view.setFrame(std::ptr::null_mut());
        }
        self.frame.run_loop.purge();
    }
}

/// What a plugin's window is at the moment.
#[derive(Default)]
pub(super) struct View {
    open: Option<Open>,
    /// A view that was made to be asked what it can, and is not in use yet.
    spare: Option<ComPtr<IPlugView>>,
    /// It was ended without a wish of the host's.
    was_lost: bool,
}

impl View {
    /// Ends it because its plugin is about to.
    pub(super) fn lose(&mut self) {
        self.was_lost |= self.open.take().is_some();
        self.spare = None;
    }

    /// Its run loop, if it has one.
    pub(super) fn run_loop(&self) -> Option<&RunLoop> {
        self.open.as_ref().map(|open| &open.frame.run_loop)
    }
}

impl Vst3Plugin {
    fn make_view(&self) -> Option<ComPtr<IPlugView>> {
        // SAFETY: the controller is initialised and this is the main thread; the reference that comes is ours.
        let view = unsafe { ComPtr::from_raw(self.controller()?.createView(ViewType::kEditor)) };
        view.filter(is_whole)
    }

    fn open_view(&self) -> Option<&ComPtr<IPlugView>> {
        self.view.open.as_ref().map(|open| &open.view)
    }
}

impl Editor for Vst3Plugin {
    fn supports(&mut self, placement: Placement) -> bool {
        if placement == Placement::Floating {
            return false;
        }
        if self.view.spare.is_none() && self.view.open.is_none() {
            self.view.spare = self.make_view();
        }
        let view = self.open_view().or(self.view.spare.as_ref());
        // SAFETY: the view is a live object, this is the main thread, and the name is a C string; as for all calls here.
        view.is_some_and(|view| unsafe { view.isPlatformTypeSupported(PLATFORM) } == kResultTrue)
    }

    fn create(&mut self, placement: Placement, _title: &str, scale: f64) -> Result<(), WindowError> {
        if self.view.open.is_some() {
            return Err(WindowError::AlreadyOpen);
        }
        let failed = WindowError::Failed { action: "make its window" };
        if placement == Placement::Floating {
            return Err(failed);
        }
        let Some(view) = self.view.spare.take().or_else(|| self.make_view()) else { return Err(failed) };
        let frame = Frame::new();
        let pointer = frame.as_com_ref::<IPlugFrame>().map_or(std::ptr::null_mut(), |frame| frame.as_ptr());
        // SAFETY: as above; the frame outlives the view.
        unsafe { view.setFrame(pointer) };
        self.view.was_lost = false;
        self.view.open = Some(Open { view, frame, parent: None });
        self.set_scale(scale);
        Ok(())
    }

    fn size(&mut self) -> Option<Size> {
        let mut rect = ViewRect { left: 0, top: 0, right: 0, bottom: 0 };
        // SAFETY: as above.
        let result = unsafe { self.open_view()?.getSize(&mut rect) };
        (result == kResultOk).then(|| size_of_rect(&rect)).flatten()
    }

    fn resize_hints(&mut self) -> ResizeHints {
        // SAFETY: as above.
        let can = self.open_view().is_some_and(|view| unsafe { view.canResize() } == kResultTrue);
        if can { ResizeHints::FREE } else { ResizeHints::default() }
    }

    fn check_size(&mut self, wanted: Size) -> Size {
        let mut rect = rect_of_size(wanted);
        // SAFETY: as above.
        let result = self.open_view().map(|view| unsafe { view.checkSizeConstraint(&mut rect) });
        if result == Some(kResultTrue) { size_of_rect(&rect).unwrap_or(wanted) } else { wanted }
    }

    fn set_size(&mut self, size: Size) -> bool {
        // SAFETY: as above.
        self.open_view().is_some_and(|view| unsafe { view.onSize(&mut rect_of_size(size)) } == kResultOk)
    }

    fn set_scale(&mut self, scale: f64) -> bool {
        let is_logical = cfg!(target_os = "macos");
        let support = self.open_view().and_then(|view| view.cast::<IPlugViewContentScaleSupport>());
        // SAFETY: as above.
        let set = |support: ComPtr<IPlugViewContentScaleSupport>| unsafe {
            support.setContentScaleFactor(scale as f32) == kResultOk
        };
        !is_logical && support.filter(is_whole).is_some_and(set)
    }

    fn attach(&mut self, parent: &Rc<dyn TopLevel>) -> Result<(), WindowError> {
        let failed = WindowError::Failed { action: "put its view into a window" };
        let Some(open) = &mut self.view.open else { return Err(failed) };
        let handle: *mut c_void = match parent.handle() {
            ParentHandle::X11(id) => std::ptr::without_provenance_mut(id as usize),
            ParentHandle::Win32(handle) | ParentHandle::Cocoa(handle) => handle,
        };
        // SAFETY: as above; the window lives as long as the view, which `parent` sees to.
        if unsafe { open.view.attached(handle, PLATFORM) } != kResultOk {
            return Err(failed);
        }
        open.parent = Some(Rc::clone(parent));
        Ok(())
    }

    /// It is seen with its window.
    fn show(&mut self) -> bool {
        true
    }

    /// It is hidden with its window.
    fn hide(&mut self) {}

    fn destroy(&mut self) {
        self.view = View::default();
    }

    fn take_requests(&mut self) -> EditorRequests {
        let size = self.view.open.as_ref().and_then(|open| open.frame.take_size());
        let visible = self.notes.take_editor().then_some(true);
        EditorRequests { size, visible, closed: std::mem::take(&mut self.view.was_lost), hints_changed: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null_mut;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicPtr;

    /// A view that wants to be one pixel wider than it is made.
    struct Restless {
        frame: ComPtr<IPlugFrame>,
        me: AtomicPtr<IPlugView>,
        widths: Mutex<Vec<i32>>,
    }

    impl Class for Restless {
        type Interfaces = (IPlugView,);
    }

    #[rustfmt::skip]
    impl IPlugViewTrait for Restless {
        unsafe fn isPlatformTypeSupported(&self, _: FIDString) -> tresult { kResultTrue }
        unsafe fn attached(&self, _: *mut c_void, _: FIDString) -> tresult { kResultOk }
        unsafe fn removed(&self) -> tresult { kResultOk }
        unsafe fn onWheel(&self, _: f32) -> tresult { kResultFalse }
        unsafe fn onKeyDown(&self, _: char16, _: int16, _: int16) -> tresult { kResultFalse }
        unsafe fn onKeyUp(&self, _: char16, _: int16, _: int16) -> tresult { kResultFalse }
        unsafe fn getSize(&self, _: *mut ViewRect) -> tresult { kResultFalse }
        unsafe fn onFocus(&self, _: TBool) -> tresult { kResultOk }
        unsafe fn setFrame(&self, _: *mut IPlugFrame) -> tresult { kResultOk }
        unsafe fn canResize(&self) -> tresult { kResultTrue }
        unsafe fn checkSizeConstraint(&self, _: *mut ViewRect) -> tresult { kResultTrue }

        unsafe fn onSize(&self, size: *mut ViewRect) -> tresult {
            // SAFETY: the frame hands over a rectangle; the view is this one.
            unsafe {
                let width = (*size).right;
                self.widths.lock().unwrap().push(width);
                let mut wider = ViewRect { right: width + 1, ..*size };
                self.frame.resizeView(self.me.load(Ordering::Relaxed), &mut wider)
            }
        }
    }

    /// A wish is granted within the call, one from inside is not, nor is one from elsewhere or without a size.
    #[test]
    fn a_view_is_given_the_size_it_asks_for() {
        let frame = Frame::new();
        let pointer = frame.to_com_ptr::<IPlugFrame>().unwrap();
        let view = ComWrapper::new(Restless {
            frame: pointer.clone(),
            me: AtomicPtr::new(null_mut()),
            widths: Mutex::default(),
        });
        let me = view.to_com_ptr::<IPlugView>().unwrap();
        view.me.store(me.as_ptr(), Ordering::Relaxed);
        let resize = |left, right| {
            let mut rect = ViewRect { left, top: 0, right, bottom: 10 };
            // SAFETY: the view and the rectangle are live.
            unsafe { pointer.resizeView(me.as_ptr(), &mut rect) }
        };
        assert_eq!((resize(5, 25), frame.take_size()), (kResultOk, Some(Size::new(20, 10))));
        assert_eq!(
            (resize(5, 5), resize(i32::MIN, i32::MAX), frame.take_size()),
            (kInvalidArgument, kInvalidArgument, None)
        );
        let elsewhere = std::thread::scope(|scope| scope.spawn(|| resize(0, 30)).join().unwrap());
        assert_eq!((elsewhere, frame.take_size()), (kResultFalse, None));
        assert_eq!(*view.widths.lock().unwrap(), [20]);
        // SAFETY: as above.
        unsafe { assert_eq!(pointer.resizeView(null_mut(), null_mut()), kInvalidArgument) };
    }
}
