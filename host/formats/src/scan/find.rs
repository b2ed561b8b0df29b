//! Plugin files and bundles in folders. Looks at names only and never into a bundle.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::library::Format;

/// The plugin files among paths: folders are searched with all folders in them, a bundle is one file, and anything else
/// is taken for a plugin file, so that a scan says what is wrong with it. Each file once, under the first of its names.
pub fn plugin_files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut search = Search::default();
    for path in paths {
        if path.is_dir() && Format::of(path).is_none() { search.folder(path) } else { search.file(path) }
    }
    search.files
}

#[derive(Default)]
struct Search {
    /// Real names of the files and folders that were come by: links may lead in circles.
    seen: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
}

impl Search {
    fn file(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if self.is_new(&path) {
            self.files.push(path);
        }
    }

    /// What cannot be read is passed over: others' private folders are no fault.
    fn folder(&mut self, folder: &Path) {
        if !self.is_new(folder) {
            return;
        }
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            if Format::of(&entry).is_some() {
                self.file(&entry);
            } else if entry.is_dir() {
                self.folder(&entry);
            }
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        self.seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // top/
    //   A.clap            a file
    //   B.clap/           a bundle, with a file of its own inside
    //   vendor/C.CLAP     further down
    //   readme.txt
    #[test]
    fn folders_are_searched_and_bundles_are_not() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        for folder in ["B.clap", "vendor"] {
            std::fs::create_dir(path(folder)).unwrap();
        }
        for file in ["A.clap", "B.clap/B.clap", "vendor/C.CLAP", "readme.txt"] {
            std::fs::write(path(file), b"").unwrap();
        }
        let found = plugin_files(&[path("vendor/C.CLAP"), top.path().to_owned(), path("readme.txt"), path("absent")]);
        assert_eq!(found, ["vendor/C.CLAP", "A.clap", "B.clap", "readme.txt", "absent"].map(path));
    }

    #[cfg(unix)]
    #[test]
    fn links_in_circles_end() {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("A.clap"), b"").unwrap();
        std::os::unix::fs::symlink(top.path(), top.path().join("again")).unwrap();
        std::os::unix::fs::symlink(top.path().join("A.clap"), top.path().join("Z.clap")).unwrap();
        assert_eq!(plugin_files(&[top.path().to_owned()]), [top.path().join("A.clap")]);
    }
}
