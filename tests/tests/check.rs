//! A rig checked before the gig: the examples pass, and each thing that goes wrong on a stage is found, with who does it
//! and where.

use crosspoint::check::{CheckReport, CheckSettings, Finding, Severity, Transitions};
use crosspoint::session::{self, Builtin, EntryKind, Loaded, MachineFile};
use crosspoint::{Engine, EngineError, EngineSettings, PluginReference, PluginSetup};
use crosspoint_tests::{engine, fixture, rack};
use std::collections::BTreeSet;

fn example(name: &str) -> Loaded {
    let path = format!("{}/../examples/rigs/{name}.rig.toml", env!("CARGO_MANIFEST_DIR"));
    session::load(path.as_ref()).unwrap()
}

fn check_with(rig: &Loaded, settings: &CheckSettings) -> CheckReport {
    let mut engine = engine(EngineSettings::default());
    engine.check(rig, &MachineFile::default(), settings, &mut |_, _| {}).unwrap()
}

fn check(rig: &Loaded) -> CheckReport {
    check_with(rig, &CheckSettings { settled: 0.1, ..CheckSettings::default() })
}

/// A rig as its file says it: what `build` makes, and lines of TOML behind that.
fn made(build: impl FnOnce(&mut Engine) -> Result<(), EngineError>, more: &str) -> Loaded {
    let mut engine = engine(EngineSettings::default());
    engine.batch(build).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.rig.toml");
    session::save(&engine.document().unwrap(), &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n{more}")).unwrap();
    session::load(&path).unwrap()
}

/// ```text
///   guitar ──► effect ──► speakers
/// ```
fn effect(plugin: &PluginReference, setup: PluginSetup, more: &str) -> Loaded {
    let build = |engine: &mut Engine| {
        let input = engine.add_input("guitar", "guitar", &[Some(0), Some(1)])?;
        let effect = engine.add_plugin("effect", plugin, setup)?;
        let output = engine.add_output("speakers", "speakers", &[Some(0), Some(1)])?;
        engine.connect(input, effect)?;
        engine.connect(effect, output)?;
        Ok(())
    };
    made(build, more)
}

/// ```text
///   keys ──► instrument ──► speakers
/// ```
fn instrument(plugin: &PluginReference) -> Loaded {
    let build = |engine: &mut Engine| {
        let keys = engine.add_event_input("keys", "keys")?;
        let instrument = engine.add_plugin("instrument", plugin, PluginSetup::default())?;
        let output = engine.add_output("speakers", "speakers", &[Some(0), Some(1)])?;
        engine.connect_events(keys, instrument)?;
        engine.connect(instrument, output)?;
        Ok(())
    };
    made(build, "")
}

fn found<'r>(report: &'r CheckReport, code: &str) -> &'r Finding {
    report.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code}: {report:#?}"))
}

fn errors(report: &CheckReport) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

/// On a machine that knows the roles of both examples: four scenes each, twelve switches and the one into the first, and
/// nothing to be said.
#[test]
fn the_examples_pass() {
    let machine = "crosspoint_machine = 1\n[roles.guitar]\ninputs = [1]\n[roles.speakers]\noutputs = [1, 2]\n\
                   [roles.pedals]\nmidi_input = \"Board\"\n[roles.keys]\nmidi_input = \"Piano\"\n";
    let machine = MachineFile::parse(machine).unwrap().machine;
    for name in ["guitar-scenes", "keyboard"] {
        let rig = example(name);
        let report = engine(EngineSettings::default()).check(&rig, &machine, &CheckSettings::default(), &mut |_, _| {});
        let report = report.unwrap();
        assert!(report.findings.is_empty(), "{name}: {:#?}", report.findings);
        assert_eq!(report.transitions.len(), 13, "{name}");
    }
}

