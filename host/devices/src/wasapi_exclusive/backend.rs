//! The backend: lists endpoints, agrees with them on rate, format and buffer, and opens them. Talks to the system on threads
//! of its own, since a program's main thread may have joined an apartment that the system's audio cannot use.

use std::sync::mpsc;

use wasapi::{CapabilityProbe, Device, DeviceEnumerator, Direction, SampleType, WasapiError, WaveFormat};

use super::NAME;
use super::choice::{Found, Listed, choose, listed};
use super::encoding::{Encoding, buffer_frames};
use super::endpoints::{Apartment, Endpoint, ExclusiveEndpoints};
use super::exchange::{Plan, SidePlan};
use super::fault::{EXCLUSIVE_MODE_NOT_ALLOWED, Fault};
use super::stream::{ExclusiveStream, Opened};
use crate::backend::{Backend, DeviceInfo, Stream, StreamInfo};
use crate::cpal::{agree, choose_channels};
use crate::error::{Choices, DeviceError, OpenError, Side};
use crate::joined::Channels;
use crate::period::DuplexCallback;
use crate::request::{JoinClocks, StreamRequest};
use crate::selection::ChannelSelection;

const USUAL_FRAMES: u32 = 256;
/// Rates that are asked about, the usual one first.
const RATES: [u32; 8] = [48_000, 44_100, 96_000, 88_200, 192_000, 176_400, 384_000, 352_800];

/// The backend named `wasapi-exclusive`.
#[derive(Clone, Copy, Debug, Default)]
pub struct WasapiExclusiveBackend;

impl Backend for WasapiExclusiveBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Asks every endpoint what it takes; none is opened.
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        let failed = |message: String| DeviceError::Backend { backend: NAME, message };
        let (told, heard) = mpsc::channel();
        let list = move || {
            let _apartment = Apartment::enter();
            let devices = found().map(|found| listed(&found).iter().map(describe).collect());
            told.send(devices.map_err(|error| error.to_string()))
        };
        let thread = std::thread::Builder::new().name("crosspoint-wasapi-list".to_owned()).spawn(list);
        thread.map_err(|error| failed(error.to_string()))?;
        heard.recv().unwrap_or_else(|_| Err("the thread that asks died".to_owned())).map_err(failed)
    }

    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError> {
        let device = request.device.clone().unwrap_or_else(|| "the default device".to_owned());
        let request = request.clone();
        Ok(Box::new(ExclusiveStream::open(&device, move || open(&request), callback)?))
    }
}

fn failed(error: &WasapiError) -> DeviceError {
    DeviceError::Backend { backend: NAME, message: error.to_string() }
}

const SIDES: [(Side, Direction); 2] = [(Side::Output, Direction::Render), (Side::Input, Direction::Capture)];

/// The endpoints that are there and plugged in.
fn found() -> Result<Vec<Found>, WasapiError> {
    let enumerator = DeviceEnumerator::new()?;
    let mut found = Vec::new();
    for (side, direction) in SIDES {
        // There may be none.
        let default = enumerator.get_default_device(&direction).and_then(|device| device.get_id()).ok();
        let collection = enumerator.get_device_collection(&direction)?;
        // One that vanishes meanwhile is left out.
        found.extend(collection.into_iter().flatten().filter_map(|device| {
            let id = device.get_id().ok()?;
            let name = device.get_friendlyname().unwrap_or_else(|_| id.clone());
            let interface = device.get_interface_friendlyname().unwrap_or_else(|_| name.clone());
            let is_default = default.as_ref() == Some(&id);
            Some(Found { side, id, name, interface, is_default })
        }));
    }
    Ok(found)
}

fn device_of(found: &Found) -> Result<Device, WasapiError> {
    DeviceEnumerator::new()?.get_device(&found.id)
}

/// What an endpoint takes.
struct Ability {
    probe: CapabilityProbe,
    /// Its channels, as the user has set them for other programs.
    usual_channels: Option<u16>,
    /// The shortest period in units of 100 ns.
    shortest: i64,
}

impl Ability {
    fn of(device: &Device) -> Result<Self, WasapiError> {
        let (_, shortest) = device.get_iaudioclient()?.get_device_period()?;
        let usual_channels = device.get_device_format().ok().map(|format| format.get_nchannels());
        Ok(Self { probe: CapabilityProbe::new(device)?, usual_channels, shortest })
    }

    /// The rates at which it has a format for its usual channels.
    fn rates(&mut self) -> Choices {
        let channels = usize::from(self.usual_channels.unwrap_or(2));
        let mut takes = |rate: u32| !self.probe.supported_formats(rate as usize, channels).is_empty();
        Choices::new(RATES.into_iter().filter(|&rate| takes(rate)).map(|rate| rate..=rate))
    }

