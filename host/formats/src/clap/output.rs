//! Events on their way out of a plugin: checked, clamped to the block and kept in room made at activation until the
//! plugin's call is over. Never allocates; what is wrong or finds no room is counted.
#![deny(clippy::disallowed_types)]

use std::ffi::c_void;

use clap_sys::events::*;
use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress, NoteId, SysExId};

use super::parameters::ParameterTable;

/// Events that a plugin can send in one block.
const CAPACITY: usize = 1024;
/// Bytes of system-exclusive messages that it can send in one block.
const SYSEX_BYTES: usize = 16 * 1024;

/// What was wrong with events, since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputFaults {
    pub(crate) late: u32,
    pub(crate) unsorted: u32,
    pub(crate) dropped: u32,
}

/// The list of events that a plugin writes. What each block touches comes first.
#[repr(C)]
pub(crate) struct EventOutput {
    frames: u32,
    /// Whether anything was pushed since [`Self::clear`].
    is_touched: bool,
    latest: u32,
    events: Vec<Event>,
    sysex: Vec<u8>,
    note_inputs: usize,
    note_outputs: usize,
    parameters: ParameterTable,
    faults: OutputFaults,
}

impl EventOutput {
    /// For a plugin with so many note ports and these parameters.
    pub(crate) fn new(note_inputs: usize, note_outputs: usize, parameters: ParameterTable) -> Self {
        Self {
            events: Vec::with_capacity(CAPACITY),
            sysex: Vec::with_capacity(SYSEX_BYTES),
            frames: 0,
            latest: 0,
            note_inputs,
            note_outputs,
            parameters,
            faults: OutputFaults::default(),
            is_touched: false,
        }
    }

    /// The list as a plugin takes it. `list` stays valid as long as it, at the same place.
    pub(crate) fn list(list: *mut Self) -> clap_output_events {
        clap_output_events { ctx: list.cast::<c_void>(), try_push: Some(try_push) }
    }

    /// The events to come belong to a block of so many frames.
    #[inline]
    pub(crate) fn begin(&mut self, frames: u32) {
        self.frames = frames;
    }

    /// Forgets the events.
    pub(crate) fn clear(&mut self) {
        self.is_touched = false;
        self.events.clear();
        self.sysex.clear();
        self.latest = 0;
    }

