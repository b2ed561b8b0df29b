//! The traits that carry every driver, and the list of the backends there are.

use crate::audio_thread::Scheduling;
use crate::device_name::DeviceNameError;
use crate::driver_controls::DriverControls;
use crate::error::{Choices, DeviceError, OpenError, StreamError};
use crate::joined::Joined;
use crate::midi::Direction;
use crate::period::DuplexCallback;
use crate::request::StreamRequest;
use crate::status::Notice;

/// One way to reach devices: an audio server, a system's audio interface, or none at all.
///
/// Used from the control thread.
pub trait Backend: Send {
    /// What a device's name starts with: lower case, no colon.
    fn name(&self) -> &'static str;

    /// The devices there are now.
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError>;

    /// Opens a stream, which does not call `callback` before [`Stream::start`].
    ///
    /// A `callback` that could not be opened is dropped before this returns.
    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError>;
}

/// A device and what it can do. What is not known without opening it is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The backend's name.
    pub backend: &'static str,
    /// What to put into [`StreamRequest::device`].
    pub name: String,
    /// For people.
    pub description: String,
    /// Number of input channels.
    pub inputs: Option<usize>,
    /// Number of output channels.
    pub outputs: Option<usize>,
    /// The rates it runs at, in frames a second.
    pub rates: Choices,
    /// Its period lengths in frames.
    pub buffer_frames: Choices,
    /// Whether a request without a name gets it.
    pub is_default: bool,
    /// The inputs' names, if each is known.
    pub input_names: Vec<String>,
    /// The outputs' names, if each is known.
    pub output_names: Vec<String>,
    /// What samples are like on their way to the device and from it, such as `i24` or `f32`, if known.
    pub sample_formats: Vec<String>,
    /// Whether input and output run by one clock, if it has both and that is known.
    pub shares_clock: Option<bool>,
    /// Whether it stands before another device of this list, whose hardware it takes while it is open.
    pub is_wrapper: bool,
    /// Why it cannot be opened, and what to do, if that is known without trying.
    pub broken: Option<String>,
}

/// What a stream was opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The backend's name.
    pub backend: &'static str,
    /// The device's name; of JACK, the server's.
    pub device: String,
    /// The name under which patch bays show the stream; empty where there are none.
    pub client: String,
    /// Frames a second.
    pub rate: u32,
    /// The longest period in frames.
    pub buffer_frames: u32,
    /// The inputs' names, in the order of [`Period::inputs`](crate::Period::inputs).
    pub inputs: Vec<String>,
    /// The outputs' names, in the order of [`Period::outputs`](crate::Period::outputs).
    pub outputs: Vec<String>,
}

/// Delay in frames at the stream's rate, as measured or reported; `None`: the driver does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From the connector to [`Period::inputs`](crate::Period::inputs).
    pub input: Option<u32>,
    /// From [`Period::outputs`](crate::Period::outputs) to the connector.
    pub output: Option<u32>,
    /// What joining two streams adds between the two: its ring and its resampler. 0 for a duplex driver.
    pub join: u32,
}

impl Latency {
    /// From connector to connector, if both sides are known.
    pub fn round_trip(&self) -> Option<u32> {
        Some(self.input? + self.output? + self.join)
    }
}

/// An open device.
///
/// Used from the control thread. Dropping it closes it: no callback runs after that, and the callback is dropped by the
/// dropping thread.
pub trait Stream: Send {
    /// What it was opened with.
    fn info(&self) -> &StreamInfo;

    /// The latency as it is now. Many drivers know it only while the stream runs.
    fn latency(&self) -> Latency;

    /// Starts to call the callback. Nothing happens if it runs already.
    fn start(&mut self) -> Result<(), StreamError>;

    /// Stops to call the callback; none runs any more when this returns. The stream can be started again.
    fn stop(&mut self) -> Result<(), StreamError>;

    /// What happened since the last call. Call it regularly.
    fn notices(&mut self) -> Vec<Notice>;

    /// How many xruns the driver has counted since the stream was opened.
    fn xruns(&self) -> u64;

    /// How the system schedules the thread that calls the callback. `None` as long as it has not called it, and where it is
    /// not known.
    fn scheduling(&self) -> Option<Scheduling> {
        None
    }

