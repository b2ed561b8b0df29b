//! Hosting as an engine sees it, on the fixtures: life, parameters, state, events, faults.

mod rig;

use crosspoint_fixtures::ids;
use crosspoint_formats::{
    BusDirection, BusPurpose, Dialect, Format, Library, LoadError, PluginError, PluginNotice, Precision, RenderMode,
    Severity, Tail, describe,
};
use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress, NoteId};
use crosspoint_graph::{ChannelLayout, Processor, Status};
use rig::{ACTIVATION, Running, fixture, fixtures, poll};

fn parameter(frame: u32, parameter: u32, value: f64) -> Event {
    Event { frame, port: 0, body: EventBody::Parameter { parameter, address: NoteAddress::ALL, value } }
}

fn note(id: i32, key: i8) -> NoteAddress {
    NoteAddress { note: NoteId(id), channel: 0, key }
}

/// What a sample is multiplied by in 64 bits and then rounded, and what it is in 32.
fn multiplied(sample: f32, precision: Precision) -> f32 {
    match precision {
        Precision::Single => sample * 0.1_f32,
        Precision::Double => (f64::from(sample) * 0.1) as f32,
    }
}

/// A plugin that prefers 64 bits is given them, in plain blocks and with events; 32 where that is asked. One that has only
/// 32 says so.
#[test]
fn a_plugin_is_given_the_precision_that_it_prefers_or_is_asked() {
    let samples: Vec<f32> = (1..=512).map(|step| 1.0 / step as f32).collect();
    assert!(
        samples.iter().any(|&sample| multiplied(sample, Precision::Single) != multiplied(sample, Precision::Double))
    );
    for (id, asked, is_had, given) in [
        (ids::GAIN_64, None, true, Precision::Double),
        (ids::GAIN_64, Some(Precision::Single), true, Precision::Single),
        (ids::GAIN_64, Some(Precision::Double), true, Precision::Double),
        (ids::GAIN, None, true, Precision::Single),
        (ids::GAIN, Some(Precision::Double), false, Precision::Single),
    ] {
        let mut plugin = fixture(id);
        assert!(asked.is_none_or(|precision| plugin.set_precision(precision) == is_had), "{id}");
        plugin.set_parameters(&[(ids::gain::GAIN, 0.1)]).unwrap();
        let mut running = Running::start(plugin);
        for (block, frames) in [512, 17, 64, 64].into_iter().enumerate() {
            (0..2).for_each(|channel| running.harness.input(channel)[..512].copy_from_slice(&samples));
            if block == 2 {
                running.harness.send(parameter(5, ids::gain::GAIN, 0.1));
            }
            assert_ne!(running.process(frames), Status::Error);
            for channel in 0..2 {
                let expected = samples[..frames].iter().map(|&sample| multiplied(sample, given));
                assert!(
                    running.harness.output(channel)[..frames].iter().copied().eq(expected),
                    "{id}, {asked:?}, {block}"
                );
            }
        }
        running.harness.input(1)[3] = f32::INFINITY;
        assert_eq!(running.process(64), Status::Error, "{id}: what is no number is found");
        running.stop();
    }
}

#[test]
fn a_linked_entry_lists_its_plugins_and_names_what_it_lacks() {
    let library = fixtures();
    let gain = library.descriptors().iter().find(|descriptor| descriptor.id == ids::GAIN).unwrap();
    assert_eq!((gain.format, gain.vendor.as_str()), (Format::Clap, "Crosspoint"));
    assert!(!gain.name.is_empty());
    let error = library.instantiate("org.nobody.nothing").err().unwrap();
    assert!(matches!(&error, LoadError::UnknownPlugin { known, .. } if known.contains(ids::GAIN)), "{error}");
}

#[test]
fn a_plugin_that_does_not_initialise_is_an_error() {
    assert!(matches!(fixtures().instantiate(ids::INIT_FAILS), Err(LoadError::Instantiate { .. })));
}

