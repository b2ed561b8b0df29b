//! The built-in nodes as rig files name them: from their description to a node and a processor.

use crate::error::EngineError;
use crate::offline::wav;
use crate::session::Builtin;
use crosspoint_graph::nodes::{delay, gain, meter, mixer, pan, player, tone};
use crosspoint_graph::{Node, Processor};
use std::sync::Arc;

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
    }
}

/// Its audio half at a sample rate.
///
/// # Errors
/// If the file of a player cannot be read.
pub(crate) fn processor(builtin: &Builtin, rate: f64) -> Result<Box<dyn Processor>, EngineError> {
    Ok(match builtin {
        Builtin::Gain { .. } => Box::new(gain::Gain::new(1.0)),
        Builtin::Pan { source } => Box::new(pan::Pan::new(*source, 0.0)),
        Builtin::Mixer { inputs, outputs } => Box::new(mixer::Mixer::new(inputs, outputs)),
        Builtin::Delay { layout, longest } => Box::new(delay::Delay::new(layout.channels() as usize, 0, *longest)),
        Builtin::Tone { .. } => Box::new(tone::Tone::new(rate, tone::Shape::Sine, 440.0, 0.1)),
        Builtin::Meter { layout } => {
            Box::new(meter::Meter::new(layout.channels() as usize, (rate * METER_SECONDS) as u32))
        }
        Builtin::Player { file, .. } => {
            let audio = wav::read(file)?.resampled(rate as u32)?;
            let clip: player::Clip = audio.channels.into_iter().map(Vec::into_boxed_slice).collect::<Arc<[_]>>();
            Box::new(player::Player::new(clip).following())
        }
    })
}

/// Window of a meter's RMS.
const METER_SECONDS: f64 = 0.3;

/// The id and range of a built-in node's parameter by name; the names are those of rig files.
pub(crate) fn parameter(builtin: &Builtin, name: &str) -> Option<u32> {
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
            let count =
                |ports: &[crosspoint_graph::ChannelLayout]| ports.iter().map(|port| port.channels()).sum::<u32>();
            (0..count(inputs))
                .flat_map(|input| (0..count(outputs)).map(move |output| (input, output)))
                .map(|(input, output)| {
                    (format!("{}>{}", input + 1, output + 1), mixer.parameter(input as usize, output as usize))
                })
                .collect()
        }
        Builtin::Meter { .. } => Vec::new(),
    }
}
