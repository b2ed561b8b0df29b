//! What a plugin's controller calls on its host: edits, restarts, menus, units, progress. Every call only leaves a note;
//! [`super::plugin`] acts on the notes on the main thread. Plugins call from the wrong thread, so no call relies on the right
//! one; from the audio thread nothing here locks, allocates or logs.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vst3::Steinberg::Vst::IProgress_::ProgressType;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComWrapper};

use super::abi;
use super::menu::Menu;
use super::notes::{BusWish, Edit, Notes, Point, pending};
use super::text::wide_at;
use crate::plugin::Severity;
use crate::surface::MenuTarget;

/// One plugin's handler.
pub(crate) struct Handler {
    notes: Arc<Notes>,
    /// The number of the last work whose progress was told.
    last_work: AtomicU64,
}

impl Handler {
    pub(crate) fn new(notes: Arc<Notes>) -> ComWrapper<Self> {
        ComWrapper::new(Self { notes, last_work: AtomicU64::new(0) })
    }
}

impl Class for Handler {
    type Interfaces = (
        IComponentHandler,
        IComponentHandler2,
        IComponentHandler3,
        IComponentHandlerBusActivation,
        IUnitHandler,
        IUnitHandler2,
        IProgress,
    );
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, parameter: ParamID) -> tresult {
        self.notes.edit(Edit::Begin(parameter));
        kResultOk
    }

    unsafe fn performEdit(&self, parameter: ParamID, normalised: ParamValue) -> tresult {
        if normalised.is_nan() {
            return kInvalidArgument;
        }
        self.notes.edit(Edit::Value(Point { parameter, normalised: normalised.clamp(0.0, 1.0) }));
        kResultOk
    }

    unsafe fn endEdit(&self, parameter: ParamID) -> tresult {
        self.notes.edit(Edit::End(parameter));
        kResultOk
    }

    unsafe fn restartComponent(&self, flags: i32) -> tresult {
        self.notes.raise_restart(flags);
        kResultOk
    }
}

impl IComponentHandler2Trait for Handler {
    unsafe fn setDirty(&self, state: TBool) -> tresult {
        if state != 0 {
            self.notes.raise(pending::STATE);
        }
        kResultOk
    }

    /// There is only the one that is called so, which is also meant by one without a name.
    unsafe fn requestOpenEditor(&self, name: FIDString) -> tresult {
        // SAFETY: the plugin hands over a string or null.
        let is_known = name.is_null() || unsafe { CStr::from_ptr(name) == CStr::from_ptr(ViewType::kEditor) };
        if is_known {
            self.notes.request_editor();
        }
        if is_known { kResultOk } else { kResultFalse }
    }

    /// Edits are told one by one, with their own beginnings and ends.
    unsafe fn startGroupEdit(&self) -> tresult {
        kResultOk
    }

    unsafe fn finishGroupEdit(&self) -> tresult {
        kResultOk
    }
}

impl IComponentHandler3Trait for Handler {
    unsafe fn createContextMenu(&self, _view: *mut IPlugView, parameter: *const ParamID) -> *mut IContextMenu {
        if !self.notes.is_main_thread() {
            return std::ptr::null_mut();
        }
        // SAFETY: the plugin hands over an id or null.
        let parameter = (!parameter.is_null()).then(|| unsafe { parameter.read_unaligned() });
        Menu::make(&self.notes, parameter.map_or(MenuTarget::Plugin, MenuTarget::Parameter))
    }
}

impl IComponentHandlerBusActivationTrait for Handler {
    unsafe fn requestBusActivation(
        &self,
        kind: MediaType,
        direction: BusDirection,
        index: i32,
        state: TBool,
    ) -> tresult {
        let (true, Ok(index)) = (kind == abi::AUDIO, usize::try_from(index)) else { return kResultFalse };
        let wish = BusWish { is_input: direction == abi::INPUT, index, active: state != 0 };
        if self.notes.wish(wish) { kResultOk } else { kResultFalse }
    }
}

impl IUnitHandlerTrait for Handler {
    /// Which unit a person looks at is the plugin's own matter.
    unsafe fn notifyUnitSelection(&self, _unit: UnitID) -> tresult {
        kResultOk
    }

    unsafe fn notifyProgramListChange(&self, _list: ProgramListID, _program: i32) -> tresult {
        self.notes.raise(pending::PROGRAMS);
        kResultOk
    }
}

impl IUnitHandler2Trait for Handler {
    /// Programs of a bus's unit are looked up when the plugin's parameters are read.
    unsafe fn notifyUnitByBusChange(&self) -> tresult {
        self.notes.raise(pending::PROGRAMS);
        kResultOk
    }
}

impl IProgressTrait for Handler {
    unsafe fn start(&self, _kind: ProgressType, description: *const tchar, id: *mut IProgress_::ID) -> tresult {
        if id.is_null() {
            return kInvalidArgument;
        }
        let work = self.last_work.fetch_add(1, Ordering::Relaxed) + 1;
        // SAFETY: the plugin hands over room for the number, and a string or null.
        let description = unsafe {
            id.write_unaligned(work);
            wide_at(description.cast())
        };
        let description = if description.is_empty() { "it is busy" } else { &description };
        self.notes.log(Severity::Info, format!("{description} (work {work} began)"));
        kResultOk
    }

    /// Steps are too many to be told.
    unsafe fn update(&self, _id: IProgress_::ID, _share: ParamValue) -> tresult {
        kResultOk
    }

    unsafe fn finish(&self, id: IProgress_::ID) -> tresult {
        self.notes.log(Severity::Info, format!("work {id} ended"));
        kResultOk
    }
}
