//! A plugin with its parameters as plain data, as its own controller tells them. Main thread.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::plugin::{Parameter, ParameterFlags, Plugin};
use crate::scan::{PluginFacts, shape};

/// More values than this are a range, whether they are whole or not.
const MOST_NAMED_VALUES: f64 = 64.0;

/// All that a plugin tells of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginSheet {
    /// What a scan finds out too.
    pub facts: PluginFacts,
    /// Its file, or the name that a linked entry was given.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Option<String>,
    /// Its parameters, in its order.
    pub parameters: Vec<ParameterSheet>,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterSheet {
    /// Its identity, the same in every session.
    pub id: u32,
    /// What people call it.
    pub name: String,
    /// Where it stands in the plugin, such as `oscillators/1`; possibly empty.
    pub module: String,
    /// The least value.
    pub minimum: ValueSheet,
    /// The greatest value.
    pub maximum: ValueSheet,
    /// The initial value.
    pub default: ValueSheet,
    /// What it is now.
    pub value: Option<ValueSheet>,
    /// What may be done with it, a word each.
    pub flags: Vec<String>,
    /// Of one with few values: all of them.
    pub values: Vec<ValueSheet>,
}

/// A number in the plugin's own scale, and what the plugin calls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueSheet {
    /// The number.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// What the plugin calls it.
    pub text: Option<String>,
}

/// JSON has no words for infinity and for what is no number.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// What a plugin tells.
pub(super) fn sheet(plugin: &mut dyn Plugin, path: &Path) -> PluginSheet {
    let (shape, fault) = shape(plugin);
    let facts = PluginFacts { descriptor: plugin.descriptor().clone(), shape: Some(shape) };
    let parameters = plugin.parameters().to_vec();
    let parameters = parameters.iter().map(|parameter| parameter_sheet(plugin, parameter)).collect();
    PluginSheet { facts, path: path.to_owned(), fault, parameters }
}

fn parameter_sheet(plugin: &mut dyn Plugin, parameter: &Parameter) -> ParameterSheet {
    let Parameter { id, minimum, maximum, default, flags, .. } = *parameter;
    let current = plugin.parameter_value(id);
    let mut value = |value: f64| ValueSheet { value, text: plugin.value_to_text(id, value) };
    let is_named = (flags.stepped || flags.enumerated) && (0.0..MOST_NAMED_VALUES).contains(&(maximum - minimum));
    let steps = if is_named { (maximum - minimum) as u32 + 1 } else { 0 };
    ParameterSheet {
        id,
        name: parameter.name.clone(),
        module: parameter.module.clone(),
        minimum: value(minimum),
        maximum: value(maximum),
        default: value(default),
        value: current.map(&mut value),
        flags: words(flags),
        values: (0..steps).map(|step| value(minimum + f64::from(step))).collect(),
    }
}

fn words(flags: ParameterFlags) -> Vec<String> {
    let all = [
        (flags.stepped, "stepped"),
        (flags.enumerated, "enumerated"),
        (flags.periodic, "periodic"),
        (flags.hidden, "hidden"),
        (flags.read_only, "read-only"),
        (flags.bypass, "bypass"),
        (flags.automatable, "automatable"),
        (flags.modulatable, "modulatable"),
        (flags.modulatable_per_note, "modulatable-per-note"),
        (flags.requires_process, "requires-process"),
    ];
    all.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| (*word).to_owned()).collect()
}

impl ValueSheet {
    /// What the plugin calls it, or the number.
    pub fn text(&self) -> String {
        let text = self.text.as_ref().filter(|text| !text.trim().is_empty());
        text.map_or_else(|| self.value.to_string(), |text| text.trim().to_owned())
    }
}
