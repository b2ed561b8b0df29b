//! A driver that a test is: its periods are called by hand. Shared by tests that simulate time.

use crosspoint::devices::midi::Direction;
use crosspoint::devices::{
    DuplexCallback, Latency, Notice as DeviceNotice, Stream, StreamError, StreamInfo, StreamMidi,
};

/// A driver that calls nothing by itself.
pub struct ByHand {
    info: StreamInfo,
    /// Its MIDI ports, if it carries MIDI.
    ports: Option<Vec<(Direction, String)>>,
}

impl ByHand {
    /// With so many frames a second and a period, and whatever channels the test calls it with.
    pub fn new(rate: u32, buffer_frames: u32) -> Self {
        let info = StreamInfo {
            backend: "by hand",
            device: String::new(),
            client: String::new(),
            rate,
            buffer_frames,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        Self { info, ports: None }
    }

    /// One that carries MIDI, by ports of any name.
    #[allow(dead_code, reason = "some tests have a desk of devices instead")]
    pub fn with_midi(self) -> Self {
        Self { ports: Some(Vec::new()), ..self }
    }
}

impl Stream for ByHand {
    fn info(&self) -> &StreamInfo {
        &self.info
    }
    fn latency(&self) -> Latency {
        Latency::default()
    }
    fn start(&mut self) -> Result<(), StreamError> {
        Ok(())
    }
    fn stop(&mut self) -> Result<(), StreamError> {
        Ok(())
    }
    fn notices(&mut self) -> Vec<DeviceNotice> {
        Vec::new()
    }
    fn xruns(&self) -> u64 {
        0
    }
    fn midi(&mut self) -> Option<&mut dyn StreamMidi> {
        self.ports.is_some().then_some(self as &mut dyn StreamMidi)
    }
    fn close(self: Box<Self>) -> Option<Box<dyn DuplexCallback>> {
        None
    }
}

impl StreamMidi for ByHand {
    fn ports(&self, _: Direction) -> Vec<String> {
        Vec::new()
    }
    fn open(&mut self, direction: Direction, name: &str) -> Result<usize, StreamError> {
        let port = (direction, name.to_owned());
        let of_direction = |ports: &[(Direction, String)]| ports.iter().filter(|known| known.0 == direction).count();
        let ports = self.ports.get_or_insert_default();
        if let Some(place) = ports.iter().position(|known| *known == port) {
            return Ok(of_direction(&ports[..place]));
        }
        ports.push(port);
        Ok(of_direction(ports) - 1)
    }
    fn has(&self, _: &str) -> bool {
        true
    }
    fn connect(&mut self, _: Direction, _: usize, _: &str) -> Result<(), StreamError> {
        Ok(())
    }
    fn lost(&self) -> u64 {
        0
    }
}
