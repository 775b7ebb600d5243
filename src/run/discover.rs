//! Which folders hold runs, and which run is the latest.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use serde::Deserialize;

use super::{RunDir, RunError};

/// What marks a folder as a run's, even where others of these are missing.
pub const RUN_FILES: [&str; 5] = [
    "config.toml",
    "meta.json",
    "status.json",
    "metrics.csv",
    "summary.json",
];

/// The folders in `runs` that hold a run, or what is left of one, sorted by name. Links to folders are
/// among them.
///
/// # Errors
/// [`RunError::ReadFolder`] if `runs` can't be listed.
pub fn discover(runs: &Path) -> Result<Vec<PathBuf>, RunError> {
    let unreadable = |source| RunError::ReadFolder {
        path: runs.to_owned(),
        source,
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(runs).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        // Of a broken link, too: it is one of the run's files, and says what is wrong.
        if RUN_FILES
            .iter()
            .any(|name| path.join(name).symlink_metadata().is_ok())
        {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The run among `folders` that began last: by `meta.json`, or else the last status, or else the time at
/// which the folder changed. The name, which the user may have changed, decides only between equals.
#[must_use]
pub fn latest(folders: &[PathBuf]) -> Option<&Path> {
    let latest = folders
        .iter()
        .max_by_key(|folder| (began(folder), folder.file_name()));
    latest.map(PathBuf::as_path)
}

fn began(folder: &Path) -> Option<DateTime<Local>> {
    #[derive(Deserialize)]
    struct Started {
        started: DateTime<Local>,
    }
    let run = RunDir::at(folder);
    let started = run.read_of_meta().map(|Started { started }| started);
    let started = started.or_else(|_| run.read_status().map(|status| status.updated));
    let changed = || Some(folder.metadata().ok()?.modified().ok()?.into());
    started.ok().or_else(changed)
}
