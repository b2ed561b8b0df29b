//! One test for each trap of clack-host 0.2.0 and clack-extensions 0.2.0 that this crate works round, with a plugin made
//! of CLAP's own structures that looks at what it is given.

mod rig;

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::ext::audio_ports::*;
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_gui_resize_hints, clap_plugin_gui};
use clap_sys::ext::log::{CLAP_EXT_LOG, clap_host_log};
use clap_sys::ext::note_ports::*;
use clap_sys::ext::thread_pool::{CLAP_EXT_THREAD_POOL, clap_host_thread_pool};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::{CLAP_PROCESS_CONTINUE, clap_process, clap_process_status};
use clap_sys::version::CLAP_VERSION;
use crosspoint_formats::clap::{ClapLibrary, ClapPlugin};
use crosspoint_formats::vst3::Vst3Plugin;
use crosspoint_formats::window::ResizeHints;
use crosspoint_formats::{Library, Plugin, PluginNotice, Severity, is_audio_thread};
use crosspoint_graph::Status;
use rig::{ACTIVATION, Running};

/// What the plugins of this thread saw. Tests run on threads of their own.
#[derive(Default)]
struct Seen {
    frames: Vec<u32>,
    masks: Vec<u64>,
    first_samples: Vec<f32>,
    dialects: u32,
    pool: Option<bool>,
    audio_thread: Vec<bool>,
    destroyed: u32,
    deactivated: u32,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
    static HOST: RefCell<*const clap_host> = const { RefCell::new(ptr::null()) };
}

/// Notes something down; the notes may allocate where the host must not.
fn note(what: impl FnOnce(&mut Seen)) {
    assert_no_alloc::permit_alloc(|| SEEN.with_borrow_mut(what));
}

const PROBE: &CStr = c"org.crosspoint.test.probe";
const SILENT: &CStr = c"org.crosspoint.test.without-audio";

static PROBE_DESCRIPTOR: clap_plugin_descriptor = descriptor(PROBE);
static SILENT_DESCRIPTOR: clap_plugin_descriptor = descriptor(SILENT);
static PROBE_PLUGIN: clap_plugin = plugin(&PROBE_DESCRIPTOR);
static SILENT_PLUGIN: clap_plugin = plugin(&SILENT_DESCRIPTOR);
static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(count),
    get_plugin_descriptor: Some(get_descriptor),
    create_plugin: Some(create),
};
static PORTS: clap_plugin_audio_ports = clap_plugin_audio_ports { count: Some(port_count), get: Some(port) };
static GUI: clap_plugin_gui = clap_plugin_gui {
    is_api_supported: None,
    get_preferred_api: None,
    create: None,
    destroy: None,
    set_scale: None,
    get_size: None,
    can_resize: None,
    get_resize_hints: Some(hints),
    adjust_size: None,
    set_size: None,
    set_parent: None,
    set_transient: None,
    suggest_title: None,
    show: None,
    hide: None,
};
static ENTRY: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(entry_init),
    deinit: Some(entry_deinit),
    get_factory: Some(get_factory),
};

const fn descriptor(id: &'static CStr) -> clap_plugin_descriptor {
    clap_plugin_descriptor {
        clap_version: CLAP_VERSION,
        id: id.as_ptr(),
        name: id.as_ptr(),
        vendor: ptr::null(),
        url: ptr::null(),
        manual_url: ptr::null(),
        support_url: ptr::null(),
        version: ptr::null(),
        description: ptr::null(),
        features: ptr::null(),
    }
}

const fn plugin(desc: &'static clap_plugin_descriptor) -> clap_plugin {
    clap_plugin {
        desc,
        plugin_data: ptr::null_mut(),
        init: Some(init),
        destroy: Some(destroy),
        activate: Some(activate),
        deactivate: Some(deactivate),
        start_processing: Some(start),
        stop_processing: Some(nothing),
        reset: Some(nothing),
        process: Some(process),
        get_extension: Some(get_extension),
        on_main_thread: Some(nothing),
    }
}

