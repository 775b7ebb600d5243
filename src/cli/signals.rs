//! Signals that end a command. Those that were ignored when the program started, as `nohup` does with
//! SIGHUP and a script's `&` with SIGINT, stay ignored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::{Exit, terminal};
use crate::limits::NO_THREAD;

static STOP: AtomicBool = AtomicBool::new(false);

/// Signals that come sooner after the first are the same one: `timeout` sends it to the program and then to all of its
/// group, and who presses Ctrl-C twice takes longer.
const SAME: Duration = Duration::from_millis(150);

/// Is set by the first Ctrl-C (or SIGTERM), for the current step to finish and the run to be saved; the
/// second one ends the program at once. SIGHUP sets it, too, and never ends the program: when a
/// terminal is closed, both the shell and the system may send it.
pub(super) fn stop_on_signal() -> anyhow::Result<&'static AtomicBool> {
    let mut first: Option<Instant> = None;
    on_signal(move || {
        if first.is_some_and(|first| first.elapsed() < SAME) {
            return;
        }
        first.get_or_insert_with(Instant::now);
        if STOP.swap(true, Ordering::Relaxed) {
            exit_interrupted();
        }
        terminal::message(b"stopping after this step; again to stop at once\n");
    })?;
    system::on_hang_up();
    Ok(&STOP)
}

/// A command was stopped by the user, with what it had written whole.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(super) struct Stopped;

/// An error once a signal has come to a command that called [`stop_on_signal`].
pub(super) fn check_stop() -> Result<(), Stopped> {
    if STOP.load(Ordering::Relaxed) {
        return Err(Stopped);
    }
    Ok(())
}

/// Ends the program at once on Ctrl-C, SIGTERM or SIGHUP: for a command that writes nothing.
pub(super) fn exit_on_signal() -> anyhow::Result<()> {
    on_signal(exit_interrupted)
}

fn exit_interrupted() {
    std::process::exit(Exit::Interrupted.code().into());
}

/// Makes a write beyond the limit of a file's size (`ulimit -f`) an error that names the file. The system
/// would end the program without a word.
pub(super) fn ignore_file_size_signal() {
    system::ignore_file_size();
}

/// Calls `handle` on a thread of its own for every signal that isn't ignored.
fn on_signal(handle: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    let ignored = system::ignored();
    ctrlc::set_handler(handle).map_err(|error| match error {
        ctrlc::Error::System(source) => {
            anyhow!("can't start the thread that listens for Ctrl-C ({source}): {NO_THREAD}")
        }
        error => anyhow!("can't listen for Ctrl-C: {error}"),
    })?;
    // The crate takes all three.
    system::ignore(ignored);
    Ok(())
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "handlers of signals are the system's business")]
mod system {
    use std::sync::atomic::Ordering;

    use libc::{SIG_IGN, SIGHUP, SIGINT, SIGTERM, SIGXFSZ, c_int, sighandler_t};

    use super::STOP;

    fn is_ignored(signal: c_int) -> bool {
        // SAFETY: a `sigaction` is plain data, of which zeros are a valid value. Without a new action,
        // the call only writes the present one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let status = libc::sigaction(signal, std::ptr::null(), &raw mut action);
            status == 0 && action.sa_sigaction == SIG_IGN
        }
    }

    pub fn ignored() -> Vec<c_int> {
        let signals = [SIGINT, SIGTERM, SIGHUP].into_iter();
        signals.filter(|&signal| is_ignored(signal)).collect()
    }

    pub fn ignore(signals: Vec<c_int>) {
        for signal in signals {
            // SAFETY: no handler is installed.
            unsafe {
                libc::signal(signal, SIG_IGN);
            }
        }
    }

    pub fn ignore_file_size() {
        ignore(vec![SIGXFSZ]);
    }

    extern "C" fn stop(_: c_int) {
        STOP.store(true, Ordering::Relaxed);
    }

    pub fn on_hang_up() {
        if is_ignored(SIGHUP) {
            return;
        }
        // SAFETY: the handler has the type that is expected, and does nothing but store to an atomic,
        // which a handler may do at any time.
        unsafe {
            libc::signal(SIGHUP, stop as *const () as sighandler_t);
        }
    }
}

#[cfg(not(unix))]
mod system {
    pub fn ignored() {}
    pub fn ignore((): ()) {}
    pub fn on_hang_up() {}
    pub fn ignore_file_size() {}
}
