//! What the parameters of nodes can be: a plugin tells, a built-in node has it here.

use super::target::{Domain, FADER_TOP};
use crate::session::{Builtin, Fader};
use crosspoint_formats::Parameter;
use crosspoint_graph::nodes::{MAX_GAIN, delay, gain, metronome, pan, player, tone, zone};

const GAIN: Domain = Domain::Gain(FADER_TOP, MAX_GAIN as f64);
/// What a control of a crosspoint can set.
pub(super) const CROSSPOINT: Domain = GAIN;

/// What a control of a group or mix can set.
pub(super) const FADER: Domain = Domain::Gain(FADER_TOP, Fader::MAX_GAIN as f64);

/// What a plugin's parameter can be.
pub(super) fn of_parameter(parameter: &Parameter) -> Domain {
    match parameter.flags.stepped || parameter.flags.enumerated {
        true => Domain::Whole(parameter.minimum, parameter.maximum),
        false => Domain::Even(parameter.minimum, parameter.maximum),
    }
}

/// What a built-in node's parameter can be; none for what no control can set.
pub(crate) fn of_builtin(builtin: &Builtin, parameter: u32) -> Option<Domain> {
    Some(match (builtin, parameter) {
        (Builtin::Gain { .. }, gain::GAIN) | (Builtin::Mixer { .. }, _) | (Builtin::Tone { .. }, tone::LEVEL) => GAIN,
        (Builtin::Pan { .. }, pan::POSITION) => Domain::Even(-1.0, 1.0),
        (Builtin::Delay { longest, .. }, delay::FRAMES) => Domain::Whole(0.0, f64::from(*longest)),
        (Builtin::Tone { .. }, tone::FREQUENCY) => Domain::Even(20.0, 20_000.0),
        (Builtin::Player { .. }, player::PLAY | player::LOOP | player::FOLLOW) => Domain::Switch,
        (Builtin::Metronome { .. }, metronome::ON) => Domain::Switch,
        (Builtin::Metronome { .. }, metronome::SUBDIVISION) => Domain::Whole(1.0, 8.0),
        (Builtin::Metronome { .. }, metronome::LEVEL | metronome::ACCENT_LEVEL | metronome::SUBDIVISION_LEVEL) => GAIN,
        (Builtin::Zone, parameter) => match parameter {
            zone::LOW_KEY | zone::HIGH_KEY | zone::LOW_VELOCITY | zone::HIGH_VELOCITY => Domain::Whole(0.0, 127.0),
            zone::OUTPUT_CHANNEL => Domain::Whole(0.0, 16.0),
            zone::TRANSPOSE | zone::OFFSET => Domain::Whole(-127.0, 127.0),
            zone::GAMMA => Domain::Even(0.1, 10.0),
            zone::FIXED_VELOCITY => Domain::Whole(1.0, 127.0),
            zone::MEMBERS => Domain::Whole(1.0, 15.0),
            zone::ON
            | zone::CONTROLLERS
            | zone::PEDALS
            | zone::BEND
            | zone::PRESSURE
            | zone::PROGRAMS
            | zone::ENDS_HELD => Domain::Switch,
            _ => return None,
        },
        _ => return None,
    })
}
