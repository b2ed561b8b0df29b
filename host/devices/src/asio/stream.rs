//! The backend and its streams, on the control thread: they ask the thread that owns the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::owner::Owner;
use super::registry::{InstalledDriver, installed};
use super::session::{Latencies, Opened, Plan, Session};
use crate::backend::{Backend, DeviceInfo, Latency, Stream, StreamInfo};
use crate::callback_cell::CallbackCell;
use crate::driver_controls::{ClockSource, DriverControls};
use crate::error::{DeviceError, OpenError, StreamError};
use crate::period::{DuplexCallback, PeriodTime};
use crate::request::StreamRequest;
use crate::status::{Notice, NoticeReader, StreamStatus};

const NAME: &str = "asio";

/// The backend named `asio`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsioBackend;

/// Those that may be opened without being named, an interface's own before wrappers.
fn by_preference(drivers: &[InstalledDriver]) -> Vec<InstalledDriver> {
    let mut drivers: Vec<_> = drivers.iter().filter(|driver| driver.class.is_ok()).cloned().collect();
    drivers.sort_by_key(InstalledDriver::is_wrapper);
    drivers
}

/// The drivers, or what to do without any.
fn some_installed() -> Result<Vec<InstalledDriver>, DeviceError> {
    let drivers = installed();
    if drivers.is_empty() {
        return Err(DeviceError::NotInstalled {
            backend: "an ASIO driver",
            reason:
                "an interface's own comes from its maker; without one, WASAPI in exclusive mode is the next best, or a \
                     driver that wraps the system's audio, such as FlexASIO or ASIO4ALL"
                    .to_owned(),
        });
    }
    Ok(drivers)
}

impl Backend for AsioBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    /// What the registry says: no driver is loaded.
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        let drivers = some_installed()?;
        let first = by_preference(&drivers).first().map(|driver| driver.name.clone());
        let device = |driver: &InstalledDriver| {
            DeviceInfo {
                backend: NAME,
                name: driver.name.clone(),
                description: driver.description.clone(),
                is_default: first.as_ref() == Some(&driver.name),
                // One buffer switch serves both sides.
                shares_clock: Some(true),
                is_wrapper: driver.is_wrapper(),
                broken: driver.class.as_ref().err().cloned(),
                ..DeviceInfo::default()
            }
        };
        Ok(drivers.iter().map(device).collect())
    }

    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError> {
        let drivers = some_installed()?;
        let chosen = match &request.device {
            Some(name) => drivers.iter().filter(|driver| driver.name.eq_ignore_ascii_case(name)).cloned().collect(),
            None => by_preference(&drivers),
        };
        let mut refusal = OpenError::NoDevice {
            backend: NAME,
            device: request.device.clone().unwrap_or_else(|| "the default driver".to_owned()),
            known: drivers.iter().map(|driver| driver.name.clone()).collect(),
        };
        let status = Arc::<StreamStatus>::default();
        let cell = Arc::new(CallbackCell::new(callback, Arc::clone(&status)));
        for driver in chosen {
            match open(driver, request, &cell, &status) {
                Ok(stream) => return Ok(stream),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

fn open(
    driver: InstalledDriver,
    request: &StreamRequest,
    cell: &Arc<CallbackCell>,
    status: &Arc<StreamStatus>,
) -> Result<Box<dyn Stream>, OpenError> {
    let device = driver.name;
    let refused = |message: String| OpenError::Driver { device: device.clone(), message };
    let class = driver.class.map_err(refused)?;
    let latencies = Arc::<Latencies>::default();
    let plan = Plan {
        device: device.clone(),
        class,
        inputs: request.inputs.clone(),
        outputs: request.outputs.clone(),
        rate: request.rate,
        buffer_frames: request.buffer_frames,
        cell: Arc::clone(cell),
        status: Arc::clone(status),
        latencies: Arc::clone(&latencies),
    };
    let owner = Owner::start().map_err(refused)?;
    let opened = owner.call(move |session| {
        Session::open(plan).map(|(open, opened)| {
            *session = Some(open);
            opened
        })
    });
    let Opened { rate, buffer_frames, inputs, outputs } = opened.map_err(refused)??;
    let info = StreamInfo { backend: NAME, device, client: String::new(), rate, buffer_frames, inputs, outputs };
    let reader = NoticeReader::new(rate, buffer_frames);
    let (cell, status) = (Arc::clone(cell), Arc::clone(status));
    Ok(Box::new(AsioStream { owner: Some(owner), info, latencies, cell, status, reader }))
}

struct AsioStream {
    /// None once it is closed.
    owner: Option<Owner>,
    info: StreamInfo,
    latencies: Arc<Latencies>,
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    reader: NoticeReader,
}

impl AsioStream {
    fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Session) -> Result<T, String> + Send + 'static,
    ) -> Result<T, StreamError> {
        let device = self.info.device.clone();
        if self.status.lost.is_set() {
            return Err(StreamError::Lost { device });
        }
        let owner = self.owner.as_ref().ok_or_else(|| StreamError::Lost { device: device.clone() })?;
        let answer = owner.call(move |session| session.as_mut().map_or(Err("it is closed".to_owned()), request));
        answer.flatten().map_err(|message| StreamError::Driver { device, message })
    }
}

impl Stream for AsioStream {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// What the driver reports, its buffers included.
    fn latency(&self) -> Latency {
        let known = |frames: &AtomicU32| Some(frames.load(Ordering::Relaxed)).filter(|&frames| frames != u32::MAX);
        Latency { input: known(&self.latencies.input), output: known(&self.latencies.output), join: 0 }
    }

    fn start(&mut self) -> Result<(), StreamError> {
        self.ask(Session::start)
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        self.ask(Session::stop)
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.reader.drain(&self.status)
    }

    fn xruns(&self) -> u64 {
        self.status.xruns()
    }

    fn controls(&mut self) -> Option<&mut dyn DriverControls> {
        Some(self)
    }

    fn close(mut self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        self.owner = None;
        self.cell.take()
    }
}

impl DriverControls for AsioStream {
    fn open_panel(&mut self) -> Result<(), StreamError> {
        let device = self.info.device.clone();
        let owner = self.owner.as_ref().ok_or_else(|| StreamError::Lost { device: device.clone() })?;
        let opened = owner.call_briefly(|session| match session {
            Some(session) => session.driver()?.control_panel(),
            None => Err("it is closed".to_owned()),
        });
        opened.flatten().map_err(|message| StreamError::Driver { device, message })
    }

    fn clock_sources(&mut self) -> Result<Vec<ClockSource>, StreamError> {
        self.ask(|session| session.driver()?.clock_sources())
    }

    fn set_clock_source(&mut self, index: u32) -> Result<(), StreamError> {
        self.ask(move |session| session.driver()?.set_clock_source(index))
    }

    fn position(&mut self) -> Result<PeriodTime, StreamError> {
        self.ask(|session| session.driver()?.position_now())
    }
}
