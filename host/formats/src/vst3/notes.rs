//! All that a plugin left for its host to do, and what its two halves tell each other. Shared by the host objects that the
//! plugin calls, the controller and the audio half; from the audio thread nothing here locks, allocates or logs.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use vst3::ComPtr;
use vst3::Steinberg::Vst::{IConnectionPoint, IMessage};

use super::menu::Shown;
use crate::faults::{Faults, count};
use crate::plugin::Severity;
use crate::preset::PresetPlace;
use crate::thread;

/// Parameter changes that wait for the other half.
const RECORDS: usize = 2048;

/// A parameter with a value, both as VST3 has them: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) parameter: u32,
    pub(crate) normalised: f64,
}

/// What the audio half tells the controller of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Record {
    /// It was given this value.
    Taken(Point),
    /// The plugin's processor says that it has this value.
    Told(Point),
    /// As a person's edit, but by a plugin that calls from its audio half.
    Edited(Point),
}

/// What a plugin's window or its like does to a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Edit {
    Begin(u32),
    Value(Point),
    End(u32),
}

/// The ends of the rings that are used by whoever is inside the plugin's audio half.
pub(crate) struct AudioEnds {
    pub(crate) records: rtrb::Producer<Record>,
    pub(crate) edits: rtrb::Consumer<Point>,
}

/// Edits on their way to the audio half.
struct Outgoing {
    ring: rtrb::Producer<Point>,
    /// Those that found no room in it.
    waiting: VecDeque<Point>,
}

/// A message on its way between the plugin's halves, sent off the main thread.
pub(crate) struct Letter {
    pub(crate) to: ComPtr<IConnectionPoint>,
    pub(crate) message: ComPtr<IMessage>,
}

/// A bus that the plugin wants on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BusWish {
    pub(crate) is_input: bool,
    pub(crate) index: usize,
    pub(crate) active: bool,
}

/// Things to do on the main thread beside the restart flags.
pub(crate) mod pending {
    /// The state is not what was last saved.
    pub(crate) const STATE: u32 = 1 << 0;
    /// Names of programs or units are others.
    pub(crate) const PROGRAMS: u32 = 1 << 1;
    /// The audio half could not tell of all parameters.
    pub(crate) const RECORDS_LOST: u32 = 1 << 2;
}

/// See the module.
pub(crate) struct Notes {
    main_thread: ThreadId,
    pending: AtomicU32,
    restart: AtomicI32,
    /// It wants its view to be seen.
    editor: AtomicBool,
    pub(crate) faults: Faults,
    log: Mutex<Vec<(Severity, String)>>,
    edits: Mutex<Vec<Edit>>,
    outgoing: Mutex<Outgoing>,
    letters: Mutex<Vec<Letter>>,
    wishes: Mutex<Vec<BusWish>>,
    presets: Mutex<Vec<PresetPlace>>,
    menus: Mutex<Vec<Shown>>,
    /// Lines of all menus that were shown.
    menu_lines: AtomicU32,
    audio: UnsafeCell<AudioEnds>,
}

// SAFETY: all fields but `audio` are Sync; `audio` is reached through `with_audio_ends` alone, which says who may.
unsafe impl Sync for Notes {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Notes {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    /// For a plugin whose main thread is the calling one, with the controller's end of what the audio half tells.
    pub(crate) fn new() -> (Arc<Self>, rtrb::Consumer<Record>) {
        let (records, told) = rtrb::RingBuffer::new(RECORDS);
        let (ring, edits) = rtrb::RingBuffer::new(RECORDS);
        let notes = Self {
            main_thread: std::thread::current().id(),
            pending: AtomicU32::new(0),
            restart: AtomicI32::new(0),
            editor: AtomicBool::new(false),
            faults: Faults::default(),
            log: Mutex::default(),
            edits: Mutex::default(),
            outgoing: Mutex::new(Outgoing { ring, waiting: VecDeque::new() }),
            letters: Mutex::default(),
            wishes: Mutex::default(),
            presets: Mutex::default(),
            menus: Mutex::default(),
            menu_lines: AtomicU32::new(0),
            audio: UnsafeCell::new(AudioEnds { records, edits }),
        };
        (Arc::new(notes), told)
    }

