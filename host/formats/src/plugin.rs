//! The controller half of a plugin, in words that hold for every format. Everything here belongs to the one thread on
//! which the plugin was made; the audio half is a [`Processor`] and goes its own way.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crosspoint_graph::{ChannelLayout, Processor};

use crate::arrangement::{BusLayout, ChannelMap, PortConfiguration};
use crate::error::PluginError;
use crate::library::PluginDescriptor;
use crate::note_expression::{FingerMovement, NoteExpressionKind, NoteExpressionType};
use crate::preset::{Preset, PresetPlace, PresetPlugin};
use crate::session::{ChangeDelta, HistoryDirection, ProjectPart, StatePurpose, TransportRequest, UndoContext};
use crate::surface::{
    AutomationState, Color, ControlPage, Mapping, MenuItem, MenuTarget, NoteName, SurfaceModel, Track, Voices,
};
use crate::window::Editor;

/// Into the plugin or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BusDirection {
    /// Into the plugin.
    Input,
    /// Out of the plugin.
    Output,
}

/// What an audio bus is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BusPurpose {
    /// The signal itself.
    Main,
    /// A side chain, or one more output.
    Auxiliary,
}

/// An audio bus: several channels that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioBus {
    /// What people call it.
    pub name: String,
    /// Its channels.
    pub layout: ChannelLayout,
    /// What it is for.
    pub purpose: BusPurpose,
    /// The bus of the other direction, by index, with which it may share buffers.
    pub in_place: Option<usize>,
    /// Whether it is on. A bus that is off is no port of the node; the plugin hears silence there.
    pub active: bool,
}

/// A language in which notes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Notes with ids and expressions of their own, as CLAP and VST3 have them.
    Notes,
    /// MIDI 1 bytes.
    Midi,
    /// MIDI 1 bytes, each note on a channel of its own.
    MidiPolyphonicExpression,
    /// Universal MIDI packets.
    Midi2,
}

/// Several dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Dialects {
    /// [`Dialect::Notes`] is one of them.
    pub notes: bool,
    /// [`Dialect::Midi`] is one of them.
    pub midi: bool,
    /// [`Dialect::MidiPolyphonicExpression`] is one of them.
    pub midi_polyphonic_expression: bool,
    /// [`Dialect::Midi2`] is one of them.
    pub midi2: bool,
}

impl Dialects {
    /// Whether a dialect is one of them.
    pub fn contains(self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Notes => self.notes,
            Dialect::Midi => self.midi,
            Dialect::MidiPolyphonicExpression => self.midi_polyphonic_expression,
            Dialect::Midi2 => self.midi2,
        }
    }
}

/// A port for notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotePort {
    /// What people call it.
    pub name: String,
    /// What it understands, or may send.
    pub dialects: Dialects,
    /// What it likes best: always one of `dialects`, unless there are none.
    pub preferred: Dialect,
}

/// What may be done with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ParameterFlags {
    /// Whole values only.
    pub stepped: bool,
    /// Whole values that are names rather than numbers.
    pub enumerated: bool,
    /// The end of the range is its beginning, as for an angle.
    pub periodic: bool,
    /// Not for people's eyes.
    pub hidden: bool,
    /// Tells, but cannot be set.
    pub read_only: bool,
    /// The plugin's own bypass switch.
    pub bypass: bool,
    /// May change over time.
    pub automatable: bool,
    /// May be modulated.
    pub modulatable: bool,
    /// May be modulated for each note by itself.
    pub modulatable_per_note: bool,
    /// Changes are heard only once the plugin has processed.
    pub requires_process: bool,
}

/// A parameter, its values in the plugin's plain scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its identity, the same in every session.
    pub id: u32,
    /// What people call it.
    pub name: String,
    /// Where it stands in the plugin, such as `oscillators/1`; possibly empty.
    pub module: String,
    /// The least value.
    pub minimum: f64,
    /// The greatest value.
    pub maximum: f64,
    /// The initial value.
    pub default: f64,
    /// What may be done with it.
    pub flags: ParameterFlags,
}

