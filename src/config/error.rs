//! Settings that can't work.

use std::path::PathBuf;

use super::Range;
use crate::ssim::SsimError;

/// A setting that can't work. As in all errors of this crate, settings are named by their keys in
/// `config.toml`, in backticks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number outside its range.
    #[error("`{setting}` {value}: expected {range}")]
    Range {
        /// The setting's key.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        range: Range,
    },
    /// A value that doesn't go with others, with the images, or with what the run has done.
    #[error("`{setting}` {value}: expected {expected}")]
    Value {
        /// The setting's key.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A config file that can't be read.
    #[error("can't read {}: give the path of a TOML file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A config file with a mistake in it.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// Images that SSIM can't compare.
    #[error(
        "`ssim_preset` {preset}: {reason}; preset same takes images of any size, and `size` makes them larger"
    )]
    SsimPreset {
        /// Its name.
        preset: &'static str,
        /// Why.
        reason: SsimError,
    },
}
