//! Drivers that another program has, or that several share.

use super::*;
use crosspoint_devices::{DeviceError, open_when_free};

/// A driver for several: two streams at once, each with all that comes in and each with all bits of it, one after the other
/// in every period.
#[test]
fn two_streams_on_one_driver_are_exact() {
    let driver = Driver::new(Plan::default());
    let few = StreamRequest {
        inputs: ChannelSelection::first(2).unwrap(),
        outputs: ChannelSelection::first(2).unwrap(),
        ..request()
    };
    let (mut one, mut other) = (driver.open(&request()).unwrap(), driver.open(&few).unwrap());
    one.start().unwrap();
    other.start().unwrap();
    driver.step(1_000);
    let counts = driver.counts();
    assert_eq!((counts.alive, counts.switches), (2, 2_000));
    assert_eq!((counts.compared, counts.mismatches), (1_000 * 64 * (8 + 2), 0));
    drop(one);
    driver.step(100);
    let counts = driver.counts();
    assert_eq!((counts.switches, counts.mismatches), (2_100, 0), "the other plays on");
}

/// As many as there is room for; one more is refused with the reason.
#[test]
fn there_is_room_for_four() {
    let driver = Driver::new(Plan::default());
    let streams: Vec<_> = (0..4).map(|_| driver.open(&request()).unwrap()).collect();
    assert!(driver.refusal(&request()).contains("close one of them"));
    drop(streams);
    assert!(driver.open(&request()).is_ok());
}

/// A driver for one: who comes second is told so, or waits until the first has gone.
#[test]
fn a_driver_for_one_is_waited_for() {
    let driver = Driver::new(Plan::with(&[Trait::OneClient]));
    let mut first = Some(driver.open(&request()).unwrap());
    assert!(matches!(driver.open(&request()), Err(OpenError::Busy { .. })));
    assert_eq!(driver.counts().alive, 1, "what was refused is released");
    let mut attempts = 0;
    let stream = open_when_free(&AsioBackend, &request(), Duration::from_secs(60), &|| false, || {
        attempts += 1;
        if attempts == 2 {
            first = None;
        }
        Box::new(through)
    });
    assert!(stream.is_ok());
    assert_eq!(attempts, 2);
}

/// Without any driver at all people are told what else there is.
#[test]
fn without_a_driver_there_is_advice() {
    let driver = Driver::new(Plan::default());
    driver.unregister_all();
    let refusal = driver.refusal(&request());
    assert!(refusal.contains("WASAPI") && refusal.contains("FlexASIO"), "{refusal}");
    assert!(matches!(AsioBackend.devices(), Err(DeviceError::NotInstalled { .. })));
}

/// What stands before the system's own audio is called so, and is not taken unasked where an interface has its own.
#[test]
fn wrappers_are_labelled() {
    let driver = Driver::new(Plan::default());
    driver.unregister_all();
    let wrappers =
        ["ASIO4ALL v2", "FlexASIO", "ASIO2WASAPI", "ASIO2KS", "Realtek ASIO", "Generic Low Latency ASIO Driver"];
    for name in wrappers {
        driver.register(name, crosspoint_asio_driver::CLASS);
    }
    let driver = Driver::new(Plan::default());
    let devices = AsioBackend.devices().unwrap();
    for device in &devices {
        let expected = (device.name != NAME, device.name == NAME);
        assert_eq!((device.is_wrapper, device.is_default), expected, "{}", device.name);
    }
    assert_eq!(devices.len(), wrappers.len() + 1);
    driver.unregister_all();
}
