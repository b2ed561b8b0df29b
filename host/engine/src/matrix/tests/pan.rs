//! Two cells as one with a place between left and right.

use super::*;
use crate::{PanLaw, PannedCell, PannedRows};

const LAWS: [PanLaw; 3] = [PanLaw::Linear, PanLaw::ConstantPower, PanLaw::Compromise];

/// -6, -3 and -4.5 dB at the centre, all of one side and nothing of the other at the ends; sum and power as the laws say.
#[test]
fn laws_are_what_their_sources_say() {
    let decibels = |gain: f64| 20.0 * gain.log10();
    for (law, centre) in LAWS.into_iter().zip([-6.02, -3.01, -4.515]) {
        let [left, right] = law.gains(0.0);
        assert!((left - right).abs() < 1e-12 && (decibels(left) - centre).abs() < 0.01, "{law:?}: {left}");
        assert_eq!((law.gains(-1.0), law.gains(1.0)), ([1.0, 0.0], [0.0, 1.0]), "{law:?}");
        assert_eq!((law.balance(0.0), law.balance(-1.0)), ([1.0, 1.0], [1.0, 0.0]), "{law:?}");
        assert_eq!(law.balance(0.5)[1], 1.0, "the side that is turned to stays");
    }
    for step in -10..=10 {
        let position = f64::from(step) / 10.0;
        let (linear, power) = (PanLaw::Linear.gains(position), PanLaw::ConstantPower.gains(position));
        assert!((linear[0] + linear[1] - 1.0).abs() < 1e-12);
        assert!((power[0] * power[0] + power[1] * power[1] - 1.0).abs() < 1e-12);
    }
}

/// What is set is what is seen, by every law, mono and stereo, with mute and polarity; each is one step.
#[test]
fn what_is_set_is_seen() {
    let (mut engine, [input, gain, _]) = rig();
    let row = |channel| PortChannel::new(input, 0, channel);
    let columns = [PortChannel::new(gain, 0, 0), PortChannel::new(gain, 0, 1)];
    let before = engine.graph().clone();
    for rows in [PannedRows::Mono(row(0)), PannedRows::Stereo(row(0), row(1))] {
        for (law, step) in LAWS.into_iter().flat_map(|law| (-10..=10).map(move |step| (law, step))) {
            let cell = Cell { gain: 0.8, mute: step == 3, invert: step % 2 == 0 };
            let panned = PannedCell { cell, position: f64::from(step) / 10.0 };
            let answer = engine.handle().send(Action::SetPanned { rows, columns, panned, law });
            engine.poll();
            assert!(matches!(answer.try_take(), Some(Ok(_))));
            let seen = engine.panned(rows, columns, law).unwrap();
            let apart = (seen.position - panned.position).abs().max(f64::from((seen.cell.gain - cell.gain).abs()));
            assert!(apart < 1e-5, "{rows:?} {law:?}: {seen:?} for {panned:?}");
            assert_eq!((seen.cell.mute, seen.cell.invert), (cell.mute, cell.invert));
            assert!(engine.undo().unwrap());
            assert_eq!(*engine.graph(), before, "one step");
        }
    }
    let nowhere = PannedCell { cell: Cell::UNITY, position: 1.5 };
    assert!(engine.set_panned(PannedRows::Mono(row(0)), columns, nowhere, PanLaw::Linear).is_err());
    assert_eq!(engine.panned(PannedRows::Mono(row(0)), columns, PanLaw::Linear), None, "there is no cell");
    engine.set_cells(&[unity(input, 0, gain, 0), unity(input, 1, gain, 1), unity(input, 0, gain, 1)], false).unwrap();
    assert_eq!(engine.panned(PannedRows::Stereo(row(0), row(1)), columns, PanLaw::Linear), None, "it crosses over");
    assert_eq!(engine.panned(PannedRows::Mono(row(0)), columns, PanLaw::Linear).unwrap().position, 0.0);
}
