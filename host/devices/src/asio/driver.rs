//! A loaded driver: its functions as methods that say what went wrong. Lives on one thread, which made it.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use super::abi::{
    self, BufferInfo, Callbacks, ChannelInfo, Functions, Interface, Position, SUCCESS, Simple, TwoNumbers,
};
use super::buffer_sizes::BufferSizes;
use crate::driver_controls::ClockSource;
use crate::period::PeriodTime;
use crate::selection::MAX_CHANNELS;
use windows_sys::Win32::System::Com::{CLSCTX_INPROC_SERVER, CoCreateInstance};
use windows_sys::Win32::UI::WindowsAndMessaging::GetDesktopWindow;
use windows_sys::core::GUID;

const NOT_PRESENT: i32 = -1000;
const MALFUNCTION: i32 = -999;

/// A driver, released when this is dropped.
pub(super) struct Driver {
    interface: NonNull<Interface>,
}

impl Driver {
    /// Loads and initialises it. The thread is in a single-threaded apartment.
    pub fn load(class: &GUID) -> Result<Self, String> {
        let mut object: *mut c_void = null_mut();
        // SAFETY: the class stands for its interface too, which is how all hosts ask for a driver.
        let result = unsafe { CoCreateInstance(class, null_mut(), CLSCTX_INPROC_SERVER, class, &mut object) };
        let interface = NonNull::new(object.cast()).filter(|_| result >= 0);
        let driver = Self {
            interface: interface.ok_or_else(|| format!("its library could not be loaded (0x{:08x})", result as u32))?,
        };
        // SAFETY: the driver is alive; the desktop's window is one that is always there.
        let is_there = unsafe { (driver.functions().init)(driver.this(), GetDesktopWindow().cast()) };
        if is_there == 1 { Ok(driver) } else { Err(driver.error_message("it did not start")) }
    }

    fn functions(&self) -> &Functions {
        // SAFETY: a COM object begins with a pointer to its functions, both live until it is released.
        unsafe { &*self.interface.as_ref().functions }
    }

    /// For calls; alive as long as this is.
    pub fn this(&self) -> *mut Interface {
        self.interface.as_ptr()
    }

    /// What the driver says of what went wrong last.
    fn error_message(&self, otherwise: &str) -> String {
        // The interface asks for 124 bytes; drivers were seen to write more.
        let mut text = [0_u8; 512];
        // SAFETY: there is room for what it writes.
        unsafe { (self.functions().get_error_message)(self.this(), text.as_mut_ptr()) };
        let said = zero_ended(&text);
        if said.is_empty() { otherwise.to_owned() } else { said }
    }

    fn result(&self, code: i32, doing: &str) -> Result<(), String> {
        match code {
            0 | SUCCESS => Ok(()),
            code => {
                let reason = match code {
                    NOT_PRESENT => "the hardware is not there".to_owned(),
                    MALFUNCTION => "the hardware fails".to_owned(),
                    -998 => "it takes no such value".to_owned(),
                    -997 => "not while it is in this state, or another program keeps it from that".to_owned(),
                    -996 => "its position stands still".to_owned(),
                    -995 => "there is no clock for that".to_owned(),
                    -994 => "it has not enough memory".to_owned(),
                    code => format!("result {code}"),
                };
                let said = self.error_message("");
                let said = if said.is_empty() { said } else { format!(": {said}") };
                Err(format!("{doing}: {reason}{said}"))
            }
        }
    }

    fn simple(&self, doing: &str, function: Simple) -> Result<(), String> {
        // SAFETY: the driver is alive, and this is one of its functions.
        self.result(unsafe { function(self.this()) }, doing)
    }

    fn two_numbers(&self, doing: &str, function: TwoNumbers) -> Result<(i32, i32), String> {
        let (mut first, mut second) = (0, 0);
        // SAFETY: the driver is alive, this is one of its functions, and there is room for both numbers.
        self.result(unsafe { function(self.this(), &mut first, &mut second) }, doing)?;
        Ok((first, second))
    }

    /// How many inputs and outputs it has.
    pub fn channels(&self) -> Result<(usize, usize), String> {
        let (inputs, outputs) = self.two_numbers("asking for its channels", self.functions().get_channels)?;
        let (inputs, outputs) = (inputs.max(0) as usize, outputs.max(0) as usize);
        if inputs.max(outputs) > MAX_CHANNELS {
            return Err(format!("it says that it has {inputs} inputs and {outputs} outputs, which cannot be"));
        }
        Ok((inputs, outputs))
    }

    /// Of input and output in frames, buffers included. Known once there are buffers.
    pub fn latencies(&self) -> Option<(u32, u32)> {
        let (input, output) = self.two_numbers("asking for its latencies", self.functions().get_latencies).ok()?;
        Some((u32::try_from(input).ok()?, u32::try_from(output).ok()?))
    }

    /// What it calls itself, and its version.
    pub fn identity(&self) -> (String, i32) {
        // The interface asks for 32 bytes; drivers were seen to write more.
        let mut name = [0_u8; 256];
        // SAFETY: the driver is alive, and there is room for what it writes.
        let version = unsafe {
            (self.functions().get_driver_name)(self.this(), name.as_mut_ptr());
            (self.functions().get_driver_version)(self.this())
        };
        (zero_ended(&name), version)
    }

    /// The name of a channel, the number of its group and that of its format.
    pub fn channel(&self, channel: usize, is_input: bool) -> Result<(String, i32, i32), String> {
        let mut info = ChannelInfo { channel: channel as i32, is_input: i32::from(is_input), ..ChannelInfo::default() };
        // SAFETY: the driver is alive, and there is room for its answer.
        let result = unsafe { (self.functions().get_channel_info)(self.this(), &mut info) };
        self.result(result, "asking for a channel")?;
        Ok((zero_ended(&info.name), info.group, info.sample_type))
    }

