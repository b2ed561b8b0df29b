//! A stream of exclusive endpoints on the control thread: it asks the thread that has them.

use std::sync::Arc;

use super::exchange::{Endpoints, Plan};
use super::worker::{StartError, Worker};
use crate::audio_thread::Scheduling;
use crate::backend::{Latency, Stream, StreamInfo};
use crate::callback_cell::CallbackCell;
use crate::error::{OpenError, StreamError};
use crate::joined::{JoinShared, Joined, Shared};
use crate::period::DuplexCallback;
use crate::request::StreamRequest;
use crate::status::{Notice, NoticeReader, StreamStatus};

/// What is known of endpoints once they are open.
#[derive(Clone)]
pub(super) struct Opened {
    pub info: StreamInfo,
    /// The system's identifiers of the endpoints.
    pub input: Option<String>,
    pub output: Option<String>,
    /// As the system says: what a sample waits in its buffers and the device's.
    pub input_latency: Option<u32>,
    pub output_latency: Option<u32>,
}

pub(super) struct ExclusiveStream {
    /// None once it is closed.
    worker: Option<Worker>,
    opened: Opened,
    is_joined: bool,
    shared: Shared,
    joined: Arc<JoinShared>,
    reader: NoticeReader,
}

impl ExclusiveStream {
    /// Has a thread of its own open endpoints. `device` names them if that fails.
    pub fn open<E: Endpoints>(
        device: &str,
        open: impl FnOnce() -> Result<(E, Plan, Opened), OpenError> + Send + 'static,
        callback: Box<dyn DuplexCallback>,
    ) -> Result<Self, OpenError> {
        let status = Arc::<StreamStatus>::default();
        let cell = Arc::new(CallbackCell::new(callback, Arc::clone(&status)));
        let shared = Shared { cell, status, frame: Arc::default() };
        let joined = Arc::<JoinShared>::default();
        let open = move || {
            let (endpoints, plan, opened) = open()?;
            let is_joined = plan.input.is_some() && plan.output.is_some();
            Ok((endpoints, plan, (opened, is_joined)))
        };
        let (worker, (opened, is_joined)) = Worker::start(device, open, shared.clone(), Arc::clone(&joined))?;
        let reader = NoticeReader::new(opened.info.rate, opened.info.buffer_frames);
        Ok(Self { worker: Some(worker), opened, is_joined, shared, joined, reader })
    }

    fn refused(&self, message: String) -> StreamError {
        StreamError::Driver { device: self.opened.info.device.clone(), message }
    }

    fn worker(&self) -> Result<&Worker, StreamError> {
        self.worker.as_ref().ok_or_else(|| StreamError::Lost { device: self.opened.info.device.clone() })
    }
}

impl Stream for ExclusiveStream {
    fn info(&self) -> &StreamInfo {
        &self.opened.info
    }

    fn latency(&self) -> Latency {
        let Opened { input_latency, output_latency, .. } = self.opened;
        Latency { input: input_latency, output: output_latency, join: self.joined.latency() }
    }

    fn start(&mut self) -> Result<(), StreamError> {
        if self.shared.status.lost.is_set() {
            return Err(StreamError::Lost { device: self.opened.info.device.clone() });
        }
        self.worker()?.run().map_err(|error| match error {
            StartError::Fault(fault) => fault.stream_error(&self.opened.info.device),
            StartError::Other(message) => self.refused(message),
        })
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        self.worker()?.rest().map_err(|message| self.refused(message))
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.reader.drain(&self.shared.status)
    }

    fn xruns(&self) -> u64 {
        self.shared.status.xruns()
    }

    fn scheduling(&self) -> Option<Scheduling> {
        self.worker.as_ref()?.scheduling()
    }

    /// Inputs and outputs may be of two devices, and of two devices with one name.
    fn request_for_this_device(&self, request: &StreamRequest) -> StreamRequest {
        let Opened { input, output, .. } = &self.opened;
        let device = output.clone().or_else(|| input.clone());
        StreamRequest { device, input_device: input.clone(), ..request.clone() }
    }

    fn joined(&self) -> Option<Joined> {
        self.is_joined.then(|| self.joined.joined())
    }

    fn close(mut self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        self.worker = None;
        self.shared.cell.take()
    }
}

