//! VST3 hosting as an engine sees it, on the fixtures: descriptions, parameters, events, states, faults.

mod rig;

use std::sync::mpsc::channel;
use std::time::Duration;

use crosspoint_fixtures::vst3::ids::{self, LATENCY_FRAMES, echo, gain, split};
use crosspoint_formats::{
    BusDirection, BusLayout, BusPurpose, Format, Library, LoadError, NoteName, Plugin, PluginError, PluginNotice,
    Precision, PresetLocation, PresetPlace, StatePurpose, Tail, Track, describe,
};
use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress, NoteId};
use crosspoint_graph::{ChannelLayout, Harness, Status};
use rig::{ACTIVATION, MAX_FRAMES, Running, poll, vst3_fixture, vst3_fixtures};

fn fixture(id: String) -> Box<dyn Plugin> {
    vst3_fixture(&id)
}

fn running(id: String) -> Running {
    Running::start(fixture(id))
}

fn at(frame: u32, body: EventBody) -> Event {
    Event { frame, port: 0, body }
}

fn value(frame: u32, parameter: u32, value: f64) -> Event {
    at(frame, EventBody::Parameter { parameter, address: NoteAddress::ALL, value })
}

/// What a running plugin sends when it hears these.
fn answers(plugin: &mut Running, events: &[Event]) -> Vec<Event> {
    for &event in events {
        assert!(plugin.harness.send(event));
    }
    assert_ne!(plugin.process(64), Status::Error);
    plugin.harness.sent().to_vec()
}

/// Names in UTF-16 alone, ids as 32 digits, sub-categories as features; controllers are no plugins.
#[test]
fn a_linked_entry_lists_its_plugins() {
    let library = vst3_fixtures();
    let descriptor = library.descriptors().iter().find(|descriptor| descriptor.id == ids::gain()).unwrap();
    assert_eq!(
        (descriptor.format, descriptor.name.as_str(), descriptor.vendor.as_str()),
        (Format::Vst3, "Gäin", "Crosspoint")
    );
    assert_eq!((descriptor.version.as_str(), descriptor.features.join(" ")), ("1.0.0", "Fx Tools".to_owned()));
    assert_eq!(library.descriptors().iter().filter(|descriptor| descriptor.name == "Split").count(), 1);
    let error = library.instantiate("00000000000000000000000000000000").err().unwrap();
    assert!(matches!(&error, LoadError::UnknownPlugin { known, .. } if known.contains(&ids::gain())), "{error}");
}

/// The plain scale is the plugin's own: straight, curved or in steps; texts are understood with their unit and without.
#[test]
fn parameters_are_in_plain_values() {
    let mut plugin = fixture(ids::gain());
    let ranges: Vec<_> =
        plugin.parameters().iter().map(|one| (one.id, one.minimum, one.maximum, one.default)).collect();
    assert_eq!(ranges[0], (gain::GAIN, 0.0, 4.0, 1.0));
    assert_eq!((ranges[1].0, ranges[1].1, ranges[1].2), (gain::FREQUENCY, 20.0, 20_000.0));
    assert_eq!(ranges[2], (gain::MODE, 0.0, 3.0, 0.0));
    let mode = &plugin.parameters()[2].flags;
    assert!(mode.stepped && mode.enumerated && mode.automatable && !mode.read_only);
    plugin.set_parameters(&[(gain::GAIN, 2.0), (gain::FREQUENCY, 440.0), (gain::MODE, 9.0)]).unwrap();
    assert_eq!(plugin.parameter_value(gain::GAIN), Some(2.0));
    assert!((plugin.parameter_value(gain::FREQUENCY).unwrap() - 440.0).abs() < 1e-6);
    assert_eq!(plugin.parameter_value(gain::MODE), Some(3.0));
    assert_eq!(plugin.value_to_text(gain::FREQUENCY, 440.0).as_deref(), Some("440.00 Hz"));
    for text in ["440", "440 Hz", " 440Hz"] {
        assert!((plugin.text_to_value(gain::FREQUENCY, text).unwrap() - 440.0).abs() < 1e-6, "{text}");
    }
    assert_eq!(plugin.text_to_value(gain::FREQUENCY, "loud"), None);
    assert!(matches!(plugin.set_parameters(&[(77, 0.0)]), Err(PluginError::UnknownParameter { parameter: 77 })));
    assert_eq!(plugin.parameter_value(77), None);
}

