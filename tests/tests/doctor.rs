//! The doctor finds out each fixture that does something wrong, by the examination that is meant to, and has nothing to say
//! against the bundled plugins nor against fixtures that do what they say. Those that take their process down are examined
//! by the program's own tests.

use crosspoint::formats::Library;
use crosspoint::formats::clap::ClapLibrary;
use crosspoint::formats::doctor::{Options, Report, Unwatched, examinations, examine};
use crosspoint::formats::vst3::Vst3Library;
use crosspoint_fixtures::ids;
use crosspoint_fixtures::vst3::ids as vst3;
use crosspoint_tests::rack_vst3;

fn fixtures() -> ClapLibrary {
    // SAFETY: the entry is clack-plugin's own.
    unsafe { ClapLibrary::from_entry("/builtin/fixtures", crosspoint_fixtures::entry()) }.unwrap()
}

fn rack() -> ClapLibrary {
    // SAFETY: the rack's entry is made by the plugin framework, which keeps CLAP's rules.
    unsafe { ClapLibrary::from_entry("/builtin/rack", &crosspoint_rack::clap_entry) }.unwrap()
}

fn fixtures_vst3() -> Vst3Library {
    // SAFETY: what the fixtures break of VST3's rules, they break within what a host must survive.
    unsafe { Vst3Library::from_entry("/builtin/vst3-fixtures", crosspoint_fixtures::vst3::entry) }.unwrap()
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
    all_are_well(&rack());
}

#[test]
fn the_bundled_plugins_are_well_as_vst3() {
    all_are_well(&rack_vst3());
}

fn all_are_well(rack: &dyn Library) {
    assert!(rack.descriptors().len() >= 6, "{:?}", rack.descriptors());
    for descriptor in rack.descriptors() {
        let report = report(rack, &descriptor.id);
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
        (ids::PARAMETER_TWICE, "parameters", "parameter-id"),
        (ids::PARAMETER_RANGE, "parameters", "parameter-range"),
        (ids::PARAMETER_TEXTLESS, "parameters", "parameter-text"),
        (ids::PARAMETER_TEXT, "parameters", "parameter-text"),
        (ids::CHANCE, "repeat", "not-repeatable"),
        (ids::RATE_REFUSED, "rates", "rate-refused"),
        (ids::DEPENDS_ON_BLOCKS, "blocks", "depends-on-blocks"),
        (ids::HUMS, "silence", "own-sound"),
        (ids::OVERFLOWS, "full-scale", "not-a-number"),
        (ids::NAN_STAYS, "nan-in", "nan-stays"),
        (ids::PARAMETER_BREAKS, "sweep", "parameter-breaks"),
        (ids::AUTOMATION_BREAKS, "automation", "not-a-number"),
        (ids::NO_STATE, "state", "no-state"),
        (ids::STATE_UNSTEADY, "state", "state-unsteady"),
        (ids::STATE_FORGETS, "state", "state-sound"),
        (ids::STATE_BREAKS, "broken-state", "state-breaks"),
        (ids::LATENCY_DENIER, "latency", "latency-too-small"),
        (ids::INSTRUMENT_EARLY, "latency", "latency-too-large"),
        (ids::INSTRUMENT_LATE, "latency", "latency-too-small"),
        (ids::TAIL_UNTOLD, "tail", "tail-untold"),
        (ids::TAIL_TOO_SHORT, "tail", "tail-too-short"),
        (ids::TAIL_CUT, "tail", "tail-cut"),
        (ids::INSTRUMENT_RINGS, "tail", "tail-too-short"),
        (ids::INSTRUMENT_CUT, "tail", "tail-cut"),
        (ids::INSTRUMENT_SILENT, "notes", "note-silent"),
        (ids::KEEPS_KEYS, "notes", "note-stuck"),
        (ids::IGNORES_RESET, "reset", "reset-ignored"),
        (ids::BYPASS_ALTERS, "bypass", "bypass-alters"),
    ];
    find_out(&pack, table.map(|(id, examination, code)| (id.to_owned(), examination, code)));
}

/// Each is caught where it should be; all that are not are told at once.
fn find_out(pack: &dyn Library, table: impl IntoIterator<Item = (String, &'static str, &'static str)>) {
    let missed = table.into_iter().filter_map(|(id, examination, code)| {
        let report = report(pack, &id);
        (!findings(&report).contains(&(examination, code))).then(|| format!("{code} in {examination}: {report}"))
    });
    let missed: Vec<String> = missed.collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn vst3_fixtures_that_do_what_they_say_are_well() {
    let pack = fixtures_vst3();
    for id in [vst3::gain(), vst3::split(), vst3::strict_state(), vst3::many_outputs(), vst3::no_audio()] {
        let report = report(&pack, &id);
        assert_eq!(findings(&report), [], "{report}");
    }
}

/// What an examination is of holds for both formats: those that only VST3's half of the host could hide.
#[test]
fn hostile_vst3_fixtures_are_found_out() {
    let table = [
        (vst3::null_entries(), "load", "refused"),
        (vst3::init_fails(), "load", "refused"),
        (vst3::late_events(), "play", "bad-events"),
        (vst3::wrong_thread(), "play", "bad-events"),
        (vst3::nan(), "play", "not-a-number"),
        (vst3::process_fails(), "play", "process-failed"),
        (vst3::restart_storm(), "play", "restart-storm"),
        (vst3::latency_changer(), "play", "latency-changed"),
        (vst3::chance(), "repeat", "not-repeatable"),
        (vst3::depends_on_blocks(), "blocks", "depends-on-blocks"),
        (vst3::parameter_breaks(), "sweep", "parameter-breaks"),
        (vst3::forgets(), "state", "state-lost"),
        (vst3::latency_liar(), "latency", "latency-too-large"),
        (vst3::echo(), "notes", "note-silent"),
        // What it delays is not cleared.
        (vst3::latency(), "reset", "reset-ignored"),
    ];
    find_out(&fixtures_vst3(), table);
}
