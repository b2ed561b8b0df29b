//! ASIO's buffer switch with a driver that is exact, or wrong as it is told to be. Runs on Windows, and in Wine.
//!
//! ```text
//!   test driver: what comes in says where it stands ─► host: out = in ─► test driver: is it what came in, in this switch?
//! ```
#![cfg(windows)]

mod faults;
mod messages;
mod probing;
mod sharing;

use std::ptr::null;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use crosspoint_asio_driver::{NAME, Plan, TestDriver, Trait};
use crosspoint_devices::asio::AsioBackend;
use crosspoint_devices::{Backend, ChannelSelection, Notice, OpenError, Period, Stream, StreamRequest};
use windows_sys::Win32::Foundation::CloseHandle;
use windows_sys::Win32::System::Threading::CreateEventW;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// As the interface numbers it.
const RESET: i32 = 3;

/// The driver, and what a test does with it.
struct Driver(TestDriver);

impl std::ops::Deref for Driver {
    type Target = TestDriver;

    fn deref(&self) -> &TestDriver {
        &self.0
    }
}

impl Driver {
    fn new(plan: Plan) -> Self {
        Self(TestDriver::new(plan))
    }

    /// Switches so often; nothing of ours may allocate meanwhile.
    fn step(&self, count: u32) {
        assert_no_alloc(|| self.0.step(count));
    }

    fn open(&self, request: &StreamRequest) -> Result<Box<dyn Stream>, OpenError> {
        AsioBackend.open(request, Box::new(through))
    }

    fn refusal(&self, request: &StreamRequest) -> String {
        self.open(request).map(|_| ()).unwrap_err().to_string()
    }
}

/// Every output is the input of the same place.
fn through(period: Period<'_>) {
    for (output, input) in period.outputs.iter_mut().zip(period.inputs) {
        output.copy_from_slice(input);
    }
}

fn request() -> StreamRequest {
    StreamRequest { device: Some(NAME.to_owned()), ..StreamRequest::default() }
}

fn eventually(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "what was waited for did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Drivers are listed by name without being loaded; one whose class is gone says so, and cannot be opened.
#[test]
fn drivers_are_listed_by_what_the_registry_says() {
    let driver = Driver::new(Plan::default());
    driver.register("Crosspoint Broken Driver", "{0B0B0B0B-0000-0000-0000-000000000000}");
    let devices = AsioBackend.devices().unwrap();
    let device = |name: &str| devices.iter().find(|device| device.name == name).unwrap();
    assert_eq!(device(NAME).description, "Driver for tests");
    assert_eq!(device(NAME).broken, None);
    assert!(device("Crosspoint Broken Driver").broken.as_ref().is_some_and(|why| why.contains("is not registered")));
    assert_eq!(driver.counts().made, 0);
    let broken = StreamRequest { device: Some("Crosspoint Broken Driver".to_owned()), ..request() };
    assert!(driver.refusal(&broken).contains("install the driver again"));
    let unknown = StreamRequest { device: Some("nobody".to_owned()), ..request() };
    assert!(driver.refusal(&unknown).contains(NAME), "what there is, is named");
}

/// Every sample format, with another one on the second channel: what came in goes out in the same switch, all bits.
#[test]
fn every_format_goes_through_in_the_same_switch() {
    for sample_type in [0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 17, 18, 19, 20, 24, 25, 26, 27] {
        for second_type in [-1, 17] {
            let driver = Driver::new(Plan { sample_type, second_type, ..Plan::default() });
            let mut stream = driver.open(&request()).unwrap();
            stream.start().unwrap();
            driver.step(100);
            let counts = driver.counts();
            assert_eq!((counts.switches, counts.compared), (100, 100 * 8 * 64), "format {sample_type}");
            assert_eq!(counts.mismatches, 0, "format {sample_type}, second {second_type}");
            assert_eq!(counts.output_ready, 101, "asked once, then told in each switch");
        }
    }
}

/// Any channels of both sides in any order; the others have no buffers.
#[test]
fn any_channels_in_any_order() {
    let driver = Driver::new(Plan::default());
    let crossed = |period: Period<'_>| {
        let [first, second] = period.outputs else { panic!("two outputs were asked for") };
        first.copy_from_slice(period.inputs[1]);
        second.copy_from_slice(period.inputs[0]);
    };
    let selection = |text: &str| text.parse::<ChannelSelection>().unwrap();
    let request = StreamRequest { inputs: selection("3,7"), outputs: selection("7,3"), ..request() };
    let mut stream = AsioBackend.open(&request, Box::new(crossed)).unwrap();
    assert_eq!(stream.info().inputs, ["test in 3", "test in 7"]);
    assert_eq!(stream.info().outputs, ["test out 7", "test out 3"]);
    stream.start().unwrap();
    driver.step(50);
    let counts = driver.counts();
    assert_eq!((counts.compared, counts.mismatches), (50 * 2 * 64, 0));
    let beyond = StreamRequest { outputs: selection("9"), ..self::request() };
    assert!(driver.refusal(&beyond).contains("channel 9 does not exist"));
}

