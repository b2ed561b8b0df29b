//! The control thread's half of MIDI: which ports are wanted for which roles, which are open, what the audio thread was told.

use super::route::{InputRoute, OutputRoute};
use super::stage::{Stage, Table, Told};
use super::wish::{DRIVER, Place, Wish};
use super::{MidiConnection, MidiEvent, MidiListing, StageCell};
use crate::control::{Compiled, Desk, Known, Mappings};
use crate::session::Mapping;
use crate::transport::{ClockRoles, ClockTold};
use crosspoint_devices::Stream;
use crosspoint_devices::midi::{Direction, MidiBackend, MidiChange, MidiPorts, SystemMidi, TickClock};
use crosspoint_graph::kernels::ticks;
use crosspoint_graph::{AudioCell, NodeId};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Tables on their way to the audio thread and home.
const TABLES: usize = 8;
/// How often ports are looked for.
const LOOK: Duration = Duration::from_millis(500);
/// What the audio thread was told last.
#[derive(Default, PartialEq)]
struct Sent {
    inputs: Vec<(String, NodeId)>,
    outputs: Vec<(String, NodeId)>,
    clock: ClockRoles,
    rate: u32,
}

/// All of MIDI that is not on the audio thread.
pub(crate) struct MidiSide {
    cell: StageCell,
    sending: rtrb::Producer<Box<Table>>,
    home: rtrb::Consumer<Box<Table>>,
    under_way: usize,
    told: Arc<Told>,
    lost_told: u64,
    clock: TickClock,
    system: Option<MidiPorts>,
    wishes: Vec<Wish>,
    last_number: u32,
    /// Numbers of roles and of nodes, which stay what they are.
    roles: Vec<(Direction, String)>,
    nodes: BTreeMap<NodeId, u32>,
    sent: Sent,
    /// Whether ports have come or gone that the audio thread does not know of.
    changed: bool,
    /// The mappings, with the values of their targets, and whether the audio thread does not know them.
    mappings: (Arc<Compiled>, Vec<Known>),
    remapped: bool,
    /// The stream that plays.
    stream: u32,
    looked: Option<Instant>,
}

/// The processor's counter. Takes a moment to measure, once.
fn processor_clock() -> TickClock {
    static PER_SECOND: OnceLock<f64> = OnceLock::new();
    let per_second = *PER_SECOND.get_or_init(|| {
        let (start, start_ticks) = (Instant::now(), ticks());
        std::thread::sleep(Duration::from_millis(50));
        ticks().wrapping_sub(start_ticks) as f64 / start.elapsed().as_secs_f64()
    });
    TickClock { now: ticks, per_second }
}

impl MidiSide {
    pub fn new(desk: Desk) -> Self {
        let (sending, arriving) = rtrb::RingBuffer::new(TABLES);
        let (going_home, home) = rtrb::RingBuffer::new(TABLES);
        let told = Arc::<Told>::default();
        let clock = TickClock { now: ticks, per_second: 0.0 };
        let stage = Stage::new(clock, arriving, going_home, told.clone(), desk);
        Self {
            cell: Arc::new(AudioCell::new(Box::new(stage))),
            sending,
            home,
            under_way: 0,
            told,
            lost_told: 0,
            clock,
            system: None,
            wishes: Vec::new(),
            last_number: 0,
            roles: Vec::new(),
            nodes: BTreeMap::new(),
            sent: Sent::default(),
            changed: false,
            mappings: (Arc::default(), Vec::new()),
            remapped: false,
            stream: 0,
            looked: None,
        }
    }

    /// Where the audio thread's half is to be found.
    pub fn cell(&self) -> StageCell {
        self.cell.clone()
    }

    /// The number of a role, if anybody has ever wanted a port for it.
    pub fn role_number(&self, direction: Direction, role: &str) -> Option<u32> {
        let place = self.roles.iter().position(|(way, known)| *way == direction && known == role);
        place.map(|place| place as u32)
    }

    /// The role of a number.
    pub fn role_name(&self, number: u32) -> Option<&str> {
        self.roles.get(number as usize).map(|(_, role)| role.as_str())
    }