unsafe extern "C" fn entry_init(_: *const c_char) -> bool {
    true
}
unsafe extern "C" fn entry_deinit() {}
unsafe extern "C" fn get_factory(id: *const c_char) -> *const c_void {
    // SAFETY: hosts hand over C strings.
    if unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID { (&raw const FACTORY).cast() } else { ptr::null() }
}
unsafe extern "C" fn count(_: *const clap_plugin_factory) -> u32 {
    2
}
unsafe extern "C" fn get_descriptor(_: *const clap_plugin_factory, index: u32) -> *const clap_plugin_descriptor {
    if index == 0 { &raw const PROBE_DESCRIPTOR } else { &raw const SILENT_DESCRIPTOR }
}
unsafe extern "C" fn create(
    _: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    HOST.set(host);
    // SAFETY: hosts hand over C strings.
    if unsafe { CStr::from_ptr(id) } == PROBE { &raw const PROBE_PLUGIN } else { &raw const SILENT_PLUGIN }
}
unsafe extern "C" fn init(_: *const clap_plugin) -> bool {
    // SAFETY: the host's extensions are of the types of their ids.
    unsafe {
        let ports = host_extension::<clap_host_note_ports>(CLAP_EXT_NOTE_PORTS);
        let dialects = (ports.supported_dialects.unwrap())(HOST.with_borrow(|host| *host));
        SEEN.with_borrow_mut(|seen| seen.dialects = dialects);
        (ports.rescan.unwrap())(HOST.with_borrow(|host| *host), CLAP_NOTE_PORTS_RESCAN_NAMES);
    }
    true
}
unsafe extern "C" fn destroy(_: *const clap_plugin) {
    SEEN.with_borrow_mut(|seen| seen.destroyed += 1);
}
unsafe extern "C" fn activate(_: *const clap_plugin, _: f64, _: u32, _: u32) -> bool {
    true
}
unsafe extern "C" fn deactivate(_: *const clap_plugin) {
    SEEN.with_borrow_mut(|seen| seen.deactivated += 1);
}
unsafe extern "C" fn start(_: *const clap_plugin) -> bool {
    note(|seen| seen.audio_thread.push(is_audio_thread()));
    true
}
unsafe extern "C" fn nothing(_: *const clap_plugin) {}

/// An extension of the host, which must offer it.
unsafe fn host_extension<T>(id: &CStr) -> &'static T {
    let host = HOST.with_borrow(|host| *host);
    // SAFETY: the host pointer is the one `create` was given; the caller names the type of the id.
    unsafe { &*((*host).get_extension.unwrap())(host, id.as_ptr()).cast::<T>() }
}

/// Copies inputs to outputs, and notes down what it is given.
unsafe extern "C" fn process(_: *const clap_plugin, process: *const clap_process) -> clap_process_status {
    // SAFETY: hosts hand over valid structures.
    unsafe {
        let process = &*process;
        note(|seen| {
            seen.frames.push(process.frames_count);
            seen.audio_thread.push(is_audio_thread());
        });
        for port in 0..process.audio_inputs_count as usize {
            let (from, to) = (&*process.audio_inputs.add(port), &mut *process.audio_outputs.add(port));
            note(|seen| seen.masks.push(from.constant_mask));
            for channel in 0..from.channel_count as usize {
                let (source, target) = (*from.data32.add(channel), *to.data32.add(channel));
                note(|seen| seen.first_samples.push(*source));
                ptr::copy(source, target, process.frames_count as usize);
            }
            // A lie where the input is not silent: the host must look for itself.
            to.constant_mask = u64::MAX;
        }
        let pool = host_extension::<clap_host_thread_pool>(CLAP_EXT_THREAD_POOL);
        let host = HOST.with_borrow(|host| *host);
        let is_pooled = (pool.request_exec.unwrap())(host, 4);
        note(|seen| seen.pool = Some(is_pooled));
        let log = host_extension::<clap_host_log>(CLAP_EXT_LOG);
        (log.log.unwrap())(host, 2, c"from the audio thread".as_ptr());
        (log.log.unwrap())(host, 99, c"\xff of no known severity".as_ptr());
        (log.log.unwrap())(host, 0, ptr::null());
    }
    CLAP_PROCESS_CONTINUE
}
unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    let is_probe = ptr::eq(plugin, &raw const PROBE_PLUGIN);
    // SAFETY: hosts hand over C strings.
    match unsafe { CStr::from_ptr(id) } {
        id if id == CLAP_EXT_AUDIO_PORTS && is_probe => (&raw const PORTS).cast(),
        id if id == CLAP_EXT_GUI && is_probe => (&raw const GUI).cast(),
        _ => ptr::null(),
    }
}

/// One channel, two, three.
unsafe extern "C" fn port_count(_: *const clap_plugin, _: bool) -> u32 {
    3
}
unsafe extern "C" fn port(_: *const clap_plugin, index: u32, _: bool, info: *mut clap_audio_port_info) -> bool {
    // SAFETY: hosts hand over room for the answer.
    unsafe {
        (*info).id = index;
        (*info).name = [0; 256];
        (*info).flags = 0;
        (*info).channel_count = index + 1;
        (*info).port_type = ptr::null();
        (*info).in_place_pair = u32::MAX;
    }
    true
}

/// Answers without an aspect ratio, as most plugins do.
unsafe extern "C" fn hints(_: *const clap_plugin, hints: *mut clap_gui_resize_hints) -> bool {
    // SAFETY: hosts hand over room for the answer.
    unsafe {
        (*hints).can_resize_horizontally = true;
        (*hints).can_resize_vertically = false;
        (*hints).preserve_aspect_ratio = false;
    }
    true
}

fn library() -> ClapLibrary {
    // SAFETY: the entry above keeps CLAP's rules.
    unsafe { ClapLibrary::from_entry("/test", &ENTRY) }.unwrap()
}

fn running(id: &CStr) -> Running {
    SEEN.take();
    Running::start(library().instantiate(id.to_str().unwrap()).unwrap())
}

