//! The page for tablets in a real browser, against a rig that runs. Where there is no Chromium, a test says so loudly.
//! Pictures of what was seen go to the target directory, for people to look at.
#![cfg(target_os = "linux")]

mod browser;
mod running;

use browser::Browser;
use running::{Running, node};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

fn keep(browser: &Browser, name: &str) {
    let picture = browser.picture();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000, "there is something to see");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

/// The rig with a tone in the place of a guitarist, who is not there.
fn start() -> Running {
    let running = Running::start("guitar-scenes.rig.toml", &[]);
    running.done(&["add-builtin", "pilot", "tone", "--channels", "2"]);
    running.done(&["set", "pilot", "frequency", "196.5"]);
    running.done(&["set", "pilot", "level", "0.4"]);
    running.done(&["connect", "pilot", "speakers"]);
    running
}

/// Draws a fader from its knob, by parts of its height: downwards if they are positive.
fn draw(browser: &Browser, fader: &str, by: f64) {
    let way = "const f = document.querySelector(arguments[0]); return [f.clientHeight, Number(f.value)]";
    let at = browser.script(way, json!([fader]));
    let (height, value) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    let knob = ((0.5 - value / 1000.0) * (height - 28.0)) as i64;
    browser.drag(fader, (0, knob), (0, (height * by) as i64));
}

fn gain(rig: &Value) -> Option<f64> {
    let edges = rig["edges"].as_array().unwrap().iter();
    let out = edges.clone().find(|edge| edge["source"]["node"] == "pilot").unwrap();
    out["crosspoints"][0]["gain_db"].as_f64()
}

