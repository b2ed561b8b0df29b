//! The thread that reads a track: keeps the pages in memory that are about to be played, and takes back those that are not.
//! May wait and allocate as it likes.

use super::pages::{Delivery, Page};
use super::{PAGE, Shared};
use crate::tape::{AudioFile, RateConverter, TapeError};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Seconds that are read ahead of where it plays.
const AHEAD: f64 = 4.0;
/// Seconds of the file's beginning, and of the loop's, that stay.
const HEAD: f64 = 2.0;
/// How long the thread rests when there is nothing to read: a small part of what is ahead.
const REST: Duration = Duration::from_millis(5);
/// Rests after which a page that nobody wants is taken back: longer than a fade.
const PATIENCE: u32 = 100;
/// Pages that came home and are kept for what is read next.
const SPARE: usize = 32;
/// Frames of the file that are decoded before a place in its middle, so that the filter knows what came before.
const RUN_UP: u64 = 1 << 14;

/// What the thread works with.
pub(super) struct Reading {
    file: AudioFile,
    rate: u32,
    /// Frames at that rate.
    length: u64,
    deliveries: rtrb::Producer<Delivery>,
    returned: rtrb::Consumer<Page>,
    shared: Arc<Shared>,
    /// Of each page: whether it is out, and for how many rests nobody has wanted it.
    out: Vec<Option<u32>>,
    /// Pages that came home.
    free: Vec<Page>,
    converter: RateConverter,
    /// What was decoded and is in no page yet, and its first frame.
    decoded: Vec<f32>,
    decoded_from: u64,
    is_at_end: bool,
}

impl Reading {
    pub fn new(
        file: AudioFile,
        rate: u32,
        length: u64,
        deliveries: rtrb::Producer<Delivery>,
        returned: rtrb::Consumer<Page>,
        shared: Arc<Shared>,
    ) -> Result<Self, TapeError> {
        let converter = RateConverter::new(file.rate(), rate, file.channels())?;
        let out = vec![None; length.div_ceil(PAGE as u64) as usize];
        Ok(Self {
            file,
            rate,
            length,
            deliveries,
            returned,
            shared,
            out,
            free: Vec::new(),
            converter,
            decoded: Vec::new(),
            decoded_from: 0,
            is_at_end: false,
        })
    }

    /// Reads until the player is gone. A file that cannot be read any more is silent from there, and that is told.
    pub fn run(mut self) {
        while !self.shared.quit.load(Ordering::Acquire) {
            if !self.step() {
                std::thread::sleep(REST);
            }
        }
    }

    /// Reads the page that is wanted most. False if there is none: time for a rest.
    pub(super) fn step(&mut self) -> bool {
        while let Ok(page) = self.returned.pop() {
            if self.free.len() < SPARE {
                self.free.push(page);
            }
        }
        let wants_all = self.shared.wants_all.load(Ordering::Acquire);
        let wanted = if wants_all { (0..self.out.len()).collect() } else { self.wanted() };
        let next = wanted.iter().copied().find(|&page| self.out[page].is_none());
        match next {
            Some(page) => self.deliver(page),
            None => {
                self.shared.has_all.store(wants_all, Ordering::Release);
                self.take_back(&wanted);
            }
        }
        next.is_some()
    }

    /// The pages that should be in memory, the most urgent first.
    fn wanted(&self) -> Vec<usize> {
        let pages = |seconds: f64| (seconds * f64::from(self.rate) / PAGE as f64).ceil() as usize + 1;
        let place = |frame: i64| usize::try_from(frame).ok().map(|frame| frame / PAGE);
        let from = |first: usize, count: usize| (first..first + count).filter(|&page| page < self.out.len());
        let at = place(self.shared.at.load(Ordering::Relaxed)).unwrap_or(0);
        let returns_to = place(self.shared.returns_to.load(Ordering::Relaxed));
        let mut wanted: Vec<usize> = from(at, pages(AHEAD)).chain(from(0, pages(HEAD))).collect();
        wanted.extend(returns_to.into_iter().flat_map(|first| from(first, pages(HEAD))));
        wanted
    }

