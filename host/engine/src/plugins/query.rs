//! Searching the database.

use crosspoint_formats::{Format, PluginDescriptor};

/// What a plugin must be to be found; what is none is not asked for. Letters match in any case.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PluginQuery {
    /// A part of its name.
    pub name: Option<String>,
    /// A part of its vendor's name.
    pub vendor: Option<String>,
    /// What it is: one of its features, such as `reverb`. `effect` and `instrument` mean the same in every format.
    pub category: Option<String>,
    /// Its format.
    pub format: Option<Format>,
}

impl PluginQuery {
    /// Whether a plugin is found.
    pub fn is_met_by(&self, plugin: &PluginDescriptor) -> bool {
        let contains = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
        };
        let is_of = |category: &String| {
            let category = plain(category);
            plugin.features.iter().any(|feature| plain(feature) == category)
        };
        contains(&plugin.name, &self.name)
            && contains(&plugin.vendor, &self.vendor)
            && self.category.as_ref().is_none_or(is_of)
            && self.format.is_none_or(|format| format == plugin.format)
    }
}

/// A feature in words that no format insists on.
fn plain(feature: &str) -> String {
    let feature = feature.to_lowercase().replace([' ', '_'], "-");
    match feature.as_str() {
        "audio-effect" | "fx" => "effect".to_owned(),
        "synth" => "synthesizer".to_owned(),
        _ => feature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_asked_for_must_hold() {
        let plugin = PluginDescriptor {
            format: Format::Clap,
            id: "org.verb".to_owned(),
            name: "Large Verb".to_owned(),
            vendor: "Müller Audio".to_owned(),
            version: String::new(),
            description: String::new(),
            url: String::new(),
            features: vec!["audio-effect".to_owned(), "Reverb".to_owned()],
        };
        let some = |text: &str| Some(text.to_owned());
        let is_met = |query: PluginQuery| query.is_met_by(&plugin);
        assert!(is_met(PluginQuery::default()));
        assert!(is_met(PluginQuery { name: some("verb"), vendor: some("MÜLLER"), ..PluginQuery::default() }));
        assert!(!is_met(PluginQuery { name: some("verb"), vendor: some("Maier"), ..PluginQuery::default() }));
        for category in ["reverb", "Fx", "effect", "audio effect"] {
            assert!(is_met(PluginQuery { category: some(category), ..PluginQuery::default() }), "{category}");
        }
        assert!(!is_met(PluginQuery { category: some("verb"), ..PluginQuery::default() }));
        assert!(is_met(PluginQuery { format: Some(Format::Clap), ..PluginQuery::default() }));
    }
}
