//! How people name a plugin, wherever one is asked for. Text to meaning and back, and picking one of many; never opens a
//! file.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crosspoint_formats::{Format, PluginDescriptor};

/// A plugin as people name it: `FILE`, or `FILE#ID` where a file holds several; `clap:ID`; or a name that only one
/// plugin has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginReference {
    /// In a file, a bundle or a pack that is linked into the program.
    File {
        /// The file, folder, or the name of a linked pack.
        file: PathBuf,
        /// The plugin's id; none for the only one in the file.
        id: Option<String>,
    },
    /// By its id, wherever it is.
    Id {
        /// The format that the id belongs to.
        format: Format,
        /// The id.
        id: String,
    },
    /// By its name in any case of letters, or by the name of a linked pack that holds one plugin.
    Name(String),
}

/// Why a reference means no plugin, or which of several it may mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Nothing known is called so.
    #[error(
        "no plugin \"{reference}\" is known; name its file, or let `crosspoint plugins scan` look for what is installed"
    )]
    Unknown {
        /// What was asked for.
        reference: String,
    },
    /// Several are called so.
    #[error("\"{reference}\" may be any of {}; name one of these", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// References that mean one each.
        candidates: Vec<String>,
    },
}

impl PluginReference {
    /// A plugin in a file or a linked pack, by its id; without one, the only plugin there.
    pub fn in_file(file: impl Into<PathBuf>, id: Option<&str>) -> Self {
        Self::File { file: file.into(), id: id.map(str::to_owned) }
    }

    /// Whether a plugin is what this means, if it is in that file.
    pub fn is_met_by(&self, path: &Path, plugin: &PluginDescriptor) -> bool {
        match self {
            Self::File { file, id } => path == file && id.as_ref().is_none_or(|id| *id == plugin.id),
            // VST3's are hexadecimal digits, which people write either way.
            Self::Id { format: Format::Vst3, id } => {
                plugin.format == Format::Vst3 && plugin.id.eq_ignore_ascii_case(id)
            }
            Self::Id { format, id } => plugin.format == *format && plugin.id == *id,
            Self::Name(name) => plugin.name.to_lowercase() == name.to_lowercase(),
        }
    }

    /// The one of several plugins that this means, each with its file and what stands for it. One that is there twice
    /// counts once.
    ///
    /// # Errors
    /// If it means none, or more than one.
    pub(crate) fn pick<'p, P>(
        &self,
        plugins: impl Iterator<Item = (&'p Path, &'p PluginDescriptor, P)>,
    ) -> Result<P, ReferenceError> {
        let mut met: Vec<(&Path, &PluginDescriptor, P)> = Vec::new();
        let mut seen = HashSet::new();
        for plugin in plugins.filter(|(path, plugin, _)| self.is_met_by(path, plugin)) {
            // A file may be known under two names, by a link.
            let file = plugin.0.canonicalize().unwrap_or_else(|_| plugin.0.to_owned());
            if seen.insert((file, plugin.1.id.as_str())) {
                met.push(plugin);
            }
        }
        let reference = self.to_string();
        if met.len() > 1 {
            return Err(ReferenceError::Ambiguous { reference, candidates: told_apart(&met) });
        }
        met.pop().map(|(_, _, plugin)| plugin).ok_or(ReferenceError::Unknown { reference })
    }
}

/// The shortest references that mean one plugin each.
fn told_apart<P>(plugins: &[(&Path, &PluginDescriptor, P)]) -> Vec<String> {
    let by_id = |plugin: &PluginDescriptor| format!("{}:{}", plugin.format, plugin.id);
    let shortest = |path: &Path, plugin: &PluginDescriptor| {
        let id = by_id(plugin);
        let is_unique = plugins.iter().filter(|(_, other, _)| by_id(other) == id).count() == 1;
        if is_unique { id } else { PluginReference::in_file(path, Some(&plugin.id)).to_string() }
    };
    plugins.iter().map(|(path, plugin, _)| shortest(path, plugin)).collect()
}

impl FromStr for PluginReference {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        for format in Format::ALL {
            if let Some(id) = text.strip_prefix(&format!("{format}:")) {
                return Ok(Self::Id { format: *format, id: id.to_owned() });
            }
        }
        // A file name may have a `#` of its own: the file that exists wins. So may a plugin's name, but what stands
        // before an id is a file's name, or a pack's, which is one word.
        let whole = || Self::File { file: text.into(), id: None };
        if is_there(text) {
            return Ok(whole());
        }
        let has_folder = text.contains(std::path::is_separator);
        Ok(match text.rsplit_once('#') {
            Some((file, id)) if is_there(file) || is_plugin_file(file) => Self::in_file(file, Some(id)),
            _ if is_plugin_file(text) => whole(),
            Some((file, id)) if has_folder || !text.contains(char::is_whitespace) => Self::in_file(file, Some(id)),
            None if has_folder => whole(),
            _ => Self::Name(text.to_owned()),
        })
    }
}

