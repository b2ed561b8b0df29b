//! Rigs and chains that are built once all their plugins are there. What plays until then plays on.

use crate::chain::ChainPlan;
use crate::controllers::{Instance, Origin, PluginKey, PluginSetup, Plugins};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::rig::RigPlan;
use crosspoint_formats::PluginNotice;

/// A plugin that is needed.
pub(crate) struct Need {
    pub name: String,
    pub origin: Origin,
    pub setup: PluginSetup,
}

/// What is to be built.
pub(crate) enum Plan {
    Chain(ChainPlan),
    Rig(RigPlan),
}

/// A plugin for the plan, in the order in which it was needed.
pub(crate) struct Part {
    pub key: PluginKey,
    pub instance: Result<Box<Instance>, EngineError>,
}

struct Expected {
    key: PluginKey,
    instance: Option<Result<Box<Instance>, EngineError>>,
    /// What it said since it was activated.
    said: Vec<PluginNotice>,
}

/// A plan and the plugins that have come for it.
pub(crate) struct Assembly {
    plan: Plan,
    parts: Vec<Expected>,
}

impl Assembly {
    /// Keeps a plugin if it was waited for; else gives it back.
    pub fn take_in(
        &mut self,
        key: PluginKey,
        instance: Result<Box<Instance>, EngineError>,
    ) -> Option<Result<Box<Instance>, EngineError>> {
        match self.parts.iter_mut().find(|part| part.key == key) {
            Some(part) => {
                part.instance = Some(instance);
                None
            }
            None => Some(instance),
        }
    }

    /// Keeps what a plugin says before it is in a rig.
    pub fn note(&mut self, key: PluginKey, notices: Vec<PluginNotice>) {
        if let Some(part) = self.parts.iter_mut().find(|part| part.key == key) {
            part.said.extend(notices);
        }
    }

    fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.instance.is_some())
    }
}

impl<P: Plugins> Engine<P> {
    /// Asks for the plugins of a plan and builds it when they are there: at once where they live on this thread. A plan
    /// that was not complete yet gives way.
    pub(crate) fn assemble(&mut self, plan: Plan, needs: Vec<Need>) {
        if let Some(replaced) = self.assembly.take() {
            let parts = replaced.parts.into_iter().filter_map(|part| Some((part.key, part.instance?.ok()?)));
            parts.for_each(|(key, instance)| self.discard(key, *instance));
            replaced.plan.give_up(EngineError::Replaced);
        }
        // A rig says what it could not have; a chain is built whole or not at all.
        let lenient = matches!(plan, Plan::Rig(_));
        let needs: Vec<(PluginKey, Need)> = needs.into_iter().map(|need| (PluginKey::unused(), need)).collect();
        let parts = needs.iter().map(|&(key, _)| Expected { key, instance: None, said: Vec::new() }).collect();
        self.assembly = Some(Assembly { plan, parts });
        for (key, Need { name, origin, setup }) in needs {
            self.load(key, name, origin, setup, lenient);
        }
        self.hear_plugins();
        self.build_if_complete();
    }

    /// Whether a rig or chain waits for its plugins.
    pub fn is_building(&self) -> bool {
        self.assembly.is_some()
    }

    pub(crate) fn build_if_complete(&mut self) {
        let Some(Assembly { plan, parts }) = self.assembly.take_if(|assembly| assembly.is_complete()) else { return };
        let parts = parts.into_iter().filter_map(|Expected { key, instance, said }| {
            let instance = instance?.map(|mut instance| {
                instance.notices.extend(said);
                instance
            });
            Some(Part { key, instance })
        });
        let parts: Vec<Part> = parts.collect();
        match plan {
            Plan::Chain(plan) => self.finish_chain(plan, parts),
            Plan::Rig(plan) => self.finish_rig(plan, parts),
        }
    }
}

impl Plan {
    fn give_up(self, error: EngineError) {
        match self {
            Self::Chain(plan) => (plan.reply)(Err(error)),
            Self::Rig(plan) => (plan.reply)(Err(error)),
        }
    }
}