/// Where a format is this machine's own floats, the callback has the driver's buffers themselves: what it reads and writes
/// lies where the driver put it, both halves in turn, and nowhere else.
#[test]
fn native_floats_are_used_in_place() {
    for (sample_type, is_native) in [(19, true), (18, false), (3, false)] {
        let driver = Driver::new(Plan { sample_type, ..Plan::default() });
        let places = Arc::new(Mutex::new(Vec::with_capacity(16)));
        let seen = Arc::clone(&places);
        let callback = move |period: Period<'_>| {
            seen.lock().unwrap().push((period.inputs[0].as_ptr().addr(), period.outputs[0].as_ptr().addr()));
            through(period);
        };
        let mut stream = AsioBackend.open(&request(), Box::new(callback)).unwrap();
        stream.start().unwrap();
        driver.step(4);
        assert_eq!(driver.counts().mismatches, 0);
        let places = places.lock().unwrap();
        assert_eq!((places[0], places[1]), (places[2], places[3]), "two halves in turn");
        // Our own room for converted samples is one for both halves.
        assert_eq!(places[0] != places[1], is_native, "format {sample_type}");
    }
}

/// One side alone: playing without an input, hearing without an output.
#[test]
fn one_side_alone() {
    let driver = Driver::new(Plan::default());
    let none = ChannelSelection::none;
    for (inputs, outputs) in [(none(), ChannelSelection::all()), (ChannelSelection::all(), none())] {
        let request = StreamRequest { inputs, outputs, ..request() };
        let mut stream = AsioBackend
            .open(
                &request,
                Box::new(|period: Period<'_>| period.outputs.iter_mut().for_each(|output| output.fill(0.0))),
            )
            .unwrap();
        stream.start().unwrap();
        driver.step(5);
    }
    assert_eq!(driver.counts().switches, 10);
    let request = StreamRequest { inputs: none(), outputs: none(), ..request() };
    assert!(matches!(driver.open(&request), Err(OpenError::NoChannels { .. })));
}

/// The driver's rate is switched to the one asked for; one that it has not, or that is kept from it, is refused with the
/// reason.
#[test]
fn the_rate_is_switched_or_refused() {
    let driver = Driver::new(Plan::default());
    let at = |rate| StreamRequest { rate: Some(rate), ..request() };
    assert_eq!(driver.open(&at(44_100)).unwrap().info().rate, 44_100);
    assert_eq!(driver.open(&request()).unwrap().info().rate, 48_000);
    assert!(driver.refusal(&at(96_000)).contains("it offers 44100, 48000 Hz"), "{}", driver.refusal(&at(96_000)));
    driver.configure(Plan::with(&[Trait::RateLocked]));
    let refusal = driver.refusal(&at(44_100));
    assert!(refusal.contains("kept at 48000 Hz by another program"), "{refusal}");
    assert_eq!(driver.open(&at(48_000)).unwrap().info().rate, 48_000);
}

/// Buffer sizes are those that the driver offers; others are refused with the list.
#[test]
fn buffer_sizes_are_the_drivers_own() {
    let driver = Driver::new(Plan::default());
    let of = |frames| StreamRequest { buffer_frames: Some(frames), ..request() };
    assert_eq!(driver.open(&request()).unwrap().info().buffer_frames, 64);
    assert_eq!(driver.open(&of(256)).unwrap().info().buffer_frames, 256);
    assert!(driver.refusal(&of(96)).contains("it offers 32, 64, 128, 256, 512, 1024"), "{}", driver.refusal(&of(96)));
    driver.configure(Plan { sizes: [0, 0, 0, 0], ..Plan::default() });
    assert!(driver.refusal(&request()).contains("no buffer size"));
}

/// What a driver says of itself when it cannot start is what the user reads. DSD is refused by name.
#[test]
fn a_driver_that_cannot_says_why() {
    let driver = Driver::new(Plan::with(&[Trait::Busy]));
    assert!(matches!(driver.open(&request()), Err(OpenError::Busy { .. })));
    driver.configure(Plan { sample_type: 32, ..Plan::default() });
    assert!(driver.refusal(&request()).contains("DSD"));
    driver.configure(Plan::with(&[Trait::NoLastBuffer]));
    assert!(driver.refusal(&request()).contains("no buffer for one of its channels"));
    let counts = driver.counts();
    assert_eq!((counts.alive, counts.buffers), (0, 0), "what was refused is released");
}

/// Switches that come early, two at once, or without a time are survived. Two at once lose one, which is counted.
#[test]
fn drivers_call_when_they_please() {
    for early in [
        Trait::SwitchesInStart,
        Trait::SwitchesInCreate,
        Trait::NoTime,
        Trait::NoOutputReady,
        Trait::RepeatsRate,
        Trait::TellsRateInSet,
    ] {
        let driver = Driver::new(Plan::with(&[early]));
        let mut stream = driver.open(&request()).unwrap();
        stream.start().unwrap();
        let before = driver.counts().mismatches;
        driver.step(20);
        assert_eq!(driver.counts().mismatches, before, "{early:?}");
        assert!(!stream.notices().iter().any(|notice| matches!(notice, Notice::RateChanged { .. })), "{early:?}");
    }
    let driver = Driver::new(Plan::with(&[Trait::CallsTwice]));
    let slow = |period: Period<'_>| {
        std::thread::sleep(Duration::from_millis(20));
        through(period);
    };
    let mut stream = AsioBackend.open(&request(), Box::new(slow)).unwrap();
    stream.start().unwrap();
    // Without the guard: our sleep is no way to render.
    driver.0.step(5);
    assert!(stream.xruns() > 0);
}

