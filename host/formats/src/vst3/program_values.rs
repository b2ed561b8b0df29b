//! Programs of a plugin that has no lists of them: the values of the parameter that chooses one. Names and keys only; calls
//! nobody by itself.

use crate::plugin::Parameter;
use crate::preset::{Preset, PresetFlags, PresetLocation, PresetPlace};

/// More programs than this are not believed.
const MOST: f64 = 65_536.0;
/// What a key begins with; a parameter's id, `=` and a value follow.
const KEY: &str = "parameter:";

/// Each whole value of the parameters as a preset within the plugin, by the name that `text` says.
pub(crate) fn presets<'p>(
    parameters: impl Iterator<Item = &'p Parameter>,
    mut text: impl FnMut(u32, f64) -> Option<String>,
) -> Vec<Preset> {
    let mut presets = Vec::new();
    for &Parameter { id, minimum, maximum, .. } in parameters {
        if !(0.0..MOST).contains(&(maximum - minimum)) {
            continue;
        }
        for value in (0..=(maximum - minimum) as u32).map(|step| minimum + f64::from(step)) {
            let Some(name) = text(id, value).filter(|name| !name.is_empty()) else { continue };
            let place = PresetPlace { location: PresetLocation::Plugin, key: Some(format!("{KEY}{id}={value}")) };
            let flags = PresetFlags { factory: true, ..PresetFlags::default() };
            presets.push(Preset { flags, ..Preset::new(name, place) });
        }
    }
    presets
}

/// The parameter and the value that a key stands for, if it is one of these.
pub(crate) fn from_key(key: &str) -> Option<(u32, f64)> {
    let (id, value) = key.strip_prefix(KEY)?.split_once('=')?;
    Some((id.parse().ok()?, value.parse().ok().filter(|value: &f64| value.is_finite())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::ParameterFlags;

    fn parameter(id: u32, maximum: f64) -> Parameter {
        let (name, module, flags) = (String::new(), String::new(), ParameterFlags::default());
        Parameter { id, name, module, minimum: 0.0, maximum, default: 0.0, flags }
    }

    #[test]
    fn values_are_presets_with_keys_that_lead_back() {
        let parameters = [parameter(7, 2.0), parameter(8, f64::INFINITY), parameter(9, f64::NAN)];
        let name = |_, value: f64| (value != 1.0).then(|| format!("Program {value}"));
        let presets = presets(parameters.iter(), name);
        let names: Vec<_> = presets.iter().map(|preset| preset.name.as_str()).collect();
        assert_eq!(names, ["Program 0", "Program 2"]);
        assert_eq!(from_key(presets[1].place.key.as_deref().unwrap()), Some((7, 2.0)));
        for wrong in ["7/2", "parameter:7", "parameter:x=1", "parameter:7=inf"] {
            assert_eq!(from_key(wrong), None, "{wrong}");
        }
    }
}
