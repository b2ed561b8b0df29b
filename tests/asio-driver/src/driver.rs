//! The driver itself: one at a time runs, and is found by those who have it switch.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::abi::{BufferInfo, Callbacks, ChannelInfo, Functions, Interface, SUCCESS, Split, Time};
use crate::class;
use crate::outside;
use crate::plan::{Counts, PLAN_VARIABLE, Plan, Trait};
use windows_sys::Win32::Foundation::{E_NOINTERFACE, S_OK};
use windows_sys::core::GUID;

const NOT_PRESENT: i32 = -1000;
const INVALID_PARAMETER: i32 = -998;
const INVALID_MODE: i32 = -997;
const NO_CLOCK: i32 = -995;

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);
static COUNTS: Mutex<Counts> = Mutex::new(Counts {
    alive: 0,
    buffers: 0,
    made: 0,
    started: 0,
    stopped: 0,
    switches: 0,
    output_ready: 0,
    compared: 0,
    mismatches: 0,
    frames: 0,
});
/// What switches, once there are buffers. Those who switch take a copy, so that no lock is held while the host runs.
static RUNNING: Mutex<Option<Arc<Running>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(change: impl FnOnce(&mut Counts)) {
    change(&mut lock(&COUNTS));
}

/// What the next driver is to be.
pub fn configure(plan: Plan) {
    *lock(&PLAN) = Some(plan);
    count(|counts| *counts = Counts { alive: counts.alive, buffers: counts.buffers, ..Counts::default() });
}

/// What a driver that is made now is to be.
fn plan() -> Plan {
    let told = *lock(&PLAN);
    told.or_else(|| Plan::read(&std::env::var(PLAN_VARIABLE).ok()?)).unwrap_or_default()
}

/// What happened.
pub fn counts() -> Counts {
    *lock(&COUNTS)
}

/// Switches so often, if it runs.
pub fn step(times: u32) {
    let running = lock(&RUNNING).clone();
    if let Some(running) = running {
        (0..times).for_each(|_| running.switch_as_told());
    }
}

/// Sends a message to the host.
pub fn message(selector: i32, value: i32) -> i32 {
    let running = lock(&RUNNING).clone();
    // SAFETY: the host's callbacks live as long as the buffers.
    running.map_or(-1, |running| unsafe { (running.callbacks().asio_message)(selector, value, null_mut(), null_mut()) })
}

/// Tells the host of another rate.
pub fn rate_changed(rate: f64) {
    if let Some(running) = lock(&RUNNING).clone() {
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe { (running.callbacks().sample_rate_did_change)(rate) };
    }
}

/// One channel of the buffers.
struct Channel {
    number: usize,
    is_input: bool,
    sample_type: i32,
    /// Both halves, and room for the largest sample.
    halves: [Box<[u64]>; 2],
}

/// The buffers and what is needed to switch them.
struct Running {
    plan: Plan,
    frames: usize,
    channels: Vec<Channel>,
    callbacks: *const Callbacks,
    started: AtomicBool,
    switches: AtomicU32,
}

// SAFETY: the host says that its callbacks may be called by any thread, and only the thread that switches writes buffers.
unsafe impl Send for Running {}
// SAFETY: the same.
unsafe impl Sync for Running {}

impl Running {
    fn callbacks(&self) -> &Callbacks {
        // SAFETY: the host keeps its callbacks as long as there are buffers.
        unsafe { &*self.callbacks }
    }

    fn is(&self, wanted: Trait) -> bool {
        self.plan.traits & wanted as u32 != 0
    }

