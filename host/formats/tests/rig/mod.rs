//! What the tests of this crate share: the fixtures as a library, and plugins made and activated in one line.
#![allow(dead_code)]

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use crosspoint_formats::clap::ClapLibrary;
use crosspoint_formats::vst3::Vst3Library;
use crosspoint_formats::{Activation, Library, Plugin, PluginNotice, describe};
use crosspoint_graph::{Harness, Processor, Status};

/// Aborts a test whose audio half allocates or frees.
#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Most frames of a block in the tests.
pub const MAX_FRAMES: u32 = 512;

/// How the tests activate.
pub const ACTIVATION: Activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: MAX_FRAMES };

/// The fixtures, linked statically.
pub fn fixtures() -> ClapLibrary {
    // SAFETY: the entry is clack-plugin's own.
    unsafe { ClapLibrary::from_entry("/builtin/fixtures", crosspoint_fixtures::entry()) }.unwrap()
}

/// A fixture, not active.
pub fn fixture(id: &str) -> Box<dyn Plugin> {
    fixtures().instantiate(id).unwrap()
}

/// The fixtures of VST3, linked statically.
pub fn vst3_fixtures() -> Vst3Library {
    // SAFETY: what the fixtures break of VST3's rules, they break within what a host must survive.
    unsafe { Vst3Library::from_entry("/builtin/vst3-fixtures", crosspoint_fixtures::vst3::entry) }.unwrap()
}

/// A fixture of VST3, not active.
pub fn vst3_fixture(id: &str) -> Box<dyn Plugin> {
    vst3_fixtures().instantiate(id).unwrap()
}

/// All that a plugin has to say now.
pub fn poll(plugin: &mut dyn Plugin) -> Vec<PluginNotice> {
    let mut notices = Vec::new();
    plugin.poll(&mut notices);
    notices
}

/// A plugin that runs: both halves and a harness.
pub struct Running {
    pub plugin: Box<dyn Plugin>,
    pub processor: Option<Box<dyn Processor>>,
    pub harness: Harness,
}

impl Running {
    /// Activates and starts a plugin.
    pub fn start(mut plugin: Box<dyn Plugin>) -> Self {
        let mut processor = plugin.activate(ACTIVATION).unwrap();
        let harness = Harness::new(&describe(&*plugin), MAX_FRAMES as usize);
        assert_no_alloc(|| processor.start());
        Self { plugin, processor: Some(processor), harness }
    }

    /// A fixture that runs.
    pub fn fixture(id: &str) -> Self {
        Self::start(fixture(id))
    }

    /// One block.
    pub fn process(&mut self, frames: usize) -> Status {
        let processor = &mut **self.processor.as_mut().unwrap();
        assert_no_alloc(|| self.harness.process(processor, frames))
    }

    /// Stops and deactivates it.
    pub fn stop(&mut self) {
        let mut processor = self.processor.take().unwrap();
        assert_no_alloc(|| processor.stop());
        self.plugin.deactivate(processor).unwrap();
    }

    /// What it has to say.
    pub fn poll(&mut self) -> Vec<PluginNotice> {
        poll(&mut *self.plugin)
    }
}
