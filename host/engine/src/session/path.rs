//! Paths of a rig file: relative to its folder with `/` between names wherever they can be, so that a rig moves with
//! what lies beside it. Never asks the file system.

use std::path::{Component, Path, PathBuf};

/// The path that a text of a file in `folder` means.
pub(super) fn joined(folder: &Path, text: &str) -> PathBuf {
    normal(&folder.join(text))
}

/// How a file in `folder` names the path; `None` if it is not Unicode. Absolute if the two share nothing but a root.
pub(super) fn text(path: &Path, folder: &Path) -> Option<String> {
    if path.as_os_str().is_empty() {
        return Some(String::new());
    }
    let (path, folder) = (absolute(path), absolute(folder));
    let shared = path.components().zip(folder.components()).take_while(|(one, other)| one == other);
    let shared: Vec<Component<'_>> = shared.map(|(component, _)| component).collect();
    if !shared.iter().any(|component| matches!(component, Component::Normal(_))) {
        return path.to_str().map(str::to_owned);
    }
    let up = folder.components().skip(shared.len()).map(|_| Some(".."));
    let down = path.components().skip(shared.len()).map(|component| component.as_os_str().to_str());
    let names: Option<Vec<&str>> = up.chain(down).collect();
    names.map(|names| names.join("/"))
}

fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// Without `.` and, where a name stands before it, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            _ => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    // What lies beside the rig or near it is relative, the rest is not; and what is written is found again.
    #[test]
    fn paths_are_relative_where_they_can_be() {
        let root = std::env::temp_dir();
        let folder = root.join("rigs").join("live");
        for text in ["a.wav", "takes/a.wav", "../a.wav", "../../other/a b.wav"] {
            let path = joined(&folder, text);
            assert_eq!(super::text(&path, &folder).as_deref(), Some(text));
            assert!(path.components().all(|component| component != Component::ParentDir), "{}", path.display());
        }
        let moved = super::text(&joined(&folder, "a.wav"), &root.join("rigs"));
        assert_eq!(moved.as_deref(), Some("live/a.wav"));
    }

    #[cfg(unix)]
    #[test]
    fn what_shares_only_the_root_is_absolute() {
        let folder = Path::new("/home/someone/rigs");
        assert_eq!(text(Path::new("/usr/lib/clap/a.clap"), folder).as_deref(), Some("/usr/lib/clap/a.clap"));
        assert_eq!(joined(folder, "/usr/../opt/./a.clap"), Path::new("/opt/a.clap"));
        assert_eq!(joined(folder, "../../../../../a"), Path::new("/a"));
    }

    #[test]
    fn no_path_is_no_text() {
        assert_eq!(text(Path::new(""), Path::new("")).as_deref(), Some(""));
        assert_eq!(text(&joined(Path::new(""), "a/b.wav"), Path::new("")).as_deref(), Some("a/b.wav"));
    }
}
