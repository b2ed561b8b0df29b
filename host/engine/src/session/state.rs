//! State files: where they lie, what they are called, and whether one is what its name says. A state file is named by
//! the hash of its content, so it is never changed, only written, kept or collected.

use super::document::State;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};
use std::sync::Arc;

/// Hexadecimal digits of BLAKE3 in a name: 64 bits, ample for the states of one rig.
const DIGITS: usize = 16;
const EXTENSION: &str = ".state";

/// The name of the file for this state.
pub(super) fn file_name(bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    format!("{}{EXTENSION}", &hash[..DIGITS])
}

/// The folder of a rig's state files beside it: `my.rig.state` for `my.rig.toml`.
pub(super) fn folder_name(rig_file_name: &str) -> String {
    format!("{}{EXTENSION}", rig_file_name.strip_suffix(".toml").unwrap_or(rig_file_name))
}

/// How a rig file names a state: its file relative to the rig's folder.
pub(super) fn named(state: &State, state_folder: &str) -> String {
    match state {
        State::Bytes(bytes) => format!("{state_folder}/{}", file_name(bytes)),
        State::Unavailable { file } => file.clone(),
    }
}

/// Whether a file of that name is a state file by its look.
pub(super) fn is_file_name(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.strip_suffix(EXTENSION).is_some_and(|stem| stem.len() == DIGITS && stem.bytes().all(is_digit))
}

/// All names of state files in a text, whether it can be parsed or not.
pub(super) fn names_in(text: &[u8]) -> BTreeSet<String> {
    let length = DIGITS + EXTENSION.len();
    let names = text.windows(length).filter_map(|window| std::str::from_utf8(window).ok());
    names.filter(|name| is_file_name(name)).map(str::to_owned).collect()
}

/// Reads a state file of a rig in `folder`, or says what is wrong with it.
pub(super) fn read(folder: &Path, file: &str) -> Result<Arc<[u8]>, String> {
    let inside = Path::new(file).components().all(|component| matches!(component, Component::Normal(_)));
    if file.is_empty() || !inside {
        return Err(format!("the state file `{file}` must be named relative to the rig's folder and lie in it"));
    }
    let path = folder.join(file);
    if !path.is_file() {
        return Err(format!("the state file `{file}` is not there; put it back beside the rig"));
    }
    let bytes = fs::read(&path).map_err(|error| format!("the state file `{file}` cannot be read: {error}"))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if is_file_name(name) && name != file_name(&bytes) {
        return Err(format!("the state file `{file}` is damaged; put an undamaged copy in its place"));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_text() {
        let name = file_name(b"state");
        assert!(is_file_name(&name));
        let text = format!(
            "state = \"a.state/{name}\"\n\u{fc}0123456789abcdef.state \u{1}[[[ 0123.state X123456789abcdef.state"
        );
        let expected = BTreeSet::from([name, "0123456789abcdef.state".to_owned()]);
        assert_eq!(names_in(text.as_bytes()), expected);
        assert_eq!(names_in(b""), BTreeSet::new());
    }

    #[test]
    fn state_outside_the_folder_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rigs")).unwrap();
        fs::write(folder.path().join("secret"), b"x").unwrap();
        let secret = folder.path().join("secret");
        for file in ["../secret", secret.to_str().unwrap(), "", ".", "a/../../secret"] {
            assert!(read(&folder.path().join("rigs"), file).unwrap_err().contains("must be named relative"), "{file}");
        }
    }
}
