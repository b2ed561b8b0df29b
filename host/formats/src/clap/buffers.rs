//! The audio buffers of a process call: pointed at a block's channels once a schedule, masked where silence goes in,
//! looked at once the plugin has written them.
#![deny(clippy::disallowed_types)]

use std::ptr;

use clap_sys::audio_buffer::clap_audio_buffer;
use crosspoint_graph::Block;
use smallvec::SmallVec;

use crate::double::{DoubleChannels, DoublePort};
use crate::finite::sums_are_finite;
use crate::plugin::{AudioBus, Precision};

/// Channels that a constant mask can speak of.
const MASK_CHANNELS: usize = 64;

/// What the output of a call was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All samples are numbers.
    Sound,
    /// Some are not.
    NonFinite,
}

/// A plugin's buffers. What each block touches comes first.
#[repr(C)]
pub(crate) struct Buffers {
    /// The plugin's inputs, then its outputs. They move with this, until [`Self::pointers`] is asked.
    all: SmallVec<[clap_audio_buffer; 2]>,
    /// What `all` leads to without a mask, see [`Block::wiring`]; 0 for nothing, or if a mask says anything.
    wiring: u64,
    /// The first of the channels of all outputs that are on.
    heard: *const *mut f32,
    /// How many they are.
    heard_channels: u32,
    output_count: u32,
    outputs: *mut clap_audio_buffer,
    shape: Box<Shape>,
}

/// What a block has to be like.
struct Shape {
    /// Those of inputs, then those of outputs.
    routes: Box<[Route]>,
    input_routes: usize,
    max_frames: usize,
    is_running: bool,
    /// What all buses lead to if the plugin is given 64 bits.
    double: Option<DoubleChannels>,
    /// What buses that are off lead to: silence to read, and a place to write what nobody hears.
    spare: Vec<Spare>,
}

/// A bus that is on: which of the plugin's buffers is which of the node's ports.
#[derive(Clone, Copy)]
struct Route {
    /// Into [`Buffers::all`].
    buffer: u32,
    port: u32,
    channels: u32,
    /// The place of its first channel among those of all buses.
    first_channel: u32,
}

impl Route {
    fn buffer(self) -> usize {
        self.buffer as usize
    }

    fn port(self) -> usize {
        self.port as usize
    }

    fn channels(self) -> usize {
        self.channels as usize
    }

    fn double(&self) -> DoublePort {
        DoublePort { port: self.port(), first_channel: self.first_channel as usize, channels: self.channels() }
    }
}

/// Channel pointers of one bus that is off, with what they lead to.
struct Spare {
    _pointers: Vec<*mut f32>,
    _samples: Vec<Vec<f32>>,
}

impl Buffers {
    /// For these buses, samples of that precision and blocks of at most so many frames.
    pub(crate) fn new(inputs: &[AudioBus], outputs: &[AudioBus], precision: Precision, max_frames: usize) -> Self {
        let channels = |buses: &[AudioBus]| buses.iter().map(|bus| bus.layout.channels() as usize).sum::<usize>();
        let double = (precision == Precision::Double)
            .then(|| DoubleChannels::new(channels(inputs) + channels(outputs), max_frames));
        let shape =
            Shape { routes: [].into(), input_routes: 0, max_frames, is_running: false, double, spare: Vec::new() };
        let mut building = Building { shape, routes: Vec::new(), all: SmallVec::new(), first_channel: 0 };
        building.add(inputs, u64::MAX);
        building.shape.input_routes = building.routes.len();
        building.add(outputs, 0);
        let Building { shape, routes, all, .. } = building;
        Self {
            all,
            wiring: 0,
            heard: ptr::null(),
            heard_channels: 0,
            output_count: outputs.len() as u32,
            outputs: ptr::null_mut(),
            shape: Box::new(Shape { routes: routes.into(), ..shape }),
        }
    }

    /// The buffers of inputs and of outputs, which stay there from now on: this must not move any more. Never null, even
    /// without ports: plugins index before they look at the count.
    pub(crate) fn pointers(&mut self) -> (*const clap_audio_buffer, *mut clap_audio_buffer) {
        let inputs = self.all.as_mut_ptr();
        self.outputs = inputs.wrapping_add(self.all.len() - self.output_count as usize);
        (inputs, self.outputs)
    }

    /// Whether the plugin is processing. If not, nothing can be prepared for it.
    pub(crate) fn set_running(&mut self, is_running: bool) {
        self.shape.is_running = is_running;
        self.wiring = 0;
    }

    /// Points the buffers at a block. False if the block is not of their shape, or the plugin is not processing.
    pub(crate) fn prepare(&mut self, block: &mut Block<'_>) -> bool {
        if block.wiring() != self.wiring && !self.rewire(block) {
            return false;
        }
        self.mask_inputs(block);
        let Shape { double, routes, input_routes, .. } = &mut *self.shape;
        if let Some(double) = double {
            double.take_in(routes[..*input_routes].iter().map(Route::double), block);
            // Each block is converted: none is as the one before.
            self.wiring = 0;
        }
        true
    }

    /// Whether the plugin is given 64 bits. What it wrote is in the block once [`Self::inspect`] was called.
    pub(crate) fn is_double(&self) -> bool {
        self.shape.double.is_some()
    }

    /// Whether a block in which no input is silent needs no [`Self::prepare`].
    #[inline(always)]
    pub(crate) fn are_as_before(&self, block: &Block<'_>) -> bool {
        block.wiring() == self.wiring
    }

