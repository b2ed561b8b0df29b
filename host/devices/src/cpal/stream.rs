//! One or two of cpal's streams as one [`Stream`]. Stopping ends them, since not every system can pause; starting makes
//! them anew.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Device, ErrorKind, I24, InputCallbackInfo, OutputCallbackInfo, SampleFormat, StreamConfig, StreamInstant};

use super::{id_of, refusal};
use crate::audio_thread::{AudioThread, Scheduling};
use crate::backend::{Latency, Stream, StreamInfo};
use crate::callback_cell::CallbackCell;
use crate::error::{OpenError, StreamError};
use crate::joined::{Channels, Consumer, DriverSample, JoinShared, Joined, Layout, Periods, Shared, ends};
use crate::period::DuplexCallback;
use crate::request::StreamRequest;
use crate::status::{Notice, NoticeReader, StreamStatus};

/// How long a system may take to open a stream.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(2));

/// What to open on one side.
pub(super) struct SidePlan {
    pub device: Device,
    pub config: StreamConfig,
    pub format: SampleFormat,
    pub channels: Channels,
}

/// A latency in frames as a callback measured it.
#[derive(Clone)]
struct Measured(Arc<AtomicU32>);

impl Measured {
    fn unknown() -> Self {
        Self(Arc::new(AtomicU32::new(u32::MAX)))
    }

    fn set(&self, delay: Option<Duration>, rate: u32) {
        let frames = delay.map(|delay| (delay.as_nanos() * u128::from(rate) + 500_000_000) / 1_000_000_000);
        self.0.store(frames.and_then(|frames| u32::try_from(frames).ok()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&frames| frames != u32::MAX)
    }
}

fn nanoseconds(instant: StreamInstant) -> Option<u64> {
    u64::try_from(instant.as_nanos()).ok()
}

/// Streams that exist: they end when this is dropped. The input goes first, so that the output does not run dry.
struct Running {
    input: Option<cpal::Stream>,
    output: Option<cpal::Stream>,
    playing: bool,
}

pub(super) struct CpalStream {
    running: Option<Running>,
    info: StreamInfo,
    input: Option<SidePlan>,
    output: Option<SidePlan>,
    drifting: bool,
    shared: Shared,
    reader: NoticeReader,
    input_latency: Measured,
    output_latency: Measured,
    joined: Arc<JoinShared>,
    /// How far the output's time is ahead of the input's, in nanoseconds: streams may count from when they were made.
    ahead: Arc<AtomicI64>,
    /// Whether real-time priority was asked for.
    #[cfg(target_os = "linux")]
    has_asked: bool,
}

impl CpalStream {
    /// Opens the streams without starting them.
    pub fn open(
        info: StreamInfo,
        input: Option<SidePlan>,
        output: Option<SidePlan>,
        drifting: bool,
        callback: Box<dyn DuplexCallback>,
    ) -> Result<Self, OpenError> {
        let status = Arc::<StreamStatus>::default();
        let cell = Arc::new(CallbackCell::new(callback, Arc::clone(&status)));
        let mut stream = Self {
            running: None,
            reader: NoticeReader::new(info.rate, info.buffer_frames),
            info,
            input,
            output,
            drifting,
            shared: Shared { cell, status, frame: Arc::default() },
            input_latency: Measured::unknown(),
            output_latency: Measured::unknown(),
            joined: Arc::default(),
            ahead: Arc::default(),
            #[cfg(target_os = "linux")]
            has_asked: false,
        };
        let (running, frames) = stream.build().map_err(|error| refusal(&stream.info.device, &error))?;
        stream.running = Some(running);
        if frames != stream.info.buffer_frames {
            stream.info.buffer_frames = frames;
            stream.reader = NoticeReader::new(stream.info.rate, frames);
            // The periods' buffers were made for another length.
            stream.running = Some(stream.build().map_err(|error| refusal(&stream.info.device, &error))?.0);
        }
        Ok(stream)
    }

    /// Makes the streams, and says how long their periods are.
    fn build(&mut self) -> Result<(Running, u32), cpal::Error> {
        self.end();
        let layout = Layout {
            input: self.input.as_ref().map(|plan| &plan.channels),
            output: self.output.as_ref().map(|plan| &plan.channels),
            frames: self.info.buffer_frames as usize,
            rate: self.info.rate,
            drifting: self.drifting,
        };
        let (consumer, periods) = ends(&layout, &self.shared, &self.joined)
            .map_err(|message| cpal::Error::with_message(ErrorKind::Other, message))?;
        let input = self.input.as_ref().zip(consumer).map(|(plan, consumer)| self.build_input(plan, consumer));
        let output = self.output.as_ref().zip(periods).map(|(plan, periods)| self.build_output(plan, periods));
        let (input, output) = (input.transpose()?, output.transpose()?);
        if let (Some(input), Some(output)) = (&input, &output) {
            let [input, output] = [input, output].map(|stream| stream.now().as_nanos() as i64);
            self.ahead.store(output - input, Ordering::Relaxed);
        }
        let lengths = input.iter().chain(&output).filter_map(|stream| stream.buffer_size().ok());
        let longest = lengths.filter(|&frames| frames > 0).max().unwrap_or(self.info.buffer_frames);
        Ok((Running { input, output, playing: false }, longest))
    }

