//! The one place that writes a file. A reader sees the old content or the new, never a half: the
//! bytes go to a temporary file in the same folder, reach the disk, and then take the name.

use std::io::{self, Write};
use std::path::Path;

use super::RunError;

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".new-";
const SUFFIX: &str = ".tmp";

/// Whether a file of that name is one that was never finished.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Replaces the content of `path` with `bytes`, or leaves it as it was. The folder must exist.
///
/// # Errors
/// [`RunError::Write`] if the folder is missing, can't be written to, or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    replace(path, bytes).map_err(|source| RunError::Write {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A rename is atomic only within one file system, so the temporary file can't be in /tmp.
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private by default. These are results: the umask decides.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    // Without this, a power cut after the rename can leave an empty file under the final name.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
