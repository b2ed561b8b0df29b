//! Note expressions: which of them a plugin knows on each channel, as it describes them, and what those of the graph become.
//! Read on the main thread, and read anew when the plugin says so, while the audio half looks things up.
#![deny(clippy::disallowed_types)]

use std::mem::zeroed;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crosspoint_graph::event::Expression;
use vst3::ComPtr;
use vst3::Steinberg::Vst::NoteExpressionTypeIDs_::*;
use vst3::Steinberg::Vst::NoteExpressionTypeInfo_::NoteExpressionTypeFlags_::*;
use vst3::Steinberg::Vst::PhysicalUITypeIDs_::*;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::kResultOk;

use super::abi::whole;
use super::text::{to_wide, wide};
use crate::midi::MEMBER_BEND_RANGE;
use crate::note_expression::{FingerMovement, NoteExpressionKind, NoteExpressionType};

/// Semitones from the middle of a tuning expression to its ends.
const TUNING_RANGE: f64 = 120.0;
/// The greatest volume of a note expression, as a linear amplitude.
const VOLUME_RANGE: f64 = 4.0;
/// Channels of an event bus.
const CHANNELS: usize = 16;
/// Buses that are looked at.
const MOST_BUSES: usize = 16;
/// A plugin that tells more types of a channel is not believed.
const MOST_TYPES: i32 = 4096;
/// Those of the graph, in the order of a channel's entries.
const ALL: [Expression; 7] = [
    Expression::Volume,
    Expression::Pan,
    Expression::Tuning,
    Expression::Vibrato,
    Expression::Expression,
    Expression::Brightness,
    Expression::Pressure,
];
/// The movements of a finger, as VST3 numbers them.
const MOVEMENTS: [(PhysicalUITypeIDs, FingerMovement); 3] = [
    (kPUIXMovement, FingerMovement::Sideways),
    (kPUIYMovement, FingerMovement::Along),
    (kPUIPressure, FingerMovement::Pressure),
];
/// No type at all.
const NONE: NoteExpressionTypeID = kInvalidTypeID as NoteExpressionTypeID;

/// What an expression is to VST3; none for pressure, for which there is an event of its own.
fn common(expression: Expression) -> Option<NoteExpressionTypeID> {
    Some(match expression {
        Expression::Volume => kVolumeTypeID,
        Expression::Pan => kPanTypeID,
        Expression::Tuning => kTuningTypeID,
        Expression::Vibrato => kVibratoTypeID,
        Expression::Expression => kExpressionTypeID,
        Expression::Brightness => kBrightnessTypeID,
        _ => return None,
    } as NoteExpressionTypeID)
}

/// A value of an expression as 0 to 1.
fn normalise(expression: Expression, value: f64) -> f64 {
    let normalised = match expression {
        Expression::Volume => value / VOLUME_RANGE,
        Expression::Tuning => value / (2.0 * TUNING_RANGE) + 0.5,
        _ => value,
    };
    normalised.clamp(0.0, 1.0)
}

/// [`normalise`], the other way.
fn plain(expression: Expression, normalised: f64) -> f64 {
    match expression {
        Expression::Volume => normalised * VOLUME_RANGE,
        Expression::Tuning => (normalised - 0.5) * 2.0 * TUNING_RANGE,
        _ => normalised,
    }
}

/// The expression that a type is.
fn expression_of(kind: NoteExpressionTypeID) -> Option<Expression> {
    ALL.into_iter().find(|&expression| common(expression) == Some(kind))
}

/// An expression that a plugin sends, if the graph has a word for it.
///
/// # Real-time
/// Safe to call.
pub(crate) fn graph_expression(kind: NoteExpressionTypeID, normalised: f64) -> Option<(Expression, f64)> {
    let expression = expression_of(kind).filter(|_| !normalised.is_nan())?;
    Some((expression, plain(expression, normalised.clamp(0.0, 1.0))))
}

/// What an expression becomes on a channel.
struct Entry {
    /// The type, or [`NONE`].
    kind: AtomicU32,
    /// The least value that it takes, as 0 to 1, in the bits of a number.
    minimum: AtomicU64,
    /// The greatest value, as `minimum`.
    maximum: AtomicU64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct ExpressionMap {
    /// By bus, channel and expression.
    entries: Box<[Entry]>,
}

impl ExpressionMap {
    /// For so many event buses of a plugin that does not tell what it knows.
    pub(crate) fn new(buses: usize) -> Self {
        let entry = |expression: &Expression| Entry {
            kind: AtomicU32::new(common(*expression).unwrap_or(NONE)),
            minimum: AtomicU64::new(0.0_f64.to_bits()),
            maximum: AtomicU64::new(1.0_f64.to_bits()),
        };
        let channels = buses.min(MOST_BUSES) * CHANNELS;
        Self { entries: (0..channels).flat_map(|_| ALL.iter().map(entry)).collect() }
    }

