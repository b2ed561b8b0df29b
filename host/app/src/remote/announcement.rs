//! Where a running rig says how it can be reached, so that `crosspoint ctl` finds it: a file that only its user can read,
//! which goes when the rig does.

use super::access::Token;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reachable {
    /// Where it listens.
    pub address: SocketAddr,
    /// What lets a client in.
    pub token: String,
}

/// A file that is there as long as this.
pub struct Announcement {
    file: PathBuf,
}

impl Announcement {
    /// Says how a rig can be reached.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn make(folder: &Path, address: SocketAddr, token: &Token) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("remote-{}.json", address.port()));
        // One that a crash has left behind may belong to somebody else.
        let _ = fs::remove_file(&file);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let reachable = Reachable { address, token: token.reveal().to_owned() };
        options.open(&file)?.write_all(serde_json::to_string(&reachable)?.as_bytes())?;
        Ok(Self { file })
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// All that is said in a folder, dead ones among them.
pub fn announced(folder: &Path) -> Vec<Reachable> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<Reachable> =
        files.filter_map(|file| serde_json::from_slice(&fs::read(file).ok()?).ok()).collect();
    found.sort_by_key(|reachable| reachable.address);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is there, for its user alone, until the rig ends.
    #[test]
    fn a_rig_is_found_while_it_runs() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("crosspoint");
        let (address, token) = ("127.0.0.1:4820".parse().unwrap(), Token::random().unwrap());
        assert!(announced(&folder).is_empty());
        let _stale = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("remote-4820.json"), "{"));
        assert!(announced(&folder).is_empty());
        let announcement = Announcement::make(&folder, address, &token).unwrap();
        assert_eq!(announced(&folder), [Reachable { address, token: token.reveal().to_owned() }]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.join("remote-4820.json")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(announcement);
        assert!(announced(&folder).is_empty());
    }
}
