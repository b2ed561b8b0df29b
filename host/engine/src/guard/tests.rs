use super::*;
use crate::offline::Job;
use crate::session::Builtin;
use crate::{Action, EngineSettings};
use crosspoint_graph::{Cell, ChannelLayout, nodes};

/// ```text
/// quiet (tone 0.1) ──┐
/// loud  (tone 4) ──► amp (gain 1) ──► out    in ──► cue
/// ```
struct Stage {
    engine: Engine,
    loud: NodeId,
    out: NodeId,
    cue: NodeId,
}

fn stage() -> Stage {
    let mut engine = Engine::new(EngineSettings::default());
    let tone = |engine: &mut Engine, name: &str, level: f64| {
        let node = engine.add_builtin(name, Builtin::Tone { layout: ChannelLayout::Mono }).unwrap();
        engine.set_parameter(node, nodes::tone::FREQUENCY, 440.0).unwrap();
        engine.set_parameter(node, nodes::tone::LEVEL, level).unwrap();
        node
    };
    let (quiet, loud) = (tone(&mut engine, "quiet", 0.1), tone(&mut engine, "loud", 4.0));
    let amp = engine.add_builtin("amp", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
    let input = engine.add_input("in", "in", &[Some(0)]).unwrap();
    let out = engine.add_output("out", "out", &[Some(0), Some(1)]).unwrap();
    let cue = engine.add_output("cue", "cue", &[Some(2)]).unwrap();
    for (from, to) in [(quiet, amp), (loud, amp), (amp, out), (input, cue)] {
        engine.connect(from, to).unwrap();
    }
    Stage { engine, loud, out, cue }
}

/// What comes out in a tenth of a second and a half more, and what is told.
fn play(engine: &mut Engine) -> (Vec<Vec<f32>>, Vec<Notice>) {
    let frames = engine.settings().rate as usize * 3 / 20;
    let inputs = [vec![0.5; frames]];
    let job = Job { inputs: &inputs, outputs: 3, frames, block: 64, compensate: false, events: &[], events_into: None };
    let rendered = engine.render(&job, |_| true).unwrap();
    let is_of_guards = |notice: &Notice| matches!(notice, Notice::OutputClosed { .. } | Notice::OutputOpened { .. });
    (rendered.channels, rendered.notices.into_iter().filter(is_of_guards).collect())
}

fn is_silent(samples: &[f32]) -> bool {
    samples[samples.len() - 100..].iter().all(|&sample| sample == 0.0)
}

/// Twelve decibels above full scale are closed after a tenth of a second; it is told which output and who. The other output
/// plays on. It stays so under a renderer of another rate; by hand it opens, and shuts again where nothing has changed.
#[test]
fn a_loud_output_is_closed_and_it_is_told_who() {
    let Stage { mut engine, loud, out, cue } = stage();
    let handle = engine.handle();
    let (played, told) = play(&mut engine);
    assert!(is_silent(&played[0]) && is_silent(&played[1]) && played[2][7000] == 0.5);
    assert!(played[0][4000..4700].iter().any(|&sample| sample > 3.9));
    let [Notice::OutputClosed { node, name, cause, blamed }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*node, name.as_str(), blamed), (out, "out", &Some((loud, "loud".to_owned()))));
    assert!(matches!(cause, GuardCause::TooLoud { peak } if (4.0..4.2).contains(peak)), "{cause:?}");
    engine.rebuild(EngineSettings { rate: 96_000, ..*engine.settings() }).unwrap();
    let (played, told) = play(&mut engine);
    assert!(played[0].iter().all(|&sample| sample == 0.0) && told.is_empty(), "{told:?}");
    let shown = engine.look().nodes[&out].guard.unwrap();
    assert_eq!(shown.closed.unwrap().blamed, Some(loud));
    assert_eq!(engine.look().nodes[&cue].guard.unwrap().closed, None);
    let open = |engine: &mut Engine| {
        let answer = handle.send(Action::HoldOutput { node: out, on: false });
        engine.poll();
        answer.try_take().unwrap().unwrap();
        play(engine)
    };
    let (_, told) = open(&mut engine);
    assert!(matches!(&told[..], [Notice::OutputOpened { .. }, Notice::OutputClosed { .. }]), "{told:?}");
    engine.set_parameter(loud, nodes::tone::LEVEL, 0.5).unwrap();
    let (played, told) = open(&mut engine);
    assert!(matches!(&told[..], [Notice::OutputOpened { .. }]) && !is_silent(&played[0]), "{told:?}");
    assert_eq!(engine.look().nodes[&out].guard.unwrap().closed, None);
}

