//! What can go wrong with devices, in words that say what to do.

use std::fmt;
use std::ops::RangeInclusive;

use thiserror::Error;

use crate::selection::SelectionError;

/// The input or the output side of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the device.
    Input,
    /// To the device.
    Output,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// The rates or buffer sizes that a device offers, as ascending ranges; empty: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices(Vec<RangeInclusive<u32>>);

impl Choices {
    /// Sorts the ranges and joins those that overlap or touch.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        ranges.sort_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<u32>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// Exactly one value.
    pub fn only(value: u32) -> Self {
        Self(vec![value..=value])
    }

    /// The ranges, ascending and disjoint.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.0
    }

    /// Whether the device offers `value`. Unknown choices contain anything.
    pub fn contains(&self, value: u32) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&value))
    }

    /// The offered value that is closest to `value`, or `value` itself if the choices are unknown.
    pub fn nearest(&self, value: u32) -> u32 {
        let candidates = self.0.iter().map(|range| value.clamp(*range.start(), *range.end()));
        candidates.min_by_key(|candidate| candidate.abs_diff(value)).unwrap_or(value)
    }

    /// The values that both offer. Unknown choices take no part.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        if self.0.is_empty() || other.0.is_empty() {
            return Some(if self.0.is_empty() { other.clone() } else { self.clone() });
        }
        let pairs = self.0.iter().flat_map(|a| other.0.iter().map(move |b| (a, b)));
        let common = Self::new(pairs.map(|(a, b)| *a.start().max(b.start())..=*a.end().min(b.end())));
        (!common.0.is_empty()).then_some(common)
    }
}

impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("an unknown range");
        }
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first} to {last}")?,
            }
        }
        Ok(())
    }
}

/// Why devices could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The system's part of the backend is missing.
    #[error("{backend} is not installed here ({reason}): install it, or choose another backend")]
    NotInstalled {
        /// The backend, as people call it.
        backend: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The backend is installed but not running.
    #[error("no {backend} server is running under the name `{server}`: start it, or name another one")]
    NoServer {
        /// The backend, as people call it.
        backend: &'static str,
        /// The server that was looked for.
        server: String,
    },
    /// Anything else that the system refused.
    #[error("{backend} failed: {message}")]
    Backend {
        /// The backend, as people call it.
        backend: &'static str,
        /// What it said.
        message: String,
    },
}

/// Why a stream could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The backend itself is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// No such device.
    #[error("{backend} has no device `{device}`: {}", listed(.known))]
    NoDevice {
        /// The backend.
        backend: &'static str,
        /// What was asked for.
        device: String,
        /// The devices there are.
        known: Vec<String>,
    },
    /// A channel selection that does not fit the device.
    #[error("{side} channels of `{device}`: {source}")]
    Channels {
        /// The device.
        device: String,
        /// Which side.
        side: Side,
        /// What is wrong.
        source: SelectionError,
    },
    /// Neither inputs nor outputs.
    #[error("neither an input nor an output of `{device}` is selected: select at least one channel")]
    NoChannels {
        /// The device.
        device: String,
    },
    /// A rate that the device does not run at.
    #[error("`{device}` does not run at {rate} Hz: it offers {offered} Hz")]
    Rate {
        /// The device.
        device: String,
        /// What was asked for.
        rate: u32,
        /// What there is.
        offered: Choices,
    },
    /// A buffer size that the device does not have.
    #[error("`{device}` has no buffer of {frames} frames: it offers {offered}{hint}")]
    BufferFrames {
        /// The device.
        device: String,
        /// What was asked for.
        frames: u32,
        /// What there is.
        offered: Choices,
        /// How to change that, if there is a way; empty or starting with a separator.
        hint: &'static str,
    },
    /// A name that cannot be used.
    #[error("`{name}` cannot name a {what}: {reason}")]
    Name {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another program has it.
    #[error("`{device}` is in use: close the program that has it, or choose another device")]
    Busy {
        /// The device.
        device: String,
    },
    /// The user may not use it.
    #[error("no permission to use `{device}`: allow this program to use audio devices in the system's settings")]
    Permission {
        /// The device.
        device: String,
    },
    /// The driver was given something it should be able to do, and refused.
    #[error("`{device}` could not be opened: {message}")]
    Driver {
        /// The device.
        device: String,
        /// What the driver said.
        message: String,
    },
    /// Another program keeps the device at a rate that is not the one asked for.
    #[error("`{device}` is kept at {held} Hz by another program: open it at that rate, or close the program")]
    RateHeld {
        /// The device.
        device: String,
        /// What was asked for.
        rate: u32,
        /// What it is kept at.
        held: u32,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "there is none".to_owned() } else { format!("choose one of {}", known.join(", ")) }
}

/// Why a stream could not be started or stopped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The device or its server is gone.
    #[error("`{device}` is gone: open it again when it is back")]
    Lost {
        /// The device.
        device: String,
    },
    /// A connection that was asked for could not be made.
    #[error("`{device}` could not be connected: {message}; open the stream without auto-connect to do it by hand")]
    Connect {
        /// The device.
        device: String,
        /// What the server said.
        message: String,
    },
    /// The driver refused.
    #[error("`{device}` refused: {message}; close the stream and open it again")]
    Driver {
        /// The device.
        device: String,
        /// What it said.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_listed_as_people_read_them() {
        let choices = Choices::new([96_000..=96_000, 44_100..=48_000, 47_000..=50_000, 50_001..=50_001]);
        assert_eq!(choices.to_string(), "44100 to 50001, 96000");
        assert!(choices.contains(96_000) && !choices.contains(60_000));
        assert_eq!((choices.nearest(1), choices.nearest(90_000)), (44_100, 96_000));
        assert_eq!(choices.intersection(&Choices::only(48_000)), Some(Choices::only(48_000)));
        assert_eq!(choices.intersection(&Choices::only(8_000)), None);
        assert_eq!(choices.intersection(&Choices::default()), Some(choices.clone()));
    }
}
