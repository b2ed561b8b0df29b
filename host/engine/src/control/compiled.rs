//! The mappings as the audio thread looks them up: one flat table, sorted by message, that never changes once it is made.
#![deny(clippy::disallowed_types)]

use super::binding::Way;
use super::panic::Panicking;
use super::target::{Target, TargetKey};
use crate::session::{ControlMessage, MessageKind};

/// A mapping with all names resolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Binding {
    /// The role's number.
    pub role: u32,
    pub message: ControlMessage,
    /// The target's place in the table.
    pub target: u16,
    pub way: Way,
    /// Whether the message goes on to the rig.
    pub pass_on: bool,
    /// The number of the output role that the value is sent to.
    pub feedback: Option<u32>,
}

/// A message of one channel, and who listens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    message: u64,
    binding: u16,
}

/// All mappings that act.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Compiled {
    rows: Box<[Row]>,
    pub bindings: Box<[Binding]>,
    /// Sorted by key.
    pub targets: Box<[Target]>,
    /// Whether messages are told instead of obeyed.
    pub learning: bool,
    /// The nodes whose notes end in a panic.
    pub panic: Box<[Panicking]>,
    /// Frames of the ramps of gains.
    pub ramp: u32,
}

/// The most mappings that act at once, far more than controllers have messages.
pub(crate) const MOST: usize = 4096;

impl Compiled {
    /// Of bindings, whose targets are places in `targets`, which is sorted by key.
    pub fn new(mut bindings: Vec<Binding>, targets: Vec<Target>) -> Self {
        bindings.truncate(MOST);
        // By what they are, so that a table finds its bindings in the one before.
        bindings.sort_by_key(|binding| (binding.role, binding.message, binding.target));
        let mut rows = Vec::new();
        for (place, binding) in (0..).zip(&bindings) {
            let channels = binding.message.channel.map_or(0..16, |channel| channel..channel + 1);
            let row = |channel| Row { message: number(binding.role, binding.message.kind, channel), binding: place };
            rows.extend(channels.map(row));
        }
        rows.sort_unstable();
        Self { rows: rows.into(), bindings: bindings.into(), targets: targets.into(), ..Self::default() }
    }

    /// Whether there is nothing to listen for.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && !self.learning
    }

    /// The places in the table's rows of those who listen to a message.
    pub fn listeners(&self, role: u32, kind: MessageKind, channel: u8) -> std::ops::Range<usize> {
        let message = number(role, kind, channel);
        let first = self.rows.partition_point(|row| row.message < message);
        let count = self.rows[first..].iter().take_while(|row| row.message == message).count();
        first..first + count
    }

    /// The binding of a row.
    pub fn binding_at(&self, row: usize) -> usize {
        usize::from(self.rows[row].binding)
    }

    /// The place of a target.
    pub fn target(&self, key: TargetKey) -> Option<usize> {
        self.targets.binary_search_by_key(&key, |target| target.key).ok()
    }

    /// The place of a binding of the same message and target, if there is one.
    pub fn same_binding(&self, role: u32, message: ControlMessage, key: TargetKey) -> Option<usize> {
        let identity =
            |binding: &Binding| (binding.role, binding.message, self.targets[usize::from(binding.target)].key);
        self.bindings.binary_search_by_key(&(role, message, key), identity).ok()
    }
}

/// A role's message of a channel as one number.
fn number(role: u32, kind: MessageKind, channel: u8) -> u64 {
    let (sort, number) = match kind {
        MessageKind::Controller(number) => (0, number.into()),
        MessageKind::WideController(number) => (1, number.into()),
        MessageKind::Note(key) => (2, key.into()),
        MessageKind::Program(number) => (3, number.into()),
        MessageKind::PitchBend => (4, 0),
        MessageKind::ChannelPressure => (5, 0),
        MessageKind::KeyPressure(key) => (6, key.into()),
        MessageKind::Rpn(number) => (7, number),
        MessageKind::Nrpn(number) => (8, number),
    };
    u64::from(role) << 32 | sort << 24 | u64::from(number) << 8 | u64::from(channel)
}
