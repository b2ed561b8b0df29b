//! What plays the rig, for whoever looks.

use crosspoint_devices::{Scheduling, StreamInfo};
use std::sync::Arc;

/// What plays the rig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceState {
    /// No device was opened.
    #[default]
    None,
    /// A device.
    Playing {
        /// The device, with its rate and buffer as they are now.
        stream: Arc<StreamInfo>,
        /// How the system schedules its audio thread, once that is known.
        scheduling: Option<Scheduling>,
    },
    /// The device is gone.
    Lost {
        /// The device as it was.
        stream: Arc<StreamInfo>,
        /// What its driver said.
        reason: String,
        /// Whether it is asked for until it is back.
        is_awaited: bool,
        /// Whether the rig runs on meanwhile, paced by a timer.
        is_on_timer: bool,
    },
}

impl DeviceState {
    /// The device that plays, or that is gone.
    pub fn stream(&self) -> Option<&Arc<StreamInfo>> {
        match self {
            Self::None => None,
            Self::Playing { stream, .. } | Self::Lost { stream, .. } => Some(stream),
        }
    }
}
