//! Finding libjack and opening a client on a server by name. This is the only place of the JACK backend that talks to
//! the C library itself, since the safe crate cannot name a server.

use std::ffi::{CString, c_char};
use std::sync::{Mutex, PoisonError};

use jack::jack_sys::{jack_client_t, jack_options_t, jack_status_t};
use jack::{Client, ClientOptions, ClientStatus, LoggerType};

use super::CALLED;
use crate::error::{DeviceError, OpenError};

/// libjack does not like two clients being opened at once.
static OPENING: Mutex<()> = Mutex::new(());

/// With a server's name as the fourth argument if the options say so.
type OpenClient = unsafe extern "C" fn(*const c_char, jack_options_t, *mut jack_status_t, ...) -> *mut jack_client_t;

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
pub(super) fn open_client(name: &str, server: Option<&str>) -> Result<Client, DeviceError> {
    let absent = |reason: String| DeviceError::NotInstalled { backend: CALLED, reason };
    let failed = |message: String| DeviceError::Backend { backend: CALLED, message };
    let library = jack::jack_sys::library().map_err(|error| absent(error.to_string()))?;
    // SAFETY: this is the function's declaration in <jack/jack.h>.
    let open =
        unsafe { library.get::<OpenClient>(b"jack_client_open\0") }.map_err(|error| absent(error.to_string()))?;
    jack::set_logger(LoggerType::Log);

    let text = |text: &str| CString::new(text).map_err(|error| failed(error.to_string()));
    let client_name = text(name)?;
    let server_name = text(server.unwrap_or_default())?;
    let options = ClientOptions::NO_START_SERVER;
    let mut status = 0;
    let guard = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the names are NUL-terminated and outlive the call, and the server's is passed exactly if the options say
    // that it is there.
    let client = unsafe {
        match server {
            None => open(client_name.as_ptr(), options.bits(), &mut status),
            Some(_) => {
                let options = options | ClientOptions::SERVER_NAME;
                open(client_name.as_ptr(), options.bits(), &mut status, server_name.as_ptr())
            }
        }
    };
    drop(guard);
    if client.is_null() {
        let status = ClientStatus::from_bits_retain(status);
        if status.intersects(ClientStatus::SERVER_FAILED | ClientStatus::SERVER_ERROR) {
            let server = server.map_or_else(default_name, str::to_owned);
            return Err(DeviceError::NoServer { backend: CALLED, server });
        }
        return Err(failed(format!("no client `{name}` could be opened, status {status:?}")));
    }
    // SAFETY: the pointer is a client that was opened above and is owned by nobody else.
    Ok(unsafe { Client::from_raw(client) })
}
