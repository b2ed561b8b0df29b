//! Events on their way into a plugin: each internal event becomes what the plugin's port understands, in slots made at
//! activation. Never allocates; what finds no room is counted, and note-offs find room when nothing else does.
#![deny(clippy::disallowed_types)]

use std::ffi::c_void;
use std::ptr;

use clap_sys::events::*;
use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress};

use super::parameters::ParameterTable;
use crate::midi::{CHANNEL_BEND_RANGE, MEMBER_BEND_RANGE, MpeZone, Voice, controller, midi_to_ump, ump_to_midi};
use crate::plugin::{Dialect, Dialects, NotePort};

/// Events that a plugin can be given in one block.
const CAPACITY: usize = 2048;
/// Slots that only note-offs may take.
const RESERVED: usize = 256;

/// Room for any event that plugins are sent, aligned so that one never spans three cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
union Slot {
    header: clap_event_header,
    note: clap_event_note,
    expression: clap_event_note_expression,
    value: clap_event_param_value,
    modulation: clap_event_param_mod,
    gesture: clap_event_param_gesture,
    midi: clap_event_midi,
    midi2: clap_event_midi2,
    sysex: clap_event_midi_sysex,
}

/// One note port and what it is told.
struct Port {
    /// The dialect that notes are told in.
    notes: Dialect,
    /// All it understands.
    dialects: Dialects,
    /// Member channels, used if `notes` is MPE.
    zone: MpeZone,
}

/// The list of events that a plugin reads. What each block touches comes first.
#[repr(C)]
pub(crate) struct EventInput {
    length: usize,
    /// Events without room or meaning since the last [`Self::clear`].
    lost: u32,
    slots: Box<[Slot]>,
    ports: Box<[Port]>,
    parameters: ParameterTable,
}

// SAFETY: the pointers in slots are read by the plugin alone, during the call they were made for.
unsafe impl Send for EventInput {}

/// The frame and the port of the event being translated.
#[derive(Clone, Copy)]
struct Place {
    frame: u32,
    port: u16,
}

impl EventInput {
    /// For a plugin with these note ports and parameters.
    pub(crate) fn new(ports: &[NotePort], parameters: ParameterTable) -> Self {
        let empty = Slot { header: header::<clap_event_header>(0, 0) };
        let port = |port: &NotePort| Port { notes: port.preferred, dialects: port.dialects, zone: MpeZone::default() };
        Self {
            slots: vec![empty; CAPACITY].into_boxed_slice(),
            length: 0,
            ports: ports.iter().map(port).collect(),
            parameters,
            lost: 0,
        }
    }

    /// The list as a plugin takes it. `list` stays valid as long as it, at the same place.
    pub(crate) fn list(list: *mut Self) -> clap_input_events {
        clap_input_events { ctx: list.cast::<c_void>(), size: Some(size), get: Some(get) }
    }

    /// Forgets the events; returns how many more there were that found no room or have no meaning.
    pub(crate) fn clear(&mut self) -> u32 {
        self.length = 0;
        std::mem::take(&mut self.lost)
    }

    /// Adds a value of a parameter at frame 0.
    pub(crate) fn push_value(&mut self, parameter: u32, value: f64) {
        self.parameter(0, parameter, NoteAddress::ALL, 0, value);
    }

    /// Translates one event. `sysex` are the bytes of a system-exclusive one; they outlive the plugin's call.
    pub(crate) fn push(&mut self, event: &Event, sysex: impl FnOnce() -> (*const u8, usize)) {
        let frame = event.frame;
        match event.body {
            EventBody::Parameter { parameter, address, value } => {
                return self.parameter(frame, parameter, address, event.port, value);
            }
            EventBody::Modulation { parameter, address, amount } => {
                return self.modulation(frame, parameter, address, event.port, amount);
            }
            EventBody::Gesture { parameter, begin } => return self.gesture(frame, parameter, begin),
            _ => {}
        }
        let Some(port) = self.ports.get(usize::from(event.port)) else {
            self.lost += 1;
            return;
        };
        let (notes, dialects) = (port.notes, port.dialects);
        let place = Place { frame, port: event.port };
        match event.body {
            EventBody::NoteOn { .. } | EventBody::NoteOff { .. } | EventBody::NoteChoke { .. } => {
                self.note(place, notes, event.body);
            }
            EventBody::Expression { address, expression, value } => {
                self.expression(place, notes, address, expression, value);
            }
            EventBody::Midi(bytes) => self.midi(place, notes, dialects, bytes),
            EventBody::Ump(packet) => self.ump(place, notes, dialects, packet),
            EventBody::SysEx(_) => {
                let (buffer, size) = sysex();
                self.sysex(place, buffer, size);
            }
            // What plugins report, not what they are told.
            _ => self.lost += 1,
        }
    }

