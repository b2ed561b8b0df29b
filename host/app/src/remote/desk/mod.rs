//! From a client's order to the engine's action, and from the engine's answer to the client's. Knows no socket. Waits for
//! nothing: an answer that takes its time is asked for now and then, and files are looked at on a thread of their own.

mod action;
mod clerk;
#[cfg(test)]
mod completeness;
mod matrix;
mod names;
mod stage;
mod transport;

use super::access::Folders;
use super::bulletin::Bulletin;
use super::look::{self, Rig};
use super::order::Order;
use clerk::Clerk;
use crosspoint::graph::NodeId;
use crosspoint::plugins::choose_preset;
use crosspoint::{Action, Done, EngineHandle, Levels, Pending, Snapshot};
use names::Refused;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use transport::Taps;

/// What clients command.
pub struct Desk {
    handle: EngineHandle,
    folders: Arc<Folders>,
    clerk: Clerk,
    bulletin: Arc<Bulletin>,
    taps: Taps,
}

/// What came of an order.
pub enum Answer {
    /// It is there.
    Now(Result<Value, String>),
    /// A file is looked at before anything is done.
    Prepared(Receiver<Result<Step, Refused>>),
    /// It comes.
    Later(Later),
    /// The presets of a node are looked for, of which one is to be loaded.
    Preset { found: Pending<Done>, node: NodeId, wanted: String },
}

/// Answers of the engine that are still to come, all of one order.
pub struct Later {
    pending: VecDeque<Pending<Done>>,
    /// Problems that are told with the answer.
    told: Vec<String>,
}

/// What is to be done next of an order.
pub enum Step {
    /// Nothing: here is what there is to say.
    Say(Value),
    /// These, in order.
    Do(Vec<Action>),
    /// That, with problems told.
    Use { action: Box<Action>, told: Vec<String> },
    /// To look at files first.
    Look(Receiver<Result<Step, Refused>>),
    /// To choose among the presets of a node first.
    Choose { node: NodeId, wanted: String },
}

impl Desk {
    /// Commands the engine of `handle`.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn new(handle: EngineHandle, folders: Folders) -> io::Result<Self> {
        let (folders, bulletin) = (Arc::new(folders), Arc::default());
        let (clerk, taps) = (Clerk::new()?, Taps::default());
        Ok(Self { handle, folders, clerk, bulletin, taps })
    }

    /// The rig as it is.
    pub fn snapshot(&self) -> Snapshot {
        self.handle.snapshot()
    }

    /// Meters and the tuner as they are.
    pub fn levels(&self) -> Arc<Levels> {
        self.handle.levels()
    }

    /// What the engine had to tell.
    pub fn bulletin(&self) -> &Arc<Bulletin> {
        &self.bulletin
    }

    /// Begins what an order says.
    pub fn begin(&self, order: Order) -> Answer {
        self.take(self.first_step(order))
    }

    /// What has come of it, if anything has.
    pub fn finish(&self, answer: &mut Answer) -> Option<Result<Value, String>> {
        loop {
            *answer = match answer {
                Answer::Now(result) => return Some(std::mem::replace(result, Ok(Value::Null))),
                Answer::Later(later) => return finish_later(later),
                Answer::Prepared(prepared) => match prepared.try_recv() {
                    Ok(step) => self.take(step),
                    Err(TryRecvError::Empty) => return None,
                    Err(TryRecvError::Disconnected) => Answer::Now(Err("remote control is ending".to_owned())),
                },
                Answer::Preset { found, node, wanted } => match found.try_take()? {
                    Ok(Done::Presets(found)) => {
                        let (node, wanted) = (*node, std::mem::take(wanted));
                        let choose = move || {
                            let chosen = choose_preset(&found.presets.presets, &wanted);
                            let place = chosen.map_err(|error| error.to_string())?.place.clone();
                            Ok(Step::Do(vec![Action::LoadPreset { node, place }]))
                        };
                        self.take(self.clerk.ask(choose).map(Step::Look))
                    }
                    Ok(_) => Answer::Now(Err("nothing is known of presets".to_owned())),
                    Err(error) => Answer::Now(Err(error.to_string())),
                },
            };
        }
    }

    fn take(&self, step: Result<Step, Refused>) -> Answer {
        let later = |actions: Vec<Action>, told| {
            let pending = actions.into_iter().map(|action| self.handle.send(action)).collect();
            Answer::Later(Later { pending, told })
        };
        match step {
            Ok(Step::Say(value)) => Answer::Now(Ok(value)),
            Ok(Step::Do(actions)) => later(actions, Vec::new()),
            Ok(Step::Use { action, told }) => later(vec![*action], told),
            Ok(Step::Look(prepared)) => Answer::Prepared(prepared),
            Ok(Step::Choose { node, wanted }) => {
                Answer::Preset { found: self.handle.send(Action::Presets { node }), node, wanted }
            }
            Err(refused) => Answer::Now(Err(refused)),
        }
    }
}

/// What the last answer says, once all are there; what went wrong first.
fn finish_later(later: &mut Later) -> Option<Result<Value, String>> {
    let mut last = Done::Done;
    while let Some(pending) = later.pending.front() {
        match pending.try_take()? {
            Ok(done) => last = done,
            Err(error) => return Some(Err(error.to_string())),
        }
        later.pending.pop_front();
    }
    Some(Ok(describe(last, std::mem::take(&mut later.told))))
}

fn describe(done: Done, mut told: Vec<String>) -> Value {
    match done {
        Done::Loaded(problems) => {
            told.extend(problems.into_iter().map(|problem| problem.message));
            json!({ "problems": told })
        }
        Done::Changed(changed) => json!({ "changed": changed }),
        Done::Name(name) => json!({ "name": name }),
        Done::LeftOut(ways) => json!({ "left_out": ways }),
        Done::Text(text) => json!({ "text": text }),
        Done::Midi(listing) => json!({
            "inputs": listing.inputs, "outputs": listing.outputs, "unavailable": listing.unavailable,
        }),
        Done::Presets(found) => {
            let presets = found.presets.presets.iter();
            let listed: Vec<Value> =
                presets.map(|preset| json!({ "name": preset.name, "place": preset.place.to_string() })).collect();
            json!({ "presets": listed })
        }
        _ => json!({}),
    }
}

/// The rig as a document.
pub fn document(snapshot: &Snapshot) -> Result<Value, String> {
    serde_json::to_value(Rig::of(snapshot)).map_err(|error| error.to_string())
}

/// Where the playhead and the players' files are, as a document.
pub fn playhead_document(snapshot: &Snapshot) -> Result<Value, String> {
    serde_json::to_value(look::Playhead::of(snapshot)).map_err(|error| error.to_string())
}

/// Meters and the tuner as a document.
pub fn levels_document(snapshot: &Snapshot, levels: &Levels) -> Result<Value, String> {
    serde_json::to_value(look::LevelsDocument::of(snapshot, levels)).map_err(|error| error.to_string())
}
