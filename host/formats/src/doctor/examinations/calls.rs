//! What the process call asks of the system. All of it can make a callback late.

use crate::doctor::playing::{Blocks, Take, note_off, note_on, parameter};
use crate::doctor::report::Severity;
use crate::doctor::signal;
use crate::doctor::subject::{Stop, Subject, movable, value_at};
use crate::doctor::watch::Calls;
use crate::plugin::BusDirection;

/// Blocks in which something was seen.
struct Count {
    blocks: u64,
    calls: u64,
    measured: bool,
}

impl Count {
    const NONE: Self = Self { blocks: 0, calls: 0, measured: false };

    fn add(&mut self, calls: Option<u64>) {
        self.measured |= calls.is_some();
        let calls = calls.unwrap_or(0);
        self.blocks += u64::from(calls > 0);
        self.calls += calls;
    }
}

/// Noise, notes and moving parameters, each block watched.
pub(crate) fn calls(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let parameters = movable(&*playing.plugin);
    let has_notes = !playing.plugin.note_ports(BusDirection::Input).is_empty();
    let [mut memory, mut locks, mut held, mut system] = [const { Count::NONE }; 4];
    let mut names = std::collections::BTreeSet::new();
    let mut blocks = 0_u64;
    let mut seen = |calls: Calls| {
        blocks += 1;
        let both = calls.allocations.zip(calls.frees).map(|(taken, given)| taken + given);
        memory.add(both);
        locks.add(calls.locks);
        held.add(calls.locks_held);
        system.add(calls.system_call.as_ref().map(|call| u64::from(call.is_some())));
        names.extend(calls.system_call.flatten().map(|call| call.name));
    };
    let mut random = subject.random();
    let watch = subject.watch;
    for round in 0..subject.full_or_quick(60, 20) {
        let mut events = Vec::new();
        if has_notes {
            let key = 48 + random.below(24) as u8;
            events.extend([(10, note_on(key)), (1500, note_off(key))]);
        }
        if round % 2 == 1 && !parameters.is_empty() {
            let one = &parameters[random.below(parameters.len())];
            events.push((1800, parameter(one.id, value_at(one, random.unit()))));
        }
        let blocks = Blocks::Random(random, 512);
        playing.watch(Take { frames: 2048, input: &signal::noise, events: &events, blocks }, watch, &mut seen);
    }
    let told = |count: &Count, what: &str| {
        if count.measured { format!("{what} in {} blocks", count.blocks) } else { format!("{what} not measured") }
    };
    let measured = [told(&memory, "memory"), told(&locks, "locks"), told(&system, "system calls")];
    subject.measured = Some(format!("of {blocks} blocks: {}", measured.join(", ")));
    if memory.calls > 0 {
        let seen =
            format!("it took or gave back memory {} times, in {} of {blocks} blocks", memory.calls, memory.blocks);
        subject.find(Severity::Warning, "allocates", seen, "the allocator may wait for other threads: dropouts");
    }
    if locks.calls > 0 {
        let seen = format!("it took a lock {} times, in {} of {blocks} blocks", locks.calls, locks.blocks);
        subject.find(Severity::Warning, "locks", seen, "whoever else holds the lock stops the callback: dropouts");
    }
    if held.calls > 0 {
        let seen = format!("{} times another thread had the lock, in {} of {blocks} blocks", held.calls, held.blocks);
        subject.find(Severity::Warning, "waits-for-lock", seen, "the callback waited for that thread: dropouts");
    }
    if system.calls > 0 {
        let names: Vec<String> = names.into_iter().collect();
        let seen =
            format!("it called the system in {} of {blocks} blocks, first for {}", system.blocks, names.join(", "));
        subject.find(Severity::Warning, "system-call", seen, "the system takes its time: dropouts");
    }
    subject.close(playing);
    Ok(())
}
