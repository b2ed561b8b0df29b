//! Every extension, both ways, through the puppet: what the host says arrives at the plugin as it was said, what the plugin
//! says becomes a notice, and nothing that a plugin asks for is missing.

mod rig;

use std::path::{Path, PathBuf};

use crosspoint_fixtures::ids;
use crosspoint_formats::*;
use crosspoint_graph::ChannelLayout;
use rig::{Running, fixture, poll};

/// A puppet on its strings.
struct Puppet(Box<dyn Plugin>);

impl Puppet {
    fn new() -> Self {
        Self(fixture(ids::PUPPET))
    }

    /// What the plugin wrote down since it was last asked.
    fn notes(&mut self) -> Vec<String> {
        notes(&mut *self.0)
    }

    /// Has the plugin say something to the host; what the host heard.
    fn say(&mut self, commands: &str) -> Vec<PluginNotice> {
        self.0.load_state(commands.as_bytes()).unwrap();
        poll(&mut *self.0)
    }
}

fn notes(plugin: &mut dyn Plugin) -> Vec<String> {
    let text = String::from_utf8(plugin.save_state().unwrap()).unwrap();
    text.lines().map(str::to_owned).collect()
}

const GREY: Color = Color { alpha: 255, red: 1, green: 2, blue: 3 };

#[test]
fn everything_is_offered() {
    let mut puppet = Puppet::new();
    assert_eq!(puppet.say("offers"), []);
    assert_eq!(puppet.notes(), ["missing []"]);
}

/// A plugin that has said so loads and saves for a purpose; from one that makes no difference the whole state is taken.
#[test]
fn states_have_a_purpose() {
    let mut puppet = Puppet::new();
    puppet.0.load_state_for(b"", StatePurpose::Preset).unwrap();
    let saved = puppet.0.save_state_for(StatePurpose::Duplicate).unwrap();
    assert_eq!(String::from_utf8(saved).unwrap(), "load for preset\nsave for duplicate\n");
    let saved = puppet.0.save_state_for(StatePurpose::Project).unwrap();
    assert_eq!(saved, b"save for project\n");
    assert!(matches!(puppet.0.load_state_for(b"nonsense", StatePurpose::Project), Err(PluginError::Failed { .. })));

    let mut plain = fixture(ids::STATEFUL);
    let state = plain.save_state().unwrap();
    assert_eq!(plain.save_state_for(StatePurpose::Preset).unwrap(), state);
    plain.load_state_for(&state, StatePurpose::Project).unwrap();
}

/// Tasks are run within the block that asks for them, scratch memory is there within a block; neither is elsewhere. All
/// of it under the guard on the allocator that each block runs under.
#[test]
fn a_block_has_its_pool_and_scratch_memory() {
    let mut puppet = Puppet::new();
    puppet.say("pool 8\nscratch 100000\nstray");
    assert_eq!(puppet.notes(), ["stray reserve false"]);
    let mut running = Running::start(puppet.0);
    running.process(64);
    assert_eq!(
        notes(&mut *running.plugin),
        ["reserve 100000 true", "pool true ran 8", "scratch true", "stray scratch false pool false"]
    );
    running.plugin.load_state(b"stray").unwrap();
    running.stop();
    let mut again = Running::start(running.plugin);
    assert_eq!(notes(&mut *again.plugin), ["stray reserve false", "reserve 100000 true"]);
    again.stop();
    // More than anybody has.
    again.plugin.load_state(b"scratch 4000000000").unwrap();
    let mut greedy = Running::start(again.plugin);
    greedy.process(64);
    let notes = notes(&mut *greedy.plugin);
    assert!(notes.contains(&"reserve 4000000000 false".to_owned()) && notes.contains(&"scratch false".to_owned()));
    greedy.stop();
}

