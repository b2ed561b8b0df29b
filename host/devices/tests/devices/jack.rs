//! The JACK backend on a real server: `jackd` with its dummy driver, started and ended here under a name of its own.
//! Where there is no `jackd` the tests say so and pass.
//!
//! The server runs synchronously (`-S`): it waits for its clients, so that no sample depends on the machine's pace.

use std::sync::mpsc;

use crosspoint_devices::jack::JackBackend;
use crosspoint_devices::{Backend, DuplexCallback, Notice, OpenError, Period, StreamError, StreamRequest};

use crate::jack_server::JackServer;
use crate::support::{eventually, patience};

fn silence() -> Box<dyn DuplexCallback> {
    Box::new(|period: Period<'_>| period.outputs.iter_mut().for_each(|output| output.fill(0.0)))
}

fn request(server: &JackServer, client: &str) -> StreamRequest {
    StreamRequest {
        device: Some(server.name.clone()),
        client_name: client.to_owned(),
        inputs: "none".parse().unwrap(),
        outputs: "none".parse().unwrap(),
        auto_connect: false,
        ..Default::default()
    }
}

/// A sample that tells its frame, and is never 0.
fn sample(frame: u64) -> f32 {
    (frame % (1 << 20) + 1) as f32
}

/// Input to output adds not one frame: the recorder finds each sample in the very period that the source wrote it for.
///
/// ```text
/// source:out_1 -> rig:in_1    rig:out_1 -> recorder:in_1      and channel 2 likewise, negated
/// ```
#[test]
fn a_pass_through_adds_no_frame() {
    let Some(server) = JackServer::start() else { return };
    let source = |period: Period<'_>| {
        for (output, sign) in period.outputs.iter_mut().zip([1.0, -1.0]) {
            let frames = period.time.frame..;
            output.iter_mut().zip(frames).for_each(|(out, frame)| *out = sign * sample(frame));
        }
    };
    let rig = |period: Period<'_>| {
        assert_eq!((period.inputs.len(), period.outputs.len(), period.frames), (2, 2, 64));
        period.inputs.iter().zip(period.outputs).for_each(|(input, output)| output.copy_from_slice(input));
    };
    let (told, heard) = mpsc::channel();
    let recorder = move |period: Period<'_>| {
        let _ = told.send((period.time.frame, period.inputs[0].to_vec(), period.inputs[1].to_vec()));
    };
    let two = || "1-2".parse().unwrap();
    let open = |name: &str, inputs: bool, outputs: bool, callback: Box<dyn DuplexCallback>| {
        let mut request = request(&server, name);
        request.inputs = if inputs { two() } else { request.inputs };
        request.outputs = if outputs { two() } else { request.outputs };
        let mut stream = JackBackend.open(&request, callback).unwrap();
        stream.start().unwrap();
        stream
    };
    let rig = open("rig", true, true, Box::new(rig));
    let _source = open("source", false, true, Box::new(source));
    let _recorder = open("recorder", true, false, Box::new(recorder));
    assert_eq!(rig.info().client, "rig");
    assert_eq!((&rig.info().inputs[1], &rig.info().outputs[0]), (&"in_2".to_owned(), &"out_1".to_owned()));
    for port in 1..=2 {
        server.connect(&format!("source:out_{port}"), &format!("rig:in_{port}"));
        server.connect(&format!("rig:out_{port}"), &format!("recorder:in_{port}"));
    }
    // JACK takes a connection into use between two periods: the first period that is not silent starts the count.
    let mut exact = 0;
    while exact < 200 {
        let (frame, first, second) = heard.recv_timeout(patience()).unwrap();
        if exact == 0 && (first[0] == 0.0 || second[0] == 0.0) {
            continue;
        }
        let expected: Vec<f32> = (frame..frame + 64).map(sample).collect();
        assert_eq!(first, expected);
        assert_eq!(second, expected.iter().map(|sample| -sample).collect::<Vec<_>>());
        exact += 1;
    }
}

