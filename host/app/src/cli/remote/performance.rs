//! The words of `ctl` for what is played: scenes, moments, songs, mappings, the tuner, meters, MIDI.

use crate::remote::{NewName, StartWord, on_or_off};
use clap::Subcommand;

/// What is asked of scenes.
#[derive(Clone, Debug, Subcommand)]
pub enum SceneOrder {
    /// List them, with the one that plays.
    List,
    /// Play one, at once, on the beat or as soon as it is prepared.
    Play {
        /// Its name.
        #[arg(required_unless_present = "number")]
        scene: Option<String>,
        /// Its place among all, from 1, in place of the name.
        #[arg(long, conflicts_with = "scene")]
        number: Option<usize>,
        /// When it takes over. Default: as the scene says.
        #[arg(long)]
        start: Option<StartWord>,
    },
    /// Play the next one of the setlist.
    Next,
    /// Play the one before.
    Previous,
    /// Play the rig without a scene.
    Leave,
    /// Store what is heard as a scene: what differs from the rig without one.
    Store {
        /// Its name; a new one, or that of the scene to be overwritten.
        scene: String,
        /// A node of which all is stored. May be given several times.
        #[arg(long, value_name = "NODE")]
        node: Vec<String>,
        /// Store all of the rig.
        #[arg(long, conflicts_with = "node")]
        all: bool,
    },
    /// Put a scene in the place of the one of its name, or after the last.
    Set {
        /// The keys of a rig file's `[[scene]]` table, a JSON object.
        scene: String,
    },
    /// Give one another name.
    Rename(NewName),
    /// Move one among all.
    Move {
        /// Its name.
        scene: String,
        /// Its place after that, from 1.
        place: usize,
    },
    /// Remove one.
    Remove {
        /// Its name.
        scene: String,
    },
}

/// What is asked of moments to go back to, which other hosts call snapshots.
#[derive(Clone, Debug, Subcommand)]
pub enum MomentOrder {
    /// List them, the oldest first, with the time at which they were taken.
    List,
    /// Keep how all values are now: crosspoints, bypasses, which nodes are away, parameters, tempo, and which scene plays.
    Take {
        /// What to call it. Default: a new name.
        moment: Option<String>,
    },
    /// Go back to one, in one step that can be undone. What is now is kept as another one.
    Recall {
        /// Its name.
        #[arg(required_unless_present = "number")]
        moment: Option<String>,
        /// Its place, from 1, in place of the name.
        #[arg(long, conflicts_with = "moment")]
        number: Option<usize>,
    },
    /// Give one another name; one that nobody had asked for is kept then.
    Rename(NewName),
    /// Remove one.
    Remove {
        /// Its name.
        moment: String,
    },
}

/// What is asked of songs and the setlist.
#[derive(Clone, Debug, Subcommand)]
pub enum SongOrder {
    /// List them in the order of the setlist.
    List,
    /// Play one.
    Play {
        /// Its name.
        #[arg(required_unless_present = "number")]
        song: Option<String>,
        /// Its place in the setlist, from 1, in place of the name.
        #[arg(long, conflicts_with = "song")]
        number: Option<usize>,
        /// Which of its scenes, from 1.
        #[arg(long, default_value_t = 1)]
        scene: u32,
    },
    /// Play the next one.
    Next,
    /// Play the one before.
    Previous,
    /// Put a song in the place of the one of its name, or after the last.
    Set {
        /// Its name.
        song: String,
        /// Its scenes, in their order.
        scenes: Vec<String>,
        /// Its tempo, for scenes that say none.
        #[arg(long, value_name = "BPM")]
        tempo: Option<f64>,
        /// Its metre, for scenes that say none.
        #[arg(long, value_name = "BEATS/VALUE")]
        metre: Option<String>,
        /// What to remember.
        #[arg(long)]
        note: Option<String>,
    },
    /// Give one another name.
    Rename(NewName),
    /// Remove one.
    Remove {
        /// Its name.
        song: String,
    },
    /// Put the songs in an order, one perhaps twice.
    Setlist {
        /// Their names; none for the order in which they stand.
        songs: Vec<String>,
    },
}

/// What is asked of mappings.
#[derive(Clone, Debug, Subcommand)]
pub enum MappingOrder {
    /// List them.
    List,
    /// Add one.
    Add {
        /// The keys of a rig file's `[[mapping]]` table, a JSON object.
        mapping: String,
    },
    /// Put one in the place of another.
    Change {
        /// Its place, from 1.
        place: usize,
        /// The keys of a rig file's `[[mapping]]` table, a JSON object.
        mapping: String,
    },
    /// Remove one.
    Remove {
        /// Its place, from 1.
        place: usize,
    },
    /// Learn the next control that is moved, and wait for it.
    Learn {
        /// What it is to control: the keys of a rig file's `[[mapping]]` table without `role` and `message`, a JSON object.
        /// Left out, the control is told only.
        mapping: Option<String>,
    },
    /// Learn no longer.
    StopLearning,
}

/// What is asked of the tuner.
#[derive(Clone, Debug, Subcommand)]
pub enum TunerOrder {
    /// Say what it hears.
    Show,
    /// Turn it on.
    On {
        /// The node to tune by. Default: the rig's first input.
        node: Option<String>,
        /// Its channel, from 1, counted over all ports.
        #[arg(long, default_value_t = 1)]
        channel: u32,
    },
    /// Turn it off.
    Off,
    /// Set the frequency of A4.
    Reference {
        /// In Hz, 380 to 500.
        frequency: f64,
    },
}

/// What is asked of meters.
#[derive(Clone, Debug, Subcommand)]
pub enum MetersOrder {
    /// Show what they show.
    Show,
    /// Meter a node.
    On {
        /// The node. Default: all inputs and outputs of the rig.
        node: Option<String>,
    },
    /// Meter it no longer.
    Off {
        /// The node. Default: all inputs and outputs of the rig.
        node: Option<String>,
    },
    /// Forget held peaks and clips.
    Reset,
}

/// What is asked of MIDI.
#[derive(Clone, Debug, Subcommand)]
pub enum MidiOrder {
    /// List the ports there are.
    Ports,
    /// Join a port to a role.
    Open {
        /// The role.
        role: String,
        /// The port's name or a part of it.
        port: String,
        /// It is one through which events go out.
        #[arg(long)]
        output: bool,
    },
    /// Close the ports of a role.
    Close {
        /// The role.
        role: String,
        /// Those are meant through which events go out.
        #[arg(long)]
        output: bool,
    },
    /// Play a message.
    Send {
        /// The node that takes it.
        node: String,
        /// One to three bytes, such as `144 60 100`.
        #[arg(required = true, num_args = 1..=3)]
        message: Vec<u8>,
    },
}

/// What is asked of the load.
#[derive(Clone, Debug, Subcommand)]
pub enum LoadOrder {
    /// Take the time of every node, or no longer; `show` shows it.
    Measure {
        /// `on` or `off`.
        #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
        on: bool,
    },
    /// Begin the worst load anew.
    Reset,
}
