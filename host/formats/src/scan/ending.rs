//! How a process ended, for people.

use std::process::ExitStatus;

/// Such as `it crashed: SIGSEGV (signal 11)` or `it ended the process with exit code 3`.
#[cfg(unix)]
pub(super) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("it crashed: {} (signal {signal})", signal_name(signal)),
        (None, code) => exit_code(code.unwrap_or_default()),
    }
}

/// Such as `it crashed: access violation (0xc0000005)` or `it ended the process with exit code 3`.
#[cfg(windows)]
pub(super) fn describe(status: ExitStatus) -> String {
    let code = status.code().unwrap_or_default();
    // Errors of the system have their two highest bits set.
    match code as u32 {
        error @ 0xc000_0000.. => format!("it crashed: {} ({error:#x})", exception_name(error)),
        _ => exit_code(code),
    }
}

fn exit_code(code: i32) -> String {
    format!("it ended the process with exit code {code}")
}

#[cfg(unix)]
fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGSYS => "SIGSYS",
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGINT => "SIGINT",
        libc::SIGHUP => "SIGHUP",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGXCPU => "SIGXCPU",
        _ => "a signal",
    }
}

#[cfg(windows)]
fn exception_name(code: u32) -> &'static str {
    match code {
        0xc000_0005 => "access violation",
        0xc000_001d => "illegal instruction",
        0xc000_0094 => "integer division by zero",
        0xc000_00fd => "stack overflow",
        0xc000_0135 => "a library was not found",
        0xc000_0374 => "heap corruption",
        0xc000_0409 => "it aborted",
        _ => "an exception",
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn signals_have_names_and_exits_have_codes() {
        assert_eq!(describe(ExitStatus::from_raw(11)), "it crashed: SIGSEGV (signal 11)");
        assert_eq!(describe(ExitStatus::from_raw(3 << 8)), "it ended the process with exit code 3");
    }
}
