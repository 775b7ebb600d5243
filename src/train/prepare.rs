//! From settings to everything that a run needs: images, split, layers, device.

use std::sync::{Arc, OnceLock};

use crate::config::TrainConfig;
use crate::data::{Dataset, DeviceImages, Split, load};
use crate::device::{self, Selection};
use crate::error::{ConfigError, Error};
use crate::model::{Design, ImageShape};
use crate::pca::Pca;

/// Everything that a run needs, checked.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Resolved: no setting is left open.
    pub config: TrainConfig,
    /// The images of the classes that were asked for.
    pub dataset: Arc<Dataset>,
    /// Which images are for what.
    pub split: Split,
    /// The layers.
    pub design: Design,
    /// The device.
    pub selection: Selection,
    images: Arc<OnceLock<DeviceImages>>,
    pca: Arc<OnceLock<Pca>>,
}

impl Prepared {
    /// The images for the device, to which they go when they're first asked for.
    #[must_use]
    pub fn images(&self) -> &DeviceImages {
        let device = &self.selection.device;
        self.images
            .get_or_init(|| DeviceImages::new(self.dataset.clone(), device))
    }

    /// PCA of the training images, with as many components as the model has latent values; fitted when
    /// it's first asked for.
    ///
    /// # Errors
    ///
    /// Where the split doesn't belong to the images.
    pub fn pca(&self) -> Result<&Pca, Error> {
        if let Some(pca) = self.pca.get() {
            return Ok(pca);
        }
        let components = self.config.latent_dim();
        let fitted = Pca::fit(&self.dataset, &self.split.train, components)?;
        Ok(self.pca.get_or_init(|| fitted))
    }
}

/// Checks the settings, loads the images, splits them and finds the device. Writes nothing, but
/// for files that had to be downloaded.
///
/// # Errors
///
/// Whatever makes the run impossible.
pub fn prepare(config: TrainConfig, quiet: bool) -> Result<Prepared, Error> {
    let mut config = config.resolve()?;
    let dataset = load(&config.classes, config.data.as_deref(), quiet)?;
    let split = Split::stratified(&dataset.labels, &config.split, config.seed, config.limit)?;
    let image = ImageShape {
        channels: 1,
        height: dataset.height,
        width: dataset.width,
    };
    let design = config.arch.design(image)?;
    config.check_ssim(image)?;
    if design.is_linear() && config.latent_dim() > image.len() {
        return Err(ConfigError::Value {
            flag: "latent-dim",
            value: config.latent_dim().to_string(),
            expected: "with --arch linear, at most as many as an image has pixels",
        }
        .into());
    }
    let selection = device::select(config.backend, config.device)?;
    config.backend = selection.backend;
    if config.batch_size > split.train.len() {
        tracing::warn!(
            "--batch-size {} is larger than the training split: using all of its {} images at once",
            config.batch_size,
            split.train.len()
        );
        config.batch_size = split.train.len();
    }
    Ok(Prepared {
        config,
        dataset: Arc::new(dataset),
        split,
        design,
        selection,
        images: Arc::default(),
        pca: Arc::default(),
    })
}
