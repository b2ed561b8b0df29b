//! Where the playhead and the files of players are, as a document: what moves without any change to the rig.

use crosspoint::graph::CountIn;
use crosspoint::{ClockState, Snapshot};
use serde::Serialize;

/// The transport at one moment.
#[derive(Serialize)]
pub struct Playhead {
    playing: bool,
    recording: bool,
    /// Quarter notes a minute, as it is heard.
    tempo: f64,
    metre: (u16, u16),
    /// From the song's beginning.
    seconds: f64,
    /// Quarter notes from the song's beginning.
    quarters: f64,
    /// From 1.
    bar: i32,
    /// Of the bar, from 1, and what of it.
    beat: f64,
    /// The loop's ends in quarter notes.
    #[serde(rename = "loop")]
    range: Option<(f64, f64)>,
    /// What is counted before the playhead starts; null while nothing is.
    count_in: Option<Count>,
    tracks: Vec<Track>,
}

#[derive(Serialize)]
struct Count {
    /// The one that is counted, from 1.
    beat: u32,
    beats: u32,
}

/// The file of a player.
#[derive(Serialize)]
struct Track {
    node: String,
    /// The second of the file that is played next; negative before its beginning.
    position: f64,
    /// In seconds.
    length: f64,
    /// How often something of it was not there in time.
    underruns: u64,
    /// Seconds of silence that were heard for that.
    missing: f64,
}

/// The MIDI clocks of the rig.
#[derive(Serialize)]
pub struct Clock {
    /// The role whose clock the transport follows; null for its own.
    from: Option<String>,
    /// `own`, `waiting` (no clock comes, and the transport goes on alone) or `following`.
    state: &'static str,
    /// The roles that get the transport's clock.
    to: Vec<String>,
    /// Whether they get it while the transport stands, too.
    while_stopped: bool,
}

impl Playhead {
    /// That of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let playhead = &snapshot.playhead;
        let count = |count: CountIn| Count { beat: count.beat() + 1, beats: count.beats };
        let tracks = snapshot.tracks.iter().filter_map(|track| {
            Some(Track {
                node: snapshot.graph.node(track.node())?.name.clone(),
                position: track.position(),
                length: track.length(),
                underruns: track.underruns(),
                missing: track.missing(),
            })
        });
        Self {
            playing: playhead.playing,
            recording: playhead.recording,
            tempo: playhead.tempo,
            metre: playhead.metre,
            seconds: playhead.seconds,
            quarters: playhead.quarters,
            bar: playhead.bar.saturating_add(1),
            beat: playhead.beat() + 1.0,
            range: playhead.loop_range,
            count_in: playhead.count_in.map(count),
            tracks: tracks.collect(),
        }
    }
}

impl Clock {
    /// Those of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let clock = &*snapshot.clock;
        Self {
            from: clock.from.clone(),
            state: match clock.state {
                ClockState::Waiting => "waiting",
                ClockState::Following => "following",
                _ => "own",
            },
            to: clock.to.clone(),
            while_stopped: clock.while_stopped,
        }
    }
}
