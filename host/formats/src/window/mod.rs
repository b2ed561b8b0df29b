//! Windows of plugins, in words that hold for every format and every system. A format gives an [`Editor`], a system gives
//! a [`TopLevel`], and a [`PluginWindow`] brings the two together: it embeds the one in the other, or lets the plugin have
//! a floating window of its own, and negotiates sizes both ways.
//!
//! All of it belongs to the main thread. The event loop is the caller's: [`PluginWindow::poll`] and
//! [`Plugin::poll`](crate::Plugin::poll) in turn, and [`wait`] in between. Nothing here waits but [`wait`], and nothing
//! here ever destroys a window that a plugin's view is still in.

#[cfg(unix)]
pub(crate) mod descriptors;
mod editor;
mod error;
mod plugin_window;
mod top_level;

#[cfg(target_os = "macos")]
#[path = "cocoa.rs"]
mod system;
#[cfg(windows)]
#[path = "win32.rs"]
mod system;
#[cfg(all(unix, not(target_os = "macos")))]
#[path = "x11.rs"]
mod system;

pub use editor::{Editor, EditorRequests, Placement, ResizeHints, Size};
pub use error::WindowError;
pub use plugin_window::PluginWindow;
pub use top_level::{ParentHandle, TopLevel, WindowEvent, open_top_level, wait};
