//! What hosting costs: see [`series`], with VST3 plugins.
//!
//! Prints `bench vst3-call-overhead-ns ratio X bound 20.00 ok|MISSED` and exits with 1 if it was missed.
#![allow(non_snake_case, reason = "names as the VST3 interface has them")]

mod series;

use std::ffi::c_void;
use std::process::ExitCode;
use std::ptr;

use crosspoint_formats::Library;
use crosspoint_formats::vst3::Vst3Library;
use series::FRAMES;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComWrapper, uid};

/// Nanoseconds a call may cost above a bare one.
const BOUND: f64 = 20.0;
/// Samples taken at a time; divides the frames.
const BLOCK: usize = 16;

/// The least plugin: stereo in place, turns round what it hears.
struct Half;

impl Class for Half {
    type Interfaces = (IComponent, IAudioProcessor, IProcessContextRequirements);
}

impl IPluginBaseTrait for Half {
    unsafe fn initialize(&self, _: *mut FUnknown) -> tresult {
        kResultOk
    }
    unsafe fn terminate(&self) -> tresult {
        kResultOk
    }
}

impl IComponentTrait for Half {
    unsafe fn getControllerClassId(&self, _: *mut TUID) -> tresult {
        kNotImplemented
    }
    unsafe fn setIoMode(&self, _: IoMode) -> tresult {
        kResultOk
    }
    unsafe fn getBusCount(&self, kind: MediaType, _: BusDirection) -> i32 {
        i32::from(kind == MediaTypes_::kAudio as i32)
    }
    unsafe fn getBusInfo(&self, _: MediaType, _: BusDirection, _: i32, to: *mut BusInfo) -> tresult {
        // SAFETY: the host hands over room, zeroed.
        unsafe { (*to).channelCount = 2 };
        kResultOk
    }
    unsafe fn getRoutingInfo(&self, _: *mut RoutingInfo, _: *mut RoutingInfo) -> tresult {
        kNotImplemented
    }
    unsafe fn activateBus(&self, _: MediaType, _: BusDirection, _: i32, _: TBool) -> tresult {
        kResultOk
    }
    unsafe fn setActive(&self, _: TBool) -> tresult {
        kResultOk
    }
    unsafe fn setState(&self, _: *mut IBStream) -> tresult {
        kNotImplemented
    }
    unsafe fn getState(&self, _: *mut IBStream) -> tresult {
        kNotImplemented
    }
}

impl IAudioProcessorTrait for Half {
    unsafe fn setBusArrangements(
        &self,
        _: *mut SpeakerArrangement,
        _: i32,
        _: *mut SpeakerArrangement,
        _: i32,
    ) -> tresult {
        kResultTrue
    }
    unsafe fn getBusArrangement(&self, _: BusDirection, _: i32, to: *mut SpeakerArrangement) -> tresult {
        // SAFETY: the host hands over room.
        unsafe { *to = SpeakerArr::kStereo };
        kResultOk
    }
    unsafe fn canProcessSampleSize(&self, _: i32) -> tresult {
        kResultTrue
    }
    unsafe fn getLatencySamples(&self) -> u32 {
        0
    }
    unsafe fn setupProcessing(&self, _: *mut ProcessSetup) -> tresult {
        kResultOk
    }
    unsafe fn setProcessing(&self, _: TBool) -> tresult {
        kResultOk
    }
    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        // SAFETY: hosts hand over valid buffers of the announced shape.
        unsafe {
            let frames = (*data).numSamples as usize;
            let (input, output) = (&*(*data).inputs, &mut *(*data).outputs);
            for channel in 0..2 {
                let from = *input.__field0.channelBuffers32.add(channel);
                let to = *output.__field0.channelBuffers32.add(channel);
                // A block at a time, as a plugin that is well made: the channels may be the same.
                for block in 0..frames / BLOCK {
                    let samples = from.add(block * BLOCK).cast::<[f32; BLOCK]>().read();
                    to.add(block * BLOCK).cast::<[f32; BLOCK]>().write(samples.map(|sample| -sample));
                }
            }
        }
        kResultOk
    }
    unsafe fn getTailSamples(&self) -> u32 {
        0
    }
}

impl IProcessContextRequirementsTrait for Half {
    unsafe fn getProcessContextRequirements(&self) -> u32 {
        IProcessContextRequirements_::Flags_::kNeedTempo
    }
}

struct Factory;

impl Class for Factory {
    type Interfaces = (IPluginFactory,);
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, _: *mut PFactoryInfo) -> tresult {
        kResultOk
    }
    unsafe fn countClasses(&self) -> i32 {
        1
    }
    unsafe fn getClassInfo(&self, _: i32, info: *mut PClassInfo) -> tresult {
        let category = b"Audio Module Class";
        // SAFETY: the host hands over room, zeroed.
        unsafe {
            (*info).cid = uid(1, 2, 3, 4);
            ptr::copy_nonoverlapping(category.as_ptr(), (&raw mut (*info).category).cast(), category.len());
        }
        kResultOk
    }
    unsafe fn createInstance(&self, _: FIDString, _: FIDString, to: *mut *mut c_void) -> tresult {
        let half = make().map_or(ptr::null_mut(), ComPtr::into_raw);
        // SAFETY: the host hands over room; it asks for the component.
        unsafe { *to = half.cast() };
        kResultOk
    }
}

fn make() -> Option<ComPtr<IComponent>> {
    ComWrapper::new(Half).to_com_ptr::<IComponent>()
}

unsafe extern "system" fn entry() -> *mut IPluginFactory {
    ComWrapper::new(Factory).to_com_ptr::<IPluginFactory>().map_or(ptr::null_mut(), ComPtr::into_raw)
}

/// The plugin in series with itself, in place, without a host.
struct Bare {
    samples: [Vec<f32>; 2],
    plugin: ComPtr<IAudioProcessor>,
}

impl Bare {
    fn new() -> Self {
        let plugin = make().and_then(|half| half.cast::<IAudioProcessor>()).expect("it is a processor");
        Self { samples: series::samples(), plugin }
    }

    fn run(&mut self, length: usize) {
        let mut pointers = [0, 1].map(|channel: usize| self.samples[channel].as_mut_ptr());
        let channels = AudioBusBuffers__type0 { channelBuffers32: pointers.as_mut_ptr() };
        let buffers = AudioBusBuffers { numChannels: 2, silenceFlags: 0, __field0: channels };
        let (mut input, mut output) = (buffers, buffers);
        let mut data = ProcessData {
            processMode: 0,
            symbolicSampleSize: 0,
            numSamples: FRAMES as i32,
            numInputs: 1,
            numOutputs: 1,
            inputs: &raw mut input,
            outputs: &raw mut output,
            inputParameterChanges: ptr::null_mut(),
            outputParameterChanges: ptr::null_mut(),
            inputEvents: ptr::null_mut(),
            outputEvents: ptr::null_mut(),
            processContext: ptr::null_mut(),
        };
        let plugin = std::hint::black_box(self.plugin.as_ptr());
        for _ in 0..length {
            // SAFETY: the structures above are valid and of the plugin's shape.
            std::hint::black_box(unsafe { ((*(*plugin).vtbl).process)(plugin, &raw mut data) });
        }
    }
}

fn main() -> ExitCode {
    // SAFETY: the entry above keeps VST3's rules.
    let library = unsafe { Vst3Library::from_entry("/bench", entry) }.expect("the entry loads");
    let id = library.descriptors()[0].id.clone();
    let mut bare = Bare::new();
    series::compare("vst3-call", BOUND, &library, &id, |length| bare.run(length))
}
