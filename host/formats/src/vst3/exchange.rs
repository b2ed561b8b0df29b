//! Blocks of data that a plugin's audio half hands to its controller: room made when a queue is opened, locked and freed by
//! whoever processes, delivered on the main thread. Locking and freeing never wait, allocate or call the system; room that
//! was made is kept for later queues until the plugin ends, so that nobody can hold on to what is gone.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;

use super::queue::{INVALID, Queue, Shape};
use crate::thread;

/// Queues of one plugin, open or kept for later.
const MOST_QUEUES: usize = 16;

/// The queues of one plugin.
pub(crate) struct Exchange {
    main_thread: ThreadId,
    /// Null, or a room that lives as long as this.
    queues: [AtomicPtr<Queue>; MOST_QUEUES],
    /// Queues that were opened.
    opened: AtomicU32,
    /// The controller, as far as it takes any.
    receiver: Mutex<Option<ComPtr<IDataExchangeReceiver>>>,
}

impl Exchange {
    /// For a plugin whose main thread is the calling one.
    pub(crate) fn new() -> Self {
        Self {
            main_thread: std::thread::current().id(),
            queues: [const { AtomicPtr::new(ptr::null_mut()) }; MOST_QUEUES],
            opened: AtomicU32::new(0),
            receiver: Mutex::default(),
        }
    }

    fn receiver(&self) -> MutexGuard<'_, Option<ComPtr<IDataExchangeReceiver>>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something while its lock is held.
    pub(crate) fn with_lock_held(&self, during: &mut dyn FnMut()) {
        let _held = self.receiver();
        during();
    }

    fn is_main_thread(&self) -> bool {
        std::thread::current().id() == self.main_thread && !thread::is_audio_thread()
    }

    /// The rooms there are, each with the place it has here.
    fn rooms(&self) -> impl Iterator<Item = (usize, &Queue)> {
        self.queues.iter().enumerate().filter_map(|(place, queue)| {
            // SAFETY: what was put there lives as long as this.
            unsafe { queue.load(Ordering::Acquire).as_ref() }.map(|queue| (place, queue))
        })
    }

    fn open_queues(&self) -> impl Iterator<Item = &Queue> {
        self.rooms().map(|(_, queue)| queue).filter(|queue| queue.is_open())
    }

    /// # Real-time
    /// Safe to call.
    fn queue(&self, id: u32) -> Option<&Queue> {
        // SAFETY: as above.
        let queue = unsafe { self.queues[id as usize % MOST_QUEUES].load(Ordering::Acquire).as_ref() };
        queue.filter(|queue| id != INVALID && queue.id.load(Ordering::Acquire) == id)
    }

    /// Takes the controller, and tells it of the queues there are; none lets go of it. Main thread.
    pub(crate) fn set_receiver(&self, receiver: Option<ComPtr<IDataExchangeReceiver>>) {
        let before = std::mem::replace(&mut *self.receiver(), receiver.clone());
        drop(before);
        if let Some(receiver) = receiver {
            self.open_queues().for_each(|queue| tell_opened(queue, &receiver));
        }
    }

    /// Hands over what was sent. Main thread.
    pub(crate) fn deliver(&self) {
        // A copy: receivers may come back here.
        let receiver = self.receiver().clone();
        if let Some(receiver) = receiver {
            self.open_queues().for_each(|queue| queue.deliver(&receiver));
        }
    }

