//! Text and identities as VST3 writes them: UTF-16 and byte strings of fixed size, class ids as bytes. Reads whatever bytes
//! a plugin left there; never reads past the room there is.

use std::ffi::{CStr, c_char};

use vst3::Steinberg::TUID;
use vst3::Steinberg::Vst::{String128, TChar};

/// Code units that a string of a plugin is read to at most.
const MOST_UNITS: usize = 4096;

/// A UTF-16 string up to its zero, or all of the room if it has none.
pub(crate) fn wide(units: &[TChar]) -> String {
    let end = units.iter().position(|&unit| unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(&units[..end])
}

/// A byte string up to its zero, or all of the room if it has none.
pub(crate) fn narrow(bytes: &[c_char]) -> String {
    let bytes: Vec<u8> = bytes.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A UTF-16 string behind a pointer; empty if the pointer is null.
///
/// # Safety
/// `units` leads to a string that ends with a zero, or is null.
pub(crate) unsafe fn wide_at(units: *const TChar) -> String {
    let mut text = Vec::new();
    if !units.is_null() {
        for index in 0..MOST_UNITS {
            // SAFETY: promised by the caller; nothing behind the zero is read.
            match unsafe { units.add(index).read_unaligned() } {
                0 => break,
                unit => text.push(unit),
            }
        }
    }
    String::from_utf16_lossy(&text)
}

/// A byte string behind a pointer; empty if the pointer is null.
///
/// # Safety
/// `bytes` leads to a string that ends with a zero, or is null.
pub(crate) unsafe fn narrow_at(bytes: *const c_char) -> String {
    if bytes.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(bytes) }.to_string_lossy().into_owned()
}

/// UTF-16 with a zero at its end.
pub(crate) fn to_wide(text: &str) -> Vec<TChar> {
    text.encode_utf16().chain([0]).collect()
}

/// A string of 128 units, cut if it is longer.
pub(crate) fn to_string128(text: &str) -> String128 {
    let mut room = [0; 128];
    // The last unit stays zero.
    for (place, unit) in room[..127].iter_mut().zip(text.encode_utf16()) {
        *place = unit;
    }
    room
}

/// Where each byte of the written form of an id lies in memory on Windows, where ids are laid out as COM's are: the first
/// group of four bytes and the two groups of two behind it are in the machine's order.
const COM_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The byte of an id in memory that is the `index`th byte of its written form.
fn place(index: usize) -> usize {
    if cfg!(windows) { COM_ORDER[index] } else { index }
}

/// A class id as moduleinfo.json writes it: 32 hexadecimal digits, the same on every system.
pub(crate) fn id_text(id: &TUID) -> String {
    (0..16).map(|index| format!("{:02X}", id[place(index)] as u8)).collect()
}

/// Reads [`id_text`]; none for what is no such text.
pub(crate) fn id_from_text(text: &str) -> Option<TUID> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut id: TUID = [0; 16];
    for index in 0..16 {
        id[place(index)] = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()? as c_char;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vst3::uid;

    /// The four words of an id, as its source text has them, are its digits on every system.
    #[test]
    fn ids_are_written_alike_everywhere() {
        let id = uid(0x6E33_2252, 0x5422_4A00, 0xAA69_301A, 0xF318_797D);
        assert_eq!(id_text(&id), "6E33225254224A00AA69301AF318797D");
        assert_eq!(id_from_text("6e33225254224a00aa69301af318797d"), Some(id));
        for wrong in ["", "6E33", "6E33225254224A00AA69301AF318797G", "ßßßßßßßßßßßßßßßß"] {
            assert_eq!(id_from_text(wrong), None);
        }
    }

    #[test]
    fn strings_end_at_their_zero_or_with_their_room() {
        assert_eq!(wide(&to_wide("Grüße 🎸")), "Grüße 🎸");
        assert_eq!(wide(&['a' as TChar, 0, 'b' as TChar]), "a");
        assert_eq!(narrow(&[b'a' as c_char, b'b' as c_char]), "ab");
        let long = "x".repeat(200);
        assert_eq!(wide(&to_string128(&long)).len(), 127);
        // SAFETY: the strings end with a zero.
        let (far, none) = unsafe { (wide_at(to_wide("abc").as_ptr()), wide_at(std::ptr::null())) };
        assert_eq!((far.as_str(), none.as_str()), ("abc", ""));
    }
}
