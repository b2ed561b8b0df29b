//! `crosspoint plugins show`: one plugin with its parameters, as its own controller tells them in a process of its own.

use super::listing::Entry;
use crate::cli::PluginsShow;
use crate::failure::Failure;
use crate::output::Output;
use crate::rack;
use crosspoint::formats::inspect::{ParameterSheet, PluginSheet, ValueSheet};
use std::fmt::Write;
use std::process::ExitCode;

/// Runs the command.
pub fn run(arguments: &PluginsShow, verbose: bool) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let (path, id) = rack::plugins()?.catalogue().locate(&arguments.plugin)?;
    let sheet = super::inspector(verbose, arguments.timeout)?.sheet(&path, id.as_deref()).map_err(Failure::new)?;
    if arguments.json {
        output.json(&document(sheet).map_err(Failure::new)?)?;
    } else {
        output.text(&text(sheet))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// As in a list of plugins, with the parameters themselves in place of their number.
fn document(sheet: PluginSheet) -> Result<serde_json::Value, serde_json::Error> {
    let PluginSheet { facts, path, fault, parameters } = sheet;
    let mut document = serde_json::to_value(&Entry { facts, path })?;
    document["parameters"] = serde_json::to_value(&parameters)?;
    document["fault"] = serde_json::to_value(&fault)?;
    Ok(document)
}

fn text(sheet: PluginSheet) -> String {
    let PluginSheet { facts, path, fault, parameters } = sheet;
    let entry = Entry { facts, path };
    let mut text = entry.text();
    let plugin = &entry.facts.descriptor;
    for line in [&plugin.description, &plugin.url].into_iter().chain(&fault).filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "    {line}");
    }
    let width = |length: fn(&ParameterSheet) -> usize| parameters.iter().map(length).max().unwrap_or(0);
    let id_width = width(|parameter| parameter.id.to_string().len());
    let name_width = width(|parameter| parameter.name.chars().count());
    for parameter in &parameters {
        let ParameterSheet { id, name, minimum, maximum, default, .. } = parameter;
        let range = format!("{} to {}, default {}", minimum.text(), maximum.text(), default.text());
        let _ = writeln!(text, "    {id:>id_width$}  {name:<name_width$}  {range}");
        if !parameter.values.is_empty() {
            let values: Vec<String> = parameter.values.iter().map(ValueSheet::text).collect();
            let _ = writeln!(text, "    {:>id_width$}  {:<name_width$}  {}", "", "", values.join(", "));
        }
    }
    text
}
