//! Names of ports that stay: without what changes from one plugging to the next, and with a number where two devices
//! share one. A port keeps its name for as long as the program runs, also over being unplugged.

use super::MidiPort;

/// The names given so far in one direction.
#[derive(Debug, Default)]
pub struct PortNames {
    /// By the driver's identity.
    given: Vec<MidiPort>,
}

impl PortNames {
    /// Names the ports that there are now.
    pub fn name(&mut self, mut ports: Vec<MidiPort>) -> Vec<MidiPort> {
        ports.sort_by(|a, b| number_of(&a.id).cmp(&number_of(&b.id)).then_with(|| a.id.cmp(&b.id)));
        let mut named: Vec<MidiPort> = Vec::with_capacity(ports.len());
        // Those that are known keep their names; a newcomer takes none of theirs.
        let known = |names: &Self, port: &MidiPort| {
            let base = stable(&port.name).to_owned();
            names.given.iter().find(|given| given.id == port.id && is_numbered(&given.name, &base)).cloned()
        };
        named.extend(ports.iter().filter_map(|port| known(self, port)));
        for port in &ports {
            if named.iter().any(|named| named.id == port.id) {
                continue;
            }
            let base = stable(&port.name);
            let candidates = std::iter::once(base.to_owned()).chain((2..).map(|number| format!("{base} #{number}")));
            let name = candidates.into_iter().find(|name| named.iter().all(|named| named.name != *name));
            let port = MidiPort { name: name.unwrap_or_else(|| base.to_owned()), id: port.id.clone() };
            self.given.retain(|given| given.id != port.id && given.name != port.name);
            self.given.push(port.clone());
            named.push(port);
        }
        named.sort_by_key(|named| ports.iter().position(|port| port.id == named.id));
        named
    }
}

/// Without the address that ALSA's sequencer gives a port when it is plugged in: `Keys:Keys MIDI 1 20:0`.
fn stable(name: &str) -> &str {
    let is_address = |text: &str| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        text.split_once(':').is_some_and(|(client, port)| digits(client) && digits(port))
    };
    name.rsplit_once(' ').filter(|(_, last)| is_address(last)).map_or(name, |(stable, _)| stable).trim_end()
}

/// Whether a name is the base or the base with a number.
fn is_numbered(name: &str, base: &str) -> bool {
    name == base || name.strip_prefix(base).is_some_and(|rest| rest.starts_with(" #"))
}

/// The numbers of an identity such as `20:0`, so that 9 comes before 20.
fn number_of(id: &str) -> Vec<u64> {
    id.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The port that people mean: of that very name, or the only one that has it as a part, in any case of letters.
///
/// # Errors
/// The names of those that it may mean, if there are several.
pub fn find<'p>(ports: &'p [MidiPort], wanted: &str) -> Result<Option<&'p MidiPort>, Vec<String>> {
    if let Some(exact) = ports.iter().find(|port| port.name == wanted) {
        return Ok(Some(exact));
    }
    let wanted = wanted.to_lowercase();
    let meant: Vec<&MidiPort> = ports.iter().filter(|port| port.name.to_lowercase().contains(&wanted)).collect();
    match meant[..] {
        [] => Ok(None),
        [port] => Ok(Some(port)),
        _ => Err(meant.iter().map(|port| port.name.clone()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(ports: &[(&str, &str)]) -> Vec<MidiPort> {
        ports.iter().map(|(name, id)| MidiPort { name: (*name).into(), id: (*id).into() }).collect()
    }

    fn named(names: &mut PortNames, there: &[(&str, &str)]) -> Vec<String> {
        names.name(ports(there)).into_iter().map(|port| format!("{} = {}", port.id, port.name)).collect()
    }

    /// The first of two is unplugged and comes back elsewhere: the other keeps its name, it gets its own again.
    #[test]
    fn two_of_one_name_stay_apart() {
        let mut names = PortNames::default();
        let both = [("Keys:Keys MIDI 1 20:0", "20:0"), ("Keys:Keys MIDI 1 9:0", "9:0")];
        let expected = ["9:0 = Keys:Keys MIDI 1", "20:0 = Keys:Keys MIDI 1 #2"];
        assert_eq!(named(&mut names, &both), expected);
        assert_eq!(named(&mut names, &both[..1]), expected[1..]);
        let again = [("Keys:Keys MIDI 1 24:0", "24:0"), both[0]];
        assert_eq!(named(&mut names, &again), [expected[1], "24:0 = Keys:Keys MIDI 1"]);
    }

    #[test]
    fn names_are_found_in_part() {
        let there = ports(&[("Keystation 49", "1"), ("Keystation 49 #2", "2"), ("Pedal", "3")]);
        let found = |wanted: &str| find(&there, wanted).map(|port| port.map(|port| port.id.as_str()));
        assert_eq!(found("Keystation 49"), Ok(Some("1")));
        assert_eq!(found("pedal"), Ok(Some("3")));
        assert_eq!(found("#2"), Ok(Some("2")));
        assert_eq!(found("Organ"), Ok(None));
        assert_eq!(found("keystation").unwrap_err().len(), 2);
        assert_eq!((stable("a 1:b"), stable("a 20:0"), stable("20:0")), ("a 1:b", "a", "20:0"));
    }
}
