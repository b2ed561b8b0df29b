//! Presets as CLAP's discovery factory tells of them: its providers declare places and kinds of files, the places are
//! searched, and each file is shown to its provider. Main thread; reads folders and files, and may take long. Never makes
//! a plugin.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clack_extensions::preset_discovery::prelude::*;
use clack_host::entry::PluginEntry;
use clack_host::host::HostError;
use clack_host::utils::{Timestamp, UniversalPluginId};

use super::extensions::presets::reason;
use super::plugin::host_info;
use crate::library::Format;
use crate::preset::{
    Preset, PresetFlags, PresetLocation, PresetPack, PresetPlace, PresetPlugin, PresetProblem, Presets,
};

/// Folders within folders are searched so deep.
const DEPTH: usize = 16;
/// More than this in one library is not listed.
const MOST: usize = 1 << 20;

/// All presets that the providers of an entry know of.
pub(super) fn find(entry: &PluginEntry) -> Presets {
    let mut found = Presets::default();
    let Some(factory) = entry.get_factory::<PresetDiscoveryFactory>() else { return found };
    let ids: Vec<CString> =
        factory.provider_descriptors().filter_map(|descriptor| descriptor.id().map(CStr::to_owned)).collect();
    for id in ids {
        if let Err(error) = search(entry, &id, &mut found) {
            found.problems.push(PresetProblem {
                location: None,
                reason: format!("the source \"{}\": {error}", id.to_string_lossy()),
            });
        }
    }
    found
}

fn search(entry: &PluginEntry, id: &CStr, found: &mut Presets) -> Result<(), ProviderInstanceError> {
    let mut provider = Provider::instantiate(Index::default(), entry, id, &host_info())?;
    let index = std::mem::take(provider.indexer_mut());
    found.packs.extend(index.packs);
    for place in index.places {
        let files = match place.location {
            PresetLocation::Plugin => vec![None],
            PresetLocation::File(path) => {
                files(path, &index.extensions, &mut found.problems).into_iter().map(Some).collect()
            }
        };
        for file in files {
            read(&mut provider, file, place.flags, found);
        }
    }
    Ok(())
}

/// Shows a place to its provider.
fn read(provider: &mut Provider<Index>, file: Option<PathBuf>, flags: PresetFlags, found: &mut Presets) {
    let path = file.as_ref().map(|file| CString::new(file.to_string_lossy().into_owned()));
    let location = match &path {
        None => Location::Plugin,
        Some(Ok(path)) => Location::File { path },
        // A zero within a path: no plugin can be told of it.
        Some(Err(_)) => return,
    };
    let place = file.map_or(PresetLocation::Plugin, PresetLocation::File);
    let mut receiver = Receiver { place, flags, found, begun: false };
    provider.get_metadata(location, &mut receiver);
}

/// The files at a path whose names end as one of the extensions, all files if there are none; in order. The path may be
/// such a file itself. What is not there is no problem: a person's own folder is made when it is first needed.
fn files(path: PathBuf, extensions: &[String], problems: &mut Vec<PresetProblem>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    // Folders by their true paths: a link may lead back to where the search came from.
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(path, 0)];
    while let Some((path, depth)) = waiting.pop()
        && files.len() < MOST
    {
        if path.is_file() {
            files.push(path);
            continue;
        }
        let inside = path.canonicalize().and_then(|folder| {
            let is_new = depth < DEPTH && seen.insert(folder);
            if is_new { std::fs::read_dir(&path).map(Some) } else { Ok(None) }
        });
        match inside {
            Ok(entries) => waiting.extend(
                entries
                    .into_iter()
                    .flatten()
                    .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                    .filter(|path| path.is_dir() || suits(path, extensions))
                    .map(|path| (path, depth + 1)),
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let location = Some(PresetLocation::File(path));
                problems.push(PresetProblem { location, reason: error.to_string() });
            }
        }
    }
    files.sort();
    files
}

fn suits(path: &Path, extensions: &[String]) -> bool {
    let own = path.extension().and_then(|own| own.to_str()).unwrap_or_default();
    extensions.is_empty() || extensions.iter().any(|extension| extension.is_empty() || extension == own)
}

/// What a provider declares.
#[derive(Default)]
struct Index {
    extensions: Vec<String>,
    places: Vec<IndexedPlace>,
    packs: Vec<PresetPack>,
}

struct IndexedPlace {
    location: PresetLocation,
    flags: PresetFlags,
}

