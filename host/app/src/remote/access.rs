//! Who may command the rig, and which files they may name. Decides only; opens no socket and no file.
//!
//! A page of the web in the same machine's browser can reach a loopback address as well as any program. Hence the token,
//! new with every run, and the looks at Host (against names that were bent to this address) and Origin (against pages of
//! others).

use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is needed to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one: 128 bits of the system's randomness.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// One that a person chose.
    pub fn chosen(text: &str) -> Result<Self, String> {
        let is_fit = text.len() >= 16 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if is_fit {
            Ok(Self(text.to_owned()))
        } else {
            Err("a token has 16 or more letters, digits, - or _".to_owned())
        }
    }

    /// The token for who is to be let in.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a text is the token. Takes as long for one wrong letter as for all.
    pub fn is(&self, text: &str) -> bool {
        let different = self.0.bytes().zip(text.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        different == 0 && self.0.len() == text.len()
    }
}

/// How many were refused, by why. Counted from any thread.
#[derive(Debug, Default)]
pub struct Refusals {
    /// No or another token, Host or Origin.
    pub unauthorised: AtomicU64,
    /// What is no request.
    pub malformed: AtomicU64,
    /// Longer than any request may be.
    pub huge: AtomicU64,
    /// More than a client may send at once.
    pub flooding: AtomicU64,
}

impl Refusals {
    /// Counts one.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// All of them.
    pub fn document(&self) -> Value {
        let Self { unauthorised, malformed, huge, flooding } = self;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "unauthorised": count(unauthorised), "malformed": count(malformed),
            "huge": count(huge), "flooding": count(flooding),
        })
    }
}

/// Whether a request's Host is this server's address. Through a proxy it is the proxy's name, which has to be allowed.
pub fn is_own_host(host: Option<&str>, address: SocketAddr, allowed: &[String]) -> bool {
    let Some(host) = host else { return false };
    if allowed.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return true;
    }
    // Who listens everywhere is reached by each of the machine's addresses; a page that bends a name has no number.
    let is_ours = |own: IpAddr| own == address.ip() || address.ip().is_unspecified();
    match host.parse::<SocketAddr>() {
        Ok(own) => own.port() == address.port() && (is_ours(own.ip()) || own.ip().is_loopback()),
        Err(_) => {
            let is_default_port = address.port() == 80;
            host.parse().is_ok_and(|own| is_default_port && is_ours(own))
                || host.eq_ignore_ascii_case(&format!("localhost:{}", address.port()))
        }
    }
}

/// Whether a request's Origin is a page of this server. Programs that are no browsers send none.
pub fn is_own_origin(origin: Option<&str>, host: Option<&str>) -> bool {
    let Some(origin) = origin else { return true };
    let page = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    page.is_some_and(|page| host.is_some_and(|host| page.eq_ignore_ascii_case(host)))
}

/// The folders that clients may name files in.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The rig's own first: what a relative name begins at.
    allowed: Vec<PathBuf>,
}