/// Whether there is a plugin file of that name: any other folder may by chance have a plugin's name.
fn is_there(text: &str) -> bool {
    let path = Path::new(text);
    path.exists() && (is_plugin_file(text) || path.is_file())
}

/// Whether a file of that name would be a plugin.
fn is_plugin_file(text: &str) -> bool {
    Format::of(Path::new(text)).is_some()
}

impl fmt::Display for PluginReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, id: None } => write!(f, "{}", file.display()),
            Self::File { file, id: Some(id) } => write!(f, "{}#{id}", file.display()),
            Self::Id { format, id } => write!(f, "{format}:{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PluginReference {
        text.parse().unwrap_or_else(|never: Infallible| match never {})
    }

    #[test]
    fn references_are_files_ids_or_names() {
        let file = PluginReference::in_file;
        for (text, meaning) in [
            ("a/b.clap", file("a/b.clap", None)),
            ("b.CLAP", file("b.CLAP", None)),
            ("a#b.clap", file("a#b.clap", None)),
            ("a#b.clap#org.x", file("a#b.clap", Some("org.x"))),
            ("a/b.clap#org.x.clap", file("a/b.clap", Some("org.x.clap"))),
            ("My Synth.clap#org.x", file("My Synth.clap", Some("org.x"))),
            ("rack#org.x", file("rack", Some("org.x"))),
            ("clap:org.x#1", PluginReference::Id { format: Format::Clap, id: "org.x#1".to_owned() }),
            ("rack", PluginReference::Name("rack".to_owned())),
            ("Synth #1", PluginReference::Name("Synth #1".to_owned())),
        ] {
            assert_eq!(parse(text), meaning, "{text}");
            assert_eq!(meaning.to_string(), text);
        }
    }

    fn plugin(id: &str, name: &str) -> PluginDescriptor {
        PluginDescriptor {
            format: Format::Clap,
            id: id.to_owned(),
            name: name.to_owned(),
            vendor: String::new(),
            version: String::new(),
            description: String::new(),
            url: String::new(),
            features: Vec::new(),
        }
    }

    // Two files share an id; two plugins share a name in different cases.
    #[test]
    fn what_may_mean_several_names_them() {
        let plugins = [
            ("/1/a.clap", plugin("org.a", "Comp")),
            ("/2/a.clap", plugin("org.a", "Comp")),
            ("/1/b.clap", plugin("org.b", "COMP")),
            ("/1/c.clap", plugin("org.c", "Verb")),
            ("/1/c.clap", plugin("org.c", "Verb")),
        ];
        let pick = |text: &str| {
            let all = plugins.iter().map(|(path, plugin)| (Path::new(*path), plugin, *path));
            parse(text).pick(all).map(Path::new)
        };
        assert_eq!(pick("verb").unwrap(), Path::new("/1/c.clap"));
        assert_eq!(pick("clap:org.b").unwrap(), Path::new("/1/b.clap"));
        assert_eq!(pick("/2/a.clap#org.a").unwrap(), Path::new("/2/a.clap"));
        assert!(matches!(pick("vanished"), Err(ReferenceError::Unknown { .. })));
        let Err(ReferenceError::Ambiguous { candidates, .. }) = pick("comp") else { panic!() };
        assert_eq!(candidates, ["/1/a.clap#org.a", "/2/a.clap#org.a", "clap:org.b"]);
    }

    // The digits of a VST3 id have no case; CLAP's ids do.
    #[test]
    fn hexadecimal_ids_have_no_case() {
        let vst3 = PluginDescriptor { format: Format::Vst3, ..plugin("0ABC", "Comp") };
        let meets = |text: &str, plugin: &PluginDescriptor| parse(text).is_met_by(Path::new("/1/a"), plugin);
        assert!(meets("vst3:0abc", &vst3) && meets("vst3:0ABC", &vst3));
        assert!(!meets("vst3:0abd", &vst3) && !meets("clap:0ABC", &vst3));
        assert!(!meets("clap:ORG.A", &plugin("org.a", "Comp")));
    }
}
