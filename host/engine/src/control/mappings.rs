//! The mappings on the audio thread: each message acts at its frame, and what came of it is told once a block. Made and
//! dropped on the control thread; nothing here allocates in between.
#![deny(clippy::disallowed_types)]

use super::binding::Grip;
use super::compiled::Compiled;
use super::decode::Ears;
use super::line::{Desk, Report};
use super::target::{Target, TargetKey};
use crosspoint_graph::Command;
use crosspoint_graph::event::{Event, EventBody, NoteAddress};
use std::sync::Arc;

/// A target's value as the audio thread knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Known {
    pub value: f64,
    /// Counts the values that came from the control thread: what is told of an older one is outdated.
    pub generation: u32,
}

/// A target while the table is in use.
#[derive(Clone, Copy, Debug)]
struct Held {
    known: Known,
    /// Whether the control thread knows it, or will.
    is_told: bool,
    /// Whether the renderer is still to hear of it.
    is_pending: bool,
}

/// A binding while the table is in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    grip: Grip,
    /// Steady frame of the last message, while a hand moves the control.
    pub moved: Option<u64>,
    /// The value that was last sent back.
    pub fed_back: Option<f64>,
    /// The channel of the last message.
    pub channel: u8,
}

/// Where commands go: to a frame of the block. False if too many wait.
pub(crate) type Push<'p> = dyn FnMut(usize, Command) -> bool + 'p;

/// A table of mappings in use.
pub(crate) struct Mappings {
    pub compiled: Arc<Compiled>,
    held: Box<[Held]>,
    pub(super) states: Box<[State]>,
    /// Whether some value is not told yet.
    is_untold: bool,
    /// The targets of which the renderer is still to hear, and at which frame of the block.
    pending: Vec<u16>,
    pending_offset: usize,
}

impl Mappings {
    /// A table with the values of its targets, in their order. Allocates.
    pub fn new(compiled: Arc<Compiled>, values: &[Known]) -> Self {
        let unknown = Known { value: 0.0, generation: 0 };
        let known = |place| values.get(place).copied().unwrap_or(unknown);
        let held =
            (0..compiled.targets.len()).map(|place| Held { known: known(place), is_told: true, is_pending: false });
        let state = State { grip: Grip::default(), moved: None, fed_back: None, channel: 0 };
        let states =
            compiled.bindings.iter().map(|binding| State { channel: binding.message.channel.unwrap_or(0), ..state });
        Self {
            held: held.collect(),
            states: states.collect(),
            is_untold: false,
            pending: Vec::with_capacity(compiled.targets.len()),
            pending_offset: 0,
            compiled,
        }
    }

    /// Whether there is nothing to listen for.
    pub fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// Takes over what goes on: values that are newer here, and where controls were. `anew` has all of it sent back to the
    /// controls.
    pub fn adopt(&mut self, old: &mut Self, desk: &mut Desk, anew: bool) {
        for (target, held) in old.compiled.targets.iter().zip(&old.held) {
            let place = self.compiled.target(target.key);
            match place {
                Some(place) if held.known.generation >= self.held[place].known.generation => {
                    self.held[place] = *held;
                    self.is_untold |= !held.is_told;
                    if held.is_pending {
                        self.pending.push(place as u16);
                    }
                }
                _ if !held.is_told => drop(desk.reports.push(value_report(target.key, held.known))),
                _ => {}
            }
        }
        for (binding, state) in old.compiled.bindings.iter().zip(&old.states) {
            let key = old.compiled.targets[usize::from(binding.target)].key;
            if let Some(place) = self.compiled.same_binding(binding.role, binding.message, key) {
                let fed_back =
                    state.fed_back.filter(|_| !anew && self.compiled.bindings[place].feedback == binding.feedback);
                self.states[place] = State { fed_back, ..*state };
            }
        }
    }

    /// Takes the values that others have set.
    pub fn take_updates(&mut self, desk: &mut Desk) {
        while let Ok(update) = desk.updates.pop() {
            if let Some(place) = self.compiled.target(update.key) {
                let known = Known { value: update.value, generation: update.generation };
                let held = &mut self.held[place];
                (held.known, held.is_told) = (known, true);
            }
        }
    }

    /// What a target has.
    pub(super) fn value(&self, target: u16) -> f64 {
        self.held[usize::from(target)].known.value
    }

