//! Parameters, bypasses and who is away as steps of the history. Whoever sets one for another reason than that a person asked for it, such
//! as a scene or a controller, uses what makes no step.

use super::Step;
use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::matrix::Gesture;
use crate::scenes::{Key, Value};
use crosspoint_graph::NodeId;

impl<P: Plugins> Engine<P> {
    /// Sets a parameter, in the node's plain scale: a step of the history, or a part of the [gesture's](Self::begin_gesture).
    /// A plugin that can take none just now, because it is being loaded or restarted, is told as soon as it can.
    ///
    /// # Errors
    /// If the node has no such parameter.
    pub fn set_parameter(&mut self, node: NodeId, parameter: u32, value: f64) -> Result<(), EngineError> {
        let key = Key::Parameter(node, parameter);
        let before = self.value_of(key);
        if let Some(record) = self.records.get_mut(&node) {
            record.expect_restart();
        }
        self.give_parameter(node, parameter, value)?;
        self.remember_value(key, before, Value::Parameter(value));
        Ok(())
    }

    /// Fades a node to its bypass path, or back: a step of the history.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn set_bypassed(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        let key = Key::Bypass(node);
        let before = self.value_of(key);
        self.bypass(node, on)?;
        self.remember_value(key, before, Value::Bypassed(on));
        Ok(())
    }

    /// Lets a node be there, or has it go *away*: nothing passes it then, not even dry, what sounds rings out within the bounds
    /// of the [spillover](Self::set_spillover), and it costs next to nothing until it is back. A step of the history. Whether
    /// it is bypassed is another matter.
    ///
    /// # Errors
    /// If there is no such node, or if it is an input or output of the rig, which is always there.
    pub fn set_present(&mut self, node: NodeId, on: bool) -> Result<(), EngineError> {
        let key = Key::Present(node);
        let before = self.value_of(key);
        self.give_present(node, on)?;
        self.remember_value(key, before, Value::Present(on));
        Ok(())
    }

    /// Gives values, as a step of the history says; gives those that lead back. What is not there is left out.
    pub(super) fn take_values(&mut self, values: &[(Key, Value)]) -> Result<Vec<(Key, Value)>, EngineError> {
        let mut before = Vec::with_capacity(values.len());
        // The last first: two keys may be one thing, such as a bypass and the plugin's own switch.
        for &(key, value) in values.iter().rev() {
            let Some(now) = self.value_of(key) else { continue };
            before.push((key, now));
            match (key, value) {
                (Key::Parameter(node, parameter), Value::Parameter(value)) => {
                    self.give_parameter(node, parameter, value)?;
                }
                (Key::Bypass(node), Value::Bypassed(on)) => self.bypass(node, on)?,
                (Key::Present(node), Value::Present(on)) => self.give_present(node, on)?,
                _ => {}
            }
        }
        Ok(before)
    }

    /// The value that a person would take back; none of what is not there or was never known.
    fn value_of(&self, key: Key) -> Option<Value> {
        match key {
            Key::Bypass(node) => self.can_be_bypassed(node).then(|| Value::Bypassed(self.is_bypassed(node))),
            Key::Present(node) => self.can_be_away(node).then(|| Value::Present(self.is_present(node))),
            Key::Parameter(node, parameter) => {
                if let Some(record) = self.records.get(&node) {
                    return record.description.as_ref()?.value(parameter).map(Value::Parameter);
                }
                self.rig.value(node, parameter).map(Value::Parameter)
            }
            _ => None,
        }
    }

    fn remember_value(&mut self, key: Key, before: Option<Value>, now: Value) {
        let Some(before) = before.filter(|before| *before != now) else { return };
        if self.gesture == Gesture::Remembered
            && let Some(Step::Values(values)) = self.undo.back_mut()
        {
            // What was first is what the gesture leads back to.
            if values.iter().all(|(known, _)| *known != key) {
                values.push((key, before));
            }
            return;
        }
        self.remember_in_gesture(Step::Values(vec![(key, before)]));
    }
}

#[cfg(test)]
mod tests {
    use crate::session::Builtin;
    use crate::{Engine, EngineSettings};
    use crosspoint_graph::ChannelLayout;
    use crosspoint_graph::nodes::gain::GAIN;
    use crosspoint_graph::nodes::metronome::LEVEL;
    use crosspoint_graph::nodes::zone::HIGH_KEY;

    /// A parameter goes back to what it was, and a knob that is drawn goes back in one step; the file then says what it said.
    #[test]
    fn parameters_are_taken_back() {
        let mut engine = Engine::new(EngineSettings::default());
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        let untouched = engine.document().unwrap();
        let level = |engine: &mut Engine| engine.look().nodes[&gain].values.first().map_or(1.0, |(_, value)| *value);
        engine.set_parameter(gain, GAIN, 0.5).unwrap();
        engine.set_parameter(gain, GAIN, 0.5).unwrap();
        engine.begin_gesture();
        (0..10).for_each(|step| engine.set_parameter(gain, GAIN, f64::from(step) / 16.0).unwrap());
        engine.end_gesture();
        assert!(engine.undo().unwrap());
        assert_eq!(level(&mut engine), 0.5);
        assert!(engine.undo().unwrap());
        assert_eq!(level(&mut engine), 1.0);
        assert_eq!(engine.document().unwrap(), untouched);
        assert!(engine.redo().unwrap() && engine.redo().unwrap());
        assert_eq!(level(&mut engine), 9.0 / 16.0);
        assert!(!engine.redo().unwrap());
    }

    /// A parameter that was never set is taken back to what it is then.
    #[test]
    fn the_first_value_is_taken_back() {
        let mut engine = Engine::new(EngineSettings::default());
        let zone = engine.add_builtin("zone", Builtin::Zone).unwrap();
        let clicks = engine.add_builtin("clicks", Builtin::Metronome { layout: ChannelLayout::Mono }).unwrap();
        let untouched = engine.document().unwrap();
        engine.set_parameter(zone, HIGH_KEY, 59.0).unwrap();
        engine.set_parameter(clicks, LEVEL, 0.1).unwrap();
        assert!(engine.undo().unwrap() && engine.undo().unwrap());
        assert_eq!(engine.document().unwrap(), untouched);
    }

    /// Of the steps that are remembered the oldest give way, and what only they could bring back goes with them.
    #[test]
    fn what_no_step_brings_back_is_dropped() {
        let mut engine = Engine::new(EngineSettings::default());
        engine.remember_steps(2);
        let gain = engine.add_builtin("gain", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        let other = engine.add_builtin("other", Builtin::Gain { layout: ChannelLayout::Mono }).unwrap();
        engine.remove_node(gain, false).unwrap();
        assert!(engine.rig.entries.contains_key(&gain));
        engine.set_parameter(other, GAIN, 0.5).unwrap();
        engine.set_parameter(other, GAIN, 0.25).unwrap();
        assert!(!engine.rig.entries.contains_key(&gain), "its removal is forgotten");
        assert!(engine.undo().unwrap() && engine.undo().unwrap() && !engine.undo().unwrap());
        assert!(engine.rig.entries.contains_key(&other));
    }
}
