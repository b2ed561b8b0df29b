//! Wine and a prefix of ours for it, so that no test touches what its user has in his own.

use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::windows::toolchain::Toolchain;
use crate::workspace::{cache, program, scratch};

/// What Rust's standard library asks of a system library that old versions of Wine lack.
const PROCESS_PRNG: &str = include_str!("process_prng.rs");

/// Wine for 64 bits, in the path or where Debian hides it.
pub fn wine() -> Result<PathBuf, String> {
    let hidden = [PathBuf::from("/usr/lib/wine/wine64")].into_iter().filter(|path| path.is_file());
    let found = program("wine64").into_iter().chain(hidden).chain(program("wine")).next();
    found.ok_or_else(|| "there is no Wine; install the package wine64".to_owned())
}

/// Has a call run in a prefix, without Wine's own messages.
pub fn use_in(call: Call, prefix: &Path) -> Call {
    call.variable("WINEPREFIX", prefix.to_string_lossy()).variable("WINEDEBUG", "-all")
}

/// The prefix, made if it is not there yet.
pub fn ready(wine: &Path, toolchain: &Toolchain) -> Result<PathBuf, String> {
    let prefix = cache()?.join("windows").join("prefix");
    let library = prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
    if library.exists() {
        return Ok(prefix);
    }
    println!("==> windows: making a prefix for Wine in {}", prefix.display());
    // It complains of 32-bit programs, which we have none of, and fails for nothing else.
    use_in(Call::new(wine).arguments(["wineboot", "-i"]), &prefix).succeeds();
    let folder = scratch("process-prng")?;
    let source = folder.join("process_prng.rs");
    std::fs::write(&source, PROCESS_PRNG)
        .map_err(|error| format!("{} cannot be written: {error}", source.display()))?;
    toolchain.library(&source, "bcryptprimitives", &folder)?;
    std::fs::copy(folder.join("bcryptprimitives.dll"), &library)
        .map_err(|error| format!("Wine made no prefix in {}: {error}", prefix.display()))?;
    Ok(prefix)
}
