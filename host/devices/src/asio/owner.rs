//! The thread that owns a driver: in a single-threaded apartment it loads, calls and releases it, and handles the messages
//! of the windows that the driver opens. Others have it do things and wait for the answer, but not for ever.

use std::ptr::null_mut;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::Duration;

use super::session::Session;
use windows_sys::Win32::System::Com::{COINIT_APARTMENTTHREADED, CoInitializeEx, CoUninitialize};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DispatchMessageW, MSG, MsgWaitForMultipleObjects, PM_REMOVE, PeekMessageW, QS_ALLINPUT, TranslateMessage,
};

/// How long a driver may take for one request.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the thread sleeps at most, in milliseconds: what it is asked waits no longer.
const NAP: u32 = 5;

type Request = Box<dyn FnOnce(&mut Option<Session>) + Send>;

/// A handle of the thread. Dropped, the driver is closed; no callback runs after that.
pub(super) struct Owner {
    requests: Option<Sender<Request>>,
    ended: Receiver<()>,
}

impl Owner {
    pub fn start() -> Result<Self, String> {
        let (requests, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let run = move || {
            own(&receiver);
            // Nobody may wait for it.
            let _ = end.send(());
        };
        let thread = std::thread::Builder::new().name("crosspoint-asio".to_owned()).spawn(run);
        thread.map(|_| Self { requests: Some(requests), ended }).map_err(|error| error.to_string())
    }

    /// Has the thread do something with what it has open, and waits for the answer.
    pub fn call<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Option<Session>) -> T + Send + 'static,
    ) -> Result<T, String> {
        let (answer, answered) = mpsc::sync_channel(1);
        let request: Request = Box::new(move |session| _ = answer.send(request(session)));
        let sent = self.requests.as_ref().map(|requests| requests.send(request).is_ok());
        if sent != Some(true) {
            return Err("the thread of the driver is gone".to_owned());
        }
        answered
            .recv_timeout(PATIENCE)
            .map_err(|_| format!("the driver did not answer within {} s", PATIENCE.as_secs()))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.requests = None;
        // A driver that hangs keeps its thread, not us.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

fn own(requests: &Receiver<Request>) {
    // SAFETY: the first call on this thread, balanced below.
    let entered = unsafe { CoInitializeEx(null_mut(), COINIT_APARTMENTTHREADED as u32) };
    let mut session = None;
    loop {
        // SAFETY: waits for messages of this thread alone, or for the time to pass.
        unsafe { MsgWaitForMultipleObjects(0, null_mut(), 0, NAP, QS_ALLINPUT) };
        dispatch_messages();
        match requests.try_recv() {
            Ok(request) => request(&mut session),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
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