/// 1 1 1 1 in; the gain is 2 from before, 0.5 from frame 10, 4 from frame 40 on: several points a block, each at its
/// frame, and the first block starts with what was set before it.
#[test]
fn several_points_a_block_are_heard_at_their_frames() {
    let mut plugin = fixture(ids::gain());
    plugin.set_parameters(&[(gain::GAIN, 2.0)]).unwrap();
    let mut plugin = Running::start(plugin);
    (0..2).for_each(|channel| plugin.harness.input(channel).fill(1.0));
    plugin.harness.send(value(10, gain::GAIN, 0.5));
    plugin.harness.send(value(40, gain::GAIN, 4.0));
    assert_ne!(plugin.process(64), Status::Error);
    for channel in 0..2 {
        let output = &plugin.harness.output(channel)[..64];
        for (frames, gain) in [(0..10, 2.0), (10..40, 0.5), (40..64, 4.0)] {
            assert!(output[frames.clone()].iter().all(|&sample| sample == gain), "{frames:?}: {output:?}");
        }
    }
    plugin.poll();
    assert_eq!(plugin.plugin.parameter_value(gain::GAIN), Some(4.0), "the controller follows");
    plugin.stop();
}

/// The side chain is off until it is asked for, and silent to the plugin as long as it is.
#[test]
fn side_chains_are_off_until_asked_for() {
    let mut plugin = fixture(ids::gain());
    let buses = plugin.audio_buses(BusDirection::Input);
    assert_eq!((buses[0].active, buses[0].purpose, buses[0].layout), (true, BusPurpose::Main, ChannelLayout::Stereo));
    assert_eq!(
        (buses[1].active, buses[1].purpose, buses[1].layout),
        (false, BusPurpose::Auxiliary, ChannelLayout::Mono)
    );
    assert_eq!(describe(&*plugin).audio_inputs.len(), 1);
    plugin.set_bus_active(BusDirection::Input, 1, true).unwrap();
    assert_eq!(describe(&*plugin).audio_inputs.len(), 2);
    let mut plugin = Running::start(plugin);
    assert!(matches!(plugin.plugin.set_bus_active(BusDirection::Input, 1, false), Err(PluginError::Active)));
    plugin.harness.input(0).fill(0.5);
    plugin.harness.input(2).fill(0.25);
    assert_ne!(plugin.process(64), Status::Error);
    assert_eq!((plugin.harness.output(0)[63], plugin.harness.output(1)[63]), (0.75, 0.25));
    plugin.stop();
}

/// An impulse comes out as late as is said, and the tail is what is said once the input is silent.
#[test]
fn latency_and_tail_are_what_is_reported() {
    let mut plugin = running(ids::latency());
    assert_eq!((plugin.plugin.latency(), plugin.plugin.tail()), (LATENCY_FRAMES, Tail::Frames(LATENCY_FRAMES)));
    plugin.harness.input(0)[0] = 1.0;
    plugin.process(256);
    let first = plugin.harness.output(0)[..256].iter().position(|&sample| sample != 0.0);
    assert_eq!(first, Some(LATENCY_FRAMES as usize));
    plugin.stop();
}

