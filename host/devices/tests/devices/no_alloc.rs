//! The audio thread of every backend neither allocates nor frees: an allocator counts both on each thread, from the
//! first to the last period, so that what the backend and the crates under it do between two callbacks counts too.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use assert_no_alloc::assert_no_alloc;
use crosspoint_devices::{Backend, Offline, Period, PeriodSizes, Stream, StreamRequest, VirtualBackend};

use crate::support;

/// Counts on the calling thread, and lets `assert_no_alloc` have its say.
struct Counting(assert_no_alloc::AllocDisabler);

#[global_allocator]
static ALLOCATOR: Counting = Counting(assert_no_alloc::AllocDisabler);

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.dealloc(pointer, layout) }
    }
}

const PERIODS: u32 = 300;

/// Passes the inputs on, and tells at period 10 and at the last one how often its thread has allocated or freed. The
/// ring that it tells by is made beforehand.
fn watched() -> (impl FnMut(Period<'_>) + Send + 'static, rtrb::Consumer<u64>) {
    let (mut told, heard) = rtrb::RingBuffer::new(2);
    let mut period_number = 0;
    let callback = move |period: Period<'_>| {
        for (index, output) in period.outputs.iter_mut().enumerate() {
            match period.inputs.get(index) {
                Some(input) => output.copy_from_slice(input),
                None => output.fill(0.0),
            }
        }
        period_number += 1;
        if period_number == 10 || period_number == PERIODS {
            let _ = told.push(COUNT.with(Cell::get));
        }
    };
    (callback, heard)
}

fn check(mut stream: Box<dyn Stream>, mut heard: rtrb::Consumer<u64>) {
    stream.start().unwrap();
    let early = support::eventually(|| heard.pop().ok());
    let late = support::eventually(|| heard.pop().ok());
    assert_eq!(early, late, "{} allocates in its callback", stream.info().backend);
}

fn request(device: &str) -> StreamRequest {
    StreamRequest { device: Some(device.to_owned()), inputs: "1-4".parse().unwrap(), ..Default::default() }
}

/// The counter counts: otherwise the other tests show nothing.
#[test]
fn the_counter_counts() {
    let before = COUNT.with(Cell::get);
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(COUNT.with(Cell::get), before + 2);
}

#[test]
fn offline_does_not_allocate() {
    let (callback, _heard) = watched();
    let mut offline = Offline::new(2, 2, PeriodSizes::Cycle(vec![64, 1, 333]), Box::new(callback)).unwrap();
    let input = vec![0.5; 4096];
    let mut outputs = [vec![0.0; 4096], vec![0.0; 4096]];
    let [left, right] = &mut outputs;
    assert_no_alloc(|| offline.render(&[&input, &input], &mut [left, right])).unwrap();
    assert_eq!(outputs, [input.clone(), input]);
}

#[test]
fn virtual_does_not_allocate() {
    let (callback, heard) = watched();
    check(VirtualBackend.open(&request("4x8,loopback"), Box::new(callback)).unwrap(), heard);
}

#[cfg(target_os = "linux")]
#[test]
fn jack_does_not_allocate() {
    let Some(server) = crate::jack_server::JackServer::start() else { return };
    let (callback, heard) = watched();
    check(crosspoint_devices::jack::JackBackend.open(&request(&server.name), Box::new(callback)).unwrap(), heard);
}
