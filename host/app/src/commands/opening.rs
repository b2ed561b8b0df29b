//! A device for a file: opened at the file's rate where that can be, and never one that nobody hears unless it is named.

use crate::cli::DeviceChoice;
use crate::failure::Failure;
use crosspoint::EngineError;
use crosspoint::devices::{
    Backend, ChannelSelection, DeviceName, DuplexCallback, Notice, OpenError, Stream, StreamRequest, backend, backends,
};

/// The backend whose devices nobody hears.
const SILENT: &str = "virtual";

/// What to do where nothing can be opened.
pub const NO_DEVICE: &str = "`crosspoint devices` lists what there is and says what to do; --device virtual plays into \
                             nothing and hears silence";

/// Opens the device, or the best one that is a real one. It is switched to `wanted` Hz where it can be; else it keeps its own
/// rate. `make` makes the callback for each attempt.
///
/// # Errors
/// If it does not open; the error says what it can do.
pub fn open(
    choice: &DeviceChoice,
    sides: [&ChannelSelection; 2],
    wanted: Option<u32>,
    mut make: impl FnMut() -> Result<Box<dyn DuplexCallback>, Failure>,
) -> Result<Box<dyn Stream>, Failure> {
    if let Some(name) = &choice.device {
        return open_named(name, choice, sides, wanted, make)?.map_err(Failure::new);
    }
    let request = request(choice, sides);
    let mut refusals = String::new();
    for backend in backends().iter().filter(|backend| backend.name() != SILENT) {
        match open_at(&**backend, &request, wanted, &mut make)? {
            Ok(stream) => return Ok(stream),
            Err(error) => refusals.push_str(&format!("\n  {}: {error}", backend.name())),
        }
    }
    Err(Failure::new(format_args!("no device could be opened:{refusals}\n{NO_DEVICE}")))
}

/// As [`open`] for a device that is named, whatever `choice` names; what it refuses is the inner error.
///
/// # Errors
/// If there is no such backend.
pub fn open_named(
    name: &DeviceName,
    choice: &DeviceChoice,
    sides: [&ChannelSelection; 2],
    wanted: Option<u32>,
    mut make: impl FnMut() -> Result<Box<dyn DuplexCallback>, Failure>,
) -> Result<Result<Box<dyn Stream>, OpenError>, Failure> {
    let request = StreamRequest { device: name.device.clone(), ..request(choice, sides) };
    let backend = backend(&name.backend).map_err(EngineError::from)?;
    open_at(&*backend, &request, wanted, &mut make)
}

/// What is asked of the device.
pub fn request(choice: &DeviceChoice, [inputs, outputs]: [&ChannelSelection; 2]) -> StreamRequest {
    StreamRequest {
        device: choice.device.as_ref().and_then(|name| name.device.clone()),
        inputs: inputs.clone(),
        outputs: outputs.clone(),
        rate: choice.rate,
        buffer_frames: choice.buffer,
        client_name: choice.client_name.clone(),
        auto_connect: !choice.no_connect,
        ..StreamRequest::default()
    }
}

fn open_at(
    backend: &dyn Backend,
    request: &StreamRequest,
    wanted: Option<u32>,
    make: &mut impl FnMut() -> Result<Box<dyn DuplexCallback>, Failure>,
) -> Result<Result<Box<dyn Stream>, OpenError>, Failure> {
    let Some(rate) = wanted.filter(|_| request.rate.is_none()) else { return Ok(backend.open(request, make()?)) };
    let first = backend.open(&StreamRequest { rate: Some(rate), ..request.clone() }, make()?);
    Ok(match first {
        // What keeps a driver from another rate may not keep it from its own.
        Err(OpenError::Rate { .. } | OpenError::RateHeld { .. } | OpenError::Driver { .. }) => {
            backend.open(request, make()?)
        }
        other => other,
    })
}

/// Why what plays or records on a device cannot go on, if a notice says so. A rate that changed would be heard as another
/// pitch.
pub fn ending(notice: &Notice) -> Option<String> {
    match notice {
        Notice::DeviceLost { .. } | Notice::Stopped { .. } | Notice::RateChanged { .. } => {
            super::device_events::driver_event(notice).map(|(_, message)| message)
        }
        _ => None,
    }
}
