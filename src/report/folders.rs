//! What a run's folder is called in addresses.

use std::path::Path;

use sha2::{Digest, Sha256};

/// Stands for a folder in addresses, so that no part of an address is ever a part of a path.
pub(super) fn id(folder: &Path) -> String {
    // The whole path: runs of different folders may have the same name.
    let hash = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let start = hash.first_chunk().expect("SHA-256 has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*start))
}