    fn build_input(&self, plan: &SidePlan, consumer: Consumer) -> Result<cpal::Stream, cpal::Error> {
        let latency = self.input_latency.clone();
        match plan.format {
            SampleFormat::F32 => self.input_of::<f32>(plan, consumer, latency),
            SampleFormat::F64 => self.input_of::<f64>(plan, consumer, latency),
            SampleFormat::I32 => self.input_of::<i32>(plan, consumer, latency),
            SampleFormat::I24 => self.input_of::<I24>(plan, consumer, latency),
            SampleFormat::I16 => self.input_of::<i16>(plan, consumer, latency),
            SampleFormat::U16 => self.input_of::<u16>(plan, consumer, latency),
            SampleFormat::I8 => self.input_of::<i8>(plan, consumer, latency),
            SampleFormat::U8 => self.input_of::<u8>(plan, consumer, latency),
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        }
    }

    fn build_output(&self, plan: &SidePlan, periods: Periods) -> Result<cpal::Stream, cpal::Error> {
        let latency = self.output_latency.clone();
        match plan.format {
            SampleFormat::F32 => self.output_of::<f32>(plan, periods, latency),
            SampleFormat::F64 => self.output_of::<f64>(plan, periods, latency),
            SampleFormat::I32 => self.output_of::<i32>(plan, periods, latency),
            SampleFormat::I24 => self.output_of::<I24>(plan, periods, latency),
            SampleFormat::I16 => self.output_of::<i16>(plan, periods, latency),
            SampleFormat::U16 => self.output_of::<u16>(plan, periods, latency),
            SampleFormat::I8 => self.output_of::<i8>(plan, periods, latency),
            SampleFormat::U8 => self.output_of::<u8>(plan, periods, latency),
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        }
    }

    fn input_of<T: DriverSample>(
        &self,
        plan: &SidePlan,
        mut consumer: Consumer,
        latency: Measured,
    ) -> Result<cpal::Stream, cpal::Error> {
        let rate = plan.config.sample_rate;
        let ahead = Arc::clone(&self.ahead);
        let data = move |interleaved: &[T], info: &InputCallbackInfo| {
            let times = info.timestamp();
            latency.set(times.callback.checked_duration_since(times.capture), rate);
            let now = nanoseconds(times.callback).and_then(|now| now.checked_add_signed(ahead.load(Ordering::Relaxed)));
            consumer.consume(interleaved, nanoseconds(times.capture), now);
        };
        plan.device.build_input_stream(plan.config, data, self.error_callback(), PATIENCE)
    }

    fn output_of<T: DriverSample>(
        &self,
        plan: &SidePlan,
        mut periods: Periods,
        latency: Measured,
    ) -> Result<cpal::Stream, cpal::Error> {
        let rate = plan.config.sample_rate;
        let data = move |interleaved: &mut [T], info: &OutputCallbackInfo| {
            let times = info.timestamp();
            latency.set(times.playback.checked_duration_since(times.callback), rate);
            periods.output(interleaved, nanoseconds(times.callback));
        };
        plan.device.build_output_stream(plan.config, data, self.error_callback(), PATIENCE)
    }

    /// Runs on whatever thread the system likes, the audio thread among them.
    fn error_callback(&self) -> impl FnMut(cpal::Error) + Send + 'static + use<> {
        let status = Arc::clone(&self.shared.status);
        move |error| tell(&error, &status)
    }

    /// Ends the streams, and with them their threads.
    fn end(&mut self) {
        self.running = None;
        self.shared.cell.thread.forget();
        #[cfg(target_os = "linux")]
        {
            self.has_asked = false;
        }
    }

    /// The thread that calls, as long as it is not joined: a stream that is dropped joins its own.
    fn audio_thread(&self) -> Option<&AudioThread> {
        self.running.as_ref().filter(|running| running.playing).map(|_| &self.shared.cell.thread)
    }

    /// Of the systems behind cpal, ALSA alone has threads that are cpal's own, with no word in what runs on them before the
    /// first period: real-time priority is asked for from here, once.
    fn ask_for_real_time(&mut self) {
        #[cfg(target_os = "linux")]
        if !self.has_asked
            && let Some(answer) = self.audio_thread().and_then(AudioThread::ask_for_real_time)
        {
            self.has_asked = true;
            if let Err(advice) = answer {
                self.shared.status.ordinary.set(&advice);
            }
        }
    }

