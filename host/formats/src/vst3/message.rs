//! Messages between the two halves of a plugin, and lists of attributes. Plugins make them through the host and may use them
//! from any thread, so everything is behind a lock; nothing of ours touches one in the callback.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComWrapper};

use super::text::{narrow_at, to_wide, wide_at};

/// Bytes that one attribute may hold at most.
const MOST_BYTES: u32 = 1 << 30;

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Integer(i64),
    Number(f64),
    Text(String),
    Bytes(Box<[u8]>),
}

/// A list of attributes by name.
#[derive(Default)]
pub(crate) struct AttributeList {
    attributes: Mutex<HashMap<String, Attribute>>,
}

impl AttributeList {
    /// A list with these from the start.
    pub(crate) fn of(attributes: impl IntoIterator<Item = (String, Attribute)>) -> ComWrapper<Self> {
        ComWrapper::new(Self { attributes: Mutex::new(attributes.into_iter().collect()) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Attribute>> {
        self.attributes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Safety
    /// `id` is a string or null.
    unsafe fn set(&self, id: *const c_char, value: Attribute) -> tresult {
        if id.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: promised by the caller.
        self.lock().insert(unsafe { narrow_at(id) }, value);
        kResultOk
    }

    /// # Safety
    /// `id` is a string or null.
    unsafe fn with<R>(&self, id: *const c_char, read: impl FnOnce(&Attribute) -> Option<R>) -> Option<R> {
        // SAFETY: promised by the caller.
        self.lock().get(&unsafe { narrow_at(id) }).and_then(read)
    }

    /// # Safety
    /// `id` is a string or null, `to` leads to room for the answer or is null.
    unsafe fn get<R>(&self, id: *const c_char, to: *mut R, read: impl FnOnce(&Attribute) -> Option<R>) -> tresult {
        if to.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: promised by the caller.
        match unsafe { self.with(id, read) } {
            Some(value) => {
                // SAFETY: promised by the caller.
                unsafe { to.write_unaligned(value) };
                kResultOk
            }
            None => kResultFalse,
        }
    }
}

impl Class for AttributeList {
    type Interfaces = (IAttributeList,);
}

impl IAttributeListTrait for AttributeList {
    unsafe fn setInt(&self, id: *const c_char, value: i64) -> tresult {
        // SAFETY: the caller hands over a string.
        unsafe { self.set(id, Attribute::Integer(value)) }
    }

    unsafe fn getInt(&self, id: *const c_char, value: *mut i64) -> tresult {
        // SAFETY: the caller hands over a string and room.
        unsafe { self.get(id, value, |found| if let Attribute::Integer(value) = found { Some(*value) } else { None }) }
    }

    unsafe fn setFloat(&self, id: *const c_char, value: f64) -> tresult {
        // SAFETY: the caller hands over a string.
        unsafe { self.set(id, Attribute::Number(value)) }
    }

    unsafe fn getFloat(&self, id: *const c_char, value: *mut f64) -> tresult {
        // SAFETY: the caller hands over a string and room.
        unsafe { self.get(id, value, |found| if let Attribute::Number(value) = found { Some(*value) } else { None }) }
    }

    unsafe fn setString(&self, id: *const c_char, string: *const TChar) -> tresult {
        // SAFETY: the caller hands over strings.
        unsafe { self.set(id, Attribute::Text(wide_at(string))) }
    }

    unsafe fn getString(&self, id: *const c_char, string: *mut TChar, size_in_bytes: u32) -> tresult {
        let room = size_in_bytes as usize / size_of::<TChar>();
        if string.is_null() || room == 0 {
            return kInvalidArgument;
        }
        // SAFETY: the caller hands over a string.
        let Some(text) = (unsafe {
            self.with(id, |found| if let Attribute::Text(text) = found { Some(to_wide(text)) } else { None })
        }) else {
            return kResultFalse;
        };
        let count = text.len().min(room);
        // SAFETY: the caller hands over so much room; what is cut ends with a zero all the same.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), string, count);
            string.add(count - 1).write(0);
        }
        kResultOk
    }

    unsafe fn setBinary(&self, id: *const c_char, data: *const c_void, size_in_bytes: u32) -> tresult {
        if (data.is_null() && size_in_bytes > 0) || size_in_bytes > MOST_BYTES {
            return kInvalidArgument;
        }
        let bytes = match size_in_bytes {
            0 => Box::default(),
            // SAFETY: the caller says that so many bytes are there.
            size => unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size as usize) }.into(),
        };
        // SAFETY: the caller hands over a string.
        unsafe { self.set(id, Attribute::Bytes(bytes)) }
    }

    /// The bytes stay where they are until the attribute is set again.
    unsafe fn getBinary(&self, id: *const c_char, data: *mut *const c_void, size_in_bytes: *mut u32) -> tresult {
        if size_in_bytes.is_null() {
            return kInvalidArgument;
        }
        let read = |found: &Attribute| match found {
            Attribute::Bytes(bytes) => Some((bytes.as_ptr().cast::<c_void>(), bytes.len() as u32)),
            _ => None,
        };
        // SAFETY: the caller hands over a string.
        match unsafe { self.with(id, read) } {
            Some((place, size)) if !data.is_null() => {
                // SAFETY: the caller hands over room for both.
                unsafe {
                    data.write_unaligned(place);
                    size_in_bytes.write_unaligned(size);
                }
                kResultOk
            }
            _ => kResultFalse,
        }
    }
}

/// A message: a name and attributes.
pub(crate) struct Message {
    /// Never changed once given out but by the plugin itself, to which it leads.
    id: Mutex<CString>,
    attributes: ComWrapper<AttributeList>,
}

impl Message {
    /// An empty message.
    pub(crate) fn new() -> ComWrapper<Self> {
        ComWrapper::new(Self { id: Mutex::default(), attributes: AttributeList::of([]) })
    }
}

impl Class for Message {
    type Interfaces = (IMessage,);
}

impl IMessageTrait for Message {
    unsafe fn getMessageID(&self) -> FIDString {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
    }

