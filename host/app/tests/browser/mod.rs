//! A browser without a screen, driven by WebDriver, as people drive one by hand. Never the browser that a person of this machine
//! uses: it has a profile of its own, which goes with it.

use crate::running::Process;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What an element is called in WebDriver's documents.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser, which ends when this is dropped.
pub struct Browser {
    _driver: Process,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one with a window of a size. None, with a loud word about it, where there is no Chromium with its driver.
    pub fn start(width: u32, height: u32) -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Some((chromium, driver)) = chromium().and_then(|path| Some((path, command.spawn().ok()?))) else {
            assert!(std::env::var_os("CROSSPOINT_REQUIRE_REAL_PLUGINS").is_none(), "there is no Chromium to test with");
            eprintln!("SKIPPED: there is no Chromium with its driver (apt-get install chromium chromium-driver)");
            return None;
        };
        let mut driver = Process(driver);
        let mut lines = BufReader::new(driver.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok());
        let port = port.expect("chromedriver says where it listens");
        // Somebody must read on, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
            format!("--window-size={width},{height}"),
        ];
        let options = json!({ "binary": chromium, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Self { _driver: driver, port, session: String::new(), _profile: profile };
        let session = browser.call("POST", "/session", Some(&wanted));
        browser.session = session["sessionId"].as_str().unwrap_or_else(|| panic!("{session}")).to_owned();
        // A window has a frame, even one that nobody sees.
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let devtools = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size });
        browser.post("/goog/cdp/execute", &devtools);
        Some(browser)
    }

    /// Opens an address.
    pub fn open(&self, address: &str) {
        self.post("/url", &json!({ "url": address }));
    }

    /// What a script gives back: the body of a function.
    pub fn script(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// The element that a CSS selector finds, once there is one.
    pub fn find(&self, selector: &str) -> Value {
        let mut found = Value::Null;
        self.eventually(selector, || {
            found = self.call(
                "POST",
                &format!("/session/{}/element", self.session),
                Some(&json!({ "using": "css selector", "value": selector })),
            );
            found.get(ELEMENT).is_some()
        });
        found
    }

    /// Touches an element as a person does: what lies above it would be touched instead.
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        let id = element[ELEMENT].as_str().unwrap();
        let done = self.post(&format!("/element/{id}/click"), &json!({}));
        assert!(done.is_null(), "{selector}: {done}");
    }

    /// Writes into an element.
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        let id = element[ELEMENT].as_str().unwrap();
        self.post(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Drags from the middle of an element by so many pixels, in small steps.
    pub fn drag(&self, selector: &str, from: (i64, i64), by: (i64, i64)) {
        let element = self.find(selector);
        let step = |part: i64| {
            let (x, y) = (from.0 + by.0 * part / 10, from.1 + by.1 * part / 10);
            json!({ "type": "pointerMove", "duration": 30, "origin": element, "x": x, "y": y })
        };
        let press = |kind: &str| json!({ "type": kind, "button": 0 });
        let moves = [step(0), press("pointerDown")].into_iter().chain((1..=10).map(step)).chain([press("pointerUp")]);
        let moves: Vec<Value> = moves.collect();
        let hand = json!({
            "type": "pointer", "id": "hand", "parameters": { "pointerType": "mouse" }, "actions": moves,
        });
        let done = self.post("/actions", &json!({ "actions": [hand] }));
        assert!(done.is_null(), "{done}");
    }

    /// What is seen in an element.
    pub fn text(&self, selector: &str) -> String {
        let text = self.script("return document.querySelector(arguments[0])?.innerText ?? ''", json!([selector]));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until something is so.
    pub fn eventually(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..400 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("never: {what}; {:?}", self.complaints());
    }

    /// What the page complained about: errors of scripts, and what its policy has kept away.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().into_iter().flatten();
        entries.filter(|entry| entry["level"] == "SEVERE").map(|entry| entry["message"].to_string()).collect()
    }

    /// A picture of the page, as a PNG.
    pub fn picture(&self) -> Vec<u8> {
        let picture = self.call("GET", &format!("/session/{}/screenshot", self.session), None);
        decoded(picture.as_str().unwrap())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), Some(body))
    }

    /// One request, as WebDriver has them: JSON over HTTP, to this machine alone.
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With the session goes the browser, which is another process.
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), None);
        } else if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ =
                write!(stream, "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.session, self.port);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.read(&mut [0; 64]);
        }
    }
}

fn chromium() -> Option<&'static str> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().find(|path| std::path::Path::new(path).exists())
}

/// Bytes of their base64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => u32::from(letter - b'A'),
        b'a'..=b'z' => u32::from(letter - b'a') + 26,
        b'0'..=b'9' => u32::from(letter - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').collect();
    let group = |letters: &[u8]| {
        let bits = letters.iter().fold(0, |bits, letter| bits << 6 | value(*letter)) << (6 * (4 - letters.len()));
        bits.to_be_bytes()[1..letters.len()].to_vec()
    };
    letters.chunks(4).flat_map(group).collect()
}
