//! What a test tells the driver, and what the driver tells the test. Plain data on both sides of the library's border.

use std::path::PathBuf;
use std::{env, io};

/// The class under which the driver is registered.
pub const CLASS: &str = "{5B1C0F3E-6D1B-4C7B-9C0A-2F6E1D9A7C11}";

/// The name under which it is registered.
pub const NAME: &str = "Crosspoint Test Driver";

/// The variable of the environment from which a process that was told nothing, such as a helper of the one that was, takes
/// its plan.
pub const PLAN_VARIABLE: &str = "CROSSPOINT_TEST_ASIO_PLAN";

/// What the driver is to be from the next time on that it is made.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How many inputs.
    pub inputs: i32,
    /// How many outputs.
    pub outputs: i32,
    /// The number of the sample format of all channels.
    pub sample_type: i32,
    /// The number of the sample format of the second input and output, where it is another one; else -1.
    pub second_type: i32,
    /// Buffer sizes in frames: smallest, largest, preferred, step.
    pub sizes: [i32; 4],
    /// Frames a second at which it begins.
    pub rate: f64,
    /// The other rate that it can be switched to; 0 for none.
    pub other_rate: f64,
    /// [`Trait`]s, each a bit.
    pub traits: u32,
    /// The [`Place`] in which it reads memory that is not there; 0 for none.
    pub faults_in: u32,
    /// The [`Place`] from which it never returns; 0 for none.
    pub hangs_in: u32,
}

impl Default for Plan {
    /// Eight channels each way of 32-bit integers, 64 frames at 48 kHz, well-behaved.
    fn default() -> Self {
        Self {
            inputs: 8,
            outputs: 8,
            sample_type: 18,
            second_type: -1,
            sizes: [32, 1024, 64, -1],
            rate: 48_000.0,
            other_rate: 44_100.0,
            traits: 0,
            faults_in: 0,
            hangs_in: 0,
        }
    }
}

impl Plan {
    /// Well-behaved but for these.
    pub fn with(traits: &[Trait]) -> Self {
        Self { traits: traits.iter().fold(0, |all, &one| all | one as u32), ..Self::default() }
    }

    /// As text for [`PLAN_VARIABLE`].
    pub fn text(&self) -> String {
        let Self { inputs, outputs, sample_type, second_type, sizes, rate, other_rate, traits, faults_in, hangs_in } =
            self;
        let [smallest, largest, preferred, step] = sizes;
        format!(
            "{inputs} {outputs} {sample_type} {second_type} {smallest} {largest} {preferred} {step} {rate} {other_rate} \
             {traits} {faults_in} {hangs_in}"
        )
    }

    /// What [`text`](Self::text) wrote.
    pub fn read(text: &str) -> Option<Self> {
        // Every number that a plan has is one that a float holds.
        let numbers: Vec<f64> = text.split(' ').map_while(|word| word.parse().ok()).collect();
        let numbers: [f64; 13] = numbers.try_into().ok()?;
        let whole = |place: usize| numbers[place] as i32;
        Some(Self {
            inputs: whole(0),
            outputs: whole(1),
            sample_type: whole(2),
            second_type: whole(3),
            sizes: [whole(4), whole(5), whole(6), whole(7)],
            rate: numbers[8],
            other_rate: numbers[9],
            traits: numbers[10] as u32,
            faults_in: numbers[11] as u32,
            hangs_in: numbers[12] as u32,
        })
    }
}

