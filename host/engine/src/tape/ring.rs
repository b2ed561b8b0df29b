//! Rings of samples between a callback and the thread of a file. Made off the callback, and touched once from end to end,
//! so that the system need not find memory for them while they are in use.

use rtrb::{Consumer, Producer, RingBuffer};

/// A ring of so many samples.
pub(super) fn samples(capacity: usize) -> (Producer<f32>, Consumer<f32>) {
    let (mut producer, mut consumer) = RingBuffer::new(capacity);
    if let Ok(chunk) = producer.write_chunk_uninit(capacity) {
        chunk.fill_from_iter(std::iter::repeat(0.0));
    }
    if let Ok(chunk) = consumer.read_chunk(capacity) {
        chunk.commit_all();
    }
    (producer, consumer)
}
