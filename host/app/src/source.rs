//! Where a rig comes from: a rig file, or a chain of plugins from the command line.

use crate::cli::Source;
use crate::failure::Failure;
use clap::ArgMatches;
use crosspoint::graph::{NodeId, NodeKind};
use crosspoint::session::{self, Document, Mapping};
use crosspoint::{ChainLink, Engine, Place, PluginReference};
use std::path::Path;

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

/// The plugins of an ad-hoc chain, each with the parameters that stand behind it.
///
/// # Errors
/// If a parameter stands before the first plugin, or has no `=`.
pub fn links(matches: &ArgMatches) -> Result<Vec<ChainLink>, String> {
    let at = |name: &str| -> Vec<(usize, String)> {
        if !matches.try_contains_id(name).unwrap_or(false) {
            return Vec::new();
        }
        let indices = matches.indices_of(name).into_iter().flatten();
        let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
        indices.zip(values).collect()
    };
    let mut links: Vec<(usize, ChainLink)> = at("plugin")
        .into_iter()
        .map(|(index, text)| {
            let Ok(plugin) = text.parse::<PluginReference>();
            (index, ChainLink { plugin, parameters: Vec::new() })
        })
        .collect();
    for (index, text) in at("param") {
        let Some((parameter, value)) = text.split_once('=') else {
            return Err(format!("--param {text}: write it as ID=VALUE or NAME=VALUE"));
        };
        let link = links.iter_mut().rev().find(|(plugin, _)| *plugin < index);
        let Some((_, link)) = link else {
            return Err(format!("--param {text}: it belongs behind the --plugin that it is meant for"));
        };
        link.parameters.push((parameter.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(links.into_iter().map(|(_, link)| link).collect())
}

/// Builds the rig of a file in the engine. Every problem is told with the line it is about.
///
/// # Errors
/// If the file cannot be read at all.
pub fn load_rig(
    engine: &mut Engine,
    path: &Path,
    mapping: impl FnOnce(&Document) -> Result<Mapping, Failure>,
) -> Result<Vec<String>, Failure> {
    let loaded = session::load(path).map_err(Failure::new)?;
    let file = path.display();
    let mut problems: Vec<String> = loaded.problems.iter().map(|problem| format!("{file}:{problem}")).collect();
    for problem in engine.load_document(&loaded.document, &mapping(&loaded.document)?)? {
        let line = match problem.place {
            Place::Node(place) => loaded.node_lines.get(place),
            Place::Edge(place) => loaded.edge_lines.get(place),
        };
        let line = line.map_or_else(String::new, |line| format!("{line}: "));
        problems.push(format!("{file}:{line}{}", problem.message));
    }
    Ok(problems)
}

/// Builds the rig or the chain in the engine. `inputs` are the device's channels that there are.
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
    let Some(rig) = &source.rig else {
        let channels: Vec<Option<u32>> = (0..inputs as u32).map(Some).collect();
        let chain = engine.build_chain(&channels, links)?;
        return Ok(Loaded { events: Some(chain.events), outputs: chain.outputs, problems: Vec::new() });
    };
    let problems = load_rig(engine, rig, mapping)?;
    let nodes = || engine.graph().nodes();
    let events =
        nodes().find(|(_, node)| matches!(node.kind, NodeKind::Input { .. }) && !node.event_outputs.is_empty());
    let outputs = nodes().filter_map(|(_, node)| match &node.kind {
        NodeKind::Output { device_channels, .. } => device_channels.iter().flatten().max().map(|last| last + 1),
        _ => None,
    });
    Ok(Loaded { events: events.map(|(id, _)| id), outputs: outputs.max().unwrap_or(0) as usize, problems })
}
