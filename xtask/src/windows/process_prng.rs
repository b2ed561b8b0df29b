//! The one function of `bcryptprimitives.dll` that Rust's standard library calls, for a Wine that lacks this library.

#![no_std]

#[link(name = "advapi32")]
unsafe extern "system" {
    /// `RtlGenRandom` by the name that it is exported under.
    fn SystemFunction036(buffer: *mut u8, length: u32) -> u8;
}

/// Fills a buffer with random bytes; 1 if that worked.
///
/// # Safety
/// The buffer is so many bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ProcessPrng(buffer: *mut u8, length: usize) -> i32 {
    // SAFETY: the caller vouches for the buffer.
    i32::from(unsafe { SystemFunction036(buffer, length as u32) })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
