//! Top-level windows on X11, which is also how they are on Wayland, through XWayland. One connection a window, apart from
//! those of the plugins.

use std::cell::Cell;
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::properties::{AspectRatio, WmSizeHints};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    WindowClass,
};
use x11rb::resource_manager;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::descriptors;
use super::editor::{ResizeHints, Size};
use super::error::WindowError;
use super::top_level::{ParentHandle, TopLevel, WindowEvent};
use crate::plugin::Interest;

/// What the resource `Xft.dpi` is where a length of 1 is a pixel.
const PLAIN_DPI: f64 = 96.0;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        WM_PROTOCOLS,
        WM_DELETE_WINDOW,
        _NET_WM_NAME,
        _NET_WM_PID,
        UTF8_STRING,
    }
}

/// See the module.
pub(super) struct Window {
    connection: RustConnection,
    atoms: Atoms,
    root: u32,
    id: u32,
    scale: Cell<f64>,
    /// The number of the last order for another size: what the server tells of sizes before it has come to that is out of
    /// date, and taken for a person's doing it would be asked of the view.
    sized_at: Cell<u64>,
}

impl Window {
    pub(super) fn open(title: &str, size: Size) -> Result<Self, WindowError> {
        let (connection, screen) =
            x11rb::connect(None).map_err(|error| WindowError::NoDisplay { reason: error.to_string() })?;
        Self::make(connection, screen, title, size).map_err(|error| WindowError::Refused { reason: error.to_string() })
    }

    fn make(connection: RustConnection, screen: usize, title: &str, size: Size) -> Result<Self, ReplyOrIdError> {
        let atoms = Atoms::new(&connection)?.reply()?;
        let root = connection.setup().roots[screen].root;
        let id = connection.generate_id()?;
        let black = connection.setup().roots[screen].black_pixel;
        let settings = CreateWindowAux::new().event_mask(EventMask::STRUCTURE_NOTIFY).background_pixel(black);
        let (width, height) = (size.width as u16, size.height as u16);
        let class = WindowClass::INPUT_OUTPUT;
        // Depth and visual of the root: plugins make theirs as if the parent had them.
        let created = connection.create_window(0, id, root, 0, 0, width, height, 0, class, 0, &settings)?;
        created.check()?;
        // To be told when the resources change.
        let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        connection.change_window_attributes(root, &watch)?;
        let protocols = [atoms.WM_DELETE_WINDOW];
        connection.change_property32(PropMode::REPLACE, id, atoms.WM_PROTOCOLS, AtomEnum::ATOM, &protocols)?;
        let name = title.as_bytes();
        connection.change_property8(PropMode::REPLACE, id, atoms._NET_WM_NAME, atoms.UTF8_STRING, name)?;
        connection.change_property8(PropMode::REPLACE, id, AtomEnum::WM_NAME, AtomEnum::STRING, name)?;
        let process = [std::process::id()];
        connection.change_property32(PropMode::REPLACE, id, atoms._NET_WM_PID, AtomEnum::CARDINAL, &process)?;
        let class = b"crosspoint\0Crosspoint\0";
        connection.change_property8(PropMode::REPLACE, id, AtomEnum::WM_CLASS, AtomEnum::STRING, class)?;
        let scale = Cell::new(read_scale(&connection));
        // Also so that plugins find the window on their own connections.
        connection.sync()?;
        Ok(Self { connection, atoms, root, id, scale, sized_at: Cell::new(0) })
    }

    /// What an event means; `sequence` is the number of the last request that the server had carried out by then.
    fn event(&self, event: &Event, sequence: u64) -> Option<WindowEvent> {
        match event {
            Event::ClientMessage(message) if message.window == self.id => {
                let is_close = message.data.as_data32()[0] == self.atoms.WM_DELETE_WINDOW;
                is_close.then_some(WindowEvent::CloseRequested)
            }
            Event::ConfigureNotify(change) if change.window == self.id => {
                let is_current = sequence >= self.sized_at.get();
                is_current.then_some(WindowEvent::Resized(Size::new(change.width.into(), change.height.into())))
            }
            // Someone else has destroyed it.
            Event::DestroyNotify(end) if end.window == self.id => Some(WindowEvent::CloseRequested),
            Event::PropertyNotify(change) if change.atom == u32::from(AtomEnum::RESOURCE_MANAGER) => {
                let scale = read_scale(&self.connection);
                (self.scale.replace(scale) != scale).then_some(WindowEvent::ScaleChanged(scale))
            }
            _ => None,
        }
    }