#[test]
fn a_plugin_that_refuses_activation_can_be_asked_again() {
    let mut plugin = fixture(ids::ACTIVATE_FAILS);
    for _ in 0..2 {
        assert!(matches!(plugin.activate(ACTIVATION), Err(PluginError::ActivationRefused { .. })));
        assert!(!plugin.is_active());
    }
}

#[test]
fn absurd_rates_and_block_sizes_are_refused() {
    let mut plugin = fixture(ids::GAIN);
    let with =
        |sample_rate, min_frames, max_frames| crosspoint_formats::Activation { sample_rate, min_frames, max_frames };
    for activation in [
        with(0.0, 1, 64),
        with(f64::NAN, 1, 64),
        with(f64::INFINITY, 1, 64),
        with(-48_000.0, 1, 64),
        with(48_000.0, 0, 64),
        with(48_000.0, 65, 64),
        with(48_000.0, 1, u32::MAX),
    ] {
        assert!(matches!(plugin.activate(activation), Err(PluginError::Activation { .. })), "{activation:?}");
    }
}

/// 0 0 0 | 1 1 1 in, gain 1 then 0.5 from frame 40 on: the step is at its frame.
#[test]
fn parameters_are_sample_accurate() {
    let mut gain = Running::fixture(ids::GAIN);
    for channel in 0..2 {
        gain.harness.input(channel).fill(1.0);
    }
    gain.harness.send(parameter(40, ids::gain::GAIN, 0.5));
    assert_ne!(gain.process(64), Status::Error);
    for channel in 0..2 {
        let output = &gain.harness.output(channel)[..64];
        assert!(output[..40].iter().all(|&sample| sample == 1.0) && output[40..].iter().all(|&sample| sample == 0.5));
    }
    gain.stop();
    assert_eq!(gain.plugin.parameter_value(ids::gain::GAIN), Some(0.5));
}

/// An inactive plugin is set on the main thread; an active one says to send events; what is out of range is clamped.
#[test]
fn parameters_of_an_inactive_plugin_are_flushed() {
    let mut plugin = fixture(ids::GAIN);
    plugin.set_parameters(&[(ids::gain::GAIN, 2.0)]).unwrap();
    assert_eq!(plugin.parameter_value(ids::gain::GAIN), Some(2.0));
    plugin.set_parameters(&[(ids::gain::GAIN, 1e9)]).unwrap();
    assert_eq!(plugin.parameter_value(ids::gain::GAIN), Some(4.0));
    assert!(matches!(plugin.set_parameters(&[(9999, 0.0)]), Err(PluginError::UnknownParameter { parameter: 9999 })));
    let processor = plugin.activate(ACTIVATION).unwrap();
    assert!(matches!(plugin.set_parameters(&[(ids::gain::GAIN, 1.0)]), Err(PluginError::Active)));
    plugin.deactivate(processor).unwrap();
}

/// Active, but not processed (bypassed): the audio thread flushes.
#[test]
fn parameters_of_a_bypassed_plugin_are_flushed_on_the_audio_thread() {
    let mut gain = Running::fixture(ids::GAIN);
    gain.harness.send(parameter(0, ids::gain::GAIN, 0.25));
    gain.harness.flush(&mut **gain.processor.as_mut().unwrap());
    assert_eq!(gain.plugin.parameter_value(ids::gain::GAIN), Some(0.25));
    gain.stop();
}

#[test]
fn values_become_text_and_text_becomes_values() {
    let mut plugin = fixture(ids::GAIN);
    assert_eq!(plugin.value_to_text(ids::gain::GAIN, 0.5).as_deref(), Some("-6.02 dB"));
    let value = plugin.text_to_value(ids::gain::GAIN, "-6.02 dB").unwrap();
    assert!((value - 0.5).abs() < 1e-3);
    assert_eq!(plugin.value_to_text(9999, 0.0), None);
}

