//! What can be set of built-in nodes, for people and programs that show it: names, ranges and texts. How it sounds is not
//! decided here.

use crate::builtin;
use crate::control::{Domain, domain_of_builtin};
use crate::session::{Builtin, ParameterEntry, ParameterValue};

/// A parameter of a built-in node, its values in the node's plain scale.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BuiltinParameter {
    /// Its identity, the same in every session.
    pub id: u32,
    /// What rig files call it.
    pub name: String,
    /// The least and the greatest value; none for what has no order, such as shapes by their numbers.
    pub range: Option<(f64, f64)>,
    /// The value until it is set, as far as there is one for all nodes of the kind.
    pub initial: Option<f64>,
    /// Whether only whole values make sense.
    pub is_whole: bool,
    /// Whether it is a linear gain, which may be set in decibels.
    pub is_gain: bool,
}

impl Builtin {
    /// All that can be set.
    pub fn parameters(&self) -> Vec<BuiltinParameter> {
        let describe = |(name, id)| {
            let domain = domain_of_builtin(self, id);
            let range = domain.and_then(|domain| match domain {
                Domain::Even(least, greatest) | Domain::Whole(least, greatest) => Some((least, greatest)),
                Domain::Gain(_, greatest) => Some((0.0, greatest)),
                Domain::Switch => Some((0.0, 1.0)),
                Domain::Deed => None,
            });
            BuiltinParameter {
                id,
                name,
                range,
                initial: builtin::initial(self, id),
                is_whole: matches!(domain, Some(Domain::Whole(..) | Domain::Switch)),
                is_gain: matches!(domain, Some(Domain::Gain(..))),
            }
        };
        builtin::parameters(self).into_iter().map(describe).collect()
    }
}

/// The id and value that are meant by a parameter's id or name and a text: a number in the plain scale or, for gains,
/// decibels such as `-6 dB`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(builtin: &Builtin, parameter: &str, text: &str) -> Result<(u32, f64), &'static str> {
    let known = builtin::parameters(builtin);
    let named = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(parameter));
    let numbered = || known.iter().find(|(_, id)| parameter.parse() == Ok(*id));
    let (name, id) = named.or_else(numbered).ok_or("has no such parameter")?;
    let entry = ParameterEntry { id: Some(*id), name: name.clone(), value: ParameterValue::Text(text.to_owned()) };
    builtin::value(builtin, &entry).ok_or("takes a number, and for a gain decibels such as -6 dB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint_graph::ChannelLayout;

    /// ```text
    /// gain: "gain" or "0", "0.5" or "-6 dB"        delay: "frames", "12", no decibels
    /// ```
    #[test]
    fn a_parameter_is_meant_by_name_or_id_and_a_gain_by_decibels() {
        let gain = Builtin::Gain { layout: ChannelLayout::Mono };
        let delay = Builtin::Delay { layout: ChannelLayout::Mono, longest: 100 };
        for name in ["gain", "Gain", "0"] {
            assert_eq!(read(&gain, name, "0.5"), Ok((0, 0.5)));
            let (_, value) = read(&gain, name, "-20 dB").unwrap();
            assert!((value - 0.1).abs() < 1e-6, "{value}");
        }
        assert_eq!(read(&delay, "frames", " 12 "), Ok((0, 12.0)));
        let tone = Builtin::Tone { layout: ChannelLayout::Mono };
        for builtin in [&gain, &delay, &tone] {
            for known in builtin.parameters() {
                assert_eq!(read(builtin, &known.name, "-20 dB").is_ok(), known.is_gain, "{}", known.name);
            }
        }
        assert!(read(&delay, "frames", "-6 dB").is_err() && read(&gain, "gain", "inf").is_err());
        assert!(read(&gain, "level", "1").is_err() && read(&gain, "7", "1").is_err());
        let [gain] = &gain.parameters()[..] else { panic!() };
        assert!(gain.is_gain && gain.initial == Some(1.0) && gain.range == Some((0.0, 64.0)), "{gain:?}");
        let [delay] = &delay.parameters()[..] else { panic!() };
        assert!(delay.is_whole && delay.range == Some((0.0, 100.0)), "{delay:?}");
    }
}
