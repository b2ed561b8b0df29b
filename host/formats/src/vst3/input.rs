//! Events on their way into a plugin: each becomes an event or a point of a parameter's curve. VST3 knows notes, pressure of
//! keys, note expressions and data; everything else that MIDI says goes to the parameters that the plugin assigned to it.
//! Never allocates; what finds no room or no meaning is counted.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;

use crosspoint_graph::event::{Event as GraphEvent, EventBody, Expression, NoteAddress};
use vst3::ComWrapper;
use vst3::Steinberg::Vst::*;

use super::abi::{controller as vst_controller, event};
use super::events::InputEvents;
use super::expressions::ExpressionMap;
use super::midi_map::MidiMap;
use super::parameters::ParameterTable;
use super::points::Changes;
use super::sounding::Sounding;
use crate::midi::{CHANNEL_BEND_RANGE, Voice, controller};

/// What a plugin is told in one block, and what it was told before that still sounds.
pub(crate) struct Input {
    pub(crate) events: ComWrapper<InputEvents>,
    pub(crate) changes: ComWrapper<Changes>,
    table: ParameterTable,
    map: Arc<MidiMap>,
    expressions: Arc<ExpressionMap>,
    sounding: Sounding,
    buses: usize,
    /// Events without room or meaning since the last [`Self::take_lost`].
    lost: u32,
}

/// The frame and the event bus of the event being translated.
#[derive(Clone, Copy)]
struct Place {
    frame: u32,
    bus: u16,
}

impl Input {
    /// For a plugin with so many event buses and these parameters.
    pub(crate) fn new(buses: usize, table: ParameterTable, map: Arc<MidiMap>, expressions: Arc<ExpressionMap>) -> Self {
        Self {
            events: InputEvents::new(),
            changes: Changes::new(table.len(), false),
            table,
            map,
            expressions,
            sounding: Sounding::new(),
            buses,
            lost: 0,
        }
    }

