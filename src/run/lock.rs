//! The lock of a run folder: one process writes a run, and others can see whether it lives.
//!
//! The operating system releases the lock of a process that is killed, so that a run left behind with
//! the status `running` can be told from one that trains.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use super::{RunDir, RunError};

/// [`RunDir::is_in_use`] holds the lock for an instant, which must not look like a second writer.
const ATTEMPTS: usize = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

impl RunDir {
    /// Whether a process is writing the run now.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let path = self.lock_path();
        // Opening a pipe would wait for a writer.
        if !path.is_file() {
            return false;
        }
        let lock = File::open(path);
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Locks the run for this process, as long as the file stays open.
    pub(super) fn acquire_lock(&self) -> Result<Arc<File>, RunError> {
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
                Err(TryLockError::WouldBlock) => {
                    return Err(RunError::InUse {
                        path: self.path().to_owned(),
                        holder: fs::read_to_string(&path).unwrap_or_default(),
                    });
                }
                // Some network file systems have no locks; a run there is better than none.
                Err(TryLockError::Error(error)) => {
                    tracing::warn!("{}: can't lock the run: {error}", path.display());
                    break;
                }
            }
        }
        file.set_len(0).map_err(write)?;
        file.write_all(std::process::id().to_string().as_bytes())
            .map_err(write)?;
        Ok(Arc::new(file))
    }
}
