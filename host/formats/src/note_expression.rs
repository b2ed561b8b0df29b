//! What a plugin can be told of a single note, beside its beginning and its end. Values only; the formats make them.

use crosspoint_graph::event::Expression;

/// A kind of note expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteExpressionKind {
    /// One that every plugin knows by the same name. Its values are as [`Expression`] has them.
    Common(Expression),
    /// One of the plugin's own, by its number. Its values are 0 to 1.
    Own(u32),
}

/// A kind of note expression as a plugin describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct NoteExpressionType {
    /// Which it is.
    pub kind: NoteExpressionKind,
    /// What people call it.
    pub name: String,
    /// The same for little room, possibly empty.
    pub short_name: String,
    /// What its values are counted in, possibly empty.
    pub unit: String,
    /// The least value.
    pub minimum: f64,
    /// The greatest value.
    pub maximum: f64,
    /// The value of a note that nothing was told of.
    pub default: f64,
    /// Steps from the least to the greatest value; 0 if there are none.
    pub steps: u32,
    /// Values are seen from the middle of the range.
    pub is_bipolar: bool,
    /// Told once, when the note begins.
    pub is_one_shot: bool,
    /// Takes the place of what holds for all notes, to which others are added.
    pub is_absolute: bool,
    /// The parameter that does the same for all notes.
    pub parameter: Option<u32>,
}

/// How a finger that holds a key can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FingerMovement {
    /// Across the keys.
    Sideways,
    /// Along the key.
    Along,
    /// Into the key.
    Pressure,
}