    fn try_set_size(&self, size: Size, hints: ResizeHints) -> Result<(), ConnectionError> {
        let (width, height) = (size.width as i32, size.height as i32);
        let most = Size::MOST as i32;
        let range = |may_change, now| if may_change { (1, most) } else { (now, now) };
        let (horizontal, vertical) = (range(hints.horizontal, width), range(hints.vertical, height));
        let ratio = hints.aspect_ratio.filter(|_| hints.horizontal && hints.vertical);
        let ratio = ratio.map(|(width, height)| AspectRatio::new(width as i32, height as i32));
        let mut normal = WmSizeHints::new();
        normal.min_size = Some((horizontal.0, vertical.0));
        normal.max_size = Some((horizontal.1, vertical.1));
        normal.aspect = ratio.map(|ratio| (ratio, ratio));
        normal.set_normal_hints(&self.connection, self.id)?;
        let size = ConfigureWindowAux::new().width(size.width).height(size.height);
        self.sized_at.set(self.connection.configure_window(self.id, &size)?.sequence_number());
        self.connection.flush()
    }

    /// Done when this returns, and so is all that was asked for before: what happens to a window that is open happens to
    /// one of the size that it was given.
    fn try_set_visible(&self, visible: bool) -> Result<(), ReplyError> {
        if visible {
            self.connection.map_window(self.id)?;
        } else {
            self.connection.unmap_window(self.id)?;
        }
        self.connection.sync()
    }

    /// What plugins left in it is put aside first: it would be destroyed with the window, and a plugin whose own order to
    /// destroy it comes later is ended by its X library for that.
    fn try_close(&self) -> Result<(), ReplyOrIdError> {
        self.connection.unmap_window(self.id)?;
        for child in self.connection.query_tree(self.id)?.reply()?.children {
            self.connection.unmap_window(child)?;
            self.connection.reparent_window(child, self.root, 0, 0)?;
        }
        self.connection.destroy_window(self.id)?;
        self.connection.sync()?;
        Ok(())
    }
}

impl TopLevel for Window {
    fn handle(&self) -> ParentHandle {
        ParentHandle::X11(self.id)
    }

    fn scale(&self) -> f64 {
        self.scale.get()
    }

    // A server that is gone is seen in `take_events`, for all of these.
    fn set_size(&self, size: Size, hints: ResizeHints) {
        let _ = self.try_set_size(size, hints);
    }

    fn set_visible(&self, visible: bool) {
        let _ = self.try_set_visible(visible);
    }

    fn take_events(&self) -> Vec<WindowEvent> {
        let mut events = Vec::new();
        loop {
            let event = match self.connection.poll_for_event_with_sequence() {
                Ok(Some((event, sequence))) => self.event(&event, sequence),
                Ok(None) => return events,
                Err(_) => {
                    events.push(WindowEvent::CloseRequested);
                    return events;
                }
            };
            if let Some(WindowEvent::Resized(_)) = event {
                events.retain(|event| !matches!(event, WindowEvent::Resized(_)));
            }
            events.extend(event);
        }
    }

    fn interests(&self) -> Vec<Interest> {
        use std::os::fd::AsRawFd as _;
        let descriptor = self.connection.stream().as_raw_fd();
        vec![Interest { descriptor, readable: true, writable: false }]
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The server destroys it too when the connection ends; this is only the gentle way.
        let _ = self.try_close();
    }
}

/// What people have set for text, which plugins follow with all they draw.
fn read_scale(connection: &RustConnection) -> f64 {
    let resources = resource_manager::new_from_default(connection).ok();
    let dpi = resources.and_then(|resources| resources.get_value::<f64>("Xft.dpi", "").ok().flatten());
    dpi.filter(|dpi| (PLAIN_DPI / 4.0..=PLAIN_DPI * 8.0).contains(dpi)).map_or(1.0, |dpi| dpi / PLAIN_DPI)
}

pub(super) fn wait(interests: &[Interest], time: Duration) {
    // What is ready is found again by those who asked for it.
    descriptors::ready(interests, time);
}
