//! A worker's pipes, out of reach of plugins: what these print goes to standard error, what they read is empty, and their
//! crash opens no window and leaves no core.

use std::fs::File;
use std::io;

/// Takes standard input and output for the worker alone. To be called before any plugin is loaded.
#[cfg(unix)]
pub(crate) fn take() -> io::Result<(File, File)> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok((input.into(), output.into()))
}

/// Takes standard input and output for the worker alone. To be called before any plugin is loaded.
#[cfg(windows)]
pub(crate) fn take() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle;

    use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle};
    use windows_sys::Win32::System::Diagnostics::Debug::{
        SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
    };

    let input = io::stdin().as_handle().try_clone_to_owned()?;
    let output = io::stdout().as_handle().try_clone_to_owned()?;
    // SAFETY: all three take any value; the handles are this process's own, and the runtime's descriptor 1 is none of
    // Rust's.
    unsafe {
        SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
        // The C runtime that plugins share has a descriptor of its own for the handle.
        libc::dup2(2, 1);
        SetStdHandle(STD_OUTPUT_HANDLE, GetStdHandle(STD_ERROR_HANDLE));
    }
    Ok((input.into(), output.into()))
}