    /// The formats that it has at a rate, as far as they can be converted.
    fn formats(&mut self, rate: u32) -> Vec<(Encoding, WaveFormat)> {
        let formats = self.probe.supported_formats_at_rate(rate as usize);
        formats.into_iter().filter_map(|format| Some((encoding_of(&format)?, format))).collect()
    }
}

fn encoding_of(format: &WaveFormat) -> Option<Encoding> {
    let is_float = matches!(format.get_subformat().ok()?, SampleType::Float);
    Encoding::of(format.get_bitspersample(), format.get_validbitspersample(), is_float)
}

fn channel_counts(formats: &[(Encoding, WaveFormat)]) -> Vec<u16> {
    let mut counts: Vec<u16> = formats.iter().map(|(_, format)| format.get_nchannels()).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// What a device can do, as far as its endpoints say so.
fn describe(device: &Listed<'_>) -> DeviceInfo {
    let (mut rates, mut frames) = (Choices::default(), Choices::default());
    let mut sample_formats = Vec::new();
    let mut channels = |endpoint: Option<&Found>| {
        let Some(endpoint) = endpoint else { return Some(0) };
        let mut ability = device_of(endpoint).and_then(|device| Ability::of(&device)).ok()?;
        let own = ability.rates();
        let rate = own.nearest(RATES[0]);
        frames = frames.intersection(&buffer_frames(ability.shortest, rate)).unwrap_or_default();
        rates = rates.intersection(&own).unwrap_or_default();
        let formats = ability.formats(rate);
        sample_formats.extend(formats.iter().map(|(encoding, _)| encoding.name().to_owned()));
        channel_counts(&formats).last().map(|&count| usize::from(count))
    };
    let (inputs, outputs) = (channels(device.input), channels(device.output));
    sample_formats.sort();
    sample_formats.dedup();
    let endpoints: Vec<&str> = device.endpoints().map(|endpoint| endpoint.name.as_str()).collect();
    DeviceInfo {
        backend: NAME,
        name: device.name.to_owned(),
        description: endpoints.join(", "),
        inputs,
        outputs,
        rates,
        buffer_frames: frames,
        is_default: device.endpoints().any(|endpoint| endpoint.is_default),
        sample_formats,
        ..DeviceInfo::default()
    }
}

/// One side of what is being opened.
struct Chosen<'a> {
    found: &'a Found,
    device: Device,
    ability: Ability,
    selection: &'a ChannelSelection,
}

impl<'a> Chosen<'a> {
    fn new(found: &'a Found, selection: &'a ChannelSelection) -> Result<Self, OpenError> {
        let ability = device_of(found).and_then(|device| Ok((Ability::of(&device)?, device)));
        let (ability, device) = ability.map_err(|error| Fault::from(error).refusal(&found.name))?;
        Ok(Self { found, device, ability, selection })
    }

    /// Its channels and format at a rate. `None` if all channels are selected and there is none.
    fn format(&mut self, rate: u32) -> Result<Option<(SidePlan, WaveFormat)>, OpenError> {
        let formats = self.ability.formats(rate);
        let counts = channel_counts(&formats);
        let chosen = choose_channels(self.selection, &counts, self.ability.usual_channels);
        let refuse = |source| OpenError::Channels { device: self.found.name.clone(), side: self.found.side, source };
        let Some((stride, used)) = chosen.map_err(refuse)? else { return Ok(None) };
        let best = Encoding::ALL.into_iter().find_map(|encoding| {
            let fits = |(own, format): &&(Encoding, WaveFormat)| *own == encoding && format.get_nchannels() == stride;
            formats.iter().find(fits)
        });
        Ok(best.map(|(encoding, format)| {
            let channels = Channels { used, stride: stride.into() };
            (SidePlan { encoding: *encoding, channels }, format.clone())
        }))
    }
}

