//! The built-in nodes as rig files name them: from their description to a node and a processor.

use crate::control::{Domain, domain_of_builtin};
use crate::error::EngineError;
use crate::measurement::from_decibels;
use crate::session::{Builtin, ParameterEntry, ParameterValue};
use crate::track::{self, Track};
use crosspoint_graph::nodes::{delay, gain, meter, metronome, mixer, pan, player, tone, zone};
use crosspoint_graph::{ChannelLayout, Node, Processor};

/// The graph's view of a built-in node.
pub(crate) fn node(name: &str, builtin: &Builtin) -> Node {
    match builtin {
        Builtin::Gain { layout } => gain::node(name, *layout),
        Builtin::Pan { source } => pan::node(name, *source),
        Builtin::Mixer { inputs, outputs } => mixer::node(name, inputs, outputs),
        Builtin::Delay { layout, .. } => delay::node(name, *layout),
        Builtin::Tone { layout } => tone::node(name, *layout),
        Builtin::Meter { layout } => meter::node(name, *layout),
        Builtin::Player { layout, .. } => player::node(name, *layout),
        Builtin::Zone => zone::node(name),
        Builtin::Metronome { layout } => metronome::node(name, *layout),
    }
}

/// The audio half of a built-in node, and the track of a player.
pub(crate) type Made = (Box<dyn Processor>, Option<Track>);

/// Its audio half at a sample rate, with its parameters where they should be, so that nothing ramps at the start; and the
/// track of a player.
///
/// # Errors
/// If the file of a player cannot be read.
pub(crate) fn processor(builtin: &Builtin, parameters: &[ParameterEntry], rate: f64) -> Result<Made, EngineError> {
    let known: Vec<(u32, f64)> = parameters.iter().filter_map(|entry| value(builtin, entry)).collect();
    let set = |id: u32| known.iter().find(|known| known.0 == id).map(|known| known.1);
    let initial = |id: u32| set(id).or_else(|| initial(builtin, id)).unwrap_or_default();
    let processor: Box<dyn Processor> = match builtin {
        Builtin::Gain { .. } => Box::new(gain::Gain::new(initial(gain::GAIN) as f32)),
        Builtin::Pan { source } => Box::new(pan::Pan::new(*source, initial(pan::POSITION))),
        Builtin::Mixer { inputs, outputs } => Box::new(mixer(inputs, outputs, initial)),
        Builtin::Delay { layout, longest } => {
            let frames = initial(delay::FRAMES) as u32;
            Box::new(delay::Delay::new(layout.channels() as usize, frames, *longest))
        }
        Builtin::Tone { .. } => {
            let frequency = initial(tone::FREQUENCY);
            Box::new(tone::Tone::new(rate, tone::Shape::Sine, frequency, initial(tone::LEVEL) as f32))
        }
        Builtin::Meter { layout } => {
            Box::new(meter::Meter::new(layout.channels() as usize, (rate * METER_SECONDS) as u32))
        }
        Builtin::Player { file, .. } => {
            let (pages, track) = track::open(file, rate as u32)?;
            let is_on = |parameter, otherwise| set(parameter).map_or(otherwise, |value| value >= 0.5);
            let player = player::Player::of(pages, rate).looping(is_on(player::LOOP, false));
            let player = if is_on(player::FOLLOW, true) { player.following() } else { player };
            return Ok((Box::new(player), Some(track)));
        }
        Builtin::Zone => {
            Box::new(known.iter().fold(zone::Zone::default(), |zone, &(parameter, value)| zone.with(parameter, value)))
        }
        Builtin::Metronome { .. } => {
            let metronome = metronome::Metronome::new(rate);
            Box::new(known.iter().fold(metronome, |metronome, &(parameter, value)| metronome.with(parameter, value)))
        }
    };
    Ok((processor, None))
}

fn mixer(inputs: &[ChannelLayout], outputs: &[ChannelLayout], initial: impl Fn(u32) -> f64) -> mixer::Mixer {
    let mut mixer = mixer::Mixer::new(inputs, outputs);
    for input in 0..channels(inputs) {
        for output in 0..channels(outputs) {
            let gain = initial(mixer.parameter(input, output));
            mixer = mixer.with_gain(input, output, gain as f32);
        }
    }
    mixer
}

fn channels(ports: &[ChannelLayout]) -> usize {
    ports.iter().map(|port| port.channels() as usize).sum()
}