    fn add(&mut self, slot: Slot) {
        self.add_below(slot, CAPACITY - RESERVED);
    }

    fn add_release(&mut self, slot: Slot) {
        self.add_below(slot, CAPACITY);
    }

    fn add_below(&mut self, slot: Slot, limit: usize) {
        if self.length < limit {
            self.slots[self.length] = slot;
            self.length += 1;
        } else {
            self.lost += 1;
        }
    }

    fn parameter(&mut self, frame: u32, parameter: u32, address: NoteAddress, port: u16, value: f64) {
        let found = self.parameters.find(parameter);
        let Some((cookie, value)) = found.and_then(|slot| Some((slot.cookie, slot.clamp(value)?))) else {
            self.lost += 1;
            return;
        };
        let value = clap_event_param_value {
            header: header::<clap_event_param_value>(frame, CLAP_EVENT_PARAM_VALUE),
            param_id: parameter,
            cookie,
            note_id: address.note.0,
            port_index: port_of(address, port),
            channel: address.channel.into(),
            key: address.key.into(),
            value,
        };
        self.add(Slot { value });
    }

    fn modulation(&mut self, frame: u32, parameter: u32, address: NoteAddress, port: u16, amount: f64) {
        let Some(cookie) = self.parameters.find(parameter).map(|slot| slot.cookie).filter(|_| amount.is_finite())
        else {
            self.lost += 1;
            return;
        };
        let modulation = clap_event_param_mod {
            header: header::<clap_event_param_mod>(frame, CLAP_EVENT_PARAM_MOD),
            param_id: parameter,
            cookie,
            note_id: address.note.0,
            port_index: port_of(address, port),
            channel: address.channel.into(),
            key: address.key.into(),
            amount,
        };
        self.add(Slot { modulation });
    }

    fn gesture(&mut self, frame: u32, parameter: u32, begin: bool) {
        let kind = if begin { CLAP_EVENT_PARAM_GESTURE_BEGIN } else { CLAP_EVENT_PARAM_GESTURE_END };
        let header = header::<clap_event_param_gesture>(frame, kind);
        self.add(Slot { gesture: clap_event_param_gesture { header, param_id: parameter } });
    }

    fn sysex(&mut self, place: Place, buffer: *const u8, size: usize) {
        let Ok(size) = u32::try_from(size) else { return };
        if size == 0 {
            self.lost += 1;
            return;
        }
        let header = header::<clap_event_midi_sysex>(place.frame, CLAP_EVENT_MIDI_SYSEX);
        self.add(Slot { sysex: clap_event_midi_sysex { header, port_index: place.port, buffer, size } });
    }

    fn clap_note(&mut self, place: Place, kind: clap_event_type, address: NoteAddress, velocity: f64) {
        let note = clap_event_note {
            header: header::<clap_event_note>(place.frame, kind),
            note_id: address.note.0,
            port_index: place.port as i16,
            channel: address.channel.into(),
            key: address.key.into(),
            velocity: velocity.clamp(0.0, 1.0),
        };
        if kind == CLAP_EVENT_NOTE_ON { self.add(Slot { note }) } else { self.add_release(Slot { note }) }
    }

    fn clap_expression(&mut self, place: Place, address: NoteAddress, expression: Expression, value: f64) {
        let (expression_id, least, most) = match expression {
            Expression::Volume => (CLAP_NOTE_EXPRESSION_VOLUME, 0.0, 4.0),
            Expression::Pan => (CLAP_NOTE_EXPRESSION_PAN, 0.0, 1.0),
            Expression::Tuning => (CLAP_NOTE_EXPRESSION_TUNING, -120.0, 120.0),
            Expression::Vibrato => (CLAP_NOTE_EXPRESSION_VIBRATO, 0.0, 1.0),
            Expression::Expression => (CLAP_NOTE_EXPRESSION_EXPRESSION, 0.0, 1.0),
            Expression::Brightness => (CLAP_NOTE_EXPRESSION_BRIGHTNESS, 0.0, 1.0),
            Expression::Pressure => (CLAP_NOTE_EXPRESSION_PRESSURE, 0.0, 1.0),
            _ => return,
        };
        let expression = clap_event_note_expression {
            header: header::<clap_event_note_expression>(place.frame, CLAP_EVENT_NOTE_EXPRESSION),
            expression_id,
            note_id: address.note.0,
            port_index: place.port as i16,
            channel: address.channel.into(),
            key: address.key.into(),
            value: f64::clamp(value, least, most),
        };
        self.add(Slot { expression });
    }

