//! Why there is no report.

use crate::run::RunError;

/// A failure to find runs, or to show them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder of all runs can't be listed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The data can't be written as JSON.
    #[error("can't encode the report. Please report this as a bug")]
    Encode(#[from] serde_json::Error),
    /// The port isn't free, or can't be used.
    #[error("--port {port}: can't listen on 127.0.0.1; give another port, or 0 for a free one")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// Why the system refused.
        source: std::io::Error,
    },
}
