//! What VST3 has beyond the plain plugin, through the puppet: what the host says arrives as it was said, and what the plugin
//! says is acted on.

mod rig;

use crosspoint_fixtures::vst3::ids::{self, PROGRAM_LIST, PROGRAMS, puppet, split};
use crosspoint_formats::*;
use crosspoint_graph::Status;
use crosspoint_graph::event::{Event, EventBody, Expression, NoteAddress};
use rig::{Running, poll, vst3_fixture};

fn fixture(id: String) -> Box<dyn Plugin> {
    vst3_fixture(&id)
}

/// A puppet, nothing written down yet.
fn new_puppet() -> Box<dyn Plugin> {
    let mut plugin = fixture(ids::puppet());
    notes(&mut *plugin);
    plugin
}

/// The part of the component in a state's file.
fn component(state: &[u8]) -> &[u8] {
    let list = state.windows(4).rposition(|bytes| bytes == b"List").unwrap();
    let number = |at: usize| u64::from_le_bytes(state[at..at + 8].try_into().unwrap()) as usize;
    assert_eq!(&state[list + 8..list + 12], b"Comp");
    &state[number(list + 12)..][..number(list + 20)]
}

/// What a puppet wrote down since it was last asked.
fn notes(plugin: &mut dyn Plugin) -> Vec<String> {
    let state = plugin.save_state().unwrap();
    std::str::from_utf8(component(&state)).unwrap().lines().map(str::to_owned).collect()
}

/// Has a puppet do what these commands say, as a state that is loaded.
fn say(plugin: &mut dyn Plugin, commands: &str) {
    // A state's file has the same layout whatever is in it: header, content, list.
    let mut file = plugin.save_state().unwrap()[..48].to_vec();
    let list = (file.len() + commands.len()) as u64;
    file[40..48].copy_from_slice(&list.to_le_bytes());
    file.extend(commands.bytes());
    file.extend(b"List\x01\0\0\0Comp");
    file.extend(48_u64.to_le_bytes());
    file.extend((commands.len() as u64).to_le_bytes());
    plugin.load_state(&file).unwrap();
}

fn program(index: usize) -> PresetPlace {
    PresetPlace { location: PresetLocation::Plugin, key: Some(format!("{PROGRAM_LIST}/{index}")) }
}