#[test]
fn thirteen_thousand_parameters_are_read_and_set() {
    use ids::many_parameters::{COUNT, id};
    let mut plugin = fixture(ids::MANY_PARAMETERS);
    assert_eq!(plugin.parameters().len(), COUNT as usize);
    let values: Vec<_> = (0..COUNT).map(|index| (id(index), 0.75)).collect();
    plugin.set_parameters(&values).unwrap();
    assert!((0..COUNT).all(|index| plugin.parameter_value(id(index)) == Some(0.75)));
}

#[test]
fn buses_tell_their_layout_purpose_and_pairs() {
    let plugin = fixture(ids::MULTIBUS);
    let inputs = plugin.audio_buses(BusDirection::Input);
    let outputs = plugin.audio_buses(BusDirection::Output);
    assert_eq!((inputs.len(), outputs.len()), (2, 3));
    assert_eq!((inputs[0].purpose, inputs[1].purpose), (BusPurpose::Main, BusPurpose::Auxiliary));
    assert_eq!(outputs[2].layout, ChannelLayout::Mono);
    assert!(describe(&*fixture(ids::GAIN)).in_place);
    assert!(!describe(&*fixture(ids::RECORDER)).in_place);
    assert_eq!(fixture(ids::SURROUND).audio_buses(BusDirection::Input)[0].layout, ChannelLayout::Surround(6));
}

/// A sidechain that is off is no port of the node; the plugin still gets a buffer for it and works on.
#[test]
fn a_bus_that_is_off_is_no_port_and_is_heard_as_silence() {
    let mut plugin = fixture(ids::MULTIBUS);
    plugin.set_bus_active(BusDirection::Input, 1, false).unwrap();
    plugin.set_bus_active(BusDirection::Output, 1, false).unwrap();
    assert!(matches!(plugin.set_bus_active(BusDirection::Input, 9, false), Err(PluginError::UnknownBus { index: 9 })));
    let node = describe(&*plugin);
    assert_eq!((node.audio_inputs.len(), node.audio_outputs.len()), (1, 2));
    let mut running = Running::start(plugin);
    running.harness.input(0).fill(0.5);
    running.harness.input(1).fill(0.5);
    assert_ne!(running.process(64), Status::Error);
    running.stop();
}

#[test]
fn forty_nine_outputs_each_go_to_their_own_port() {
    use ids::many_outputs::{COUNT, level};
    let mut running = Running::fixture(ids::MANY_OUTPUTS);
    running.process(64);
    for output in 0..COUNT {
        for channel in 0..2 {
            let samples = &running.harness.output((2 * output + channel) as usize)[..64];
            assert!(samples.iter().all(|&sample| sample == level(output)), "output {output}");
        }
    }
    running.stop();
}

#[test]
fn state_survives_and_a_broken_one_is_refused() {
    let mut plugin = fixture(ids::GAIN);
    plugin.set_parameters(&[(ids::gain::GAIN, 3.0)]).unwrap();
    let state = plugin.save_state().unwrap();
    let mut other = fixture(ids::GAIN);
    other.load_state(&state).unwrap();
    assert_eq!(other.parameter_value(ids::gain::GAIN), Some(3.0));
    assert!(
        poll(&mut *other)
            .iter()
            .any(|notice| matches!(notice, PluginNotice::ParametersChanged(change) if change.values))
    );
    let mut garbage = fixture(ids::STATE_GARBAGE);
    assert_eq!(garbage.save_state().unwrap().len(), 70_001);
    assert!(matches!(garbage.load_state(b"nonsense"), Err(PluginError::Failed { .. })));
}

/// The audio thread asks for a callback; the poll makes it; the plugin marks its state dirty there.
#[test]
fn callbacks_are_made_by_the_poll_and_dirty_state_is_told() {
    let mut running = Running::fixture(ids::STATEFUL);
    running.harness.send(parameter(0, ids::stateful::TOUCH, 7.0));
    running.process(64);
    assert!(running.poll().contains(&PluginNotice::StateDirty));
    running.stop();
}

