//! What hosting costs: see [`series`], with CLAP plugins.
//!
//! Prints `bench clap-call-overhead-ns ratio X bound 15.00 ok|MISSED` and exits with 1 if it was missed.

mod series;

use std::process::ExitCode;
use std::ptr;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::{clap_event_header, clap_input_events, clap_output_events};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::{CLAP_PROCESS_CONTINUE, clap_process, clap_process_status};
use clap_sys::version::CLAP_VERSION;
use crosspoint_formats::clap::ClapLibrary;
use series::FRAMES;

/// Nanoseconds a call may cost above a bare one.
const BOUND: f64 = 15.0;

/// The least plugin: stereo in place, turns round what it hears.
mod plugin {
    use super::*;
    use clap_sys::ext::audio_ports::*;
    use std::ffi::{CStr, c_char, c_void};

    /// Samples taken at a time; divides the frames.
    const BLOCK: usize = 16;

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
                // A block at a time, as a plugin that is well made: the channels may be the same.
                for block in 0..frames / BLOCK {
                    let samples = from.add(block * BLOCK).cast::<[f32; BLOCK]>().read();
                    to.add(block * BLOCK).cast::<[f32; BLOCK]>().write(samples.map(|sample| -sample));
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

/// The plugin in series with itself, in place, without a host.
struct Bare {
    samples: [Vec<f32>; 2],
    function: unsafe extern "C" fn(*const clap_plugin, *const clap_process) -> clap_process_status,
}

impl Bare {
    fn new() -> Self {
        Self { samples: series::samples(), function: std::hint::black_box(plugin::process) }
    }

    fn run(&mut self, length: usize) {
        let mut pointers = [0, 1].map(|channel: usize| self.samples[channel].as_mut_ptr());
        let buffer = clap_audio_buffer {
            data32: pointers.as_mut_ptr(),
            data64: ptr::null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        };
        let (input, mut output) = (buffer, buffer);
        let in_events = clap_input_events { ctx: ptr::null_mut(), size: Some(no_events), get: Some(no_event) };
        let out_events = clap_output_events { ctx: ptr::null_mut(), try_push: Some(refuse) };
        let call = clap_process {
            steady_time: 0,
            frames_count: FRAMES as u32,
            transport: ptr::null(),
            audio_inputs: &raw const input,
            audio_outputs: &raw mut output,
            audio_inputs_count: 1,
            audio_outputs_count: 1,
            in_events: &raw const in_events,
            out_events: &raw const out_events,
        };
        for _ in 0..length {
            // SAFETY: the structures above are valid and of the plugin's shape.
            std::hint::black_box(unsafe { (self.function)(plugin::raw(), &raw const call) });
        }
    }
}

fn main() -> ExitCode {
    // SAFETY: the entry above keeps CLAP's rules.
    let library = unsafe { ClapLibrary::from_entry("/bench", &plugin::ENTRY) }.expect("the entry loads");
    let mut bare = Bare::new();
    series::compare("clap-call", BOUND, &library, "org.crosspoint.bench.half", |length| bare.run(length))
}