/// Notes keep their ids or get one, so that expressions find them; data and pressure pass; a choke is a quick release.
#[test]
fn notes_and_expressions_cross_both_ways() {
    let mut plugin = running(ids::echo());
    let note = |id: i32, key: i8| NoteAddress { note: NoteId(id), channel: 2, key };
    let sent = [
        at(0, EventBody::NoteOn { address: note(5, 60), velocity: 0.5 }),
        at(3, EventBody::Expression { address: note(5, 60), expression: Expression::Tuning, value: 7.0 }),
        at(4, EventBody::Expression { address: note(5, 60), expression: Expression::Volume, value: 2.0 }),
        at(5, EventBody::Expression { address: note(5, 60), expression: Expression::Pressure, value: 0.25 }),
        at(9, EventBody::NoteOff { address: note(5, 60), velocity: 1.0 }),
    ];
    let heard = answers(&mut plugin, &sent);
    assert_eq!(heard.len(), sent.len(), "{heard:?}");
    for (sent, heard) in sent.iter().zip(&heard) {
        assert_eq!(sent.frame, heard.frame);
        match (sent.body, heard.body) {
            // VST3 knows expressions by their note's id alone.
            (
                EventBody::Expression { expression: Expression::Pressure, value, .. },
                EventBody::Expression { expression, value: other, address },
            ) => assert_eq!((expression, value, address), (Expression::Pressure, other, note(5, 60))),
            (
                EventBody::Expression { expression, value, .. },
                EventBody::Expression { expression: kind, value: other, address },
            ) => {
                assert_eq!((expression, NoteAddress { note: NoteId(5), ..NoteAddress::ALL }), (kind, address));
                assert!((value - other).abs() < 1e-9);
            }
            (sent, heard) => assert_eq!(sent, heard),
        }
    }
    // By key, without an id: the expression finds the note all the same. All notes off ends it.
    let key = NoteAddress::key(0, 64);
    let heard = answers(
        &mut plugin,
        &[
            at(0, EventBody::NoteOn { address: key, velocity: 1.0 }),
            at(1, EventBody::Expression { address: key, expression: Expression::Brightness, value: 0.5 }),
            at(2, EventBody::NoteOff { address: NoteAddress::ALL, velocity: 0.0 }),
            at(3, EventBody::NoteOff { address: NoteAddress::ALL, velocity: 0.0 }),
        ],
    );
    assert_eq!(heard.len(), 3, "{heard:?}");
    let id = |event: &Event| match event.body {
        EventBody::NoteOn { address, .. }
        | EventBody::NoteOff { address, .. }
        | EventBody::Expression { address, .. } => address.note,
        _ => NoteId::ANY,
    };
    assert!(id(&heard[0]) != NoteId::ANY && heard.iter().all(|event| id(event) == id(&heard[0])), "{heard:?}");
    plugin.stop();
}

/// MIDI becomes notes, points of the parameters that the plugin assigned, programs; what nothing is assigned to is counted.
#[test]
fn midi_goes_where_the_plugin_assigned_it() {
    let mut plugin = running(ids::echo());
    let parameters: Vec<u32> = plugin.plugin.parameters().iter().map(|parameter| parameter.id).collect();
    assert_eq!(parameters, [echo::VALUE, echo::PROGRAM], "parameters for MIDI alone are not for people");
    let midi = |frame, bytes| at(frame, EventBody::Midi(bytes));
    let heard = answers(
        &mut plugin,
        &[
            midi(0, [0x91, 60, 127]),
            midi(1, [0xb1, 7, 127]),
            midi(2, [0xe1, 0, 64]),
            midi(3, [0xc1, 2, 0]),
            midi(4, [0xb1, 99, 1]),
            midi(5, [0x81, 60, 0]),
        ],
    );
    let mut values: Vec<(u32, u32, f64)> = Vec::new();
    for event in &heard {
        if let EventBody::Parameter { parameter, value, .. } = event.body {
            values.push((event.frame, parameter, value));
        }
    }
    assert_eq!(values.len(), 3, "{heard:?}");
    assert_eq!(values[0], (1, echo::VALUE, 1.0));
    assert_eq!((values[1].0, values[1].1), (2, echo::VALUE));
    assert!((values[1].2 - 0.5).abs() < 1e-3);
    assert_eq!(values[2], (3, echo::PROGRAM, 2.0));
    assert_eq!(heard.len(), 5, "{heard:?}");
    assert!(plugin.poll().contains(&PluginNotice::EventsLost { events: 1 }));
    plugin.stop();
}

#[test]
fn system_exclusive_messages_pass() {
    let mut plugin = running(ids::echo());
    let bytes = [0xf0, 1, 2, 3, 0xf7];
    let id = plugin.harness.store_sysex(&bytes).unwrap();
    let heard = answers(&mut plugin, &[at(7, EventBody::SysEx(id))]);
    let [Event { frame: 7, body: EventBody::SysEx(id), .. }] = heard[..] else { panic!("{heard:?}") };
    assert_eq!(plugin.harness.sysex(id), bytes);
    plugin.stop();
}

