//! Instances come and go.

use crate::doctor::subject::{Stop, Subject};

/// Four at once, and each one gone before the next time.
pub(crate) fn load(subject: &mut Subject<'_>) -> Result<(), Stop> {
    for _ in 0..subject.full_or_quick(4, 2) {
        let instances: Result<Vec<_>, Stop> = (0..4).map(|_| subject.make()).collect();
        let mut notices = Vec::new();
        instances?.iter_mut().for_each(|plugin| plugin.poll(&mut notices));
    }
    Ok(())
}
