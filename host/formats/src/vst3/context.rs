//! Musical time as plugins are told it. Written once a chunk, on the thread that renders, for all plugins there: none of them
//! pays for it anew.
#![deny(clippy::disallowed_types)]

use std::cell::UnsafeCell;

use crosspoint_graph::{Chunk, Transport};
use vst3::Steinberg::Vst::{Chord, FrameRate, ProcessContext};

use super::abi::context::*;

/// MIDI clocks in a quarter note.
const CLOCKS: f64 = 24.0;

/// A context, and the moment it is of.
struct Written {
    /// See [`Chunk::moment`]; 0 for none.
    moment: u64,
    context: ProcessContext,
}

thread_local! {
    static WRITTEN: UnsafeCell<Written> = const { UnsafeCell::new(Written { moment: 0, context: BLANK }) };
}

/// A context in which nothing is valid.
pub(crate) const BLANK: ProcessContext = ProcessContext {
    state: 0,
    sampleRate: 0.0,
    projectTimeSamples: 0,
    systemTime: 0,
    continousTimeSamples: 0,
    projectTimeMusic: 0.0,
    barPositionMusic: 0.0,
    cycleStartMusic: 0.0,
    cycleEndMusic: 0.0,
    tempo: 120.0,
    timeSigNumerator: 4,
    timeSigDenominator: 4,
    chord: Chord { keyNote: 0, rootNote: 0, chordMask: 0 },
    smpteOffsetSubframes: 0,
    frameRate: FrameRate { framesPerSecond: 0, flags: 0 },
    samplesToNextClock: 0,
};

/// The context of a chunk at that rate, for a plugin called on this thread before it comes to another chunk.
///
/// # Real-time
/// Safe to call.
#[inline]
pub(crate) fn of(chunk: &Chunk, sample_rate: f64) -> *mut ProcessContext {
    WRITTEN.with(|written| {
        let place = written.get();
        // SAFETY: the cell is this thread's, and no reference into it lives on.
        unsafe {
            if (*place).moment != chunk.moment {
                (*place).moment = chunk.moment;
                write(&mut (*place).context, &chunk.transport, sample_rate);
            }
            // Goes on while the transport stands.
            (*place).context.continousTimeSamples = (chunk.steady_frame & i64::MAX as u64) as i64;
            &raw mut (*place).context
        }
    })
}

#[inline(never)]
fn write(to: &mut ProcessContext, transport: &Transport, sample_rate: f64) {
    let mut state = QUARTERS_VALID | TEMPO_VALID | BAR_VALID | METRE_VALID | STEADY_VALID;
    if transport.playing {
        state |= PLAYING;
    }
    if transport.recording {
        state |= RECORDING;
    }
    if let Some((start, end)) = transport.loop_range {
        state |= LOOPING | LOOP_VALID;
        (to.cycleStartMusic, to.cycleEndMusic) = (start, end);
    }
    to.sampleRate = sample_rate;
    to.projectTimeSamples = transport.frame;
    to.projectTimeMusic = transport.quarters;
    to.barPositionMusic = transport.bar_start;
    to.tempo = transport.tempo;
    to.timeSigNumerator = transport.metre.0.into();
    to.timeSigDenominator = transport.metre.1.into();
    if transport.tempo > 0.0 {
        state |= CLOCK_VALID;
        // To the nearest clock, which may lie behind.
        let clocks = transport.quarters * CLOCKS;
        let frames = (clocks.round() - clocks) / CLOCKS * 60.0 / transport.tempo * sample_rate;
        to.samplesToNextClock = frames.round() as i32;
    }
    to.state = state;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_the_playhead_is() {
        let transport = Transport {
            playing: true,
            tempo: 90.0,
            metre: (3, 8),
            frame: 1000,
            quarters: 4.25,
            bar_start: 3.0,
            loop_range: Some((2.0, 8.0)),
            ..Transport::default()
        };
        let mut raw = BLANK;
        write(&mut raw, &transport, 48_000.0);
        let wanted = PLAYING | LOOPING | LOOP_VALID | TEMPO_VALID | METRE_VALID | BAR_VALID | CLOCK_VALID;
        assert_eq!((raw.state & wanted, raw.state & RECORDING), (wanted, 0));
        assert_eq!((raw.tempo, raw.timeSigNumerator, raw.timeSigDenominator), (90.0, 3, 8));
        assert_eq!((raw.projectTimeSamples, raw.projectTimeMusic, raw.barPositionMusic), (1000, 4.25, 3.0));
        assert_eq!((raw.cycleStartMusic, raw.cycleEndMusic), (2.0, 8.0));
        // 4.25 quarters are 102 clocks, so this is one.
        assert_eq!((raw.sampleRate, raw.samplesToNextClock), (48_000.0, 0));
        write(&mut raw, &Transport { quarters: 4.26, ..transport }, 48_000.0);
        // 0.24 clocks ago: a clock is 1333 frames.
        assert_eq!(raw.samplesToNextClock, -320);
    }
}
