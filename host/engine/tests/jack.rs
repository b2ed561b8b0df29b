//! The engine on a real JACK server: every sample at its frame, over a server that dies, changes its buffer or freewheels.
//!
//! ```text
//!   source ──► crosspoint (the rig) ──► recorder        all in the same period: the server is synchronous
//! ```

#![cfg(target_os = "linux")]

#[path = "../../devices/tests/devices/jack_server.rs"]
#[allow(dead_code)]
mod jack_server;
#[path = "../../devices/tests/devices/support.rs"]
#[allow(dead_code)]
mod support;

use crosspoint::devices::jack::JackBackend;
use crosspoint::devices::{
    Backend, ChannelSelection, DeviceName, DuplexCallback, Notice as DeviceNotice, Period, Scheduling, Stream,
    StreamRequest,
};
use crosspoint::graph::{AudioPort, Block, ChannelLayout, Node, Processor, Status};
use crosspoint::session::OutputGuard;
use crosspoint::{DeviceState, Engine, EngineSettings, Notice};
use jack_server::JackServer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use support::{eventually, patience};

fn channels(count: usize) -> ChannelSelection {
    ChannelSelection::first(count).unwrap()
}

fn request(server: &JackServer, client: &str, inputs: usize, outputs: usize) -> StreamRequest {
    StreamRequest {
        device: Some(server.name.clone()),
        inputs: channels(inputs),
        outputs: channels(outputs),
        client_name: client.to_owned(),
        auto_connect: false,
        ..StreamRequest::default()
    }
}

fn open(engine: &mut Engine, server: &JackServer, request: &StreamRequest) {
    let name = DeviceName { backend: "jack".to_owned(), device: Some(server.name.clone()) };
    engine.open_device(Some(&name), request).unwrap();
}

fn running(request: &StreamRequest, callback: impl FnMut(Period<'_>) + Send + 'static) -> Box<dyn Stream> {
    let callback: Box<dyn DuplexCallback> = Box::new(callback);
    let mut stream = JackBackend.open(request, callback).unwrap();
    stream.start().unwrap();
    stream
}

/// Polls until a notice comes.
fn until(engine: &mut Engine, is_it: impl Fn(&Notice) -> bool) -> Notice {
    eventually(|| engine.poll().into_iter().find(|notice| is_it(notice)))
}

/// Counts the frames that it has rendered: what comes out shows that none is lost, doubled or begun anew.
struct Count {
    frames: u32,
    freewheel: Arc<AtomicBool>,
}

impl Processor for Count {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        self.freewheel.store(block.chunk().freewheel, Ordering::Relaxed);
        for sample in block.output(0, 0) {
            self.frames += 1;
            *sample = self.frames as f32;
        }
        Status::Continue
    }
}

/// count ──► output 1. Says whether the processor has been told that the server freewheels.
fn counting() -> (Engine, Arc<AtomicBool>) {
    let mut engine = Engine::new(EngineSettings::default());
    let freewheel = Arc::<AtomicBool>::default();
    let count = Count { frames: 0, freewheel: freewheel.clone() };
    engine
        .batch(|engine| {
            let ports = vec![AudioPort::new("main", ChannelLayout::Mono)];
            let node = Node { audio_outputs: ports, ..Node::processor("count") };
            let count = engine.add_processor(node, Box::new(count))?;
            let output = engine.add_output("out", "out", &[Some(0)])?;
            // Its numbers are far above full scale.
            engine.set_output_guard(output, OutputGuard { limit: None, ..OutputGuard::default() })?;
            engine.connect(count, output)
        })
        .unwrap();
    (engine, freewheel)
}

/// Hears output 1 of the rig, a period at a time, silent ones left out.
fn hear_count(server: &JackServer) -> (Box<dyn Stream>, mpsc::Receiver<Vec<f32>>) {
    let (told, heard) = mpsc::channel();
    let recorder = running(&request(server, "recorder", 1, 0), move |period: Period<'_>| {
        if period.inputs[0].iter().any(|&sample| sample != 0.0) {
            let _ = told.send(period.inputs[0].to_vec());
        }
    });
    server.connect("crosspoint:out_1", "recorder:in_1");
    (recorder, heard)
}

