//! The bytes that a plugin's state is written to and read from. Main thread, but some plugins pass streams on: behind a lock.

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComRef, ComWrapper};

use super::message::{Attribute, AttributeList};
use crate::session::StatePurpose;

/// A state that is larger than this is refused.
const MOST_BYTES: usize = 1 << 30;

/// What a state is for, which plugins may ask the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Part of a rig.
    Project,
    /// To be used in any rig.
    Preset,
}

impl From<StatePurpose> for Purpose {
    fn from(purpose: StatePurpose) -> Self {
        match purpose {
            StatePurpose::Project | StatePurpose::Duplicate => Self::Project,
            StatePurpose::Preset => Self::Preset,
        }
    }
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    position: usize,
}

/// A stream in memory.
pub(crate) struct Stream {
    content: Mutex<Content>,
    attributes: ComWrapper<AttributeList>,
}

impl Stream {
    /// A stream that holds these bytes and stands at their beginning.
    pub(crate) fn new(bytes: Vec<u8>, purpose: Purpose) -> ComWrapper<Self> {
        let kind = match purpose {
            Purpose::Project => "Project",
            Purpose::Preset => "Default",
        };
        // The names are those of the constants `PresetAttributes::kStateType` and `StateType`.
        let attributes = AttributeList::of([("StateType".to_owned(), Attribute::Text(kind.to_owned()))]);
        ComWrapper::new(Self { content: Mutex::new(Content { bytes, position: 0 }), attributes })
    }

    /// The stream as plugins take it, for as long as it lives.
    pub(crate) fn lend(stream: &ComWrapper<Self>) -> *mut IBStream {
        stream.as_com_ref::<IBStream>().map_or(std::ptr::null_mut(), |stream: ComRef<'_, IBStream>| stream.as_ptr())
    }

    /// All its bytes, taken.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Class for Stream {
    type Interfaces = (IBStream, ISizeableStream, IStreamAttributes);
}

/// # Safety
/// `to` leads to room for the value or is null.
unsafe fn tell<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: promised by the caller.
        unsafe { to.write_unaligned(value) };
    }
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, count: i32, read: *mut i32) -> tresult {
        let Ok(wanted) = usize::try_from(count) else { return kInvalidArgument };
        if buffer.is_null() && wanted > 0 {
            return kInvalidArgument;
        }
        let mut content = self.lock();
        let count = wanted.min(content.bytes.len().saturating_sub(content.position));
        if count > 0 {
            let from = content.bytes[content.position..][..count].as_ptr();
            // SAFETY: the plugin hands over so much room.
            unsafe { std::ptr::copy_nonoverlapping(from, buffer.cast::<u8>(), count) };
            content.position += count;
        }
        // SAFETY: the plugin hands over room for the count, or null. Less than was wanted is no error.
        unsafe { tell(read, count as i32) };
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, count: i32, written: *mut i32) -> tresult {
        // SAFETY: the plugin hands over room for the count, or null.
        unsafe { tell(written, 0) };
        let Ok(length) = usize::try_from(count) else { return kInvalidArgument };
        if buffer.is_null() && length > 0 {
            return kInvalidArgument;
        }
        let mut content = self.lock();
        let position = content.position;
        let Some(end) = position.checked_add(length).filter(|&end| end <= MOST_BYTES) else { return kOutOfMemory };
        if length > 0 {
            if content.bytes.len() < end {
                content.bytes.resize(end, 0);
            }
            // SAFETY: the plugin says that so many bytes are there.
            let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length) };
            content.bytes[position..end].copy_from_slice(bytes);
            content.position = end;
        }
        // SAFETY: as above.
        unsafe { tell(written, count) };
        kResultOk
    }

    unsafe fn seek(&self, offset: i64, mode: i32, result: *mut i64) -> tresult {
        let mut content = self.lock();
        // Of `IStreamSeekMode`: from the start, from here, from the end.
        let base = match mode {
            0 => 0,
            1 => content.position as i64,
            2 => content.bytes.len() as i64,
            _ => return kInvalidArgument,
        };
        match base.checked_add(offset).filter(|position| (0..=MOST_BYTES as i64).contains(position)) {
            Some(position) => {
                content.position = position as usize;
                // SAFETY: the plugin hands over room for the answer, or null.
                unsafe { tell(result, position) };
                kResultOk
            }
            None => kInvalidArgument,
        }
    }

    unsafe fn tell(&self, position: *mut i64) -> tresult {
        if position.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over room for the answer.
        unsafe { tell(position, self.lock().position as i64) };
        kResultOk
    }
}

impl ISizeableStreamTrait for Stream {
    unsafe fn getStreamSize(&self, size: *mut i64) -> tresult {
        if size.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the plugin hands over room for the answer.
        unsafe { tell(size, self.lock().bytes.len() as i64) };
        kResultOk
    }

    unsafe fn setStreamSize(&self, size: i64) -> tresult {
        match usize::try_from(size).ok().filter(|&size| size <= MOST_BYTES) {
            Some(size) => {
                self.lock().bytes.resize(size, 0);
                kResultOk
            }
            None => kInvalidArgument,
        }
    }
}

impl IStreamAttributesTrait for Stream {
    /// It is no file.
    unsafe fn getFileName(&self, _name: *mut String128) -> tresult {
        kResultFalse
    }

    /// Lent, not given: the list lives as long as the stream.
    unsafe fn getAttributes(&self) -> *mut IAttributeList {
        self.attributes.as_com_ref::<IAttributeList>().map_or(std::ptr::null_mut(), |list| list.as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written, sought back, read past the end, cut; wrong sizes and places are refused.
    #[test]
    fn bytes_are_kept_and_bounds_are_held() {
        let stream = Stream::new(Vec::new(), Purpose::Project);
        let mut bytes = *b"abcdef";
        let (mut count, mut place) = (0, 0);
        // SAFETY: buffers are as long as they are said to be.
        unsafe {
            assert_eq!(stream.write(bytes.as_mut_ptr().cast(), 6, &mut count), kResultOk);
            assert_eq!(stream.write(bytes.as_mut_ptr().cast(), -1, &mut count), kInvalidArgument);
            assert_eq!(stream.write(std::ptr::null_mut(), 1, &mut count), kInvalidArgument);
            assert_eq!(stream.seek(-2, 2, &mut place), kResultOk);
            assert_eq!(stream.read(bytes.as_mut_ptr().cast(), 6, &mut count), kResultOk);
            assert_eq!((place, count, &bytes[..2]), (4, 2, &b"ef"[..]));
            assert_eq!(stream.seek(-1, 0, &mut place), kInvalidArgument);
            assert_eq!(stream.seek(i64::MAX, 1, &mut place), kInvalidArgument);
            assert_eq!(stream.setStreamSize(3), kResultOk);
            // Beyond the end there is nothing to read, and what is written there leaves zeros between.
            assert_eq!(stream.read(bytes.as_mut_ptr().cast(), 6, &mut count), kResultOk);
            assert_eq!(count, 0);
            assert_eq!(stream.write(bytes.as_mut_ptr().cast(), 1, std::ptr::null_mut()), kResultOk);
        }
        assert_eq!(stream.take(), b"abc\0\0\0e");
    }
}
