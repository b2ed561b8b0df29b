//! Small interfaces that some plugins have: a question or a word each. Main thread.

use std::ffi::c_char;

use vst3::ComPtr;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::{kResultOk, kResultTrue};

use super::abi::whole;
use super::ports;
use super::stream::{Purpose, Stream};
use super::text::id_from_text;
use crate::library::Format;
use crate::plugin::{BusDirection as Direction, RenderAhead};
use crate::preset::PresetPlugin;
use crate::surface::SurfaceModel;

/// What surfaces are told of their host.
const HOST: &str = "Crosspoint";

/// See [`crate::Plugin::remap_parameter`].
pub(crate) fn remap(controller: &ComPtr<IEditController>, replaced: &PresetPlugin, parameter: u32) -> Option<u32> {
    let class = id_from_text(&replaced.id).filter(|_| replaced.format == Format::Vst3)?;
    let mapping = whole::<IRemapParamID, _>(controller)?;
    let mut own = kNoParamId;
    // SAFETY: the controller is initialised, this is the main thread, and there is room for the answer.
    let result = unsafe { mapping.getCompatibleParamID(&class, parameter, &mut own) };
    (result == kResultTrue && own != kNoParamId).then_some(own)
}

/// See [`crate::Plugin::render_ahead`].
pub(crate) fn render_ahead(component: &ComPtr<IComponent>) -> RenderAhead {
    let Some(support) = whole::<IPrefetchableSupport, _>(component) else { return RenderAhead::Never };
    let mut answer = ePrefetchableSupport_::kIsNeverPrefetchable as PrefetchableSupport;
    // SAFETY: as above, for the component.
    let result = unsafe { support.getPrefetchableSupport(&mut answer) };
    match answer as ePrefetchableSupport {
        ePrefetchableSupport_::kIsYetPrefetchable if result == kResultOk => RenderAhead::Now,
        ePrefetchableSupport_::kIsNotYetPrefetchable if result == kResultOk => RenderAhead::Later,
        _ => RenderAhead::Never,
    }
}

/// See [`crate::Plugin::set_presentation_latency`].
pub(crate) fn set_presentation_latency(
    processor: &ComPtr<IAudioProcessor>,
    direction: Direction,
    index: usize,
    frames: u32,
) {
    if let (Some(latency), Ok(index)) = (whole::<IAudioPresentationLatency, _>(processor), i32::try_from(index)) {
        // SAFETY: as above, for the component. One that has no such bus says so.
        unsafe { latency.setAudioPresentationLatencySamples(ports::number(direction), index, frames) };
    }
}

/// See [`crate::Plugin::surface_layout`].
pub(crate) fn surface_layout(controller: &ComPtr<IEditController>, surface: &SurfaceModel) -> Option<String> {
    let representations = whole::<IXmlRepresentationController, _>(controller)?;
    let SurfaceModel { vendor, name, version } = surface;
    let mut about =
        RepresentationInfo { vendor: field(vendor), name: field(name), version: field(version), host: field(HOST) };
    let stream = Stream::new(Vec::new(), Purpose::Project);
    // SAFETY: as above; the stream lives for the call.
    let result = unsafe { representations.getXmlRepresentationStream(&mut about, Stream::lend(&stream)) };
    let text = String::from_utf8(stream.take()).ok()?;
    (result == kResultOk && !text.is_empty()).then_some(text)
}

/// A text in a field of fixed size, cut before the letter that has no room.
fn field<const ROOM: usize>(text: &str) -> [c_char; ROOM] {
    let mut field = [0; ROOM];
    let end = text.floor_char_boundary(ROOM - 1);
    field.iter_mut().zip(text[..end].bytes()).for_each(|(place, byte)| *place = byte as c_char);
    field
}
