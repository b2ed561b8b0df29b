//! Looking into drivers from a helper process. The helper is this test program, told to run the one test that serves.

use super::*;
use crosspoint_asio_driver::Place;
use crosspoint_devices::asio::probe::{Probe, ProbeError, Prober, serve, warning};

/// Set for a helper.
const HELPER: &str = "CROSSPOINT_TEST_ASIO_HELPER";

/// No test, but the helper of the others.
#[test]
fn serves_as_helper() {
    if std::env::var_os(HELPER).is_some() {
        serve();
    }
}

/// Looks into the test driver, or another one.
fn probe(name: &str, limit: Duration) -> Result<Probe, ProbeError> {
    let arguments = ["probing::serves_as_helper", "--exact", "--nocapture"].map(Into::into).to_vec();
    let prober = Prober::with_program(std::env::current_exe().unwrap(), arguments).limit(limit);
    // SAFETY: tests of a driver run one after the other, and nothing else reads the environment meanwhile.
    unsafe { std::env::set_var(HELPER, "1") };
    let found = prober.probe(name);
    // SAFETY: the same.
    unsafe { std::env::remove_var(HELPER) };
    found
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_driver_says_what_it_has() {
    let driver = Driver::new(Plan { outputs: 3, second_type: 17, ..Plan::default() });
    let probe = probe(NAME, MINUTE).unwrap();
    assert_eq!((probe.name.as_str(), probe.version), ("Crosspoint Test", 1));
    assert_eq!((probe.inputs.len(), probe.outputs.len()), (8, 3));
    assert_eq!((probe.outputs[1].name.as_str(), probe.outputs[1].format.as_str()), ("test out 2", "Int24 LSB"));
    assert_eq!((probe.rate, probe.rates), (Some(48_000), vec![44_100, 48_000]));
    assert_eq!(probe.buffer_frames, [32, 64, 128, 256, 512, 1024].map(|frames| (frames, frames)));
    assert_eq!((probe.preferred_frames, probe.latencies), (Some(64), Some((96, 80))));
    assert_eq!(probe.clock_sources.len(), 2);
    assert_eq!(driver.counts().made, 0, "it was not loaded here");
}

/// A driver that crashes or hangs takes its helper with it, and what it did is told. What refuses says why.
#[test]
fn a_driver_that_crashes_or_hangs_is_told() {
    let driver = Driver::new(Plan { faults_in: Place::Channels as u32, ..Plan::default() });
    let crashed = probe(NAME, MINUTE).unwrap_err();
    assert!(matches!(crashed, ProbeError::Crashed { .. }), "{crashed:?}");
    assert!(crashed.to_string().contains("crashed while asking for its channels (it used memory"), "{crashed}");
    driver.configure(Plan { hangs_in: Place::Init as u32, ..Plan::default() });
    let hung = probe(NAME, Duration::from_secs(5)).unwrap_err();
    assert!(hung.to_string().contains("hung while loading it and was killed after 5 s"), "{hung}");
    driver.configure(Plan::with(&[Trait::Busy]));
    assert!(probe(NAME, MINUTE).unwrap_err().to_string().contains("in use by another program"));
    assert!(probe("nobody", MINUTE).unwrap_err().to_string().contains("there is no such driver"));
}

#[test]
fn an_open_stream_is_a_reason_not_to_probe() {
    let driver = Driver::new(Plan::default());
    assert_eq!(warning(), None);
    let stream = driver.open(&request()).unwrap();
    assert!(warning().is_some());
    drop(stream);
    assert_eq!(warning(), None);
}
