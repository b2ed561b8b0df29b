//! A device that does what a test says: it is unplugged, refuses, comes back as another. Periods run when the test says so.
//!
//! ```text
//! device      ─ plays ─┤ unplugged                    ├─ back ─
//! timer                ├─ the rig runs on ────────────┤
//! ```

use crate::{DeviceState, Engine, EngineError, EngineSettings, Notice};
use crosspoint_devices::{
    Backend, Choices, DeviceError, DeviceInfo, DuplexCallback, Latency, Notice as DeviceNotice, OpenError, Period,
    PeriodTime, Side, Stream, StreamError, StreamInfo, StreamRequest,
};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What the device is at the moment, and what was asked of it.
struct Desk {
    is_there: bool,
    is_busy: bool,
    channels: usize,
    rate: u32,
    frames: u32,
    /// Of the open stream.
    callback: Option<Box<dyn DuplexCallback>>,
    notices: Vec<DeviceNotice>,
    xruns: u64,
    frame: u64,
    requests: Vec<StreamRequest>,
    closed: u32,
}

#[derive(Clone)]
struct Fake(Arc<Mutex<Desk>>);

impl Fake {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Desk {
            is_there: true,
            is_busy: false,
            channels: 4,
            rate: 48_000,
            frames: 64,
            callback: None,
            notices: Vec::new(),
            xruns: 0,
            frame: 0,
            requests: Vec::new(),
            closed: 0,
        })))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap()
    }

    /// Runs a period of ones after so many lost frames; what comes out last on the first output.
    fn period(&self, lost: u64) -> f32 {
        let mut desk = self.desk();
        let (channels, frames) = (desk.channels, desk.frames as usize);
        desk.frame += lost;
        let time = PeriodTime { frame: desk.frame, nanoseconds: None };
        desk.frame += frames as u64;
        let mut callback = desk.callback.take().expect("a stream is open");
        drop(desk);
        let input = vec![1.0; frames];
        let mut output = vec![vec![9.0; frames]; channels];
        let inputs: Vec<&[f32]> = vec![&input; channels];
        let mut outputs: Vec<&mut [f32]> = output.iter_mut().map(Vec::as_mut_slice).collect();
        callback.process(Period {
            inputs: &inputs,
            outputs: &mut outputs,
            frames,
            time,
            xruns: 0,
            freewheel: false,
            midi: None,
        });
        self.desk().callback = Some(callback);
        output[0][frames - 1]
    }

    /// Ends as a device does that is pulled out.
    fn unplug(&self) {
        let mut desk = self.desk();
        desk.is_there = false;
        desk.notices.push(DeviceNotice::DeviceLost { reason: "unplugged".into() });
    }
}

impl Backend for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        Ok(Vec::new())
    }

    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError> {
        let mut desk = self.desk();
        desk.requests.push(request.clone());
        let device = request.device.clone().unwrap_or_else(|| "desk".into());
        if !desk.is_there {
            return Err(OpenError::NoDevice { backend: "fake", device, known: vec!["another".into()] });
        }
        if desk.is_busy {
            return Err(OpenError::Busy { device });
        }
        let resolve = |selection: &crosspoint_devices::ChannelSelection, side| {
            let resolved = selection.resolve(desk.channels);
            resolved.map_err(|source| OpenError::Channels { device: device.clone(), side, source })
        };
        let inputs = resolve(&request.inputs, Side::Input)?;
        let outputs = resolve(&request.outputs, Side::Output)?;
        if let Some(rate) = request.rate.filter(|&rate| rate != desk.rate) {
            return Err(OpenError::Rate { device, rate, offered: Choices::only(desk.rate) });
        }
        let names = |channels: Vec<usize>| channels.iter().map(usize::to_string).collect();
        let info = StreamInfo {
            backend: "fake",
            device,
            client: String::new(),
            rate: desk.rate,
            buffer_frames: desk.frames,
            inputs: names(inputs),
            outputs: names(outputs),
        };
        desk.callback = Some(callback);
        (desk.frame, desk.xruns) = (0, 0);
        desk.notices.clear();
        Ok(Box::new(FakeStream { fake: self.clone(), info }))
    }
}

struct FakeStream {
    fake: Fake,
    info: StreamInfo,
}

impl Stream for FakeStream {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn latency(&self) -> Latency {
        Latency::default()
    }

