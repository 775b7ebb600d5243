//! [`RunDir`]: creates a run folder, or opens an existing one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Local};

use super::name::folder_name;
use super::{RunError, write_atomically};
use crate::host::is_temporary;

/// Run folders are results, not source. The file keeps itself in git, and with it the folder.
const GITIGNORE: &str = "*\n!.gitignore\n";

/// One run's folder.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    /// Held as long as this process may write; the system releases it if the process is killed.
    lock: Option<Arc<File>>,
}

impl RunDir {
    /// Creates `runs/<timestamp>_<name>`, or with `stem` where the user gave no name, and appends
    /// `-2`, `-3` … if that is taken. `runs` is created if it is missing.
    ///
    /// # Errors
    /// [`RunError::Name`] if the name can't be a part of a folder's name, and
    /// [`RunError::CreateFolder`] or [`RunError::Write`] if the system refuses.
    pub fn create(
        runs: &Path,
        name: Option<&str>,
        stem: &str,
        now: DateTime<Local>,
    ) -> Result<Self, RunError> {
        let base = folder_name(name.unwrap_or(stem), now)?;
        create_runs(runs)?;

        let mut path = runs.join(&base);
        let mut count = 1_u32;
        // Creating is the test: asking first would let two runs take the same name.
        while !create_new(&path)? {
            count += 1;
            path = runs.join(format!("{base}-{count}"));
        }
        let mut run = Self::at(&path);
        run.lock_and_complete()?;
        Ok(run)
    }

    /// Opens the folder of an earlier run to resume it: no other process can, as long as this
    /// `RunDir` or a clone of it lives.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`RunError::InUse`] if a process is writing the run.
    pub fn resume(path: &Path) -> Result<Self, RunError> {
        let mut run = Self::open(path)?;
        run.lock_and_complete()?;
        for folder in [run.path.clone(), run.checkpoints(), run.reconstructions()] {
            remove_unfinished(&folder);
        }
        Ok(run)
    }

    /// Opens the folder of an earlier run for reading.
    ///
    /// # Errors
    /// [`RunError::NotARun`] if it isn't a folder with a `config.toml`, [`RunError::Newer`] if a newer
    /// version wrote it.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let run = Self::at(path);
        let problem = if !path.exists() {
            "doesn't exist"
        } else if !path.is_dir() {
            "is a file"
        } else if !run.config_path().is_file() {
            "holds no config.toml"
        } else {
            run.check_version()?;
            return Ok(run);
        };
        Err(RunError::NotARun {
            path: run.path,
            problem,
        })
    }

    /// The folder, whatever is in it.
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lock: None,
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock_and_complete(&mut self) -> Result<(), RunError> {
        self.lock = Some(self.acquire_lock()?);
        for folder in [self.checkpoints(), self.reconstructions()] {
            create_new(&folder)?;
        }
        Ok(())
    }
}

/// Removes what a process that was killed in the middle of writing left behind.
fn remove_unfinished(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(is_temporary) {
            // A leftover that can't be removed does no harm.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Creates the folder of all runs, and hides it from git if it is ours.
fn create_runs(runs: &Path) -> Result<(), RunError> {
    if runs.is_dir() {
        return Ok(());
    }
    if let Some(parent) = runs
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(|source| RunError::CreateFolder {
            path: parent.to_owned(),
            source,
        })?;
    }
    if create_new(runs)? {
        write_atomically(&runs.join(".gitignore"), GITIGNORE.as_bytes())?;
    } else if !runs.is_dir() {
        let source = io::Error::from(ErrorKind::NotADirectory);
        return Err(RunError::CreateFolder {
            path: runs.to_owned(),
            source,
        });
    }
    Ok(())
}

/// Whether the folder was created; `false` if the name is taken.
fn create_new(path: &Path) -> Result<bool, RunError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(RunError::CreateFolder {
            path: path.to_owned(),
            source,
        }),
    }
}
