//! Rig files and machine files from the outside: what users write, break, move and save.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crosspoint::formats::Precision;
use crosspoint::session::{
    Builtin, Crosspoint, Crosspoints, Document, EdgeEntry, EndpointEntry, EntryKind, Fader, FaderPlace, GroupEntry,
    HardwareSignal, LoadError, MachineFile, MixEntry, NodeEntry, OutputGuard, OverloadPolicy, ParameterEntry,
    ParameterValue, PluginEntry, PluginRef, PortSelector, SaveError, SceneCrosspoints, SceneEntry, SceneParameter,
    Severity, SignalEntry, SongEntry, State, cable, load, parse, save,
};
use crosspoint_graph::graph::{Cell, Timing};
use crosspoint_graph::nodes::pan;
use crosspoint_graph::{AudioPort, ChannelLayout, EventPort, OverloadAction};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rigs/guitar.rig.toml")
}

/// The lines, severities and messages of all problems of a text.
fn problems(text: &str) -> Vec<(usize, Severity, String)> {
    let loaded = parse(text, Path::new("/nowhere")).unwrap();
    loaded.problems.into_iter().map(|problem| (problem.line, problem.severity, problem.message)).collect()
}

fn saved(document: &Document, name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    save(document, &path).unwrap();
    fs::read_to_string(path).unwrap()
}

fn state(bytes: &[u8]) -> Option<State> {
    Some(State::Bytes(Arc::from(bytes)))
}

fn plugin(state: Option<State>) -> EntryKind {
    let plugin = PluginRef { format: "clap".into(), id: "org.example.fx".into(), ..PluginRef::default() };
    EntryKind::Plugin(Box::new(PluginEntry { plugin, state, ..PluginEntry::default() }))
}

fn plugin_rig(states: &[&[u8]]) -> Document {
    let node = |(index, bytes): (usize, &&[u8])| NodeEntry::new(format!("fx {index}"), plugin(state(bytes)));
    Document { nodes: states.iter().enumerate().map(node).collect(), ..Document::default() }
}

