//! The system's own audio interface through cpal: ALSA, CoreAudio or WASAPI.
//!
//! cpal has no duplex stream. With inputs and outputs selected, two streams are opened: the input's callback feeds a
//! ring, the output's callback takes from it and runs the period. The ring is kept at a constant fill, so the join has
//! a constant latency, which is measured and reported. A resampler follows the drift between the two clocks only where
//! there are two (see [`JoinClocks`]). With one side only, that side's callback runs the period.
//!
//! A buffer size is always asked for: what a system takes by default can be thousands of frames.
//!
//! What is known of a running stream is what the system tells. ALSA tells of xruns on both sides, WASAPI and CoreAudio of
//! what an input lost and of overloads, PulseAudio of none. WASAPI shares its devices through a mixer, which converts an
//! output of any rate to the device's: only `wasapi-exclusive` can be bit-perfect there.

mod offer;
pub(crate) mod quiet;
mod stream;

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Device, ErrorKind, Host, HostId};

use self::offer::Offer;
use self::stream::{CpalStream, SidePlan};
use crate::backend::{Backend, DeviceInfo, Stream, StreamInfo};
use crate::error::{Choices, DeviceError, OpenError, Side};
use crate::joined::Channels;
use crate::period::DuplexCallback;
use crate::request::{JoinClocks, StreamRequest};
use crate::selection::{ChannelSelection, SelectionError};

/// What is taken where the request leaves it open, if the device has it.
const USUAL_RATE: u32 = 48_000;
const USUAL_FRAMES: u32 = 256;

/// One of cpal's hosts.
#[derive(Clone, Copy, Debug)]
pub struct CpalBackend {
    host: HostId,
    name: &'static str,
}

/// The hosts that cpal has on this system, as backends.
pub(crate) fn hosts() -> Vec<Box<dyn Backend>> {
    let backend = |host: HostId| {
        let name = match host.name() {
            "ALSA" => "alsa",
            "CoreAudio" => "coreaudio",
            "WASAPI" => "wasapi",
            "PulseAudio" => "pulseaudio",
            "PipeWire" => "pipewire",
            _ => return None,
        };
        Some(Box::new(CpalBackend { host, name }) as Box<dyn Backend>)
    };
    cpal::available_hosts().into_iter().filter_map(backend).collect()
}

impl Backend for CpalBackend {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Of ALSA, only hardware (`hw:`) is opened to see what it can do: opening its plugins may disturb others.
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        let _quiet = quiet::Quiet::new();
        let host = self.host()?;
        let default = [host.default_output_device(), host.default_input_device()].into_iter().flatten();
        let defaults: Vec<String> = default.filter_map(|device| id_of(&device)).collect();
        let devices = host.devices().map_err(|error| self.failed(&error))?;
        Ok(devices.filter_map(|device| self.describe(&device, &defaults)).collect())
    }

    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError> {
        let _quiet = quiet::Quiet::new();
        let host = self.host()?;
        let input_name = request.input_device.as_ref().or(request.device.as_ref());
        let input = self.side(&host, Side::Input, input_name, &request.inputs)?;
        let output = self.side(&host, Side::Output, request.device.as_ref(), &request.outputs)?;
        let same_device = matches!((&input, &output), (Some(input), Some(output)) if input.id == output.id);
        let device = match (&output, &input) {
            (Some(output), Some(input)) if !same_device => format!("{} + {}", input.id, output.id),
            (Some(side), _) | (None, Some(side)) => side.id.clone(),
            (None, None) => {
                let device = request.device.clone().unwrap_or_else(|| "the default device".to_owned());
                return Err(OpenError::NoChannels { device });
            }
        };
        let offers = || input.iter().chain(&output).map(|side| &side.offer);
        let rate = agree(offers().map(|offer| &offer.rates), request.rate, USUAL_RATE)
            .map_err(|(rate, offered)| OpenError::Rate { device: device.clone(), rate, offered })?;
        let frames = agree(offers().map(|offer| &offer.buffer_frames), request.buffer_frames, USUAL_FRAMES);
        let refuse = |frames, offered| OpenError::BufferFrames { device: device.clone(), frames, offered, hint: "" };
        let frames = frames.map_err(|(frames, offered)| refuse(frames, offered))?;

        let names = |side: &Option<SideChoice>, word: &str| {
            let channels = side.iter().flat_map(|side| &side.channels);
            channels.map(|channel| format!("{word} {}", channel + 1)).collect()
        };
        let info = StreamInfo {
            backend: self.name,
            device: device.clone(),
            client: String::new(),
            rate,
            buffer_frames: frames,
            inputs: names(&input, "input"),
            outputs: names(&output, "output"),
        };
        let drifting = match request.clocks {
            JoinClocks::SameDevice => !same_device,
            JoinClocks::Shared => false,
            JoinClocks::Separate => true,
        };
        let [input, output] = [input, output].map(|side| side.map(|side| side.plan(rate, frames)));
        let stream = CpalStream::open(info, input, output, drifting, callback)?;
        // Some systems round what they are asked for.
        let actual = stream.info().buffer_frames;
        match request.buffer_frames {
            Some(frames) if actual != frames => Err(refuse(frames, Choices::only(actual))),
            _ => Ok(Box::new(stream)),
        }
    }
}

