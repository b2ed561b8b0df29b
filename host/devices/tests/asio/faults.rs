//! Drivers that do what they should not: survived, and told.

use super::*;

/// A driver that calls although it was stopped, and after its buffers and itself are gone: nothing runs.
#[test]
fn a_driver_may_call_late() {
    let driver = Driver::new(Plan::with(&[Trait::CallsAfterStop]));
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    let callback = move |period: Period<'_>| {
        counter.fetch_add(1, Ordering::Relaxed);
        through(period);
    };
    let mut stream = AsioBackend.open(&request(), Box::new(callback)).unwrap();
    stream.start().unwrap();
    driver.step(3);
    stream.stop().unwrap();
    driver.step(3);
    assert_eq!(calls.load(Ordering::Relaxed), 3, "it is stopped");
    stream.start().unwrap();
    driver.step(2);
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    drop(stream);
    assert_eq!(driver.counts().alive, 0);
    driver.step(3);
    assert_eq!((calls.load(Ordering::Relaxed), driver.counts().switches), (5, 11), "it called, and nothing ran");
}

/// A driver that says it prefers a size and refuses to make such buffers is opened with the size that is nearest to it; one
/// whose numbers cannot be is refused.
#[test]
fn a_driver_may_lie_about_sizes() {
    let driver = Driver::new(Plan::with(&[Trait::RefusesPreferred]));
    let mut stream = driver.open(&request()).unwrap();
    assert_eq!(stream.info().buffer_frames, 32);
    stream.start().unwrap();
    driver.step(10);
    assert_eq!(driver.counts().mismatches, 0);
    drop(stream);
    let refusal = driver.refusal(&StreamRequest { buffer_frames: Some(64), ..request() });
    assert!(refusal.contains("making buffers of 64 frames"), "{refusal}");
    driver.configure(Plan { sizes: [1 << 30, 1 << 30, 1 << 30, 0], ..Plan::default() });
    assert!(driver.refusal(&request()).contains("no buffer size"));
    driver.configure(Plan { inputs: i32::MAX, ..Plan::default() });
    assert!(driver.refusal(&request()).contains("which cannot be"));
}

/// ```text
///   plays ── the hardware is pulled ──► DeviceLost ── it comes back ──► opened again: the same callback, every sample
/// ```
#[test]
fn what_vanishes_is_told_and_comes_back() {
    let driver = Driver::new(Plan::with(&[Trait::FreeRunning]));
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    eventually(|| driver.counts().switches > 100);
    driver.vanish(true);
    eventually(|| {
        let notices = stream.notices();
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::DeviceLost { reason } if reason.contains("hardware is gone")))
    });
    assert!(matches!(stream.start(), Err(crosspoint_devices::StreamError::Lost { .. })));
    let callback = stream.close().expect("the callback comes home");
    let refusal = driver.refusal(&request());
    assert!(refusal.contains("not connected"), "{refusal}");
    assert_eq!(driver.counts().alive, 0);
    driver.vanish(false);
    let before = driver.counts().switches;
    let mut stream = AsioBackend.open(&request(), callback).unwrap();
    stream.start().unwrap();
    eventually(|| driver.counts().switches > before + 100);
    drop(stream);
    assert_eq!(driver.counts().mismatches, 0);
}

/// A driver that vanishes just when it is asked for a reset is lost, too.
#[test]
fn a_reset_without_hardware_is_a_loss() {
    let driver = Driver::new(Plan::default());
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    assert_eq!(driver.message(RESET, 0), 1);
    driver.vanish(true);
    let mut notices = Vec::new();
    eventually(|| {
        notices.extend(stream.notices());
        notices.iter().any(|notice| matches!(notice, Notice::DeviceLost { .. }))
    });
    assert_eq!(driver.counts().alive, 0);
}

/// A driver with a clock of its own is followed as it comes.
#[test]
fn a_paced_driver_is_followed() {
    let driver = Driver::new(Plan::with(&[Trait::Paced]));
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    eventually(|| driver.counts().switches >= 50);
    stream.stop().unwrap();
    assert_eq!(driver.counts().mismatches, 0);
}
