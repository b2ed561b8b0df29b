//! A screen of the test's own, and what a person or a window manager would see and do there.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crosspoint_fixtures::display::Display;
use crosspoint_formats::window::{ParentHandle, PluginWindow};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, ImageFormat, PropMode,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// One screen at a time: plugins look for it in the environment.
static ONE: Mutex<()> = Mutex::new(());

/// See the module. It ends after whatever was opened on it.
pub struct Screen {
    connection: RustConnection,
    root: u32,
    _display: Display,
    _one: MutexGuard<'static, ()>,
}

impl Screen {
    /// None, with a loud word, where there is none to be had.
    pub fn start() -> Option<Self> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let display = Display::start()?;
        // SAFETY: the tests of this program that have to do with the environment hold the lock.
        unsafe { std::env::set_var("DISPLAY", display.name()) };
        let (connection, screen) = x11rb::connect(None).unwrap();
        let root = connection.setup().roots[screen].root;
        Some(Self { connection, root, _display: display, _one: one })
    }

    /// Windows at the top, seen or not.
    pub fn windows(&self) -> usize {
        self.connection.query_tree(self.root).unwrap().reply().unwrap().children.len()
    }

    /// How many colours a window is of, as the screen shows it.
    pub fn colours(&self, window: &PluginWindow) -> usize {
        let id = id(window);
        let place = self.connection.translate_coordinates(id, self.root, 0, 0).unwrap().reply().unwrap();
        let size = self.connection.get_geometry(id).unwrap().reply().unwrap();
        let (width, height) = (size.width.min(1600), size.height.min(1200));
        let image =
            self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, place.dst_x, place.dst_y, width, height, !0);
        let image = image.unwrap().reply().unwrap();
        let mut colours: Vec<&[u8]> = image.data.chunks_exact(4).map(|pixel| &pixel[..3]).collect();
        colours.sort_unstable();
        colours.dedup();
        colours.len()
    }

    /// How large a window is for the server.
    pub fn size(&self, window: &PluginWindow) -> (u32, u32) {
        let size = self.connection.get_geometry(id(window)).unwrap().reply().unwrap();
        (size.width.into(), size.height.into())
    }

    /// What a person does who drags its corner.
    pub fn resize(&self, window: &PluginWindow, width: u32, height: u32) {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.connection.configure_window(id(window), &size).unwrap();
        self.connection.sync().unwrap();
    }

    /// What a person does who closes it.
    pub fn close(&self, window: &PluginWindow) {
        let atom = |name: &[u8]| self.connection.intern_atom(false, name).unwrap().reply().unwrap().atom;
        let order = [atom(b"WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let message = ClientMessageEvent::new(32, id(window), atom(b"WM_PROTOCOLS"), order);
        self.connection.send_event(false, id(window), EventMask::NO_EVENT, message).unwrap();
        self.connection.sync().unwrap();
    }

    /// What the desktop's settings do for a screen of many pixels.
    pub fn set_dpi(&self, dpi: u32) {
        let resources = format!("Xft.dpi:\t{dpi}\n");
        let (name, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
        self.connection.change_property8(PropMode::REPLACE, self.root, name, kind, resources.as_bytes()).unwrap();
        self.connection.sync().unwrap();
    }
}

fn id(window: &PluginWindow) -> u32 {
    match window.top_level().handle() {
        ParentHandle::X11(id) => id,
        other => panic!("{other:?}"),
    }
}
