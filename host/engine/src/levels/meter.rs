//! The scale of a channel's meter: how a peak falls, how long it is held, how power is averaged. Counts frames, not
//! seconds of the wall, so that it shows the same offline.

use crosspoint_graph::Level;

/// What a channel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChannelLevel {
    /// Greatest magnitude, linear; falls by 20 dB in 1.7 s, as the peak meters of IEC 60268-10 do.
    pub peak: f32,
    /// Root of the mean square over 0.3 s, linear: 0.707 for a sine of 1.
    pub rms: f32,
    /// The peak once more, held for 2 s before it falls.
    pub held: f32,
    /// Chunks with a sample at or over full scale since the [reset](crate::Engine::reset_meters).
    pub clips: u64,
}

const FALL_DECIBELS_PER_SECOND: f64 = 20.0 / 1.7;
const HOLD_SECONDS: f64 = 2.0;
const AVERAGE_SECONDS: f64 = 0.3;

/// One channel's meter.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChannelMeter {
    peak: f64,
    power: f64,
    held: f64,
    /// Frames since the held peak was reached.
    held_for: u64,
    clips: u64,
}

impl ChannelMeter {
    /// Takes a chunk in.
    pub fn take(&mut self, level: &Level, rate: f64) {
        let seconds = f64::from(level.frames) / rate;
        let fall = 10f64.powf(-FALL_DECIBELS_PER_SECOND * seconds / 20.0);
        let peak = f64::from(level.peak);
        self.peak = peak.max(self.peak * fall);
        self.held_for += u64::from(level.frames);
        if peak >= self.held {
            (self.held, self.held_for) = (peak, 0);
        } else if self.held_for as f64 > HOLD_SECONDS * rate {
            self.held = peak.max(self.held * fall);
        }
        let mean = level.square_sum / f64::from(level.frames.max(1));
        self.power += (mean - self.power) * (1.0 - (-seconds / AVERAGE_SECONDS).exp());
        self.clips += u64::from(level.peak >= 1.0);
    }

    /// Forgets held peaks and clips.
    pub fn reset(&mut self) {
        (self.held, self.held_for, self.clips) = (self.peak, 0, 0);
    }

    pub fn shown(&self) -> ChannelLevel {
        let rms = self.power.sqrt() as f32;
        ChannelLevel { peak: self.peak as f32, rms, held: self.held as f32, clips: self.clips }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// one chunk of 1.0, then silence:   peak  -20 dB after 1.7 s     held  1.0 for 2 s, -20 dB after 3.7 s
    /// ```
    #[test]
    fn a_peak_is_held_and_falls() {
        let mut graph = crosspoint_graph::Graph::new();
        let node = crosspoint_graph::Node::processor("node");
        let node = graph.apply(vec![crosspoint_graph::graph::Edit::AddNode { id: None, node }]).unwrap().nodes[0];
        let level = |peak: f32, frames| Level { node, channel: 0, peak, square_sum: 0.5 * f64::from(frames), frames };
        for chunk in [10, 50, 100] {
            let mut meter = ChannelMeter::default();
            meter.take(&level(1.0, chunk), 1000.0);
            let after = |meter: &mut ChannelMeter, frames: u32| {
                (0..frames / chunk).for_each(|_| meter.take(&level(0.0, chunk), 1000.0));
                meter.shown()
            };
            let shown = after(&mut meter, 1700);
            assert!((shown.peak - 0.1).abs() < 1e-4, "{shown:?}");
            assert_eq!((shown.held, shown.clips), (1.0, 1));
            let shown = after(&mut meter, 2000);
            assert!((shown.held - 0.1).abs() < 0.01, "{chunk} {shown:?}");
            assert!((shown.rms - 0.5f32.sqrt()).abs() < 1e-4, "{shown:?}");
            meter.reset();
            let reset = meter.shown();
            assert_eq!((reset.clips, reset.held), (0, reset.peak));
        }
    }
}
