//! What a driver asks and tells beside its switches, and what it is answered.

use super::*;
use crosspoint_devices::ClockSource;

/// Each message as the interface numbers it, its value, the answer, and whether we say that we understand it.
const MESSAGES: [(&str, i32, i32, i32, bool); 17] = [
    ("selector supported: itself", 1, 1, 1, true),
    ("selector supported: nobody knows", 1, 99, 0, true),
    ("engine version", 2, 0, 2, true),
    ("reset request", RESET, 0, 1, true),
    ("buffer size change", 4, 128, 0, false),
    ("resync request", 5, 0, 1, true),
    ("latencies changed", 6, 0, 1, true),
    ("supports time info", 7, 0, 1, true),
    ("supports time code", 8, 0, 0, false),
    ("MMC command", 9, 0, 0, false),
    ("supports input monitor", 10, 0, 0, false),
    ("supports input gain", 11, 0, 0, false),
    ("supports input meter", 12, 0, 0, false),
    ("supports output gain", 13, 0, 0, false),
    ("supports output meter", 14, 0, 0, false),
    ("overload", 15, 0, 1, true),
    ("nobody knows", 99, 0, 0, false),
];

#[test]
fn messages_are_answered_truthfully() {
    let driver = Driver::new(Plan::default());
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    for (name, selector, value, answer, is_understood) in MESSAGES {
        assert_eq!(driver.message(selector, value), answer, "{name}");
        assert_eq!(driver.message(1, selector), i32::from(is_understood), "{name}: whether it is supported");
    }
    // The resync and the overload, each told once.
    eventually(|| stream.xruns() == 2);
    assert!(stream.notices().contains(&Notice::Xruns { new: 2, total: 2 }));
}

/// Another rate is told; the same one is not, though drivers say so.
#[test]
fn another_rate_is_told_once() {
    let driver = Driver::new(Plan::default());
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    driver.rate_changed(48_000.0);
    driver.step(1);
    driver.rate_changed(44_100.0);
    let mut changes = Vec::new();
    eventually(|| {
        changes.extend(stream.notices().into_iter().filter(|notice| matches!(notice, Notice::RateChanged { .. })));
        !changes.is_empty()
    });
    assert_eq!(changes, [Notice::RateChanged { rate: 44_100 }]);
}

/// A driver that says its buffers have another size is opened anew, whether it asks for that or not.
#[test]
fn a_size_that_changes_unasked_is_followed() {
    let driver = Driver::new(Plan::default());
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    driver.step(10);
    driver.configure(Plan { sizes: [32, 1024, 256, -1], ..Plan::default() });
    assert_eq!(driver.message(4, 256), 0);
    eventually(|| driver.counts().started == 1);
    driver.step(10);
    let counts = driver.counts();
    assert_eq!((counts.frames, counts.switches, counts.mismatches), (256, 10, 0));
    eventually(|| stream.notices().contains(&Notice::BufferSizeChanged { frames: 256 }));
}

/// A control panel that does everything at once before it comes back: switches, asks for a reset, tells of a rate.
#[test]
fn a_control_panel_may_call_back() {
    let driver = Driver::new(Plan::with(&[Trait::BusyPanel]));
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    stream.controls().unwrap().open_panel().unwrap();
    assert_eq!(driver.counts().panels, 1);
    eventually(|| driver.counts().started == 2);
    driver.step(10);
    let counts = driver.counts();
    assert_eq!((counts.switches, counts.mismatches), (11, 0));
}

#[test]
fn clocks_are_listed_and_chosen() {
    let driver = Driver::new(Plan::default());
    let mut stream = driver.open(&request()).unwrap();
    let controls = stream.controls().unwrap();
    let source =
        |index, name: &str, is_current| ClockSource { index, name: name.to_owned(), channel: None, is_current };
    let clocks = [source(0, "Internal", true), source(1, "Word Clock", false)];
    assert_eq!(controls.clock_sources().unwrap(), clocks);
    controls.set_clock_source(1).unwrap();
    assert!(controls.clock_sources().unwrap()[1].is_current);
    let refusal = controls.set_clock_source(7).unwrap_err().to_string();
    assert!(refusal.contains("takes no such value"), "{refusal}");
}

/// The position that the driver says, with its switches or, where it says nothing there, when it is asked. What it lost is
/// left out of the count.
#[test]
fn positions_are_the_drivers() {
    for traits in [&[][..], &[Trait::NoTime], &[Trait::DropsOut], &[Trait::DropsOut, Trait::NoTime]] {
        let driver = Driver::new(Plan::with(traits));
        let times = Arc::new(Mutex::new(Vec::with_capacity(16)));
        let seen = Arc::clone(&times);
        let callback = move |period: Period<'_>| {
            seen.lock().unwrap().push(period.time);
            through(period);
        };
        let mut stream = AsioBackend.open(&request(), Box::new(callback)).unwrap();
        assert!(stream.controls().unwrap().position().unwrap_err().to_string().contains("stands still"));
        stream.start().unwrap();
        driver.step(7);
        let frames: Vec<u64> = times.lock().unwrap().iter().map(|time| time.frame).collect();
        let drops = traits.iter().any(|one| matches!(one, Trait::DropsOut));
        let expected = if drops { [0, 1, 2, 4, 5, 6, 8] } else { [0, 1, 2, 3, 4, 5, 6] };
        assert_eq!(frames, expected.map(|period| period * 64), "{traits:?}");
        assert!(times.lock().unwrap().iter().all(|time| time.nanoseconds.is_some()), "{traits:?}");
        assert_eq!(stream.controls().unwrap().position().unwrap().frame, if drops { 8 * 64 } else { 6 * 64 });
    }
}