#[test]
fn arrangements_are_listed_and_taken() {
    let mut puppet = Puppet::new();
    let listed = puppet.0.port_configurations();
    let names: Vec<_> = listed.iter().map(|c| (c.id, c.name.as_str(), c.is_current)).collect();
    assert_eq!(names, [(11, "stereo", true), (12, "mono", false), (13, "5.1", false)]);
    let surround = ConfiguredBus { name: "Main".to_owned(), layout: ChannelLayout::Surround(6) };
    assert_eq!((&listed[2].inputs, &listed[2].outputs), (&vec![surround.clone()], &vec![surround]));

    puppet.0.select_port_configuration(12).unwrap();
    assert_eq!(puppet.0.audio_buses(BusDirection::Output)[0].layout, ChannelLayout::Mono);
    assert!(puppet.0.port_configurations()[1].is_current);
    assert!(matches!(puppet.0.select_port_configuration(99), Err(PluginError::Failed { .. })));
    assert_eq!(puppet.say("configurations"), [PluginNotice::PortConfigurationsChanged]);
}

#[test]
fn layouts_are_asked_for_all_or_none() {
    use BusDirection::{Input, Output};
    let mut puppet = Puppet::new();
    let both = |layout| [Input, Output].map(|direction| BusLayout { direction, index: 0, layout });
    for layout in [ChannelLayout::Surround(6), ChannelLayout::Ambisonic(4), ChannelLayout::Mono] {
        puppet.0.set_bus_layouts(&both(layout)).unwrap();
        assert_eq!(puppet.0.audio_buses(Input)[0].layout, layout);
    }
    let refused = puppet.0.set_bus_layouts(&both(ChannelLayout::Discrete(3)));
    assert!(matches!(refused, Err(PluginError::Failed { .. })), "{refused:?}");
    let odd = puppet.0.set_bus_layouts(&both(ChannelLayout::Surround(77)));
    assert!(matches!(odd, Err(PluginError::Unsupported { .. })), "{odd:?}");
    let absent = [BusLayout { direction: Input, index: 1, layout: ChannelLayout::Mono }];
    assert!(matches!(puppet.0.set_bus_layouts(&absent), Err(PluginError::UnknownBus { index: 1 })));
    assert_eq!(puppet.0.audio_buses(Output)[0].layout, ChannelLayout::Mono, "as it was");

    let mut running = Running::start(puppet.0);
    assert!(matches!(running.plugin.set_bus_layouts(&[]), Err(PluginError::Active)));
    assert!(matches!(running.plugin.select_port_configuration(11), Err(PluginError::Active)));
    running.stop();
    assert!(matches!(fixture(ids::GAIN).set_bus_layouts(&[]), Err(PluginError::Unsupported { .. })));
}

#[test]
fn channels_say_what_they_mean() {
    let mut puppet = Puppet::new();
    assert_eq!(puppet.0.channel_map(BusDirection::Input, 0), None, "stereo says it all");
    puppet.0.select_port_configuration(13).unwrap();
    let Some(ChannelMap::Speakers(speakers)) = puppet.0.channel_map(BusDirection::Input, 0) else { panic!() };
    assert_eq!((speakers[3], speakers[5]), (Some(Speaker::LowFrequency), None), "the last is unknown");
    let field = BusLayout { direction: BusDirection::Input, index: 0, layout: ChannelLayout::Ambisonic(4) };
    puppet.0.set_bus_layouts(&[field]).unwrap();
    let map = ChannelMap::Ambisonic { order: AmbisonicOrder::Acn, scale: AmbisonicScale::N3d };
    assert_eq!(puppet.0.channel_map(BusDirection::Output, 0), Some(map));
    assert_eq!(puppet.say("surround\nambisonic"), [PluginNotice::PortsChanged]);
}

#[test]
fn notes_voices_and_pages_are_told() {
    let mut puppet = Puppet::new();
    let names = puppet.0.note_names();
    let kick = NoteName { name: "Kick".to_owned(), port: Some(0), channel: Some(9), key: Some(36) };
    assert_eq!((names.len(), &names[0]), (2, &kick));
    assert_eq!((names[1].port, names[1].channel, names[1].key), (None, None, None));
    assert_eq!(puppet.0.voices(), Some(Voices { count: 8, capacity: 16, overlapping: true }));
    let [page] = &puppet.0.control_pages()[..] else { panic!() };
    assert_eq!((page.id, page.section.as_str(), page.name.len(), page.is_of_preset), (3, "Main", 256, true));
    assert_eq!(page.knobs, [None, Some(42), None, None, None, None, None, None]);
    assert_eq!(
        puppet.say("note-names\nvoices\npages\npage 3"),
        [
            PluginNotice::NoteNamesChanged,
            PluginNotice::VoicesChanged,
            PluginNotice::ControlPagesChanged,
            PluginNotice::ControlPageSuggested { page: 3 }
        ]
    );
}

