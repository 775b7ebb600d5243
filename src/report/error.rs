//! Why there is no report.

use std::path::PathBuf;

use crate::run::RunError;

/// A failure to find runs, or to show them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder of all runs can't be listed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The folder of all runs contains none.
    #[error(
        "--runs {}: no run in it; train one with `trainer`, or give another folder",
        path.display()
    )]
    NoRuns {
        /// The folder.
        path: PathBuf,
    },
    /// A run that was asked for isn't there.
    #[error(
        "{}: no such run, neither as a folder nor as a name in {}; `trainer report --all` shows all",
        name.display(),
        runs.display()
    )]
    NoSuchRun {
        /// What was asked for.
        name: PathBuf,
        /// The folder of all runs.
        runs: PathBuf,
    },
    /// The data can't be written as JSON.
    #[error("can't encode the report. Please report this as a bug")]
    Encode(#[from] serde_json::Error),
    /// The port isn't free, or can't be used.
    #[error(
        "--port {port}: can't listen on 127.0.0.1 ({message}); give another port, or 0 for a free one"
    )]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// Why the system refused.
        message: String,
    },
}
