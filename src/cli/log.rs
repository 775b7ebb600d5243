//! Messages: to standard error for people, above what is redrawn there, and to the run's `log.txt` with
//! the time. A message that can't be written is dropped: it's no reason to end what it tells of.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::ChronoLocal;
use tracing_subscriber::prelude::*;

use super::advice::with_flags;
use super::terminal;
use crate::device::SelectedDevice;

/// The target of messages for the log file alone: the terminal gets them in another way.
pub(super) const FILE_ONLY: &str = "trainer::log";
/// And the other way round.
pub(super) const TERMINAL_ONLY: &str = "trainer::terminal";
/// Columns of the level before each message on the terminal, as in ` INFO `.
pub(super) const LEVEL_WIDTH: usize = 6;

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
    let to_terminal = tracing_subscriber::fmt::layer()
        .with_writer(|| Terminal)
        .with_ansi(console::colors_enabled_stderr())
        .without_time()
        .with_target(false)
        .with_filter(ours(level).with_target(FILE_ONLY, LevelFilter::OFF));
    let to_file = tracing_subscriber::fmt::layer()
        .with_writer(|| LogFile)
        .with_ansi(false)
        .with_timer(ChronoLocal::new("%FT%T%.3f".to_owned()))
        .with_filter(
            ours(LevelFilter::DEBUG)
                .with_target(TERMINAL_ONLY, LevelFilter::OFF)
                .with_default(LevelFilter::WARN),
        );
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

/// Sends messages to no file any more.
pub(super) fn end_file() {
    *LOG_FILE.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
        terminal::message(with_flags(&String::from_utf8_lossy(bytes)).as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
            // What fills the disk will be told by the files that matter.
            let _ = file.write_all(with_flags(&String::from_utf8_lossy(bytes)).as_bytes());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