    fn start(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn notices(&mut self) -> Vec<DeviceNotice> {
        std::mem::take(&mut self.fake.desk().notices)
    }

    fn xruns(&self) -> u64 {
        self.fake.desk().xruns
    }

    fn close(self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        let mut desk = self.fake.desk();
        desk.closed += 1;
        desk.callback.take()
    }
}

/// A wire of one channel that plays on the device.
fn playing(fake: &Fake, request: &StreamRequest) -> Engine {
    let mut engine = Engine::new(EngineSettings::default());
    engine.build_chain(&[Some(0)], &[]).unwrap();
    engine.open_on(Box::new(fake.clone()), request).unwrap();
    assert_eq!(fake.period(0), 1.0);
    engine
}

/// Polls until a notice comes; all until then. Only that threads get their turn is waited for.
fn until(engine: &mut Engine, is_it: impl Fn(&Notice) -> bool) -> Vec<Notice> {
    let (mut notices, begun) = (Vec::new(), Instant::now());
    while begun.elapsed() < Duration::from_secs(60) {
        notices.extend(engine.poll().into_iter().filter(|notice| !is_of_time(notice)));
        if notices.iter().any(&is_it) {
            return notices;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("it never came; the notices: {notices:?}");
}

/// What a machine that is busy may add: the timer came late.
fn is_of_time(notice: &Notice) -> bool {
    matches!(notice, Notice::Xrun(_) | Notice::NearDeadline { .. } | Notice::Device(DeviceNotice::Xruns { .. }))
}

fn is_on_timer(notice: &Notice) -> bool {
    matches!(notice, Notice::OnTimer { .. })
}

fn is_back(notice: &Notice) -> bool {
    matches!(notice, Notice::DeviceBack { .. })
}

/// Waits until the renderer has rendered more.
fn until_it_renders(engine: &Engine) {
    let (before, begun) = (engine.publisher.frame(), Instant::now());
    while engine.publisher.frame() == before {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody renders");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Unplugged, the rig runs on by a timer with the device's buffer, and what is left of the stream has no say any more. The
/// same device is asked for, by its name although none was given, and taken back as soon as it is there.
#[test]
fn a_device_that_goes_away_is_waited_for_and_taken_back() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    assert!(matches!(engine.look().device, DeviceState::Playing { stream, .. } if stream.device == "desk"));
    fake.unplug();
    let notices = engine.poll();
    assert!(notices.contains(&Notice::Device(DeviceNotice::DeviceLost { reason: "unplugged".into() })));
    assert!(matches!(notices.last(), Some(Notice::OnTimer { is_awaited: true, failure: None, .. })), "{notices:?}");
    let timer = engine.stream().unwrap().info();
    assert_eq!((timer.backend, timer.rate, timer.buffer_frames, timer.inputs.len()), ("virtual", 48_000, 64, 4));
    until_it_renders(&engine);
    let state = engine.look().device;
    assert!(
        matches!(state, DeviceState::Lost { is_awaited: true, is_on_timer: true, reason, .. } if reason == "unplugged")
    );

    fake.desk().is_there = true;
    let notices = until(&mut engine, is_back);
    assert!(matches!(&notices[..], [Notice::DeviceBack { before, now }] if before == now), "{notices:?}");
    assert_eq!(fake.period(0), 1.0, "the device plays");
    engine.device.closing.drain(..).for_each(|closing| closing.join().unwrap());
    let before = engine.publisher.frame();
    fake.period(0);
    assert_eq!(engine.publisher.frame(), before + 64, "nobody else renders");
    let desk = fake.desk();
    let asked: Vec<_> = desk.requests.iter().map(|request| request.device.as_deref()).collect();
    assert_eq!(asked[0], None);
    assert!(asked.len() > 1 && asked[1..].iter().all(|device| *device == Some("desk")), "{asked:?}");
    assert_eq!(desk.closed, 1);
}

/// A callback of a driver that is not quite dead plays silence beside the timer.
#[test]
fn a_driver_that_calls_late_renders_nothing() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    let mut late = fake.desk().callback.take().unwrap();
    fake.unplug();
    engine.poll();
    let mut output = [9.0; 64];
    late.process(Period {
        inputs: &[&[1.0; 64]],
        outputs: &mut [&mut output],
        frames: 64,
        time: PeriodTime::default(),
        xruns: 0,
        freewheel: false,
        midi: None,
    });
    assert_eq!(output, [0.0; 64]);
}

/// What the device lost before, what the timer lost and what the device loses now is counted as one.
#[test]
fn losses_count_over_a_return() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    fake.desk().xruns = 3;
    fake.period(100);
    assert_eq!((engine.xruns(), engine.lost_frames()), (3, 100));
    fake.unplug();
    engine.poll();
    fake.desk().is_there = true;
    until(&mut engine, is_back);
    let (by_the_timer, frames) = (engine.xruns() - 3, engine.lost_frames());
    fake.period(0);
    fake.desk().xruns = 2;
    fake.desk().notices.push(DeviceNotice::Xruns { new: 2, total: 2 });
    fake.period(28);
    assert_eq!((engine.xruns(), engine.lost_frames()), (5 + by_the_timer, frames + 28));
    let told = engine.poll();
    assert!(told.contains(&Notice::Device(DeviceNotice::Xruns { new: 2, total: 5 + by_the_timer })), "{told:?}");
    assert_eq!((engine.look().xruns, engine.look().lost_frames), (5 + by_the_timer, frames + 28));
    engine.close_device();
    assert_eq!((engine.xruns(), engine.lost_frames()), (0, 0));
}

/// It comes back at another rate and with fewer channels than were asked for: it is taken as it is, and that is told.
#[test]
fn a_device_that_comes_back_as_another_is_taken_as_it_is() {
    let fake = Fake::new();
    let request = StreamRequest {
        inputs: "1-4".parse().unwrap(),
        outputs: "1,2".parse().unwrap(),
        rate: Some(48_000),
        ..StreamRequest::default()
    };
    let mut engine = playing(&fake, &request);
    fake.unplug();
    engine.poll();
    (fake.desk().rate, fake.desk().channels) = (96_000, 2);
    fake.desk().is_there = true;
    let notices = until(&mut engine, |notice| matches!(notice, Notice::RateFollowed { .. }));
    let back = notices.iter().find(|notice| is_back(notice));
    let Some(Notice::DeviceBack { before, now }) = back else { panic!("{notices:?}") };
    assert_eq!((before.rate, before.inputs.len(), before.outputs.len()), (48_000, 4, 2));
    assert_eq!((now.rate, now.inputs.len(), now.outputs.len()), (96_000, 2, 2));
    assert!(notices.contains(&Notice::RateFollowed { before: 48_000, after: 96_000 }));
    assert_eq!((engine.settings().rate, fake.period(0)), (96_000, 1.0));
}

/// It is there again but cannot be had: told once, not at every attempt.
#[test]
fn a_refusal_is_told_once() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    fake.desk().is_busy = true;
    fake.desk().notices.push(DeviceNotice::Stopped { reason: "the driver failed".into() });
    let mut notices = until(&mut engine, |notice| matches!(notice, Notice::DeviceRefuses { .. }));
    let attempts = fake.desk().requests.len();
    let begun = Instant::now();
    while fake.desk().requests.len() < attempts + 2 && begun.elapsed() < Duration::from_secs(60) {
        notices.extend(engine.poll());
        std::thread::sleep(Duration::from_millis(2));
    }
    fake.desk().is_busy = false;
    notices.extend(until(&mut engine, is_back));
    let told = notices
        .iter()
        .filter(|notice| matches!(notice, Notice::DeviceRefuses { reason, .. } if reason.contains("in use")));
    assert_eq!(told.count(), 1, "{notices:?}");
}

/// A rate that changes from outside is followed as soon as the callback lets go of the renderer; a buffer size changes
/// nothing but what is known of it.
#[test]
fn rates_and_sizes_are_followed() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    fake.desk().frames = 1024;
    fake.desk().notices.push(DeviceNotice::BufferSizeChanged { frames: 1024 });
    engine.poll();
    let rendered = engine.publisher.frame();
    assert_eq!(fake.period(0), 1.0, "longer than the engine's blocks");
    assert_eq!(engine.publisher.frame(), rendered + 1024, "it is the same renderer");

