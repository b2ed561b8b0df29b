//! The processor's floating-point mode while a block is rendered: round to nearest, no traps, denormals are zero.
//! Denormals cost a hundred cycles each and appear in every decaying tail; a driver may also hand over a thread in a
//! mode of its own, which would change results. Never leaves the thread changed.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;

/// The mode a thread had before, put back on drop. Stays on its thread.
#[must_use = "the mode is put back when this is dropped"]
#[derive(Debug)]
pub struct FloatEnvironment {
    before: u64,
    _this_thread: PhantomData<*const ()>,
}

impl FloatEnvironment {
    /// Until the result is dropped, this thread rounds to nearest, never traps and takes denormals for zero, as operands
    /// and as results. Does nothing on architectures other than x86-64 and 64-bit ARM.
    ///
    /// # Real-time
    /// May be called from the callback: a few instructions. A thread that is in this mode already is only looked at,
    /// since writing the register waits for all arithmetic under way.
    #[inline]
    pub fn flush_to_zero() -> Self {
        let before = register::read();
        if before & register::MODE != register::FLUSH_TO_ZERO {
            register::write(register::FLUSH_TO_ZERO);
        }
        Self { before, _this_thread: PhantomData }
    }

    /// Puts the mode back without looking what it is meanwhile, which takes longer than anything else here: for who knows
    /// that nobody has changed it.
    #[inline]
    pub(crate) fn end_unchanged(self) {
        let before = ManuallyDrop::new(self).before;
        if before & register::MODE != register::FLUSH_TO_ZERO {
            register::write(before);
        }
    }
}

impl Drop for FloatEnvironment {
    #[inline]
    fn drop(&mut self) {
        // A plugin may have changed the mode meanwhile.
        if (register::read() ^ self.before) & register::MODE != 0 {
            register::write(self.before);
        }
    }
}

/// MXCSR. AMD64 Architecture Programmer's Manual volume 1, 4.2.2.
#[cfg(target_arch = "x86_64")]
mod register {
    use std::arch::asm;

    /// All exceptions masked (bits 7 to 12), denormal operands (6) and results (15) are zero, round to nearest.
    pub const FLUSH_TO_ZERO: u64 = 0x1f80 | 1 << 15 | 1 << 6;
    /// All but the exceptions that arithmetic has noted (bits 0 to 5).
    pub const MODE: u64 = !0x3f;

    #[inline]
    pub fn read() -> u64 {
        let mut value = 0_u32;
        // SAFETY: stores four bytes to a variable of four bytes.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
        u64::from(value)
    }

    #[inline]
    pub fn write(value: u64) {
        let value = value as u32;
        // SAFETY: loads four bytes from a variable of four bytes: our constant, or what was read before, so that no
        // reserved bit is set. Compiled code may be folded as if denormals were kept; no caller depends on them.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags)) };
    }
}

/// FPCR. Arm Architecture Reference Manual for A-profile, C5.2.
#[cfg(target_arch = "aarch64")]
mod register {
    use std::arch::asm;

    /// FZ (bit 24): denormal operands and results are zero; traps off, round to nearest.
    pub const FLUSH_TO_ZERO: u64 = 1 << 24;
    /// The whole register: what arithmetic notes is in another.
    pub const MODE: u64 = !0;

    #[inline]
    pub fn read() -> u64 {
        let value;
        // SAFETY: reads a register open to programs.
        unsafe { asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }

    #[inline]
    pub fn write(value: u64) {
        // SAFETY: writes our constant, or what was read before, to a register open to programs. Compiled code may be
        // folded as if denormals were kept; no caller depends on them.
        unsafe { asm!("msr fpcr, {}", in(reg) value, options(nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod register {
    pub const FLUSH_TO_ZERO: u64 = 0;
    pub const MODE: u64 = 0;

    pub fn read() -> u64 {
        0
    }

    pub fn write(_value: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Graph, NOW, Node, Processor, Settings, Status, renderer};
    use std::cell::Cell;
    use std::hint::black_box;

    /// Half the smallest normal number: a denormal, unless flushed.
    fn half_of_least() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    /// Denormals vanish inside the guard, as results and as operands, and are back after it; guards nest.
    #[test]
    fn denormals_vanish_inside_the_guard_only() {
        let flushes = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
        let denormal = half_of_least();
        assert_ne!(denormal, 0.0);
        {
            let _outer = FloatEnvironment::flush_to_zero();
            {
                let _inner = FloatEnvironment::flush_to_zero();
                assert_eq!(half_of_least().to_bits() == 0, flushes);
            }
            assert_eq!(half_of_least().to_bits() == 0, flushes);
            assert_eq!((black_box(denormal) * black_box(2.0)).to_bits() == 0, flushes);
        }
        assert_eq!(half_of_least().to_bits(), denormal.to_bits());
    }

    /// Without a look the mode is back as well, as long as nobody changed it.
    #[test]
    fn an_unchanged_mode_is_put_back() {
        let denormal = half_of_least();
        FloatEnvironment::flush_to_zero().end_unchanged();
        assert_eq!(half_of_least().to_bits(), denormal.to_bits());
        let _outer = FloatEnvironment::flush_to_zero();
        let flushed = half_of_least();
        FloatEnvironment::flush_to_zero().end_unchanged();
        assert_eq!(half_of_least().to_bits(), flushed.to_bits());
    }

    thread_local! {
        static OUTER: Cell<Option<FloatEnvironment>> = const { Cell::new(None) };
    }

    /// Ends what the driver set, as a plugin may that sets a mode of its own.
    struct Meddler;

    impl Processor for Meddler {
        fn process(&mut self, _: Block<'_>) -> Status {
            drop(OUTER.take());
            Status::Continue
        }

        fn is_foreign(&self) -> bool {
            true
        }
    }

    /// A driver that flushes denormals gets its thread back as it was, whatever a plugin did to it.
    #[test]
    fn a_plugin_does_not_change_the_driver_s_thread() {
        let (mut publisher, mut renderer) = renderer(Settings::new(48_000.0, 64));
        let mut graph = Graph::new();
        let (node, _) = graph.edit(|t| t.add_node(Node::processor("meddler"))).unwrap();
        publisher.give(node, Box::new(Meddler));
        publisher.publish(&graph, NOW).unwrap();
        OUTER.set(Some(FloatEnvironment::flush_to_zero()));
        let flushed = half_of_least();
        renderer.render_frames(&[], &mut [], 64);
        assert!(OUTER.take().is_none(), "the plugin was called");
        assert_eq!(half_of_least().to_bits(), flushed.to_bits());
    }
}
