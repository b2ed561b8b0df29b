//! Places where a delay line is read, on their way from one delay to another. What is heard is a closed form of the frame,
//! and at most two delays at once: who goes on to a third waits until the second is reached.

use super::delay_line::DelayLine;
use super::kernels::Kernels;

/// A tap's way from its delay under the schedule before to its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct TapFade {
    /// Delay to fade from; none for silence.
    from: Option<u32>,
    /// First frame of the fade.
    start: u64,
    /// One behind its last frame; a fade that is over has passed this.
    pub end: u64,
}

impl TapFade {
    /// A fade to a delay, from `frame` on or as soon as the line reaches back that far.
    pub fn new(from: Option<u32>, delay: u32, line: &DelayLine, frame: u64, fade: u32) -> Self {
        let start = frame.max(line.since(frame) + u64::from(delay));
        Self { from, start, end: start + u64::from(fade.max(1)) }
    }

    /// A tap that begins at `frame`: at once if its line reaches back to its delay, else from silence.
    pub fn first(delay: u32, line: &DelayLine, frame: u64, fade: u32) -> Self {
        let fade = Self::new(None, delay, line, frame, fade);
        if fade.start > frame { fade } else { Self::default() }
    }

    pub fn is_over(&self, frame: u64) -> bool {
        frame >= self.end
    }

    /// How far back the fade reads at a frame, beside its goal.
    pub fn reach(&self, frame: u64) -> u32 {
        self.from.filter(|_| !self.is_over(frame)).unwrap_or(0)
    }

    /// Whether a tap may take this one's place at a frame without a jump: its line keeps what is faded from, and it goes
    /// to the same delay or to another before the way to this one's has begun.
    pub fn can_go_on(&self, is_same_delay: bool, longest: u32, frame: u64) -> bool {
        self.reach(frame) <= longest && (is_same_delay || self.is_over(frame) || frame <= self.start)
    }

    /// The way of a tap that takes the place of this one, which was on its way to the delay `own`. As
    /// [`Self::can_go_on`] allows.
    pub fn go_on(&self, own: u32, delay: u32, line: &DelayLine, frame: u64, fade: u32) -> Self {
        if own == delay {
            *self
        } else {
            let heard = if self.is_over(frame) { Some(own) } else { self.from };
            Self::new(heard, delay, line, frame, fade)
        }
    }

    /// Reads the chunk that begins at `frame` for a tap at `delay`. `scratch` has as many frames, and holds anything.
    pub fn read(
        &self,
        line: &DelayLine,
        delay: u32,
        frame: u64,
        samples: &mut [f32],
        scratch: &mut [f32],
        kernels: &Kernels,
    ) {
        line.read(frame, delay, samples);
        if self.is_over(frame) {
            return;
        }
        match self.from {
            Some(delay) => line.read(frame, delay, scratch),
            None => scratch.fill(0.0),
        }
        // Until the fade: the old tap. From then on a cross-fade, to its end.
        let frames = samples.len();
        let before = (self.start.saturating_sub(frame) as usize).min(frames);
        samples[..before].copy_from_slice(&scratch[..before]);
        let fading = ((self.end - frame) as usize).min(frames) - before;
        let elapsed = (frame + before as u64).saturating_sub(self.start) as u32;
        let step = 1.0 / (self.end - self.start) as f32;
        let to = samples[before..].as_mut_ptr();
        // SAFETY: both runs lie within the chunk; the scratch memory is apart from the samples.
        unsafe { kernels.crossfade(scratch[before..].as_ptr(), to, to, fading, elapsed, step) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(frames: u64) -> DelayLine {
        let mut line = DelayLine::new(100, 8);
        (0..frames).for_each(|frame| line.write(frame, &[frame as f32]));
        line
    }

    /// ```text
    /// from 10 ──wait── 30 ══ fade ══ 50 ── at rest
    ///    may go anywhere  | may only go on |  may go anywhere
    /// ```
    #[test]
    fn goes_elsewhere_only_where_one_delay_is_heard() {
        let line = line(10);
        let fade = TapFade::new(Some(10), 30, &line, 0, 20);
        for frame in 0..60 {
            assert!(fade.can_go_on(true, 30, frame));
            assert_eq!(fade.can_go_on(false, 30, frame), !(31..50).contains(&frame), "{frame}");
            // A line that keeps less than what is faded from.
            assert_eq!(fade.can_go_on(true, 9, frame), frame >= 50, "{frame}");
        }
        let before = fade.go_on(30, 40, &line, 20, 20);
        assert_eq!((before.from, before.start, before.end), (Some(10), 40, 60));
        let after = fade.go_on(30, 5, &line, 50, 20);
        assert_eq!((after.from, after.start, after.end), (Some(30), 50, 70));
    }
}
