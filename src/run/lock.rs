//! The lock of a run folder: one process writes a run, and others can see whether it lives.
//!
//! The operating system releases the lock of a process that is killed, so that a run left behind with
//! the status `running` can be told from one that trains. Some network file systems have no locks: there
//! the process and the host that `.lock` names count, as far as they can be asked.

use std::fs::{File, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use super::holder::{Holder, Lock};
use super::{RunDir, RunError};

/// [`RunDir::writer`] holds the lock for an instant, which must not look like a second writer.
const ATTEMPTS: usize = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// Whether a process writes a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// One does.
    Alive,
    /// None does.
    None,
    /// The file system has no locks, and `.lock` names a process that can't be asked about.
    Unknown,
}

impl RunDir {
    /// Whether a process is writing the run now.
    #[must_use]
    pub fn writer(&self) -> Writer {
        let path = self.lock_path();
        // Opening a pipe would wait for a writer.
        if !path.is_file() {
            return Writer::None;
        }
        let Ok(lock) = File::open(&path) else {
            return Writer::None;
        };
        match lock.try_lock_shared() {
            Ok(()) => Writer::None,
            Err(TryLockError::WouldBlock) => Writer::Alive,
            Err(TryLockError::Error(_)) => match Holder::read(&path).map(|it| it.is_alive()) {
                None | Some(Some(false)) => Writer::None,
                Some(Some(true)) => Writer::Alive,
                Some(None) => Writer::Unknown,
            },
        }
    }

    /// Locks the run for this process, as long as the lock lives.
    pub(super) fn acquire_lock(&self) -> Result<Arc<Lock>, RunError> {
        let path = self.lock_path();
        let write = |source| RunError::Write {
            path: path.clone(),
            source,
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(write)?;
        let mut attempt = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => {
                    attempt += 1;
                    sleep(BETWEEN_ATTEMPTS);
                }
                Err(TryLockError::WouldBlock) => return Err(self.in_use(&path)),
                // A run without a lock is better than none.
                Err(TryLockError::Error(error)) => {
                    if let Some(holder) = Holder::read(&path).filter(|holder| !holder.is_me()) {
                        match holder.is_alive() {
                            Some(true) => return Err(self.in_use(&path)),
                            Some(false) => {}
                            None => {
                                return Err(RunError::MayBeInUse {
                                    path: self.path().to_owned(),
                                    holder: holder.to_string(),
                                });
                            }
                        }
                    }
                    tracing::warn!("{}: can't lock the run: {error}", path.display());
                    break;
                }
            }
        }
        file.set_len(0).map_err(write)?;
        file.rewind().map_err(write)?;
        file.write_all(Holder::me().to_string().as_bytes())
            .map_err(write)?;
        Ok(Arc::new(Lock::of(file)))
    }

    fn in_use(&self, lock: &Path) -> RunError {
        RunError::InUse {
            path: self.path().to_owned(),
            holder: Holder::read(lock).map_or("unknown".to_owned(), |holder| holder.to_string()),
        }
    }
}
