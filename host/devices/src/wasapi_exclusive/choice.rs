//! Which endpoints a request means. An interface is one device to people, and an endpoint for each side to the system.

use super::NAME;
use crate::error::{OpenError, Side};
use crate::request::StreamRequest;
use crate::selection::ChannelSelection;

/// An endpoint that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub side: Side,
    /// The system's identifier, which nobody reads.
    pub id: String,
    /// "Line in (Interface)".
    pub name: String,
    /// "Interface".
    pub interface: String,
    pub is_default: bool,
}

/// A device as it is listed: an interface with one endpoint a side, or an endpoint of an interface that has more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub name: &'a str,
    pub input: Option<&'a Found>,
    pub output: Option<&'a Found>,
}

impl<'a> Listed<'a> {
    pub fn endpoints(&self) -> impl Iterator<Item = &'a Found> {
        self.input.into_iter().chain(self.output)
    }

    fn side(&self, side: Side) -> Option<&'a Found> {
        match side {
            Side::Input => self.input,
            Side::Output => self.output,
        }
    }
}

/// The devices as people know them, in the system's order.
pub(super) fn listed(found: &[Found]) -> Vec<Listed<'_>> {
    let mut devices: Vec<Listed<'_>> = Vec::new();
    for endpoint in found {
        let of_interface = |side| {
            let mut all = found.iter().filter(move |other| other.side == side && other.interface == endpoint.interface);
            (all.next(), all.next().is_some())
        };
        let ((input, more_inputs), (output, more_outputs)) = (of_interface(Side::Input), of_interface(Side::Output));
        if more_inputs || more_outputs {
            let of = |side| Some(endpoint).filter(|endpoint| endpoint.side == side);
            devices.push(Listed { name: &endpoint.name, input: of(Side::Input), output: of(Side::Output) });
        } else if devices.iter().all(|device| device.name != endpoint.interface) {
            devices.push(Listed { name: &endpoint.interface, input, output });
        }
    }
    devices
}

/// The endpoints that a request means; none on a side of which nothing is selected, or all of nothing.
pub(super) fn choose<'a>(
    found: &'a [Found],
    request: &StreamRequest,
) -> Result<(Option<&'a Found>, Option<&'a Found>), OpenError> {
    let devices = listed(found);
    let input_name = request.input_device.as_ref().or(request.device.as_ref());
    let input = one(found, &devices, Side::Input, input_name, &request.inputs)?;
    let output = one(found, &devices, Side::Output, request.device.as_ref(), &request.outputs)?;
    if input.is_none() && output.is_none() {
        let selects_any = !request.inputs.is_none() || !request.outputs.is_none();
        let device = request.device.clone().unwrap_or_else(|| "the default device".to_owned());
        return Err(if selects_any { absent(&devices, device) } else { OpenError::NoChannels { device } });
    }
    Ok((input, output))
}

fn one<'a>(
    found: &'a [Found],
    devices: &[Listed<'a>],
    side: Side,
    name: Option<&String>,
    selection: &ChannelSelection,
) -> Result<Option<&'a Found>, OpenError> {
    if selection.is_none() {
        return Ok(None);
    }
    let mut of_side = found.iter().filter(|endpoint| endpoint.side == side);
    let endpoint = match name {
        None => of_side.find(|endpoint| endpoint.is_default),
        Some(name) => {
            let device = devices.iter().find(|device| device.name.eq_ignore_ascii_case(name));
            let by_device = device.and_then(|device| device.side(side));
            by_device
                .or_else(|| of_side.find(|endpoint| endpoint.id == *name || endpoint.name.eq_ignore_ascii_case(name)))
        }
    };
    match (endpoint, selection.count()) {
        (None, Some(_)) => {
            let device = name.map_or_else(|| format!("default {side}"), |name| format!("{name}, {side}"));
            Err(absent(devices, device))
        }
        (endpoint, _) => Ok(endpoint),
    }
}

fn absent(devices: &[Listed<'_>], device: String) -> OpenError {
    OpenError::NoDevice { backend: NAME, device, known: devices.iter().map(|device| device.name.to_owned()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An interface with a side each, a sound chip with two outputs, a microphone.
    fn found() -> Vec<Found> {
        let endpoint = |side, id: &str, name: &str, interface: &str, is_default| Found {
            side,
            id: id.into(),
            name: format!("{name} ({interface})"),
            interface: interface.into(),
            is_default,
        };
        vec![
            endpoint(Side::Output, "{a}", "Speakers", "Chip", true),
            endpoint(Side::Output, "{b}", "Digital", "Chip", false),
            endpoint(Side::Output, "{c}", "Out 1-8", "Box", false),
            endpoint(Side::Input, "{d}", "In 1-8", "Box", false),
            endpoint(Side::Input, "{e}", "Microphone", "Camera", true),
        ]
    }

    #[test]
    fn an_interface_with_a_side_each_is_one_device() {
        let found = found();
        let shown: Vec<_> = listed(&found)
            .iter()
            .map(|device| (device.name, device.input.map(|end| &*end.id), device.output.map(|end| &*end.id)))
            .collect();
        assert_eq!(
            shown,
            [
                ("Speakers (Chip)", None, Some("{a}")),
                ("Digital (Chip)", None, Some("{b}")),
                ("Box", Some("{d}"), Some("{c}")),
                ("Camera", Some("{e}"), None),
            ]
        );
    }

    fn chosen(request: &StreamRequest) -> Result<(Option<String>, Option<String>), String> {
        let found = found();
        let id = |endpoint: Option<&Found>| endpoint.map(|endpoint| endpoint.id.clone());
        choose(&found, request).map(|(input, output)| (id(input), id(output))).map_err(|error| error.to_string())
    }

    #[test]
    fn a_device_is_found_by_any_of_its_names() {
        let of = |device: Option<&str>| StreamRequest { device: device.map(str::to_owned), ..Default::default() };
        let pair = |input: &str, output: &str| {
            let some = |id: &str| (!id.is_empty()).then(|| id.to_owned());
            Ok((some(input), some(output)))
        };
        assert_eq!(chosen(&of(None)), pair("{e}", "{a}"));
        assert_eq!(chosen(&of(Some("box"))), pair("{d}", "{c}"));
        assert_eq!(chosen(&of(Some("{b}"))), pair("", "{b}"));
        assert_eq!(chosen(&of(Some("Digital (Chip)"))), pair("", "{b}"));
        assert_eq!(chosen(&of(Some("Camera"))), pair("{e}", ""));
        let two = StreamRequest { input_device: Some("Camera".into()), ..of(Some("Box")) };
        assert_eq!(chosen(&two), pair("{e}", "{c}"));
    }

    /// All inputs of what has none are none; two of them are an error, and so is nothing at all.
    #[test]
    fn what_is_not_there_is_an_error() {
        let of = |device: &str| StreamRequest { device: Some(device.into()), ..Default::default() };
        let two = StreamRequest { inputs: "1-2".parse().unwrap(), ..of("Digital (Chip)") };
        assert!(chosen(&two).unwrap_err().contains("no device `Digital (Chip), input`"));
        assert!(
            chosen(&of("tape")).unwrap_err().contains("choose one of Speakers (Chip), Digital (Chip), Box, Camera")
        );
        let none = ChannelSelection::none();
        let nothing = StreamRequest { inputs: none.clone(), outputs: none, ..of("Box") };
        assert!(chosen(&nothing).unwrap_err().contains("select at least one channel"));
    }
}
