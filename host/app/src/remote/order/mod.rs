//! What a client may ask for, as it comes over the wire. Words and shapes only; what becomes of it is in `desk`.
//!
//! A request is `{"id": 7, "command": "bypass", "arguments": {"node": "amp", "on": true}}`; it is answered by
//! `{"id": 7, "result": ...}` or `{"id": 7, "error": "..."}`. Nodes go by their names, ports by their names or numbers,
//! ports and channels are counted from 1.

mod changes;
mod stage;
mod words;

pub use changes::{
    Between, BypassModeChange, ForScene, GuardChange, IntoCable, NewName, OverloadChange, Replacement, SpilloverChange,
    StateChange, on_or_off,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stage::constant_power;
pub use stage::{BypassWord, LawWord, OrOff, OverloadWord, Place, Position, StartWord};
use std::path::PathBuf;
use words::first;
pub use words::{BlockName, BlockWord, CellOrder, ChannelName, End, PortName, Setting, Spot, TimingWord, Title, Topic};

/// A request as it stands on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Comes back with the answer.
    pub id: u64,
    /// The name of an [`Order`].
    pub command: String,
    /// What the order needs.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

impl Request {
    /// A request of a text.
    ///
    /// # Errors
    /// What is wrong with it, and the request's number if that could be read.
    pub fn parse(text: &str) -> Result<(u64, Order), (Option<u64>, String)> {
        let request: Self = serde_json::from_str(text).map_err(|error| (None, format!("not a request: {error}")))?;
        let id = request.id;
        Order::new(&request.command, request.arguments).map(|order| (id, order)).map_err(|error| (Some(id), error))
    }
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// The whole rig as it is now. Answered by a document, see `look`.
    Show {},
    /// Meters and the tuner as they are now.
    Levels {},
    /// Sends events from now on: the whole rig, now and whenever it has changed, as `{"event": "rig", "rig": ...}`; levels
    /// as `{"event": "levels", "levels": ...}`; notices as `{"event": "notice", "notice": ...}`. Takes the place of an
    /// earlier one.
    Subscribe {
        /// About what. Default: the rig.
        #[serde(default = "rig_only")]
        to: Vec<Topic>,
    },
    /// No more of that.
    Unsubscribe {},
    /// How many requests the server has refused, by why.
    Refusals {},
    /// The parameters of a node with their ranges and values.
    Parameters {
        /// The node.
        node: String,
    },
    /// Sets a parameter.
    Set {
        /// The node.
        node: String,
        /// Its parameter's id or name.
        parameter: String,
        /// What to.
        value: Setting,
    },
    /// The presets there are for a plugin.
    Presets {
        /// The node.
        node: String,
    },
    /// Has a plugin load a preset.
    LoadPreset {
        /// The node.
        node: String,
        /// Its name or place, as `presets` lists it, or a preset file in one of the folders that remote control may use.
        preset: String,
    },
    /// Saves what a plugin is set to as a `.vstpreset`.
    SavePreset {
        /// The node.
        node: String,
        /// The file.
        file: PathBuf,
    },
    /// How a plugin would show a value.
    Text {
        /// The node.
        node: String,
        /// Its parameter's id.
        parameter: u32,
        /// In the plain scale.
        value: f64,
    },
    /// Fades a node to its bypass path, or back.
    Bypass {
        /// The node.
        node: String,
        /// Whether it is to be bypassed.
        on: bool,
    },
    /// Says how a node is bypassed.
    BypassMode(BypassModeChange),
    /// Lets a node be there, or has it go away: nothing passes it then.
    Present {
        /// The node.
        node: String,
        /// Whether it is to be there.
        on: bool,
    },
    /// Gives a scene an instance of a plugin of its own, with the state that the plugin has now.
    SecondInstance(ForScene),
    /// Lets a scene have the state that a plugin has now, whole, or no longer: the plugin is shared and cross-fades through its
    /// bypass path.
    ShareState(StateChange),
    /// Says how many MB plugins may take that are away unless a scene wants them.
    InstanceLimit {
        /// None for no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        megabytes: Option<u32>,
    },
    /// Says for how long, and for how many nodes at once, what is gone may ring on. What is not said stays as it is.
    Spillover(SpilloverChange),
    /// Sets cells of the routing matrix, all or none.
    Cells {
        /// Which, and what to.
        cells: Vec<CellOrder>,
    },
    /// Sets two cells by a gain and a position between left and right.
    Pan {
        /// One row that is heard on both columns, or a left and a right one.
        rows: Vec<ChannelName>,
        /// The left and the right column.
        columns: Vec<ChannelName>,
        /// From -1 (left) to 1 (right).
        position: f64,
        /// How loud both sides are in between.
        #[serde(default = "constant_power")]
        law: LawWord,
        /// In dB, of both.
        #[serde(default)]
        gain_db: f32,
        /// Whether both are silent.
        #[serde(default)]
        mute: bool,
        /// Whether the polarity of both is flipped.
        #[serde(default)]
        invert: bool,
    },
    /// Clears, inverts, copies or swaps blocks of the matrix.
    Block {
        /// What to do.
        change: BlockWord,
        /// With which block.
        block: BlockName,
        /// The other block, for `copy` and `swap`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other: Option<BlockName>,
    },
    /// Lets the cells that are set from now on be one step of undo, as while a fader is dragged, or no longer.
    Gesture {
        /// Whether it begins.
        on: bool,
    },
    /// Soloes a row of the matrix in place or, with a destination, a cell; or no longer.
    Solo {
        /// The row.
        source: ChannelName,
        /// The cell's column.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destination: Option<ChannelName>,
        /// Whether it is to be soloed.
        on: bool,
    },
    /// Lets a row be heard whatever is soloed, or no longer.
    SoloSafe {
        /// The row.
        source: ChannelName,
        /// Whether it is to be safe.
        on: bool,
    },
    /// Ends every solo.
    ClearSolo {},
    /// Puts a group of the matrix in the place of the one of its name, or after the last.
    SetGroup {
        /// The keys of a rig file's `[[group]]` table.
        group: Map<String, Value>,
    },
    /// Sets the gain of a group, or mutes it. What is not said stays as it is.
    GroupFader {
        /// Its name.
        group: String,
        /// In dB, at most 20.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gain_db: Option<f32>,
        /// Whether it is silent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mute: Option<bool>,
    },
    /// Gives a group another name.
    RenameGroup(NewName),
    /// Removes a group.
    RemoveGroup {
        /// Its name.
        group: String,
    },
    /// A monitor mix with its part of the matrix.
    Mix {
        /// Its name.
        mix: String,
    },
    /// Puts a mix in the place of the one of its name, or after the last.
    SetMix {
        /// The keys of a rig file's `[[mix]]` table.
        mix: Map<String, Value>,
    },
    /// Sets the gain of all of a mix, or mutes it. What is not said stays as it is.
    MixFader {
        /// Its name.
        mix: String,
        /// In dB, at most 20.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gain_db: Option<f32>,
        /// Whether it is silent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mute: Option<bool>,
    },
    /// Gives a mix the cells of another one, column by column.
    CopyMix {
        /// Whose cells.
        from: String,
        /// Who gets them.
        to: String,
    },
    /// Gives a mix another name.
    RenameMix(NewName),
    /// Removes a mix. Its cells stay.
    RemoveMix {
        /// Its name.
        mix: String,
    },
    /// Stores cells of the matrix as they are: those of a block, or what is between nodes.
    StoreMatrixPreset {
        /// Its name; a new one, or that of the preset to be overwritten.
        preset: String,
        /// Whose cells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<BlockName>,
        /// In place of a block: the nodes of which all that they put out is meant.
        #[serde(default)]
        sources: Vec<String>,
        /// The nodes of which all that they take is meant.
        #[serde(default)]
        destinations: Vec<String>,
    },
    /// Sets the cells of a preset of the matrix.
    RecallMatrixPreset {
        /// Its name.
        preset: String,
    },
    /// Gives a preset of the matrix another name.
    RenameMatrixPreset(NewName),
    /// Removes a preset of the matrix.
    RemoveMatrixPreset {
        /// Its name.
        preset: String,
    },
    /// Joins two ports by a cable.
    Connect {
        /// Where the signal comes from.
        source: Spot,
        /// Where it goes.
        destination: Spot,
        /// Whether events are meant.
        #[serde(default)]
        events: bool,
        /// Makes it a feedback edge of so many frames of delay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feedback: Option<u32>,
    },
    /// Removes all edges between two nodes.
    Disconnect(Between),
    /// Says whether the edges between two nodes wait for others.
    Timing {
        /// Where the signal comes from.
        source: String,
        /// Where it goes.
        destination: String,
        /// Whether.
        timing: TimingWord,
    },
    /// Adds what the hardware delivers.
    AddInput {
        /// What to call it.
        name: String,
        /// Its role. Default: the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// A device channel, from 1, for each of its own; 0 for none. Left out for a port of events.
        #[serde(default)]
        channels: Vec<u32>,
    },
    /// Adds what the hardware plays.
    AddOutput {
        /// What to call it.
        name: String,
        /// Its role. Default: the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// A device channel, from 1, for each of its own; 0 for none. Left out for a port of events.
        #[serde(default)]
        channels: Vec<u32>,
    },
    /// Adds a built-in node.
    AddBuiltin {
        /// What to call it.
        name: String,
        /// Which, with the keys of a rig file's `[[builtin]]` table, such as `{"kind": "gain", "channels": 2}`.
        builtin: Map<String, Value>,
    },
    /// Adds a plugin that is installed or bundled.
    AddPlugin {
        /// What to call it.
        name: String,
        /// Which: `rack#ID`, `clap:ID`, or a name that only one has.
        plugin: String,
    },
    /// Removes a node.
    Remove {
        /// The node.
        node: String,
        /// Whether what it was given goes on to where it led.
        #[serde(default)]
        bridge: bool,
    },
    /// Puts a node into the cable between two others.
    Insert(IntoCable),
    /// Takes a node out of its cables, which are joined, and puts it into the cable between two others: reorders a chain.
    Move(IntoCable),
    /// Removes a node and gives its cables to another one.
    Replace(Replacement),
    /// Gives a node another name.
    Rename(NewName),
    /// Takes the last step back.
    Undo {},
    /// Makes it again.
    Redo {},
    /// Starts the transport, or stops it.
    Play {
        /// Whether to play.
        on: bool,
    },
    /// Starts the transport, or stops it if it plays or counts in.
    PlayOrStop {},
    /// Where the playhead is, and the clocks that it follows and sends.
    Transport {},
    /// Sets the playhead.
    Locate(Position),
    /// Loops between two places of the song, or no longer.
    Loop {
        /// Where it begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Place>,
        /// Where it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Place>,
    },
    /// A beat of the tempo, tapped now. From the second one on the transport has it.
    Tap {
        /// The moment in seconds by a clock of the client's own, so that the network's haste and delay is not heard.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<f64>,
    },
    /// The rig's metronomes count, then the transport starts. Nothing if it plays.
    CountIn {},
    /// Says how long a count-in is.
    SetCountIn {
        /// 1 to 16.
        bars: u32,
    },
    /// Follows the MIDI clock of a role of event inputs, or no longer any.
    FollowClock {
        /// The role; none for the transport's own tempo.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
    /// Sends MIDI clock to roles of event outputs.
    SendClock {
        /// The roles; none for nobody.
        #[serde(default)]
        roles: Vec<String>,
        /// Whether while the transport stands, too.
        #[serde(default)]
        while_stopped: bool,
    },
    /// Arms recording, or no longer.
    Record {
        /// Whether to.
        on: bool,
    },
    /// Sets the tempo.
    Tempo {
        /// In quarter notes a minute.
        bpm: f64,
    },
    /// Sets the metre.
    Metre {
        /// Beats a bar.
        beats: u16,
        /// The note value of a beat: 4 is a quarter.
        value: u16,
    },
    /// Takes the time of every node, or no longer.
    MeasureLoad {
        /// Whether to.
        on: bool,
    },
    /// Begins the worst load anew.
    ResetWorstLoad {},
    /// Looks after the time that the rig and its plugins take, or no longer.
    WatchTime {
        /// Whether to.
        on: bool,
    },
    /// Says what becomes of a plugin that takes too much time. What is not said stays as it is.
    Overload(OverloadChange),
    /// Brings a plugin back that was taken out of the way for being overloaded.
    Recover {
        /// The node.
        node: String,
    },
    /// The last xruns, and who is likely to be to blame for them.
    Xruns {},
    /// Forgets all xruns of the log.
    ClearXruns {},
    /// Says what an output may play before its guard takes it to silence. What is not said stays as it is.
    Guard(GuardChange),
    /// Takes an output to silence, or lets one that is silent play again.
    HoldOutput {
        /// The output.
        node: String,
        /// Whether it is to be silent.
        on: bool,
    },
    /// Measures the loudness of a node's output, or no longer; `levels` shows it.
    Loudness {
        /// The node. Default: all outputs of the rig.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// Whether to.
        on: bool,
    },
    /// Begins integrated loudness, range and maxima anew.
    ResetLoudness {
        /// The node. Default: all that are measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
    },
    /// Meters a node, or no longer: what comes in, what a node makes of it, what the device plays.
    Meter {
        /// The node. Default: all inputs and outputs of the rig.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// Whether to.
        on: bool,
    },
    /// Forgets held peaks and clips.
    ResetMeters {},
    /// Tunes by one channel of a node, or no longer.
    Tune {
        /// Whether to.
        on: bool,
        /// The node. Default: the rig's first input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// The channel, from 1, counted over all ports.
        #[serde(default = "first")]
        channel: u32,
    },
    /// Sets the frequency of A4 that the tuner tells notes by.
    TunerReference {
        /// In Hz.
        frequency: f64,
    },
    /// Mutes all that the device plays, or releases it.
    Mute {
        /// Whether to.
        on: bool,
    },
    /// Ends all that sounds.
    Panic {},
    /// The MIDI ports there are.
    MidiPorts {},
    /// Joins a MIDI port to a role.
    OpenMidi {
        /// The role.
        role: String,
        /// The port's name or a part of it.
        port: String,
        /// Whether it is one through which events go out.
        #[serde(default)]
        output: bool,
    },
    /// Closes the MIDI ports of a role.
    CloseMidi {
        /// The role.
        role: String,
        /// Whether those are meant through which events go out.
        #[serde(default)]
        output: bool,
    },
    /// Plays a MIDI message of a node's input.
    Midi {
        /// The node: an input of events, or one that takes them.
        node: String,
        /// One to three bytes.
        message: Vec<u8>,
    },
    /// The scenes, songs and the setlist, and what of them plays.
    Scenes {},
    /// Plays a scene, at once or as soon as it is prepared.
    PlayScene {
        /// Its name, or its place among all.
        scene: Title,
        /// When it takes over. Default: as the scene says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<StartWord>,
    },
    /// Plays the next scene of the setlist.
    NextScene {},
    /// Plays the scene before.
    PreviousScene {},
    /// Plays the rig without a scene.
    LeaveScene {},
    /// Plays a song.
    PlaySong {
        /// Its name, or its place in the setlist.
        song: Title,
        /// The scene's place in the song, from 1.
        #[serde(default = "first")]
        scene: u32,
    },
    /// Plays the first scene of the next song.
    NextSong {},
    /// Plays the first scene of the song before.
    PreviousSong {},
    /// Stores what is heard as a scene: what differs from the rig without one.
    StoreScene {
        /// Its name; a new one, or that of the scene to be overwritten.
        scene: String,
        /// Nodes of which all is stored.
        #[serde(default)]
        nodes: Vec<String>,
        /// Whether all of the rig is.
        #[serde(default)]
        all: bool,
    },
    /// Moments to go back to, the oldest first.
    Moments {},
    /// Keeps how all values are now, to go back to.
    TakeMoment {
        /// What to call it. Default: a new name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moment: Option<String>,
    },
    /// Goes back to a moment.
    RecallMoment {
        /// Its name, or its place from 1.
        moment: Title,
    },
    /// Gives a moment another name; one that nobody had asked for is kept then.
    RenameMoment(NewName),
    /// Removes a moment.
    RemoveMoment {
        /// Its name.
        moment: String,
    },
    /// Puts a scene in the place of the one of its name, or after the last.
    SetScene {
        /// The keys of a rig file's `[[scene]]` table.
        scene: Map<String, Value>,
    },
    /// Removes a scene.
    RemoveScene {
        /// Its name.
        scene: String,
    },
    /// Gives a scene another name.
    RenameScene(NewName),
    /// Moves a scene among all.
    MoveScene {
        /// Its name.
        scene: String,
        /// Its place after that, from 1.
        place: usize,
    },
    /// Puts a song in the place of the one of its name, or after the last.
    SetSong {
        /// The keys of a rig file's `[[song]]` table.
        song: Map<String, Value>,
    },
    /// Removes a song.
    RemoveSong {
        /// Its name.
        song: String,
    },
    /// Gives a song another name.
    RenameSong(NewName),
    /// Puts the songs in an order.
    SetSetlist {
        /// Their names, one perhaps twice; none for the order in which they stand.
        songs: Vec<String>,
    },
    /// What MIDI messages control.
    Mappings {},
    /// Adds a mapping.
    AddMapping {
        /// The keys of a rig file's `[[mapping]]` table.
        mapping: Map<String, Value>,
    },
    /// Puts a mapping in the place of another.
    ChangeMapping {
        /// Which, from 1.
        place: usize,
        /// The keys of a rig file's `[[mapping]]` table.
        mapping: Map<String, Value>,
    },
    /// Removes a mapping.
    RemoveMapping {
        /// Which, from 1.
        place: usize,
    },
    /// Learns the next control that is moved; messages control nothing until then.
    Learn {
        /// What it is to control: the keys of a rig file's `[[mapping]]` table, without `role` and `message`. Left out, the
        /// control is told only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mapping: Option<Map<String, Value>>,
    },
    /// Learns no longer.
    StopLearning {},
    /// Puts the performance lock on, or takes it off: under it nothing is autosaved.
    PerformanceLock {
        /// Whether to.
        on: bool,
    },
    /// Loads a rig in the place of what plays.
    Load {
        /// The file, in one of the folders that remote control may use.
        file: PathBuf,
    },
    /// Saves the rig.
    Save {
        /// The file; none for the one that was loaded, or saved to last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
    },
}

fn rig_only() -> Vec<Topic> {
    vec![Topic::Rig]
}

impl Order {
    /// An order by its name.
    ///
    /// # Errors
    /// If there is no such order, or it needs other arguments.
    pub fn new(command: &str, arguments: Map<String, Value>) -> Result<Self, String> {
        let tagged = Map::from_iter([(command.to_owned(), Value::Object(arguments))]);
        serde_json::from_value(Value::Object(tagged)).map_err(|error| format!("{command}: {error}"))
    }

    /// The request that carries it.
    ///
    /// # Errors
    /// If it holds a number that JSON has no word for.
    pub fn into_request(self, id: u64) -> Result<Request, serde_json::Error> {
        let tagged: Map<String, Value> = serde_json::from_value(serde_json::to_value(self)?)?;
        let (command, arguments) = tagged.into_iter().next().unwrap_or_default();
        Ok(Request { id, command, arguments: serde_json::from_value(arguments)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client sends is what a server reads.
    #[test]
    fn orders_survive_the_wire() {
        let end = |node: &str| End { node: node.into(), port: Some(PortName::Number(2)) };
        let cell = CellOrder {
            source: end("amp"),
            source_channel: 1,
            destination: end("out"),
            destination_channel: 2,
            gain_db: Some(-6.0),
            mute: None,
            invert: Some(true),
            remove: false,
        };
        let orders = [
            Order::Show {},
            Order::Set { node: "amp".into(), parameter: "Drive".into(), value: Setting::Text("-6 dB".into()) },
            Order::Set { node: "amp".into(), parameter: "3".into(), value: Setting::Plain(0.5) },
            Order::Cells { cells: vec![cell] },
            Order::Save { file: None },
            Order::Locate(Position { bar: Some(5), beat: Some(2.5), ..Position::default() }),
            Order::Loop { from: Some(Place::Seconds(1.0)), to: Some(Place::Position(Position::default())) },
            Order::Guard(GuardChange {
                node: "out".into(),
                limit_db: Some(OrOff::Off),
                time: Some(0.1),
                returns_after: None,
            }),
            Order::Rename(NewName { from: "amp".into(), to: "clean amp".into() }),
            Order::Spillover(SpilloverChange { seconds: Some(5.0), nodes: None }),
        ];
        for (id, order) in (0..).zip(orders) {
            let text = serde_json::to_string(&order.clone().into_request(id).unwrap()).unwrap();
            assert_eq!(Request::parse(&text).unwrap(), (id, order), "{text}");
        }
        let text =
            r#"{"id": 1, "command": "insert", "arguments": {"node": "eq", "source": "amp", "destination": "out"}}"#;
        let cable = IntoCable { node: "eq".into(), source: "amp".into(), destination: "out".into() };
        assert_eq!(Request::parse(text).unwrap(), (1, Order::Insert(cable)));
    }

    /// Nothing that is not understood is guessed at.
    #[test]
    fn what_is_no_order_is_refused_with_what_is_wrong() {
        let refusal = |text: &str| Request::parse(text).unwrap_err();
        let (id, why) = refusal(r#"{"id": 3, "command": "explode"}"#);
        assert!(id == Some(3) && why.contains("explode") && why.contains("undo"), "{why}");
        let (id, why) = refusal(r#"{"id": 4, "command": "bypass", "arguments": {"node": "amp"}}"#);
        assert!(id == Some(4) && why.contains("`on`"), "{why}");
        let (_, why) = refusal(r#"{"id": 4, "command": "undo", "arguments": {"twice": true}}"#);
        assert!(why.contains("twice"), "{why}");
        let (_, why) = refusal(r#"{"id": 4, "command": "rename", "arguments": {"from": "amp", "to": "x", "by": 1}}"#);
        assert!(why.contains("by"), "{why}");
        for text in ["", "7", "[]", "{}", r#"{"id": -1, "command": "undo"}"#, r#"{"id":1,"command":"undo","x":1}"#] {
            assert_eq!(refusal(text).0, None, "{text}");
        }
    }
}
