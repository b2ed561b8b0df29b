//! Bundles that describe themselves: `moduleinfo.json` tells what the library's factory would tell, without loading it.
//! Its layout is that of the VST3 documentation, "ModuleInfo JSON"; it is JSON5.

use std::path::Path;

use serde::Deserialize;

use crate::library::{Format, PluginDescriptor};

/// Where it is in a bundle, the newer place first.
const PLACES: [&str; 2] = ["Contents/Resources/moduleinfo.json", "Contents/moduleinfo.json"];
/// The category of classes that are plugins; all others are parts of them.
const PLUGIN_CATEGORY: &str = "Audio Module Class";
/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 32;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModuleInfo {
    #[serde(rename = "Factory Info")]
    factory: FactoryInfo,
    classes: Vec<Class>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[derive(Default)]
struct FactoryInfo {
    vendor: String,
    #[serde(rename = "URL")]
    url: String,
    flags: Flags,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Flags {
    /// The classes may be others each time that the library is loaded.
    #[serde(rename = "Classes Discardable")]
    classes_discardable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Class {
    #[serde(rename = "CID")]
    id: String,
    category: String,
    name: String,
    #[serde(default)]
    vendor: String,
    #[serde(default)]
    version: String,
    #[serde(default, rename = "Sub Categories")]
    features: Vec<String>,
}

/// The plugins of a bundle that says all there is to say of them; none if only its library can tell.
pub(super) fn described(bundle: &Path) -> Option<Vec<PluginDescriptor>> {
    let format = Format::of(bundle)?;
    read(&PLACES.iter().find_map(|place| std::fs::read_to_string(bundle.join(place)).ok())?, format)
}

fn read(text: &str, format: Format) -> Option<Vec<PluginDescriptor>> {
    let ModuleInfo { factory, classes } = json5::from_str(text).ok()?;
    let plugins: Vec<Class> = classes.into_iter().filter(|class| class.category == PLUGIN_CATEGORY).collect();
    let is_id = |id: &str| id.len() == ID_DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_enough = plugins.iter().all(|class| is_id(&class.id) && !class.name.is_empty());
    if factory.flags.classes_discardable || plugins.is_empty() || !is_enough {
        return None;
    }
    let descriptor = |class: Class| PluginDescriptor {
        format,
        id: class.id.to_ascii_uppercase(),
        name: class.name,
        vendor: if class.vendor.is_empty() { factory.vendor.clone() } else { class.vendor },
        version: class.version,
        description: String::new(),
        url: factory.url.clone(),
        features: class.features,
    };
    Some(plugins.into_iter().map(descriptor).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
        "Name": "Reverb",
        "Factory Info": {
            "Vendor": "Somebody", "URL": "https://example.org", "E-Mail": "",
            "Flags": { "Unicode": true, "Classes Discardable": false, },
        },
        "Classes": [
            {
                "CID": "b9f9ade1cd9c4b6da57e61e3123535fd", // small letters
                "Category": "Audio Module Class", "Name": "Großer Hall", "Version": "1.2",
                "Sub Categories": ["Fx", "Reverb",], "Snapshots": [],
            },
            { "CID": "00000000000000000000000000000001", "Category": "Component Controller Class", "Name": "its controller" },
        ],
    }"#;

    #[test]
    fn a_description_tells_the_plugins_and_not_their_parts() {
        let plugins = read(TEXT, Format::Clap).unwrap();
        let [plugin] = &plugins[..] else { panic!("{plugins:?}") };
        assert_eq!(plugin.id, "B9F9ADE1CD9C4B6DA57E61E3123535FD");
        assert_eq!((plugin.name.as_str(), plugin.vendor.as_str()), ("Großer Hall", "Somebody"));
        assert_eq!((plugin.features.join("|"), plugin.url.as_str()), ("Fx|Reverb".to_owned(), "https://example.org"));
    }

    #[test]
    fn what_does_not_suffice_is_not_used() {
        for (from, to) in [
            ("\"Classes Discardable\": false", "\"Classes Discardable\": true"),
            ("b9f9ade1", "x9f9ade1"),
            ("Audio Module Class", "Something Else"),
            ("\"Großer Hall\"", "\"\""),
            ("\"Classes\": [", "\"Classes\": "),
        ] {
            assert!(TEXT.contains(from));
            assert_eq!(read(&TEXT.replace(from, to), Format::Clap), None, "{to}");
        }
    }
}
