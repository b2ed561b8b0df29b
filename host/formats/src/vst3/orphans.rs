//! Plugins that were dropped while their audio half was out: kept until that is gone, and ended on their main thread.

use std::cell::RefCell;
use std::sync::Arc;

use super::instance::Instance;
use super::processor::Leash;

thread_local! {
    static ORPHANS: RefCell<Vec<(Leash, Instance)>> = const { RefCell::new(Vec::new()) };
}

/// Ends the orphans whose audio half is gone.
pub(crate) fn reap() {
    let orphans = ORPHANS.with_borrow_mut(std::mem::take);
    // Outside the borrow: a plugin's end is foreign code.
    let waiting: Vec<_> = orphans.into_iter().filter(|(leash, _)| Arc::strong_count(leash) > 1).collect();
    ORPHANS.with_borrow_mut(|orphans| orphans.extend(waiting));
}

/// Ends a plugin, now or once its audio half, which has the leash as well, is gone.
pub(crate) fn end(leash: &Leash, instance: Instance) {
    if Arc::strong_count(leash) > 1 {
        let mut orphan = Some((Arc::clone(leash), instance));
        let kept = ORPHANS.try_with(|orphans| orphans.borrow_mut().extend(orphan.take()));
        if kept.is_err() {
            // On a thread that ends there is nobody left to wait: then it is never ended.
            std::mem::forget(orphan);
        }
    }
}
