//! What can go wrong with a plugin's window, each with what to do about it.

/// Why a plugin's window could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// There is no display, or it does not answer.
    #[error(
        "there is no display for plugin windows: {reason}; run this within a desktop session, where DISPLAY names an X \
         server (on Wayland: with XWayland)"
    )]
    NoDisplay {
        /// What the system said.
        reason: String,
    },
    /// The display is there and refuses a window.
    #[error("the display refused to open a window: {reason}; close other windows and try again")]
    Refused {
        /// What the system said.
        reason: String,
    },
    /// Windows belong to another thread than this one.
    #[error("windows belong to the program's first thread; open this one there")]
    WrongThread,
    /// The plugin has no window at all.
    #[error("the plugin \"{plugin}\" has no window; set its parameters by their names instead")]
    NoEditor {
        /// Its name.
        plugin: String,
    },
    /// The plugin has a window, but not of that kind.
    #[error("the plugin \"{plugin}\" has no window that is {placement} on this system; try the other kind")]
    Placement {
        /// Its name.
        plugin: String,
        /// The kind asked for.
        placement: super::Placement,
    },
    /// Its window is open already.
    #[error("the plugin's window is open already; close it first")]
    AlreadyOpen,
    /// The plugin failed at a step towards its window.
    #[error("the plugin failed to {action}; it may run without its window, or want an update")]
    Failed {
        /// The step.
        action: &'static str,
    },
}
