//! MIDI 1 bytes and Universal MIDI Packets as one thing, for the edges of plugins that speak only one of the dialects.
//! Pure values: nothing here knows a plugin format, allocates or fails.
//!
//! Source of the packet layouts and of the scaling: "Universal MIDI Packet (UMP) Format and MIDI 2.0 Protocol",
//! M2-104-UM, and "Bit Scaling and Resolution", M2-115-U.
#![deny(clippy::disallowed_types)]

mod mpe;
mod scale;
mod voice;

pub use mpe::{MEMBER_BEND_RANGE, MpeZone, Placement};
pub use scale::{scale_down, scale_up};
pub use voice::{CHANNEL_BEND_RANGE, Voice, controller, midi_to_ump, ump_to_midi};