    /// Points the buffers at other tables. False if they are not of the plugin's shape.
    fn rewire(&mut self, block: &mut Block<'_>) -> bool {
        self.wiring = 0;
        let (inputs, outputs) = self.shape.routes.split_at(self.shape.input_routes);
        let fits = self.shape.is_running
            && block.chunk().max_block <= self.shape.max_frames
            && block.input_ports() == inputs.len()
            && block.output_ports() == outputs.len()
            && inputs.iter().all(|route| block.input_channels(route.port()) == route.channels())
            && outputs.iter().all(|route| block.output_channels(route.port()) == route.channels());
        if !fits {
            return false;
        }
        if self.shape.double.is_none() {
            for route in inputs {
                self.all[route.buffer()].data32 = block.input_pointers(route.port());
            }
            for route in outputs {
                self.all[route.buffer()].data32 = block.output_pointers(route.port());
            }
        }
        // The tables of a block's ports follow one another.
        self.heard = block.output_pointers(0);
        self.heard_channels = outputs.iter().map(|route| route.channels).sum();
        self.wiring = block.wiring();
        true
    }

    /// Tells the plugin which of its inputs are silent.
    fn mask_inputs(&mut self, block: &Block<'_>) {
        for route in &self.shape.routes[..self.shape.input_routes] {
            let silent = |channel| u64::from(block.input_is_silent(route.port(), channel)) << channel;
            let mask = (0..route.channels().min(MASK_CHANNELS)).fold(0, |mask, channel| mask | silent(channel));
            self.all[route.buffer()].constant_mask = mask;
        }
        if block.has_silent_input() {
            self.wiring = 0;
        }
    }

    /// Whether the plugin wrote nothing but numbers and says of no channel that it is constant.
    #[inline(always)]
    pub(crate) fn are_plain(&mut self, block: &Block<'_>) -> bool {
        self.is_finite(block) && self.outputs().iter().all(|buffer| buffer.constant_mask == 0)
    }

    /// The quick answer, which large numbers may fool.
    #[inline(always)]
    fn is_finite(&self, block: &Block<'_>) -> bool {
        // SAFETY: `rewire` found so many channels there; each has room for the block's frames and is aligned as slots are.
        unsafe { sums_are_finite(self.heard, self.heard_channels as usize, block.frames()) }
    }

    /// Looks at what the plugin wrote, and marks the channels that it says are constant and that are zero.
    pub(crate) fn inspect(&mut self, block: &mut Block<'_>) -> Outcome {
        let Shape { double, routes, input_routes, .. } = &*self.shape;
        if let Some(double) = double {
            double.give_out(routes[*input_routes..].iter().map(Route::double), block);
        }
        if !self.is_finite(block) && !self.is_finite_indeed(block) {
            return Outcome::NonFinite;
        }
        if self.outputs().iter().any(|buffer| buffer.constant_mask != 0) {
            self.mark_silence(block);
        }
        Outcome::Sound
    }

    /// The buffers of outputs, on or off. Not during the plugin's call.
    #[inline(always)]
    fn outputs(&mut self) -> &mut [clap_audio_buffer] {
        // SAFETY: there are so many buffers from there on, which nothing else leads to now.
        unsafe { std::slice::from_raw_parts_mut(self.outputs, self.output_count as usize) }
    }

    /// The slow answer, for when large numbers may have fooled the fast one.
    #[cold]
    fn is_finite_indeed(&self, block: &mut Block<'_>) -> bool {
        self.shape.routes[self.shape.input_routes..].iter().all(|route| {
            (0..route.channels())
                .all(|channel| block.output(route.port(), channel).iter().all(|sample| sample.is_finite()))
        })
    }

    /// Marks the channels that are zero among those that the plugin says are constant, and forgets what it said. Its mask
    /// is only a hint and often wrong, whereas a mark of silence is believed by all that follows.
    fn mark_silence(&mut self, block: &mut Block<'_>) {
        for route in &self.shape.routes[self.shape.input_routes..] {
            let mask = self.all[route.buffer()].constant_mask;
            for channel in (0..route.channels().min(MASK_CHANNELS)).filter(|channel| mask >> channel & 1 == 1) {
                if block.output(route.port(), channel).iter().all(|sample| sample.to_bits() == 0) {
                    block.set_output_silent(route.port(), channel);
                }
            }
        }
        self.outputs().iter_mut().for_each(|buffer| buffer.constant_mask = 0);
    }
}

/// Buffers while they are made.
struct Building {
    shape: Shape,
    routes: Vec<Route>,
    all: SmallVec<[clap_audio_buffer; 2]>,
    /// How many channels there are so far.
    first_channel: u32,
}

impl Building {
    /// Adds the buffers of one direction, and routes to those that are ports of the node: the ones that are on, in order.
    /// Those that are off are constant as `off` says.
    fn add(&mut self, buses: &[AudioBus], off: u64) {
        let mut port = 0;
        for bus in buses {
            let channels = bus.layout.channels();
            let first_channel = self.first_channel;
            self.first_channel += channels;
            let (mut data32, mut data64, mut constant_mask) = (ptr::null_mut(), ptr::null_mut(), 0);
            if bus.is_port() {
                self.routes.push(Route { buffer: self.all.len() as u32, port, channels, first_channel });
                port += 1;
            } else if channels > 0 {
                constant_mask = off;
            }
            if let Some(double) = &mut self.shape.double {
                data64 = double.pointers(first_channel as usize);
            } else if !bus.is_port() && channels > 0 {
                let mut samples = vec![vec![0.0; self.shape.max_frames]; channels as usize];
                let mut pointers: Vec<_> = samples.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
                data32 = pointers.as_mut_ptr();
                self.shape.spare.push(Spare { _pointers: pointers, _samples: samples });
            }
            self.all.push(clap_audio_buffer { data32, data64, channel_count: channels, latency: 0, constant_mask });
        }
    }
}
