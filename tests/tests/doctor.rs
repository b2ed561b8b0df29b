//! The doctor finds out each fixture that does something wrong, by the examination that is meant to, and has nothing to say
//! against the bundled plugins nor against fixtures that do what they say. Those that take their process down are examined
//! by the program's own tests.

use crosspoint::formats::Library;
use crosspoint::formats::clap::ClapLibrary;
use crosspoint::formats::doctor::{Options, Report, Unwatched, examinations, examine};
use crosspoint_fixtures::ids;

fn fixtures() -> ClapLibrary {
    // SAFETY: the entry is clack-plugin's own.
    unsafe { ClapLibrary::from_entry("/builtin/fixtures", crosspoint_fixtures::entry()) }.unwrap()
}

fn rack() -> ClapLibrary {
    // SAFETY: the rack's entry is made by the plugin framework, which keeps CLAP's rules.
    unsafe { ClapLibrary::from_entry("/builtin/rack", &crosspoint_rack::clap_entry) }.unwrap()
}

fn report(library: &dyn Library, id: &str) -> Report {
    let report = examine(library, id, &Options { quick: true, ..Options::default() }, &Unwatched);
    let names: Vec<&str> = report.examinations.iter().map(|examined| examined.name.as_str()).collect();
    assert_eq!(names, examinations().collect::<Vec<_>>(), "each examination is told about");
    report
}

/// How fast a plugin is depends on the machine and on the build: not a matter for this test.
fn findings(report: &Report) -> Vec<(&str, &str)> {
    let findings = report.findings().map(|(examination, finding)| (examination, finding.code.as_str()));
    findings.filter(|(examination, _)| *examination != "time").collect()
}

#[test]
fn the_bundled_plugins_are_well() {
    let rack = rack();
    for descriptor in rack.descriptors() {
        let report = report(&rack, &descriptor.id);
        assert_eq!(findings(&report), [], "{report}");
    }
}

#[test]
fn fixtures_that_do_what_they_say_are_well() {
    let pack = fixtures();
    let well = [
        ids::DELAY,
        ids::LATENCY,
        ids::GAIN,
        ids::GAIN_64,
        ids::IMPULSE,
        ids::ECHO_EVENTS,
        ids::MULTIBUS,
        ids::MONO,
        ids::SURROUND,
        ids::TONE,
        ids::TAIL,
        ids::TIMER,
        ids::PUPPET,
        ids::MANY_PARAMETERS,
        ids::MANY_OUTPUTS,
    ];
    for id in well {
        let report = report(&pack, id);
        assert_eq!(findings(&report), [], "{report}");
    }
}

/// Each one's wrong thing is found where one would look for it.
#[test]
fn hostile_fixtures_are_found_out() {
    let pack = fixtures();
    let table = [
        (ids::INIT_FAILS, "load", "refused"),
        (ids::ACTIVATE_FAILS, "activate", "refused"),
        (ids::NULL_FUNCTIONS, "activate", "refused"),
        (ids::NAN, "play", "not-a-number"),
        (ids::ERROR, "play", "process-failed"),
        (ids::LATE_EVENTS, "play", "bad-events"),
        (ids::WILD_PARAMETERS, "play", "bad-events"),
        (ids::WRITES_INPUT, "play", "input-overwritten"),
        (ids::WRONG_THREAD, "play", "host-called-wrongly"),
        (ids::RESTART_STORM, "play", "restart-storm"),
        (ids::STATE_GARBAGE, "state", "state-refused"),
        (ids::TRUNCATED_STATE, "state", "state-refused"),
        (ids::HUGE_STATE, "state", "state-large"),
        (ids::RECORDER, "state", "state-lost"),
        (ids::NULL_EXTENSIONS, "state", "refused"),
        (ids::LATENCY_LIAR, "latency", "latency-too-large"),
        (ids::STUCK_NOTES, "notes", "note-stuck"),
    ];
    for (id, examination, code) in table {
        let report = report(&pack, id);
        assert!(findings(&report).contains(&(examination, code)), "{report}");
    }
}