    let busy = engine.cell().take().unwrap();
    fake.desk().notices.push(DeviceNotice::RateChanged { rate: 44_100 });
    assert!(!engine.poll().iter().any(|notice| matches!(notice, Notice::RateFollowed { .. })));
    assert_eq!(fake.period(0), 0.0);
    assert!(engine.cell().put(busy).is_ok());
    assert!(engine.poll().contains(&Notice::RateFollowed { before: 48_000, after: 44_100 }));
    assert_eq!((engine.settings().rate, fake.period(0)), (44_100, 1.0));
    let DeviceState::Playing { stream, .. } = engine.look().device else { panic!() };
    assert_eq!((stream.rate, stream.buffer_frames), (44_100, 1024));

    fake.desk().notices.push(DeviceNotice::RateChanged { rate: 1 });
    let told = engine.poll();
    assert!(told.iter().any(|notice| matches!(notice, Notice::RateRefused { rate: 1, .. })), "{told:?}");
    assert_eq!((engine.settings().rate, fake.period(0)), (44_100, 1.0));
}

/// An embedder that has its own idea of what is to happen: the device is told of as gone, and nothing else is done.
#[test]
fn waiting_can_be_switched_off() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    engine.wait_for_device(false);
    fake.unplug();
    let told = engine.poll();
    assert!(!told.iter().any(is_on_timer), "{told:?}");
    assert!(matches!(engine.device(), DeviceState::Lost { is_awaited: false, is_on_timer: false, .. }));
    assert_eq!(fake.desk().requests.len(), 1);
}

