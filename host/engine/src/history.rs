//! Undo and redo: steps of the graph, parameters and bypasses, states that plugins had before others were loaded, and steps
//! that plugins made themselves; groups, scenes and moments. A step is made anew each time that it is taken, so that what undoes an undoing is what was there then.

mod values;

use crate::asking::Asked;
use crate::controllers::{Kept, PluginKey, Plugins, Request, StateSource};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::instances::{InstanceStep, added};
use crate::matrix::{Gesture, MatrixStep};
use crate::scenes::{Book, Key, MomentStep, Value, Whole};
use crosspoint_formats::{ChangeDelta, HistoryDirection};
use crosspoint_graph::NodeId;
use crosspoint_graph::graph::Edit;
use std::collections::HashSet;
use std::sync::Arc;

/// Steps that undo remembers unless it is told otherwise.
pub(crate) const HISTORY: usize = 200;

/// How to go one step back, or forth again.
pub(crate) enum Step {
    /// By edits of the graph.
    Graph(Vec<Edit>),
    /// By other parameters and bypasses, each key once.
    Values(Vec<(Key, Value)>),
    /// By another state of a plugin.
    State {
        /// Its node.
        node: NodeId,
        /// The state.
        state: Kept,
    },
    /// By a plugin's own means, for a change that a person made in its window.
    Change {
        /// Its node.
        node: NodeId,
        /// What leads there.
        delta: Arc<ChangeDelta>,
        /// Which way the step goes.
        direction: HistoryDirection,
    },
    /// By other groups, mixes or presets of the matrix.
    Matrix(Box<MatrixStep>),
    /// By other scenes and songs.
    Scenes(Box<Book>),
    /// By another node, the second instance of a plugin in a scene.
    Instance(Box<InstanceStep>),
    /// By other values of the whole rig.
    Whole(Box<Whole>),
    /// By other moments to go back to.
    Moment(MomentStep),
}

impl<P: Plugins> Engine<P> {
    /// Takes the last edit back, or the last state or preset that a plugin was given. False if there is none.
    ///
    /// # Errors
    /// If a plugin that it brings back does not activate.
    pub fn undo(&mut self) -> Result<bool, EngineError> {
        let Some(step) = self.undo.pop_back() else { return Ok(false) };
        let inverse = self.take(step)?;
        self.redo.push(inverse);
        self.publish()?;
        Ok(true)
    }

    /// Makes the last step again that was taken back. False if there is none.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn redo(&mut self) -> Result<bool, EngineError> {
        let Some(step) = self.redo.pop() else { return Ok(false) };
        let inverse = self.take(step)?;
        self.undo.push_back(inverse);
        self.publish()?;
        Ok(true)
    }

    /// Takes a step; gives the one that leads back.
    fn take(&mut self, step: Step) -> Result<Step, EngineError> {
        self.gesture = Gesture::None;
        match step {
            Step::Graph(edits) => {
                let applied = self.graph.apply(edits)?;
                self.parking.note(&applied.inverse);
                self.snapshot.outdate_graph();
                Ok(Step::Graph(applied.inverse))
            }
            Step::Values(values) => Ok(Step::Values(self.take_values(&values)?)),
            Step::State { node, state } => {
                let before = Kept::default();
                if let Some(key) = self.records.get(&node).map(|record| record.key) {
                    let name = self.name(node);
                    let reply = Box::new(move |loaded: Result<(), EngineError>| {
                        if let Err(error) = loaded {
                            tracing::warn!("{name}: {error}");
                        }
                    });
                    let asked = Asked::State { reply, step: None };
                    self.give_state((node, key), StateSource::Kept(state), before.clone(), asked);
                }
                Ok(Step::State { node, state: before })
            }
            Step::Instance(step) => self.take_instance(*step).map(|inverse| Step::Instance(Box::new(inverse))),
            Step::Matrix(step) => Ok(Step::Matrix(Box::new(self.take_matrix_step(*step)))),
            Step::Scenes(book) => Ok(Step::Scenes(Box::new(self.open_book(*book)))),
            Step::Whole(whole) => Ok(Step::Whole(Box::new(self.go_to(*whole)?))),
            Step::Moment(step) => Ok(Step::Moment(self.take_moment_step(step))),
            Step::Change { node, delta, direction } => {
                if let Some(key) = self.records.get(&node).map(|record| record.key) {
                    self.plugins.send(Request::ApplyChange { key, delta: Arc::clone(&delta), direction });
                }
                let direction = match direction {
                    HistoryDirection::Undo => HistoryDirection::Redo,
                    HistoryDirection::Redo => HistoryDirection::Undo,
                };
                Ok(Step::Change { node, delta, direction })
            }
        }
    }

    pub(crate) fn remember(&mut self, inverse: Vec<Edit>) {
        self.snapshot.outdate_graph();
        self.parking.note(&inverse);
        self.remember_step(Step::Graph(inverse));
    }

    pub(crate) fn remember_step(&mut self, step: Step) {
        self.gesture = Gesture::None;
        let mut dropped: Vec<Step> = self.redo.drain(..).collect();
        self.undo.push_back(step);
        while self.undo.len() > self.most_steps {
            dropped.extend(self.undo.pop_front());
        }
        if dropped.iter().any(|step| brought_back(step).next().is_some()) {
            self.forget_unreachable();
        }
    }

    /// How many steps undo remembers from now on; 200 unless told otherwise. The oldest give way, and with them the plugins
    /// that only they could bring back.
    pub fn remember_steps(&mut self, most: usize) {
        self.most_steps = most;
        while self.undo.len() > most {
            self.undo.pop_front();
        }
        self.forget_unreachable();
        self.snapshot.outdate();
    }

    /// Forgets the history, and with it the plugins that only undo could bring back.
    pub fn forget_history(&mut self) {
        self.gesture = Gesture::None;
        self.undo.clear();
        self.redo.clear();
        self.forget_unreachable();
    }

    /// Forgets nodes that are not in the graph and that no step brings back, and drops their plugins.
    fn forget_unreachable(&mut self) {
        let steps = self.undo.iter().chain(&self.redo);
        let mut known: HashSet<NodeId> = steps.flat_map(brought_back).collect();
        known.extend(self.graph.nodes().map(|(id, _)| id));
        self.untold.retain(|id| known.contains(&id));
        self.shelf.retain(|id, _| known.contains(id));
        self.rig.entries.retain(|id, _| known.contains(id));
        let mut dropped: Vec<PluginKey> = Vec::new();
        self.records.retain(|id, record| {
            record.forgotten = !known.contains(id);
            let stays = !record.forgotten || record.is_out() || record.is_awaited();
            if !stays {
                dropped.push(record.key);
            }
            stays
        });
        dropped.into_iter().for_each(|key| self.plugins.send(Request::Drop { key }));
    }
}

/// The nodes that are not in the graph before a step and are after it.
fn brought_back(step: &Step) -> impl Iterator<Item = NodeId> + '_ {
    let edits = match step {
        Step::Graph(edits) => edits.as_slice(),
        Step::Instance(step) => &step.edits,
        _ => &[],
    };
    added(edits)
}
