//! What building and testing need from the system, how to see that it is there, and what it is called where.

use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::workspace::program;

/// Families of Linux distributions that name packages alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Debian, Ubuntu and what is made from them.
    Debian,
    /// Fedora and its relatives.
    Fedora,
    /// Arch and what is made from it.
    Arch,
}

impl Family {
    /// Reads it from the text of `/etc/os-release`.
    pub fn of(os_release: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let names = format!("{} {}", value("ID"), value("ID_LIKE"));
        names.split_whitespace().find_map(|name| match name {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            _ => None,
        })
    }

    /// What refreshes the list of packages, if this family does not do so by itself.
    pub fn refresh(self) -> Option<Call> {
        match self {
            Self::Debian => Some(Call::new("apt-get").arguments(["update", "-qq"])),
            // A machine that was never updated has no lists; on any other, a refresh alone would mix versions.
            Self::Arch => {
                folder_is_empty(Path::new("/var/lib/pacman/sync")).then(|| Call::new("pacman").argument("-Sy"))
            }
            Self::Fedora => None,
        }
    }

    /// What installs packages, without a question.
    pub fn install<'a>(self, packages: impl IntoIterator<Item = &'a str>) -> Call {
        let call = match self {
            Self::Debian => Call::new("env").arguments([
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
            ]),
            Self::Fedora => Call::new("dnf").arguments(["install", "-y"]),
            Self::Arch => Call::new("pacman").arguments(["-S", "--needed", "--noconfirm"]),
        };
        call.arguments(packages)
    }
}

/// One thing that is needed.
pub struct Part {
    /// What it is, for people.
    pub what: &'static str,
    /// How to see that it is there.
    pub probe: Probe,
    /// Its package on Debian, Fedora and Arch; none where it is not packaged or comes with another one.
    pub packages: [Option<&'static str>; 3],
}

impl Part {
    /// The package in a family.
    pub fn package(&self, family: Family) -> Option<&'static str> {
        self.packages[family as usize]
    }
}