/// Every number of the report is there and makes sense.
#[test]
fn the_guitar_rig_is_measured() {
    let report = check(&example("guitar-scenes"));
    assert!(errors(&report).is_empty(), "{report:#?}");
    assert_eq!((report.transitions.len(), report.possible_transitions), (13, 12));
    assert_eq!(report.scenes.len(), 5);
    assert!(report.transitions.iter().all(|switch| switch.waited_frames == 0 && switch.step <= switch.step_limit));
    assert!(report.transitions.iter().all(|switch| switch.step > 0.0 && switch.gap_frames < 480));
    assert!(report.scenes.iter().all(|scene| scene.peak_dbfs.is_some_and(|peak| (-60.0..0.0).contains(&peak))));
    let [path] = &report.paths[..] else { panic!("{:?}", report.paths) };
    assert_eq!((path.input.as_str(), path.output.as_str()), ("guitar", "speakers"));
    assert_eq!(path.earliest, path.latest);
    assert!(report.load.peak >= report.load.p99 && report.load.mean > 0.0 && !report.node_loads.is_empty());
}

/// Along the setlist and back: each neighbour in either direction and nothing else, and the report says that it was not all.
#[test]
fn the_setlist_alone_is_said_to_be_less() {
    let settings = CheckSettings { transitions: Transitions::Setlist, settled: 0.1, ..CheckSettings::default() };
    let report = check_with(&example("guitar-scenes"), &settings);
    assert!(errors(&report).is_empty(), "{report:#?}");
    assert_eq!(found(&report, "not-all-transitions").severity, Severity::Note);
    let made: BTreeSet<_> = report.transitions.iter().map(|switch| (switch.from.as_deref(), &*switch.to)).collect();
    let [rhythm, lead, clean, dry] = ["Rhythm", "Lead", "Clean", "Dry"];
    let neighbours = [(rhythm, lead), (rhythm, clean), (clean, dry), (dry, rhythm)];
    let both_ways = neighbours.into_iter().flat_map(|(one, other)| [(Some(one), other), (Some(other), one)]);
    assert_eq!(made, both_ways.chain([(None, rhythm)]).collect());
}

/// A plugin that jumps to another gain: a click, told with its switch. One crosspoint that does the same is a ramp.
#[test]
fn a_click_is_found() {
    let jump = "[[scene]]\nname = \"loud\"\n\n[[scene]]\nname = \"soft\"\nparameters = [\n    { node = \"effect\", id = 31, \
                value = 0.1 },\n]\n";
    let report = check(&effect(&fixture("gain"), PluginSetup::default(), jump));
    let click = found(&report, "click");
    assert_eq!((click.severity, click.node.as_deref()), (Severity::Error, Some("speakers")));
    assert!(click.moment.as_ref().unwrap().in_switch);
    let ramp = "[[scene]]\nname = \"loud\"\n\n[[scene]]\nname = \"soft\"\ncrosspoints = [\n    { from = \"effect\", to = \
                \"speakers\", cells = [\"1>1 -20 dB\", \"2>2 -20 dB\"] },\n]\n";
    let report = check(&effect(&fixture("gain"), PluginSetup::default(), ramp));
    assert!(errors(&report).is_empty(), "{report:#?}");
}

/// What is no number never comes out; who made it is named.
#[test]
fn a_plugin_that_fails_is_named() {
    let report = check(&effect(&fixture("nan"), PluginSetup::parameters(&[(121, 1000.0)]), ""));
    assert_eq!(found(&report, "failed").node.as_deref(), Some("effect"));
    assert!(report.findings.iter().all(|finding| finding.code != "not-a-number"), "{report:#?}");
}

