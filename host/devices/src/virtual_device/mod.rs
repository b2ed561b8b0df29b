//! A device that is not there: silence or its own output comes in, what goes out is discarded, and a timer paces it.
//! What runs where there is no sound card, and what carries a rig on while its interface is unplugged.
//!
//! Its name is its size: `virtual`, `virtual:18x20`, `virtual:8x8,loopback`.

mod pacer;
mod periods;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use self::pacer::{Due, Pacer};
use self::periods::VirtualPeriods;
use crate::audio_thread::{self, Scheduling};
use crate::backend::{Backend, DeviceInfo, Latency, Stream, StreamInfo};
use crate::callback_cell::CallbackCell;
use crate::error::{Choices, DeviceError, OpenError, Side, StreamError};
use crate::period::DuplexCallback;
use crate::request::StreamRequest;
use crate::selection::{ChannelSelection, MAX_CHANNELS};
use crate::status::{Notice, NoticeReader, StreamStatus};

const NAME: &str = "virtual";
const DEFAULT_RATE: u32 = 48_000;
const DEFAULT_FRAMES: u32 = 128;

fn rates() -> Choices {
    Choices::new([8_000..=768_000])
}

fn buffer_frames() -> Choices {
    Choices::new([1..=8_192])
}

/// Of channels that count from 0.
fn names(side: &str, channels: impl IntoIterator<Item = usize>) -> Vec<String> {
    channels.into_iter().map(|channel| format!("{side} {}", channel + 1)).collect()
}

/// The backend named `virtual`.
#[derive(Clone, Copy, Debug, Default)]
pub struct VirtualBackend;

/// How large the device is and what its inputs hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    inputs: usize,
    outputs: usize,
    loopback: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { inputs: 8, outputs: 8, loopback: false }
    }
}

impl FromStr for Shape {
    type Err = ();

    /// Reads `8x8`, `loopback`, or `8x8,loopback`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut shape = Self::default();
        for part in text.split(',').map(str::trim) {
            if part.eq_ignore_ascii_case("loopback") {
                shape.loopback = true;
            } else {
                let (inputs, outputs) = part.split_once('x').ok_or(())?;
                shape.inputs = inputs.parse().map_err(drop)?;
                shape.outputs = outputs.parse().map_err(drop)?;
            }
        }
        if shape.inputs.max(shape.outputs) > MAX_CHANNELS { Err(()) } else { Ok(shape) }
    }
}

impl VirtualBackend {
    /// The period length in frames closest to `frames` that a virtual device can have.
    pub fn nearest_buffer_frames(frames: u32) -> u32 {
        buffer_frames().nearest(frames)
    }
}

impl Backend for VirtualBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        let device = |name: &str, description: &str, is_default| DeviceInfo {
            backend: NAME,
            name: name.to_owned(),
            description: description.to_owned(),
            inputs: Some(Shape::default().inputs),
            outputs: Some(Shape::default().outputs),
            rates: rates(),
            buffer_frames: buffer_frames(),
            is_default,
            input_names: names("input", 0..Shape::default().inputs),
            output_names: names("output", 0..Shape::default().outputs),
            sample_formats: vec!["f32".to_owned()],
            shares_clock: Some(true),
            ..DeviceInfo::default()
        };
        Ok(vec![
            device("8x8", "silence in, nothing out, paced by a timer; any size as INxOUT", true),
            device("8x8,loopback", "what goes out comes in one period later", false),
        ])
    }

    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError> {
        let shape: Shape = match &request.device {
            None => Shape::default(),
            Some(name) => name.parse().map_err(|()| OpenError::NoDevice {
                backend: NAME,
                device: name.clone(),
                known: vec![format!("INxOUT up to {MAX_CHANNELS}x{MAX_CHANNELS}"), "INxOUT,loopback".to_owned()],
            })?,
        };
        let device = request.device.clone().unwrap_or_else(|| format!("{}x{}", shape.inputs, shape.outputs));
        let select = |selection: &ChannelSelection, available, side| {
            let resolved = selection.resolve(available);
            resolved.map_err(|source| OpenError::Channels { device: device.clone(), side, source })
        };
        let inputs = select(&request.inputs, shape.inputs, Side::Input)?;
        let outputs = select(&request.outputs, shape.outputs, Side::Output)?;
        if inputs.is_empty() && outputs.is_empty() {
            return Err(OpenError::NoChannels { device });
        }
        let rate = request.rate.unwrap_or(DEFAULT_RATE);
        if !rates().contains(rate) {
            return Err(OpenError::Rate { device, rate, offered: rates() });
        }
        let frames = request.buffer_frames.unwrap_or(DEFAULT_FRAMES);
        if !buffer_frames().contains(frames) {
            return Err(OpenError::BufferFrames { device, frames, offered: buffer_frames(), hint: "" });
        }

        let status = Arc::<StreamStatus>::default();
        let cell = Arc::new(CallbackCell::new(callback, Arc::clone(&status)));
        let info = StreamInfo {
            backend: NAME,
            device,
            client: String::new(),
            rate,
            buffer_frames: frames,
            inputs: names("input", inputs.iter().copied()),
            outputs: names("output", outputs.iter().copied()),
        };
        let looped = shape.loopback.then_some((&inputs[..], &outputs[..]));
        let periods = VirtualPeriods::new(
            &cell,
            &status,
            inputs.len(),
            outputs.len(),
            frames as usize,
            looped.unwrap_or_default(),
        );
        let reader = NoticeReader::new(rate, frames);
        let runner = Runner::Stopped(Box::new(periods));
        let (loopback, opened) = (shape.loopback, Instant::now());
        Ok(Box::new(VirtualStream { info, loopback, cell, status, reader, runner, opened }))
    }
}

