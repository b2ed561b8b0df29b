//! What a plugin asked the main thread for, done in turn: callbacks, timers, descriptors, flushes, rescans; and what it has
//! to say, gathered. Never waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clack_extensions::params::ParamClearFlags;
use clack_extensions::timer::{PluginTimer, TimerId};

use super::extensions::history;
use super::host::{ParameterRecord, pending};
use super::parameters;
use super::plugin::ClapPlugin;
use super::ports::Ports;
use crate::plugin::{ParametersChange, Plugin, PluginNotice};
use crate::session::ChangeDelta;

/// All that concerns parameters.
const PARAMETERS: u32 =
    pending::PARAMETER_VALUES | pending::PARAMETER_TEXT | pending::PARAMETER_INFO | pending::PARAMETER_LIST;

impl ClapPlugin {
    /// Does what the plugin asked for, and gathers what it has to say.
    pub(super) fn poll_all(&mut self, notices: &mut Vec<PluginNotice>) {
        let bits = self.notes.take_pending();
        if bits & pending::CALLBACK != 0 {
            self.instance.call_on_main_thread_callback();
        }
        self.poll_timers();
        #[cfg(unix)]
        self.poll_descriptors();
        // What it raised from inside the calls above is dealt with at once, but for one more callback.
        let more = self.notes.take_pending();
        self.notes.raise(more & pending::CALLBACK);
        self.poll_pending(bits | more, notices);
        self.poll_values(notices);
        self.poll_told(notices);
        self.poll_latency(notices);
        self.notes.faults.tell(notices);
        self.poll_log(notices);
    }

    fn poll_flush(&mut self, notices: &mut Vec<PluginNotice>) {
        if !self.is_active() {
            self.notes.wake.store(false, Ordering::Relaxed);
            self.flush(&[], notices);
        }
    }

    fn poll_ports(&mut self, list: bool, notices: &mut Vec<PluginNotice>) {
        if list && self.is_active() {
            self.is_stale = true;
            notices.push(PluginNotice::RestartRequested);
            return;
        }
        let old = std::mem::take(&mut self.ports);
        self.ports = Ports::read(&self.instance.plugin_handle(), &old);
        notices.push(PluginNotice::PortsChanged);
    }

    fn poll_parameters(&mut self, bits: u32, notices: &mut Vec<PluginNotice>) {
        let list = bits & pending::PARAMETER_LIST != 0;
        let info = bits & pending::PARAMETER_INFO != 0;
        if list && self.is_active() {
            self.is_stale = true;
            notices.push(PluginNotice::RestartRequested);
        } else if list || info {
            let (parameters, table) = parameters::read(&self.instance.plugin_handle());
            (self.parameters, self.table) = (parameters, table);
        }
        notices.push(PluginNotice::ParametersChanged(ParametersChange {
            values: bits & pending::PARAMETER_VALUES != 0,
            text: bits & pending::PARAMETER_TEXT != 0,
            info,
            list,
        }));
    }

    fn poll_log(&mut self, notices: &mut Vec<PluginNotice>) {
        let waiting = self.notes.take_log().into_iter();
        notices.extend(waiting.map(|(severity, message)| PluginNotice::Log { severity, message }));
        while let Ok(record) = self.ends.log.pop() {
            notices.push(record.into_notice());
        }
    }

    fn poll_values(&mut self, notices: &mut Vec<PluginNotice>) {
        while let Ok(record) = self.ends.parameters.pop() {
            notices.push(match record {
                ParameterRecord::Value { parameter, value } => PluginNotice::ParameterValue { parameter, value },
                ParameterRecord::Gesture { parameter, begin } => PluginNotice::ParameterGesture { parameter, begin },
            });
        }
        for (parameter, flags) in self.notes.take_cleared() {
            let all = flags.contains(ParamClearFlags::ALL);
            notices.push(PluginNotice::ParameterCleared {
                parameter,
                automation: all || flags.contains(ParamClearFlags::AUTOMATIONS),
                modulation: all || flags.contains(ParamClearFlags::MODULATIONS),
            });
        }
    }

    fn poll_told(&mut self, notices: &mut Vec<PluginNotice>) {
        for mut notice in self.notes.take_told() {
            if let PluginNotice::ChangeMade { delta, .. } = &mut notice {
                // SAFETY: the plugin is initialised and this is its main thread.
                let version = unsafe { history::delta_version(self.raw()) };
                *delta = delta.take().zip(version).map(|(delta, version)| ChangeDelta { version, ..delta });
            }
            notices.push(notice);
        }
    }

    fn poll_timers(&mut self) {
        let now = Instant::now();
        // A copy: the plugin adds and removes timers from inside.
        let due = self.notes.timers().due(now);
        if due.is_empty() {
            return;
        }
        let notes = Arc::clone(&self.notes);
        let handle = self.instance.plugin_handle();
        let Some(extension) = handle.get_extension::<PluginTimer>() else { return };
        for timer in due {
            let is_there = notes.timers().rewind(timer, now);
            if is_there {
                extension.on_timer(&handle, TimerId(timer));
            }
        }
    }

    #[cfg(unix)]
    fn poll_descriptors(&mut self) {
        use super::timers::flags;
        use crate::window::descriptors;
        use clack_extensions::posix_fd::{FdFlags, PluginPosixFd};
        use std::time::Duration;

        let interests = self.interests();
        let notes = Arc::clone(&self.notes);
        let handle = self.instance.plugin_handle();
        for ready in descriptors::ready(&interests, Duration::ZERO) {
            let is_there = notes.timers().interest(ready.descriptor).is_some();
            if is_there && let Some(extension) = handle.get_extension::<PluginPosixFd>() {
                let flags = FdFlags::from_bits_truncate(flags(ready));
                extension.on_fd(&handle, ready.descriptor, flags);
            }
            if ready.closed {
                // It would be ready for ever, and whoever waits for it would never rest.
                notes.timers().unwatch(ready.descriptor);
            }
        }
    }

    fn poll_pending(&mut self, bits: u32, notices: &mut Vec<PluginNotice>) {
        let has = |bit| bits & bit != 0;
        if has(pending::FLUSH) {
            self.poll_flush(notices);
        }
        if has(pending::PORT_NAMES | pending::PORT_LIST) {
            self.poll_ports(has(pending::PORT_LIST), notices);
        }
        if has(PARAMETERS) {
            self.poll_parameters(bits, notices);
        }
        if has(pending::TAIL) {
            let tail = self.tail();
            notices.push(PluginNotice::TailChanged(tail));
        }
        if has(pending::STATE) {
            notices.push(PluginNotice::StateDirty);
        }
        if has(pending::RESTART) {
            notices.push(PluginNotice::RestartRequested);
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