/// Closed by its guard, an output that comes back by itself plays under a fresh renderer, unless somebody closed it too.
#[test]
fn what_comes_back_by_itself_is_not_held_by_a_rebuild() {
    let Stage { mut engine, loud, out, cue } = stage();
    engine.set_output_guard(out, OutputGuard { returns_after: Some(3600.0), ..OutputGuard::default() }).unwrap();
    let closed = |engine: &mut Engine| engine.look().nodes[&out].guard.unwrap().closed;
    for held in [false, true] {
        engine.set_parameter(loud, nodes::tone::LEVEL, 4.0).unwrap();
        let (played, _) = play(&mut engine);
        assert!(is_silent(&played[0]) && closed(&mut engine).is_some_and(|closed| closed.cause.is_some()));
        engine.set_parameter(loud, nodes::tone::LEVEL, 0.5).unwrap();
        if held {
            // By hand first, as far as the control half has heard.
            let told = engine.guarding.closed.remove(&out).unwrap();
            engine.hold_output(out, true).unwrap();
            engine.output_closed(out, told.cause.unwrap());
            engine.guarding.closed.get_mut(&out).unwrap().blamed = told.blamed;
            engine.guarding.untraced.clear();
        }
        let max_block = engine.settings().max_block + 1;
        engine.rebuild(EngineSettings { max_block, ..*engine.settings() }).unwrap();
        let (played, told) = play(&mut engine);
        assert_eq!(is_silent(&played[0]), held);
        assert_eq!(closed(&mut engine).map(|closed| (closed.held, closed.blamed)), held.then_some((true, Some(loud))));
        assert_eq!(told.iter().any(|notice| matches!(notice, Notice::OutputOpened { .. })), !held, "{told:?}");
        assert_eq!(engine.look().nodes[&cue].guard.unwrap().closed, None);
    }
}

/// What an output is set to counts at once, is in the rig's file and comes from it; what makes no sense is refused.
#[test]
fn a_guard_is_part_of_the_rig() {
    let Stage { mut engine, loud, out, cue } = stage();
    let off = OutputGuard { limit: None, ..OutputGuard::default() };
    engine.set_output_guard(out, off).unwrap();
    let strict = OutputGuard { limit: Some(-12.0), time: 0.01, returns_after: Some(0.1) };
    engine.set_output_guard(cue, strict).unwrap();
    for wrong in [OutputGuard { limit: Some(f64::NAN), ..off }, OutputGuard { time: -1.0, ..off }] {
        assert!(engine.set_output_guard(out, wrong).is_err());
    }
    assert!(engine.set_output_guard(loud, off).is_err());
    let keys = engine.add_event_output("keys", "keys").unwrap();
    assert!(matches!(engine.set_output_guard(keys, off), Err(EngineError::UnknownNode(node)) if node == keys));
    let document = engine.document().unwrap();
    let mut again = Engine::new(EngineSettings::default());
    let mut roles = crate::session::Mapping::default();
    roles.inputs.insert("in".into(), vec![Some(0)]);
    roles.outputs.insert("out".into(), vec![Some(0), Some(1)]);
    roles.outputs.insert("cue".into(), vec![Some(2)]);
    again.load_document(&document, &roles).unwrap();
    for engine in [&mut engine, &mut again] {
        let (played, told) = play(engine);
        assert!(!is_silent(&played[0]) && is_silent(&played[2]), "{told:?}");
        let [Notice::OutputClosed { name, blamed: None, .. }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(name, "cue");
        assert_eq!(engine.document().unwrap().nodes, document.nodes);
    }
}

/// What overflows on its way to an output is no number there, and it is told that nobody made it before.
#[test]
fn an_overflow_is_closed_at_once() {
    let Stage { mut engine, out, .. } = stage();
    engine.set_output_guard(out, OutputGuard { limit: None, ..OutputGuard::default() }).unwrap();
    let edge = engine.graph().edges().find(|(_, edge)| edge.destination.node == out).unwrap().0;
    engine.set_cell(edge, 0, 0, Cell { gain: 3e38, ..Cell::UNITY }).unwrap();
    let (played, mut told) = play(&mut engine);
    assert!(played.iter().flatten().all(|sample| sample.is_finite()) && is_silent(&played[1]));
    told.extend(play(&mut engine).1);
    let [Notice::OutputClosed { cause: GuardCause::NotANumber, blamed: None, .. }] = &told[..] else {
        panic!("{told:?}")
    };
}
