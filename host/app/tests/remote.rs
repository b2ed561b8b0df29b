//! A running rig commanded from outside: by `crosspoint ctl` as scripts use it, and by clients that mean no good.

// Not tried in Wine yet, whose sockets are its own.
#![cfg(not(windows))]

mod running;

use running::{Process, Running, command, eventually, node};
use serde_json::{Value, json};
use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// A client of its own making.
fn client(running: &Running, token: &str, host: &str, origin: Option<&str>) -> Result<WebSocket<TcpStream>, u16> {
    let address = &running.address;
    let mut request = format!("ws://{address}/socket?token={token}").into_client_request().unwrap();
    request.headers_mut().insert("Host", host.parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    match tungstenite::client(request, TcpStream::connect(address).unwrap()) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

fn friend(running: &Running) -> WebSocket<TcpStream> {
    client(running, &running.token, &running.address, None).unwrap()
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

/// What a script does on stage: looks, sets, bypasses, routes, takes back, saves, loads.
#[test]
fn a_script_drives_a_running_rig() {
    let running = Running::start("guitar.rig.toml", &[]);
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
    let running = Running::start("guitar.rig.toml", &[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let file: PathBuf = elsewhere.path().join("x.rig.toml");
    std::fs::write(&file, "").unwrap();
    // What is autosaved meanwhile, and how late the machine is, is nobody's order.
    let rig = || ["nodes", "edges", "tempo", "metre", "can_undo"].map(|part| running.show()[part].clone());
    let before = rig();
    for (arguments, why) in [
        (&["bypass", "nobody", "on"][..], "there are: "),
        (&["cell", "amp:9", "delay:1"], "channel"),
        (&["tempo", "0"], "it must be 1 to 1000 quarter notes"),
        (&["load", file.to_str().unwrap()], "remote control may use files in"),
        (&["save", file.to_str().unwrap()], "remote control may use files in"),
        (&["add", "x", file.to_str().unwrap()], "remote control may use files in"),
        (&["disconnect", "amp", "amp"], "nothing leads"),
    ] {
        let (code, stdout, stderr) = running.ctl(arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    }
    assert_eq!(rig(), before);
}

/// ```text
/// no token, another's token        403 ┐
/// a page of another site           403 ├─ counted, and the rig plays on
/// no request, too long, too many       ┘
/// ```
#[test]
fn clients_that_mean_no_good_are_refused_and_counted() {
    let running = Running::start("guitar.rig.toml", &[]);
    let own = running.address.as_str();
    assert_eq!(client(&running, "", own, None).err(), Some(403));
    assert_eq!(client(&running, &running.token[1..], own, None).err(), Some(403));
    assert_eq!(client(&running, &running.token, "evil.example", None).err(), Some(403));
    assert_eq!(client(&running, &running.token, own, Some("http://evil.example")).err(), Some(403));
    assert!(client(&running, &running.token, own, Some(&format!("http://{own}"))).is_ok());

    let mut socket = friend(&running);
    for malformed in
        ["", "{", "[]", r#"{"id": 1, "command": "explode"}"#, r#"{"id": 1, "command": "undo", "extra": 0}"#]
    {
        assert!(ask(&mut socket, malformed)["error"].is_string(), "{malformed}");
    }
    socket.send(Message::binary(vec![0; 10])).unwrap();
    assert!(hear(&mut socket)["error"].is_string());

    let mut flooding = friend(&running);
    let text = r#"{"id": 5, "command": "bypass", "arguments": {"node": "nobody", "on": true}}"#;
    let mut reading =
        WebSocket::from_raw_socket(flooding.get_ref().try_clone().unwrap(), tungstenite::protocol::Role::Client, None);
    let reader = std::thread::spawn(move || {
        let answers = (0..3000).map(|_| hear(&mut reading));
        answers.filter(|answer| answer["error"].as_str().unwrap().contains("too many")).count()
    });
    (0..3000).for_each(|_| flooding.send(Message::text(text)).unwrap());
    assert!(reader.join().unwrap() > 0, "a flood is held back");

    let mut huge = friend(&running);
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
    let running = Running::start("guitar.rig.toml", &[]);
    let mut socket = friend(&running);
    assert_eq!(ask(&mut socket, r#"{"id": 1, "command": "subscribe"}"#), json!({ "id": 1, "result": {} }));
    let first = hear(&mut socket);
    assert_eq!(first["event"], "rig");
    running.done(&["bypass", "delay", "on"]);
    let mut seen = first;
    while node(&seen["rig"], "delay")["bypassed"] != true {
        seen = hear(&mut socket);
    }
}

/// A tablet whose battery dies while a finger is on a fader leaves no gesture behind.
#[test]
fn a_gesture_ends_with_who_began_it() {
    let running = Running::start("guitar.rig.toml", &[]);
    let mut socket = friend(&running);
    ask(&mut socket, r#"{"id": 1, "command": "gesture", "arguments": {"on": true}}"#);
    running.eventually(|rig| rig["in_gesture"] == true);
    drop(socket);
    running.eventually(|rig| rig["in_gesture"] == false);
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
    let running = Running::start("guitar.rig.toml", &[]);
    let (code, _, stderr) = running.ctl(&["show", "--address", &running.address, "--token", "0123456789abcdef"]);
    assert!(code == 1 && stderr.contains("refuses"), "{stderr}");
    let short = command(running.folder(), &["run", "--device", "virtual:2x2", "--remote", "--remote-token", "short"]);
    let mut short = short;
    let output = short.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// ```text
/// Rhythm ─next─► Lead ─► ... leave          what differs is heard, and what is stored can be had again
/// ```
#[test]
fn a_script_plays_scenes_and_songs() {
    let running = Running::start("guitar-scenes.rig.toml", &[]);
    let playing = |name: Value| running.eventually(|rig| rig["scenes"]["playing"] == name);
    running.done(&["scene", "play", "Dry"]);
    let rig = playing("Dry".into());
    assert_eq!((&node(&rig, "delay")["bypassed"], &node(&rig, "reverb")["bypassed"]), (&json!(true), &json!(true)));
    running.done(&["scene", "play", "--number", "2"]);
    assert_eq!(node(&playing("Clean".into()), "gate")["bypassed"], true);
    running.done(&["song", "play", "Opener"]);
    playing("Rhythm".into());
    running.done(&["scene", "next"]);
    let rig = playing("Lead".into());
    assert_eq!(rig["scenes"]["position"], json!([1, 2]));
    running.done(&["song", "next"]);
    assert_eq!(playing("Clean".into())["tempo"], 72.0);
    running.done(&["song", "previous"]);
    running.done(&["scene", "previous"]);
    assert!(running.done(&["scene", "list"]).contains("Rhythm  plays"));
    running.done(&["scene", "leave"]);
    playing(Value::Null);

    running.done(&["bypass", "reverb", "on"]);
    running.done(&["scene", "store", "Close", "--node", "reverb"]);
    let names = |rig: &Value| -> Vec<String> {
        let scenes = rig["scenes"]["scenes"].as_array().unwrap().iter();
        scenes.map(|scene| scene["name"].as_str().unwrap().to_owned()).collect()
    };
    running.eventually(|rig| names(rig) == ["Rhythm", "Clean", "Lead", "Dry", "Close"]);
    running.done(&["scene", "rename", "Close", "Near"]);
    running.done(&["scene", "move", "Near", "1"]);
    running.eventually(|rig| names(rig) == ["Near", "Rhythm", "Clean", "Lead", "Dry"]);
    running.done(&["undo"]);
    running.done(&["undo"]);
    running.done(&["undo"]);
    running.eventually(|rig| names(rig) == ["Rhythm", "Clean", "Lead", "Dry"]);
    running.done(&[
        "scene",
        "set",
        r#"{"name": "Quiet", "crosspoints": [{"from": "master", "to": "speakers", "cells": ["1>1 -20 dB"]}]}"#,
    ]);
    running.done(&["scene", "play", "Quiet"]);
    let rig = playing("Quiet".into());
    let out = rig["edges"].as_array().unwrap().iter().find(|edge| edge["destination"]["node"] == "speakers").unwrap();
    assert!((out["crosspoints"][0]["gain_db"].as_f64().unwrap() + 20.0).abs() < 1e-4, "{out}");
    running.done(&["song", "set", "Closer", "Quiet", "Dry", "--tempo", "100"]);
    running.done(&["song", "setlist", "Closer", "Ballad"]);
    assert_eq!(running.done(&["song", "list"]).lines().next(), Some("1  Closer: Quiet, Dry"));
    for (arguments, why) in [
        (&["scene", "play", "Loud"][..], "no scene"),
        (&["scene", "play", "--number", "9"], "the rig has 5"),
        (&["song", "play", "Opener"], "Closer, Ballad"),
        (&["scene", "set", r#"{"name": "X", "colour": 1}"#], "colour"),
    ] {
        let (code, _, stderr) = running.ctl(arguments);
        assert!(code == 1 && stderr.contains(why), "{arguments:?}: {stderr}");
    }
}

/// ```text
/// take ─ change ─ recall ─ undo        and: edit Lead ─ play Dry ─ recall "Lead, changed" ─ save
/// ```
#[test]
fn a_script_goes_back_to_moments() {
    let running = Running::start("guitar-scenes.rig.toml", &[]);
    assert_eq!(running.done(&["moment", "take"]), "moment 1\n");
    assert_eq!(running.done(&["moment", "take", "quiet"]), "");
    running.done(&["bypass", "delay", "on"]);
    running.done(&["tempo", "96"]);
    assert_eq!(running.done(&["moment", "recall", "quiet"]), "");
    running.eventually(|rig| node(rig, "delay")["bypassed"] == false && rig["tempo"] == 120.0);
    running.done(&["undo"]);
    running.eventually(|rig| node(rig, "delay")["bypassed"] == true && rig["tempo"] == 96.0);
    running.done(&["moment", "recall", "--number", "1"]);
    running.eventually(|rig| node(rig, "delay")["bypassed"] == false && rig["scenes"]["playing"].is_null());

    running.done(&["scene", "play", "Lead"]);
    running.eventually(|rig| rig["scenes"]["playing"] == "Lead");
    let drive = || {
        let parameters = running.document(&["parameters", "amp"]);
        let mut parameters = parameters["parameters"].as_array().unwrap().iter();
        parameters.find(|known| known["name"] == "Drive").unwrap()["value"].as_f64()
    };
    let lead = drive();
    running.done(&["set", "amp", "Drive", "--text", "12 dB"]);
    let changed = drive();
    assert_ne!(changed, lead);
    running.eventually(|rig| rig["scenes"]["is_modified"] == true);
    running.done(&["scene", "play", "Dry"]);
    let rig = running.eventually(|rig| rig["scenes"]["playing"] == "Dry");
    let last = rig["moments"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["name"], &last["is_automatic"]), (&json!("Lead, changed"), &json!(true)), "{rig}");
    running.done(&["moment", "recall", "Lead, changed"]);
    running.eventually(|rig| rig["scenes"]["playing"] == "Lead" && rig["scenes"]["is_modified"] == true);
    assert_eq!(drive(), changed);

    running.done(&["moment", "rename", "Lead, changed", "solo"]);
    running.done(&["moment", "remove", "moment 1"]);
    let listed = running.done(&["moment", "list"]);
    assert!(listed.starts_with("1  quiet  "), "{listed}");
    assert!(listed.lines().any(|line| line.contains("  solo  ") && line.ends_with("scene Lead")), "{listed}");
    assert!(listed.contains("before quiet") && !listed.contains("moment 1  "), "{listed}");
    running.done(&["save"]);
    let text = std::fs::read_to_string(running.folder().join("guitar-scenes.rig.toml")).unwrap();
    assert!(text.contains("[[moment]]\nname = \"quiet\"\ntaken = 20"), "{text}");
    for (arguments, why) in [
        (&["moment", "recall", "loud"][..], "there is no moment \"loud\" to go back to; there are: quiet"),
        (&["moment", "recall", "--number", "99"], "there is no moment 99; the rig has "),
        (&["moment", "take", "quiet"], "is taken"),
        (&["moment", "remove", "moment 1"], "there is no moment"),
    ] {
        let (code, _, stderr) = running.ctl(arguments);
        assert!(code == 1 && stderr.contains(why), "{arguments:?}: {stderr}");
    }
}

/// A mapping is added, changed, removed and taken back; learning waits for a hand.
#[test]
fn a_script_maps_controls() {
    let running = Running::start("guitar-scenes.rig.toml", &[]);
    let count = || running.document(&["mapping", "list"])["mappings"].as_array().unwrap().len();
    let before = count();
    let place = (before + 1).to_string();
    let entry = r#"{"role": "pedal", "message": "cc 20 channel 1", "bypass": "delay"}"#;
    running.done(&["mapping", "add", entry]);
    let listed = running.document(&["mapping", "list"]);
    let first = &listed["mappings"][before];
    assert_eq!(first["mapping"], serde_json::from_str::<Value>(entry).unwrap());
    assert_eq!((&first["place"], &first["condition"]), (&json!(before + 1), &json!("no_port")), "{first}");
    assert!(listed["unheard_roles"].as_array().unwrap().contains(&json!("pedal")), "{listed}");
    running.done(&["mapping", "change", &place, r#"{"role": "pedal", "message": "note C3", "scene": "Lead"}"#]);
    assert!(running.done(&["mapping", "list"]).contains("note C3"));
    running.done(&["mapping", "remove", &place]);
    assert_eq!(count(), before);
    running.done(&["undo"]);
    assert_eq!(count(), before + 1);
    let mut learn = command(running.folder(), &["ctl", "mapping", "learn", r#"{"action": "panic"}"#]);
    let mut learning = Process(learn.stderr(Stdio::null()).spawn().unwrap());
    running.eventually(|rig| rig["is_learning"] == true);
    running.done(&["mapping", "stop-learning"]);
    running.eventually(|rig| rig["is_learning"] == false);
    let ended = eventually(|| learning.0.try_wait().unwrap()).expect("who waits for a control is told");
    assert_eq!(ended.code(), Some(1));
    for (entry, why) in [
        (r#"{"role": "pedal", "message": "cc 200", "bypass": "delay"}"#, "cc 7"),
        (r#"{"role": "pedal", "message": "cc 20"}"#, "target"),
    ] {
        let (code, _, stderr) = running.ctl(&["mapping", "add", entry]);
        assert!(code == 1 && stderr.contains(why), "{stderr}");
    }
    assert_eq!(running.ctl(&["mapping", "remove", "99"]).0, 1);
}

/// ```text
/// tone ──► volume ──► speakers        set by name and in decibels; meters follow; a mute is heard, not seen at the volume
/// ```
#[test]
fn a_script_builds_sets_meters_and_mutes() {
    let running = Running::start("guitar.rig.toml", &[]);
    running.done(&["add-builtin", "beep", "tone", "--channels", "1"]);
    running.done(&["add-builtin", "volume", "gain", "--channels", "1"]);
    running.done(&["connect", "beep", "speakers"]);
    running.done(&["insert", "volume", "beep", "speakers"]);
    running.done(&["set", "volume", "gain", "--text", "-20 dB"]);
    running.done(&["set", "beep", "level", "1"]);
    running.done(&["set", "beep", "frequency", "440"]);
    let gain = running.document(&["parameters", "volume"])["parameters"][0].clone();
    assert!((gain["value"].as_f64().unwrap() - 0.1).abs() < 1e-6 && gain["is_gain"] == true, "{gain}");
    assert_eq!(running.ctl(&["set", "volume", "loudness", "1"]).0, 1);

    let peak = |node: &str| {
        let levels: Value = serde_json::from_str(&running.done(&["meters", "show", "--json"])).unwrap();
        levels["nodes"][node][0]["peak_db"].as_f64()
    };
    let eventually = |is_so: &dyn Fn() -> bool| {
        let came = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            is_so()
        });
        assert!(came, "{}", running.done(&["meters", "show"]));
    };
    running.done(&["meters", "on"]);
    running.done(&["meters", "on", "volume"]);
    eventually(&|| peak("volume").is_some_and(|peak| (peak + 20.0).abs() < 0.5));
    eventually(&|| peak("speakers").is_some());
    running.done(&["mute", "on"]);
    eventually(&|| peak("speakers").is_none_or(|peak| peak < -80.0));
    assert!(peak("volume").is_some_and(|peak| (peak + 20.0).abs() < 0.5));
    assert_eq!(running.show()["muted"], true);
    running.done(&["mute", "off"]);
    running.done(&["meters", "reset"]);
    running.done(&["meters", "off", "volume"]);
    eventually(&|| peak("volume").is_none());

    running.done(&["tuner", "on", "beep"]);
    eventually(&|| running.done(&["tuner", "show"]).starts_with("A4 "));
    running.done(&["tuner", "off"]);
    eventually(&|| running.document(&["tuner", "show"])["tuner"].is_null());
    running.done(&["tuner", "reference", "442"]);
    running.eventually(|rig| rig["tuner_reference"] == 442.0);

    running.done(&["solo", "beep:1", "on"]);
    let rig = running.eventually(|rig| rig["soloed"].as_array().unwrap().len() == 1);
    assert_eq!(rig["soloed"][0], json!({ "source": { "node": "beep", "port": 1, "channel": 1 }, "destination": null }));
    running.done(&["clear-solo"]);
    running.done(&["rename", "beep", "pilot"]);
    running.done(&["block", "clear", "--rows", "volume:1", "--columns", "speakers:1", "speakers:2"]);
    running.eventually(|rig| rig["edges"].as_array().unwrap().iter().all(|edge| edge["source"]["node"] != "volume"));
    running.done(&["loop", "1", "2"]);
    running.done(&["metre", "3/4"]);
    running.done(&["panic"]);
    assert_eq!(
        running.eventually(|rig| rig["metre"] == json!([3, 4]))["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| node["name"] == "pilot")
            .count(),
        1
    );
    assert_eq!(running.ctl(&["loop", "2", "1"]).0, 1);
    assert_eq!(running.ctl(&["tuner", "on", "amp", "--channel", "9"]).0, 1);
}

/// ```text
/// locate ─► loop ─► tap tap ─► count in ─► play          the playhead is where it was sent, and is told while it moves
/// ```
#[test]
fn a_script_has_the_transport_at_hand() {
    let running = Running::start("guitar.rig.toml", &[]);
    let playhead = || running.document(&["transport", "show"]);
    let eventually = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        let came = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            is_so(&playhead())
        });
        assert!(came, "{what}: {}", playhead());
    };
    running.done(&["transport", "stop"]);
    running.done(&["transport", "metre", "3/4"]);
    running.done(&["transport", "locate", "--bar", "5", "--beat", "2.5"]);
    eventually("in bar 5", &|now| now["bar"] == 5 && now["beat"] == 2.5 && now["quarters"] == 13.5);
    running.done(&["locate", "--quarters", "6"]);
    eventually("in bar 3", &|now| now["bar"] == 3 && now["beat"] == 1.0);
    running.done(&["transport", "loop", "--bars", "3", "5"]);
    eventually("looped", &|now| now["loop"].as_array().is_some_and(|ends| *ends == [json!(6.0), json!(12.0)]));
    running.done(&["loop"]);
    eventually("looped no more", &|now| now["loop"].is_null());

    let mut socket = friend(&running);
    // Each arrives late by some milliseconds, and is taken for when it was tapped. One that a busy machine keeps waiting
    // for too long is not, so that there is another.
    let tapped = (0..100).any(|beat| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let at = 100.0 + 0.3 * f64::from(beat);
        ask(&mut socket, &json!({ "id": 1, "command": "tap", "arguments": { "at": at } }).to_string());
        running.show()["tempo"].as_f64().is_some_and(|tempo| (tempo - 200.0).abs() < 0.01)
    });
    assert!(tapped, "{}", running.show()["tempo"]);
    running.done(&["transport", "tempo", "90"]);
    running.eventually(|rig| rig["tempo"] == 90.0);

    ask(&mut socket, r#"{"id": 2, "command": "subscribe", "arguments": {"to": ["playhead"]}}"#);
    running.done(&["transport", "count-in-bars", "2"]);
    running.eventually(|rig| rig["count_in_bars"] == 2);
    running.done(&["transport", "count-in"]);
    let counted = |event: &Value| event["playhead"]["count_in"]["beats"] == 6;
    assert!((0..1000).any(|_| counted(&hear(&mut socket))), "what is counted is told");
    running.done(&["transport", "stop"]);
    running.done(&["locate", "0"]);
    running.done(&["transport", "toggle"]);
    let moved =
        |event: &Value| event["playhead"]["playing"] == true && event["playhead"]["seconds"].as_f64() > Some(0.0);
    assert!((0..1000).any(|_| moved(&hear(&mut socket))), "what moves is told");
    assert!(running.done(&["transport", "show"]).starts_with("plays at bar "));
    running.done(&["transport", "toggle"]);
    running.eventually(|rig| rig["playhead"]["playing"] == false);

    running.done(&["transport", "follow", "drummer"]);
    running.done(&["transport", "send", "pedals", "--while-stopped"]);
    let rig = running.eventually(|rig| rig["clock"]["from"] == "drummer");
    assert_eq!(rig["clock"], json!({ "from": "drummer", "state": "waiting", "to": ["pedals"], "while_stopped": true }));
    running.done(&["transport", "follow"]);
    running.eventually(|rig| rig["clock"]["from"].is_null());
    for (arguments, why) in [
        (&["transport", "loop", "--bars", "5", "5"][..], "ends after its beginning"),
        (&["send", "locate", r#"{"seconds": 1, "bar": 2}"#], "say a place by"),
        (&["send", "loop", r#"{"from": "here", "to": 2}"#], "a place is a number of seconds"),
        (&["transport", "count-in-bars", "99"], "1 to 16 bars"),
        (&["locate", "1e300"], "a place in the song"),
    ] {
        let (code, _, stderr) = running.ctl(arguments);
        assert!(code != 0 && stderr.contains(why), "{arguments:?}: {stderr}");
    }
}

/// ```text
/// tone ──► speakers ──guard──✕          closed for what it plays, told why, opened by hand once that is over
/// ```
#[test]
fn a_script_keeps_a_stage_safe() {
    let running = Running::start("guitar.rig.toml", &[]);
    running.done(&["add-builtin", "beep", "tone", "--channels", "1"]);
    running.done(&["set", "beep", "level", "0.5"]);
    running.done(&["connect", "beep", "speakers"]);
    let mut socket = friend(&running);
    ask(&mut socket, r#"{"id": 1, "command": "subscribe", "arguments": {"to": ["notices"]}}"#);
    running.done(&["output", "guard", "speakers", "--limit", "-20", "--time", "0"]);
    let rig = running.eventually(|rig| node(rig, "speakers")["guard"]["closed"]["cause"] == "too_loud");
    let guard = &node(&rig, "speakers")["guard"];
    assert_eq!(
        (&guard["limit_db"], &guard["time"], &guard["returns_after"]),
        (&json!(-20.0), &json!(0.0), &Value::Null)
    );
    assert!(running.done(&["show"]).contains("output open"));
    let told = (0..1000).map(|_| hear(&mut socket)).find(|event| event["notice"]["kind"] == "output_closed").unwrap();
    assert_eq!(told["notice"]["output"], "speakers", "{told}");
    assert!(told["notice"]["message"].as_str().unwrap().contains("too loud"), "{told}");
    running.done(&["output", "guard", "speakers", "--limit", "off"]);
    running.done(&["output", "open", "speakers"]);
    running.eventually(|rig| node(rig, "speakers")["guard"]["closed"].is_null());
    running.done(&["output", "close", "speakers"]);
    running.eventually(|rig| node(rig, "speakers")["guard"]["closed"]["cause"] == "by_hand");
    running.done(&["output", "open", "speakers"]);

    running.done(&["overload", "policy", "amp", "--budget", "0.3", "--action", "mute", "--returns-after", "2.5"]);
    running.done(&["overload", "policy", "amp", "--blocks", "9"]);
    let rig = running.eventually(|rig| node(rig, "amp")["overload"]["blocks"] == 9);
    let overload = &node(&rig, "amp")["overload"];
    assert_eq!(
        (&overload["budget"], &overload["action"], &overload["returns_after"]),
        (&json!(0.3), &json!("mute"), &json!(2.5))
    );
    running.done(&["overload", "recover", "amp"]);
    running.done(&["overload", "watch", "off"]);
    running.eventually(|rig| rig["watches_time"] == false);
    running.done(&["xruns", "clear"]);
    assert_eq!(running.document(&["xruns", "list"]), json!({ "xruns": [] }));
    assert_eq!(running.done(&["xruns", "list"]), "no xruns\n");

    running.done(&["loudness", "on"]);
    running.eventually(|rig| rig["loudness"] == json!(["speakers"]));
    let loud = || running.document(&["loudness", "show"])["loudness"]["speakers"]["momentary"].as_f64();
    let came = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        loud().is_some_and(|loud| (-40.0..0.0).contains(&loud))
    });
    assert!(came, "{}", running.done(&["loudness", "show"]));
    running.done(&["loudness", "reset"]);
    running.done(&["loudness", "off"]);
    running.eventually(|rig| rig["loudness"] == json!([]));
    running.done(&["performance-lock", "on"]);
    running.eventually(|rig| rig["autosave"]["is_locked"] == true);
    for (arguments, why) in [
        (&["output", "guard", "amp", "--limit", "0"][..], "no audio output"),
        (&["output", "guard", "speakers", "--limit", "99"], "-60 to 60 dBFS"),
        (&["overload", "policy", "speakers", "--blocks", "1"], "no plugin"),
        (&["overload", "policy", "amp", "--budget", "0"], "0.001 to 10"),
        (&["send", "guard", r#"{"node": "speakers", "limit_db": "loud"}"#], "a number or `off`"),
    ] {
        let (code, _, stderr) = running.ctl(arguments);
        assert!(code != 0 && stderr.contains(why), "{arguments:?}: {stderr}");
    }
}

/// ```text
/// gate ─ amp ─ cabinet ─ delay ─ reverb      a node moves within its chain, another takes a node's place, undo has both
/// ```
#[test]
fn a_script_reorders_a_chain_and_pans() {
    let running = Running::start("guitar.rig.toml", &[]);
    let leads = |rig: &Value, from: &str, to: &str| {
        let edges = rig["edges"].as_array().unwrap().iter();
        edges.clone().any(|edge| edge["source"]["node"] == from && edge["destination"]["node"] == to)
    };
    running.done(&["move", "delay", "amp", "cabinet"]);
    running.eventually(|rig| {
        leads(rig, "amp", "delay") && leads(rig, "delay", "cabinet") && leads(rig, "cabinet", "reverb")
    });
    running.done(&["undo"]);
    running.eventually(|rig| leads(rig, "cabinet", "delay"));
    running.done(&["add-builtin", "clean", "gain", "--channels", "1"]);
    let before = running.show()["edges"].as_array().unwrap().len();
    let left = running.document(&["replace", "amp", "clean"]);
    assert!(left["left_out"].is_array(), "{left}");
    let rig = running.eventually(|rig| leads(rig, "clean", "cabinet"));
    let gone = left["left_out"].as_array().unwrap().len();
    assert_eq!(rig["edges"].as_array().unwrap().len() + gone, before, "{left}");
    running.done(&["undo"]);

    running.done(&["bypass-mode", "delay", "live"]);
    running.eventually(|rig| node(rig, "delay")["bypass_mode"] == "live");
    running.done(&["present", "delay", "off"]);
    running.eventually(|rig| node(rig, "delay")["present"] == false);
    running.done(&["present", "delay", "on"]);
    running.eventually(|rig| node(rig, "delay")["present"] == true);
    let (code, _, said) = running.ctl(&["present", "speakers", "off"]);
    assert!(code == 1 && said.contains("always there"), "{said}");
    running.done(&["scene", "store", "Solo"]);
    running.done(&["scene", "leave"]);
    running.done(&["second-instance", "delay", "Solo"]);
    let rig =
        running.eventually(|rig| rig["nodes"].as_array().unwrap().iter().any(|node| node["name"] == "delay (Solo)"));
    assert_eq!(node(&rig, "delay (Solo)")["present"], false);
    running.done(&["undo"]);
    assert_eq!(running.ctl(&["second-instance", "delay", "Nowhere"]).0, 1);
    running.done(&["instance-limit", "500"]);
    running.eventually(|rig| rig["instance_limit"] == 500);
    running.done(&["spillover", "--seconds", "5"]);
    let rig = running.eventually(|rig| rig["spillover"]["seconds"] == 5.0);
    assert_eq!(rig["spillover"]["nodes"], 8, "what is not said stays");
    assert_eq!(running.ctl(&["spillover", "--seconds", "99"]).0, 1);

    running.done(&["add-builtin", "beep", "tone", "--channels", "1"]);
    let columns = ["--columns", "speakers:1", "speakers:2"];
    running.done(&[&["pan", "0", "--rows", "beep:1", "--gain", "-6"][..], &columns].concat());
    let rig = running.eventually(|rig| leads(rig, "beep", "speakers"));
    let edge = rig["edges"].as_array().unwrap().iter().find(|edge| edge["source"]["node"] == "beep").unwrap();
    let cells = edge["crosspoints"].as_array().unwrap();
    assert_eq!(cells.len(), 2, "{edge}");
    assert!(cells.iter().all(|cell| (cell["gain_db"].as_f64().unwrap() + 9.01).abs() < 0.01), "{edge}");
    assert_eq!(running.ctl(&[&["pan", "2", "--rows", "beep:1"][..], &columns].concat()).0, 1);
}

/// ```text
/// beep ──► speakers 1, 2         in a group, in two mixes, in a preset: what the meters show, and what undo has
/// ```
#[test]
fn a_script_groups_mixes_and_recalls_cells() {
    let running = Running::start("guitar.rig.toml", &[]);
    running.done(&["add-builtin", "beep", "tone", "--channels", "1"]);
    running.done(&["set", "beep", "level", "1"]);
    running.done(&["connect", "beep", "speakers"]);
    running.done(&["meters", "on"]);
    let peaks = |expected: [f64; 2]| {
        let peak = |levels: &Value, channel: usize| {
            levels["nodes"]["speakers"][channel]["peak_db"].as_f64().unwrap_or(-144.0).max(-60.0)
        };
        let came = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let levels = running.document(&["meters", "show"]);
            (0..2).all(|channel| (peak(&levels, channel) - expected[channel]).abs() < 0.5)
        });
        assert!(came, "never {expected:?}: {}", running.done(&["meters", "show"]));
    };
    let cells = || {
        let rig = running.show();
        let edge = rig["edges"].as_array().unwrap().iter().find(|edge| edge["source"]["node"] == "beep").cloned();
        edge.map_or(Value::Null, |edge| edge["crosspoints"].clone())
    };
    peaks([0.0, 0.0]);
    let before = cells();
    running.done(&["group", "set", "Cues", "--rows", "beep", "--gain", "-20"]);
    peaks([-20.0, -20.0]);
    assert_eq!(cells(), before, "no cell was touched");
    running.done(&["mix", "set", "Ann", "speakers:1", "--gain", "-6"]);
    running.done(&["mix", "set", "Ben", "speakers:2"]);
    peaks([-26.0, -20.0]);
    assert_eq!(running.done(&["group", "list"]), "Cues  -20.0 dB\n");
    running.done(&["group", "rename", "Cues", "Clicks"]);
    running.done(&["group", "fader", "Clicks", "--mute", "on"]);
    peaks([-60.0, -60.0]);
    (0..2).for_each(|_| drop(running.done(&["undo"])));
    peaks([-26.0, -20.0]);
    let group = running.show()["groups"][0].clone();
    let table = json!({ "name": "Cues", "gain": "-20 dB", "rows": [{ "node": "beep" }] });
    assert_eq!((&group["name"], &group["muted"], &group["group"]), (&json!("Cues"), &json!(false), &table));

    running.done(&["matrix-preset", "store", "Both", "--from", "beep", "--to", "speakers"]);
    running.done(&["cell", "beep:1", "speakers:2", "--remove"]);
    peaks([-26.0, -60.0]);
    running.done(&["mix", "copy", "Ann", "Ben"]);
    peaks([-26.0, -20.0]);
    let ben = running.document(&["mix", "show", "Ben"]);
    assert!(ben["rows"].as_array().unwrap().contains(&json!({ "node": "beep", "port": 1, "channel": 1 })), "{ben}");
    assert_eq!(ben["columns"], json!([{ "node": "speakers", "port": 1, "channel": 2 }]));
    running.done(&["cell", "beep:1", "speakers:1", "--gain", "-40"]);
    assert_eq!(running.document(&["matrix-preset", "recall", "Both"])["left_out"], json!([]));
    assert_eq!(cells(), before);
    running.done(&["matrix-preset", "rename", "Both", "All"]);
    running.done(&["rename", "beep", "pilot"]);
    assert!(running.done(&["matrix-preset", "list"]).starts_with("All  1 x 2\n"));
    running.done(&["remove", "pilot"]);
    assert_eq!(
        running.document(&["matrix-preset", "recall", "All"])["left_out"],
        json!(["there is no node \"pilot\""])
    );
    for wrong in [
        &["group", "fader", "Cues", "--gain", "21", "--mute", "on"][..],
        &["group", "fader", "Cues"],
        &["group", "remove", "Nobody"],
        &["mix", "show", "Nobody"],
        &["mix", "copy", "Ann", "Nobody"],
        &["matrix-preset", "recall", "Both"],
        &["matrix-preset", "store", "Empty"],
    ] {
        assert_eq!(running.ctl(wrong).0, 1, "{wrong:?}");
    }
    assert_eq!(running.show()["groups"][0]["muted"], false, "nothing of what is refused is done");
    running.done(&["undo"]);
    let file = running.folder().join("grouped.rig.toml").display().to_string();
    running.done(&["save", &file]);
    running.done(&["load", &file]);
    let rig = running.eventually(|rig| rig["is_building"] == false && rig["groups"].as_array().unwrap().len() == 1);
    assert_eq!((rig["mixes"].as_array().unwrap().len(), &rig["matrix_presets"][0]["name"]), (2, &json!("All")));
}
