//! From bytes to messages and back. Bounded both ways; nothing that comes in is trusted.

use rosc::{OscBundle, OscMessage, OscPacket, OscTime};
use std::time::SystemTime;

/// Packets above this are refused, in bytes.
pub const LONGEST: usize = 16 * 1024;
/// Bundles in a packet, one within another or side by side.
const BUNDLES: usize = 32;
/// Bytes of a packet that goes out, unless one message alone has more: what fits a frame of Ethernet.
const FITS: usize = 1400;
/// The most that UDP carries.
const MOST: usize = 65_000;
/// The head of a bundle, and what stands before each of its messages.
const BUNDLE_HEAD: usize = 16;
const ELEMENT_HEAD: usize = 4;
/// The time tag that means at once.
const IMMEDIATE: OscTime = OscTime { seconds: 0, fractional: 1 };

/// What a packet holds.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// Its messages, in order.
    pub messages: Vec<OscMessage>,
    /// Whether some are meant for a later time.
    pub is_later: bool,
}

/// Reads a packet.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8], now: SystemTime) -> Result<Heard, String> {
    // Before anything goes down into them.
    let bundles = bytes.windows(8).filter(|window| *window == b"#bundle\0").count();
    if bundles > BUNDLES {
        return Err(format!("a packet has at most {BUNDLES} bundles"));
    }
    let (rest, packet) = rosc::decoder::decode_udp(bytes).map_err(|error| format!("no OSC packet: {error}"))?;
    if !rest.is_empty() {
        return Err("no OSC packet: there is more behind it".to_owned());
    }
    let now = OscTime::try_from(now).unwrap_or(IMMEDIATE);
    let mut heard = Heard::default();
    gather(packet, now, &mut heard);
    Ok(heard)
}

fn gather(packet: OscPacket, now: OscTime, heard: &mut Heard) {
    match packet {
        OscPacket::Message(message) => heard.messages.push(message),
        OscPacket::Bundle(OscBundle { timetag, content }) => {
            heard.is_later |= (timetag.seconds, timetag.fractional) > (now.seconds, now.fractional);
            content.into_iter().for_each(|packet| gather(packet, now, heard));
        }
    }
}

/// Messages as packets, as few as fit. One that is longer than any packet may be is left out.
pub fn packed(messages: impl IntoIterator<Item = OscMessage>) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let (mut waiting, mut length) = (Vec::new(), BUNDLE_HEAD);
    for message in messages {
        let packet = OscPacket::Message(message);
        let Ok(bytes) = rosc::encoder::encode(&packet) else { continue };
        if bytes.len() > MOST {
            continue;
        }
        if length + ELEMENT_HEAD + bytes.len() > FITS {
            flush(&mut waiting, &mut packets);
            length = BUNDLE_HEAD;
        }
        length += ELEMENT_HEAD + bytes.len();
        waiting.push(packet);
    }
    flush(&mut waiting, &mut packets);
    packets
}

/// A message alone needs no bundle around it.
fn flush(waiting: &mut Vec<OscPacket>, packets: &mut Vec<Vec<u8>>) {
    let mut content = std::mem::take(waiting);
    let packet = match content.len() {
        0 => return,
        1 => content.remove(0),
        _ => OscPacket::Bundle(OscBundle { timetag: IMMEDIATE, content }),
    };
    packets.extend(rosc::encoder::encode(&packet).ok());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rosc::OscType;

    fn message(number: i32) -> OscMessage {
        OscMessage { addr: "/crosspoint/tempo".into(), args: vec![OscType::Int(number)] }
    }

    /// What is packed is read again in its order, in packets that fit.
    #[test]
    fn messages_are_packed_and_read() {
        let messages: Vec<OscMessage> = (0..1000).map(message).collect();
        let packets = packed(messages.clone());
        assert!(packets.len() > 10 && packets.iter().all(|packet| packet.len() <= FITS));
        let read = packets.iter().flat_map(|packet| read(packet, SystemTime::now()).unwrap().messages);
        assert_eq!(read.collect::<Vec<_>>(), messages);
        let huge = OscMessage { addr: "/x".into(), args: vec![OscType::Blob(vec![0; MOST])] };
        assert_eq!(packed([message(1), huge, message(2)]).len(), 1);
    }

    /// ```text
    /// at once, past          done, and nothing to say        later          done, and told
    /// ```
    #[test]
    fn later_is_told_from_at_once() {
        let now = SystemTime::now();
        let at = |timetag| {
            let content = vec![OscPacket::Message(message(1))];
            let bytes = rosc::encoder::encode(&OscPacket::Bundle(OscBundle { timetag, content })).unwrap();
            read(&bytes, now).unwrap().is_later
        };
        let time = |time: SystemTime| OscTime::try_from(time).unwrap();
        let second = std::time::Duration::from_secs(1);
        assert!(!at(IMMEDIATE) && !at(time(now - second)) && at(time(now + second)));
    }

    /// A thousand bundles within each other are refused before anything looks into them.
    #[test]
    fn a_packet_that_goes_too_deep_is_refused() {
        let mut bytes = rosc::encoder::encode(&OscPacket::Message(message(1))).unwrap();
        for _ in 0..600 {
            let inner = (bytes.len() as u32).to_be_bytes();
            bytes = [b"#bundle\0".as_slice(), &1u64.to_be_bytes(), &inner, &bytes].concat();
        }
        assert!(read(&bytes, SystemTime::now()).unwrap_err().contains("bundles"));
        assert!(read(b"", SystemTime::now()).is_err());
    }

    proptest! {
        #[test]
        fn no_packet_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes, SystemTime::UNIX_EPOCH);
        }

        /// Nor one that is almost right.
        #[test]
        fn no_packet_with_a_wrong_byte_panics(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut packet = packed((0..20).map(message)).remove(0);
            let place = place.index(packet.len());
            packet[place] = byte;
            let _ = read(&packet, SystemTime::now());
        }
    }
}
