//! A device as a person names it: `BACKEND[:NAME]`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A backend and, if not its default one, a device of it.
///
/// Only the first colon separates, since names may hold more: `alsa:hw:CARD=0,DEV=0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceName {
    /// The backend's name in lower case.
    pub backend: String,
    /// What follows the first colon: the device's name, a JACK server's name, or a virtual device's size.
    pub device: Option<String>,
}

/// What is wrong with a device's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceNameError {
    /// Nothing before the colon.
    #[error("`{text}` names no backend: write BACKEND or BACKEND:NAME, for example jack or virtual:8x8")]
    NoBackend {
        /// What was written.
        text: String,
    },
    /// A colon and nothing after it.
    #[error("`{backend}:` names no device: write `{backend}` alone for its default device")]
    NoDevice {
        /// The backend.
        backend: String,
    },
    /// A backend that this build does not have.
    #[error("there is no backend `{backend}` here: use one of {}", .known.join(", "))]
    UnknownBackend {
        /// What was asked for.
        backend: String,
        /// The backends there are.
        known: Vec<&'static str>,
    },
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        let (backend, device) = match text.split_once(':') {
            Some((backend, device)) => (backend.trim(), Some(device.trim())),
            None => (text.trim(), None),
        };
        let backend = backend.to_ascii_lowercase();
        if backend.is_empty() {
            return Err(DeviceNameError::NoBackend { text: text.to_owned() });
        }
        if device == Some("") {
            return Err(DeviceNameError::NoDevice { backend });
        }
        Ok(Self { backend, device: device.map(str::to_owned) })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.device {
            Some(device) => write!(f, "{}:{device}", self.backend),
            None => f.write_str(&self.backend),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_the_first_colon() {
        for (text, backend, device) in [
            ("jack", "jack", None),
            ("JACK:studio", "jack", Some("studio")),
            ("alsa:hw:CARD=0,DEV=0", "alsa", Some("hw:CARD=0,DEV=0")),
            (" virtual : 8x8 ", "virtual", Some("8x8")),
        ] {
            let name: DeviceName = text.parse().unwrap();
            assert_eq!((name.backend.as_str(), name.device.as_deref()), (backend, device));
            assert_eq!(name.to_string().parse::<DeviceName>().unwrap(), name);
        }
    }

    #[test]
    fn a_bad_name_says_what_to_write() {
        assert!(":x".parse::<DeviceName>().unwrap_err().to_string().contains("write BACKEND"));
        assert!("jack:".parse::<DeviceName>().unwrap_err().to_string().contains("write `jack` alone"));
        let error = crate::backend("tape").err().unwrap().to_string();
        assert!(error.contains("`tape`") && error.contains("jack") && error.contains("virtual"), "{error}");
    }
}
