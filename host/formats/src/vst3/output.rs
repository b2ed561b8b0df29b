//! Events and parameter changes on their way out of a plugin: checked, clamped to the block and kept in room made at
//! activation until the plugin's call is over. Never allocates; what is wrong or finds no room is counted.
#![deny(clippy::disallowed_types)]

use std::cell::{Cell, UnsafeCell};

use crosspoint_graph::Block;
use crosspoint_graph::event::{Event as GraphEvent, EventBody, Expression, NoteAddress, NoteId, SysExId};
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kInvalidArgument, kOutOfMemory, kResultOk, tresult};
use vst3::{Class, ComWrapper};

use super::abi::{controller, event};
use super::expressions::graph_expression;
use super::notes::{Notes, Point, Record};
use super::parameters::ParameterTable;
use super::points::Changes;
use crate::faults::count;

/// Events that a plugin can send in one block.
const CAPACITY: usize = 1024;
/// Bytes of system-exclusive messages that it can send in one block.
const SYSEX_BYTES: usize = 16 * 1024;

/// What the plugin wrote in one block.
struct Written {
    frames: u32,
    latest: u32,
    is_touched: bool,
    events: Vec<GraphEvent>,
    sysex: Vec<u8>,
    late: u32,
    unsorted: u32,
    dropped: u32,
}

/// The list of events that a plugin writes.
pub(crate) struct OutputEvents {
    written: UnsafeCell<Written>,
    buses: Cell<usize>,
}

impl OutputEvents {
    fn new(buses: usize) -> ComWrapper<Self> {
        let written = Written {
            frames: 0,
            latest: 0,
            is_touched: false,
            events: Vec::with_capacity(CAPACITY),
            sysex: Vec::with_capacity(SYSEX_BYTES),
            late: 0,
            unsorted: 0,
            dropped: 0,
        };
        ComWrapper::new(Self { written: UnsafeCell::new(written), buses: Cell::new(buses) })
    }

    /// Not to be nested; `with` calls no plugin.
    #[inline]
    fn with<R>(&self, with: impl FnOnce(&mut Written) -> R) -> R {
        // SAFETY: the list is used by one thread at a time, the one that is inside the plugin's audio half, and nothing
        // that `with` does comes back here.
        with(unsafe { &mut *self.written.get() })
    }
}

impl Class for OutputEvents {
    type Interfaces = (IEventList,);
}

impl IEventListTrait for OutputEvents {
    unsafe fn getEventCount(&self) -> i32 {
        self.with(|written| written.events.len() as i32)
    }

    /// It is the plugin's to write.
    unsafe fn getEvent(&self, _index: i32, _to: *mut Event) -> tresult {
        kInvalidArgument
    }

    unsafe fn addEvent(&self, event: *mut Event) -> tresult {
        let buses = self.buses.get();
        self.with(|written| {
            written.is_touched = true;
            if event.is_null() {
                written.dropped += 1;
                return kInvalidArgument;
            }
            // SAFETY: the plugin hands over an event, at any address.
            let event = unsafe { event.read_unaligned() };
            let port = usize::try_from(event.busIndex).ok().filter(|&bus| bus < buses);
            // SAFETY: the event is the plugin's to vouch for.
            let body = port.and_then(|_| unsafe { written.translate(&event) });
            let (Some(port), Some(body)) = (port, body) else {
                written.dropped += 1;
                return kInvalidArgument;
            };
            if written.events.len() == written.events.capacity() {
                written.dropped += 1;
                return kOutOfMemory;
            }
            let frame = written.place(event.sampleOffset);
            // One from before the block is counted already.
            if frame < written.latest && event.sampleOffset >= 0 {
                written.unsorted += 1;
            }
            written.latest = written.latest.max(frame);
            written.events.push(GraphEvent { frame, port: port as u16, body });
            kResultOk
        })
    }
}

impl Written {
    /// A frame within the block. One that lies before it is as much out of order as one that goes back.
    fn place(&mut self, frame: i32) -> u32 {
        match u32::try_from(frame) {
            Ok(frame) if frame < self.frames.max(1) => frame,
            Ok(_) => {
                self.late += 1;
                self.frames.saturating_sub(1)
            }
            Err(_) => {
                self.unsorted += 1;
                0
            }
        }
    }