/// How a plugin is to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activation {
    /// Frames a second: 1 to 10,000,000.
    pub sample_rate: f64,
    /// Fewest frames of a block, at least 1.
    pub min_frames: u32,
    /// Most frames of a block, at least `min_frames`.
    pub max_frames: u32,
}

/// Most frames of a block.
const MOST_FRAMES: u32 = 1 << 20;

impl Activation {
    /// Whether it makes sense to any plugin.
    pub(crate) fn check(self) -> Result<(), PluginError> {
        let Self { sample_rate, min_frames, max_frames } = self;
        let refuse = |reason| Err(PluginError::Activation { sample_rate, min_frames, max_frames, reason });
        if !(1.0..=10_000_000.0).contains(&sample_rate) {
            return refuse("the sample rate must be 1 to 10000000 Hz");
        }
        if min_frames == 0 || max_frames > MOST_FRAMES {
            return refuse("a block has 1 to 1048576 frames");
        }
        if min_frames > max_frames {
            return refuse("the shortest block is longer than the longest");
        }
        Ok(())
    }
}

/// How long a plugin sounds on after its input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// So many frames.
    Frames(u32),
    /// For ever.
    Infinite,
}

/// Whether time is the wall's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenderMode {
    /// There is a deadline.
    RealTime,
    /// There is none: a plugin may take the better and slower way.
    Offline,
}

/// In which numbers a plugin is given its samples and gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// In 32 bits, as the graph has them.
    #[default]
    Single,
    /// In 64 bits, converted at the plugin's edge.
    Double,
}

impl Precision {
    /// Bits a sample.
    pub fn bits(self) -> u32 {
        match self {
            Self::Single => 32,
            Self::Double => 64,
        }
    }

    /// That of so many bits; none if there is none.
    pub fn of_bits(bits: u32) -> Option<Self> {
        [Self::Single, Self::Double].into_iter().find(|precision| precision.bits() == bits)
    }
}

/// Whether a plugin may be given blocks before their time, while what it is connected to allows that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenderAhead {
    /// It never may.
    Never,
    /// It may later, not as it is set now.
    Later,
    /// It may now.
    Now,
}

/// How grave a plugin thinks its message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// For its developers.
    Debug,
    /// Good to know.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
    /// It cannot go on.
    Fatal,
    /// It says that the host broke a rule.
    HostMisbehaving,
    /// The plugin broke a rule.
    PluginMisbehaving,
}

/// What of the parameters is no longer as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ParametersChange {
    /// Values: read them again.
    pub values: bool,
    /// The texts of values.
    pub text: bool,
    /// Names, modules, flags: [`Plugin::parameters`] has them.
    pub info: bool,
    /// The list itself.
    pub list: bool,
}

