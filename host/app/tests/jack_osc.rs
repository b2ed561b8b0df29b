//! The example rigs in a process of their own on a real JACK server, played and switched by OSC: what is heard of each is,
//! sample for sample, what a file has that is given the same at the same frames.
//!
//! ```text
//!   source:out ──► crosspoint run ──► recorder:in     the server is synchronous
//!                        ▲
//!   surface ────OSC──────┘
//! ```
//!
//! A datagram has no frame of its own. What it asks for is heard from the beginning of some period on, and which one that
//! was is found afterwards: it is the one from which on the file is the same.

// No JACK server there.
#![cfg(not(windows))]

#[path = "../../../tests/tests/jack_clients/mod.rs"]
mod jack_clients;
#[path = "../../devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
mod running;
#[path = "../../devices/tests/devices/support.rs"]
#[allow(dead_code)]
mod support;
mod surface;

use crosspoint::devices::backend;
use crosspoint::graph::NOW;
use crosspoint::graph::event::{Event, EventBody};
use crosspoint::offline::Job;
use crosspoint::session::{self, MachineFile};
use crosspoint::{Engine, EngineSettings};
use crosspoint_tests::{engine, noise, skip};
use jack_clients::{Heard, audio_recorder, cued_source, recorded_from};
use jack_server::JackServer;
use rosc::{OscBundle, OscPacket, OscTime, OscType};
use running::Running;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use surface::{Surface, message, text};

/// Frames of the server's period.
const PERIOD: usize = 64;
/// How many frames are listened to before the first cue and after each.
const LISTEN: usize = 14_400;
/// Periods before the first in which a cue is heard, in which it may have come: a plugin may be late.
const UNHEARD: usize = 64;

/// What a surface says at once, and is heard soon.
enum Cue {
    Scene(&'static str),
    /// A key that is pressed: which, and how hard.
    Key(u8, u8),
    /// Both. The scene alone is not heard, so that it does not matter whether the engine does both at one frame.
    SceneAndKey(&'static str, u8, u8),
}

impl Cue {
    fn scene(&self) -> Option<&'static str> {
        match self {
            Self::Scene(name) | Self::SceneAndKey(name, ..) => Some(name),
            Self::Key(..) => None,
        }
    }

    fn key(&self) -> Option<[u8; 3]> {
        match *self {
            Self::Key(key, velocity) | Self::SceneAndKey(_, key, velocity) => Some([0x90, key, velocity]),
            Self::Scene(_) => None,
        }
    }

    /// Says it, and waits until the engine has done it.
    fn say(&self, surface: &Surface) {
        let scene = self.scene().map(|name| message(&format!("scene/{name}"), vec![OscType::Int(1)]));
        let key = self.key().map(|bytes| {
            let bytes = bytes.map(|byte| OscType::Int(byte.into()));
            message("midi", [&[text("keys")][..], &bytes].concat())
        });
        let content: Vec<OscPacket> = scene.into_iter().chain(key).collect();
        surface.send(&OscPacket::Bundle(OscBundle { timetag: OscTime { seconds: 0, fractional: 1 }, content }));
        if let Some(name) = self.scene() {
            surface.wait_for_value(&format!("scene/{name}"), &OscType::Int(1));
        }
        // There is nothing to make again; the answer comes after all that was asked for before.
        surface.say("redo", vec![]);
        assert_eq!(surface.wait_for("answer").args[0], text("redo"));
    }

    fn do_in_file(&self, rig: &mut Engine) {
        if let Some(name) = self.scene() {
            assert!(rig.play_scene(name).unwrap(), "{name} is prepared");
        }
        if let Some(bytes) = self.key() {
            let keys = rig.graph().nodes().find(|(_, node)| node.name == "keys").map(|(id, _)| id).unwrap();
            rig.send_event(keys, NOW, Event { frame: 0, port: 0, body: EventBody::Midi(bytes) }).unwrap();
        }
    }
}

/// What the recorder hears from the moment on at which the source begins.
struct Recording {
    /// The server's frame at which that was.
    began: u64,
    samples: Vec<f32>,
    /// The server's frames at which its periods began. It leaves some out where it was late, for all its clients alike.
    periods: Vec<u64>,
}

impl Recording {
    /// Takes one period more.
    fn push(&mut self, (frame, samples): Heard) {
        if frame >= self.began {
            assert_eq!(samples.len(), PERIOD);
            self.periods.push(frame - self.began);
            self.samples.extend(samples);
        }
    }

    /// Listens to so many frames, and to all that was played before.
    fn listen(&mut self, heard: &Receiver<Heard>, frames: usize) {
        heard.try_iter().for_each(|period| self.push(period));
        let end = self.samples.len() + frames;
        while self.samples.len() < end {
            self.push(heard.recv_timeout(support::patience()).unwrap());
        }
    }

    /// What the source played meanwhile.
    fn played(&self, signal: &[f32]) -> Vec<f32> {
        (0..self.samples.len()).map(|at| at_frame(signal, self.periods[at / PERIOD] + (at % PERIOD) as u64)).collect()
    }
}

/// A rig that renders what its file has, from the frame on at which the source begins.
struct InFile<'s> {
    rig: Engine,
    input: &'s [f32],
    heard: Vec<f32>,
}

impl<'s> InFile<'s> {
    /// It has rested before, as one on a stage has.
    fn new(example: &str, input: &'s [f32]) -> Self {
        let path = format!("{}/../../examples/rigs/{example}.rig.toml", env!("CARGO_MANIFEST_DIR"));
        let document = session::load(path.as_ref()).unwrap().document;
        let mut rig = engine(EngineSettings::default());
        let problems = rig.load_document(&document, &MachineFile::default().map(&document)).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let mut file = Self { rig, input, heard: Vec::new() };
        file.render(&[0.0], 1);
        file.render(&[0.0; 9600], 9600);
        file
    }

