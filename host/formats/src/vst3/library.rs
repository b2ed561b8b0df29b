//! VST3 files and linked entries. Never unloads what it loaded.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::factory::{Factory, PluginClass};
use super::module::{self, Vst3Entry};
use super::plugin::Vst3Plugin;
use super::presets;
use crate::error::LoadError;
use crate::library::{Library, PluginDescriptor};
use crate::plugin::Plugin;
use crate::preset::Presets;

/// A loaded VST3 file or a linked entry.
pub struct Vst3Library {
    path: PathBuf,
    factory: Rc<Factory>,
    classes: Vec<PluginClass>,
    descriptors: Vec<PluginDescriptor>,
}

impl Vst3Library {
    /// Loads a `.vst3` bundle or library. Main thread. Loading it again gives the same library.
    ///
    /// # Errors
    /// If it is absent, does not load or is no VST3 library.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let path = path.canonicalize().map_err(|reason| LoadError::Unreadable { path: path.to_owned(), reason })?;
        let factory = Factory::new(module::open(&path)?);
        Ok(Self::new(path, factory))
    }

    /// Takes an entry that is linked into the program. Main thread.
    ///
    /// # Safety
    /// The entry keeps VST3's rules: its objects are safe to use as VST3 says, and their answers mean what VST3 says.
    ///
    /// # Errors
    /// If the entry gives no factory.
    pub unsafe fn from_entry(name: &str, entry: Vst3Entry) -> Result<Self, LoadError> {
        let path = PathBuf::from(name);
        // SAFETY: the caller vouches for the entry.
        match unsafe { module::factory(entry) } {
            Some(factory) => Ok(Self::new(path, Factory::new(factory))),
            None => Err(LoadError::Entry { path, reason: "its GetPluginFactory gives no factory".to_owned() }),
        }
    }

    fn new(path: PathBuf, factory: Factory) -> Self {
        let classes = factory.plugins();
        let descriptors = classes.iter().map(|class| class.descriptor.clone()).collect();
        Self { path, factory: Rc::new(factory), classes, descriptors }
    }
}

impl Library for Vst3Library {
    fn path(&self) -> &Path {
        &self.path
    }

    fn descriptors(&self) -> &[PluginDescriptor] {
        &self.descriptors
    }

    fn instantiate(&self, id: &str) -> Result<Box<dyn Plugin>, LoadError> {
        Ok(Box::new(Vst3Plugin::instantiate(self, id)?))
    }

    /// The preset files of its plugins.
    fn presets(&self) -> Presets {
        presets::find(&presets::roots(), &self.descriptors)
    }
}

impl Vst3Plugin {
    /// Makes a plugin, as [`Library::instantiate`], for those who want more of VST3 than the common trait has.
    ///
    /// # Errors
    /// [`LoadError::UnknownPlugin`] and [`LoadError::Instantiate`].
    pub fn instantiate(library: &Vst3Library, id: &str) -> Result<Self, LoadError> {
        let Vst3Library { path, factory, classes, descriptors } = library;
        let Some(class) = classes.iter().find(|class| class.descriptor.id.eq_ignore_ascii_case(id)) else {
            return Err(LoadError::unknown_plugin(path, id, descriptors));
        };
        Self::new(Rc::clone(factory), class).map_err(|reason| LoadError::Instantiate {
            path: path.clone(),
            id: id.to_owned(),
            reason: reason.to_owned(),
        })
    }
}
