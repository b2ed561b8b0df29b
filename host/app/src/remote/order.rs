//! What a client may ask for, as it comes over the wire. Words and shapes only; what becomes of it is in `desk`.
//!
//! A request is `{"id": 7, "command": "bypass", "arguments": {"node": "amp", "on": true}}`; it is answered by
//! `{"id": 7, "result": ...}` or `{"id": 7, "error": "..."}`. Nodes go by their names, ports by their names or numbers,
//! ports and channels are counted from 1.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// A request as it stands on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Comes back with the answer.
    pub id: u64,
    /// The name of an [`Order`].
    pub command: String,
    /// What the order needs.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

impl Request {
    /// A request of a text.
    ///
    /// # Errors
    /// What is wrong with it, and the request's number if that could be read.
    pub fn parse(text: &str) -> Result<(u64, Order), (Option<u64>, String)> {
        let request: Self = serde_json::from_str(text).map_err(|error| (None, format!("not a request: {error}")))?;
        let id = request.id;
        Order::new(&request.command, request.arguments).map(|order| (id, order)).map_err(|error| (Some(id), error))
    }
}

/// The end of an edge: a node and one of its ports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The node's name.
    pub node: String,
    /// The port's name or number. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortName>,
}

/// A port by name or number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortName {
    /// Counted from 1.
    Number(u16),
    /// Its name.
    Name(String),
}

/// A value as a client gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// In the plain scale.
    Plain(f64),
    /// As people write it, such as `-6 dB`.
    Text(String),
}

/// What a cell of the matrix is to be. What is not said stays as it is, or is unity if the cell is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellOrder {
    /// Where the signal comes from.
    pub source: End,
    /// The source's channel, from 1.
    #[serde(default = "first")]
    pub source_channel: u32,
    /// Where it goes.
    pub destination: End,
    /// The destination's channel, from 1.
    #[serde(default = "first")]
    pub destination_channel: u32,
    /// In dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f32>,
    /// Whether it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute: Option<bool>,
    /// Whether its polarity is flipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,
    /// Removes it.
    #[serde(default)]
    pub remove: bool,
}

fn first() -> u32 {
    1
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// The whole rig as it is now. Answered by a document, see `look`.
    Show {},
    /// Sends the whole rig, now and whenever it has changed, as `{"event": "rig", "rig": ...}`.
    Subscribe {},
    /// No more of that.
    Unsubscribe {},
    /// How many requests the server has refused, by why.
    Refusals {},
    /// The parameters of a node with their ranges and values.
    Parameters {
        /// The node.
        node: String,
    },
    /// Sets a parameter.
    Set {
        /// The node.
        node: String,
        /// Its parameter's id or name.
        parameter: String,
        /// What to.
        value: Setting,
    },
    /// How a plugin would show a value.
    Text {
        /// The node.
        node: String,
        /// Its parameter's id.
        parameter: u32,
        /// In the plain scale.
        value: f64,
    },
    /// Fades a node to its bypass path, or back.
    Bypass {
        /// The node.
        node: String,
        /// Whether it is to be bypassed.
        on: bool,
    },
    /// Sets cells of the routing matrix, all or none.
    Cells {
        /// Which, and what to.
        cells: Vec<CellOrder>,
    },
    /// Joins two ports by a cable.
    Connect {
        /// Where the signal comes from.
        source: String,
        /// Where it goes.
        destination: String,
        /// Whether events are meant.
        #[serde(default)]
        events: bool,
    },
    /// Removes all edges between two nodes.
    Disconnect {
        /// Where the signal comes from.
        source: String,
        /// Where it goes.
        destination: String,
    },
    /// Adds a plugin that is installed or bundled.
    AddPlugin {
        /// What to call it.
        name: String,
        /// Which: `rack#ID`, `clap:ID`, or a name that only one has.
        plugin: String,
    },
    /// Removes a node.
    Remove {
        /// The node.
        node: String,
        /// Whether what it was given goes on to where it led.
        #[serde(default)]
        bridge: bool,
    },
    /// Takes the last step back.
    Undo {},
    /// Makes it again.
    Redo {},
    /// Starts the transport, or stops it.
    Play {
        /// Whether to play.
        on: bool,
    },
    /// Sets the playhead.
    Locate {
        /// In seconds from the song's beginning.
        seconds: f64,
    },
    /// Sets the tempo.
    Tempo {
        /// In quarter notes a minute.
        bpm: f64,
    },
    /// Sets the metre.
    Metre {
        /// Beats a bar.
        beats: u16,
        /// The note value of a beat: 4 is a quarter.
        value: u16,
    },
    /// Takes the time of every node, or no longer.
    MeasureLoad {
        /// Whether to.
        on: bool,
    },
    /// The MIDI ports there are.
    MidiPorts {},
    /// Joins a MIDI input port to a role.
    OpenMidi {
        /// The role.
        role: String,
        /// The port's name or a part of it.
        port: String,
    },
    /// Closes the MIDI input ports of a role.
    CloseMidi {
        /// The role.
        role: String,
    },
    /// Loads a rig in the place of what plays.
    Load {
        /// The file, in one of the folders that remote control may use.
        file: PathBuf,
    },
    /// Saves the rig.
    Save {
        /// The file; none for the one that was loaded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
    },
}

