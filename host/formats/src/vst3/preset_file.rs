//! `.vstpreset` files: what a plugin's halves wrote, named by the class that wrote it. The format is that of the VST3
//! documentation, "Preset Format": a header with the class id and the place of a list, the data, the list. All numbers are
//! little-endian. Also how a plugin's state is kept in a rig, so that any VST3 host can open it. Pure bytes: calls nobody.

use super::text::{id_from_text, id_text};
use vst3::Steinberg::TUID;

/// What a file begins with.
const MAGIC: &[u8; 4] = b"VST3";
/// What its list begins with.
const LIST: &[u8; 4] = b"List";
/// The only version there is.
const VERSION: i32 = 1;
/// Bytes before the data: the magic, the version, the class id as text, the place of the list.
pub(crate) const HEADER: usize = 4 + 4 + 32 + 8;
/// More parts than this are not believed.
const MOST_PARTS: i32 = 128;

/// A part of a preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The component's state.
    Component,
    /// The controller's own state.
    Controller,
    /// A program's data, behind the number of its list in four bytes.
    Program,
}

impl Part {
    fn id(self) -> &'static [u8; 4] {
        match self {
            Self::Component => b"Comp",
            Self::Controller => b"Cont",
            Self::Program => b"Prog",
        }
    }
}

/// Why bytes are no preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A preset in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PresetFile {
    /// The class that wrote it.
    pub(crate) class: TUID,
    parts: Vec<([u8; 4], Vec<u8>)>,
}

impl PresetFile {
    /// An empty one.
    pub(crate) fn new(class: TUID) -> Self {
        Self { class, parts: Vec::new() }
    }

    /// Adds a part.
    pub(crate) fn add(&mut self, part: Part, bytes: Vec<u8>) {
        self.parts.push((*part.id(), bytes));
    }

    /// A part, if there is one.
    pub(crate) fn part(&self, part: Part) -> Option<&[u8]> {
        self.parts.iter().find(|(id, _)| id == part.id()).map(|(_, bytes)| bytes.as_slice())
    }

    /// The file.
    pub(crate) fn write(&self) -> Vec<u8> {
        let data: usize = self.parts.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut file = Vec::with_capacity(HEADER + data + 8 + self.parts.len() * 20);
        file.extend(MAGIC);
        file.extend(VERSION.to_le_bytes());
        file.extend(id_text(&self.class).bytes());
        file.extend(((HEADER + data) as i64).to_le_bytes());
        self.parts.iter().for_each(|(_, bytes)| file.extend(bytes));
        file.extend(LIST);
        file.extend((self.parts.len() as i32).to_le_bytes());
        let mut place = HEADER;
        for (id, bytes) in &self.parts {
            file.extend(id);
            file.extend((place as i64).to_le_bytes());
            file.extend((bytes.len() as i64).to_le_bytes());
            place += bytes.len();
        }
        file
    }

    /// Reads a file. Parts that are not known are kept; those that lie outside of it make it malformed.
    pub(crate) fn read(file: &[u8]) -> Result<Self, Malformed> {
        let mut header = Reader { bytes: file };
        let class = header.class()?;
        let mut list = Reader { bytes: file.get(header.place()?..).ok_or(Malformed)? };
        if list.take(4)? != LIST {
            return Err(Malformed);
        }
        let count = list.integer()?;
        if !(0..=MOST_PARTS).contains(&count) {
            return Err(Malformed);
        }
        let mut parts = Vec::new();
        for _ in 0..count {
            let id = list.array()?;
            let (start, length) = (list.place()?, list.place()?);
            let end = start.checked_add(length).ok_or(Malformed)?;
            parts.push((id, file.get(start..end).ok_or(Malformed)?.to_vec()));
        }
        Ok(Self { class, parts })
    }
}

/// The class that wrote the file with this header; none if it is no preset.
pub(crate) fn class_of(header: &[u8; HEADER]) -> Option<TUID> {
    Reader { bytes: header }.class().ok()
}

/// Takes bytes from the front.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The class of a file, which is all of its header but the last number.
    fn class(&mut self) -> Result<TUID, Malformed> {
        if self.take(4)? != MAGIC || self.integer()? != VERSION {
            return Err(Malformed);
        }
        std::str::from_utf8(self.take(32)?).ok().and_then(id_from_text).ok_or(Malformed)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn integer(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    /// A place or a length.
    fn place(&mut self) -> Result<usize, Malformed> {
        usize::try_from(i64::from_le_bytes(self.array()?)).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vst3::uid;

    fn example() -> PresetFile {
        let mut preset = PresetFile::new(uid(0x0102_0304, 0x0506_0708, 0x090A_0B0C, 0x0D0E_0F10));
        preset.add(Part::Component, b"abc".to_vec());
        preset.add(Part::Controller, Vec::new());
        preset
    }

    /// Byte for byte as the documentation draws it.
    #[test]
    fn is_laid_out_as_documented() {
        let mut wanted = b"VST3\x01\x00\x00\x000102030405060708090A0B0C0D0E0F10".to_vec();
        wanted.extend(51_i64.to_le_bytes());
        wanted.extend(b"abcList\x02\0\0\0");
        wanted.extend(b"Comp\x30\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0");
        wanted.extend(b"Cont\x33\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(example().write(), wanted);
        assert_eq!(PresetFile::read(&wanted), Ok(example()));
    }

    /// Cut anywhere, or with any byte of its frame changed to something large: an error or another preset, never a panic.
    #[test]
    fn broken_files_are_refused() {
        let whole = example().write();
        for end in 0..whole.len() {
            assert_eq!(PresetFile::read(&whole[..end]), Err(Malformed), "{end}");
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] = 0xff;
            let _ = PresetFile::read(&broken);
        }
    }
}
