//! A queue of blocks, and the room that it is in: whoever processes locks and frees them, the main thread delivers what was
//! sent. A room is made once and never goes away or grows while anybody could be in it; locking and freeing never wait,
//! allocate or call the system.
#![deny(clippy::disallowed_types)]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;

/// Blocks of a queue.
const MOST_BLOCKS: u32 = 1024;
/// Bytes of all blocks of a queue.
const MOST_BYTES: usize = 64 << 20;
/// The greatest distance that addresses of blocks may be asked to be a multiple of.
const MOST_ALIGNMENT: u32 = 4096;
/// What a queue that does not exist is called.
pub(crate) const INVALID: u32 = InvalidDataExchangeQueueID;

/// States of a block; those beyond say that it is sent, in which order.
const FREE: u64 = 0;
const LOCKED: u64 = 1;
const FIRST_SENT: u64 = 2;

/// The room of a queue, and the queue that is in it at the moment.
pub(crate) struct Queue {
    /// [`INVALID`] while there is none. The numbers behind it hold for the queue of that id.
    pub(crate) id: AtomicU32,
    pub(crate) user_context: AtomicU32,
    pub(crate) block_size: AtomicU32,
    /// Bytes from one block to the next, and from the beginning of the room to the first.
    stride: AtomicUsize,
    offset: AtomicUsize,
    /// Blocks of the queue, `states.len()` at most.
    blocks: AtomicU32,
    states: Box<[AtomicU64]>,
    /// What the next block that is sent gets as its state.
    next_sent: AtomicU64,
    room: Box<[UnsafeCell<u8>]>,
}

// SAFETY: the room is the plugin's, who has a block from its locking to its freeing or delivery; nothing here reads or writes
// it once it is made.
unsafe impl Sync for Queue {}

impl Queue {
    pub(crate) fn new(blocks: u32, bytes: usize) -> Self {
        Self {
            id: AtomicU32::new(INVALID),
            user_context: AtomicU32::new(0),
            block_size: AtomicU32::new(0),
            stride: AtomicUsize::new(0),
            offset: AtomicUsize::new(0),
            blocks: AtomicU32::new(0),
            states: (0..blocks).map(|_| AtomicU64::new(FREE)).collect(),
            next_sent: AtomicU64::new(FIRST_SENT),
            room: (0..bytes + MOST_ALIGNMENT as usize).map(|_| UnsafeCell::new(0)).collect(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.id.load(Ordering::Acquire) != INVALID
    }

    pub(crate) fn fits(&self, blocks: u32, bytes: usize) -> bool {
        self.states.len() >= blocks as usize && self.room.len() >= bytes + MOST_ALIGNMENT as usize
    }

    /// Main thread; the room is large enough.
    pub(crate) fn open(&self, id: u32, user_context: u32, shape: Shape) {
        let Shape { block_size, blocks, alignment } = shape;
        self.states.iter().for_each(|state| state.store(FREE, Ordering::Relaxed));
        self.user_context.store(user_context, Ordering::Relaxed);
        self.block_size.store(block_size, Ordering::Relaxed);
        self.stride.store(shape.stride(), Ordering::Relaxed);
        self.offset.store(self.room.as_ptr().cast::<u8>().align_offset(alignment as usize), Ordering::Relaxed);
        self.blocks.store(blocks, Ordering::Relaxed);
        self.id.store(id, Ordering::Release);
    }

    fn states(&self) -> &[AtomicU64] {
        &self.states[..(self.blocks.load(Ordering::Relaxed) as usize).min(self.states.len())]
    }

    fn block(&self, index: usize) -> DataExchangeBlock {
        let at = self.offset.load(Ordering::Relaxed) + index * self.stride.load(Ordering::Relaxed);
        let data = self.room.get(at).map_or(ptr::null_mut(), |byte| byte.get().cast::<c_void>());
        DataExchangeBlock { data, size: self.block_size.load(Ordering::Relaxed), blockID: index as u32 }
    }

    /// # Real-time
    /// Safe to call.
    pub(crate) fn lock(&self) -> Option<DataExchangeBlock> {
        let take =
            |state: &AtomicU64| state.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok();
        self.states().iter().position(take).map(|index| self.block(index))
    }

    /// Whether the block was locked.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn free(&self, block: u32, send: bool) -> bool {
        let Some(state) = self.states().get(block as usize) else { return false };
        let after = if send { self.next_sent.fetch_add(1, Ordering::Relaxed) } else { FREE };
        state.compare_exchange(LOCKED, after, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Hands over what was sent, in the order it was. Main thread.
    pub(crate) fn deliver(&self, receiver: &ComPtr<IDataExchangeReceiver>) {
        let state = |index: &usize| self.states()[*index].load(Ordering::Acquire);
        let mut sent: Vec<usize> = (0..self.states().len()).filter(|index| state(index) >= FIRST_SENT).collect();
        if sent.is_empty() {
            return;
        }
        sent.sort_by_key(state);
        let mut blocks: Vec<DataExchangeBlock> = sent.iter().map(|&index| self.block(index)).collect();
        let user_context = self.user_context.load(Ordering::Relaxed);
        // SAFETY: the controller is initialised, this is the main thread, and there are so many blocks.
        unsafe { receiver.onDataExchangeBlocksReceived(user_context, blocks.len() as u32, blocks.as_mut_ptr(), 0) };
        sent.iter().for_each(|&index| self.states()[index].store(FREE, Ordering::Release));
    }
}

/// What a queue is asked to be.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    block_size: u32,
    pub(crate) blocks: u32,
    /// A power of two.
    alignment: u32,
}

impl Shape {
    /// None if it makes no sense.
    pub(crate) fn new(block_size: u32, blocks: u32, alignment: u32) -> Option<Self> {
        let shape = Self { block_size, blocks, alignment: alignment.max(1) };
        let is_sensible = (1..=MOST_BLOCKS).contains(&blocks)
            && block_size > 0
            && shape.alignment.is_power_of_two()
            && shape.alignment <= MOST_ALIGNMENT
            && shape.stride().checked_mul(blocks as usize).is_some_and(|bytes| bytes <= MOST_BYTES);
        is_sensible.then_some(shape)
    }

    fn stride(self) -> usize {
        (self.block_size as usize).next_multiple_of(self.alignment as usize)
    }

    pub(crate) fn bytes(self) -> usize {
        self.stride() * self.blocks as usize
    }
}
