//! From a frequency to the note that is nearest in equal temperament.

/// A note that sounds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TunedNote {
    /// Of the fundamental, in Hz.
    pub frequency: f64,
    /// The nearest key, as MIDI counts: 60 for C4, 69 for the A of the reference.
    pub key: i32,
    /// From that key to the tone, -50 to 50.
    pub cents: f64,
    /// How periodic the sound is: 1 for exactly.
    pub clarity: f64,
}

impl TunedNote {
    pub(super) fn of(frequency: f64, clarity: f64, reference: f64) -> Self {
        let keys = 69.0 + 12.0 * (frequency / reference).log2();
        let key = keys.round();
        Self { frequency, key: key as i32, cents: 100.0 * (keys - key), clarity }
    }

    /// The key's name with its octave, such as `F#2`.
    pub fn name(&self) -> String {
        const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
        format!("{}{}", NAMES[self.key.rem_euclid(12) as usize], self.key.div_euclid(12) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strings of a bass and a guitar, and what another reference makes of a tone.
    #[test]
    fn a_tone_has_the_name_of_the_nearest_key() {
        for (frequency, name) in [(30.868, "B0"), (41.203, "E1"), (82.407, "E2"), (277.18, "C#4"), (440.0, "A4")] {
            let note = TunedNote::of(frequency, 1.0, 440.0);
            assert!(note.name() == name && note.cents.abs() < 0.1, "{name}: {note:?}");
        }
        let note = TunedNote::of(440.0, 1.0, 442.0);
        assert!(note.name() == "A4" && (note.cents + 7.85).abs() < 0.01, "{note:?}");
        assert!((TunedNote::of(440.0 * 2f64.powf(0.4 / 12.0), 1.0, 440.0).cents - 40.0).abs() < 1e-6);
    }
}