    /// Hears a message of a role at a frame of the block that begins at steady frame `block`. Says whether it is to be kept
    /// from the rig, and counts in `lost` what found no room.
    #[allow(
        clippy::too_many_arguments,
        reason = "a message, where it comes from and where its effects go are all of these"
    )]
    pub fn hear(
        &mut self,
        role: u32,
        message: [u8; 3],
        (block, offset): (u64, usize),
        ears: &mut Ears,
        push: &mut Push<'_>,
        desk: &mut Desk,
        lost: &mut u64,
    ) -> bool {
        let frame = block + offset as u64;
        if offset != self.pending_offset {
            self.flush(push);
        }
        let heard = ears.hear(message);
        if self.compiled.learning {
            *lost += u64::from(desk.reports.push(Report::Heard { role, message, frame }).is_err());
            return ears.keep(message, false);
        }
        let mut is_taken = false;
        for heard in heard.into_iter().flatten() {
            for row in self.compiled.listeners(role, heard.kind, heard.channel) {
                let place = self.compiled.binding_at(row);
                let binding = self.compiled.bindings[place];
                is_taken |= !binding.pass_on;
                let state = &mut self.states[place];
                state.channel = heard.channel;
                let Some(signal) = heard.signal else { continue };
                let value = self.held[usize::from(binding.target)].known.value;
                state.moved = binding.way.is_moved().then_some(frame);
                if !binding.way.is_moved() && !signal.pressed {
                    // Many pads switch their own light off when they are let go.
                    state.fed_back = None;
                }
                if let Some(value) = binding.way.answer(&mut state.grip, &signal, value) {
                    let target = usize::from(binding.target);
                    match self.compiled.targets[target].key {
                        key if key.is_done() => {
                            // What came before it is heard and told before it.
                            self.flush(push);
                            self.tell(desk);
                            *lost += u64::from(!self.do_deed(target, (frame, offset), push, desk));
                        }
                        _ => self.set(target, value, offset),
                    }
                }
            }
        }
        ears.keep(message, is_taken)
    }

    /// Gives a target a value, of which the renderer hears with the last one of the frame: a device that has been held up
    /// brings many at once.
    fn set(&mut self, place: usize, value: f64, offset: usize) {
        let held = &mut self.held[place];
        // Where a target is held in a float, its value is one that a float has.
        let value = match self.compiled.targets[place].key {
            TargetKey::Gain(..) | TargetKey::FaderGain(..) => f64::from(value as f32),
            _ => value,
        };
        if value == held.known.value {
            return;
        }
        (held.known.value, held.is_told, self.is_untold) = (value, false, true);
        if !std::mem::replace(&mut held.is_pending, true) {
            self.pending.push(place as u16);
        }
        self.pending_offset = offset;
    }

    /// Sends the renderer the values that it has not heard of. Those that find no room wait for the next frame.
    pub fn flush(&mut self, push: &mut Push<'_>) {
        let Self { compiled, held, pending, pending_offset, .. } = self;
        pending.retain(|&place| {
            let place = usize::from(place);
            let command = command(compiled, held, place);
            held[place].is_pending = command.is_some_and(|command| !push(*pending_offset, command));
            held[place].is_pending
        });
        self.pending_offset = 0;
    }

    /// Does what a target is. False if there was no room.
    fn do_deed(&self, place: usize, (frame, offset): (u64, usize), push: &mut Push<'_>, desk: &mut Desk) -> bool {
        let Target { key, plan, .. } = self.compiled.targets[place];
        let plan = plan.filter(|&(scene, start)| push(offset, Command::Scene { scene, start })).map(|(plan, _)| plan);
        let done = match key {
            TargetKey::ToStart => push(offset, Command::Locate(0)),
            TargetKey::CountIn(beats) => push(offset, Command::CountIn(beats.into())),
            TargetKey::Panic => self.panic(offset, push),
            _ => true,
        };
        done & desk.reports.push(Report::Done { key, frame, plan }).is_ok()
    }

    /// Ends what sounds: notes where they began, and all sound of every node that takes events.
    fn panic(&self, offset: usize, push: &mut Push<'_>) -> bool {
        let mut all = true;
        for command in self.compiled.panic.iter().flat_map(|&node| super::panic::commands(node)) {
            all &= push(offset, command);
        }
        all
    }

    /// Tells what messages have set in the block.
    pub fn tell(&mut self, desk: &mut Desk) {
        if !std::mem::take(&mut self.is_untold) {
            return;
        }
        for (target, held) in self.compiled.targets.iter().zip(&mut self.held) {
            if !held.is_told {
                held.is_told = desk.reports.push(value_report(target.key, held.known)).is_ok();
                self.is_untold |= !held.is_told;
            }
        }
    }
}

/// What tells the renderer of a target's value; none if it is not to be heard.
fn command(compiled: &Compiled, held: &[Held], place: usize) -> Option<Command> {
    let (target, value) = (compiled.targets[place], held[place].known.value);
    let on = value >= 0.5;
    let cell = target.cell.map(|cell| (cell, held[usize::from(cell.other)].known.value));
    let gain = |edge, source, destination, gain| Command::Gain { edge, source, destination, gain, ramp: compiled.ramp };
    Some(match target.key {
        TargetKey::Parameter(node, parameter) => {
            let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
            Command::Event { node, event: Event { frame: 0, port: 0, body } }
        }
        TargetKey::Gain(edge, source, destination) => {
            let (cell, muted) = cell?;
            gain(edge, source, destination, cell.heard(value, muted))
        }
        TargetKey::Mute(edge, source, destination) => {
            let (cell, level) = cell?;
            gain(edge, source, destination, cell.heard(level, value))
        }
        TargetKey::Bypass(node) => Command::Bypass { node, on },
        TargetKey::Present(node) => Command::Present { node, on },
        TargetKey::Playing => Command::Play(on),
        TargetKey::Looping => Command::Loop(target.region.filter(|_| on)),
        TargetKey::Recording => Command::Record(on),
        TargetKey::Tempo => Command::Tempo(value),
        TargetKey::MasterMute => Command::MasterMute(on),
        _ => return None,
    })
}

fn value_report(key: TargetKey, known: Known) -> Report {
    Report::Value { key, value: known.value, generation: known.generation }
}

#[cfg(test)]
mod tests;