    unsafe fn setMessageID(&self, id: FIDString) {
        // SAFETY: the caller hands over a string.
        let id = CString::new(unsafe { narrow_at(id) }).unwrap_or_default();
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Lent, not given: the list lives as long as the message.
    unsafe fn getAttributes(&self) -> *mut IAttributeList {
        self.attributes.as_com_ref::<IAttributeList>().map_or(std::ptr::null_mut(), |list| list.as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_by_name_and_kind() {
        let list = AttributeList::of([("Name".to_owned(), Attribute::Text("Amp".to_owned()))]);
        let (mut integer, mut number, mut room) = (0_i64, 0.0_f64, [1 as TChar; 3]);
        let (mut data, mut size) = (std::ptr::null(), 0_u32);
        // SAFETY: strings and rooms are valid.
        unsafe {
            assert_eq!(list.setInt(c"i".as_ptr(), -7), kResultOk);
            assert_eq!((list.getInt(c"i".as_ptr(), &mut integer), integer), (kResultOk, -7));
            assert_eq!(list.getFloat(c"i".as_ptr(), &mut number), kResultFalse);
            assert_eq!(list.getInt(c"absent".as_ptr(), &mut integer), kResultFalse);
            assert_eq!(list.getInt(c"i".as_ptr(), std::ptr::null_mut()), kInvalidArgument);
            assert_eq!(list.setBinary(c"b".as_ptr(), [1_u8, 2, 3].as_ptr().cast(), 3), kResultOk);
            assert_eq!(list.getBinary(c"b".as_ptr(), &mut data, &mut size), kResultOk);
            assert_eq!(std::slice::from_raw_parts(data.cast::<u8>(), size as usize), [1, 2, 3]);
            assert_eq!(list.getString(c"Name".as_ptr(), room.as_mut_ptr(), 6), kResultOk);
        }
        assert_eq!(room, ['A' as TChar, 'm' as TChar, 0]);
    }
}
