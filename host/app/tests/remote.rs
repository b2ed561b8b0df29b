//! A running rig commanded from outside: by `crosspoint ctl` as scripts use it, and by clients that mean no good.

// Not tried in Wine yet, whose sockets are its own.
#![cfg(not(windows))]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// `crosspoint run` with the guitar rig on a virtual device, in a folder of its own.
struct Running {
    process: Child,
    place: tempfile::TempDir,
    address: String,
    token: String,
}

impl Running {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let rig = place.path().join("guitar.rig.toml");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rigs/guitar.rig.toml");
        std::fs::copy(example, &rig).unwrap();
        let mut process = command(place.path(), &["run", "--device", "virtual:2x2", "--remote=127.0.0.1:0"])
            .arg(&rig)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("listening at "));
        let line = line.expect("it does not listen");
        let (address, token) = line["listening at ".len()..].split_once("; the token is ").unwrap();
        let (address, token) = (address.to_owned(), token.to_owned());
        // Somebody must read on, or the program would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let running = Self { process, place, address, token };
        running.eventually(|rig| !rig["nodes"].as_array().unwrap().is_empty() && rig["is_building"] == false);
        running
    }

    fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Exit code, standard output and standard error of `crosspoint ctl`.
    fn ctl(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = command(self.folder(), &["ctl"]);
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.ctl(arguments);
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        stdout
    }

    fn show(&self) -> Value {
        serde_json::from_str(&self.done(&["show", "--json"])).unwrap()
    }

    /// The rig once it is as it should be.
    fn eventually(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let rig = self.show();
            if is_so(&rig) {
                return rig;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("never: {}", self.show());
    }

    /// A client of its own making.
    fn client(&self, token: &str, host: &str, origin: Option<&str>) -> Result<WebSocket<TcpStream>, u16> {
        let address = &self.address;
        let mut request = format!("ws://{address}/socket?token={token}").into_client_request().unwrap();
        request.headers_mut().insert("Host", host.parse().unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().unwrap());
        }
        match tungstenite::client(request, TcpStream::connect(address).unwrap()) {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn friend(&self) -> WebSocket<TcpStream> {
        self.client(&self.token, &self.address, None).unwrap()
    }

    fn refusals(&self) -> Value {
        serde_json::from_str(&self.done(&["send", "refusals"])).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    // Where rigs are announced on each system: no rig of this machine's user is to be found.
    for variable in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "LOCALAPPDATA", "XDG_CONFIG_HOME", "APPDATA"] {
        command.env(variable, place);
    }
    if cfg!(target_os = "macos") {
        command.env("HOME", place);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn ask(socket: &mut WebSocket<TcpStream>, request: &str) -> Value {
    socket.send(Message::text(request)).unwrap();
    hear(socket)
}

fn hear(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn node<'r>(rig: &'r Value, name: &str) -> &'r Value {
    rig["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()
}

/// What a script does on stage: looks, sets, bypasses, routes, takes back, saves, loads.
#[test]
fn a_script_drives_a_running_rig() {
    let running = Running::start();
    let rig = running.show();
    let names: Vec<&str> = rig["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"amp"), "{names:?}");
    assert!(running.done(&["show"]).contains("amp"));

    running.done(&["bypass", "amp", "on"]);
    running.eventually(|rig| node(rig, "amp")["bypassed"] == true);

    let parameters: Value = serde_json::from_str(&running.done(&["parameters", "amp", "--json"])).unwrap();
    let drive = &parameters["parameters"][0];
    let (name, goal) = (drive["name"].as_str().unwrap(), drive["maximum"].as_f64().unwrap());
    running.done(&["set", "amp", name, &goal.to_string()]);
    let value = || -> Value {
        let parameters: Value = serde_json::from_str(&running.done(&["parameters", "amp", "--json"])).unwrap();
        parameters["parameters"][0]["value"].clone()
    };
    assert_eq!(value().as_f64(), Some(goal));

    let edges = |rig: &Value| rig["edges"].as_array().unwrap().len();
    let before = edges(&rig);
    let input = rig["nodes"].as_array().unwrap().iter().find(|node| node["kind"] == "input").unwrap()["name"].clone();
    let output = rig["nodes"].as_array().unwrap().iter().find(|node| node["kind"] == "output").unwrap()["name"].clone();
    let (source, destination) = (format!("{}:1", input.as_str().unwrap()), format!("{}:1", output.as_str().unwrap()));
    running.done(&["cell", &source, &destination, "--gain", "-12"]);
    let rig = running.eventually(|rig| edges(rig) == before + 1);
    let dry = |edge: &&Value| edge["source"]["node"] == input && edge["destination"]["node"] == output;
    let cell = &rig["edges"].as_array().unwrap().iter().find(dry).unwrap()["crosspoints"][0];
    assert!((cell["gain_db"].as_f64().unwrap() + 12.0).abs() < 1e-4, "{cell}");
    running.done(&["undo"]);
    running.eventually(|rig| edges(rig) == before);

    running.done(&["tempo", "96"]);
    running.done(&["save", &running.folder().join("evening.rig.toml").display().to_string()]);
    let saved = std::fs::read_to_string(running.folder().join("evening.rig.toml")).unwrap();
    assert!(saved.contains("tempo = 96"), "{saved}");
    running.done(&["load", &running.folder().join("guitar.rig.toml").display().to_string()]);
    let rig = running.eventually(|rig| rig["tempo"] != 96.0 && rig["is_building"] == false);
    assert_eq!(node(&rig, "amp")["bypassed"], false);
}

/// What cannot be done says why, and nothing has happened.
#[test]
fn orders_that_make_no_sense_are_answered_with_what_is_wrong() {
    let running = Running::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let file: PathBuf = elsewhere.path().join("x.rig.toml");
    std::fs::write(&file, "").unwrap();
    let revision = running.show()["revision"].clone();
    for (arguments, why) in [
        (&["bypass", "nobody", "on"][..], "there are: "),
        (&["cell", "amp:9", "delay:1"], "channel"),
        (&["tempo", "0"], "bpm must be"),
        (&["load", file.to_str().unwrap()], "remote control may use files in"),
        (&["save", file.to_str().unwrap()], "remote control may use files in"),
        (&["add", "x", file.to_str().unwrap()], "remote control may use files in"),
        (&["disconnect", "amp", "amp"], "nothing leads"),
    ] {
        let (code, stdout, stderr) = running.ctl(arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    }
    assert_eq!(running.show()["revision"], revision);
}

/// ```text
/// no token, another's token        403 ┐
/// a page of another site           403 ├─ counted, and the rig plays on
/// no request, too long, too many       ┘
/// ```
#[test]
fn clients_that_mean_no_good_are_refused_and_counted() {
    let running = Running::start();
    let own = running.address.as_str();
    assert_eq!(running.client("", own, None).err(), Some(403));
    assert_eq!(running.client(&running.token[1..], own, None).err(), Some(403));
    assert_eq!(running.client(&running.token, "evil.example", None).err(), Some(403));
    assert_eq!(running.client(&running.token, own, Some("http://evil.example")).err(), Some(403));
    assert!(running.client(&running.token, own, Some(&format!("http://{own}"))).is_ok());

    let mut socket = running.friend();
    for malformed in
        ["", "{", "[]", r#"{"id": 1, "command": "explode"}"#, r#"{"id": 1, "command": "undo", "extra": 0}"#]
    {
        assert!(ask(&mut socket, malformed)["error"].is_string(), "{malformed}");
    }
    socket.send(Message::binary(vec![0; 10])).unwrap();
    assert!(hear(&mut socket)["error"].is_string());

    let mut flooding = running.friend();
    let text = r#"{"id": 5, "command": "bypass", "arguments": {"node": "nobody", "on": true}}"#;
    let mut reading =
        WebSocket::from_raw_socket(flooding.get_ref().try_clone().unwrap(), tungstenite::protocol::Role::Client, None);
    let reader = std::thread::spawn(move || {
        let answers = (0..3000).map(|_| hear(&mut reading));
        answers.filter(|answer| answer["error"].as_str().unwrap().contains("too many")).count()
    });
    (0..3000).for_each(|_| flooding.send(Message::text(text)).unwrap());
    assert!(reader.join().unwrap() > 0, "a flood is held back");

    let mut huge = running.friend();
    let _ = huge.send(Message::text("x".repeat(1 << 20)));
    assert!(huge.read().is_err(), "who sends so much is hung up on");

    let refusals = running.refusals();
    assert_eq!((&refusals["unauthorised"], &refusals["malformed"]), (&json!(4), &json!(6)), "{refusals}");
    assert!(refusals["huge"] == 1 && refusals["flooding"].as_u64() > Some(0), "{refusals}");
    running.done(&["bypass", "amp", "on"]);
    running.eventually(|rig| node(rig, "amp")["bypassed"] == true);
}

/// A subscriber sees the rig at once, and again when somebody else has changed it.
#[test]
fn a_subscriber_sees_what_others_change() {
    let running = Running::start();
    let mut socket = running.friend();
    assert_eq!(ask(&mut socket, r#"{"id": 1, "command": "subscribe"}"#), json!({ "id": 1, "result": {} }));
    let first = hear(&mut socket);
    assert_eq!(first["event"], "rig");
    running.done(&["bypass", "delay", "on"]);
    let mut seen = first;
    while node(&seen["rig"], "delay")["bypassed"] != true {
        seen = hear(&mut socket);
    }
}

/// A word from a rig that is gone, or a wrong one, leads nowhere; the answer says what to do.
#[test]
fn no_rig_is_told_from_one_that_refuses() {
    let place = tempfile::tempdir().unwrap();
    let output = command(place.path(), &["ctl", "show"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let mut told = String::new();
    output.stderr.as_slice().read_to_string(&mut told).unwrap();
    assert!(told.contains("crosspoint run --remote"), "{told}");
    let running = Running::start();
    let (code, _, stderr) = running.ctl(&["show", "--address", &running.address, "--token", "0123456789abcdef"]);
    assert!(code == 1 && stderr.contains("refuses"), "{stderr}");
    let short = command(running.folder(), &["run", "--device", "virtual:2x2", "--remote", "--remote-token", "short"]);
    let mut short = short;
    let output = short.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
