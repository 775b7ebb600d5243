//! The one place that writes files: those of a run folder as a whole or not at all, and those that the
//! user named as what they are.

use std::io::{self, Write};
use std::path::Path;

use super::RunError;
use crate::host::{check_output as check, write_file, write_output_with as write_with};

/// Replaces the content of `path` with `bytes`, or leaves it as it was. The folder must exist.
///
/// # Errors
/// [`RunError::Write`] if the folder is missing, can't be written to, or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_file(path, bytes).map_err(not_written(path))
}

/// Writes what the user asked for to where the user asked for it: links are followed, a file is replaced
/// as a whole or not at all, and a device or a pipe is written to.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_output(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_output_with(path, &mut |output| output.write_all(bytes))
}

/// As [`write_output`], piece by piece: `write` is called once, with what takes the bytes.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_output_with(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), RunError> {
    write_with(path, write).map_err(not_written(path))
}

/// Whether [`write_output`] would be let write to `path`, whose folder may be missing: found before the work whose
/// result is to be written. Nothing is left behind.
///
/// # Errors
/// [`RunError::Write`] with what is in the way.
pub fn check_output(path: &Path) -> Result<(), RunError> {
    check(path).map_err(not_written(path))
}

fn not_written(path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    |source| RunError::Write { path, source }
}