    /// Whether a port of a role is open.
    pub fn is_open(&self, direction: Direction, role: &str) -> bool {
        self.wishes.iter().any(|wish| wish.direction == direction && wish.role == role && wish.open.is_some())
    }

    /// Has the audio thread use these mappings, whose targets have these values.
    pub fn use_mappings(&mut self, compiled: &Arc<Compiled>, values: Vec<Known>) {
        self.remapped |= !Arc::ptr_eq(&self.mappings.0, compiled);
        self.mappings = (compiled.clone(), values);
    }

    /// Whether nobody has ever wanted a port.
    pub fn is_idle(&self) -> bool {
        self.roles.is_empty()
    }

    pub fn set_backend(&mut self, backend: Box<dyn MidiBackend>, clock: TickClock) {
        for wish in self.wishes.iter_mut().filter(|wish| matches!(wish.place, Place::System(_))) {
            (wish.place, wish.open, wish.end) = (Place::System(None), None, None);
        }
        (self.clock, self.changed, self.looked) = (clock, true, None);
        self.system = Some(MidiPorts::new(backend, clock));
    }

    fn system(&mut self) -> &mut MidiPorts {
        if self.system.is_none() {
            self.clock = processor_clock();
        }
        let clock = self.clock;
        self.system.get_or_insert_with(|| MidiPorts::new(Box::new(SystemMidi::new("crosspoint")), clock))
    }

    pub fn list(&mut self, stream: &mut Option<Box<dyn Stream>>) -> MidiListing {
        let mut listing = MidiListing::default();
        for (direction, names) in [(Direction::Input, &mut listing.inputs), (Direction::Output, &mut listing.outputs)] {
            match self.system().list(direction) {
                Ok(ports) => names.extend(ports.into_iter().map(|port| port.name)),
                Err(error) => listing.unavailable = Some(error.to_string()),
            }
            if let Some(midi) = stream.as_mut().and_then(|stream| stream.midi()) {
                names.extend(midi.ports(direction).into_iter().map(|port| format!("{DRIVER}:{port}")));
            }
        }
        listing
    }

    pub fn open(&mut self, direction: Direction, role: &str, name: &str) {
        self.wish(direction, role, name, false);
    }

    fn wish(&mut self, direction: Direction, role: &str, name: &str, mapped: bool) {
        let driver = |peer: Option<&str>| {
            let name = self.port_name(direction, role);
            Place::Driver { name, port: None, peer: peer.map(str::to_owned) }
        };
        let place = match name.strip_prefix(DRIVER) {
            Some("") => driver(None),
            Some(peer) if peer.starts_with(':') => driver(Some(&peer[1..])),
            _ => Place::System(None),
        };
        self.last_number += 1;
        let (number, role, name) = (self.last_number, role.to_owned(), name.to_owned());
        if !self.roles.iter().any(|(way, known)| *way == direction && *known == role) {
            self.roles.push((direction, role.clone()));
        }
        self.wishes.push(Wish { number, direction, role, name, mapped, place, open: None, refusal: None, end: None });
        (self.changed, self.looked) = (true, None);
    }

