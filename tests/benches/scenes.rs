//! What 128 scenes cost a rig of 20 plugins: until it is loaded and all scenes are prepared, against the same rig with one,
//! and until one of them plays. In turns in one run; each ratio is the median over the rounds. Prints a line for each bound
//! and exits with 1 if one is missed.

use crosspoint::session::{Document, MachineFile};
use crosspoint::{Engine, EngineSettings, Readiness};
use crosspoint_tests::{engine, rig_with_scenes};
use std::process::ExitCode;
use std::time::Instant;

const PLUGINS: usize = 20;
const SCENES: usize = 128;
const TEXTS: [&str; 8] = ["0 dB", "-1 dB", "-2 dB", "-3 dB", "-4 dB", "-5 dB", "-6 dB", "-7 dB"];
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let rig = |scenes| rig_with_scenes("org.crosspoint.amp", "Level", &TEXTS, PLUGINS, scenes);
    let (one, many) = (rig(2), rig(SCENES));
    let (mut loaded, mut switched) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (load_one, switch_one) = nanoseconds(&one);
        let (load_many, switch_many) = nanoseconds(&many);
        loaded.push(load_many / load_one);
        switched.push(switch_many / switch_one);
    }
    let ok = [report("scenes-128-load", median(loaded), 1.5), report("scenes-128-switch", median(switched), 4.0)];
    if ok.iter().all(|ok| *ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nanoseconds until a rig is loaded with all its scenes prepared, and until one scene plays after another.
fn nanoseconds(document: &Document) -> (f64, f64) {
    let mut engine = engine(EngineSettings::default());
    let mapping = MachineFile::default().map(document);
    let begun = Instant::now();
    assert!(engine.load_document(document, &mapping).unwrap().is_empty());
    let shown = engine.look().scenes;
    let loaded = begun.elapsed().as_nanos() as f64;
    assert!(shown.scenes.iter().all(|scene| scene.readiness == Readiness::Prepared && scene.missing.is_empty()));
    switch(&mut engine, "scene 0");
    let begun = Instant::now();
    switch(&mut engine, "scene 1");
    (loaded, begun.elapsed().as_nanos() as f64)
}

/// Plays a scene, and lets the renderer hear of it.
fn switch(engine: &mut Engine, scene: &str) {
    assert!(engine.play_scene(scene).unwrap());
    let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
    assert!(engine.cell().render(&[&[0.0; 64], &[0.0; 64]], &mut [&mut left, &mut right], true));
    engine.poll();
    engine.look();
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn report(name: &str, ratio: f64, bound: f64) -> bool {
    let is_met = ratio <= bound;
    println!("bench {name} ratio {ratio:.3} bound {bound:.2} {}", if is_met { "ok" } else { "MISSED" });
    is_met
}
