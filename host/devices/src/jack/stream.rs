//! An open JACK client, stopped (registered but not active) or running.

use std::sync::Arc;

use jack::{AsyncClient, Client, LatencyType, Port, Unowned};

use super::midi::{self, MidiControl};
use super::process::{Notifier, Processor};
use super::server::Lease;
use crate::audio_thread::Scheduling;
use crate::backend::{Latency, Stream, StreamInfo, StreamMidi};
use crate::callback_cell::CallbackCell;
use crate::error::StreamError;
use crate::midi::Direction;
use crate::period::DuplexCallback;
use crate::status::{Notice, NoticeReader, StreamStatus};

/// Why a client's thread has no real-time priority.
const ORDINARY: &str = "the JACK server gives its clients no real-time priority; start it with `jackd --realtime` or \
                        switch that on in its settings, and allow it to your user: write `@audio - rtprio 95` and \
                        `@audio - memlock unlimited` to a file in /etc/security/limits.d, put yourself into the group \
                        `audio`, and log in again";

/// Handles for asking about ports while the processor has them.
pub(super) struct UnownedPorts {
    pub inputs: Vec<Port<Unowned>>,
    pub outputs: Vec<Port<Unowned>>,
}

/// Our ports that are to be connected, by their short names, each with what to.
pub(super) struct Peers {
    pub inputs: Vec<(String, String)>,
    pub outputs: Vec<(String, String)>,
}

/// A client that is registered but not active.
pub(super) struct IdleClient {
    pub client: Client,
    pub notifier: Notifier,
    pub processor: Processor,
}

enum ClientState {
    Stopped(IdleClient),
    Running(AsyncClient<Notifier, Processor>),
    Gone,
}

impl ClientState {
    fn client(&self) -> Option<&Client> {
        match self {
            Self::Stopped(idle) => Some(&idle.client),
            Self::Running(client) => Some(client.as_client()),
            Self::Gone => None,
        }
    }
}

/// An open client. Its fields are dropped in this order: the client goes while what it calls is still there.
pub(super) struct JackStream {
    client: ClientState,
    // Handles into the client, not to be used once it is gone.
    ports: UnownedPorts,
    _lease: Lease,
    cell: Arc<CallbackCell>,
    status: Arc<StreamStatus>,
    reader: NoticeReader,
    info: StreamInfo,
    peers: Peers,
    midi: MidiControl,
}

impl JackStream {
    pub fn new(
        info: StreamInfo,
        idle: IdleClient,
        peers: Peers,
        cell: Arc<CallbackCell>,
        status: Arc<StreamStatus>,
        midi: MidiControl,
        lease: Lease,
    ) -> Self {
        let reader = NoticeReader::new(info.rate, info.buffer_frames);
        let ports = idle.processor.unowned_ports();
        Self { client: ClientState::Stopped(idle), ports, _lease: lease, cell, status, reader, info, peers, midi }
    }

    fn gone(&self) -> StreamError {
        StreamError::Lost { device: self.info.device.clone() }
    }

    /// The client, unless its server is gone.
    fn live_client(&self) -> Option<&Client> {
        self.client.client().filter(|_| !self.status.lost.is_set())
    }

    fn connect_audio(&self) -> Result<(), StreamError> {
        let client = self.live_client().ok_or_else(|| self.gone())?;
        let ours = |port: &String| format!("{}:{port}", self.info.client);
        let inputs = self.peers.inputs.iter().map(|(port, peer)| (peer.clone(), ours(port)));
        let outputs = self.peers.outputs.iter().map(|(port, peer)| (ours(port), peer.clone()));
        for (source, destination) in inputs.chain(outputs) {
            match client.connect_ports_by_name(&source, &destination) {
                Ok(()) | Err(jack::Error::PortAlreadyConnected(..)) => {}
                Err(error) => {
                    let (device, message) = (self.info.device.clone(), error.to_string());
                    return Err(StreamError::Connect { device, message });
                }
            }
        }
        Ok(())
    }
}

