//! What scenes cost a rig of 20 plugins until it is loaded and all of them are prepared, each with a text for every plugin: a
//! scene against the rig with one, and one of 128 against one of 32, as it would be more if each had to look at all others.
//! In turns in one run; each ratio is the median over the rounds. Prints a line for each bound and exits with 1 if one is
//! missed.

use crosspoint::session::{Document, MachineFile};
use crosspoint::{EngineSettings, Readiness};
use crosspoint_tests::{engine, rig_with_scenes};
use std::process::ExitCode;
use std::time::Instant;

const PLUGINS: usize = 20;
const TEXTS: [&str; 8] = ["0 dB", "-1 dB", "-2 dB", "-3 dB", "-4 dB", "-5 dB", "-6 dB", "-7 dB"];
const ROUNDS: usize = 25;

fn main() -> ExitCode {
    let rig = |scenes| rig_with_scenes("org.crosspoint.amp", "Level", &TEXTS, PLUGINS, scenes);
    // As many as there are texts, so that no more is to be asked for those after them.
    let few = TEXTS.len();
    let [first, some, many] = [rig(few), rig(32), rig(128)];
    let (mut against_rig, mut against_some) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [first, some, many] = [&first, &some, &many].map(nanoseconds);
        let of_many = (many - first) / (128 - few) as f64;
        against_rig.push(of_many / first);
        against_some.push(of_many / ((some - first) / (32 - few) as f64));
    }
    let ok =
        [report("scene-of-rig-load", median(against_rig), 0.1), report("scene-128-of-32", median(against_some), 1.5)];
    if ok.iter().all(|ok| *ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nanoseconds until a rig is loaded and all of its scenes are prepared.
fn nanoseconds(document: &Document) -> f64 {
    let mut engine = engine(EngineSettings::default());
    let mapping = MachineFile::default().map(document);
    let begun = Instant::now();
    let problems = engine.load_document(document, &mapping).unwrap();
    let shown = engine.look().scenes;
    let taken = begun.elapsed().as_nanos() as f64;
    assert!(problems.is_empty(), "{problems:?}");
    assert!(shown.scenes.iter().all(|scene| scene.readiness == Readiness::Prepared && scene.missing.is_empty()));
    taken
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
