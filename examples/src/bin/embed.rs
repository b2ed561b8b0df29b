//! The engine in a callback of your own: no device, no thread, no lock. Build a rig in code, take the cell, render.

use crosspoint::graph::nodes::gain;
use crosspoint::graph::{Cell, ChannelLayout};
use crosspoint::session::Builtin;
use crosspoint::{Engine, EngineError, EngineSettings};

fn main() -> Result<(), EngineError> {
    let mut engine = Engine::new(EngineSettings::default());
    let (volume, cable) = engine.batch(|engine| {
        let input = engine.add_input("guitar", "guitar", &[Some(0)])?;
        let volume = engine.add_builtin("volume", Builtin::Gain { layout: ChannelLayout::Mono })?;
        let output = engine.add_output("speakers", "speakers", &[Some(0), Some(1)])?;
        engine.connect(input, volume)?;
        Ok((volume, engine.connect(volume, output)?))
    })?;

    // This is all that an audio callback does. The cell may be moved to another thread.
    let cell = engine.cell();
    let input = [1.0; 512];
    let (mut left, mut right) = ([0.0; 512], [0.0; 512]);
    let mut callback = || cell.render(&[&input], &mut [&mut left, &mut right], false);

    callback();
    // Edits from the control side land between blocks and ramp: half the volume, and nothing on the right.
    engine.set_parameter(volume, gain::GAIN, 0.5)?;
    engine.set_cell(cable, 0, 1, Cell::new(0.0))?;
    for _ in 0..4 {
        callback();
        engine.poll();
    }
    println!("left {}, right {}", left[511], right[511]);
    assert_eq!((left[511], right[511]), (0.5, 0.0));
    Ok(())
}
