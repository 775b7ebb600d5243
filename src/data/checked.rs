//! Files whose content is known by its SHA-256, whichever way they are compressed.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::idx;

/// Limit for the bytes of one file, compressed and not; Fashion-MNIST's largest has 26 MB and 47 MB.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// Why a file isn't the one that it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("it can't be opened: {0}")]
    Unreadable(io::Error),
    #[error("it is damaged: {0}")]
    Damaged(io::Error),
    #[error("the content's SHA-256 is {found}, expected {expected}")]
    Other { found: String, expected: String },
}

/// The content of a file, after decompression, if its SHA-256 is `expected`.
pub(super) fn read(path: &Path, expected: &str) -> Result<Vec<u8>, Fault> {
    let source = idx::open(path).map_err(Fault::Unreadable)?;
    let mut content = Vec::new();
    source
        .take(MAX_BYTES)
        .read_to_end(&mut content)
        .map_err(Fault::Damaged)?;
    let found = format!("{:x}", Sha256::digest(&content));
    if found == expected {
        return Ok(content);
    }
    Err(Fault::Other {
        found,
        expected: expected.to_owned(),
    })
}
