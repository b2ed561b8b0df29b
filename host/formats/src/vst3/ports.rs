//! Reads a plugin's buses, and negotiates their arrangements. Main thread.

use std::mem::zeroed;

use crosspoint_graph::ChannelLayout;
use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::kResultOk;

use super::abi::{AUDIO, EVENT, INPUT, MAIN_BUS, OUTPUT};
use super::arrangement;
use super::text::wide;
use crate::arrangement::{AmbisonicOrder, AmbisonicScale, ChannelMap};
use crate::plugin::{AudioBus, BusDirection as Direction, BusPurpose, Dialect, Dialects, NotePort};

/// A plugin that reports more buses than this in one direction is not believed.
const MOST_BUSES: i32 = 4096;

/// Buses of both directions and kinds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ports {
    pub(crate) inputs: Vec<AudioBus>,
    pub(crate) outputs: Vec<AudioBus>,
    pub(crate) note_inputs: Vec<NotePort>,
    pub(crate) note_outputs: Vec<NotePort>,
    /// The arrangement of each audio bus, which a layout does not say in full.
    input_speakers: Vec<SpeakerArrangement>,
    output_speakers: Vec<SpeakerArrangement>,
}

impl Ports {
    /// Reads all. Buses keep the switch they have in `old`; new ones are on if they are main ones.
    pub(crate) fn read(component: &ComPtr<IComponent>, processor: &ComPtr<IAudioProcessor>, old: &Self) -> Self {
        let (inputs, input_speakers) = read_buses(component, processor, INPUT, &old.inputs);
        let (outputs, output_speakers) = read_buses(component, processor, OUTPUT, &old.outputs);
        let mut ports = Self {
            inputs,
            outputs,
            input_speakers,
            output_speakers,
            note_inputs: read_note_ports(component, INPUT),
            note_outputs: read_note_ports(component, OUTPUT),
        };
        // VST3: the buffers of a block may be the same in both directions.
        for (input, output) in ports.inputs.iter_mut().zip(&mut ports.outputs).take(1) {
            let is_pair = input.purpose == BusPurpose::Main
                && output.purpose == BusPurpose::Main
                && input.layout.channels() == output.layout.channels();
            (input.in_place, output.in_place) = (is_pair.then_some(0), is_pair.then_some(0));
        }
        ports
    }

    /// The audio buses of a direction.
    pub(crate) fn buses(&self, direction: Direction) -> &[AudioBus] {
        match direction {
            Direction::Input => &self.inputs,
            Direction::Output => &self.outputs,
        }
    }

    /// What the channels of a bus mean; none for mono, stereo and those without a common meaning.
    pub(crate) fn channel_map(&self, direction: Direction, index: usize) -> Option<ChannelMap> {
        let speakers = match direction {
            Direction::Input => &self.input_speakers,
            Direction::Output => &self.output_speakers,
        };
        match self.buses(direction).get(index)?.layout {
            ChannelLayout::Surround(_) => Some(arrangement::channel_map(*speakers.get(index)?)),
            // VST3: by channel number, each scaled as SN3D has it.
            ChannelLayout::Ambisonic(_) => {
                Some(ChannelMap::Ambisonic { order: AmbisonicOrder::Acn, scale: AmbisonicScale::Sn3d })
            }
            _ => None,
        }
    }

    /// As [`Self::buses`].
    pub(crate) fn buses_mut(&mut self, direction: Direction) -> &mut [AudioBus] {
        match direction {
            Direction::Input => &mut self.inputs,
            Direction::Output => &mut self.outputs,
        }
    }
}

/// How VST3 numbers a direction.
pub(crate) fn number(direction: Direction) -> BusDirection {
    match direction {
        Direction::Input => INPUT,
        Direction::Output => OUTPUT,
    }
}

fn read_info(component: &ComPtr<IComponent>, kind: MediaType, direction: BusDirection) -> Vec<BusInfo> {
    // SAFETY: the component is initialised and this is the main thread; as for all calls here.
    (0..unsafe { component.getBusCount(kind, direction) }.min(MOST_BUSES))
        .filter_map(|index| {
            // SAFETY: a structure of numbers, filled by the plugin, which has room for the answer.
            let mut info: BusInfo = unsafe { zeroed() };
            // SAFETY: as above.
            let result = unsafe { component.getBusInfo(kind, direction, index, &mut info) };
            (result == kResultOk).then_some(info)
        })
        .collect()
}

fn read_buses(
    component: &ComPtr<IComponent>,
    processor: &ComPtr<IAudioProcessor>,
    direction: BusDirection,
    old: &[AudioBus],
) -> (Vec<AudioBus>, Vec<SpeakerArrangement>) {
    let read = |(index, info): (usize, BusInfo)| {
        let mut speakers = 0;
        // SAFETY: as above.
        let result = unsafe { processor.getBusArrangement(direction, index as i32, &mut speakers) };
        let channels = u32::try_from(info.channelCount).unwrap_or(0);
        // The count is what buffers are made by; the arrangement only says what they mean.
        let layout = Some(arrangement::layout(speakers))
            .filter(|layout| result == kResultOk && layout.channels() == channels)
            .unwrap_or(ChannelLayout::from_channels(channels));
        if layout.channels() != arrangement::layout(speakers).channels() {
            speakers = arrangement::speakers(layout);
        }
        let is_main = info.busType == MAIN_BUS;
        let bus = AudioBus {
            name: wide(&info.name),
            layout,
            purpose: if is_main { BusPurpose::Main } else { BusPurpose::Auxiliary },
            in_place: None,
            active: old.get(index).map_or(is_main, |old| old.active),
        };
        (bus, speakers)
    };
    read_info(component, AUDIO, direction).into_iter().enumerate().map(read).unzip()
}

fn read_note_ports(component: &ComPtr<IComponent>, direction: BusDirection) -> Vec<NotePort> {
    let port = |info: BusInfo| NotePort {
        name: wide(&info.name),
        dialects: Dialects { notes: true, ..Dialects::default() },
        preferred: Dialect::Notes,
    };
    read_info(component, EVENT, direction).into_iter().map(port).collect()
}

/// Asks the plugin to take these layouts of its buses, all of them in both directions; where one is what the bus has, the
/// arrangement stays. The plugin may take others, which it then has.
pub(crate) fn arrange(
    processor: &ComPtr<IAudioProcessor>,
    ports: &Ports,
    inputs: &[ChannelLayout],
    outputs: &[ChannelLayout],
) -> bool {
    let speakers = |wanted: &[ChannelLayout], buses: &[AudioBus], known: &[SpeakerArrangement]| {
        let current = buses.iter().zip(known);
        wanted
            .iter()
            .zip(current)
            .map(|(&layout, (bus, &known))| if bus.layout == layout { known } else { arrangement::speakers(layout) })
            // Never null, even for none: some refuse that.
            .chain([0])
            .collect::<Vec<_>>()
    };
    let mut to_inputs = speakers(inputs, &ports.inputs, &ports.input_speakers);
    let mut to_outputs = speakers(outputs, &ports.outputs, &ports.output_speakers);
    let (input_count, output_count) = (to_inputs.len() as i32 - 1, to_outputs.len() as i32 - 1);
    // SAFETY: the component is initialised and inactive, this is the main thread; the arrays hold as many as is said.
    let result = unsafe {
        processor.setBusArrangements(to_inputs.as_mut_ptr(), input_count, to_outputs.as_mut_ptr(), output_count)
    };
    result == kResultOk
}
