//! Speaker arrangements and channel layouts. An arrangement is a set of speakers, a bit each; the channels are in the order of
//! the bits. Pure values.

use crosspoint_graph::ChannelLayout;
use vst3::Steinberg::Vst::*;

use crate::arrangement::{ChannelMap, Speaker};

/// The speakers of an ambisonic sound field, in channel order: fourth order at most.
const AMBISONIC: [SpeakerArrangement; 25] = [
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

/// Where VST3's loudspeakers stand, as far as there are words for it.
const PLACES: [(SpeakerArrangement, Speaker); 18] = [
    (kSpeakerL, Speaker::FrontLeft),
    (kSpeakerR, Speaker::FrontRight),
    (kSpeakerC, Speaker::FrontCenter),
    (kSpeakerLfe, Speaker::LowFrequency),
    (kSpeakerLs, Speaker::BackLeft),
    (kSpeakerRs, Speaker::BackRight),
    (kSpeakerLc, Speaker::FrontLeftOfCenter),
    (kSpeakerRc, Speaker::FrontRightOfCenter),
    (kSpeakerCs, Speaker::BackCenter),
    (kSpeakerSl, Speaker::SideLeft),
    (kSpeakerSr, Speaker::SideRight),
    (kSpeakerTc, Speaker::TopCenter),
    (kSpeakerTfl, Speaker::TopFrontLeft),
    (kSpeakerTfc, Speaker::TopFrontCenter),
    (kSpeakerTfr, Speaker::TopFrontRight),
    (kSpeakerTrl, Speaker::TopBackLeft),
    (kSpeakerTrc, Speaker::TopBackCenter),
    (kSpeakerTrr, Speaker::TopBackRight),
];

/// The loudspeakers of an arrangement, in the order of its channels.
pub(crate) fn channel_map(speakers: SpeakerArrangement) -> ChannelMap {
    let bits = (0..64).map(|bit| 1 << bit).filter(|bit| speakers & bit != 0);
    let place = |bit: u64| PLACES.iter().find(|(speaker, _)| *speaker == bit).map(|(_, place)| *place);
    ChannelMap::Speakers(bits.map(place).collect())
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
        let ChannelMap::Speakers(places) = channel_map(SpeakerArr::k51) else { panic!() };
        let wanted = [Speaker::FrontLeft, Speaker::FrontRight, Speaker::FrontCenter, Speaker::LowFrequency];
        assert_eq!(places[..4], wanted.map(Some));
        assert_eq!(layout(0).channels(), 0);
        assert_eq!(speakers(ChannelLayout::Discrete(300)).count_ones(), 64);
        assert_eq!(speakers(ChannelLayout::Discrete(11)).count_ones(), 11);
    }
}