/// What is special about it.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Trait {
    /// It says that another program has it.
    Busy = 1,
    /// It refuses to change its rate.
    RateLocked = 1 << 1,
    /// It switches before `start` returns.
    SwitchesInStart = 1 << 2,
    /// It switches while it makes its buffers.
    SwitchesInCreate = 1 << 3,
    /// It tells no time with its switches.
    NoTime = 1 << 4,
    /// It calls from two threads at once.
    CallsTwice = 1 << 5,
    /// It asks for a reset within each switch.
    AsksInSwitch = 1 << 6,
    /// It makes no buffer for its last channel.
    NoLastBuffer = 1 << 7,
    /// It has no wish to hear that the outputs are written.
    NoOutputReady = 1 << 8,
    /// It switches by itself, as fast as it can, while it runs.
    FreeRunning = 1 << 9,
    /// It says for nothing that its rate changed.
    RepeatsRate = 1 << 10,
    /// It switches by itself, once a buffer's time.
    Paced = 1 << 11,
    /// Every fourth buffer is lost: its position jumps.
    DropsOut = 1 << 12,
    /// It switches although it was stopped, and after its buffers are gone.
    CallsAfterStop = 1 << 13,
    /// It refuses to make buffers of the size that it prefers.
    RefusesPreferred = 1 << 14,
    /// Its control panel switches, asks for a reset and tells of another rate before it returns.
    BusyPanel = 1 << 15,
    /// It serves one host at a time.
    OneClient = 1 << 16,
    /// What changes its rate calls back before it returns.
    TellsRateInSet = 1 << 17,
}

/// A function of the driver in which something happens to it.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Place {
    /// Being told to begin.
    Init = 1,
    /// Being asked for its channels.
    Channels = 2,
    /// Being asked for its buffers.
    CreateBuffers = 3,
}

/// What happened to the driver since the library was loaded or the counts were last cleared.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Drivers that are alive now.
    pub alive: u32,
    /// Sets of buffers that are alive now.
    pub buffers: u32,
    /// How often one was made.
    pub made: u32,
    /// How often one was started.
    pub started: u32,
    /// How often one was stopped.
    pub stopped: u32,
    /// Buffer switches.
    pub switches: u32,
    /// How often it heard that the outputs are written.
    pub output_ready: u32,
    /// Samples that the host played.
    pub compared: u64,
    /// Those of them that were not what came in on the input of the same place in the same switch.
    pub mismatches: u64,
    /// Frames in a buffer of the driver that was made last.
    pub frames: u32,
    /// How often its control panel was opened.
    pub panels: u32,
    /// The clock source that it was set to.
    pub clock: u32,
}

/// The functions by which a test talks to the library, by the names they are exported under.
#[derive(Clone, Copy)]
pub struct Control {
    /// `crosspoint_asio_configure`: what the next driver is to be. Clears the counts.
    pub configure: unsafe extern "C" fn(*const Plan),
    /// `crosspoint_asio_step`: has all running drivers switch so often, on the calling thread.
    pub step: unsafe extern "C" fn(u32),
    /// `crosspoint_asio_message`: sends a message to the host and returns its answer.
    pub message: unsafe extern "C" fn(i32, i32) -> i32,
    /// `crosspoint_asio_rate_changed`: tells the host that the rate changed.
    pub rate_changed: unsafe extern "C" fn(f64),
    /// `crosspoint_asio_counts`: what happened.
    pub counts: unsafe extern "C" fn(*mut Counts),
    /// `crosspoint_asio_vanish`: takes the hardware away, or brings it back.
    pub vanish: unsafe extern "C" fn(bool),
}

/// The library of this crate, as cargo builds it for the tests of a crate that depends on this one.
///
/// # Errors
/// If it is not beside the program that runs.
pub fn library() -> io::Result<PathBuf> {
    let name = format!("{}crosspoint_asio_driver{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let program = env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2).flat_map(|folder| [folder.to_owned(), folder.join("deps")]);
    let found = folders.map(|folder| folder.join(&name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("there is no {name} beside {}", program.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A helper process has the very plan of the one that started it.
    #[test]
    fn a_plan_survives_as_text() {
        let plan =
            Plan { sizes: [-5, 7, 0, -1], rate: 44_100.5, hangs_in: 3, ..Plan::with(&[Trait::Busy, Trait::Paced]) };
        assert_eq!(Plan::read(&plan.text()), Some(plan));
        assert_eq!(Plan::read("1 2 3"), None);
    }
}
