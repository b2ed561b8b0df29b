//! The rig and its levels as addresses with values, the same by which they are set where they can be: what is told to those
//! who ask or subscribe.

use super::address::{ROOT, encoded};
use super::text;
use crate::remote::look;
use crosspoint::graph::{Graph, NodeId};
use crosspoint::measurement::decibels;
use crosspoint::{ClockState, Levels, Loudness, Snapshot};
use rosc::OscType;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Values by address.
pub type State = BTreeMap<String, Vec<OscType>>;

/// What silence is told as, in dB.
const SILENCE: f32 = -144.0;

/// The rig of a snapshot.
pub fn of_rig(snapshot: &Snapshot) -> State {
    let mut state = State::new();
    let mut put = |address: String, values: Vec<OscType>| state.insert(format!("{ROOT}/{address}"), values);
    let scenes = &*snapshot.scenes;
    let playing = scenes.playing.and_then(|place| scenes.scenes.get(place));
    put("playing/scene".into(), vec![text(playing.map_or("", |scene| scene.name.as_str()))]);
    for (place, scene) in scenes.scenes.iter().enumerate() {
        put(format!("scene/{}", encoded(&scene.name)), vec![switch(scenes.playing == Some(place))]);
    }
    let song = scenes.position.and_then(|(song, _)| scenes.songs.get(song));
    put("playing/song".into(), vec![text(song.map_or("", |song| song.name.as_str()))]);
    for known in &scenes.songs {
        let plays = song.is_some_and(|song| song.name == known.name);
        put(format!("song/{}", encoded(&known.name)), vec![switch(plays)]);
    }
    for moment in snapshot.moments.iter() {
        let since = moment.taken.and_then(|taken| taken.duration_since(SystemTime::UNIX_EPOCH).ok());
        let taken = since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default();
        let values = vec![OscType::Long(taken), switch(moment.is_automatic)];
        put(format!("moment/{}", encoded(&moment.name)), values);
    }
    put("modified".into(), vec![switch(scenes.is_modified)]);
    put("tempo".into(), vec![OscType::Float(snapshot.tempo as f32)]);
    let (beats, value) = snapshot.metre;
    put("metre".into(), vec![OscType::Int(beats.into()), OscType::Int(value.into())]);
    put("set_count_in".into(), vec![OscType::Int(i32::try_from(snapshot.count_in).unwrap_or(i32::MAX))]);
    put("follow_clock".into(), vec![text(snapshot.clock.from.as_deref().unwrap_or_default())]);
    put("following".into(), vec![switch(snapshot.clock.state == ClockState::Following)]);
    put("performance_lock".into(), vec![switch(snapshot.autosave.is_locked)]);
    put("watch_time".into(), vec![switch(snapshot.watches_time)]);
    put("mute".into(), vec![switch(snapshot.muted)]);
    put("tuner_reference".into(), vec![OscType::Float(snapshot.tuner_reference as f32)]);
    put("learning".into(), vec![switch(snapshot.mappings.is_learning)]);
    put("can_undo".into(), vec![switch(snapshot.history.0)]);
    put("can_redo".into(), vec![switch(snapshot.history.1)]);
    put("xruns".into(), vec![OscType::Int(i32::try_from(snapshot.xruns).unwrap_or(i32::MAX))]);
    for (id, node) in snapshot.graph.nodes() {
        let Some(known) = snapshot.nodes.get(&id) else { continue };
        let name = encoded(&node.name);
        put(format!("node/{name}/bypass"), vec![switch(known.bypassed)]);
        put(format!("node/{name}/bypass_mode"), vec![text(known.bypass.word())]);
        put(format!("node/{name}/present"), vec![switch(known.present)]);
        put(format!("node/{name}/condition"), vec![text(look::condition(Some(known)).0)]);
        if let Some(guard) = &known.guard {
            put(format!("node/{name}/hold"), vec![switch(guard.closed.is_some())]);
        }
        if let Some(overload) = &known.overload {
            put(format!("node/{name}/overloaded"), vec![switch(overload.overloaded.is_some())]);
        }
        let values = look::parameters(known).into_iter().filter_map(look::Parameter::named_value);
        // Of several of one name the first.
        for (parameter, value) in values.rev() {
            let value = OscType::Float(value as f32);
            put(format!("node/{name}/parameter/{}", encoded(&parameter)), vec![value]);
        }
    }
    let faders = snapshot.groups.iter().map(|known| ("group", &known.group.name, known.group.fader));
    let mixes = snapshot.mixes.iter().map(|known| ("mix", &known.mix.name, known.mix.fader));
    for (what, name, fader) in faders.chain(mixes) {
        let gain = (decibels(fader.gain.into()) as f32).max(SILENCE);
        put(format!("{what}/{}/gain", encoded(name)), vec![OscType::Float(gain)]);
        put(format!("{what}/{}/mute", encoded(name)), vec![switch(fader.muted)]);
    }
    for (address, values) in cells(&snapshot.graph) {
        put(address, values);
    }
    state
}

