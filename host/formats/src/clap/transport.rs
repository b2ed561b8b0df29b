//! Musical time as plugins are told it. Written once a chunk, on the thread that renders, for all plugins there: none of
//! them pays for it anew.
#![deny(clippy::disallowed_types)]

use std::cell::UnsafeCell;

use clap_sys::events::*;
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};
use crosspoint_graph::{Chunk, Transport};

use super::input::header;

/// A transport as CLAP writes it, and the moment it is of.
struct Written {
    /// See [`Chunk::moment`]; 0 for none.
    moment: u64,
    transport: clap_event_transport,
}

thread_local! {
    static WRITTEN: UnsafeCell<Written> = const { UnsafeCell::new(Written { moment: 0, transport: BLANK }) };
}

const BLANK: clap_event_transport = clap_event_transport {
    header: header::<clap_event_transport>(0, CLAP_EVENT_TRANSPORT),
    flags: 0,
    song_pos_beats: 0,
    song_pos_seconds: 0,
    tempo: 0.0,
    tempo_inc: 0.0,
    loop_start_beats: 0,
    loop_end_beats: 0,
    loop_start_seconds: 0,
    loop_end_seconds: 0,
    bar_start: 0,
    bar_number: 0,
    tsig_num: 4,
    tsig_denom: 4,
};

/// The transport of a chunk, for a plugin called on this thread before it comes to another chunk.
///
/// # Real-time
/// Safe to call.
#[inline]
pub(crate) fn of(chunk: &Chunk) -> *const clap_event_transport {
    WRITTEN.with(|written| {
        let place = written.get();
        // SAFETY: the cell is this thread's, and no reference into it lives on.
        unsafe {
            if (*place).moment != chunk.moment {
                write(&mut *place, chunk);
            }
            &raw const (*place).transport
        }
    })
}

#[inline(never)]
fn write(written: &mut Written, chunk: &Chunk) {
    written.moment = chunk.moment;
    write_transport(&mut written.transport, &chunk.transport);
}

/// CLAP's beats are quarter notes, in fixed point like its seconds.
fn write_transport(to: &mut clap_event_transport, from: &Transport) {
    let beats = |quarters: f64| fixed(quarters, CLAP_BEATTIME_FACTOR);
    let mut flags = CLAP_TRANSPORT_HAS_TEMPO
        | CLAP_TRANSPORT_HAS_BEATS_TIMELINE
        | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE
        | CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
    if from.playing {
        flags |= CLAP_TRANSPORT_IS_PLAYING;
    }
    if from.recording {
        flags |= CLAP_TRANSPORT_IS_RECORDING;
    }
    if let Some((start, end)) = from.loop_range {
        flags |= CLAP_TRANSPORT_IS_LOOP_ACTIVE;
        let seconds = |quarters: f64| fixed(quarters * 60.0 / from.tempo, CLAP_SECTIME_FACTOR);
        to.loop_start_beats = beats(start);
        to.loop_end_beats = beats(end);
        to.loop_start_seconds = seconds(start);
        to.loop_end_seconds = seconds(end);
    }
    to.flags = flags;
    to.song_pos_beats = beats(from.quarters);
    to.song_pos_seconds = fixed(from.seconds, CLAP_SECTIME_FACTOR);
    to.tempo = from.tempo;
    to.bar_start = beats(from.bar_start);
    to.bar_number = from.bar;
    (to.tsig_num, to.tsig_denom) = from.metre;
}

/// To the nearest step, halves away from zero: without a call of the mathematics library, as `round` is on plain x86-64.
#[inline]
fn fixed(value: f64, factor: i64) -> i64 {
    let scaled = value * factor as f64;
    (scaled + 0.5_f64.copysign(scaled)) as i64
}
