//! The plugin's side of a window: its own view, made and sized by it, whatever its format. Values and a trait only.

use std::fmt;
use std::rc::Rc;

use super::error::WindowError;
use super::top_level::TopLevel;

/// Width and height in the pixels that plugins count on this system: physical ones on X11 and Windows, logical ones on
/// macOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// Most pixels of a side; a plugin that asks for more gets this.
    pub const MOST: u32 = 16_384;

    /// A size, which is 1 to [`Size::MOST`] each way whatever is asked for.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width: width.clamp(1, Self::MOST), height: height.clamp(1, Self::MOST) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// How a plugin says that its view may be sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ResizeHints {
    /// The width may change.
    pub horizontal: bool,
    /// The height may change.
    pub vertical: bool,
    /// Width and height that the size must stay in proportion to, if any.
    pub aspect_ratio: Option<(u32, u32)>,
}

impl ResizeHints {
    /// Of a view that may be sized freely.
    pub const FREE: Self = Self { horizontal: true, vertical: true, aspect_ratio: None };

    /// Whether anything may change.
    pub fn can_resize(self) -> bool {
        self.horizontal || self.vertical
    }
}

/// Where a plugin's view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In a window of the host's.
    Embedded,
    /// In a window of its own.
    Floating,
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Floating => "floating",
        })
    }
}

/// What a plugin asked for since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EditorRequests {
    /// It is of this size now, or wants to be; the window is to follow.
    pub size: Option<Size>,
    /// Its [`ResizeHints`] are others now.
    pub hints_changed: bool,
    /// It wants to be seen, or not to be.
    pub visible: Option<bool>,
    /// Its view is gone, as when a person has closed a floating window.
    pub closed: bool,
}

/// A plugin's view. Main thread only.
///
/// [`create`](Self::create), then if embedded [`attach`](Self::attach), then [`show`](Self::show) and
/// [`hide`](Self::hide) at will; [`destroy`](Self::destroy) at any moment. A plugin that is dropped destroys its view first.
pub trait Editor {
    /// Whether its view can be there.
    fn supports(&mut self, placement: Placement) -> bool;

    /// Makes the view, which is not shown yet. `scale` is what a length of 1 is in pixels.
    ///
    /// # Errors
    /// [`WindowError::AlreadyOpen`]; [`WindowError::Failed`], then there is no view.
    fn create(&mut self, placement: Placement, title: &str, scale: f64) -> Result<(), WindowError>;

    /// How large the view is; none if the plugin does not say.
    fn size(&mut self) -> Option<Size>;

    /// How the view may be sized.
    fn resize_hints(&mut self) -> ResizeHints;

    /// The size nearest to this one that the view could be of.
    fn check_size(&mut self, wanted: Size) -> Size;

    /// Sizes the view. False if the plugin refuses.
    fn set_size(&mut self, size: Size) -> bool;

    /// Says what a length of 1 is in pixels from now on. False if the plugin finds that out by itself, or does not care.
    fn set_scale(&mut self, scale: f64) -> bool;

    /// Puts the view into a window, which lives on until the view is destroyed.
    ///
    /// # Errors
    /// [`WindowError::Failed`].
    fn attach(&mut self, parent: &Rc<dyn TopLevel>) -> Result<(), WindowError>;

    /// Shows the view. False if the plugin says that it failed, as some do whose view is there all the same.
    fn show(&mut self) -> bool;

    /// Hides the view.
    fn hide(&mut self);

    /// Ends the view, forgets every timer and descriptor it left behind, and lets go of its window. Nothing if there is no
    /// view.
    fn destroy(&mut self);

    /// What the plugin asked for since the last call.
    fn take_requests(&mut self) -> EditorRequests;
}
