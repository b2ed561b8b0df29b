//! The thread that owns a driver: in a single-threaded apartment it loads, calls and releases it, and handles the messages
//! of the windows that the driver opens. Others have it do things and wait for the answer, but not for ever.

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::Duration;

use super::session::Session;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::System::Com::{COINIT_APARTMENTTHREADED, CoInitializeEx, CoUninitialize};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, SetEvent};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DispatchMessageW, MSG, MsgWaitForMultipleObjects, PM_REMOVE, PeekMessageW, QS_ALLINPUT, TranslateMessage,
};

/// How long a driver may take for one request.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait for what a driver may do at its leisure.
const BRIEFLY: Duration = Duration::from_secs(1);

/// How often the thread looks at what the driver told during its callbacks, which wake nobody; in milliseconds.
const ROUND: u32 = 20;

type Request = Box<dyn FnOnce(&mut Option<Session>) + Send>;

/// A handle of the thread. Dropped, the driver is closed; no callback runs after that.
pub(super) struct Owner {
    requests: Option<Sender<Request>>,
    bell: Arc<Bell>,
    ended: Receiver<()>,
    /// A request has not come back in time: the driver hangs.
    is_stuck: AtomicBool,
}

impl Owner {
    pub fn start() -> Result<Self, String> {
        let (requests, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let bell = Arc::new(Bell::new()?);
        let heard = Arc::clone(&bell);
        let run = move || {
            own(&receiver, &heard);
            // Nobody may wait for it.
            let _ = end.send(());
        };
        let thread = std::thread::Builder::new().name("crosspoint-asio".to_owned()).spawn(run);
        thread.map_err(|error| error.to_string())?;
        Ok(Self { requests: Some(requests), bell, ended, is_stuck: AtomicBool::new(false) })
    }

    /// Has the thread do something with what it has open. The answer is still to come.
    fn answer<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Option<Session>) -> T + Send + 'static,
    ) -> Result<Receiver<T>, String> {
        let (answer, answered) = mpsc::sync_channel(1);
        let request: Request = Box::new(move |session| _ = answer.send(request(session)));
        let sent = self.requests.as_ref().map(|requests| requests.send(request).is_ok());
        self.bell.ring();
        if sent == Some(true) { Ok(answered) } else { Err("the thread of the driver is gone".to_owned()) }
    }

    /// The same as [`call`](Self::call) for what may last as long as the user likes: what has not gone wrong soon goes well.
    pub fn call_briefly(
        &self,
        request: impl FnOnce(&mut Option<Session>) -> Result<(), String> + Send + 'static,
    ) -> Result<Result<(), String>, String> {
        Ok(self.answer(request)?.recv_timeout(BRIEFLY).unwrap_or(Ok(())))
    }

    /// Has the thread do something with what it has open, and waits for the answer.
    pub fn call<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Option<Session>) -> T + Send + 'static,
    ) -> Result<T, String> {
        self.answer(request)?.recv_timeout(PATIENCE).map_err(|_| {
            self.is_stuck.store(true, Ordering::Relaxed);
            format!(
                "the driver did not answer within {} s; close its control panel if that is open",
                PATIENCE.as_secs()
            )
        })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.requests = None;
        self.bell.ring();
        // A driver that hangs keeps its thread, not us.
        if !self.is_stuck.load(Ordering::Relaxed) {
            let _ = self.ended.recv_timeout(PATIENCE);
        }
    }
}

/// Wakes the thread, from wherever it waits.
struct Bell(HANDLE);

// SAFETY: the handle is of the process; the system lets any thread use it.
unsafe impl Send for Bell {}
// SAFETY: the same.
unsafe impl Sync for Bell {}

impl Bell {
    fn new() -> Result<Self, String> {
        // SAFETY: an event that resets itself, of no name and with nobody else's rights.
        let event = unsafe { CreateEventW(null(), 0, 0, null()) };
        if event.is_null() { Err(std::io::Error::last_os_error().to_string()) } else { Ok(Self(event)) }
    }

    fn ring(&self) {
        // SAFETY: the event lives as long as this.
        unsafe { SetEvent(self.0) };
    }

    /// Sleeps until it rings, a message of a window comes, or so many milliseconds have passed.
    fn wait(&self, milliseconds: u32) {
        // SAFETY: one event, which lives as long as this.
        unsafe { MsgWaitForMultipleObjects(1, &self.0, 0, milliseconds, QS_ALLINPUT) };
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // SAFETY: closed once. There is nothing to do if it cannot be closed.
        unsafe { CloseHandle(self.0) };
    }
}

fn own(requests: &Receiver<Request>, bell: &Bell) {
    // SAFETY: the first call on this thread, balanced below.
    let entered = unsafe { CoInitializeEx(null_mut(), COINIT_APARTMENTTHREADED as u32) };
    let mut session = None;
    loop {
        bell.wait(if session.is_some() { ROUND } else { INFINITE });
        dispatch_messages();
        let is_over = loop {
            match requests.try_recv() {
                Ok(request) => request(&mut session),
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        if is_over {
            break;
        }
        if let Some(session) = &mut session {
            session.tend();
        }
    }
    drop(session);
    if entered >= 0 {
        // SAFETY: balances the call above; what it made is gone.
        unsafe { CoUninitialize() };
    }
}

fn dispatch_messages() {
    // SAFETY: a message is plain data; each is handed on as it came.
    unsafe {
        let mut message: MSG = std::mem::zeroed();
        while PeekMessageW(&mut message, null_mut(), 0, 0, PM_REMOVE) != 0 {
            TranslateMessage(&message);
            DispatchMessageW(&message);
        }
    }
}