/// ```text
///   64 frames ── reset asked for ──► closed, opened ── 128 frames: the same channels, the same callback, by itself
/// ```
#[test]
fn a_reset_resumes_with_the_same_rig() {
    let driver = Driver::new(Plan::default());
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    driver.step(10);
    driver.configure(Plan { sizes: [32, 1024, 128, -1], ..Plan::default() });
    let asked = Instant::now();
    assert_eq!(driver.message(RESET, 0), 1);
    eventually(|| driver.counts().started == 1);
    println!("resumed after {} ms", asked.elapsed().as_millis());
    driver.step(10);
    let counts = driver.counts();
    assert_eq!((counts.frames, counts.switches, counts.mismatches), (128, 10, 0));
    assert_eq!((counts.made, counts.alive, counts.buffers), (1, 1, 1));
    let mut notices = Vec::new();
    eventually(|| {
        notices.extend(stream.notices());
        notices.contains(&Notice::BufferSizeChanged { frames: 128 })
    });
    assert_eq!(stream.latency().round_trip(), Some(128 + 32 + 128 + 16));
}

/// A driver that asks for a reset in every switch is opened anew once it is silent for a moment, and goes on.
#[test]
fn a_storm_of_resets_is_one_reset() {
    let driver = Driver::new(Plan::with(&[Trait::AsksInSwitch]));
    let mut stream = driver.open(&request()).unwrap();
    stream.start().unwrap();
    driver.step(30);
    eventually(|| driver.counts().started == 2);
    assert_eq!(driver.counts().made, 2);
    driver.step(1);
    assert_eq!(driver.counts().mismatches, 0);
}

