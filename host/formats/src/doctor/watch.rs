//! How the doctor learns what a plugin does inside a process call. A library cannot know: it takes the program's own
//! allocator and the system's help, so the program brings it along.

/// Calls into the system, as far as they can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Its name, or its number on this system.
    pub name: String,
}

/// What happened between [`CallWatch::begin`] and [`CallWatch::end`]; none where it cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Calls {
    /// Memory taken.
    pub allocations: Option<u64>,
    /// Memory given back.
    pub frees: Option<u64>,
    /// Locks taken, free ones included.
    pub locks: Option<u64>,
    /// Those among them that another thread had at that moment, so that the call waited.
    pub locks_held: Option<u64>,
    /// The first call into the system, if there was one.
    pub system_call: Option<Option<SystemCall>>,
}

/// Watches the calling thread.
///
/// The audio half's own part in what is watched makes none of these calls, so that all of them are the plugin's.
pub trait CallWatch {
    /// From now on.
    fn begin(&self);

    /// Until now.
    fn end(&self) -> Calls;
}

/// Sees nothing, for a program that has no better.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl CallWatch for Unwatched {
    fn begin(&self) {}

    fn end(&self) -> Calls {
        Calls::default()
    }
}
