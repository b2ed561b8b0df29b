//! The two sides that are compared: an engine on a driver called by hand, and one that renders offline what the first one's
//! script says.

use super::by_hand::ByHand;
use super::rig::{self, RATE};
use assert_no_alloc::assert_no_alloc;
use crosspoint::devices::{DuplexCallback, Period, PeriodTime};
use crosspoint::offline::Job;
use crosspoint::{Action, Engine, Notice};
use crosspoint_tests::noise;

const INPUTS: usize = 2;
const OUTPUTS: usize = 4;
/// Frames after which the inputs begin anew.
const PERIOD: usize = 1 << 16;

/// A frame at which the engine was polled. All of them are in the script: it is in polls that the engine sends what had to
/// wait and takes up what came home, and a schedule that takes over while a gain is on its way rounds that anew.
#[derive(Clone, Debug)]
pub struct Moment {
    pub frame: u64,
    /// What it was asked for, if anything.
    pub action: Option<Action>,
    /// Whether that made sense.
    pub accepted: bool,
}

/// What the hardware delivers: the same whenever it is asked for.
struct Sound([Vec<f32>; INPUTS]);

impl Sound {
    fn new() -> Self {
        Self([noise(11, PERIOD), noise(12, PERIOD)])
    }

    fn at(&self, frame: u64, frames: usize) -> Vec<Vec<f32>> {
        let channel = |sound: &Vec<f32>| (0..frames).map(|at| sound[(frame as usize + at) % PERIOD]).collect();
        self.0.iter().map(channel).collect()
    }
}

/// Steady frame of the renderer.
fn frame_of(engine: &Engine) -> u64 {
    let cell = engine.cell();
    let renderer = cell.take().expect("nothing renders now");
    let frame = renderer.frame();
    assert!(cell.put(renderer).is_ok());
    frame
}

/// Does an action and says whether it made sense.
fn act(engine: &mut Engine, action: Option<Action>, notices: &mut Vec<Notice>) -> bool {
    let answer = action.map(|action| engine.handle().send(action));
    notices.extend(engine.poll());
    answer.is_none_or(|answer| matches!(answer.try_take(), Some(Ok(_))))
}

/// The live side.
pub struct Stage {
    pub engine: Engine,
    callback: Box<dyn DuplexCallback>,
    sound: Sound,
    pub frame: u64,
    pub script: Vec<Moment>,
    pub heard: Vec<Vec<f32>>,
    /// Notices of what should not be.
    pub trouble: Vec<Notice>,
    /// Frames that the renderer had rendered before.
    before: u64,
}

impl Stage {
    pub fn new() -> Self {
        let mut engine = rig::engine();
        engine.play_on(Box::new(ByHand::new(RATE, 64))).unwrap();
        let callback = engine.callback();
        let before = frame_of(&engine);
        Self {
            engine,
            callback,
            sound: Sound::new(),
            frame: 0,
            script: Vec::new(),
            heard: vec![Vec::new(); OUTPUTS],
            trouble: Vec::new(),
            before,
        }
    }

    /// Frames that were rendered, whatever was asked for.
    pub fn rendered(&self) -> u64 {
        frame_of(&self.engine) - self.before
    }

    /// Does an action between two periods.
    pub fn act(&mut self, action: Action) {
        self.moment(Some(action));
    }

    fn moment(&mut self, action: Option<Action>) {
        let mut notices = Vec::new();
        let accepted = act(&mut self.engine, action.clone(), &mut notices);
        let is_trouble = |notice: &Notice| {
            matches!(notice, Notice::Fault { .. } | Notice::CommandsLate { .. } | Notice::EventsLost { .. })
        };
        self.trouble.extend(notices.into_iter().filter(is_trouble));
        self.script.push(Moment { frame: self.frame, action, accepted });
    }

    /// Plays frames in periods of random lengths, with a poll now and then and at the end.
    pub fn play(&mut self, frames: usize, random: &mut fastrand::Rng) {
        let end = self.frame + frames as u64;
        while self.frame < end {
            let frames = random.usize(1..300).min((end - self.frame) as usize);
            let inputs = self.sound.at(self.frame, frames);
            let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let mut played = vec![vec![0.0_f32; frames]; OUTPUTS];
            {
                let mut outputs: Vec<&mut [f32]> = played.iter_mut().map(Vec::as_mut_slice).collect();
                let period = Period {
                    inputs: &inputs,
                    outputs: &mut outputs,
                    frames,
                    time: PeriodTime::default(),
                    xruns: 0,
                    freewheel: false,
                    midi: None,
                };
                assert_no_alloc(|| self.callback.process(period));
            }
            self.heard.iter_mut().zip(played).for_each(|(heard, played)| heard.extend(played));
            self.frame += frames as u64;
            if self.frame == end || random.u32(0..3) == 0 {
                self.moment(None);
            }
        }
    }
}

/// The offline side.
pub struct Offline {
    pub engine: Engine,
    sound: Sound,
    frame: u64,
    pub heard: Vec<Vec<f32>>,
}

impl Offline {
    pub fn new() -> Self {
        Self { engine: rig::engine(), sound: Sound::new(), frame: 0, heard: vec![Vec::new(); OUTPUTS] }
    }

    /// Renders up to a moment of the script, which polls, and does what was done there.
    pub fn follow(&mut self, moment: &Moment) {
        self.play(moment.frame);
        if moment.action.is_none() {
            return;
        }
        let accepted = act(&mut self.engine, moment.action.clone(), &mut Vec::new());
        assert_eq!(accepted, moment.accepted, "{moment:?}");
    }

    /// Renders up to a frame in one block.
    pub fn play(&mut self, until: u64) {
        let frames = (until - self.frame) as usize;
        if frames == 0 {
            return;
        }
        let inputs = self.sound.at(self.frame, frames);
        let job = Job {
            inputs: &inputs,
            outputs: OUTPUTS,
            frames,
            block: frames,
            compensate: false,
            events: &[],
            events_into: None,
        };
        let rendered = self.engine.render(&job, |_| true).expect("nothing else renders");
        self.heard.iter_mut().zip(rendered.channels).for_each(|(heard, played)| heard.extend(played));
        self.frame = until;
    }
}
