//! The past of one channel, addressed by absolute frames so that the partition into chunks leaves no trace.

/// A ring of samples. Written once a chunk, read at any delay up to what it was made for.
#[derive(Default)]
pub(crate) struct DelayLine {
    samples: Box<[f32]>,
    /// The longest delay that it is read at, in frames.
    longest: u32,
    /// Frame of the oldest sample that counts, once one is written.
    since: Option<u64>,
}

impl DelayLine {
    /// A line that is read at most `longest` frames back, in chunks of at most `max_block`.
    pub fn new(longest: u32, max_block: usize) -> Self {
        let length = (longest as usize + max_block).next_power_of_two();
        Self { samples: vec![0.0; length].into_boxed_slice(), longest, since: None }
    }

    /// The longest delay that the line can be read at, in frames.
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// Frame of the oldest sample that counts, `otherwise` before the first.
    pub fn since(&self, otherwise: u64) -> u64 {
        self.since.unwrap_or(otherwise)
    }

    /// The runs of the ring that hold `frames` frames from `frame` on.
    #[inline]
    fn runs(&self, frame: u64, frames: usize) -> (usize, usize) {
        let start = (frame & (self.samples.len() as u64 - 1)) as usize;
        (start, frames.min(self.samples.len() - start))
    }

    /// Appends samples of `frame` and on.
    #[inline]
    pub fn write(&mut self, frame: u64, source: &[f32]) {
        self.since.get_or_insert(frame);
        let (start, first) = self.runs(frame, source.len());
        self.samples[start..start + first].copy_from_slice(&source[..first]);
        self.samples[..source.len() - first].copy_from_slice(&source[first..]);
    }

    /// Reads the samples written for `frame - delay` and on; zeros for what lies before the first.
    #[inline]
    pub fn read(&self, frame: u64, delay: u32, destination: &mut [f32]) {
        // Before frame `delay` the ring wraps to places that hold zeros still.
        let (start, first) = self.runs(frame.wrapping_sub(u64::from(delay)), destination.len());
        let rest = destination.len() - first;
        destination[..first].copy_from_slice(&self.samples[start..start + first]);
        destination[first..].copy_from_slice(&self.samples[..rest]);
    }

    /// Takes over the past of the same channel's line in an earlier schedule, as of `frame`. The old line gets this
    /// one's memory, to be dropped elsewhere.
    pub fn adopt(&mut self, old: &mut Self, frame: u64) {
        // What the old line may have forgotten the new one does not know either.
        self.since = old.since.map(|since| since.max(frame.saturating_sub(u64::from(old.longest))));
        if self.samples.len() == old.samples.len() {
            std::mem::swap(&mut self.samples, &mut old.samples);
            return;
        }
        let frames = self.samples.len().min(old.samples.len()) as u64;
        let (new_mask, old_mask) = (self.samples.len() as u64 - 1, old.samples.len() as u64 - 1);
        for back in 1..=frames {
            let at = frame.wrapping_sub(back);
            self.samples[(at & new_mask) as usize] = old.samples[(at & old_mask) as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line read in odd pieces gives what was written, the delay later; a longer line goes on from a shorter one.
    #[test]
    fn gives_back_what_was_written() {
        let signal: Vec<f32> = (1..=200).map(|value| value as f32).collect();
        let mut line = DelayLine::new(5, 7);
        let mut heard = Vec::new();
        let mut frame = 0;
        for frames in [7, 1, 3, 7, 6].into_iter().cycle() {
            if frame == 100 || frame + frames > 200 {
                break;
            }
            line.write(frame as u64, &signal[frame..frame + frames]);
            let mut piece = vec![9.0; frames];
            line.read(frame as u64, 5, &mut piece);
            heard.extend(piece);
            frame += frames;
            if frame == 48 {
                let mut longer = DelayLine::new(60, 7);
                longer.adopt(&mut line, frame as u64);
                line = longer;
            }
        }
        let expected: Vec<f32> = (0..heard.len()).map(|at| if at < 5 { 0.0 } else { signal[at - 5] }).collect();
        assert_eq!(heard, expected);
    }
}