    /// `request`, which this stream was opened with, so that it means this very device and no other.
    fn request_for_this_device(&self, request: &StreamRequest) -> StreamRequest {
        StreamRequest { device: Some(self.info().device.clone()), ..request.clone() }
    }

    /// The MIDI that comes and goes with the stream's periods, if its driver carries any.
    fn midi(&mut self) -> Option<&mut dyn StreamMidi> {
        None
    }

    /// How its input and its output are joined, if they are two streams.
    fn joined(&self) -> Option<Joined> {
        None
    }

    /// What the driver has beside its stream, if it has any of that.
    fn controls(&mut self) -> Option<&mut dyn DriverControls> {
        None
    }

    /// Closes the stream and hands back its callback. `None` if a driver took it to its grave.
    fn close(self: Box<Self>) -> Option<Box<dyn DuplexCallback>>;
}

/// MIDI ports of a stream, sample-accurate and without a delay. Used from the control thread, while the stream runs too.
pub trait StreamMidi {
    /// The ports of others that ours can be connected to.
    fn ports(&self, direction: Direction) -> Vec<String>;

    /// Makes a port of that name, if there is none yet. Returns its place in [`Period::midi`](crate::Period::midi). It is
    /// there until the stream is closed.
    ///
    /// # Errors
    /// If the driver does not, or there are too many.
    fn open(&mut self, direction: Direction, name: &str) -> Result<usize, StreamError>;

    /// Whether another's port of that name is there.
    fn has(&self, name: &str) -> bool;

    /// Connects one of our ports to another's. Nothing happens if it is connected already.
    ///
    /// # Errors
    /// If the driver refuses, or there is no such port.
    fn connect(&mut self, direction: Direction, port: usize, to: &str) -> Result<(), StreamError>;

    /// Messages that did not fit into what goes out, so far.
    fn lost(&self) -> u64;
}

/// Every backend of this build, the best for live use first.
pub fn backends() -> Vec<Box<dyn Backend>> {
    let mut backends: Vec<Box<dyn Backend>> = Vec::new();
    #[cfg(windows)]
    backends.push(Box::new(crate::asio::AsioBackend));
    backends.push(Box::new(crate::jack::JackBackend));
    backends.extend(crate::cpal::hosts());
    // After the shared way, since it takes the device from all other programs: to be named by who wants that.
    #[cfg(windows)]
    backends.push(Box::new(crate::wasapi_exclusive::WasapiExclusiveBackend));
    backends.push(Box::new(crate::virtual_device::VirtualBackend));
    backends
}

/// Opens the best device there is: the default one of the first backend that can do what is asked for. The `virtual` one
/// comes last, so that it fails only for what no device could do.
///
/// `request.device` should be `None`. A backend that refuses drops its callback, so `callback` makes one for each.
pub fn open_best(
    request: &StreamRequest,
    mut callback: impl FnMut() -> Box<dyn DuplexCallback>,
) -> Result<Box<dyn Stream>, OpenError> {
    let mut refusal = OpenError::NoChannels { device: "the default device".to_owned() };
    for backend in backends() {
        match backend.open(request, callback()) {
            Ok(stream) => return Ok(stream),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// The backend of that name, as [`DeviceName::backend`](crate::DeviceName::backend) holds it.
pub fn backend(name: &str) -> Result<Box<dyn Backend>, DeviceNameError> {
    let backends = backends();
    let known = backends.iter().map(|backend| backend.name()).collect();
    let found = backends.into_iter().find(|backend| backend.name() == name);
    found.ok_or_else(|| DeviceNameError::UnknownBackend { backend: name.to_owned(), known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;
    use crate::selection::ChannelSelection;

    /// There is always a device for one output; what even the virtual one refuses is an error.
    #[test]
    fn the_best_device_is_found_on_every_machine() {
        let callback = || Box::new(|_: Period<'_>| ()) as Box<dyn DuplexCallback>;
        let inputs = ChannelSelection::none();
        let open = |outputs| {
            let request = StreamRequest { inputs: inputs.clone(), outputs, auto_connect: false, ..Default::default() };
            open_best(&request, callback)
        };
        let stream = open(ChannelSelection::first(1).unwrap()).unwrap();
        assert_eq!((stream.info().inputs.len(), stream.info().outputs.len()), (0, 1));
        assert!(matches!(open(ChannelSelection::none()), Err(OpenError::NoChannels { .. })));
    }
}
