//! Results on standard output, the one place that writes them.
//!
//! `println!` panics where a write fails. Here a reader that has seen enough, such as `head`, or a
//! terminal that was closed ends the command quietly ([`OutputError::Closed`], exit code 0), and any
//! other failure, such as a full disk, is an error.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::builder::{PathBufValueParser, TypedValueParser};

use super::table::{Column, printable, table_lines};
use crate::path_text::path_text;

/// Whether standard output began as a terminal. One that was closed doesn't count as one any more.
static TERMINAL: OnceLock<bool> = OnceLock::new();

/// To be called when the program starts.
pub(super) fn start() {
    is_terminal();
}

fn is_terminal() -> bool {
    *TERMINAL.get_or_init(|| io::stdout().is_terminal())
}

/// Why a result couldn't be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// The other end of the pipe is closed, or the terminal. Nobody is left to be told.
    #[error("nothing reads standard output any more")]
    Closed,
    /// Anything else.
    #[error("can't write to standard output")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            // All that can happen to a terminal is that it goes away.
            _ if is_terminal() => Self::Closed,
            _ => Self::Failed(error),
        }
    }
}

/// Reads the name of a file that is to be written. What can't be one is found before the work is done.
pub(super) fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(file_to_write)
}

/// A path that a file can be written to; the error is why not.
pub(super) fn file_to_write(path: PathBuf) -> Result<PathBuf, &'static str> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if path == Path::new("-") {
        Err("standard output isn't written to; a file of that name is ./-")
    } else if path.is_dir() {
        Err("it is a folder; expected the name of a file in it")
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        Err("there is no such folder to put it into; make it first")
    } else {
        Ok(path)
    }
}

/// Reads the name of a folder that is to be written into, and made if it isn't there.
pub(super) fn folder() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(folder_to_write)
}

/// A path of a folder that can be written into; the error is why not.
pub(super) fn folder_to_write(path: PathBuf) -> Result<PathBuf, &'static str> {
    // A link to nowhere is there, too.
    if path.symlink_metadata().is_ok() && !path.is_dir() {
        Err("it is no folder; expected the name of one, or of a new one")
    } else {
        Ok(path)
    }
}

/// Writes text as it is. It is out when this returns: a failure at exit would be lost.
pub(super) fn text(text: impl Display) -> Result<(), OutputError> {
    let mut output = io::stdout().lock();
    write!(output, "{text}")?;
    Ok(output.flush()?)
}

/// Writes a line, or several, and ends the last one.
pub(super) fn line(line: impl Display) -> Result<(), OutputError> {
    text(format_args!("{line}\n"))
}

/// Writes a path on a line: as it is for a program, and without what a terminal would act on.
pub(super) fn path(path: &Path) -> Result<(), OutputError> {
    if is_terminal() {
        return line(printable(&path_text(path)));
    }
    let mut output = io::stdout().lock();
    output.write_all(path.as_os_str().as_encoded_bytes())?;
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}

/// For a command that has more to do than to write: it continues if nothing reads its output.
pub(super) fn unless_closed(result: Result<(), OutputError>) -> Result<(), OutputError> {
    match result {
        Err(OutputError::Closed) => Ok(()),
        result => result,
    }
}

/// Whether a command ended because nothing reads its output.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OutputError::Closed))
}

/// Writes a table.
pub(super) fn table(columns: &[Column]) -> Result<(), OutputError> {
    line(table_lines(columns).join("\n"))
}

/// Writes a value as JSON for a terminal or a program.
pub(super) fn json(value: &impl serde::Serialize) -> Result<(), OutputError> {
    line(json_text(value).map_err(io::Error::from)?)
}

/// JSON without what terminals act on: DEL and the C1 control characters, which JSON allows in
/// strings, are escaped.
fn json_text(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let mut text = String::new();
    for c in serde_json::to_string_pretty(value)?.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => text.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => text.push(c),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::json_text;

    #[test]
    fn json_has_nothing_that_a_terminal_acts_on() {
        assert_eq!(
            json_text(&"a\u{1b}\u{7f}\u{9b}").unwrap(),
            "\"a\\u001b\\u007f\\u009b\""
        );
    }
}