    fn midi_bytes(&mut self, place: Place, data: [u8; 3]) {
        let header = header::<clap_event_midi>(place.frame, CLAP_EVENT_MIDI);
        let slot = Slot { midi: clap_event_midi { header, port_index: place.port, data } };
        if is_release(data) { self.add_release(slot) } else { self.add(slot) }
    }

    fn packet(&mut self, place: Place, data: [u32; 4]) {
        let header = header::<clap_event_midi2>(place.frame, CLAP_EVENT_MIDI2);
        let slot = Slot { midi2: clap_event_midi2 { header, port_index: place.port, data } };
        if ump_to_midi(data).is_some_and(is_release) { self.add_release(slot) } else { self.add(slot) }
    }

    /// One voice message in a MIDI dialect.
    fn voice(&mut self, place: Place, notes: Dialect, voice: Voice) {
        match notes {
            Dialect::Midi2 => self.packet(place, voice.to_ump()),
            _ => match voice.to_midi() {
                Some(bytes) => self.midi_bytes(place, bytes),
                None => self.lost += 1,
            },
        }
    }

    /// A note's beginning or end in the port's dialect.
    fn note(&mut self, place: Place, notes: Dialect, body: EventBody) {
        match (notes, body) {
            (Dialect::Notes, EventBody::NoteOn { address, velocity }) => {
                self.clap_note(place, CLAP_EVENT_NOTE_ON, address, velocity);
            }
            (Dialect::Notes, EventBody::NoteOff { address, velocity }) => {
                self.clap_note(place, CLAP_EVENT_NOTE_OFF, address, velocity);
            }
            (Dialect::Notes, EventBody::NoteChoke { address }) => {
                self.clap_note(place, CLAP_EVENT_NOTE_CHOKE, address, 0.0);
            }
            (Dialect::MidiPolyphonicExpression, EventBody::NoteOn { address, velocity }) => {
                self.member_note_on(place, address, velocity);
            }
            (Dialect::MidiPolyphonicExpression, EventBody::NoteOff { address, velocity }) => {
                self.member_note_off(place, address, velocity);
            }
            (Dialect::MidiPolyphonicExpression, EventBody::NoteChoke { address }) => {
                self.member_note_off(place, address, 1.0);
            }
            (_, EventBody::NoteOn { address, velocity }) => match key_of(address) {
                Some(key) => {
                    let channel = address.channel.max(0) as u8;
                    self.voice(place, notes, Voice::NoteOn { channel, key, velocity });
                }
                None => self.lost += 1,
            },
            (_, EventBody::NoteOff { address, velocity }) => {
                self.release(place, notes, address, velocity, controller::ALL_NOTES_OFF);
            }
            (_, EventBody::NoteChoke { address }) => {
                self.release(place, notes, address, 1.0, controller::ALL_SOUND_OFF);
            }
            _ => {}
        }
    }

    /// The end of one key, or of all, on one channel or on all.
    fn release(&mut self, place: Place, notes: Dialect, address: NoteAddress, velocity: f64, all: u8) {
        for channel in channels_of(address) {
            let voice = match key_of(address) {
                Some(key) => Voice::NoteOff { channel, key, velocity },
                None => Voice::Controller { channel, index: all, value: 0.0 },
            };
            self.voice(place, notes, voice);
        }
    }

    fn member_note_on(&mut self, place: Place, address: NoteAddress, velocity: f64) {
        let Some(key) = key_of(address) else {
            self.lost += 1;
            return;
        };
        let Some(port) = self.ports.get_mut(usize::from(place.port)) else { return };
        let at = port.zone.begin(address);
        let notes = Dialect::MidiPolyphonicExpression;
        if let Some(key) = at.stolen {
            self.voice(place, notes, Voice::NoteOff { channel: at.channel, key, velocity: 0.5 });
        }
        if at.bent {
            self.voice(place, notes, Voice::Bend { channel: at.channel, value: 0.0 });
        }
        self.voice(place, notes, Voice::NoteOn { channel: at.channel, key, velocity });
    }

    fn member_note_off(&mut self, place: Place, address: NoteAddress, velocity: f64) {
        for (channel, key) in self.members(place, address, true) {
            let voice = Voice::NoteOff { channel, key, velocity };
            self.voice(place, Dialect::MidiPolyphonicExpression, voice);
        }
    }

