//! MIDI devices and the rig, in simulated time: a desk of virtual devices, a clock that the test sets, and periods that
//! the test calls.
//!
//! ```text
//!   desk: Keys ──► role "keys" ──► recorder            role "synth" ──► desk: Synth
//! ```

mod by_hand;

use assert_no_alloc::assert_no_alloc;
use by_hand::ByHand;
use crosspoint::devices::midi::{Direction, TickClock, VirtualMidi, delay_frames};
use crosspoint::devices::{DuplexCallback, Period, PeriodTime};
use crosspoint::graph::event::{Event, EventBody};
use crosspoint::graph::{Block, EventPort, Node, Processor, Status};
use crosspoint::{Engine, EngineSettings, MidiEvent, Notice};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[cfg(debug_assertions)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

const RATE: u32 = 48_000;
const FRAMES: usize = 64;
/// Ticks a second of the simulated clocks: nanoseconds.
const TICKS: f64 = 1e9;

/// Tells what it receives, by the frame at which it does.
struct Recorder(rtrb::Producer<(u64, Event)>);

impl Processor for Recorder {
    fn process(&mut self, block: Block<'_>) -> Status {
        for event in block.events() {
            let _ = self.0.push((block.chunk().steady_frame + u64::from(event.frame), *event));
        }
        Status::Continue
    }
}

/// An engine on a desk, whose periods the test calls.
struct Stage {
    engine: Engine,
    desk: VirtualMidi,
    callback: Box<dyn DuplexCallback>,
    notices: Vec<Notice>,
}

impl Stage {
    fn new(clock: fn() -> u64) -> Self {
        let mut engine = Engine::new(EngineSettings::default());
        let desk = VirtualMidi::default();
        engine.set_midi_backend(Box::new(desk.clone()), TickClock { now: clock, per_second: TICKS });
        engine.play_on(Box::new(ByHand::new(RATE, FRAMES as u32))).unwrap();
        let callback = engine.callback();
        Self { engine, desk, callback, notices: Vec::new() }
    }

    /// An event input of the role, wired to a recorder.
    fn record(&mut self, role: &str) -> rtrb::Consumer<(u64, Event)> {
        let (told, heard) = rtrb::RingBuffer::new(1 << 16);
        let node = Node { event_inputs: vec![EventPort::new("events")], ..Node::processor("recorder") };
        let input = self.engine.add_event_input("keys", role).unwrap();
        let recorder = self.engine.add_processor(node, Box::new(Recorder(told))).unwrap();
        self.engine.connect_events(input, recorder).unwrap();
        heard
    }

    fn period(&mut self) {
        let callback = &mut self.callback;
        let time = PeriodTime::default();
        assert_no_alloc(|| {
            callback.process(Period {
                inputs: &[],
                outputs: &mut [],
                frames: FRAMES,
                time,
                xruns: 0,
                freewheel: false,
                midi: None,
            });
        });
    }

    /// Lets the engine and its callback run until something is so. Ports are looked for in real time.
    fn until(&mut self, mut so: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !so(self) {
            self.notices.extend(self.engine.poll());
            self.period();
            assert!(started.elapsed() < Duration::from_secs(30), "it does not come: {:?}", self.notices);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn open(&mut self, direction: Direction, role: &str, name: &str, id: &str) {
        self.desk.plug(direction, name, id);
        self.engine.open_midi(direction, role, name);
        self.until(|stage| stage.is_open(name));
        (0..4).for_each(|_| self.period());
    }

    fn is_open(&self, name: &str) -> bool {
        self.engine.midi_connections().iter().any(|port| port.name == name && port.open.is_some())
    }
}

fn bodies(heard: &mut rtrb::Consumer<(u64, Event)>) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Ok((_, event)) = heard.pop() {
        bodies.push(match event.body {
            EventBody::NoteOn { address, .. } => format!("on {}", address.key),
            EventBody::NoteOff { address, .. } => format!("off {}", address.key),
            EventBody::Midi(bytes) => format!("{bytes:x?}"),
            other => format!("{other:?}"),
        });
    }
    bodies
}

/// Numbers from 0 to 1, the same everywhere.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    }
}

/// Keys are pressed at any time; the driver's thread brings them up to 0.3 ms late, and periods wake up up to 0.5 ms late.
/// Each is heard at the frame of its time and the constant delay that is stated, within a frame once the clock of the
/// periods has settled, which takes it ten seconds.
#[test]
fn events_are_heard_at_their_time_and_a_constant() {
    static NOW: AtomicU64 = AtomicU64::new(1_000_000_000);
    let mut stage = Stage::new(|| NOW.load(Ordering::Relaxed));
    let mut heard = stage.record("keys");
    stage.open(Direction::Input, "keys", "Keys", "1");
    while heard.pop().is_ok() {}

    let (mut late, mut gap, mut brought) = (noise(1), noise(2), noise(3));
    let begin = NOW.load(Ordering::Relaxed) as f64 / TICKS + 1.0;
    let frame_zero = {
        // Frames rendered before time begins: the recorder counts them all.
        NOW.store((begin * TICKS) as u64, Ordering::Relaxed);
        stage.engine.cell().with(|renderer| renderer.frame()).unwrap()
    };
    let mut played = Vec::new();
    let mut next = 0.01;
    for period in 0..18_000_u64 {
        let wake = period as f64 * FRAMES as f64 / f64::from(RATE) + late() * 0.000_5;
        loop {
            // The thread that brings a message is never early, and now and then on time.
            let arrival = next + if played.len() % 4 == 0 { 0.0 } else { brought() * 0.000_3 };
            if arrival >= wake {
                break;
            }
            NOW.store(((begin + arrival) * TICKS) as u64, Ordering::Relaxed);
            assert!(stage.desk.play("1", (next * 1e6) as u64 + 77_000_000, &[0xB0, 1, played.len() as u8 & 127]));
            played.push(next);
            next += 0.001 + gap() * 0.02;
        }
        NOW.store(((begin + wake) * TICKS) as u64, Ordering::Relaxed);
        stage.period();
    }
    let mut constants = Vec::new();
    for time in &played {
        let Ok((frame, _)) = heard.pop() else { break };
        if *time > 10.0 {
            constants.push((frame - frame_zero) as f64 - time * f64::from(RATE));
        }
    }
    assert!(constants.len() > 800, "{} of {} heard", constants.len(), played.len());
    let mean = constants.iter().sum::<f64>() / constants.len() as f64;
    let worst = constants.iter().map(|constant| (constant - mean).abs()).fold(0.0, f64::max);
    assert!(worst <= 1.0, "{worst} frames off");
    // Wake-ups are 0.25 ms late on average, which is 12 frames that the clock cannot know of.
    let stated = f64::from(delay_frames(FRAMES as u32, f64::from(RATE)));
    assert!((mean - (stated - 12.0)).abs() < 1.5, "{mean} frames late, {stated} stated");
    assert_eq!(stage.engine.midi_connections()[0].delay, Some(stated as u32));
}

/// Two keyboards play one role and hold the same key. One is unplugged: what it alone holds ends, and no more; it comes
/// back and is heard again.
#[test]
fn a_device_that_vanishes_ends_its_own_notes() {
    let mut stage = Stage::new(|| 0);
    let mut heard = stage.record("keys");
    stage.open(Direction::Input, "keys", "Lower", "1");
    stage.open(Direction::Input, "keys", "Upper", "2");
    stage.desk.play("1", 0, &[0x90, 60, 100, 62, 100]);
    stage.desk.play("2", 0, &[0x90, 60, 100, 64, 100]);
    (0..8).for_each(|_| stage.period());
    assert_eq!(bodies(&mut heard), ["on 60", "on 62", "on 60", "on 64"]);

    stage.desk.unplug("1");
    stage.until(|stage| !stage.is_open("Lower"));
    assert!(stage.notices.contains(&Notice::Midi {
        direction: Direction::Input,
        role: "keys".into(),
        event: MidiEvent::Lost
    }));
    (0..8).for_each(|_| stage.period());
    assert_eq!(bodies(&mut heard), ["off 62"], "the other still holds 60");
    stage.desk.play("2", 0, &[0x80, 60, 0, 64, 0]);
    (0..8).for_each(|_| stage.period());
    assert_eq!(bodies(&mut heard), ["off 60", "off 60", "off 64"]);

    stage.desk.plug(Direction::Input, "Lower", "9");
    stage.until(|stage| stage.is_open("Lower"));
    (0..8).for_each(|_| stage.period());
    stage.desk.play("9", 0, &[0x90, 65, 100]);
    (0..8).for_each(|_| stage.period());
    assert_eq!(bodies(&mut heard), ["on 65"]);
    stage.engine.close_midi(Direction::Input, "keys");
    stage.engine.poll();
    (0..8).for_each(|_| stage.period());
    assert_eq!(bodies(&mut heard), ["off 65"]);
}

/// From a keyboard through the rig to a synthesizer: running status and system-exclusive messages in pieces come out whole,
/// in order. The synthesizer's notes end when the rig's way to it goes.
#[test]
fn through_the_rig_to_a_device() {
    static START: OnceLock<Instant> = OnceLock::new();
    let mut stage = Stage::new(|| START.get_or_init(Instant::now).elapsed().as_nanos() as u64);
    let input = stage.engine.add_event_input("keys", "keys").unwrap();
    let output = stage.engine.add_event_output("synth", "synth").unwrap();
    let edge = stage.engine.connect_events(input, output).unwrap();
    stage.open(Direction::Input, "keys", "Keys", "1");
    stage.open(Direction::Output, "synth", "Synth", "2");
    for bytes in [&[0x91, 60, 100, 62][..], &[90, 0xF0, 1, 2], &[3, 0xF8, 0xF7, 0xC1, 5, 0x81, 60, 7]] {
        stage.desk.play("1", 0, bytes);
    }
    let mut sent = Vec::new();
    stage.until(|stage| {
        sent.extend(stage.desk.take_sent("2"));
        sent.len() == 6
    });
    let expected: [&[u8]; 6] =
        [&[0x91, 60, 100], &[0x91, 62, 90], &[0xF8], &[0xF0, 1, 2, 3, 0xF7], &[0xC1, 5], &[0x81, 60, 7]];
    assert_eq!(sent, expected);
    stage.engine.apply(vec![crosspoint::graph::graph::Edit::Disconnect { id: edge }]).unwrap();
    stage.until(|stage| {
        let more = stage.desk.take_sent("2");
        more == [[0x81, 62, 0]]
    });
}

/// What the machine has no MIDI for is told and waited for; the rig plays on.
#[test]
fn what_is_not_there_is_told() {
    let mut stage = Stage::new(|| 0);
    let _heard = stage.record("keys");
    stage.engine.open_midi(Direction::Input, "keys", "jack:system:midi_capture_1");
    let told = |notice: &Notice| matches!(notice, Notice::Midi { event: MidiEvent::Refused { reason }, .. } if reason.contains("carries no MIDI"));
    stage.until(|stage| stage.notices.iter().any(told));
    let listing = stage.engine.midi_ports();
    assert!(listing.inputs.is_empty() && listing.unavailable.is_none());
}