/// A document with everything a file can say.
fn everything(folder: &Path) -> Document {
    let layout = ChannelLayout::Stereo;
    let builtin = |name: &str, builtin| {
        let value = ParameterEntry { id: None, name: "gain".into(), value: ParameterValue::Plain(0.1) };
        NodeEntry::new(name, EntryKind::Builtin { builtin, parameters: vec![value] })
    };
    let first = |node: &str| EndpointEntry::new(node, PortSelector::First);
    let mut cells = Vec::new();
    for destination in 0..18 {
        for source in 0..20 {
            let gain = f32::from_bits(0x3f80_0000 + 12_345 * (20 * destination + source)) - 1.0;
            let cell = Cell { gain, mute: source == 3, invert: destination == 4 };
            cells.push(Crosspoint { source, destination, cell });
        }
    }
    let effect = EntryKind::Plugin(Box::new(PluginEntry {
        plugin: PluginRef {
            format: "clap".into(),
            id: "a.b".into(),
            name: "A \"quoted\" \\ name".into(),
            vendor: "Ünï".into(),
            version: "1.0".into(),
            path_hint: Some(folder.join("plugins").join("a.clap")),
        },
        overload: OverloadPolicy { budget: 0.3, blocks: 5, action: OverloadAction::Bypass, returns_after: Some(2.0) },
        precision: Some(Precision::Double),
        audio_inputs: vec![AudioPort::new("main", layout), AudioPort::new("a: b", ChannelLayout::Surround(6))],
        audio_outputs: vec![AudioPort::new("", ChannelLayout::Ambisonic(9))],
        event_inputs: vec![EventPort::new("notes")],
        event_outputs: vec![EventPort::new("")],
        latency: 12,
        parameters: vec![ParameterEntry {
            id: Some(u32::MAX),
            name: "Mix".into(),
            value: ParameterValue::Text("1 %".into()),
        }],
        state: state(&[0, 255, 13, 10]),
    }));
    let nodes = vec![
        NodeEntry::new(
            "guitar",
            EntryKind::Input { role: "electric".into(), signal: HardwareSignal::Audio(ChannelLayout::Mono) },
        ),
        NodeEntry::new("keys", EntryKind::Input { role: "keys".into(), signal: HardwareSignal::Events }),
        NodeEntry::new("fx", effect),
        builtin("gain", Builtin::Gain { layout: ChannelLayout::Discrete(2) }),
        builtin("pan", Builtin::Pan { source: pan::Source::Mono }),
        builtin("mixer", Builtin::Mixer { inputs: vec![layout, ChannelLayout::Mono], outputs: vec![] }),
        builtin("delay", Builtin::Delay { layout, longest: 48_000 }),
        builtin("tone", Builtin::Tone { layout }),
        builtin("meter", Builtin::Meter { layout: ChannelLayout::Discrete(256) }),
        builtin("player", Builtin::Player { layout, file: folder.join("takes").join("a.wav") }),
        builtin("zone", Builtin::Zone),
        builtin("metronome", Builtin::Metronome { layout: ChannelLayout::Mono }),
        NodeEntry::new(
            "speakers",
            EntryKind::Output {
                role: "speakers".into(),
                signal: HardwareSignal::Audio(layout),
                alignment_group: Some("front".into()),
                guard: OutputGuard { limit: Some(3.5), time: 0.2, returns_after: Some(10.0) },
            },
        ),
    ];
    let edges = vec![
        EdgeEntry::new(first("guitar"), first("fx"), SignalEntry::Audio(Crosspoints::Cable)),
        EdgeEntry::new(first("keys"), first("fx"), SignalEntry::Events),
        EdgeEntry::new(
            EndpointEntry::new("fx", PortSelector::Name("aux out".into())),
            EndpointEntry::new("gain", PortSelector::Number(4)),
            SignalEntry::Audio(Crosspoints::Cells(cells)),
        ),
        EdgeEntry {
            timing: Some(Timing::Immediate),
            feedback: Some(64),
            ..EdgeEntry::new(first("gain"), first("fx"), SignalEntry::Audio(Crosspoints::Cells(Vec::new())))
        },
    ];
    Document {
        name: "Everything".into(),
        note: "one\n\ntwo \"quoted\" \\ \u{7f}".into(),
        tempo: 93.333_333_333_333_33,
        metre: (7, 8),
        timing: Timing::Immediate,
        instance_limit: Some(0),
        nodes,
        edges,
        groups: vec![GroupEntry { name: "Drums \"live\"".into(), ..GroupEntry::default() }],
        mixes: vec![MixEntry { name: "Ann".into(), ..MixEntry::default() }],
        scenes: vec![
            SceneEntry { name: "Intro / \"quiet\"".into(), ..SceneEntry::default() },
            SceneEntry {
                name: "Lead".into(),
                note: "one\ntwo".into(),
                tempo: Some(140.1),
                metre: Some((6, 8)),
                fade: Some(0.0),
                bypass: [("fx".to_owned(), false), ("gain".to_owned(), true)].into(),
                presence: [("fx".to_owned(), true), ("gain".to_owned(), false)].into(),
                faders: [
                    (FaderPlace::Group("Drums \"live\"".into()), Fader { gain: 0.3, muted: false }),
                    (FaderPlace::Mix("Ann".into()), Fader { gain: 0.0, muted: true }),
                ]
                .into(),
                parameters: vec![SceneParameter {
                    node: "fx".into(),
                    parameter: ParameterEntry { id: Some(3), name: String::new(), value: ParameterValue::Plain(-0.1) },
                }],
                crosspoints: vec![SceneCrosspoints {
                    source: EndpointEntry::new("fx", PortSelector::Name("aux out".into())),
                    destination: EndpointEntry::new("gain", PortSelector::Number(4)),
                    cells: vec![Crosspoint {
                        source: 1,
                        destination: 0,
                        cell: Cell { gain: 0.3, mute: true, invert: true },
                    }],
                }],
                ..SceneEntry::default()
            },
        ],
        songs: vec![SongEntry {
            name: "Opener".into(),
            tempo: Some(99.0),
            metre: Some((5, 4)),
            scenes: vec!["Lead".into(), "Intro / \"quiet\"".into(), "Lead".into()],
            ..SongEntry::default()
        }],
        setlist: vec!["Opener".into(), "Opener".into()],
        ..Document::default()
    }
}

