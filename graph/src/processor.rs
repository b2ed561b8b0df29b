//! The audio half of a node, and what it tells the renderer.

use crate::rt::Block;

/// What a processor wants after a block. The renderer skips it only by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Call again for the next block.
    Continue,
    /// Call again unless inputs and outputs are both quiet; the renderer measures.
    ContinueIfNotQuiet,
    /// Once the inputs are silent, call for so many frames more, then sleep. `u32::MAX` means for ever.
    Tail(u32),
    /// Sleep until an input sounds, an event arrives, or [`Processor::wants_processing`].
    Sleep,
    /// The processor failed: its output is replaced by its bypass path and the fault is reported.
    Error,
}

/// The audio half of a node. Lives on the audio thread between `start` and `stop`; is made and dropped elsewhere.
///
/// # Real-time
/// `start`, `process`, `flush`, `reset` and `stop` run in the callback: they never block, allocate, free, lock, log or
/// call the system.
pub trait Processor: Send {
    /// Called on the audio thread before the first block, and again after a [`Processor::stop`].
    fn start(&mut self) {}

    /// Renders one chunk. Every channel of every output port is written, or marked with
    /// [`Block::set_output_silent`] after being cleared.
    fn process(&mut self, block: Block<'_>) -> Status;

    /// [`Processor::process`] for a block that [is plain](Block::is_plain), as nearly all are. What it would answer is of no
    /// use then, save a failure, which is told by [`Block::fail`]. To be written only where nanoseconds count: a call
    /// that ends in another costs less than one that comes back with an answer.
    fn process_plain(&mut self, mut block: Block<'_>) {
        if self.process(block.again()) == Status::Error {
            block.fail();
        }
    }

    /// Takes parameter events while the node is not processed (bypassed). No audio is read or written.
    fn flush(&mut self, block: Block<'_>) {
        let _ = block;
    }

    /// Whether it runs code that was not written for this renderer, such as a plugin's: what that may leave behind on the
    /// thread, a floating-point mode of its own, is looked for after each block then.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Asked of a sleeping processor each block: whether it has a reason of its own to wake, such as CLAP's
    /// `request_process`.
    fn wants_processing(&self) -> bool {
        false
    }

    /// Forgets what sounds: delay lines, voices, filters.
    fn reset(&mut self) {}

    /// Called on the audio thread after the last block, before the processor goes home.
    fn stop(&mut self) {}
}
