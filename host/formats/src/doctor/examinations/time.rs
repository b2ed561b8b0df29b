//! Time per block against the deadline: the thread's own time where the system tells it, so that what else runs on the
//! machine is not the plugin's fault.

use std::time::Duration;

use crate::doctor::playing::{Blocks, Playing, Take, note_on};
use crate::doctor::report::Severity;
use crate::doctor::signal;
use crate::doctor::subject::{Stop, Subject};
use crate::plugin::BusDirection;

/// Frames a block: what players use.
const BLOCK: usize = 64;

/// Takes of which the best counts: the machine stalls now and then, and that is not the plugin's doing.
const TAKES: usize = 3;

/// Noise and four held notes.
pub(crate) fn time(subject: &mut Subject<'_>) -> Result<(), Stop> {
    let mut playing = subject.play()?;
    let deadline = Duration::from_secs_f64(BLOCK as f64 / playing.rate());
    let blocks = subject.full_or_quick(4000, 1000);
    let mut best = measure(&mut playing, blocks);
    for _ in 1..TAKES {
        if best.most > deadline {
            let again = measure(&mut playing, blocks);
            best = if again.most < best.most { again } else { best };
        }
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    subject.measured = Some(format!(
        "blocks of {BLOCK} at 48 kHz: median {:.1} us, 99 % {:.1} us, worst {:.1} us of {:.0} us",
        micros(best.median),
        micros(best.most),
        micros(best.worst),
        micros(deadline)
    ));
    let means = "it cannot play live in blocks of this size";
    if best.median > deadline {
        let seen = format!("half of its blocks take longer than the {:.0} us there are", micros(deadline));
        subject.find(Severity::Error, "too-slow", seen, means);
    } else if best.most > deadline {
        let seen = format!("one block in a hundred takes longer than the {:.0} us there are", micros(deadline));
        subject.find(Severity::Warning, "too-slow", seen, means);
    }
    subject.close(playing);
    Ok(())
}

/// Times of a take's blocks.
struct Times {
    median: Duration,
    /// 99 of a hundred are done by then.
    most: Duration,
    worst: Duration,
}

fn measure(playing: &mut Playing, blocks: usize) -> Times {
    let has_notes = !playing.plugin.note_ports(BusDirection::Input).is_empty();
    let chord = [48, 55, 60, 64].map(|key| (0, note_on(key)));
    let events = if has_notes { &chord[..] } else { &[] };
    let mut times = Vec::with_capacity(blocks);
    let take = Take { frames: BLOCK * blocks, input: &signal::noise, events, blocks: Blocks::Of(BLOCK) };
    playing.run(take, &mut |harness, processor, frames| {
        let start = now();
        let status = harness.process(processor, frames);
        times.push(now().saturating_sub(start));
        status
    });
    times.sort_unstable();
    let at = |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    Times { median: at(50), most: at(99), worst: at(100) }
}

/// The time that this thread has had on a processor.
#[cfg(unix)]
fn now() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock is there on every such system, and the place is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The time since the first call.
#[cfg(not(unix))]
fn now() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
