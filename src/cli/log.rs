//! Messages: to standard error for people, with the progress bar out of the way, and to the run's
//! `log.txt` with the time.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::ChronoLocal;
use tracing_subscriber::prelude::*;

use crate::device::SelectedDevice;

/// The bars on the terminal, shared with the progress display.
pub(super) fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// The target of messages for the log file alone: the terminal gets them in another way.
pub(super) const FILE_ONLY: &str = "trainer::log";

static LOG_FILE: Mutex<Option<File>> = Mutex::new(None);

/// Sends messages to standard error from now on: all of them, or only warnings if `quiet`.
pub(super) fn start(quiet: bool) {
    let level = if quiet {
        LevelFilter::WARN
    } else {
        LevelFilter::INFO
    };
    // Other crates' chatter is for their authors; their warnings go to the log file.
    let ours = |level| Targets::new().with_target("trainer", level);
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let to_terminal = tracing_subscriber::fmt::layer()
        .with_writer(|| Terminal)
        .with_ansi(colours)
        .without_time()
        .with_target(false)
        .with_filter(ours(level).with_target(FILE_ONLY, LevelFilter::OFF));
    let to_file = tracing_subscriber::fmt::layer()
        .with_writer(|| LogFile)
        .with_ansi(false)
        .with_timer(ChronoLocal::new("%FT%T%.3f".to_owned()))
        .with_filter(ours(LevelFilter::DEBUG).with_default(LevelFilter::WARN));
    // A second start, as in tests of this library, changes nothing.
    let _ = tracing_subscriber::registry()
        .with(to_terminal)
        .with(to_file)
        .try_init();
}

/// Sends messages to a file, too.
pub(super) fn also_to(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    *LOG_FILE.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    Ok(())
}

/// Says where the work is done, and what the user should know about that.
pub(super) fn device(selected: &SelectedDevice) {
    tracing::info!(
        "backend {} on {} ({})",
        selected.backend.name(),
        selected.adapter,
        selected.reason
    );
    if let Some(warning) = &selected.warning {
        tracing::warn!("{warning}");
    }
}

struct Terminal;

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bars().suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

struct LogFile;

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = LOG_FILE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            file.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
