//! A ring of past samples with taps at whole and fractional distances. Emptying it costs nothing: it remembers how much
//! was written, and what lies before that reads as zero.
//!
//! Source of the interpolation: T. I. Laakso et al., "Splitting the unit delay", IEEE Signal Processing Magazine 13(1),
//! 1996: Lagrange interpolation of third order.

/// A delay line of fixed capacity.
#[derive(Clone, Debug)]
pub struct DelayLine {
    ring: Box<[f32]>,
    mask: usize,
    next: usize,
    written: usize,
}

impl DelayLine {
    /// A line whose taps reach `frames` back. Allocates.
    pub fn new(frames: usize) -> Self {
        // Two more for the interpolation's outer points.
        let length = (frames + 3).next_power_of_two();
        Self { ring: vec![0.0; length].into_boxed_slice(), mask: length - 1, next: 0, written: 0 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.next = 0;
        self.written = 0;
    }

    /// Appends a sample, which is then at distance 0.
    pub fn push(&mut self, sample: f32) {
        self.ring[self.next] = sample;
        self.next = (self.next + 1) & self.mask;
        self.written = (self.written + 1).min(self.ring.len());
    }

    /// The sample `distance` frames before the last one pushed; zero beyond what was written.
    pub fn tap(&self, distance: usize) -> f32 {
        if distance >= self.written {
            return 0.0;
        }
        self.ring[self.next.wrapping_sub(1 + distance) & self.mask]
    }

    /// The value at the distance `whole + f`, where `whole` is at least 1 and `f` in 0..1.
    pub fn tap_between(&self, whole: usize, f: f32) -> f32 {
        if f == 0.0 {
            return self.tap(whole);
        }
        let [a, b, c, d] = [self.tap(whole - 1), self.tap(whole), self.tap(whole + 1), self.tap(whole + 2)];
        let (up, down, far) = (f + 1.0, f - 1.0, f - 2.0);
        -a * f * down * far / 6.0 + b * up * down * far * 0.5 - c * up * f * far * 0.5 + d * up * f * down / 6.0
    }
}

/// A tap that moves to a new distance by cross-fading, so that a changed delay time neither clicks nor bends the pitch.
#[derive(Clone, Debug)]
pub struct MovingTap {
    distance: usize,
    wanted: usize,
    next: usize,
    fade: u32,
    fade_length: u32,
}

impl MovingTap {
    /// A tap at `distance` that takes `fade_length` frames to move.
    pub fn new(distance: usize, fade_length: u32) -> Self {
        Self { distance, wanted: distance, next: distance, fade: 0, fade_length: fade_length.max(1) }
    }

    /// Where to go; a move under way is finished first. `at_once` jumps.
    pub fn aim(&mut self, distance: usize, at_once: bool) {
        self.wanted = distance;
        if at_once {
            self.finish();
        }
    }

    /// Jumps to where it is going.
    pub fn finish(&mut self) {
        self.distance = self.wanted;
        self.next = self.wanted;
        self.fade = 0;
    }

    /// Steps one frame and reads `line` there, `offset` (0 or more) frames further back.
    pub fn read(&mut self, line: &DelayLine, offset: f32) -> f32 {
        let here = read_at(line, self.distance, offset);
        if self.fade == 0 {
            if self.wanted == self.distance {
                return here;
            }
            self.next = self.wanted;
        }
        self.fade += 1;
        let there = read_at(line, self.next, offset);
        if self.fade == self.fade_length {
            self.distance = self.next;
            self.fade = 0;
            return there;
        }
        here + (there - here) * (self.fade as f32 / self.fade_length as f32)
    }
}

fn read_at(line: &DelayLine, distance: usize, offset: f32) -> f32 {
    if offset == 0.0 {
        return line.tap(distance);
    }
    // The whole part is split off first: a long distance would leave few bits for the fraction.
    let whole = offset.floor();
    line.tap_between(distance + whole as usize, offset - whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_find_what_was_pushed() {
        let mut line = DelayLine::new(8);
        for sample in [1.0, 2.0, 3.0] {
            line.push(sample);
        }
        assert_eq!([line.tap(0), line.tap(1), line.tap(2), line.tap(3)], [3.0, 2.0, 1.0, 0.0]);
        line.clear();
        assert_eq!(line.tap(0), 0.0);
    }

    /// Cubic interpolation reproduces a cubic exactly (up to rounding).
    #[test]
    fn interpolates_between_samples() {
        let cubic = |t: f32| 0.01 * t * t * t - 0.2 * t * t + t;
        let mut line = DelayLine::new(32);
        for t in 0..20 {
            line.push(cubic(t as f32));
        }
        assert!((line.tap_between(7, 0.3) - cubic(19.0 - 7.3)).abs() < 1e-4);
        assert_eq!(line.tap_between(5, 0.0), cubic(14.0));
    }

    /// A move from distance 2 to 6 over a ramp signal goes there in equal steps and stays.
    #[test]
    fn moving_tap_cross_fades() {
        let mut line = DelayLine::new(64);
        let mut tap = MovingTap::new(2, 4);
        let mut outputs = Vec::new();
        for t in 0..20 {
            line.push(t as f32);
            if t == 10 {
                tap.aim(6, false);
            }
            outputs.push(t as f32 - tap.read(&line, 0.0));
        }
        assert_eq!(outputs[9..16], [2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 6.0]);
    }
}
