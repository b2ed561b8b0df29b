//! What an embedder asks of a backend.

use crate::selection::ChannelSelection;

/// Whether the clocks of an input and an output that have to be joined drift against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JoinClocks {
    /// Two sides of the same device share its clock; two devices do not.
    #[default]
    SameDevice,
    /// They share one clock (word clock, aggregate device): never resample.
    Shared,
    /// They drift: resample the input against the drift.
    Separate,
}

/// What to open. Every number is honoured exactly, or opening fails and says what the device can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    /// The device by the name that [`Backend::devices`](crate::Backend::devices) lists, a JACK server's name, or
    /// `None` for the backend's default.
    pub device: Option<String>,
    /// Another device for the inputs, where a backend joins two. `None`: the same as [`device`](Self::device).
    pub input_device: Option<String>,
    /// Which of the device's inputs.
    pub inputs: ChannelSelection,
    /// Which of the device's outputs.
    pub outputs: ChannelSelection,
    /// Frames a second; `None`: what the device runs at, or 48,000.
    pub rate: Option<u32>,
    /// Length of a period in frames; `None`: what the device runs at, or a short one.
    pub buffer_frames: Option<u32>,
    /// The name under which patch bays show the stream. JACK appends a number if it is taken.
    pub client_name: String,
    /// Whether to connect the ports to the device's (JACK). Elsewhere they always are.
    pub auto_connect: bool,
    /// Whether to correct drift where two streams are joined.
    pub clocks: JoinClocks,
}

impl Default for StreamRequest {
    fn default() -> Self {
        Self {
            device: None,
            input_device: None,
            inputs: ChannelSelection::all(),
            outputs: ChannelSelection::all(),
            rate: None,
            buffer_frames: None,
            client_name: "crosspoint".to_owned(),
            auto_connect: true,
            clocks: JoinClocks::SameDevice,
        }
    }
}
