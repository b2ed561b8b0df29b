//! A tone on an ASIO driver, in the fewest lines: names of drivers, channels, an offset, playing to the last sample, why it
//! stopped, closing. Any other backend does as well: `asio_playback jack`, `asio_playback "asio:My Interface"`.

use crosspoint::devices::{ChannelSelection, DeviceName, Notice, OpenError, Period, StreamRequest, backend};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The first output to play on, counted from 0, and how many.
const OFFSET: usize = 0;
const CHANNELS: usize = 2;
const SECONDS: u64 = 1;
const RATE: u32 = 48_000;

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::args().nth(1);
    let name: DeviceName = match named {
        Some(name) => name.parse()?,
        None if cfg!(windows) => "asio".parse()?,
        None => {
            println!("ASIO is for Windows; here name `alsa`, `coreaudio` or `jack`. This plays into nothing.");
            "virtual".parse()?
        }
    };
    let backend = backend(&name.backend)?;

    // Names and what is known of them: no driver is loaded for that.
    for device in backend.devices()? {
        let outputs = device.outputs.map_or("?".to_owned(), |outputs| outputs.to_string());
        println!("{}: {} ({outputs} outputs)", device.name, device.broken.unwrap_or(device.description));
    }

    // Only the channels that are asked for get buffers. The driver is switched to the rate, or refuses and says what it has.
    let request = StreamRequest {
        device: name.device,
        inputs: ChannelSelection::none(),
        outputs: ChannelSelection::list(OFFSET + 1..=OFFSET + CHANNELS)?,
        rate: Some(RATE),
        ..StreamRequest::default()
    };

    // Runs in the driver's own buffer switch: nothing in here may wait or allocate.
    let played = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&played);
    let tone = move |period: Period<'_>| {
        let start = counter.fetch_add(period.frames as u64, Ordering::Relaxed);
        for output in period.outputs.iter_mut() {
            for (frame, sample) in (start..).zip(output.iter_mut()) {
                let seconds = (frame % u64::from(RATE)) as f32 / RATE as f32;
                *sample = 0.1 * (std::f32::consts::TAU * 440.0 * seconds).sin();
            }
        }
    };

    // Opening initialises the driver. It is closed, released and calls no more once the stream is dropped.
    let mut stream = match backend.open(&request, Box::new(tone)) {
        Ok(stream) => stream,
        Err(OpenError::NoDevice { known, .. }) if known.is_empty() => {
            println!("there is no device; install the driver of your interface");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let info = stream.info().clone();
    println!("playing on {} ({}) at {} Hz", info.device, info.outputs.join(", "), info.rate);
    stream.start()?;

    // Until all is played, and the driver's own latency with it, or the driver says that it stopped.
    let latency = u64::from(stream.latency().output.unwrap_or(info.buffer_frames));
    while played.load(Ordering::Relaxed) < SECONDS * u64::from(RATE) + latency {
        for notice in stream.notices() {
            match notice {
                Notice::Stopped { reason } | Notice::DeviceLost { reason } => {
                    println!("stopped: {reason}");
                    return Ok(());
                }
                other => println!("{other:?}"),
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    stream.stop()?;
    println!("stopped: all is played");
    Ok(())
}
