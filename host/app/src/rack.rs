//! The bundled plugins, linked into the program so that a first run needs no files.

use crate::failure::Failure;
use crosspoint::formats::clap::ClapLibrary;
use crosspoint::formats::inspect::Inspector;
use crosspoint::formats::{Library, LoadError};
use crosspoint::plugins::PluginDatabase;
use crosspoint::{Engine, EngineSettings, PluginHost};
use std::path::Path;

/// The name under which the bundled plugins are found, as in `rack#org.crosspoint.amp`.
pub const NAME: &str = "rack";

/// An engine that has the bundled plugins, and those that a scan has found, on its own thread.
///
/// # Errors
/// If the settings make no sense.
pub fn engine(settings: EngineSettings) -> Result<Engine, Failure> {
    Ok(Engine::with_plugins(settings.checked()?, plugins()?))
}

/// The bundled plugins, and those that a scan has found.
///
/// # Errors
/// If they do not start.
pub fn plugins() -> Result<PluginHost, Failure> {
    let mut plugins = PluginHost::new();
    // SAFETY: the rack's entry is made by the plugin framework, which keeps CLAP's rules.
    unsafe { plugins.catalogue().add_linked(NAME, &crosspoint_rack::clap_entry) }.map_err(Failure::new)?;
    match PluginDatabase::open_default() {
        Ok(database) => plugins.catalogue().set_database(database),
        // Whoever names a file needs none.
        Err(error) => tracing::debug!("{error}"),
    }
    Ok(plugins)
}

/// Looks at plugins, the bundled ones too, in other processes, which are this program.
///
/// # Errors
/// If the system does not say which program this is.
pub fn inspector() -> Result<Inspector, Failure> {
    Ok(Inspector::new(std::env::current_exe().map_err(Failure::new)?))
}

/// Opens a plugin file, or the bundled plugins by their name.
///
/// # Errors
/// If the file does not load.
pub fn open(path: &Path) -> Result<Box<dyn Library>, LoadError> {
    if path != Path::new(NAME) {
        return crosspoint::formats::open(path);
    }
    // SAFETY: the rack's entry is made by the plugin framework, which keeps CLAP's rules.
    Ok(Box::new(unsafe { ClapLibrary::from_entry(NAME, &crosspoint_rack::clap_entry) }?))
}
