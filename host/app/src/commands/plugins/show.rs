//! `crosspoint plugins show`: one plugin with its parameters, as its own controller tells them.

use super::listing::Entry;
use crate::cli::PluginsShow;
use crate::failure::Failure;
use crate::output::Output;
use crate::rack;
use crosspoint::EngineSettings;
use crosspoint::formats::scan::{PluginFacts, shape};
use crosspoint::formats::{Parameter, ParameterFlags, Plugin};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

/// More values than this are a range, whether they are whole or not.
const MOST_NAMED_VALUES: f64 = 64.0;

struct Sheet {
    entry: Entry,
    /// What is wrong with it.
    fault: Option<String>,
    parameters: Vec<ParameterSheet>,
}

#[derive(Serialize)]
struct ParameterSheet {
    id: u32,
    name: String,
    module: String,
    minimum: Value,
    maximum: Value,
    default: Value,
    /// What it is now.
    value: Option<Value>,
    flags: Vec<&'static str>,
    /// Of one with few values: all of them.
    values: Vec<Value>,
}

/// A number in the plugin's own scale, and what the plugin calls it.
#[derive(Serialize)]
struct Value {
    value: f64,
    text: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &PluginsShow) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let mut engine = rack::engine(EngineSettings::default())?;
    let (mut plugin, path) = engine.catalogue().instantiate(&arguments.plugin)?;
    let (shape, fault) = shape(&mut *plugin);
    let facts = PluginFacts { descriptor: plugin.descriptor().clone(), shape: Some(shape) };
    let parameters = plugin.parameters().to_vec();
    let parameters = parameters.iter().map(|parameter| parameter_sheet(&mut *plugin, parameter)).collect();
    let sheet = Sheet { entry: Entry { facts, path }, fault, parameters };
    if arguments.json {
        output.json(&document(&sheet).map_err(Failure::new)?)?;
    } else {
        output.text(&text(&sheet))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// As in a list of plugins, with the parameters themselves in place of their number.
fn document(sheet: &Sheet) -> Result<serde_json::Value, serde_json::Error> {
    let mut document = serde_json::to_value(&sheet.entry)?;
    document["parameters"] = serde_json::to_value(&sheet.parameters)?;
    document["fault"] = serde_json::to_value(&sheet.fault)?;
    Ok(document)
}

fn parameter_sheet(plugin: &mut dyn Plugin, parameter: &Parameter) -> ParameterSheet {
    let Parameter { id, minimum, maximum, default, flags, .. } = *parameter;
    let current = plugin.parameter_value(id);
    let mut value = |value: f64| Value { value, text: plugin.value_to_text(id, value) };
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

fn words(flags: ParameterFlags) -> Vec<&'static str> {
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
    all.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect()
}

impl Value {
    fn text(&self) -> String {
        let text = self.text.as_ref().filter(|text| !text.trim().is_empty());
        text.map_or_else(|| self.value.to_string(), |text| text.trim().to_owned())
    }
}

fn text(sheet: &Sheet) -> String {
    let mut text = sheet.entry.text();
    let plugin = &sheet.entry.facts.descriptor;
    for line in [&plugin.description, &plugin.url].into_iter().chain(&sheet.fault).filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "    {line}");
    }
    let width = |length: fn(&ParameterSheet) -> usize| sheet.parameters.iter().map(length).max().unwrap_or(0);
    let id_width = width(|parameter| parameter.id.to_string().len());
    let name_width = width(|parameter| parameter.name.chars().count());
    for parameter in &sheet.parameters {
        let ParameterSheet { id, name, minimum, maximum, default, .. } = parameter;
        let range = format!("{} to {}, default {}", minimum.text(), maximum.text(), default.text());
        let _ = writeln!(text, "    {id:>id_width$}  {name:<name_width$}  {range}");
        if !parameter.values.is_empty() {
            let values: Vec<String> = parameter.values.iter().map(Value::text).collect();
            let _ = writeln!(text, "    {:>id_width$}  {:<name_width$}  {}", "", "", values.join(", "));
        }
    }
    text
}
