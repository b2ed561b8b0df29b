//! What the graph must survive, on every level of the kernels that the machine has. All that renders here renders under
//! a guard that aborts on an allocation.

mod away;
mod bypass;
mod dense;
mod edit_scripts;
mod events;
mod leaving;
mod lives;
mod music;
mod naive;
mod players;
mod random_graphs;
mod refusals;
mod rig;
mod sleep;
mod smooth;
mod sound;
mod spillover;
mod stage;
mod timing;

use crosspoint_graph::kernels::Level;
use proptest::test_runner::Config;

#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

/// So many cases, unless `PROPTEST_CASES` says otherwise. Failures are told, not kept in files.
fn cases(cases: u32) -> Config {
    let chosen = std::env::var_os("PROPTEST_CASES").is_some();
    let config = Config { failure_persistence: None, max_shrink_iters: 4000, ..Config::default() };
    if chosen { config } else { Config { cases, ..config } }
}

/// The levels that this machine has.
fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_available())
}
