//! Buffers, and how they are switched: inputs filled, the host called, outputs compared.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::abi::{BufferInfo, Callbacks, Split, Time};
use crate::plan::{Plan, Trait};
use crate::record;
use crate::signal::Signal;

/// One channel of the buffers.
struct Channel {
    number: usize,
    is_input: bool,
    signal: Arc<Signal>,
    /// Both halves, and room for the largest sample.
    halves: [Box<[u64]>; 2],
}

impl Channel {
    fn start(&self, half: usize) -> *mut u8 {
        self.halves[half].as_ptr().cast_mut().cast()
    }

    /// One half. Host and driver take turns with it.
    #[allow(clippy::mut_from_ref)]
    fn half(&self, half: usize, frames: usize) -> &mut [u8] {
        // SAFETY: both halves have eight bytes for each frame, and only the thread that switches is here.
        unsafe { std::slice::from_raw_parts_mut(self.start(half), frames * self.signal.width()) }
    }
}

/// The buffers and what is needed to switch them.
pub struct Running {
    pub plan: Plan,
    pub frames: usize,
    channels: Vec<Channel>,
    callbacks: *const Callbacks,
    pub started: AtomicBool,
    switches: AtomicU32,
}

// SAFETY: the host says that its callbacks may be called by any thread, and only the thread that switches writes buffers.
unsafe impl Send for Running {}
// SAFETY: the same.
unsafe impl Sync for Running {}

impl Running {
    /// Makes buffers, and tells where they are. `sample_type` is that of a channel.
    pub fn new(
        plan: Plan,
        infos: &mut [BufferInfo],
        frames: usize,
        callbacks: *const Callbacks,
        sample_type: impl Fn(i32) -> i32,
    ) -> Self {
        let half = || vec![0_u64; frames].into_boxed_slice();
        let make = |info: &mut BufferInfo| {
            let channel = Channel {
                number: info.channel as usize,
                is_input: info.is_input != 0,
                signal: Signal::of(sample_type(info.channel)),
                halves: [half(), half()],
            };
            info.buffers = [0, 1].map(|half| channel.start(half).cast::<c_void>());
            channel
        };
        let channels = infos.iter_mut().map(make).collect();
        Self { plan, frames, channels, callbacks, started: AtomicBool::new(false), switches: AtomicU32::new(0) }
    }

    pub fn callbacks(&self) -> &Callbacks {
        // SAFETY: the host keeps its callbacks as long as there are buffers, and those of the tests for ever.
        unsafe { &*self.callbacks }
    }

    pub fn is(&self, wanted: Trait) -> bool {
        self.plan.traits & wanted as u32 != 0
    }

    /// The position of the last switch, which may be under way.
    pub fn position(&self) -> u64 {
        self.position_of(self.switches.load(Ordering::Acquire).saturating_sub(1))
    }

    /// Every fourth buffer may be lost.
    fn position_of(&self, number: u32) -> u64 {
        let lost = if self.is(Trait::DropsOut) { number / 3 } else { 0 };
        u64::from(number + lost) * self.frames as u64
    }

    /// One switch, or two at once, or with a question in it.
    pub fn switch_as_told(self: &Arc<Self>) {
        let may_run = self.started.load(Ordering::Acquire) || self.is(Trait::CallsAfterStop);
        if !may_run || record::is_gone() {
            return;
        }
        if self.is(Trait::CallsTwice) {
            let other = Arc::clone(self);
            std::thread::scope(|scope| {
                scope.spawn(move || other.switch());
                self.switch();
            });
        } else {
            self.switch();
        }
        if self.is(Trait::AsksInSwitch) {
            // SAFETY: the host's callbacks live as long as the buffers.
            unsafe { (self.callbacks().asio_message)(3, 0, null_mut(), null_mut()) };
        }
    }

    /// Switches by itself until it is stopped.
    pub fn run(self: &Arc<Self>) {
        while self.started.load(Ordering::Acquire) {
            self.switch_as_told();
            if self.is(Trait::Paced) {
                std::thread::sleep(Duration::from_secs_f64(self.frames as f64 / self.plan.rate));
            }
        }
    }

    /// Fills the inputs, has the host play, and compares.
    pub fn switch(&self) {
        let number = self.switches.fetch_add(1, Ordering::AcqRel);
        let half = (number % 2) as usize;
        let first = number as usize * self.frames;
        for channel in self.channels.iter().filter(|channel| channel.is_input) {
            channel.signal.fill(channel.half(half, self.frames), channel.number, first);
        }
        for channel in self.channels.iter().filter(|channel| !channel.is_input) {
            channel.half(half, self.frames).fill(0xA5);
        }
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe {
            if self.is(Trait::NoTime) {
                (self.callbacks().buffer_switch)(half as i32, 1);
            } else {
                let position = Split::of(self.position_of(number));
                let mut time = Time {
                    sample_position: position,
                    system_time: position,
                    sample_rate: self.plan.rate,
                    flags: 7,
                    ..Time::default()
                };
                (self.callbacks().buffer_switch_time_info)(&mut time, half as i32, 1);
            }
        }
        let (mut compared, mut mismatches) = (0, 0);
        for channel in self.channels.iter().filter(|channel| !channel.is_input) {
            compared += self.frames as u64;
            mismatches += channel.signal.differing(channel.half(half, self.frames), channel.number, first);
        }
        record::count(|counts| {
            counts.switches += 1;
            counts.compared += compared;
            counts.mismatches += mismatches;
        });
    }
}
