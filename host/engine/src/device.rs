//! The engine on a device: the device's callback renders, and nothing is handed to another thread. A device that goes away
//! is waited for while a timer carries the rig on; [`life`] has that.

mod life;
mod search;
mod state;
mod turns;
mod watch;

pub(crate) use life::DeviceLife;
pub use state::DeviceState;

use self::search::Opener;
use self::turns::NOBODY;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::midi;
use crate::settings::EngineSettings;
use crosspoint_devices::{
    Backend, DeviceName, DriverControls, DuplexCallback, Period, Stream, StreamRequest, backend, open_best,
    open_when_free,
};
use std::sync::Arc;
use std::time::Duration;

impl<P: Plugins> Engine<P> {
    /// Opens a device and plays. A device that runs at another rate than the engine makes the engine follow: plugins are
    /// activated anew. Without a name the best device there is.
    ///
    /// When the device goes away, the rig runs on by a timer, the same device is asked for about once a second, and taken
    /// back: [`Self::poll`] tells. See [`Self::wait_for_device`].
    ///
    /// # Errors
    /// If the device does not open as asked; the error says what it can do. The engine plays nothing then.
    pub fn open_device(&mut self, name: Option<&DeviceName>, request: &StreamRequest) -> Result<(), EngineError> {
        if let Some(name) = name {
            let request = StreamRequest { device: name.device.clone(), ..request.clone() };
            return self.open_on(backend(&name.backend)?, &request);
        }
        self.close_device();
        let turn = self.device.next_turn();
        let stream = open_best(request, self.rig_callback(turn))?;
        let backend = backend(stream.info().backend)?;
        self.play(stream, Some((backend, request)), turn)
    }

    /// As [`Self::open_device`], for a device that may be another program's still, or not be plugged in yet: it is asked for
    /// again for as long as `limit`, by the calling thread, as long as its refusal [may pass](crosspoint_devices::OpenError::may_pass).
    /// `is_cancelled` is asked many times a second.
    ///
    /// # Errors
    /// The last refusal.
    pub fn open_device_when_free(
        &mut self,
        name: &DeviceName,
        request: &StreamRequest,
        limit: Duration,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<(), EngineError> {
        self.close_device();
        let backend = backend(&name.backend)?;
        let request = StreamRequest { device: name.device.clone(), ..request.clone() };
        let turn = self.device.next_turn();
        let stream = open_when_free(&*backend, &request, limit, is_cancelled, self.rig_callback(turn))?;
        self.play(stream, Some((backend, &request)), turn)
    }

    /// As [`Self::open_device`], by a backend of the embedder's own.
    ///
    /// # Errors
    /// As there.
    pub fn open_on(&mut self, backend: Box<dyn Backend>, request: &StreamRequest) -> Result<(), EngineError> {
        self.close_device();
        let turn = self.device.next_turn();
        let stream = backend.open(request, self.rig_callback(turn)())?;
        self.play(stream, Some((backend, request)), turn)
    }

    /// The callback of a stream that somebody else opens: renders the rig, with its MIDI. It may be made any number of
    /// times, of which one renders at a time.
    pub fn callback(&self) -> Box<dyn DuplexCallback> {
        let (cell, stage) = (self.cell(), self.midi.cell());
        Box::new(move |period: Period<'_>| midi::render(&cell, &stage, period))
    }

    /// Plays on a stream that was opened with this engine's [`Engine::callback`] or [`Engine::cell`]. When it goes away, the
    /// rig runs on by a timer; the engine does not know how to have it again.
    ///
    /// # Errors
    /// If it does not start.
    pub fn play_on(&mut self, stream: Box<dyn Stream>) -> Result<(), EngineError> {
        self.close_device();
        let turn = self.device.next_turn();
        self.play(stream, None, turn)
    }

    fn play(
        &mut self,
        mut stream: Box<dyn Stream>,
        way: Option<(Box<dyn Backend>, &StreamRequest)>,
        turn: u32,
    ) -> Result<(), EngineError> {
        let rate = stream.info().rate;
        if rate != self.settings.rate {
            self.rebuild(EngineSettings { rate, ..self.settings })?;
        }
        self.device.turn = turn;
        self.device.turns.pass(turn);
        self.device.turns.watch(if way.is_some() { turn } else { NOBODY });
        self.device.watch.restart();
        self.watch_time(true)?;
        stream.start()?;
        let device = Arc::new(stream.info().clone());
        self.device.opener =
            way.map(|(backend, request)| Opener { backend, request: stream.request_for_this_device(request) });
        self.device.stream = Some(stream);
        self.device.state = DeviceState::Playing { stream: device, scheduling: None };
        self.snapshot.outdate();
        Ok(())
    }

    /// Whether a device that goes away is waited for, as it is from the start, while a timer carries the rig on. If not, the
    /// rig stands still until a device is opened. Counts from the next loss on.
    pub fn wait_for_device(&mut self, on: bool) {
        self.device.waits = on;
    }

    /// Whether plugins are told to render as for a file while a device freewheels. They are not from the start: some change
    /// their sound or their latency.
    pub fn follow_freewheel(&mut self, on: bool) {
        self.device.turns.follow_freewheel(on);
    }

    /// The stream that calls the renderer now: the device's, or the timer's while the device is away.
    pub fn stream(&self) -> Option<&dyn Stream> {
        self.device.stream.as_deref()
    }

    /// What the device's driver has beside its stream: its own window, clocks to choose from. `None` if it has nothing of that,
    /// or is away.
    pub fn driver_controls(&mut self) -> Option<&mut dyn DriverControls> {
        self.device.stream.as_mut()?.controls()
    }

    /// What plays the rig.
    pub fn device(&self) -> &DeviceState {
        &self.device.state
    }

    /// Xruns since the device was opened, over all that became of it.
    pub fn xruns(&self) -> u64 {
        self.device.xruns()
    }

    /// Frames that were lost since the device was opened, as far as its driver tells.
    pub fn lost_frames(&self) -> u64 {
        self.device.turns.lost_frames()
    }

    /// Stops playing, or waiting for the device. No callback happens after this; the renderer keeps its tails.
    pub fn close_device(&mut self) {
        self.device.close();
        self.snapshot.outdate();
    }
}

#[cfg(test)]
mod tests;