/// ```text
/// scene ─► faders, meters ─► mute ─► matrix ─► tuner          each touched in the browser, seen in the engine, and back
/// ```
#[test]
fn a_tablet_on_stage_plays_the_rig() {
    let Some(browser) = Browser::start(1024, 768) else { return };
    let running = start();
    browser.open(&format!("http://{}/#{}", running.address, running.token));
    browser.find("#scenes button:nth-child(4)");
    assert_eq!(browser.script("return location.hash", json!([])), "", "the token does not stay in the address");

    browser.click("#scenes button:nth-child(3)");
    running.eventually(|rig| rig["scenes"]["playing"] == "Lead");
    browser.eventually("the scene is lit", || browser.text("#scenes [aria-current=true]").starts_with("Lead"));
    running.done(&["scene", "play", "Clean"]);
    browser.eventually("another's scene is lit", || browser.text("#playing") == "Clean");
    browser.click("#songs button:nth-child(2)");
    running.eventually(|rig| rig["scenes"]["position"] == json!([1, 1]));
    browser.click("#next");
    running.eventually(|rig| rig["scenes"]["position"] == json!([1, 2]));

    let peak = || {
        let shown = "return Number(document.querySelector('.strip.cell:last-child .meter').dataset.peak)";
        browser.script(shown, json!([])).as_f64().unwrap_or(-144.0)
    };
    browser.find(".strip.cell:last-child .meter");
    browser.eventually("a meter moves", || peak() > -20.0);
    keep(&browser, "faders");

    let fader = "input[data-strip='pilot:1>speakers:1']";
    let before = gain(&running.show()).unwrap();
    draw(&browser, fader, 0.35);
    let rig = running.eventually(|rig| gain(rig).is_some_and(|gain| gain < before - 6.0) && rig["in_gesture"] == false);
    let lower = gain(&rig).unwrap();
    browser.click("#undo");
    running.eventually(|rig| gain(rig).is_some_and(|gain| (gain - before).abs() < 0.2));
    assert!(lower > -60.0, "the fader is where it was left: {lower}");

    // Its name is one that every object of a page has.
    running.done(&["add-builtin", "constructor", "gain", "--channels", "2"]);
    running.done(&["set", "constructor", "gain", "--text", "-20 dB"]);
    let shown = "return document.querySelector('input[data-strip=constructor]')?.closest('.strip').lastChild.value";
    browser.eventually("a gain is told", || browser.script(shown, json!([])) == "−20.0 dB");
    draw(&browser, "input[data-strip=constructor]", -0.3);
    browser.eventually("it is louder", || browser.script(shown, json!([])) != "−20.0 dB");
    running.eventually(|rig| rig["in_gesture"] == false);
    browser.click("#undo");
    browser.eventually("all of a movement is taken back", || browser.script(shown, json!([])) == "−20.0 dB");

    browser.click("#mute");
    running.eventually(|rig| rig["muted"] == true);
    browser.eventually("the mute is lit", || browser.text("#mute") == "Muted");
    browser.eventually("nothing is heard", || peak() < -80.0);
    browser.click("#mute");
    running.eventually(|rig| rig["muted"] == false);
    browser.click("#panic");

    browser.click("[data-view=matrix]");
    browser.click("[aria-label='pilot 2 to speakers 1']");
    browser.click("#cell-toggle");
    let crossed = |rig: &Value| {
        let edges = rig["edges"].as_array().unwrap().iter();
        let out = edges.clone().find(|edge| edge["source"]["node"] == "pilot").unwrap();
        out["crosspoints"].as_array().unwrap().iter().any(|cell| cell["source"] == 2 && cell["destination"] == 1)
    };
    running.eventually(crossed);
    browser.eventually("the cell is lit", || {
        browser.text("[aria-label='pilot 2 to speakers 1']") == "0.0" && browser.text("#cell-toggle") == "Remove"
    });
    keep(&browser, "matrix");
    browser.click("#cell-mute");
    browser.eventually("the cell is muted", || {
        let class = "return document.querySelector(arguments[0]).className";
        browser.script(class, json!(["[aria-label='pilot 2 to speakers 1']"])) == "muted"
    });
    browser.click("#cell-toggle");
    running.eventually(|rig| !crossed(rig));

    running.done(&["tempo", "91.5"]);
    browser.eventually("the tempo is told", || browser.text("#tempo").starts_with("91.5"));
    running.done(&["transport", "stop"]);
    running.done(&["transport", "locate", "--bar", "7", "--beat", "2"]);
    browser.eventually("the place is told", || browser.text("#position") == "7.2");
    browser.click("#play");
    running.eventually(|rig| rig["playhead"]["playing"] == true);
    browser.eventually("it moves", || browser.text("#position").starts_with("8."));
    browser.click("#play");
    running.eventually(|rig| rig["playhead"]["playing"] == false);
    // How fast a test's finger is nobody knows.
    let tapped = (0..20).any(|_| {
        browser.click("#tap");
        running.show()["tempo"] != 91.5
    });
    assert!(tapped, "two taps are a tempo");

    running.done(&["output", "guard", "speakers", "--limit", "-40", "--time", "0"]);
    let told = || browser.text("#closed");
    browser.eventually("a closed output is told", || told().contains("speakers") && told().contains("too loud"));
    keep(&browser, "closed");
    running.done(&["output", "guard", "speakers", "--limit", "off"]);
    browser.click("[aria-label='Open speakers']");
    running.eventually(|rig| node(rig, "speakers")["guard"]["closed"].is_null());
    browser.eventually("it is told no more", || browser.text("#closed").is_empty());

    browser.click("[data-view=tuner]");
    browser.click("#tuned option[value=pilot]");
    browser.eventually("a note is told", || browser.text("#note") == "G3" && browser.text("#cents").contains("Hz"));
    keep(&browser, "tuner");
    browser.click("[data-view=faders]");
    browser.eventually("the tuner is off", || running.document(&["tuner", "show"])["tuner"].is_null());
    assert_eq!(node(&running.show(), "gate")["kind"], "plugin");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Without the token nothing is seen; a wrong one is told, the right one lets in.
#[test]
fn a_tablet_asks_for_the_token() {
    let Some(browser) = Browser::start(1024, 768) else { return };
    let running = start();
    browser.open(&format!("http://{}/#%", running.address));
    browser.eventually("no token at all is told", || browser.text("#why").contains("not the token"));
    browser.write("#token", "0123456789abcdef");
    browser.click("#entry button");
    browser.eventually("a wrong token is told", || browser.text("#why").contains("not the token"));
    assert_eq!(browser.text("#scenes"), "");
    browser.script("document.querySelector('#token').value = ''", json!([]));
    browser.write("#token", &running.token);
    browser.click("#entry button");
    browser.eventually("the rig is seen", || browser.text("#scenes").contains("Lead"));
    // Kept while the page is, and by no other.
    browser.open(&format!("http://{}/", running.address));
    browser.eventually("the rig is seen again", || browser.text("#scenes").contains("Lead"));
}

/// The files come with what keeps others out, to who asks for this server by its name.
#[test]
fn the_files_of_the_page_say_what_they_may() {
    let running = Running::start("guitar.rig.toml", &[]);
    let get = |path: &str, host: &str| {
        let mut stream = TcpStream::connect(&running.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.to_lowercase()
    };
    for (path, kind) in [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let answer = get(path, &running.address);
        assert!(answer.starts_with("http/1.1 200") && answer.contains(&format!("content-type: {kind}")), "{answer}");
        assert!(answer.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{answer}");
        assert!(answer.contains("x-content-type-options: nosniff") && answer.contains("no-store"));
        assert!(!answer.contains(&running.token));
    }
    assert!(get("/", "evil.example").starts_with("http/1.1 403"));
    assert!(get("/../Cargo.toml", &running.address).starts_with("http/1.1 404"));
    assert_eq!(running.refusals()["unauthorised"], 1);
}

/// ```text
/// pilot ─► speakers 1 = Ann's mix        Ann sees her rows and one fader for all of it; what she moves, others do not hear
///       ─► speakers 2
/// ```
#[test]
fn a_musician_moves_their_own_mix() {
    let Some(browser) = Browser::start(1024, 768) else { return };
    let running = start();
    running.done(&["mix", "set", "Ann's", "speakers:1"]);
    running.done(&["mix", "set", "Ben", "speakers:2"]);
    browser.open(&format!("http://{}/#{}&mix=Ann's", running.address, running.token));
    browser.find("#mix input[data-strip=\"mix Ann's\"]");
    let strips = || {
        let names = "return [...document.querySelectorAll('#mix input')].map(({ dataset }) => dataset.strip)";
        browser.script(names, json!([]))
    };
    let rows = running.document(&["mix", "show", "Ann's"])["rows"].as_array().unwrap().len();
    assert_eq!(strips().as_array().unwrap().len(), rows + 1, "{}", strips());
    let peak = "return Number(document.querySelector('#mix .meter')?.dataset.peak ?? -144)";
    browser.eventually("a meter is there", || browser.script(peak, json!([])).as_f64().is_some());

    let cell = |rig: &Value, place: usize| {
        let edges = rig["edges"].as_array().unwrap().iter();
        let out = edges.clone().find(|edge| edge["source"]["node"] == "pilot").unwrap();
        out["crosspoints"][place]["gain_db"].as_f64().unwrap()
    };
    let before = running.show();
    draw(&browser, "#mix input[data-strip='pilot:1']", 0.3);
    let rig = running.eventually(|rig| cell(rig, 0) < cell(&before, 0) - 6.0 && rig["in_gesture"] == false);
    assert_eq!(cell(&rig, 1), cell(&before, 1), "Ben hears what he heard");
    draw(&browser, "#mix input[data-strip=\"mix Ann's\"]", 0.3);
    let whole = |rig: &Value| rig["mixes"][0]["gain_db"].as_f64().unwrap();
    let rig = running.eventually(|rig| whole(rig) < -6.0 && rig["in_gesture"] == false);
    assert_eq!((rig["mixes"][1]["gain_db"].as_f64(), cell(&rig, 1)), (Some(0.0), cell(&before, 1)));
    keep(&browser, "mix");
    let seen = "return [...document.querySelectorAll('header button, nav button, #mix-choice')].every((one) => {
        const { left, right } = one.getBoundingClientRect(); return left >= 0 && right <= innerWidth; })";
    assert_eq!(browser.script(seen, json!([])), true, "all there is to touch is in sight");
    for _ in 0..2 {
        browser.click("#undo");
    }
    running.eventually(|rig| whole(rig) == 0.0 && cell(rig, 0) == cell(&before, 0));

    // What is muted beside what is drawn stays muted.
    running.done(&["cell", "pilot:1", "speakers:2", "--gain", "-3", "--mute", "on"]);
    running.done(&["mix", "set", "All", "speakers"]);
    browser.find("#mix-choice option[value=All]");
    browser.click("#mix-choice option[value=All]");
    browser.find("#mix input[data-strip='mix All']");
    let before = running.show();
    draw(&browser, "#mix input[data-strip='pilot:1']", 0.3);
    let rig = running.eventually(|rig| cell(rig, 0) < cell(&before, 0) - 6.0 && rig["in_gesture"] == false);
    let silent = |rig: &Value| {
        let edge = rig["edges"].as_array().unwrap().iter().find(|edge| edge["source"]["node"] == "pilot").unwrap();
        let mut cells = edge["crosspoints"].as_array().unwrap().iter();
        cells.find(|cell| cell["source"] == 1 && cell["destination"] == 2).unwrap().clone()
    };
    assert_eq!((silent(&rig), &silent(&rig)["mute"]), (silent(&before), &json!(true)));

    running.done(&["mix", "fader", "Ann's", "--gain", "-12"]);
    browser.click("#mix-choice option[value=\"Ann's\"]");
    browser.eventually("it is shown", || browser.text("#mix .strip.mix output") == "−12.0 dB");
    browser.click("#mix-choice option[value='']");
    browser.find("#faders input[data-strip='pilot:1>speakers:1']");
    browser.eventually("the whole desk is seen", || browser.text("#faders").contains("speakers"));
    browser.click("#mix-choice option[value=Ben]");
    browser.eventually("another's is seen", || browser.text("#mix").contains("Ben"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// ```text
///   upright         sideways
///   ┌─────┐         ┌──────────┐
///   │     │         │          │        all that a thumb must reach is there, nothing is wider than the screen
///   │     │         └──────────┘
///   └─────┘
/// ```
#[test]
fn on_a_phone_nothing_is_out_of_reach() {
    let running = start();
    running.done(&["mix", "set", "Ann's", "speakers"]);
    for (name, width, height) in [("upright", 390, 844), ("small", 360, 640), ("sideways", 844, 390)] {
        let Some(browser) = Browser::start(width, height) else { return };
        browser.open(&format!("http://{}/#{}", running.address, running.token));
        browser.find("#scenes button:nth-child(4)");
        browser.find("input[data-strip='pilot:1>speakers:1']");
        keep(&browser, name);
        let wide = browser.script("return [innerWidth, document.documentElement.scrollWidth]", json!([]));
        assert_eq!(wide, json!([width, width]), "{name}");
        let hidden = "return [...document.querySelectorAll('header button, nav button, .steps button, #mix-choice')]
            .filter((one) => {
                const { left, right, top, bottom } = one.getBoundingClientRect();
                return left < 0 || right > innerWidth || top < 0 || bottom > innerHeight || right - left < 40;
            }).map((one) => one.textContent)";
        assert_eq!(browser.script(hidden, json!([])), json!([]), "{name}");
        let fader = "return document.querySelector('#faders input').getBoundingClientRect().height";
        assert!(browser.script(fader, json!([])).as_f64().unwrap() > 80.0, "{name}: a fader is long enough to move");
    }
}
