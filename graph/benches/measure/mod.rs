//! What every bench needs: times, their median, and the line that says whether a bound was kept. Measures nothing itself.
//! Each bench takes of it what it needs.
#![allow(dead_code, reason = "no bench needs all of it")]

use std::time::Instant;

/// Prints the line of a bound, and says whether it was kept.
pub fn report(name: &str, ratio: f64, bound: f64) -> bool {
    let ok = ratio <= bound;
    println!("bench {name} ratio {ratio:.3} bound {bound:.2} {}", if ok { "ok" } else { "MISSED" });
    ok
}

/// The one in the middle; there is at least one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long a call takes by the clock on the wall, which costs some 20 ns to read: for what is over before the machine does
/// something else.
pub fn nanoseconds(call: impl FnOnce()) -> f64 {
    let start = Instant::now();
    call();
    start.elapsed().as_nanos() as f64
}

/// How much of this thread's time a call takes, however often the machine does something else in between. Costs some 200 ns
/// to read.
pub fn thread_nanoseconds(call: impl FnOnce()) -> f64 {
    let start = clock::nanoseconds();
    call();
    clock::nanoseconds() - start
}

#[cfg(unix)]
mod clock {
    pub fn nanoseconds() -> f64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes one `timespec`.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        assert_eq!(result, 0, "the system has a clock for each thread");
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    }
}

/// Time of day, where there is no simple clock for a thread.
#[cfg(not(unix))]
mod clock {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub fn nanoseconds() -> f64 {
        START.elapsed().as_nanos() as f64
    }
}
