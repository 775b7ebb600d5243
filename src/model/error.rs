//! What can be wrong with a model file, or with what a model is given.

use std::path::PathBuf;

use crate::data::DataError;
use crate::image::ImageShape;
use crate::readback::ReadError;

/// Why a model can't be opened, saved or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file can't be read.
    #[error("can't read the model file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: std::io::Error,
    },
    /// The file can't be written.
    #[error("can't write the model file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: std::io::Error,
    },
    /// The file is no safetensors file, or one without what a model file says of itself.
    #[error("{} isn't a model file of trainer: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// The file was changed since it was written.
    #[error("{} is damaged: {reason}. Restore it from a copy", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        reason: String,
    },
    /// A newer version of this program wrote the file.
    #[error(
        "{} was written by trainer {version}, in format {format} of model files; this version reads up \
         to format {known}. Update trainer",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that wrote it.
        version: String,
        /// The format's number.
        format: u64,
        /// The highest number that is understood.
        known: u64,
    },
    /// Images of another shape than the model's.
    #[error(
        "the model takes images of {expected} (channels, height, width), and these are of {found}"
    )]
    Shape {
        /// The model's.
        expected: ImageShape,
        /// The images'.
        found: ImageShape,
    },
    /// Latent vectors of another width than the model's.
    #[error("the model's latent vectors have {expected} values, and these have {found}")]
    LatentDim {
        /// The model's.
        expected: usize,
        /// Those given.
        found: usize,
    },
    /// The images can't be put into batches.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device has failed.
    #[error(transparent)]
    Device(#[from] ReadError),
}