    fn render(&mut self, input: &[f32], frames: usize) -> Vec<f32> {
        let job = Job {
            inputs: &[input.to_vec()],
            outputs: 2,
            frames,
            block: PERIOD,
            compensate: false,
            events: &[],
            events_into: None,
        };
        self.rig.render(&job, |_| true).unwrap().channels.swap_remove(0)
    }

    /// Renders up to a frame.
    fn play_to(&mut self, frame: usize) {
        let from = self.heard.len();
        if frame > from {
            let heard = self.render(&self.input[from..frame], frame - from);
            self.heard.extend(heard);
        }
    }

    /// Renders as much as was recorded, with cues at frames; the first frame that is not the same.
    fn first_difference(mut self, recorded: &[f32], cues: &[(usize, &Cue)]) -> Option<usize> {
        for (frame, cue) in cues {
            self.play_to(*frame);
            cue.do_in_file(&mut self.rig);
        }
        self.play_to(recorded.len());
        self.heard.iter().zip(recorded).position(|(file, stage)| file.to_bits() != stage.to_bits() && file != stage)
    }
}

/// The signal again and again.
fn at_frame(signal: &[f32], frame: u64) -> f32 {
    signal.get(frame as usize % signal.len().max(1)).copied().unwrap_or(0.0)
}

/// Plays a rig by cues on a server, and finds for each the beginning of a period from which on a file that is given the same
/// there has the same bits, up to the next.
fn plays_as_its_file(example: &str, signal: &[f32], cues: &[Cue]) {
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let jack = backend("jack").unwrap();
    let device = format!("jack:{}", server.name);
    let arguments = ["--osc=127.0.0.1:0", "--no-connect", "--inputs", "1", "--outputs", "1-2"];
    let running = Running::start_on(&device, &format!("{example}.rig.toml"), &arguments);
    running.eventually(|rig| {
        let scenes = rig["scenes"]["scenes"].as_array().unwrap();
        scenes.iter().all(|scene| scene["waits_for"].as_array().is_none_or(Vec::is_empty))
    });
    let surface = Surface::of(&running);
    surface.say("subscribe", vec![text("rig"), OscType::Int(600)]);
    surface.wait_for("subscribed");

    let live = signal.to_vec();
    let sound = move |since: Option<u64>| since.map_or(0.0, |since| at_frame(&live, since));
    let (_source, go, began) = cued_source(&*jack, &server.name, sound, Vec::new());
    let (recorder, heard) = audio_recorder(&*jack, &server.name);
    server.connect("source:out_1", "crosspoint:in_1");
    server.connect("crosspoint:out_1", "recorder:in_1");
    // What sounded at the start has faded.
    recorded_from(&heard, 0, 200 * PERIOD, || ());
    go.store(true, Ordering::Release);
    let began = began.recv_timeout(support::patience()).unwrap();
    let mut recording = Recording { began, samples: Vec::new(), periods: Vec::new() };
    recording.listen(&heard, LISTEN);
    let mut ends = Vec::new();
    for cue in cues {
        cue.say(&surface);
        recording.listen(&heard, LISTEN);
        ends.push(recording.samples.len());
    }
    running.stop();
    drop(recorder.close());

    let input = recording.played(signal);
    let mut done: Vec<(usize, &Cue)> = Vec::new();
    for (cue, end) in cues.iter().zip(ends) {
        let recorded = &recording.samples[..end];
        let file = || InFile::new(example, &input);
        let differs = file().first_difference(recorded, &done);
        let differs = differs.unwrap_or_else(|| panic!("cue {} is not heard", done.len()));
        let earliest = done.last().map_or(LISTEN, |(frame, _)| *frame);
        let periods = (0..UNHEARD).filter_map(|before| (differs / PERIOD * PERIOD).checked_sub(before * PERIOD));
        let mut periods = periods.take_while(|frame| *frame >= earliest);
        let at = periods.find(|frame| {
            let given = [&done[..], &[(*frame, cue)]].concat();
            file().first_difference(recorded, &given).is_none()
        });
        let at = at.unwrap_or_else(|| {
            let lost = recording.periods.windows(2).filter(|pair| pair[1] - pair[0] != PERIOD as u64).count();
            panic!("cue {}, heard at {differs}, is in no file; the server was late {lost} times", done.len())
        });
        done.push((at, cue));
    }
}

/// A guitar through all four scenes: bypasses, parameters and crosspoints, one of them faded for half a second.
#[test]
fn the_guitar_rig_is_switched_by_osc() {
    let cues = [Cue::Scene("Clean"), Cue::Scene("Lead"), Cue::Scene("Dry"), Cue::Scene("Rhythm")];
    plays_as_its_file("guitar-scenes", &noise(21, 48_000), &cues);
}

/// Keys across the split, and the layers of all four scenes; what is held sounds on through a switch.
#[test]
fn the_keyboard_rig_is_played_and_switched_by_osc() {
    let cues = [
        Cue::Key(43, 100),
        Cue::SceneAndKey("Layer", 67, 90),
        Cue::Scene("Strings"),
        Cue::Key(48, 80),
        Cue::Scene("Solo"),
        Cue::Key(40, 70),
        Cue::SceneAndKey("Split", 52, 60),
    ];
    plays_as_its_file("keyboard", &[], &cues);
}
