//! Moments as documents.

use super::stage::unix;
use crosspoint::Snapshot;
use serde::Serialize;

/// A moment to go back to.
#[derive(Serialize)]
pub struct Moment {
    name: String,
    /// When it was taken, in seconds since 1970; null if that is not known.
    taken: Option<f64>,
    /// Whether nobody asked for it.
    is_automatic: bool,
    /// The scene that played.
    scene: Option<String>,
}

/// Those of a snapshot, the oldest first.
pub fn moments(snapshot: &Snapshot) -> Vec<Moment> {
    let moments = snapshot.moments.iter().map(|moment| Moment {
        name: moment.name.clone(),
        taken: moment.taken.map(unix),
        is_automatic: moment.is_automatic,
        scene: moment.scene.clone(),
    });
    moments.collect()
}
