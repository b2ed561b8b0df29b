//! Where the system wants programs to keep their files, by the variables of the environment. Makes no folder.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Settings, which people make.
    Configuration,
    /// What can be found out again.
    Cache,
    /// What outlives a program, and is of no use on another machine.
    State,
    /// What lasts no longer than a program runs.
    Runtime,
}

/// Our folder for what lasts no longer than the program runs, the user's own; none if the environment does not say. It may
/// not be there yet.
pub fn runtime_folder() -> Option<PathBuf> {
    Some(folder(Purpose::Runtime, |name| env::var_os(name))?.join("crosspoint"))
}

/// The user's folder for files of a purpose, of all programs; none if the environment does not say.
pub(super) fn folder(purpose: Purpose, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let (windows, macos, xdg, home) = match purpose {
        Purpose::Configuration => ("APPDATA", "Library/Application Support", "XDG_CONFIG_HOME", ".config"),
        Purpose::Cache => ("LOCALAPPDATA", "Library/Caches", "XDG_CACHE_HOME", ".cache"),
        Purpose::State => ("LOCALAPPDATA", "Library/Application Support", "XDG_STATE_HOME", ".local/state"),
        Purpose::Runtime => ("LOCALAPPDATA", "Library/Caches", "XDG_RUNTIME_DIR", ".cache"),
    };
    if cfg!(windows) {
        absolute(windows)
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|folder| folder.join(macos))
    } else {
        absolute(xdg).or_else(|| absolute("HOME").map(|folder| folder.join(home)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn files_are_where_the_system_keeps_them() {
        let root = if cfg!(windows) { "C:\\" } else { "/" };
        let folder_by = |variables: &[(&str, &str)]| {
            folder(Purpose::Configuration, |name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, path)| OsString::from(format!("{root}{path}")))
            })
        };
        let all = folder_by(&[("APPDATA", "app"), ("HOME", "home"), ("XDG_CONFIG_HOME", "xdg")]).unwrap();
        let only_home = folder_by(&[("HOME", "home")]);
        let root = Path::new(root);
        if cfg!(windows) {
            assert_eq!((all, only_home), (root.join("app"), None));
        } else if cfg!(target_os = "macos") {
            assert_eq!(all, root.join("home/Library/Application Support"));
        } else {
            assert_eq!((all, only_home), (root.join("xdg"), Some(root.join("home/.config"))));
        }
        assert_eq!(folder_by(&[]), None);
        assert_eq!(folder(Purpose::Cache, |_| Some("relative".into())), None);
    }
}
