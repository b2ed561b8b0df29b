//! Preset files where VST3 keeps them: `VENDOR/PLUGIN` below the folders of "VST 3 Preset Locations". Lists by reading the
//! first bytes of each file; never loads one.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::preset_file::{HEADER, class_of};
use super::text::id_text;
use crate::library::{Format, PluginDescriptor};
use crate::preset::{Preset, PresetFlags, PresetLocation, PresetPlace, PresetPlugin, PresetProblem, Presets};

/// Folders within folders that are looked into.
const DEPTH: usize = 8;

/// A folder of presets, and whether a person's are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    pub(crate) is_users: bool,
}

/// The folders that presets of all plugins are in, the user's first.
pub(crate) fn roots() -> Vec<Root> {
    let mut roots = Vec::new();
    let mut below = |variable: &str, rest: &str, is_users: bool| {
        if let Some(base) = std::env::var_os(variable) {
            roots.push(Root { path: PathBuf::from(base).join(rest), is_users });
        }
    };
    if cfg!(windows) {
        below("USERPROFILE", "Documents/VST3 Presets", true);
        below("APPDATA", "VST3 Presets", false);
        below("PROGRAMDATA", "VST3 Presets", false);
    } else if cfg!(target_os = "macos") {
        below("HOME", "Library/Audio/Presets", true);
        roots.push(Root { path: "/Library/Audio/Presets".into(), is_users: false });
    } else {
        below("HOME", ".vst3/presets", true);
        for path in ["/usr/local/share/vst3/presets", "/usr/share/vst3/presets"] {
            roots.push(Root { path: path.into(), is_users: false });
        }
    }
    roots
}

/// The presets of these plugins below these folders. A folder that is not there holds none.
pub(crate) fn find(roots: &[Root], plugins: &[PluginDescriptor]) -> Presets {
    let mut presets = Presets::default();
    for plugin in plugins {
        for root in roots {
            let folder = root.path.join(folder_name(&plugin.vendor)).join(folder_name(&plugin.name));
            let mut files = Vec::new();
            list(&folder, DEPTH, &mut files);
            files.sort();
            for file in files {
                read(&file, root.is_users, plugin, &mut presets);
            }
        }
    }
    presets
}

/// A name as a folder, without what some system does not allow.
fn folder_name(name: &str) -> String {
    name.chars().map(|letter| if r#"\*?/:<>|""#.contains(letter) { '_' } else { letter }).collect()
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() && depth > 0 {
            list(&path, depth - 1, files);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("vstpreset")) {
            files.push(path);
        }
    }
}

/// Adds a file if it is for this plugin. Another's in its folder is nobody's concern; what is no preset is told.
fn read(file: &Path, is_users: bool, plugin: &PluginDescriptor, presets: &mut Presets) {
    let mut header = [0; HEADER];
    let problem = match File::open(file).and_then(|mut open| open.read_exact(&mut header)) {
        Err(error) => error.to_string(),
        Ok(()) => match class_of(&header) {
            None => "it is no VST3 preset".to_owned(),
            Some(class) => {
                if id_text(&class) == plugin.id {
                    presets.presets.push(describe(file, is_users, plugin));
                }
                return;
            }
        },
    };
    let location = Some(PresetLocation::File(file.to_owned()));
    presets.problems.push(PresetProblem { location, reason: problem });
}

fn describe(file: &Path, is_users: bool, plugin: &PluginDescriptor) -> Preset {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let about = fs::metadata(file).ok();
    Preset {
        plugins: vec![PresetPlugin { format: Format::Vst3, id: plugin.id.clone() }],
        flags: PresetFlags { user: is_users, factory: !is_users, ..PresetFlags::default() },
        created: about.as_ref().and_then(|about| about.created().ok()),
        modified: about.as_ref().and_then(|about| about.modified().ok()),
        ..Preset::new(name, PresetPlace::file(file))
    }
}

#[cfg(test)]
mod tests {
    use super::super::preset_file::PresetFile;
    use super::super::text::id_from_text;
    use super::*;

    /// `VENDOR/PLUGIN/bass/Deep.vstpreset` and others beside it: those of the class are listed, one that is broken is told.
    #[test]
    fn presets_are_found_below_their_plugins_folder() {
        let root = tempfile::tempdir().unwrap();
        let id = "0102030405060708090A0B0C0D0E0F10";
        let plugin = PluginDescriptor {
            format: Format::Vst3,
            id: id.to_owned(),
            name: "A/B".to_owned(),
            vendor: "Maker".to_owned(),
            version: String::new(),
            description: String::new(),
            url: String::new(),
            features: Vec::new(),
        };
        let folder = root.path().join("Maker/A_B/bass");
        fs::create_dir_all(&folder).unwrap();
        let file = |class: &str| PresetFile::new(id_from_text(class).unwrap()).write();
        fs::write(folder.join("Deep.vstpreset"), file(id)).unwrap();
        fs::write(folder.join("Foreign.vstpreset"), file(&id.replace("01", "FF"))).unwrap();
        fs::write(folder.join("Broken.vstpreset"), b"VST3").unwrap();
        fs::write(folder.join("notes.txt"), b"").unwrap();
        let roots = [Root { path: root.path().to_owned(), is_users: true }];
        let Presets { presets, problems, .. } = find(&roots, &[plugin]);
        let names: Vec<_> = presets.iter().map(|preset| (preset.name.as_str(), preset.flags.user)).collect();
        assert_eq!((names, problems.len()), (vec![("Deep", true)], 1));
        assert!(presets[0].suits(Format::Vst3, id));
    }
}
