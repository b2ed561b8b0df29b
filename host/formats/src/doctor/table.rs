//! The examinations in their order. A new one is a function and a line here.

use super::examinations::{
    activation, blocks, bypass, calls, latency, levels, loading, notes, parameters, playing, rates, reset, state, tail,
    time,
};
use super::report::{Examined, Finding, Outcome, Severity};
use super::subject::{Stop, Subject};

/// One thing that is looked at.
pub(super) struct Examination {
    /// Words joined by `-`.
    pub name: &'static str,
    /// What it shows, in a sentence without an end.
    pub shows: &'static str,
    /// Whether there is no point in going on with a plugin that refuses here, or takes the process down.
    pub is_essential: bool,
    examine: fn(&mut Subject<'_>) -> Result<(), Stop>,
}

/// A line of the table.
const fn line(
    name: &'static str,
    examine: fn(&mut Subject<'_>) -> Result<(), Stop>,
    shows: &'static str,
) -> Examination {
    Examination { name, shows, is_essential: false, examine }
}

/// A line without which the others are in vain.
const fn essential(
    name: &'static str,
    examine: fn(&mut Subject<'_>) -> Result<(), Stop>,
    shows: &'static str,
) -> Examination {
    Examination { is_essential: true, ..line(name, examine, shows) }
}

/// All of them.
pub(super) const TABLE: &[Examination] = &[
    essential("load", loading::load, "instances are made, side by side, and go again"),
    line("parameters", parameters::ranges, "ranges, defaults and texts of the parameters make sense"),
    essential("activate", activation::cycles, "it is activated and deactivated over and over, played or not"),
    essential("play", playing::plays, "it plays noise and a note, and does nothing else"),
    line("repeat", playing::repeats, "two fresh instances make the same sound"),
    line("rates", rates::rates, "it runs at rates from 44.1 to 192 kHz"),
    line("blocks", blocks::blocks, "it sounds the same in blocks of 1 to 4096 frames and of random sizes"),
    line("silence", levels::silence, "silence in leaves it calm"),
    line("full-scale", levels::full_scale, "signals at and far above full scale stay numbers"),
    line("nan-in", levels::nan_in, "an input that is no number does not break it for good"),
    line("sweep", parameters::sweep, "every parameter goes from end to end while it plays"),
    line("automation", parameters::automation, "random changes of random parameters at random frames"),
    line("state", state::same, "its state, saved and loaded, brings back the same values and the same sound"),
    line("broken-state", state::broken, "a broken state does it no harm"),
    line("latency", latency::latency, "it is as late as it says"),
    line("tail", tail::tail, "it rings no longer than it says"),
    line("notes", notes::notes, "notes sound, and end"),
    line("reset", reset::reset, "a reset silences what rings"),
    line("bypass", bypass::bypass, "its own bypass lets the signal through as it is"),
    line("calls", calls::calls, "its process call takes no memory, no lock and no time of the system"),
    line("time", time::time, "its blocks are ready well before their deadline"),
];

/// The code of a finding: the plugin said no.
const REFUSED: &str = "refused";

impl Examination {
    /// Carries it out.
    pub fn examine(&self, subject: &mut Subject<'_>) -> Examined {
        subject.findings.clear();
        subject.measured = None;
        let done = (self.examine)(subject);
        let findings = std::mem::take(&mut subject.findings);
        let measured = subject.measured.take();
        match done {
            Err(Stop::DoesNotApply(reason)) if findings.is_empty() => {
                Examined { measured: Some(reason.to_owned()), ..self.result(Outcome::NotApplicable, findings) }
            }
            Ok(()) | Err(Stop::DoesNotApply(_)) => Examined { measured, ..self.of(findings) },
            Err(stop @ (Stop::Load(_) | Stop::Plugin(_))) => {
                let refusal = finding(REFUSED, stop.to_string(), "a rig cannot go on with it here");
                self.of(findings.into_iter().chain([refusal]).collect())
            }
        }
    }

    /// The process in which it was carried out ended or fell silent.
    pub fn ended(&self, code: &str, how: String) -> Examined {
        self.of(vec![finding(code, how, "it takes the whole rig with it")])
    }

    /// Whether there is a point in going on after this result.
    pub fn goes_on(&self, examined: &Examined) -> bool {
        !self.is_essential || examined.findings.iter().all(|finding| finding.code != REFUSED)
    }

    /// An earlier one ended the whole.
    pub fn not_reached(&self) -> Examined {
        self.result(Outcome::NotReached, Vec::new())
    }

    fn of(&self, findings: Vec<Finding>) -> Examined {
        let outcome = if findings.is_empty() { Outcome::Passed } else { Outcome::Findings };
        self.result(outcome, findings)
    }

    fn result(&self, outcome: Outcome, findings: Vec<Finding>) -> Examined {
        Examined { name: self.name.to_owned(), shows: self.shows.to_owned(), outcome, measured: None, findings }
    }
}

fn finding(code: &str, seen: String, means: &str) -> Finding {
    Finding { code: code.to_owned(), severity: Severity::Error, seen, means: means.to_owned() }
}
