//! The backend on the system itself, with whatever endpoints it has; none is as good as any. Wine has none without a sound
//! server.

use super::WasapiExclusiveBackend;
use crate::backend::Backend;
use crate::error::OpenError;
use crate::period::{DuplexCallback, Period};
use crate::request::StreamRequest;
use crate::selection::ChannelSelection;

fn silence() -> Box<dyn DuplexCallback> {
    Box::new(|period: Period<'_>| period.outputs.iter_mut().for_each(|output| output.fill(0.0)))
}

/// Listing works without an endpoint, and so does saying that there is none.
#[test]
fn a_system_without_endpoints_says_so() {
    let devices = WasapiExclusiveBackend.devices().unwrap();
    for device in &devices {
        println!("{device:?}");
    }
    let absent = StreamRequest { device: Some("no such device".into()), ..Default::default() };
    let refused = WasapiExclusiveBackend.open(&absent, silence()).err().unwrap();
    assert!(matches!(&refused, OpenError::NoDevice { known, .. } if known.len() == devices.len()), "{refused}");
    if devices.is_empty() {
        let refused = WasapiExclusiveBackend.open(&StreamRequest::default(), silence()).err().unwrap().to_string();
        assert!(refused.contains("there is none"), "{refused}");
    }
}

/// Wherever there is an output that can be had alone, it asks for buffers until it is closed, twice.
#[test]
fn the_default_output_plays_if_there_is_one() {
    let (told, heard) = std::sync::mpsc::channel();
    let callback = move |period: Period<'_>| {
        period.outputs.iter_mut().for_each(|output| output.fill(0.0));
        let _ = told.send(period.frames);
    };
    let request = StreamRequest { inputs: ChannelSelection::none(), ..Default::default() };
    let mut stream = match WasapiExclusiveBackend.open(&request, Box::new(callback)) {
        Ok(stream) => stream,
        Err(refused) => return eprintln!("SKIPPED: no output can be had alone here: {refused}"),
    };
    println!("{:?} {:?}", stream.info(), stream.latency());
    for _ in 0..2 {
        stream.start().unwrap();
        for _ in 0..20 {
            let frames = heard.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
            assert!(frames > 0 && frames <= stream.info().buffer_frames as usize);
        }
        stream.stop().unwrap();
        heard.try_iter().for_each(drop);
        assert!(heard.try_recv().is_err());
    }
    assert!(stream.close().is_some());
}
