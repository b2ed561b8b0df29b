use crate::offline::Job;
use crate::{Action, Engine, EngineError, EngineSettings};
use crosspoint_graph::{Cell, NodeId};

/// ```text
/// in (sine of 1 kHz) ──► out (stereo)
/// ```
fn rig() -> (Engine, [NodeId; 2]) {
    let mut engine = Engine::new(EngineSettings::default());
    let input = engine.add_input("in", "in", &[Some(0)]).unwrap();
    let output = engine.add_output("out", "out", &[Some(0), Some(1)]).unwrap();
    engine.connect(input, output).unwrap();
    (engine, [input, output])
}

/// Five seconds at -20 dBFS.
fn play(engine: &mut Engine) {
    let rate = engine.settings().rate;
    let sine = |frame: u32| (0.1 * (std::f64::consts::TAU * 1000.0 * f64::from(frame) / f64::from(rate)).sin()) as f32;
    let inputs: [Vec<f32>; 1] = [(0..5 * rate).map(sine).collect()];
    let (frames, block) = (inputs[0].len(), 480);
    let job = Job { inputs: &inputs, outputs: 2, frames, block, compensate: false, events: &[], events_into: None };
    engine.render(&job, |_| true).unwrap();
}

/// What comes in is 3 dB quieter than what two channels play; also with a renderer of another rate, after an edit, and anew
/// after a reset. The snapshot says what is measured, and who cannot be is told why.
#[test]
fn what_is_played_is_measured() {
    let (mut engine, [input, output]) = rig();
    let handle = engine.handle();
    for node in [input, output] {
        let answer = handle.send(Action::MeasureLoudness { node, on: true });
        engine.poll();
        answer.try_take().unwrap().unwrap();
    }
    assert_eq!(&*engine.look().loudness, [input, output]);
    for rate in [48_000, 44_100] {
        engine.rebuild(EngineSettings { rate, ..*engine.settings() }).unwrap();
        play(&mut engine);
        let levels = handle.levels();
        for (node, expected) in [(input, -23.0), (output, -20.0)] {
            let found = levels.loudness[&node];
            // From one input to two outputs at the gains of a cable.
            let gain = if node == output { gain_of(&engine) } else { 0.0 };
            for value in [found.momentary, found.short_term, found.integrated] {
                assert!((value - expected - gain).abs() < 0.1, "{node} {found:?}");
            }
            assert!(found.frames >= u64::from(rate) * 49 / 10, "{found:?}");
        }
    }
    let edge = engine.graph().edges().next().unwrap().0;
    engine.set_cell(edge, 0, 0, Cell { gain: 0.0, ..Cell::UNITY }).unwrap();
    engine.set_cell(edge, 0, 1, Cell { gain: 0.1, ..Cell::UNITY }).unwrap();
    play(&mut engine);
    assert!((handle.levels().loudness[&output].momentary + 43.0).abs() < 0.1);
    engine.reset_loudness(output).unwrap();
    play(&mut engine);
    let found = handle.levels().loudness[&output];
    assert!((found.integrated + 43.0).abs() < 0.1 && (found.true_peak + 40.0).abs() < 0.1, "{found:?}");
    engine.measure_loudness(input, false).unwrap();
    engine.poll();
    assert!(!handle.levels().loudness.contains_key(&input) && *engine.look().loudness == [output]);
    let wide = engine.add_output("wide", "wide", &[Some(0); 15]).unwrap();
    assert!(matches!(engine.measure_loudness(wide, true), Err(EngineError::TooManyLoudnessChannels { .. })));
}

/// The gain of the cable's cells, in dB.
fn gain_of(engine: &Engine) -> f64 {
    let (_, edge) = engine.graph().edges().next().unwrap();
    let cell = edge.matrix().unwrap().get(0, 0).unwrap();
    crate::measurement::decibels(f64::from(cell.effective()))
}
