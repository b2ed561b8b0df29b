//! The process that looks into plugin files on behalf of a scanner. It may crash or hang at any time; it ends with the
//! pipe from its scanner, whatever a plugin does meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::look;
use super::module_info::described;
use super::stdio;
use super::wire::{Answer, Request};
use crate::library::open;

/// The argument that makes a program a worker.
pub(super) const ARGUMENT: &str = "--crosspoint-scan-worker";

/// Makes this process a scan worker if a [`Scanner`](super::Scanner) started it as one, and never returns then.
///
/// Call it first thing in `main` of every program that scans: a scanner starts the program itself again as its worker,
/// unless it is told another one.
///
/// ```
/// crosspoint_formats::scan::serve_if_worker();
/// // The program itself.
/// ```
pub fn serve_if_worker() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        serve();
    }
}

/// Makes this process a scan worker, whatever its arguments are, until its scanner has gone.
pub fn serve() -> ! {
    serve_requests("scan plugins", &Answer::Ready, answer)
}

/// Makes this process a worker that answers requests until nobody asks any more. `answer` gives none if nobody listens.
/// `purpose` is what it cannot do if it has no pipes.
pub(crate) fn serve_requests<R: DeserializeOwned + Send + 'static, A: Serialize>(
    purpose: &str,
    ready: &A,
    mut answer: impl FnMut(&R, &mut dyn FnMut(&A) -> Option<()>) -> Option<()>,
) -> ! {
    match stdio::take() {
        Ok((input, mut output)) => {
            let requests = requests(BufReader::new(input));
            // One write a line. It begins with a line end, for the program may have printed half a line before.
            let mut say = |answer: &A| -> Option<()> {
                let text = serde_json::to_string(answer).ok()?;
                output.write_all(format!("\n{text}\n").as_bytes()).ok()
            };
            let _ = say(ready);
            for request in requests {
                if answer(&request, &mut say).is_none() {
                    break;
                }
            }
        }
        Err(error) => eprintln!("cannot {purpose}: {error}"),
    }
    leave()
}

/// Requests as they come. They are read on a thread of their own, so that a plugin that never returns does not keep the
/// process alive when the scanner has gone.
fn requests<R: DeserializeOwned + Send + 'static>(input: impl BufRead + Send + 'static) -> mpsc::Receiver<R> {
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for request in input.lines().map_while(|line| serde_json::from_str(&line.ok()?).ok()) {
            if sender.send(request).is_err() {
                break;
            }
        }
        leave()
    });
    requests
}

/// Answers a request; none if nobody listens.
fn answer(request: &Request, say: &mut dyn FnMut(&Answer) -> Option<()>) -> Option<()> {
    if let Some(plugins) = described(&request.path) {
        say(&Answer::Listed { plugins })?;
        return say(&Answer::Done);
    }
    let library = match open(&request.path) {
        Ok(library) => library,
        Err(error) => return say(&Answer::Broken { reason: error.to_string() }),
    };
    say(&Answer::Listed { plugins: library.descriptors().to_vec() })?;
    for descriptor in library.descriptors().iter().skip(request.from) {
        let (shape, fault) = look::make(&*library, &descriptor.id);
        say(&Answer::Plugin { shape, fault })?;
    }
    say(&Answer::Done)
}

/// Ends the process at once: exit handlers of plugins may crash or hang, and there is nothing left to be saved.
fn leave() -> ! {
    #[cfg(unix)]
    // SAFETY: ends the process and runs nothing.
    unsafe {
        libc::_exit(0)
    }
    #[cfg(not(unix))]
    std::process::abort()
}
