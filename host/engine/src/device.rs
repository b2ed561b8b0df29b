//! The engine on a device: its callback takes the renderer out of the cell, renders, and puts it back. Nothing is handed
//! to another thread.

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::settings::EngineSettings;
use crosspoint_devices::{DeviceName, Period, Stream, StreamRequest, backend, open_best};
use crosspoint_graph::RendererCell;
use std::sync::Arc;

/// The callback of every device.
fn callback(cell: Arc<RendererCell>) -> impl FnMut(Period<'_>) + Send {
    move |period: Period<'_>| {
        cell.render(period.inputs, period.outputs, period.freewheel);
    }
}

impl<P: Plugins> Engine<P> {
    /// Opens a device and plays. A device that runs at another rate than the engine makes the engine follow: plugins are
    /// activated anew. Without a name the best device there is.
    ///
    /// # Errors
    /// If the device does not open as asked; the error says what it can do. The engine plays nothing then.
    pub fn open_device(&mut self, name: Option<&DeviceName>, request: &StreamRequest) -> Result<(), EngineError> {
        self.close_device();
        let cell = self.cell();
        let stream = match name {
            Some(name) => {
                let request = StreamRequest { device: name.device.clone(), ..request.clone() };
                backend(&name.backend)?.open(&request, Box::new(callback(cell)))?
            }
            None => open_best(request, || Box::new(callback(cell.clone())))?,
        };
        self.play_on(stream)
    }

    /// Plays on a stream that was opened with this engine's [`Engine::cell`].
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
