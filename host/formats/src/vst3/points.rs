//! The lists of parameter changes that a plugin reads and writes during its call: objects made at activation and reused for
//! each block. A point goes into one flat list; each queue is a view of a part of it. Nothing allocates once made.
#![deny(clippy::disallowed_types)]

use std::cell::{Cell, UnsafeCell};
use std::sync::Arc;

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kInvalidArgument, kOutOfMemory, kResultOk, tresult};
use vst3::{Class, ComWrapper};

/// Points in one direction in one block.
const POINTS: usize = 2048;
/// Parameters that change in one direction in one block.
const QUEUES: usize = 512;

/// One point of a parameter's curve within a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Change {
    queue: u16,
    /// When it was added, so that a sort keeps the order.
    order: u16,
    pub(crate) frame: i32,
    pub(crate) normalised: f64,
}

/// What the objects of one direction share.
struct Pool {
    /// `length` of them count.
    changes: UnsafeCell<Box<[Change]>>,
    length: Cell<usize>,
    /// Queues in use.
    used: Cell<usize>,
    /// Points that found no room.
    refused: Cell<u32>,
}

impl Pool {
    fn new() -> Arc<Self> {
        let changes = vec![Change::default(); POINTS].into_boxed_slice();
        #[expect(clippy::arc_with_non_send_sync, reason = "plugins may let go of the objects on any thread")]
        Arc::new(Self {
            changes: UnsafeCell::new(changes),
            length: Cell::new(0),
            used: Cell::new(0),
            refused: Cell::new(0),
        })
    }

    fn changes(&self) -> &[Change] {
        // SAFETY: points are changed by `push` and `sort` alone, during which no slice of them is about; the objects
        // are used by one thread at a time, the one that is inside the plugin's audio half.
        let all = unsafe { &*self.changes.get() };
        &all[..self.length.get().min(POINTS)]
    }

    fn push(&self, queue: u16, frame: i32, normalised: f64) -> bool {
        let length = self.length.get();
        if length >= POINTS {
            self.refused.set(self.refused.get() + 1);
            return false;
        }
        // SAFETY: as in `changes`.
        unsafe { (&mut *self.changes.get())[length] = Change { queue, order: length as u16, frame, normalised } };
        self.length.set(length + 1);
        true
    }

    /// Brings the points of each queue together, in the order they were added.
    fn sort(&self) {
        // SAFETY: as in `changes`.
        let all = unsafe { &mut *self.changes.get() };
        all[..self.length.get()].sort_unstable_by_key(|change| (change.queue, change.order));
    }
}

/// One parameter's points.
pub(crate) struct Queue {
    pool: Arc<Pool>,
    place: u16,
    parameter: Cell<u32>,
    /// Where its points begin once they are sorted.
    start: Cell<usize>,
    length: Cell<usize>,
    /// Whether the plugin may add to it.
    is_open: bool,
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.parameter.get()
    }

    unsafe fn getPointCount(&self) -> i32 {
        self.length.get() as i32
    }

    unsafe fn getPoint(&self, index: i32, frame: *mut i32, normalised: *mut ParamValue) -> tresult {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let change = if self.is_open {
            // Those of its own are scattered until the block is over.
            self.pool.changes().iter().filter(|change| change.queue == self.place).nth(index)
        } else if index < self.length.get() {
            self.pool.changes().get(self.start.get() + index)
        } else {
            None
        };
        let Some(change) = change.filter(|_| !frame.is_null() && !normalised.is_null()) else {
            return kInvalidArgument;
        };
        // SAFETY: the plugin hands over room for both.
        unsafe {
            frame.write_unaligned(change.frame);
            normalised.write_unaligned(change.normalised);
        }
        kResultOk
    }

    unsafe fn addPoint(&self, frame: i32, normalised: ParamValue, index: *mut i32) -> tresult {
        if !self.is_open {
            return kInvalidArgument;
        }
        if !self.pool.push(self.place, frame, normalised) {
            return kOutOfMemory;
        }
        if !index.is_null() {
            // SAFETY: the plugin hands over room for the number.
            unsafe { index.write_unaligned(self.length.get() as i32) };
        }
        self.length.set(self.length.get() + 1);
        kResultOk
    }
}

/// All changes of one direction.
pub(crate) struct Changes {
    pool: Arc<Pool>,
    queues: Box<[ComWrapper<Queue>]>,
    is_open: bool,
}

impl Changes {
    /// For a plugin with so many parameters. An open list is one that the plugin writes.
    pub(crate) fn new(parameters: usize, is_open: bool) -> ComWrapper<Self> {
        let pool = Pool::new();
        let queue = |place: usize| {
            ComWrapper::new(Queue {
                pool: Arc::clone(&pool),
                place: place as u16,
                parameter: Cell::new(kNoParamId),
                start: Cell::new(0),
                length: Cell::new(0),
                is_open,
            })
        };
        let queues = (0..parameters.clamp(1, QUEUES)).map(queue).collect();
        ComWrapper::new(Self { pool, queues, is_open })
    }

    /// Forgets all.
    #[inline]
    pub(crate) fn clear(&self) {
        if self.pool.used.get() > 0 {
            self.pool.used.set(0);
            self.pool.length.set(0);
        }
    }

    /// Whether nothing was added since it was cleared.
    #[inline]
    pub(crate) fn is_untouched(&self) -> bool {
        self.pool.used.get() == 0 && self.pool.refused.get() == 0
    }

