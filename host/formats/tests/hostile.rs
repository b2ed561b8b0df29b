//! Plugins that do wrong in one process with their host: each gets a clear answer, and the host goes on. What kills a
//! process is told apart by where it happens; `scanning.rs` has the files that do.

mod rig;

use std::process::Command;

use crosspoint_fixtures::{ids, vst3};
use crosspoint_formats::*;
use crosspoint_graph::Status;
use crosspoint_graph::event::EventBody;
use rig::{ACTIVATION, Running, fixture, fixtures, vst3_fixture, vst3_fixtures};

/// Set for a program that is to load one plugin and let it process a block.
const VICTIM: &str = "CROSSPOINT_VICTIM";

/// Not a test: what [`what_aborts_takes_its_process_along`] runs, which is this program again.
#[test]
fn victim() {
    if let Some(id) = std::env::var_os(VICTIM) {
        let id = id.into_string().unwrap();
        println!("making");
        // Ids of VST3 are known by their digits.
        let is_vst3 = id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        let plugin = if is_vst3 { vst3_fixture(&id) } else { fixture(&id) };
        println!("activating");
        let mut running = Running::start(plugin);
        println!("processing");
        running.process(64);
        println!("survived");
        running.stop();
    }
}

/// Each at its own point, and not before: what a report about a process that died can rely on.
#[test]
fn what_aborts_takes_its_process_along() {
    let clap = [
        (ids::ABORTS_IN_INIT, "making"),
        (ids::ABORTS_IN_ACTIVATE, "activating"),
        (ids::ABORTS_IN_PROCESS, "processing"),
        (ids::MONO, "survived"),
    ];
    let vst3 = [
        (vst3::ids::aborts_in_initialize(), "making"),
        (vst3::ids::aborts_in_activate(), "activating"),
        (vst3::ids::aborts_in_process(), "processing"),
        (vst3::ids::gain(), "survived"),
    ];
    for (id, last) in clap.map(|(id, last)| (id.to_owned(), last)).into_iter().chain(vst3) {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "victim", "--nocapture", "--test-threads=1"]).env(VICTIM, &id);
        let output = program.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let steps = ["making", "activating", "processing", "survived"];
        let reached = steps.iter().rfind(|step| text.lines().any(|line| line.ends_with(**step)));
        assert_eq!(reached, Some(&last), "{id}: {text}");
        assert_eq!(output.status.success(), last == "survived", "{id}");
    }
}

/// Functions that are not there are not called.
#[test]
fn a_plugin_without_functions_is_refused() {
    let mut plugin = fixture(ids::NULL_FUNCTIONS);
    let refused = plugin.activate(ACTIVATION).err().unwrap();
    assert!(matches!(refused, PluginError::Unsupported { .. }), "{refused}");
    assert!(matches!(plugin.save_state(), Err(PluginError::Unsupported { .. })));
    assert!(!plugin.is_active() && rig::poll(&mut *plugin).is_empty());
}

/// Extensions in whose tables nothing is are as good as none.
#[test]
fn extensions_without_functions_answer_nothing() {
    let mut plugin = fixture(ids::NULL_EXTENSIONS);
    assert!(plugin.parameters().is_empty() && plugin.audio_buses(BusDirection::Output).is_empty());
    assert!(plugin.note_ports(BusDirection::Input).is_empty());
    assert!(plugin.save_state().is_err() && plugin.load_state(b"").is_err());
    assert!(plugin.save_state_for(StatePurpose::Preset).is_err());
    assert!(plugin.load_preset(&PresetPlace::file("/a")).is_err() && plugin.port_configurations().is_empty());
    assert!(plugin.select_port_configuration(0).is_err() && plugin.set_bus_layouts(&[]).is_err());
    assert!(plugin.note_names().is_empty() && plugin.voices().is_none() && plugin.control_pages().is_empty());
    plugin.show_mapping(0, None);
    plugin.show_automation(0, AutomationState::None, None);
    plugin.set_track(&Track::default());
    assert!(plugin.menu(MenuTarget::Plugin).is_empty() && !plugin.perform_menu_action(MenuTarget::Plugin, 0));
    plugin.set_project_path(&[]);
    assert!(plugin.set_resource_directory(None, true).is_err() && plugin.resource_files().is_empty());
    plugin.collect_resources(true);
    plugin.set_undo_context(&UndoContext::default());
    let delta = ChangeDelta { version: 0, bytes: Vec::new(), undoes: true };
    assert!(plugin.apply_change(&delta, HistoryDirection::Undo).is_err());
    assert_eq!((plugin.tail(), plugin.requires_real_time()), (Tail::Frames(0), false));
    assert!(!plugin.set_render_mode(RenderMode::Offline));
    let mut running = Running::start(plugin);
    assert_eq!(running.process(64), Status::Continue);
    assert_eq!(running.poll(), []);
    running.stop();
}