#[test]
fn a_callback_storm_gets_one_callback_a_poll() {
    let mut running = Running::fixture(ids::CALLBACK_STORM);
    running.process(64);
    let calls = |running: &mut Running| running.plugin.parameter_value(ids::callback_storm::CALLBACKS).unwrap();
    for expected in 1..=5 {
        running.poll();
        assert_eq!(calls(&mut running), f64::from(expected));
    }
    running.stop();
}

#[test]
fn a_restart_storm_is_told_once_a_poll() {
    let mut running = Running::fixture(ids::RESTART_STORM);
    for _ in 0..10 {
        running.process(64);
    }
    let restarts = running.poll().iter().filter(|notice| **notice == PluginNotice::RestartRequested).count();
    assert_eq!(restarts, 1);
    running.stop();
}

/// 0 at first, 2048 once it has processed: told while it runs, and known after the restart.
#[test]
fn a_latency_that_changes_is_followed() {
    let mut running = Running::fixture(ids::LATENCY_CHANGER);
    assert_eq!(running.plugin.latency(), 0);
    running.process(64);
    let notices = running.poll();
    let frames = ids::latency_changer::LATENCY;
    assert!(notices.contains(&PluginNotice::LatencyChanged { frames }), "{notices:?}");
    assert!(notices.contains(&PluginNotice::RestartRequested));
    running.stop();
    let mut running = Running::start(running.plugin);
    assert_eq!((running.plugin.latency(), describe(&*running.plugin).latency), (frames, frames));
    running.stop();
}

/// A layout change asks for a restart; ports are read again between deactivation and activation.
#[test]
fn ports_are_read_again_after_a_restart() {
    let mut running = Running::fixture(ids::MULTIBUS);
    running.harness.send(parameter(0, ids::multibus::LAYOUT, 1.0));
    running.process(64);
    assert!(running.poll().contains(&PluginNotice::RestartRequested));
    running.stop();
    let notices = running.poll();
    let ports = describe(&*running.plugin).audio_outputs.len();
    assert!(ports < 3, "{ports} outputs, {notices:?}");
    let mut running = Running::start(running.plugin);
    assert_ne!(running.process(64), Status::Error);
    running.stop();
}

#[test]
fn tails_and_statuses_are_the_plugins_own_words() {
    let mut running = Running::fixture(ids::TAIL);
    assert_eq!(running.plugin.tail(), Tail::Frames(100));
    assert_eq!(running.process(64), Status::Tail(100));
    for (answer, status) in [(1.0, Status::ContinueIfNotQuiet), (3.0, Status::Continue), (2.0, Status::Sleep)] {
        running.harness.send(parameter(0, ids::tail::STATUS, answer));
        assert_eq!(running.process(64), status);
    }
    running.stop();
}

#[test]
fn what_is_no_number_is_silenced_and_told() {
    let mut running = Running::fixture(ids::NAN);
    running.harness.input(0).fill(0.5);
    assert_eq!(running.process(64), Status::Error);
    for channel in 0..2 {
        assert!(running.harness.output(channel)[..64].iter().all(|&sample| sample == 0.0));
        assert!(running.harness.output_is_silent(channel));
    }
    assert!(running.poll().contains(&PluginNotice::NonFiniteOutput { blocks: 1 }));
    running.stop();
}

/// Numbers whose sum overflows are numbers still.
#[test]
fn huge_samples_are_no_fault() {
    let mut running = Running::fixture(ids::GAIN);
    for channel in 0..2 {
        running.harness.input(channel).fill(f32::MAX);
    }
    assert_ne!(running.process(64), Status::Error);
    assert_eq!(running.harness.output(0)[0], f32::MAX);
    running.stop();
}

