//! The model file that a run has, or that is given in its place.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::TrainError;
use crate::run::{RunDir, RunError, check_regular};

/// The model file at `path`, or the best one of the run in that folder.
pub(super) fn model_file(path: &Path) -> Result<PathBuf, TrainError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let run = RunDir::open(path)?;
    check_weights(&run)?;
    Ok(run.best_checkpoint())
}

/// Refuses a run without weights, and weights that aren't a regular file, such as a pipe.
pub(super) fn check_weights(run: &RunDir) -> Result<(), TrainError> {
    let path = run.best_checkpoint();
    match check_regular(&path) {
        // A link to nothing has other things to tell.
        Err(source) if source.kind() == ErrorKind::NotFound && !path.is_symlink() => {
            Err(TrainError::NoWeights {
                path: run.path().to_owned(),
                weights: path
                    .strip_prefix(run.path())
                    .map_or_else(|_| path.clone(), Path::to_owned),
            })
        }
        Err(source) => Err(RunError::Read { path, source }.into()),
        Ok(_) => Ok(()),
    }
}
