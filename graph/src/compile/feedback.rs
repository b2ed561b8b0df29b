//! Pass 2: feedback edges. Each is a delay line that is read before it is written, so no chunk may be longer than the
//! shortest of them.

use crate::graph::flat::Flat;

/// The longest chunk in frames that the feedback edges allow; `u32::MAX` without any.
pub(super) fn longest_chunk(flat: &Flat) -> u32 {
    if flat.counts.feedback == 0 {
        return u32::MAX;
    }
    flat.edges.iter().filter(|edge| edge.feeds_back()).map(|edge| edge.delay).min().unwrap_or(u32::MAX)
}