/// Component and controller are two: they are joined by messages, the controller hears of the component's state, of what
/// it is given and of what it says.
#[test]
fn separate_halves_hear_of_each_other() {
    let mut plugin = running(ids::split());
    assert!(plugin.plugin.parameter_value(split::MESSAGES).unwrap() > 0.0);
    plugin.harness.input(0).fill(0.5);
    plugin.harness.send(value(0, split::LEVEL, 0.5));
    plugin.process(64);
    assert_eq!(plugin.harness.output(0)[63], 0.25);
    let notices = plugin.poll();
    assert!(notices.contains(&PluginNotice::ParameterValue { parameter: split::PEAK, value: 0.25 }), "{notices:?}");
    assert_eq!(plugin.plugin.parameter_value(split::PEAK), Some(0.25));
    assert_eq!(plugin.plugin.parameter_value(split::LEVEL), Some(0.5));
    plugin.stop();
    let state = plugin.plugin.save_state().unwrap();
    let mut other = fixture(ids::split());
    assert_eq!(other.parameter_value(split::LEVEL), Some(1.0));
    other.load_state(&state).unwrap();
    assert_eq!(other.parameter_value(split::LEVEL), Some(0.5), "the controller was told");
}

/// What was set before a state is loaded is forgotten; what is set after it is in the next.
#[test]
fn states_hold_what_was_set() {
    let mut plugin = fixture(ids::gain());
    plugin.set_parameters(&[(gain::GAIN, 3.0)]).unwrap();
    let state = plugin.save_state().unwrap();
    assert!(state.starts_with(b"VST3"), "a state is a .vstpreset");
    plugin.set_parameters(&[(gain::GAIN, 0.5)]).unwrap();
    plugin.load_state(&state).unwrap();
    assert_eq!(plugin.parameter_value(gain::GAIN), Some(3.0));
    let mut plugin = Running::start(plugin);
    plugin.harness.input(0).fill(1.0);
    plugin.process(32);
    assert_eq!(plugin.harness.output(0)[31], 3.0);
    plugin.stop();
}

/// Cut short, of another plugin, or no state at all: refused, and the plugin lives on.
#[test]
fn broken_states_are_refused() {
    let mut plugin = fixture(ids::strict_state());
    let state = plugin.save_state().unwrap();
    let foreign = fixture(ids::gain()).save_state().unwrap();
    for broken in [&state[..state.len() / 2], &foreign, b"", b"no state at all"] {
        assert!(matches!(plugin.load_state(broken), Err(PluginError::Failed { .. })));
    }
    for length in 0..state.len() {
        assert!(plugin.load_state(&state[..length]).is_err(), "{length} bytes of {}", state.len());
    }
    // The component's part, shorter by a byte, in a file that is whole.
    let mut truncated = state.clone();
    let list = truncated.len() - 8;
    truncated[list] -= 1;
    assert!(matches!(plugin.load_state(&truncated), Err(PluginError::Failed { .. })));
    plugin.load_state(&state).unwrap();
    let mut huge = fixture(ids::huge_state());
    let state = huge.save_state().unwrap();
    assert!(state.len() > 4_000_000);
    huge.load_state(&state).unwrap();
}

/// Not to be made: without functions, or unwilling.
#[test]
fn what_cannot_be_made_is_an_error_with_its_reason() {
    for id in [ids::null_entries(), ids::init_fails()] {
        let error = vst3_fixtures().instantiate(&id).err().unwrap();
        assert!(matches!(&error, LoadError::Instantiate { reason, .. } if !reason.is_empty()), "{error}");
    }
}

