//! The helper's work: loads one driver and asks it everything. Runs in a process of its own, on its only thread.

use std::ptr::null_mut;

use super::super::abi::BufferInfo;
use super::super::driver::Driver;
use super::super::registry::installed;
use super::super::sample_format;
use super::super::session::RATES;
use super::super::slot::Slot;
use super::{Probe, ProbedChannel};
use windows_sys::Win32::System::Com::{COINIT_APARTMENTTHREADED, CoInitializeEx};
use windows_sys::Win32::System::Diagnostics::Debug::{
    EXCEPTION_POINTERS, SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode, SetUnhandledExceptionFilter,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, TerminateProcess};

/// Looks into the driver of that name; `doing` is told each step before it is taken.
pub fn look(name: &str, doing: &mut dyn FnMut(&str)) -> Result<Probe, String> {
    die_silently();
    let drivers = installed();
    let driver = drivers.iter().find(|driver| driver.name.eq_ignore_ascii_case(name));
    let class = driver.ok_or("there is no such driver")?.class.clone()?;
    // SAFETY: the first call on this thread. The process ends without taking it back.
    unsafe { CoInitializeEx(null_mut(), COINIT_APARTMENTTHREADED as u32) };
    doing("loading it");
    let driver = Driver::load(&class)?;
    let (name, version) = driver.identity();
    doing("asking for its channels");
    let (inputs, outputs) = driver.channels()?;
    let channels = |is_input, count: usize| {
        (0..count).map(|channel| probed(driver.channel(channel, is_input)?)).collect::<Result<Vec<_>, String>>()
    };
    let (inputs, outputs) = (channels(true, inputs)?, channels(false, outputs)?);
    doing("asking for its rates");
    let rate = driver.rate();
    let rates = RATES.into_iter().filter(|&rate| driver.can_run_at(rate)).collect();
    doing("asking for its buffer sizes");
    let sizes = driver.buffer_sizes()?;
    let preferred_frames = sizes.usual().first().copied();
    let buffer_frames = sizes.choices().ranges().iter().map(|range| (*range.start(), *range.end())).collect();
    doing("asking for its clocks");
    // Many have none to choose from, and say so by an error.
    let clock_sources = driver.clock_sources().unwrap_or_default();
    doing("making buffers");
    let latencies = preferred_frames.and_then(|frames| latencies(&driver, inputs.len(), outputs.len(), frames));
    doing("closing it");
    drop(driver);
    Ok(Probe { name, version, inputs, outputs, rate, rates, buffer_frames, preferred_frames, latencies, clock_sources })
}

fn probed((name, group, code): (String, i32, i32)) -> Result<ProbedChannel, String> {
    Ok(ProbedChannel { name, group, format: sample_format::name(code) })
}

/// Known only with buffers. A driver that makes none now, because another program has it, says none.
fn latencies(driver: &Driver, inputs: usize, outputs: usize, frames: u32) -> Option<(u32, u32)> {
    let channels = |is_input, count: usize| {
        (0..count as i32).map(move |channel| BufferInfo { is_input, channel, buffers: [null_mut(); 2] })
    };
    let mut buffers: Vec<BufferInfo> = channels(1, inputs).chain(channels(0, outputs)).collect();
    let slot = Slot::take()?;
    // SAFETY: the callbacks are in a static.
    unsafe { driver.create_buffers(&mut buffers, frames, slot.callbacks()) }.ok()?;
    let latencies = driver.latencies();
    let _ = driver.dispose_buffers();
    latencies
}

/// A fault ends the process with its code, without a window that asks what to do and without a debugger.
fn die_silently() {
    unsafe extern "system" fn die(exception: *const EXCEPTION_POINTERS) -> i32 {
        // SAFETY: the system hands over what happened; nothing is done after this.
        unsafe {
            let code = (*(*exception).ExceptionRecord).ExceptionCode;
            TerminateProcess(GetCurrentProcess(), code.cast_unsigned());
        }
        0
    }
    // SAFETY: both may be called at any time; the filter is a function that stays.
    unsafe {
        SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
        SetUnhandledExceptionFilter(Some(die));
    }
}
