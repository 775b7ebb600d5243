//! A run that was trained before, to be used again.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::image_table::changes;
use super::prepare::{load_images, model_info, prepare_with};
use super::weights_file::{check_weights, model_file};
use super::{Prepared, TrainError};
use crate::config::TrainConfig;
use crate::data::{Images, Watch};
use crate::device::Backend;
use crate::error::with_causes;
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

/// Where to look for the images of a run that was trained before. Images are its images if they have the
/// same SHA-256, wherever they are.
#[derive(Clone, Debug, Default)]
pub struct DataPlaces {
    /// The folder that has them, whatever the run's settings say.
    pub given: Option<PathBuf>,
    /// A folder that may have them if they aren't where the run's settings say.
    pub fallback: Option<PathBuf>,
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
    places: &DataPlaces,
) -> Result<OpenedRun, TrainError> {
    let run = RunDir::open(path)?;
    check_weights(&run)?;
    let mut config = TrainConfig::from_toml(&run.config_path(), &run.read_config()?)?;
    config.device.choose(backend, device);
    let prepared = prepare_again(&run, config, places, &Watch::NONE)?;
    let model = best_model(&run, &prepared)?;
    Ok(OpenedRun { prepared, model })
}

/// As [`prepare`](super::prepare), for a run that has begun: with its images only, wherever they are now.
///
/// # Errors
///
/// As [`prepare`](super::prepare), and where no place has the run's images.
pub fn prepare_again(
    run: &RunDir,
    config: TrainConfig,
    places: &DataPlaces,
    watch: &Watch,
) -> Result<Prepared, TrainError> {
    config.validate()?;
    let load = |place: Option<&PathBuf>| -> Result<_, TrainError> {
        let mut config = config.clone();
        if let (Some(before), Some(now), Some(labels)) =
            (&config.data.data, place, &mut config.data.labels)
            && let Ok(inner) = labels.strip_prefix(before)
        {
            // A table in the folder moved with it.
            *labels = now.join(inner);
        }
        config.data.data = place.cloned();
        let images = load_images(&mut config.data, watch)?;
        check_images(run, &images)?;
        Ok((config, images))
    };
    if let Some(given) = &places.given {
        let (config, images) = load(Some(given))?;
        return prepare_with(config, images);
    }
    let own = config.data.data.as_ref();
    let loaded = load(own).or_else(|error| {
        if let Some(fallback) = &places.fallback {
            match load(Some(fallback)) {
                Ok(loaded) => return Ok(loaded),
                Err(other) => tracing::warn!("{}", with_causes(&other)),
            }
        }
        Err(match error {
            TrainError::Data(source) if own.is_some() => TrainError::ImagesGone {
                path: run.path().to_owned(),
                source: source.into(),
            },
            error => error,
        })
    });
    let (config, images) = loaded?;
    prepare_with(config, images)
}

/// Refuses images that aren't those that the run was trained on.
fn check_images(run: &RunDir, images: &Images) -> Result<(), TrainError> {
    let found = images.sha256();
    // A run that was stopped early may not say; then there is nothing to compare with.
    let expected = run.read_meta().ok().and_then(|meta| meta.dataset.hash);
    match expected {
        Some(expected) if expected != found => Err(TrainError::OtherImages {
            path: run.path().to_owned(),
            expected,
            found: found.to_owned(),
            images: images.source().to_owned(),
            changes: match changes(run, images).as_str() {
                "" => String::new(),
                changes => format!(": {changes}"),
            },
        }),
        _ => Ok(()),
    }
}

/// A run's best weights. Those of the first version of trainer don't say what they are for; what they
/// would say follows from the run's settings.
fn best_model(run: &RunDir, prepared: &Prepared) -> Result<Model, TrainError> {
    let path = run.best_checkpoint();
    let file = Model::read(&path)?;
    let info = match file.info.clone() {
        Some(info) => {
            if let Err([found, expected]) = prepared.check_model(&info) {
                return Err(TrainError::OtherWeights {
                    path,
                    found,
                    expected,
                });
            }
            info
        }
        None => model_info(&prepared.config, &prepared.images),
    };
    Ok(Model::assemble(&path, info, file, prepared.device())?)
}

/// The model in a model file, or the best one of the run in a folder. Images aren't needed, unless the
/// run is one of the first version of trainer.
///
/// # Errors
///
/// As [`Model::open`] and [`open_run`].
pub fn open_model(path: &Path, device: &Device) -> Result<Model, TrainError> {
    match Model::open(model_file(path)?, device) {
        Err(ModelError::Foreign { .. }) if path.is_dir() => {
            Ok(open_run(path, None, None, &DataPlaces::default())?.model)
        }
        opened => Ok(opened?),
    }
}
