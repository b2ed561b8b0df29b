//! A VST3 bundle loaded and asked by nothing but VST3's own functions.

use std::ffi::c_void;
use std::mem::zeroed;
use std::path::{Path, PathBuf};
use std::ptr;

use vst3::Steinberg::Vst::BusDirections_::{kInput, kOutput};
use vst3::Steinberg::Vst::MediaTypes_::kAudio;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{ComPtr, Interface};

/// What the plugin classes of a factory are called.
const PLUGIN_CATEGORY: &[u8] = b"Audio Module Class";

/// Makes each plugin of a bundle and asks it for its buses, its parameters and, active, for its latency.
pub fn query(bundle: &Path) {
    // SAFETY: the bundle is a plugin; every function is called as VST3 says.
    unsafe {
        let library = libloading::Library::new(library_file(bundle)).expect("the library loads");
        #[cfg(target_os = "linux")]
        if let Ok(enter) = library.get::<unsafe extern "system" fn(*mut c_void) -> bool>(b"ModuleEntry\0") {
            enter(ptr::null_mut());
        }
        let entry = library.get::<unsafe extern "system" fn() -> *mut IPluginFactory>(b"GetPluginFactory\0");
        let factory = ComPtr::from_raw(entry.expect("it has an entry")()).expect("it has a factory");
        for index in 0..factory.countClasses() {
            let mut class: PClassInfo = zeroed();
            factory.getClassInfo(index, &mut class);
            if class.category.iter().zip(PLUGIN_CATEGORY).all(|(&one, &other)| one as u8 == other) {
                std::hint::black_box(look(&factory, &class.cid));
            }
        }
        // Nothing is unloaded: the process ends.
        std::mem::forget(library);
    }
}

/// The library in a bundle of this system, or the file itself.
fn library_file(bundle: &Path) -> PathBuf {
    let name = bundle.file_stem().unwrap_or_default();
    let folder = bundle.join(format!("Contents/{}-linux", std::env::consts::ARCH));
    let file = folder.join(name).with_extension("so");
    if file.is_file() { file } else { bundle.to_owned() }
}

unsafe fn create<I: Interface>(factory: &ComPtr<IPluginFactory>, class: &TUID) -> Option<ComPtr<I>> {
    let mut object: *mut c_void = ptr::null_mut();
    // SAFETY: the factory's own class; an object that is made has a reference for the caller.
    unsafe {
        factory.createInstance(class.as_ptr(), I::IID.as_ptr().cast(), &mut object);
        ComPtr::from_raw(object.cast::<I>())
    }
}

unsafe fn look(factory: &ComPtr<IPluginFactory>, class: &TUID) -> u32 {
    // SAFETY: as `query`.
    unsafe {
        let component = create::<IComponent>(factory, class).expect("it is made");
        component.initialize(ptr::null_mut());
        let mut sum = 0;
        for direction in [kInput, kOutput] {
            for index in 0..component.getBusCount(kAudio as i32, direction as i32) {
                let mut info: BusInfo = zeroed();
                component.getBusInfo(kAudio as i32, direction as i32, index, &mut info);
                sum += info.channelCount as u32;
            }
        }
        // The controller is the same object, or one of a class of its own.
        let own = component.cast::<IEditController>();
        let separate = || {
            let mut id: TUID = zeroed();
            (component.getControllerClassId(&mut id) == kResultOk).then_some(id)
        };
        let separate = if own.is_some() { None } else { separate() };
        let separate = separate.and_then(|id| create::<IEditController>(factory, &id));
        if let Some(controller) = &separate {
            controller.initialize(ptr::null_mut());
        }
        if let Some(controller) = own.as_ref().or(separate.as_ref()) {
            for index in 0..controller.getParameterCount() {
                let mut info: ParameterInfo = zeroed();
                controller.getParameterInfo(index, &mut info);
                sum += info.id;
            }
        }
        if let Some(processor) = component.cast::<IAudioProcessor>() {
            let mut setup = ProcessSetup {
                processMode: ProcessModes_::kRealtime as i32,
                symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
                maxSamplesPerBlock: 512,
                sampleRate: 48_000.0,
            };
            processor.setupProcessing(&mut setup);
            component.setActive(1);
            sum += processor.getLatencySamples();
            component.setActive(0);
        }
        if let Some(controller) = &separate {
            controller.terminate();
        }
        component.terminate();
        sum
    }
}
