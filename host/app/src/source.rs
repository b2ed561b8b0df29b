//! Where a rig comes from: a rig file, or a chain of plugins from the command line.

use crate::cli::Source;
use crate::failure::{Failure, print_problems};
use crate::rack;
use clap::ArgMatches;
use crosspoint::formats::PresetPlace;
use crosspoint::graph::{NodeId, NodeKind};
use crosspoint::plugins::{PresetNameError, choose_preset};
use crosspoint::session::{self, Document, MachineFile, Mapping};
use crosspoint::{
    Catalogue, Chain, ChainLink, Engine, EngineError, Pending, Place, PluginReference, Plugins, RigProblem,
};
use std::path::{Path, PathBuf};

/// A rig in the engine.
#[derive(Debug)]
pub struct Loaded {
    /// Where events come in, if anywhere.
    pub events: Option<NodeId>,
    /// Channels that come out.
    pub outputs: usize,
    /// What was wrong with the file or could not be had.
    pub problems: Vec<String>,
}

/// A plugin of an ad-hoc chain, as the command line names it.
#[derive(Debug)]
pub struct Link {
    plugin: ChainLink,
    /// The preset that it is to load, as people name it.
    preset: Option<String>,
}

/// The plugins of an ad-hoc chain, each with the preset and the parameters that stand behind it.
///
/// # Errors
/// If a preset or a parameter stands before the first plugin, a plugin has two presets, or a parameter no `=`.
pub fn links(matches: &ArgMatches) -> Result<Vec<Link>, String> {
    let at = |name: &str| -> Vec<(usize, String)> {
        if !matches.try_contains_id(name).unwrap_or(false) {
            return Vec::new();
        }
        let indices = matches.indices_of(name).into_iter().flatten();
        let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
        indices.zip(values).collect()
    };
    let mut links: Vec<(usize, Link)> = at("plugin")
        .into_iter()
        .map(|(index, text)| {
            let Ok(plugin) = text.parse::<PluginReference>();
            (index, Link { plugin: ChainLink::new(plugin), preset: None })
        })
        .collect();
    let misplaced =
        |option: &str, text: &str| format!("--{option} {text}: it belongs behind the --plugin that it is meant for");
    for (index, text) in at("preset") {
        let link = links.iter_mut().rev().find(|(plugin, _)| *plugin < index);
        let (_, link) = link.ok_or_else(|| misplaced("preset", &text))?;
        if let Some(first) = &link.preset {
            return Err(format!("--preset {text}: {} loads {first} already; name one preset", link.plugin.plugin));
        }
        link.preset = Some(text);
    }
    for (index, text) in at("param") {
        let Some((parameter, value)) = text.split_once('=') else {
            return Err(format!("--param {text}: write it as ID=VALUE or NAME=VALUE"));
        };
        let link = links.iter_mut().rev().find(|(plugin, _)| *plugin < index);
        let (_, link) = link.ok_or_else(|| misplaced("param", &text))?;
        link.plugin.parameters.push((parameter.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(links.into_iter().map(|(_, link)| link).collect())
}

/// The chain with its presets found.
///
/// # Errors
/// If a name means no preset, or several.
pub fn chain_links(links: &[Link], catalogue: &Catalogue) -> Result<Vec<ChainLink>, Failure> {
    let found = |Link { plugin, preset }: &Link| {
        let preset = preset.as_ref().map(|preset| preset_place(preset, &plugin.plugin, catalogue)).transpose()?;
        Ok(ChainLink { preset, ..plugin.clone() })
    };
    links.iter().map(found).collect()
}

/// Where the preset lies that people mean by its name, its place or its file.
///
/// # Errors
/// If there is no such plugin or preset, or more than one of that name.
pub fn preset_place(text: &str, plugin: &PluginReference, catalogue: &Catalogue) -> Result<PresetPlace, Failure> {
    let file = Path::new(text);
    let file = file.is_file().then(|| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    // Such a file holds one preset, and which plugin it is for.
    let is_whole = |file: &PathBuf| file.extension().is_some_and(|end| end.eq_ignore_ascii_case("vstpreset"));
    if let Some(file) = file.as_ref().filter(|file| is_whole(file)) {
        return Ok(PresetPlace::file(file));
    }
    let (path, id) = catalogue.locate(plugin)?;
    let found = rack::inspector()?.presets(&path, id.as_deref()).map_err(Failure::new)?;
    match (choose_preset(&found.presets.presets, text), file) {
        (Ok(preset), _) => Ok(preset.place.clone()),
        // A file that lies elsewhere.
        (Err(PresetNameError::Unknown { .. }), Some(file)) => Ok(PresetPlace::file(file)),
        (Err(error), _) => Err(Failure::new(format_args!("{plugin}: {error}"))),
    }
}

/// A rig or a chain that the engine builds once its plugins are there.
pub struct Building {
    file: Option<(PathBuf, session::Loaded)>,
    answer: Answer,
}

enum Answer {
    Chain(Pending<Chain>),
    Rig(Pending<Vec<RigProblem>>),
}

/// Asks for the rig of a file. The device's channels are those that `mapping` says.
///
/// # Errors
/// If the file cannot be read at all.
pub fn begin_rig<P: Plugins>(
    engine: &mut Engine<P>,
    path: &Path,
    mapping: impl FnOnce(&Document) -> Result<Mapping, Failure>,
) -> Result<Building, Failure> {
    let loaded = session::load(path).map_err(Failure::new)?;
    begin_loaded(engine, Some(path), loaded, mapping)
}

/// Asks for a rig that was read already. `file` is its own.
///
/// # Errors
/// What `mapping` says, and if the system does not say where `file` is.
pub fn begin_loaded<P: Plugins>(
    engine: &mut Engine<P>,
    file: Option<&Path>,
    loaded: session::Loaded,
    mapping: impl FnOnce(&Document) -> Result<Mapping, Failure>,
) -> Result<Building, Failure> {
    let roles = mapping(&loaded.document)?;
    let own = file.map(std::path::absolute).transpose().map_err(Failure::new)?;
    let answer = Answer::Rig(engine.request_rig(loaded.document.clone(), roles, own));
    let name = file.map_or_else(|| "the recovered rig".into(), Path::to_owned);
    Ok(Building { file: Some((name, loaded)), answer })
}

/// Asks for the rig or the chain. `inputs` are the device's channels that there are.
///
/// # Errors
/// If the rig file cannot be read.
pub fn begin<P: Plugins>(
    engine: &mut Engine<P>,
    source: &Source,
    links: &[ChainLink],
    inputs: usize,
    mapping: impl FnOnce(&Document) -> Result<Mapping, Failure>,
) -> Result<Building, Failure> {
    if let Some(rig) = &source.rig {
        return begin_rig(engine, rig, mapping);
    }
    let channels: Vec<Option<u32>> = (0..inputs as u32).map(Some).collect();
    Ok(Building { file: None, answer: Answer::Chain(engine.request_chain(&channels, links)) })
}

/// As [`begin`], where plugins live on this thread: the rig is there on return.
///
/// # Errors
/// If the rig file cannot be read, or a plugin of a chain does not load.
pub fn build(
    engine: &mut Engine,
    source: &Source,
    links: &[ChainLink],
    inputs: usize,
    mapping: impl FnOnce(&Document) -> Result<Mapping, Failure>,
) -> Result<Loaded, Failure> {
    begin(engine, source, links, inputs, mapping)?.finish(engine)
}

impl Building {
    /// The rig, once it is there.
    ///
    /// # Errors
    /// If a plugin of a chain does not load.
    pub fn try_finish<P: Plugins>(&self, engine: &Engine<P>) -> Option<Result<Loaded, Failure>> {
        Some(match &self.answer {
            Answer::Chain(pending) => pending.try_take()?.map(chain).map_err(Failure::from),
            Answer::Rig(pending) => {
                pending.try_take()?.map(|problems| self.rig(engine, &problems)).map_err(Failure::from)
            }
        })
    }

    /// The rig of an engine whose plugins live on this thread.
    ///
    /// # Errors
    /// If a plugin of a chain does not load.
    pub fn finish(self, engine: &Engine) -> Result<Loaded, Failure> {
        self.try_finish(engine).unwrap_or(Err(EngineError::Gone.into()))
    }

    /// Every problem of a rig file is told with the line it is about.
    fn rig<P: Plugins>(&self, engine: &Engine<P>, problems: &[RigProblem]) -> Loaded {
        let mut told = Vec::new();
        if let Some((path, loaded)) = &self.file {
            let file = path.display();
            told.extend(loaded.problems.iter().map(|problem| format!("{file}:{problem}")));
            told.extend(problems.iter().map(|problem| {
                let line = match problem.place {
                    Place::Node(place) => loaded.node_lines.get(place),
                    Place::Edge(place) => loaded.edge_lines.get(place),
                };
                let line = line.map_or_else(String::new, |line| format!("{line}: "));
                format!("{file}:{line}{}", problem.message)
            }));
        }
        let nodes = || engine.graph().nodes();
        let events =
            nodes().find(|(_, node)| matches!(node.kind, NodeKind::Input { .. }) && !node.event_outputs.is_empty());
        let outputs = nodes().filter_map(|(_, node)| match &node.kind {
            NodeKind::Output { device_channels, .. } => device_channels.iter().flatten().max().map(|last| last + 1),
            _ => None,
        });
        Loaded { events: events.map(|(id, _)| id), outputs: outputs.max().unwrap_or(0) as usize, problems: told }
    }
}

fn chain(chain: Chain) -> Loaded {
    Loaded { events: Some(chain.events), outputs: chain.outputs, problems: Vec::new() }
}

/// This machine's file, or an empty one if there is none. What is wrong with it is told.
pub fn machine_file() -> Result<MachineFile, Failure> {
    let Some(path) = MachineFile::default_path() else { return Ok(MachineFile::default()) };
    let loaded = MachineFile::load(&path).map_err(Failure::new)?;
    let problems = loaded.problems.iter().map(|problem| format!("{}:{problem}", path.display()));
    print_problems(&problems.collect::<Vec<_>>());
    Ok(loaded.machine)
}

/// Which channels the roles of a rig stand for on this machine: what the machine file says, the rest in order.
pub fn machine_roles(document: &Document) -> Result<Mapping, Failure> {
    let mapping = machine_file()?.map(document);
    mapping.notices.iter().for_each(|notice| eprintln!("{notice}"));
    Ok(mapping)
}
