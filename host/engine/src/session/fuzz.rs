//! Rig files as a careless editor, a bad disk or an enemy leaves them: no input may panic, and whatever was understood
//! can be written and read back.

use std::path::Path;

use proptest::prelude::*;

use super::machine::MachineFile;
use super::{file, read, write};

/// A valid file with everything in it.
const WHOLE: &str = r#"crosspoint = 1
name = "All"
note = """
two
lines"""
tempo = 97.5
metre = "7/8"
timing = "immediate"
spillover_seconds = 2.5
spillover_nodes = 3
instance_limit_mb = 500
setlist = [
    "Opener",
    "Encore",
]

[transport]
count_in = 2
clock_from = "drums"
clock_to = [
    "synth",
    "lights",
]
clock_while_stopped = true
swing = 0.5

[[input]]
name = "in"
role = "guitar"
channels = 1

[[input]]
name = "keys"
events = true

[[plugin]]
name = "fx"
bypassed = true
bypass = "live"
present = false
format = "clap"
id = "a.b"
plugin = "F"
vendor = "V"
version = "1.2"
path = "../f.clap"
overload = { budget = 0.25, blocks = 8, action = "mute", returns_after = 10.0 }
latency = 64
inputs = [
    "main: stereo",
    "side: mono",
]
outputs = ["main: ambisonic 4"]
event_inputs = ["notes"]
parameters = [
    { id = 3, name = "Level", value = -6.5 },
    { name = "Mix", value = "20 %" },
]
state = "x.rig.state/0123456789abcdef.state"
future = { a = [1, 2.5], b = 1979-05-27 }

[[builtin]]
name = "mix"
kind = "mixer"
inputs = [
    "mono",
    "stereo",
]
outputs = ["8 channels"]

[[builtin]]
name = "play"
kind = "player"
channels = 2
file = "takes/a.wav"

[[builtin]]
name = "left hand"
kind = "zone"
parameters = [
    { name = "high key", value = 59.0 },
    { name = "transpose", value = -12.0 },
]

[[builtin]]
name = "click"
kind = "metronome"
channels = 1

[[output]]
name = "out"
channels = 2
alignment_group = "front"
guard = { limit = 3.0, time = 0.25, returns_after = 5.0 }

[[edge]]
from = "in"
to = "fx/side"
cells = ["1>1 -6 dB inverted muted"]
feedback = 64

[[edge]]
from = "fx"
to = "out/#2"
gains = [
    "    0    -6     .",
    "   -6     0   -3i",
    " -inf   -3m   x-2",
    "    .     3 -0.25",
]
timing = "aligned"
feedback = 1

[[edge]]
from = "keys"
to = "fx"
events = true

[[group]]
name = "Drums"
note = "all of the kit"
gain = "-6 dB"
muted = true
rows = [
    { node = "in" },
    { node = "gone/side", channel = 2 },
]
columns = [{ node = "out", channel = 1 }]
cells = [{ from = "in", to = "fx/side", cell = "1>1" }]
colour = "red"

[[group]]
name = "Band"

[[mix]]
name = "Ann"
note = "more of herself"
gain = "3 dB"
columns = [
    { node = "out", channel = 1 },
    { node = "fx" },
]
later = 1

[[mix]]
name = "Ben"
muted = true
columns = [{ node = "gone" }]

[[matrix_preset]]
name = "Verse"
note = "soft"
rows = [
    { node = "fx", channel = 1 },
    { node = "gone/side", channel = 2 },
]
columns = [
    { node = "out", channel = 1 },
    { node = "out", channel = 2 },
]
gains = [
    "   -6     .",
    "-12im  -inf",
]
colour = "blue"

[[matrix_preset]]
name = "Nothing"
rows = []
columns = []
gains = []

[[scene]]
name = "Clean"
later = 1

[[scene]]
name = "Lead"
note = "loud"
tempo = 120.0
metre = "3/4"
fade = 0.25
start = "bar"
bypassed = [
    "fx",
    "gone",
]
active = ["mix"]
present = ["fx"]
away = [
    "gone",
    "mix",
]
states = [
    { node = "fx", state = "x.rig.state/89abcdef01234567.state" },
    { node = "gone", state = "x.rig.state/0123456789abcdef.state" },
]
parameters = [
    { node = "fx", id = 3, name = "Level", value = 2.0 },
    { node = "fx", name = "Mix", value = "80 %" },
]
crosspoints = [
    { from = "in", to = "fx/side", cells = ["1>1 -3 dB", "1>2 muted"] },
    { from = "gone", to = "out", cells = [] },
]

[[song]]
name = "Opener"
note = "count in"
tempo = 97.5
metre = "7/8"
scenes = [
    "Clean",
    "Lead",
    "Clean",
]
capo = 2

[[mapping]]
role = "pedal"
message = "cc 20 channel 1"
scene = "Lead"
feedback = "pedal lights"

[[mapping]]
role = "keys"
message = "cc 7 14-bit"
gain = { from = "in", to = "fx/side", cell = "1>1" }
range = ["-inf dB", "6 dB"]
pick_up = "scaled"

