//! MIDI devices: listing them, opening them by name, waiting for those that are gone.
//!
//! [`MidiPorts`] has the ports that somebody wants, on the control thread. What comes in is stamped with a
//! [`TickClock`]'s time and goes through a ring of its own straight to the callback, which asks a [`PeriodClock`] for
//! its frame; what goes out takes the same way back to a thread that sends it when its time has come. So an event is
//! heard at the frame at which it was played, later by a constant number of frames ([`delay_frames`]), whenever threads
//! happen to wake up.
//!
//! ```text
//!   device ──► driver's thread: parser, stamp ──ring──► callback: frame of the stamp + delay
//!   device ◄── sending thread, at its time   ◄──ring── callback: time of the frame + delay
//! ```
//!
//! Where the audio driver carries MIDI itself (JACK), it comes with the [`Period`](crate::Period) and without a delay; see
//! [`PeriodMidi`](crate::PeriodMidi).
//!
//! This module knows bytes only, never what they mean, save for what must not be lost.

mod clock;
mod names;
mod output;
mod parser;
mod ports;
mod ring;
mod system;
mod virtual_ports;

pub use clock::{PeriodClock, StampClock, TickClock};
pub use output::MidiOutput;
pub use parser::{MidiParser, is_ending};
pub use ports::{MidiChange, MidiPorts, OpenEnd, PortId};
pub use ring::{MidiLosses, MidiReceiver, MidiSender, midi_ring};
pub use system::SystemMidi;
pub use virtual_ports::VirtualMidi;

/// The longest system-exclusive message that comes in or goes out, in bytes. Longer ones are lost and counted.
pub const LONGEST_SYSEX: usize = 16 * 1024;
/// Bytes on their way between two threads.
const RING_BYTES: usize = 64 * 1024;

/// By how much later than the period itself the callback may wake up, or the thread that brings a message, before the
/// message comes late: a thousandth of a second.
pub const MARGIN_SECONDS: f64 = 0.001;

/// The constant delay of an event between a MIDI device and the callback, each way, in frames: the longest period,
/// because a message that comes while one is rendered can only be heard in the next, and a margin for threads that wake
/// up late.
pub fn delay_frames(period: u32, rate: f64) -> u32 {
    period + (MARGIN_SECONDS * rate).ceil() as u32
}

/// Which way a port goes, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the device.
    Input,
    /// To the device.
    Output,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// A port of a MIDI device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidiPort {
    /// The name to ask for: the driver's, with a number where several devices share it.
    pub name: String,
    /// The driver's own identity of the port.
    pub id: String,
}

/// What cannot be had of MIDI, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MidiError {
    /// The system has no MIDI, or lets nobody have it.
    #[error("this system's MIDI ({backend}) cannot be used: {reason}")]
    Unavailable {
        /// The backend.
        backend: &'static str,
        /// Why, and what to do.
        reason: String,
    },
    /// A port does not open.
    #[error("the MIDI {direction} `{port}` does not open: {reason}; another program may have it")]
    Open {
        /// Which way.
        direction: Direction,
        /// The port.
        port: String,
        /// What the driver said.
        reason: String,
    },
    /// A device takes nothing any more.
    #[error("the MIDI device takes nothing: {reason}")]
    Send {
        /// What the driver said.
        reason: String,
    },
}

/// What a backend calls with what comes in: the driver's time stamp in microseconds of a clock of its own, and bytes of
/// the stream, cut anyhow. On a thread of the driver's.
pub type Receive = Box<dyn FnMut(u64, &[u8]) + Send>;

/// An input that is open until this is dropped; nothing is received after that.
pub trait MidiConnection: Send {}

/// Where bytes go to a device.
pub trait MidiSend: Send {
    /// Sends one whole message. May wait until the device has taken it.
    fn send(&mut self, message: &[u8]) -> Result<(), MidiError>;
}

/// One way to reach MIDI devices. Used from the control thread.
pub trait MidiBackend: Send {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// The ports there are now. Their names need not differ.
    fn ports(&self, direction: Direction) -> Result<Vec<MidiPort>, MidiError>;

    /// Opens an input.
    fn open_input(&self, port: &MidiPort, receive: Receive) -> Result<Box<dyn MidiConnection>, MidiError>;

    /// Opens an output.
    fn open_output(&self, port: &MidiPort) -> Result<Box<dyn MidiSend>, MidiError>;
}