/// Beyond the block, before it, back in time, of no bus, key, kind or parameter, no number: mended or dropped, and told.
#[test]
fn wrong_events_are_mended_and_counted() {
    let mut plugin = running(ids::late_events());
    plugin.process(64);
    let frames: Vec<u32> = plugin.harness.sent().iter().map(|event| event.frame).collect();
    // Two notes within the block, one at its end, one value.
    assert_eq!(frames, [0, 0, 1, 63]);
    assert!(plugin.poll().contains(&PluginNotice::EventFaults { late: 1, unsorted: 2, dropped: 6 }));
    plugin.stop();
}

#[test]
fn what_is_no_number_is_silenced_and_told() {
    let mut plugin = running(ids::nan());
    plugin.harness.input(0).fill(0.5);
    assert_eq!(plugin.process(64), Status::Error);
    assert!(plugin.harness.output(0)[..64].iter().all(|&sample| sample == 0.0));
    assert!(plugin.poll().contains(&PluginNotice::NonFiniteOutput { blocks: 1 }));
    plugin.stop();
}

#[test]
fn a_failing_call_is_an_error() {
    let mut plugin = running(ids::process_fails());
    assert_eq!(plugin.process(64), Status::Error);
    assert_eq!(plugin.harness.output(0)[0], 0.0);
    assert!(plugin.poll().contains(&PluginNotice::ProcessingFailed { times: 1 }));
    plugin.stop();
}

/// However often it is asked for, one poll tells of one restart.
#[test]
fn restarts_are_gathered() {
    let mut plugin = running(ids::restart_storm());
    (0..100).for_each(|_| {
        plugin.process(64);
    });
    assert_eq!(plugin.poll(), [PluginNotice::RestartRequested]);
    assert_eq!(plugin.poll(), []);
    plugin.stop();
}

#[test]
fn latency_that_changes_without_a_word_is_followed() {
    let mut plugin = running(ids::latency_changer());
    assert_eq!(plugin.plugin.latency(), 0);
    plugin.process(64);
    assert_eq!(plugin.poll(), [PluginNotice::LatencyChanged { frames: 4096 }]);
    plugin.stop();
}

/// Calls of the controller's host from the audio half neither wait nor allocate, and are acted on where they belong.
#[test]
fn calls_on_the_wrong_thread_are_taken() {
    let mut plugin = running(ids::wrong_thread());
    plugin.process(64);
    let notices = plugin.poll();
    assert!(notices.contains(&PluginNotice::ParameterValue { parameter: 1, value: 1.0 }), "{notices:?}");
    assert!(notices.contains(&PluginNotice::StateDirty));
    plugin.stop();
}

/// Samples of 64 bits for a plugin that has no others: in, out, from buses that are off, and those that are on later.
#[test]
fn a_plugin_in_64_bits_is_served_in_64_bits() {
    let mut plugin = fixture(ids::double());
    assert!(!plugin.set_precision(Precision::Single) && plugin.set_precision(Precision::Double));
    plugin.set_precision(Precision::Single);
    let mut plugin = Running::start(plugin);
    (0..2).for_each(|channel| plugin.harness.input(channel).fill(0.25 + channel as f32));
    for frames in [64, 17, 512] {
        assert_ne!(plugin.process(frames), Status::Error);
        for channel in 0..2 {
            let output = &plugin.harness.output(channel)[..frames];
            assert!(output.iter().all(|&sample| sample == 0.5 + 2.0 * channel as f32), "{output:?}");
        }
    }
    plugin.harness.input(1)[3] = 1e35;
    assert_eq!(plugin.process(64), Status::Error, "infinite in 32 bits");
    assert!(plugin.poll().contains(&PluginNotice::NonFiniteOutput { blocks: 1 }));
    plugin.stop();
    for direction in [BusDirection::Input, BusDirection::Output] {
        plugin.plugin.set_bus_active(direction, 1, true).unwrap();
    }
    let mut plugin = Running::start(plugin.plugin);
    plugin.harness.input(0).fill(1.0);
    plugin.harness.input(2).fill(0.125);
    assert_ne!(plugin.process(64), Status::Error);
    assert_eq!([0, 1, 2].map(|channel| plugin.harness.output(channel)[63]), [2.125, 0.125, 0.125]);
    plugin.stop();
}