[[mapping]]
role = "keys"
message = "nrpn 130"
parameter = { node = "fx", id = 3, name = "Level" }
behaviour = "relative two's complement"
step = 0.01
range = [6.0, -60.5]
curve = "exponential"
scenes = [
    "Clean",
    "Lead",
]
pass_on = true
note = "left knob"
later = 1

[[mapping]]
role = "keys"
message = "note C#3 channel 16"
mute = { from = "gone", to = "out", cell = "2>1" }

[[mapping]]
role = "keys"
message = "pitch bend"
action = "tempo"
range = [60.0, 180.0]

[[moment]]
name = "Sound check"
taken = 2026-05-31T20:15:00Z
automatic = true
scene = "Lead"
values = "x.rig.state/fedcba9876543210.state"
later = 1

[window]
size = [3, 4]
"#;

/// What careless hands put in.
const SCRAPS: [&str; 24] = [
    "0",
    "-1",
    "10000",
    "99999999999999999999",
    "nan",
    "inf",
    "1e999",
    "\"",
    "\"\"\"",
    "'",
    "[",
    "]",
    "[[edge]]\n",
    "{",
    "}",
    "=",
    "\n",
    "#",
    ".",
    "/",
    "\u{0}",
    "ü",
    "true",
    "\r",
];

#[derive(Clone, Debug)]
enum Mutation {
    /// Takes so many characters away.
    Cut(usize, usize),
    /// Puts a scrap in.
    Scrap(usize, usize),
    /// Doubles a line.
    Double(usize),
    /// Takes a line away.
    Drop(usize),
    /// Exchanges two lines.
    Swap(usize, usize),
    /// Replaces what stands behind a `=`.
    Value(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let any = any::<usize>;
    prop_oneof![
        (any(), 1_usize..20).prop_map(|(at, length)| Mutation::Cut(at, length)),
        (any(), any()).prop_map(|(at, scrap)| Mutation::Scrap(at, scrap)),
        any().prop_map(Mutation::Double),
        any().prop_map(Mutation::Drop),
        (any(), any()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        (any(), any()).prop_map(|(at, scrap)| Mutation::Value(at, scrap)),
    ]
}

fn mutated(text: &str, mutation: &Mutation) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut chars: Vec<char> = text.chars().collect();
    if lines.is_empty() || chars.is_empty() {
        return text.to_owned();
    }
    let line = |number: usize| number % lines.len();
    match *mutation {
        Mutation::Cut(at, length) => {
            let at = at % chars.len();
            chars.drain(at..(at + length).min(chars.len()));
            return chars.into_iter().collect();
        }
        Mutation::Scrap(at, scrap) => {
            let at = at % chars.len();
            chars.splice(at..at, SCRAPS[scrap % SCRAPS.len()].chars());
            return chars.into_iter().collect();
        }
        Mutation::Double(at) => lines.insert(line(at), lines[line(at)].clone()),
        Mutation::Drop(at) => drop(lines.remove(line(at))),
        Mutation::Swap(one, other) => {
            let (one, other) = (line(one), line(other));
            lines.swap(one, other);
        }
        Mutation::Value(at, scrap) => {
            let at = line(at);
            if let Some((key, _)) = lines[at].split_once(" = ") {
                lines[at] = format!("{key} = {}", SCRAPS[scrap % SCRAPS.len()]);
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Reads a text and, if that can be done, checks that it can be written again and is stable from then on.
fn survives(text: &str) -> Result<(), TestCaseError> {
    let folder = Path::new("/nowhere/rigs");
    let _ = MachineFile::parse(text);
    let Ok(loaded) = read::parse(text, folder) else { return Ok(()) };
    prop_assert_eq!(loaded.node_lines.len(), loaded.document.nodes.len());
    prop_assert_eq!(loaded.edge_lines.len(), loaded.document.edges.len());
    prop_assert_eq!(loaded.scene_lines.len(), loaded.document.scenes.len());
    prop_assert_eq!(loaded.mapping_lines.len(), loaded.document.mappings.len());
    prop_assert!(loaded.problems.iter().all(|problem| problem.line <= text.split('\n').count()));
    let written = write::document(&loaded.document, folder, "x.rig.state").unwrap();
    let faithful = file::check_faithful(&written, folder, "x.rig.state");
    prop_assert!(faithful.is_ok(), "{:?} in\n{}", faithful, written);
    Ok(())
}

#[test]
fn the_whole_file_is_canonical() {
    let folder = Path::new("/nowhere/rigs");
    let loaded = read::parse(WHOLE, folder).unwrap();
    let written = write::document(&loaded.document, folder, "x.rig.state").unwrap();
    assert_eq!(written, WHOLE);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_a_file_panics_or_loses_its_footing(mutations in prop::collection::vec(mutation(), 1..8)) {
        survives(&mutations.iter().fold(WHOLE.to_owned(), |text, mutation| mutated(&text, mutation)))?;
    }

    #[test]
    fn no_text_panics(text in any::<String>(), lines in "([a-z\\[\\]=\"0-9. ]{0,12}\n){0,8}") {
        survives(&text)?;
        survives(&lines)?;
    }
}