    /// The member channels of the notes that an address speaks of, copied out: at most fifteen.
    fn members(&mut self, place: Place, address: NoteAddress, end: bool) -> impl Iterator<Item = (u8, u8)> + use<> {
        let mut found = [(0, 0); 15];
        let mut count = 0;
        if let Some(port) = self.ports.get_mut(usize::from(place.port)) {
            for (slot, member) in found.iter_mut().zip(port.zone.matching(address, end)) {
                *slot = member;
                count += 1;
            }
        }
        found.into_iter().take(count)
    }

    /// A note expression in the port's dialect.
    fn expression(&mut self, place: Place, notes: Dialect, address: NoteAddress, what: Expression, value: f64) {
        if value.is_nan() {
            self.lost += 1;
            return;
        }
        match notes {
            Dialect::Notes => self.clap_expression(place, address, what, value),
            Dialect::Midi2 => self.packet_expression(place, address, what, value),
            Dialect::MidiPolyphonicExpression => {
                for (channel, _) in self.members(place, address, false) {
                    if what == Expression::Tuning
                        && let Some(port) = self.ports.get_mut(usize::from(place.port))
                    {
                        port.zone.mark_bent(channel);
                    }
                    let voice = channel_expression(channel, None, what, value, MEMBER_BEND_RANGE);
                    self.voice(place, notes, voice);
                }
            }
            Dialect::Midi => {
                for channel in channels_of(address) {
                    let voice = channel_expression(channel, key_of(address), what, value, CHANNEL_BEND_RANGE);
                    self.voice(place, notes, voice);
                }
            }
        }
    }

    fn packet_expression(&mut self, place: Place, address: NoteAddress, what: Expression, value: f64) {
        let Some(key) = key_of(address) else {
            for channel in channels_of(address) {
                let voice = channel_expression(channel, None, what, value, CHANNEL_BEND_RANGE);
                self.voice(place, Dialect::Midi2, voice);
            }
            return;
        };
        for channel in channels_of(address) {
            let note = |index, value| Voice::NoteController { channel, key, index, value };
            let voice = match what {
                Expression::Tuning => Voice::note_bend(channel, key, value),
                Expression::Pressure => Voice::KeyPressure { channel, key, value },
                Expression::Volume => note(controller::VOLUME, value),
                Expression::Pan => note(controller::PAN, value),
                Expression::Expression => note(controller::EXPRESSION, value),
                Expression::Brightness => note(controller::BRIGHTNESS, value),
                _ => note(controller::VIBRATO_DEPTH, value),
            };
            self.voice(place, Dialect::Midi2, voice);
        }
    }

    /// MIDI 1 bytes for a port of any dialect.
    fn midi(&mut self, place: Place, notes: Dialect, dialects: Dialects, bytes: [u8; 3]) {
        let takes_bytes = dialects.midi || dialects.midi_polyphonic_expression;
        let voice = Voice::from_midi(bytes);
        let is_note = matches!(voice, Some(Voice::NoteOn { .. } | Voice::NoteOff { .. }));
        match notes {
            Dialect::Midi | Dialect::MidiPolyphonicExpression => self.midi_bytes(place, bytes),
            Dialect::Notes if takes_bytes && !is_note => self.midi_bytes(place, bytes),
            Dialect::Midi2 => match midi_to_ump(bytes) {
                Some(packet) => self.packet(place, packet),
                None => self.lost += 1,
            },
            Dialect::Notes => self.voice_as_clap(place, voice),
        }
    }

    /// A packet for a port of any dialect.
    fn ump(&mut self, place: Place, notes: Dialect, dialects: Dialects, packet: [u32; 4]) {
        let takes_bytes = dialects.midi || dialects.midi_polyphonic_expression;
        let voice = Voice::from_ump(packet);
        let is_note = matches!(voice, Some(Voice::NoteOn { .. } | Voice::NoteOff { .. }));
        if notes == Dialect::Midi2 || (dialects.midi2 && !is_note) {
            self.packet(place, packet);
        } else if notes != Dialect::Notes || (takes_bytes && !is_note) {
            match ump_to_midi(packet) {
                Some(bytes) => self.midi_bytes(place, bytes),
                None => self.lost += 1,
            }
        } else {
            self.voice_as_clap(place, voice);
        }
    }