/// Opens what is asked for, on the thread that will use it.
fn open(request: &StreamRequest) -> Result<(ExclusiveEndpoints, Plan, Opened), OpenError> {
    let apartment = Apartment::enter();
    let found = found().map_err(|error| failed(&error))?;
    let (input, output) = choose(&found, request)?;
    let id = |side: Option<&Found>| side.map(|found| found.id.clone());
    let (input_id, output_id) = (id(input), id(output));
    let is_one_interface = matches!((input, output), (Some(a), Some(b)) if a.interface == b.interface);
    let device = match (output, input) {
        (Some(output), Some(input)) if !is_one_interface => format!("{} + {}", input.name, output.name),
        (Some(side), _) | (None, Some(side)) if is_one_interface => side.interface.clone(),
        (Some(side), _) | (None, Some(side)) => side.name.clone(),
        (None, None) => return Err(OpenError::NoChannels { device: NAME.to_owned() }),
    };
    let mut input = input.map(|input| Chosen::new(input, &request.inputs)).transpose()?;
    let mut output = output.map(|output| Chosen::new(output, &request.outputs)).transpose()?;
    let rate = choose_rate(&device, input.iter_mut().chain(&mut output), request.rate)?;
    let offers: Vec<Choices> =
        input.iter().chain(&output).map(|side| buffer_frames(side.ability.shortest, rate)).collect();
    let refuse = |frames, offered, hint| OpenError::BufferFrames { device: device.clone(), frames, offered, hint };
    let frames = agree(offers.iter(), request.buffer_frames, USUAL_FRAMES)
        .map_err(|(frames, offered)| refuse(frames, offered, ""))?;

    let side = |side: &mut Option<Chosen<'_>>| match side {
        Some(chosen) => open_side(chosen, rate, frames),
        None => Ok(None),
    };
    let (output, input) = (side(&mut output)?, side(&mut input)?);
    let ((input_plan, input), (output_plan, output)) = (input.unzip(), output.unzip());
    let Some(pace) = output.as_ref().or(input.as_ref()).map(|endpoint: &Endpoint| endpoint.frames) else {
        return Err(OpenError::NoChannels { device });
    };
    if let Some(asked) = request.buffer_frames.filter(|&asked| asked != pace) {
        return Err(refuse(asked, Choices::only(pace), "; near that its hardware takes no other"));
    }
    let longest = input.iter().chain(&output).map(|endpoint| endpoint.frames).max().unwrap_or(pace);
    let names = |plan: &Option<SidePlan>, word: &str| {
        let used = plan.iter().flat_map(|plan| &plan.channels.used);
        used.map(|channel| format!("{word} {}", channel + 1)).collect()
    };
    let info = StreamInfo {
        backend: NAME,
        client: String::new(),
        rate,
        buffer_frames: longest,
        inputs: names(&input_plan, "input"),
        outputs: names(&output_plan, "output"),
        device,
    };
    let latency = |endpoint: &Option<Endpoint>| endpoint.as_ref().and_then(|endpoint| endpoint.latency);
    let opened = Opened {
        input: input_id.filter(|_| input.is_some()),
        output: output_id.filter(|_| output.is_some()),
        input_latency: latency(&input),
        output_latency: latency(&output),
        info,
    };
    let is_drifting = match request.clocks {
        JoinClocks::SameDevice => !is_one_interface,
        JoinClocks::Shared => false,
        JoinClocks::Separate => true,
    };
    let plan = Plan { input: input_plan, output: output_plan, frames: longest, rate, is_drifting };
    let endpoints = ExclusiveEndpoints::new(input, output, apartment);
    let endpoints = endpoints.map_err(|fault| fault.refusal(&opened.info.device))?;
    Ok((endpoints, plan, opened))
}

/// The rate asked for, or the first at which every side has a format.
fn choose_rate<'a, 'b: 'a>(
    device: &str,
    sides: impl Iterator<Item = &'a mut Chosen<'b>>,
    asked: Option<u32>,
) -> Result<u32, OpenError> {
    let mut sides: Vec<_> = sides.collect();
    let mut takes = |rate: u32| sides.iter_mut().all(|side| !side.ability.formats(rate).is_empty());
    let chosen = match asked {
        Some(rate) => Some(rate).filter(|&rate| rate > 0 && takes(rate)),
        None => RATES.into_iter().find(|&rate| takes(rate)),
    };
    chosen.ok_or_else(|| {
        let offers: Vec<Choices> = sides.iter_mut().map(|side| side.ability.rates()).collect();
        if offers.iter().any(|offer| offer.ranges().is_empty()) {
            return Fault::System(EXCLUSIVE_MODE_NOT_ALLOWED).refusal(device);
        }
        let all = offers.into_iter().reduce(|all, offer| all.intersection(&offer).unwrap_or_default());
        let (device, rate) = (device.to_owned(), asked.unwrap_or(RATES[0]));
        OpenError::Rate { device, rate, offered: all.unwrap_or_default() }
    })
}

fn open_side(chosen: &mut Chosen<'_>, rate: u32, frames: u32) -> Result<Option<(SidePlan, Endpoint)>, OpenError> {
    let Some((plan, format)) = chosen.format(rate)? else { return Ok(None) };
    let endpoint = Endpoint::open(&chosen.device, &format, frames);
    endpoint.map(|endpoint| Some((plan, endpoint))).map_err(|fault| fault.refusal(&chosen.found.name))
}
