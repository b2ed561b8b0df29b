//! What scanning costs: the files of zam-plugins, CLAP and VST3, into a new database, against as many processes that only
//! load the same files and ask them the same; and the scan after that, which finds nothing new, against the first.
//!
//! Prints `bench scan ratio X bound 2 ok|MISSED` and `bench rescan ratio X bound 0.1 ok|MISSED`, and exits with 1 if one
//! was missed.

mod bare_clap;
mod bare_vst3;

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crosspoint::formats::Format;
use crosspoint::formats::scan::{plugin_files, serve_if_worker, standard_folders};
use crosspoint::plugins::{PluginDatabase, ScanRequest};

/// A scan may take this many times the bare processes.
const SCAN_BOUND: f64 = 2.0;
/// A scan that finds nothing new may take this part of the first.
const RESCAN_BOUND: f64 = 0.1;
/// Measurements of each kind, taken in turns; their medians count.
const ROUNDS: usize = 21;
/// What makes this program a bare process.
const BARE: &str = "--bare";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    serve_if_worker();
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if arguments.first().is_some_and(|argument| argument == Path::new(BARE)) {
        arguments[1..].iter().for_each(|file| query(file));
        return Ok(ExitCode::SUCCESS);
    }
    let mut files = Vec::new();
    for &format in Format::ALL {
        let before = files.len();
        let is_zam = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Za"));
        files.extend(plugin_files(&standard_folders(format)).into_iter().filter(is_zam));
        if files.len() == before {
            return Err(format!("zam-plugins are not installed as {format}").into());
        }
    }
    let request = ScanRequest { paths: files.clone(), ..ScanRequest::installed()? };
    let (mut bares, mut firsts, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("plugins.json");
        bares.push(time(|| processes(&files, request.scanner.jobs))?);
        firsts.push(time(|| scan(&path, &request, files.len()))?);
        seconds.push(time(|| scan(&path, &request, 0))?);
    }
    let (bare, first, second) = (median(bares), median(firsts), median(seconds));
    println!("{} files: bare {bare:.1} ms, scanned {first:.1} ms, known {second:.2} ms", files.len());
    let is_met = [verdict("scan", first / bare, SCAN_BOUND), verdict("rescan", second / first, RESCAN_BOUND)];
    Ok(if is_met == [true; 2] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(name: &str, ratio: f64, bound: f64) -> bool {
    let is_met = ratio <= bound;
    println!("bench {name} ratio {ratio:.3} bound {bound:.2} {}", if is_met { "ok" } else { "MISSED" });
    is_met
}

/// Milliseconds.
fn time(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A whole scan, as a program makes it: the database is opened, and must look into so many files.
fn scan(path: &Path, request: &ScanRequest, expected: usize) -> Result<(), Box<dyn Error>> {
    let summary = PluginDatabase::open(path)?.scan(request, |_| ControlFlow::Continue(()))?;
    let is_whole = summary.looked_into == expected && summary.reports.iter().all(|report| report.faults.is_empty());
    if is_whole { Ok(()) } else { Err(format!("the scan went wrong: {summary:?}").into()) }
}

/// This program so many times at once, each with its share of the files.
fn processes(files: &[PathBuf], count: usize) -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?;
    // As quiet as workers are.
    let bare = |program: &Path| {
        let mut command = Command::new(program);
        command.arg(BARE).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let share = |first: usize| files.iter().skip(first).step_by(count);
    let started: Result<Vec<_>, _> = (0..count).map(|first| bare(&program).args(share(first)).spawn()).collect();
    for mut process in started? {
        if !process.wait()?.success() {
            return Err("a bare process failed".into());
        }
    }
    Ok(())
}

/// What a scan asks of a file, by nothing but the format's own functions.
fn query(file: &Path) {
    match Format::of(file) {
        Some(Format::Vst3) => bare_vst3::query(file),
        _ => bare_clap::query(file),
    }
}
