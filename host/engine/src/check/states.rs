//! Files that a plugin's opaque state names: an impulse response, a sample, a model. A state is not to be understood; but a
//! path in it can be seen, as long as it is written in UTF-8.

use std::collections::BTreeSet;
use std::path::Path;

/// What the names of such files end in.
const ENDINGS: [&str; 14] = [
    ".wav", ".wave", ".aif", ".aiff", ".flac", ".ogg", ".mp3", ".w64", ".nam", ".aidax", ".json", ".sf2", ".sfz",
    ".irs",
];
/// Longer than any path.
const LONGEST: usize = 4096;

/// The absolute paths in a state to files of such a kind that are not there.
pub(super) fn missing_files(state: &[u8]) -> BTreeSet<String> {
    // A path ends at what no path has: a control character, a quotation mark, what is no text.
    let is_inside = |byte: &u8| *byte >= 0x20 && !matches!(byte, b'"' | b'<' | b'>' | b'|' | 0x7F);
    let runs = state.split(|byte| !is_inside(byte)).filter_map(|run| std::str::from_utf8(run).ok());
    let paths = runs.filter_map(|run| absolute(run, cfg!(windows))).map(|path| path.replace("\\\\", "\\"));
    let is_meant = |path: &String| {
        let lower = path.to_lowercase();
        path.len() <= LONGEST && ENDINGS.iter().any(|ending| lower.ends_with(ending))
    };
    paths.filter(is_meant).filter(|path| !Path::new(path).exists()).collect()
}

/// The absolute path that a text ends in, as Windows or other systems write them.
fn absolute(text: &str, windows: bool) -> Option<&str> {
    let begin = if windows { text.find(":\\")?.checked_sub(1)? } else { text.find('/')? };
    let (before, path) = text.split_at_checked(begin)?;
    // Behind anything but a separator it is a part of another word, such as a type of content or an address.
    let is_start = before.chars().next_back().is_none_or(|last| matches!(last, '\'' | '=' | ' ' | ':' | ','));
    (is_start && !path.starts_with("//")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A drive is one letter: what stands before it ends a word, and what no drive is called is none.
    #[test]
    fn absolute_paths_begin_as_the_system_writes_them() {
        assert_eq!(absolute("ir=C:\\rooms\\hall.wav", true), Some("C:\\rooms\\hall.wav"));
        assert_eq!(absolute("名:\\a.wav", true), None);
        assert_eq!(absolute("é:\\a.wav", true), None);
        assert_eq!(absolute(":\\a.wav", true), None);
        assert_eq!(absolute("名C:\\a.wav", true), None);
        assert_eq!(absolute("ir=/rooms/hall.wav", false), Some("/rooms/hall.wav"));
        assert_eq!(absolute("名/a.wav", false), None);
    }

    #[cfg(unix)]
    #[test]
    fn paths_in_a_state_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (here, gone) = (folder.path().join("here.wav"), folder.path().join("A room/gone.WAV"));
        std::fs::write(&here, "").unwrap();
        let state = format!(
            "\u{1}\u{0}{{\"impulse-response\":\"{}\",\"other\":\"{}\",\"mime\":\"audio/x.wav\",\"at\":\"http://a/b.wav\"}}",
            here.display(),
            gone.display()
        );
        let mut state = state.into_bytes();
        state.extend([0xFF, 0xFE, b'/', 0xC0, b'.', b'w', b'a', b'v']);
        assert_eq!(missing_files(&state), BTreeSet::from([gone.display().to_string()]));
    }
}
