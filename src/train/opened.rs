//! A run that was trained before, to be used again.

use std::path::Path;

use burn::tensor::Device;

use super::prepare::model_info;
use super::{Prepared, TrainError, prepare};
use crate::config::TrainConfig;
use crate::device::Backend;
use crate::model::{Model, ModelError};
use crate::run::RunDir;

/// A run, prepared again, and its best weights.
#[derive(Clone, Debug)]
pub struct OpenedRun {
    /// Settings, images and device.
    pub prepared: Prepared,
    /// With the run's best weights.
    pub model: Model,
}

/// Opens the run in the folder `path`, on the backend and the device that it was trained on unless
/// others are given.
///
/// # Errors
///
/// Where it isn't a run folder, its device isn't there, its images aren't there or are other ones, or it
/// has no weights, or other ones than its settings say.
pub fn open_run(
    path: &Path,
    backend: Option<Backend>,
    device: Option<usize>,
) -> Result<OpenedRun, TrainError> {
    let run = RunDir::open(path)?;
    let mut config = TrainConfig::read(&run.config_path())?;
    config.device.backend = backend.unwrap_or(config.device.backend);
    config.device.device = device.unwrap_or(config.device.device);
    let prepared = prepare(config, true)?;
    check_images(&run, prepared.images.sha256())?;
    let model = best_model(&run, &prepared)?;
    Ok(OpenedRun { prepared, model })
}

/// Refuses images that aren't those that the run was trained on.
fn check_images(run: &RunDir, found: &str) -> Result<(), TrainError> {
    // A run that was stopped early may not say; then there is nothing to compare with.
    let expected = run.read_meta().ok().and_then(|meta| meta.dataset.hash);
    match expected {
        Some(expected) if expected != found => Err(TrainError::OtherImages {
            path: run.path().to_owned(),
            expected,
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A run's best weights. Those of the first version of trainer don't say what they are for; what they
/// would say follows from the run's settings.
fn best_model(run: &RunDir, prepared: &Prepared) -> Result<Model, ModelError> {
    let path = run.best_checkpoint();
    let (info, weights) = Model::read(&path)?;
    let info = info.unwrap_or_else(|| model_info(&prepared.config, &prepared.images));
    Model::assemble(&path, info, &weights, prepared.device())
}

/// The model in a model file, or the best one of the run in a folder. Images aren't needed, unless the
/// run is one of the first version of trainer.
///
/// # Errors
///
/// As [`Model::open`] and [`open_run`].
pub fn open_model(path: &Path, device: &Device) -> Result<Model, TrainError> {
    if !path.is_dir() {
        return Ok(Model::open(path, device)?);
    }
    let run = RunDir::open(path)?;
    match Model::open(run.best_checkpoint(), device) {
        Err(ModelError::Foreign { .. }) => Ok(open_run(path, None, None)?.model),
        opened => Ok(opened?),
    }
}
