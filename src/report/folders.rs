//! Which folders a report may read. A report goes to other people, and a server answers a browser: what
//! lies outside a run's folder must not get into either of them by way of a link.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::run::{RUN_FILES, RunError, discover};

/// What else is read in a run's folder.
const OTHER_FILES: [&str; 8] = [
    ".lock",
    "test.csv",
    "test.png",
    "best.png",
    "worst.png",
    "thumbnails.png",
    "log.txt",
    "reconstructions",
];

/// The folders in `runs` that hold a run, or what is left of one, sorted by name. Links to folders
/// aren't among them.
///
/// # Errors
///
/// [`RunError::ReadFolder`] if `runs` can't be listed.
pub fn run_folders(runs: &Path) -> Result<Vec<PathBuf>, RunError> {
    let mut folders = discover(runs)?;
    folders.retain(|path| !path.is_symlink());
    Ok(folders)
}

/// Stands for a folder in addresses, so that no part of an address is ever a part of a path.
pub(super) fn id(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    let hash = Sha256::digest(name.as_encoded_bytes());
    let start = hash.first_chunk().expect("SHA-256 has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*start))
}

/// The first of a run's files that is a link out of its folder.
pub(super) fn outward_link(folder: &Path) -> Option<&'static str> {
    let home = folder.canonicalize().ok()?;
    RUN_FILES.into_iter().chain(OTHER_FILES).find(|name| {
        let path = folder.join(name);
        path.is_symlink()
            && !path
                .canonicalize()
                .is_ok_and(|target| target.starts_with(&home))
    })
}