impl Drop for ExclusiveStream {
    /// The thread goes first, so that the callback is dropped here.
    fn drop(&mut self) {
        self.worker = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoding::Encoding;
    use super::super::exchange::SidePlan;
    use super::super::fake::{Fake, Seen, Step, plan};
    use super::super::fault::{DEVICE_IN_USE, DEVICE_INVALIDATED, Fault};
    use super::*;
    use crate::period::Period;
    use std::sync::atomic::Ordering;
    use std::sync::mpsc;
    use std::thread::ThreadId;
    use std::time::{Duration, Instant};

    fn opened() -> Opened {
        let info = StreamInfo {
            backend: "wasapi-exclusive",
            device: "box".into(),
            client: String::new(),
            rate: 48_000,
            buffer_frames: 4,
            inputs: vec!["input 1".into()],
            outputs: vec!["output 1".into()],
        };
        let (input, output) = (Some("{in}".into()), Some("{out}".into()));
        Opened { info, input, output, input_latency: Some(4), output_latency: None }
    }

    /// An endless device that `change` makes worse, and what is seen of it.
    fn open(
        steps: Vec<Step>,
        change: impl FnOnce(&mut Fake) + Send + 'static,
        callback: Box<dyn DuplexCallback>,
    ) -> (Box<ExclusiveStream>, Arc<Seen>) {
        let seen = Arc::<Seen>::default();
        let shown = Arc::clone(&seen);
        let open = move || {
            let mut fake = Fake::new(steps, 16);
            (fake.is_endless, fake.seen) = (true, shown);
            change(&mut fake);
            Ok((fake, plan(Encoding::Float32, 4, 1, &[0]), opened()))
        };
        (Box::new(ExclusiveStream::open("box", open, callback).unwrap()), seen)
    }

    /// Tells each period's position, and the thread that drops it.
    struct Telling(mpsc::Sender<Result<u64, ThreadId>>);

    impl DuplexCallback for Telling {
        fn process(&mut self, period: Period<'_>) {
            period.outputs[0].fill(0.0);
            let _ = self.0.send(Ok(period.time.frame));
        }
    }

    impl Drop for Telling {
        fn drop(&mut self) {
            let _ = self.0.send(Err(std::thread::current().id()));
        }
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    fn silence() -> Box<dyn DuplexCallback> {
        Box::new(|period: Period<'_>| period.outputs[0].fill(0.0))
    }

    fn eventually(mut ask: impl FnMut() -> Vec<Notice>) -> Vec<Notice> {
        let started = Instant::now();
        loop {
            let notices = ask();
            if !notices.is_empty() {
                return notices;
            }
            assert!(started.elapsed() < PATIENCE, "nothing is told");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// After stop no callback runs; after a restart positions go on; after close the endpoints are gone and the callback
    /// is back.
    #[test]
    fn stop_start_and_close() {
        let (told, heard) = mpsc::channel();
        let (mut stream, seen) = open(vec![], |_| (), Box::new(Telling(told)));
        assert_eq!(stream.latency(), Latency { input: Some(4), output: None, join: 0 });
        let mut last = None;
        for _ in 0..2 {
            stream.start().unwrap();
            stream.start().unwrap();
            let frame = heard.recv_timeout(PATIENCE).unwrap().unwrap();
            assert!(last.is_none_or(|last| frame > last));
            stream.stop().unwrap();
            last = heard.try_iter().last().map(Result::unwrap).or(Some(frame));
            assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
        }
        assert_eq!((seen.starts.load(Ordering::SeqCst), seen.stops.load(Ordering::SeqCst)), (2, 2));
        let callback = stream.close();
        assert!(callback.is_some() && seen.is_dropped.load(Ordering::SeqCst));
        assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
    }

    /// A stream that is dropped while it runs leaves nothing running, and the callback is dropped by who dropped it.
    #[test]
    fn a_dropped_stream_drops_its_callback_here() {
        let (told, heard) = mpsc::channel();
        let (mut stream, seen) = open(vec![], |_| (), Box::new(Telling(told)));
        stream.start().unwrap();
        heard.recv_timeout(PATIENCE).unwrap().unwrap();
        drop(stream);
        assert!(seen.is_dropped.load(Ordering::SeqCst));
        assert_eq!(heard.try_iter().last(), Some(Err(std::thread::current().id())));
    }

    /// What is unplugged is told once, and cannot be started again.
    #[test]
    fn a_lost_device_is_told() {
        let lost = Step::Fails(Fault::System(DEVICE_INVALIDATED));
        let (mut stream, seen) = open(vec![Step::Output, lost], |_| (), silence());
        stream.start().unwrap();
        let notices = eventually(|| stream.notices());
        assert!(matches!(&notices[..], [Notice::DeviceLost { reason }] if reason.contains("unplugged")), "{notices:?}");
        assert_eq!(stream.start(), Err(StreamError::Lost { device: "box".into() }));
        stream.stop().unwrap();
        assert_eq!(seen.stops.load(Ordering::SeqCst), 1);
    }

    /// What only stopped is told as that, and plays again when it is started.
    #[test]
    fn a_silent_device_can_be_started_again() {
        let (told, heard) = mpsc::channel();
        let silent = |fake: &mut Fake| fake.fails_once = Some(Fault::Silent);
        let (mut stream, seen) = open(vec![], silent, Box::new(Telling(told)));
        stream.start().unwrap();
        assert!(matches!(&eventually(|| stream.notices())[..], [Notice::Stopped { .. }]));
        assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
        stream.start().unwrap();
        heard.recv_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(seen.starts.load(Ordering::SeqCst), 2);
    }

    /// A refusal of the start is its error; both sides are stopped, and it can be tried again.
    #[test]
    fn a_start_that_is_refused_says_why() {
        let refuse = |fake: &mut Fake| fake.start = Err(Fault::System(DEVICE_IN_USE));
        let (mut stream, seen) = open(vec![], refuse, silence());
        for _ in 0..2 {
            let error = stream.start().unwrap_err().to_string();
            assert!(error.contains("another program has it"), "{error}");
        }
        assert_eq!(seen.stops.load(Ordering::SeqCst), 2);
    }

    /// No priority is told with what to do, and the stream plays.
    #[test]
    fn a_thread_without_priority_is_told() {
        let advice = "start the service".to_owned();
        let refusal = Err(advice.clone());
        let refuse = |fake: &mut Fake| fake.promoted = refusal;
        let (mut stream, _) = open(vec![], refuse, silence());
        stream.start().unwrap();
        assert_eq!(eventually(|| stream.notices()), [Notice::NotRealTime { advice: advice.clone() }]);
        assert_eq!(stream.scheduling(), Some(Scheduling::Ordinary { advice }));
    }

    /// One that the system puts among audio threads is real-time from its first period on, though the system does not say
    /// where among them.
    #[test]
    fn a_thread_with_priority_is_real_time() {
        let (mut stream, _) = open(vec![], |_| (), silence());
        stream.start().unwrap();
        assert_eq!(stream.scheduling(), Some(Scheduling::RealTime { priority: None }));
        assert!(!stream.notices().iter().any(|notice| matches!(notice, Notice::NotRealTime { .. })));
    }

    /// Whatever was asked for, the endpoints that were opened are the ones to be had again: by the system's identifiers,
    /// since two interfaces of a kind have one name. What is alone names no other side.
    #[test]
    fn a_stream_asks_for_its_own_endpoints_again() {
        let asked = StreamRequest { input_device: Some("Camera".into()), ..StreamRequest::default() };
        let again = |input: Option<&str>, output: Option<&str>| {
            let opened = Opened { input: input.map(Into::into), output: output.map(Into::into), ..opened() };
            let open = move || Ok((Fake::new(vec![], 8), plan(Encoding::Int16, 4, 1, &[0]), opened));
            let request = ExclusiveStream::open("box", open, silence()).unwrap().request_for_this_device(&asked);
            (request.device, request.input_device)
        };
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(again(Some("{in}"), Some("{out}")), (some("{out}"), some("{in}")));
        assert_eq!(again(None, Some("{out}")), (some("{out}"), None));
        assert_eq!(again(Some("{in}"), None), (some("{in}"), some("{in}")));
    }

    /// What cannot be opened is refused with its reason, and the callback is dropped before that returns.
    #[test]
    fn a_refusal_drops_the_callback() {
        let (told, heard) = mpsc::channel();
        let open = || Err::<(Fake, Plan, Opened), _>(Fault::System(DEVICE_IN_USE).refusal("box"));
        let error = ExclusiveStream::open("box", open, Box::new(Telling(told))).err().unwrap();
        assert_eq!(error, OpenError::Busy { device: "box".into() });
        assert!(heard.recv_timeout(PATIENCE).unwrap().is_err());
    }

    /// One side alone is not joined.
    #[test]
    fn only_two_sides_are_joined() {
        let alone = |input: Option<SidePlan>| {
            let open = move || {
                let plan = Plan { input, ..plan(Encoding::Int16, 4, 1, &[0]) };
                Ok((Fake::new(vec![], 8), plan, opened()))
            };
            ExclusiveStream::open("box", open, silence()).unwrap().joined()
        };
        assert_eq!(alone(None), None);
        assert_eq!(alone(plan(Encoding::Int16, 4, 1, &[0]).input), Some(Joined::default()));
    }
}
