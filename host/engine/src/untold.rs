//! Parameters that the renderer may not have heard: those that were sent before the parcel that brings the node's processor, and
//! those of a processor that is on its way home because its node was removed, though it may be back by now. Told once all is
//! settled, or to the plugin when it is home. Never changes a value.

use crosspoint_graph::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be told.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    /// Nodes that a parcel was sent without, and whose processors are not home yet.
    leaving: BTreeSet<NodeId>,
    /// Plain values.
    values: BTreeMap<(NodeId, u32), f64>,
    /// What was sent last, with the frame that the renderer had come to and how often it was seen to go on since then with
    /// no parcel about: a parcel takes over before an event of the same block is delivered, and one that waits may bring a
    /// processor that the next one takes out before it has heard anything.
    sent: Vec<(NodeId, u32, f64, u64, u32)>,
}

impl Untold {
    /// A value is sent while the renderer has come to `frame`. `unpublished`: whether the graph has edits that it does not
    /// know.
    pub fn note(&mut self, node: NodeId, parameter: u32, value: f64, unpublished: bool, frame: u64) {
        let known = self.values.contains_key(&(node, parameter));
        if known || unpublished || self.leaving.contains(&node) {
            self.values.insert((node, parameter), value);
        }
        self.sent.retain(|sent| (sent.0, sent.1) != (node, parameter));
        self.sent.push((node, parameter, value, frame, 0));
    }

    /// A node's processor comes home: a parcel was sent without it.
    pub fn leaves(&mut self, node: NodeId) {
        self.leaving.insert(node);
        let last = self.sent.iter().filter(|sent| sent.0 == node);
        self.values.extend(last.map(|&(node, parameter, value, ..)| ((node, parameter), value)));
    }

    /// A node's processor is home.
    pub fn comes_home(&mut self, node: NodeId) {
        self.leaving.remove(&node);
    }

    /// Nodes that nothing brings back are forgotten.
    pub fn retain(&mut self, is_known: impl Fn(NodeId) -> bool) {
        self.leaving.retain(|&node| is_known(node));
        self.values.retain(|&(node, _), _| is_known(node));
    }

    /// The renderer has come to a frame with no parcel about: what was sent two of them ago is heard.
    pub fn goes_on(&mut self, frame: u64) {
        self.sent.retain_mut(|(_, _, _, seen, times)| {
            if *seen != frame {
                (*seen, *times) = (frame, *times + 1);
            }
            *times < 2
        });
    }

    /// Whether all that was sent has been heard.
    pub fn is_heard(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes the values of one node out.
    pub fn take_of(&mut self, node: NodeId) -> Vec<(u32, f64)> {
        let all = std::mem::take(&mut self.values);
        let (mine, others): (BTreeMap<_, _>, BTreeMap<_, _>) = all.into_iter().partition(|((of, _), _)| *of == node);
        self.values = others;
        mine.into_iter().map(|((_, parameter), value)| (parameter, value)).collect()
    }

    /// Takes all values out that can be told now.
    pub fn take(&mut self) -> Vec<(NodeId, u32, f64)> {
        let leaving = &self.leaving;
        let all = std::mem::take(&mut self.values);
        let (wait, now): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|((of, _), _)| leaving.contains(of));
        self.values = wait;
        now.into_iter().map(|((node, parameter), value)| (node, parameter, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sent just before its node left, or while it was on its way home: told anew once it is back, by its last value.
    #[test]
    fn what_a_leaving_processor_may_not_have_heard_is_told_anew() {
        let node =
            crosspoint_graph::Graph::new().edit(|t| t.add_node(crosspoint_graph::Node::processor("a"))).unwrap().0;
        let mut untold = Untold::default();
        untold.note(node, 1, 0.5, false, 64);
        assert!(untold.is_empty(), "it is heard, as far as anybody knows");
        untold.leaves(node);
        untold.note(node, 2, 0.25, false, 64);
        untold.note(node, 2, 0.75, false, 64);
        assert_eq!(untold.take(), [], "nobody hears it yet");
        untold.comes_home(node);
        assert_eq!(untold.take(), [(node, 1, 0.5), (node, 2, 0.75)]);
        untold.goes_on(128);
        untold.goes_on(192);
        assert!(untold.is_heard());
        untold.leaves(node);
        assert!(untold.is_empty(), "what it has heard long since is not told again");
    }
}
