//! Who holds the lock of a run folder: the lock itself, and the process and the host that `.lock` names.

use std::fs::{self, File};
use std::path::Path;

use super::regular::read_regular;

/// The largest `.lock` that is read, in bytes: a process's number, and a host's name.
const LARGEST: u64 = 1 << 10;

/// Held as long as this process may write; the system releases it if the process is killed.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// That of a file that this process has locked, or that can't be.
    pub fn of(file: File) -> Self {
        Self(file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where there are no locks, a name left behind would look like a process that was killed.
        let _ = self.0.set_len(0);
    }
}

/// The process that `.lock` names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holder {
    process: u32,
    /// Versions before 0.2 didn't name it.
    host: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{} on {host}", self.process),
            None => write!(f, "{}", self.process),
        }
    }
}

impl Holder {
    pub fn me() -> Self {
        Self {
            process: std::process::id(),
            host: own_host(),
        }
    }

    pub fn is_me(&self) -> bool {
        *self == Self::me()
    }

    /// None if the file is empty, as after the end of a run, or isn't one.
    pub fn read(lock: &Path) -> Option<Self> {
        let text = String::from_utf8(read_regular(lock, LARGEST).ok()?).ok()?;
        let text = text.trim();
        let (process, host) = match text.split_once(" on ") {
            Some((process, host)) => (process, Some(host.to_owned())),
            None => (text, None),
        };
        Some(Self {
            process: process.parse().ok()?,
            host,
        })
    }

    /// Whether the process lives; none if it is another host's, or this system has no `/proc` to ask.
    pub fn is_alive(&self) -> Option<bool> {
        if self.host.is_none() || self.host != own_host() || !Path::new("/proc/self/stat").exists()
        {
            return None;
        }
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.process)) else {
            return Some(false);
        };
        // "42 (name) Z …": of a process that has ended, its parent has yet to be told.
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        Some(!matches!(state, Some('Z' | 'X')))
    }
}

/// None in a browser, which has no name.
pub(super) fn own_host() -> Option<String> {
    #[cfg(target_family = "wasm")]
    return None;
    #[cfg(not(target_family = "wasm"))]
    Some(hostname::get().ok()?.to_string_lossy().into_owned())
}