/// Ways to see that something is there, without asking the package database.
#[derive(Clone, Copy)]
pub enum Probe {
    /// A program in `PATH`.
    Program(&'static str),
    /// A library that pkg-config knows.
    Library(&'static str),
    /// A file below one of the folders that hold shared libraries.
    Shared(&'static str),
    /// A CLAP file in one of the folders where hosts look.
    Clap(&'static str),
    /// A file that stands in the same place everywhere.
    File(&'static str),
}

impl Probe {
    /// Looks.
    pub fn is_there(self) -> bool {
        match self {
            Self::Program(name) => program(name).is_some(),
            Self::Library(name) => Call::new("pkg-config").arguments(["--exists", name]).succeeds(),
            Self::Shared(file) => library_folders().iter().any(|folder| folder.join(file).exists()),
            Self::Clap(file) => clap_folders().iter().any(|folder| folder.join(file).exists()),
            Self::File(path) => Path::new(path).exists(),
        }
    }
}

/// Needed to build.
pub const TO_BUILD: &[Part] = &[
    Part {
        what: "a C compiler, to link",
        probe: Probe::Program("cc"),
        packages: [Some("build-essential"), Some("gcc"), Some("gcc")],
    },
    Part {
        what: "pkg-config",
        probe: Probe::Program("pkg-config"),
        packages: [Some("pkg-config"), Some("pkgconf-pkg-config"), Some("pkgconf")],
    },
    Part {
        what: "ALSA's headers",
        probe: Probe::Library("alsa"),
        packages: [Some("libasound2-dev"), Some("alsa-lib-devel"), Some("alsa-lib")],
    },
    Part {
        // The library itself is loaded at run time, if it is there; the bindings want to know of it when they are built.
        what: "JACK's headers",
        probe: Probe::Library("jack"),
        packages: [Some("libjack-jackd2-dev"), Some("pipewire-jack-audio-connection-kit-devel"), Some("jack2")],
    },
];

/// Needed by tests, in an order in which an earlier one may bring a later one.
pub const TO_TEST: &[Part] = &[
    Part {
        what: "a JACK server",
        probe: Probe::Program("jackd"),
        packages: [Some("jackd2"), Some("jack-audio-connection-kit"), Some("jack2")],
    },
    Part {
        what: "JACK's own tools",
        probe: Probe::Program("jack_iodelay"),
        packages: [
            Some("jack-example-tools"),
            Some("jack-audio-connection-kit-example-clients"),
            Some("jack-example-tools"),
        ],
    },
    Part {
        what: "ALSA's jack plugin",
        probe: Probe::Shared("alsa-lib/libasound_module_pcm_jack.so"),
        packages: [Some("libasound2-plugins"), Some("alsa-plugins-jack"), Some("alsa-plugins")],
    },
    Part {
        what: "the convolver that zam-plugins need",
        probe: Probe::Shared("libzita-convolver.so.4"),
        packages: [Some("libzita-convolver4"), Some("zita-convolver"), Some("zita-convolver")],
    },
    Part {
        what: "zam-plugins, real CLAP plugins",
        probe: Probe::Clap("ZamGate.clap"),
        packages: [Some("zam-plugins"), None, Some("zam-plugins-clap")],
    },
    Part {
        what: "recordings of a guitar",
        probe: Probe::File("/usr/share/sonic-pi/samples/guit_em9.flac"),
        packages: [Some("sonic-pi-samples"), None, None],
    },
    Part {
        what: "flac, to unpack them",
        probe: Probe::Program("flac"),
        packages: [Some("flac"), Some("flac"), Some("flac")],
    },
    Part {
        what: "an X server in memory, for windows",
        probe: Probe::Program("Xvfb"),
        packages: [Some("xvfb"), Some("xorg-x11-server-Xvfb"), Some("xorg-server-xvfb")],
    },
    Part {
        what: "Chromium, to look at the page for tablets",
        probe: Probe::Program("chromium"),
        packages: [Some("chromium"), Some("chromium"), Some("chromium")],
    },
    Part {
        what: "its driver",
        probe: Probe::Program("chromedriver"),
        packages: [Some("chromium-driver"), Some("chromedriver"), None],
    },
    Part {
        what: "valgrind",
        probe: Probe::Program("valgrind"),
        packages: [Some("valgrind"), Some("valgrind"), Some("valgrind")],
    },
];

/// Needed to build for Windows and to run what was built, on Debian and its relatives.
pub const FOR_WINDOWS: &[Part] = &[
    Part {
        what: "MinGW's linker",
        probe: Probe::Program("x86_64-w64-mingw32-gcc-posix"),
        packages: [Some("gcc-mingw-w64-x86-64-posix"), None, None],
    },
    Part { what: "Wine", probe: Probe::File("/usr/lib/wine/wine64"), packages: [Some("wine64"), None, None] },
];

/// Where CLAP files are: what `CLAP_PATH` names, the user's folder and the system's.
fn clap_folders() -> Vec<PathBuf> {
    let named = std::env::var_os("CLAP_PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".clap"));
    let system = ["/usr/lib/clap", "/usr/local/lib/clap", "/usr/lib64/clap"].map(PathBuf::from);
    std::env::split_paths(&named).chain(home).chain(system).collect()
}

fn library_folders() -> Vec<PathBuf> {
    let triplet = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    [triplet.as_str(), "/usr/lib64", "/usr/lib", "/usr/local/lib"].map(PathBuf::from).to_vec()
}

fn folder_is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_families_and_their_relatives() {
        assert_eq!(Family::of("ID=debian\n"), Some(Family::Debian));
        assert_eq!(Family::of("NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some(Family::Debian));
        assert_eq!(Family::of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), Some(Family::Fedora));
        assert_eq!(Family::of("ID=endeavouros\nID_LIKE=arch\n"), Some(Family::Arch));
        assert_eq!(Family::of("ID=nixos\nVERSION_ID=\"24.05\"\n"), None);
    }

    /// Debian's packages ask questions unless told not to.
    #[test]
    fn installing_asks_nothing() {
        let call = Family::Debian.install(["jackd2"]).to_string();
        assert!(call.contains("DEBIAN_FRONTEND=noninteractive") && call.contains(" -y ") && call.ends_with(" jackd2"));
        assert_eq!(Family::Fedora.install(["gcc"]).to_string(), "dnf install -y gcc");
        assert_eq!(Family::Arch.install(["gcc"]).to_string(), "pacman -S --needed --noconfirm gcc");
    }

    #[test]
    fn looks_for_programs_in_the_path() {
        assert!(Probe::Program("cargo").is_there());
        assert!(!Probe::Program("no-program-is-called-this").is_there());
    }
}