    /// The id of a new queue; none if there is no room, or on another thread than the main one.
    fn open(&self, shape: Shape, user_context: u32) -> Option<u32> {
        if !self.is_main_thread() {
            return None;
        }
        let kept = self.rooms().find(|(_, queue)| !queue.is_open() && queue.fits(shape.blocks, shape.bytes()));
        let (place, queue) = kept.or_else(|| self.make_room(shape))?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed) % (INVALID / MOST_QUEUES as u32);
        let id = number * MOST_QUEUES as u32 + place as u32;
        queue.open(id, user_context, shape);
        let receiver = self.receiver().clone();
        if let Some(receiver) = receiver {
            tell_opened(queue, &receiver);
        }
        Some(id)
    }

    fn make_room(&self, shape: Shape) -> Option<(usize, &Queue)> {
        let place = self.queues.iter().position(|queue| queue.load(Ordering::Relaxed).is_null())?;
        // With some to spare, so that few rooms serve queues of many sizes.
        let queue = Box::new(Queue::new(shape.blocks.next_power_of_two(), shape.bytes().next_power_of_two()));
        self.queues[place].store(Box::into_raw(queue), Ordering::Release);
        self.rooms().find(|(index, _)| *index == place)
    }

    /// Hands over what was sent and ends the queue. Whether there was one. Main thread.
    fn close(&self, id: u32) -> bool {
        let Some(queue) = self.queue(id).filter(|_| self.is_main_thread()) else { return false };
        let receiver = self.receiver().clone();
        if let Some(receiver) = &receiver {
            queue.deliver(receiver);
        }
        queue.id.store(INVALID, Ordering::Release);
        if let Some(receiver) = receiver {
            // SAFETY: the controller is initialised and this is the main thread.
            unsafe { receiver.queueClosed(queue.user_context.load(Ordering::Relaxed)) };
        }
        true
    }

    /// See `IDataExchangeHandler::openQueue`.
    ///
    /// # Safety
    /// `to` leads to room for an id or is null.
    pub(crate) unsafe fn open_queue(
        &self,
        (block_size, blocks, alignment): (u32, u32, u32),
        user_context: u32,
        to: *mut DataExchangeQueueID,
    ) -> tresult {
        let Some(shape) = Shape::new(block_size, blocks, alignment).filter(|_| !to.is_null()) else {
            return kInvalidArgument;
        };
        let id = self.open(shape, user_context);
        // SAFETY: promised by the caller.
        unsafe { to.write_unaligned(id.unwrap_or(INVALID)) };
        if id.is_some() { kResultOk } else { kOutOfMemory }
    }

    /// See `IDataExchangeHandler::closeQueue`.
    pub(crate) fn close_queue(&self, id: DataExchangeQueueID) -> tresult {
        if self.close(id) { kResultOk } else { kInvalidArgument }
    }

    /// See `IDataExchangeHandler::lockBlock`.
    ///
    /// # Safety
    /// `to` leads to room for a block or is null.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) unsafe fn lock_block(&self, id: DataExchangeQueueID, to: *mut DataExchangeBlock) -> tresult {
        let Some(queue) = self.queue(id).filter(|_| !to.is_null()) else { return kInvalidArgument };
        let block = queue.lock();
        let none = DataExchangeBlock { data: ptr::null_mut(), size: 0, blockID: InvalidDataExchangeBlockID };
        // SAFETY: promised by the caller.
        unsafe { to.write_unaligned(block.unwrap_or(none)) };
        if block.is_some() { kResultOk } else { kOutOfMemory }
    }

    /// See `IDataExchangeHandler::freeBlock`.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn free_block(&self, id: DataExchangeQueueID, block: DataExchangeBlockID, send: bool) -> tresult {
        let is_freed = self.queue(id).is_some_and(|queue| queue.free(block, send));
        if is_freed { kResultOk } else { kInvalidArgument }
    }
}

