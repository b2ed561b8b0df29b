//! The engine on a device: its callback takes the renderer out of the cell, renders, and puts it back. Nothing is handed
//! to another thread.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::midi::{self, StageCell};
use crate::settings::EngineSettings;
use crosspoint_devices::{DeviceName, DuplexCallback, Period, Stream, StreamRequest, backend, open_best};
use crosspoint_graph::RendererCell;
use std::sync::Arc;

/// The callback of every device.
fn callback(cell: Arc<RendererCell>, stage: StageCell) -> impl FnMut(Period<'_>) + Send {
    move |period: Period<'_>| midi::render(&cell, &stage, period)
}

impl<P: Plugins> Engine<P> {
    /// Opens a device and plays. A device that runs at another rate than the engine makes the engine follow: plugins are
    /// activated anew. Without a name the best device there is.
    ///
    /// # Errors
    /// If the device does not open as asked; the error says what it can do. The engine plays nothing then.
    pub fn open_device(&mut self, name: Option<&DeviceName>, request: &StreamRequest) -> Result<(), EngineError> {
        self.close_device();
        let stream = match name {
            Some(name) => {
                let request = StreamRequest { device: name.device.clone(), ..request.clone() };
                backend(&name.backend)?.open(&request, self.callback())?
            }
            None => open_best(request, || self.callback())?,
        };
        self.play_on(stream)
    }

    /// The callback of a stream that somebody else opens: renders the rig, with its MIDI. It may be made any number of
    /// times, of which one renders at a time.
    pub fn callback(&self) -> Box<dyn DuplexCallback> {
        Box::new(callback(self.cell(), self.midi.cell()))
    }

    /// Plays on a stream that was opened with this engine's [`Engine::callback`] or [`Engine::cell`].
    ///
    /// # Errors
    /// If it does not start.
    pub fn play_on(&mut self, mut stream: Box<dyn Stream>) -> Result<(), EngineError> {
        let rate = stream.info().rate;
        if rate != self.settings.rate {
            self.rebuild(EngineSettings { rate, ..self.settings })?;
        }
        stream.start()?;
        self.stream = Some(stream);
        self.midi.stream_opened();
        Ok(())
    }

    /// The open stream.
    pub fn stream(&self) -> Option<&dyn Stream> {
        self.stream.as_deref()
    }

    /// Stops playing. No callback happens after this; the renderer keeps its tails.
    pub fn close_device(&mut self) {
        if let Some(stream) = self.stream.take() {
            drop(stream.close());
        }
    }
}
