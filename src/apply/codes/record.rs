//! What made a file of codes, so that codes of one model aren't taken for those of another.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CodesError;
use crate::model::{Model, ModelError};

/// What made a file of codes. It stands beside the file, under its name with `.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodesRecord {
    /// SHA-256 of the model's tensors, as [`Model::sha256`].
    pub model: String,
    /// Steps of refinement for each code.
    pub refine: usize,
    /// Values of a code.
    pub latent_dim: usize,
    /// Version of this library.
    pub trainer: String,
}

impl CodesRecord {
    /// The record of `model`'s codes.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn new(model: &Model, refine: usize) -> Result<Self, ModelError> {
        Ok(Self {
            model: model.sha256()?,
            refine,
            latent_dim: model.info().latent_dim,
            trainer: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// Where the record of a file of codes stands.
    #[must_use]
    pub fn path(codes: &Path) -> PathBuf {
        codes.with_extension("json")
    }

    /// The record beside a file of codes, if there is one.
    #[must_use]
    pub fn beside(codes: &Path) -> Option<Self> {
        // Another file that happens to have that name is none.
        serde_json::from_slice(&std::fs::read(Self::path(codes)).ok()?).ok()
    }

    /// Refuses codes whose record says that they are of another model than `model`, or of another number of steps than
    /// `refine`. Those without a record may be anyone's.
    ///
    /// # Errors
    ///
    /// [`CodesError::Model`] and [`CodesError::Refined`], and where the device fails.
    pub fn check(codes: &Path, model: &Model, refine: Option<usize>) -> Result<(), CodesError> {
        let Some(record) = Self::beside(codes) else {
            return Ok(());
        };
        let expected = model.sha256()?;
        if record.model != expected {
            return Err(CodesError::Model {
                path: codes.to_owned(),
                expected,
                found: record.model,
            });
        }
        match refine {
            Some(expected) if expected != record.refine => Err(CodesError::Refined {
                path: codes.to_owned(),
                expected,
                found: record.refine,
            }),
            _ => Ok(()),
        }
    }
}