    pub fn buffer_sizes(&self) -> Result<BufferSizes, String> {
        let mut sizes = BufferSizes { smallest: 0, largest: 0, preferred: 0, granularity: 0 };
        let BufferSizes { smallest, largest, preferred, granularity } = &mut sizes;
        // SAFETY: the driver is alive, and there is room for its answers.
        let result =
            unsafe { (self.functions().get_buffer_size)(self.this(), smallest, largest, preferred, granularity) };
        self.result(result, "asking for its buffer sizes")?;
        Ok(sizes)
    }

    pub fn can_run_at(&self, rate: u32) -> bool {
        // SAFETY: the driver is alive.
        let result = unsafe { (self.functions().can_sample_rate)(self.this(), f64::from(rate)) };
        matches!(result, 0 | SUCCESS)
    }

    /// Frames a second; none if it has no clock.
    pub fn rate(&self) -> Option<u32> {
        let mut rate = 0.0;
        // SAFETY: the driver is alive, and there is room for its answer.
        let result = unsafe { (self.functions().get_sample_rate)(self.this(), &mut rate) };
        (matches!(result, 0 | SUCCESS) && (1.0..1e7).contains(&rate)).then(|| rate.round() as u32)
    }

    pub fn set_rate(&self, rate: u32) -> Result<(), String> {
        // SAFETY: the driver is alive.
        let result = unsafe { (self.functions().set_sample_rate)(self.this(), f64::from(rate)) };
        self.result(result, &format!("switching to {rate} Hz"))
    }

    /// Whether it says that its hardware is gone or broken.
    pub fn is_gone(&self) -> bool {
        let mut rate = 0.0;
        // SAFETY: the driver is alive, and there is room for its answer.
        let result = unsafe { (self.functions().get_sample_rate)(self.this(), &mut rate) };
        matches!(result, NOT_PRESENT | MALFUNCTION)
    }

    /// What it can take its clock from.
    pub fn clock_sources(&self) -> Result<Vec<ClockSource>, String> {
        // No interface has more.
        let mut sources = [abi::ClockSource::default(); 64];
        let mut count = sources.len() as i32;
        // SAFETY: the driver is alive, and there is room for so many as is said.
        let result =
            unsafe { (self.functions().get_clock_sources)(self.this(), sources.as_mut_ptr().cast(), &mut count) };
        self.result(result, "asking for its clocks")?;
        let known = |source: &abi::ClockSource| {
            Some(ClockSource {
                index: u32::try_from(source.index).ok()?,
                name: zero_ended(&source.name),
                channel: u32::try_from(source.channel).ok(),
                is_current: source.is_current != 0,
            })
        };
        Ok(sources.iter().take(count.max(0) as usize).filter_map(known).collect())
    }

    pub fn set_clock_source(&self, index: u32) -> Result<(), String> {
        // SAFETY: the driver is alive.
        let result = unsafe { (self.functions().set_clock_source)(self.this(), index as i32) };
        self.result(result, &format!("taking clock {index}"))
    }

    /// Where it is by its own count.
    pub fn position_now(&self) -> Result<PeriodTime, String> {
        let (mut frame, mut time) = (abi::Split::default(), abi::Split::default());
        // SAFETY: the driver is alive, and there is room for its answers.
        let result = unsafe { (self.functions().get_sample_position)(self.this(), &mut frame, &mut time) };
        self.result(result, "asking for its position")?;
        Ok(PeriodTime { frame: frame.number(), nanoseconds: Some(time.number()) })
    }

    /// Opens its window; some come back only when it is closed.
    pub fn control_panel(&self) -> Result<(), String> {
        self.simple("opening its control panel", self.functions().control_panel)
    }

    /// Makes buffers for these channels. From then on the driver may call.
    ///
    /// # Safety
    /// `callbacks` lives until the buffers are disposed of or the driver is released.
    pub unsafe fn create_buffers(
        &self,
        channels: &mut [BufferInfo],
        frames: u32,
        callbacks: *const Callbacks,
    ) -> Result<(), String> {
        let (first, count) = (channels.as_mut_ptr(), channels.len() as i32);
        // SAFETY: the driver is alive, the list is as long as is said, and the caller vouches for the callbacks.
        let result = unsafe { (self.functions().create_buffers)(self.this(), first, count, frames as i32, callbacks) };
        self.result(result, &format!("making buffers of {frames} frames"))
    }

    pub fn dispose_buffers(&self) -> Result<(), String> {
        self.simple("giving up its buffers", self.functions().dispose_buffers)
    }

    pub fn start(&self) -> Result<(), String> {
        self.simple("starting", self.functions().start)
    }

    pub fn stop(&self) -> Result<(), String> {
        self.simple("stopping", self.functions().stop)
    }

    /// Whether it wants to be told when the outputs are written: asked once, before it starts.
    pub fn wants_output_ready(&self) -> bool {
        // SAFETY: the driver is alive.
        matches!(unsafe { (self.functions().output_ready)(self.this()) }, 0 | SUCCESS)
    }

    /// How to tell it, from within its own call.
    pub fn output_ready(&self) -> Simple {
        self.functions().output_ready
    }

    /// How to ask it where it is, from within its own call.
    pub fn position(&self) -> Position {
        self.functions().get_sample_position
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: the one reference that this is.
        unsafe { (self.functions().release)(self.this()) };
    }
}

fn zero_ended(text: &[u8]) -> String {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end]).trim().to_owned()
}
