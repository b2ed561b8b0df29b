//! `crosspoint ctl`: orders for a running rig, for scripts and for people at a distance.

use crate::cli::{Ctl, CtlOrder};
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::remote::{CellOrder, Client, End, Order, PortName, Server, Setting};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Runs the command.
pub fn run(arguments: &Ctl) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let order = order(&arguments.order)?;
    let server = Server { address: arguments.address, token: arguments.token.clone() };
    let mut client = Client::connect(&server).map_err(Failure::new)?;
    let result = client.ask(order).map_err(Failure::new)?;
    if matches!(arguments.order, CtlOrder::Watch) {
        loop {
            let news = client.hear().map_err(Failure::new)?;
            if let Some(rig) = news.get("rig") {
                output.text(&format!("{rig}\n"))?;
            }
        }
    }
    let problems: Vec<String> = list(&result, "problems").filter_map(Value::as_str).map(str::to_owned).collect();
    if arguments.json {
        output.json(&result)?;
    } else {
        output.text(&text(&arguments.order, &result))?;
    }
    print_problems(&problems);
    Ok(code_for(&problems))
}

fn order(order: &CtlOrder) -> Result<Order, Failure> {
    Ok(match order.clone() {
        CtlOrder::Show => Order::Show {},
        CtlOrder::Watch => Order::Subscribe {},
        CtlOrder::Parameters { node } => Order::Parameters { node },
        CtlOrder::Set { node, parameter, value, text } => {
            let value = text.map(Setting::Text).or(value.map(Setting::Plain));
            let value = value.ok_or_else(|| Failure::usage("give a value"))?;
            Order::Set { node, parameter, value }
        }
        CtlOrder::Bypass { node, on } => Order::Bypass { node, on },
        CtlOrder::Cell { source, destination, gain, mute, invert, remove } => {
            let (source, source_channel) = channel(&source)?;
            let (destination, destination_channel) = channel(&destination)?;
            let cell = CellOrder {
                source,
                source_channel,
                destination,
                destination_channel,
                gain_db: gain,
                mute,
                invert,
                remove,
            };
            Order::Cells { cells: vec![cell] }
        }
        CtlOrder::Connect { source, destination, events } => Order::Connect { source, destination, events },
        CtlOrder::Disconnect { source, destination } => Order::Disconnect { source, destination },
        CtlOrder::Add { name, plugin } => Order::AddPlugin { name, plugin },
        CtlOrder::Remove { node, bridge } => Order::Remove { node, bridge },
        CtlOrder::Undo => Order::Undo {},
        CtlOrder::Redo => Order::Redo {},
        CtlOrder::Play => Order::Play { on: true },
        CtlOrder::Stop => Order::Play { on: false },
        CtlOrder::Locate { seconds } => Order::Locate { seconds },
        CtlOrder::Tempo { bpm } => Order::Tempo { bpm },
        // A person means files by where they are, the rig by where it is.
        CtlOrder::Load { file } => Order::Load { file: absolute(&file)? },
        CtlOrder::Save { file } => Order::Save { file: file.as_deref().map(absolute).transpose()? },
        CtlOrder::Send { command, arguments } => {
            let arguments = serde_json::from_str(&arguments)
                .map_err(|error| Failure::usage(format_args!("the arguments are no JSON object: {error}")))?;
            Order::new(&command, arguments).map_err(Failure::usage)?
        }
    })
}

fn absolute(file: &Path) -> Result<std::path::PathBuf, Failure> {
    std::path::absolute(file).map_err(Failure::new)
}

/// `NODE[/PORT]:CHANNEL`.
fn channel(text: &str) -> Result<(End, u32), Failure> {
    let wrong = || Failure::usage(format_args!("{text}: write it as NODE:CHANNEL or NODE/PORT:CHANNEL"));
    let (end, channel) = text.rsplit_once(':').ok_or_else(wrong)?;
    let channel = channel.parse().map_err(|_| wrong())?;
    let (node, port) = match end.split_once('/') {
        Some((node, port)) => (node, Some(port.parse().map_or(PortName::Name(port.to_owned()), PortName::Number))),
        None => (end, None),
    };
    Ok((End { node: node.to_owned(), port }, channel))
}

/// What came of it, for people; what is done without a word says nothing.
fn text(order: &CtlOrder, result: &Value) -> String {
    match order {
        CtlOrder::Show => rig(result),
        CtlOrder::Parameters { .. } => parameters(result),
        CtlOrder::Undo | CtlOrder::Redo if result["changed"] == false => "there is nothing to do\n".to_owned(),
        CtlOrder::Send { .. } => format!("{result}\n"),
        _ => String::new(),
    }
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn rig(rig: &Value) -> String {
    let mut text = String::new();
    let device = &rig["device"];
    let playing = match word(device, "state") {
        "playing" => format!("{} at {} Hz", word(device, "name"), rig["rate"]),
        "lost" => format!("{} is gone: {}", word(device, "name"), word(device, "reason")),
        _ => "no device".to_owned(),
    };
    let _ = writeln!(
        text,
        "{playing}; {} frames late, {} xruns; {} bpm, {}/{}",
        rig["latency"], rig["xruns"], rig["tempo"], rig["metre"][0], rig["metre"][1]
    );
    let nodes: Vec<&Value> = list(rig, "nodes").collect();
    let width = nodes.iter().map(|node| word(node, "name").chars().count()).max().unwrap_or(0);
    for node in nodes {
        let state = match (word(node, "condition"), node["bypassed"].as_bool()) {
            ("ready", Some(true)) => "bypassed",
            ("ready", _) => "",
            (condition, _) => condition,
        };
        let plugin = node["plugin"]["name"].as_str().unwrap_or_else(|| word(node, "kind"));
        let _ = writeln!(text, "  {:width$}  {plugin}  {state}", word(node, "name"));
    }
    for edge in list(rig, "edges") {
        let end = |end: &Value| match end["port"].as_u64() {
            Some(port) if port > 1 => format!("{}/{port}", word(end, "node")),
            _ => word(end, "node").to_owned(),
        };
        let cells: Vec<String> = list(edge, "crosspoints")
            .map(|cell| {
                let gain = cell["gain_db"].as_f64().map_or("silent".to_owned(), |gain| format!("{gain:.1} dB"));
                let gain = if cell["mute"] == true { "muted".to_owned() } else { gain };
                format!("{}>{} {gain}", cell["source"], cell["destination"])
            })
            .collect();
        let what = if edge["is_events"] == true { "events".to_owned() } else { cells.join(", ") };
        let _ = writeln!(text, "  {} -> {}: {what}", end(&edge["source"]), end(&edge["destination"]));
    }
    text
}

fn parameters(result: &Value) -> String {
    let mut text = String::new();
    for parameter in list(result, "parameters") {
        let value = parameter["value"].as_f64().map_or("?".to_owned(), |value| value.to_string());
        let (minimum, maximum) = (&parameter["minimum"], &parameter["maximum"]);
        let _ = writeln!(text, "{}  {}  {value}  ({minimum} to {maximum})", parameter["id"], word(parameter, "name"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_written_with_its_node_and_port() {
        let end = |node: &str, port| End { node: node.into(), port };
        assert_eq!(channel("amp:2").unwrap(), (end("amp", None), 2));
        assert_eq!(channel("a:b/side:1").unwrap(), (end("a:b", Some(PortName::Name("side".into()))), 1));
        assert_eq!(channel("amp/2:1").unwrap(), (end("amp", Some(PortName::Number(2))), 1));
        assert!(channel("amp").is_err() && channel("amp:x").is_err());
    }
}
