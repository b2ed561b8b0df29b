//! Whole messages out of a stream of MIDI 1 bytes, however it is cut: running status, real-time bytes between those of
//! other messages, system-exclusive messages in pieces. Never grows and never reads a byte twice.
//!
//! Source: "MIDI 1.0 Detailed Specification" 4.2.1, section 2 and its appendix on running status and receivers.
#![deny(clippy::disallowed_types)]

/// Status byte that begins a system-exclusive message.
const SYSEX: u8 = 0xF0;
/// Status byte that ends one.
const END_OF_SYSEX: u8 = 0xF7;
/// Says that the sender is still there, which nobody needs to know here.
const ACTIVE_SENSING: u8 = 0xFE;

/// Cuts a stream of bytes into messages.
///
/// Each message comes out with its status byte and its full length, a system-exclusive one from its first byte (0xF0) to
/// its last (0xF7). Active sensing, undefined status bytes and data without a status are left out.
///
/// # Real-time
/// Everything but [`Self::with_capacity`] may be called in the callback.
#[derive(Debug)]
pub struct MidiParser {
    /// The status that data bytes belong to; 0 for none.
    status: u8,
    /// Whether the status holds for the messages after the next one.
    running: bool,
    data: [u8; 2],
    /// Data bytes that have come.
    count: usize,
    sysex: Vec<u8>,
    sysex_capacity: usize,
    in_sysex: bool,
    dropped: u32,
}

impl MidiParser {
    /// A parser of system-exclusive messages of up to so many bytes. Longer ones are left out and counted.
    pub fn with_capacity(sysex: usize) -> Self {
        Self {
            status: 0,
            running: false,
            data: [0; 2],
            count: 0,
            sysex: Vec::with_capacity(sysex),
            sysex_capacity: sysex,
            in_sysex: false,
            dropped: 0,
        }
    }

    /// Takes the next bytes of the stream and hands over each message that is whole with them.
    pub fn parse(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for &byte in bytes {
            match byte {
                0x00..=0x7F => self.data_byte(byte, &mut each),
                0x80..=0xEF => self.begin(byte, true),
                SYSEX => {
                    self.begin(0, false);
                    self.in_sysex = true;
                    self.push_sysex(SYSEX);
                }
                END_OF_SYSEX => self.end_sysex(&mut each),
                0xF1..=0xF3 => self.begin(byte, false),
                0xF6 => {
                    self.begin(0, false);
                    each(&[byte]);
                }
                // Undefined; like every status byte but real-time ones they end what is under way.
                0xF4 | 0xF5 => self.begin(0, false),
                ACTIVE_SENSING | 0xF9 | 0xFD => {}
                0xF8..=0xFF => each(&[byte]),
            }
        }
    }

    /// Messages left out because they were too long or ended in the middle, since the last call.
    pub fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }

    fn begin(&mut self, status: u8, running: bool) {
        if std::mem::take(&mut self.in_sysex) {
            self.dropped = self.dropped.saturating_add(1);
        }
        self.sysex.clear();
        (self.status, self.running, self.count) = (status, running, 0);
    }

    fn data_byte(&mut self, byte: u8, each: &mut impl FnMut(&[u8])) {
        if self.in_sysex {
            return self.push_sysex(byte);
        }
        if self.status == 0 {
            return;
        }
        self.data[self.count] = byte;
        self.count += 1;
        if self.count == data_length(self.status) {
            let message = [self.status, self.data[0], self.data[1]];
            each(&message[..=self.count]);
            self.count = 0;
            if !self.running {
                self.status = 0;
            }
        }
    }

    /// Keeps a byte, unless the message is too long already: it then stays one byte too long.
    fn push_sysex(&mut self, byte: u8) {
        if self.sysex.len() < self.sysex_capacity {
            self.sysex.push(byte);
        } else {
            // Counted once, by its end.
            self.in_sysex = true;
            self.sysex.clear();
        }
    }

    fn end_sysex(&mut self, each: &mut impl FnMut(&[u8])) {
        if !self.in_sysex {
            return self.begin(0, false);
        }
        // What was too long lacks its beginning.
        if self.sysex.first() == Some(&SYSEX) && self.sysex.len() < self.sysex_capacity {
            self.sysex.push(END_OF_SYSEX);
            each(&self.sysex);
            self.in_sysex = false;
        }
        self.begin(0, false);
    }
}

/// Data bytes behind a status byte of a channel or system common message.
fn data_length(status: u8) -> usize {
    match status {
        0xC0..=0xDF | 0xF1 | 0xF3 => 1,
        _ => 2,
    }
}

