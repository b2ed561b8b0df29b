//! Commands that take effect together: they go out in one box, are carried out at one frame, and the box comes home to be
//! dropped. Never allocates or frees in the callback.

use super::command::Command;

/// Scenes whose plans the renderer can hold.
pub const SCENES: usize = 1024;
/// Bundles that may be about at once beside the plans of scenes: on their way out, waiting for their frame, or on their
/// way home.
pub const BUNDLES: usize = 64;
/// Boxes of both kinds; the ring home has room for all.
pub(crate) const BUNDLE_CREDITS: usize = SCENES + BUNDLES;

/// Commands in the order in which they are carried out: gains first, row by row.
pub(crate) type Bundle = Box<Box<[Command]>>;

/// Puts the gains first, in the order of a schedule's cells, so that the renderer finds each beside the one before; what is
/// said twice of one crosspoint stays in its order, and so does all else.
pub(crate) fn bundle(mut commands: Box<[Command]>) -> Bundle {
    commands.sort_by_key(|command| match *command {
        Command::Gain { edge, source, destination, .. } => (false, Some((edge, destination, source))),
        _ => (true, None),
    });
    Box::new(commands)
}

/// The plans of scenes, and the switch that waits for its beat. Audio thread.
pub(crate) struct Scenes {
    plans: Box<[Option<Bundle>]>,
    /// The scene that waits, and whether for the bar.
    pub waiting: Option<(u16, bool)>,
}

impl Scenes {
    /// Without plans. Allocates.
    pub fn new() -> Self {
        Self { plans: (0..SCENES).map(|_| None).collect(), waiting: None }
    }

    /// Puts a plan in the place of a scene's, or takes it out. Returns what goes home.
    pub fn replace(&mut self, scene: u16, plan: Option<Bundle>) -> Option<Bundle> {
        match self.plans.get_mut(usize::from(scene)) {
            Some(place) => std::mem::replace(place, plan),
            None => plan,
        }
    }

    /// Takes a plan out to be carried out; it is to be put back.
    pub fn take(&mut self, scene: u16) -> Option<Bundle> {
        self.plans.get_mut(usize::from(scene))?.take()
    }
}
