//! What hosting costs: a chain of CLAP plugins in series at 64 frames, stereo, without events, called through their
//! processors with the check of their output, against the same plugin's `process` called bare in a loop.
//!
//! Prints `bench clap-call overhead_ns X bound 15 ok|MISSED` and exits with 1 if it was missed.

use std::process::ExitCode;
use std::ptr;
use std::time::Instant;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::{clap_event_header, clap_input_events, clap_output_events};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::{CLAP_PROCESS_CONTINUE, clap_process, clap_process_status};
use clap_sys::version::CLAP_VERSION;
use crosspoint_formats::clap::ClapLibrary;
use crosspoint_formats::{Activation, Library, describe};
use crosspoint_graph::{Block, Harness, Processor, Status};

/// Nanoseconds a call may cost above a bare one.
const BOUND: f64 = 15.0;
const FRAMES: usize = 64;
/// Plugins in series.
const CHAIN: usize = 8;
/// Passes through the chain in one measurement.
const PASSES: usize = 500;
/// Measurements of each kind, taken in turns; their medians count.
const ROUNDS: usize = 301;

/// The least plugin: stereo in place, halves what it hears.
mod plugin {
    use super::*;
    use clap_sys::ext::audio_ports::*;
    use std::ffi::{CStr, c_char, c_void};

    const ID: &CStr = c"org.crosspoint.bench.half";

    const DESCRIPTOR: clap_plugin_descriptor = clap_plugin_descriptor {
        clap_version: CLAP_VERSION,
        id: ID.as_ptr(),
        name: c"Half".as_ptr(),
        vendor: ptr::null(),
        url: ptr::null(),
        manual_url: ptr::null(),
        support_url: ptr::null(),
        version: ptr::null(),
        description: ptr::null(),
        features: ptr::null(),
    };
    static DESCRIPTOR_PLACE: clap_plugin_descriptor = DESCRIPTOR;

    static PLUGIN: clap_plugin = clap_plugin {
        desc: &raw const DESCRIPTOR_PLACE,
        plugin_data: ptr::null_mut(),
        init: Some(init),
        destroy: Some(destroy),
        activate: Some(activate),
        deactivate: Some(destroy),
        start_processing: Some(init),
        stop_processing: Some(destroy),
        reset: Some(destroy),
        process: Some(process),
        get_extension: Some(get_extension),
        on_main_thread: Some(destroy),
    };

    static FACTORY: clap_plugin_factory = clap_plugin_factory {
        get_plugin_count: Some(count),
        get_plugin_descriptor: Some(descriptor),
        create_plugin: Some(create),
    };

    static PORTS: clap_plugin_audio_ports = clap_plugin_audio_ports { count: Some(port_count), get: Some(port) };

    pub static ENTRY: clap_plugin_entry = clap_plugin_entry {
        clap_version: CLAP_VERSION,
        init: Some(entry_init),
        deinit: Some(entry_deinit),
        get_factory: Some(factory),
    };

    unsafe extern "C" fn entry_init(_path: *const c_char) -> bool {
        true
    }
    unsafe extern "C" fn entry_deinit() {}
    unsafe extern "C" fn factory(id: *const c_char) -> *const c_void {
        // SAFETY: hosts hand over C strings.
        if unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID { (&raw const FACTORY).cast() } else { ptr::null() }
    }
    unsafe extern "C" fn count(_: *const clap_plugin_factory) -> u32 {
        1
    }
    unsafe extern "C" fn descriptor(_: *const clap_plugin_factory, _: u32) -> *const clap_plugin_descriptor {
        &raw const DESCRIPTOR_PLACE
    }
    unsafe extern "C" fn create(
        _: *const clap_plugin_factory,
        _: *const clap_host,
        _: *const c_char,
    ) -> *const clap_plugin {
        &raw const PLUGIN
    }
    unsafe extern "C" fn init(_: *const clap_plugin) -> bool {
        true
    }
    unsafe extern "C" fn destroy(_: *const clap_plugin) {}
    unsafe extern "C" fn activate(_: *const clap_plugin, _: f64, _: u32, _: u32) -> bool {
        true
    }
    unsafe extern "C" fn get_extension(_: *const clap_plugin, id: *const c_char) -> *const c_void {
        // SAFETY: hosts hand over C strings.
        if unsafe { CStr::from_ptr(id) } == CLAP_EXT_AUDIO_PORTS { (&raw const PORTS).cast() } else { ptr::null() }
    }
    unsafe extern "C" fn port_count(_: *const clap_plugin, _: bool) -> u32 {
        1
    }
    unsafe extern "C" fn port(_: *const clap_plugin, _: u32, _: bool, info: *mut clap_audio_port_info) -> bool {
        // SAFETY: hosts hand over room for the answer.
        unsafe {
            (*info).id = 0;
            (*info).name = [0; 256];
            (*info).flags = CLAP_AUDIO_PORT_IS_MAIN;
            (*info).channel_count = 2;
            (*info).port_type = CLAP_PORT_STEREO.as_ptr();
            (*info).in_place_pair = 0;
        }
        true
    }

