//! The backends from outside, on real servers where there are any.

#[cfg(target_os = "linux")]
mod alsa;
#[cfg(target_os = "linux")]
mod jack;
#[cfg(target_os = "linux")]
mod jack_server;
mod no_alloc;
#[cfg(all(target_os = "linux", any(feature = "pipewire", feature = "pulseaudio")))]
mod sound_servers;
mod support;