    /// Forgets the events, not the notes that sound.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.changes.clear();
    }

    /// Forgets the notes that sound.
    pub(crate) fn forget_notes(&mut self) {
        self.sounding.clear();
    }

    /// Whether there is any event bus.
    pub(crate) fn takes_notes(&self) -> bool {
        self.buses > 0
    }

    /// How many events were lost since it was last asked.
    pub(crate) fn take_lost(&mut self) -> u32 {
        std::mem::take(&mut self.lost) + self.changes.take_refused()
    }

    /// Adds a parameter's value as VST3 has it.
    pub(crate) fn push_point(&mut self, frame: u32, parameter: u32, normalised: f64) {
        // What finds no room is counted there.
        self.changes.push(parameter, frame, normalised);
    }

    /// Translates one event. `sysex` are the bytes of a system-exclusive one; they outlive the plugin's call.
    pub(crate) fn push(&mut self, event: &GraphEvent, sysex: impl FnOnce() -> (*const u8, usize)) {
        let place = Place { frame: event.frame, bus: event.port };
        match event.body {
            EventBody::Parameter { parameter, address, value } => {
                let slot = self.table.get(parameter).filter(|slot| address == NoteAddress::ALL && !slot.is_proxy);
                match slot.and_then(|slot| slot.scale.normalise(value)) {
                    Some(normalised) => self.push_point(event.frame, parameter, normalised),
                    None => self.lost += 1,
                }
                return;
            }
            // Nothing that VST3 tells a processor.
            EventBody::Gesture { .. } => return,
            _ if usize::from(event.port) >= self.buses => {
                self.lost += 1;
                return;
            }
            _ => {}
        }
        match event.body {
            EventBody::NoteOn { address, velocity } => self.note_on(place, address, velocity),
            EventBody::NoteOff { address, velocity } => self.note_off(place, address, velocity),
            // There is no cut: the fastest release is the nearest thing.
            EventBody::NoteChoke { address } => self.note_off(place, address, 1.0),
            EventBody::Expression { address, expression, value } => self.expression(place, address, expression, value),
            EventBody::Midi(bytes) => self.voice(place, Voice::from_midi(bytes)),
            EventBody::Ump(packet) => self.voice(place, Voice::from_ump(packet)),
            EventBody::SysEx(_) => {
                let (bytes, size) = sysex();
                let data = DataEvent { size: size as u32, r#type: event::SYSEX, bytes };
                self.add(place, event::DATA, Event__type0 { data }, false);
            }
            // Modulation, which VST3 does not have, and what plugins report.
            _ => self.lost += 1,
        }
    }

    fn add(&mut self, place: Place, kind: u16, body: Event__type0, is_release: bool) {
        let event = Event {
            busIndex: i32::from(place.bus),
            sampleOffset: place.frame as i32,
            ppqPosition: 0.0,
            flags: 0,
            r#type: kind,
            __field0: body,
        };
        if !self.events.push(event, is_release) {
            self.lost += 1;
        }
    }

    fn note_on(&mut self, place: Place, address: NoteAddress, velocity: f64) {
        let Ok(key) = u8::try_from(address.key) else {
            self.lost += 1;
            return;
        };
        let note = self.sounding.begin(place.bus, address.channel.max(0) as u8, key, address.note);
        let on = NoteOnEvent {
            channel: note.channel.into(),
            pitch: note.key.into(),
            tuning: 0.0,
            velocity: velocity.clamp(0.0, 1.0) as f32,
            length: 0,
            noteId: note.id,
        };
        self.add(place, event::NOTE_ON, Event__type0 { noteOn: on }, false);
    }

    /// Ends a note, or all that the address speaks of if it names no key and no id.
    fn note_off(&mut self, place: Place, address: NoteAddress, velocity: f64) {
        let ends_one = address.key >= 0 && address.channel >= 0;
        let mut ended = false;
        while let Some(note) = self.sounding.end(place.bus, address) {
            self.add_off(place, (note.channel, note.key, note.id), velocity);
            ended = true;
            if ends_one {
                return;
            }
        }
        // Not known, as one beyond what is remembered: told all the same.
        if let (false, Ok(key)) = (ended, u8::try_from(address.key)) {
            self.add_off(place, (address.channel.max(0) as u8, key, address.note.0.max(-1)), velocity);
        }
    }

    fn add_off(&mut self, place: Place, (channel, key, id): (u8, u8, i32), velocity: f64) {
        let off = NoteOffEvent {
            channel: channel.into(),
            pitch: key.into(),
            velocity: velocity.clamp(0.0, 1.0) as f32,
            noteId: id,
            tuning: 0.0,
        };
        self.add(place, event::NOTE_OFF, Event__type0 { noteOff: off }, true);
    }

    /// Tells an expression of each note that the address speaks of.
    fn expression(&mut self, place: Place, address: NoteAddress, what: Expression, value: f64) {
        if value.is_nan() {
            self.lost += 1;
            return;
        }
        let mut from = 0;
        while let Some((note, next)) = self.sounding.next(place.bus, address, from) {
            from = next;
            if let Some((kind, value)) = self.expressions.translate((note.bus, note.channel), what, value) {
                let noteExpressionValue = NoteExpressionValueEvent { typeId: kind, noteId: note.id, value };
                self.add(place, event::NOTE_EXPRESSION, Event__type0 { noteExpressionValue }, false);
            } else if what == Expression::Pressure {
                let polyPressure = PolyPressureEvent {
                    channel: note.channel.into(),
                    pitch: note.key.into(),
                    pressure: value.clamp(0.0, 1.0) as f32,
                    noteId: note.id,
                };
                self.add(place, event::POLY_PRESSURE, Event__type0 { polyPressure }, false);
            }
        }
    }

    /// What a MIDI message says, in VST3's words.
    fn voice(&mut self, place: Place, voice: Option<Voice>) {
        let all_of = |channel: u8| NoteAddress { channel: channel as i8, ..NoteAddress::ALL };
        let Some(voice) = voice else {
            self.lost += 1;
            return;
        };
        match voice {
            Voice::NoteOn { channel, key, velocity } => self.note_on(place, NoteAddress::key(channel, key), velocity),
            Voice::NoteOff { channel, key, velocity } => {
                self.note_off(place, NoteAddress::key(channel, key), velocity);
            }
            Voice::KeyPressure { channel, key, value } => {
                self.expression(place, NoteAddress::key(channel, key), Expression::Pressure, value);
            }
            Voice::NoteBend { channel, key, value } => {
                let semitones = Voice::note_bend_semitones(value);
                self.expression(place, NoteAddress::key(channel, key), Expression::Tuning, semitones);
            }
            Voice::NoteController { channel, key, index, value } => match controller::expression(index) {
                Some(expression) => self.expression(place, NoteAddress::key(channel, key), expression, value),
                None => self.lost += 1,
            },
            Voice::ChannelPressure { channel, value } => {
                if !self.controller(place, channel, vst_controller::PRESSURE, value) {
                    self.expression(place, all_of(channel), Expression::Pressure, value);
                }
            }
            Voice::Bend { channel, value } => {
                if !self.controller(place, channel, vst_controller::BEND, (value + 1.0) / 2.0) {
                    self.expression(place, all_of(channel), Expression::Tuning, value * CHANNEL_BEND_RANGE);
                }
            }
            Voice::Controller { channel, index, value } => {
                let is_taken = self.controller(place, channel, index.into(), value);
                match index {
                    controller::ALL_NOTES_OFF => self.note_off(place, all_of(channel), 0.5),
                    controller::ALL_SOUND_OFF => self.note_off(place, all_of(channel), 1.0),
                    _ if !is_taken => self.lost += 1,
                    _ => {}
                }
            }
            Voice::Program { channel, program } => {
                let parameter = self.map.program(place.bus, channel).and_then(|id| self.table.get(id));
                match parameter.and_then(|slot| Some((slot.id, slot.scale.normalise_step(program)?))) {
                    Some((parameter, normalised)) => self.push_point(place.frame, parameter, normalised),
                    None => self.lost += 1,
                }
            }
        }
    }

    /// Moves the parameter of a controller, if one is assigned.
    fn controller(&mut self, place: Place, channel: u8, number: usize, value: f64) -> bool {
        self.map.move_controller(place.bus, channel, number);
        let parameter = self.map.controller(place.bus, channel, number);
        if let Some(parameter) = parameter {
            self.push_point(place.frame, parameter, value.clamp(0.0, 1.0));
        }
        parameter.is_some()
    }
}