/// The longest latency of the ports that are connected, if any is.
fn longest(ports: &[Port<Unowned>], mode: LatencyType) -> Option<u32> {
    let connected = ports.iter().filter(|port| port.connected_count().is_ok_and(|count| count > 0));
    connected.map(|port| port.get_latency_range(mode).1).max()
}

impl Stream for JackStream {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// What the server computes for the connected ports, the longest of each side. Known while the stream runs and is
    /// connected; the server takes a moment to compute it after a change.
    fn latency(&self) -> Latency {
        if self.live_client().is_none() {
            return Latency::default();
        }
        Latency {
            input: longest(&self.ports.inputs, LatencyType::Capture),
            output: longest(&self.ports.outputs, LatencyType::Playback),
            join: 0,
        }
    }

    fn start(&mut self) -> Result<(), StreamError> {
        if self.status.lost.is_set() {
            return Err(self.gone());
        }
        match std::mem::replace(&mut self.client, ClientState::Gone) {
            ClientState::Running(client) => {
                self.client = ClientState::Running(client);
                return Ok(());
            }
            ClientState::Stopped(IdleClient { client, notifier, processor }) => {
                let active = client.activate_async(notifier, processor).map_err(|_| self.gone())?;
                self.client = ClientState::Running(active);
            }
            ClientState::Gone => return Err(self.gone()),
        }
        self.connect_audio().inspect_err(|_| {
            // The failed connection is what the caller has to know.
            let _ = self.stop();
        })
    }

    fn stop(&mut self) -> Result<(), StreamError> {
        match std::mem::replace(&mut self.client, ClientState::Gone) {
            ClientState::Running(client) => {
                let deactivated = client.deactivate();
                self.cell.thread.forget();
                let (client, notifier, processor) = deactivated.map_err(|_| self.gone())?;
                self.client = ClientState::Stopped(IdleClient { client, notifier, processor });
                Ok(())
            }
            other => {
                self.client = other;
                Ok(())
            }
        }
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.reader.drain(&self.status)
    }

    fn xruns(&self) -> u64 {
        self.status.xruns()
    }

    /// JACK asks for its clients itself, if its server runs so.
    fn scheduling(&self) -> Option<Scheduling> {
        let ClientState::Running(_) = &self.client else { return None };
        self.live_client()?;
        self.cell.thread.scheduling(|| ORDINARY.to_owned())
    }

    fn midi(&mut self) -> Option<&mut dyn StreamMidi> {
        Some(self)
    }

    fn close(mut self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        self.client = ClientState::Gone;
        self.cell.take()
    }
}

impl StreamMidi for JackStream {
    fn ports(&self, direction: Direction) -> Vec<String> {
        self.live_client().map_or_else(Vec::new, |client| midi::peers(client, direction))
    }

    fn open(&mut self, direction: Direction, name: &str) -> Result<usize, StreamError> {
        let client = self.client.client().filter(|_| !self.status.lost.is_set());
        let client = client.ok_or_else(|| StreamError::Lost { device: self.info.device.clone() })?;
        self.midi.open(client, &self.info.device, direction, name)
    }

    fn has(&self, name: &str) -> bool {
        !name.contains('\0') && self.live_client().is_some_and(|client| client.port_by_name(name).is_some())
    }

    fn connect(&mut self, direction: Direction, port: usize, to: &str) -> Result<(), StreamError> {
        let client = self.live_client().ok_or_else(|| self.gone())?;
        let refused = |message: String| StreamError::Driver { device: self.info.device.clone(), message };
        let name = self.midi.name(direction, port).ok_or_else(|| refused("there is no such MIDI port".to_owned()))?;
        let ours = format!("{}:{name}", self.info.client);
        let (source, destination) = match direction {
            Direction::Input => (to, ours.as_str()),
            Direction::Output => (ours.as_str(), to),
        };
        match client.connect_ports_by_name(source, destination) {
            Ok(()) | Err(jack::Error::PortAlreadyConnected(..)) => Ok(()),
            Err(error) => Err(refused(format!("{source} to {destination}: {error}"))),
        }
    }

    fn lost(&self) -> u64 {
        self.midi.lost()
    }
}
