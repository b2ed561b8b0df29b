//! Windows of plugins on a screen of the test's own. Where there is no Xvfb, each test says loudly that it was skipped.
#![cfg(all(unix, not(target_os = "macos")))]

mod rig;
mod screen;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crosspoint_fixtures::{ids, vst3};
use crosspoint_formats::window::{
    Placement, PluginWindow, ResizeHints, Size, WindowError, WindowEvent, open_top_level, wait,
};
use crosspoint_formats::{Plugin, open};
use rig::{fixture, vst3_fixture};
use screen::Screen;

/// The files of zam-plugins in both formats, or none with a word about it.
fn zam() -> Vec<PathBuf> {
    let folders = ["/usr/lib/clap", "/usr/lib/vst3"];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let entries = entries.map(|entry| entry.path());
    let is_zam = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Za"));
    let mut files: Vec<PathBuf> = entries.filter(is_zam).collect();
    files.sort();
    if files.is_empty() {
        eprintln!("SKIPPED: zam-plugins are not installed (apt-get install zam-plugins)");
    }
    files
}

/// By then whatever is awaited has come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

fn make(file: &std::path::Path) -> Box<dyn Plugin> {
    let library = open(file).unwrap();
    let id = library.descriptors()[0].id.clone();
    library.instantiate(&id).unwrap()
}

/// One turn of an event loop. Whether the window is still open.
fn turn(plugin: &mut dyn Plugin, window: &mut PluginWindow) -> bool {
    let is_open = window.poll(plugin);
    plugin.poll(&mut Vec::new());
    let mut interests = plugin.interests();
    interests.extend(window.interests());
    let latest = Instant::now() + Duration::from_millis(10);
    wait(&interests, plugin.next_poll().map_or(latest, |due| due.min(latest)));
    is_open
}

/// Turns until something is so. The limit is for a wait in vain, which then says what for; no result depends on it.
fn until(plugin: &mut dyn Plugin, window: &mut PluginWindow, awaited: &str, is_so: impl Fn(&PluginWindow) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so(window) {
        assert!(turn(plugin, window), "it closed; awaited: {awaited}");
        assert!(Instant::now() < end, "it never came to this: {awaited}; the view is of {:?}", window.size());
    }
}

