//! PulseAudio and PipeWire through cpal, where the features are on and the servers are installed: a server of our own with a
//! sink that goes nowhere, whose monitor is heard. The server's place is in the environment, so the test proper runs in a
//! child process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crosspoint_devices::{JoinClocks, Period, StreamRequest, backend};

use crate::support::{eventually, patience};

const IN_CHILD: &str = "CROSSPOINT_SOUND_SERVER_TEST";

/// Processes that are ended with the test.
struct Server(Vec<Child>);

impl Drop for Server {
    fn drop(&mut self) {
        for child in self.0.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a program that has the folder to itself, or says that it is not there.
fn start(program: &str, arguments: &[&str], folder: &Path) -> Option<Child> {
    let mut command = in_folder(Command::new(program), folder);
    match command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(child) => Some(child),
        Err(_) => {
            eprintln!("SKIPPED: {program} is not here; install it to run this test");
            None
        }
    }
}

fn in_folder(mut command: Command, folder: &Path) -> Command {
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("DBUS_SESSION_BUS_ADDRESS", bus(folder));
    command.env_remove("PULSE_SERVER").env("DISABLE_RTKIT", "1");
    command
}

/// Where a message bus of our own is, if there is one.
fn bus(folder: &Path) -> String {
    format!("unix:path={}/bus", folder.display())
}

fn run_child(name: &str, folder: &Path) {
    let mut command = in_folder(Command::new(std::env::current_exe().unwrap()), folder);
    let name = format!("sound_servers::{name}");
    let output = command.args(["--exact", &name, "--ignored", "--nocapture"]).env(IN_CHILD, "1").output().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    print!("{printed}");
}

#[cfg(feature = "pulseaudio")]
#[test]
fn pulseaudio_plays_and_hears() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pulse")).unwrap();
    let socket = folder.path().join("pulse/native");
    let native = format!("--load=module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
    let sink = "--load=module-null-sink sink_name=crosspoint rate=48000 channels=2";
    let arguments = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", &native, sink];
    let Some(server) = start("pulseaudio", &arguments, folder.path()) else { return };
    let _server = Server(vec![server]);
    eventually(|| socket.exists().then_some(()));
    run_child("pulseaudio_child", folder.path());
}

#[cfg(feature = "pulseaudio")]
#[test]
#[ignore = "run by pulseaudio_plays_and_hears, in the environment that it needs"]
fn pulseaudio_child() {
    hears_what_it_plays("pulseaudio", "crosspoint", "crosspoint.monitor");
}

#[cfg(feature = "pipewire")]
const PIPEWIRE: &str = r#"
context.objects = [
    { factory = adapter args = {
        factory.name = support.null-audio-sink node.name = crosspoint media.class = Audio/Sink
        audio.position = [ FL FR ] monitor.channel-volumes = true object.linger = true } }
]
"#;

#[cfg(feature = "pipewire")]
#[test]
fn pipewire_plays_and_hears() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join(".config/pipewire/pipewire.conf.d");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("crosspoint.conf"), PIPEWIRE).unwrap();
    // PipeWire and what connects its ports do not run without one.
    let address = format!("--address={}", bus(folder.path()));
    let arguments = ["--session", "--nofork", "--nopidfile", &address];
    let Some(bus) = start("dbus-daemon", &arguments, folder.path()) else { return };
    let mut server = Server(vec![bus]);
    eventually(|| folder.path().join("bus").exists().then_some(()));
    let Some(pipewire) = start("pipewire", &[], folder.path()) else { return };
    server.0.push(pipewire);
    eventually(|| folder.path().join("pipewire-0").exists().then_some(()));
    let Some(session) = start("wireplumber", &[], folder.path()) else { return };
    server.0.push(session);
    run_child("pipewire_child", folder.path());
}

#[cfg(feature = "pipewire")]
#[test]
#[ignore = "run by pipewire_plays_and_hears, in the environment that it needs"]
fn pipewire_child() {
    hears_what_it_plays("pipewire", "crosspoint", "crosspoint");
}

/// What is counted out on the second channel comes back as a count through the sink's monitor. A machine that stalls breaks
/// the count now and then, so the test waits for 50 periods in a row.
fn hears_what_it_plays(name: &str, output: &str, input: &str) {
    if std::env::var_os(IN_CHILD).is_none() {
        return;
    }
    let backend = backend(name).unwrap();
    let devices = eventually(|| {
        let devices = backend.devices().ok()?;
        devices.iter().any(|device| device.name.contains(output)).then_some(devices)
    });
    devices.iter().for_each(|device| println!("{device:?}"));
    let request = StreamRequest {
        device: Some(output.to_owned()),
        input_device: Some(input.to_owned()),
        inputs: "2".parse().unwrap(),
        outputs: "1-2".parse().unwrap(),
        buffer_frames: Some(512),
        clocks: JoinClocks::Shared,
        ..Default::default()
    };
    // Steps that 16 bits hold exactly.
    const STEP: f32 = 1.0 / 32_768.0;
    let (told, heard) = mpsc::channel();
    let mut next = 0_u32;
    let callback = move |period: Period<'_>| {
        period.outputs[0].fill(0.0);
        for sample in period.outputs[1].iter_mut() {
            next = next % 20_000 + 1;
            *sample = next as f32 * STEP;
        }
        let _ = told.send(period.inputs[0].to_vec());
    };
    let mut stream = backend.open(&request, Box::new(callback)).unwrap();
    println!("{:?}", stream.info());
    stream.start().unwrap();
    let mut whole = 0;
    while whole < 50 {
        let input = heard.recv_timeout(patience()).unwrap();
        let follows = |pair: &[f32]| pair[0] > 0.0 && (pair[1] == pair[0] + STEP || pair[1] == STEP);
        whole = if input.windows(2).all(follows) { whole + 1 } else { 0 };
    }
    println!("{:?} {:?} {} xruns", stream.latency(), stream.joined(), stream.xruns());
    stream.stop().unwrap();
    assert!(stream.close().is_some());
}