/// A plugin that takes both is served as is asked, in blocks and in calls for parameters alone; 32 bits if nothing is.
#[test]
fn the_precision_is_a_setting() {
    let mut plugin = fixture(ids::either());
    for (precision, heard) in [(None, 0.5), (Some(Precision::Double), 1.0), (Some(Precision::Single), 0.5)] {
        if let Some(precision) = precision {
            assert!(plugin.set_precision(precision));
        }
        plugin.set_parameters(&[(1, 0.75)]).unwrap();
        let mut running = Running::start(plugin);
        running.harness.input(0).fill(0.5);
        assert_ne!(running.process(64), Status::Error);
        assert_eq!(running.harness.output(0)[63], heard);
        running.harness.send(value(0, 1, 0.25));
        running.harness.flush(&mut **running.processor.as_mut().unwrap());
        assert_ne!(running.process(64), Status::Error);
        assert_eq!(running.harness.output(0)[63], heard, "after a call that nobody hears");
        running.poll();
        assert_eq!(running.plugin.parameter_value(1), Some(0.25));
        running.stop();
        plugin = running.plugin;
    }
}

/// Blocks with events both ways, and calls of the host from within, while another thread holds every lock that the
/// controller half has.
#[test]
fn the_audio_half_takes_no_lock() {
    for id in [ids::echo(), ids::wrong_thread(), ids::split(), ids::restart_storm()] {
        let Running { mut plugin, mut processor, .. } = running(id);
        let node = describe(&*plugin);
        let mut back = None;
        plugin.with_locks_held(&mut || {
            let (mut processor, node, (done, ended)) = (processor.take().unwrap(), node.clone(), channel());
            std::thread::spawn(move || {
                let mut harness = Harness::new(&node, MAX_FRAMES as usize);
                for frame in 0..64 {
                    harness.send(value(frame, echo::VALUE, 0.5));
                    harness.send(at(frame, EventBody::NoteOn { address: NoteAddress::key(0, 60), velocity: 1.0 }));
                    harness.process(&mut *processor, 64);
                }
                harness.flush(&mut *processor);
                // Nobody listens any more if it took for ever.
                let _ = done.send(processor);
            });
            back = Some(ended.recv_timeout(Duration::from_secs(60)).expect("the audio half waits for a lock"));
        });
        let mut processor = back.unwrap();
        poll(&mut *plugin);
        processor.stop();
        plugin.deactivate(processor).unwrap();
    }
}

/// Fifty outputs: the main one is on, the others as they are asked for, whichever those are.
#[test]
fn many_outputs_are_routed_as_they_are_switched() {
    let mut plugin = fixture(ids::many_outputs());
    assert_eq!(plugin.audio_buses(BusDirection::Output).len(), 50);
    assert_eq!(describe(&*plugin).audio_outputs.len(), 1);
    for bus in [7, 49] {
        plugin.set_bus_active(BusDirection::Output, bus, true).unwrap();
    }
    let mut plugin = Running::start(plugin);
    assert_ne!(plugin.process(64), Status::Error);
    let heard: Vec<f32> = (0..6).map(|channel| plugin.harness.output(channel)[10]).collect();
    assert_eq!(heard, [0.0, 0.0, 7.0, 7.0, 49.0, 49.0]);
    plugin.stop();
}

#[test]
fn no_audio_and_ten_thousand_parameters_are_nothing_special() {
    let mut plugin = running(ids::no_audio());
    assert_ne!(plugin.process(64), Status::Error);
    plugin.stop();
    let mut plugin = running(ids::many_parameters());
    assert_eq!(plugin.plugin.parameters().len(), 10_000);
    // More in one block than there is room for: counted, not crashed.
    for parameter in 0..1000 {
        plugin.harness.send(value(0, parameter * 7, 0.5));
    }
    assert_ne!(plugin.process(64), Status::Error);
    let notices = plugin.poll();
    assert!(notices.iter().any(|notice| matches!(notice, PluginNotice::EventsLost { .. })), "{notices:?}");
    assert_eq!(plugin.plugin.parameter_value(7), Some(0.5));
    plugin.stop();
}

