//! From an OSC message to an order: by an address with an order's name and its arguments in their order, or by one that
//! stands for one thing, as faders and buttons of control surfaces have them. The orders are those of every other client, read
//! by the same reader.

use crate::remote::order::{CellOrder, End, Order, Place, PortName, Position, Setting, Title, Topic};
use rosc::{OscMessage, OscType};
use serde_json::{Map, Value};

/// What all addresses begin with.
pub const ROOT: &str = "/crosspoint";
/// How long a subscription lasts in seconds if nothing is said, and at most.
const LASTS: u64 = 60;
const LONGEST: u64 = 600;

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// To be let in, by this token.
    Hello(String),
    /// To be told of these for so many seconds.
    Subscribe(Vec<Topic>, u64),
    /// To be told no more.
    Unsubscribe,
    /// To be told once what addresses that begin so have.
    Get(String),
    /// An order, under the name that its answer is given.
    Order(String, Order),
    /// Nothing: a button was released.
    Nothing,
}

/// How the arguments of a message become those of an order.
#[derive(Clone, Copy)]
enum Argument {
    /// A number or text.
    Plain(&'static str),
    /// A switch: `T`, `F`, or a number that is on from 0.5.
    Switch(&'static str),
    /// A text of JSON.
    Json(&'static str),
    /// All that follow, as a list.
    Rest(&'static str),
}

use Argument::{Json, Plain, Rest, Switch};

/// Every order that can be given by its name, with its arguments in their order; those that are missing at the end are left
/// out.
const ORDERS: &[(&str, &[Argument])] = &[
    ("show", &[]),
    ("levels", &[]),
    ("parameters", &[Plain("node")]),
    ("set", &[Plain("node"), Plain("parameter"), Plain("value")]),
    ("presets", &[Plain("node")]),
    ("load_preset", &[Plain("node"), Plain("preset")]),
    ("save_preset", &[Plain("node"), Plain("file")]),
    ("text", &[Plain("node"), Plain("parameter"), Plain("value")]),
    ("bypass", &[Plain("node"), Switch("on")]),
    ("bypass_mode", &[Plain("node"), Plain("mode")]),
    ("present", &[Plain("node"), Switch("on")]),
    ("second_instance", &[Plain("node"), Plain("scene")]),
    ("share_state", &[Plain("node"), Plain("scene"), Switch("on")]),
    ("instance_limit", &[Plain("megabytes")]),
    ("spillover", &[Plain("seconds"), Plain("nodes")]),
    ("cells", &[Json("cells")]),
    ("pan", &[Json("rows"), Json("columns"), Plain("position"), Plain("gain_db"), Plain("law")]),
    ("block", &[Plain("change"), Json("block"), Json("other")]),
    ("gesture", &[Switch("on")]),
    ("solo", &[Json("source"), Switch("on"), Json("destination")]),
    ("solo_safe", &[Json("source"), Switch("on")]),
    ("clear_solo", &[]),
    ("set_group", &[Json("group")]),
    ("group_fader", &[Plain("group"), Plain("gain_db"), Switch("mute")]),
    ("rename_group", &[Plain("from"), Plain("to")]),
    ("remove_group", &[Plain("group")]),
    ("mix", &[Plain("mix")]),
    ("set_mix", &[Json("mix")]),
    ("mix_fader", &[Plain("mix"), Plain("gain_db"), Switch("mute")]),
    ("copy_mix", &[Plain("from"), Plain("to")]),
    ("rename_mix", &[Plain("from"), Plain("to")]),
    ("remove_mix", &[Plain("mix")]),
    ("store_matrix_preset", &[Plain("preset"), Json("block"), Json("sources"), Json("destinations")]),
    ("recall_matrix_preset", &[Plain("preset")]),
    ("rename_matrix_preset", &[Plain("from"), Plain("to")]),
    ("remove_matrix_preset", &[Plain("preset")]),
    ("connect", &[Plain("source"), Plain("destination"), Switch("events"), Plain("feedback")]),
    ("disconnect", &[Plain("source"), Plain("destination")]),
    ("timing", &[Plain("source"), Plain("destination"), Plain("timing")]),
    ("add_input", &[Plain("name"), Plain("role"), Rest("channels")]),
    ("add_output", &[Plain("name"), Plain("role"), Rest("channels")]),
    ("add_builtin", &[Plain("name"), Json("builtin")]),
    ("add_plugin", &[Plain("name"), Plain("plugin")]),
    ("insert", &[Plain("node"), Plain("source"), Plain("destination")]),
    ("move", &[Plain("node"), Plain("source"), Plain("destination")]),
    ("replace", &[Plain("node"), Plain("with")]),
    ("rename", &[Plain("from"), Plain("to")]),
    ("remove", &[Plain("node"), Switch("bridge")]),
    ("undo", &[]),
    ("redo", &[]),
    ("play", &[Switch("on")]),
    ("play_or_stop", &[]),
    ("transport", &[]),
    ("locate", &[Plain("seconds")]),
    ("loop", &[Plain("from"), Plain("to")]),
    ("record", &[Switch("on")]),
    ("tempo", &[Plain("bpm")]),
    ("metre", &[Plain("beats"), Plain("value")]),
    // A button's 1 is no moment.
    ("tap", &[]),
    ("count_in", &[]),
    ("set_count_in", &[Plain("bars")]),
    ("follow_clock", &[Plain("role")]),
    ("send_clock", &[Switch("while_stopped"), Rest("roles")]),
    ("measure_load", &[Switch("on")]),
    ("reset_worst_load", &[]),
    ("watch_time", &[Switch("on")]),
    ("overload", &[Plain("node"), Plain("budget"), Plain("blocks"), Plain("action"), Plain("returns_after")]),
    ("recover", &[Plain("node")]),
    ("xruns", &[]),
    ("clear_xruns", &[]),
    ("guard", &[Plain("node"), Plain("limit_db"), Plain("time"), Plain("returns_after")]),
    ("hold_output", &[Plain("node"), Switch("on")]),
    ("loudness", &[Switch("on"), Plain("node")]),
    ("reset_loudness", &[Plain("node")]),
    ("meter", &[Switch("on"), Plain("node")]),
    ("reset_meters", &[]),
    ("tune", &[Switch("on"), Plain("node"), Plain("channel")]),
    ("tuner_reference", &[Plain("frequency")]),
    ("mute", &[Switch("on")]),
    ("panic", &[]),
    ("midi_ports", &[]),
    ("open_midi", &[Plain("role"), Plain("port"), Switch("output")]),
    ("close_midi", &[Plain("role"), Switch("output")]),
    ("midi", &[Plain("node"), Rest("message")]),
    ("scenes", &[]),
    ("play_scene", &[Plain("scene"), Plain("start")]),
    ("next_scene", &[]),
    ("previous_scene", &[]),
    ("leave_scene", &[]),
    ("play_song", &[Plain("song"), Plain("scene")]),
    ("next_song", &[]),
    ("previous_song", &[]),
    ("store_scene", &[Plain("scene"), Switch("all"), Rest("nodes")]),
    ("moments", &[]),
    ("take_moment", &[Plain("moment")]),
    ("recall_moment", &[Plain("moment")]),
    ("rename_moment", &[Plain("from"), Plain("to")]),
    ("remove_moment", &[Plain("moment")]),
    ("set_scene", &[Json("scene")]),
    ("remove_scene", &[Plain("scene")]),
    ("rename_scene", &[Plain("from"), Plain("to")]),
    ("move_scene", &[Plain("scene"), Plain("place")]),
    ("set_song", &[Json("song")]),
    ("remove_song", &[Plain("song")]),
    ("rename_song", &[Plain("from"), Plain("to")]),
    ("set_setlist", &[Rest("songs")]),
    ("mappings", &[]),
    ("add_mapping", &[Json("mapping")]),
    ("change_mapping", &[Plain("place"), Json("mapping")]),
    ("remove_mapping", &[Plain("place")]),
    ("learn", &[Json("mapping")]),
    ("stop_learning", &[]),
    ("performance_lock", &[Switch("on")]),
    ("load", &[Plain("file")]),
    ("save", &[Plain("file")]),
    ("refusals", &[]),
];

/// What a message asks for.
///
/// # Errors
/// What is wrong with it.
pub fn errand(message: &OscMessage) -> Result<Errand, String> {
    let OscMessage { addr, args } = message;
    let inner = addr.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/'));
    let inner = inner.ok_or_else(|| format!("addresses begin with {ROOT}/"))?;
    if inner.contains(['*', '?', '[', ']', '{', '}']) {
        return Err("patterns are not understood: name one address".to_owned());
    }
    let parts = inner.split('/').map(decoded).collect::<Result<Vec<String>, _>>()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let order = |order| Ok(Errand::Order(parts.join("/"), order));
    match parts[..] {
        ["hello"] => match args.first() {
            Some(OscType::String(token)) => Ok(Errand::Hello(token.clone())),
            _ => Err("hello takes the token, a string".to_owned()),
        },
        ["subscribe"] => subscribe(args),
        ["unsubscribe"] => Ok(Errand::Unsubscribe),
        ["get"] => match args.first() {
            None => Ok(Errand::Get(ROOT.to_owned())),
            Some(OscType::String(begin)) => Ok(Errand::Get(begin.clone())),
            Some(_) => Err("get takes the beginning of addresses, a string".to_owned()),
        },
        ["node", node, "bypass"] => order(Order::Bypass { node: node.to_owned(), on: switch(one(args)?)? }),
        ["node", node, "present"] => order(Order::Present { node: node.to_owned(), on: switch(one(args)?)? }),
        ["node", node, "hold"] => order(Order::HoldOutput { node: node.to_owned(), on: switch(one(args)?)? }),
        ["locate", "bar"] => {
            let (bar, beat) = match args.as_slice() {
                [bar] => (bar, None),
                [bar, beat] => (bar, Some(number(beat)?)),
                _ => return Err("it takes a bar and perhaps a beat".to_owned()),
            };
            order(Order::Locate(Position { beat, ..in_bar(bar)? }))
        }
        ["loop", "bars"] => match args.as_slice() {
            [from, to] => {
                let place = |bar| in_bar(bar).map(|position| Some(Place::Position(position)));
                order(Order::Loop { from: place(from)?, to: place(to)? })
            }
            _ => Err("it takes the bar where it begins and the one that comes after it".to_owned()),
        },
        ["node", node, "parameter", parameter] => {
            let value = match plain(one(args)?)? {
                Value::String(text) => Setting::Text(text),
                value => Setting::Plain(value.as_f64().ok_or("a value is a number or a text")?),
            };
            order(Order::Set { node: node.to_owned(), parameter: parameter.to_owned(), value })
        }
        ["cell", source, source_channel, destination, destination_channel, what] => {
            let cell = CellOrder {
                source: end(source)?,
                source_channel: channel(source_channel)?,
                destination: end(destination)?,
                destination_channel: channel(destination_channel)?,
                gain_db: None,
                mute: None,
                invert: None,
                remove: false,
            };
            let cell = match what {
                "gain" => CellOrder { gain_db: Some(number(one(args)?)? as f32), ..cell },
                "mute" => CellOrder { mute: Some(switch(one(args)?)?), ..cell },
                "invert" => CellOrder { invert: Some(switch(one(args)?)?), ..cell },
                "remove" if is_released(args) => return Ok(Errand::Nothing),
                "remove" => CellOrder { remove: true, ..cell },
                _ => return Err("of a cell there is gain, mute, invert and remove".to_owned()),
            };
            order(Order::Cells { cells: vec![cell] })
        }
        [kind @ ("group" | "mix"), name, part @ ("gain" | "mute")] => {
            let (gain_db, mute) = match part {
                "gain" => (Some(number(one(args)?)? as f32), None),
                _ => (None, Some(switch(one(args)?)?)),
            };
            order(match kind {
                "group" => Order::GroupFader { group: name.to_owned(), gain_db, mute },
                _ => Order::MixFader { mix: name.to_owned(), gain_db, mute },
            })
        }
        ["scene", _] | ["song", _] | ["matrix_preset", _] | ["moment", _] | ["take_moment"] if is_released(args) => {
            Ok(Errand::Nothing)
        }
        // A button that is pressed has no name to give.
        ["take_moment"] if is_pressed(args) => order(Order::TakeMoment { moment: None }),
        ["moment", moment] => order(Order::RecallMoment { moment: Title::Name(moment.to_owned()) }),
        ["scene", scene] => order(Order::PlayScene { scene: Title::Name(scene.to_owned()), start: None }),
        ["song", song] => order(Order::PlaySong { song: Title::Name(song.to_owned()), scene: 1 }),
        ["matrix_preset", preset] => order(Order::RecallMatrixPreset { preset: preset.to_owned() }),
        [command] => by_name(command, args),
        _ => Err("there is no such address".to_owned()),
    }
}

fn by_name(command: &str, args: &[OscType]) -> Result<Errand, String> {
    let known = ORDERS.iter().find(|(name, _)| *name == command);
    let (_, wanted) = known.ok_or_else(|| format!("there is no order {command}"))?;
    if wanted.is_empty() && is_released(args) {
        return Ok(Errand::Nothing);
    }
    let mut arguments = Map::new();
    let mut given = args.iter();
    for argument in *wanted {
        if let Rest(name) = argument {
            arguments.insert((*name).to_owned(), given.by_ref().map(plain).collect::<Result<Vec<_>, _>>()?.into());
            break;
        }
        let Some(value) = given.next() else { break };
        let (name, value) = match argument {
            _ if *value == OscType::Nil => continue,
            Plain(name) | Rest(name) => (name, plain(value)?),
            Switch(name) => (name, switch(value)?.into()),
            Json(name) => {
                let OscType::String(text) = value else { return Err(format!("`{name}` is a text of JSON")) };
                (name, serde_json::from_str(text).map_err(|error| format!("`{name}` is a text of JSON: {error}"))?)
            }
        };
        arguments.insert((*name).to_owned(), value);
    }
    // A button says that it is pressed.
    if given.next().is_some() && !(wanted.is_empty() && args.len() == 1) {
        return Err(format!("{command} takes at most {} arguments", wanted.len()));
    }
    if let Some(parameter) = arguments.get_mut("parameter").filter(|_| command == "set") {
        // By its id.
        if let Some(id) = parameter.as_i64() {
            *parameter = id.to_string().into();
        }
    }
    Ok(Errand::Order(command.to_owned(), Order::new(command, arguments)?))
}

fn subscribe(args: &[OscType]) -> Result<Errand, String> {
    let (mut topics, mut seconds) = (Vec::new(), LASTS);
    for argument in args {
        match plain(argument)? {
            Value::String(topic) => {
                let topic = serde_json::from_value(topic.into());
                topics.push(topic.map_err(|_| "topics are rig, levels, playhead and notices".to_owned())?);
            }
            value => seconds = value.as_f64().unwrap_or(0.0).clamp(1.0, LONGEST as f64) as u64,
        }
    }
    if topics.is_empty() {
        topics.push(Topic::Rig);
    }
    Ok(Errand::Subscribe(topics, seconds))
}

/// Whether a button was released: one number that says off.
fn is_released(args: &[OscType]) -> bool {
    matches!(args, [value] if switch(value) == Ok(false))
}

/// Whether it was pressed: one number that says on.
fn is_pressed(args: &[OscType]) -> bool {
    matches!(args, [value] if switch(value) == Ok(true))
}

fn one(args: &[OscType]) -> Result<&OscType, String> {
    if let [value] = args { Ok(value) } else { Err("it takes one value".to_owned()) }
}

fn number(value: &OscType) -> Result<f64, String> {
    plain(value)?.as_f64().ok_or_else(|| "it takes a number".to_owned())
}

fn switch(value: &OscType) -> Result<bool, String> {
    match value {
        OscType::Bool(on) => Ok(*on),
        value => Ok(number(value).map_err(|_| "a switch is T, F, or a number that is on from 0.5".to_owned())? >= 0.5),
    }
}

/// A value as JSON. Whole numbers are whole, whatever type a control surface sends.
fn plain(value: &OscType) -> Result<Value, String> {
    let number = match value {
        OscType::Int(value) => return Ok((*value).into()),
        OscType::Long(value) => return Ok((*value).into()),
        OscType::String(value) => return Ok(value.clone().into()),
        OscType::Bool(value) => return Ok((*value).into()),
        OscType::Float(value) => f64::from(*value),
        OscType::Double(value) => *value,
        _ => return Err("arguments are numbers, texts and switches".to_owned()),
    };
    if !number.is_finite() {
        return Err("a number must be finite".to_owned());
    }
    Ok(if number.fract() == 0.0 && number.abs() < 1e15 { (number as i64).into() } else { number.into() })
}

/// The beginning of a bar.
fn in_bar(value: &OscType) -> Result<Position, String> {
    let bar = plain(value)?.as_i64().and_then(|bar| i32::try_from(bar).ok());
    Ok(Position { bar: Some(bar.ok_or("a bar is a whole number")?), ..Position::default() })
}

fn channel(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text}: channels are numbers from 1"))
}

/// `NODE` or `NODE:PORT`.
fn end(text: &str) -> Result<End, String> {
    let (node, port) = match text.split_once(':') {
        None => (text, None),
        Some((node, port)) => (node, Some(port.parse().map_or(PortName::Name(port.to_owned()), PortName::Number))),
    };
    Ok(End { node: node.to_owned(), port })
}

/// A name as a part of an address: what has a meaning there is written as `%` and two hexadecimal digits.
pub fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'+' | b'(' | b')' | b'>' => {
                text.push(byte as char);
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The name that a part of an address is.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("{text}: after a % come two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| (digit as char).to_digit(16)).ok_or_else(wrong);
            bytes.push((digit()? * 16 + digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::order::{GuardChange, OrOff, StartWord};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn read(addr: &str, args: Vec<OscType>) -> Result<Errand, String> {
        errand(&OscMessage { addr: format!("{ROOT}/{addr}"), args })
    }

    fn ordered(addr: &str, args: Vec<OscType>) -> Order {
        match read(addr, args) {
            Ok(Errand::Order(_, order)) => order,
            other => panic!("{addr}: {other:?}"),
        }
    }

    /// Whatever a client may order by JSON it may by OSC, save for what is a matter of the connection.
    #[test]
    fn every_order_has_an_address() {
        let refused = Order::new("", Map::new()).unwrap_err();
        let (_, list) = refused.split_once("expected one of ").unwrap();
        let all: BTreeSet<&str> = list.split(", ").map(|word| word.trim_matches('`')).collect();
        let known: BTreeSet<&str> = ORDERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(all.difference(&known).collect::<Vec<_>>(), [&"subscribe", &"unsubscribe"]);
        assert!(known.is_subset(&all), "{:?}", known.difference(&all));
        let manual = include_str!("../../../../../docs/remote.md");
        let untold: Vec<_> = all.iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
        assert!(untold.is_empty(), "docs/remote.md does not tell of {untold:?}");
    }

    /// ```text
    /// /crosspoint/bypass "amp" T   =   /crosspoint/node/amp/bypass 1.0
    /// ```
    #[test]
    fn an_order_is_given_by_name_or_by_an_address_of_its_own() {
        let text = |text: &str| OscType::String(text.into());
        let bypass = Order::Bypass { node: "amp 2".into(), on: true };
        assert_eq!(ordered("bypass", vec![text("amp 2"), OscType::Bool(true)]), bypass);
        assert_eq!(ordered("node/amp%202/bypass", vec![OscType::Float(1.0)]), bypass);
        let set = |value| Order::Set { node: "amp".into(), parameter: "Drive".into(), value };
        assert_eq!(ordered("node/amp/parameter/Drive", vec![OscType::Float(0.5)]), set(Setting::Plain(0.5)));
        assert_eq!(ordered("set", vec![text("amp"), text("Drive"), text("-6 dB")]), set(Setting::Text("-6 dB".into())));
        let by_id = ordered("set", vec![text("amp"), OscType::Int(3), OscType::Float(1.0)]);
        assert!(matches!(by_id, Order::Set { parameter, .. } if parameter == "3"));
        let Order::Cells { cells } = ordered("cell/amp:side/1/out/2/gain", vec![OscType::Float(-6.0)]) else {
            panic!()
        };
        assert_eq!(cells[0].source, End { node: "amp".into(), port: Some(PortName::Name("side".into())) });
        assert_eq!((cells[0].destination_channel, cells[0].gain_db, cells[0].mute), (2, Some(-6.0), None));
        let fader = |gain_db, mute| Order::GroupFader { group: "the kit".into(), gain_db, mute };
        assert_eq!(ordered("group/the%20kit/gain", vec![OscType::Float(-6.0)]), fader(Some(-6.0), None));
        assert_eq!(ordered("group/the%20kit/mute", vec![OscType::Int(1)]), fader(None, Some(true)));
        let muted = ordered("group_fader", vec![text("the kit"), OscType::Nil, OscType::Bool(false)]);
        assert_eq!(muted, fader(None, Some(false)));
        let own = Order::MixFader { mix: "Ann".into(), gain_db: Some(-144.0), mute: None };
        assert_eq!(ordered("mix/Ann/gain", vec![OscType::Int(-144)]), own);
        let recall = Order::RecallMatrixPreset { preset: "Verse".into() };
        assert_eq!(ordered("matrix_preset/Verse", vec![OscType::Float(1.0)]), recall);
        let second = |start| Order::PlayScene { scene: Title::Number(2), start };
        assert_eq!(ordered("play_scene", vec![OscType::Float(2.0)]), second(None));
        let take = |moment: Option<&str>| Order::TakeMoment { moment: moment.map(str::to_owned) };
        assert_eq!(ordered("take_moment", vec![OscType::Float(1.0)]), take(None));
        assert_eq!(ordered("take_moment", vec![text("Verse")]), take(Some("Verse")));
        let recall = Order::RecallMoment { moment: Title::Name("Verse 2".into()) };
        assert_eq!(ordered("moment/Verse%202", vec![]), recall);
        assert_eq!(ordered("recall_moment", vec![text("Verse 2")]), recall);
        assert_eq!(ordered("play_scene", vec![OscType::Int(2), text("bar")]), second(Some(StartWord::Bar)));
        let five = Position { bar: Some(5), beat: Some(2.0), ..Position::default() };
        assert_eq!(ordered("locate/bar", vec![OscType::Float(5.0), OscType::Int(2)]), Order::Locate(five.clone()));
        let bars = ordered("loop/bars", vec![OscType::Int(5), OscType::Int(9)]);
        assert!(matches!(bars, Order::Loop { to: Some(Place::Position(to)), .. } if to.bar == Some(9)));
        assert_eq!(
            ordered("node/out/hold", vec![OscType::Int(0)]),
            Order::HoldOutput { node: "out".into(), on: false }
        );
        let guard = ordered("guard", vec![text("out"), text("off"), OscType::Nil, OscType::Float(5.0)]);
        assert!(matches!(
            guard,
            Order::Guard(GuardChange { limit_db: Some(OrOff::Off), returns_after: Some(OrOff::Value(5.0)), .. })
        ));
        let midi = ordered("midi", vec![text("keys"), OscType::Int(144), OscType::Int(60), OscType::Int(100)]);
        assert_eq!(midi, Order::Midi { node: "keys".into(), message: vec![144, 60, 100] });
        assert!(matches!(ordered("learn", vec![text(r#"{"scene": "Lead"}"#)]), Order::Learn { mapping: Some(_) }));
    }

    /// A button sends 1 when it is pressed and 0 when it is released.
    #[test]
    fn a_button_acts_once() {
        for address in [
            "panic",
            "next_scene",
            "tap",
            "scene/Lead",
            "song/Opener",
            "matrix_preset/Verse",
            "moment/Verse",
            "take_moment",
        ] {
            assert!(matches!(read(address, vec![OscType::Float(1.0)]), Ok(Errand::Order(..))), "{address}");
            assert!(matches!(read(address, vec![]), Ok(Errand::Order(..))), "{address}");
            assert_eq!(read(address, vec![OscType::Float(0.0)]), Ok(Errand::Nothing), "{address}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (address, args) in [
            ("explode", vec![]),
            ("scene/*", vec![]),
            ("node/amp", vec![]),
            ("node/%zz/bypass", vec![OscType::Int(1)]),
            ("node/amp/bypass", vec![]),
            ("cell/amp/x/out/1/gain", vec![OscType::Float(0.0)]),
            ("cell/amp/1/out/1/gain", vec![OscType::Float(f32::NAN)]),
            ("tempo", vec![OscType::Float(96.0), OscType::Float(96.0)]),
            ("locate/bar", vec![OscType::Float(1.5)]),
            ("loop/bars", vec![OscType::Int(1)]),
            ("guard", vec![OscType::String("out".into()), OscType::String("loud".into())]),
            ("cells", vec![OscType::String("{".into())]),
            ("subscribe", vec![OscType::String("everything".into())]),
            ("hello", vec![]),
            ("bypass", vec![OscType::Blob(vec![1])]),
        ] {
            assert!(read(address, args.clone()).is_err(), "{address} {args:?}");
        }
        assert!(errand(&OscMessage { addr: "/other/panic".into(), args: vec![] }).is_err());
    }

    proptest! {
        #[test]
        fn every_name_is_a_part_of_an_address(name in ".*") {
            let part = encoded(&name);
            let has_meaning = part.contains(['/', ' ', '*', '?', '[', ']', '{', '}', '#', ',', ':']);
            prop_assert!(!has_meaning);
            prop_assert_eq!(decoded(&part), Ok(name));
        }

        #[test]
        fn no_address_panics(address in ".*", number in any::<f32>()) {
            let _ = read(&address, vec![OscType::Float(number)]);
        }
    }
}
