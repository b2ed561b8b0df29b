//! `crosspoint plugins list`: what the database knows, or what is in files.

use super::listing::Listing;
use crate::cli::PluginsList;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::rack;
use crosspoint::EngineSettings;
use crosspoint::formats::scan::{ScanEvent, look_into, plugin_files};
use crosspoint::plugins::{PluginDatabase, PluginQuery};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs the command.
pub fn run(arguments: &PluginsList, verbose: bool) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let mut listing = match &arguments.files[..] {
        [] => known()?,
        files => found(files, verbose)?,
    };
    let query = PluginQuery {
        name: arguments.name.clone(),
        vendor: arguments.vendor.clone(),
        category: arguments.category.clone(),
        format: arguments.format,
    };
    listing.plugins.retain(|entry| query.is_met_by(&entry.facts.descriptor));
    if arguments.json {
        output.json(&listing)?;
    } else {
        output.text(&listing.text())?;
    }
    // What a scan has told already is no news.
    if arguments.files.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    listing.warn();
    Ok(if listing.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(failure::WITH_PROBLEMS) })
}

/// What the database knows.
fn known() -> Result<Listing, Failure> {
    let database = PluginDatabase::open_default().map_err(Failure::new)?;
    let mut listing = Listing::default();
    for plugin in database.plugins() {
        listing.add(plugin.path, [plugin.facts.clone()]);
    }
    for (path, fault) in database.faults() {
        listing.add_faults(path, [fault.clone()]);
    }
    if listing.plugins.is_empty() && listing.failed.is_empty() {
        eprintln!("no plugins are known yet; `crosspoint plugins scan` looks for them");
    }
    Ok(listing)
}

/// What is in files, and in the bundled pack, which is a part of this program.
fn found(files: &[PathBuf], verbose: bool) -> Result<Listing, Failure> {
    let mut listing = Listing::default();
    let (bundled, files): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| file == Path::new(rack::NAME));
    if !bundled.is_empty() {
        let mut engine = rack::engine(EngineSettings::default())?;
        for library in engine.catalogue().libraries() {
            let (plugins, faults) = look_into(&**library);
            listing.add(library.path(), plugins);
            listing.add_faults(library.path(), faults);
        }
    }
    let files = plugin_files(&files);
    let mut reports = Vec::new();
    let scanned = super::scanner(verbose)?.scan(&files, |event| {
        if let ScanEvent::Finished(report) = event {
            reports.push(report);
        }
        ControlFlow::Continue(())
    });
    scanned.map_err(Failure::new)?;
    reports.sort_by_key(|report| files.iter().position(|file| *file == report.path));
    for report in reports {
        listing.add(&report.path, report.plugins);
        listing.add_faults(&report.path, report.faults);
    }
    Ok(listing)
}
