//! `crosspoint plugins scan`: brings the database up to date.

use super::listing::Listing;
use crate::cli::PluginsScan;
use crate::failure::Failure;
use crate::output::Output;
use crosspoint::plugins::{PluginDatabase, ScanProgress, ScanRequest};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the command.
pub fn run(arguments: &PluginsScan, verbose: bool) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let mut scanner = super::scanner(verbose)?;
    scanner.time_limit = Duration::from_secs_f64(arguments.timeout);
    scanner.jobs = arguments.jobs.map_or(scanner.jobs, usize::from);
    let request = ScanRequest { paths: arguments.paths.clone(), again: arguments.again, scanner };
    let mut database = PluginDatabase::open_default().map_err(Failure::new)?;
    let mut display = Display::new();
    let summary = database.scan(&request, |progress| {
        display.show(progress);
        ControlFlow::Continue(())
    });
    display.bar.finish_and_clear();
    let summary = summary.map_err(Failure::new)?;

    let files = summary.reports.len();
    let mut listing = Listing::default();
    for report in summary.reports {
        listing.add(&report.path, report.plugins);
        listing.add_faults(&report.path, report.faults);
    }
    if arguments.json {
        output.json(&listing)?;
    } else {
        let (plugins, changed) = (listing.plugins.len(), summary.looked_into);
        output.text(&format!("{plugins} plugins in {files} files, {changed} of which were new or had changed\n"))?;
        listing.warn();
    }
    Ok(ExitCode::SUCCESS)
}

/// A bar with the file that has been under way for the longest time: if one hangs, it is that one.
struct Display {
    bar: ProgressBar,
    under_way: Vec<PathBuf>,
}

impl Display {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, under_way: Vec::new() }
    }

    fn show(&mut self, progress: ScanProgress) {
        match progress {
            ScanProgress::Counted { files } => self.bar.set_length(files as u64),
            ScanProgress::Started { path } => self.under_way.push(path),
            ScanProgress::Finished { path } => {
                self.under_way.retain(|other| *other != path);
                self.bar.inc(1);
            }
            _ => {}
        }
        let longest = self.under_way.first().and_then(|path| path.file_name());
        self.bar.set_message(longest.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
    }
}