    /// Reads what the plugin knows. Main thread.
    pub(crate) fn read(&self, controller: &ComPtr<IEditController>) {
        for (index, entries) in self.entries.chunks(ALL.len()).enumerate() {
            let place = ((index / CHANNELS) as i32, (index % CHANNELS) as i16);
            let types = read_types(controller, place);
            let movements = read_movements(controller, place);
            for (entry, &expression) in entries.iter().zip(&ALL) {
                let kind = choose(expression, &types, &movements);
                let known = types.iter().find(|info| info.typeId == kind).map(|info| info.valueDesc);
                let (minimum, maximum) = known.map_or((0.0, 1.0), |values| (values.minimum, values.maximum));
                let is_range = 0.0 <= minimum && minimum < maximum && maximum <= 1.0;
                let (minimum, maximum) = if is_range { (minimum, maximum) } else { (0.0, 1.0) };
                entry.kind.store(kind, Ordering::Relaxed);
                entry.minimum.store(f64::to_bits(minimum), Ordering::Relaxed);
                entry.maximum.store(f64::to_bits(maximum), Ordering::Relaxed);
            }
        }
    }

    /// The type that an expression becomes on a channel, and its value as 0 to 1; none if the plugin knows no such thing.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn translate(
        &self,
        (bus, channel): (u16, u8),
        expression: Expression,
        value: f64,
    ) -> Option<(NoteExpressionTypeID, f64)> {
        let place = ALL.iter().position(|&one| one == expression)?;
        let channel = usize::from(bus) * CHANNELS + usize::from(channel & 15);
        let Some(entry) = self.entries.get(channel * ALL.len() + place) else {
            // Of a bus beyond those that are looked at.
            return Some((common(expression)?, normalise(expression, value)));
        };
        let kind = entry.kind.load(Ordering::Relaxed);
        if kind == NONE {
            return None;
        }
        let minimum = f64::from_bits(entry.minimum.load(Ordering::Relaxed));
        let maximum = f64::from_bits(entry.maximum.load(Ordering::Relaxed));
        if common(expression) == Some(kind) {
            return Some((kind, normalise(expression, value).max(minimum).min(maximum)));
        }
        // A movement of the finger: all of its way is all of the range.
        let way = match expression {
            Expression::Tuning => value / (2.0 * MEMBER_BEND_RANGE) + 0.5,
            _ => value,
        };
        Some((kind, minimum + (maximum - minimum) * way.clamp(0.0, 1.0)))
    }
}

/// The type that an expression becomes, from what a channel has. A plugin that lists none takes the common ones.
fn choose(
    expression: Expression,
    types: &[NoteExpressionTypeInfo],
    movements: &[(FingerMovement, NoteExpressionTypeID)],
) -> NoteExpressionTypeID {
    let common = common(expression).filter(|kind| types.is_empty() || types.iter().any(|info| info.typeId == *kind));
    let movement = |wanted| movements.iter().find(|(movement, _)| *movement == wanted).map(|(_, kind)| *kind);
    let kind = match expression {
        Expression::Pressure => movement(FingerMovement::Pressure),
        // As keyboards send a finger's place along the key.
        Expression::Brightness => movement(FingerMovement::Along).or(common),
        Expression::Tuning => common.or_else(|| movement(FingerMovement::Sideways)),
        _ => common,
    };
    kind.unwrap_or(NONE)
}

/// What a plugin tells of a bus's channel. Main thread.
fn read_types(controller: &ComPtr<IEditController>, (bus, channel): (i32, i16)) -> Vec<NoteExpressionTypeInfo> {
    let Some(expressions) = whole::<INoteExpressionController, _>(controller) else { return Vec::new() };
    // SAFETY: the controller is initialised and this is the main thread; as for all calls here.
    (0..unsafe { expressions.getNoteExpressionCount(bus, channel) }.min(MOST_TYPES))
        .filter_map(|index| {
            // SAFETY: a structure of numbers, filled by the plugin, which has room for the answer.
            let mut info: NoteExpressionTypeInfo = unsafe { zeroed() };
            // SAFETY: as above.
            let result = unsafe { expressions.getNoteExpressionInfo(bus, channel, index, &mut info) };
            (result == kResultOk).then_some(info)
        })
        .collect()
}

