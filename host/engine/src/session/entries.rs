//! Single entries of a rig file as tables, for who speaks of them otherwise than by a file: remote control, scripts. The
//! keys and words are those of the file, read by the same reader; but here nothing is lenient, since nobody's work is lost
//! by a refusal.

use super::groups::write_group;
use super::mappings::write_mapping;
use super::mixes::write_mix;
use super::problem::Severity;
use super::{
    Builtin, Document, EntryKind, GroupEntry, MappingEntry, MixEntry, NodeEntry, SceneEntry, SongEntry, VERSION, read,
};
use std::path::Path;

/// The document that has one entry. Names that the entry speaks of need not be there.
fn document(table: &str, entry: toml::Table, folder: &Path) -> Result<Document, String> {
    let mut file = toml::Table::new();
    file.insert("crosspoint".to_owned(), toml::Value::Integer(i64::from(VERSION)));
    file.insert(table.to_owned(), toml::Value::Array(vec![toml::Value::Table(entry)]));
    let text = toml::to_string(&file).map_err(|error| error.to_string())?;
    let loaded = read::parse(&text, folder).map_err(|error| error.to_string())?;
    let wrong = loaded.problems.iter().filter(|problem| problem.severity != Severity::Warning);
    let wrong: Vec<&str> = wrong.map(|problem| problem.message.as_str()).collect();
    if wrong.is_empty() { Ok(loaded.document) } else { Err(wrong.join("; ")) }
}

/// The table that an entry writes.
fn written(key: &str, write: impl FnOnce(&mut String)) -> toml::Table {
    let mut text = String::new();
    write(&mut text);
    let table = text.parse::<toml::Table>().ok().and_then(|mut file| match file.remove(key)? {
        toml::Value::Array(entries) => entries.into_iter().next()?.try_into().ok(),
        _ => None,
    });
    // What was written here can be read.
    table.unwrap_or_default()
}

fn only<T>(list: Vec<T>) -> Result<T, String> {
    list.into_iter().next().ok_or_else(|| "there is nothing in it".to_owned())
}

impl MappingEntry {
    /// The mapping that a `[[mapping]]` table says.
    ///
    /// # Errors
    /// What is wrong with it, an unknown key too.
    pub fn from_table(table: toml::Table) -> Result<Self, String> {
        only(document("mapping", table, Path::new(""))?.mappings)
    }

    /// Its `[[mapping]]` table.
    pub fn to_table(&self) -> toml::Table {
        written("mapping", |text| write_mapping(text, self))
    }
}

impl GroupEntry {
    /// The group that a `[[group]]` table says.
    ///
    /// # Errors
    /// What is wrong with it, an unknown key too.
    pub fn from_table(table: toml::Table) -> Result<Self, String> {
        only(document("group", table, Path::new(""))?.groups)
    }

    /// Its `[[group]]` table.
    pub fn to_table(&self) -> toml::Table {
        written("group", |text| write_group(text, self))
    }
}

impl MixEntry {
    /// The mix that a `[[mix]]` table says.
    ///
    /// # Errors
    /// What is wrong with it, an unknown key too.
    pub fn from_table(table: toml::Table) -> Result<Self, String> {
        only(document("mix", table, Path::new(""))?.mixes)
    }

    /// Its `[[mix]]` table.
    pub fn to_table(&self) -> toml::Table {
        written("mix", |text| write_mix(text, self))
    }
}

impl SceneEntry {
    /// The scene that a `[[scene]]` table says.
    ///
    /// # Errors
    /// What is wrong with it, an unknown key too.
    pub fn from_table(table: toml::Table) -> Result<Self, String> {
        only(document("scene", table, Path::new(""))?.scenes)
    }
}

impl SongEntry {
    /// The song that a `[[song]]` table says.
    ///
    /// # Errors
    /// What is wrong with it, an unknown key too.
    pub fn from_table(table: toml::Table) -> Result<Self, String> {
        only(document("song", table, Path::new(""))?.songs)
    }
}

