//! What a client is told without asking: the rig, levels, notices, whichever it wants. The same for every way in.

use super::desk::{Desk, document, levels_document, playhead_document};
use super::order::Topic;
use crosspoint::Levels;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a client wants to be told, and what it was told last.
#[derive(Default)]
pub struct Subscription {
    topics: BTreeSet<Topic>,
    /// The revision of the rig.
    rig: Option<u64>,
    levels: Option<Arc<Levels>>,
    playhead: Option<Value>,
    /// How many notices.
    notices: u64,
}

impl Subscription {
    /// Wants these from now on, and nothing else.
    pub fn begin(&mut self, topics: impl IntoIterator<Item = Topic>, desk: &Desk) {
        *self = Self { topics: topics.into_iter().collect(), notices: desk.bulletin().count(), ..Self::default() };
    }

    /// Wants nothing.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// Whether something is wanted of which nothing was told yet.
    pub fn is_fresh(&self) -> bool {
        self.topics.contains(&Topic::Rig) && self.rig.is_none()
    }

    /// What has changed since it was told last, as events.
    pub fn news(&mut self, desk: &Desk) -> Vec<Value> {
        let mut events = Vec::new();
        if self.topics.contains(&Topic::Rig) {
            let snapshot = desk.snapshot();
            if self.rig != Some(snapshot.revision) {
                self.rig = Some(snapshot.revision);
                events.extend(document(&snapshot).ok().map(|rig| json!({ "event": "rig", "rig": rig })));
            }
        }
        if self.topics.contains(&Topic::Playhead) {
            let document = playhead_document(&desk.snapshot()).ok();
            if document.is_some() && self.playhead != document {
                events.extend(document.as_ref().map(|now| json!({ "event": "playhead", "playhead": now })));
                self.playhead = document;
            }
        }
        if self.topics.contains(&Topic::Levels) {
            let levels = desk.levels();
            if !self.levels.as_ref().is_some_and(|told| Arc::ptr_eq(told, &levels)) {
                let document = levels_document(&desk.snapshot(), &levels).ok();
                events.extend(document.map(|levels| json!({ "event": "levels", "levels": levels })));
                self.levels = Some(levels);
            }
        }
        if self.topics.contains(&Topic::Notices) {
            let notices = desk.bulletin().since(&mut self.notices).into_iter();
            events.extend(notices.map(|notice| json!({ "event": "notice", "notice": notice })));
        }
        events
    }
}