/// What a plugin has to say, gathered by [`Plugin::poll`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PluginNotice {
    /// It asks to be deactivated and activated again.
    RestartRequested,
    /// It has another latency now, in frames.
    LatencyChanged {
        /// The latency from now on.
        frames: u32,
    },
    /// It has another tail now.
    TailChanged(Tail),
    /// Its audio buses or note ports are others, or have other names: describe it again.
    PortsChanged,
    /// Its parameters changed.
    ParametersChanged(ParametersChange),
    /// A parameter took a value by the plugin's own doing, such as its window.
    ParameterValue {
        /// Which.
        parameter: u32,
        /// Plain value.
        value: f64,
    },
    /// A person took hold of a control in the plugin's window, or let go of it.
    ParameterGesture {
        /// Which.
        parameter: u32,
        /// Taken hold of (true) or let go (false).
        begin: bool,
    },
    /// A person chose the host's line in the plugin's own menu that puts a parameter back to its initial value.
    ParameterResetRequested {
        /// Which.
        parameter: u32,
    },
    /// Automation or modulation of a parameter makes no sense any more and is to be removed.
    ParameterCleared {
        /// Which.
        parameter: u32,
        /// Remove its automation.
        automation: bool,
        /// Remove its modulation.
        modulation: bool,
    },
    /// Its state differs from what was last saved or loaded.
    StateDirty,
    /// It has a message for people.
    Log {
        /// How grave.
        severity: Severity,
        /// The message.
        message: String,
    },
    /// Messages from the audio thread that found no room.
    LogLost {
        /// How many.
        messages: u32,
    },
    /// Events it sent were wrong: late ones were clamped to the block, unsorted ones sorted, invalid ones dropped.
    EventFaults {
        /// Past the end of their block.
        late: u32,
        /// Earlier than the one before.
        unsorted: u32,
        /// Of no known kind, port or value, or beyond the room there is.
        dropped: u32,
    },
    /// Events for it that were dropped for want of room or meaning.
    EventsLost {
        /// How many.
        events: u32,
    },
    /// Blocks that held infinities or values that are no numbers; they were replaced by silence.
    NonFiniteOutput {
        /// How many.
        blocks: u32,
    },
    /// `start_processing` or `process` failed.
    ProcessingFailed {
        /// How often.
        times: u32,
    },
    /// It has loaded a preset, asked to or by its own doing.
    PresetLoaded(PresetPlace),
    /// It could not load a preset.
    PresetFailed {
        /// Which.
        place: PresetPlace,
        /// What it says about it.
        reason: String,
    },
    /// [`Plugin::note_names`] has others now.
    NoteNamesChanged,
    /// [`Plugin::note_expressions`] or [`Plugin::finger_movements`] has others now.
    NoteExpressionsChanged,
    /// [`Plugin::voices`] is another now.
    VoicesChanged,
    /// [`Plugin::control_pages`] has others now.
    ControlPagesChanged,
    /// It would like this page to be under the knobs.
    ControlPageSuggested {
        /// The page's id.
        page: u32,
    },
    /// [`Plugin::port_configurations`] has others now.
    PortConfigurationsChanged,
    /// A person clicked in its window where it has a menu, for the host to show with lines of its own beside these. What is
    /// chosen is for [`Plugin::perform_menu_action`], until the next menu is asked for.
    MenuRequested {
        /// What it is about.
        target: MenuTarget,
        /// From the left of the plugin's view, in its pixels.
        x: i32,
        /// From its top.
        y: i32,
        /// The plugin's lines.
        items: Vec<MenuItem>,
    },
    /// It would like the transport to do something.
    TransportRequested(TransportRequest),
    /// A change by a person has begun in its window; nothing is to be put into the history until it is over.
    ChangeBegan,
    /// The change that began will not be.
    ChangeCancelled,
    /// A change by a person, to be a step of the history.
    ChangeMade {
        /// What people call it.
        name: String,
        /// How to go back and forth; without it, the states before and after do.
        delta: Option<ChangeDelta>,
    },
    /// It asks for a step of the host's history.
    HistoryRequested(HistoryDirection),
    /// Whether it wants [`Plugin::set_undo_context`] to be kept up to date.
    UndoContextWanted(bool),
    /// It needs a folder for its files: [`Plugin::set_resource_directory`].
    ResourceDirectoryRequested {
        /// One for all plugins, or one for it alone.
        shared: bool,
    },
    /// It does not need that folder any more.
    ResourceDirectoryReleased {
        /// Which.
        shared: bool,
    },
}

/// A file descriptor a plugin waits for, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// The descriptor (unix).
    pub descriptor: i32,
    /// Until it can be read.
    pub readable: bool,
    /// Until it can be written.
    pub writable: bool,
}

/// A plugin's controller half.
///
/// It is made, used and dropped on one thread, its main thread; the type is not `Send`. Values of parameters are in the
/// plugin's plain scale throughout.
///
/// Dropped while its audio half is still out, the plugin lives on until that half is dropped too, wherever that is, and
/// is destroyed on the main thread by the next [`Plugin::poll`] of any plugin of its format. Bring the half home instead.
pub trait Plugin {
    /// What it is.
    fn descriptor(&self) -> &PluginDescriptor;

    /// Its audio buses, in the plugin's order.
    fn audio_buses(&self, direction: BusDirection) -> &[AudioBus];

    /// Switches a bus on or off. A plugin that cannot know is given silence there instead.
    ///
    /// # Errors
    /// [`PluginError::Active`]; [`PluginError::UnknownBus`].
    fn set_bus_active(&mut self, direction: BusDirection, index: usize, active: bool) -> Result<(), PluginError>;

