//! The credits of parcels under every interleaving of the two threads, on a model of the rings:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p crosspoint-graph --test credits_loom`.
//!
//! ```text
//! control  ── takes a credit, pushes ──▶ out ──▶  audio: installs, pushes the old one home (must not fail)
//!          ◀── gives the credit back ──  home ◀──
//! ```
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

/// Parcels about at once, as few as show the principle.
const CREDITS: usize = 2;

/// A ring of one producer and one consumer with the orderings of `rtrb`'s.
struct Ring {
    head: AtomicUsize,
    tail: AtomicUsize,
    slots: Vec<UnsafeCell<Option<usize>>>,
}

// SAFETY: a slot is written between head's release and tail's, and read between tail's and head's; loom checks it.
unsafe impl Sync for Ring {}

impl Ring {
    fn new(capacity: usize) -> Self {
        let slots = (0..capacity).map(|_| UnsafeCell::new(None)).collect();
        Self { head: AtomicUsize::new(0), tail: AtomicUsize::new(0), slots }
    }

    fn push(&self, value: usize) -> Result<(), usize> {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail - self.head.load(Ordering::Acquire) == self.slots.len() {
            return Err(value);
        }
        // SAFETY: the consumer does not touch a slot at or beyond the tail.
        self.slots[tail % self.slots.len()].with_mut(|slot| unsafe { *slot = Some(value) });
        self.tail.store(tail + 1, Ordering::Release);
        Ok(())
    }

    fn pop(&self) -> Option<usize> {
        let head = self.head.load(Ordering::Relaxed);
        if self.tail.load(Ordering::Acquire) == head {
            return None;
        }
        // SAFETY: the producer does not touch a slot below the tail until the head has passed it.
        let value = self.slots[head % self.slots.len()].with_mut(|slot| unsafe { (*slot).take() });
        self.head.store(head + 1, Ordering::Release);
        value
    }
}

/// The control half's side, as in `publish.rs`: takes back what came home, then sends if there is a credit.
struct Control {
    credits: usize,
    sent: usize,
    home: Vec<usize>,
}

impl Control {
    fn receive(&mut self, home: &Ring) {
        while let Some(parcel) = home.pop() {
            self.credits += 1;
            self.home.push(parcel);
        }
    }

    fn publish(&mut self, out: &Ring, home: &Ring) {
        self.receive(home);
        if self.credits > 0 {
            // Room for messages besides parcels: this ring is never the one that runs full.
            out.push(self.sent).expect("a credit without room on the way out");
            self.sent += 1;
            self.credits -= 1;
        }
    }
}

/// However the two threads interleave: the way home is never full, nothing is lost or doubled, and the credits are whole
/// again in the end.
#[test]
fn a_push_home_cannot_fail() {
    loom::model(|| {
        let out = Arc::new(Ring::new(CREDITS + 1));
        let home = Arc::new(Ring::new(CREDITS));
        let audio = {
            let (out, home) = (out.clone(), home.clone());
            thread::spawn(move || {
                // Two callbacks, each of which takes what is there and sends home what it replaces.
                for _ in 0..2 {
                    while let Some(parcel) = out.pop() {
                        assert!(home.push(parcel).is_ok(), "the ring home is full");
                    }
                }
            })
        };
        let mut control = Control { credits: CREDITS, sent: 0, home: Vec::new() };
        for _ in 0..3 {
            control.publish(&out, &home);
        }
        audio.join().unwrap();
        // A last callback, and all are home.
        while let Some(parcel) = out.pop() {
            assert!(home.push(parcel).is_ok(), "the ring home is full");
        }
        control.receive(&home);
        assert_eq!(control.credits, CREDITS);
        assert_eq!(control.home, (0..control.sent).collect::<Vec<_>>());
        assert!(control.sent >= CREDITS);
    });
}

/// The model can fail: one credit too many overruns the ring home in some interleaving.
#[test]
#[should_panic(expected = "the ring home is full")]
fn one_credit_too_many_is_found() {
    loom::model(|| {
        let out = Arc::new(Ring::new(CREDITS + 1));
        let home = Arc::new(Ring::new(CREDITS));
        let audio = {
            let (out, home) = (out.clone(), home.clone());
            thread::spawn(move || {
                while let Some(parcel) = out.pop() {
                    assert!(home.push(parcel).is_ok(), "the ring home is full");
                }
            })
        };
        let mut control = Control { credits: CREDITS + 1, sent: 0, home: Vec::new() };
        for _ in 0..3 {
            if control.credits > 0 {
                out.push(control.sent).expect("room on the way out");
                control.sent += 1;
                control.credits -= 1;
            }
        }
        audio.join().unwrap();
        control.receive(&home);
    });
}
