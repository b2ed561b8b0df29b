//! What a plugin is given before it is first activated. Main thread.

use crate::error::EngineError;
use crate::session::{ParameterEntry, ParameterValue, PortSelector, State};
use crosspoint_formats::{BusDirection, Plugin, PluginNotice, Precision, PresetPlace};

/// What a fresh plugin is given: its state, then a preset, then its parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginSetup {
    /// The precision of samples that it is to be given; none for the one that it prefers.
    pub precision: Option<Precision>,
    /// Its state; none for the initial one.
    pub state: Option<State>,
    /// A preset to load after the state.
    pub preset: Option<PresetPlace>,
    /// Parameters to set after these, by id or name, each a number in the plain scale or a text of the plugin's own.
    pub parameters: Vec<ParameterEntry>,
    /// Audio inputs to switch on that may be off from the start, such as a side chain: by name, of several with one name the
    /// next for each time it is named, or by number among all.
    pub inputs: Vec<PortSelector>,
    /// As `inputs`, for outputs.
    pub outputs: Vec<PortSelector>,
}

impl PluginSetup {
    /// Parameters by id, each in the plugin's plain scale.
    pub fn parameters(values: &[(u32, f64)]) -> Self {
        let entry = |&(id, value): &(u32, f64)| ParameterEntry {
            id: Some(id),
            name: String::new(),
            value: ParameterValue::Plain(value),
        };
        Self { parameters: values.iter().map(entry).collect(), ..Self::default() }
    }

    /// Gives an inactive plugin all of it. What it refuses is left out and told.
    pub(super) fn give_to(&self, plugin: &mut dyn Plugin, name: &str) -> Vec<EngineError> {
        let mut problems = Vec::new();
        switch_on(plugin, BusDirection::Input, &self.inputs);
        switch_on(plugin, BusDirection::Output, &self.outputs);
        if let Some(precision) = self.precision
            && !plugin.set_precision(precision)
        {
            problems.push(EngineError::PrecisionRefused { name: name.to_owned(), precision });
        }
        match &self.state {
            Some(State::Bytes(state)) => {
                if let Err(source) = plugin.load_state(state) {
                    problems.push(EngineError::StateRefused { name: name.to_owned(), source });
                }
            }
            Some(State::Unavailable { file }) => {
                problems.push(EngineError::StateMissing { name: name.to_owned(), file: file.clone() });
            }
            None => {}
        }
        // A plugin that is only being set up has nothing else to say that matters.
        let preset = self.preset.as_ref().map(|place| load_preset(plugin, name, place, &mut Vec::new()));
        problems.extend(preset.and_then(Result::err));
        for entry in &self.parameters {
            let parameter = entry.id.map_or_else(|| entry.name.clone(), |id| id.to_string());
            let text = match &entry.value {
                ParameterValue::Plain(value) => value.to_string(),
                ParameterValue::Text(text) => text.clone(),
            };
            let set = parse(plugin, name, &parameter, &text).and_then(|value| {
                plugin.set_parameters(&[value]).map_err(|source| EngineError::Plugin { name: name.to_owned(), source })
            });
            problems.extend(set.err());
        }
        problems
    }
}

/// Has a plugin load a preset. If it fails, what the plugin has to say goes to `notices`: the reason may be among it.
pub(super) fn load_preset(
    plugin: &mut dyn Plugin,
    name: &str,
    place: &PresetPlace,
    notices: &mut Vec<PluginNotice>,
) -> Result<(), EngineError> {
    plugin.load_preset(place).map_err(|error| {
        plugin.poll(notices);
        let reason = notices.iter().rev().find_map(|notice| match notice {
            PluginNotice::PresetFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| error.to_string());
        EngineError::Preset { name: name.to_owned(), preset: place.to_string(), reason }
    })
}

/// Switches buses of an inactive plugin on. What it does not have is told by those who would use it.
fn switch_on(plugin: &mut dyn Plugin, direction: BusDirection, wanted: &[PortSelector]) {
    let names: Vec<String> = plugin.audio_buses(direction).iter().map(|bus| bus.name.clone()).collect();
    for (at, selector) in wanted.iter().enumerate() {
        let bus = match selector {
            PortSelector::Name(name) => {
                let before = wanted[..at].iter().filter(|other| *other == selector).count();
                (0..names.len()).filter(|&bus| names[bus] == *name).nth(before)
            }
            other => other.resolve(names.iter().map(String::as_str)).map(usize::from),
        };
        if let Some(bus) = bus {
            // It is inactive and has the bus.
            let _ = plugin.set_bus_active(direction, bus, true);
        }
    }
}

/// The id and value that a parameter and a text stand for: `parameter` is an id or a name, `text` a number in the plain
/// scale or whatever the plugin understands, such as `-6 dB`.
pub(super) fn parse(
    plugin: &mut dyn Plugin,
    name: &str,
    parameter: &str,
    text: &str,
) -> Result<(u32, f64), EngineError> {
    let by_id = parameter.parse::<u32>().ok();
    let found = plugin.parameters().iter().find(|known| Some(known.id) == by_id || known.name == parameter);
    let found =
        found.or_else(|| plugin.parameters().iter().find(|known| known.name.eq_ignore_ascii_case(parameter.trim())));
    let Some(found) = found.cloned() else {
        let names: Vec<&str> = plugin.parameters().iter().map(|known| known.name.as_str()).take(40).collect();
        let known = names.join(", ");
        return Err(EngineError::UnknownParameter { name: name.to_owned(), parameter: parameter.to_owned(), known });
    };
    let plain = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let value = plain.or_else(|| plugin.text_to_value(found.id, text)).filter(|value| value.is_finite());
    match value {
        Some(value) if (found.minimum..=found.maximum).contains(&value) => Ok((found.id, value)),
        _ => Err(EngineError::ParameterText {
            name: name.to_owned(),
            parameter: found.name,
            text: text.to_owned(),
            minimum: found.minimum,
            maximum: found.maximum,
        }),
    }
}