    /// Its note ports, in the plugin's order.
    fn note_ports(&self, direction: BusDirection) -> &[NotePort];

    /// Its parameters, in the plugin's order.
    fn parameters(&self) -> &[Parameter];

    /// The value of a parameter as the controller knows it; none for one that does not exist.
    fn parameter_value(&mut self, parameter: u32) -> Option<f64>;

    /// A value as the plugin would show it, such as `-6.0 dB`.
    fn value_to_text(&mut self, parameter: u32, value: f64) -> Option<String>;

    /// The value that a text stands for, by the plugin's own conversion.
    fn text_to_value(&mut self, parameter: u32, text: &str) -> Option<f64>;

    /// Sets parameters of an inactive plugin; values are clamped to their ranges. An active one takes them as events of
    /// its node.
    ///
    /// # Errors
    /// [`PluginError::Active`]; [`PluginError::UnknownParameter`], then none is set.
    fn set_parameters(&mut self, values: &[(u32, f64)]) -> Result<(), PluginError>;

    /// Frames by which its output is late, as of the last activation or [`PluginNotice::LatencyChanged`].
    fn latency(&self) -> u32;

    /// How long it sounds on; zero frames if it does not say.
    fn tail(&mut self) -> Tail;

    /// Its state: bytes that mean nothing to others.
    ///
    /// # Errors
    /// [`PluginError::Unsupported`] or [`PluginError::Failed`].
    fn save_state(&mut self) -> Result<Vec<u8>, PluginError>;

    /// Gives it back a state.
    ///
    /// # Errors
    /// [`PluginError::Unsupported`] or [`PluginError::Failed`].
    fn load_state(&mut self, state: &[u8]) -> Result<(), PluginError>;

    /// Says whether there is a deadline. True if the plugin took notice; one that never asks works in both.
    fn set_render_mode(&mut self, mode: RenderMode) -> bool;

    /// Whether it can only work in real time, as one that drives hardware.
    fn requires_real_time(&mut self) -> bool;

    /// Activates it and gives its audio half, to be started and stopped on the audio thread and then brought home to
    /// [`Plugin::deactivate`]. Event ports of the half are the note ports in order; parameter events are taken on any.
    ///
    /// # Errors
    /// [`PluginError::Activation`], [`PluginError::ActivationRefused`], [`PluginError::Active`],
    /// [`PluginError::Channels`].
    fn activate(&mut self, activation: Activation) -> Result<Box<dyn Processor>, PluginError>;

    /// Takes its audio half back and deactivates it.
    ///
    /// # Errors
    /// [`PluginError::ForeignProcessor`] if the half is that of another plugin; it is dropped then.
    /// [`PluginError::Inactive`].
    fn deactivate(&mut self, processor: Box<dyn Processor>) -> Result<(), PluginError>;

    /// Whether it is active.
    fn is_active(&self) -> bool;

    /// Runs something while this thread holds every lock of the controller half: a way for tests to show that the audio
    /// half takes none of them. A format that has locks holds them here.
    #[doc(hidden)]
    fn with_locks_held(&self, during: &mut dyn FnMut()) {
        during();
    }

    /// Does what the plugin asked the main thread for (callbacks, timers, descriptors, flushes, rescans) and appends
    /// what it has to say. Never waits. Call it some thirty times a second, or when [`Plugin::next_poll`] or one of
    /// [`Plugin::interests`] says so.
    fn poll(&mut self, notices: &mut Vec<PluginNotice>);

    /// When its next timer is due.
    fn next_poll(&self) -> Option<Instant>;

    /// The file descriptors it waits for, for the event loop to wait for in its place.
    fn interests(&self) -> Vec<Interest>;

    /// [`Plugin::save_state`] for a purpose; the whole state from a plugin that makes no difference.
    ///
    /// # Errors
    /// As [`Plugin::save_state`].
    fn save_state_for(&mut self, purpose: StatePurpose) -> Result<Vec<u8>, PluginError> {
        let _ = purpose;
        self.save_state()
    }