    /// A voice message as CLAP's own events, for ports that take nothing else.
    fn voice_as_clap(&mut self, place: Place, voice: Option<Voice>) {
        let channel_wide = |channel: u8| NoteAddress { channel: channel as i8, ..NoteAddress::ALL };
        let Some(voice) = voice else {
            self.lost += 1;
            return;
        };
        match voice {
            Voice::NoteOn { channel, key, velocity } => {
                self.clap_note(place, CLAP_EVENT_NOTE_ON, NoteAddress::key(channel, key), velocity);
            }
            Voice::NoteOff { channel, key, velocity } => {
                self.clap_note(place, CLAP_EVENT_NOTE_OFF, NoteAddress::key(channel, key), velocity);
            }
            Voice::KeyPressure { channel, key, value } => {
                self.clap_expression(place, NoteAddress::key(channel, key), Expression::Pressure, value);
            }
            Voice::ChannelPressure { channel, value } => {
                self.clap_expression(place, channel_wide(channel), Expression::Pressure, value);
            }
            Voice::Bend { channel, value } => {
                let semitones = value * CHANNEL_BEND_RANGE;
                self.clap_expression(place, channel_wide(channel), Expression::Tuning, semitones);
            }
            Voice::NoteBend { channel, key, value } => {
                let semitones = Voice::note_bend_semitones(value);
                self.clap_expression(place, NoteAddress::key(channel, key), Expression::Tuning, semitones);
            }
            Voice::Controller { channel, index: controller::ALL_SOUND_OFF, .. } => {
                self.clap_note(place, CLAP_EVENT_NOTE_CHOKE, channel_wide(channel), 0.0);
            }
            Voice::Controller { channel, index: controller::ALL_NOTES_OFF, .. } => {
                self.clap_note(place, CLAP_EVENT_NOTE_OFF, channel_wide(channel), 0.5);
            }
            Voice::Controller { channel, index, value } => match controller::expression(index) {
                Some(expression) => self.clap_expression(place, channel_wide(channel), expression, value),
                None => self.lost += 1,
            },
            Voice::NoteController { channel, key, index, value } => match controller::expression(index) {
                Some(expression) => self.clap_expression(place, NoteAddress::key(channel, key), expression, value),
                None => self.lost += 1,
            },
            Voice::Program { .. } => self.lost += 1,
        }
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the list that `EventInput::list` was given, which is not borrowed during the plugin's call.
    unsafe { (*(*list).ctx.cast::<EventInput>()).length as u32 }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as in `size`.
    let input = unsafe { &*(*list).ctx.cast::<EventInput>() };
    match input.slots[..input.length].get(index as usize) {
        Some(slot) => ptr::from_ref(slot).cast(),
        None => ptr::null(),
    }
}

/// The header of an event of type `T`.
pub(crate) const fn header<T>(frame: u32, kind: clap_event_type) -> clap_event_header {
    clap_event_header {
        size: size_of::<T>() as u32,
        time: frame,
        space_id: CLAP_CORE_EVENT_SPACE_ID,
        type_: kind,
        flags: 0,
    }
}

/// An address that names no note concerns every port.
fn port_of(address: NoteAddress, port: u16) -> i16 {
    if address == NoteAddress::ALL { -1 } else { port as i16 }
}

fn key_of(address: NoteAddress) -> Option<u8> {
    u8::try_from(address.key).ok()
}

/// The channel of an address, or all sixteen.
fn channels_of(address: NoteAddress) -> std::ops::RangeInclusive<u8> {
    match u8::try_from(address.channel) {
        Ok(channel) => channel..=channel,
        Err(_) => 0..=15,
    }
}

/// Whether bytes end notes.
fn is_release(bytes: [u8; 3]) -> bool {
    match bytes[0] >> 4 {
        0x8 => true,
        0x9 => bytes[2] == 0,
        0xb => matches!(bytes[1], controller::ALL_SOUND_OFF | controller::ALL_NOTES_OFF),
        _ => false,
    }
}

/// A note expression as MIDI says it: of the key where MIDI has such a thing, else of the whole channel.
fn channel_expression(channel: u8, key: Option<u8>, what: Expression, value: f64, bend_range: f64) -> Voice {
    let change = |index, value| Voice::Controller { channel, index, value };
    match (what, key) {
        (Expression::Tuning, _) => Voice::Bend { channel, value: value / bend_range },
        (Expression::Pressure, Some(key)) => Voice::KeyPressure { channel, key, value },
        (Expression::Pressure, None) => Voice::ChannelPressure { channel, value },
        (Expression::Volume, _) => change(controller::VOLUME, value),
        (Expression::Pan, _) => change(controller::PAN, value),
        (Expression::Expression, _) => change(controller::EXPRESSION, value),
        (Expression::Brightness, _) => change(controller::BRIGHTNESS, value),
        _ => change(controller::MODULATION, value),
    }
}
