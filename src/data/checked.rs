//! Files whose content is known by its SHA-256, whichever way they are compressed.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::idx;

/// Of Fashion-MNIST: SHA-256 of each file's content after decompression, so that recompressed copies pass too.
///
/// Taken from the content of the files whose MD5 the Fashion-MNIST README lists.
pub(super) const CHECKSUMS: [&str; 4] = [
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
];

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
