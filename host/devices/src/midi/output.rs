//! The thread that sends what the callback has written, when its time has come. Never leaves a note sounding when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::clock::TickClock;
use super::ring::MidiReceiver;
use super::{MidiError, MidiSend};

/// How often the thread looks for messages, and the most by which one is late for that: half of the margin in
/// [`super::delay_frames`].
const LOOK: Duration = Duration::from_micros(500);

/// An open output. Dropping it sends what is still due to end and waits for the thread.
#[derive(Debug)]
pub struct MidiOutput {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl MidiOutput {
    /// Starts to send what comes out of a ring, at the times of its messages.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub fn start(send: Box<dyn MidiSend>, receiver: MidiReceiver, clock: TickClock) -> Result<Self, MidiError> {
        let (stop, failed) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let mut sender = TimedSender { send, receiver, held: Held::default(), failed: Arc::clone(&failed) };
        let own = Arc::clone(&stop);
        let run = move || {
            while !own.load(Ordering::Acquire) && !sender.failed.load(Ordering::Relaxed) {
                let due = sender.send_until((clock.now)());
                let wait = due.map_or(LOOK, |due| {
                    let ticks = due.saturating_sub((clock.now)()) as f64;
                    Duration::from_secs_f64((ticks / clock.per_second.max(1.0)).min(LOOK.as_secs_f64()))
                });
                std::thread::sleep(wait);
            }
            sender.end();
        };
        let thread = std::thread::Builder::new().name("midi output".to_owned()).spawn(run);
        let thread = thread.map_err(|error| MidiError::Send { reason: error.to_string() })?;
        Ok(Self { stop, failed, thread: Some(thread) })
    }

    /// Whether the device takes nothing any more.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Drop for MidiOutput {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It can only have panicked in the driver, and has sent all that it will.
            let _ = thread.join();
        }
    }
}

/// What is sent when.
struct TimedSender {
    send: Box<dyn MidiSend>,
    receiver: MidiReceiver,
    held: Held,
    failed: Arc<AtomicBool>,
}

impl TimedSender {
    /// Sends all that is due at `now`. Returns when the next message is.
    fn send_until(&mut self, now: u64) -> Option<u64> {
        loop {
            let time = self.receiver.next_time()?;
            if time > now {
                return Some(time);
            }
            let (_, message) = self.receiver.pop()?;
            self.held.note(message);
            if self.send.send(message).is_err() {
                self.failed.store(true, Ordering::Relaxed);
                return None;
            }
        }
    }

    /// Sends what is left, and ends what would sound on.
    fn end(&mut self) {
        self.send_until(u64::MAX);
        let send = &mut self.send;
        self.held.end(|message| {
            // A device that is gone holds no notes.
            let _ = send.send(&message);
        });
    }
}

/// The keys and sustain pedals that are down on each channel.
#[derive(Debug, Default)]
struct Held {
    keys: [u128; 16],
    pedals: u16,
}

impl Held {
    fn note(&mut self, message: &[u8]) {
        let [status, first, rest @ ..] = message else { return };
        let (channel, second) = (usize::from(status & 15), rest.first().copied().unwrap_or(0));
        let key = 1_u128 << (first & 127);
        match (status & 0xF0, first) {
            (0x90, _) if second > 0 => self.keys[channel] |= key,
            (0x80 | 0x90, _) => self.keys[channel] &= !key,
            (0xB0, 64) if second >= 64 => self.pedals |= 1 << channel,
            (0xB0, 64 | 121) => self.pedals &= !(1 << channel),
            (0xB0, 120 | 123..=127) => self.keys[channel] = 0,
            _ => {}
        }
    }

    fn end(&mut self, mut send: impl FnMut([u8; 3])) {
        for channel in 0..16_u8 {
            let keys = std::mem::take(&mut self.keys[usize::from(channel)]);
            (0..128_u8).filter(|key| keys >> key & 1 != 0).for_each(|key| send([0x80 | channel, key, 64]));
            if self.pedals >> channel & 1 != 0 {
                send([0xB0 | channel, 64, 0]);
            }
        }
        self.pedals = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::midi_ring;
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Device(Arc<Mutex<Vec<Vec<u8>>>>);

    impl MidiSend for Device {
        fn send(&mut self, message: &[u8]) -> Result<(), MidiError> {
            self.0.lock().unwrap().push(message.to_vec());
            Ok(())
        }
    }

    /// Messages go out once their time has come, not before; in the end what sounds is ended, and nothing else.
    #[test]
    fn messages_wait_for_their_time_and_notes_end() {
        let (mut ring, receiver) = midi_ring(1024, 16);
        let sent = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let send = Box::new(Device(sent.clone()));
        let mut sender = TimedSender { send, receiver, held: Held::default(), failed: Arc::default() };
        let take = || std::mem::take(&mut *sent.lock().unwrap());
        ring.push(10, &[0x90, 60, 100]);
        ring.push(20, &[0x91, 62, 100]);
        ring.push(20, &[0xB1, 64, 127]);
        ring.push(30, &[0x80, 60, 0]);
        assert_eq!(sender.send_until(9), Some(10));
        assert_eq!(take(), Vec::<Vec<u8>>::new());
        assert_eq!(sender.send_until(29), Some(30));
        assert_eq!(take(), [[0x90, 60, 100], [0x91, 62, 100], [0xB1, 64, 127]]);
        sender.end();
        assert_eq!(take(), [[0x80, 60, 0], [0x81, 62, 64], [0xB1, 64, 0]]);
    }
}
