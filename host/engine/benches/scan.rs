//! What scanning costs: the CLAP files of zam-plugins into a new database, against as many processes that only load the same files and ask
//! them the same; and the scan after that, which finds nothing new, against the first.
//!
//! Prints `bench scan ratio X bound 2 ok|MISSED` and `bench rescan ratio X bound 0.1 ok|MISSED`, and exits with 1 if one
//! was missed.

use std::error::Error;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::ptr;
use std::time::Instant;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_plugin_audio_ports};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::version::CLAP_VERSION;
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
        arguments[1..].iter().for_each(|file| bare::query(file));
        return Ok(ExitCode::SUCCESS);
    }
    let mut files = plugin_files(&standard_folders(Format::Clap));
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Za")));
    if files.is_empty() {
        return Err("zam-plugins are not installed".into());
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
mod bare {
    use super::*;

    pub fn query(file: &Path) {
        let Some(file_name) = file.to_str().and_then(|name| CString::new(name).ok()) else { return };
        // SAFETY: the file is a plugin; every function is called as CLAP says.
        unsafe {
            let library = libloading::Library::new(file).expect("the file loads");
            let entry = *library.get::<*const clap_plugin_entry>(b"clap_entry\0").expect("it has an entry");
            (*entry).init.expect("it starts")(file_name.as_ptr());
            let factory = (*entry).get_factory.expect("it has factories")(CLAP_PLUGIN_FACTORY_ID.as_ptr());
            let factory = factory.cast::<clap_plugin_factory>();
            for index in 0..(*factory).get_plugin_count.expect("it counts")(factory) {
                let descriptor = (*factory).get_plugin_descriptor.expect("it describes")(factory, index);
                let plugin =
                    (*factory).create_plugin.expect("it creates")(factory, &raw const HOST.0, (*descriptor).id);
                std::hint::black_box(look(plugin));
            }
            // Nothing is unloaded: the process ends.
            std::mem::forget(library);
        }
    }

    unsafe fn look(plugin: *const clap_plugin) -> u32 {
        // SAFETY: the plugin was just made; every function is called as CLAP says.
        unsafe {
            let it = &*plugin;
            it.init.expect("it initialises")(plugin);
            let extension = |id: &CStr| it.get_extension.expect("it extends")(plugin, id.as_ptr());
            let mut sum = 0;
            if let Some(ports) = extension(CLAP_EXT_AUDIO_PORTS).cast::<clap_plugin_audio_ports>().as_ref() {
                let mut info = std::mem::zeroed();
                for is_input in [true, false] {
                    for index in 0..ports.count.expect("it counts")(plugin, is_input) {
                        ports.get.expect("it tells")(plugin, index, is_input, &raw mut info);
                    }
                }
                sum += info.channel_count;
            }
            if let Some(parameters) = extension(CLAP_EXT_PARAMS).cast::<clap_plugin_params>().as_ref() {
                sum += parameters.count.expect("it counts")(plugin);
            }
            it.activate.expect("it activates")(plugin, 48_000.0, 1, 512);
            if let Some(latency) = extension(CLAP_EXT_LATENCY).cast::<clap_plugin_latency>().as_ref() {
                sum += latency.get.expect("it tells")(plugin);
            }
            it.deactivate.expect("it deactivates")(plugin);
            it.destroy.expect("it goes")(plugin);
            sum
        }
    }

    struct Host(clap_host);
    // SAFETY: nothing in it ever changes.
    unsafe impl Sync for Host {}

    static HOST: Host = Host(clap_host {
        clap_version: CLAP_VERSION,
        host_data: ptr::null_mut(),
        name: c"bench".as_ptr(),
        vendor: c"".as_ptr(),
        url: c"".as_ptr(),
        version: c"1".as_ptr(),
        get_extension: Some(extension),
        request_restart: Some(nothing),
        request_process: Some(nothing),
        request_callback: Some(nothing),
    });

    /// One of the plugins takes this extension for granted.
    static LATENCY: clap_host_latency = clap_host_latency { changed: Some(nothing) };

    unsafe extern "C" fn extension(_: *const clap_host, id: *const c_char) -> *const c_void {
        // SAFETY: plugins ask by a C string.
        if unsafe { CStr::from_ptr(id) } == CLAP_EXT_LATENCY { (&raw const LATENCY).cast() } else { ptr::null() }
    }
    unsafe extern "C" fn nothing(_: *const clap_host) {}
}
