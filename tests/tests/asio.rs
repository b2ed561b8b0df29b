//! The rig inside ASIO's buffer switch, on a driver that compares. Runs on Windows, and in Wine.
//!
//! ```text
//!   test driver ──► input ──────────────────────► output ──► test driver: all bits of what came in, in the same switch?
//!                     └──► witness (silent) ─ gain ──┘         meanwhile: the witness comes, its gain moves, it goes
//! ```
#![cfg(windows)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use crosspoint::devices::{DeviceName, StreamRequest};
use crosspoint::graph::graph::Edit;
use crosspoint::graph::{AudioPort, Block, Cell, ChannelLayout, EdgeId, Node, NodeId, Processor, Status};
use crosspoint::{Engine, EngineSettings};
use crosspoint_asio_driver::{NAME, Plan, TestDriver};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// All sample formats of the interface that are not DSD.
const FORMATS: [i32; 18] = [0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 17, 18, 19, 20, 24, 25, 26, 27];

/// Plays silence, and says when it played for the first time.
struct Witness {
    heard: Arc<AtomicU64>,
    is_new: bool,
}

impl Processor for Witness {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        self.heard.fetch_add(u64::from(std::mem::take(&mut self.is_new)), Ordering::Release);
        block.clear_outputs();
        Status::Continue
    }
}

/// A rig that lets all channels through, played by the driver.
struct Rig {
    engine: Engine,
    channels: u32,
    input: NodeId,
    output: NodeId,
    through: EdgeId,
    /// How many witnesses have played.
    heard: Arc<AtomicU64>,
}

impl Rig {
    fn new(channels: u32) -> Self {
        let mut engine = Engine::new(EngineSettings::default());
        let all: Vec<Option<u32>> = (0..channels).map(Some).collect();
        let (input, output, through) = engine
            .batch(|engine| {
                let input = engine.add_input("in", "in", &all)?;
                let output = engine.add_output("out", "out", &all)?;
                Ok((input, output, engine.connect(input, output)?))
            })
            .unwrap();
        Self { engine, channels, input, output, through, heard: Arc::default() }
    }

    fn open(&mut self) {
        let name = DeviceName { backend: "asio".to_owned(), device: Some(NAME.to_owned()) };
        self.engine.open_device(Some(&name), &StreamRequest::default()).unwrap();
    }

    /// Waits for something that another thread does, and lets the engine do its part. False once `is_over`.
    fn until(&mut self, is_over: &AtomicBool, holds: impl Fn(&Self) -> bool) -> bool {
        let begun = Instant::now();
        while !holds(self) {
            if is_over.load(Ordering::Acquire) {
                return false;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "what was waited for did not come");
            self.engine.poll();
            std::thread::yield_now();
        }
        true
    }

    /// A witness comes, plays, becomes softer and as loud as before, and goes. False once `is_over`.
    fn edit(&mut self, is_over: &AtomicBool) -> bool {
        let port = || vec![AudioPort::new("main", ChannelLayout::from_channels(self.channels))];
        let node = Node { audio_inputs: port(), audio_outputs: port(), ..Node::processor("witness") };
        let witness = Witness { heard: Arc::clone(&self.heard), is_new: true };
        let before = self.heard.load(Ordering::Acquire);
        let (input, output) = (self.input, self.output);
        let (witness, edge) = self
            .engine
            .batch(|engine| {
                let witness = engine.add_processor(node, Box::new(witness))?;
                engine.connect(input, witness)?;
                Ok((witness, engine.connect(witness, output)?))
            })
            .unwrap();
        let has_landed = self.until(is_over, |rig| rig.heard.load(Ordering::Acquire) > before);
        for gain in [0.5, 1.0] {
            self.engine.set_cell(edge, 0, 0, Cell::new(gain)).unwrap();
            self.engine.poll();
        }
        self.engine.apply(vec![Edit::RemoveNode { id: witness }]).unwrap();
        self.engine.poll();
        has_landed
    }
}

/// Has the driver switch so often, as fast as it can, under a guard against allocation, while `meanwhile` runs here.
fn switching(driver: &TestDriver, switches: u32, meanwhile: impl FnOnce(&AtomicBool)) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let switching = scope.spawn(|| {
            assert_no_alloc(|| driver.step(switches));
            is_over.store(true, Ordering::Release);
        });
        meanwhile(&is_over);
        switching.join().unwrap();
    });
}

/// Every format on every number of channels with every size of buffer: all bits that a format and a float both hold, in the
/// same switch, while edits land.
fn every_format_on(channels: u32, switches: u32) {
    let begun = Instant::now();
    let mut rig = Rig::new(channels);
    let mut all = 0;
    for sample_type in FORMATS {
        for frames in [32, 64, 250, 512] {
            let count = channels as i32;
            let sizes = [frames; 4];
            let driver = TestDriver::new(Plan { inputs: count, outputs: count, sample_type, sizes, ..Plan::default() });
            rig.open();
            let before = rig.heard.load(Ordering::Acquire);
            switching(&driver, switches, |is_over| while rig.edit(is_over) {});
            rig.engine.close_device();
            let counts = driver.counts();
            let what = format!("format {sample_type}, {channels} channels, {frames} frames");
            let samples = u64::from(switches) * u64::from(channels) * frames as u64;
            assert_eq!((counts.switches, counts.compared), (switches, samples), "{what}");
            assert_eq!(counts.mismatches, 0, "{what}");
            assert!(rig.heard.load(Ordering::Acquire) > before, "edits land: {what}");
            all += counts.switches;
        }
    }
    let heard = rig.heard.load(Ordering::Acquire);
    println!("{channels} channels: {all} switches, {heard} edits landed, {} ms", begun.elapsed().as_millis());
}

#[test]
fn every_format_on_one_channel() {
    every_format_on(1, 10_000);
}

#[test]
fn every_format_on_two_channels() {
    every_format_on(2, 10_000);
}

#[test]
fn every_format_on_eight_channels() {
    every_format_on(8, 10_000);
}

#[test]
fn every_format_on_sixty_four_channels() {
    every_format_on(64, 2_000);
}

/// A hundred thousand switches without a pause, as an interface has them: 32-bit integers, eight channels, 64 frames.
#[test]
fn a_hundred_thousand_switches() {
    let driver = TestDriver::new(Plan::default());
    let mut rig = Rig::new(8);
    rig.open();
    switching(&driver, 100_000, |is_over| while rig.edit(is_over) {});
    rig.engine.close_device();
    let counts = driver.counts();
    assert_eq!((counts.switches, counts.mismatches), (100_000, 0));
    println!("{} edits landed", rig.heard.load(Ordering::Acquire));
}

/// A gain that is heard, down and up again: what is played differs meanwhile, and is what came in before and after.
#[test]
fn a_gain_that_returns_leaves_nothing_behind() {
    let driver = TestDriver::new(Plan::default());
    let mut rig = Rig::new(8);
    rig.open();
    let mismatches = || driver.counts().mismatches;
    driver.step(1_000);
    assert_eq!(mismatches(), 0);
    for (gain, differs) in [(0.5, true), (1.0, false)] {
        for channel in 0..8 {
            rig.engine.set_cell(rig.through, channel, channel, Cell::new(gain)).unwrap();
        }
        // Over the ramp, which is shorter.
        driver.step(1_000);
        let before = mismatches();
        driver.step(100);
        assert_eq!(mismatches() > before, differs, "at a gain of {gain}");
    }
    rig.engine.close_device();
}
