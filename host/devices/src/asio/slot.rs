//! What drivers call. Their callbacks carry no pointer of ours, so each open driver has a slot with callbacks of its own.
//! What they ask for is counted here and done by the thread that owns the driver; nothing here waits or allocates.
#![deny(clippy::disallowed_types)]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::abi::{Callbacks, Time, message};
use super::switch::Switch;

/// How many drivers can be open at once in one process.
pub(super) const MOST_DRIVERS: usize = 4;

/// What one open driver calls, and what it asked for outside of the buffer switch.
pub(super) struct Slot {
    taken: AtomicBool,
    switch: AtomicPtr<Switch>,
    /// Whether switches run it: not once the driver is stopped, whatever it calls.
    is_running: AtomicBool,
    /// Threads of the driver that are in a buffer switch.
    inside: AtomicU32,
    /// How often it switched.
    pub switches: AtomicU64,
    /// How often it asked to be opened anew.
    pub resets: AtomicU32,
    /// How often it said that its latencies changed.
    pub latencies: AtomicU32,
    /// How often it lost frames or could not keep up.
    pub overloads: AtomicU32,
    /// The rate that it says it runs at, in bits; 0 before it says anything.
    rate: AtomicU64,
}

static SLOTS: [Slot; MOST_DRIVERS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        switch: AtomicPtr::new(null_mut()),
        is_running: AtomicBool::new(false),
        inside: AtomicU32::new(0),
        switches: AtomicU64::new(0),
        resets: AtomicU32::new(0),
        latencies: AtomicU32::new(0),
        overloads: AtomicU32::new(0),
        rate: AtomicU64::new(0),
    }
}; MOST_DRIVERS];

static CALLBACKS: [Callbacks; MOST_DRIVERS] = [callbacks::<0>(), callbacks::<1>(), callbacks::<2>(), callbacks::<3>()];

const fn callbacks<const SLOT: usize>() -> Callbacks {
    Callbacks {
        buffer_switch: buffer_switch::<SLOT>,
        sample_rate_did_change: sample_rate_did_change::<SLOT>,
        asio_message: asio_message::<SLOT>,
        buffer_switch_time_info: buffer_switch_time_info::<SLOT>,
    }
}

unsafe extern "system" fn buffer_switch<const SLOT: usize>(half: i32, _direct_process: i32) {
    SLOTS[SLOT].switch(half, None);
}

unsafe extern "system" fn buffer_switch_time_info<const SLOT: usize>(
    time: *mut Time,
    half: i32,
    _direct_process: i32,
) -> *mut Time {
    // SAFETY: null, or a time that is the driver's during this call.
    SLOTS[SLOT].switch(half, unsafe { time.as_ref() });
    null_mut()
}

unsafe extern "system" fn sample_rate_did_change<const SLOT: usize>(rate: f64) {
    SLOTS[SLOT].rate.store(rate.to_bits(), Ordering::Relaxed);
}

unsafe extern "system" fn asio_message<const SLOT: usize>(
    selector: i32,
    value: i32,
    _message: *mut c_void,
    _option: *mut f64,
) -> i32 {
    SLOTS[SLOT].message(selector, value)
}

impl Slot {
    /// A slot that nobody has, for one driver.
    pub fn take() -> Option<&'static Self> {
        let slot = SLOTS.iter().find(|slot| !slot.taken.swap(true, Ordering::AcqRel))?;
        for count in [&slot.resets, &slot.latencies, &slot.overloads] {
            count.store(0, Ordering::Relaxed);
        }
        slot.switches.store(0, Ordering::Relaxed);
        slot.rate.store(0, Ordering::Relaxed);
        Some(slot)
    }

    /// Whether a driver is open in this process.
    pub fn any_is_taken() -> bool {
        SLOTS.iter().any(|slot| slot.taken.load(Ordering::Acquire))
    }

    /// Gives it back. Nothing is installed any more.
    pub fn give_back(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// The callbacks that lead here.
    pub fn callbacks(&self) -> *const Callbacks {
        let place = SLOTS.iter().position(|slot| std::ptr::eq(slot, self));
        // A slot is always one of them.
        &CALLBACKS[place.unwrap_or(0)]
    }

    /// The rate that the driver says it runs at, if it said so.
    pub fn rate(&self) -> Option<u32> {
        let rate = f64::from_bits(self.rate.load(Ordering::Relaxed));
        (1.0..1e7).contains(&rate).then(|| rate.round() as u32)
    }

    /// Has buffer switches run this from now on.
    pub fn install(&self, switch: Box<Switch>) {
        self.switch.store(Box::into_raw(switch), Ordering::Release);
    }

    /// Whether switches run what is installed from now on.
    pub fn set_running(&self, is_running: bool) {
        self.is_running.store(is_running, Ordering::SeqCst);
    }

    /// Takes what runs out. `is_left` waits until no thread is inside, but not for ever: what a driver does not come out
    /// of stays where it is for good, and so does the callback in it. Not to be called by a driver's thread.
    pub fn remove(&self, is_left: impl FnOnce(&Self) -> bool) -> Option<Box<Switch>> {
        let switch = self.switch.swap(null_mut(), Ordering::SeqCst);
        // SAFETY: the pointer came from `install`, was taken out once, and nobody is in it.
        (is_left(self) && !switch.is_null()).then(|| unsafe { Box::from_raw(switch) })
    }

    /// Whether a thread of the driver is in a buffer switch.
    pub fn is_inside(&self) -> bool {
        self.inside.load(Ordering::SeqCst) > 0
    }

    fn switch(&self, half: i32, time: Option<&Time>) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let switch = self.switch.load(Ordering::SeqCst);
        // SAFETY: whoever removes it waits for those inside, of whom this thread was one before it read the pointer.
        if let Some(switch) = unsafe { switch.as_ref() }
            && self.is_running.load(Ordering::SeqCst)
        {
            switch.run(half, time);
            self.switches.fetch_add(1, Ordering::Relaxed);
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    /// The answer to a message: what is to be done about it is done by the thread that owns the driver.
    fn message(&self, selector: i32, value: i32) -> i32 {
        use message::*;
        let count = |counter: &AtomicU32| {
            counter.fetch_add(1, Ordering::Relaxed);
            1
        };
        match selector {
            SELECTOR_SUPPORTED => i32::from(matches!(
                value,
                SELECTOR_SUPPORTED
                    | ENGINE_VERSION
                    | RESET_REQUEST
                    | RESYNC_REQUEST
                    | LATENCIES_CHANGED
                    | SUPPORTS_TIME_INFO
                    | OVERLOAD
            )),
            ENGINE_VERSION => 2,
            RESET_REQUEST => count(&self.resets),
            // Declined, so that it asks for a reset; what its buffers are by now is found out either way.
            BUFFER_SIZE_CHANGE => {
                count(&self.resets);
                0
            }
            LATENCIES_CHANGED => count(&self.latencies),
            RESYNC_REQUEST | OVERLOAD => count(&self.overloads),
            SUPPORTS_TIME_INFO => 1,
            _ => 0,
        }
    }
}