/// A stream that the embedder opened runs on by a timer too; how it is had again is the embedder's business.
#[test]
fn a_stream_of_the_embedders_own_is_not_asked_for() -> Result<(), EngineError> {
    let fake = Fake::new();
    let mut engine = Engine::new(EngineSettings::default());
    engine.build_chain(&[Some(0)], &[])?;
    let cell = engine.cell();
    let own = Box::new(move |period: Period<'_>| {
        cell.render(period.inputs, period.outputs, false);
    });
    engine.play_on(fake.open(&StreamRequest::default(), own)?)?;
    assert_eq!(fake.period(0), 1.0);
    fake.unplug();
    let told = engine.poll();
    assert!(matches!(told.last(), Some(Notice::OnTimer { is_awaited: false, failure: None, .. })), "{told:?}");
    until_it_renders(&engine);
    fake.desk().is_there = true;
    engine.open_on(Box::new(fake.clone()), &StreamRequest::default())?;
    assert_eq!(fake.period(0), 1.0);
    Ok(())
}

/// A device that is open and no longer calls: a timer carries the rig on, and the device has it again with its next period.
/// Gone for good meanwhile, it is waited for as any other. One that freewheels may take its time.
#[test]
fn a_device_that_does_not_call_is_set_aside() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    engine.device.watch.patience = Duration::from_millis(30);
    fake.desk().notices.push(DeviceNotice::Freewheel { on: true });
    engine.poll();
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(engine.poll(), []);
    fake.desk().notices.push(DeviceNotice::Freewheel { on: false });
    fake.desk().xruns = 2;
    let told = until(&mut engine, is_on_timer);
    assert!(told.iter().any(|notice| matches!(notice, Notice::Device(DeviceNotice::Stopped { .. }))), "{told:?}");
    until_it_renders(&engine);
    assert_eq!(fake.period(0), 0.0, "it is the timer's turn");
    until(&mut engine, is_back);
    assert_eq!(fake.period(0), 1.0);
    assert_eq!(fake.desk().requests.len(), 1, "it was never closed");
    assert!(engine.xruns() >= 2);

    until(&mut engine, is_on_timer);
    fake.unplug();
    let told = until(&mut engine, is_on_timer);
    assert!(told.contains(&Notice::Device(DeviceNotice::DeviceLost { reason: "unplugged".into() })), "{told:?}");
    until_it_renders(&engine);
    fake.desk().is_there = true;
    until(&mut engine, is_back);
    assert_eq!((fake.period(0), fake.desk().closed), (1.0, 1));
}

/// Closing while the device is waited for ends the timer and the search: nothing is asked, nothing renders after it.
#[test]
fn closing_ends_the_search() {
    let fake = Fake::new();
    let mut engine = playing(&fake, &StreamRequest::default());
    fake.unplug();
    engine.poll();
    engine.close_device();
    assert_eq!(*engine.device(), DeviceState::None);
    let (rendered, asked) = (engine.publisher.frame(), fake.desk().requests.len());
    fake.desk().is_there = true;
    std::thread::sleep(Duration::from_millis(50));
    assert!(engine.poll().iter().all(is_of_time));
    assert_eq!((engine.publisher.frame(), fake.desk().requests.len()), (rendered, asked));
    assert!(fake.desk().callback.is_none() && engine.cell().take().is_some());
}
