//! A processor of your own as a node of the rig: a tremolo, in place, silent where its input is.

use crosspoint::graph::{AudioPort, Block, ChannelLayout, Node, Processor, Status};
use crosspoint::{Engine, EngineError, EngineSettings};

/// Makes the signal louder and softer, so many times a second.
struct Tremolo {
    rate: f64,
    speed: f64,
}

impl Processor for Tremolo {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        if block.inputs_are_silent() {
            block.clear_outputs();
            return Status::Sleep;
        }
        // The phase follows from the frame, so that any partition into blocks gives the same.
        let first = block.chunk().steady_frame;
        let (rate, speed) = (self.rate, self.speed);
        for channel in 0..block.output_channels(0) {
            for (frame, sample) in block.through((0, channel), (0, channel)).iter_mut().enumerate() {
                let phase = ((first + frame as u64) as f64 * speed / rate).fract();
                *sample *= 0.5 + 0.5 * (phase * std::f64::consts::TAU).cos() as f32;
            }
        }
        Status::Sleep
    }
}

fn main() -> Result<(), EngineError> {
    let mut engine = Engine::new(EngineSettings::default());
    engine.batch(|engine| {
        let stereo = || vec![AudioPort::new("main", ChannelLayout::Stereo)];
        let node =
            Node { audio_inputs: stereo(), audio_outputs: stereo(), in_place: true, ..Node::processor("tremolo") };
        let input = engine.add_input("in", "in", &[Some(0), Some(1)])?;
        let tremolo = engine.add_processor(node, Box::new(Tremolo { rate: 48_000.0, speed: 100.0 }))?;
        let output = engine.add_output("out", "out", &[Some(0), Some(1)])?;
        engine.connect(input, tremolo)?;
        engine.connect(tremolo, output)
    })?;
    let (mut left, mut right) = ([0.0; 480], [0.0; 480]);
    engine.cell().render(&[&[1.0; 480], &[1.0; 480]], &mut [&mut left, &mut right], true);
    println!("at the top {}, half a swing later {}", left[0], left[240]);
    assert!(left[0] == 1.0 && left[240].abs() < 1e-6 && left == right);
    Ok(())
}
