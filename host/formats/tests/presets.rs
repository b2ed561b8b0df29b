//! Presets are found without a plugin being made. A program of its own, because the fixture's folder is named by the
//! environment.

mod rig;

use crosspoint_fixtures::ids;
use crosspoint_formats::{Format, Library, PresetLocation};
use rig::fixtures;

#[test]
fn presets_are_found_within_the_plugin_and_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let two = write("deep/er/two.puppet", "one\ntwo");
    let broken = write("broken.puppet", "broken");
    write("notes.txt", "not a preset");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("deep/loop")).unwrap();
    // SAFETY: the one test of this program, and no other thread reads the environment.
    unsafe { std::env::set_var(ids::puppet::FOLDER, folder.path()) };

    let found = fixtures().presets();
    let names: Vec<_> =
        found.presets.iter().map(|preset| (preset.name.as_str(), preset.place.key.as_deref())).collect();
    assert_eq!(names, [("Bright", Some("bright")), ("Dark", Some("dark")), ("two", Some("one")), ("two", Some("two"))]);
    let [bright, dark, file, _] = &found.presets[..] else { panic!() };
    assert_eq!(bright.place.location, PresetLocation::Plugin);
    assert_eq!(bright.creators, ["A person", "Another"]);
    assert_eq!(bright.features, ["lead", "bright"]);
    assert_eq!(bright.description, "Much of the high");
    assert_eq!(bright.pack.as_deref(), Some("pack"));
    assert_eq!(bright.more, [("mood".to_owned(), "glad".to_owned())]);
    let created = bright.created.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!((created.as_secs(), bright.modified), (1_000_000_000, None));
    assert!(bright.suits(Format::Clap, ids::PUPPET) && !bright.suits(Format::Clap, ids::GAIN));
    // Flags of its own take the place of its source's.
    assert!(bright.flags.factory && !dark.flags.factory && dark.flags.favourite && file.flags.user);
    assert_eq!(file.place.path(), Some(two.as_path()));
    let [problem] = &found.problems[..] else { panic!("{:?}", found.problems) };
    assert_eq!(problem.location, Some(PresetLocation::File(broken)));
    assert!(problem.reason.contains("it is broken"), "{}", problem.reason);
    assert_eq!((found.packs.len(), found.packs[0].id.as_str()), (1, "pack"));

    // A folder that is not there yet is no problem.
    // SAFETY: as above.
    unsafe { std::env::set_var(ids::puppet::FOLDER, folder.path().join("absent")) };
    let found = fixtures().presets();
    assert_eq!((found.presets.len(), found.problems.len()), (2, 0));
}
