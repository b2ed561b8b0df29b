//! The traits that carry every driver, and the list of the backends there are.

use crate::device_name::DeviceNameError;
use crate::driver_controls::DriverControls;
use crate::error::{Choices, DeviceError, OpenError, StreamError};
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

    /// What the driver has beside its stream, if it has any of that.
    fn controls(&mut self) -> Option<&mut dyn DriverControls> {
        None
    }

    /// Closes the stream and hands back its callback. `None` if a driver took it to its grave.
    fn close(self: Box<Self>) -> Option<Box<dyn DuplexCallback>>;
}

/// Every backend of this build, the best for live use first.
pub fn backends() -> Vec<Box<dyn Backend>> {
    let mut backends: Vec<Box<dyn Backend>> = Vec::new();
    #[cfg(windows)]
    backends.push(Box::new(crate::asio::AsioBackend));
    backends.push(Box::new(crate::jack::JackBackend));
    backends.extend(crate::cpal::hosts());
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