/// The server is killed as by a crash, and started again under its name. The rig has counted on meanwhile, by a timer; it is
/// heard again from the new server, connected as before, and goes on from where it was.
#[test]
fn a_server_that_is_killed_and_started_again_resumes_the_rig() {
    let Some(mut server) = JackServer::start() else { return };
    let (mut engine, _) = counting();
    let connected = StreamRequest { outputs: channels(2), auto_connect: true, ..request(&server, "crosspoint", 2, 2) };
    open(&mut engine, &server, &connected);
    let (recorder, heard) = hear_count(&server);
    let before = heard.recv_timeout(patience()).unwrap()[0];
    assert!(before >= 1.0);
    // libjack takes nobody new while a client of a dead server is left.
    drop(recorder);
    server.kill();
    until(&mut engine, |notice| matches!(notice, Notice::OnTimer { is_awaited: true, failure: None, .. }));
    assert!(matches!(engine.look().device, DeviceState::Lost { .. }));
    assert_eq!(engine.stream().unwrap().info().backend, "virtual");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let lost = engine.poll();
    assert!(!lost.iter().any(|notice| matches!(notice, Notice::DeviceRefuses { .. })), "{lost:?}");

    server.restart();
    let Notice::DeviceBack { before: then, now } =
        until(&mut engine, |notice| matches!(notice, Notice::DeviceBack { .. }))
    else {
        unreachable!()
    };
    assert_eq!(then, now);
    assert_eq!(server.connections("crosspoint:in_2"), ["system:capture_2"]);
    assert_eq!(server.connections("crosspoint:out_2"), ["system:playback_2"]);
    let (_recorder, heard) = hear_count(&server);
    let mut next = None;
    for _ in 0..50 {
        let counted = heard.recv_timeout(patience()).unwrap();
        assert!(counted[0] > before + 1000.0, "the timer counted on: {before} before, {} now", counted[0]);
        for sample in counted {
            assert!(next.is_none_or(|next| sample == next), "{sample}, not {next:?}");
            next = Some(sample + 1.0);
        }
    }
    engine.close_device();
}

/// Another client makes the server's buffer longer than the rig's blocks, then shorter: the rig counts on, by the same
/// renderer, with no frame lost or doubled, save for the one period that the server itself drops in a change.
#[test]
fn the_buffer_size_changes_while_the_rig_plays() {
    let Some(server) = JackServer::start() else { return };
    let (mut engine, _) = counting();
    open(&mut engine, &server, &request(&server, "crosspoint", 0, 1));
    let (_recorder, heard) = hear_count(&server);
    let first = heard.recv_timeout(patience()).unwrap();
    let mut next = first[0] + first.len() as f32;
    for frames in [1024, 32, 64] {
        server.tool("jack_bufsize", &[&frames.to_string()]);
        let told =
            until(&mut engine, |notice| matches!(notice, Notice::Device(DeviceNotice::BufferSizeChanged { .. })));
        assert_eq!(told, Notice::Device(DeviceNotice::BufferSizeChanged { frames }));
        assert_eq!(engine.device().stream().unwrap().buffer_frames, frames);
        let (mut of_this_length, mut gaps) = (0, 0);
        while of_this_length < 20 {
            let counted = heard.recv_timeout(patience()).unwrap();
            of_this_length += u32::from(counted.len() == frames as usize);
            assert!(counted[0] >= next, "{} after {next}", counted[0]);
            gaps += u32::from(counted[0] != next);
            for (frame, &sample) in counted.iter().enumerate() {
                assert_eq!(sample, counted[0] + frame as f32);
            }
            next = counted[0] + counted.len() as f32;
        }
        assert!(gaps <= 1, "{gaps} gaps in a change to {frames}");
    }
    assert_eq!(engine.settings(), &EngineSettings::default());
}

