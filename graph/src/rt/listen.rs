//! Listeners: each copies the samples of one channel of a node into a ring of its own, for tuners and loudness meters on
//! the control side. The rings live as long as the renderer, so that none has to be carried. A listener that is off costs
//! nothing, and one whose ring nobody reads loses whole chunks, never waits.
//!
//! What goes through a ring are the bits of samples. Where they do not follow on what came before, a marker stands: a bit
//! pattern that no sample has, the generation of the request, and the steady frame of the next sample.

use crate::id::NodeId;

/// Channels that can be listened to at once.
pub const LISTENERS: usize = 24;
/// Samples that fit into a ring: a third of a second at 192 kHz.
const ROOM: usize = 1 << 16;
/// A signalling not-a-number.
const MARKER: u32 = 0x7FA0_0001;
const MARKER_WORDS: usize = 4;

/// One channel among the outputs of a node; of an output node, what the device plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenTo {
    /// The node.
    pub node: NodeId,
    /// The channel, counted over all ports.
    pub channel: u16,
}

/// The audio half.
pub(crate) struct Listener {
    source: Option<ListenTo>,
    generation: u32,
    /// Whether the next sample does not follow on the last one in the ring.
    broken: bool,
    /// The frame behind the last chunk that was heard.
    next_frame: u64,
    ring: rtrb::Producer<u32>,
}

impl Listener {
    /// Listens to something else, or no longer.
    pub fn listen(&mut self, source: Option<ListenTo>, generation: u32) {
        (self.source, self.generation, self.broken) = (source, generation, true);
    }

    /// Whose output is listened to.
    pub fn node(&self) -> Option<NodeId> {
        Some(self.source?.node)
    }

    /// Takes a chunk of a channel that begins at a steady frame, if it is the one that is listened to.
    pub fn hear(&mut self, source: ListenTo, frame: u64, samples: &[f32]) {
        if self.source != Some(source) {
            return;
        }
        // While a node sleeps or is out of the graph, nothing comes.
        self.broken |= self.next_frame != frame;
        self.next_frame = frame + samples.len() as u64;
        let marker = [MARKER, self.generation, frame as u32, (frame >> 32) as u32];
        let marker = if self.broken { &marker[..] } else { &[] };
        let words = samples.iter().map(|sample| if sample.is_nan() { 0 } else { sample.to_bits() });
        self.broken = match self.ring.write_chunk_uninit(marker.len() + samples.len()) {
            Ok(chunk) => {
                chunk.fill_from_iter(marker.iter().copied().chain(words));
                false
            }
            Err(_) => true,
        };
    }
}

/// The control half.
pub(crate) struct Hearing {
    generation: u32,
    /// The frame of the next sample in the ring; none while it is of a request before the last.
    frame: Option<u64>,
    ring: rtrb::Consumer<u32>,
}

impl Hearing {
    /// Begins a new request: what is still in the ring is of no use. Returns its generation.
    pub fn begin(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.frame = None;
        self.generation
    }

    /// Appends samples up to the next gap. Returns the steady frame of the first, none if there are none.
    pub fn hear(&mut self, samples: &mut Vec<f32>) -> Option<u64> {
        let before = samples.len();
        loop {
            match self.ring.peek() {
                Ok(&MARKER) if samples.len() > before => break,
                Ok(&MARKER) => {
                    // A marker is put into the ring as a whole.
                    let Ok(marker) = self.ring.read_chunk(MARKER_WORDS) else { break };
                    let mut words = marker.into_iter().skip(1);
                    let mut word = || words.next().unwrap_or_default();
                    let (generation, low, high) = (word(), word(), word());
                    self.frame = (generation == self.generation).then(|| u64::from(low) | u64::from(high) << 32);
                }
                Ok(&bits) => {
                    let _taken = self.ring.pop();
                    if self.frame.is_some() {
                        samples.push(f32::from_bits(bits));
                    }
                }
                Err(_) => break,
            }
        }
        let count = (samples.len() - before) as u64;
        let first = self.frame.filter(|_| count > 0)?;
        self.frame = Some(first + count);
        Some(first)
    }
}

/// Both halves of all listeners.
pub(crate) fn listeners() -> (Box<[Listener]>, Box<[Hearing]>) {
    let pair = |_| {
        let (producer, consumer) = rtrb::RingBuffer::new(ROOM);
        let listener = Listener { source: None, generation: 0, broken: true, next_frame: 0, ring: producer };
        (listener, Hearing { generation: 0, frame: None, ring: consumer })
    };
    let (listeners, hearings): (Vec<_>, Vec<_>) = (0..LISTENERS).map(pair).unzip();
    (listeners.into(), hearings.into())
}
