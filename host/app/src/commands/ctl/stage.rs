//! From the words of a command line to orders for the transport, outputs, overload and loudness; and what came of them, for
//! people.

use super::text::{lines, list, word};
use crate::cli::{LoudnessOrder, OutputOrder, OverloadOrder, PlayheadOrder, TransportOrder};
use crate::remote::{Order, Place, Position};
use serde_json::Value;

/// What is asked of the playhead.
pub fn playhead_order(order: PlayheadOrder) -> Order {
    match order {
        PlayheadOrder::Play => Order::Play { on: true },
        PlayheadOrder::Stop => Order::Play { on: false },
        PlayheadOrder::Locate { seconds, bar, beat, quarters } => {
            Order::Locate(Position { seconds, quarters, bar, beat })
        }
        PlayheadOrder::Loop { from, to, bars } => {
            let in_bar = |bar: &i32| Place::Position(Position { bar: Some(*bar), ..Position::default() });
            let place = |seconds: Option<f64>, at| seconds.map(Place::Seconds).or(bars.get(at).map(in_bar));
            Order::Loop { from: place(from, 0), to: place(to, 1) }
        }
        PlayheadOrder::Record { on } => Order::Record { on },
        PlayheadOrder::Tempo { bpm } => Order::Tempo { bpm },
        PlayheadOrder::Metre { metre: (beats, value) } => Order::Metre { beats, value },
    }
}

/// What is asked of the transport.
pub fn transport_order(order: TransportOrder) -> Order {
    match order {
        TransportOrder::Show => Order::Transport {},
        TransportOrder::Playhead(playhead) => playhead_order(playhead),
        TransportOrder::Toggle => Order::PlayOrStop {},
        // Each is a process of its own, and none has a clock that the next one knows.
        TransportOrder::Tap => Order::Tap { at: None },
        TransportOrder::CountIn => Order::CountIn {},
        TransportOrder::CountInBars { bars } => Order::SetCountIn { bars },
        TransportOrder::Follow { role } => Order::FollowClock { role },
        TransportOrder::Send { roles, while_stopped } => Order::SendClock { roles, while_stopped },
    }
}

/// What is asked of an output.
pub fn output_order(order: OutputOrder) -> Order {
    match order {
        OutputOrder::Close { node } => Order::HoldOutput { node, on: true },
        OutputOrder::Open { node } => Order::HoldOutput { node, on: false },
        OutputOrder::Guard(change) => Order::Guard(change),
    }
}

/// What is asked of plugins that take too much time.
pub fn overload_order(order: OverloadOrder) -> Order {
    match order {
        OverloadOrder::Watch { on } => Order::WatchTime { on },
        OverloadOrder::Policy(change) => Order::Overload(change),
        OverloadOrder::Recover { node } => Order::Recover { node },
    }
}

/// What is asked of loudness meters.
pub fn loudness_order(order: LoudnessOrder) -> Order {
    match order {
        LoudnessOrder::Show => Order::Levels {},
        LoudnessOrder::On { node } => Order::Loudness { node, on: true },
        LoudnessOrder::Off { node } => Order::Loudness { node, on: false },
        LoudnessOrder::Reset { node } => Order::ResetLoudness { node },
    }
}

/// Where the playhead and the players' files are.
pub fn transport(playhead: &Value) -> String {
    let number = |key: &str| playhead[key].as_f64().unwrap_or(0.0);
    let state = match (playhead["playing"] == true, playhead["count_in"]["beat"].as_u64()) {
        (true, _) => "plays".to_owned(),
        (false, Some(beat)) => format!("counts in: {beat} of {}", playhead["count_in"]["beats"]),
        (false, None) => "stands".to_owned(),
    };
    let metre = &playhead["metre"];
    let first = format!(
        "{state} at bar {}, beat {:.2} ({:.2} s); {:.1} bpm, {}/{}",
        playhead["bar"],
        number("beat"),
        number("seconds"),
        number("tempo"),
        metre[0],
        metre[1]
    );
    let track = |track: &Value| {
        let second = |key: &str| track[key].as_f64().unwrap_or(0.0);
        let late = match track["underruns"].as_u64() {
            Some(1..) => format!(", not read in time {} times", track["underruns"]),
            _ => String::new(),
        };
        format!("  {}: {:.2} of {:.2} s{late}", word(track, "node"), second("position"), second("length"))
    };
    lines(std::iter::once(first).chain(list(playhead, "tracks").map(track)))
}

/// The log of xruns.
pub fn xruns(result: &Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
    let line = |xrun: &Value| {
        let share = |key: &str| 100.0 * xrun[key].as_f64().unwrap_or(0.0);
        let who = match word(xrun, "culprit") {
            "node" => format!(
                "{} took {:.0} %, usually {:.0} %",
                word(xrun, "node"),
                share("node_share"),
                share("usual_share")
            ),
            "rig" => "the rig always takes nearly all of it".to_owned(),
            "outside" => "nothing of the rig stands out: the system or the driver".to_owned(),
            _ => "nobody took the time".to_owned(),
        };
        let ago = (now - xrun["time"].as_f64().unwrap_or(now)).max(0.0);
        format!(
            "{ago:.0} s ago: {} reported, {} blocks late, the worst took {:.0} % of its time; {who}",
            xrun["reported"],
            xrun["missed"],
            share("share")
        )
    };
    let mut xruns = list(result, "xruns").peekable();
    if xruns.peek().is_none() { "no xruns\n".to_owned() } else { lines(xruns.map(line)) }
}

/// What loudness meters show.
pub fn loudness(nodes: &Value) -> String {
    let line = |(node, reading): (&String, &Value)| {
        let shown = |key: &str, unit: &str| {
            reading[key].as_f64().map_or("nothing yet".to_owned(), |level| format!("{level:.1} {unit}"))
        };
        format!(
            "{node}: {} short term, {} integrated, range {}, true peak {}",
            shown("short_term", "LUFS"),
            shown("integrated", "LUFS"),
            shown("range", "LU"),
            shown("true_peak", "dBTP")
        )
    };
    match nodes.as_object().filter(|nodes| !nodes.is_empty()) {
        Some(nodes) => lines(nodes.iter().map(line)),
        None => "the loudness of nothing is measured: `crosspoint ctl loudness on`\n".to_owned(),
    }
}
