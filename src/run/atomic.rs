//! The one place that writes a file of a run folder, as a whole or not at all.

use std::path::Path;

use super::RunError;
use crate::host::write_file;

/// Replaces the content of `path` with `bytes`, or leaves it as it was. The folder must exist.
///
/// # Errors
/// [`RunError::Write`] if the folder is missing, can't be written to, or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_file(path, bytes).map_err(|source| RunError::Write {
        path: path.to_owned(),
        source,
    })
}
