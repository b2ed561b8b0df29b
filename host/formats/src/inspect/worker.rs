//! The process in which a plugin is looked at. It may crash or hang at any time; it ends with the pipe from the one who
//! asks.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::PluginPresets;
use super::sheet::{PluginSheet, sheet};
use crate::error::LoadError;
use crate::library::{self, Library, PluginDescriptor};
use crate::preset::{Preset, PresetProblem};
use crate::scan::{process, worker};

/// The argument that makes a program a worker.
pub(super) const ARGUMENT: &str = "--crosspoint-inspect-worker";

/// Look at a plugin.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub path: PathBuf,
    /// None for the only one in the file.
    pub id: Option<String>,
    pub question: Question,
}

/// What is wanted of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    Sheet,
    Presets,
}

/// What a worker says: `Ready`, then one of the others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is a worker and ready.
    Ready,
    /// There is no such plugin to be had.
    Broken { reason: String },
    /// The plugin with its parameters.
    Sheet { sheet: Box<PluginSheet> },
    /// The presets for it.
    Presets { presets: Box<PluginPresets> },
}

impl process::Answer for Answer {
    fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// Makes this process a worker if an [`Inspector`](super::Inspector) started it as one, and never returns then. `open` opens
/// the libraries that the program knows: files, and packs that are linked into it.
///
/// Call it first thing in `main` of every program that looks at plugins.
///
/// ```
/// crosspoint_formats::inspect::serve_if_worker(crosspoint_formats::open);
/// // The program itself.
/// ```
pub fn serve_if_worker(open: impl Fn(&Path) -> Result<Box<dyn Library>, LoadError>) {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        serve(open);
    }
}

/// Makes this process such a worker, whatever its arguments are, until the inspector has gone.
pub fn serve(open: impl Fn(&Path) -> Result<Box<dyn Library>, LoadError>) -> ! {
    worker::serve_requests("look at plugins", &Answer::Ready, |request, say| {
        answer(request, &open, say).or_else(|reason| say(&Answer::Broken { reason }).ok_or(())).ok()
    })
}

/// Answers a request; fails with what is wrong with the plugin.
fn answer(
    Request { path, id, question }: &Request,
    open: &impl Fn(&Path) -> Result<Box<dyn Library>, LoadError>,
    say: &mut dyn FnMut(&Answer) -> Option<()>,
) -> Result<(), String> {
    let library = open(path).map_err(|error| error.to_string())?;
    let descriptor = library::pick(&*library, id.as_deref())?;
    match question {
        Question::Sheet => {
            let mut plugin = library.instantiate(&descriptor.id).map_err(|error| error.to_string())?;
            let sheet = Box::new(sheet(&mut *plugin, library.path()));
            // While the plugin is there: it may not survive its end.
            say(&Answer::Sheet { sheet });
        }
        Question::Presets => {
            let presets = Box::new(presets(&*library, descriptor));
            say(&Answer::Presets { presets });
        }
    }
    Ok(())
}

fn presets(library: &dyn Library, descriptor: &PluginDescriptor) -> PluginPresets {
    let mut presets = library.presets();
    presets.presets.retain(|preset| preset.suits(descriptor.format, &descriptor.id));
    match library.instantiate(&descriptor.id) {
        Ok(mut plugin) => drop(presets.presets.splice(0..0, plugin.presets())),
        Err(error) => presets.problems.push(PresetProblem { location: None, reason: error.to_string() }),
    }
    // What cannot be written down cannot be asked for either.
    let is_text = |preset: &Preset| preset.place.path().is_none_or(|path| path.to_str().is_some());
    let before = presets.presets.len();
    presets.presets.retain(is_text);
    if presets.presets.len() < before {
        let count = before - presets.presets.len();
        let reason = format!("{count} presets lie where names are not Unicode; rename their files or folders");
        presets.problems.push(PresetProblem { location: None, reason });
    }
    presets.problems.retain(|problem| serde_json::to_string(problem).is_ok());
    PluginPresets { plugin: descriptor.clone(), path: library.path().to_owned(), presets }
}