/// What the driver reports is what is shown, its buffers included, and nothing is added to it.
#[test]
fn the_latency_is_the_drivers() {
    let driver = Driver::new(Plan::default());
    let stream = driver.open(&request()).unwrap();
    let latency = stream.latency();
    assert_eq!((latency.input, latency.output, latency.join), (Some(96), Some(80), 0));
    drop(stream);
    assert_eq!(driver.counts().alive, 0);
}

/// Positions count on over what a pause or a reset leaves out, and never go back.
#[test]
fn positions_never_go_back() {
    let driver = Driver::new(Plan::default());
    let last = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&last);
    let callback = move |period: Period<'_>| {
        let before = seen.swap(period.time.frame + period.frames as u64, Ordering::Relaxed);
        assert!(period.time.frame >= before);
        through(period);
    };
    let mut stream = AsioBackend.open(&request(), Box::new(callback)).unwrap();
    stream.start().unwrap();
    driver.step(10);
    stream.stop().unwrap();
    driver.step(10);
    stream.start().unwrap();
    driver.step(10);
    assert_eq!(driver.message(RESET, 0), 1);
    eventually(|| driver.counts().made == 2 && driver.counts().started == 3);
    driver.step(10);
    assert_eq!(last.load(Ordering::Relaxed), 30 * 64);
    assert!(
        !stream.notices().iter().any(|notice| matches!(notice, Notice::Stopped { .. })),
        "the callback did not panic"
    );
}

/// A driver that runs as fast as it can is closed at any moment: by a call, which hands the callback back, or by drop. No
/// callback runs after that, and nothing is left of it.
#[test]
fn a_thousand_times_open_and_closed() {
    let driver = Driver::new(Plan::with(&[Trait::FreeRunning]));
    let handles = free_handle();
    let calls = Arc::new(AtomicU64::new(0));
    for round in 0..1000 {
        let counter = Arc::clone(&calls);
        let callback = move |period: Period<'_>| {
            counter.fetch_add(1, Ordering::Relaxed);
            through(period);
        };
        let mut stream = AsioBackend.open(&request(), Box::new(callback)).unwrap();
        stream.start().unwrap();
        if round % 2 == 0 {
            assert!(stream.close().is_some(), "the callback comes home");
        } else {
            drop(stream);
        }
        assert_eq!(Arc::strong_count(&calls), 1, "the callback is gone");
    }
    let before = calls.load(Ordering::Relaxed);
    driver.step(10);
    assert_eq!(calls.load(Ordering::Relaxed), before);
    let counts = driver.counts();
    assert_eq!((counts.alive, counts.buffers, counts.made), (0, 0, 1000));
    assert_eq!(counts.mismatches, 0);
    assert_eq!(counts.stopped, counts.started);
    // Each had a thread and an event, of which one handle each would be left.
    let left = free_handle().saturating_sub(handles);
    assert!(left < 100, "{left} handles are left of a thousand streams");
}

/// The number that a new handle gets: the lowest that is free, so that it rises with handles that are left open. The count
/// of handles itself is a stub in some versions of Wine.
fn free_handle() -> usize {
    // SAFETY: an event of no name, closed once.
    unsafe {
        let event = CreateEventW(null(), 0, 0, null());
        assert!(!event.is_null());
        CloseHandle(event);
        event.addr() / 4
    }
}
