//! The control thread's view of MIDI clock: which roles it comes from and goes to, and what has become of the one that is
//! followed. The clocks themselves are on the audio thread, in [`crate::midi`].

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::notice::Notice;

/// Where clock comes from and goes to, by role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClockRoles {
    pub from: Option<String>,
    pub to: Vec<String>,
    pub while_stopped: bool,
}

/// The MIDI clocks of a rig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockSnapshot {
    /// The role whose clock the transport follows; none if it is its own master.
    pub from: Option<String>,
    /// How it is with that clock.
    pub state: ClockState,
    /// The roles that get the transport's clock.
    pub to: Vec<String>,
    /// Whether they get it while the transport stands, too.
    pub while_stopped: bool,
}

/// How it is with the clock that is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockState {
    /// The transport is its own master.
    #[default]
    Own,
    /// No clock comes; the transport goes on alone.
    Waiting,
    /// The transport has the clock's tempo.
    Following,
}

/// What the audio thread tells of the clock that it follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClockTold {
    /// Its tempo while it is followed.
    pub tempo: Option<f64>,
    /// How often it was lost.
    pub losses: u32,
}

/// What people were told of the clock that is followed.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    state: ClockState,
    losses: u32,
}

impl<P: Plugins> Engine<P> {
    pub(crate) fn clock_roles(&self) -> ClockRoles {
        let transport = &self.rig.rest.transport;
        ClockRoles {
            from: transport.clock_from.clone(),
            to: transport.clock_to.clone(),
            while_stopped: transport.clock_while_stopped,
        }
    }

    /// The role whose clock the transport has its tempo from at the moment.
    pub(crate) fn followed_role(&self) -> Option<&str> {
        self.rig.rest.transport.clock_from.as_deref().filter(|_| self.clock.state == ClockState::Following)
    }

    pub(crate) fn shown_clock(&self) -> ClockSnapshot {
        let ClockRoles { from, to, while_stopped } = self.clock_roles();
        ClockSnapshot { from, state: self.clock.state, to, while_stopped }
    }

    /// Tells what has become of the clock that is followed.
    pub(crate) fn hear_clock(&mut self) {
        let told = self.midi.clock_told();
        let state = match (&self.rig.rest.transport.clock_from, told.tempo) {
            (None, _) => ClockState::Own,
            (Some(_), None) => ClockState::Waiting,
            (Some(_), Some(_)) => ClockState::Following,
        };
        let before = std::mem::replace(&mut self.clock, ClockWatch { state, losses: told.losses });
        if before.state != state {
            self.snapshot.outdate();
        }
        let Some(role) = self.rig.rest.transport.clock_from.clone() else { return };
        if before.losses != told.losses {
            let tempo = self.playhead().tempo;
            self.notices.push(Notice::ClockLost { role: role.clone(), tempo });
        }
        if let Some(tempo) = told.tempo
            && (before.state != ClockState::Following || before.losses != told.losses)
        {
            self.notices.push(Notice::ClockFollowed { role, tempo });
        }
    }
}
