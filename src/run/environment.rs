//! `meta.json`: under what circumstances a run was made, so that it can be repeated or compared.

use std::env;
use std::thread;

use chrono::{DateTime, Local};
use serde::{Deserialize, Serialize};

use crate::path_text::path_text;

/// The commit that the binary was built from, if the build said so: a hash, followed by `-dirty`
/// if the source had changes beyond it. It is asked at build time, because where the binary runs
/// there may be no source, or another one.
const BUILD_COMMIT: Option<&str> = option_env!("TRAINER_GIT_COMMIT");

/// The circumstances of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// This package's version.
    pub version: String,
    /// The commit of the source that the binary was built from, if it is known.
    pub git_commit: Option<String>,
    /// Whether that source had changes that weren't committed, if it is known.
    pub git_dirty: Option<bool>,
    /// The backend that computed, such as `wgpu`.
    pub backend: String,
    /// The GPU or its driver, where the backend has one.
    pub adapter: Option<String>,
    /// What the images are.
    pub dataset: DatasetOrigin,
    /// Hardware threads of the host.
    pub host_threads: usize,
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor's architecture, such as `x86_64`.
    pub arch: String,
    /// When the run started (RFC 3339).
    pub started: DateTime<Local>,
    /// When and how it was resumed.
    #[serde(default)]
    pub resumed: Vec<Resumption>,
}

/// A process that resumed a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// This package's version.
    pub version: String,
    /// The backend that computed.
    pub backend: String,
    /// The GPU or its driver, where the backend has one.
    pub adapter: Option<String>,
    /// When (RFC 3339).
    pub started: DateTime<Local>,
}

impl From<Meta> for Resumption {
    fn from(meta: Meta) -> Self {
        Self {
            command: meta.command,
            version: meta.version,
            backend: meta.backend,
            adapter: meta.adapter,
            started: meta.started,
        }
    }
}

/// Where a data set came from, and a fingerprint of what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetOrigin {
    /// The folder or the embedded set's name.
    pub source: String,
    /// A hash of the content, if one was computed.
    pub hash: Option<String>,
}

impl Meta {
    /// The circumstances of this process; the arguments are what only the caller knows.
    #[must_use]
    pub fn collect(
        backend: impl Into<String>,
        adapter: Option<String>,
        dataset: DatasetOrigin,
        started: DateTime<Local>,
    ) -> Self {
        let (git_commit, git_dirty) = split_commit(BUILD_COMMIT);
        Self {
            command: env::args_os().map(path_text).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            git_commit,
            git_dirty,
            backend: backend.into(),
            adapter,
            dataset,
            host_threads: thread::available_parallelism().map_or(1, usize::from),
            os: env::consts::OS.to_owned(),
            arch: env::consts::ARCH.to_owned(),
            started,
            resumed: Vec::new(),
        }
    }
}

fn split_commit(described: Option<&str>) -> (Option<String>, Option<bool>) {
    match described.map(str::trim).filter(|text| !text.is_empty()) {
        None => (None, None),
        Some(text) => {
            let clean = text.strip_suffix("-dirty");
            (
                Some(clean.unwrap_or(text).to_owned()),
                Some(clean.is_some()),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split_commit;

    // The environment variable is fixed at build time, so only a unit test reaches every case.
    #[test]
    fn a_commit_is_known_with_its_dirtiness_or_not_at_all() {
        assert_eq!(split_commit(None), (None, None));
        assert_eq!(split_commit(Some(" ")), (None, None));
        assert_eq!(
            split_commit(Some("1a2b3c")),
            (Some("1a2b3c".into()), Some(false))
        );
        assert_eq!(
            split_commit(Some("1a2b3c-dirty\n")),
            (Some("1a2b3c".into()), Some(true))
        );
    }
}