fn count(plugin: &mut dyn Plugin, counter: u32) -> f64 {
    plugin.parameter_value(counter).unwrap()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Each is drawn by its plugin, in more colours than a blank window or a plain one has.
#[test]
fn all_of_zam_plugins_draw_their_windows() {
    let Some(screen) = Screen::start() else { return };
    let files = zam();
    // 17 in either format.
    assert!([0, 34].contains(&files.len()), "{files:?}");
    for file in files {
        let mut plugin = make(&file);
        let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
        assert_eq!(window.placement(), Placement::Embedded);
        until(&mut *plugin, &mut window, "more than 50 colours", |window| screen.colours(window) > 50);
        until(&mut *plugin, &mut window, "a view and a window of one size", |window| {
            window.size().map(|size| (size.width, size.height)) == Some(screen.size(window))
        });
        let size = window.size().unwrap();
        eprintln!("{}: {size}, {} colours", plugin.descriptor().name, screen.colours(&window));
        window.close(&mut *plugin);
        assert_eq!((plugin.interests(), plugin.next_poll()), (vec![], None));
    }
    assert_eq!(screen.windows(), 0);
}

/// A real plugin and one that never cleans up, fifty times each: no window, timer or descriptor more than before.
#[test]
fn fifty_windows_leave_nothing() {
    let Some(screen) = Screen::start() else { return };
    let mut plugins = vec![fixture(ids::WINDOW_EAGER), vst3_fixture(&vst3::ids::window_eager())];
    plugins.extend(zam().iter().filter(|file| file.file_stem() == Some("ZamGate".as_ref())).map(|file| make(file)));
    for plugin in &mut plugins {
        let mut before = 0;
        for turns in 0..50 {
            let mut window = PluginWindow::open(&mut **plugin, None).unwrap();
            assert!((0..turns % 3).all(|_| turn(&mut **plugin, &mut window)));
            window.close(&mut **plugin);
            assert_eq!((plugin.interests(), plugin.next_poll()), (vec![], None));
            assert_eq!(screen.windows(), 0);
            // The first one may load what stays for good.
            before = if turns == 0 { descriptors() } else { before };
        }
        assert_eq!(descriptors(), before);
    }
    // The same number for both formats.
    plugins[..2].iter_mut().for_each(|plugin| assert_eq!(count(&mut **plugin, ids::window::OPEN), 0.0));
}

/// The window in front, the plugin in front, or by a person: no order of ends is wrong.
#[test]
fn windows_may_close_at_any_moment() {
    let Some(screen) = Screen::start() else { return };
    let files = zam();
    let files = files.iter().filter(|file| file.file_stem() == Some("ZamDelay".as_ref()));
    let makers = files.map(|file| Box::new(|| make(file)) as Box<dyn Fn() -> Box<dyn Plugin>>);
    let eager = [
        Box::new(|| fixture(ids::WINDOW_EAGER)) as Box<dyn Fn() -> Box<dyn Plugin>>,
        Box::new(|| vst3_fixture(&vst3::ids::window_eager())),
    ];
    for make in makers.chain(eager) {
        // With a resize asked for and not granted yet.
        let mut plugin = make();
        PluginWindow::open(&mut *plugin, None).unwrap().close(&mut *plugin);

        let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
        assert!(turn(&mut *plugin, &mut window));
        drop(plugin);
        drop(window);
        assert_eq!(screen.windows(), 0);

        let mut plugin = make();
        let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
        assert!(turn(&mut *plugin, &mut window));
        assert!(matches!(PluginWindow::open(&mut *plugin, None), Err(WindowError::AlreadyOpen)));
        drop(window);
        plugin.poll(&mut Vec::new());
        drop(plugin);
        assert_eq!(screen.windows(), 0);

        let mut plugin = make();
        let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
        screen.resize(&window, 333, 222);
        screen.close(&window);
        while turn(&mut *plugin, &mut window) {}
        assert_eq!((plugin.interests(), plugin.next_poll()), (vec![], None));
        let again = PluginWindow::open(&mut *plugin, None).unwrap();
        again.close(&mut *plugin);
    }
}

/// A plugin asks and its window follows; a person drags and the plugin is asked.
#[test]
fn sizes_are_negotiated_both_ways() {
    let Some(screen) = Screen::start() else { return };
    let mut plugin = fixture(ids::WINDOW_EAGER);
    let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
    assert_eq!((window.size(), window.resize_hints()), (Some(Size::new(200, 100)), ResizeHints::FREE));
    until(&mut *plugin, &mut window, "300 x 200", |window| screen.size(window) == (300, 200));
    assert_eq!(count(&mut *plugin, ids::window::RESIZES), 0.0);
    screen.resize(&window, 640, 400);
    // It takes the size, and asks for another in the same breath.
    until(&mut *plugin, &mut window, "301 x 200", |window| screen.size(window) == (301, 200));
    assert_eq!(count(&mut *plugin, ids::window::RESIZES), 1.0);
    assert_eq!(window.size(), Some(Size::new(301, 200)));
    window.close(&mut *plugin);
}

/// A window that was given one size and then another: that it was of the first is news no more.
#[test]
fn a_size_that_is_out_of_date_is_not_told() {
    let Some(_screen) = Screen::start() else { return };
    let window = open_top_level("sizes", Size::new(50, 50)).unwrap();
    window.set_visible(true);
    for width in (100..200).step_by(2) {
        window.set_size(Size::new(width, 50), ResizeHints::FREE);
        // The server has done so when this is over, and its word of it is there.
        window.set_visible(true);
        window.set_size(Size::new(width + 1, 50), ResizeHints::FREE);
        let stale = WindowEvent::Resized(Size::new(width, 50));
        assert!(!window.take_events().contains(&stale), "{width}");
    }
}

/// One of two sizes at once for a window, one that is 0 high for a drag: what is told is brought within reason.
#[test]
fn a_liar_is_not_believed() {
    let Some(screen) = Screen::start() else { return };
    let mut plugin = fixture(ids::WINDOW_LIAR);
    let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
    assert_eq!(window.size(), Some(Size { width: Size::MOST, height: 1 }));
    screen.resize(&window, 100, 50);
    until(&mut *plugin, &mut window, "the view at 700 x 1", |window| {
        window.size() == Some(Size { width: 700, height: 1 })
    });
    until(&mut *plugin, &mut window, "the window at 700 x 1", |window| screen.size(window) == (700, 1));
    // What was agreed on stays: it does not go on from one lie to the next.
    assert!((0..20).all(|_| turn(&mut *plugin, &mut window)));
    assert_eq!(count(&mut *plugin, ids::window::RESIZES), 1.0);
    window.close(&mut *plugin);
}

/// A window that says no to everything can be looked at, stays as it is, and can be closed.
#[test]
fn a_mute_window_stays_as_it_is() {
    let Some(screen) = Screen::start() else { return };
    let mut plugin = fixture(ids::WINDOW_MUTE);
    let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
    let size = window.size().unwrap();
    screen.resize(&window, size.width / 2, size.height / 2);
    assert!(turn(&mut *plugin, &mut window));
    until(&mut *plugin, &mut window, "its size again", |window| screen.size(window) == (size.width, size.height));
    window.close(&mut *plugin);
    assert_eq!(count(&mut *plugin, ids::window::OPEN), 0.0);
}

/// The same of VST3: without a size of its own, deaf to others, not even glad to go.
#[test]
fn a_mute_view_stays_as_it_is() {
    let Some(screen) = Screen::start() else { return };
    let mut plugin = vst3_fixture(&vst3::ids::window_mute());
    let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
    let size = window.size().unwrap();
    screen.resize(&window, size.width / 2, size.height / 2);
    assert!(turn(&mut *plugin, &mut window));
    until(&mut *plugin, &mut window, "its size again", |window| screen.size(window) == (size.width, size.height));
    window.close(&mut *plugin);
    assert_eq!(count(&mut *plugin, vst3::ids::window::OPEN), 0.0);
    assert_eq!(screen.windows(), 0);
}

/// A view asks and its window follows; its timers tick on the host's run loop until it is gone.
#[test]
fn a_view_is_given_the_size_it_asks_for_and_its_timers() {
    let Some(screen) = Screen::start() else { return };
    let mut plugin = vst3_fixture(&vst3::ids::window_eager());
    let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
    until(&mut *plugin, &mut window, "the height it asks for", |window| screen.size(window).1 == 200);
    while count(&mut *plugin, vst3::ids::window::TICKS) < 3.0 {
        assert!(turn(&mut *plugin, &mut window));
    }
    screen.resize(&window, 640, 400);
    until(&mut *plugin, &mut window, "the height it asks for again", |window| screen.size(window).1 == 200);
    window.close(&mut *plugin);
    assert_eq!((plugin.interests(), plugin.next_poll()), (vec![], None));
}

/// Twice as many pixels to a length at first, one and a half times as many later.
#[test]
fn the_scale_is_the_desktops() {
    let Some(screen) = Screen::start() else { return };
    screen.set_dpi(192);
    let mut plugin = fixture(ids::WINDOW_EAGER);
    let mut window = PluginWindow::open(&mut *plugin, None).unwrap();
    assert_eq!(window.scale(), 2.0);
    screen.set_dpi(144);
    until(&mut *plugin, &mut window, "one and a half", |window| window.scale() == 1.5);
    window.close(&mut *plugin);
}

/// Each refusal says what to do.
#[test]
fn what_cannot_be_opened_says_why() {
    let Some(_screen) = Screen::start() else { return };
    let refusal = |id: &str, placement| match PluginWindow::open(&mut *fixture(id), placement) {
        Ok(_) => panic!("{id} has a window"),
        Err(error) => error,
    };
    assert!(matches!(refusal(ids::GAIN, None), WindowError::NoEditor { .. }));
    assert!(matches!(refusal(ids::NULL_EXTENSIONS, None), WindowError::NoEditor { .. }));
    assert!(matches!(refusal(ids::WINDOW_MUTE, Some(Placement::Floating)), WindowError::Placement { .. }));
    // SAFETY: the screen holds the lock on the environment.
    unsafe { std::env::remove_var("DISPLAY") };
    let error = refusal(ids::WINDOW_MUTE, None);
    assert!(matches!(error, WindowError::NoDisplay { .. }) && error.to_string().contains("DISPLAY"), "{error}");
}