    fn stream_error(&self, error: &cpal::Error) -> StreamError {
        let device = self.info.device.clone();
        match error.kind() {
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => StreamError::Lost { device },
            _ => StreamError::Driver { device, message: error.to_string() },
        }
    }
}

/// What becomes of an error that a running stream tells.
fn tell(error: &cpal::Error, status: &StreamStatus) {
    let or = |otherwise| error.message().unwrap_or(otherwise);
    match error.kind() {
        ErrorKind::Xrun => status.add_xruns(1),
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => {
            status.lost.set(or("the device is not there any more"));
        }
        // Some systems go on with another device on their own account: the one that was opened is gone all the same.
        ErrorKind::DeviceChanged => status.lost.set(or("the system went over to another device")),
        ErrorKind::RealtimeDenied => status.ordinary.set(or("the system gives no real-time priority")),
        ErrorKind::StreamInvalidated => status.stopped.set(or("the device's settings changed; open it again")),
        _ => status.stopped.set(or("the driver failed; open the device again")),
    }
}

impl Stream for CpalStream {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// Each side as its last callback reported it, and the join as measured: the most that waited in the ring after a
    /// period within a quarter of a second, with the resampler's delay.
    fn latency(&self) -> Latency {
        Latency { input: self.input_latency.get(), output: self.output_latency.get(), join: self.joined.latency() }
    }

    fn start(&mut self) -> Result<(), StreamError> {
        if self.shared.status.lost.is_set() {
            return Err(StreamError::Lost { device: self.info.device.clone() });
        }
        if self.running.is_none() {
            let (running, _) = self.build().map_err(|error| self.stream_error(&error))?;
            self.running = Some(running);
        }
        let Some(running) = self.running.as_mut().filter(|running| !running.playing) else { return Ok(()) };
        running.playing = true;
        let played = running.input.iter().chain(&running.output).try_for_each(StreamTrait::play);
        played.map_err(|error| {
            self.end();
            self.stream_error(&error)
        })
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        if self.running.as_ref().is_some_and(|running| running.playing) {
            self.end();
        }
        Ok(())
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.ask_for_real_time();
        self.reader.drain(&self.shared.status)
    }

    fn xruns(&self) -> u64 {
        self.shared.status.xruns()
    }

    fn scheduling(&self) -> Option<Scheduling> {
        self.audio_thread()?.scheduling(|| self.shared.status.ordinary.get().unwrap_or_default())
    }

    /// Inputs and outputs may be of two devices.
    fn request_for_this_device(&self, request: &StreamRequest) -> StreamRequest {
        let id = |side: &Option<SidePlan>| side.as_ref().and_then(|side| id_of(&side.device));
        let (input, output) = (id(&self.input), id(&self.output));
        StreamRequest { device: output.or_else(|| input.clone()), input_device: input, ..request.clone() }
    }

    fn joined(&self) -> Option<Joined> {
        (self.input.is_some() && self.output.is_some()).then(|| self.joined.joined())
    }

    fn close(mut self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        self.end();
        self.shared.cell.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each kind of error is told as what it is, in the system's words where it has some.
    #[test]
    fn errors_are_told_as_what_they_are() {
        let lost = |reason: &str| Notice::DeviceLost { reason: reason.into() };
        let stopped = |reason: &str| Notice::Stopped { reason: reason.into() };
        let error = |kind, message: Option<&'static str>| match message {
            Some(message) => cpal::Error::with_message(kind, message),
            None => cpal::Error::new(kind),
        };
        for (kind, message, notice) in [
            (ErrorKind::Xrun, None, Notice::Xruns { new: 1, total: 1 }),
            (ErrorKind::DeviceNotAvailable, Some("Device disconnected"), lost("Device disconnected")),
            (ErrorKind::DeviceNotAvailable, None, lost("the device is not there any more")),
            (ErrorKind::HostUnavailable, None, lost("the device is not there any more")),
            (ErrorKind::DeviceChanged, None, lost("the system went over to another device")),
            (ErrorKind::StreamInvalidated, Some("rate changed"), stopped("rate changed")),
            (ErrorKind::StreamInvalidated, None, stopped("the device's settings changed; open it again")),
            (ErrorKind::BackendError, None, stopped("the driver failed; open the device again")),
            (ErrorKind::RealtimeDenied, Some("no"), Notice::NotRealTime { advice: "no".into() }),
        ] {
            let status = StreamStatus::default();
            tell(&error(kind, message), &status);
            assert_eq!(NoticeReader::new(48_000, 64).drain(&status), [notice], "{kind:?}");
        }
    }
}