#[test]
fn indications_and_the_track_arrive() {
    let mut puppet = Puppet::new();
    let mapping = Mapping { color: Some(GREY), label: "K1".to_owned(), description: String::new() };
    puppet.0.show_mapping(7, Some(&mapping));
    puppet.0.show_mapping(7, None);
    puppet.0.show_automation(7, AutomationState::Recording, None);
    assert_eq!(puppet.notes(), ["mapping 7 true 255.1.2.3 K1 -", "mapping 7 false - - -", "automation 7 3 -"]);

    puppet.say("track");
    let track = Track {
        name: Some("Lead".to_owned()),
        color: Some(GREY),
        layout: Some(ChannelLayout::Stereo),
        kind: TrackKind::Bus,
    };
    puppet.0.set_track(&track);
    // A name that does not fit is cut between characters.
    puppet.0.set_track(&Track { name: Some("é".repeat(200)), ..Track::default() });
    let notes = puppet.notes();
    assert_eq!(notes[..2], ["no track", "track Lead 255.1.2.3 2 stereo 0b10111"]);
    assert_eq!(notes[2], format!("track {} 0.0.0.0 0 - 0b1", "é".repeat(127)));
}

/// Lines as they are, though the plugin never ended its inner menu and offered two that make no sense.
#[test]
fn a_menu_is_built_and_performed() {
    let mut puppet = Puppet::new();
    let (target, enabled) = (MenuTarget::Parameter(40), true);
    let loud = MenuItem::Entry { label: "Loud".to_owned(), enabled: false, action: 42, checked: Some(true) };
    assert_eq!(
        puppet.0.menu(target),
        [
            MenuItem::Title { label: "Puppet".to_owned(), enabled },
            MenuItem::Entry { label: "Reset".to_owned(), enabled, action: 41, checked: None },
            MenuItem::Separator,
            MenuItem::Menu { label: "More".to_owned(), enabled, items: vec![loud] },
        ]
    );
    assert!(puppet.0.perform_menu_action(target, 42));
    assert!(!fixture(ids::GAIN).perform_menu_action(target, 42));
    // The host's own lines: one for a parameter, and it does what it says.
    assert_eq!(puppet.say("menu"), [PluginNotice::ParameterResetRequested { parameter: 40 }]);
    assert_eq!(
        puppet.notes(),
        [
            "perform 1 40 42",
            "menu Some(false) Some(false) Some(false)",
            "lines true [] [] false",
            "lines true [(\"Reset to default\", 1)] [true] false"
        ]
    );
}

#[test]
fn presets_are_loaded_and_reported() {
    let mut puppet = Puppet::new();
    let within = |key: &str| PresetPlace { location: PresetLocation::Plugin, key: Some(key.to_owned()) };
    puppet.0.load_preset(&within("bright")).unwrap();
    puppet.0.load_preset(&PresetPlace::file("/sounds/a.puppet")).unwrap();
    assert!(matches!(puppet.0.load_preset(&within("absent")), Err(PluginError::Failed { .. })));
    assert_eq!(puppet.notes(), ["preset 1 - bright", "preset 0 /sounds/a.puppet -", "preset 1 - absent"]);
    let unsupported = fixture(ids::GAIN).load_preset(&within("bright"));
    assert!(matches!(unsupported, Err(PluginError::Unsupported { .. })));
    let failed = PresetPlace::file("/no/such.preset");
    assert_eq!(
        puppet.say("preset loaded bright\npreset failed"),
        [
            PluginNotice::PresetLoaded(within("bright")),
            PluginNotice::PresetFailed { place: failed, reason: "it is not there".to_owned() }
        ]
    );
}

