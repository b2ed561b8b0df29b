//! The live path on a real JACK server: the rig on stage sounds, sample for sample, as the rig in a file.
//!
//! ```text
//!   source ──► crosspoint (the rig) ──► recorder        all in the same period: the server is synchronous
//! ```

#[path = "../../host/devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
#[path = "../../host/devices/tests/devices/support.rs"]
#[allow(dead_code)]
mod support;

use crosspoint::devices::{Backend, DeviceName, Period, Stream, backend};
use crosspoint::offline::wav;
use crosspoint::session::{self, MachineFile};
use crosspoint::{Engine, EngineSettings};
use crosspoint_tests::{engine, jack_request, noise, recorded_guitar, render, skip};
use jack_server::JackServer;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::eventually;

const FRAMES: usize = 48_000;
/// How often a server may lose a period before the test gives up.
const ATTEMPTS: usize = 10;

/// Plays a signal once it is told to, and says at which frame of the server it began.
fn source(
    jack: &dyn Backend,
    server: &str,
    signal: Vec<f32>,
    go: Arc<AtomicBool>,
    began: Arc<AtomicU64>,
) -> Box<dyn Stream> {
    let mut at = None;
    let callback = move |period: Period<'_>| {
        let output = &mut *period.outputs[0];
        output.fill(0.0);
        if at.is_none() && go.load(Ordering::Acquire) {
            began.store(period.time.frame, Ordering::Release);
            at = Some(0);
        }
        if let Some(at) = &mut at {
            let rest = &signal[(*at).min(signal.len())..];
            let frames = rest.len().min(output.len());
            output[..frames].copy_from_slice(&rest[..frames]);
            *at += output.len();
        }
    };
    jack.open(&jack_request(server, "source", 0, 1), Box::new(callback)).unwrap()
}

/// What came in, by frame of the server.
struct Recording {
    channels: [Vec<f32>; 2],
    /// Frame of the server at the start.
    first: u64,
    broken: bool,
}

fn recorder(jack: &dyn Backend, server: &str, filled: Arc<AtomicUsize>) -> (Box<dyn Stream>, Arc<Mutex<Recording>>) {
    let room = || Vec::with_capacity(FRAMES * 16);
    let recording = Arc::new(Mutex::new(Recording { channels: [room(), room()], first: 0, broken: false }));
    let own = recording.clone();
    let callback = move |period: Period<'_>| {
        // A test's callback: nobody else holds the lock until all is recorded.
        let Ok(mut recording) = own.try_lock() else { return };
        let frames = recording.channels[0].len();
        if frames == 0 {
            recording.first = period.time.frame;
        }
        recording.broken |= recording.first + frames as u64 != period.time.frame;
        if frames + period.frames <= FRAMES * 16 {
            for (channel, input) in recording.channels.iter_mut().zip(period.inputs) {
                channel.extend_from_slice(input);
            }
        }
        filled.store(recording.channels[0].len(), Ordering::Release);
    };
    (jack.open(&jack_request(server, "recorder", 2, 0), Box::new(callback)).unwrap(), recording)
}

fn guitar_rig() -> Engine {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rigs/guitar.rig.toml");
    let document = session::load(path.as_ref()).unwrap().document;
    let mut engine = engine(EngineSettings::default());
    let problems = engine.load_document(&document, &MachineFile::default().map(&document)).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    engine
}

/// The example rig live and in a file: the same samples, from the frame at which the source began.
#[test]
fn live_is_as_rendered() {
    live_and_in_file(noise(11, FRAMES));
}

/// The same with a guitar as somebody played it, through a WAV file.
#[test]
fn a_recorded_guitar_is_live_as_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let Some(guitar) = recorded_guitar(folder.path()) else { return skip("a recorded guitar") };
    let signal = wav::read(&guitar).unwrap().resampled(48_000).unwrap().channels.swap_remove(0);
    assert!(signal.len() > FRAMES && signal.iter().any(|sample| sample.abs() > 0.1), "a guitar is heard");
    live_and_in_file(signal[..FRAMES].to_vec());
}

fn live_and_in_file(signal: Vec<f32>) {
    let Some(server) = JackServer::start() else { return skip("jackd") };
    let mut in_file = guitar_rig();
    let late = in_file.latency() as usize;
    let expected = render(&mut in_file, std::slice::from_ref(&signal), 2, FRAMES, 512).channels;
    // On a busy machine a server loses periods, which says nothing about the rig.
    let attempts = (0..ATTEMPTS).find_map(|_| play_live(&server, &signal));
    let (recording, began) = attempts.expect("the server plays a second without losing a period");
    let start = (began - recording.first) as usize + late;
    for (side, expected) in expected.iter().enumerate() {
        let heard = &recording.channels[side][start..start + FRAMES - late];
        let differs = heard.iter().zip(expected).position(|(heard, expected)| heard != expected);
        assert_eq!(differs, None, "channel {}: {:?} and {:?}", side + 1, &heard[..40], &expected[..40]);
        assert!(heard.iter().any(|sample| sample.abs() > 0.01), "something is heard");
    }
}

/// The signal through a new rig on the server; what came out, and the frame at which the signal began. `None` if the
/// server lost a period.
fn play_live(server: &JackServer, signal: &[f32]) -> Option<(Recording, u64)> {
    let mut live = guitar_rig();
    let name = DeviceName { backend: "jack".to_owned(), device: Some(server.name.clone()) };
    live.open_device(Some(&name), &jack_request(&server.name, "crosspoint", 1, 2)).unwrap();
    let jack = backend("jack").unwrap();
    let (go, began, filled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::default());
    let mut source = source(&*jack, &server.name, signal.to_vec(), go.clone(), began.clone());
    let (mut recorder, recording) = recorder(&*jack, &server.name, Arc::clone(&filled));
    source.start().unwrap();
    recorder.start().unwrap();
    server.connect("source:out_1", "crosspoint:in_1");
    server.connect("crosspoint:out_1", "recorder:in_1");
    server.connect("crosspoint:out_2", "recorder:in_2");
    // The rig has heard the wiring; it falls silent, as new.
    std::thread::sleep(Duration::from_millis(200));
    let before = filled.load(Ordering::Acquire);
    go.store(true, Ordering::Release);
    eventually(|| {
        live.poll();
        (filled.load(Ordering::Acquire) > before + FRAMES + 4800).then_some(())
    });
    drop(recorder.close());
    drop(source.close());
    live.close_device();
    let recording = Arc::into_inner(recording)?.into_inner().ok()?;
    (!recording.broken).then(|| (recording, began.load(Ordering::Acquire)))
}
