//! Files that others may have put into a run folder are only opened if they are regular files of a
//! sensible size.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The length of a regular file; an error for anything else, such as a pipe, which nothing may open: it
/// would wait for a writer.
pub(crate) fn check_regular(path: &Path) -> io::Result<u64> {
    let metadata = path.metadata()?;
    if metadata.is_file() {
        Ok(metadata.len())
    } else {
        Err(io::Error::other("it isn't a regular file"))
    }
}

/// The content of a regular file of at most `limit` bytes.
pub(crate) fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let length = check_regular(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit)).unwrap_or(0) + 1);
    // One byte more shows that there is more, even if the file grows meanwhile.
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than {} MiB", limit >> 20);
        return Err(io::Error::other(message));
    }
    Ok(bytes)
}
