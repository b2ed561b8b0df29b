//! What a client is told without asking: the rig, levels, notices, whichever it wants. The same for every way in, each of which
//! has words of its own for it.

use super::desk::Desk;
use super::order::Topic;
use crosspoint::{Levels, Snapshot};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a client wants to be told, and what it was told last.
#[derive(Default)]
pub struct Subscription {
    topics: BTreeSet<Topic>,
    /// The revision of the rig.
    rig: Option<u64>,
    levels: Option<Arc<Levels>>,
    /// How many notices.
    notices: u64,
}

/// What there is to tell.
pub enum News {
    /// The rig has changed.
    Rig,
    /// The playhead may have moved.
    Playhead,
    /// Levels have.
    Levels(Arc<Levels>),
    /// The engine has something to tell.
    Notice(Value),
}

impl Subscription {
    /// Wants these from now on, and nothing else.
    pub fn begin(topics: impl IntoIterator<Item = Topic>, desk: &Desk) -> Self {
        Self { topics: topics.into_iter().collect(), notices: desk.bulletin().count(), ..Self::default() }
    }

    /// Whether something is wanted of which nothing was told yet.
    pub fn is_fresh(&self) -> bool {
        self.topics.contains(&Topic::Rig) && self.rig.is_none()
    }

    /// What has changed since it was told last. `snapshot` is the rig as it is.
    pub fn news(&mut self, snapshot: &Snapshot, desk: &Desk) -> Vec<News> {
        let mut news = Vec::new();
        if self.topics.contains(&Topic::Rig) && self.rig.replace(snapshot.revision) != Some(snapshot.revision) {
            news.push(News::Rig);
        }
        if self.topics.contains(&Topic::Playhead) {
            news.push(News::Playhead);
        }
        if self.topics.contains(&Topic::Levels) {
            let levels = desk.levels();
            if !self.levels.as_ref().is_some_and(|told| Arc::ptr_eq(told, &levels)) {
                self.levels = Some(levels.clone());
                news.push(News::Levels(levels));
            }
        }
        if self.topics.contains(&Topic::Notices) {
            news.extend(desk.bulletin().since(&mut self.notices).into_iter().map(News::Notice));
        }
        news
    }
}
