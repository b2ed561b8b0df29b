//! The two halves of hosting. The main thread's half, [`PluginHost`], owns every plugin and makes every call that its
//! format reserves for one thread. The control half keeps a record of each plugin and never asks and waits: requests go
//! one way, answers come back when they are there.
//!
//! ```text
//!   Engine<PluginHost>     one thread: a request is answered before `send` returns
//!   Engine<PluginLink> ── requests ──► PluginServer { PluginHost }
//!      control thread  ◄── answers ──      main thread
//! ```

mod host;
mod kept;
mod link;
mod message;
mod record;
mod server;
mod setup;

pub use host::PluginHost;
pub(crate) use kept::Kept;
pub use link::PluginLink;
pub use message::PluginDescription;
pub(crate) use message::{Answer, Instance, Origin, PluginKey, Request, StateSource};
pub(crate) use record::{Phase, Record};
pub use server::PluginServer;
pub use setup::PluginSetup;

/// Where an engine's plugins live: on the engine's own thread ([`PluginHost`]) or on another one ([`PluginLink`]).
pub trait Plugins: sealed::Plugins {}

impl<P: sealed::Plugins> Plugins for P {}

/// Nobody else's business, so that messages may change.
pub(crate) mod sealed {
    use super::{Answer, Request};

    pub trait Plugins {
        /// Whether a request has been answered when [`Self::send`] returns.
        const AT_ONCE: bool;

        /// Asks for something. Every request that has an answer gets one, whatever becomes of the other half.
        fn send(&mut self, request: Request);

        /// The next answer that is there.
        fn answer(&mut self) -> Option<Answer>;

        /// Lets plugins that live on this thread do what is due.
        fn poll(&mut self);
    }
}
