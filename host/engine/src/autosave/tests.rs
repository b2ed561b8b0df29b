//! Autosave without a clock: each test says what time it is.

use super::*;
use crate::session::{
    Builtin, MachineFile, ParameterEntry, ParameterValue, RecoveryFile, SceneEntry, SceneParameter, recoverable,
};
use crate::{Engine, EngineSettings};
use crosspoint_graph::{ChannelLayout, nodes};

const EVERY: Duration = Duration::from_secs(5);

/// An engine with a gain node, whose recovery file is in a folder of its own.
struct Stage {
    engine: Engine,
    gain: NodeId,
    file: RecoveryFile,
    now: Instant,
    _root: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let mut engine = Engine::new(EngineSettings::default());
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        let root = tempfile::tempdir().unwrap();
        let file = RecoveryFile::begin(root.path()).unwrap();
        engine.set_autosave(Some(AutosavePlace { file: file.path(), every: EVERY, program: BTreeMap::new() }));
        engine.rig.file = Some("/rigs/a.rig.toml".into());
        Self { engine, gain, file, now: Instant::now(), _root: root }
    }

    /// So much later, until nothing is under way. Waits for the writer, not for time.
    fn after(&mut self, time: Duration) -> Option<String> {
        self.now += time;
        for _ in 0..10 {
            self.engine.tend_autosave(self.now);
            while self.engine.autosave.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
                std::thread::yield_now();
            }
        }
        self.engine.tend_autosave(self.now);
        std::fs::read_to_string(self.file.path()).ok()
    }

    fn set(&mut self, value: f64) {
        self.engine.set_parameter(self.gain, nodes::gain::GAIN, value).unwrap();
    }
}

/// At once, then only when its time has come and something has changed; the snapshot says when.
#[test]
fn it_saves_what_has_changed_when_it_is_due() {
    let mut stage = Stage::new();
    assert_eq!(stage.engine.look().autosave.saved, None);
    let first = stage.after(Duration::ZERO).unwrap();
    let saved = stage.engine.look().autosave.saved.unwrap();
    stage.set(0.25);
    assert_eq!(stage.after(EVERY / 2).unwrap(), first, "it is not due");
    let second = stage.after(EVERY).unwrap();
    assert!(second.contains("0.25") && second.contains("/rigs/a.rig.toml"), "{second}");
    let later = stage.engine.look().autosave.saved.unwrap();
    assert!(later >= saved);
    stage.after(EVERY);
    assert_eq!(stage.engine.look().autosave.saved, Some(later), "nothing has changed");
}

/// Under the lock nothing is written; after it all that was meanwhile.
#[test]
fn a_performance_lock_suspends_it() {
    let mut stage = Stage::new();
    stage.engine.set_performance_lock(true);
    stage.set(0.25);
    assert_eq!(stage.after(EVERY), None);
    assert!(stage.engine.look().autosave.is_locked);
    let answer = stage.engine.handle().send(crate::Action::SetPerformanceLock(false));
    stage.engine.poll();
    answer.wait().unwrap();
    assert!(stage.after(EVERY).unwrap().contains("0.25"));
}

/// A scene that fades for two seconds: nothing is saved until it has, and a moment longer. Then what plays is known, with
/// what was changed in it and not stored.
#[test]
fn it_rests_during_a_switch_and_keeps_unstored_edits() {
    let mut stage = Stage::new();
    let mut document = stage.engine.document().unwrap();
    let parameter = |value: f64| SceneParameter {
        node: "gain".to_owned(),
        parameter: ParameterEntry { id: None, name: "gain".to_owned(), value: ParameterValue::Plain(value) },
    };
    let scene = |name: &str, value: f64| SceneEntry {
        name: name.to_owned(),
        fade: Some(2.0),
        parameters: vec![parameter(value)],
        ..SceneEntry::default()
    };
    document.scenes = vec![scene("quiet", 0.5), scene("loud", 2.0)];
    let mapping = MachineFile::default().map(&document);
    stage.engine.load_document(&document, &mapping).unwrap();
    stage.gain = stage.engine.graph().nodes().next().unwrap().0;
    assert!(stage.engine.play_scene("loud").unwrap());
    stage.now = Instant::now();
    stage.set(0.125);
    assert_eq!(stage.after(Duration::from_millis(2900)), None);
    let text = stage.after(EVERY).unwrap();
    assert!(text.contains("scene = \"loud\""), "{text}");
    // The process is gone; the next one finds it.
    let root = stage.file.path().parent().unwrap().parent().unwrap().to_owned();
    assert_eq!(recoverable(&root), [], "it lives");
    let copy = root.join("run-copy");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(stage.file.path().parent().unwrap()).unwrap().flatten() {
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let (loaded, whereabouts) = recoverable(&root)[0].load().unwrap();
    let mut next = Engine::new(EngineSettings::default());
    next.load_document(&loaded.document, &mapping).unwrap();
    assert!(next.play_scene(whereabouts.scene.as_deref().unwrap()).unwrap());
    next.take_edits(&whereabouts.edits.unwrap()).unwrap();
    let value = |engine: &mut Engine| engine.look().nodes.values().next().unwrap().values.clone();
    assert_eq!(value(&mut next), value(&mut stage.engine));
    let (scenes, ours) = (next.look().scenes, stage.engine.look().scenes);
    assert_eq!((scenes.playing, scenes.is_modified, &scenes.scenes), (ours.playing, ours.is_modified, &ours.scenes));
}

/// A folder that is gone: told once, and tried again.
#[test]
fn a_failure_is_told_once() {
    let mut stage = Stage::new();
    std::fs::remove_dir_all(stage.file.path().parent().unwrap()).unwrap();
    for value in [0.25, 0.5, 0.75] {
        stage.set(value);
        assert_eq!(stage.after(EVERY), None);
    }
    let told = |notice: &Notice| matches!(notice, Notice::AutosaveFailed { .. });
    assert_eq!(stage.engine.notices.iter().filter(|notice| told(notice)).count(), 1);
}

/// A plugin that was asked and never answers: what is known of it is written when the next save is due, and all else with it.
#[test]
fn a_plugin_that_never_answers_ends_nothing() {
    let mut stage = Stage::new();
    stage.after(Duration::ZERO).unwrap();
    for value in [0.25, 0.75] {
        stage.engine.autosave.round = Some((VecDeque::new(), true));
        stage.set(value);
        let text = stage.after(EVERY / 2).unwrap();
        assert!(!text.contains(&value.to_string()), "it may still answer: {text}");
        let text = stage.after(EVERY).unwrap();
        assert!(text.contains(&value.to_string()), "{text}");
    }
}