impl CpalBackend {
    fn host(&self) -> Result<Host, DeviceError> {
        cpal::host_from_id(self.host)
            .map_err(|error| DeviceError::NotInstalled { backend: self.name, reason: error.to_string() })
    }

    fn failed(&self, error: &cpal::Error) -> DeviceError {
        DeviceError::Backend { backend: self.name, message: error.to_string() }
    }

    fn describe(&self, device: &Device, defaults: &[String]) -> Option<DeviceInfo> {
        let name = id_of(device)?;
        let open_it = self.name != "alsa" || name.starts_with("hw:");
        let look = |side, has: bool| match (has, open_it) {
            (false, _) => (Some(0), None, Vec::new()),
            (true, false) => (None, None, Vec::new()),
            (true, true) => {
                let ranges = offer::ranges(device, side).unwrap_or_default();
                // Servers mix any number of channels into what a device has; hardware that is asked itself lists its own.
                let own = if self.name == "alsa" { None } else { offer::usual_channels(device, side) };
                let channels = own.or_else(|| offer::channel_counts(&ranges).last().copied());
                let offer = channels.and_then(|channels| Offer::new(&ranges, channels));
                (channels.map(usize::from), offer, offer::formats(&ranges))
            }
        };
        let (inputs, input, input_formats) = look(Side::Input, device.supports_input());
        let (outputs, output, output_formats) = look(Side::Output, device.supports_output());
        let mut sample_formats = input_formats;
        sample_formats.extend(output_formats);
        sample_formats.sort();
        sample_formats.dedup();
        let (mut rates, mut buffer_frames) = (Choices::default(), Choices::default());
        for offer in [input, output].into_iter().flatten() {
            rates = rates.intersection(&offer.rates).unwrap_or_default();
            buffer_frames = buffer_frames.intersection(&offer.buffer_frames).unwrap_or_default();
        }
        let has_both = device.supports_input() && device.supports_output();
        Some(DeviceInfo {
            backend: self.name,
            description: device.to_string(),
            inputs,
            outputs,
            rates,
            buffer_frames,
            is_default: defaults.contains(&name),
            sample_formats,
            // Hardware has one clock for both of its sides; what a plugin of the system stands for is not known.
            shares_clock: (has_both && open_it).then_some(true),
            name,
            ..DeviceInfo::default()
        })
    }

    /// Finds a side's device and channels. `None` if no channel of it is selected.
    fn side(
        &self,
        host: &Host,
        side: Side,
        name: Option<&String>,
        selection: &ChannelSelection,
    ) -> Result<Option<SideChoice>, OpenError> {
        if selection.is_none() {
            return Ok(None);
        }
        let device = match name {
            Some(name) => Some(self.find(host, side, name)?),
            None => {
                let default = match side {
                    Side::Input => host.default_input_device(),
                    Side::Output => host.default_output_device(),
                };
                default.map(|default| itself(host, default))
            }
        };
        let Some(device) = device else {
            return match selection.count() {
                None => Ok(None),
                Some(_) => Err(OpenError::NoDevice {
                    backend: self.name,
                    device: format!("default {side}"),
                    known: self.known(host),
                }),
            };
        };
        let id = id_of(&device).unwrap_or_else(|| device.to_string());
        let ranges = offer::ranges(&device, side).map_err(|error| refusal(&id, &error))?;
        let counts = offer::channel_counts(&ranges);
        let usual = offer::usual_channels(&device, side);
        let Some((count, channels)) = choose_channels(selection, &counts, usual)
            .map_err(|source| OpenError::Channels { device: id.clone(), side, source })?
        else {
            return Ok(None);
        };
        let offer = Offer::new(&ranges, count).ok_or_else(|| OpenError::Driver {
            device: id.clone(),
            message: format!("its {side} has no sample format that can be used"),
        })?;
        Ok(Some(SideChoice { device, id, offer, count, channels }))
    }

    /// By identifier, else by the name that people see; of several, one that has the side.
    fn find(&self, host: &Host, side: Side, name: &str) -> Result<Device, OpenError> {
        let devices: Vec<Device> = host.devices().map_err(|error| self.failed(&error))?.collect();
        let has_side = |device: &Device| match side {
            Side::Input => device.supports_input(),
            Side::Output => device.supports_output(),
        };
        let by_id = devices.iter().filter(|device| id_of(device).as_deref() == Some(name));
        let by_name = devices.iter().filter(|device| device.to_string() == name);
        let mut candidates: Vec<&Device> = by_id.chain(by_name).collect();
        candidates.sort_by_key(|device| !has_side(device));
        candidates.first().map(|&device| device.clone()).ok_or_else(|| OpenError::NoDevice {
            backend: self.name,
            device: name.to_owned(),
            known: devices.iter().filter_map(id_of).collect(),
        })
    }

