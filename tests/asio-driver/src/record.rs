//! What all drivers of this process share: their plan, their counts, whether the hardware is there, and who runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plan::{Counts, PLAN_VARIABLE, Plan};
use crate::running::Running;

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);
static COUNTS: Mutex<Counts> = Mutex::new(Counts {
    alive: 0,
    buffers: 0,
    made: 0,
    started: 0,
    stopped: 0,
    switches: 0,
    output_ready: 0,
    compared: 0,
    mismatches: 0,
    frames: 0,
    panels: 0,
    clock: 0,
});
static GONE: AtomicBool = AtomicBool::new(false);
/// Those that have buffers. Who switches them takes a copy, so that no lock is held while the host runs.
static RUNNING: Mutex<Vec<Arc<Running>>> = Mutex::new(Vec::new());

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the next driver is to be. Clears the counts of what happened; what is alive is counted on.
pub fn configure(plan: Plan) {
    *lock(&PLAN) = Some(plan);
    count(|counts| *counts = Counts { alive: counts.alive, buffers: counts.buffers, ..Counts::default() });
}

/// What a driver that is made now is to be.
pub fn plan() -> Plan {
    let told = *lock(&PLAN);
    told.or_else(|| Plan::read(&std::env::var(PLAN_VARIABLE).ok()?)).unwrap_or_default()
}

pub fn count(change: impl FnOnce(&mut Counts)) {
    change(&mut lock(&COUNTS));
}

/// What happened.
pub fn counts() -> Counts {
    *lock(&COUNTS)
}

/// Takes the hardware away, or brings it back.
pub fn vanish(is_gone: bool) {
    GONE.store(is_gone, Ordering::Release);
}

/// Whether the hardware is gone.
pub fn is_gone() -> bool {
    GONE.load(Ordering::Acquire)
}

/// Those that have buffers.
pub fn running() -> Vec<Arc<Running>> {
    lock(&RUNNING).clone()
}

pub fn add(running: Arc<Running>) {
    lock(&RUNNING).push(running);
}

pub fn remove(gone: &Arc<Running>) {
    lock(&RUNNING).retain(|running| !Arc::ptr_eq(running, gone));
}