    /// The address that stands for the plugin in [`thread::AudioThread`].
    #[inline]
    pub(crate) fn identity(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    pub(crate) fn raise(&self, bits: u32) {
        self.pending.fetch_or(bits, Ordering::AcqRel);
    }

    pub(crate) fn take_pending(&self) -> u32 {
        self.pending.swap(0, Ordering::AcqRel)
    }

    /// Keeps what `restartComponent` said.
    pub(crate) fn raise_restart(&self, flags: i32) {
        self.restart.fetch_or(flags, Ordering::AcqRel);
    }

    pub(crate) fn take_restart(&self) -> i32 {
        self.restart.swap(0, Ordering::AcqRel)
    }

    /// Runs something while every lock here is held.
    pub(crate) fn with_locks_held(&self, during: &mut dyn FnMut()) {
        let Self { log, edits, outgoing, letters, wishes, presets, menus, .. } = self;
        let _held = (lock(log), lock(edits), lock(outgoing), lock(letters), lock(wishes), lock(presets), lock(menus));
        during();
    }

    /// Keeps that the plugin wants its view to be seen.
    pub(crate) fn request_editor(&self) {
        self.editor.store(true, Ordering::Release);
    }

    /// Whether it wants that since it was last asked.
    pub(crate) fn take_editor(&self) -> bool {
        self.editor.swap(false, Ordering::AcqRel)
    }

    /// The audio half's ends, if the calling thread is inside it; else none.
    ///
    /// At most one thread can be: each entry borrows the audio half exclusively, and the controller enters only while
    /// there is none. The borrow lasts for `with` only, and `with` calls no plugin.
    pub(crate) fn with_audio_ends<R>(&self, with: impl FnOnce(&mut AudioEnds) -> R) -> Option<R> {
        // SAFETY: see above; the mark on the thread is set by the audio half alone.
        thread::is_inside(self.identity()).then(|| with(unsafe { &mut *self.audio.get() }))
    }

    /// Tells the controller; if there is no room, that it should read all values again.
    pub(crate) fn report(&self, record: Record) {
        if self.with_audio_ends(|ends| ends.records.push(record).is_ok()) != Some(true) {
            self.raise(pending::RECORDS_LOST);
        }
    }

    /// Keeps an edit for the next poll, and its value for the audio half.
    pub(crate) fn edit(&self, edit: Edit) {
        if thread::is_audio_thread() {
            // Nothing that waits: the poll hands it on.
            match edit {
                Edit::Value(point) => self.report(Record::Edited(point)),
                Edit::Begin(_) | Edit::End(_) => count(&self.faults.dropped, 1),
            }
            return;
        }
        lock(&self.edits).push(edit);
        if let Edit::Value(point) = edit {
            self.send(point);
        }
    }

    /// Sends a value to the audio half, from any thread but its own.
    pub(crate) fn send(&self, point: Point) {
        let mut outgoing = lock(&self.outgoing);
        if !outgoing.waiting.is_empty() || outgoing.ring.push(point).is_err() {
            outgoing.waiting.push_back(point);
        }
    }

    /// Sends what found no room before.
    pub(crate) fn send_waiting(&self) {
        let mut outgoing = lock(&self.outgoing);
        while let Some(&point) = outgoing.waiting.front() {
            if outgoing.ring.push(point).is_err() {
                break;
            }
            outgoing.waiting.pop_front();
        }
    }

    /// Whether values wait for the audio half.
    pub(crate) fn has_unsent(&self) -> bool {
        let outgoing = lock(&self.outgoing);
        !outgoing.waiting.is_empty() || outgoing.ring.slots() < RECORDS
    }

    pub(crate) fn take_edits(&self) -> Vec<Edit> {
        std::mem::take(&mut *lock(&self.edits))
    }

    pub(crate) fn post(&self, letter: Letter) {
        if thread::is_audio_thread() {
            // There is no room to keep it that needs no lock. The plugin broke the rule that messages are the main
            // thread's.
            count(&self.faults.dropped, 1);
        } else {
            lock(&self.letters).push(letter);
        }
    }

    pub(crate) fn take_letters(&self) -> Vec<Letter> {
        std::mem::take(&mut *lock(&self.letters))
    }

    pub(crate) fn wish(&self, wish: BusWish) -> bool {
        let is_heard = !thread::is_audio_thread();
        if is_heard {
            lock(&self.wishes).push(wish);
        }
        is_heard
    }

    pub(crate) fn take_wishes(&self) -> Vec<BusWish> {
        std::mem::take(&mut *lock(&self.wishes))
    }

    /// Keeps for the next poll that a preset was loaded. Main thread.
    pub(crate) fn tell_preset(&self, place: PresetPlace) {
        lock(&self.presets).push(place);
    }

    pub(crate) fn take_presets(&self) -> Vec<PresetPlace> {
        std::mem::take(&mut *lock(&self.presets))
    }

    /// Keeps a menu of so many lines for the next poll, made from the number of its first one. False on another thread than
    /// the main one.
    pub(crate) fn show_menu(&self, lines: usize, menu: impl FnOnce(u32) -> Shown) -> bool {
        let is_heard = self.is_main_thread();
        if is_heard {
            let first = self.menu_lines.fetch_add(lines as u32, Ordering::Relaxed);
            lock(&self.menus).push(menu(first));
        }
        is_heard
    }

    pub(crate) fn take_menus(&self) -> Vec<Shown> {
        std::mem::take(&mut *lock(&self.menus))
    }

    /// Keeps a message for the next poll. Any thread; on the audio thread it is only counted.
    pub(crate) fn log(&self, severity: Severity, message: impl Into<String>) {
        if thread::is_audio_thread() {
            count(&self.faults.log_lost, 1);
        } else {
            lock(&self.log).push((severity, message.into()));
        }
    }

    pub(crate) fn take_log(&self) -> Vec<(Severity, String)> {
        std::mem::take(&mut *lock(&self.log))
    }

    pub(crate) fn is_main_thread(&self) -> bool {
        std::thread::current().id() == self.main_thread && !thread::is_audio_thread()
    }
}