/// Whether a message ends something that would otherwise last for ever: a note, a held pedal. These find room where
/// others no longer do.
pub fn is_ending(message: &[u8]) -> bool {
    match *message {
        [0x80..=0x8F, ..] | [0x90..=0x9F, _, 0] | [0xFF, ..] => true,
        [0xB0..=0xBF, 64 | 66 | 69, value] => value < 64,
        [0xB0..=0xBF, 120 | 121 | 123..=127, _] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assert_no_alloc::assert_no_alloc;
    use proptest::prelude::*;

    fn messages(parts: &[&[u8]]) -> (Vec<Vec<u8>>, u32) {
        let mut parser = MidiParser::with_capacity(8);
        let mut messages = Vec::new();
        for part in parts {
            parser.parse(part, |message| messages.push(message.to_vec()));
        }
        (messages, parser.take_dropped())
    }

    fn heard(bytes: &[u8], expected: &[&[u8]]) {
        assert_eq!(messages(&[bytes]).0, expected, "{bytes:x?}");
    }

    #[test]
    fn running_status_lasts_until_a_common_message() {
        heard(&[0x90, 60, 100, 62, 100, 60, 0], &[&[0x90, 60, 100], &[0x90, 62, 100], &[0x90, 60, 0]]);
        heard(&[0xC3, 5, 6], &[&[0xC3, 5], &[0xC3, 6]]);
        // A song position has no running status, and ends that of the note.
        heard(&[0x90, 60, 100, 0xF2, 1, 2, 60, 0], &[&[0x90, 60, 100], &[0xF2, 1, 2]]);
    }

    #[test]
    fn real_time_bytes_come_between() {
        heard(&[0x90, 0xF8, 60, 0xFE, 100], &[&[0xF8], &[0x90, 60, 100]]);
        heard(&[0xF0, 1, 0xFA, 2, 0xF7], &[&[0xFA], &[0xF0, 1, 2, 0xF7]]);
        heard(&[0xF9, 0xFD, 0xFF, 0xF6], &[&[0xFF], &[0xF6]]);
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        heard(&[1, 2, 0xF7, 0xF4, 3, 0x80, 1], &[]);
        assert_eq!(messages(&[&[0xF0, 1, 0x90, 60, 100]]), (vec![vec![0x90, 60, 100]], 1));
    }

    /// Eight bytes fit, from the first to the last; nine do not, and what follows is read as ever.
    #[test]
    fn long_system_exclusive_messages_are_counted() {
        let fits = [0xF0, 1, 2, 3, 4, 5, 6, 0xF7];
        assert_eq!(messages(&[&fits]), (vec![fits.to_vec()], 0));
        for length in 7..40 {
            let mut long = vec![0xF0];
            long.extend(vec![1; length]);
            long.extend([0xF7, 0xF6]);
            assert_eq!(messages(&[&long]), (vec![vec![0xF6]], 1), "{length}");
        }
    }

    #[test]
    fn endings() {
        for ending in [[0x80, 1, 2], [0x9F, 1, 0], [0xB0, 64, 63], [0xB1, 123, 0], [0xFF, 0, 0]] {
            assert!(is_ending(&ending), "{ending:x?}");
        }
        for other in [[0x90, 1, 1], [0xB0, 64, 64], [0xB0, 1, 0], [0xF8, 0, 0]] {
            assert!(!is_ending(&other), "{other:x?}");
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => 0x00_u8..0x80, 2 => 0x80_u8..=0xFF, 1 => Just(0xF0), 1 => Just(0xF7)];
        proptest::collection::vec(byte, 0..120)
    }

    proptest! {
        /// However the stream is cut, the same messages come out, each well-formed, and nothing is allocated.
        #[test]
        fn cuts_do_not_matter(bytes in bytes(), cuts in proptest::collection::vec(0_usize..120, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let whole = messages(&[&bytes]);
            prop_assert_eq!(messages(&parts), whole.clone());
            for message in whole.0 {
                prop_assert!(message[0] >= 0x80 && message.len() <= 8);
                let data = if message[0] == 0xF0 { &message[1..message.len() - 1] } else { &message[1..] };
                prop_assert!(data.iter().all(|&byte| byte < 0x80), "{:x?}", message);
            }
            let mut parser = MidiParser::with_capacity(8);
            assert_no_alloc(|| parser.parse(&bytes, |message| assert!(!message.is_empty())));
        }
    }
}