#[test]
fn an_error_clears_the_outputs_and_is_told() {
    let mut running = Running::fixture(ids::ERROR);
    running.harness.input(0).fill(0.5);
    let statuses: Vec<_> = (0..5).map(|_| running.process(64)).collect();
    assert!(statuses[..3].iter().all(|status| *status != Status::Error));
    assert!(statuses[3..].iter().all(|status| *status == Status::Error));
    assert!(running.harness.output(0)[..64].iter().all(|&sample| sample == 0.0));
    assert!(running.poll().contains(&PluginNotice::ProcessingFailed { times: 2 }));
    running.stop();
}

/// Of eight events one is late, one unsorted and six are broken: two arrive, in order and within the block.
#[test]
fn broken_events_are_clamped_sorted_dropped_and_counted() {
    let mut running = Running::fixture(ids::LATE_EVENTS);
    running.process(64);
    let frames: Vec<u32> = running.harness.sent().iter().map(|event| event.frame).collect();
    assert!(frames.is_sorted() && frames.iter().all(|frame| *frame < 64), "{frames:?}");
    let notices = running.poll();
    assert!(
        notices.contains(&PluginNotice::EventFaults { late: 1, unsorted: 1, dropped: 6 }),
        "{notices:?} {:?}",
        running.harness.sent()
    );
    running.stop();
}

/// Calls from the wrong thread neither crash nor lock; they are told, and what they ask for is done.
#[test]
fn calls_from_the_wrong_thread_are_told_off() {
    let mut running = Running::fixture(ids::WRONG_THREAD);
    running.process(64);
    let notices = running.poll();
    let told = |notice: &PluginNotice| matches!(notice, PluginNotice::Log { severity: Severity::PluginMisbehaving, message } if message.contains("main thread"));
    assert!(notices.iter().any(told), "{notices:?}");
    running.stop();
}

/// The plugin's own hand on a parameter: a gesture around a value, as events at their frame and as notices.
#[test]
fn parameters_moved_by_the_plugin_are_heard_twice() {
    use ids::echo_events::{HAND, MOVE};
    let mut running = Running::fixture(ids::ECHO_EVENTS);
    running.harness.send(parameter(10, MOVE, 0.5));
    running.process(64);
    let bodies: Vec<_> = running.harness.sent().iter().map(|event| (event.frame, event.body)).collect();
    assert_eq!(bodies[0], (10, EventBody::Gesture { parameter: HAND, begin: true }));
    assert!(matches!(bodies[1], (10, EventBody::Parameter { parameter: HAND, value: 0.5, .. })));
    assert_eq!(bodies[2], (10, EventBody::Gesture { parameter: HAND, begin: false }));
    let notices = running.poll();
    assert!(notices.contains(&PluginNotice::ParameterGesture { parameter: HAND, begin: true }), "{notices:?}");
    assert!(notices.contains(&PluginNotice::ParameterValue { parameter: HAND, value: 0.5 }));
    running.stop();
}

/// A note effect: on in, on out one octave higher, at its frame with its velocity.
#[test]
fn notes_go_in_and_come_out() {
    let mut plugin = fixture(ids::ECHO_EVENTS);
    plugin.set_parameters(&[(ids::echo_events::TRANSPOSE, 12.0)]).unwrap();
    let mut running = Running::start(plugin);
    let address = note(7, 60);
    running.harness.send(Event { frame: 5, port: 0, body: EventBody::NoteOn { address, velocity: 0.75 } });
    running.process(64);
    let [Event { frame: 5, body: EventBody::NoteOn { address, velocity }, .. }] = running.harness.sent() else {
        panic!("{:?}", running.harness.sent())
    };
    assert_eq!((address.key, *velocity), (72, 0.75));
    running.stop();
}

#[test]
fn timers_and_descriptors_are_served_by_the_poll() {
    let mut plugin = fixture(ids::TIMER);
    assert!(plugin.next_poll().is_some());
    assert_eq!(plugin.interests().len(), usize::from(cfg!(unix)));
    for _ in 0..3 {
        let due = plugin.next_poll().unwrap();
        std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
        poll(&mut *plugin);
    }
    // The pipe of the last tick is read by the next poll at the latest.
    poll(&mut *plugin);
    let ticks = plugin.parameter_value(ids::timer::TICKS).unwrap();
    assert!(ticks >= 3.0, "{ticks}");
    if cfg!(unix) {
        assert_eq!(plugin.parameter_value(ids::timer::READS), Some(ticks));
    }
}