/// What the movements of a finger stand for on a bus's channel. Main thread.
fn read_movements(
    controller: &ComPtr<IEditController>,
    (bus, channel): (i32, i16),
) -> Vec<(FingerMovement, NoteExpressionTypeID)> {
    let Some(mapping) = whole::<INoteExpressionPhysicalUIMapping, _>(controller) else { return Vec::new() };
    let mut entries = MOVEMENTS
        .map(|(number, _)| PhysicalUIMap { physicalUITypeID: number as PhysicalUITypeID, noteExpressionTypeID: NONE });
    let mut list = PhysicalUIMapList { count: entries.len() as u32, map: entries.as_mut_ptr() };
    // SAFETY: as above; the list leads to as many entries as it says.
    if unsafe { mapping.getPhysicalUIMapping(bus, channel, &mut list) } != kResultOk {
        return Vec::new();
    }
    let known = MOVEMENTS.iter().zip(&entries).filter(|(_, entry)| entry.noteExpressionTypeID != NONE);
    known.map(|((_, movement), entry)| (*movement, entry.noteExpressionTypeID)).collect()
}

fn kind_of(id: NoteExpressionTypeID) -> NoteExpressionKind {
    expression_of(id).map_or(NoteExpressionKind::Own(id), NoteExpressionKind::Common)
}

/// [`kind_of`], the other way, with values as 0 to 1.
fn number(kind: NoteExpressionKind, value: f64) -> Option<(NoteExpressionTypeID, f64)> {
    match kind {
        NoteExpressionKind::Common(expression) => Some((common(expression)?, normalise(expression, value))),
        NoteExpressionKind::Own(id) => Some((id, value.clamp(0.0, 1.0))),
    }
}

fn plain_of(kind: NoteExpressionKind, normalised: f64) -> f64 {
    match kind {
        NoteExpressionKind::Common(expression) => plain(expression, normalised),
        NoteExpressionKind::Own(_) => normalised,
    }
}

/// See [`crate::Plugin::note_expressions`].
pub(crate) fn types(controller: &ComPtr<IEditController>, port: u16, channel: u8) -> Vec<NoteExpressionType> {
    let describe = |info: NoteExpressionTypeInfo| {
        let kind = kind_of(info.typeId);
        let NoteExpressionValueDescription { defaultValue, minimum, maximum, stepCount } = info.valueDesc;
        let has = |flag: NoteExpressionTypeInfo_::NoteExpressionTypeFlags| info.flags & flag as i32 != 0;
        NoteExpressionType {
            kind,
            name: wide(&info.title),
            short_name: wide(&info.shortTitle),
            unit: wide(&info.units),
            minimum: plain_of(kind, minimum),
            maximum: plain_of(kind, maximum),
            default: plain_of(kind, defaultValue),
            steps: u32::try_from(stepCount).unwrap_or(0),
            is_bipolar: has(kIsBipolar),
            is_one_shot: has(kIsOneShot),
            is_absolute: has(kIsAbsolute),
            parameter: Some(info.associatedParameterId).filter(|&parameter| parameter != kNoParamId),
        }
    };
    read_types(controller, (port.into(), channel.into())).into_iter().map(describe).collect()
}

/// See [`crate::Plugin::finger_movements`].
pub(crate) fn movements(
    controller: &ComPtr<IEditController>,
    port: u16,
    channel: u8,
) -> Vec<(FingerMovement, NoteExpressionKind)> {
    let movements = read_movements(controller, (port.into(), channel.into())).into_iter();
    movements.map(|(movement, id)| (movement, kind_of(id))).collect()
}

/// See [`crate::Plugin::note_expression_to_text`].
pub(crate) fn to_text(
    controller: &ComPtr<IEditController>,
    (port, channel): (u16, u8),
    kind: NoteExpressionKind,
    value: f64,
) -> Option<String> {
    let expressions = whole::<INoteExpressionController, _>(controller)?;
    let (id, normalised) = number(kind, value).filter(|_| !value.is_nan())?;
    let mut text: String128 = [0; 128];
    // SAFETY: as above; there is room for the answer.
    let result =
        unsafe { expressions.getNoteExpressionStringByValue(port.into(), channel.into(), id, normalised, &mut text) };
    (result == kResultOk).then(|| wide(&text))
}

/// See [`crate::Plugin::text_to_note_expression`].
pub(crate) fn from_text(
    controller: &ComPtr<IEditController>,
    (port, channel): (u16, u8),
    kind: NoteExpressionKind,
    text: &str,
) -> Option<f64> {
    let expressions = whole::<INoteExpressionController, _>(controller)?;
    let (id, _) = number(kind, 0.0)?;
    let (text, mut normalised) = (to_wide(text.trim()), f64::NAN);
    // SAFETY: as above; the string ends with a zero.
    let result = unsafe {
        expressions.getNoteExpressionValueByString(port.into(), channel.into(), id, text.as_ptr(), &mut normalised)
    };
    (result == kResultOk && normalised.is_finite()).then(|| plain_of(kind, normalised.clamp(0.0, 1.0)))
}
