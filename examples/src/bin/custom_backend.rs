//! A device of your own: a thread that calls the engine as a driver would, through the same trait as JACK or ASIO.

use crosspoint::devices::{DuplexCallback, Latency, Notice, Period, PeriodTime, Stream, StreamError, StreamInfo};
use crosspoint::{Engine, EngineError, EngineSettings};
use std::thread::JoinHandle;

const FRAMES: usize = 64;
const PERIODS: u64 = 100;

/// Renders a hundred periods as fast as it can, then stops.
struct Burst {
    info: StreamInfo,
    callback: Option<Box<dyn DuplexCallback>>,
    thread: Option<JoinHandle<Box<dyn DuplexCallback>>>,
}

impl Burst {
    fn new(callback: Box<dyn DuplexCallback>) -> Self {
        let info = StreamInfo {
            backend: "burst",
            device: "a hundred periods".to_owned(),
            client: "crosspoint".to_owned(),
            rate: 48_000,
            buffer_frames: FRAMES as u32,
            inputs: vec!["in".to_owned()],
            outputs: vec!["out".to_owned()],
        };
        Self { info, callback: Some(callback), thread: None }
    }

    /// Waits for the last period.
    fn join(&mut self) {
        if let Some(Ok(callback)) = self.thread.take().map(JoinHandle::join) {
            self.callback = Some(callback);
        }
    }
}

impl Stream for Burst {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn latency(&self) -> Latency {
        Latency::default()
    }

    fn start(&mut self) -> Result<(), StreamError> {
        let Some(mut callback) = self.callback.take() else { return Ok(()) };
        self.thread = Some(std::thread::spawn(move || {
            let input = [0.25; FRAMES];
            let mut output = [0.0; FRAMES];
            for period in 0..PERIODS {
                let time = PeriodTime { frame: period * FRAMES as u64, nanoseconds: None };
                let outputs = &mut [&mut output[..]];
                callback.process(Period {
                    inputs: &[&input],
                    outputs,
                    frames: FRAMES,
                    time,
                    xruns: 0,
                    freewheel: true,
                    midi: None,
                });
            }
            assert_eq!(output, input, "the rig is a wire");
            callback
        }));
        Ok(())
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        self.join();
        Ok(())
    }

    fn notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    fn xruns(&self) -> u64 {
        0
    }

    fn close(mut self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        self.join();
        self.callback.take()
    }
}

fn main() -> Result<(), EngineError> {
    let mut engine = Engine::new(EngineSettings::default());
    engine.build_chain(&[Some(0)], &[])?;
    let cell = engine.cell();
    let callback = move |period: Period<'_>| {
        cell.render(period.inputs, period.outputs, period.freewheel);
    };
    engine.play_on(Box::new(Burst::new(Box::new(callback))))?;
    engine.close_device();
    println!("{PERIODS} periods of {FRAMES} frames went through the rig");
    Ok(())
}