#[test]
fn the_example_is_right_and_canonical() {
    let text = fs::read_to_string(example()).unwrap();
    let loaded = load(&example()).unwrap();
    assert_eq!(loaded.problems, []);
    let ids = loaded.document.nodes.iter().filter_map(|node| match &node.kind {
        EntryKind::Plugin(entry) => Some(entry.plugin.id.strip_prefix("org.crosspoint.").unwrap()),
        _ => None,
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["gate", "amp", "cabinet", "delay", "reverb"]);
    assert_eq!(saved(&loaded.document, "guitar.rig.toml"), text);
    assert_eq!(text.lines().nth(loaded.node_lines[0] - 1), Some("[[input]]"));
    assert_eq!(text.lines().nth(loaded.edge_lines[6] - 1), Some("[[edge]]"));
}

// Whatever a document says comes back, to the bit; the same document gives the same bytes.
#[test]
fn everything_a_document_says_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.rig.toml");
    let document = everything(folder.path());
    save(&document, &path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let loaded = load(&path).unwrap();
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.document, document);
    save(&loaded.document, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let leftovers: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(leftovers.len(), 2, "{leftovers:?}");
}

// rigs/my.rig.toml, rigs/my.rig.state/..., takes/a.wav -> the folder moves, and all is found there.
#[test]
fn a_rig_moves_with_what_lies_beside_it() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    save(&everything(one.path()), &one.path().join("my.rig.toml")).unwrap();
    let moved = other.path().join("moved");
    fs::rename(one.path(), &moved).unwrap();
    let loaded = load(&moved.join("my.rig.toml")).unwrap();
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.document, everything(&moved));
    // Saved under another name it has states of its own, and the same files beside it.
    save(&loaded.document, &other.path().join("copy.rig.toml")).unwrap();
    fs::remove_dir_all(moved.join("my.rig.state")).unwrap();
    assert_eq!(load(&other.path().join("copy.rig.toml")).unwrap().document, loaded.document);
}

// One file with a mistake of each kind: all are reported, each with its line.
const BROKEN: &str = r#"crosspoint = 1
tempo = "fast"
metre = "4/5"
mystery = 7

[[input]]
name = "guitar"
channels = 10000

[[input]]
name = "guitar"
channels = 0

[[plugin]]
name = "a/b"
format = "clap"
state = "my.rig.state/0123456789abcdef.state"
latency = -4
inputs = ["main: stereo", "main"]
parameters = [{ id = 1, value = nan }, { id = 2, value = 0.5 }]

[[builtin]]
kind = "teleporter"
range = 12

[[output]]
name = "speakers"

[[edge]]
from = "guitar"
to = "nowhere"

[[edge]]
from = "guitar"

[[edge]]
from = "guitar"
to = "speakers"
cells = ["1>1 -6 dB", "1>300", "2>1 loud", "1>2 inf dB"]
feedback = 0

[[edge]]
from = "guitar/#0"
to = "speakers"

[[edge]]
from = "guitar 2"
to = "speakers"
gains = ["0 . q", 5]

