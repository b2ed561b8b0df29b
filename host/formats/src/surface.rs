//! What a plugin and the surfaces around it tell each other: pages of controls for hardware, names of notes, voices,
//! what a parameter is tied to, the track it is on, its own entries for a menu. Values only.

use crosspoint_graph::ChannelLayout;

/// A colour, 8 bits a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color {
    /// 255 is opaque.
    pub alpha: u8,
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

/// Parameters that belong together under a row of knobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPage {
    /// Its identity.
    pub id: u32,
    /// The pages it stands among, possibly empty.
    pub section: String,
    /// What people call it.
    pub name: String,
    /// The parameter of each knob, from the left; none for a knob that does nothing.
    pub knobs: Vec<Option<u32>>,
    /// Whether it goes with the preset rather than with the plugin.
    pub is_of_preset: bool,
}

/// A hardware surface that a plugin may know.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SurfaceModel {
    /// Who made it.
    pub vendor: String,
    /// What they call it; possibly empty.
    pub name: String,
    /// Which version of it; possibly empty.
    pub version: String,
}

/// A note with a name of its own, such as a drum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteName {
    /// The name.
    pub name: String,
    /// The note port; none for all.
    pub port: Option<u16>,
    /// The channel, from 0; none for all.
    pub channel: Option<u8>,
    /// The key, 60 being middle C; none for all.
    pub key: Option<u8>,
}

/// How many notes a plugin can play at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voices {
    /// As it is set now; 1 is monophonic.
    pub count: u32,
    /// The most it could be set to.
    pub capacity: u32,
    /// Whether notes of one key may overlap and are told apart by their ids.
    pub overlapping: bool,
}

/// What a parameter is tied to, for the plugin to show.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mapping {
    /// The colour of the control.
    pub color: Option<Color>,
    /// A short name that fits beside a knob, such as `K1`; possibly empty.
    pub label: String,
    /// The whole story, such as `Device 1, Knob 3`; possibly empty.
    pub description: String,
}

/// What a parameter's automation is doing, for the plugin to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutomationState {
    /// There is none.
    None,
    /// There is some, and it rests.
    Present,
    /// It moves the parameter.
    Playing,
    /// It is being written.
    Recording,
    /// It would move the parameter, had nobody taken hold of it.
    Overriding,
}

/// What kind of track a plugin is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TrackKind {
    /// One like the others.
    #[default]
    Plain,
    /// It takes what others send.
    Return,
    /// It takes the sum of others.
    Bus,
    /// It takes everything.
    Master,
}

/// The track that a plugin is on, as far as it is to know.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Track {
    /// What people call it.
    pub name: Option<String>,
    /// Its colour.
    pub color: Option<Color>,
    /// Its channels.
    pub layout: Option<ChannelLayout>,
    /// What kind it is.
    pub kind: TrackKind,
}

/// What a menu is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MenuTarget {
    /// The plugin as a whole.
    Plugin,
    /// One parameter.
    Parameter(u32),
}

/// A line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuItem {
    /// Something to do.
    Entry {
        /// What it says.
        label: String,
        /// Whether it can be done now.
        enabled: bool,
        /// What [`Plugin::perform_menu_action`](crate::Plugin::perform_menu_action) takes.
        action: u32,
        /// On or off, for one that is a switch.
        checked: Option<bool>,
    },
    /// A line between others.
    Separator,
    /// A heading.
    Title {
        /// What it says.
        label: String,
        /// Whether it is not greyed out.
        enabled: bool,
    },
    /// A menu within the menu.
    Menu {
        /// What it says.
        label: String,
        /// Whether it opens.
        enabled: bool,
        /// Its lines.
        items: Vec<MenuItem>,
    },
}
