//! Where the library is in a `.vst3`: a bundle folder with a folder for each system and processor, or on Windows the library
//! itself. The layouts are those of the VST3 documentation, "VST 3 Locations and Format". Looks at names only; never loads.

use std::path::{Path, PathBuf};

use crate::error::LoadError;

/// The folders below `Contents` that this system's libraries may be in, the best first.
#[cfg(all(unix, not(target_os = "macos")))]
const FOLDERS: &[&str] = &[
    #[cfg(target_arch = "x86_64")]
    "x86_64-linux",
    #[cfg(target_arch = "x86")]
    "i386-linux",
    #[cfg(target_arch = "aarch64")]
    "aarch64-linux",
    #[cfg(target_arch = "arm")]
    "armv7l-linux",
    #[cfg(target_arch = "riscv64")]
    "riscv64-linux",
];
/// As above.
#[cfg(target_os = "macos")]
const FOLDERS: &[&str] = &["MacOS"];
/// As above. `arm64x-win` runs on both processors.
#[cfg(windows)]
const FOLDERS: &[&str] = &[
    #[cfg(target_arch = "x86_64")]
    "x86_64-win",
    #[cfg(target_arch = "x86")]
    "x86-win",
    #[cfg(target_arch = "aarch64")]
    "arm64-win",
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    "arm64x-win",
];

/// What libraries in bundles are called behind their name; a macOS binary has nothing there.
const ENDING: &str = if cfg!(target_os = "macos") {
    ""
} else if cfg!(windows) {
    "vst3"
} else {
    "so"
};

/// The library that a `.vst3` path stands for: the path itself unless it is a folder, else the library of the bundle's
/// name, or the only one there is.
pub(crate) fn library_file(path: &Path) -> Result<PathBuf, LoadError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    for folder in FOLDERS {
        let folder = path.join("Contents").join(folder);
        let mut inside: Vec<PathBuf> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|file| file.is_file() && file.extension().unwrap_or_default() == ENDING)
            .collect();
        inside.sort();
        let same_name = inside.iter().position(|file| file.file_stem() == path.file_stem()).unwrap_or(0);
        if !inside.is_empty() {
            return Ok(inside.swap_remove(same_name));
        }
    }
    Err(LoadError::EmptyBundle { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Name.vst3/Contents/x86_64-linux/Name.so` and its like: the library of the bundle's name comes first.
    #[test]
    fn a_bundle_stands_for_the_library_of_this_system() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("Name.vst3");
        std::fs::create_dir_all(bundle.join("Contents/Resources")).unwrap();
        assert!(matches!(library_file(&bundle), Err(LoadError::EmptyBundle { .. })));
        let inside = bundle.join("Contents").join(FOLDERS[0]);
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::write(inside.join("readme.txt"), b"").unwrap();
        assert!(matches!(library_file(&bundle), Err(LoadError::EmptyBundle { .. })));
        let library = |name: &str| inside.join(name).with_extension(ENDING);
        std::fs::write(library("Another"), b"").unwrap();
        assert_eq!(library_file(&bundle).unwrap(), library("Another"));
        std::fs::write(library("Name"), b"").unwrap();
        assert_eq!(library_file(&bundle).unwrap(), library("Name"));
    }

    /// A plain library, as on Windows, stands for itself.
    #[test]
    fn a_file_stands_for_itself() {
        let file = Path::new("somewhere/Name.vst3");
        assert_eq!(library_file(file).unwrap(), file);
    }
}
