//! Where the bytes of system-exclusive messages live for one block. An id from another block finds nothing: it never
//! reads bytes that are not its own.

use super::SysExId;

/// Bits of an id that say which message of the block; the rest count blocks.
const INDEX_BITS: u32 = 12;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// A pool of fixed size, emptied at the start of each block.
///
/// # Real-time
/// Everything but [`Self::with_capacity`] and the default may be called in the callback.
#[derive(Debug)]
pub struct SysExPool {
    bytes: Vec<u8>,
    /// Where each message of the block ends in `bytes`.
    ends: Vec<u32>,
    byte_capacity: usize,
    message_capacity: usize,
    generation: u32,
    dropped: u32,
}

impl SysExPool {
    /// Room for so many bytes (at most 4 GiB) in so many messages (at most 4096) a block.
    pub fn with_capacity(bytes: usize, messages: usize) -> Self {
        let byte_capacity = bytes.min(u32::MAX as usize);
        let message_capacity = messages.min(1 << INDEX_BITS);
        Self {
            bytes: Vec::with_capacity(byte_capacity),
            ends: Vec::with_capacity(message_capacity),
            byte_capacity,
            message_capacity,
            generation: 0,
            dropped: 0,
        }
    }

    /// The bytes of a message; empty for one that is not in the pool, such as one of an earlier block.
    pub fn get(&self, id: SysExId) -> &[u8] {
        let index = (id.0 & INDEX_MASK) as usize;
        if id.0 >> INDEX_BITS != self.generation || index >= self.ends.len() {
            return &[];
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    /// Copies a message in; none, and counted, if it does not fit.
    pub fn store(&mut self, bytes: &[u8]) -> Option<SysExId> {
        self.store_parts(bytes, &[])
    }

    /// As [`Self::store`], of a message in two parts.
    pub(super) fn store_parts(&mut self, first: &[u8], second: &[u8]) -> Option<SysExId> {
        let length = first.len() + second.len();
        if self.ends.len() >= self.message_capacity || length > self.byte_capacity - self.bytes.len() {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        let id = SysExId(self.generation << INDEX_BITS | self.ends.len() as u32);
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.ends.push(self.bytes.len() as u32);
        Some(id)
    }

    /// Empties the pool for the next block; all ids given out lose their bytes.
    pub fn clear(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        self.bytes.clear();
        self.ends.clear();
        // The count of blocks with messages wraps after a million of them: no id lives for as long as that.
        self.generation = (self.generation + 1) & (u32::MAX >> INDEX_BITS);
    }

    /// Messages refused since the last call.
    pub fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }
}

impl Default for SysExPool {
    /// 64 KiB in 256 messages: a patch bank's worth a block.
    fn default() -> Self {
        Self::with_capacity(1 << 16, 256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assert_no_alloc::assert_no_alloc;

    /// Bytes come back in their block and never after it, be there other messages or none.
    #[test]
    fn ids_live_for_one_block() {
        let mut pool = SysExPool::with_capacity(16, 4);
        assert_no_alloc(|| {
            let first = pool.store(&[0xF0, 1, 0xF7]).unwrap();
            let second = pool.store_parts(&[0xF0, 2], &[3, 0xF7]).unwrap();
            assert_eq!(pool.get(first), [0xF0, 1, 0xF7]);
            assert_eq!(pool.get(second), [0xF0, 2, 3, 0xF7]);
            pool.clear();
            assert_eq!(pool.get(first), []);
            let third = pool.store(&[9]).unwrap();
            assert_eq!(pool.get(first), []);
            assert_eq!(pool.get(third), [9]);
            assert_eq!(pool.get(SysExId(u32::MAX)), []);
        });
    }

    /// Too many bytes and too many messages are refused and counted; what is there stays.
    #[test]
    fn overflow_is_counted() {
        let mut pool = SysExPool::with_capacity(4, 2);
        let kept = pool.store(&[1, 2, 3]).unwrap();
        assert_eq!(pool.store(&[4, 5]), None);
        assert!(pool.store(&[6]).is_some());
        assert_eq!(pool.store(&[]), None);
        assert_eq!(pool.take_dropped(), 2);
        assert_eq!(pool.get(kept), [1, 2, 3]);
    }
}
