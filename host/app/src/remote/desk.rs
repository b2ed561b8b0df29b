//! From a client's order to the engine's action, and from the engine's answer to the client's. Knows no socket. Waits for
//! nothing: an answer that takes its time is asked for now and then.

use super::access::Folders;
use super::look::{self, Rig};
use super::order::{CellOrder, End, Order, PortName, Setting};
use crate::source::machine_roles;
use crosspoint::devices::midi::Direction;
use crosspoint::graph::graph::Edit;
use crosspoint::graph::{Cell, Command, Graph, NodeId};
use crosspoint::measurement::from_decibels;
use crosspoint::session::PortSelector;
use crosspoint::{
    Action, CellChange, Done, EngineHandle, NodeSnapshot, Pending, PluginReference, PluginSetup, PortChannel, Snapshot,
    session,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What clients command.
pub struct Desk {
    handle: EngineHandle,
    folders: Folders,
    /// The rig file that plays.
    file: Mutex<Option<PathBuf>>,
}

/// What came of an order.
pub enum Answer {
    /// It is there.
    Now(Result<Value, String>),
    /// It comes. The lines are told with it.
    Later { pending: Pending<Done>, told: Vec<String>, file: Option<PathBuf> },
}

type Refused = String;

impl Desk {
    /// Commands the engine of `handle`, which plays the rig of `file`.
    pub fn new(handle: EngineHandle, folders: Folders, file: Option<PathBuf>) -> Self {
        Self { handle, folders, file: Mutex::new(file) }
    }

    /// The rig as it is.
    pub fn snapshot(&self) -> Snapshot {
        self.handle.snapshot()
    }

    /// Begins what an order says.
    pub fn begin(&self, order: Order) -> Answer {
        self.try_begin(order).unwrap_or_else(|refused| Answer::Now(Err(refused)))
    }

    /// What has come of it, if anything has.
    pub fn finish(&self, answer: &mut Answer) -> Option<Result<Value, String>> {
        match answer {
            Answer::Now(result) => Some(std::mem::replace(result, Ok(Value::Null))),
            Answer::Later { pending, told, file } => {
                let done = pending.try_take()?.map_err(|error| error.to_string());
                if let (Ok(_), Some(file)) = (&done, file.take()) {
                    *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
                }
                Some(done.map(|done| self.describe(done, std::mem::take(told))))
            }
        }
    }

    fn describe(&self, done: Done, mut told: Vec<String>) -> Value {
        match done {
            Done::Loaded(problems) => {
                told.extend(problems.into_iter().map(|problem| problem.message));
                json!({ "problems": told })
            }
            Done::Changed(changed) => json!({ "changed": changed }),
            Done::Text(text) => json!({ "text": text }),
            Done::Midi(listing) => json!({
                "inputs": listing.inputs, "outputs": listing.outputs, "unavailable": listing.unavailable,
            }),
            _ => json!({}),
        }
    }

    fn try_begin(&self, order: Order) -> Result<Answer, Refused> {
        let snapshot = self.handle.snapshot();
        let graph = &*snapshot.graph;
        let action = match order {
            Order::Show {} => return Ok(Answer::Now(document(&snapshot))),
            // The connection's own matter.
            Order::Subscribe {} | Order::Unsubscribe {} | Order::Refusals {} => return Ok(Answer::Now(Ok(json!({})))),
            Order::Parameters { node } => {
                let (_, node) = known(&snapshot, &node)?;
                let parameters = serde_json::to_value(look::parameters(node)).map_err(|error| error.to_string())?;
                return Ok(Answer::Now(Ok(json!({ "parameters": parameters }))));
            }
            Order::Set { node, parameter, value } => {
                let (id, node) = known(&snapshot, &node)?;
                match value {
                    Setting::Plain(value) => {
                        Action::SetParameter { node: id, parameter: parameter_id(node, &parameter)?, value }
                    }
                    Setting::Text(text) => Action::SetParameterText { node: id, parameter, text },
                }
            }
            Order::Text { node, parameter, value } => {
                Action::ParameterText { node: find(graph, &node)?, parameter, value }
            }
            Order::Bypass { node, on } => Action::SetBypassed { node: find(graph, &node)?, on },
            Order::Cells { cells } => {
                let changes = cells.iter().map(|cell| change(graph, cell)).collect::<Result<_, _>>()?;
                Action::SetCells { changes, keep_edges: false }
            }
            Order::Connect { source, destination, events } => {
                let (source, destination) = (find(graph, &source)?, find(graph, &destination)?);
                match events {
                    true => Action::ConnectEvents { source, destination },
                    false => Action::Connect { source, destination },
                }
            }
            Order::Disconnect { source, destination } => {
                let (from, to) = (find(graph, &source)?, find(graph, &destination)?);
                let between = graph.edges_out_of(from).filter(|(_, edge)| edge.destination.node == to);
                let edits: Vec<Edit> = between.map(|(id, _)| Edit::Disconnect { id }).collect();
                if edits.is_empty() {
                    return Err(format!("nothing leads from \"{source}\" to \"{destination}\""));
                }
                Action::Edit(edits)
            }
            Order::AddPlugin { name, plugin } => {
                let Ok(plugin) = plugin.parse::<PluginReference>();
                self.may_load(&plugin)?;
                Action::AddPlugin { name, plugin, setup: PluginSetup::default() }
            }
            Order::Remove { node, bridge } => Action::RemoveNode { node: find(graph, &node)?, bridge },
            Order::Undo {} => Action::Undo,
            Order::Redo {} => Action::Redo,
            Order::Play { on } => Action::Send(Command::Play(on)),
            Order::Locate { seconds } => {
                let frame = within("seconds", seconds, 0.0, 1e6)? * f64::from(snapshot.settings.rate);
                Action::Send(Command::Locate(frame as i64))
            }
            Order::Tempo { bpm } => {
                let (low, high) = session::TEMPO_RANGE;
                Action::Send(Command::Tempo(within("bpm", bpm, low, high)?))
            }
            Order::Metre { beats, value } => {
                let is_value = value.is_power_of_two() && value <= session::MAX_BEAT_VALUE;
                if !(1..=session::MAX_BEATS).contains(&beats) || !is_value {
                    return Err(format!("there is no metre {beats}/{value}"));
                }
                Action::Send(Command::Metre(beats, value))
            }
            Order::MeasureLoad { on } => Action::MeasureLoad(on),
            Order::MidiPorts {} => Action::MidiPorts,
            Order::OpenMidi { role, port } => Action::OpenMidi { direction: Direction::Input, role, name: port },
            Order::CloseMidi { role } => Action::CloseMidi { direction: Direction::Input, role },
            Order::Load { file } => return self.load(self.folders.find(&file)?),
            Order::Save { file } => {
                let path = match file {
                    Some(file) => self.folders.find(&file)?,
                    None => {
                        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        file.ok_or("the rig has no file yet: name one")?
                    }
                };
                let (told, file) = (Vec::new(), Some(path.clone()));
                return Ok(Answer::Later { pending: self.handle.send(Action::Save { path }), told, file });
            }
        };
        Ok(Answer::Later { pending: self.handle.send(action), told: Vec::new(), file: None })
    }

    fn load(&self, path: PathBuf) -> Result<Answer, Refused> {
        let loaded = session::load(&path).map_err(|error| error.to_string())?;
        let roles = machine_roles(&loaded.document).map_err(|error| error.to_string())?;
        let told = loaded.problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
        let pending = self.handle.send(Action::Load { document: Box::new(loaded.document), roles });
        Ok(Answer::Later { pending, told, file: Some(path) })
    }

    /// A plugin file is code: one may be named only where the rig's files are.
    fn may_load(&self, plugin: &PluginReference) -> Result<(), Refused> {
        match plugin {
            PluginReference::File { file, .. } if file.as_os_str() != crate::rack::NAME => {
                self.folders.find(file).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

/// The rig as a document.
pub fn document(snapshot: &Snapshot) -> Result<Value, String> {
    serde_json::to_value(Rig::of(snapshot)).map_err(|error| error.to_string())
}

fn find(graph: &Graph, name: &str) -> Result<NodeId, Refused> {
    let mut found = graph.nodes().filter(|(_, node)| node.name == name).map(|(id, _)| id);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(format!("several nodes are called \"{name}\"")),
        (None, _) => {
            let names: Vec<&str> = graph.nodes().map(|(_, node)| node.name.as_str()).collect();
            Err(format!("there is no node \"{name}\"; there are: {}", names.join(", ")))
        }
    }
}

fn known<'s>(snapshot: &'s Snapshot, name: &str) -> Result<(NodeId, &'s NodeSnapshot), Refused> {
    let id = find(&snapshot.graph, name)?;
    let node = snapshot.nodes.get(&id).ok_or_else(|| format!("nothing is known of \"{name}\" yet"))?;
    Ok((id, node))
}

fn parameter_id(node: &NodeSnapshot, text: &str) -> Result<u32, Refused> {
    let named = node.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(text));
    let id = named.map(|parameter| parameter.id).or_else(|| text.parse().ok());
    id.ok_or_else(|| format!("there is no parameter \"{text}\""))
}

fn within(what: &str, value: f64, low: f64, high: f64) -> Result<f64, Refused> {
    if (low..=high).contains(&value) { Ok(value) } else { Err(format!("{what} must be {low} to {high}")) }
}

fn change(graph: &Graph, order: &CellOrder) -> Result<CellChange, Refused> {
    let end = |end: &End, channel: u32, what: &str, is_source: bool| {
        let node = find(graph, &end.node)?;
        let known = graph.node(node).map(|node| if is_source { &node.audio_outputs } else { &node.audio_inputs });
        let ports = known.map_or(&[][..], Vec::as_slice);
        let port =
            selector(end.port.as_ref()).and_then(|port| port.resolve(ports.iter().map(|port| port.name.as_str())));
        let port = port.ok_or_else(|| format!("\"{}\" has no such port as {what}", end.node))?;
        let channels = ports.get(usize::from(port)).map_or(0, |port| port.layout.channels());
        let channel = channel.checked_sub(1).filter(|channel| *channel < channels);
        let channel = channel.ok_or_else(|| format!("\"{}\" has channels 1 to {channels} as {what}", end.node))?;
        Ok::<_, Refused>(PortChannel::new(node, port, channel))
    };
    let source = end(&order.source, order.source_channel, "source", true)?;
    let destination = end(&order.destination, order.destination_channel, "destination", false)?;
    let before = graph
        .edges_out_of(source.node)
        .filter(|(_, edge)| edge.source.port == source.port)
        .filter(|(_, edge)| (edge.destination.node, edge.destination.port) == (destination.node, destination.port))
        .find_map(|(_, edge)| edge.matrix()?.get(source.channel, destination.channel));
    let before = before.unwrap_or(Cell::UNITY);
    let gain = match order.gain_db {
        Some(gain) if gain > 60.0 || gain.is_nan() => return Err("a gain is at most 60 dB".to_owned()),
        Some(gain) => from_decibels(gain.into()) as f32,
        None => before.gain,
    };
    let cell = Cell { gain, mute: order.mute.unwrap_or(before.mute), invert: order.invert.unwrap_or(before.invert) };
    Ok(CellChange { source, destination, cell: (!order.remove).then_some(cell) })
}

/// The port that a client means; none if it counts from 0.
fn selector(name: Option<&PortName>) -> Option<PortSelector> {
    Some(match name {
        None => PortSelector::First,
        Some(PortName::Number(number)) => PortSelector::Number(number.checked_sub(1)?),
        Some(PortName::Name(name)) => PortSelector::Name(name.clone()),
    })
}
