//! Whether a plugin file is the one that was scanned: by size and time, and where these differ by content, since
//! reinstalling and copying change times only. Reads no more than it must.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::session::plugin_file::Stamp;

/// A bundle's folder of samples, pictures and other heavy things, of which only the description matters.
const RESOURCES: &str = "Resources";
/// What describes a bundle in that folder.
const DESCRIPTION: &str = "moduleinfo.json";

/// What the folder says of a file or bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    size: u64,
    modified: u64,
}

impl Outline {
    /// Bytes, all files of a bundle together.
    pub fn size(self) -> u64 {
        self.size
    }

    /// Gives a stamp the time of the same content; whether that is another one.
    pub fn touch(self, stamp: &mut Stamp) -> bool {
        std::mem::replace(&mut stamp.modified, self.modified) != self.modified
    }
}

/// The outline of a file or bundle as it is now.
pub(super) fn outline(path: &Path) -> io::Result<Outline> {
    Ok(outline_of(&parts(path)?))
}

/// The stamp of a file that is about to be scanned. No content has that of one that cannot be read.
pub(super) fn stamp(path: &Path, outline: Outline) -> Stamp {
    let content = parts(path).and_then(|parts| content(&parts)).unwrap_or_default();
    Stamp { size: outline.size, modified: outline.modified, content }
}

/// The stamp of a file that was scanned since. If it changed meanwhile, it is one that no content has, so that the next
/// scan looks again.
pub(super) fn confirmed(path: &Path, before: Stamp) -> Stamp {
    let is_same = outline(path).is_ok_and(|now| now.size == before.size && now.modified == before.modified);
    let content = if is_same { before.content } else { String::new() };
    Stamp { content, ..before }
}

/// Whether a file or bundle of that outline still is what a stamp was taken of.
pub(super) fn is_known(path: &Path, now: Outline, before: &Stamp) -> bool {
    let is_content = || parts(path).and_then(|parts| content(&parts)).is_ok_and(|content| content == before.content);
    now.size == before.size && !before.content.is_empty() && (now.modified == before.modified || is_content())
}

/// The files of a bundle that make it what it is, or the file itself, each with what the folder says of it.
fn parts(path: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(vec![(path.to_owned(), metadata)]);
    }
    let mut parts = Vec::new();
    collect(path, &mut parts)?;
    parts.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(parts)
}

fn collect(folder: &Path, parts: &mut Vec<(PathBuf, Metadata)>) -> io::Result<()> {
    let is_heavy = folder.file_name().is_some_and(|name| name == RESOURCES);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_file() && (!is_heavy || path.file_name().is_some_and(|name| name == DESCRIPTION)) {
            parts.push((path, metadata));
        } else if metadata.is_dir() && !is_heavy {
            collect(&path, parts)?;
        }
    }
    Ok(())
}

fn outline_of(parts: &[(PathBuf, Metadata)]) -> Outline {
    let time = |metadata: &Metadata| {
        let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok()
    };
    let size = parts.iter().map(|(_, metadata)| metadata.len()).sum();
    let modified = parts.iter().filter_map(|(_, metadata)| time(metadata)).max();
    Outline { size, modified: modified.unwrap_or_default() }
}

fn content(parts: &[(PathBuf, Metadata)]) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    for (path, metadata) in parts {
        // Where a file ends and the next one begins.
        hasher.update(&metadata.len().to_le_bytes());
        hasher.update_reader(File::open(path)?)?;
    }
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    fn touch(path: &Path) {
        let later = SystemTime::now() + Duration::from_secs(10);
        File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
    }

    fn stamp_now(path: &Path) -> Stamp {
        stamp(path, outline(path).unwrap())
    }

    fn is_known_now(path: &Path, before: &Stamp) -> bool {
        is_known(path, outline(path).unwrap(), before)
    }

    #[test]
    fn a_new_time_alone_changes_nothing_but_new_content_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.clap");
        fs::write(&file, b"one").unwrap();
        let first = stamp_now(&file);
        assert!(is_known_now(&file, &first));
        touch(&file);
        assert_ne!(outline(&file).unwrap().modified, first.modified);
        assert!(is_known_now(&file, &first));
        for text in ["two", "three"] {
            fs::write(&file, text).unwrap();
            assert!(!is_known_now(&file, &first), "{text}");
        }
    }

    #[test]
    fn what_changes_while_it_is_scanned_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.clap");
        fs::write(&file, b"one").unwrap();
        let before = stamp_now(&file);
        fs::write(&file, b"three").unwrap();
        let confirmed = confirmed(&file, before);
        assert!(!is_known_now(&file, &confirmed));
        fs::write(&file, b"one").unwrap();
        assert!(!is_known_now(&file, &confirmed));
    }

    // a.vst3/Contents/x86_64-linux/a.so           counts
    //                 Resources/moduleinfo.json   counts
    //                 Resources/samples.bin       does not
    #[test]
    fn a_bundle_is_its_libraries_and_its_description() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("a.vst3");
        let part = |name: &str| bundle.join("Contents").join(name);
        for folder in ["x86_64-linux", RESOURCES] {
            fs::create_dir_all(part(folder)).unwrap();
        }
        let files = ["x86_64-linux/a.so", "Resources/moduleinfo.json", "Resources/samples.bin"];
        for file in files {
            fs::write(part(file), b"1").unwrap();
        }
        let before = stamp_now(&bundle);
        assert_eq!(before.size, 2);
        fs::write(part(files[2]), b"2").unwrap();
        assert!(is_known_now(&bundle, &before));
        for file in &files[..2] {
            fs::write(part(file), b"2").unwrap();
            touch(&part(file));
            assert!(!is_known_now(&bundle, &before), "{file}");
            fs::write(part(file), b"1").unwrap();
        }
    }
}
