//! Whether remote control reaches whatever the engine can be asked for. The engine's list may grow without this crate's
//! knowledge, so both sides are read as they are written.

use std::collections::BTreeSet;

const ENGINE: &str = include_str!("../../../../engine/src/handle.rs");
const DESK: [&str; 5] = [
    include_str!("action.rs"),
    include_str!("matrix.rs"),
    include_str!("mod.rs"),
    include_str!("stage.rs"),
    include_str!("transport.rs"),
];

/// What has no order of its own, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    ("LoadState", "states are files to clients: `load_preset`, and scenes hold them"),
    ("SetCell", "`cells` sets one or many, and makes the edges that they need"),
    ("Send", "the renderer's own commands have orders by what they mean: `transport`, `meter`, `measure_load`"),
];

/// The actions of the engine, as they stand in its source.
fn actions() -> BTreeSet<&'static str> {
    let (_, body) = ENGINE.split_once("pub enum Action {\n").expect("the engine has its actions there");
    let (body, _) = body.split_once("\n}\n").expect("the list of actions ends");
    let variant = |line: &'static str| {
        let word = line.strip_prefix("    ").filter(|word| word.starts_with(char::is_uppercase))?;
        word.split(|letter: char| !letter.is_alphanumeric()).next()
    };
    body.lines().filter_map(variant).collect()
}

/// ```text
/// engine: Action { A, B, C }        desk: Action::A, Action::B        C: an order is missing
/// ```
#[test]
fn every_action_has_an_order_or_a_reason() {
    let actions = actions();
    assert!(actions.len() > 60 && actions.contains("AddInput") && actions.contains("Redo"), "{actions:?}");
    let named = |action: &str| {
        let is_whole = |rest: &str| !rest.starts_with(|letter: char| letter.is_alphanumeric());
        DESK.iter()
            .any(|source| source.split("Action::").skip(1).any(|rest| rest.strip_prefix(action).is_some_and(is_whole)))
    };
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(action, _)| *action).collect();
    let missing: Vec<&&str> = actions.iter().filter(|action| !named(action) && !left_out.contains(**action)).collect();
    assert!(missing.is_empty(), "no order leads to {missing:?}: give them one in `order` and `desk`, or a reason here");
    let idle: Vec<&&str> = left_out.iter().filter(|action| named(action) || !actions.contains(**action)).collect();
    assert!(idle.is_empty(), "{idle:?} need no reason any more");
}
