//! The bundled effects and instruments: one pack of six plugins, exported as CLAP and VST3 from a shared library, or
//! linked statically and entered through [`clap_entry`].
//!
//! Signal processing is in [`dsp`], which knows no plugin format; each plugin's shell is a module of its own; this file
//! alone exports. Nothing in a `process` waits, locks, allocates or frees.

pub mod dsp;
pub mod parameters;
pub mod shell;

pub mod amp;
pub mod cabinet;
pub mod delay;
pub mod gate;
pub mod reverb;
pub mod synth;

use amp::Amp;
use cabinet::Cabinet;
use delay::Delay;
use gate::Gate;
use reverb::Reverb;
use synth::Synth;

nice_plug::nice_export_clap!(Gate, Amp, Cabinet, Delay, Reverb, Synth);
nice_plug::nice_export_vst3!(Gate, Amp, Cabinet, Delay, Reverb, Synth);

#[cfg(test)]
mod tests;

#[cfg(test)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