/// Blocks come on the main thread whatever a receiver would like better.
fn tell_opened(queue: &Queue, receiver: &ComPtr<IDataExchangeReceiver>) {
    let (context, size) = (&queue.user_context, &queue.block_size);
    let mut wants_background = 0;
    // SAFETY: the controller is initialised, this is the main thread, and there is room for the wish.
    unsafe {
        receiver.queueOpened(context.load(Ordering::Relaxed), size.load(Ordering::Relaxed), &mut wants_background);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for queue in &mut self.queues {
            let queue = std::mem::replace(queue.get_mut(), ptr::null_mut());
            if !queue.is_null() {
                // SAFETY: it was made from a box, and nobody else has it.
                drop(unsafe { Box::from_raw(queue) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vst3::{Class, ComWrapper};

    fn open(exchange: &Exchange, shape: (u32, u32, u32)) -> (tresult, u32) {
        let mut id = 0;
        // SAFETY: there is room for the id.
        (unsafe { exchange.open_queue(shape, 7, &mut id) }, id)
    }

    fn lock(exchange: &Exchange, id: u32) -> (tresult, DataExchangeBlock) {
        let mut block = DataExchangeBlock { data: ptr::null_mut(), size: 0, blockID: 0 };
        // SAFETY: there is room for the block.
        (unsafe { exchange.lock_block(id, &mut block) }, block)
    }

    /// Two blocks of 100 bytes at multiples of 64: apart, as large as asked for, no third one; each freed once.
    #[test]
    fn blocks_are_locked_and_freed() {
        let exchange = Exchange::new();
        let (result, id) = open(&exchange, (100, 2, 64));
        assert_eq!(result, kResultOk);
        let [first, second] = [0, 1].map(|_| lock(&exchange, id).1);
        assert_eq!((first.size, first.data.addr() % 64, second.data.addr() - first.data.addr()), (100, 0, 128));
        // SAFETY: the block is this test's until it is freed.
        unsafe { first.data.cast::<u8>().write_bytes(1, 100) };
        let (result, none) = lock(&exchange, id);
        assert_eq!((result, none.data.is_null(), none.blockID), (kOutOfMemory, true, InvalidDataExchangeBlockID));
        assert_eq!(exchange.free_block(id, second.blockID, false), kResultOk);
        assert_eq!(exchange.free_block(id, second.blockID, false), kInvalidArgument);
        assert_eq!(exchange.free_block(id, 99, true), kInvalidArgument);
        assert_eq!(lock(&exchange, id).0, kResultOk);
    }

    /// Writes down what it receives.
    #[derive(Default)]
    struct Receiver(Mutex<Vec<String>>);

    impl Class for Receiver {
        type Interfaces = (IDataExchangeReceiver,);
    }

    impl IDataExchangeReceiverTrait for Receiver {
        unsafe fn queueOpened(&self, context: u32, block_size: u32, _: *mut TBool) {
            self.0.lock().unwrap().push(format!("opened {context} {block_size}"));
        }

        unsafe fn queueClosed(&self, context: u32) {
            self.0.lock().unwrap().push(format!("closed {context}"));
        }

        unsafe fn onDataExchangeBlocksReceived(
            &self,
            _: u32,
            count: u32,
            blocks: *mut DataExchangeBlock,
            background: TBool,
        ) {
            // SAFETY: there are so many blocks.
            let blocks = unsafe { std::slice::from_raw_parts(blocks, count as usize) };
            let ids: Vec<u32> = blocks.iter().map(|block| block.blockID).collect();
            self.0.lock().unwrap().push(format!("{ids:?} {background}"));
        }
    }

    /// In the order they were sent, not that of their places; a controller that comes later hears of the queue there is; what
    /// was sent last comes before the end.
    #[test]
    fn blocks_come_in_order() {
        let (exchange, receiver) = (Exchange::new(), ComWrapper::new(Receiver::default()));
        let (_, id) = open(&exchange, (16, 3, 1));
        exchange.set_receiver(receiver.to_com_ptr());
        let [first, second, third] = [0, 1, 2].map(|_| lock(&exchange, id).1.blockID);
        for (block, send) in [(third, true), (first, true), (second, false)] {
            assert_eq!(exchange.free_block(id, block, send), kResultOk);
        }
        exchange.deliver();
        exchange.deliver();
        let last = lock(&exchange, id).1.blockID;
        exchange.free_block(id, last, true);
        exchange.close_queue(id);
        exchange.set_receiver(None);
        let told = receiver.0.lock().unwrap().clone();
        assert_eq!(told, ["opened 7 16", &format!("[{third}, {first}] 0"), &format!("[{last}] 0"), "closed 7"]);
    }

    /// A room serves one queue after another; ids do not come back; what makes no sense is refused.
    #[test]
    fn rooms_are_used_again() {
        let exchange = Exchange::new();
        let mut before = INVALID;
        for size in 1..200 {
            let (result, id) = open(&exchange, (size, 3, 8));
            assert_eq!((result, lock(&exchange, id).0), (kResultOk, kResultOk));
            assert!(id != before && lock(&exchange, before).0 == kInvalidArgument);
            assert_eq!((exchange.close_queue(id), exchange.close_queue(id)), (kResultOk, kInvalidArgument));
            before = id;
        }
        for wrong in [(0, 1, 1), (1, 0, 1), (1, 1, 3), (1, 1, 1 << 20), (u32::MAX, 2, 1), (1, u32::MAX, 1)] {
            assert_eq!(open(&exchange, wrong).0, kInvalidArgument, "{wrong:?}");
        }
        let opened = (0..20).filter(|_| open(&exchange, (8, 1, 8)).0 == kResultOk).count();
        assert_eq!(opened, MOST_QUEUES);
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(exchange.close_queue(before), kInvalidArgument));
        });
    }
}
