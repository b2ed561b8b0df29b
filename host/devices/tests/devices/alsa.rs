//! cpal's ALSA path without hardware: ALSA's `jack` plugin on a JACK server of our own. libasound reads its configuration
//! from the environment when it is first used, so the test proper runs in a child process with that environment.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use crosspoint_devices::{DuplexCallback, Period, Stream, StreamRequest, backend};

use crate::jack_server::{JackServer, RunningServer};
use crate::support::{eventually, patience};

const SERVER: &str = "CROSSPOINT_ALSA_TEST_SERVER";
const CONFIGURATION: &str = r#"
</usr/share/alsa/alsa.conf>
pcm.crosspoint {
    type jack
    playback_ports { 0 system:playback_1 1 system:playback_2 }
    capture_ports { 0 system:capture_1 1 system:capture_2 }
    hint { show on description "two channels on JACK" }
}
"#;

/// Runs `child` where ALSA has a device `crosspoint`.
#[test]
fn alsa_through_its_jack_plugin() {
    if !Path::new("/usr/share/alsa/alsa.conf").exists() || !plugin_is_there() {
        eprintln!("SKIPPED: ALSA's jack plugin is not here; install libasound2-plugins to run this test");
        return;
    }
    let Some(server) = JackServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("asound.conf");
    std::fs::write(&configuration, CONFIGURATION).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "alsa::child", "--ignored", "--nocapture"]);
    command.env("ALSA_CONFIG_PATH", &configuration).env(SERVER, &server.name);
    command.env("JACK_DEFAULT_SERVER", &server.name).env("JACK_NO_START_SERVER", "1");
    let output = command.output().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    assert!(!printed.contains("ALSA lib"), "libasound prints: {printed}");
}

fn plugin_is_there() -> bool {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    folders.iter().any(|folder| Path::new(folder).join("alsa-lib/libasound_module_pcm_jack.so").exists())
}

#[test]
#[ignore = "run by alsa_through_its_jack_plugin, in the environment that it needs"]
fn child() {
    let Ok(name) = std::env::var(SERVER) else { return };
    let request = StreamRequest {
        device: Some("crosspoint".to_owned()),
        inputs: "2".parse().unwrap(),
        outputs: "1-2".parse().unwrap(),
        buffer_frames: Some(256),
        ..Default::default()
    };
    what_it_cannot_do_is_refused(&request);
    a_loop_through_jack_is_whole(&request, &RunningServer { name });
}

fn open(request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, String> {
    backend("alsa").unwrap().open(request, callback).map_err(|error| error.to_string())
}

fn what_it_cannot_do_is_refused(request: &StreamRequest) {
    for (request, expected) in [
        (StreamRequest { rate: Some(44_100), ..request.clone() }, "it offers 48000 Hz"),
        (StreamRequest { inputs: "3".parse().unwrap(), ..request.clone() }, "channels 1-2"),
        (StreamRequest { device: Some("tape".into()), ..request.clone() }, "no device `tape`"),
        (StreamRequest { buffer_frames: Some(0), ..request.clone() }, "no buffer of 0 frames"),
    ] {
        let error = open(&request, Box::new(|_: Period<'_>| ())).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

/// Output 2 is connected to input 2 by JACK: what was counted out comes back as a count, at some constant delay. A
/// machine that stalls breaks the count now and then, so the test waits for 50 periods in a row.
fn a_loop_through_jack_is_whole(request: &StreamRequest, server: &RunningServer) {
    let (told, heard) = mpsc::channel();
    let mut next = 0u32;
    let callback = move |period: Period<'_>| {
        period.outputs[0].fill(0.0);
        for sample in period.outputs[1].iter_mut() {
            next = next % (1 << 20) + 1;
            *sample = next as f32;
        }
        let _ = told.send(period.inputs[0].to_vec());
    };
    let mut stream = open(request, Box::new(callback)).unwrap();
    assert_eq!((stream.info().rate, stream.info().buffer_frames), (48_000, 256));
    assert_eq!((&stream.info().inputs[..], stream.info().outputs.len()), (&["input 2".to_owned()][..], 2));
    stream.start().unwrap();
    let port = |end: &'static str| {
        eventually(|| server.tool("jack_lsp", &[]).lines().find(|line| line.ends_with(end)).map(str::to_owned))
    };
    server.connect(&port(":out_001"), &port(":in_001"));

    let (mut last, mut whole) = (0.0, 0);
    while whole < 50 {
        let input = heard.recv_timeout(patience()).unwrap();
        let counts = input[0] > 0.0 && (last == 0.0 || input[0] == last + 1.0);
        whole = if counts && input.windows(2).all(|pair| pair[1] == pair[0] + 1.0) { whole + 1 } else { 0 };
        last = if whole == 0 { 0.0 } else { input[input.len() - 1] };
    }
    let latency = stream.latency();
    assert!(latency.input.is_some() && latency.output.is_some(), "{latency:?}");
    stream.stop().unwrap();
    heard.try_iter().for_each(drop);
    stream.start().unwrap();
    heard.recv_timeout(patience()).unwrap();
    assert!(stream.close().is_some());
}
