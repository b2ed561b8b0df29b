//! Musical time as VST3 has it, written once a block into a structure that stays where it is.
#![deny(clippy::disallowed_types)]

use std::mem::zeroed;

use crosspoint_graph::{Chunk, Transport};
use vst3::Steinberg::Vst::ProcessContext;

use super::abi::{context::*, needs};

/// MIDI clocks in a quarter note.
const CLOCKS: f64 = 24.0;

/// A context, and what it was written from.
pub(crate) struct Context {
    raw: ProcessContext,
    written: Option<Transport>,
    wants_clock: bool,
}

impl Context {
    /// For a plugin that wants these parts of it.
    pub(crate) fn new(sample_rate: f64, needs: u32) -> Self {
        // SAFETY: a structure of numbers.
        let raw = ProcessContext { sampleRate: sample_rate, ..unsafe { zeroed() } };
        Self { raw, written: None, wants_clock: needs & needs::CLOCK != 0 }
    }

    /// Where it is.
    pub(crate) fn place(&mut self) -> *mut ProcessContext {
        &raw mut self.raw
    }

    /// Writes where a chunk stands.
    #[inline]
    pub(crate) fn write(&mut self, chunk: &Chunk) {
        self.raw.continousTimeSamples = (chunk.steady_frame & i64::MAX as u64) as i64;
        if self.written.as_ref() != Some(&chunk.transport) {
            self.write_transport(&chunk.transport);
        }
    }

    #[inline(never)]
    fn write_transport(&mut self, transport: &Transport) {
        let to = &mut self.raw;
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
        to.projectTimeSamples = transport.frame;
        to.projectTimeMusic = transport.quarters;
        to.barPositionMusic = transport.bar_start;
        to.tempo = transport.tempo;
        to.timeSigNumerator = transport.metre.0.into();
        to.timeSigDenominator = transport.metre.1.into();
        if self.wants_clock && transport.tempo > 0.0 {
            state |= CLOCK_VALID;
            // To the nearest clock, which may lie behind.
            let clocks = transport.quarters * CLOCKS;
            let frames = (clocks.round() - clocks) / CLOCKS * 60.0 / transport.tempo * to.sampleRate;
            to.samplesToNextClock = frames.round() as i32;
        }
        to.state = state;
        self.written = Some(*transport);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_the_playhead_is() {
        let mut context = Context::new(48_000.0, needs::CLOCK);
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
        context.write_transport(&transport);
        let raw = context.raw;
        let wanted = PLAYING | LOOPING | LOOP_VALID | TEMPO_VALID | METRE_VALID | BAR_VALID | CLOCK_VALID;
        assert_eq!((raw.state & wanted, raw.state & RECORDING), (wanted, 0));
        assert_eq!((raw.tempo, raw.timeSigNumerator, raw.timeSigDenominator), (90.0, 3, 8));
        assert_eq!((raw.projectTimeSamples, raw.projectTimeMusic, raw.barPositionMusic), (1000, 4.25, 3.0));
        assert_eq!((raw.cycleStartMusic, raw.cycleEndMusic), (2.0, 8.0));
        // 4.25 quarters are 102 clocks, so this is one.
        assert_eq!((raw.sampleRate, raw.samplesToNextClock), (48_000.0, 0));
    }
}
