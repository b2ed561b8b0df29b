//! MIDI control: what the messages of a role do to the rig beside being played.
//!
//! ```text
//!   MIDI ──► Ears ──► Compiled table ──► Way ──► Command at the message's frame          audio thread
//!                                         │
//!                        values, deeds ───┴──ring──► the engine follows      control thread
//!   lights ◄── feed_back ◄── values ◄──────────ring── what others have set
//! ```
//!
//! A message acts in the callback that brings it, at its frame. The engine learns of it afterwards and only takes note: what
//! it knows of parameters, crosspoints and the transport follows what has been heard. Turning knobs makes no steps of the
//! history: undo takes back what was edited, not what was played. A message that a mapping takes is kept from the rig unless
//! the mapping passes it on.
mod binding;
mod compiled;
mod decode;
mod domain;
mod edit;
mod feedback;
mod follow;
#[cfg(test)]
pub(crate) mod foot;
mod learn;
mod line;
mod mappings;
mod panic;
mod plans;
mod resolve;
mod scale;
mod show;
mod target;

pub use edit::MappingEdit;
pub use resolve::MappingCondition;
pub use show::{MappingSnapshot, MappingsSnapshot};

pub(crate) use compiled::Compiled;
pub(crate) use decode::Ears;
pub(crate) use domain::of_builtin as domain_of_builtin;
pub(crate) use edit::Control;
pub(crate) use line::{Desk, line};
pub(crate) use mappings::{Known, Mappings};
pub(crate) use target::Domain;