/// Dropped first, the controller half waits for the other; a half that is another's is refused.
#[test]
fn halves_may_part_in_any_order() {
    let mut plugin = fixture(ids::gain());
    let processor = plugin.activate(ACTIVATION).unwrap();
    drop(plugin);
    drop(processor);
    let (mut one, mut other) = (fixture(ids::gain()), fixture(ids::split()));
    let (of_one, of_other) = (one.activate(ACTIVATION).unwrap(), other.activate(ACTIVATION).unwrap());
    assert!(matches!(one.activate(ACTIVATION), Err(PluginError::Active)));
    assert!(matches!(one.deactivate(of_other), Err(PluginError::ForeignProcessor)));
    one.deactivate(of_one).unwrap();
    assert!(!one.is_active());
    assert_eq!(poll(&mut *one), []);
}

/// The programs of a list are presets; one that is loaded is heard of at the next block and told.
#[test]
fn programs_are_presets() {
    let mut plugin = fixture(ids::echo());
    let presets = plugin.presets();
    let names: Vec<_> = presets.iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(names, ids::PROGRAMS);
    plugin.load_preset(&presets[2].place).unwrap();
    assert_eq!(poll(&mut *plugin), [PluginNotice::PresetLoaded(presets[2].place.clone())]);
    assert_eq!(plugin.parameter_value(echo::PROGRAM), Some(2.0));
    let mut plugin = Running::start(plugin);
    plugin.plugin.load_preset(&presets[1].place).unwrap();
    assert_eq!(answers(&mut plugin, &[]), [value(0, echo::PROGRAM, 1.0)]);
    let wrong = PresetPlace { location: PresetLocation::Plugin, key: Some("7/3".to_owned()) };
    assert!(matches!(plugin.plugin.load_preset(&wrong), Err(PluginError::Failed { .. })));
    plugin.stop();
}

/// A preset file of one is loaded by another of its class, and by no other plugin.
#[test]
fn preset_files_are_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Half.vstpreset");
    let mut plugin = fixture(ids::gain());
    plugin.set_parameters(&[(gain::GAIN, 0.5)]).unwrap();
    std::fs::write(&file, plugin.save_state_for(StatePurpose::Preset).unwrap()).unwrap();
    let place = PresetPlace::file(&file);
    let mut other = fixture(ids::gain());
    other.load_preset(&place).unwrap();
    assert_eq!(other.parameter_value(gain::GAIN), Some(0.5));
    assert!(fixture(ids::split()).load_preset(&place).is_err());
    assert!(other.load_preset(&PresetPlace::file(folder.path().join("absent"))).is_err());
}

#[test]
fn names_of_notes_and_of_the_track_are_told() {
    let mut plugin = fixture(ids::echo());
    assert_eq!(plugin.note_names(), [NoteName { name: "Kick".to_owned(), port: None, channel: None, key: Some(36) }]);
    plugin.set_track(&Track { name: Some("Drums".to_owned()), ..Track::default() });
    // The fixture calls its first parameter so, and says that titles have changed.
    assert_eq!(plugin.parameters()[0].name, "Value");
    let notices = poll(&mut *plugin);
    let is_told = |notice: &PluginNotice| matches!(notice, PluginNotice::ParametersChanged(change) if change.info);
    assert!(notices.iter().any(is_told), "{notices:?}");
    assert_eq!(plugin.parameters()[0].name, "Drums");
}

/// Layouts that the plugin does not take leave everything as it was.
#[test]
fn layouts_are_taken_or_left_as_a_whole() {
    let mut plugin = fixture(ids::gain());
    let layout = |layout| BusLayout { direction: BusDirection::Input, index: 0, layout };
    plugin.set_bus_layouts(&[layout(ChannelLayout::Stereo)]).unwrap();
    assert!(matches!(plugin.set_bus_layouts(&[layout(ChannelLayout::Mono)]), Err(PluginError::Failed { .. })));
    assert_eq!(plugin.audio_buses(BusDirection::Input)[0].layout, ChannelLayout::Stereo);
    let absent = BusLayout { index: 9, ..layout(ChannelLayout::Mono) };
    assert!(matches!(plugin.set_bus_layouts(&[absent]), Err(PluginError::UnknownBus { index: 9 })));
    Running::start(plugin).stop();
}
