//! Menus that a plugin builds with its host's help and asks it to show. The host shows them when it can: `popup` leaves the
//! lines for the next poll and does not wait for a choice. Main thread; elsewhere plugins are given none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vst3::Steinberg::Vst::IContextMenuItem_::Flags;
use vst3::Steinberg::Vst::IContextMenuItem_::Flags_::*;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::abi::whole;
use super::notes::Notes;
use super::text::wide;
use crate::plugin::PluginNotice;
use crate::surface::{MenuItem, MenuTarget};

/// A menu of more lines than this is not believed.
const MOST: usize = 1 << 16;

/// A line as the plugin added it.
#[derive(Clone)]
struct Line {
    item: IContextMenuItem,
    /// Who does what it says.
    target: Option<ComPtr<IContextMenuTarget>>,
}

impl Line {
    fn is(&self, item: &IContextMenuItem, target: *mut IContextMenuTarget) -> bool {
        let own = self.target.as_ref().map_or(std::ptr::null_mut(), |target| target.as_ptr());
        (self.item.tag, self.item.flags, own) == (item.tag, item.flags, target) && self.item.name == item.name
    }
}

/// A menu that a plugin asked to be shown.
pub(crate) struct Shown {
    target: MenuTarget,
    position: (i32, i32),
    lines: Vec<Line>,
    /// The number of its first line among those of all menus, so that no line stands for one of an older menu.
    first_action: u32,
}

impl Shown {
    /// Does what a line says. False if it is of another menu or does nothing. Main thread.
    pub(crate) fn perform(&self, target: MenuTarget, action: u32) -> bool {
        let index = action.checked_sub(self.first_action).filter(|_| target == self.target);
        let line = index.and_then(|index| self.lines.get(index as usize));
        let Some((item, target)) = line.and_then(|line| Some((line.item, line.target.as_ref()?))) else { return false };
        // SAFETY: the target is an object that we hold a reference to, and this is the main thread.
        unsafe { target.executeMenuItem(item.tag) == kResultOk }
    }

    /// What is told of it.
    pub(crate) fn notice(&self) -> PluginNotice {
        let (x, y) = self.position;
        PluginNotice::MenuRequested { target: self.target, x, y, items: self.items() }
    }

    fn items(&self) -> Vec<MenuItem> {
        let mut items = Vec::new();
        // Label and switch of an open menu, and the lines before it.
        let mut outer: Vec<(String, bool, Vec<MenuItem>)> = Vec::new();
        for (action, Line { item, .. }) in (self.first_action..).zip(&self.lines) {
            let flags = item.flags as Flags;
            let has = |all: Flags| flags & all == all;
            let (label, enabled) = (wide(&item.name), flags & kIsDisabled == 0);
            if has(kIsGroupStart) {
                // That it is a menu within the menu is said by a flag of one that is disabled.
                outer.push((label, true, std::mem::take(&mut items)));
            } else if has(kIsGroupEnd) {
                end_group(&mut items, &mut outer);
            } else if has(kIsSeparator) {
                items.push(MenuItem::Separator);
            } else {
                let checked = has(kIsChecked).then_some(true);
                items.push(MenuItem::Entry { label, enabled, action, checked });
            }
        }
        while end_group(&mut items, &mut outer) {}
        items
    }
}

/// Ends the innermost menu; false if there is none.
fn end_group(items: &mut Vec<MenuItem>, outer: &mut Vec<(String, bool, Vec<MenuItem>)>) -> bool {
    let Some((label, enabled, before)) = outer.pop() else { return false };
    let inside = std::mem::replace(items, before);
    items.push(MenuItem::Menu { label, enabled, items: inside });
    true
}

/// A menu that is being built.
pub(crate) struct Menu {
    notes: Arc<Notes>,
    target: MenuTarget,
    lines: Mutex<Vec<Line>>,
}

impl Menu {
    /// An empty one, with a reference for the plugin.
    pub(crate) fn make(notes: &Arc<Notes>, target: MenuTarget) -> *mut IContextMenu {
        let menu = ComWrapper::new(Self { notes: Arc::clone(notes), target, lines: Mutex::default() });
        menu.to_com_ptr::<IContextMenu>().map_or(std::ptr::null_mut(), |menu| menu.into_raw())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Class for Menu {
    type Interfaces = (IContextMenu,);
}

impl IContextMenuTrait for Menu {
    unsafe fn getItemCount(&self) -> i32 {
        self.lines().len() as i32
    }

    /// The target is lent, not given.
    unsafe fn getItem(&self, index: i32, item: *mut IContextMenuItem, target: *mut *mut IContextMenuTarget) -> tresult {
        let line = usize::try_from(index).ok().and_then(|index| self.lines().get(index).cloned());
        let Some(line) = line.filter(|_| !item.is_null()) else { return kInvalidArgument };
        // SAFETY: the plugin hands over room for both, or null for the target.
        unsafe {
            item.write_unaligned(line.item);
            if !target.is_null() {
                target.write_unaligned(line.target.map_or(std::ptr::null_mut(), |target| target.as_ptr()));
            }
        }
        kResultOk
    }

    unsafe fn addItem(&self, item: *const IContextMenuItem, target: *mut IContextMenuTarget) -> tresult {
        let mut lines = self.lines();
        if item.is_null() || lines.len() >= MOST {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over a line, and a target or null.
        let (item, target) = unsafe { (item.read_unaligned(), ComRef::from_raw(target)) };
        lines.push(Line { item, target: target.map(|target| target.to_com_ptr()) });
        kResultOk
    }

    unsafe fn removeItem(&self, item: *const IContextMenuItem, target: *mut IContextMenuTarget) -> tresult {
        if item.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over a line.
        let item = unsafe { item.read_unaligned() };
        let mut lines = self.lines();
        let removed = lines.iter().position(|line| line.is(&item, target)).map(|at| lines.remove(at));
        // Its target is let go of outside the lock: that may run the plugin's code.
        drop(lines);
        if removed.is_some() { kResultOk } else { kResultFalse }
    }

    unsafe fn popup(&self, x: UCoord, y: UCoord) -> tresult {
        let lines = self.lines().clone();
        let count = lines.len();
        let shown = |first_action| Shown { target: self.target, position: (x, y), lines, first_action };
        if self.notes.show_menu(count, shown) { kResultOk } else { kResultFalse }
    }
}

/// Lines for what a plugin's controller can open, and who they are for: numbers that no line of a menu of its own comes to.
const HELP: u32 = u32::MAX;
const ABOUT: u32 = u32::MAX - 1;

/// What any host can offer of a plugin: its help and what it says about itself, where it has them. Main thread.
pub(crate) fn common_lines(controller: &ComPtr<IEditController>) -> Vec<MenuItem> {
    let line = |label: &str, action| MenuItem::Entry { label: label.to_owned(), enabled: true, action, checked: None };
    let can = |action: &u32| open(controller, *action, true);
    let all = [(HELP, "Help"), (ABOUT, "About")].into_iter();
    all.filter(|(action, _)| can(action)).map(|(action, label)| line(label, action)).collect()
}

/// Opens what one of [`common_lines`] says, or only tells whether it can. Main thread.
pub(crate) fn open(controller: &ComPtr<IEditController>, action: u32, only_check: bool) -> bool {
    let Some(controller) = whole::<IEditController2, _>(controller) else { return false };
    // SAFETY: the controller is initialised and this is the main thread.
    let result = unsafe {
        match action {
            HELP => controller.openHelp(only_check.into()),
            ABOUT => controller.openAboutBox(only_check.into()),
            _ => return false,
        }
    };
    result == kResultTrue
}