    /// A name for a port of the audio driver that no other of ours has.
    fn port_name(&self, direction: Direction, role: &str) -> String {
        let base = format!("midi_{}_{role}", if direction == Direction::Input { "in" } else { "out" });
        let taken = |candidate: &str| {
            self.wishes.iter().any(|wish| matches!(&wish.place, Place::Driver { name, .. } if name == candidate))
        };
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base)
    }

    pub fn close(&mut self, direction: Direction, role: &str) {
        self.forget(|wish| wish.direction == direction && wish.role == role);
    }

    /// Has the ports of a mapping, and no others that a mapping wanted. Those that both want stay open.
    pub fn map(&mut self, mapping: &Mapping) {
        let wanted = |direction| match direction {
            Direction::Input => &mapping.midi_inputs,
            Direction::Output => &mapping.midi_outputs,
        };
        let is_wanted =
            |wish: &Wish| wanted(wish.direction).get(&wish.role).is_some_and(|names| names.contains(&wish.name));
        self.forget(|wish| wish.mapped && !is_wanted(wish));
        for direction in [Direction::Input, Direction::Output] {
            for (role, name) in
                wanted(direction).iter().flat_map(|(role, names)| names.iter().map(move |name| (role, name)))
            {
                let same = |wish: &Wish| wish.direction == direction && wish.role == *role && wish.name == *name;
                if !self.wishes.iter().any(same) {
                    self.wish(direction, role, name, true);
                }
            }
        }
    }

    fn forget(&mut self, meant: impl Fn(&Wish) -> bool) {
        for wish in self.wishes.extract_if(.., |wish| meant(wish)) {
            if let (Place::System(Some(port)), Some(system)) = (&wish.place, &mut self.system) {
                system.forget(*port);
            }
            self.changed = true;
        }
    }

    /// Says which stream plays, by a number that no other has; 0 is none.
    pub fn play_on(&mut self, stream: u32) {
        if std::mem::replace(&mut self.stream, stream) == stream {
            return;
        }
        for wish in &mut self.wishes {
            if let Place::Driver { port, .. } = &mut wish.place {
                (*port, wish.open, wish.refusal) = (None, None, None);
            }
        }
        (self.changed, self.looked) = (true, None);
    }

    pub fn connections(&self) -> Vec<MidiConnection> {
        let delay = (self.stream > 0).then(|| self.told.delay.load(Ordering::Relaxed));
        self.wishes.iter().map(|wish| wish.shown(delay)).collect()
    }

    /// What the audio thread tells of the clock that it follows.
    pub fn clock_told(&self) -> ClockTold {
        let tempo = f64::from_bits(self.told.clock_tempo.load(Ordering::Relaxed));
        let losses = self.told.clock_losses.load(Ordering::Relaxed);
        ClockTold { tempo: (tempo > 0.0).then_some(tempo), losses }
    }

    /// Messages lost since the last call.
    pub fn take_lost(&mut self, stream: &mut Option<Box<dyn Stream>>) -> u64 {
        let ports: u64 = self.system.iter_mut().flat_map(MidiPorts::take_losses).map(|(_, count)| count).sum();
        let driver = stream.as_mut().and_then(|stream| stream.midi()).map_or(0, |midi| midi.lost());
        let total = self.told.lost.load(Ordering::Relaxed) + driver;
        let new = total.saturating_sub(self.lost_told);
        self.lost_told = total;
        ports + new
    }

    /// Looks for ports now and then, while a device plays. Says what has become of which.
    pub fn look(&mut self, stream: &mut Option<Box<dyn Stream>>) -> Vec<(Direction, String, MidiEvent)> {
        let Some(stream) = stream else { return Vec::new() };
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Vec::new();
        }
        self.looked = Some(Instant::now());
        let mut events = self.look_at_system();
        self.look_at_driver(&mut **stream, &mut events);
        self.changed |= !events.is_empty();
        events
    }

    fn look_at_system(&mut self) -> Vec<(Direction, String, MidiEvent)> {
        let new: Vec<usize> =
            (0..self.wishes.len()).filter(|&at| matches!(self.wishes[at].place, Place::System(None))).collect();
        for at in new {
            let (direction, name) = (self.wishes[at].direction, self.wishes[at].name.clone());
            self.wishes[at].place = Place::System(Some(self.system().want(direction, &name)));
        }
        let changes = self.system.as_mut().map_or_else(Vec::new, MidiPorts::poll);
        let mut events = Vec::new();
        for change in changes {
            let (MidiChange::Open { port: id, .. }
            | MidiChange::Lost { port: id }
            | MidiChange::Refused { port: id, .. }) = change;
            let Some(at) =
                self.wishes.iter().position(|wish| matches!(wish.place, Place::System(Some(port)) if port == id))
            else {
                continue;
            };
            // Another end of a ring than before is another source of notes: those of the one before end.
            self.last_number += 1;
            let wish = &mut self.wishes[at];
            let event = match change {
                MidiChange::Open { name, end, .. } => {
                    (wish.open, wish.end, wish.number) = (Some(name.clone()), Some(end), self.last_number);
                    MidiEvent::Open { port: name }
                }
                MidiChange::Lost { .. } => {
                    (wish.open, wish.end) = (None, None);
                    MidiEvent::Lost
                }
                MidiChange::Refused { reason, .. } => MidiEvent::Refused { reason },
            };
            events.push((wish.direction, wish.role.clone(), event));
        }
        events
    }

    fn look_at_driver(&mut self, stream: &mut dyn Stream, events: &mut Vec<(Direction, String, MidiEvent)>) {
        for wish in &mut self.wishes {
            let Place::Driver { port: before, .. } = wish.place else { continue };
            let open = match stream.midi() {
                None => Err("the audio device carries no MIDI; run on JACK, or name a port of the system".to_owned()),
                Some(midi) => wish.open_port(midi).map_err(|error| error.to_string()),
            };
            // A port is heard before its peer is there: others may be connected to it.
            self.changed |= matches!(wish.place, Place::Driver { port, .. } if port != before);
            let event = match open {
                Ok(now) if now == wish.open => continue,
                Ok(now) => {
                    (wish.open, wish.refusal) = (now.clone(), None);
                    now.map_or(MidiEvent::Lost, |port| MidiEvent::Open { port })
                }
                Err(reason) if wish.refusal.as_ref() == Some(&reason) => continue,
                Err(reason) => {
                    (wish.open, wish.refusal) = (None, Some(reason.clone()));
                    MidiEvent::Refused { reason }
                }
            };
            events.push((wish.direction, wish.role.clone(), event));
        }
    }

    /// Sends the audio thread what it does not know yet: ports that came or went, nodes, another rate.
    pub fn send(
        &mut self,
        inputs: Vec<(String, NodeId)>,
        outputs: Vec<(String, NodeId)>,
        clock: ClockRoles,
        rate: u32,
    ) {
        while let Ok(table) = self.home.pop() {
            drop(table);
            self.under_way -= 1;
        }
        let sent = Sent { inputs, outputs, clock, rate };
        if !self.changed && !self.remapped && sent == self.sent || self.under_way == TABLES {
            return;
        }
        let table = self.table(&sent);
        (self.sent, self.changed, self.remapped) = (sent, false, false);
        self.under_way += 1;
        // No more are under way than there is room for.
        let _ = self.sending.push(Box::new(table));
    }

    fn table(&mut self, sent: &Sent) -> Table {
        for (_, node) in &sent.outputs {
            let next = self.nodes.len() as u32;
            self.nodes.entry(*node).or_insert(next);
        }
        let mut table = Table::empty(self.clock);
        (table.rate, table.stream, table.anew) = (sent.rate, self.stream, self.changed);
        let from = sent.clock.from.as_deref();
        table.followed = from.and_then(|role| self.role_number(Direction::Input, role));
        table.clock_while_stopped = sent.clock.while_stopped;
        table.mappings = Mappings::new(self.mappings.0.clone(), &self.mappings.1);
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (number, (direction, role)) in (0..).zip(&self.roles) {
            let wishes = self.wishes.iter_mut().filter(|wish| wish.direction == *direction && wish.role == *role);
            let open = wishes.filter(|wish| wish.is_heard());
            let nodes = |ends: &[(String, NodeId)]| -> Vec<NodeId> {
                ends.iter().filter(|(known, _)| known == role).map(|(_, node)| *node).collect()
            };
            match direction {
                Direction::Input => {
                    let lanes = open.map(Wish::input_lane).collect();
                    inputs.push(InputRoute::new(number, lanes, nodes(&sent.inputs)));
                }
                Direction::Output => {
                    let lanes = open.map(Wish::output_lane).collect();
                    let nodes = nodes(&sent.outputs).into_iter().map(|node| (node, self.nodes[&node])).collect();
                    let is_clocked = sent.clock.to.contains(role);
                    outputs.push(OutputRoute::new(number, lanes, nodes, is_clocked));
                }
            }
        }
        (table.inputs, table.outputs) = (inputs.into(), outputs.into());
        table
    }
}