fn flags(flags: Flags) -> PresetFlags {
    PresetFlags {
        factory: flags.contains(Flags::IS_FACTORY_CONTENT),
        user: flags.contains(Flags::IS_USER_CONTENT),
        demo: flags.contains(Flags::IS_DEMO_CONTENT),
        favourite: flags.contains(Flags::IS_FAVORITE),
    }
}

fn text(string: &CStr) -> String {
    string.to_string_lossy().into_owned()
}

fn path(string: &CStr) -> PathBuf {
    PathBuf::from(text(string))
}

impl IndexerImpl for Index {
    fn declare_filetype(&mut self, file_type: FileType) -> Result<(), HostError> {
        self.extensions.push(file_type.file_extension.map(text).unwrap_or_default());
        Ok(())
    }

    fn declare_location(&mut self, location: LocationInfo) -> Result<(), HostError> {
        self.places.push(IndexedPlace {
            location: match location.location {
                Location::Plugin => PresetLocation::Plugin,
                Location::File { path: file } => PresetLocation::File(path(file)),
            },
            flags: flags(location.flags),
        });
        Ok(())
    }

    fn declare_soundpack(&mut self, pack: Soundpack) -> Result<(), HostError> {
        self.packs.push(PresetPack {
            id: text(pack.id),
            name: text(pack.name),
            vendor: pack.vendor.map(text).unwrap_or_default(),
            description: pack.description.map(text).unwrap_or_default(),
            url: pack.homepage_url.map(text).unwrap_or_default(),
            picture: pack.image_path.map(path),
        });
        Ok(())
    }
}

/// Takes what a provider tells of one place.
struct Receiver<'a> {
    place: PresetLocation,
    /// What a preset is that does not say so itself.
    flags: PresetFlags,
    found: &'a mut Presets,
    /// Whether the last of the presets found is of this place.
    begun: bool,
}

impl Receiver<'_> {
    fn with_preset(&mut self, change: impl FnOnce(&mut Preset)) {
        // A provider that describes a preset before it begins one is not listened to.
        if let Some(preset) = self.found.presets.last_mut().filter(|_| self.begun) {
            change(preset);
        }
    }
}

impl MetadataReceiverImpl for Receiver<'_> {
    fn on_error(&mut self, error_code: i32, error_message: Option<&CStr>) {
        let reason = reason(error_code, error_message.map(text).unwrap_or_default());
        self.found.problems.push(PresetProblem { location: Some(self.place.clone()), reason });
    }

    fn begin_preset(&mut self, name: Option<&CStr>, load_key: Option<&CStr>) -> Result<(), HostError> {
        if self.found.presets.len() >= MOST {
            return Err(HostError::Message("too many presets"));
        }
        let stem = || match &self.place {
            PresetLocation::Plugin => String::new(),
            PresetLocation::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let name = name.map(text).filter(|name| !name.is_empty()).unwrap_or_else(stem);
        let place = PresetPlace { location: self.place.clone(), key: load_key.map(text) };
        self.found.presets.push(Preset { flags: self.flags, ..Preset::new(name, place) });
        self.begun = true;
        Ok(())
    }

    fn add_plugin_id(&mut self, plugin_id: UniversalPluginId) {
        // Of formats that are not known here nothing can be said.
        if plugin_id.abi == c"clap" {
            let id = text(plugin_id.id);
            self.with_preset(|preset| preset.plugins.push(PresetPlugin { format: Format::Clap, id }));
        }
    }

    fn set_soundpack_id(&mut self, soundpack_id: &CStr) {
        self.with_preset(|preset| preset.pack = Some(text(soundpack_id)));
    }

    fn set_flags(&mut self, own: Flags) {
        self.with_preset(|preset| preset.flags = flags(own));
    }

    fn add_creator(&mut self, creator: &CStr) {
        self.with_preset(|preset| preset.creators.push(text(creator)));
    }

    fn set_description(&mut self, description: &CStr) {
        self.with_preset(|preset| preset.description = text(description));
    }

    fn set_timestamps(&mut self, created: Option<Timestamp>, modified: Option<Timestamp>) {
        let time = |stamp: Timestamp| -> Option<SystemTime> { UNIX_EPOCH.checked_add(stamp.duration_since_epoch()) };
        self.with_preset(|preset| {
            preset.created = created.and_then(time);
            preset.modified = modified.and_then(time);
        });
    }

    fn add_feature(&mut self, feature: &CStr) {
        self.with_preset(|preset| preset.features.push(text(feature)));
    }

    fn add_extra_info(&mut self, key: &CStr, value: &CStr) {
        self.with_preset(|preset| preset.more.push((text(key), text(value))));
    }
}
