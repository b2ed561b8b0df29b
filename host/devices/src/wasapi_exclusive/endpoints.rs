//! The system's endpoints, in exclusive mode and driven by their events. Used by one thread, the stream's own, from opening
//! to dropping.

use std::time::Instant;

use wasapi::{AudioClient, Device, Handle, StreamMode, WasapiError, WaveFormat};
use windows::Win32::Foundation::{HANDLE, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows::Win32::Media::Audio::{
    AUDCLNT_BUFFERFLAGS_DATA_DISCONTINUITY, AUDCLNT_BUFFERFLAGS_SILENT, AUDCLNT_BUFFERFLAGS_TIMESTAMP_ERROR,
    IAudioCaptureClient, IAudioRenderClient,
};
use windows::Win32::System::Threading::{
    AvRevertMmThreadCharacteristics, AvSetMmThreadCharacteristicsW, WaitForMultipleObjects,
};
use windows::core::w;

use super::encoding::aligned;
use super::exchange::{Endpoints, Packet, Ready};
use super::fault::{Fault, UNSUPPORTED_FORMAT};

/// How long an event is waited for, in milliseconds, before the endpoint is asked whether it is still there.
const NAP: u32 = 500;
/// How often that may go on.
const MOST_NAPS: u32 = 10;

/// An endpoint that is open.
pub(super) struct Endpoint {
    client: AudioClient,
    event: Handle,
    frame_bytes: usize,
    /// The length of its buffer.
    pub frames: u32,
    /// What the system says that a sample takes, in frames.
    pub latency: Option<u32>,
}

impl From<WasapiError> for Fault {
    fn from(error: WasapiError) -> Self {
        match error {
            WasapiError::Windows(error) => error.into(),
            // What else there is says that a format or a device is not as it was asked for.
            _ => Self::System(UNSUPPORTED_FORMAT),
        }
    }
}

impl From<windows::core::Error> for Fault {
    fn from(error: windows::core::Error) -> Self {
        Self::System(error.code().0)
    }
}

impl Endpoint {
    /// Takes the endpoint for this program alone, with buffers of so many frames or the next number that it can have.
    pub fn open(device: &Device, format: &WaveFormat, frames: u32) -> Result<Self, Fault> {
        let rate = format.get_samplespersec();
        let initialize = |frames: u32| {
            let mut client = device.get_iaudioclient()?;
            let period_hns = wasapi::calculate_period_100ns(frames.into(), rate.into());
            let mode = StreamMode::EventsExclusive { period_hns };
            let answer = client.initialize_client(format, &device.get_direction(), &mode);
            Ok((client, answer.map_err(Fault::from)))
        };
        let client = aligned(frames, initialize, |client| Ok(client.get_buffer_size()?))?;
        let event = client.set_get_eventhandle()?;
        let frames = client.get_buffer_size()?;
        // SAFETY: the client is initialised.
        let latency = unsafe { client.as_iaudioclient().GetStreamLatency() }.ok();
        let latency = latency.map(|hns| (hns.max(0) as f64 * f64::from(rate) / 1e7).round() as u32);
        Ok(Self { client, event, frame_bytes: format.get_blockalign() as usize, frames, latency })
    }

    /// Whether it is there at all.
    fn check(&self) -> Result<(), Fault> {
        self.client.get_current_padding()?;
        Ok(())
    }
}

/// The sides of a stream.
pub(super) struct ExclusiveEndpoints {
    input: Option<(Endpoint, IAudioCaptureClient)>,
    output: Option<(Endpoint, IAudioRenderClient)>,
    /// The events of the sides that there are, the input's first.
    events: [HANDLE; 2],
    sides: [Ready; 2],
    count: usize,
    naps: u32,
    started: Instant,
    /// The thread's place among those of audio, if it got one.
    promotion: Option<HANDLE>,
    /// Left last.
    _apartment: Apartment,
}

/// This thread's place among those that may use the system's components.
pub(super) struct Apartment {
    is_entered: bool,
}

impl Apartment {
    /// On a thread of our own: nothing else has entered another one.
    pub fn enter() -> Self {
        Self { is_entered: wasapi::initialize_mta().is_ok() }
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        if self.is_entered {
            wasapi::deinitialize();
        }
    }
}

impl ExclusiveEndpoints {
    pub fn new(input: Option<Endpoint>, output: Option<Endpoint>, apartment: Apartment) -> Result<Self, Fault> {
        let (mut events, mut sides, mut count) = ([HANDLE::default(); 2], [Ready::Neither; 2], 0);
        for (side, endpoint) in [(Ready::Input, &input), (Ready::Output, &output)] {
            if let Some(endpoint) = endpoint {
                (events[count], sides[count]) = (endpoint.event.as_handle(), side);
                count += 1;
            }
        }
        let capture = |endpoint: Endpoint| {
            // SAFETY: the client is initialised, and for capturing.
            let service = unsafe { endpoint.client.as_iaudioclient().GetService() }?;
            Ok::<_, Fault>((endpoint, service))
        };
        let render = |endpoint: Endpoint| {
            // SAFETY: the client is initialised, and for rendering.
            let service = unsafe { endpoint.client.as_iaudioclient().GetService() }?;
            Ok::<_, Fault>((endpoint, service))
        };
        Ok(Self {
            input: input.map(capture).transpose()?,
            output: output.map(render).transpose()?,
            events,
            sides,
            count,
            naps: 0,
            started: Instant::now(),
            promotion: None,
            _apartment: apartment,
        })
    }

    /// The sides' buffers and latencies.
    pub fn endpoints(&self) -> (Option<&Endpoint>, Option<&Endpoint>) {
        (self.input.as_ref().map(|(endpoint, _)| endpoint), self.output.as_ref().map(|(endpoint, _)| endpoint))
    }
}

impl Endpoints for ExclusiveEndpoints {
    fn promote(&mut self) -> Result<(), String> {
        let mut task = 0;
        // SAFETY: the name is a string of the system's kind, and the number is ours.
        match unsafe { AvSetMmThreadCharacteristicsW(w!("Pro Audio"), &raw mut task) } {
            Ok(promotion) => {
                self.promotion = Some(promotion);
                Ok(())
            }
            Err(error) => Err(format!(
                "the system gives no place among audio threads ({error}); start the service \"Multimedia Class Scheduler\""
            )),
        }
    }

    fn start(&mut self) -> Result<(), Fault> {
        self.naps = 0;
        if let Some((endpoint, service)) = &self.output {
            // SAFETY: the whole buffer is ours before the start, and is released unwritten as silence.
            unsafe {
                service.GetBuffer(endpoint.frames)?;
                service.ReleaseBuffer(endpoint.frames, AUDCLNT_BUFFERFLAGS_SILENT.0 as u32)?;
            }
        }
        if let Some((endpoint, _)) = &self.input {
            endpoint.client.start_stream()?;
        }
        if let Some((endpoint, _)) = &self.output {
            endpoint.client.start_stream()?;
        }
        Ok(())
    }

    fn stop(&mut self) {
        let (input, output) = self.endpoints();
        for endpoint in input.into_iter().chain(output) {
            // One that is gone cannot be stopped, and need not be.
            let _ = endpoint.client.stop_stream();
            let _ = endpoint.client.reset_stream();
        }
    }

    fn wait(&mut self) -> Result<Ready, Fault> {
        // SAFETY: the handles live as long as the endpoints.
        let event = unsafe { WaitForMultipleObjects(&self.events[..self.count], false, NAP) };
        if event == WAIT_TIMEOUT {
            let (input, output) = self.endpoints();
            input.into_iter().chain(output).try_for_each(Endpoint::check)?;
            self.naps += 1;
            return if self.naps > MOST_NAPS { Err(Fault::Silent) } else { Ok(Ready::Neither) };
        }
        self.naps = 0;
        let side = event.0.wrapping_sub(WAIT_OBJECT_0.0) as usize;
        match self.sides.get(side).filter(|_| side < self.count) {
            Some(&ready) => Ok(ready),
            None => Err(windows::core::Error::from_thread().into()),
        }
    }

    /// The performance counter, which the system reads for programs without being called.
    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn capture(&mut self, take: &mut dyn FnMut(Packet<'_>)) -> Result<bool, Fault> {
        let Some((endpoint, service)) = &self.input else { return Ok(false) };
        let (mut data, mut frames, mut flags, mut recorded) = (std::ptr::null_mut(), 0, 0, 0);
        // SAFETY: all pointers are to variables of ours.
        unsafe { service.GetBuffer(&raw mut data, &raw mut frames, &raw mut flags, None, Some(&raw mut recorded)) }?;
        if frames == 0 {
            return Ok(false);
        }
        let has = |flag: i32| flags & flag as u32 != 0;
        // SAFETY: the system lends so many frames until they are released.
        let bytes = unsafe { std::slice::from_raw_parts(data, frames as usize * endpoint.frame_bytes) };
        take(Packet {
            bytes,
            is_silent: has(AUDCLNT_BUFFERFLAGS_SILENT.0),
            is_broken: has(AUDCLNT_BUFFERFLAGS_DATA_DISCONTINUITY.0),
            // In units of 100 ns of the performance counter.
            recorded: (!has(AUDCLNT_BUFFERFLAGS_TIMESTAMP_ERROR.0)).then(|| recorded.wrapping_mul(100)),
        });
        // SAFETY: as many as were got.
        unsafe { service.ReleaseBuffer(frames) }?;
        Ok(true)
    }

    fn render(&mut self, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Fault> {
        let Some((endpoint, service)) = &self.output else { return Ok(()) };
        // SAFETY: an exclusive endpoint that is driven by events wants its whole buffer at each of them.
        let data = unsafe { service.GetBuffer(endpoint.frames) }?;
        // SAFETY: the system lends so many frames until they are released.
        fill(unsafe { std::slice::from_raw_parts_mut(data, endpoint.frames as usize * endpoint.frame_bytes) });
        // SAFETY: as many as were got, all of them written.
        unsafe { service.ReleaseBuffer(endpoint.frames, 0) }?;
        Ok(())
    }
}

impl Drop for ExclusiveEndpoints {
    fn drop(&mut self) {
        self.stop();
        if let Some(promotion) = self.promotion.take() {
            // SAFETY: of this thread, and given back once.
            let _ = unsafe { AvRevertMmThreadCharacteristics(promotion) };
        }
    }
}