    /// # Safety
    /// The event is of the kind it says, and the bytes it leads to are there.
    unsafe fn translate(&mut self, event: &Event) -> Option<EventBody> {
        let velocity = |value: f32| (!value.is_nan()).then(|| f64::from(value.clamp(0.0, 1.0)));
        // SAFETY: promised by the caller, for each kind.
        unsafe {
            match event.r#type {
                event::NOTE_ON => {
                    let note = event.__field0.noteOn;
                    let address = address(note.noteId, note.channel, note.pitch)?;
                    Some(EventBody::NoteOn { address, velocity: velocity(note.velocity)? })
                }
                event::NOTE_OFF => {
                    let note = event.__field0.noteOff;
                    let address = address(note.noteId, note.channel, note.pitch)?;
                    Some(EventBody::NoteOff { address, velocity: velocity(note.velocity)? })
                }
                event::POLY_PRESSURE => {
                    let note = event.__field0.polyPressure;
                    let address = address(note.noteId, note.channel, note.pitch)?;
                    let value = velocity(note.pressure)?;
                    Some(EventBody::Expression { address, expression: Expression::Pressure, value })
                }
                event::NOTE_EXPRESSION => {
                    let note = event.__field0.noteExpressionValue;
                    let (expression, value) = graph_expression(note.typeId, note.value)?;
                    let address = NoteAddress { note: NoteId(note.noteId.max(-1)), ..NoteAddress::ALL };
                    Some(EventBody::Expression { address, expression, value })
                }
                event::MIDI_OUT => midi(event.__field0.midiCCOut).map(EventBody::Midi),
                event::DATA => {
                    let data = event.__field0.data;
                    let is_kept = data.r#type == event::SYSEX;
                    is_kept.then(|| self.keep_sysex(data.bytes, data.size)).flatten().map(EventBody::SysEx)
                }
                _ => None,
            }
        }
    }

    /// # Safety
    /// `bytes` leads to so many, or is null.
    unsafe fn keep_sysex(&mut self, bytes: *const u8, size: u32) -> Option<SysExId> {
        let start = self.sysex.len();
        let length = size as usize;
        if bytes.is_null() || length == 0 || length > self.sysex.capacity() - start {
            return None;
        }
        // SAFETY: promised by the caller.
        self.sysex.extend_from_slice(unsafe { std::slice::from_raw_parts(bytes, length) });
        Some(SysExId((start as u32) << 16 | size))
    }

    fn sysex(&self, id: SysExId) -> &[u8] {
        let (start, length) = ((id.0 >> 16) as usize, (id.0 & 0xffff) as usize);
        self.sysex.get(start..start + length).unwrap_or_default()
    }
}

/// None if channel or key are none. Ids below zero, of which VST3 has several, are no ids of ours.
fn address(note: i32, channel: i16, key: i16) -> Option<NoteAddress> {
    let is_valid = (0..=15).contains(&channel) && (0..=127).contains(&key);
    is_valid.then_some(NoteAddress { note: NoteId(note.max(-1)), channel: channel as i8, key: key as i8 })
}

/// The MIDI message that an event of VST3's older kind stands for.
fn midi(event: LegacyMIDICCOutEvent) -> Option<[u8; 3]> {
    let channel = u8::try_from(event.channel).ok().filter(|channel| *channel < 16)?;
    let (first, second) = (event.value as u8 & 127, event.value2 as u8 & 127);
    /// The numbers behind those that belong to a channel, from a quarter frame on.
    const SYSTEM: [u8; 9] = [0xf1, 0xf3, 0xf2, 0xf5, 0xf6, 0xfa, 0xfb, 0xfc, 0xfe];
    Some(match usize::from(event.controlNumber) {
        number @ 0..=127 => [0xb0 | channel, number as u8, first],
        controller::PRESSURE => [0xd0 | channel, first, 0],
        controller::BEND => [0xe0 | channel, first, second],
        controller::PROGRAM => [0xc0 | channel, first, 0],
        controller::POLY_PRESSURE => [0xa0 | channel, first, second],
        number => [*SYSTEM.get(number - controller::POLY_PRESSURE - 1)?, first, second],
    })
}

/// Both lists that a plugin writes.
pub(crate) struct Output {
    pub(crate) events: ComWrapper<OutputEvents>,
    pub(crate) changes: ComWrapper<Changes>,
    table: ParameterTable,
}

impl Output {
    /// For a plugin with so many event buses and these parameters.
    pub(crate) fn new(buses: usize, table: ParameterTable) -> Self {
        Self { events: OutputEvents::new(buses), changes: Changes::new(table.len(), true), table }
    }

    /// Forgets all; what is to come belongs to a block of so many frames.
    #[inline]
    pub(crate) fn begin(&self, frames: u32) {
        self.events.with(|written| {
            written.frames = frames;
            if written.is_touched {
                written.is_touched = false;
                written.latest = 0;
                written.events.clear();
                written.sysex.clear();
            }
        });
        self.changes.clear();
    }

    /// Whether anything was written or went wrong.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.events.with(|written| written.is_touched) || !self.changes.is_untouched()
    }

    /// Tells the controller of the parameters that changed, and sends all on if there is a block to send it with.
    pub(crate) fn forward(&self, notes: &Notes, mut block: Option<&mut Block<'_>>) {
        self.events.with(|written| {
            let mut dropped = self.changes.take_refused();
            for (parameter, change) in self.changes.points() {
                let Some(slot) = self.table.get(parameter).filter(|_| !change.normalised.is_nan()) else {
                    dropped += 1;
                    continue;
                };
                if slot.is_proxy {
                    continue;
                }
                let normalised = change.normalised.clamp(0.0, 1.0);
                notes.report(Record::Told(Point { parameter, normalised }));
                let frame = written.place(change.frame);
                let value = slot.scale.plain(normalised);
                let body = EventBody::Parameter { parameter, address: NoteAddress::ALL, value };
                if let Some(block) = &mut block {
                    block.send(GraphEvent { frame, port: 0, body });
                }
            }
            for &event in &written.events {
                let Some(block) = &mut block else { break };
                let mut event = event;
                if let EventBody::SysEx(id) = event.body {
                    let Some(stored) = block.store_sysex(written.sysex(id)) else {
                        dropped += 1;
                        continue;
                    };
                    event.body = EventBody::SysEx(stored);
                }
                block.send(event);
            }
            count(&notes.faults.late, std::mem::take(&mut written.late));
            count(&notes.faults.unsorted, std::mem::take(&mut written.unsorted));
            count(&notes.faults.dropped, std::mem::take(&mut written.dropped) + dropped);
        });
    }
}
