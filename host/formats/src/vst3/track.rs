//! Tells a plugin which track it is on, as VST3 writes it: a list of attributes. Main thread.

use vst3::ComWrapper;

use super::message::{Attribute, AttributeList};
use crate::surface::{Color, Track};

/// Of `ChannelContext`: the name's, its length's and the colour's attribute.
const NAME: &str = "channel name";
const NAME_LENGTH: &str = "channel name length";
const COLOR: &str = "channel color";

/// What is known of a track.
pub(crate) fn attributes(track: &Track) -> ComWrapper<AttributeList> {
    let mut attributes = Vec::new();
    if let Some(name) = &track.name {
        attributes.push((NAME.to_owned(), Attribute::Text(name.clone())));
        attributes.push((NAME_LENGTH.to_owned(), Attribute::Integer(name.encode_utf16().count() as i64)));
    }
    if let Some(Color { alpha, red, green, blue }) = track.color {
        let color = u32::from_be_bytes([alpha, red, green, blue]);
        attributes.push((COLOR.to_owned(), Attribute::Integer(color.into())));
    }
    AttributeList::of(attributes)
}
