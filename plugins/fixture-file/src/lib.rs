//! A plugin file for tests of scanning: a few fixtures in a real library, which is one of CLAP and one of VST3, copied under a
//! name that says what is wrong with it. Never wrong in any way but the one that its name says.
//!
//! [`copy`] makes such a file, or a bundle if the name ends with `.vst3`. The name up to the first `-` says how it behaves, the rest is free:
//!
//! | name | what happens |
//! | --- | --- |
//! | `abort` | its entry aborts the process |
//! | `hang` | its entry never returns |
//! | `exit` | its entry ends the process with exit code 3 |
//! | `fragile` | the process aborts when the second of its plugins is made |
//! | `stuck` | the second of its plugins is never made |
//! | `refuse` | the second of its plugins cannot be made |
//! | `poison` | is well itself, and lets others that come into its process after it abort there |
//! | `window` | is well, and has the plugins of [`WINDOWS`] in it in place of those of [`PLUGINS`] |
//! | `pack` (nothing behind it) | is well, and holds all fixtures |
//! | any other | is well |
//!
//! Every one prints a line on standard output when it is loaded.

mod entry;
mod factory;
#[cfg(unix)]
mod vst3;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The ids of the plugins in the file, in its order.
pub const PLUGINS: [&str; 3] =
    [crosspoint_fixtures::ids::DELAY, crosspoint_fixtures::ids::GAIN, crosspoint_fixtures::ids::TONE];

/// The ids of the plugins in the file as a VST3 library, in its order. Windows has none: a library cannot tell its name there.
pub fn vst3_plugins() -> [String; 3] {
    use crosspoint_fixtures::vst3::ids;
    [ids::latency(), ids::gain(), ids::echo()]
}

/// The ids of the plugins with windows in the file as a VST3 library.
pub fn vst3_windows() -> [String; 2] {
    use crosspoint_fixtures::vst3::ids;
    [ids::window_eager(), ids::window_hangs()]
}

/// The ids of the plugins with windows.
pub const WINDOWS: [&str; 2] = [crosspoint_fixtures::ids::WINDOW_EAGER, crosspoint_fixtures::ids::WINDOW_HANGS];

/// The library of this crate, as cargo builds it for the tests of a crate that depends on this one.
///
/// # Errors
/// If it is not beside the program that runs.
pub fn library() -> io::Result<PathBuf> {
    let name = format!("{}crosspoint_fixture_file{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let program = env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2).flat_map(|folder| [folder.to_owned(), folder.join("deps")]);
    let mut files = folders.map(|folder| folder.join(&name));
    files.find(|file| file.is_file()).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, name))
}

/// Makes a plugin file of that name, `.clap` or `.vst3` included, in a folder. One of VST3 is a bundle.
///
/// # Errors
/// If the library is not there or cannot be copied.
pub fn copy(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    let file = if name.ends_with(".vst3") { library_in(&path)? } else { path.clone() };
    fs::copy(library()?, file)?;
    Ok(path)
}

/// Where the library of a bundle is, whose folders are made.
///
/// # Errors
/// If they cannot be made.
pub fn library_in(bundle: &Path) -> io::Result<PathBuf> {
    let (folder, ending) = match env::consts::OS {
        "macos" => ("MacOS".to_owned(), ""),
        "windows" => (format!("{}-win", env::consts::ARCH), "vst3"),
        _ => (format!("{}-linux", env::consts::ARCH), "so"),
    };
    let folder = bundle.join("Contents").join(folder);
    fs::create_dir_all(&folder)?;
    Ok(folder.join(bundle.file_stem().unwrap_or_default()).with_extension(ending))
}
