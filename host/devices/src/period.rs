//! One period of a duplex stream, and the callback that renders it. Plain data: this module owns nothing, so that any
//! driver can build a period out of its own buffers without a copy.
#![deny(clippy::disallowed_types)]

/// When a period happens, by the device's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodTime {
    /// The device's position of the period's first frame. Never goes back while a stream is open; it jumps forward by
    /// what was lost in an xrun where the driver tells, and counts from an origin that the driver chose.
    pub frame: u64,
    /// The time of that frame in nanoseconds of a monotonic clock of the driver's choice, if it has one.
    pub nanoseconds: Option<u64>,
}

/// All inputs and all outputs of one period, non-interleaved.
///
/// Every slice is exactly [`frames`](Self::frames) long. Channels come in the order of the request's selection.
#[derive(Debug)]
pub struct Period<'a> {
    /// The captured channels, nominally within -1..=1.
    pub inputs: &'a [&'a [f32]],
    /// The channels to fill. Their contents are unspecified on entry: the callback writes every frame of every one.
    pub outputs: &'a mut [&'a mut [f32]],
    /// Length of the period in frames. At most [`StreamInfo::buffer_frames`](crate::StreamInfo::buffer_frames) unless
    /// the driver changed its buffer size meanwhile: a callback copes with any length.
    pub frames: usize,
    /// When the period happens.
    pub time: PeriodTime,
    /// How many xruns the driver has counted since the stream was opened.
    pub xruns: u64,
    /// Whether the driver runs faster or slower than real time and waits for the callback: render as for a file.
    pub freewheel: bool,
    /// MIDI that the driver carries in its periods, if it does.
    pub midi: Option<&'a mut dyn PeriodMidi>,
}

/// The MIDI of one period: whole messages with their frames, on ports in the order in which
/// [`Stream::midi`](crate::Stream::midi) opened them.
///
/// # Real-time
/// For the callback.
pub trait PeriodMidi: std::fmt::Debug {
    /// Hands over each message that came in at a port, by frame. None of a port that does not exist.
    fn read(&mut self, port: usize, each: &mut dyn FnMut(u32, &[u8]));

    /// Sends a message at a frame, which is not before that of the last one. False, and counted, if it does not fit.
    fn write(&mut self, port: usize, frame: u32, message: &[u8]) -> bool;
}

/// What runs inside a driver's period.
///
/// # Real-time
/// `process` is called on the driver's thread, which may be another one after a restart of the stream, but never on two
/// at once. It does not wait, lock, allocate, free, log or call the system. A callback that panics is not called again:
/// the stream plays silence and says [`Notice::Stopped`](crate::Notice::Stopped).
pub trait DuplexCallback: Send {
    /// Renders one period: reads `period.inputs`, writes every frame of `period.outputs`.
    fn process(&mut self, period: Period<'_>);
}

impl<F: FnMut(Period<'_>) + Send> DuplexCallback for F {
    fn process(&mut self, period: Period<'_>) {
        self(period);
    }
}