impl Folders {
    /// These folders, as far as they exist.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { allowed: folders.into_iter().filter_map(|folder| folder.canonicalize().ok()).collect() }
    }

    /// The file that a client means, if it lies in one of the folders or will. Links that lead out of them do not count.
    ///
    /// # Errors
    /// If it does not.
    pub fn find(&self, file: &Path) -> Result<PathBuf, String> {
        let refusal = || {
            let folders: Vec<String> = self.allowed.iter().map(|folder| folder.display().to_string()).collect();
            format!("{}: remote control may use files in {} only", file.display(), folders.join(", "))
        };
        let first = self.allowed.first().ok_or_else(refusal)?;
        let is_plain = file.components().all(|part| !matches!(part, Component::ParentDir));
        let path = first.join(file);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(refusal()) };
        let real = folder.canonicalize().map_err(|_| refusal())?.join(name);
        // The file itself may be a link, or not be there yet.
        let real = match real.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => real.canonicalize().map_err(|_| refusal())?,
            _ => real,
        };
        let is_inside = |folder: &PathBuf| real.parent().is_some_and(|parent| parent.starts_with(folder));
        if is_plain && self.allowed.iter().any(is_inside) { Ok(real) } else { Err(refusal()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_no_part_of_it() {
        let token = Token::random().unwrap();
        assert!(token.is(token.reveal()));
        assert!(token != Token::random().unwrap());
        for wrong in ["", &token.reveal()[1..], &format!("{}0", token.reveal()), "0000000000000000000000000000000g"] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(Token::chosen("short").is_err() && Token::chosen("longer but blank").is_err());
        assert!(Token::chosen("0123456789abcdef").unwrap().is("0123456789abcdef"));
    }

    /// A page that bends its own name to this address is told by the Host that it sends, another site's by its Origin.
    #[test]
    fn pages_of_others_are_told_by_host_and_origin() {
        let address = "127.0.0.1:4820".parse().unwrap();
        let is_own = |host| is_own_host(Some(host), address, &["rig.example".to_owned()]);
        for host in ["127.0.0.1:4820", "localhost:4820", "LOCALHOST:4820", "[::1]:4820", "rig.example"] {
            assert!(is_own(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:81", "localhost", "192.168.0.9:4820", ""] {
            assert!(!is_own(host), "{host}");
        }
        assert!(!is_own_host(None, address, &[]));
        let everywhere = "0.0.0.0:4820".parse().unwrap();
        for host in ["192.168.0.9:4820", "127.0.0.1:4820", "[fe80::1]:4820"] {
            assert!(is_own_host(Some(host), everywhere, &[]), "{host}");
        }
        for host in ["evil.example:4820", "192.168.0.9:4821", "192.168.0.9"] {
            assert!(!is_own_host(Some(host), everywhere, &[]), "{host}");
        }
        let host = Some("127.0.0.1:4820");
        assert!(is_own_origin(None, host) && is_own_origin(Some("http://127.0.0.1:4820"), host));
        for origin in ["null", "http://evil.example", "http://127.0.0.1:4821", "file://127.0.0.1:4820"] {
            assert!(!is_own_origin(Some(origin), host), "{origin}");
        }
    }

    /// ```text
    /// rigs/a.toml     yes          rigs/link -> elsewhere/     no
    /// rigs/new.toml   yes          ../, elsewhere/             no
    /// ```
    #[test]
    fn files_are_in_the_folders_and_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let (rigs, elsewhere) = (place.path().join("rigs"), place.path().join("elsewhere"));
        std::fs::create_dir_all(rigs.join("band")).unwrap();
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::fs::write(rigs.join("a.toml"), "").unwrap();
        std::fs::write(elsewhere.join("secret.toml"), "").unwrap();
        let folders = Folders::new([rigs.clone(), place.path().join("absent")]);
        let real = rigs.canonicalize().unwrap();
        for name in ["a.toml", "new.toml", "band/b.toml"] {
            assert_eq!(folders.find(Path::new(name)), Ok(real.join(name)), "{name}");
        }
        assert_eq!(folders.find(&rigs.join("a.toml")), Ok(real.join("a.toml")));
        let outside = elsewhere.join("secret.toml");
        for name in ["../elsewhere/secret.toml", "band/../../x.toml", "absent/c.toml", "", "/"] {
            assert!(folders.find(Path::new(name)).is_err(), "{name}");
        }
        assert!(folders.find(&outside).unwrap_err().contains("rigs"));
        assert!(Folders::default().find(Path::new("a.toml")).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&elsewhere, rigs.join("folder")).unwrap();
            std::os::unix::fs::symlink(&outside, rigs.join("file.toml")).unwrap();
            for name in ["folder/secret.toml", "file.toml"] {
                assert!(folders.find(Path::new(name)).is_err(), "{name}");
            }
        }
    }
}
