//! Endpoints that do as they are told, for the tests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::encoding::Encoding;
use super::exchange::{Endpoints, Packet, Plan, Ready, SidePlan};
use super::fault::Fault;
use crate::callback_cell::CallbackCell;
use crate::joined::{Channels, Shared};
use crate::period::DuplexCallback;
use crate::status::StreamStatus;

/// What happens next.
#[derive(Clone)]
pub enum Step {
    /// The input has this.
    Input(Vec<u8>),
    /// It has something, of which the system says that nothing was recorded.
    Silent(Vec<u8>),
    /// It has this after a gap.
    Broken(Vec<u8>),
    /// The output wants a buffer.
    Output,
    /// Half a second passes.
    Nothing,
    /// The system refuses.
    Fails(Fault),
}

/// What a test sees of endpoints that are in a thread.
#[derive(Default)]
pub struct Seen {
    pub starts: AtomicU32,
    pub stops: AtomicU32,
    pub is_dropped: AtomicBool,
}

pub struct Fake {
    steps: VecDeque<Step>,
    /// Kept, so that none is freed where nothing may be freed.
    spent: Vec<Step>,
    buffer: Box<[u8]>,
    /// All that was played, if there is room for it.
    pub played: Vec<u8>,
    /// Set once nothing more happens.
    pub stop: Arc<AtomicBool>,
    /// Whether the output wants buffers for ever after the last step.
    pub is_endless: bool,
    /// What the first wait answers, if anything.
    pub fails_once: Option<Fault>,
    /// What `promote` answers.
    pub promoted: Result<(), String>,
    pub start: Result<(), Fault>,
    pub seen: Arc<Seen>,
}

impl Fake {
    pub fn new(steps: Vec<Step>, buffer_bytes: usize) -> Self {
        Self {
            played: Vec::with_capacity(steps.len() * buffer_bytes),
            spent: Vec::with_capacity(steps.len()),
            steps: steps.into(),
            buffer: vec![0xAA; buffer_bytes].into_boxed_slice(),
            stop: Arc::default(),
            is_endless: false,
            fails_once: None,
            promoted: Ok(()),
            start: Ok(()),
            seen: Arc::default(),
        }
    }
}

impl Endpoints for Fake {
    fn promote(&mut self) -> Result<(), String> {
        self.promoted.clone()
    }

    fn start(&mut self) -> Result<(), Fault> {
        self.seen.starts.fetch_add(1, Ordering::SeqCst);
        self.start
    }

    fn stop(&mut self) {
        self.seen.stops.fetch_add(1, Ordering::SeqCst);
    }

    fn wait(&mut self) -> Result<Ready, Fault> {
        if let Some(fault) = self.fails_once.take() {
            return Err(fault);
        }
        match self.steps.front() {
            Some(Step::Input(_) | Step::Silent(_) | Step::Broken(_)) => return Ok(Ready::Input),
            Some(Step::Output) => self.steps.pop_front(),
            Some(Step::Nothing) => {
                self.steps.pop_front();
                return Ok(Ready::Neither);
            }
            Some(&Step::Fails(fault)) => return Err(fault),
            None if self.is_endless => {
                std::thread::sleep(Duration::from_millis(1));
                None
            }
            None => {
                self.stop.store(true, Ordering::Release);
                return Ok(Ready::Neither);
            }
        };
        Ok(Ready::Output)
    }

    fn now(&self) -> u64 {
        0
    }

    fn capture(&mut self, take: &mut dyn FnMut(Packet<'_>)) -> Result<bool, Fault> {
        let (bytes, is_silent, is_broken) = match self.steps.front() {
            Some(Step::Input(bytes)) => (bytes, false, false),
            Some(Step::Silent(bytes)) => (bytes, true, false),
            Some(Step::Broken(bytes)) => (bytes, false, true),
            _ => return Ok(false),
        };
        take(Packet { bytes, is_silent, is_broken, recorded: None });
        self.spent.extend(self.steps.pop_front());
        Ok(true)
    }

    fn render(&mut self, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Fault> {
        fill(&mut self.buffer);
        if self.played.capacity() - self.played.len() >= self.buffer.len() {
            self.played.extend_from_slice(&self.buffer);
        }
        Ok(())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.seen.is_dropped.store(true, Ordering::SeqCst);
    }
}

/// Both sides alike, with one clock, at 48 kHz.
pub fn plan(encoding: Encoding, frames: usize, stride: usize, used: &[usize]) -> Plan {
    let side = SidePlan { encoding, channels: Channels { used: used.to_vec(), stride } };
    Plan { input: Some(side.clone()), output: Some(side), frames: frames as u32, rate: 48_000, is_drifting: false }
}

pub fn shared(callback: Box<dyn DuplexCallback>) -> Shared {
    let status = Arc::<StreamStatus>::default();
    let cell = Arc::new(CallbackCell::new(callback, Arc::clone(&status)));
    Shared { cell, status, frame: Arc::default() }
}
