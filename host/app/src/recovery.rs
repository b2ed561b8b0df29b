//! What a run that ended without being closed has left behind, and how another one goes on from there.

use crate::cli::Run;
use crate::failure::Failure;
use crosspoint::devices::ChannelSelection;
use crosspoint::session::{self, Loaded, RecoveryFile, Remains, SceneEntry, Whereabouts};
use crosspoint::{AutosavePlace, Engine, EngineError, Notice, Plugins};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// What was found of a run, to go on from.
pub struct Recovered {
    pub rig: Loaded,
    remains: Remains,
    whereabouts: Whereabouts,
}

impl Recovered {
    /// What the last run left.
    ///
    /// # Errors
    /// If there is nothing, or it cannot be read.
    pub fn find() -> Result<Self, Failure> {
        let remains = remains().into_iter().next();
        let remains = remains.ok_or_else(|| Failure::new("there is nothing to recover: every run was closed"))?;
        let (rig, whereabouts) = remains.load().map_err(Failure::new)?;
        Ok(Self { rig, remains, whereabouts })
    }

    /// The rig's own file, if it has one.
    pub fn file(&self) -> Option<&Path> {
        self.whereabouts.rig.as_deref()
    }

    /// The same command with what it was played on, where it says nothing else itself.
    pub fn fill(&self, arguments: &Run) -> Run {
        let mut run = arguments.clone();
        let known = &self.whereabouts.program;
        run.source.rig.clone_from(&self.whereabouts.rig);
        fill(known, "device", &mut run.device.device);
        fill(known, "rate", &mut run.device.rate);
        fill(known, "buffer", &mut run.device.buffer);
        if run.midi_input.is_empty() {
            run.midi_input = known.get("midi_input").cloned().unwrap_or_default();
        }
        let default = ChannelSelection::default();
        for (key, channels) in [("inputs", &mut run.inputs), ("outputs", &mut run.outputs)] {
            if let Some(before) = first(known, key).filter(|_| *channels == default) {
                *channels = before;
            }
        }
        run
    }

    /// Plays on where the other run was: to be called once the rig is there.
    ///
    /// # Errors
    /// If the renderer takes nothing.
    pub fn play<P: Plugins>(self, engine: &mut Engine<P>) -> Result<Return, EngineError> {
        let Whereabouts { scene, position, edits, .. } = self.whereabouts;
        let mut coming = Return { scene: None, edits, remains: Some(self.remains) };
        let Some(scene) = scene else { return Ok(coming) };
        let found = match position {
            Some((song, place)) => engine.play_song(song, place)?,
            None => false,
        };
        // The setlist may be another by now; and one that is not there is told by its file's problems.
        if !found {
            let _ = engine.play_scene(&scene);
        }
        coming.scene = Some(scene);
        Ok(coming)
    }
}

/// A way back that is not yet gone to its end: the scene may have to be prepared.
pub struct Return {
    scene: Option<String>,
    edits: Option<SceneEntry>,
    /// Kept until this run has saved for itself.
    remains: Option<Remains>,
}

impl Return {
    /// Takes on what was changed in the scene once that plays.
    pub fn note<P: Plugins>(&mut self, notice: &Notice, engine: &mut Engine<P>) {
        if let Notice::ScenePlays { scene } = notice
            && self.scene.as_ref() == Some(scene)
            && let Some(edits) = self.edits.take()
            && let Err(error) = engine.take_edits(&edits)
        {
            eprintln!("{error}");
        }
    }

    /// Forgets what is no longer needed.
    pub fn look<P: Plugins>(&mut self, engine: &Engine<P>) {
        if engine.autosave().saved.is_some()
            && self.edits.is_none()
            && let Some(remains) = self.remains.take()
            && let Err(error) = remains.remove()
        {
            eprintln!("what was recovered cannot be removed: {error}");
        }
    }
}

/// Tells people that there is something to recover.
pub fn tell() {
    if let Some(remains) = remains().first()
        && let Ok((_, whereabouts)) = remains.load()
    {
        let rig = whereabouts.rig.as_deref().map_or("a rig without a file".into(), Path::to_string_lossy);
        let scene = whereabouts.scene.map_or_else(String::new, |scene| format!(", scene \"{scene}\""));
        let seconds = remains.saved.elapsed().unwrap_or_default().as_secs();
        let age = match seconds {
            0..120 => format!("{seconds} seconds"),
            120..7200 => format!("{} minutes", seconds / 60),
            _ => format!("{} hours", seconds / 3600),
        };
        eprintln!(
            "{rig}{scene} was not closed, {age} ago: `crosspoint run --recover` brings it back as it was, with what was not \
             saved"
        );
    }
}

/// Where this run saves itself, if it does, and the file that goes when it ends.
pub fn begin(arguments: &Run) -> Option<(RecoveryFile, AutosavePlace)> {
    if arguments.autosave <= 0.0 {
        return None;
    }
    let folder = session::recovery_folder()?;
    let file = match RecoveryFile::begin(&folder) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("nothing is autosaved: {} cannot be written: {error}", folder.display());
            return None;
        }
    };
    let text = |value: Option<String>| value.into_iter().collect::<Vec<_>>();
    let program = BTreeMap::from([
        ("device".to_owned(), text(arguments.device.device.as_ref().map(ToString::to_string))),
        ("rate".to_owned(), text(arguments.device.rate.map(|rate| rate.to_string()))),
        ("buffer".to_owned(), text(arguments.device.buffer.map(|buffer| buffer.to_string()))),
        ("inputs".to_owned(), vec![arguments.inputs.to_string()]),
        ("outputs".to_owned(), vec![arguments.outputs.to_string()]),
        ("midi_input".to_owned(), arguments.midi_input.clone()),
    ]);
    let place = AutosavePlace { file: file.path(), every: Duration::from_secs_f64(arguments.autosave), program };
    Some((file, place))
}

fn remains() -> Vec<Remains> {
    session::recovery_folder().map_or_else(Vec::new, |folder| session::recoverable(&folder))
}

fn first<T: FromStr>(known: &BTreeMap<String, Vec<String>>, key: &str) -> Option<T> {
    known.get(key)?.first()?.parse().ok()
}

fn fill<T: FromStr>(known: &BTreeMap<String, Vec<String>>, key: &str, value: &mut Option<T>) {
    if value.is_none() {
        *value = first(known, key);
    }
}