    /// [`Plugin::load_state`] of a state that was saved for this purpose.
    ///
    /// # Errors
    /// As [`Plugin::load_state`].
    fn load_state_for(&mut self, state: &[u8], purpose: StatePurpose) -> Result<(), PluginError> {
        let _ = purpose;
        self.load_state(state)
    }

    /// Presets that only the plugin itself can list, such as the programs of VST3; more may be found by
    /// [`Library::presets`](crate::Library::presets).
    fn presets(&mut self) -> Vec<Preset> {
        Vec::new()
    }

    /// Loads a preset. What became of it may follow as a notice.
    ///
    /// # Errors
    /// [`PluginError::Unsupported`] or [`PluginError::Failed`].
    fn load_preset(&mut self, place: &PresetPlace) -> Result<(), PluginError> {
        let _ = place;
        Err(PluginError::Unsupported { feature: "presets" })
    }

    /// What a preset within the plugin holds, as [`Plugin::write_preset`] and, in a file, [`Plugin::load_preset`] take it.
    /// Nothing is loaded.
    ///
    /// # Errors
    /// [`PluginError::Unsupported`] or [`PluginError::Failed`].
    fn read_preset(&mut self, place: &PresetPlace) -> Result<Vec<u8>, PluginError> {
        let _ = place;
        Err(PluginError::Unsupported { feature: "reading its presets" })
    }

    /// Changes what a preset within the plugin holds.
    ///
    /// # Errors
    /// [`PluginError::Unsupported`] or [`PluginError::Failed`].
    fn write_preset(&mut self, place: &PresetPlace, content: &[u8]) -> Result<(), PluginError> {
        let _ = (place, content);
        Err(PluginError::Unsupported { feature: "writing its presets" })
    }

    /// The arrangements of its buses that it offers ready made.
    fn port_configurations(&mut self) -> Vec<PortConfiguration> {
        Vec::new()
    }

    /// Takes one of [`Plugin::port_configurations`]; its buses are read again.
    ///
    /// # Errors
    /// [`PluginError::Active`]; [`PluginError::Unsupported`]; [`PluginError::Failed`].
    fn select_port_configuration(&mut self, id: u32) -> Result<(), PluginError> {
        let _ = id;
        Err(PluginError::Unsupported { feature: "configurations of its ports" })
    }

    /// Asks it for these layouts, all or none; its buses are read again. Those not named may change with them.
    ///
    /// # Errors
    /// [`PluginError::Active`]; [`PluginError::Unsupported`]; [`PluginError::Failed`], then nothing has changed.
    fn set_bus_layouts(&mut self, layouts: &[BusLayout]) -> Result<(), PluginError> {
        let _ = layouts;
        Err(PluginError::Unsupported { feature: "other layouts of its buses" })
    }

    /// What the channels of a bus mean, for a surround or ambisonic one that tells.
    fn channel_map(&mut self, direction: BusDirection, index: usize) -> Option<ChannelMap> {
        let _ = (direction, index);
        None
    }

    /// Notes that have names of their own.
    fn note_names(&mut self) -> Vec<NoteName> {
        Vec::new()
    }

    /// What it can be told of a note on that port and channel; empty if it does not say.
    fn note_expressions(&mut self, port: u16, channel: u8) -> Vec<NoteExpressionType> {
        let _ = (port, channel);
        Vec::new()
    }

    /// A value of a note expression on that port and channel as the plugin would show it, without its unit.
    fn note_expression_to_text(
        &mut self,
        port: u16,
        channel: u8,
        kind: NoteExpressionKind,
        value: f64,
    ) -> Option<String> {
        let _ = (port, channel, kind, value);
        None
    }

    /// The value of a note expression that a text stands for, by the plugin's own conversion.
    fn text_to_note_expression(&mut self, port: u16, channel: u8, kind: NoteExpressionKind, text: &str) -> Option<f64> {
        let _ = (port, channel, kind, text);
        None
    }

    /// Which note expression each movement of a finger stands for on that port and channel, as far as it says. Events are
    /// translated so by its audio half.
    fn finger_movements(&mut self, port: u16, channel: u8) -> Vec<(FingerMovement, NoteExpressionKind)> {
        let _ = (port, channel);
        Vec::new()
    }