/// The k-th port is connected to the k-th selected channel of the hardware; stopping and starting connects again.
#[test]
fn auto_connect_honours_the_selection() {
    let Some(server) = JackServer::start() else { return };
    let request = StreamRequest {
        inputs: "2-3".parse().unwrap(),
        outputs: "8,5".parse().unwrap(),
        auto_connect: true,
        ..request(&server, "rig")
    };
    let mut stream = JackBackend.open(&request, silence()).unwrap();
    let known = |port: &str, alias: &str| format!("system:{port} (dummy_pcm:dummy:{alias})");
    assert_eq!(stream.info().inputs, [known("capture_2", "out2"), known("capture_3", "out3")]);
    assert_eq!(stream.info().outputs, [known("playback_8", "in8"), known("playback_5", "in5")]);
    assert_eq!(server.connections("rig:in_1"), [""; 0]);
    for _ in 0..2 {
        stream.start().unwrap();
        assert_eq!(server.connections("rig:in_1"), ["system:capture_2"]);
        assert_eq!(server.connections("rig:in_2"), ["system:capture_3"]);
        assert_eq!(server.connections("rig:out_1"), ["system:playback_8"]);
        assert_eq!(server.connections("rig:out_2"), ["system:playback_5"]);
        let latency = eventually(|| Some(stream.latency()).filter(|latency| latency.round_trip() > Some(0)));
        assert_eq!((latency.input, latency.join), (Some(64), 0));
        stream.stop().unwrap();
    }
    assert_eq!(stream.latency().input, None);
    assert!(stream.close().is_some());
}

/// `all` is what the server has; a name that is taken gets a number.
#[test]
fn all_channels_and_a_second_client() {
    let Some(server) = JackServer::start() else { return };
    let request = StreamRequest { inputs: "all".parse().unwrap(), ..request(&server, "rig") };
    let first = JackBackend.open(&request, silence()).unwrap();
    let second = JackBackend.open(&request, silence()).unwrap();
    assert_eq!((first.info().inputs.len(), first.info().outputs.len()), (8, 0));
    assert_eq!((first.info().rate, first.info().buffer_frames), (48_000, 64));
    assert_eq!(first.info().client, "rig");
    assert!(second.info().client.starts_with("rig-"), "{}", second.info().client);
}

/// What the server cannot do is refused with what it can, and a name it cannot have with the reason.
#[test]
fn refusals_list_what_there_is() {
    let Some(server) = JackServer::start() else { return };
    let one = || StreamRequest { inputs: "1".parse().unwrap(), ..request(&server, "rig") };
    let refusal = |request: StreamRequest| JackBackend.open(&request, silence()).err().unwrap().to_string();
    for (request, expected) in [
        (StreamRequest { buffer_frames: Some(128), ..one() }, "no buffer of 128 frames: it offers 64"),
        (StreamRequest { rate: Some(44_100), ..one() }, "does not run at 44100 Hz: it offers 48000 Hz"),
        (StreamRequest { outputs: "9".parse().unwrap(), auto_connect: true, ..one() }, "has channels 1-8"),
        (request(&server, "rig"), "select at least one channel"),
        (StreamRequest { client_name: "a:b".into(), ..one() }, "cannot name a JACK client"),
        (StreamRequest { device: Some("crosspoint-absent".into()), ..one() }, "server is running under the name"),
    ] {
        let error = refusal(request);
        assert!(error.contains(expected), "{error}");
    }
    // One client of the wrong server would pull the ground from under the others: libjack has one server at a time.
    let _open = JackBackend.open(&one(), silence()).unwrap();
    let error = refusal(StreamRequest { device: Some("crosspoint-absent".into()), ..one() });
    assert!(error.contains("one server at a time"), "{error}");
}

