//! [`RunDir`]: creates a run folder, or opens an existing one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Local};

use super::holder::Lock;
use super::name::folder_name;
use super::{RunError, State, Status, check_regular, outward_link, write_atomically};
use crate::host::{is_temporary, new_folder};

/// Run folders are results, not source. The file keeps itself in git, and with it the folder.
const GITIGNORE: &str = "*\n!.gitignore\n";

/// One run's folder.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    /// Of the process that may write.
    lock: Option<Arc<Lock>>,
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
        Self::create_with(runs, name, stem, now, |_| Ok(()))
    }

    /// As [`create`](Self::create), with the files that `fill` writes: the folder appears with them, and
    /// with its status, so that nobody ever sees a part of it.
    ///
    /// # Errors
    /// As [`create`](Self::create), and what `fill` fails with; there is no folder then.
    pub fn create_with(
        runs: &Path,
        name: Option<&str>,
        stem: &str,
        now: DateTime<Local>,
        fill: impl FnOnce(&Self) -> Result<(), RunError>,
    ) -> Result<Self, RunError> {
        let base = folder_name(name.unwrap_or(stem), now)?;
        create_runs(runs)?;
        let draft = new_folder(runs).map_err(|source| RunError::CreateFolder {
            path: runs.join(&base),
            source,
        })?;
        let drafted = Self::at(draft.path());
        drafted.create_folders()?;
        drafted.write_status(&Status::now(State::Running, 0))?;
        fill(&drafted)?;

        let mut run = Self::at(&rename_to_free(draft.path(), runs, &base)?);
        // It has another name now, so that there is nothing to remove.
        let _ = draft.keep();
        // Not before: some file systems don't rename folders with open files in them.
        run.lock = Some(run.acquire_lock()?);
        Ok(run)
    }

    /// Opens the folder of an earlier run to resume it: no other process can, as long as this
    /// `RunDir` or a clone of it lives.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`RunError::InUse`] if a process is writing the run.
    pub fn resume(path: &Path) -> Result<Self, RunError> {
        let mut run = Self::open(path)?;
        run.check_growing_files()?;
        run.lock = Some(run.acquire_lock()?);
        run.create_folders()?;
        for folder in [run.path.clone(), run.checkpoints(), run.reconstructions()] {
            remove_unfinished(&folder);
        }
        Ok(run)
    }

    /// Opens the folder of an earlier run for reading.
    ///
    /// # Errors
    /// [`RunError::NotARun`] if it isn't a folder with a `config.toml`, [`RunError::Newer`] if a newer
    /// version wrote it, [`RunError::LeadsOut`] if one of its files is a link out of it, and
    /// [`RunError::Read`] if it can't be looked into.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let run = Self::at(path);
        let config = run.config_path();
        let problem = match path.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => "doesn't exist",
            Err(source) => {
                let path = run.path;
                return Err(RunError::Read { path, source });
            }
            Ok(metadata) if !metadata.is_dir() => "is a file",
            Ok(_) => match config.symlink_metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => "holds no config.toml",
                Err(source) => {
                    return Err(RunError::Read {
                        path: config,
                        source,
                    });
                }
                Ok(_) => {
                    run.check_links()?;
                    run.check_version()?;
                    return Ok(run);
                }
            },
        };
        Err(RunError::NotARun {
            path: run.path,
            problem,
        })
    }

    /// Refuses a folder with links that lead out of it.
    pub(super) fn check_links(&self) -> Result<(), RunError> {
        match outward_link(&self.path) {
            None => Ok(()),
            Some(file) => Err(RunError::LeadsOut {
                path: self.path.clone(),
                file,
            }),
        }
    }

    /// Refuses files to append to that are none: opening a pipe would wait for its reader.
    fn check_growing_files(&self) -> Result<(), RunError> {
        for path in [self.lock_path(), self.log_path()] {
            match check_regular(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(RunError::Write { path, source }),
                Ok(_) => {}
            }
        }
        Ok(())
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

    fn create_folders(&self) -> Result<(), RunError> {
        for folder in [self.checkpoints(), self.reconstructions()] {
            create_new(&folder)?;
        }
        Ok(())
    }
}

/// Moves the folder to `runs/base`, or with `-2`, `-3` … where that is taken.
fn rename_to_free(folder: &Path, runs: &Path, base: &str) -> Result<PathBuf, RunError> {
    let mut path = runs.join(base);
    let mut count = 1_u32;
    loop {
        // Asked first, since renaming replaces an empty folder.
        let renamed = match path.symlink_metadata() {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(folder, &path),
        };
        match renamed {
            Ok(()) => return Ok(path),
            // Another run took the name since it was asked for.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::AlreadyExists
                        | ErrorKind::DirectoryNotEmpty
                        | ErrorKind::NotADirectory
                ) => {}
            Err(source) => return Err(RunError::CreateFolder { path, source }),
        }
        count += 1;
        path = runs.join(format!("{base}-{count}"));
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