/// -12 dBFS four times as loud is above full scale by nothing, eight times by 6 dB: told with the node that does it.
#[test]
fn clipping_names_the_node_and_how_much() {
    let build = |engine: &mut Engine| {
        let input = engine.add_input("guitar", "guitar", &[Some(0), Some(1)])?;
        let first = engine.add_plugin("first", &fixture("gain"), PluginSetup::parameters(&[(31, 2.0)]))?;
        let second = engine.add_plugin("second", &fixture("gain"), PluginSetup::parameters(&[(31, 4.0)]))?;
        let output = engine.add_output("speakers", "speakers", &[Some(0), Some(1)])?;
        engine.connect(input, first)?;
        engine.connect(first, second)?;
        engine.connect(second, output)?;
        Ok(())
    };
    let report = check(&made(build, ""));
    let clip = found(&report, "clipping");
    assert_eq!(clip.node.as_deref(), Some("speakers"));
    assert!(clip.seen.contains("\"second\", by 6.") || clip.seen.contains("\"second\", by 5."), "{}", clip.seen);
}

/// An instrument that no note-off ends, one that keeps note-offs to itself, and one that does neither.
#[test]
fn stuck_notes_are_found_where_they_stay() {
    assert_eq!(found(&check(&instrument(&fixture("stuck-notes"))), "stuck-notes").node.as_deref(), Some("instrument"));
    let report = check(&instrument(&rack("synth")));
    assert!(errors(&report).is_empty(), "{report:#?}");
    let build = |engine: &mut Engine| {
        let keys = engine.add_event_input("keys", "keys")?;
        let keeper = engine.add_plugin("keeper", &fixture("keeps-keys"), PluginSetup::default())?;
        let output = engine.add_event_output("module", "module")?;
        engine.connect_events(keys, keeper)?;
        engine.connect_events(keeper, output)?;
        Ok(())
    };
    let stuck = check(&made(build, ""));
    assert_eq!(found(&stuck, "stuck-notes").node.as_deref(), Some("module"), "{stuck:#?}");
}

/// A plugin, a file and a state that are not there; a scene and a mapping that speak of what is not.
#[test]
fn what_is_missing_is_told_by_its_line() {
    let more = "[[scene]]\nname = \"odd\"\nbypassed = [\"nothing\"]\n\n[[mapping]]\nrole = \"pedal\"\nmessage = \"cc 7\"\nparameter \
                = { node = \"nothing\", name = \"x\" }\n\n[[input]]\nname = \"spare\"\nevents = true\n";
    let mut rig = effect(&fixture("stateful"), PluginSetup::default(), more);
    let folder = tempfile::tempdir().unwrap();
    for entry in &mut rig.document.nodes {
        if let EntryKind::Plugin(plugin) = &mut entry.kind {
            plugin.plugin.id = "com.example.gone".to_owned();
            plugin.state = Some(session::State::Unavailable { file: "gone.state".to_owned() });
        }
    }
    let player =
        Builtin::Player { layout: crosspoint::graph::ChannelLayout::Mono, file: folder.path().join("gone.wav") };
    let player = session::NodeEntry::new("track", EntryKind::Builtin { builtin: player, parameters: Vec::new() });
    rig.document.nodes.push(player);
    let report = check(&rig);
    let missing = found(&report, "plugin-missing");
    assert!(missing.node.as_deref() == Some("effect") && missing.line.is_some(), "{missing:?}");
    for code in ["file-missing", "state-missing", "scene-incomplete", "mapping-missing"] {
        assert_eq!(found(&report, code).severity, Severity::Error, "{code}");
    }
    assert_eq!(found(&report, "midi-role-unused").node.as_deref(), Some("spare"));
    assert_eq!(found(&report, "controller-unheard").node.as_deref(), Some("pedal"));
    assert_eq!(found(&report, "role-unmapped").severity, Severity::Note);
    // Where the machine knows the pedal and has no channel for one of the speakers.
    let machine = "crosspoint_machine = 1\n[roles.pedal]\nmidi_input = \"Board\"\n[roles.speakers]\noutputs = [1, 0]\n";
    let machine = MachineFile::parse(machine).unwrap().machine;
    let settings = CheckSettings { settled: 0.1, ..CheckSettings::default() };
    let report = engine(EngineSettings::default()).check(&rig, &machine, &settings, &mut |_, _| {}).unwrap();
    assert!(!report.findings.iter().any(|finding| finding.code == "controller-unheard"));
    assert_eq!(found(&report, "role-unconnected").node.as_deref(), Some("speakers"));
}