/// The freewheel flag follows the server's, and positions go on without a jump.
#[test]
fn freewheel_is_flagged() {
    let Some(server) = JackServer::start() else { return };
    let (told, heard) = mpsc::channel();
    let callback = move |period: Period<'_>| {
        let _ = told.send((period.freewheel, period.time.frame));
    };
    let request = StreamRequest { inputs: "1".parse().unwrap(), ..request(&server, "rig") };
    let mut stream = JackBackend.open(&request, Box::new(callback)).unwrap();
    stream.start().unwrap();
    let mut last = None;
    let mut wait_for = |flag: bool| loop {
        let (freewheel, frame) = heard.recv_timeout(patience()).unwrap();
        assert!(last.is_none_or(|last| frame >= last + 64), "{frame} after {last:?}");
        last = Some(frame);
        if freewheel == flag {
            break;
        }
    };
    wait_for(false);
    server.tool("jack_freewheel", &["y"]);
    wait_for(true);
    server.tool("jack_freewheel", &["n"]);
    wait_for(false);
}

/// Another client changes the server's buffer size: a notice, and periods of the new length, in the same stream.
#[test]
fn a_changed_buffer_size_is_a_notice() {
    let Some(server) = JackServer::start() else { return };
    let (told, heard) = mpsc::channel();
    let callback = move |period: Period<'_>| {
        assert_eq!(period.inputs[0].len(), period.frames);
        let _ = told.send(period.frames);
    };
    let request = StreamRequest { inputs: "1".parse().unwrap(), ..request(&server, "rig") };
    let mut stream = JackBackend.open(&request, Box::new(callback)).unwrap();
    stream.start().unwrap();
    assert_eq!(heard.recv_timeout(patience()), Ok(64));
    server.tool("jack_bufsize", &["128"]);
    while heard.recv_timeout(patience()).unwrap() != 128 {}
    assert!(stream.notices().contains(&Notice::BufferSizeChanged { frames: 128 }));
}

/// Opening, starting and dropping over and over, running or stopped, leaves nothing behind: no port, no callback.
#[test]
fn streams_come_and_go() {
    let Some(server) = JackServer::start() else { return };
    let request = StreamRequest { outputs: "1-8".parse().unwrap(), auto_connect: true, ..request(&server, "rig") };
    for round in 0..9 {
        let (alive, dropped) = mpsc::channel::<()>();
        let callback = move |period: Period<'_>| {
            let _kept = &alive;
            period.outputs.iter_mut().for_each(|output| output.fill(0.0));
        };
        let mut stream = JackBackend.open(&request, Box::new(callback)).unwrap();
        assert_eq!(stream.info().client, "rig");
        if round % 3 > 0 {
            stream.start().unwrap();
        }
        if round % 3 > 1 {
            stream.stop().unwrap();
        }
        drop(stream);
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
    assert!(!server.tool("jack_lsp", &[]).contains("rig"));
}

/// A server that dies is a notice; the stream then refuses to start, closes, gives its callback back, and makes room
/// for the server that comes after it.
#[test]
fn a_dead_server_is_a_lost_device() {
    let Some(mut server) = JackServer::start() else { return };
    let (told, heard) = mpsc::channel();
    let callback = move |period: Period<'_>| {
        let _ = told.send(period.frames);
    };
    let request = StreamRequest { inputs: "1".parse().unwrap(), ..request(&server, "rig") };
    let mut stream = JackBackend.open(&request, Box::new(callback)).unwrap();
    stream.start().unwrap();
    assert_eq!(heard.recv_timeout(patience()), Ok(64));
    server.kill();
    let reason = eventually(|| {
        stream.notices().into_iter().find_map(|notice| match notice {
            Notice::DeviceLost { reason } => Some(reason),
            _ => None,
        })
    });
    assert!(!reason.is_empty());
    assert!(matches!(stream.start(), Err(StreamError::Lost { .. })));
    let error = JackBackend.open(&request, silence()).err().unwrap();
    assert!(matches!(&error, OpenError::Device(_)) && error.to_string().contains("close it first"), "{error}");
    let callback = stream.close().unwrap();

    heard.try_iter().for_each(drop);
    server.restart();
    let mut again = JackBackend.open(&request, callback).unwrap();
    again.start().unwrap();
    assert_eq!(heard.recv_timeout(patience()), Ok(64));
}
