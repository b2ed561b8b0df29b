//! Which nodes are bypassed, and how: by the host, which lets tails ring out, cuts them or lets the plugin play on unheard;
//! or by the plugin's own switch. What the rig says is the truth; the renderer is told, and tells what it switched itself.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::session::{BypassMode, EntryKind, Spillover};
use crosspoint_graph::{BypassMode as Way, Command, NOW, NodeId};

/// A plugin's own bypass switch: its parameter, and its plain values while bypassed and while not.
struct OwnSwitch {
    parameter: u32,
    on: f64,
    off: f64,
}

impl<P: Plugins> Engine<P> {
    /// As [`Self::set_bypassed`], without a step of the history.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn bypass(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        self.node(node)?;
        self.note_bypassed(node, on);
        self.snapshot.outdate();
        match self.used_switch(node) {
            Some(own) => self.give_parameter(node, own.parameter, if on { own.on } else { own.off }),
            None => self.send_command(NOW, Command::Bypass { node, on }),
        }
    }

    /// Says how a node is bypassed, and bypasses it so if it is bypassed. A plugin without a switch of its own is bypassed
    /// by the host whatever is said here.
    ///
    /// # Errors
    /// As [`Self::set_bypassed`].
    pub fn set_bypass_mode(&mut self, node: NodeId, mode: BypassMode) -> Result<(), EngineError> {
        self.node(node)?;
        let on = self.is_bypassed(node);
        if on {
            self.bypass(node, false)?;
        }
        if let Some(entry) = self.rig.entries.get_mut(&node) {
            entry.bypass = mode;
        }
        self.send_command(NOW, Command::BypassMode { node, mode: self.mode_of(node) })?;
        // Its own switch is told as well if it is not bypassed, and it begins like that should the renderer not have it yet.
        self.bypass(node, on)
    }

    /// Says for how long tails may ring on, and for how many nodes at once that are gone. What rings already goes on as it
    /// was.
    ///
    /// # Errors
    /// [`EngineError::OutOfRange`]; or if nothing takes commands.
    pub fn set_spillover(&mut self, spillover: Spillover) -> Result<(), EngineError> {
        if !(0.0..=Spillover::MAX_SECONDS).contains(&spillover.seconds) {
            let (what, value) = ("the seconds of the spillover", spillover.seconds);
            return Err(EngineError::OutOfRange { what, value, range: "0 to 60" });
        }
        if spillover.nodes > Spillover::MAX_NODES {
            let (what, value) = ("the nodes of the spillover", f64::from(spillover.nodes));
            return Err(EngineError::OutOfRange { what, value, range: "0 to 64" });
        }
        self.rig.rest.spillover = spillover;
        self.send_spillover()
    }

    /// Tells the renderer for how long tails may ring on.
    pub(crate) fn send_spillover(&mut self) -> Result<(), EngineError> {
        self.send_command(NOW, Command::TailLimit(self.spillover_frames()))
    }

    pub(crate) fn spillover_frames(&self) -> u32 {
        (self.rig.rest.spillover.seconds * f64::from(self.settings.rate)) as u32
    }

    /// Whether a node is bypassed, as far as anybody wants it.
    pub(crate) fn is_bypassed(&self, node: NodeId) -> bool {
        self.rig.entries.get(&node).is_some_and(|entry| entry.bypassed)
    }

    /// Whether there is anything to bypass: a plugin that was there once, or a built-in node.
    pub(crate) fn can_be_bypassed(&self, node: NodeId) -> bool {
        let is_builtin = |kind: &EntryKind| matches!(kind, EntryKind::Builtin { .. });
        self.records.contains_key(&node) || self.rig.entries.get(&node).is_some_and(|entry| is_builtin(&entry.kind))
    }

    /// Follows a bypass that the renderer has switched. A plugin's own switch is a parameter like others: if the plugin could
    /// hear nothing just now it is told as soon as it can.
    pub(crate) fn follow_bypassed(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        self.note_bypassed(node, on);
        match self.used_switch(node) {
            Some(own) => self.note_parameter(node, own.parameter, if on { own.on } else { own.off }),
            None => Ok(()),
        }
    }

    /// Takes note of a bypass.
    pub(crate) fn note_bypassed(&mut self, node: NodeId, on: bool) {
        if let Some(entry) = self.rig.entries.get_mut(&node)
            && !matches!(entry.kind, EntryKind::Input { .. } | EntryKind::Output { .. })
        {
            entry.bypassed = on;
        }
        if let Some(own) = self.used_switch(node)
            && let Some(description) = self.records.get_mut(&node).and_then(|record| record.description.as_mut())
        {
            description.note_value(own.parameter, if on { own.on } else { own.off });
        }
        self.begin_bypassed(node);
    }

    /// Has a node begin as the rig says whenever it is new to the renderer.
    pub(crate) fn begin_bypassed(&mut self, node: NodeId) {
        self.publisher.begin_bypassed(node, self.is_bypassed(node), self.mode_of(node));
    }

    /// Has all nodes begin so in a renderer that knows none.
    pub(crate) fn begin_all_bypassed(&mut self) {
        let nodes: Vec<NodeId> = self.rig.entries.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.begin_bypassed(node));
    }

    /// What its plugin says of itself is known now: its own switch is set if that is the one to be used.
    pub(crate) fn use_own_switch(&mut self, node: NodeId) {
        if self.used_switch(node).is_none() {
            return;
        }
        let on = self.is_bypassed(node);
        // Until now the host did it.
        let told = [Command::Bypass { node, on: false }, Command::BypassMode { node, mode: self.mode_of(node) }]
            .into_iter()
            .try_for_each(|command| self.send_command(NOW, command));
        let told = told.and_then(|()| if on { self.bypass(node, true) } else { Ok(()) });
        if let Err(error) = told {
            tracing::warn!("{}: {error}", self.name(node));
        }
        self.begin_bypassed(node);
    }

    /// All values are what its plugin says, the switch that bypasses it among them.
    pub(crate) fn follow_all_values(&mut self, node: NodeId) {
        let Some(parameter) = self.used_switch(node).map(|own| own.parameter) else { return };
        if let Some(value) = self.description(node).and_then(|description| description.value(parameter)) {
            self.follow_own_switch(node, parameter, value);
        }
    }

    /// A parameter was set, which may be the switch that bypasses the plugin.
    pub(crate) fn follow_own_switch(&mut self, node: NodeId, parameter: u32, value: f64) {
        if let Some(own) = self.used_switch(node).filter(|own| own.parameter == parameter)
            && let Some(entry) = self.rig.entries.get_mut(&node)
        {
            entry.bypassed = value >= (own.on + own.off) / 2.0;
            self.snapshot.outdate();
        }
    }

    /// The plugin's own switch, if it has one and it is to be used.
    fn used_switch(&self, node: NodeId) -> Option<OwnSwitch> {
        self.rig.entries.get(&node).filter(|entry| entry.bypass == BypassMode::Plugin)?;
        let description = self.records.get(&node)?.description.as_ref()?;
        let known = description.parameters.iter().find(|known| known.flags.bypass)?;
        Some(OwnSwitch { parameter: known.id, on: known.maximum, off: known.minimum })
    }

    /// A node's mode as the renderer has it.
    fn mode_of(&self, node: NodeId) -> Way {
        if let Some(OwnSwitch { parameter, on, off }) = self.used_switch(node) {
            return Way::Own { parameter, on, off };
        }
        match self.rig.entries.get(&node).map(|entry| entry.bypass).unwrap_or_default() {
            BypassMode::Tails | BypassMode::Plugin => Way::Tails,
            BypassMode::Cut => Way::Cut,
            BypassMode::Live => Way::Live,
        }
    }
}
