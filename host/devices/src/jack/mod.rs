//! JACK, and PipeWire where it stands in for JACK: one duplex client with a stable name. The library is found at run
//! time, and no server is ever started from here.
//!
//! `jack` is the default server, `jack:NAME` the one of that name. Ports are called `in_1`, `in_2`, ... and `out_1`,
//! `out_2`, ... in the order of the selections; with auto-connect, the k-th is connected to the physical port that the
//! k-th selected channel means, and named after it. What goes in comes out of the same callback: the client adds no
//! latency, and JACK, which takes an input's latency for an output's where a client says nothing else, tells the other
//! clients so. MIDI ports are made when they are asked for, by names of their own, and carry each message at its frame.

mod midi;
mod process;
mod server;
mod stream;

use std::sync::Arc;

use jack::{AudioIn, AudioOut, Client, PortFlags};

use self::process::{Notifier, Processor};
use self::stream::{IdleClient, JackStream, Peers};
use crate::backend::{Backend, DeviceInfo, Stream, StreamInfo};
use crate::callback_cell::CallbackCell;
use crate::error::{Choices, DeviceError, OpenError, Side};
use crate::midi::Direction;
use crate::period::DuplexCallback;
use crate::request::StreamRequest;
use crate::selection::ChannelSelection;
use crate::status::StreamStatus;

const NAME: &str = "jack";
/// As people call it, in messages.
const CALLED: &str = "JACK";
const AUDIO: &str = "32 bit float mono audio";
/// How many ports `all` means where the server has no physical ones.
const WITHOUT_PHYSICAL: usize = 2;
const HINT: &str = "; all clients of a server share one, change it with jack_bufsize or in the server's settings";

/// The backend named `jack`.
#[derive(Clone, Copy, Debug, Default)]
pub struct JackBackend;

impl JackBackend {
    /// The MIDI ports on the default server, if it runs. Looking at it connects a client for a moment.
    ///
    /// # Errors
    /// If JACK is not installed or its server does not run.
    pub fn midi_ports(direction: Direction) -> Result<Vec<String>, DeviceError> {
        let (_lease, client) = server::open_client("crosspoint-look", None, &Arc::default())?;
        Ok(midi::peers(&client, direction))
    }

    /// Runs something while this thread holds every lock of the backend: a way for tests to show that callbacks take none.
    #[doc(hidden)]
    pub fn with_locks_held(during: &mut dyn FnMut()) {
        server::with_locks_held(during);
    }
}

impl Backend for JackBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    /// The default server, if it runs. Looking at it connects a client for a moment.
    fn devices(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        // The client is dropped before the lease.
        let (_lease, client) = server::open_client("crosspoint-look", None, &Arc::default())?;
        let [input_names, output_names] = [Side::Input, Side::Output].map(|side| physical(&client, side));
        Ok(vec![DeviceInfo {
            backend: NAME,
            name: server::default_name(),
            description: "JACK server".to_owned(),
            inputs: Some(input_names.len()),
            outputs: Some(output_names.len()),
            rates: Choices::only(client.sample_rate()),
            buffer_frames: Choices::only(client.buffer_size()),
            is_default: true,
            input_names,
            output_names,
            sample_formats: vec!["f32".to_owned()],
            shares_clock: Some(true),
            ..DeviceInfo::default()
        }])
    }

    fn open(&self, request: &StreamRequest, callback: Box<dyn DuplexCallback>) -> Result<Box<dyn Stream>, OpenError> {
        let device = request.device.clone().unwrap_or_else(server::default_name);
        server::check_name("JACK client", &request.client_name)?;
        if let Some(name) = &request.device {
            server::check_name("JACK server", name)?;
        }
        let status = Arc::<StreamStatus>::default();
        let (lease, client) = server::open_client(&request.client_name, request.device.as_deref(), &status)?;
        check_server(&client, &device, request)?;

        let side = |side, selection| side_of(&client, &device, side, selection, request.auto_connect);
        let inputs = side(Side::Input, &request.inputs)?;
        let outputs = side(Side::Output, &request.outputs)?;
        if inputs.count == 0 && outputs.count == 0 {
            return Err(OpenError::NoChannels { device });
        }
        let refused = |error: jack::Error| OpenError::Driver { device: device.clone(), message: error.to_string() };
        let input_names = port_names("in", inputs.count);
        let output_names = port_names("out", outputs.count);
        let register_input = |name: &String| client.register_port(name, AudioIn::default());
        let register_output = |name: &String| client.register_port(name, AudioOut::default());
        let input_ports = input_names.iter().map(register_input).collect::<Result<Vec<_>, _>>().map_err(refused)?;
        let output_ports = output_names.iter().map(register_output).collect::<Result<Vec<_>, _>>().map_err(refused)?;

        let cell = Arc::new(CallbackCell::new(callback, Arc::clone(&status)));
        let info = StreamInfo {
            backend: NAME,
            device,
            client: client.name().to_owned(),
            rate: client.sample_rate(),
            buffer_frames: client.buffer_size(),
            inputs: channel_names(&client, &inputs.peers, &input_names),
            outputs: channel_names(&client, &outputs.peers, &output_names),
        };
        let (midi, midi_process) = midi::halves();
        let processor = Processor::new(Arc::clone(&cell), Arc::clone(&status), input_ports, output_ports, midi_process);
        let idle = IdleClient { client, notifier: Notifier::new(Arc::clone(&status)), processor };
        let peers = Peers { inputs: named(input_names, inputs.peers), outputs: named(output_names, outputs.peers) };
        Ok(Box::new(JackStream::new(info, idle, peers, cell, status, midi, lease)))
    }
}

