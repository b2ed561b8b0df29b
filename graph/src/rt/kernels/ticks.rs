//! A clock that costs a few nanoseconds and never a system call, for timing nodes inside the callback.

/// The processor's own counter: monotonic, at a constant rate that only the machine knows.
///
/// Read from the time-stamp counter on x86-64 and from the virtual counter on 64-bit ARM; 0 elsewhere. Subtract with
/// [`u64::wrapping_sub`], and find the rate by comparing with the system's clock off the callback.
///
/// # Real-time
/// May be called from the callback. Not a barrier: the processor may move a few instructions across it.
#[inline(always)]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: the instruction is part of every x86-64 processor and open to programs on every system we run on.
        unsafe { std::arch::x86_64::_rdtsc() }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let count: u64;
        // SAFETY: reads a register that systems leave open to programs; touches neither memory nor flags.
        unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
        count
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        0
    }
}

#[cfg(test)]
mod tests {
    /// The counter moves on while work is done, and never back.
    #[test]
    fn time_passes() {
        let start = super::ticks();
        let mut last = start;
        for _ in 0..100_000 {
            let now = super::ticks();
            assert!(now >= last);
            last = now;
        }
        assert_eq!(last > start, cfg!(any(target_arch = "x86_64", target_arch = "aarch64")));
    }
}
