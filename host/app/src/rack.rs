//! The bundled plugins, linked into the program so that a first run needs no files.

use crate::failure::Failure;
use crosspoint::plugins::PluginDatabase;
use crosspoint::{Engine, EngineSettings};

/// The name under which the bundled plugins are found, as in `rack#org.crosspoint.amp`.
pub const NAME: &str = "rack";

/// An engine that knows the bundled plugins, and those that a scan has found.
///
/// # Errors
/// If the settings make no sense.
pub fn engine(settings: EngineSettings) -> Result<Engine, Failure> {
    let mut engine = Engine::new(settings.checked()?);
    // SAFETY: the rack's entry is made by the plugin framework, which keeps CLAP's rules.
    unsafe { engine.catalogue().add_linked(NAME, &crosspoint_rack::clap_entry) }.map_err(Failure::new)?;
    match PluginDatabase::open_default() {
        Ok(database) => engine.catalogue().set_database(database),
        // Whoever names a file needs none.
        Err(error) => tracing::debug!("{error}"),
    }
    Ok(engine)
}
