//! Which folders hold runs, which run is the latest, and which one a name means.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use serde::Deserialize;

use super::{RUN_FILES, RunDir, RunError};
use crate::host::is_temporary;
use crate::path_text::text_path;

/// Stands for the run that began last, wherever a run can be named.
const LATEST: &str = "latest";

/// Entries of a subfolder that are looked at to see whether it holds runs.
const SUBFOLDER_ENTRIES: usize = 1000;

/// What a folder of runs holds.
#[derive(Debug, Clone, Default)]
pub struct Discovered {
    /// The folders that hold a run, or what is left of one, sorted by name. Those that can't be looked
    /// into are among them, since they may hold one.
    pub folders: Vec<PathBuf>,
    /// Links to such folders, or to nowhere, sorted by name. They aren't followed, unless they are
    /// named: what lies elsewhere isn't this folder's.
    pub links: Vec<PathBuf>,
    /// Folders that hold runs instead of being one, sorted by name.
    pub subfolders: Vec<PathBuf>,
}

/// Looks for runs in the folder `runs`.
///
/// # Errors
/// [`RunError::ReadFolder`] if `runs` can't be listed.
pub fn discover(runs: &Path) -> Result<Discovered, RunError> {
    let unreadable = |source| RunError::ReadFolder {
        path: runs.to_owned(),
        source,
    };
    let mut found = Discovered::default();
    for entry in fs::read_dir(runs).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if is_temporary(&name) {
            continue;
        }
        let may_be_run = holds_run(&path).unwrap_or(true);
        if path.is_symlink() {
            // Editors mark open files by hidden links to nowhere.
            if may_be_run || (!path.exists() && !name.starts_with('.')) {
                found.links.push(path);
            } else if has_runs(&path) {
                found.subfolders.push(path);
            }
        } else if may_be_run {
            found.folders.push(path);
        } else if has_runs(&path) {
            found.subfolders.push(path);
        }
    }
    found.folders.sort();
    found.links.sort();
    found.subfolders.sort();
    Ok(found)
}

/// Whether one of a run's files is in `folder`, or a broken link in its place, which says what is wrong.
///
/// # Errors
/// If it can't be told.
pub fn holds_run(folder: &Path) -> io::Result<bool> {
    for name in RUN_FILES {
        match folder.join(name).symlink_metadata() {
            Ok(_) => return Ok(true),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether there are run folders in `folder`.
fn has_runs(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths = entries.take(SUBFOLDER_ENTRIES).map(|entry| entry.path());
    paths.any(|path| holds_run(&path).unwrap_or(false))
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

/// None for a folder that can't be looked into: it comes before all others.
fn began(folder: &Path) -> Option<DateTime<Local>> {
    #[derive(Deserialize)]
    struct Started {
        started: DateTime<Local>,
    }
    let run = RunDir::at(folder);
    let started = run.read_of_meta().map(|Started { started }| started);
    let started = started.or_else(|_| run.read_status().map(|status| status.updated));
    let changed = || {
        let is_run = holds_run(folder).unwrap_or(false);
        Some(
            folder
                .metadata()
                .ok()
                .filter(|_| is_run)?
                .modified()
                .ok()?
                .into(),
        )
    };
    started.ok().or_else(changed)
}

/// The folder of the run that `name` means: `latest`, a path, the name of a folder in `runs`, or one of
/// these as JSON has it (see [`path_text`](crate::path_text)). Of a path and a name, the one that holds
/// a run.
///
/// # Errors
/// [`RunError::NoSuchRun`] if nothing of that name exists, [`RunError::NotARun`] if it's something else,
/// [`RunError::NoRuns`] if there is no latest one.
pub fn find_run(name: &Path, runs: &Path) -> Result<PathBuf, RunError> {
    if name == OsStr::new(LATEST) {
        let folders = discover(runs)?.folders;
        return latest(&folders)
            .map(Path::to_owned)
            .ok_or_else(|| RunError::NoRuns {
                path: runs.to_owned(),
            });
    }
    let unescaped = name.to_str().map(text_path);
    let names = [Some(name.to_owned()), unescaped].into_iter().flatten();
    let places: Vec<PathBuf> = names
        .flat_map(|name| [runs.join(&name), name].into_iter().rev())
        .collect();
    let holds = |path: &&PathBuf| holds_run(path).unwrap_or(true);
    let exists = |path: &&PathBuf| path.symlink_metadata().is_ok();
    if let Some(found) = places.iter().find(holds) {
        return Ok(found.clone());
    }
    let Some(path) = places.iter().find(exists).cloned() else {
        return Err(RunError::NoSuchRun {
            name: name.to_owned(),
            runs: runs.to_owned(),
        });
    };
    let problem = match path.metadata() {
        // The reader says what it lacks.
        Err(_) => return Ok(path),
        Ok(metadata) if !metadata.is_dir() => "is a file",
        Ok(_) if has_runs(&path) => return Err(RunError::HoldsRuns { path }),
        Ok(_) => "holds no file of a run",
    };
    Err(RunError::NotARun { path, problem })
}
