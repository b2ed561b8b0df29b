//! The drivers that are installed, by what the registry says of them. Loads none.

use std::ptr::{null, null_mut};
use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Com::CLSIDFromString;
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CLASSES_ROOT, HKEY_LOCAL_MACHINE, KEY_READ, REG_EXPAND_SZ, REG_SZ, RegCloseKey, RegEnumKeyExW,
    RegOpenKeyExW, RegQueryValueExW,
};
use windows_sys::core::GUID;

/// Names of drivers that stand before the system's own audio instead of an interface's own.
const WRAPPERS: [&str; 15] = [
    "asio2ks",
    "asio2wasapi",
    "asio4all",
    "asiolink",
    "flexasio",
    "fl studio asio",
    "generic low latency asio",
    "generic lower latency asio",
    "jackrouter",
    "magix low latency",
    "realtek asio",
    "steinberg built-in",
    "studio asio driver",
    "voicemeeter",
    "wineasio",
];

/// A driver as it is installed.
#[derive(Clone)]
pub(super) struct InstalledDriver {
    /// The name of its key, which is how people name it.
    pub name: String,
    /// What it calls itself.
    pub description: String,
    /// Its class, or why it cannot be loaded.
    pub class: Result<GUID, String>,
}

impl InstalledDriver {
    /// Whether it stands before the system's own audio.
    pub fn is_wrapper(&self) -> bool {
        let name = self.name.to_lowercase();
        WRAPPERS.iter().any(|wrapper| name.contains(wrapper))
    }
}

/// All of them, in the order of the registry.
pub(super) fn installed() -> Vec<InstalledDriver> {
    let Some(drivers) = Key::open(HKEY_LOCAL_MACHINE, "SOFTWARE\\ASIO") else { return Vec::new() };
    drivers.names().into_iter().filter_map(|name| drivers.key(&name).map(|key| read(name, &key))).collect()
}

fn read(name: String, key: &Key) -> InstalledDriver {
    let description = key.text("Description").filter(|text| !text.is_empty()).unwrap_or_else(|| name.clone());
    let class = key.text("CLSID").ok_or_else(|| "its registry entry names no class".to_owned()).and_then(|id| {
        let file = Key::open(HKEY_CLASSES_ROOT, &format!("CLSID\\{id}\\InprocServer32")).and_then(|key| key.text(""));
        // A name without a folder is looked for by the system.
        match file {
            None => Err(format!("its class {id} is not registered: install the driver again")),
            Some(file) if file.contains('\\') && !std::path::Path::new(&file).exists() => {
                Err(format!("its file {file} is gone: install the driver again"))
            }
            Some(_) => class(&id),
        }
    });
    InstalledDriver { name, description, class }
}

fn class(id: &str) -> Result<GUID, String> {
    let mut class = GUID::from_u128(0);
    // SAFETY: a text that ends in zero, and room for the class.
    let result = unsafe { CLSIDFromString(wide(id).as_ptr(), &mut class) };
    if result >= 0 { Ok(class) } else { Err(format!("its registry entry has `{id}` for a class")) }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// An open key of the registry.
struct Key(HKEY);

impl Key {
    fn open(parent: HKEY, path: &str) -> Option<Self> {
        let mut key = null_mut();
        // SAFETY: a text that ends in zero, and room for the key.
        let result = unsafe { RegOpenKeyExW(parent, wide(path).as_ptr(), 0, KEY_READ, &mut key) };
        (result == ERROR_SUCCESS).then_some(Self(key))
    }

    fn key(&self, name: &str) -> Option<Self> {
        Self::open(self.0, name)
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            // The longest name that a key may have, and its zero.
            let mut name = [0_u16; 256];
            let mut length = name.len() as u32;
            let (index, name_place) = (names.len() as u32, name.as_mut_ptr());
            // SAFETY: the buffer has room for `length` characters; what is null is not wanted.
            let result = unsafe {
                RegEnumKeyExW(self.0, index, name_place, &mut length, null(), null_mut(), null_mut(), null_mut())
            };
            if result != ERROR_SUCCESS {
                return names;
            }
            names.push(String::from_utf16_lossy(&name[..length as usize]));
        }
    }

    /// A value that is text; of the empty name the key's own.
    fn text(&self, value: &str) -> Option<String> {
        let value = wide(value);
        let (mut kind, mut bytes) = (0, 0);
        // SAFETY: asked without a buffer, it says how many bytes there are.
        let result = unsafe { RegQueryValueExW(self.0, value.as_ptr(), null(), &mut kind, null_mut(), &mut bytes) };
        if result != ERROR_SUCCESS || ![REG_SZ, REG_EXPAND_SZ].contains(&kind) {
            return None;
        }
        let mut text = vec![0_u16; bytes as usize / 2 + 1];
        let mut bytes = text.len() as u32 * 2;
        // SAFETY: the buffer has room for so many bytes.
        let result = unsafe {
            RegQueryValueExW(self.0, value.as_ptr(), null(), &mut kind, text.as_mut_ptr().cast(), &mut bytes)
        };
        if result != ERROR_SUCCESS {
            return None;
        }
        let length = text.iter().position(|&character| character == 0).unwrap_or(text.len());
        Some(String::from_utf16_lossy(&text[..length]))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key is open, and closed once. There is nothing to do if it cannot be closed.
        unsafe { RegCloseKey(self.0) };
    }
}
