//! A library's factory: the classes in it, as far as it tells, and making objects of them. Main thread.

use std::ffi::{c_char, c_void};
use std::mem::zeroed;

use vst3::Steinberg::*;
use vst3::{ComPtr, Interface};

use super::abi::whole;
use super::host::HostContext;
use super::text::{id_text, narrow, wide};
use crate::library::{Format, PluginDescriptor};

/// The category of classes that are plugins; all others are parts of them.
const PLUGIN_CATEGORY: &str = "Audio Module Class";
/// A factory that reports more classes than this is not believed.
const MOST_CLASSES: i32 = 65_536;

/// A factory and the host that it was introduced to.
pub(crate) struct Factory {
    // Released before the host.
    factory: ComPtr<IPluginFactory>,
    pub(crate) host: vst3::ComWrapper<HostContext>,
}

/// A plugin's class.
pub(crate) struct PluginClass {
    pub(crate) id: TUID,
    pub(crate) descriptor: PluginDescriptor,
}

impl Factory {
    /// Introduces the host, for those that make their list of classes only then.
    pub(crate) fn new(factory: ComPtr<IPluginFactory>) -> Self {
        let host = HostContext::new();
        if let (Some(third), Some(context)) = (whole::<IPluginFactory3, _>(&factory), host.as_com_ref::<FUnknown>()) {
            // SAFETY: the context lives as long as the factory is used.
            unsafe { third.setHostContext(context.as_ptr()) };
        }
        Self { factory, host }
    }

    /// The plugins in it, in its order. Those without a name are called by their id.
    pub(crate) fn plugins(&self) -> Vec<PluginClass> {
        // SAFETY: a structure of numbers, filled by the factory.
        let mut about: PFactoryInfo = unsafe { zeroed() };
        // SAFETY: there is room for the answer; one that fails leaves empty strings.
        let count = unsafe {
            self.factory.getFactoryInfo(&mut about);
            self.factory.countClasses().min(MOST_CLASSES)
        };
        (0..count).filter_map(|index| self.plugin(index, &about)).collect()
    }

    fn plugin(&self, index: i32, about: &PFactoryInfo) -> Option<PluginClass> {
        let class = self.class(index)?;
        if class.category != PLUGIN_CATEGORY || class.id == [0; 16] {
            return None;
        }
        let id = id_text(&class.id);
        let descriptor = PluginDescriptor {
            format: Format::Vst3,
            name: if class.name.is_empty() { id.clone() } else { class.name },
            id,
            vendor: if class.vendor.is_empty() { narrow(&about.vendor) } else { class.vendor },
            version: class.version,
            description: String::new(),
            url: narrow(&about.url),
            features: class.features.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        };
        Some(PluginClass { id: class.id, descriptor })
    }

    /// What the factory's newest interface says of a class: the third has its names in UTF-16, which some give alone.
    fn class(&self, index: i32) -> Option<Class> {
        if let Some(factory) = whole::<IPluginFactory3, _>(&self.factory) {
            // SAFETY: a structure of numbers, filled by the factory.
            let mut info: PClassInfoW = unsafe { zeroed() };
            // SAFETY: there is room for the answer.
            if unsafe { factory.getClassInfoUnicode(index, &mut info) } == kResultOk {
                return Some(Class {
                    id: info.cid,
                    category: narrow(&info.category),
                    name: wide(&info.name),
                    vendor: wide(&info.vendor),
                    version: wide(&info.version),
                    features: narrow(&info.subCategories),
                });
            }
        }
        if let Some(factory) = whole::<IPluginFactory2, _>(&self.factory) {
            // SAFETY: as above.
            let mut info: PClassInfo2 = unsafe { zeroed() };
            // SAFETY: as above.
            if unsafe { factory.getClassInfo2(index, &mut info) } == kResultOk {
                return Some(Class {
                    id: info.cid,
                    category: narrow(&info.category),
                    name: narrow(&info.name),
                    vendor: narrow(&info.vendor),
                    version: narrow(&info.version),
                    features: narrow(&info.subCategories),
                });
            }
        }
        // SAFETY: as above.
        let mut info: PClassInfo = unsafe { zeroed() };
        // SAFETY: as above.
        let result = unsafe { self.factory.getClassInfo(index, &mut info) };
        (result == kResultOk).then(|| Class {
            id: info.cid,
            category: narrow(&info.category),
            name: narrow(&info.name),
            vendor: String::new(),
            version: String::new(),
            features: String::new(),
        })
    }

    /// Makes an object of a class; none if the factory cannot.
    pub(crate) fn create<I: Interface>(&self, class: &TUID) -> Option<ComPtr<I>> {
        let mut object: *mut c_void = std::ptr::null_mut();
        // SAFETY: ids are passed as their sixteen bytes; the result is an object of the interface asked for, with a
        // reference for us, or null.
        unsafe {
            self.factory.createInstance(class.as_ptr(), I::IID.as_ptr().cast::<c_char>(), &mut object);
            ComPtr::from_raw(object.cast::<I>())
        }
    }
}

/// What any of the factory's interfaces tells of a class.
struct Class {
    id: TUID,
    category: String,
    name: String,
    vendor: String,
    version: String,
    features: String,
}