/// Ports of 1, 2 and 3 channels. Silent are channel 1 of the second and channels 0 and 2 of the third:
/// a mask has a bit for each channel of its own port, and every port leads to its own channels.
#[test]
fn masks_and_channels_are_those_of_each_port() {
    let mut probe = running(PROBE);
    for (channel, value) in [(0, 1.0), (1, 2.0), (2, 0.0), (3, 0.0), (4, 5.0), (5, 0.0)] {
        probe.harness.input(channel).fill(value);
    }
    assert_eq!(probe.process(64), Status::Continue);
    SEEN.with_borrow(|seen| {
        assert_eq!(seen.masks, [0b0, 0b10, 0b101]);
        assert_eq!(seen.first_samples, [1.0, 2.0, 0.0, 0.0, 5.0, 0.0]);
    });
    // The plugin calls all of its outputs constant; only those that are zero count as silent.
    let silent: Vec<bool> = (0..6).map(|channel| probe.harness.output_is_silent(channel)).collect();
    assert_eq!(silent, [false, false, true, true, false, true]);
    probe.stop();
}

#[test]
fn a_plugin_without_audio_ports_gets_the_frames() {
    let mut silent = running(SILENT);
    silent.process(64);
    silent.process(17);
    SEEN.with_borrow(|seen| assert_eq!(seen.frames, [64, 17]));
    silent.stop();
}

#[test]
fn the_host_side_of_note_ports_can_be_called() {
    let mut probe = running(PROBE);
    SEEN.with_borrow(|seen| assert_eq!(seen.dialects, 0b1111));
    assert!(probe.poll().contains(&PluginNotice::PortsChanged));
    probe.stop();
}

/// In `process` above, which the rig runs under a guard against allocations.
#[test]
fn refusing_a_thread_pool_and_logging_cost_no_allocation() {
    let mut probe = running(PROBE);
    probe.process(64);
    SEEN.with_borrow(|seen| assert_eq!(seen.pool, Some(false)));
    let logged: Vec<_> = probe
        .poll()
        .into_iter()
        .filter_map(|notice| match notice {
            PluginNotice::Log { severity, message } => Some((severity, message)),
            _ => None,
        })
        .collect();
    assert_eq!(logged[0], (Severity::Warning, "from the audio thread".to_owned()));
    assert!(logged[1].1.ends_with("of no known severity"));
    assert_eq!(logged.len(), 2);
    probe.stop();
}

/// The ring holds 64; what does not fit is counted, and never waits.
#[test]
fn a_flood_of_messages_is_counted() {
    let mut probe = running(PROBE);
    (0..50).for_each(|_| {
        probe.process(1);
    });
    let notices = probe.poll();
    let kept = notices.iter().filter(|notice| matches!(notice, PluginNotice::Log { .. })).count();
    assert_eq!(kept, 64);
    assert!(notices.contains(&PluginNotice::LogLost { messages: 36 }));
    probe.stop();
}

#[test]
fn the_audio_thread_is_known_as_such() {
    let mut probe = running(PROBE);
    probe.process(64);
    SEEN.with_borrow(|seen| assert_eq!(seen.audio_thread, [true, true]));
    assert!(!is_audio_thread());
    probe.stop();
}

#[test]
fn resize_hints_without_an_aspect_ratio_are_hints() {
    let plugin = ClapPlugin::instantiate(&library(), PROBE.to_str().unwrap()).unwrap();
    let hints = ResizeHints { horizontal: true, vertical: false, aspect_ratio: None };
    assert_eq!(plugin.resize_hints(), Some(hints));
}

/// A plugin dropped before its audio half: it lives until the half is gone too, and then ends on the main thread.
#[test]
fn a_plugin_dropped_early_waits_for_its_processor() {
    SEEN.take();
    let mut plugin = library().instantiate(PROBE.to_str().unwrap()).unwrap();
    let mut processor = plugin.activate(ACTIVATION).unwrap();
    processor.start();
    drop(plugin);
    SEEN.with_borrow(|seen| assert_eq!((seen.deactivated, seen.destroyed), (0, 0)));
    let elsewhere = std::thread::spawn(move || {
        processor.stop();
        drop(processor);
    });
    elsewhere.join().unwrap();
    SEEN.with_borrow(|seen| assert_eq!(seen.destroyed, 0));
    let other = library().instantiate(SILENT.to_str().unwrap()).unwrap();
    SEEN.with_borrow(|seen| assert_eq!((seen.deactivated, seen.destroyed), (1, 1)));
    drop(other);
}

/// A controller half must not leave its thread; an audio half must be able to.
#[test]
fn halves_keep_to_their_threads() {
    fn is_send<T: Send + ?Sized>() {}
    is_send::<dyn crosspoint_graph::Processor>();
    trait NotSend<Marker> {
        fn holds() {}
    }
    impl<T: ?Sized> NotSend<()> for T {}
    impl<T: ?Sized + Send> NotSend<u8> for T {}
    // Ambiguous, and so refused by the compiler, if the controller were Send.
    <dyn Plugin as NotSend<_>>::holds();
    <ClapPlugin as NotSend<_>>::holds();
    // Its bindings take every interface for one that any thread may use.
    <Vst3Plugin as NotSend<_>>::holds();
}