[scenes]
first = "clean"
"#;

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    use Severity::{Error, Notice};
    let expected = [
        (2, Error, "`tempo` must be a number from 1 to 1000"),
        (3, Error, "`metre` must be a text such as \"4/4\""),
        (4, Notice, "`mystery` is unknown here"),
        (8, Error, "`channels` must be a whole number from 1 to 256"),
        (11, Error, "another node has this name already, and edges mean that one; this one is called `guitar 2` now"),
        (12, Error, "`channels` must be"),
        (14, Error, "a plugin needs `format`"),
        (
            15,
            Error,
            "a node's name must not be empty, begin or end blank, or have `/` in it; this one is called `a-b` now",
        ),
        (17, Error, "the state file `my.rig.state/0123456789abcdef.state` is not there"),
        (18, Error, "`latency` must be"),
        (19, Error, "must be a port and its layout"),
        (20, Error, "must be a parameter such as"),
        (22, Error, "the node has no name; this one is called `builtin` now"),
        (23, Error, "there is no built-in node `teleporter`"),
        (24, Notice, "`range` is unknown here"),
        (31, Error, "there is no node `nowhere`"),
        (33, Error, "an edge needs `to`"),
        (39, Error, "must be a crosspoint such as"),
        (39, Error, "must be a crosspoint such as"),
        (39, Error, "must be a crosspoint such as"),
        (40, Error, "`feedback` must be a whole number from 1 to 1048576"),
        (43, Error, "a port's name or `#` and its number"),
        (49, Error, "`q` must be a gain in dB"),
        (49, Error, "must be a text of gains"),
        (51, Notice, "`scenes` is unknown here"),
    ];
    let problems = problems(BROKEN);
    for ((line, severity, message), (expected_line, expected_severity, start)) in problems.iter().zip(&expected) {
        assert!(message.starts_with(start), "line {line}: {message}\nexpected: {start}");
        assert_eq!((line, severity), (expected_line, expected_severity), "{message}");
    }
    assert_eq!(problems.len(), expected.len());
}

// What was understood is there; what was not is in the file after the next save, too, and is reported as before.
#[test]
fn nothing_of_a_broken_file_is_lost() {
    let document = parse(BROKEN, Path::new("/nowhere")).unwrap().document;
    assert_eq!(document.tempo, 120.0);
    assert_eq!(document.nodes.len(), 5);
    assert_eq!(document.edges.len(), 2);
    let SignalEntry::Audio(Crosspoints::Cells(cells)) = &document.edges[0].signal else { panic!() };
    assert_eq!(cells.len(), 1);
    assert_eq!(document.edges[0].feedback, Some(64), "feedback stays feedback");

    let text = saved(&document, "my.rig.toml");
    let kept = [
        "tempo = \"fast\"",
        "metre = \"4/5\"",
        "mystery = 7",
        "channels = 10000",
        "channels = 0",
        "teleporter",
        "range = 12",
        "0123456789abcdef.state",
        "latency = -4",
        "unread_inputs = [\"main\"]",
        "nan",
        "nowhere",
        "1>300",
        "2>1 loud",
        "1>2 inf dB",
        "#0",
        "1>3 q",
        "first = \"clean\"",
    ];
    for part in kept {
        assert!(text.contains(part), "{part} is lost in\n{text}");
    }
    let again = parse(&text, Path::new("/nowhere")).unwrap();
    assert_eq!(again.document.nodes.len(), 5);
    assert_eq!(saved(&again.document, "my.rig.toml"), text);
}

#[test]
fn what_is_no_toml_is_refused_with_all_its_lines() {
    let Err(LoadError::Syntax { problems }) = parse("a = 1\nb = \nc = 3\na = 2\n[x\n", Path::new("")) else { panic!() };
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert!(lines.contains(&2) && lines.contains(&4) && lines.contains(&5), "{problems:?}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binary.rig.toml");
    fs::write(&path, b"name = \"a\"\nnote = \"\xff\"\n").unwrap();
    let Err(LoadError::Syntax { problems }) = load(&path) else { panic!() };
    assert_eq!((problems[0].line, problems[0].column), (2, 9));
    assert!(matches!(load(folder.path()), Err(LoadError::NotAFile { .. })));
    assert!(matches!(load(&folder.path().join("absent")), Err(LoadError::Read { .. })));
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(parse(&deep, Path::new("")), Err(LoadError::Syntax { .. })));
}

#[test]
fn other_line_ends_and_no_line_end_read_the_same() {
    let text = fs::read_to_string(example()).unwrap();
    let expected = parse(&text, Path::new("")).unwrap().document;
    for text in [text.replace('\n', "\r\n"), text.trim_end().to_owned(), format!("\u{feff}{text}")] {
        let loaded = parse(&text, Path::new("")).unwrap();
        assert_eq!((loaded.document, loaded.problems), (expected.clone(), vec![]));
    }
}