/// A load is a finding only above the limit that somebody sets; no rig takes no time at all.
#[test]
fn a_load_is_held_against_the_limit_alone() {
    let settings = CheckSettings { settled: 0.1, load_limit: Some(0.0), ..CheckSettings::default() };
    let report = check_with(&example("guitar"), &settings);
    assert_eq!(errors(&report).iter().map(|finding| finding.code).collect::<Vec<_>>(), ["load"]);
}

/// A plugin that hums when nothing comes in, one that asks for restarts all the time, an instrument without a sound.
#[test]
fn what_sounds_on_and_what_never_sounds_is_told() {
    let report = check(&effect(&fixture("hums"), PluginSetup::default(), ""));
    let hum = found(&report, "never-silent");
    assert_eq!((hum.severity, hum.node.as_deref()), (Severity::Warning, Some("effect")));
    let report = check(&effect(&fixture("restart-storm"), PluginSetup::default(), ""));
    assert_eq!(found(&report, "restarts").node.as_deref(), Some("effect"));
    let report = check(&instrument(&fixture("instrument-silent")));
    assert_eq!(found(&report, "silent-output").node.as_deref(), Some("speakers"));
}

/// ```text
///   guitar ──► speakers
///   track  ──► speakers      a sine of a minute
/// ```
/// The rig is played far faster than a disk is read, and still nothing of a backing track is missed.
#[test]
fn a_backing_track_is_heard_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("track.wav");
    let sine = |frame: u32| (f64::from(frame) * 440.0 * std::f64::consts::TAU / 48_000.0).sin() as f32 * 0.25;
    let channels = vec![(0..60 * 48_000).map(sine).collect()];
    crosspoint::offline::wav::write(&file, &crosspoint::offline::wav::Audio { rate: 48_000, channels }).unwrap();
    let build = |engine: &mut Engine| {
        let input = engine.add_input("guitar", "guitar", &[Some(0)])?;
        let layout = crosspoint::graph::ChannelLayout::Mono;
        let track = engine.add_builtin("track", Builtin::Player { layout, file: file.clone() })?;
        let output = engine.add_output("speakers", "speakers", &[Some(0)])?;
        engine.connect(input, output)?;
        engine.connect(track, output)?;
        Ok(())
    };
    let rig = made(build, "[[scene]]\nname = \"One\"\n\n[[scene]]\nname = \"Two\"\n\n[[scene]]\nname = \"Three\"\n");
    let machine = "crosspoint_machine = 1\n[roles.guitar]\ninputs = [1]\n[roles.speakers]\noutputs = [1]\n";
    let machine = MachineFile::parse(machine).unwrap().machine;
    let mut engine = engine(EngineSettings::default());
    let report = engine.check(&rig, &machine, &CheckSettings::default(), &mut |_, _| {}).unwrap();
    assert!(report.findings.is_empty() && report.rendered_seconds < 60.0, "{report:#?}");
    let tracks = engine.look().tracks;
    assert_eq!((tracks[0].underruns(), tracks[0].missing()), (0, 0.0));
}

/// Settings that make no sense are refused before anything is loaded.
#[test]
fn settings_without_sense_are_refused() {
    for settings in [
        CheckSettings { block: 1, ..CheckSettings::default() },
        CheckSettings { level: 3.0, ..CheckSettings::default() },
        CheckSettings { settled: f64::NAN, ..CheckSettings::default() },
    ] {
        let refused = engine(EngineSettings::default()).check(
            &example("guitar"),
            &MachineFile::default(),
            &settings,
            &mut |_, _| {},
        );
        assert!(matches!(refused, Err(EngineError::OutOfRange { .. })));
    }
}