    pub unsafe extern "C" fn process(_: *const clap_plugin, process: *const clap_process) -> clap_process_status {
        // SAFETY: hosts hand over valid buffers of the announced shape.
        unsafe {
            let frames = (*process).frames_count as usize;
            let (input, output) = (&*(*process).audio_inputs, &mut *(*process).audio_outputs);
            for channel in 0..2 {
                let from = *input.data32.add(channel);
                let to = *output.data32.add(channel);
                for frame in 0..frames {
                    *to.add(frame) = *from.add(frame) * 0.5;
                }
            }
        }
        CLAP_PROCESS_CONTINUE
    }

    pub fn raw() -> *const clap_plugin {
        &raw const PLUGIN
    }
}

unsafe extern "C" fn no_events(_: *const clap_input_events) -> u32 {
    0
}
unsafe extern "C" fn no_event(_: *const clap_input_events, _: u32) -> *const clap_event_header {
    ptr::null()
}
unsafe extern "C" fn refuse(_: *const clap_output_events, _: *const clap_event_header) -> bool {
    false
}

/// What the harness costs by itself.
struct Idle;

impl Processor for Idle {
    fn process(&mut self, _block: &mut Block<'_>) -> Status {
        Status::Continue
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> ExitCode {
    // SAFETY: the entry above keeps CLAP's rules.
    let library = unsafe { ClapLibrary::from_entry("/bench", &plugin::ENTRY) }.expect("the entry loads");
    let activation = Activation { sample_rate: 48_000.0, min_frames: 1, max_frames: FRAMES as u32 };
    let mut chain: Vec<_> = (0..CHAIN)
        .map(|_| {
            let mut plugin = library.instantiate("org.crosspoint.bench.half").expect("the plugin is there");
            let mut processor = plugin.activate(activation).expect("it activates");
            processor.start();
            let harness = Harness::new(&describe(&*plugin), FRAMES);
            (plugin, processor, harness)
        })
        .collect();
    for (_, _, harness) in &mut chain {
        (0..2).for_each(|channel| harness.input(channel).fill(0.25));
    }

    let mut samples = vec![vec![0.25_f32; FRAMES]; 4 * CHAIN];
    let mut pointers: Vec<_> = samples.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
    let buffer =
        |data32| clap_audio_buffer { data32, data64: ptr::null_mut(), channel_count: 2, latency: 0, constant_mask: 0 };
    let mut buffers: Vec<_> = pointers.chunks_mut(2).map(|pair| buffer(pair.as_mut_ptr())).collect();
    let in_events = clap_input_events { ctx: ptr::null_mut(), size: Some(no_events), get: Some(no_event) };
    let out_events = clap_output_events { ctx: ptr::null_mut(), try_push: Some(refuse) };
    let calls: Vec<_> = buffers
        .chunks_mut(2)
        .map(|pair| clap_process {
            steady_time: 0,
            frames_count: FRAMES as u32,
            transport: ptr::null(),
            audio_inputs: &raw const pair[0],
            audio_outputs: &raw mut pair[1],
            audio_inputs_count: 1,
            audio_outputs_count: 1,
            in_events: &raw const in_events,
            out_events: &raw const out_events,
        })
        .collect();

    let calls_a_round = (PASSES * CHAIN) as f64;
    let (mut bare, mut hosted, mut rig) = (Vec::new(), Vec::new(), Vec::new());
    let function: unsafe extern "C" fn(*const clap_plugin, *const clap_process) -> clap_process_status =
        std::hint::black_box(plugin::process);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..PASSES {
            for call in &calls {
                // SAFETY: the structures above are valid and of the plugin's shape.
                std::hint::black_box(unsafe { function(plugin::raw(), call) });
            }
        }
        bare.push(start.elapsed().as_nanos() as f64 / calls_a_round);
        let start = Instant::now();
        for _ in 0..PASSES {
            for (_, processor, harness) in &mut chain {
                std::hint::black_box(harness.process(&mut **processor, FRAMES));
            }
        }
        hosted.push(start.elapsed().as_nanos() as f64 / calls_a_round);
        let start = Instant::now();
        for _ in 0..PASSES {
            for (_, _, harness) in &mut chain {
                std::hint::black_box(harness.process(std::hint::black_box(&mut Idle), FRAMES));
            }
        }
        rig.push(start.elapsed().as_nanos() as f64 / calls_a_round);
    }
    for (mut plugin, mut processor, _) in chain {
        processor.stop();
        plugin.deactivate(processor).expect("its own processor comes home");
    }

    let (bare, hosted, rig) = (median(bare), median(hosted), median(rig));
    let overhead = hosted - bare - rig;
    let is_met = overhead <= BOUND;
    println!("bare {bare:.1} ns, hosted {hosted:.1} ns, the harness with an idle processor {rig:.1} ns a call");
    println!("bench clap-call overhead_ns {overhead:.1} bound {BOUND} {}", if is_met { "ok" } else { "MISSED" });
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
