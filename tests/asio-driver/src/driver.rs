//! The driver itself, as COM and a host call it.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::abi::{BufferInfo, Callbacks, ChannelInfo, ClockSource, Functions, Interface, SUCCESS, Split};
use crate::class;
use crate::outside;
use crate::plan::{Place, Plan, Trait};
use crate::record::{self, count, lock};
use crate::running::Running;
use windows_sys::Win32::Foundation::{E_NOINTERFACE, S_OK};

const NOT_PRESENT: i32 = -1000;
const INVALID_PARAMETER: i32 = -998;
const INVALID_MODE: i32 = -997;
const STANDS_STILL: i32 = -996;
const NO_CLOCK: i32 = -995;

/// What had buffers last; those who call when they should not any more call by this.
static LAST: Mutex<Option<Arc<Running>>> = Mutex::new(None);

/// Switches all that run so often, each in turn.
pub fn step(times: u32) {
    let mut running = record::running();
    if running.is_empty() {
        running.extend(lock(&LAST).clone().filter(|last| last.is(Trait::CallsAfterStop)));
    }
    (0..times).for_each(|_| running.iter().for_each(|running| running.switch_as_told()));
}

/// Sends a message to the host that made buffers last.
pub fn message(selector: i32, value: i32) -> i32 {
    let running = record::running().pop();
    // SAFETY: the host's callbacks live as long as the buffers.
    running.map_or(-1, |running| unsafe { (running.callbacks().asio_message)(selector, value, null_mut(), null_mut()) })
}

/// Tells the host of another rate.
pub fn rate_changed(rate: f64) {
    if let Some(running) = record::running().pop() {
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe { (running.callbacks().sample_rate_did_change)(rate) };
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
    let plan = record::plan();
    count(|counts| {
        counts.alive += 1;
        counts.made += 1;
    });
    let state = Mutex::new(State { plan, rate: plan.rate, error: "", running: None, thread: None });
    let driver = Driver { interface: Interface { functions: &FUNCTIONS }, references: AtomicU32::new(1), state };
    Box::into_raw(Box::new(driver)).cast()
}

/// What the plan has happen in a function.
fn befall(plan: &Plan, place: Place) {
    while plan.hangs_in == place as u32 {
        std::thread::sleep(Duration::from_secs(1));
    }
    if plan.faults_in == place as u32 {
        // SAFETY: not at all: this is the fault that was asked for.
        unsafe { std::ptr::dangling::<u64>().wrapping_sub(1).read_volatile() };
    }
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

unsafe extern "system" fn query_interface(this: *mut Interface, id: *const c_void, object: *mut *mut c_void) -> i32 {
    // SAFETY: as COM calls it.
    unsafe {
        let is_driver = class::is_ours(id.cast()) || class::is_unknown(id.cast());
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
    befall(&state.plan, Place::Init);
    if record::is_gone() {
        state.error = "the interface is not connected";
        return 0;
    }
    let is_taken = state.plan.traits & Trait::OneClient as u32 != 0 && record::counts().alive > 1;
    if is_taken || state.plan.traits & Trait::Busy as u32 != 0 {
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
    if record::is_gone() {
        return NOT_PRESENT;
    }
    running.started.store(true, Ordering::Release);
    count(|counts| counts.started += 1);
    if running.is(Trait::RepeatsRate) {
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe { (running.callbacks().sample_rate_did_change)(running.plan.rate) };
    }
    if running.is(Trait::SwitchesInStart) {
        running.switch();
    }
    if running.is(Trait::FreeRunning) || running.is(Trait::Paced) {
        let thread = std::thread::spawn(move || running.run());
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
        befall(&plan, Place::Channels);
        if record::is_gone() {
            return NOT_PRESENT;
        }
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
    let sizes = record::plan().sizes;
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
    if record::is_gone() {
        return NOT_PRESENT;
    }
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
    let running = state.running.clone().filter(|running| running.is(Trait::TellsRateInSet));
    drop(state);
    if let Some(running) = running {
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe { (running.callbacks().sample_rate_did_change)(rate) };
    }
    0
}

unsafe extern "system" fn get_clock_sources(_: *mut Interface, sources: *mut c_void, length: *mut i32) -> i32 {
    let chosen = record::counts().clock as i32;
    // SAFETY: the host has room for so many sources as it says.
    unsafe {
        let sources = std::slice::from_raw_parts_mut(sources.cast::<ClockSource>(), *length as usize);
        for ((index, name), source) in (0..).zip(["Internal", "Word Clock"]).zip(&mut *sources) {
            *source =
                ClockSource { index, channel: -1, group: -1, is_current: i32::from(index == chosen), name: [0; 32] };
            source.name[..name.len()].copy_from_slice(name.as_bytes());
        }
        *length = sources.len().min(2) as i32;
    }
    0
}

unsafe extern "system" fn set_clock_source(_: *mut Interface, source: i32) -> i32 {
    if !(0..2).contains(&source) {
        return INVALID_PARAMETER;
    }
    count(|counts| counts.clock = source as u32);
    0
}

unsafe extern "system" fn get_sample_position(this: *mut Interface, position: *mut Split, time: *mut Split) -> i32 {
    // SAFETY: the host has a reference.
    let running = unsafe { state(this) }.running.clone();
    let Some(running) = running.filter(|running| running.started.load(Ordering::Acquire)) else { return STANDS_STILL };
    // SAFETY: the host has room for the answers.
    unsafe {
        *position = Split::of(running.position());
        *time = Split::of(running.position() * 1000);
    }
    0
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
    befall(&plan, Place::CreateBuffers);
    if plan.traits & Trait::RefusesPreferred as u32 != 0 && frames == plan.sizes[2] as usize {
        return INVALID_MODE;
    }
    let running = Arc::new(Running::new(plan, infos, frames, callbacks, |channel| sample_type(&plan, channel)));
    if plan.traits & Trait::NoLastBuffer as u32 != 0
        && let Some(last) = infos.last_mut()
    {
        last.buffers = [null_mut(); 2];
    }
    // SAFETY: the host has a reference.
    unsafe { state(this) }.running = Some(Arc::clone(&running));
    record::add(Arc::clone(&running));
    *lock(&LAST) = running.is(Trait::CallsAfterStop).then(|| Arc::clone(&running));
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
    record::remove(&gone);
    count(|counts| counts.buffers -= 1);
    outside::report(record::counts());
    0
}

unsafe extern "system" fn control_panel(this: *mut Interface) -> i32 {
    count(|counts| counts.panels += 1);
    // SAFETY: the host has a reference.
    let running = unsafe { state(this) }.running.clone().filter(|running| running.is(Trait::BusyPanel));
    if let Some(running) = running {
        running.switch_as_told();
        // SAFETY: the host's callbacks live as long as the buffers.
        unsafe {
            (running.callbacks().asio_message)(3, 0, null_mut(), null_mut());
            (running.callbacks().sample_rate_did_change)(running.plan.rate);
        }
    }
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