fn check_server(client: &Client, device: &str, request: &StreamRequest) -> Result<(), OpenError> {
    if let Some(rate) = request.rate.filter(|&rate| rate != client.sample_rate()) {
        let offered = Choices::only(client.sample_rate());
        return Err(OpenError::Rate { device: device.to_owned(), rate, offered });
    }
    if let Some(frames) = request.buffer_frames.filter(|&frames| frames != client.buffer_size()) {
        let offered = Choices::only(client.buffer_size());
        return Err(OpenError::BufferFrames { device: device.to_owned(), frames, offered, hint: HINT });
    }
    Ok(())
}

/// One side's ports: how many, and what to connect each to.
struct Ports {
    count: usize,
    /// As long as `count`, or empty.
    peers: Vec<String>,
}

fn side_of(
    client: &Client,
    device: &str,
    side: Side,
    selection: &ChannelSelection,
    auto_connect: bool,
) -> Result<Ports, OpenError> {
    let physical = physical(client, side);
    match selection.count() {
        // Without connections a selection only says how many ports there are to be.
        Some(count) if !auto_connect => Ok(Ports { count, peers: Vec::new() }),
        None if physical.is_empty() => Ok(Ports { count: WITHOUT_PHYSICAL, peers: Vec::new() }),
        _ => {
            let resolved = selection.resolve(physical.len());
            let channels =
                resolved.map_err(|source| OpenError::Channels { device: device.to_owned(), side, source })?;
            let count = channels.len();
            let connected = channels.into_iter().filter(|_| auto_connect);
            Ok(Ports { count, peers: connected.map(|channel| physical[channel].clone()).collect() })
        }
    }
}

/// The ports that stand for the hardware's inputs, which are outputs of its client, or the other way round.
fn physical(client: &Client, side: Side) -> Vec<String> {
    let direction = match side {
        Side::Input => PortFlags::IS_OUTPUT,
        Side::Output => PortFlags::IS_INPUT,
    };
    client.ports(None, Some(AUDIO), PortFlags::IS_PHYSICAL | direction)
}

/// What people may know the channels by: the physical port that each is connected to, with the name that its driver has for
/// it; else the port itself.
fn channel_names(client: &Client, peers: &[String], ports: &[String]) -> Vec<String> {
    if peers.is_empty() { ports.to_vec() } else { peers.iter().map(|peer| with_alias(client, peer)).collect() }
}

fn with_alias(client: &Client, name: &str) -> String {
    let aliases = client.port_by_name(name).and_then(|port| port.aliases().ok()).unwrap_or_default();
    match aliases.into_iter().find(|alias| !alias.is_empty() && alias != name) {
        Some(alias) => format!("{name} ({alias})"),
        None => name.to_owned(),
    }
}

/// Ports with what each is to be connected to; none if they are to stay unconnected.
fn named(ports: Vec<String>, peers: Vec<String>) -> Vec<(String, String)> {
    ports.into_iter().zip(peers).collect()
}

fn port_names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{prefix}_{number}")).collect()
}