/// The server freewheels: the rig is told of it only if that is asked for.
#[test]
fn freewheel_is_followed_only_if_asked_for() {
    let Some(server) = JackServer::start() else { return };
    let (mut engine, told) = counting();
    open(&mut engine, &server, &request(&server, "crosspoint", 0, 1));
    let (_recorder, heard) = hear_count(&server);
    let is_on = |notice: &Notice| *notice == Notice::Device(DeviceNotice::Freewheel { on: true });
    let is_off = |notice: &Notice| *notice == Notice::Device(DeviceNotice::Freewheel { on: false });
    // Each period that is heard was rendered after the one before.
    let periods = || {
        heard.try_iter().for_each(drop);
        (0..3).for_each(|_| drop(heard.recv_timeout(patience()).unwrap()));
    };
    server.tool("jack_freewheel", &["y"]);
    until(&mut engine, is_on);
    periods();
    assert!(!told.load(Ordering::Relaxed));
    engine.follow_freewheel(true);
    periods();
    assert!(told.load(Ordering::Relaxed));
    server.tool("jack_freewheel", &["n"]);
    until(&mut engine, is_off);
    periods();
    assert!(!told.load(Ordering::Relaxed));
}

/// A server without real-time scheduling: the engine says so, and what to do, as it is measured on the client's thread.
#[test]
fn ordinary_priority_is_told() {
    let Some(server) = JackServer::start() else { return };
    let (mut engine, _) = counting();
    open(&mut engine, &server, &request(&server, "crosspoint", 0, 1));
    let Notice::NotRealTime { advice } = until(&mut engine, |notice| matches!(notice, Notice::NotRealTime { .. }))
    else {
        unreachable!()
    };
    assert!(advice.contains("jackd --realtime"), "{advice}");
    let state = engine.look().device;
    assert!(matches!(state, DeviceState::Playing { scheduling: Some(Scheduling::Ordinary { .. }), .. }), "{state:?}");
}

const WIDTH: usize = 64;

/// Noise that tells its channel and frame: all bits of a sample's fraction are in use.
fn noise(channel: usize, frame: u64) -> f32 {
    let mut hash = (frame << 8 | channel as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((hash >> 40 | 1) as f32) / (1 << 23) as f32 - 1.0
}

/// 64 channels of noise, each through the rig to another output: every sample comes out, bit for bit, in the very period in
/// which it went in. `source:out_k ──► rig:in_k ──► rig:out_j ──► recorder:in_j`, where j is 5 k + 3 modulo 64.
#[test]
fn sixty_four_channels_pass_through_exactly() {
    let Some(server) = JackServer::start() else { return };
    let destination = |channel: usize| (5 * channel + 3) % WIDTH;
    let mut engine = Engine::new(EngineSettings::default());
    engine
        .batch(|engine| {
            let inputs: Vec<_> = (0..WIDTH as u32).map(Some).collect();
            let outputs: Vec<_> = (0..WIDTH).map(|channel| Some(destination(channel) as u32)).collect();
            let input = engine.add_input("in", "in", &inputs)?;
            let output = engine.add_output("out", "out", &outputs)?;
            engine.connect(input, output)
        })
        .unwrap();
    open(&mut engine, &server, &request(&server, "crosspoint", WIDTH, WIDTH));
    let _source = running(&request(&server, "source", 0, WIDTH), |period: Period<'_>| {
        for (channel, output) in period.outputs.iter_mut().enumerate() {
            let frames = period.time.frame..;
            output.iter_mut().zip(frames).for_each(|(sample, frame)| *sample = noise(channel, frame));
        }
    });
    // The first difference in each period, none if all is equal.
    let (told, heard) = mpsc::channel();
    let _recorder = running(&request(&server, "recorder", WIDTH, 0), move |period: Period<'_>| {
        let first = period.time.frame;
        let wrong = (0..WIDTH).find_map(|channel| {
            let heard = period.inputs[destination(channel)];
            let differs =
                (first..).zip(heard).position(|(frame, &heard)| heard.to_bits() != noise(channel, frame).to_bits());
            differs.map(|frame| (channel, frame, heard[frame]))
        });
        let _ = told.send((period.frames, wrong));
    });
    for channel in 1..=WIDTH {
        server.connect(&format!("source:out_{channel}"), &format!("crosspoint:in_{channel}"));
        server.connect(&format!("crosspoint:out_{channel}"), &format!("recorder:in_{channel}"));
    }
    // JACK takes a connection into use between two periods.
    eventually(|| heard.try_iter().any(|(_, wrong)| wrong.is_none()).then_some(()));
    heard.try_iter().for_each(drop);
    let mut frames = 0;
    while frames < 48_000 {
        let (period, wrong) = heard.recv_timeout(patience()).unwrap();
        assert_eq!(wrong, None, "channel, frame of the period and sample after {frames} frames");
        frames += period;
    }
}
