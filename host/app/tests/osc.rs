//! A running rig commanded by OSC over UDP, as control surfaces do it, and by senders that mean no good.

// Not tried in Wine yet, whose sockets are its own.
#![cfg(not(windows))]

mod running;
mod surface;

use rosc::{OscBundle, OscPacket, OscTime, OscType};
use running::{Running, node};
use serde_json::{Value, json};
use std::time::Duration;
use surface::{Surface, message, text};

fn start(more: &[&str]) -> Running {
    Running::start("guitar-scenes.rig.toml", &[&["--osc=127.0.0.1:0"], more].concat())
}

/// ```text
/// button, fader, bundle ──► rig          what is asked for comes back; what makes no sense is told why
/// ```
#[test]
fn a_control_surface_plays_a_rig() {
    let running = start(&[]);
    let surface = Surface::of(&running);
    surface.say("scene/Lead", vec![OscType::Float(1.0)]);
    running.eventually(|rig| rig["scenes"]["playing"] == "Lead");
    surface.say("scene/Clean", vec![OscType::Float(0.0)]);
    surface.say("node/delay/bypass", vec![OscType::Int(1)]);
    surface.say("node/master/parameter/gain", vec![text("-20 dB")]);
    surface.say("cell/master/1/speakers/1/gain", vec![OscType::Float(-12.0)]);
    surface.say("tempo", vec![OscType::Float(96.5)]);
    let gain = |rig: &Value| {
        let edges = rig["edges"].as_array().unwrap().iter();
        let out = edges.clone().find(|edge| edge["destination"]["node"] == "speakers").unwrap();
        out["crosspoints"][0]["gain_db"].as_f64().unwrap()
    };
    let rig = running.eventually(|rig| rig["tempo"] == 96.5 && (gain(rig) + 12.0).abs() < 1e-3);
    assert_eq!((&rig["scenes"]["playing"], &node(&rig, "delay")["bypassed"]), (&json!("Lead"), &json!(true)));
    let value = running.document(&["parameters", "master"])["parameters"][0]["value"].as_f64().unwrap();
    assert!((value - 0.1).abs() < 1e-6, "{value}");

    surface.say("get", vec![text("/crosspoint/tempo")]);
    assert_eq!(surface.wait_for("tempo").args, [OscType::Float(96.5)]);
    assert_eq!(surface.wait_for("got").args[1], OscType::Int(1));
    surface.say("parameters", vec![text("amp")]);
    let answer = surface.wait_for("answer");
    let OscType::String(document) = &answer.args[1] else { panic!("{answer:?}") };
    assert!(document.contains("Drive") && answer.args[0] == text("parameters"));
    surface.say("node/nobody/bypass", vec![OscType::Bool(true)]);
    let OscType::String(why) = &surface.wait_for("error").args[1] else { panic!() };
    assert!(why.contains("there are: "), "{why}");

    let content = vec![message("mute", vec![OscType::Bool(true)]), message("tempo", vec![OscType::Int(80)])];
    surface.send(&OscPacket::Bundle(OscBundle { timetag: OscTime { seconds: u32::MAX, fractional: 0 }, content }));
    surface.wait_for("note");
    running.eventually(|rig| rig["muted"] == true && rig["tempo"] == 80.0);

    surface.say("save", vec![text("evening.rig.toml")]);
    let saved = running.folder().join("evening.rig.toml");
    let came = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        saved.exists()
    });
    assert!(came);
    surface.say("load", vec![text("/etc/passwd")]);
    let OscType::String(why) = &surface.wait_for("error").args[1] else { panic!() };
    assert!(why.contains("remote control may use files in"), "{why}");
}

/// A subscriber has all at once, then what others change, then nothing once its time is up.
#[test]
fn a_subscriber_is_told_until_its_time_is_up() {
    let running = start(&[]);
    let surface = Surface::of(&running);
    surface.say("subscribe", vec![text("rig"), text("levels"), text("notices"), OscType::Int(600)]);
    assert_eq!(surface.wait_for("subscribed").args, [OscType::Int(600)]);
    surface.wait_for_value("playing/scene", &text(""));
    running.done(&["scene", "play", "Dry"]);
    surface.wait_for_value("scene/Dry", &OscType::Int(1));
    running.done(&["scene", "play", "Clean"]);
    surface.wait_for_value("notice", &text("scene"));
    surface.say("take_moment", vec![OscType::Float(1.0)]);
    surface.say("take_moment", vec![OscType::Float(0.0)]);
    surface.say("tempo", vec![OscType::Int(99)]);
    surface.wait_for_value("tempo", &OscType::Float(99.0));
    surface.say("moment/moment%201", vec![]);
    surface.wait_for_value("tempo", &OscType::Float(120.0));
    running.done(&["meters", "on"]);
    let level = surface.wait_for("level/guitar/1");
    assert_eq!(level.args.len(), 4);
    running.done(&["remove", "delay", "--bridge"]);
    let gone = surface.hear_until(|message| message.addr == "/crosspoint/node/delay/bypass" && message.args.is_empty());
    assert!(gone.is_ok(), "what is gone is told");

    surface.say("subscribe", vec![text("notices"), OscType::Int(1)]);
    surface.wait_for("expired");
    running.done(&["scene", "play", "Dry"]);
    running.eventually(|rig| rig["scenes"]["playing"] == "Dry");
    assert!((0..5).all(|_| surface.hear().is_empty()), "nobody is told who has not asked for it again");
}