// A file of version 2 is loaded with a warning; it is overwritten neither by what was loaded from it nor by another rig.
#[test]
fn a_newer_file_is_never_overwritten() {
    for version in ["2", "99999999999999999999", "\"next\""] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.rig.toml");
        let text = format!("crosspoint = {version}\nname = \"From the future\"\n");
        fs::write(&path, &text).unwrap();
        let loaded = load(&path).unwrap();
        assert_eq!(loaded.document.name, "From the future");
        assert_eq!(loaded.problems[0].severity, Severity::Warning);
        assert!(matches!(save(&loaded.document, &path), Err(SaveError::NewerDocument)));
        assert!(matches!(save(&Document::default(), &path), Err(SaveError::NewerFile { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

// A state file vanishes, or is changed: the plugin keeps its place and the name of its state; put back, it is used again.
#[test]
fn a_lost_or_damaged_state_stays_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.rig.toml");
    let document = plugin_rig(&[b"precious"]);
    save(&document, &path).unwrap();
    let states = folder.path().join("my.rig.state");
    let file = fs::read_dir(&states).unwrap().next().unwrap().unwrap().path();
    for damage in [Some(&b"precioux"[..]), None] {
        match damage {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let loaded = load(&path).unwrap();
        assert_eq!(loaded.problems.len(), 1);
        assert_eq!(loaded.problems[0].line, loaded.node_lines[0] + 4);
        let EntryKind::Plugin(entry) = &loaded.document.nodes[0].kind else { panic!() };
        assert!(matches!(&entry.state, Some(State::Unavailable { .. })));
        let text = fs::read(&path).unwrap();
        save(&loaded.document, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), text);
    }
    fs::write(&file, b"precious").unwrap();
    assert_eq!(load(&path).unwrap().document, document);
    // A damaged file is healed by who still has the state.
    fs::write(&file, b"preciouz").unwrap();
    save(&document, &path).unwrap();
    assert_eq!(load(&path).unwrap().document, document);
}

// a -> b -> c: after the save of c, the state of b is there still, and that of a only if a copy of the rig names it.
#[test]
fn states_are_kept_for_one_generation_and_for_copies() {
    for copied in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.rig.toml");
        let count = || fs::read_dir(folder.path().join("my.rig.state")).unwrap().count();
        save(&plugin_rig(&[b"a"]), &path).unwrap();
        fs::write(folder.path().join("my.rig.state").join("a note of the user.txt"), "mine").unwrap();
        let copy = folder.path().join("before the gig.rig.toml.bak");
        if copied {
            fs::copy(&path, &copy).unwrap();
        }
        save(&plugin_rig(&[b"b"]), &path).unwrap();
        assert_eq!(count(), 3);
        save(&plugin_rig(&[b"c"]), &path).unwrap();
        assert_eq!(count(), if copied { 4 } else { 3 });
        if copied {
            assert_eq!(load(&copy).unwrap().document, plugin_rig(&[b"a"]));
        }
    }
}

#[test]
fn what_a_file_cannot_say_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.rig.toml");
    save(&plugin_rig(&[b"a"]), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let one = NodeEntry::new("one", plugin(None));
    let nan = Crosspoint { source: 0, destination: 0, cell: Cell::new(f32::NAN) };
    let end = || EndpointEntry::new("one", PortSelector::First);
    let edge = |at| EdgeEntry::new(end(), end(), SignalEntry::Audio(Crosspoints::Cells(vec![at])));
    let far = Crosspoint { source: u32::MAX, destination: u32::MAX, cell: Cell::UNITY };
    let bad = [
        Document { tempo: f64::NAN, ..Document::default() },
        Document { nodes: vec![one.clone(), one.clone()], ..Document::default() },
        Document { nodes: vec![NodeEntry::new("a/b", plugin(None))], ..Document::default() },
        Document { nodes: vec![one.clone()], edges: vec![edge(nan)], ..Document::default() },
        Document { nodes: vec![one.clone()], edges: vec![edge(far)], ..Document::default() },
        Document { edges: vec![EdgeEntry::new(end(), end(), SignalEntry::Events)], ..Document::default() },
    ];
    for document in bad {
        let error = save(&document, &path).unwrap_err();
        assert!(matches!(error, SaveError::Unfaithful { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_write_protected_rig_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.rig.toml");
    save(&plugin_rig(&[b"a"]), &path).unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions.clone()).unwrap();
    let error = save(&plugin_rig(&[b"b"]), &path).unwrap_err();
    assert!(matches!(error, SaveError::Write { .. }), "{error}");
    assert_eq!(load(&path).unwrap().document, plugin_rig(&[b"a"]));
    assert!(matches!(
        save(&Document::default(), &folder.path().join("no").join("folder.toml")),
        Err(SaveError::Write { .. })
    ));
    // Windows removes no folder with such a file in it.
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    fs::set_permissions(&path, permissions).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.toml"), folder.path().join("my.rig.toml"));
    fs::write(&real, "crosspoint = 1\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.toml", &link).unwrap();
    save(&plugin_rig(&[b"a"]), &link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(load(&link).unwrap().document, plugin_rig(&[b"a"]));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

// mono ---> stereo: both at unity; stereo ---> mono: both at a half; otherwise like to like.
#[test]
fn a_cable_does_what_people_expect() {
    let cells = |sources, destinations| -> Vec<(u32, u32, f32)> {
        cable(sources, destinations)
            .cells()
            .map(|(source, destination, cell)| (source, destination, cell.gain))
            .collect()
    };
    assert_eq!(cells(1, 1), [(0, 0, 1.0)]);
    assert_eq!(cells(1, 2), [(0, 0, 1.0), (0, 1, 1.0)]);
    assert_eq!(cells(2, 1), [(0, 0, 0.5), (1, 0, 0.5)]);
    assert_eq!(cells(2, 2), [(0, 0, 1.0), (1, 1, 1.0)]);
    assert_eq!(cells(6, 2), [(0, 0, 1.0), (1, 1, 1.0)]);
    assert_eq!((cells(0, 2), cells(2, 0), cells(0, 0)), (vec![], vec![], vec![]));
    for (sources, destinations) in [(1, 1), (1, 2), (2, 1), (2, 6), (64, 64)] {
        let matrix = cable(sources, destinations);
        assert_eq!(Crosspoints::of(&matrix), Crosspoints::Cable);
        assert_eq!(Crosspoints::Cable.matrix(sources, destinations).0, matrix);
    }
}

// Cells of a port that has become narrower are told apart, not lost silently.
#[test]
fn cells_outside_of_the_ports_are_told() {
    let at = |source, destination| Crosspoint { source, destination, cell: Cell::new(0.25) };
    let (matrix, outside) = Crosspoints::Cells(vec![at(0, 0), at(2, 0), at(1, 1), at(0, 5)]).matrix(2, 2);
    assert_eq!(matrix.cell_count(), 2);
    assert_eq!(outside, [at(2, 0), at(0, 5)]);
    assert_eq!(Crosspoints::of(&matrix), Crosspoints::Cells(vec![at(0, 0), at(1, 1)]));
}

fn hardware(inputs: &[(&str, u32)], outputs: &[(&str, u32)]) -> Document {
    let signal = |channels: u32| HardwareSignal::Audio(ChannelLayout::from_channels(channels));
    let ins = inputs.iter().enumerate().map(|(index, (role, channels))| {
        let kind = EntryKind::Input { role: (*role).into(), signal: signal(*channels) };
        NodeEntry::new(format!("in {index}"), kind)
    });
    let outs = outputs.iter().enumerate().map(|(index, (role, channels))| {
        let (role, signal, guard) = ((*role).into(), signal(*channels), OutputGuard::default());
        let kind = EntryKind::Output { role, signal, alignment_group: None, guard };
        NodeEntry::new(format!("out {index}"), kind)
    });
    Document { nodes: ins.chain(outs).collect(), ..Document::default() }
}

// Nothing is mapped: roles take consecutive channels in the order of the rig. Mapped roles keep theirs, the others find
// room around them, and each assumption is told.
#[test]
fn roles_are_mapped_as_the_machine_says_or_one_after_the_other() {
    let rig = hardware(&[("vox", 1), ("guitar", 1), ("vox", 1), ("drums", 4)], &[("speakers", 2)]);
    let mapping = MachineFile::default().map(&rig);
    assert_eq!(mapping.inputs["vox"], [Some(0)]);
    assert_eq!(mapping.inputs["guitar"], [Some(1)]);
    assert_eq!(mapping.inputs["drums"], [Some(2), Some(3), Some(4), Some(5)]);
    assert_eq!(mapping.outputs["speakers"], [Some(0), Some(1)]);
    assert_eq!(mapping.notices.len(), 4);
    assert!(mapping.notices[2].ends_with("channels 3 to 6"), "{:?}", mapping.notices);

    let text =
        "[roles.guitar]\ninputs = [3]\n[roles.speakers]\noutputs = [8]\n[roles.drums]\ninputs = [1, 0, 5, 6, 7]\n";
    let machine = MachineFile::parse(text).unwrap();
    assert_eq!(machine.problems, []);
    let mapping = machine.machine.map(&rig);
    assert_eq!(mapping.inputs["guitar"], [Some(2)]);
    assert_eq!(mapping.inputs["drums"], [Some(0), None, Some(4), Some(5)]);
    assert_eq!(mapping.inputs["vox"], [Some(1)], "the first free one");
    assert_eq!(mapping.outputs["speakers"], [Some(7), None]);
    assert_eq!(mapping.notices.len(), 2, "{:?}", mapping.notices);
}

#[test]
fn a_machine_file_comes_back_and_keeps_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("machine.toml");
    assert_eq!(MachineFile::load(&path).unwrap(), Default::default());
    let text = r#"crosspoint_machine = 1
theme = "dark"

[device]
backend = "jack"
name = "default"
rate = 48000
buffer = 64
exclusive = true

[roles."DI box"]
inputs = [1, 0, 2]

[roles.keys]
midi_input = "Stage \"piano\""

[roles.pads]
midi_input = ["jack", "Pads"]
midi_output = "jack:synth:in"

[roles.speakers]
outputs = [3, 4]
colour = "red"
"#;
    let loaded = MachineFile::parse(text).unwrap();
    assert_eq!(loaded.problems.len(), 3);
    assert_eq!(loaded.machine.roles["DI box"].inputs, [Some(0), None, Some(1)]);
    assert_eq!(loaded.machine.roles["pads"].midi_input, ["jack", "Pads"]);
    loaded.machine.save(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(MachineFile::load(&path).unwrap(), loaded);

    fs::write(&path, "crosspoint_machine = 2\n").unwrap();
    assert!(matches!(MachineFile::load(&path).unwrap().machine.save(&path), Err(SaveError::NewerDocument)));
    assert!(matches!(loaded.machine.save(&path), Err(SaveError::NewerFile { .. })));
}

#[test]
fn a_broken_machine_file_is_reported_by_line_and_never_shifts_channels() {
    let text = "device = 3\n[roles]\nx = 1\n[roles.a]\ninputs = [1, -2, 3]\noutputs = [99999999]\nmidi_input = 4\n\
        midi_output = [\"a\", 4]\n";
    let loaded = MachineFile::parse(text).unwrap();
    let lines: Vec<usize> = loaded.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 3, 5, 6, 7, 8]);
    assert_eq!(loaded.machine.roles["a"].inputs, []);
    assert!(MachineFile::parse("[roles").is_err());
}

/// A pedal that only controls needs no node of the rig; its port and that of its lights are mapped all the same.
#[test]
fn controls_are_mapped_without_a_node() {
    let text = "crosspoint = 1\n[[mapping]]\nrole = \"pedal\"\nmessage = \"cc 7\"\naction = \"panic\"\nfeedback = \"lights\"\n";
    let document = parse(text, Path::new(".")).unwrap().document;
    let machine =
        "crosspoint_machine = 1\n[roles.pedal]\nmidi_input = \"Board\"\n[roles.lights]\nmidi_output = \"Lamps\"\n";
    let mapping = MachineFile::parse(machine).unwrap().machine.map(&document);
    assert_eq!(mapping.midi_inputs["pedal"], ["Board"]);
    assert_eq!(mapping.midi_outputs["lights"], ["Lamps"]);
    assert!(MachineFile::default().map(&document).midi_inputs.is_empty());
}
