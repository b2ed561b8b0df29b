//! The backends from outside, on real servers where there are any.

#[cfg(target_os = "linux")]
mod alsa;
#[cfg(target_os = "linux")]
mod jack;
mod no_alloc;
mod support;
