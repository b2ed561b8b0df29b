//! Which parameter each MIDI controller of each channel drives: VST3 has no controllers, plugins assign them parameters.
//! Read on the main thread, and read anew when the plugin says so, while the audio half looks things up.
#![deny(clippy::disallowed_types)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::kResultOk;

use super::abi::{self, controller};
use super::parameters::ProgramParameter;

/// Channels of an event bus.
const CHANNELS: usize = 16;
/// Buses that are looked at.
const MOST_BUSES: usize = 16;
/// What is assigned on one channel: its controllers, and behind them the choice of its program.
const ENTRIES: usize = controller::COUNT + 1;

/// Words of a channel's controllers that moved, a bit each.
const WORDS: usize = controller::COUNT.div_ceil(u64::BITS as usize);

/// A controller that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) bus: i32,
    pub(crate) channel: i16,
    pub(crate) number: CtrlNumber,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct MidiMap {
    /// By bus, channel and entry.
    parameters: Box<[AtomicU32]>,
    /// By bus, channel and word; empty for a plugin that does not learn from controllers that move.
    moved: Box<[AtomicU64]>,
}

impl MidiMap {
    /// An empty map for so many event buses of a plugin that may learn from the controllers that move.
    pub(crate) fn new(buses: usize, learns: bool) -> Self {
        let channels = buses.min(MOST_BUSES) * CHANNELS;
        let words = if learns { channels * WORDS } else { 0 };
        Self {
            parameters: (0..channels * ENTRIES).map(|_| AtomicU32::new(kNoParamId)).collect(),
            moved: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Keeps that a controller moved, for a plugin that learns.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn move_controller(&self, bus: u16, channel: u8, number: usize) {
        let word = (usize::from(bus) * CHANNELS + usize::from(channel & 15)) * WORDS + number / u64::BITS as usize;
        if let (true, Some(word)) = (number < controller::COUNT, self.moved.get(word)) {
            word.fetch_or(1 << (number % u64::BITS as usize), Ordering::Relaxed);
        }
    }

    /// The controllers that moved since it was last asked.
    pub(crate) fn take_moved(&self) -> impl Iterator<Item = Moved> + '_ {
        self.moved.iter().enumerate().flat_map(|(index, word)| {
            let (channel, first) = (index / WORDS, index % WORDS * u64::BITS as usize);
            let bits = if word.load(Ordering::Relaxed) == 0 { 0 } else { word.swap(0, Ordering::Relaxed) };
            (0..u64::BITS as usize).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| Moved {
                bus: (channel / CHANNELS) as i32,
                channel: (channel % CHANNELS) as i16,
                number: (first + bit) as CtrlNumber,
            })
        })
    }

    /// Reads the controllers. Main thread.
    pub(crate) fn read(&self, controller: &ComPtr<IEditController>) {
        let Some(mapping) = abi::whole::<IMidiMapping, _>(controller) else { return };
        for (index, entries) in self.parameters.chunks(ENTRIES).enumerate() {
            let (bus, channel) = ((index / CHANNELS) as i32, (index % CHANNELS) as i16);
            for (number, entry) in entries[..controller::COUNT].iter().enumerate() {
                let mut parameter = kNoParamId;
                // SAFETY: the controller is initialised, this is the main thread and there is room for the answer.
                let result =
                    unsafe { mapping.getMidiControllerAssignment(bus, channel, number as CtrlNumber, &mut parameter) };
                let parameter = if result == kResultOk { parameter } else { kNoParamId };
                entry.store(parameter, Ordering::Relaxed);
            }
        }
    }

    /// Reads which parameter chooses each channel's programs. Main thread.
    pub(crate) fn read_programs(&self, controller: &ComPtr<IEditController>, programs: &[ProgramParameter]) {
        let units = abi::whole::<IUnitInfo, _>(controller);
        for (index, entries) in self.parameters.chunks(ENTRIES).enumerate() {
            let (bus, channel) = ((index / CHANNELS) as i32, (index % CHANNELS) as i32);
            let mut unit = kRootUnitId;
            if let Some(units) = &units {
                // SAFETY: as above.
                unsafe { units.getUnitByBus(abi::EVENT, abi::INPUT, bus, channel, &mut unit) };
            }
            let found = programs.iter().find(|program| program.unit == unit).or(match programs {
                [only] => Some(only),
                _ => None,
            });
            entries[controller::COUNT].store(found.map_or(kNoParamId, |program| program.id), Ordering::Relaxed);
        }
    }

    /// The ids that a controller is assigned to.
    pub(crate) fn controlled(&self) -> HashSet<u32> {
        let controllers = self.parameters.chunks(ENTRIES).flat_map(|entries| &entries[..controller::COUNT]);
        controllers.map(|entry| entry.load(Ordering::Relaxed)).filter(|&parameter| parameter != kNoParamId).collect()
    }

    /// The parameter of a controller of VST3's numbering.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn controller(&self, bus: u16, channel: u8, number: usize) -> Option<u32> {
        if number < controller::COUNT { self.entry(bus, channel, number) } else { None }
    }

    /// The parameter that chooses a channel's program.
    ///
    /// # Real-time
    /// Safe to call.
    pub(crate) fn program(&self, bus: u16, channel: u8) -> Option<u32> {
        self.entry(bus, channel, controller::COUNT)
    }

    fn entry(&self, bus: u16, channel: u8, entry: usize) -> Option<u32> {
        let index = (usize::from(bus) * CHANNELS + usize::from(channel & 15)) * ENTRIES + entry;
        let parameter = self.parameters.get(index)?.load(Ordering::Relaxed);
        (parameter != kNoParamId).then_some(parameter)
    }
}