/// A program is read and written where it lies, the controller hears of what is written; from a file it goes into the program
/// that is chosen. What the plugin refuses is an error and changes nothing.
#[test]
fn programs_are_read_and_written() {
    let mut plugin = new_puppet();
    let content: Vec<_> = (0..PROGRAMS.len()).map(|index| plugin.read_preset(&program(index)).unwrap()).collect();
    assert!(content[0].starts_with(b"VST3") && content[0] != content[1]);
    plugin.write_preset(&program(0), &content[1]).unwrap();
    assert_eq!(plugin.read_preset(&program(0)).unwrap(), content[1]);
    assert_eq!(notes(&mut *plugin), [format!("program 0 of {PROGRAM_LIST}: {}", PROGRAMS[1])]);

    plugin.load_preset(&program(2)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Soft.vstpreset");
    std::fs::write(&file, &content[0]).unwrap();
    plugin.load_preset(&PresetPlace::file(&file)).unwrap();
    assert_eq!(plugin.read_preset(&program(2)).unwrap(), content[0]);
    assert_eq!(poll(&mut *plugin).len(), 2);

    let mut refused = content[0].clone();
    let at = refused.windows(4).position(|bytes| bytes == b"Soft").unwrap();
    refused[at] = b'!';
    let whole = plugin.save_state_for(StatePurpose::Preset).unwrap();
    for wrong in [&refused[..], &whole, &content[0][..60], b""] {
        assert!(matches!(plugin.write_preset(&program(1), wrong), Err(PluginError::Failed { .. })));
    }
    assert!(matches!(plugin.read_preset(&program(3)), Err(PluginError::Failed { .. })));
    assert!(matches!(plugin.read_preset(&PresetPlace::file(&file)), Err(PluginError::Failed { .. })));
    assert_eq!(plugin.read_preset(&program(1)).unwrap(), content[1]);

    // Another list, and a plugin whose programs are its own matter.
    let foreign = PresetPlace { location: PresetLocation::Plugin, key: Some("8/0".to_owned()) };
    assert!(matches!(plugin.read_preset(&foreign), Err(PluginError::Unsupported { .. })));
    assert!(matches!(fixture(ids::echo()).write_preset(&program(0), &content[0]), Err(PluginError::Failed { .. })));
    assert!(matches!(fixture(ids::split()).read_preset(&program(0)), Err(PluginError::Unsupported { .. })));
}

/// What a program says of its instrument and its character are its features.
#[test]
fn programs_have_features() {
    let mut plugin = new_puppet();
    let features: Vec<_> = plugin.presets().into_iter().map(|preset| preset.features).collect();
    assert_eq!(features, [vec![], vec!["Bass".to_owned(), "Synth".to_owned(), "Bright".to_owned()], vec![]]);
}

/// A running puppet that was told these of a note on channel 3, and what it heard.
fn expressions_heard(running: &mut Running, told: &[(Expression, f64)]) -> Vec<String> {
    let note = NoteAddress::key(3, 60);
    let at = |frame, body| Event { frame, port: 0, body };
    running.harness.send(at(0, EventBody::NoteOn { address: note, velocity: 1.0 }));
    for (frame, &(expression, value)) in (1..).zip(told) {
        running.harness.send(at(frame, EventBody::Expression { address: note, expression, value }));
    }
    running.harness.send(at(60, EventBody::NoteOff { address: note, velocity: 1.0 }));
    assert_ne!(running.process(64), Status::Error);
    notes(&mut *running.plugin)
}

/// Tuning is held to the range that the plugin has, pressure and the place along the key become what it makes of them, in all
/// of its range; what it does not know it is not told.
#[test]
fn note_expressions_become_what_the_plugin_makes_of_them() {
    let mut running = Running::start(new_puppet());
    let told = [
        (Expression::Tuning, 12.0),
        (Expression::Tuning, 90.0),
        (Expression::Pressure, 0.5),
        (Expression::Brightness, 1.0),
        (Expression::Volume, 1.0),
    ];
    let (tuning, breath, growl) = (2, puppet::BREATH, puppet::GROWL);
    let heard = [
        format!("expression {tuning} 0.550"),
        format!("expression {tuning} 0.600"),
        format!("expression {breath} 0.500"),
        format!("expression {growl} 0.500"),
    ];
    assert_eq!(expressions_heard(&mut running, &told), heard);
    // It knows others now: none, and so all that are common.
    say(&mut *running.plugin, "forget expressions");
    assert_eq!(running.poll(), [PluginNotice::NoteExpressionsChanged]);
    let heard = ["expression 2 0.550", "expression 2 0.875", "expression 5 1.000", "expression 0 0.250"];
    assert_eq!(expressions_heard(&mut running, &told), heard);
    running.stop();
}

/// Types with their ranges in the graph's scale, texts both ways, and what a finger does.
#[test]
fn note_expressions_are_described() {
    let mut plugin = new_puppet();
    let types = plugin.note_expressions(0, 0);
    let kinds = [
        NoteExpressionKind::Common(Expression::Tuning),
        NoteExpressionKind::Own(puppet::BREATH),
        NoteExpressionKind::Own(puppet::GROWL),
    ];
    assert_eq!(types.iter().map(|one| one.kind).collect::<Vec<_>>(), kinds);
    let tuning = &types[0];
    assert!((tuning.minimum + 24.0).abs() < 1e-9 && (tuning.maximum - 24.0).abs() < 1e-9 && tuning.default == 0.0);
    assert_eq!((tuning.name.as_str(), tuning.unit.as_str(), tuning.parameter), ("Tuning", "half tones", None));
    assert!(tuning.is_bipolar && !tuning.is_absolute && types[1].is_absolute && types[2].is_one_shot);
    assert_eq!((types[1].parameter, types[1].default, types[2].steps), (Some(puppet::LEVEL), 0.25, 4));
    assert_eq!(plugin.note_expression_to_text(0, 0, kinds[1], 0.25).as_deref(), Some("25"));
    assert_eq!(plugin.note_expression_to_text(0, 0, kinds[0], 0.0).as_deref(), Some("50"));
    assert_eq!(plugin.text_to_note_expression(0, 0, kinds[0], "55").map(f64::round), Some(12.0));
    assert_eq!(plugin.text_to_note_expression(0, 0, kinds[1], "loud"), None);
    let movements = [(FingerMovement::Sideways, kinds[0]), (FingerMovement::Along, kinds[2])];
    assert_eq!(plugin.finger_movements(0, 0)[..2], movements);
    assert!(fixture(ids::split()).note_expressions(0, 0).is_empty());
}

/// The plugin hears of each controller that moves, once a poll, ties it to a parameter, and the next one moves that.
#[test]
fn controllers_are_learnt() {
    let mut running = Running::start(new_puppet());
    let midi = |frame, bytes| Event { frame, port: 0, body: EventBody::Midi(bytes) };
    for frame in 0..3 {
        running.harness.send(midi(frame, [0xb2, 74, 10]));
    }
    running.harness.send(midi(9, [0xe2, 0, 64]));
    running.process(64);
    running.poll();
    // The bend comes last, as VST3 numbers them, and so it is what is learnt.
    let told = ["controller 74 of channel 2 of bus 0", "controller 129 of channel 2 of bus 0"];
    assert_eq!(notes(&mut *running.plugin), told);
    running.poll();
    running.harness.send(midi(0, [0xe2, 127, 127]));
    running.process(64);
    running.poll();
    assert_eq!(running.plugin.parameter_value(puppet::LEARNT), Some(1.0));
    running.stop();
}

/// One question or one word each; whoever has no such thing answers nothing.
#[test]
fn small_questions_are_answered() {
    let (mut plugin, mut plain) = (new_puppet(), fixture(ids::split()));
    let gain = PresetPlugin { format: Format::Vst3, id: ids::gain() };
    let clap = PresetPlugin { format: Format::Clap, id: ids::gain() };
    assert_eq!(plugin.remap_parameter(&gain, ids::gain::GAIN), Some(puppet::LEVEL));
    assert_eq!(plugin.remap_parameter(&gain, ids::gain::MODE), None);
    assert_eq!(plugin.remap_parameter(&clap, ids::gain::GAIN), None);
    assert_eq!(plain.remap_parameter(&gain, ids::gain::GAIN), None);

    assert_eq!((plugin.render_ahead(), plain.render_ahead()), (RenderAhead::Now, RenderAhead::Never));

    plugin.set_presentation_latency(BusDirection::Output, 0, 256);
    plain.set_presentation_latency(BusDirection::Output, 0, 256);
    plugin.set_presentation_latency(BusDirection::Output, 0, 64);
    let presented = |frames| format!("presented in direction 1 of bus 0 after {frames}");
    assert_eq!(notes(&mut *plugin), [presented(256), presented(64)]);
    let mut running = Running::start(plugin);
    assert_eq!(notes(&mut *running.plugin), [presented(64)], "told again once it is active");
    running.stop();
    plugin = running.plugin;

    let surface =
        |vendor: &str| SurfaceModel { vendor: vendor.to_owned(), name: "Eight".to_owned(), ..Default::default() };
    let layout = plain.surface_layout(&surface("Crosspoint"));
    assert_eq!(layout.as_deref(), Some("<vstXML><!-- Eight --></vstXML>"));
    assert_eq!((plain.surface_layout(&surface("Other")), plugin.surface_layout(&surface("Crosspoint"))), (None, None));
    assert_eq!(plain.surface_layout(&surface(&"ü".repeat(100))), None);

    let switch = NoteName { name: "Staccato".to_owned(), port: Some(0), channel: Some(0), key: Some(24) };
    assert!(plugin.note_names().contains(&switch));
}

/// A menu that the plugin asks for is told line by line; what is chosen from it is done by the plugin, and nothing that is of
/// an older menu.
#[test]
fn menus_are_shown_and_chosen_from() {
    let mut plugin = new_puppet();
    say(&mut *plugin, "menu");
    let [PluginNotice::MenuRequested { target, x: 10, y: 20, items }] = &poll(&mut *plugin)[..] else { panic!() };
    let entry =
        |label: &str, enabled, action, checked| MenuItem::Entry { label: label.to_owned(), enabled, action, checked };
    let more =
        MenuItem::Menu { label: "More".to_owned(), enabled: true, items: vec![entry("Fine", true, 4, Some(true))] };
    let wanted = [entry("Learn", true, 0, None), entry("Forget", false, 1, None), MenuItem::Separator, more];
    assert_eq!((*target, &items[..]), (MenuTarget::Plugin, &wanted[..]));
    assert!(plugin.perform_menu_action(MenuTarget::Plugin, 4));
    assert!(!plugin.perform_menu_action(MenuTarget::Plugin, 6) && !plugin.perform_menu_action(*target, u32::MAX));
    assert_eq!(notes(&mut *plugin), ["menu of 6 ends with 17", "chosen 7"]);

    say(&mut *plugin, &format!("menu {}", puppet::LEVEL));
    let about = MenuTarget::Parameter(puppet::LEVEL);
    let [PluginNotice::MenuRequested { target, items, .. }] = &poll(&mut *plugin)[..] else { panic!() };
    assert_eq!((*target, &items[0]), (about, &entry("Learn", true, 6, None)));
    assert!(!plugin.perform_menu_action(about, 0) && !plugin.perform_menu_action(MenuTarget::Plugin, 6));
    assert!(plugin.perform_menu_action(about, 6));
    // One that nobody has seen yet is let go of with the plugin.
    say(&mut *plugin, "menu");
}

/// Help and the like are lines of the host's menu, where there are any.
#[test]
fn help_can_be_opened() {
    let mut plugin = fixture(ids::split());
    let [MenuItem::Entry { label, action, .. }] = &plugin.menu(MenuTarget::Plugin)[..] else { panic!() };
    assert_eq!(label, "Help");
    let mut running = Running::start(plugin);
    assert!(running.plugin.parameter_value(split::MESSAGES) > Some(0.0));
    assert!(running.plugin.perform_menu_action(MenuTarget::Plugin, *action));
    assert_eq!(running.plugin.parameter_value(split::MESSAGES), Some(0.0));
    assert!(!running.plugin.perform_menu_action(MenuTarget::Parameter(split::LEVEL), *action));
    assert!(!running.plugin.perform_menu_action(MenuTarget::Plugin, action - 1), "it says nothing about itself");
    running.stop();
    assert!(new_puppet().menu(MenuTarget::Plugin).is_empty());
}

/// A plugin may ask to be seen, by the one name there is for its view.
#[test]
fn a_plugin_asks_for_its_view() {
    let mut plugin = new_puppet();
    let visible = |plugin: &mut dyn Plugin| plugin.editor().unwrap().take_requests().visible;
    assert_eq!(visible(&mut *plugin), None);
    say(&mut *plugin, "open editor\nopen other");
    assert_eq!((visible(&mut *plugin), visible(&mut *plugin)), (Some(true), None));
    assert_eq!(notes(&mut *plugin), ["open true", "open false"]);
}

/// What the audio half sends reaches the controller whole and in order, once a poll, as much as its queue holds; a queue that
/// is opened anew begins anew.
#[test]
fn data_reaches_the_controller() {
    let received = |running: &mut Running| (running.plugin.parameter_value(split::DATA).unwrap() * 1000.0).round();
    let mut running = Running::start(fixture(ids::split()));
    assert_eq!(received(&mut running), 0.0);
    (0..3).for_each(|_| {
        running.process(64);
    });
    assert_eq!(received(&mut running), 0.0, "not on the audio thread");
    running.poll();
    assert_eq!(received(&mut running), 3.0);
    for polls in 1..5 {
        (0..50).for_each(|_| {
            running.process(64);
        });
        running.poll();
        assert_eq!(received(&mut running), 3.0 + f64::from(polls * split::QUEUE));
    }
    running.process(64);
    running.stop();
    let mut running = Running::start(running.plugin);
    let before = received(&mut running);
    assert_eq!(before, 36.0, "what was sent last came with the end of the queue");
    running.process(64);
    running.poll();
    assert_eq!(received(&mut running), 37.0);
    running.stop();
}

#[test]
fn work_and_its_end_are_told() {
    let mut plugin = new_puppet();
    say(&mut *plugin, "work");
    let log = |message: &str| PluginNotice::Log { severity: Severity::Info, message: message.to_owned() };
    assert_eq!(poll(&mut *plugin), [log("reading (work 1 began)"), log("work 1 ended")]);
}