/// Where the playhead and the files of players are in a snapshot.
pub fn of_playhead(snapshot: &Snapshot) -> State {
    let mut state = State::new();
    let playhead = &snapshot.playhead;
    let place = [playhead.beat() + 1.0, playhead.seconds, playhead.tempo].map(|value| OscType::Float(value as f32));
    let place = std::iter::once(OscType::Int(playhead.bar.saturating_add(1))).chain(place).collect();
    state.insert(format!("{ROOT}/playhead"), place);
    state.insert(format!("{ROOT}/play"), vec![switch(playhead.playing)]);
    state.insert(format!("{ROOT}/record"), vec![switch(playhead.recording)]);
    // The beats that are still to be counted.
    let left = playhead.count_in.map_or(0, |count| count.beats.saturating_sub(count.beat()));
    state.insert(format!("{ROOT}/counting"), vec![OscType::Int(i32::try_from(left).unwrap_or(i32::MAX))]);
    for track in snapshot.tracks.iter() {
        let values = vec![OscType::Float(track.position() as f32), OscType::Float(track.length() as f32)];
        state.insert(format!("{ROOT}/track/{}", name(&snapshot.graph, track.node())), values);
    }
    state
}

/// Levels of nodes of a graph.
pub fn of_levels(graph: &Graph, levels: &Levels) -> State {
    let mut state = State::new();
    let level = |linear: f32| OscType::Float((decibels(linear.into()) as f32).max(SILENCE));
    for (&node, channels) in &levels.nodes {
        for (channel, shown) in channels.iter().enumerate() {
            let clips = OscType::Int(i32::try_from(shown.clips).unwrap_or(i32::MAX));
            let values = vec![level(shown.peak), level(shown.rms), level(shown.held), clips];
            state.insert(format!("{ROOT}/level/{}/{}", name(graph, node), channel + 1), values);
        }
    }
    for (&node, loudness) in &levels.loudness {
        let Loudness { momentary, short_term, integrated, true_peak, .. } = *loudness;
        let level = |level: f64| OscType::Float((level as f32).max(SILENCE));
        let values = [momentary, short_term, integrated, true_peak].map(level).to_vec();
        state.insert(format!("{ROOT}/loudness/{}", name(graph, node)), values);
    }
    let note = levels.tuner.and_then(|tuner| tuner.note);
    let note = note.map_or_else(
        || vec![text(""), OscType::Float(0.0), OscType::Float(0.0)],
        |note| vec![text(&note.name()), OscType::Float(note.cents as f32), OscType::Float(note.frequency as f32)],
    );
    state.insert(format!("{ROOT}/tuner"), note);
    state
}

fn cells(graph: &Graph) -> impl Iterator<Item = (String, Vec<OscType>)> + '_ {
    graph.edges().flat_map(move |(_, edge)| {
        let end = |node, port: u16| match port {
            0 => name(graph, node),
            port => format!("{}:{}", name(graph, node), port + 1),
        };
        let source = end(edge.source.node, edge.source.port);
        let destination = end(edge.destination.node, edge.destination.port);
        let cells = edge.matrix().into_iter().flat_map(|matrix| matrix.cells());
        cells.flat_map(move |(from, to, cell)| {
            let place = format!("cell/{source}/{}/{destination}/{}", from + 1, to + 1);
            let cell = cell.unsigned();
            let gain = (decibels(cell.gain.into()) as f32).max(SILENCE);
            [
                (format!("{place}/gain"), vec![OscType::Float(gain)]),
                (format!("{place}/mute"), vec![switch(cell.mute)]),
                (format!("{place}/invert"), vec![switch(cell.invert)]),
            ]
        })
    })
}

fn name(graph: &Graph, node: NodeId) -> String {
    graph.node(node).map_or_else(String::new, |node| encoded(&node.name))
}

fn switch(on: bool) -> OscType {
    OscType::Int(on.into())
}