/// ```text
/// another interface: no answer and no effect ──hello TOKEN──► as on this machine
/// ```
#[test]
fn a_stranger_says_the_token_first() {
    let running = Running::start("guitar.rig.toml", &["--osc=0.0.0.0:0"]);
    let surface = Surface::of(&running);
    surface.say("tempo", vec![OscType::Int(80)]);
    surface.say("hello", vec![text("0123456789abcdef")]);
    surface.say("get", vec![text("/crosspoint")]);
    assert!(surface.hear().is_empty(), "a stranger gets no answer");
    running.eventually(|_| running.refusals()["unauthorised"] == 3);
    surface.say("hello", vec![text(&running.token)]);
    surface.wait_for("hello");
    surface.say("tempo", vec![OscType::Int(90)]);
    running.eventually(|rig| rig["tempo"] == 90.0);
    let other = Surface::of(&running);
    other.say("panic", vec![]);
    running.eventually(|_| running.refusals()["unauthorised"] == 4);
}

/// What is no packet, is too long or comes too fast is counted beside what comes by WebSocket, and the rig plays on.
#[test]
fn packets_that_make_no_sense_are_refused_and_counted() {
    let running = start(&[]);
    let surface = Surface::of(&running);
    for malformed in [&b"hello"[..], b"/crosspoint/tempo\0\0\0,f\0\0", b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\xff\xff", b""]
    {
        surface.socket.send(malformed).unwrap();
    }
    surface.say("explode", vec![]);
    surface.say("scene/*", vec![]);
    surface.socket.send(&vec![0; 40_000]).unwrap();
    running.eventually(|_| running.refusals()["huge"] == 1);
    running.eventually(|_| running.refusals()["malformed"] == 6);

    let flooding = Surface::of(&running);
    for batch in 0..300 {
        let content = (0..20).map(|_| message("node/nobody/bypass", vec![OscType::Int(1)])).collect();
        flooding.send(&OscPacket::Bundle(OscBundle { timetag: OscTime { seconds: 0, fractional: 1 }, content }));
        if batch % 30 == 0 {
            flooding.hear();
        }
    }
    running.eventually(|_| running.refusals()["flooding"].as_u64() > Some(0));
    surface.say("node/amp/bypass", vec![OscType::Int(1)]);
    running.eventually(|rig| node(rig, "amp")["bypassed"] == true);
}

/// ```text
/// hold 1 ─► silent ─► hold 0      locate/bar, play, tap: the playhead is told where it goes
/// ```
#[test]
fn a_surface_has_the_transport_and_the_outputs() {
    let running = start(&[]);
    let surface = Surface::of(&running);
    surface.say("subscribe", vec![text("rig"), text("playhead"), OscType::Int(600)]);
    surface.wait_for("subscribed");
    surface.say("play", vec![OscType::Float(0.0)]);
    surface.wait_for_value("play", &OscType::Int(0));
    surface.say("locate/bar", vec![OscType::Int(9), OscType::Int(3)]);
    surface.wait_for_value("playhead", &OscType::Int(9));
    surface.say("play", vec![OscType::Float(1.0)]);
    surface.wait_for_value("play", &OscType::Int(1));
    surface.wait_for_value("playhead", &OscType::Int(10));
    surface.say("play_or_stop", vec![OscType::Float(1.0)]);
    surface.wait_for_value("play", &OscType::Int(0));
    surface.say("node/speakers/hold", vec![OscType::Float(1.0)]);
    surface.wait_for_value("node/speakers/hold", &OscType::Int(1));
    surface.say("node/speakers/hold", vec![OscType::Float(0.0)]);
    surface.wait_for_value("node/speakers/hold", &OscType::Int(0));
    surface.say("bypass_mode", vec![text("delay"), text("cut")]);
    surface.wait_for_value("node/delay/bypass_mode", &text("cut"));
    surface.say("node/delay/present", vec![OscType::Float(0.0)]);
    surface.wait_for_value("node/delay/present", &OscType::Int(0));
    surface.say("present", vec![text("delay"), OscType::Bool(true)]);
    surface.wait_for_value("node/delay/present", &OscType::Int(1));
    surface.say("guard", vec![text("speakers"), OscType::Float(3.0)]);
    running.eventually(|rig| node(rig, "speakers")["guard"]["limit_db"] == 3.0);
}

/// The fader of a group moves the group and is moved by it; a button recalls a preset.
#[test]
fn a_control_surface_has_groups_on_its_faders() {
    let running = start(&[]);
    let surface = Surface::of(&running);
    surface.say("set_group", vec![text(r#"{"name": "the band", "rows": [{"node": "master"}]}"#)]);
    surface
        .say("store_matrix_preset", vec![text("Verse"), OscType::Nil, text(r#"["master"]"#), text(r#"["speakers"]"#)]);
    running.eventually(|rig| rig["matrix_presets"][0]["name"] == "Verse");
    surface.say("subscribe", vec![text("rig")]);
    surface.wait_for_value("group/the%20band/gain", &OscType::Float(0.0));
    surface.say("group/the%20band/gain", vec![OscType::Float(-6.0)]);
    surface.say("group/the%20band/mute", vec![OscType::Int(1)]);
    surface.wait_for_value("group/the%20band/mute", &OscType::Int(1));
    let rig = running.eventually(|rig| rig["groups"][0]["muted"] == true);
    assert!((rig["groups"][0]["gain_db"].as_f64().unwrap() + 6.0).abs() < 1e-3);
    let cells = |rig: &Value| {
        let edges = rig["edges"].as_array().unwrap().iter();
        edges.clone().find(|edge| edge["source"]["node"] == "master").map(|edge| edge["crosspoints"].clone())
    };
    let before = cells(&rig);
    surface.say("cell/master/1/speakers/1/remove", vec![OscType::Int(1)]);
    running.eventually(|rig| cells(rig) != before);
    surface.say("matrix_preset/Verse", vec![OscType::Float(1.0)]);
    running.eventually(|rig| cells(rig) == before);
}
