//! Where plugins are installed: the folders of `CLAP_PATH` and `VST3_PATH`, the user's and the system's.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::library::Format;

/// Where plugins of a format are installed, whether or not the folders are there: those of the environment first, the
/// user's, then the system's.
pub fn standard_folders(format: Format) -> Vec<PathBuf> {
    folders(format, |name| std::env::var_os(name))
}

fn folders(format: Format, variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let lower = format.to_string();
    let upper = lower.to_ascii_uppercase();
    let from =
        |name: &str, rest: String| variable(name).filter(|base| !base.is_empty()).map(|b| PathBuf::from(b).join(rest));
    let listed = variable(&format!("{upper}_PATH"));
    let mut folders: Vec<PathBuf> = listed.iter().flat_map(std::env::split_paths).collect();
    if cfg!(windows) {
        folders.extend(from("LOCALAPPDATA", format!("Programs\\Common\\{upper}")));
        folders.extend(from("COMMONPROGRAMFILES", upper));
    } else if cfg!(target_os = "macos") {
        folders.extend(from("HOME", format!("Library/Audio/Plug-Ins/{upper}")));
        folders.push(format!("/Library/Audio/Plug-Ins/{upper}").into());
        folders.push(format!("/Network/Library/Audio/Plug-Ins/{upper}").into());
    } else {
        folders.extend(from("HOME", format!(".{lower}")));
        let system = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"];
        folders.extend(system.map(|base| PathBuf::from(base).join(&lower)));
    }
    // An empty entry of a path list is no folder, least of all the current one.
    folders.retain(|folder| !folder.as_os_str().is_empty());
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_first_then_the_user_then_the_system() {
        let paths = std::env::join_paths(["one", "", "two"]).unwrap();
        let variable = |name: &str| match name {
            "CLAP_PATH" => Some(paths.clone()),
            "HOME" | "LOCALAPPDATA" => Some("base".into()),
            _ => None,
        };
        let found = folders(Format::Clap, variable);
        let third = if cfg!(windows) {
            "Programs/Common/CLAP"
        } else if cfg!(target_os = "macos") {
            "Library/Audio/Plug-Ins/CLAP"
        } else {
            ".clap"
        };
        assert_eq!(found[..3], [PathBuf::from("one"), "two".into(), PathBuf::from("base").join(third)]);
        assert_eq!(cfg!(windows), found.len() == 3);
    }
}
