//! What one side of a device offers, out of cpal's list of configurations.

use cpal::traits::DeviceTrait;
use cpal::{Device, ErrorKind, SampleFormat, SupportedBufferSize, SupportedStreamConfigRange};

use crate::error::{Choices, Side};

/// The formats that can be converted, best first: what costs nothing, then what loses least.
const FORMATS: [SampleFormat; 8] = [
    SampleFormat::F32,
    SampleFormat::I32,
    SampleFormat::I24,
    SampleFormat::F64,
    SampleFormat::I16,
    SampleFormat::U16,
    SampleFormat::I8,
    SampleFormat::U8,
];

/// What there is for one number of channels, in the best format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub format: SampleFormat,
    pub rates: Choices,
    pub buffer_frames: Choices,
}

impl Offer {
    /// `None` if there is no usable format for that number of channels.
    pub fn new(ranges: &[SupportedStreamConfigRange], channels: u16) -> Option<Self> {
        let of_format = |format: SampleFormat| {
            ranges.iter().filter(move |range| range.channels() == channels && range.sample_format() == format)
        };
        let format = FORMATS.into_iter().find(|&format| of_format(format).next().is_some())?;
        let rates = of_format(format).map(|range| range.min_sample_rate()..=range.max_sample_rate());
        let buffers = of_format(format).filter_map(|range| match *range.buffer_size() {
            SupportedBufferSize::Range { min, max } => Some(min.max(1)..=max),
            SupportedBufferSize::Unknown => None,
        });
        Some(Self { format, rates: Choices::new(rates), buffer_frames: Choices::new(buffers) })
    }
}

/// All configurations of a side; none if it has no such side. Fails if the device cannot be asked.
pub(super) fn ranges(device: &Device, side: Side) -> Result<Vec<SupportedStreamConfigRange>, cpal::Error> {
    let ranges = match side {
        Side::Input => device.supported_input_configs().map(Iterator::collect),
        Side::Output => device.supported_output_configs().map(Iterator::collect),
    };
    match ranges {
        Err(error) if matches!(error.kind(), ErrorKind::UnsupportedOperation | ErrorKind::UnsupportedConfig) => {
            Ok(Vec::new())
        }
        other => other,
    }
}

/// The numbers of channels there are, ascending.
pub(super) fn channel_counts(ranges: &[SupportedStreamConfigRange]) -> Vec<u16> {
    let usable = ranges.iter().filter(|range| FORMATS.contains(&range.sample_format()));
    let mut counts: Vec<u16> = usable.map(|range| range.channels()).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// The sample formats there are, as cpal calls them.
pub(super) fn formats(ranges: &[SupportedStreamConfigRange]) -> Vec<String> {
    ranges.iter().map(|range| range.sample_format().to_string()).collect()
}

/// How many channels the system takes for `all`.
pub(super) fn usual_channels(device: &Device, side: Side) -> Option<u16> {
    let config = match side {
        Side::Input => device.default_input_config(),
        Side::Output => device.default_output_config(),
    };
    config.ok().map(|config| config.channels())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_format_is_taken_with_its_own_rates_and_buffers() {
        let range = |channels, rate, max, format| {
            SupportedStreamConfigRange::new(channels, rate, rate, SupportedBufferSize::Range { min: 0, max }, format)
        };
        let ranges = [
            range(2, 96_000, 64, SampleFormat::I16),
            range(2, 44_100, 512, SampleFormat::I32),
            range(2, 48_000, 1024, SampleFormat::I32),
            range(6, 48_000, 64, SampleFormat::DsdU8),
        ];
        let offer = Offer::new(&ranges, 2).unwrap();
        assert_eq!(offer.format, SampleFormat::I32);
        assert_eq!(
            (offer.rates.to_string(), offer.buffer_frames.to_string()),
            ("44100, 48000".into(), "1 to 1024".into())
        );
        assert_eq!(Offer::new(&ranges, 6), None);
        assert_eq!(channel_counts(&ranges), [2]);
    }
}