impl NodeEntry {
    /// The built-in node that a `[[builtin]]` table says; a player's file is sought in `folder`.
    ///
    /// # Errors
    /// What is wrong with it, an unknown key too.
    pub fn from_builtin_table(table: toml::Table, folder: &Path) -> Result<(Self, Builtin), String> {
        let entry = only(document("builtin", table, folder)?.nodes)?;
        match &entry.kind {
            EntryKind::Builtin { builtin, .. } => {
                let builtin = builtin.clone();
                Ok((entry, builtin))
            }
            _ => Err("there is no such built-in node".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{ControlAction, Fader, FaderPlace, MappingTarget, MessageKind, RangeEnd};

    fn table(text: &str) -> toml::Table {
        text.parse().unwrap()
    }

    /// What is written is read again, and what makes no sense is refused with all that is wrong.
    #[test]
    fn a_mapping_is_a_table_and_back() {
        let mut mapping = MappingEntry::new(
            "pedal",
            MessageKind::Controller(7).into(),
            MappingTarget::Parameter { node: "amp".into(), id: None, name: "Drive".into() },
        );
        (mapping.range, mapping.scenes) =
            (Some((RangeEnd::Decibels(-20.0), RangeEnd::Plain(3.0))), vec!["Lead".into()]);
        assert_eq!(MappingEntry::from_table(mapping.to_table()), Ok(mapping.clone()));
        for target in [
            MappingTarget::Action(ControlAction::Panic),
            MappingTarget::FaderGain(FaderPlace::Group("Drums".into())),
            MappingTarget::FaderMute(FaderPlace::Mix("Ann".into())),
            MappingTarget::Present("amp".into()),
        ] {
            mapping.target = target;
            assert_eq!(MappingEntry::from_table(mapping.to_table()), Ok(mapping.clone()));
        }
        for (text, word) in [
            ("", "role"),
            ("role = 'p'\nmessage = 'cc 200'\nscene = 'x'", "message"),
            ("role = 'p'\nmessage = 'cc 20'\nscene = 'x'\ncolour = 1", "colour"),
            ("role = 'p'\nmessage = 'cc 20'", "target"),
            ("role = 'p'\nmessage = 'cc 20'\ngain = { group = 'x', mix = 'y' }", "crosspoint"),
        ] {
            let refused = MappingEntry::from_table(table(text)).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }

    #[test]
    fn scenes_songs_and_built_in_nodes_are_read_as_in_a_file() {
        let scene = SceneEntry::from_table(table("name = 'Lead'\nbypassed = ['gate']\ntempo = 90")).unwrap();
        assert!(scene.name == "Lead" && scene.tempo == Some(90.0) && scene.bypass["gate"]);
        let scene = SceneEntry::from_table(table("name = 'Lead'\npresent = ['gate']\naway = ['amp']")).unwrap();
        assert!(scene.presence["gate"] && !scene.presence["amp"]);
        assert!(SceneEntry::from_table(table("name = 'Lead'\ntempo = 'fast'")).is_err());
        let scene = table("name = 'Lead'\nfaders = [{ group = 'Drums', gain = -20 }, { mix = 'Ann', muted = true }]");
        let faders = SceneEntry::from_table(scene).unwrap().faders;
        assert_eq!(faders[&FaderPlace::Group("Drums".into())], Fader { gain: 0.1, muted: false });
        assert_eq!(faders[&FaderPlace::Mix("Ann".into())], Fader { gain: 1.0, muted: true });
        for wrong in ["{ gain = -20 }", "{ group = 'Drums', gain = 30 }", "{ group = 'Drums', mix = 'Ann' }"] {
            let refused = SceneEntry::from_table(table(&format!("name = 'Lead'\nfaders = [{wrong}]"))).unwrap_err();
            assert!(refused.contains("a fader such as"), "{refused}");
        }
        let group = GroupEntry::from_table(table("name = 'Drums'\ngain = -6\nrows = [{node = 'kick'}]")).unwrap();
        assert_eq!(GroupEntry::from_table(group.to_table()), Ok(group));
        let mix = MixEntry::from_table(table("name = 'Ann'\ncolumns = [{node = 'ears', channel = 2}]")).unwrap();
        assert_eq!(MixEntry::from_table(mix.to_table()), Ok(mix));
        assert!(GroupEntry::from_table(table("name = 'Drums'\nrows = ['kick']")).is_err());
        let song = SongEntry::from_table(table("name = 'Opener'\nscenes = ['Lead', 'Lead']")).unwrap();
        assert_eq!(song.scenes, ["Lead", "Lead"]);
        let (entry, builtin) =
            NodeEntry::from_builtin_table(table("name = 'volume'\nkind = 'gain'\nchannels = 2"), Path::new(""))
                .unwrap();
        assert!(entry.name == "volume" && matches!(builtin, Builtin::Gain { .. }));
        for wrong in ["name = 'x'\nkind = 'magic'", "name = 'x'\nkind = 'gain'\nchannels = -1"] {
            assert!(NodeEntry::from_builtin_table(table(wrong), Path::new("")).is_err(), "{wrong}");
        }
    }
}
