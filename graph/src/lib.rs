//! The graph of a rig, its compiler, the schedule and its renderer.
