//! What JACK calls: the period on its process thread, the notifications on its other ones. Neither waits nor allocates.
#![deny(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jack::{
    AudioIn, AudioOut, Client, ClientStatus, Control, Frames, NotificationHandler, Port, ProcessHandler, ProcessScope,
};

use super::midi::MidiProcess;
use super::stream::UnownedPorts;
use crate::callback_cell::CallbackCell;
use crate::period::PeriodTime;
use crate::period_tables::{PeriodHead, PeriodTables};
use crate::status::StreamStatus;

/// The process thread's half: the ports and the callback.
pub(super) struct Processor {
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    tables: PeriodTables,
    inputs: Vec<Port<AudioIn>>,
    outputs: Vec<Port<AudioOut>>,
    midi: Box<MidiProcess>,
    clock: FrameClock,
}

impl Processor {
    pub fn new(
        cell: Arc<CallbackCell>,
        status: Arc<StreamStatus>,
        inputs: Vec<Port<AudioIn>>,
        outputs: Vec<Port<AudioOut>>,
        midi: Box<MidiProcess>,
    ) -> Self {
        let tables = PeriodTables::new(inputs.len(), outputs.len());
        Self { cell, status, tables, inputs, outputs, midi, clock: FrameClock::default() }
    }

    /// The ports for whoever asks for their names and latencies.
    pub fn unowned_ports(&self) -> UnownedPorts {
        UnownedPorts {
            inputs: self.inputs.iter().map(Port::clone_unowned).collect(),
            outputs: self.outputs.iter().map(Port::clone_unowned).collect(),
        }
    }
}

impl ProcessHandler for Processor {
    fn process(&mut self, _client: &Client, scope: &ProcessScope) -> Control {
        let frames = scope.n_frames();
        let freewheel = self.status.freewheel.load(Ordering::Relaxed);
        let time = PeriodTime {
            frame: self.clock.advance(scope.last_frame_time(), frames, freewheel),
            nanoseconds: scope.cycle_times().ok().map(|times| times.current_usecs.wrapping_mul(1000)),
        };
        let head = PeriodHead { frames: frames as usize, time, xruns: self.status.xruns(), freewheel };
        let inputs = self.inputs.iter().map(|port| port.as_slice(scope));
        let outputs = self.outputs.iter_mut().map(|port| port.as_mut_slice(scope));
        let mut midi = self.midi.begin(scope);
        self.tables.run_with_midi(&self.cell, head, inputs, outputs, Some(&mut midi));
        Control::Continue
    }

    fn buffer_size(&mut self, _client: &Client, frames: Frames) -> Control {
        self.status.set_buffer_frames(frames);
        Control::Continue
    }
}

/// Makes a position that never goes back out of JACK's 32-bit frame time, which all clients of a server share.
#[derive(Default)]
struct FrameClock {
    /// What the frame time should be next, if the last period tells.
    expected: Option<Frames>,
    /// The end of the last period, once there was one.
    next: Option<u64>,
}

impl FrameClock {
    /// The position of a period that starts at `frame_time`. A jump forward is an xrun's lost frames. Freewheeling, the
    /// frame time stands for nothing, and neither does one that goes back (a restarted driver): the periods then follow
    /// one upon the other.
    fn advance(&mut self, frame_time: Frames, frames: Frames, freewheel: bool) -> u64 {
        let lost = match self.expected {
            Some(expected) if !freewheel => frame_time.wrapping_sub(expected),
            _ => 0,
        };
        let lost = if lost > Frames::MAX / 2 { 0 } else { lost };
        let position = self.next.unwrap_or(frame_time.into()) + u64::from(lost);
        self.expected = (!freewheel).then(|| frame_time.wrapping_add(frames));
        self.next = Some(position + u64::from(frames));
        position
    }
}

/// The half that listens to the server.
pub(super) struct Notifier {
    status: Arc<StreamStatus>,
}

impl Notifier {
    pub fn new(status: Arc<StreamStatus>) -> Self {
        Self { status }
    }
}

impl NotificationHandler for Notifier {
    unsafe fn shutdown(&mut self, _status: ClientStatus, reason: &str) {
        self.status.lost.set(reason);
    }

    fn freewheel(&mut self, _client: &Client, enabled: bool) {
        self.status.freewheel.store(enabled, Ordering::Relaxed);
    }

    fn sample_rate(&mut self, _client: &Client, rate: Frames) -> Control {
        self.status.set_rate(rate);
        Control::Continue
    }

    fn xrun(&mut self, _client: &Client) -> Control {
        self.status.add_xruns(1);
        Control::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions follow JACK's frame time through its wrap and over lost periods, and never go back.
    #[test]
    fn positions_never_go_back() {
        let mut clock = FrameClock::default();
        let near_the_end = Frames::MAX - 63;
        let origin = u64::from(near_the_end);
        for (frame_time, freewheel, position) in [
            (near_the_end, false, 0),
            (0, false, 64),
            (64, false, 128),
            (64 + 3 * 64, false, 320),
            (17, true, 384),
            (17, true, 448),
            (9_000, false, 512),
            (9_064, false, 576),
            (5, false, 640),
        ] {
            assert_eq!(clock.advance(frame_time, 64, freewheel), origin + position, "at {frame_time}");
        }
    }
}