#[test]
fn the_transport_is_asked_for() {
    let mut puppet = Puppet::new();
    let words = "start stop continue pause toggle jump loop toggle-loop enable-loop record toggle-record";
    let commands: Vec<_> = words.split(' ').map(|word| format!("transport {word}")).collect();
    use TransportRequest::*;
    let wishes = [
        Start,
        Stop,
        Continue,
        Pause,
        TogglePlay,
        Jump { quarters: 2.5 },
        Loop { start: 4.0, length: 8.0 },
        ToggleLoop,
        EnableLoop(true),
        Record(true),
        ToggleRecord,
    ];
    assert_eq!(puppet.say(&commands.join("\n")), wishes.map(PluginNotice::TransportRequested));
}

#[test]
fn history_goes_both_ways() {
    let mut puppet = Puppet::new();
    let delta = ChangeDelta { version: 5, bytes: b"step".to_vec(), undoes: true };
    assert_eq!(
        puppet.say("undo begin\nundo cancel\nundo made\nundo made-whole\nundo undo\nundo redo\nundo context"),
        [
            PluginNotice::ChangeBegan,
            PluginNotice::ChangeCancelled,
            PluginNotice::ChangeMade { name: "turn a knob".to_owned(), delta: Some(delta.clone()) },
            PluginNotice::ChangeMade { name: "load a sound".to_owned(), delta: None },
            PluginNotice::HistoryRequested(HistoryDirection::Undo),
            PluginNotice::HistoryRequested(HistoryDirection::Redo),
            PluginNotice::UndoContextWanted(true),
        ]
    );
    puppet.0.apply_change(&delta, HistoryDirection::Undo).unwrap();
    puppet.0.apply_change(&delta, HistoryDirection::Redo).unwrap();
    let old = ChangeDelta { version: 4, ..delta.clone() };
    assert!(matches!(puppet.0.apply_change(&old, HistoryDirection::Redo), Err(PluginError::Unsupported { .. })));
    let forward = ChangeDelta { undoes: false, ..delta };
    assert!(matches!(puppet.0.apply_change(&forward, HistoryDirection::Undo), Err(PluginError::Unsupported { .. })));
    puppet.0.set_undo_context(&UndoContext { undo: Some("turn a knob".to_owned()), redo: None });
    assert_eq!(
        puppet.notes(),
        ["undo 5 step", "redo 5 step", "can undo true", "would undo turn a knob", "can redo false"]
    );
}

#[test]
fn files_and_the_place_in_the_project_are_told() {
    let mut puppet = Puppet::new();
    assert_eq!(
        puppet.say("resource request\nresource release"),
        [
            PluginNotice::ResourceDirectoryRequested { shared: true },
            PluginNotice::ResourceDirectoryReleased { shared: true }
        ]
    );
    puppet.0.set_resource_directory(Some(Path::new("/rig/files")), false).unwrap();
    puppet.0.set_resource_directory(None, false).unwrap();
    puppet.0.collect_resources(true);
    assert_eq!(puppet.0.resource_files(), [PathBuf::from("samples/kick.wav")], "the one that does not fit is no path");
    let part =
        |kind, id: &str, index, color| ProjectPart { kind, id: id.to_owned(), name: id.to_uppercase(), index, color };
    puppet.0.set_project_path(&[
        part(ProjectPartKind::Project, "rig", None, None),
        part(ProjectPartKind::ReturnTrack, "echo", Some(2), Some(GREY)),
        part(ProjectPartKind::Device, "puppet", Some(0), None),
    ]);
    assert_eq!(
        puppet.notes(),
        [
            "resource true",
            "directory /rig/files false",
            "directory - false",
            "collect true",
            "part 1 0 0 rig RIG 0 0",
            "part 3 4 2 echo ECHO 3 1",
            "part 4 0 0 puppet PUPPET 1 0"
        ]
    );
}

/// There are no events but CLAP's and no tunings but the usual one, and that is what plugins are told.
#[test]
fn what_there_is_not_is_not_claimed() {
    let mut puppet = Puppet::new();
    puppet.say("registry\ntuning");
    assert_eq!(puppet.notes(), ["registry Some(false) 65535", "tuning Some(0) Some(0.0) Some(true)"]);
}

/// A plugin that talks without end is not listened to without end.
#[test]
fn a_flood_of_notices_is_cut() {
    let mut puppet = Puppet::new();
    let flood = "voices\n".repeat(10_000);
    assert_eq!(puppet.say(&flood).len(), 4096);
    assert_eq!(puppet.say("voices"), [PluginNotice::VoicesChanged]);
}