    /// The queue of a parameter, a new one if it has none yet; none if there is no room.
    fn queue(&self, parameter: u32) -> Option<usize> {
        let used = self.pool.used.get();
        // The same parameter as before is the likeliest.
        if let Some(place) = (0..used).rev().find(|&place| self.queues[place].parameter.get() == parameter) {
            return Some(place);
        }
        let Some(queue) = self.queues.get(used) else {
            self.pool.refused.set(self.pool.refused.get() + 1);
            return None;
        };
        queue.parameter.set(parameter);
        queue.length.set(0);
        self.pool.used.set(used + 1);
        Some(used)
    }

    /// Adds a point for the plugin. False if there is no room.
    pub(crate) fn push(&self, parameter: u32, frame: u32, normalised: f64) -> bool {
        let Some(place) = self.queue(parameter) else { return false };
        let queue = &self.queues[place];
        let is_added = self.pool.push(place as u16, frame as i32, normalised);
        if is_added {
            queue.length.set(queue.length.get() + 1);
        }
        is_added
    }

    /// Makes what was pushed ready to be read.
    pub(crate) fn finish(&self) {
        if self.pool.used.get() == 0 {
            return;
        }
        self.pool.sort();
        let mut start = 0;
        for queue in &self.queues[..self.pool.used.get()] {
            queue.start.set(start);
            start += queue.length.get();
        }
    }

    /// All points, with the parameter of each.
    pub(crate) fn points(&self) -> impl Iterator<Item = (u32, Change)> + '_ {
        let parameter = |queue: u16| self.queues[usize::from(queue)].parameter.get();
        self.pool.changes().iter().map(move |&change| (parameter(change.queue), change))
    }

    /// The last value of each parameter that was pushed. After [`Self::finish`].
    pub(crate) fn last_values(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.queues[..self.pool.used.get()].iter().filter_map(|queue| {
            let last = (queue.start.get() + queue.length.get()).checked_sub(1)?;
            Some((queue.parameter.get(), self.pool.changes().get(last)?.normalised))
        })
    }

    /// How many points found no room since it was last asked.
    pub(crate) fn take_refused(&self) -> u32 {
        self.pool.refused.replace(0)
    }

    fn lend(&self, place: usize) -> *mut IParamValueQueue {
        let queue = self.queues.get(place).and_then(|queue| queue.as_com_ref::<IParamValueQueue>());
        queue.map_or(std::ptr::null_mut(), |queue| queue.as_ptr())
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> i32 {
        self.pool.used.get() as i32
    }

    unsafe fn getParameterData(&self, index: i32) -> *mut IParamValueQueue {
        match usize::try_from(index) {
            Ok(place) if place < self.pool.used.get() => self.lend(place),
            _ => std::ptr::null_mut(),
        }
    }

    unsafe fn addParameterData(&self, parameter: *const ParamID, index: *mut i32) -> *mut IParamValueQueue {
        if !self.is_open || parameter.is_null() {
            return std::ptr::null_mut();
        }
        // SAFETY: the plugin hands over an id.
        let Some(place) = self.queue(unsafe { parameter.read_unaligned() }) else { return std::ptr::null_mut() };
        if !index.is_null() {
            // SAFETY: the plugin hands over room for the number.
            unsafe { index.write_unaligned(place as i32) };
        }
        self.lend(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of two parameters that alternate: each queue has its own, in order.
    #[test]
    fn points_are_gathered_by_parameter() {
        let changes = Changes::new(10, false);
        for frame in 0..4 {
            assert!(changes.push(7, frame, 0.25) && changes.push(3, frame, 0.75));
        }
        changes.finish();
        // SAFETY: rooms for answers are valid.
        unsafe {
            assert_eq!(changes.getParameterCount(), 2);
            for (index, (parameter, value)) in [(7, 0.25), (3, 0.75)].into_iter().enumerate() {
                let queue = vst3::ComRef::from_raw(changes.getParameterData(index as i32)).unwrap();
                assert_eq!((queue.getParameterId(), queue.getPointCount()), (parameter, 4));
                for frame in 0..4 {
                    let (mut at, mut normalised) = (-1, 0.0);
                    assert_eq!(queue.getPoint(frame, &mut at, &mut normalised), kResultOk);
                    assert_eq!((at, normalised), (frame, value));
                }
                assert_eq!(queue.getPoint(4, &mut 0, &mut 0.0), kInvalidArgument);
                assert_eq!(queue.addPoint(0, 0.0, std::ptr::null_mut()), kInvalidArgument);
            }
            assert!(changes.getParameterData(2).is_null() && changes.getParameterData(-1).is_null());
        }
        assert_eq!(changes.last_values().collect::<Vec<_>>(), [(7, 0.25), (3, 0.75)]);
        changes.clear();
        assert_eq!(changes.points().count(), 0);
    }

    /// What the plugin writes: the same parameter twice is one queue; too much is counted and refused.
    #[test]
    fn plugins_write_into_a_fixed_room() {
        let changes = Changes::new(1, true);
        // SAFETY: rooms for answers are valid.
        unsafe {
            let queue = vst3::ComRef::from_raw(changes.addParameterData(&5, &mut 0)).unwrap();
            assert_eq!(queue.as_ptr(), changes.addParameterData(&5, std::ptr::null_mut()));
            assert!(changes.addParameterData(&6, &mut 0).is_null());
            let added = (0..POINTS + 3).filter(|_| queue.addPoint(1, 0.5, &mut 0) == kResultOk).count();
            assert_eq!((added, changes.take_refused()), (POINTS, 4));
        }
    }
}
