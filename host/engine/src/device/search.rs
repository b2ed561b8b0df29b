//! Waiting for a device that is gone, on a thread of its own: closing and opening devices may take seconds. The thread
//! has what is left of the stream and the way to the device; it gives a running stream back, or nothing once it is
//! stopped. It never takes another device.

use crosspoint_devices::{Backend, DeviceError, DuplexCallback, OpenError, Side, Stream, StreamError, StreamRequest};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the device is asked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Makes a callback for each attempt: a device that refuses drops its own.
pub(crate) type MakeCallback = Box<dyn Fn() -> Box<dyn DuplexCallback> + Send>;

/// How one device is had, and had again.
pub(crate) struct Opener {
    pub backend: Box<dyn Backend>,
    /// Names the device.
    pub request: StreamRequest,
}

/// Why the device cannot be had just now.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Start(#[from] StreamError),
}

impl Refusal {
    /// Whether it only says that the device is still away.
    fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Open(OpenError::NoDevice { .. } | OpenError::Device(DeviceError::NoServer { .. }))
                | Self::Start(StreamError::Lost { .. })
        )
    }
}

impl Opener {
    /// Opens and starts the device as it was asked for; as it is, where it can do that no more.
    fn reopen(&self, make_callback: &MakeCallback) -> Result<Box<dyn Stream>, Refusal> {
        let mut request = self.request.clone();
        loop {
            match self.backend.open(&request, make_callback()) {
                Ok(mut stream) => {
                    stream.start()?;
                    return Ok(stream);
                }
                Err(refusal) => request = relaxed(&request, &refusal).ok_or(refusal)?,
            }
        }
    }
}

/// The request without what a device refused, if it is the device's rate, its buffer or the number of its channels.
fn relaxed(request: &StreamRequest, refusal: &OpenError) -> Option<StreamRequest> {
    let mut relaxed = request.clone();
    match refusal {
        OpenError::Rate { .. } => relaxed.rate = None,
        OpenError::BufferFrames { .. } => relaxed.buffer_frames = None,
        OpenError::Channels { side, source, .. } => {
            let selection = match side {
                Side::Input => &mut relaxed.inputs,
                Side::Output => &mut relaxed.outputs,
            };
            *selection = selection.before_the_first_absent(source.available()?);
        }
        _ => return None,
    }
    (relaxed != *request).then_some(relaxed)
}

/// A device that is back.
pub(crate) struct Found {
    pub opener: Opener,
    /// It runs; its callback waits for its turn.
    pub stream: Box<dyn Stream>,
    pub turn: u32,
}

/// The thread that waits.
pub(crate) struct Search {
    stop: Sender<()>,
    refusals: Receiver<String>,
    thread: JoinHandle<Option<Found>>,
}

impl Search {
    /// Closes what is left of the stream, then asks for the device until it is there.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub fn start(
        gone: Option<Box<dyn Stream>>,
        opener: Opener,
        turn: u32,
        make_callback: MakeCallback,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (told, refusals) = channel();
        let wait = move || {
            // A server takes nobody new while something of the old one is open.
            drop(gone.map(Stream::close));
            let stream = wait_for(&opener, &make_callback, &stopped, &told)?;
            Some(Found { opener, stream, turn })
        };
        let thread = std::thread::Builder::new().name("crosspoint-wait".to_owned()).spawn(wait)?;
        Ok(Self { stop, refusals, thread })
    }

    /// What the device has said since the last call; that it is away is not told.
    pub fn refusals(&self) -> Vec<String> {
        self.refusals.try_iter().collect()
    }

    /// Whether the wait is over: [`Self::end`] does not wait then.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the search. Waits for an attempt that is under way.
    pub fn end(self) -> Option<Found> {
        drop(self.stop);
        // A backend that panicked has found nothing.
        self.thread.join().ok().flatten()
    }
}

fn wait_for(
    opener: &Opener,
    make_callback: &MakeCallback,
    stopped: &Receiver<()>,
    told: &Sender<String>,
) -> Option<Box<dyn Stream>> {
    let mut last_told = String::new();
    loop {
        match opener.reopen(make_callback) {
            Ok(stream) => return Some(stream),
            Err(refusal) if refusal.is_absence() => {}
            Err(refusal) => {
                let reason = refusal.to_string();
                if reason != last_told {
                    last_told.clone_from(&reason);
                    // Nobody listens any more once the search is stopped.
                    let _ = told.send(reason);
                }
            }
        }
        if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
    }
}
