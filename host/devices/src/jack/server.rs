//! Finding libjack and opening a client on a server by name. This is the only place of the JACK backend that talks to
//! the C library itself, since the safe crate cannot name a server.
//!
//! libjack keeps what it shares with a server in globals: a process can talk to one server at a time, and when it
//! notices that a server has died it frees the clients that are left. A client is therefore opened only as long as
//! neither can hurt another one.

use std::ffi::{CString, c_char};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jack::jack_sys::{jack_client_t, jack_options_t, jack_status_t};
use jack::{Client, ClientOptions, ClientStatus, LoggerType};

use super::CALLED;
use crate::error::{DeviceError, OpenError};
use crate::status::StreamStatus;

/// The clients that this process has, all on one server.
static OPEN: Mutex<OpenClients> = Mutex::new(OpenClients { server: String::new(), clients: Vec::new() });

struct OpenClients {
    server: String,
    clients: Vec<Arc<StreamStatus>>,
}

fn open_clients() -> MutexGuard<'static, OpenClients> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs something while this thread holds the list of clients.
pub(super) fn with_locks_held(during: &mut dyn FnMut()) {
    let _held = open_clients();
    during();
}

/// Stands for an open client; to be dropped after it.
pub(super) struct Lease(Arc<StreamStatus>);

impl Drop for Lease {
    fn drop(&mut self) {
        open_clients().clients.retain(|client| !Arc::ptr_eq(client, &self.0));
    }
}

/// With a server's name as the fourth argument if the options say so.
type OpenFunction = unsafe extern "C" fn(*const c_char, jack_options_t, *mut jack_status_t, ...) -> *mut jack_client_t;

/// The server that is meant when none is named, by JACK's own rule.
pub(super) fn default_name() -> String {
    std::env::var("JACK_DEFAULT_SERVER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned())
}

/// Refuses what libjack would cut or misread.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), OpenError> {
    let refuse = |reason: &str| Err(OpenError::Name { what, name: name.to_owned(), reason: reason.to_owned() });
    match name {
        "" => refuse("it is empty"),
        _ if name.contains(['\0', ':', '/']) => refuse("it contains a colon, a slash or a NUL character"),
        _ if name.len() > 60 => refuse("it is longer than 60 bytes"),
        _ => Ok(()),
    }
}

/// Opens a client on the named or the default server, without starting one. The name gets a number if it is taken.
/// `status` is where the client's notifications go.
pub(super) fn open_client(
    name: &str,
    server: Option<&str>,
    status: &Arc<StreamStatus>,
) -> Result<(Lease, Client), DeviceError> {
    let absent = |reason: String| DeviceError::NotInstalled { backend: CALLED, reason };
    let failed = |message: String| DeviceError::Backend { backend: CALLED, message };
    let library = jack::jack_sys::library().map_err(|error| absent(error.to_string()))?;
    // SAFETY: this is the function's declaration in <jack/jack.h>.
    let function = unsafe { library.get::<OpenFunction>(b"jack_client_open\0") };
    let function = function.map_err(|error| absent(error.to_string()))?;
    jack::set_logger(LoggerType::Log);

    let server_name = server.map_or_else(default_name, str::to_owned);
    let text = |text: &str| CString::new(text).map_err(|error| failed(error.to_string()));
    let (client_text, server_text) = (text(name)?, text(&server_name)?);
    let options = ClientOptions::NO_START_SERVER | ClientOptions::SERVER_NAME;
    let mut client_status = 0;

    let mut open = open_clients();
    if open.clients.iter().any(|client| client.lost.is_set()) {
        return Err(failed("a stream on a server that died is still open; close it first".to_owned()));
    }
    if !open.clients.is_empty() && open.server != server_name {
        let message = format!("one program can use one server at a time; close the streams on `{}` first", open.server);
        return Err(failed(message));
    }
    // SAFETY: both names are NUL-terminated and outlive the call; the options say that the server's is there.
    let client = unsafe { function(client_text.as_ptr(), options.bits(), &mut client_status, server_text.as_ptr()) };
    if client.is_null() {
        let client_status = ClientStatus::from_bits_retain(client_status);
        if client_status.intersects(ClientStatus::SERVER_FAILED | ClientStatus::SERVER_ERROR) {
            return Err(DeviceError::NoServer { backend: CALLED, server: server_name });
        }
        return Err(failed(format!("no client `{name}` could be opened, status {client_status:?}")));
    }
    open.server = server_name;
    open.clients.push(Arc::clone(status));
    // SAFETY: the pointer is a client that was opened above and is owned by nobody else.
    Ok((Lease(Arc::clone(status)), unsafe { Client::from_raw(client) }))
}
