//! Where a renderer, or what belongs to it, waits between callbacks. Whoever is to render takes it with one atomic swap and
//! puts it back; who finds no renderer plays silence. So a dead or re-opened driver, a timer and a test all take over the very same renderer.

use super::hardware::HardwareEvents;
use super::renderer::Renderer;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds what one audio thread at a time uses, or nothing while one does. Hands it over whole, so that it need not be `Sync`.
pub struct AudioCell<T: Send> {
    value: AtomicPtr<T>,
}

/// Holds a renderer, or nothing while one thread renders with it.
pub type RendererCell = AudioCell<Renderer>;

impl<T: Send> AudioCell<T> {
    /// A cell that holds a value.
    pub fn new(value: Box<T>) -> Self {
        Self { value: AtomicPtr::new(Box::into_raw(value)) }
    }

    /// Takes the value out, if nobody else has it.
    ///
    /// # Real-time
    /// For the callback. Dropping what it returns is not: put it back.
    pub fn take(&self) -> Option<Box<T>> {
        let value = self.value.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: a pointer in the cell came from a box; the swap makes us the only one who has it.
        (!value.is_null()).then(|| unsafe { Box::from_raw(value) })
    }

    /// Puts the value back.
    ///
    /// # Errors
    /// Gives it back if there is one already, which takes two values for one cell.
    ///
    /// # Real-time
    /// For the callback.
    pub fn put(&self, value: Box<T>) -> Result<(), Box<T>> {
        let value = Box::into_raw(value);
        match self.value.compare_exchange(ptr::null_mut(), value, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            // SAFETY: it did not go into the cell, so it is still ours.
            Err(_) => Err(unsafe { Box::from_raw(value) }),
        }
    }

    /// Does something with the value while it is out of the cell; nothing if it is not here.
    ///
    /// # Real-time
    /// For the callback, if `with` is.
    pub fn with<R>(&self, with: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut value = self.take()?;
        let result = with(&mut value);
        if let Err(value) = self.put(value) {
            // Two values for one cell. It must not be dropped here; a leak is the lesser evil.
            std::mem::forget(value);
        }
        Some(result)
    }
}

impl AudioCell<Renderer> {
    /// Renders one block with the renderer, or writes silence and says false if it is not here.
    ///
    /// # Real-time
    /// For the callback.
    pub fn render(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], freewheel: bool) -> bool {
        let rendered = self.with(|renderer| {
            renderer.set_freewheel(freewheel);
            renderer.render(inputs, outputs);
        });
        or_silence(rendered, outputs)
    }

    /// As [`Self::render`], with events from and to the hardware.
    ///
    /// # Real-time
    /// For the callback.
    pub fn render_with_events(
        &self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        freewheel: bool,
        frames: usize,
        events: &mut dyn HardwareEvents,
    ) -> bool {
        let rendered = self.with(|renderer| {
            renderer.set_freewheel(freewheel);
            renderer.render_with_events(inputs, outputs, frames, events);
        });
        or_silence(rendered, outputs)
    }
}

fn or_silence(rendered: Option<()>, outputs: &mut [&mut [f32]]) -> bool {
    if rendered.is_none() {
        outputs.iter_mut().for_each(|channel| channel.fill(0.0));
    }
    rendered.is_some()
}

impl<T: Send> Drop for AudioCell<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}