    fn known(&self, host: &Host) -> Vec<String> {
        host.devices().map(|devices| devices.filter_map(|device| id_of(&device)).collect()).unwrap_or_default()
    }
}

/// One side of what is being opened.
struct SideChoice {
    device: Device,
    id: String,
    offer: Offer,
    /// How many channels the stream has.
    count: u16,
    /// Which of them are used, from 0.
    channels: Vec<usize>,
}

impl SideChoice {
    fn plan(self, rate: u32, frames: u32) -> SidePlan {
        let buffer_size = cpal::BufferSize::Fixed(frames);
        let config = cpal::StreamConfig { channels: self.count, sample_rate: rate, buffer_size };
        let channels = Channels { used: self.channels, stride: self.count.into() };
        SidePlan { device: self.device, format: self.offer.format, config, channels }
    }
}

/// Why cpal did not open a device.
fn refusal(device: &str, error: &cpal::Error) -> OpenError {
    let device = device.to_owned();
    match error.kind() {
        ErrorKind::DeviceBusy => OpenError::Busy { device },
        ErrorKind::PermissionDenied => OpenError::Permission { device },
        _ => OpenError::Driver { device, message: error.to_string() },
    }
}

/// The device that is the default one now: opened as the default, some systems go over to another one later.
fn itself(host: &Host, default: Device) -> Device {
    default.id().ok().and_then(|id| host.device_by_id(&id)).unwrap_or(default)
}

fn id_of(device: &Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// How many channels to open, and which to use: the smallest number that holds the selection, since hardware often has
/// but one. `None` if all are selected and there is none.
pub(crate) fn choose_channels(
    selection: &ChannelSelection,
    counts: &[u16],
    usual: Option<u16>,
) -> Result<Option<(u16, Vec<usize>)>, SelectionError> {
    let most = counts.last().copied().unwrap_or(0);
    let count = match selection.highest() {
        None if most == 0 => return Ok(None),
        None => usual.filter(|usual| counts.contains(usual)).unwrap_or(most),
        Some(highest) => counts.iter().copied().find(|&count| usize::from(count) >= highest).unwrap_or(most),
    };
    Ok(Some((count, selection.resolve(count.into())?)))
}

/// The value that all sides offer and that is asked for, or the nearest to the usual one. Fails with the value and what
/// is offered.
pub(crate) fn agree<'a>(
    offers: impl Iterator<Item = &'a Choices>,
    asked: Option<u32>,
    usual: u32,
) -> Result<u32, (u32, Choices)> {
    let mut common = Choices::default();
    for offer in offers {
        common = common.intersection(offer).ok_or_else(|| (asked.unwrap_or(usual), offer.clone()))?;
    }
    match asked {
        Some(value) if value == 0 || !common.contains(value) => Err((value, common)),
        Some(value) => Ok(value),
        None => Ok(common.nearest(usual)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An interface with 18 channels or none, and a plugin that takes any number.
    #[test]
    fn the_smallest_number_of_channels_that_holds_the_selection_is_opened() {
        let choose = |text: &str, counts: &[u16], usual| {
            choose_channels(&text.parse().unwrap(), counts, usual).map_err(|error| error.to_string())
        };
        assert_eq!(choose("3,4", &[18], Some(18)), Ok(Some((18, vec![2, 3]))));
        assert_eq!(choose("3,4", &[1, 2, 3, 4, 5], Some(2)), Ok(Some((4, vec![2, 3]))));
        assert_eq!(choose("all", &[1, 2, 3], Some(2)), Ok(Some((2, vec![0, 1]))));
        assert_eq!(choose("all", &[], None), Ok(None));
        assert!(choose("19", &[18], None).unwrap_err().contains("channels 1-18"));
        assert!(choose("1", &[], None).unwrap_err().contains("no channel on this side"));
    }

    #[test]
    fn both_sides_agree_or_it_is_said_what_there_is() {
        let [input, output] = [Choices::new([32..=512]), Choices::new([64..=4096])];
        let agree = |asked| agree([&input, &output].into_iter(), asked, 256);
        assert_eq!(agree(None), Ok(256));
        assert_eq!(agree(Some(64)), Ok(64));
        assert_eq!(agree(Some(32)), Err((32, Choices::new([64..=512]))));
        assert_eq!(agree(Some(0)), Err((0, Choices::new([64..=512]))));
        let unknown = Choices::default();
        assert_eq!(super::agree([&unknown].into_iter(), Some(0), 256), Err((0, unknown.clone())));
    }
}