impl Order {
    /// An order by its name.
    ///
    /// # Errors
    /// If there is no such order, or it needs other arguments.
    pub fn new(command: &str, arguments: Map<String, Value>) -> Result<Self, String> {
        let tagged = Map::from_iter([(command.to_owned(), Value::Object(arguments))]);
        serde_json::from_value(Value::Object(tagged)).map_err(|error| format!("{command}: {error}"))
    }

    /// The request that carries it.
    ///
    /// # Errors
    /// If it holds a number that JSON has no word for.
    pub fn into_request(self, id: u64) -> Result<Request, serde_json::Error> {
        let tagged: Map<String, Value> = serde_json::from_value(serde_json::to_value(self)?)?;
        let (command, arguments) = tagged.into_iter().next().unwrap_or_default();
        Ok(Request { id, command, arguments: serde_json::from_value(arguments)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client sends is what a server reads.
    #[test]
    fn orders_survive_the_wire() {
        let end = |node: &str| End { node: node.into(), port: Some(PortName::Number(2)) };
        let cell = CellOrder {
            source: end("amp"),
            source_channel: 1,
            destination: end("out"),
            destination_channel: 2,
            gain_db: Some(-6.0),
            mute: None,
            invert: Some(true),
            remove: false,
        };
        let orders = [
            Order::Show {},
            Order::Set { node: "amp".into(), parameter: "Drive".into(), value: Setting::Text("-6 dB".into()) },
            Order::Set { node: "amp".into(), parameter: "3".into(), value: Setting::Plain(0.5) },
            Order::Cells { cells: vec![cell] },
            Order::Save { file: None },
        ];
        for (id, order) in (0..).zip(orders) {
            let text = serde_json::to_string(&order.clone().into_request(id).unwrap()).unwrap();
            assert_eq!(Request::parse(&text).unwrap(), (id, order), "{text}");
        }
    }

    /// Nothing that is not understood is guessed at.
    #[test]
    fn what_is_no_order_is_refused_with_what_is_wrong() {
        let refusal = |text: &str| Request::parse(text).unwrap_err();
        let (id, why) = refusal(r#"{"id": 3, "command": "explode"}"#);
        assert!(id == Some(3) && why.contains("explode") && why.contains("undo"), "{why}");
        let (id, why) = refusal(r#"{"id": 4, "command": "bypass", "arguments": {"node": "amp"}}"#);
        assert!(id == Some(4) && why.contains("`on`"), "{why}");
        let (_, why) = refusal(r#"{"id": 4, "command": "undo", "arguments": {"twice": true}}"#);
        assert!(why.contains("twice"), "{why}");
        for text in ["", "7", "[]", "{}", r#"{"id": -1, "command": "undo"}"#, r#"{"id":1,"command":"undo","x":1}"#] {
            assert_eq!(refusal(text).0, None, "{text}");
        }
    }
}
