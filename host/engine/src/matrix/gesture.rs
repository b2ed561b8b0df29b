//! Gestures: the many cells, parameters, bypasses, presences, groups and mixes that a hand sets on its way, such as a fader
//! being drawn, are one step of the history. Never says what is set, only how it is remembered.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::history::Step;
use crosspoint_graph::graph::Edit;

/// Whether what is set belongs to one movement of a hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gesture {
    /// Each is a step of its own.
    #[default]
    None,
    /// One has begun and has set nothing yet.
    Begun,
    /// The last step of the history is its.
    Remembered,
}

impl<P: Plugins> Engine<P> {
    /// Lets the cells, parameters, bypasses, presences, groups and mixes that are set from now on be one step of the history,
    /// until [`Self::end_gesture`], until another one begins, or until any other step is made, taken back or made again.
    pub fn begin_gesture(&mut self) {
        self.gesture = Gesture::Begun;
        self.snapshot.outdate();
    }

    /// Lets each of them be a step of its own again. Does nothing if no gesture has begun.
    pub fn end_gesture(&mut self) {
        self.gesture = Gesture::None;
        self.snapshot.outdate();
    }

    /// Makes edits of cells, all or none, as a step of the history or as a part of the gesture's.
    pub(super) fn apply_cells(&mut self, edits: Vec<Edit>) -> Result<(), EngineError> {
        let applied = self.graph.apply(edits)?;
        self.remember_cells(applied.inverse);
        self.publish()
    }

    /// Remembers what takes a set of cells back.
    pub(crate) fn remember_cells(&mut self, inverse: Vec<Edit>) {
        if self.gesture == Gesture::Remembered
            && let Some(Step::Graph(step)) = self.undo.back_mut()
        {
            join(step, inverse);
            self.snapshot.outdate_graph();
            return;
        }
        self.parking.note(&inverse);
        self.snapshot.outdate_graph();
        self.remember_in_gesture(Step::Graph(inverse));
    }

    /// Remembers a step: the first one of the gesture, if one has begun.
    pub(crate) fn remember_in_gesture(&mut self, step: Step) {
        let within = self.gesture != Gesture::None;
        self.remember_step(step);
        if within {
            self.gesture = Gesture::Remembered;
        }
    }
}

/// Puts what takes the latest cells back before what takes the earlier ones back. A cell that the step sets back already
/// has nothing to add, so that a long gesture is remembered in as little as a short one.
fn join(step: &mut Vec<Edit>, mut latest: Vec<Edit>) {
    let cell = |edit: &Edit| match *edit {
        Edit::SetCell { edge, source, destination, .. } => Some((edge, source, destination)),
        _ => None,
    };
    let only_cells = step.iter().chain(&latest).all(|edit| cell(edit).is_some());
    if only_cells {
        latest.retain(|edit| !step.iter().any(|known| cell(known) == cell(edit)));
    }
    latest.append(step);
    *step = latest;
}
