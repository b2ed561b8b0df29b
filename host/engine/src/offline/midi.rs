//! Standard MIDI files as events in frames.

use crate::error::EngineError;
use crosspoint_graph::event::{Event, EventBody};
use midly::{MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};
use std::path::Path;

/// The events of a MIDI file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// By frame, all of port 0. System-exclusive messages are left out.
    pub events: Vec<(u64, Event)>,
    /// Frames to the end of the longest track.
    pub frames: u64,
}

/// Reads a MIDI file, all tracks together, by its own tempo map.
///
/// # Errors
/// If it is absent or no MIDI file.
pub fn read(path: &Path, rate: u32) -> Result<Score, EngineError> {
    let problem = |problem: String| EngineError::File { path: path.to_owned(), problem };
    let bytes = std::fs::read(path).map_err(|error| problem(format!("cannot be read: {error}; check the path")))?;
    parse(&bytes, rate).map_err(|error| problem(format!("is not a sound MIDI file ({error}); export it anew")))
}

/// Reads the bytes of a MIDI file.
///
/// # Errors
/// What the parser does not understand.
pub fn parse(bytes: &[u8], rate: u32) -> Result<Score, midly::Error> {
    let file = Smf::parse(bytes)?;
    // (tick, track, event): a stable sort keeps each track's order, and earlier tracks first.
    let mut all = Vec::new();
    let mut last_tick = 0;
    for track in &file.tracks {
        let mut tick = 0_u64;
        for event in track {
            tick += u64::from(event.delta.as_int());
            all.push((tick, event.kind));
        }
        last_tick = last_tick.max(tick);
    }
    all.sort_by_key(|(tick, _)| *tick);
    let (ticks_per_beat, fixed) = match file.header.timing {
        Timing::Metrical(ticks) => (f64::from(ticks.as_int().max(1)), None),
        Timing::Timecode(frames, subframes) => {
            (1.0, Some(1.0 / (f64::from(frames.as_f32()) * f64::from(subframes.max(1)))))
        }
    };
    let mut score = Score::default();
    let (mut seconds, mut at_tick, mut beat_seconds) = (0.0, 0, 0.5);
    let mut frame_at = |tick: u64, beat_seconds: f64| {
        let tick_seconds = fixed.unwrap_or(beat_seconds / ticks_per_beat);
        seconds += (tick - at_tick) as f64 * tick_seconds;
        at_tick = tick;
        (seconds * f64::from(rate)).round() as u64
    };
    for (tick, kind) in all {
        let frame = frame_at(tick, beat_seconds);
        match kind {
            TrackEventKind::Meta(MetaMessage::Tempo(microseconds)) => {
                beat_seconds = f64::from(microseconds.as_int()) / 1e6;
            }
            TrackEventKind::Midi { channel, message } => {
                let body = EventBody::Midi(message_bytes(channel.as_int(), message));
                score.events.push((frame, Event { frame: 0, port: 0, body }));
            }
            _ => {}
        }
    }
    score.frames = frame_at(last_tick, beat_seconds);
    Ok(score)
}

fn message_bytes(channel: u8, message: MidiMessage) -> [u8; 3] {
    let (status, first, second) = match message {
        MidiMessage::NoteOff { key, vel } => (0x80, key.as_int(), vel.as_int()),
        MidiMessage::NoteOn { key, vel } => (0x90, key.as_int(), vel.as_int()),
        MidiMessage::Aftertouch { key, vel } => (0xA0, key.as_int(), vel.as_int()),
        MidiMessage::Controller { controller, value } => (0xB0, controller.as_int(), value.as_int()),
        MidiMessage::ProgramChange { program } => (0xC0, program.as_int(), 0),
        MidiMessage::ChannelAftertouch { vel } => (0xD0, vel.as_int(), 0),
        MidiMessage::PitchBend { bend } => {
            let value = bend.0.as_int();
            (0xE0, (value & 0x7F) as u8, (value >> 7) as u8)
        }
    };
    [status | channel, first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One track at 96 ticks a beat: a note at once, the tempo doubled after a beat, its end a beat later.
    #[test]
    fn follows_the_tempo_map() {
        let track = [
            0x00, 0x90, 60, 100, // note on
            0x60, 0xFF, 0x51, 3, 0x03, 0xD0, 0x90, // 250,000 us a beat
            0x60, 0x80, 60, 0, // note off
            0x00, 0xFF, 0x2F, 0,
        ];
        let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0".to_vec();
        bytes.push(track.len() as u8);
        bytes.extend(track);
        let score = parse(&bytes, 48_000).unwrap();
        let frames: Vec<u64> = score.events.iter().map(|(frame, _)| *frame).collect();
        assert_eq!(frames, [0, 24_000 + 12_000]);
        assert_eq!(score.frames, 36_000);
        assert!(parse(b"MThd nonsense", 48_000).is_err());
    }
}
