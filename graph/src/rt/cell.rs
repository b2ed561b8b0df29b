//! Where a renderer waits between callbacks. Whoever is to render takes it with one atomic swap and puts it back; who
//! finds nothing plays silence. So a dead or re-opened driver, a timer and a test all take over the very same renderer.

use super::renderer::Renderer;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds a renderer, or nothing while one thread renders with it.
pub struct RendererCell {
    renderer: AtomicPtr<Renderer>,
}

impl RendererCell {
    /// A cell that holds a renderer.
    pub fn new(renderer: Box<Renderer>) -> Self {
        Self { renderer: AtomicPtr::new(Box::into_raw(renderer)) }
    }

    /// Takes the renderer out, if nobody else has it.
    ///
    /// # Real-time
    /// For the callback. Dropping what it returns is not: put it back.
    pub fn take(&self) -> Option<Box<Renderer>> {
        let renderer = self.renderer.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: a pointer in the cell came from a box; the swap makes us the only one who has it.
        (!renderer.is_null()).then(|| unsafe { Box::from_raw(renderer) })
    }

    /// Puts the renderer back.
    ///
    /// # Errors
    /// Gives it back if there is one already, which takes two renderers for one cell.
    ///
    /// # Real-time
    /// For the callback.
    pub fn put(&self, renderer: Box<Renderer>) -> Result<(), Box<Renderer>> {
        let renderer = Box::into_raw(renderer);
        match self.renderer.compare_exchange(ptr::null_mut(), renderer, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            // SAFETY: it did not go into the cell, so it is still ours.
            Err(_) => Err(unsafe { Box::from_raw(renderer) }),
        }
    }

    /// Renders one block with the renderer, or writes silence and says false if it is not here.
    ///
    /// # Real-time
    /// For the callback.
    pub fn render(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], freewheel: bool) -> bool {
        let Some(mut renderer) = self.take() else {
            outputs.iter_mut().for_each(|channel| channel.fill(0.0));
            return false;
        };
        renderer.set_freewheel(freewheel);
        renderer.render(inputs, outputs);
        if let Err(renderer) = self.put(renderer) {
            // Two renderers for one cell. It must not be dropped here; a leak is the lesser evil.
            std::mem::forget(renderer);
        }
        true
    }
}

impl Drop for RendererCell {
    fn drop(&mut self) {
        drop(self.take());
    }
}
