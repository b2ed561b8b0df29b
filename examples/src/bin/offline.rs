//! A chain of bundled plugins, rendered to a file: a pluck through amp and reverb.

use crosspoint::offline::Job;
use crosspoint::offline::wav::{self, Audio};
use crosspoint::{ChainLink, Engine, EngineError, EngineSettings, PluginReference};

fn main() -> Result<(), EngineError> {
    let settings = EngineSettings::default();
    let mut engine = Engine::new(settings);
    // SAFETY: the rack's entry keeps CLAP's rules.
    unsafe { engine.catalogue().add_linked("rack", &crosspoint_rack::clap_entry) }?;
    let link = |id: &str, parameters: &[(&str, &str)]| ChainLink {
        parameters: parameters.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        ..ChainLink::new(PluginReference::in_file("rack", Some(id)))
    };
    let links = [link("org.crosspoint.amp", &[("Drive", "20 dB")]), link("org.crosspoint.reverb", &[("Mix", "30 %")])];
    let chain = engine.build_chain(&[Some(0)], &links)?;

    let pluck: Vec<f32> = (0..settings.rate)
        .map(|frame| {
            let seconds = frame as f32 / settings.rate as f32;
            0.4 * (-4.0 * seconds).exp() * (std::f32::consts::TAU * 110.0 * seconds).sin()
        })
        .collect();
    let frames = pluck.len() * 2;
    let job = Job {
        inputs: &[pluck],
        outputs: chain.outputs,
        frames,
        block: 256,
        compensate: true,
        events: &[],
        events_into: None,
    };
    let rendered = engine.render(&job, |_| true)?;
    let path = std::env::temp_dir().join("crosspoint-offline.wav");
    wav::write(&path, &Audio { rate: settings.rate, channels: rendered.channels })?;
    println!("{}: {frames} frames, the plugins are {} frames late", path.display(), rendered.latency);
    Ok(())
}
