//! From the words of a command line to orders for groups, mixes and presets of the matrix; and what came of them, for people.

use super::order::{block, channel_name, object};
use super::text::{lines, list, word};
use crate::cli::{FaderChoice, GroupOrder, MatrixPresetOrder, MixOrder};
use crate::failure::Failure;
use crate::remote::{ChannelName, Order, PortName};
use serde_json::{Map, Value, json};

/// What is asked of groups.
pub fn group_order(order: GroupOrder) -> Result<Order, Failure> {
    Ok(match order {
        GroupOrder::List => Order::Show {},
        GroupOrder::Set { group, rows, columns, keys, fader } => {
            let mut table = object(&keys)?;
            table.insert("name".to_owned(), group.into());
            for (key, channels) in [("rows", rows), ("columns", columns)] {
                if !channels.is_empty() {
                    table.insert(key.to_owned(), channels_of(&channels)?);
                }
            }
            add_fader(&mut table, fader);
            Order::SetGroup { group: table }
        }
        GroupOrder::Fader { group, fader } => Order::GroupFader { group, gain_db: fader.gain, mute: fader.mute },
        GroupOrder::Rename(name) => Order::RenameGroup(name),
        GroupOrder::Remove { group } => Order::RemoveGroup { group },
    })
}

/// What is asked of mixes.
pub fn mix_order(order: MixOrder) -> Result<Order, Failure> {
    Ok(match order {
        MixOrder::List => Order::Show {},
        MixOrder::Show { mix } => Order::Mix { mix },
        MixOrder::Set { mix, columns, fader } => {
            let columns = channels_of(&columns)?;
            let mut table = Map::from_iter([("name".to_owned(), mix.into()), ("columns".to_owned(), columns)]);
            add_fader(&mut table, fader);
            Order::SetMix { mix: table }
        }
        MixOrder::Fader { mix, fader } => Order::MixFader { mix, gain_db: fader.gain, mute: fader.mute },
        MixOrder::Copy { from, to } => Order::CopyMix { from, to },
        MixOrder::Rename(name) => Order::RenameMix(name),
        MixOrder::Remove { mix } => Order::RemoveMix { mix },
    })
}

/// What is asked of presets of the matrix.
pub fn preset_order(order: MatrixPresetOrder) -> Result<Order, Failure> {
    Ok(match order {
        MatrixPresetOrder::List => Order::Show {},
        MatrixPresetOrder::Store { preset, rows, columns, from, to } => {
            let block = (!rows.is_empty()).then(|| block(&rows, &columns)).transpose()?;
            Order::StoreMatrixPreset { preset, block, sources: from, destinations: to }
        }
        MatrixPresetOrder::Recall { preset } => Order::RecallMatrixPreset { preset },
        MatrixPresetOrder::Rename(name) => Order::RenameMatrixPreset(name),
        MatrixPresetOrder::Remove { preset } => Order::RemoveMatrixPreset { preset },
    })
}

fn add_fader(table: &mut Map<String, Value>, fader: FaderChoice) {
    // As a rig file says silence.
    let gain = |gain: f32| if gain <= -144.0 { json!("-inf dB") } else { json!(f64::from(gain)) };
    table.extend(fader.gain.map(|decibels| ("gain".to_owned(), gain(decibels))));
    table.extend(fader.mute.map(|on| ("muted".to_owned(), on.into())));
}

/// Rows or columns as a rig file names them.
fn channels_of(texts: &[String]) -> Result<Value, Failure> {
    let one = |text: &String| {
        let is_channel = text.rsplit_once(':').is_some_and(|(_, channel)| channel.parse::<u32>().is_ok());
        if !is_channel {
            return Ok(json!({ "node": text }));
        }
        let ChannelName { node, port, channel } = channel_name(text)?;
        let node = match port {
            None => node,
            Some(PortName::Number(number)) => format!("{node}/#{number}"),
            Some(PortName::Name(port)) => format!("{node}/{port}"),
        };
        Ok(json!({ "node": node, "channel": channel }))
    };
    texts.iter().map(one).collect::<Result<Vec<_>, Failure>>().map(Value::from)
}

/// Groups or mixes with their faders.
pub fn faders(rig: &Value, key: &str) -> String {
    lines(list(rig, key).map(|known| format!("{}  {}{}", word(known, "name"), level(known), missing(known))))
}

/// The presets of the matrix.
pub fn presets(rig: &Value) -> String {
    let line = |preset: &Value| {
        let count = |key: &str| list(preset, key).count();
        format!("{}  {} x {}{}", word(preset, "name"), count("rows"), count("columns"), missing(preset))
    };
    lines(list(rig, "matrix_presets").map(line))
}

/// A mix: a line for each cell.
pub fn mix(mix: &Value) -> String {
    let first = format!("{}  {}{}", word(mix, "name"), level(mix), missing(mix));
    let place = |key: &str, cell: &Value, of: &str| {
        let at = cell[of].as_u64().and_then(|place| usize::try_from(place).ok()).and_then(|place| place.checked_sub(1));
        let channel = at.map(|at| &mix[key][at]).unwrap_or(&Value::Null);
        let port = channel["port"].as_u64().filter(|port| *port > 1);
        let port = port.map(|port| format!("/{port}")).unwrap_or_default();
        format!("{}{port}:{}", word(channel, "node"), channel["channel"])
    };
    let cell = |cell: &Value| {
        format!("  {} -> {}  {}", place("rows", cell, "row"), place("columns", cell, "column"), level(cell))
    };
    lines(std::iter::once(first).chain(list(mix, "cells").map(cell)))
}

fn level(of: &Value) -> String {
    if of["muted"] == true || of["mute"] == true {
        return "muted".to_owned();
    }
    of["gain_db"].as_f64().map_or("silent".to_owned(), |gain| format!("{gain:.1} dB"))
}

fn missing(of: &Value) -> String {
    let missing: Vec<&str> = list(of, "missing").filter_map(Value::as_str).collect();
    if missing.is_empty() { String::new() } else { format!("  ({})", missing.join(", ")) }
}