/// The same for VST3: interfaces in whose tables nothing is are as good as none.
#[test]
fn interfaces_without_functions_answer_nothing() {
    let mut plugin = vst3_fixture(&vst3::ids::null_extras());
    assert!(plugin.parameters().is_empty() && plugin.presets().is_empty() && plugin.note_names().is_empty());
    let place = PresetPlace { location: PresetLocation::Plugin, key: Some("7/0".to_owned()) };
    assert!(plugin.load_preset(&place).is_err() && plugin.read_preset(&place).is_err());
    assert!(plugin.write_preset(&place, b"").is_err());
    assert!(plugin.note_expressions(0, 0).is_empty() && plugin.finger_movements(0, 0).is_empty());
    let breath = NoteExpressionKind::Own(1);
    assert!(plugin.note_expression_to_text(0, 0, breath, 0.5).is_none());
    assert!(plugin.text_to_note_expression(0, 0, breath, "1").is_none());
    let other = PresetPlugin { format: Format::Vst3, id: vst3::ids::gain() };
    assert!(plugin.remap_parameter(&other, 1).is_none() && plugin.surface_layout(&SurfaceModel::default()).is_none());
    assert_eq!(plugin.render_ahead(), RenderAhead::Never);
    plugin.set_presentation_latency(BusDirection::Output, 0, 64);
    plugin.set_track(&Track { name: Some("Drums".to_owned()), ..Track::default() });
    let state = plugin.save_state().unwrap();
    plugin.load_state(&state).unwrap();
    let mut running = Running::start(plugin);
    assert_ne!(running.process(64), Status::Error);
    assert_eq!(running.poll(), []);
    running.stop();
}

/// Values are held to their range, what is no number and what belongs to no parameter is dropped, and all of it is
/// counted.
#[test]
fn wild_parameters_are_tamed() {
    let mut running = Running::fixture(ids::WILD_PARAMETERS);
    running.process(64);
    let level = ids::wild_parameters::LEVEL;
    let values: Vec<_> = running
        .harness
        .sent()
        .iter()
        .map(|event| match event.body {
            EventBody::Parameter { parameter, value, .. } => (parameter, value),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(values, [(level, 1.0), (level, 0.0), (level, 1.0)]);
    let notices = running.poll();
    assert!(notices.contains(&PluginNotice::EventFaults { late: 0, unsorted: 0, dropped: 4 }), "{notices:?}");
    running.stop();
}

#[test]
fn a_huge_state_goes_round() {
    let mut plugin = fixture(ids::HUGE_STATE);
    let state = plugin.save_state().unwrap();
    assert_eq!(state.len(), ids::huge_state::LENGTH);
    plugin.load_state(&state).unwrap();
    assert!(matches!(plugin.load_state(&state[1..]), Err(PluginError::Failed { .. })));
}

/// A state that is cut off, by the plugin or on its way, is refused by the plugin and leaves what was there before.
#[test]
fn a_truncated_state_is_refused() {
    let mut plugin = fixture(ids::TRUNCATED_STATE);
    let state = plugin.save_state().unwrap();
    assert!(matches!(plugin.load_state(&state), Err(PluginError::Failed { .. })));

    let mut plugin = fixture(ids::STATEFUL);
    plugin.load_state(&crosspoint_fixtures::encode_state(b"whole")).unwrap();
    let state = plugin.save_state().unwrap();
    for length in 0..state.len() {
        assert!(plugin.load_state(&state[..length]).is_err(), "{length} bytes of {}", state.len());
    }
    assert_eq!(plugin.save_state().unwrap(), state);
}

/// All of them can be listed, and all but those that are fatal or say no can be made.
#[test]
fn the_pack_is_whole() {
    let library = fixtures();
    for descriptor in library.descriptors() {
        if ![ids::ABORTS_IN_INIT, ids::INIT_FAILS].contains(&descriptor.id.as_str()) {
            library.instantiate(&descriptor.id).unwrap();
        }
    }
    let library = vst3_fixtures();
    let none = [vst3::ids::aborts_in_initialize(), vst3::ids::init_fails(), vst3::ids::null_entries()];
    for descriptor in library.descriptors() {
        if !none.contains(&descriptor.id) {
            library.instantiate(&descriptor.id).unwrap();
        }
    }
}
