//! Links in a run folder: what lies outside it isn't read by way of them. A report goes to other people,
//! a server answers a browser, and a folder may come from anywhere.

use std::path::Path;

use super::RUN_FILES;

/// What else is read in a run's folder, or written into.
const OTHER_FILES: [&str; 15] = [
    ".lock",
    "images.csv",
    "skipped.csv",
    "test.csv",
    "test.png",
    "best.png",
    "worst.png",
    "thumbnails.png",
    "curves.png",
    "log.txt",
    "reconstructions",
    "checkpoints",
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "tb",
];

/// The first of a run's files that is a link out of its folder, or to nowhere: a file could appear there.
/// A link within the folder is none.
#[must_use]
pub fn outward_link(folder: &Path) -> Option<&'static str> {
    let home = folder.canonicalize().ok()?;
    RUN_FILES.into_iter().chain(OTHER_FILES).find(|name| {
        let path = folder.join(name);
        path.is_symlink()
            && !path
                .canonicalize()
                .is_ok_and(|target| target.starts_with(&home))
    })
}
