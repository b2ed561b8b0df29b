//! Speaker arrangements and channel layouts. An arrangement is a set of speakers, a bit each; the channels are in the order of
//! the bits. Pure values.

use crosspoint_graph::ChannelLayout;
use vst3::Steinberg::Vst::*;

/// The speakers of an ambisonic sound field, in channel order: fourth order at most.
const AMBISONIC: [Speaker; 25] = [
    kSpeakerACN0,
    kSpeakerACN1,
    kSpeakerACN2,
    kSpeakerACN3,
    kSpeakerACN4,
    kSpeakerACN5,
    kSpeakerACN6,
    kSpeakerACN7,
    kSpeakerACN8,
    kSpeakerACN9,
    kSpeakerACN10,
    kSpeakerACN11,
    kSpeakerACN12,
    kSpeakerACN13,
    kSpeakerACN14,
    kSpeakerACN15,
    kSpeakerACN16,
    kSpeakerACN17,
    kSpeakerACN18,
    kSpeakerACN19,
    kSpeakerACN20,
    kSpeakerACN21,
    kSpeakerACN22,
    kSpeakerACN23,
    kSpeakerACN24,
];

/// What an arrangement's channels mean.
pub(crate) fn layout(speakers: SpeakerArrangement) -> ChannelLayout {
    let ambisonic = AMBISONIC.iter().fold(0, |all, speaker| all | speaker);
    match speakers.count_ones() {
        0 => ChannelLayout::from_channels(0),
        count if speakers & !ambisonic == 0 => ChannelLayout::Ambisonic(count),
        1 => ChannelLayout::Mono,
        2 => ChannelLayout::Stereo,
        count => ChannelLayout::Surround(count),
    }
}

/// The arrangement that a layout most likely means.
pub(crate) fn speakers(layout: ChannelLayout) -> SpeakerArrangement {
    match layout {
        ChannelLayout::Mono => SpeakerArr::kMono,
        ChannelLayout::Stereo => SpeakerArr::kStereo,
        ChannelLayout::Ambisonic(count) => AMBISONIC.iter().take(count as usize).fold(0, |all, speaker| all | speaker),
        ChannelLayout::Surround(3) => SpeakerArr::k30Cine,
        ChannelLayout::Surround(4) => SpeakerArr::k40Music,
        ChannelLayout::Surround(5) => SpeakerArr::k50,
        ChannelLayout::Surround(6) => SpeakerArr::k51,
        ChannelLayout::Surround(7) => SpeakerArr::k70Music,
        ChannelLayout::Surround(8) => SpeakerArr::k71Music,
        ChannelLayout::Surround(10) => SpeakerArr::k71_2,
        ChannelLayout::Surround(12) => SpeakerArr::k71_4,
        // So many speakers, whichever they are.
        other => 1_u64.checked_shl(other.channels()).map_or(u64::MAX, |bit| bit - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_found_again() {
        let surround = [3, 4, 5, 6, 7, 8, 9, 10, 12, 16].map(ChannelLayout::Surround);
        let ambisonic = [1, 4, 9, 16, 25].map(ChannelLayout::Ambisonic);
        for known in surround.into_iter().chain(ambisonic).chain([ChannelLayout::Mono, ChannelLayout::Stereo]) {
            assert_eq!(layout(speakers(known)), known);
        }
        assert_eq!(layout(0).channels(), 0);
        assert_eq!(speakers(ChannelLayout::Discrete(300)).count_ones(), 64);
        assert_eq!(speakers(ChannelLayout::Discrete(11)).count_ones(), 11);
    }
}
