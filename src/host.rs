//! What a program asks of its host: waiting for a device, the clock, files. A browser has other ways of
//! doing these, so that they stand in one place.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

/// Waits for what a device has yet to compute. Everything that reads from one is async inside, and has
/// this as its blocking front.
pub(crate) use burn_std::future::block_on;

/// Time since some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Seconds since the start, or since this was last asked for.
    pub fn lap(&mut self) -> f64 {
        let seconds = self.seconds();
        *self = Self::start();
        seconds
    }
}

/// The content of a file.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".new-";
const SUFFIX: &str = ".tmp";

/// Whether a file of that name is one that [`write_file`] never finished.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Replaces the content of a file, or leaves it as it was. A reader sees the old content or the new,
/// never a half: the bytes go to a temporary file in the same folder, which must exist, reach the disk,
/// and then take the name.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