    /// How many notes it can play at once, if it tells.
    fn voices(&mut self) -> Option<Voices> {
        None
    }

    /// Its parameters in pages for rows of knobs.
    fn control_pages(&mut self) -> Vec<ControlPage> {
        Vec::new()
    }

    /// Tells it what a parameter is tied to, for it to show; none for nothing any more.
    fn show_mapping(&mut self, parameter: u32, mapping: Option<&Mapping>) {
        let _ = (parameter, mapping);
    }

    /// Tells it what a parameter's automation is doing, for it to show.
    fn show_automation(&mut self, parameter: u32, state: AutomationState, color: Option<Color>) {
        let _ = (parameter, state, color);
    }

    /// Tells it which track it is on.
    fn set_track(&mut self, track: &Track) {
        let _ = track;
    }

    /// Its own lines for a menu that is about to open.
    fn menu(&mut self, target: MenuTarget) -> Vec<MenuItem> {
        let _ = target;
        Vec::new()
    }

    /// Does what a line of [`Plugin::menu`] or of [`PluginNotice::MenuRequested`] says. False if it does not.
    fn perform_menu_action(&mut self, target: MenuTarget, action: u32) -> bool {
        let _ = (target, action);
        false
    }

    /// Tells it where it stands: from the project, which comes first, to itself, which comes last.
    fn set_project_path(&mut self, path: &[ProjectPart]) {
        let _ = path;
    }

    /// Gives it a folder for its files, one for all plugins or one for it alone; none takes it away. It is within what
    /// is saved with the project, and its files are found by [`Plugin::resource_files`].
    ///
    /// # Errors
    /// [`PluginError::Unsupported`].
    fn set_resource_directory(&mut self, path: Option<&Path>, shared: bool) -> Result<(), PluginError> {
        let _ = (path, shared);
        Err(PluginError::Unsupported { feature: "a folder for its files" })
    }

    /// Copies the files it uses into that folder: all of them, or those without which it would sound otherwise.
    fn collect_resources(&mut self, all: bool) {
        let _ = all;
    }

    /// Files it uses, relative to that folder.
    fn resource_files(&mut self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Goes a step back or forth by the plugin's own [`ChangeDelta`].
    ///
    /// # Errors
    /// [`PluginError::Unsupported`], also of a version that the plugin does not know; [`PluginError::Failed`].
    fn apply_change(&mut self, delta: &ChangeDelta, direction: HistoryDirection) -> Result<(), PluginError> {
        let _ = (delta, direction);
        Err(PluginError::Unsupported { feature: "a history of its own" })
    }

    /// Its view, for a [`PluginWindow`](crate::window::PluginWindow); none if it has none.
    fn editor(&mut self) -> Option<&mut dyn Editor> {
        None
    }

    /// Its parameter that does what a parameter of another plugin did, which it takes the place of; none if there is none,
    /// or if it does not know that plugin.
    fn remap_parameter(&mut self, replaced: &PresetPlugin, parameter: u32) -> Option<u32> {
        let _ = (replaced, parameter);
        None
    }

    /// Whether it may be given blocks before their time.
    fn render_ahead(&mut self) -> RenderAhead {
        RenderAhead::Never
    }

    /// Tells it how many frames lie between one of its buses and the world: from the microphone to an input, from an output
    /// to the ear. For what it shows, such as meters.
    fn set_presentation_latency(&mut self, direction: BusDirection, index: usize, frames: u32) {
        let _ = (direction, index, frames);
    }

    /// Its own layout of its parameters for a hardware surface, as the XML that VST3 has for that.
    fn surface_layout(&mut self, surface: &SurfaceModel) -> Option<String> {
        let _ = surface;
        None
    }

    /// Asks for samples of a precision from the next activation on. Until asked, a plugin is given the one that it says it
    /// prefers, else [`Precision::Single`]; one that has only the other one is given that. Whether it has the one asked for.
    fn set_precision(&mut self, precision: Precision) -> bool {
        precision == Precision::Single
    }

    /// Tells it what could be undone and redone.
    fn set_undo_context(&mut self, context: &UndoContext) {
        let _ = context;
    }
}