    /// Wants those back that nobody has wanted for a while. Not from a player that is not called: it would give nothing back,
    /// and what is sent to it for all that it does not take would know no end.
    fn take_back(&mut self, wanted: &[usize]) {
        if self.deliveries.slots() < self.deliveries.buffer().capacity() {
            return;
        }
        let mut is_wanted = vec![false; self.out.len()];
        wanted.iter().for_each(|&page| is_wanted[page] = true);
        for (page, rests) in self.out.iter_mut().enumerate() {
            let Some(unwanted) = rests else { continue };
            *unwanted = if is_wanted[page] { 0 } else { *unwanted + 1 };
            if *unwanted > PATIENCE && self.deliveries.push(Delivery { page: page as u32, samples: None }).is_ok() {
                *rests = None;
            }
        }
    }

    fn deliver(&mut self, page: usize) {
        let channels = self.file.channels();
        let mut samples = self.free.pop().unwrap_or_else(|| vec![0.0; PAGE * channels].into());
        samples.fill(0.0);
        if let Err(error) = self.read(page as u64 * PAGE as u64, &mut samples) {
            let mut failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error.to_string());
        }
        // There is room: of each page one comes at most, and one is wanted back, until the player has taken them.
        if self.deliveries.push(Delivery { page: page as u32, samples: Some(samples) }).is_ok() {
            self.out[page] = Some(0);
        }
    }

    /// Reads the frames of a page.
    fn read(&mut self, first: u64, page: &mut Page) -> Result<(), TapeError> {
        let channels = self.file.channels();
        let frames = (self.length - first).min(PAGE as u64);
        let has = |reading: &Self| reading.decoded_from + (reading.decoded.len() / channels) as u64;
        if first < self.decoded_from || first > has(self) + PAGE as u64 {
            self.go_to(first)?;
        }
        let mut piece = Vec::new();
        while has(self) < first + frames && !self.is_at_end {
            if self.file.read(&mut piece)? {
                self.converter.push(&piece, &mut self.decoded)?;
            } else {
                self.converter.finish(&mut self.decoded)?;
                self.is_at_end = true;
            }
            self.forget_before(first);
        }
        self.forget_before(first);
        let there = self.decoded.chunks_exact(channels).take(frames as usize);
        for (frame, samples) in there.enumerate() {
            for (channel, sample) in samples.iter().enumerate() {
                page[channel * PAGE + frame] = *sample;
            }
        }
        self.forget_before(first + frames);
        Ok(())
    }

    fn forget_before(&mut self, frame: u64) {
        let channels = self.file.channels();
        let passed = frame.saturating_sub(self.decoded_from).min((self.decoded.len() / channels) as u64);
        self.decoded.drain(..passed as usize * channels);
        self.decoded_from += passed;
    }

    /// Decodes from a place on, or a little before: at a frame that lies on one of the file's own, so that the converted
    /// ones are those that they are when all is read from the start.
    fn go_to(&mut self, first: u64) -> Result<(), TapeError> {
        let (from, to) = (u64::from(self.file.rate()), u64::from(self.rate));
        let divisor = common_divisor(from, to);
        let (step, converted) = (from / divisor, to / divisor);
        let steps = (first / converted).saturating_sub(if from == to { 0 } else { RUN_UP / step + 1 });
        self.file.seek(steps * step)?;
        self.converter = RateConverter::new(self.file.rate(), self.rate, self.file.channels())?;
        self.decoded.clear();
        (self.decoded_from, self.is_at_end) = (steps * converted, false);
        Ok(())
    }
}

/// Nobody waits for a thread that has ended, however it did.
impl Drop for Reading {
    fn drop(&mut self) {
        self.shared.quit.store(true, Ordering::Release);
    }
}

fn common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { common_divisor(other, one % other) }
}