#[test]
fn a_plugin_without_render_mode_is_not_bothered() {
    let mut plugin = fixture(ids::GAIN);
    assert!(!plugin.set_render_mode(RenderMode::Offline));
    assert!(!plugin.requires_real_time());
}

/// The right half of another plugin is refused, and the plugin waits for its own.
#[test]
fn a_foreign_processor_is_refused() {
    let (mut one, mut two) = (fixture(ids::GAIN), fixture(ids::GAIN));
    let first = one.activate(ACTIVATION).unwrap();
    let second = two.activate(ACTIVATION).unwrap();
    assert!(matches!(one.deactivate(second), Err(PluginError::ForeignProcessor)));
    assert!(one.is_active());
    one.deactivate(first).unwrap();
    assert!(matches!(one.deactivate(Box::new(Nothing)), Err(PluginError::Inactive)));
}

struct Nothing;

impl Processor for Nothing {
    fn process(&mut self, _block: crosspoint_graph::Block<'_>) -> Status {
        Status::Sleep
    }
}

/// A processor in a harness of another shape says so instead of reading where nothing is.
#[test]
fn a_block_of_another_shape_is_refused() {
    let mut running = Running::fixture(ids::GAIN);
    running.harness = crosspoint_graph::Harness::new(&describe(&*fixture(ids::MONO)), 64);
    assert_eq!(running.process(64), Status::Error);
    running.stop();
}

/// A processor that goes from one schedule's tables to another's hears and writes what lies there, be the new ones where
/// the old ones were.
#[test]
fn a_new_schedule_brings_new_buffers() {
    let mut running = Running::fixture(ids::GAIN);
    for round in 0..4 {
        running.harness = crosspoint_graph::Harness::new(&describe(&*running.plugin), 64);
        let value = 0.25 + round as f32;
        running.harness.input(0)[..64].fill(value);
        running.process(64);
        assert!(running.harness.output(0)[..64].iter().all(|&sample| sample == value), "round {round}");
    }
    running.stop();
}

#[test]
fn note_ports_tell_their_dialects() {
    let plugin = fixture(ids::RECORDER_MPE);
    let ports = plugin.note_ports(BusDirection::Input);
    assert_eq!(ports[0].preferred, Dialect::MidiPolyphonicExpression);
    let ports = fixture(ids::RECORDER_ALL);
    let ports = ports.note_ports(BusDirection::Input);
    assert_eq!(ports.len(), 2);
    assert!(ports[0].dialects.notes && ports[0].dialects.midi && ports[0].dialects.midi2);
}

/// An expression for a plugin that speaks CLAP arrives as it is; see `dialects.rs` for the others.
#[test]
fn voices_end_themselves_and_say_so() {
    let mut running = Running::fixture(ids::TONE);
    let address = note(3, 69);
    running.harness.send(Event { frame: 0, port: 0, body: EventBody::NoteOn { address, velocity: 1.0 } });
    running.harness.send(Event {
        frame: 1,
        port: 0,
        body: EventBody::Expression { address, expression: Expression::Tuning, value: 0.0 },
    });
    running.process(64);
    assert!(running.harness.output(0)[..64].iter().any(|&sample| sample != 0.0));
    running.harness.send(Event { frame: 0, port: 0, body: EventBody::NoteOff { address, velocity: 0.5 } });
    running.process(512);
    let ended = |event: &Event| matches!(event.body, EventBody::NoteEnd { address } if address.note == NoteId(3));
    assert!(running.harness.sent().iter().any(ended), "{:?}", running.harness.sent());
    running.stop();
}