    /// Whether there are events or faults.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.is_touched
    }

    /// The events in the order they were sent. Sysex ids are places for [`Self::sysex`].
    #[inline]
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The bytes of a message sent.
    pub(crate) fn sysex(&self, id: SysExId) -> &[u8] {
        let (start, length) = ((id.0 >> 16) as usize, (id.0 & 0xffff) as usize);
        self.sysex.get(start..start + length).unwrap_or_default()
    }

    /// What was wrong; then forgotten.
    pub(crate) fn take_faults(&mut self) -> OutputFaults {
        std::mem::take(&mut self.faults)
    }

    /// # Safety
    /// `header` heads a whole event of the size it says, or is null.
    unsafe fn push(&mut self, header: *const clap_event_header) -> bool {
        self.is_touched = true;
        if header.is_null() {
            self.faults.dropped += 1;
            return false;
        }
        // SAFETY: promised by the caller. Plugins may put events at any address.
        let head = unsafe { header.read_unaligned() };
        // SAFETY: promised by the caller.
        let translated = unsafe { self.translate(head, header) };
        let Some((port, body)) = translated else {
            self.faults.dropped += 1;
            return false;
        };
        let mut frame = head.time;
        if frame >= self.frames.max(1) {
            self.faults.late += 1;
            frame = self.frames.saturating_sub(1);
        }
        if frame < self.latest {
            self.faults.unsorted += 1;
        }
        self.latest = self.latest.max(frame);
        if self.events.len() == self.events.capacity() {
            self.faults.dropped += 1;
            return false;
        }
        self.events.push(Event { frame, port, body });
        true
    }

    /// # Safety
    /// As [`Self::push`]; `head` is what `header` leads to.
    unsafe fn translate(
        &mut self,
        head: clap_event_header,
        header: *const clap_event_header,
    ) -> Option<(u16, EventBody)> {
        if head.space_id != CLAP_CORE_EVENT_SPACE_ID {
            return None;
        }
        match head.type_ {
            CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_OFF | CLAP_EVENT_NOTE_CHOKE | CLAP_EVENT_NOTE_END => {
                // SAFETY: the type of the event and its size say what it is.
                let note = unsafe { read::<clap_event_note>(head, header) }?;
                let address = address(note.note_id, note.channel, note.key)?;
                let velocity = (!note.velocity.is_nan()).then(|| note.velocity.clamp(0.0, 1.0))?;
                // The end of a note concerns the port that it came in by.
                let ports = if head.type_ == CLAP_EVENT_NOTE_END { self.note_inputs } else { self.note_outputs };
                let body = match head.type_ {
                    CLAP_EVENT_NOTE_ON => {
                        if address.key < 0 || address.channel < 0 {
                            return None;
                        }
                        EventBody::NoteOn { address, velocity }
                    }
                    CLAP_EVENT_NOTE_OFF => EventBody::NoteOff { address, velocity },
                    CLAP_EVENT_NOTE_CHOKE => EventBody::NoteChoke { address },
                    _ => EventBody::NoteEnd { address },
                };
                Some((port(note.port_index, ports)?, body))
            }
            CLAP_EVENT_NOTE_EXPRESSION => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_note_expression>(head, header) }?;
                let address = address(event.note_id, event.channel, event.key)?;
                let expression = expression(event.expression_id)?;
                let value = event.value.is_finite().then_some(event.value)?;
                let port = port(event.port_index, self.note_outputs)?;
                Some((port, EventBody::Expression { address, expression, value }))
            }
            CLAP_EVENT_PARAM_VALUE => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_param_value>(head, header) }?;
                let address = address(event.note_id, event.channel, event.key)?;
                let value = self.parameters.find(event.param_id)?.clamp(event.value)?;
                // Without note ports there is the one for parameters.
                let port = port(event.port_index, self.note_outputs).unwrap_or(0);
                Some((port, EventBody::Parameter { parameter: event.param_id, address, value }))
            }
            CLAP_EVENT_PARAM_MOD => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_param_mod>(head, header) }?;
                let address = address(event.note_id, event.channel, event.key)?;
                let amount = event.amount.is_finite().then_some(event.amount)?;
                self.parameters.find(event.param_id)?;
                let port = port(event.port_index, self.note_outputs).unwrap_or(0);
                Some((port, EventBody::Modulation { parameter: event.param_id, address, amount }))
            }
            CLAP_EVENT_PARAM_GESTURE_BEGIN | CLAP_EVENT_PARAM_GESTURE_END => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_param_gesture>(head, header) }?;
                self.parameters.find(event.param_id)?;
                let begin = head.type_ == CLAP_EVENT_PARAM_GESTURE_BEGIN;
                Some((0, EventBody::Gesture { parameter: event.param_id, begin }))
            }
            CLAP_EVENT_MIDI => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_midi>(head, header) }?;
                let port = self.midi_port(event.port_index)?;
                (event.data[0] >= 0x80).then_some((port, EventBody::Midi(event.data)))
            }
            CLAP_EVENT_MIDI2 => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_midi2>(head, header) }?;
                Some((self.midi_port(event.port_index)?, EventBody::Ump(event.data)))
            }
            CLAP_EVENT_MIDI_SYSEX => {
                // SAFETY: as above.
                let event = unsafe { read::<clap_event_midi_sysex>(head, header) }?;
                let port = self.midi_port(event.port_index)?;
                // SAFETY: the plugin says that so many bytes are there for the time of the call.
                let id = unsafe { self.keep_sysex(event.buffer, event.size) }?;
                Some((port, EventBody::SysEx(id)))
            }
            _ => None,
        }
    }

    fn midi_port(&self, index: u16) -> Option<u16> {
        (usize::from(index) < self.note_outputs).then_some(index)
    }

    /// # Safety
    /// `buffer` leads to `size` bytes, or is null.
    unsafe fn keep_sysex(&mut self, buffer: *const u8, size: u32) -> Option<SysExId> {
        let start = self.sysex.len();
        let length = size as usize;
        if buffer.is_null() || length == 0 || length > self.sysex.capacity() - start {
            return None;
        }
        // SAFETY: promised by the caller.
        self.sysex.extend_from_slice(unsafe { std::slice::from_raw_parts(buffer, length) });
        Some(SysExId((start as u32) << 16 | size))
    }
}

unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the context is the list that `EventOutput::list` was given, which nothing else borrows during the plugin's
    // call; the event is the plugin's to vouch for.
    unsafe { (*(*list).ctx.cast::<EventOutput>()).push(event) }
}

/// An event as its type; none if it is too short to be one.
///
/// # Safety
/// `header` leads to as many bytes as `head` says.
unsafe fn read<T: Copy>(head: clap_event_header, header: *const clap_event_header) -> Option<T> {
    if (head.size as usize) < size_of::<T>() {
        return None;
    }
    // SAFETY: promised by the caller. Plugins may put events at any address.
    Some(unsafe { header.cast::<T>().read_unaligned() })
}

/// A port's number, -1 being the first; none if there is no such port.
fn port(index: i16, ports: usize) -> Option<u16> {
    let index = u16::try_from(index.max(0)).ok()?;
    (usize::from(index) < ports).then_some(index)
}

/// None if channel or key are none.
fn address(note: i32, channel: i16, key: i16) -> Option<NoteAddress> {
    let is_valid = (-1..=15).contains(&channel) && (-1..=127).contains(&key) && note >= -1;
    is_valid.then_some(NoteAddress { note: NoteId(note), channel: channel as i8, key: key as i8 })
}

fn expression(id: clap_note_expression) -> Option<Expression> {
    Some(match id {
        CLAP_NOTE_EXPRESSION_VOLUME => Expression::Volume,
        CLAP_NOTE_EXPRESSION_PAN => Expression::Pan,
        CLAP_NOTE_EXPRESSION_TUNING => Expression::Tuning,
        CLAP_NOTE_EXPRESSION_VIBRATO => Expression::Vibrato,
        CLAP_NOTE_EXPRESSION_EXPRESSION => Expression::Expression,
        CLAP_NOTE_EXPRESSION_BRIGHTNESS => Expression::Brightness,
        CLAP_NOTE_EXPRESSION_PRESSURE => Expression::Pressure,
        _ => return None,
    })
}
