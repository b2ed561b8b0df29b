//! Which channels of a device a stream uses, as a person writes it: `1-8`, `3,4`, `1,3-5`, `all`, `none`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The highest channel number that a selection takes. More is a typing error, not an interface.
pub const MAX_CHANNELS: usize = 1024;

/// Which of a device's channels a stream uses on one side, and in which order.
///
/// ```
/// use crosspoint_devices::ChannelSelection;
/// let selection: ChannelSelection = "1,3-5".parse().unwrap();
/// assert_eq!(selection.resolve(8).unwrap(), [0, 2, 3, 4]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelSelection(Choice);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    All,
    /// Channel numbers as people count, from 1.
    These(Vec<usize>),
}

/// What is wrong with a selection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// Not of the form of a selection.
    #[error(
        "`{part}` is no channel or range of channels: write 1-8, 3,4 or 1,3-5 (the first channel is 1), all, or none"
    )]
    Syntax {
        /// The part that was not understood.
        part: String,
    },
    /// A range from high to low.
    #[error("the range {first}-{last} goes backwards: list the channels one by one to change their order")]
    Backwards {
        /// The range's first number.
        first: usize,
        /// The range's last number.
        last: usize,
    },
    /// A channel beyond [`MAX_CHANNELS`].
    #[error("channel {channel} is beyond {MAX_CHANNELS}, the most that a selection takes")]
    TooHigh {
        /// The channel.
        channel: usize,
    },
    /// A channel twice.
    #[error("channel {channel} is selected twice: name each channel once and route it twice in the matrix")]
    Duplicate {
        /// The channel.
        channel: usize,
    },
    /// A channel that the device does not have.
    #[error("channel {channel} does not exist: {}", existing(*.available))]
    Absent {
        /// The channel.
        channel: usize,
        /// How many there are.
        available: usize,
    },
}

fn existing(available: usize) -> String {
    match available {
        0 => "the device has no channel on this side; select none".to_owned(),
        1 => "the device has only channel 1".to_owned(),
        _ => format!("the device has channels 1-{available}"),
    }
}

impl SelectionError {
    /// How many channels the device has, if there are too few.
    pub fn available(&self) -> Option<usize> {
        match self {
            Self::Absent { available, .. } => Some(*available),
            _ => None,
        }
    }
}

impl ChannelSelection {
    /// Every channel that the device has.
    pub const fn all() -> Self {
        Self(Choice::All)
    }

    /// No channel: the side is not opened.
    pub const fn none() -> Self {
        Self(Choice::These(Vec::new()))
    }

    /// The first `count` channels.
    pub fn first(count: usize) -> Result<Self, SelectionError> {
        Self::list(1..=count)
    }

    /// These channels, counted from 1, in this order.
    pub fn list(channels: impl IntoIterator<Item = usize>) -> Result<Self, SelectionError> {
        let mut selected = Vec::new();
        for channel in channels {
            push(&mut selected, channel)?;
        }
        Ok(Self(Choice::These(selected)))
    }

    /// Whether no channel is selected.
    pub fn is_none(&self) -> bool {
        self.count() == Some(0)
    }

    /// How many channels are selected, unless that is up to the device.
    pub fn count(&self) -> Option<usize> {
        match &self.0 {
            Choice::All => None,
            Choice::These(channels) => Some(channels.len()),
        }
    }

    /// The highest selected channel number, 0 for none; unknown for all.
    pub fn highest(&self) -> Option<usize> {
        match &self.0 {
            Choice::All => None,
            Choice::These(channels) => Some(channels.iter().copied().max().unwrap_or(0)),
        }
    }

    /// The channels that come before the first one that a device of `available` channels does not have. The places of the
    /// rest stay as they are.
    pub fn before_the_first_absent(&self, available: usize) -> Self {
        match &self.0 {
            Choice::All => self.clone(),
            Choice::These(channels) => {
                let present = channels.iter().copied().take_while(|&channel| channel <= available);
                Self(Choice::These(present.collect()))
            }
        }
    }

    /// The selected channels, counted from 0, of a device that has `available`.
    pub fn resolve(&self, available: usize) -> Result<Vec<usize>, SelectionError> {
        match &self.0 {
            Choice::All => Ok((0..available).collect()),
            Choice::These(channels) => match channels.iter().find(|&&channel| channel > available) {
                Some(&channel) => Err(SelectionError::Absent { channel, available }),
                None => Ok(channels.iter().map(|channel| channel - 1).collect()),
            },
        }
    }
}