    /// One switch, or two at once, or with a question in it.
    fn switch_as_told(self: &Arc<Self>) {
        if !self.started.load(Ordering::Acquire) {
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

    /// Fills the inputs, has the host play, and compares.
    fn switch(&self) {
        let number = self.switches.fetch_add(1, Ordering::AcqRel);
        let half = (number % 2) as usize;
        let first = number as usize * self.frames;
        for channel in self.channels.iter().filter(|channel| channel.is_input) {
            for frame in 0..self.frames {
                put(channel, half, frame, value(channel.number, first + frame));
            }
        }
        for channel in self.channels.iter().filter(|channel| !channel.is_input) {
            (0..self.frames).for_each(|frame| put(channel, half, frame, -0.75));
        }
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe {
            if self.is(Trait::NoTime) {
                (self.callbacks().buffer_switch)(half as i32, 1);
            } else {
                let position = Split { high: 0, low: first as u32 };
                let nanoseconds = Split { high: 0, low: first as u32 };
                let rate = self.plan.rate;
                let mut time = Time {
                    sample_position: position,
                    system_time: nanoseconds,
                    sample_rate: rate,
                    flags: 7,
                    ..Time::default()
                };
                (self.callbacks().buffer_switch_time_info)(&mut time, half as i32, 1);
            }
        }
        let (mut compared, mut mismatches) = (0, 0);
        for channel in self.channels.iter().filter(|channel| !channel.is_input) {
            for frame in 0..self.frames {
                compared += 1;
                mismatches += u32::from(get(channel, half, frame) != value(channel.number, first + frame));
            }
        }
        count(|counts| {
            counts.switches += 1;
            counts.compared += compared;
            counts.mismatches += mismatches;
        });
    }
}

/// What an input holds at a frame: a number that each format holds exactly, another one in every channel and frame.
fn value(channel: usize, frame: usize) -> f64 {
    let mixed = (frame.wrapping_mul(7) + channel.wrapping_mul(4001)) % 60_000;
    (mixed as f64 - 30_000.0) / 32_768.0
}

/// Bytes a sample, and bits of an integer; 0 bits for floats.
fn layout(sample_type: i32) -> (usize, u32) {
    match sample_type & !16 {
        0 => (2, 16),
        1 => (3, 24),
        2 => (4, 32),
        8 => (4, 16),
        9 => (4, 18),
        10 => (4, 20),
        11 => (4, 24),
        4 => (8, 0),
        _ => (4, 0),
    }
}

fn place(channel: &Channel, half: usize, frame: usize) -> *mut u8 {
    let (bytes, _) = layout(channel.sample_type);
    // SAFETY: both halves have eight bytes for each frame. Host and driver take turns with them.
    unsafe { channel.halves[half].as_ptr().cast_mut().cast::<u8>().add(frame * bytes) }
}

fn put(channel: &Channel, half: usize, frame: usize, value: f64) {
    let (bytes, bits) = layout(channel.sample_type);
    let little = match (bytes, bits) {
        (8, 0) => value.to_bits(),
        (_, 0) => u64::from((value as f32).to_bits()),
        (_, bits) => ((value * (1_u64 << (bits - 1)) as f64) as i64) as u64,
    };
    let mut sample = little.to_le_bytes();
    if channel.sample_type < 16 {
        sample[..bytes].reverse();
    }
    // SAFETY: there is room for a sample in this place.
    unsafe { std::ptr::copy_nonoverlapping(sample.as_ptr(), place(channel, half, frame), bytes) };
}

fn get(channel: &Channel, half: usize, frame: usize) -> f64 {
    let (bytes, bits) = layout(channel.sample_type);
    let mut sample = [0_u8; 8];
    // SAFETY: there is a sample in this place.
    unsafe { std::ptr::copy_nonoverlapping(place(channel, half, frame), sample.as_mut_ptr(), bytes) };
    if channel.sample_type < 16 {
        sample[..bytes].reverse();
    }
    let number = u64::from_le_bytes(sample);
    match (bytes, bits) {
        (8, 0) => f64::from_bits(number),
        (_, 0) => f64::from(f32::from_bits(number as u32)),
        (bytes, bits) => {
            let unused = 64 - 8 * bytes as u32;
            (((number << unused) as i64) >> unused) as f64 / (1_u64 << (bits - 1)) as f64
        }
    }
}

/// The COM object.
#[repr(C)]
struct Driver {
    interface: Interface,
    references: AtomicU32,
    state: Mutex<State>,
}

struct State {
    plan: Plan,
    rate: f64,
    error: &'static str,
    running: Option<Arc<Running>>,
    thread: Option<JoinHandle<()>>,
}

static FUNCTIONS: Functions = Functions {
    query_interface,
    add_ref,
    release,
    init,
    get_driver_name,
    get_driver_version,
    get_error_message,
    start,
    stop,
    get_channels,
    get_latencies,
    get_buffer_size,
    can_sample_rate,
    get_sample_rate,
    set_sample_rate,
    get_clock_sources,
    set_clock_source,
    get_sample_position,
    get_channel_info,
    create_buffers,
    dispose_buffers,
    control_panel,
    future,
    output_ready,
};

/// Makes a driver as the plan says.
pub fn make() -> *mut c_void {
    let plan = plan();
    count(|counts| {
        counts.alive += 1;
        counts.made += 1;
    });
    let state = Mutex::new(State { plan, rate: plan.rate, error: "", running: None, thread: None });
    let driver = Driver { interface: Interface { functions: &FUNCTIONS }, references: AtomicU32::new(1), state };
    Box::into_raw(Box::new(driver)).cast()
}

/// The driver behind an interface.
///
/// # Safety
/// The interface came from [`make`] and is not released.
unsafe fn driver<'a>(this: *mut Interface) -> &'a Driver {
    // SAFETY: the interface is the driver's first field.
    unsafe { &*this.cast::<Driver>() }
}

/// Its state. Not to be held while the host is called.
///
/// # Safety
/// As for [`driver`].
unsafe fn state<'a>(this: *mut Interface) -> MutexGuard<'a, State> {
    // SAFETY: as for `driver`.
    lock(unsafe { &driver(this).state })
}

unsafe extern "system" fn query_interface(this: *mut Interface, id: *const GUID, object: *mut *mut c_void) -> i32 {
    // SAFETY: as COM calls it.
    unsafe {
        let is_driver = class::is_ours(id) || class::is_unknown(id);
        *object = if is_driver { this.cast() } else { null_mut() };
        if !is_driver {
            return E_NOINTERFACE;
        }
        add_ref(this);
    }
    S_OK
}

unsafe extern "system" fn add_ref(this: *mut Interface) -> u32 {
    // SAFETY: the host has a reference.
    unsafe { driver(this) }.references.fetch_add(1, Ordering::Relaxed) + 1
}

unsafe extern "system" fn release(this: *mut Interface) -> u32 {
    // SAFETY: the host has a reference.
    let left = unsafe { driver(this) }.references.fetch_sub(1, Ordering::AcqRel) - 1;
    if left == 0 {
        // SAFETY: nobody has a reference any more.
        unsafe {
            stop(this);
            dispose_buffers(this);
            drop(Box::from_raw(this.cast::<Driver>()));
        }
        count(|counts| counts.alive -= 1);
    }
    left
}

unsafe extern "system" fn init(this: *mut Interface, _window: *mut c_void) -> i32 {
    // SAFETY: the host has a reference.
    let mut state = unsafe { state(this) };
    if state.plan.traits & Trait::Busy as u32 != 0 {
        state.error = "the interface is in use by another program";
        return 0;
    }
    1
}

unsafe extern "system" fn get_driver_name(_: *mut Interface, name: *mut u8) {
    let text = b"Crosspoint Test\0";
    // SAFETY: the host has room for 32 bytes.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), name, text.len()) };
}

unsafe extern "system" fn get_driver_version(_: *mut Interface) -> i32 {
    1
}

unsafe extern "system" fn get_error_message(this: *mut Interface, message: *mut u8) {
    // SAFETY: the host has a reference, and room for 124 bytes.
    unsafe {
        let text = state(this).error;
        std::ptr::copy_nonoverlapping(text.as_ptr(), message, text.len());
        *message.add(text.len()) = 0;
    }
}

unsafe extern "system" fn start(this: *mut Interface) -> i32 {
    // SAFETY: the host has a reference.
    let Some(running) = (unsafe { state(this) }).running.clone() else { return INVALID_MODE };
    running.started.store(true, Ordering::Release);
    count(|counts| counts.started += 1);
    if running.is(Trait::RepeatsRate) {
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe { (running.callbacks().sample_rate_did_change)(running.plan.rate) };
    }
    if running.is(Trait::SwitchesInStart) {
        running.switch();
    }
    if running.is(Trait::FreeRunning) {
        let thread = std::thread::spawn(move || {
            while running.started.load(Ordering::Acquire) {
                running.switch_as_told();
            }
        });
        // SAFETY: the host has a reference.
        unsafe { state(this) }.thread = Some(thread);
    }
    0
}

unsafe extern "system" fn stop(this: *mut Interface) -> i32 {
    // SAFETY: the host has a reference.
    let (running, thread) = {
        let mut state = unsafe { state(this) };
        (state.running.clone(), state.thread.take())
    };
    let Some(running) = running else { return INVALID_MODE };
    if running.started.swap(false, Ordering::AcqRel) {
        count(|counts| counts.stopped += 1);
    }
    if let Some(thread) = thread {
        let _ = thread.join();
    }
    0
}

unsafe extern "system" fn get_channels(this: *mut Interface, inputs: *mut i32, outputs: *mut i32) -> i32 {
    // SAFETY: the host has a reference, and room for the answers.
    unsafe {
        let plan = state(this).plan;
        (*inputs, *outputs) = (plan.inputs, plan.outputs);
    }
    0
}

unsafe extern "system" fn get_latencies(this: *mut Interface, input: *mut i32, output: *mut i32) -> i32 {
    // SAFETY: the host has a reference, and room for the answers.
    unsafe {
        let Some(running) = state(this).running.clone() else { return INVALID_MODE };
        (*input, *output) = (running.frames as i32 + 32, running.frames as i32 + 16);
    }
    0
}

unsafe extern "system" fn get_buffer_size(
    this: *mut Interface,
    smallest: *mut i32,
    largest: *mut i32,
    preferred: *mut i32,
    step: *mut i32,
) -> i32 {
    // The plan may have changed since, as a control panel changes it.
    let sizes = plan().sizes;
    // SAFETY: the host has a reference, and room for the answers.
    unsafe {
        state(this).plan.sizes = sizes;
        [*smallest, *largest, *preferred, *step] = sizes;
    }
    0
}

unsafe extern "system" fn can_sample_rate(this: *mut Interface, rate: f64) -> i32 {
    // SAFETY: the host has a reference.
    let plan = unsafe { state(this) }.plan;
    if rate == plan.rate || rate == plan.other_rate { 0 } else { NO_CLOCK }
}

unsafe extern "system" fn get_sample_rate(this: *mut Interface, rate: *mut f64) -> i32 {
    // SAFETY: the host has a reference, and room for the answer.
    unsafe { *rate = state(this).rate };
    0
}

unsafe extern "system" fn set_sample_rate(this: *mut Interface, rate: f64) -> i32 {
    // SAFETY: the host has a reference.
    let mut state = unsafe { state(this) };
    if state.plan.traits & Trait::RateLocked as u32 != 0 {
        state.error = "another program has set the rate";
        return INVALID_MODE;
    }
    state.rate = rate;
    0
}

unsafe extern "system" fn get_clock_sources(_: *mut Interface, _: *mut c_void, count: *mut i32) -> i32 {
    // SAFETY: the host has room for the answer.
    unsafe { *count = 0 };
    0
}

unsafe extern "system" fn set_clock_source(_: *mut Interface, _: i32) -> i32 {
    NOT_PRESENT
}

unsafe extern "system" fn get_sample_position(_: *mut Interface, _: *mut Split, _: *mut Split) -> i32 {
    NOT_PRESENT
}

fn sample_type(plan: &Plan, channel: i32) -> i32 {
    if channel == 1 && plan.second_type >= 0 { plan.second_type } else { plan.sample_type }
}

unsafe extern "system" fn get_channel_info(this: *mut Interface, info: *mut ChannelInfo) -> i32 {
    // SAFETY: the host has a reference.
    let plan = unsafe { state(this) }.plan;
    // SAFETY: the host hands over a channel to describe.
    let info = unsafe { &mut *info };
    let (side, count) = if info.is_input == 0 { ("out", plan.outputs) } else { ("in", plan.inputs) };
    if !(0..count).contains(&info.channel) {
        return INVALID_PARAMETER;
    }
    info.sample_type = sample_type(&plan, info.channel);
    info.name = [0; 32];
    let name = format!("test {side} {}", info.channel + 1);
    info.name[..name.len()].copy_from_slice(name.as_bytes());
    0
}

unsafe extern "system" fn create_buffers(
    this: *mut Interface,
    infos: *mut BufferInfo,
    channels: i32,
    frames: i32,
    callbacks: *const Callbacks,
) -> i32 {
    // SAFETY: the host has a reference.
    let plan = unsafe { state(this) }.plan;
    // SAFETY: the host hands over so many descriptions.
    let infos = unsafe { std::slice::from_raw_parts_mut(infos, channels as usize) };
    let frames = frames as usize;
    let half = || vec![0_u64; frames].into_boxed_slice();
    let make = |info: &mut BufferInfo| {
        let channel = Channel {
            number: info.channel as usize,
            is_input: info.is_input != 0,
            sample_type: sample_type(&plan, info.channel),
            halves: [half(), half()],
        };
        info.buffers = [0, 1].map(|half| place(&channel, half, 0).cast());
        channel
    };
    let channels: Vec<Channel> = infos.iter_mut().map(make).collect();
    if plan.traits & Trait::NoLastBuffer as u32 != 0
        && let Some(last) = infos.last_mut()
    {
        last.buffers = [null_mut(); 2];
    }
    let (started, switches) = (AtomicBool::new(false), AtomicU32::new(0));
    let running = Arc::new(Running { plan, frames, channels, callbacks, started, switches });
    // SAFETY: the host has a reference.
    unsafe { state(this) }.running = Some(Arc::clone(&running));
    *lock(&RUNNING) = Some(Arc::clone(&running));
    count(|counts| {
        counts.buffers += 1;
        counts.frames = frames as u32;
    });
    if running.is(Trait::SwitchesInCreate) {
        running.switch();
    }
    0
}

unsafe extern "system" fn dispose_buffers(this: *mut Interface) -> i32 {
    // SAFETY: the host has a reference.
    let Some(gone) = (unsafe { state(this) }).running.take() else { return INVALID_MODE };
    let mut running = lock(&RUNNING);
    if running.as_ref().is_some_and(|running| Arc::ptr_eq(running, &gone)) {
        *running = None;
    }
    count(|counts| counts.buffers -= 1);
    outside::report(counts());
    0
}

unsafe extern "system" fn control_panel(_: *mut Interface) -> i32 {
    0
}

unsafe extern "system" fn future(_: *mut Interface, _: i32, _: *mut c_void) -> i32 {
    INVALID_PARAMETER
}

unsafe extern "system" fn output_ready(this: *mut Interface) -> i32 {
    // SAFETY: the host has a reference.
    let plan = unsafe { state(this) }.plan;
    if plan.traits & Trait::NoOutputReady as u32 != 0 {
        return NOT_PRESENT;
    }
    count(|counts| counts.output_ready += 1);
    SUCCESS
}
