//! Files written whole or not at all: a temporary file beside the target, flushed to the disk, then renamed over it.
//! Whatever step fails, the target is the old file or the new one. A temporary file that a crash leaves behind is
//! hidden, ends in `.tmp` and is never read.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The steps of a save, each of which may fail. Tests make them.
pub(super) trait Disk {
    /// Makes a folder, unless it is there.
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    /// Makes an empty temporary file that goes with its handle.
    fn create(&self, folder: &Path) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(".tmp");
        #[cfg(unix)]
        {
            // As any new file of the user, not only for the user's eyes.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(folder)
    }

    /// Writes all bytes.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Returns when the file's content is on the disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives the file its name, in place of what had it.
    fn rename(&self, file: NamedTempFile, to: &Path) -> io::Result<()> {
        file.persist(to).map(drop).map_err(|error| error.error)
    }

    /// Returns when the names in the folder are on the disk, where the system can tell.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        match File::open(folder)?.sync_all() {
            // Some network file systems cannot do it for a folder.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
            result => result,
        }
    }

    /// Removes a file.
    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }
}

/// The system's.
pub(super) struct SystemDisk;

impl Disk for SystemDisk {}

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(&SystemDisk, path, bytes)
}

/// Writes a file whole or not at all. A link is followed; a file that is write-protected is not replaced.
pub(super) fn write_whole(disk: &impl Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path)?,
        _ => path.to_owned(),
    };
    let old = match fs::metadata(&path) {
        Ok(metadata) if metadata.permissions().readonly() => return Err(ErrorKind::PermissionDenied.into()),
        Ok(metadata) => Some(metadata.permissions()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut file = disk.create(&folder_of(&path))?;
    disk.write(file.as_file_mut(), bytes)?;
    if let Some(permissions) = old {
        file.as_file().set_permissions(permissions)?;
    }
    disk.sync(file.as_file())?;
    disk.rename(file, &path)
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