fn push(selected: &mut Vec<usize>, channel: usize) -> Result<(), SelectionError> {
    match channel {
        0 => return Err(SelectionError::Syntax { part: "0".into() }),
        _ if channel > MAX_CHANNELS => return Err(SelectionError::TooHigh { channel }),
        _ if selected.contains(&channel) => return Err(SelectionError::Duplicate { channel }),
        _ => selected.push(channel),
    }
    Ok(())
}

impl FromStr for ChannelSelection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "all" => return Ok(Self::all()),
            "none" => return Ok(Self::none()),
            _ => {}
        }
        let mut selected = Vec::new();
        for part in text.split(',').map(str::trim) {
            let number = |digits: &str| {
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = plain.then(|| digits.parse::<usize>().ok()).flatten();
                number.ok_or_else(|| SelectionError::Syntax { part: part.to_owned() })
            };
            match part.split_once('-') {
                None => push(&mut selected, number(part)?)?,
                Some((first, last)) => {
                    let (first, last) = (number(first.trim())?, number(last.trim())?);
                    if first > last {
                        return Err(SelectionError::Backwards { first, last });
                    }
                    for channel in first..=last {
                        push(&mut selected, channel)?;
                    }
                }
            }
        }
        Ok(Self(Choice::These(selected)))
    }
}

impl fmt::Display for ChannelSelection {
    /// Writes the shortest form that parses back to the same selection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels = match &self.0 {
            Choice::All => return f.write_str("all"),
            Choice::These(channels) if channels.is_empty() => return f.write_str("none"),
            Choice::These(channels) => channels,
        };
        for (index, run) in channels.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match run {
                [only] => write!(f, "{comma}{only}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, available: usize) -> Result<Vec<usize>, SelectionError> {
        text.parse::<ChannelSelection>()?.resolve(available)
    }

    #[test]
    fn what_people_write_is_understood() {
        for (text, channels) in [
            ("1-8", vec![0, 1, 2, 3, 4, 5, 6, 7]),
            ("3,4", vec![2, 3]),
            ("1,3-5", vec![0, 2, 3, 4]),
            ("2,1", vec![1, 0]),
            (" 7 - 8 , 1 ", vec![6, 7, 0]),
            ("5-5", vec![4]),
            ("none", vec![]),
            ("ALL", (0..8).collect()),
        ] {
            assert_eq!(resolved(text, 8).unwrap(), channels, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        for (text, message) in [
            ("", "no channel or range"),
            ("0", "the first channel is 1"),
            ("1,,2", "no channel or range"),
            ("1-", "no channel or range"),
            ("-3", "no channel or range"),
            ("+1", "no channel or range"),
            ("one", "`one` is no channel"),
            ("99999999999999999999999", "no channel or range"),
            ("5-3", "goes backwards"),
            ("1-10000", "beyond 1024"),
            ("2,1-3", "channel 2 is selected twice"),
            ("1-9", "the device has channels 1-8"),
        ] {
            let error = resolved(text, 8).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        assert!(resolved("1", 0).unwrap_err().to_string().contains("select none"));
    }

    /// Of a device that has shrunk, each channel that is left keeps its place.
    #[test]
    fn channels_that_are_left_keep_their_places() {
        for (text, available, left) in
            [("1-8", 2, "1-2"), ("3,4,9,2", 8, "3-4"), ("9,1", 8, "none"), ("1-8", 8, "1-8"), ("all", 0, "all")]
        {
            let selection: ChannelSelection = text.parse().unwrap();
            assert_eq!(selection.before_the_first_absent(available).to_string(), left, "{text} of {available}");
        }
    }

    /// Display is the inverse of parsing.
    #[test]
    fn selections_print_as_they_parse() {
        for text in ["all", "none", "1", "1-8", "3,4,9-11", "2,1", "4,1-3"] {
            let selection: ChannelSelection = text.parse().unwrap();
            let printed = selection.to_string();
            assert_eq!(printed.parse::<ChannelSelection>().unwrap(), selection, "{text} printed {printed}");
        }
        assert_eq!("1,2,3,7".parse::<ChannelSelection>().unwrap().to_string(), "1-3,7");
    }
}