struct VirtualStream {
    info: StreamInfo,
    loopback: bool,
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    reader: NoticeReader,
    runner: Runner,
    opened: Instant,
}

/// Who has the periods: the stream while it is stopped, its thread while it runs.
enum Runner {
    Stopped(Box<VirtualPeriods>),
    Running {
        stop: Arc<AtomicBool>,
        thread: JoinHandle<Box<VirtualPeriods>>,
    },
    /// The thread could not be started or died.
    Gone,
}

impl VirtualStream {
    fn refused(&self, message: impl Into<String>) -> StreamError {
        StreamError::Driver { device: self.info.device.clone(), message: message.into() }
    }
}

impl Stream for VirtualStream {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// There are no converters; a loopback takes one period, counted as the output's.
    fn latency(&self) -> Latency {
        let output = if self.loopback { self.info.buffer_frames } else { 0 };
        Latency { input: Some(0), output: Some(output), join: 0 }
    }

    fn start(&mut self) -> Result<(), StreamError> {
        let periods = match std::mem::replace(&mut self.runner, Runner::Gone) {
            Runner::Stopped(periods) => periods,
            running @ Runner::Running { .. } => {
                self.runner = running;
                return Ok(());
            }
            Runner::Gone => return Err(self.refused("its thread is gone")),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let pacer = Pacer::new(self.info.rate, self.info.buffer_frames);
        let seen_stop = Arc::clone(&stop);
        let opened = self.opened;
        let status = Arc::clone(&self.status);
        let builder = std::thread::Builder::new().name("crosspoint-virtual".to_owned());
        let run = move || {
            if let Err(advice) = audio_thread::ask_for_real_time() {
                status.ordinary.set(&advice);
            }
            pace(periods, pacer, opened, &seen_stop)
        };
        match builder.spawn(run) {
            Ok(thread) => {
                self.runner = Runner::Running { stop, thread };
                Ok(())
            }
            Err(error) => Err(self.refused(error.to_string())),
        }
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        match std::mem::replace(&mut self.runner, Runner::Gone) {
            Runner::Running { stop, thread } => {
                stop.store(true, Ordering::Release);
                thread.thread().unpark();
                let joined = thread.join();
                self.cell.thread.forget();
                let periods = joined.map_err(|_| self.refused("its thread panicked"))?;
                self.runner = Runner::Stopped(periods);
            }
            other => self.runner = other,
        }
        Ok(())
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.reader.drain(&self.status)
    }

    fn xruns(&self) -> u64 {
        self.status.xruns()
    }

    fn scheduling(&self) -> Option<Scheduling> {
        let Runner::Running { .. } = &self.runner else { return None };
        self.cell.thread.scheduling(|| self.status.ordinary.get().unwrap_or_default())
    }

    fn close(mut self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        // A thread that died has not got the callback: it is in the cell.
        let _ = self.stop();
        self.cell.take()
    }
}

impl Drop for VirtualStream {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The thread: one period whenever one is due, until it is told to stop. Times count from `opened`. Hands the periods
/// back.
fn pace(mut periods: Box<VirtualPeriods>, mut pacer: Pacer, opened: Instant, stop: &AtomicBool) -> Box<VirtualPeriods> {
    let started = opened.elapsed();
    while !stop.load(Ordering::Acquire) {
        let now = opened.elapsed();
        match pacer.due(now - started) {
            Due::In(wait) => std::thread::park_timeout(wait),
            Due::Now { missed } => {
                periods.skip(missed);
                periods.run(u64::try_from(now.as_nanos()).ok());
            }
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;
    use std::sync::mpsc;
    use std::time::Duration;

    fn request(device: &str) -> StreamRequest {
        StreamRequest { device: Some(device.to_owned()), buffer_frames: Some(16), ..Default::default() }
    }

    fn silence() -> Box<dyn DuplexCallback> {
        Box::new(|period: Period<'_>| period.outputs.iter_mut().for_each(|output| output.fill(0.0)))
    }

    /// Output 2 is looped to input 2 one period later, whatever place the selections give them.
    ///
    /// ```text
    /// outputs selected 3,2    periods: 0 1 2 3 ...    input 2 hears output 2 of the period before
    /// inputs selected  2,4
    /// ```
    #[test]
    fn a_loopback_delays_by_one_period() {
        let (told, heard) = mpsc::channel();
        let mut count = 0.0;
        let callback = move |period: Period<'_>| {
            let _ = told.send((count, period.inputs[0].to_vec(), period.inputs[1].to_vec(), period.frames));
            count += 1.0;
            period.outputs[0].fill(-1.0);
            period.outputs[1].fill(count);
        };
        let selected = StreamRequest {
            inputs: "2,4".parse().unwrap(),
            outputs: "3,2".parse().unwrap(),
            ..request("4x4,loopback")
        };
        let mut stream = VirtualBackend.open(&selected, Box::new(callback)).unwrap();
        assert_eq!(stream.info().inputs, ["input 2", "input 4"]);
        assert_eq!(stream.latency().round_trip(), Some(16));
        stream.start().unwrap();
        for _ in 0..5 {
            let (before, second, fourth, frames) = heard.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(frames, 16);
            assert_eq!(second, [before; 16]);
            assert_eq!(fourth, [0.0; 16]);
        }
    }

    /// After stop no callback runs; after a restart positions go on; after close the callback comes back.
    #[test]
    fn stop_start_and_close() {
        let (told, heard) = mpsc::channel();
        let callback = move |period: Period<'_>| {
            period.outputs[0].fill(0.0);
            let _ = told.send(period.time.frame);
        };
        let mut stream = VirtualBackend.open(&request("1x1"), Box::new(callback)).unwrap();
        let mut last = None;
        for _ in 0..2 {
            stream.start().unwrap();
            stream.start().unwrap();
            let frame = heard.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(last.is_none_or(|last| frame > last));
            stream.stop().unwrap();
            last = heard.try_iter().last().or(Some(frame));
            assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
        }
        let callback = stream.close();
        assert!(callback.is_some());
        assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(callback);
        assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }

    /// The callback is dropped by the thread that drops the stream, running or not.
    #[test]
    fn a_dropped_stream_drops_its_callback_here() {
        struct Drops(mpsc::Sender<std::thread::ThreadId>);
        impl Drop for Drops {
            fn drop(&mut self) {
                let _ = self.0.send(std::thread::current().id());
            }
        }
        impl DuplexCallback for Drops {
            fn process(&mut self, period: Period<'_>) {
                period.outputs.iter_mut().for_each(|output| output.fill(0.0));
            }
        }
        let (told, heard) = mpsc::channel();
        let mut stream = VirtualBackend.open(&request("1x1"), Box::new(Drops(told))).unwrap();
        stream.start().unwrap();
        drop(stream);
        assert_eq!(heard.try_recv(), Ok(std::thread::current().id()));
    }

    #[test]
    fn what_it_cannot_do_is_refused_with_what_it_can() {
        let open = |request: StreamRequest| VirtualBackend.open(&request, silence()).err().unwrap().to_string();
        for (request, expected) in [
            (request("tape"), "choose one of INxOUT"),
            (request("9999x1"), "up to 1024x1024"),
            (request("0x0"), "select at least one channel"),
            (StreamRequest { rate: Some(0), ..request("1x1") }, "offers 8000 to 768000 Hz"),
            (StreamRequest { buffer_frames: Some(1 << 20), ..request("1x1") }, "offers 1 to 8192"),
            (StreamRequest { inputs: "1-4".parse().unwrap(), ..request("2x2") }, "input channels of `2x2`"),
        ] {
            let error = open(request);
            assert!(error.contains(expected), "{error}");
        }
    }
}
