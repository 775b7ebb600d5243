//! A run's model as it was trained, to be used again.

use std::path::Path;

use super::{Prepared, drawn, load_weights, prepare};
use crate::config::{Backend, TrainConfig};
use crate::error::Error;
use crate::model::Autoencoder;
use crate::run::RunDir;

/// A run, prepared again, and its best weights.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Settings, images and device.
    pub prepared: Prepared,
    /// Without autodiff.
    pub model: Autoencoder,
}

/// Opens the run in the folder `path`, on the backend and the device that it was trained on unless
/// others are given.
///
/// # Errors
///
/// Where it isn't a run folder, its images or its device aren't there, or it has no weights, or
/// other ones than its settings say.
pub fn open_trained(
    path: &Path,
    backend: Option<Backend>,
    device: Option<usize>,
) -> Result<Trained, Error> {
    let run = RunDir::open(path)?;
    let mut config = TrainConfig::read(&run.config_path())?;
    config.backend = backend.unwrap_or(config.backend);
    config.device = device.unwrap_or(config.device);
    let prepared = prepare(config, true)?;
    let mut model = drawn(&prepared, &prepared.selection.device);
    load_weights(&mut model, &run.best_checkpoint())?;
    Ok(Trained { prepared, model })
}
