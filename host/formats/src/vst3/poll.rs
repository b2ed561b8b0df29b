//! Acting on what a plugin left for its host to do: edits, restarts, messages, wishes. Main thread.

use vst3::Steinberg::Vst::RestartFlags_::*;
use vst3::Steinberg::Vst::*;

use super::abi::whole;
use super::midi_map::Moved;
use super::notes::{Edit, Point, Record, pending};
use super::orphans;
use super::plugin::Vst3Plugin;
use crate::plugin::{BusDirection as Direction, ParametersChange, Plugin, PluginNotice};

impl Vst3Plugin {
    /// See [`crate::Plugin::poll`].
    pub(super) fn poll_all(&mut self, notices: &mut Vec<PluginNotice>) {
        orphans::reap();
        for letter in self.notes.take_letters() {
            // SAFETY: this is the main thread; letters lead to the plugin's own halves, which are initialised.
            unsafe { letter.to.notify(letter.message.as_ptr()) };
        }
        self.instance.context.exchange.deliver();
        for menu in self.notes.take_menus() {
            notices.push(menu.notice());
            self.menu = Some(menu);
        }
        notices.extend(self.notes.take_presets().into_iter().map(PluginNotice::PresetLoaded));
        self.poll_pending(notices);
        self.poll_moved();
        self.poll_restart(notices);
        self.poll_edits(notices);
        self.poll_records(notices);
        self.poll_wishes(notices);
        self.poll_latency(notices);
        self.notes.send_waiting();
        self.notes.faults.tell(notices);
        let log = self.notes.take_log().into_iter();
        notices.extend(log.map(|(severity, message)| PluginNotice::Log { severity, message }));
    }

    fn poll_pending(&mut self, notices: &mut Vec<PluginNotice>) {
        let bits = self.notes.take_pending();
        if bits & pending::STATE != 0 {
            notices.push(PluginNotice::StateDirty);
        }
        if bits & pending::PROGRAMS != 0 {
            notices.push(PluginNotice::ParametersChanged(ParametersChange { text: true, ..Default::default() }));
        }
        if bits & pending::RECORDS_LOST != 0 {
            self.instance.follow_component();
            notices.push(PluginNotice::ParametersChanged(ParametersChange { values: true, ..Default::default() }));
        }
    }

    /// Tells a plugin that learns which controllers moved. What it makes of it, it says by a restart flag.
    fn poll_moved(&self) {
        let moved: Vec<_> = self.map.take_moved().collect();
        if moved.is_empty() {
            return;
        }
        let Some(learner) = self.controller().and_then(whole::<IMidiLearn, _>) else { return };
        for Moved { bus, channel, number } in moved {
            // SAFETY: the controller is initialised and this is the main thread.
            unsafe { learner.onLiveMIDIControllerInput(bus, channel, number) };
        }
    }

    /// Every flag of `restartComponent`. Those of routing, prefetching and replaced parameters concern what is asked anew
    /// each time it is wanted.
    fn poll_restart(&mut self, notices: &mut Vec<PluginNotice>) {
        let flags = self.notes.take_restart();
        if flags == 0 {
            return;
        }
        let has = |some: i32| flags & some != 0;
        let mut must_restart = false;
        if has(kReloadComponent) {
            self.must_reload = true;
            must_restart = true;
        }
        if has(kIoChanged) {
            self.is_stale = true;
            must_restart = true;
        }
        if has(kIoTitlesChanged) && !must_restart {
            self.read_ports();
            notices.push(PluginNotice::PortsChanged);
        }
        // The audio half looks things up in the same maps.
        if let Some(controller) = &self.instance.controller {
            if has(kMidiCCAssignmentChanged) {
                self.map.read(controller);
            }
            if has(kNoteExpressionChanged) {
                self.expressions.read(controller);
                notices.push(PluginNotice::NoteExpressionsChanged);
            }
        }
        if has(kKeyswitchChanged) {
            notices.push(PluginNotice::NoteNamesChanged);
        }
        if has(kParamTitlesChanged) && !must_restart {
            must_restart = self.poll_titles(notices);
        }
        if has(kParamValuesChanged) {
            notices.push(PluginNotice::ParametersChanged(ParametersChange { values: true, ..Default::default() }));
        }
        if has(kLatencyChanged) && self.is_active() {
            let frames = self.read_latency();
            must_restart |= frames != self.latency;
            // Told by the restart.
            self.latency = frames;
        }
        if must_restart {
            let is_active = self.is_active();
            notices.push(if is_active { PluginNotice::RestartRequested } else { PluginNotice::PortsChanged });
            if !is_active {
                self.renew();
            }
        }
    }

    /// Reads the parameters anew. Whether the audio half has to be made anew for them.
    fn poll_titles(&mut self, notices: &mut Vec<PluginNotice>) -> bool {
        let old = self.parameters.table.clone();
        self.read_parameters();
        let list = self.parameters.table != old;
        notices.push(PluginNotice::ParametersChanged(ParametersChange { values: list, text: true, info: true, list }));
        list
    }

    fn poll_edits(&mut self, notices: &mut Vec<PluginNotice>) {
        for edit in self.notes.take_edits() {
            match edit {
                Edit::Begin(parameter) => notices.push(PluginNotice::ParameterGesture { parameter, begin: true }),
                Edit::End(parameter) => notices.push(PluginNotice::ParameterGesture { parameter, begin: false }),
                Edit::Value(point) => notices.extend(self.value_notice(point)),
            }
        }
    }

    fn value_notice(&self, point: Point) -> Option<PluginNotice> {
        let slot = self.parameters.slot(point.parameter)?;
        let value = slot.exactly_plain(self.controller()?, point.normalised);
        Some(PluginNotice::ParameterValue { parameter: point.parameter, value })
    }

    /// Brings the controller up to what its audio half was given and said.
    fn poll_records(&mut self, notices: &mut Vec<PluginNotice>) {
        let mut latest: Vec<Point> = Vec::new();
        while let Ok(record) = self.told.pop() {
            match record {
                Record::Taken(point) => latest.push(point),
                Record::Told(point) => {
                    latest.push(point);
                    notices.extend(self.value_notice(point));
                }
                Record::Edited(point) => {
                    self.notes.send(point);
                    notices.extend(self.value_notice(point));
                }
            }
        }
        // The last value of each is enough: windows are redrawn for every one.
        latest.reverse();
        latest.sort_by_key(|point| point.parameter);
        latest.dedup_by_key(|point| point.parameter);
        if let Some(controller) = self.controller() {
            for point in latest {
                // SAFETY: the controller is initialised and this is the main thread.
                unsafe { controller.setParamNormalized(point.parameter, point.normalised) };
            }
        }
    }

    /// Buses that the plugin wants on or off: at once if it is inactive, else by a restart.
    fn poll_wishes(&mut self, notices: &mut Vec<PluginNotice>) {
        let mut is_changed = false;
        for wish in self.notes.take_wishes() {
            let direction = if wish.is_input { Direction::Input } else { Direction::Output };
            if let Some(bus) = self.ports.buses_mut(direction).get_mut(wish.index) {
                is_changed |= bus.active != wish.active;
                bus.active = wish.active;
            }
        }
        if is_changed {
            notices.push(PluginNotice::PortsChanged);
        }
    }

    /// Asked at each poll, because plugins change it without a word once they have processed.
    fn poll_latency(&mut self, notices: &mut Vec<PluginNotice>) {
        if !self.is_active() {
            return;
        }
        let frames = self.read_latency();
        if frames != self.latency {
            self.latency = frames;
            notices.push(PluginNotice::LatencyChanged { frames });
        }
    }
}
