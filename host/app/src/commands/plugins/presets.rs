//! `crosspoint plugins presets`: the presets for one plugin, as it tells of them in a process of its own; and saving one.

use crate::cli::PluginsPresets;
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::{rack, source};
use crosspoint::formats::inspect::PluginPresets;
use crosspoint::formats::{Preset, PresetFlags, PresetLocation};
use crosspoint::{EngineSettings, PluginSetup};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// What is printed once a preset is saved.
#[derive(Serialize)]
struct Saved<'a> {
    saved: &'a Path,
}

/// Runs the command.
pub fn run(arguments: &PluginsPresets, verbose: bool) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    if let Some(file) = &arguments.save {
        save(arguments, file)?;
        if arguments.json {
            output.json(&Saved { saved: file })?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (path, id) = rack::plugins()?.catalogue().locate(&arguments.plugin)?;
    let inspector = super::inspector(verbose, arguments.timeout)?;
    let mut found = inspector.presets(&path, id.as_deref()).map_err(Failure::new)?;
    if let Some(text) = &arguments.search {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        found.presets.presets.retain(|preset| is_met(preset, &words));
    }
    if arguments.json {
        output.json(&found)?;
    } else {
        output.text(&text(&found))?;
    }
    let told = |problem: &crosspoint::formats::PresetProblem| match &problem.location {
        Some(PresetLocation::File(path)) => format!("{}: {}", path.display(), problem.reason),
        _ => problem.reason.clone(),
    };
    let problems: Vec<String> = found.presets.problems.iter().map(told).collect();
    print_problems(&problems);
    Ok(code_for(&problems))
}

/// Saves what the plugin is like at its start, or after a preset.
fn save(arguments: &PluginsPresets, file: &Path) -> Result<(), Failure> {
    let mut plugins = rack::plugins()?;
    let wanted = arguments.preset.as_deref();
    let preset =
        wanted.map(|preset| source::preset_place(preset, &arguments.plugin, plugins.catalogue())).transpose()?;
    let mut engine = crosspoint::Engine::with_plugins(EngineSettings::default(), plugins);
    let node = engine.add_plugin("plugin", &arguments.plugin, PluginSetup { preset, ..PluginSetup::default() })?;
    Ok(engine.save_preset(node, file.to_owned()).wait()?)
}

/// Whether each word is somewhere in what a preset says of itself.
fn is_met(preset: &Preset, words: &[String]) -> bool {
    let texts = [&preset.name, &preset.description].into_iter().chain(&preset.features).chain(&preset.creators);
    let texts: Vec<String> = texts.map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

/// A few lines for each preset.
fn text(found: &PluginPresets) -> String {
    let mut text = String::new();
    for preset in &found.presets.presets {
        let from = match &preset.place.location {
            PresetLocation::Plugin => "in the plugin",
            PresetLocation::File(_) => "in a file",
        };
        let words: Vec<&str> = std::iter::once(from).chain(words(preset.flags)).collect();
        let _ = writeln!(text, "{} ({})\n    {}", preset.name, words.join(", "), preset.place);
        let pack = preset.pack.as_ref().and_then(|id| found.presets.packs.iter().find(|pack| pack.id == *id));
        let by = (!preset.creators.is_empty()).then(|| format!("by {}", preset.creators.join(", ")));
        let of = pack.map(|pack| format!("of {}", pack.name));
        let features = (!preset.features.is_empty()).then(|| preset.features.join(", "));
        let about: Vec<String> = [features, by, of].into_iter().flatten().collect();
        for line in [about.join("; "), preset.description.clone()].iter().filter(|line| !line.is_empty()) {
            let _ = writeln!(text, "    {line}");
        }
    }
    if found.presets.presets.is_empty() {
        text.push_str("no presets\n");
    }
    text
}

fn words(flags: PresetFlags) -> impl Iterator<Item = &'static str> {
    let all = [(flags.factory, "factory"), (flags.user, "user"), (flags.demo, "demo"), (flags.favourite, "favourite")];
    all.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word)
}
