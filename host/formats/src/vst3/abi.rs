//! Constants of the VST3 interface in the types that its structures and calls have them in. The bindings type enumerations as
//! each system's C++ compiler does, so that a cast which does nothing here is needed elsewhere.
#![allow(clippy::unnecessary_cast)]

use std::mem::size_of;

use vst3::Steinberg::Vst::*;
use vst3::{ComPtr, Interface};

use crate::plugin::Precision;

pub(crate) const AUDIO: MediaType = MediaTypes_::kAudio as MediaType;
pub(crate) const EVENT: MediaType = MediaTypes_::kEvent as MediaType;
pub(crate) const INPUT: BusDirection = BusDirections_::kInput as BusDirection;
pub(crate) const OUTPUT: BusDirection = BusDirections_::kOutput as BusDirection;
pub(crate) const MAIN_BUS: BusType = BusTypes_::kMain as BusType;
pub(crate) const REAL_TIME: i32 = ProcessModes_::kRealtime as i32;
pub(crate) const OFFLINE: i32 = ProcessModes_::kOffline as i32;

/// How VST3 numbers the samples of a precision.
pub(crate) fn sample_size(precision: Precision) -> i32 {
    match precision {
        Precision::Single => SymbolicSampleSizes_::kSample32 as i32,
        Precision::Double => SymbolicSampleSizes_::kSample64 as i32,
    }
}

/// Flags of a process context's state.
pub(crate) mod context {
    use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_::*;

    pub(crate) const PLAYING: u32 = kPlaying as u32;
    pub(crate) const RECORDING: u32 = kRecording as u32;
    pub(crate) const LOOPING: u32 = kCycleActive as u32;
    pub(crate) const LOOP_VALID: u32 = kCycleValid as u32;
    pub(crate) const QUARTERS_VALID: u32 = kProjectTimeMusicValid as u32;
    pub(crate) const TEMPO_VALID: u32 = kTempoValid as u32;
    pub(crate) const BAR_VALID: u32 = kBarPositionValid as u32;
    pub(crate) const METRE_VALID: u32 = kTimeSigValid as u32;
    pub(crate) const STEADY_VALID: u32 = kContTimeValid as u32;
    pub(crate) const CLOCK_VALID: u32 = kClockValid as u32;
}

/// What kinds of event there are.
pub(crate) mod event {
    use vst3::Steinberg::Vst::DataEvent_::DataTypes_;
    use vst3::Steinberg::Vst::Event_::EventTypes_::*;

    pub(crate) const NOTE_ON: u16 = kNoteOnEvent as u16;
    pub(crate) const NOTE_OFF: u16 = kNoteOffEvent as u16;
    pub(crate) const DATA: u16 = kDataEvent as u16;
    pub(crate) const POLY_PRESSURE: u16 = kPolyPressureEvent as u16;
    pub(crate) const NOTE_EXPRESSION: u16 = kNoteExpressionValueEvent as u16;
    pub(crate) const MIDI_OUT: u16 = kLegacyMIDICCOutEvent as u16;
    /// The kind of data that is a system-exclusive message.
    pub(crate) const SYSEX: u32 = DataTypes_::kMidiSysEx as u32;
}

/// Controllers of VST3's own numbering, behind the 128 of MIDI.
pub(crate) mod controller {
    use vst3::Steinberg::Vst::ControllerNumbers_::*;

    pub(crate) const PRESSURE: usize = kAfterTouch as usize;
    pub(crate) const BEND: usize = kPitchBend as usize;
    /// As many can be mapped to parameters.
    pub(crate) const COUNT: usize = kCountCtrlNumber as usize;
    /// The first of those that exist on the way out alone.
    pub(crate) const PROGRAM: usize = kCtrlProgramChange as usize;
    pub(crate) const POLY_PRESSURE: usize = kCtrlPolyPressure as usize;
}

/// Whether every entry of the object's table of functions is there. One that is not would be jumped to.
pub(crate) fn is_whole<I: Interface>(object: &ComPtr<I>) -> bool {
    let object = object.as_ptr().cast::<*const usize>();
    // SAFETY: an interface is a pointer to a table of functions, as long as its type says; entries are read as numbers
    // because those that are missing are no functions.
    unsafe {
        let table = object.read();
        !table.is_null() && (0..size_of::<I::Vtbl>() / size_of::<usize>()).all(|entry| table.add(entry).read() != 0)
    }
}

/// Another interface of an object, if it has it and all of its functions.
pub(crate) fn whole<I: Interface, J: Interface>(object: &ComPtr<J>) -> Option<ComPtr<I>> {
    object.cast::<I>().filter(is_whole)
}