/// The value of a built-in node's parameter until it is set; none if that is no setting, as where a player stands.
pub(crate) fn initial(builtin: &Builtin, parameter: u32) -> Option<f64> {
    match (builtin, parameter) {
        (Builtin::Gain { .. }, gain::GAIN) | (Builtin::Player { .. }, player::FOLLOW) => Some(1.0),
        (Builtin::Player { .. }, player::LOOP) => Some(0.0),
        (Builtin::Tone { .. }, tone::FREQUENCY) => Some(440.0),
        (Builtin::Tone { .. }, tone::LEVEL) => Some(0.1),
        (Builtin::Zone, _) => zone::INITIAL.get(parameter as usize).copied(),
        (Builtin::Metronome { .. }, _) => metronome::INITIAL.get(parameter as usize).copied(),
        (Builtin::Pan { .. } | Builtin::Delay { .. } | Builtin::Mixer { .. } | Builtin::Tone { .. }, _) => Some(0.0),
        _ => None,
    }
}

/// The id and value of a parameter in a rig file: a number in the node's scale, or for gains a text in decibels.
pub(crate) fn value(builtin: &Builtin, entry: &ParameterEntry) -> Option<(u32, f64)> {
    let id = entry.id.or_else(|| parameter(builtin, &entry.name))?;
    let value = match &entry.value {
        ParameterValue::Plain(value) => *value,
        ParameterValue::Text(text) => match text.trim().strip_suffix("dB") {
            Some(decibels) if is_gain(builtin, id) => from_decibels(decibels.trim().parse().ok()?),
            _ => text.trim().parse().ok()?,
        },
    };
    value.is_finite().then_some((id, value))
}

/// Whether a parameter is a linear gain, which rig files may have in decibels.
fn is_gain(builtin: &Builtin, parameter: u32) -> bool {
    matches!(domain_of_builtin(builtin, parameter), Some(Domain::Gain(..)))
}

/// Window of a meter's RMS.
const METER_SECONDS: f64 = 0.3;

/// The id and range of a built-in node's parameter by name; the names are those of rig files.
fn parameter(builtin: &Builtin, name: &str) -> Option<u32> {
    parameters(builtin).into_iter().find(|(known, _)| known == name).map(|(_, id)| id)
}

/// All parameters of a built-in node, by name.
pub(crate) fn parameters(builtin: &Builtin) -> Vec<(String, u32)> {
    let named = |list: &[(&str, u32)]| list.iter().map(|&(name, id)| (name.to_owned(), id)).collect();
    match builtin {
        Builtin::Gain { .. } => named(&[("gain", gain::GAIN)]),
        Builtin::Pan { .. } => named(&[("position", pan::POSITION)]),
        Builtin::Delay { .. } => named(&[("frames", delay::FRAMES)]),
        Builtin::Tone { .. } => {
            named(&[("frequency", tone::FREQUENCY), ("level", tone::LEVEL), ("shape", tone::SHAPE)])
        }
        Builtin::Player { .. } => named(&[
            ("play", player::PLAY),
            ("position", player::POSITION),
            ("loop", player::LOOP),
            ("follow", player::FOLLOW),
        ]),
        Builtin::Mixer { inputs, outputs } => {
            let mixer = mixer::Mixer::new(inputs, outputs);
            (0..channels(inputs))
                .flat_map(|input| (0..channels(outputs)).map(move |output| (input, output)))
                .map(|(input, output)| (format!("{}>{}", input + 1, output + 1), mixer.parameter(input, output)))
                .collect()
        }
        Builtin::Meter { .. } => Vec::new(),
        Builtin::Zone => named(&ZONE),
        Builtin::Metronome { .. } => named(&[
            ("on", metronome::ON),
            ("level", metronome::LEVEL),
            ("accent level", metronome::ACCENT_LEVEL),
            ("subdivision", metronome::SUBDIVISION),
            ("subdivision level", metronome::SUBDIVISION_LEVEL),
            ("sound", metronome::SOUND),
        ]),
    }
}

/// The parameters of a keyboard zone.
const ZONE: [(&str, u32); 20] = [
    ("on", zone::ON),
    ("low key", zone::LOW_KEY),
    ("high key", zone::HIGH_KEY),
    ("low velocity", zone::LOW_VELOCITY),
    ("high velocity", zone::HIGH_VELOCITY),
    ("channels", zone::CHANNELS),
    ("output channel", zone::OUTPUT_CHANNEL),
    ("transpose", zone::TRANSPOSE),
    ("curve", zone::CURVE),
    ("gamma", zone::GAMMA),
    ("offset", zone::OFFSET),
    ("fixed velocity", zone::FIXED_VELOCITY),
    ("controllers", zone::CONTROLLERS),
    ("pedals", zone::PEDALS),
    ("bend", zone::BEND),
    ("pressure", zone::PRESSURE),
    ("programs", zone::PROGRAMS),
    ("mpe", zone::MPE),
    ("members", zone::MEMBERS),
    ("ends held", zone::ENDS_HELD),
];
