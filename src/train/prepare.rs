//! From settings to everything that a run needs: images, split, layers, device.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use burn::tensor::Device;

use super::TrainError;
use super::weights_file::model_file;
use crate::config::{DataConfig, TrainConfig};
use crate::data::{Channels, ClassSelection, DataError, DeviceImages, Images, Size, Split, Watch};
use crate::device::{self, SelectedDevice};
use crate::image::ImageShape;
use crate::model::{
    Architecture, Autoencoder, Design, Model, ModelError, ModelFile, ModelInfo, Objective, Shortcut,
};
use crate::pca::Pca;
use crate::words::count;

/// Everything that a run needs, checked.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The settings, valid for these images.
    pub config: TrainConfig,
    /// The images of the classes that were asked for.
    pub images: Arc<Images>,
    /// Which images are for what.
    pub split: Split,
    /// The layers.
    pub design: Design,
    /// The device.
    pub selected: SelectedDevice,
    on_device: Arc<OnceLock<DeviceImages>>,
    pca: Arc<OnceLock<Pca>>,
}

impl Prepared {
    /// The loss, and how latent vectors are found.
    #[must_use]
    pub fn objective(&self) -> Objective {
        self.config.objective(self.images.shape())
    }

    /// Checks the settings against images that are there already, and splits those.
    ///
    /// # Errors
    ///
    /// Where a setting is out of range or doesn't go with the images.
    pub fn new(
        mut config: TrainConfig,
        images: Images,
        selected: SelectedDevice,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        adopt(&mut config, &images, &selected)?;
        let data = &config.data;
        let split = Split::of(&images, &data.split, config.training.seed, data.limit);
        let split = split.map_err(|error| error.with_duplicates(images.duplicates()))?;
        config.check_images(images.shape())?;
        let design = config.model.design(images.shape());
        let training = &mut config.training;
        if training.batch_size > split.train.len() {
            tracing::warn!(
                "`batch_size` {} is larger than the training split, of {}: using all of it at once",
                training.batch_size,
                count(split.train.len(), "image")
            );
            training.batch_size = split.train.len();
        }
        Ok(Self {
            config,
            images: Arc::new(images),
            split,
            design,
            selected,
            on_device: Arc::default(),
            pca: Arc::default(),
        })
    }

    /// Where tensors are made, without autodiff.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.selected.device
    }

    /// The images for the device, to which they go when they're first asked for.
    #[must_use]
    pub fn device_images(&self) -> &DeviceImages {
        self.on_device
            .get_or_init(|| DeviceImages::new(self.images.clone(), self.device()))
    }

    /// PCA of the training images, with as many components as the model has latent values; fitted when
    /// it's first asked for.
    ///
    /// # Errors
    ///
    /// Where the split doesn't belong to the images.
    pub fn pca(&self) -> Result<&Pca, TrainError> {
        if let Some(pca) = self.pca.get() {
            return Ok(pca);
        }
        let components = self.config.model.latent_dim;
        let fitted = Pca::fit(&self.images, &self.split.train, components)?;
        Ok(self.pca.get_or_init(|| fitted))
    }

    /// The network before its first step, on `device`: its weights are drawn from the seed, or PCA's.
    ///
    /// # Errors
    ///
    /// Where the split doesn't belong to the images.
    pub fn untrained(&self, device: &Device) -> Result<Autoencoder, TrainError> {
        let mut network = self.drawn(device);
        if let Some(path) = &self.config.training.init {
            return self.start_from(path, network, device);
        }
        if self.design.shortcut != Shortcut::None {
            let pca = self.pca()?;
            let host = device::host(device);
            network.start_as_pca(pca.components_tensor(&host), pca.mean_tensor(&host));
        }
        Ok(network)
    }

    /// The network with the weights of the model at `path`.
    fn start_from(
        &self,
        path: &Path,
        network: Autoencoder,
        device: &Device,
    ) -> Result<Autoencoder, TrainError> {
        let other = |found, expected| TrainError::OtherModel {
            path: path.to_owned(),
            found,
            expected,
        };
        let read = || {
            let file = model_file(path)?;
            let read = Model::read(&file)?;
            Ok((file, read))
        };
        let (file, ModelFile { info, weights, .. }) =
            read().map_err(|error| TrainError::NoInit {
                path: path.to_owned(),
                source: Box::new(error),
            })?;
        let is_told = info.is_some();
        if let Some(info) = info {
            let checked = self.check_model(&info);
            checked.map_err(|[found, expected]| other(found, expected))?;
        }
        let loaded = weights.load_into(network, device);
        loaded.map_err(|reason| {
            if is_told {
                return ModelError::Damaged { path: file, reason }.into();
            }
            let found = format!("of another kind, which its file doesn't tell ({reason})");
            other(found, described(&self.model_info()))
        })
    }

    /// Refuses a model that differs from the one that the settings describe, and says what both are.
    pub(super) fn check_model(&self, info: &ModelInfo) -> Result<(), [String; 2]> {
        let own = self.model_info();
        if (info.arch, info.latent_dim, info.image) != (own.arch, own.latent_dim, own.image)
            || info.arch == Architecture::Residual && info.width != own.width
        {
            return Err([described(info), described(&own)]);
        }
        Ok(())
    }

    /// A network of the right size, its weights drawn from the seed.
    pub(super) fn drawn(&self, device: &Device) -> Autoencoder {
        let latent_dim = self.config.model.latent_dim;
        Autoencoder::new(&self.design, latent_dim, self.config.training.seed, device)
    }

    /// What a model file says of the model.
    #[must_use]
    pub fn model_info(&self) -> ModelInfo {
        model_info(&self.config, &self.images)
    }
}

/// What a model file says of a model that was trained with these settings on these images.
pub(super) fn model_info(config: &TrainConfig, images: &Images) -> ModelInfo {
    let TrainConfig {
        model, training, ..
    } = config;
    let names = images.class_names().iter().zip(0..);
    let labels = images.labels();
    let used: BTreeSet<u32> = labels
        .into_iter()
        .flat_map(|labels| labels.ids.iter().copied())
        .collect();
    // Images that were read before may have been prepared in another way than the settings say.
    let preparation = images.collection().map(|collection| collection.preparation);
    ModelInfo {
        arch: model.arch,
        latent_dim: model.latent_dim,
        width: model.width,
        image: images.shape(),
        preparation: preparation.unwrap_or_else(|| config.data.image_options().preparation()),
        loss: training.loss.clone(),
        corrupt: training.corrupt,
        rate: training.rate,
        refine: training.refine,
        ssim_preset: training.ssim_preset,
        classes: names
            .filter(|(_, id)| used.contains(id))
            .map(|(name, _)| name.clone())
            .collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Checks the settings, loads the images, splits them and finds the device. Writes nothing, but
/// for files that had to be downloaded.
///
/// # Errors
///
/// Whatever makes the run impossible.
pub fn prepare(config: TrainConfig, watch: &Watch) -> Result<Prepared, TrainError> {
    config.validate()?;
    Shared::load(&config, watch)?.prepare(config)
}

/// What runs share whose settings of images and device are the same: it's loaded once.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    data: DataConfig,
    pub images: Images,
    selected: SelectedDevice,
}

impl Shared {
    /// The images and the device of these settings.
    pub fn load(config: &TrainConfig, watch: &Watch) -> Result<Self, TrainError> {
        let mut data = config.data.clone();
        Ok(Self {
            images: load_images(&mut data, watch)?,
            data,
            selected: device::select(config.device.backend, config.device.device)?,
        })
    }

    /// As [`prepare`](fn@prepare), with these images on this device.
    pub fn prepare(&self, mut config: TrainConfig) -> Result<Prepared, TrainError> {
        make_absolute(&mut config.training.init);
        config.data = self.data.clone();
        let prepared = Prepared::new(config, self.images.clone(), self.selected.clone())?;
        if prepared.config.training.init.is_some() {
            // A model that can't be started from is better known before there is a run folder.
            prepared.untrained(prepared.device())?;
        }
        Ok(prepared)
    }
}

/// The images of these settings, which then name their folder so that it's the same one from anywhere.
pub(super) fn load_images(data: &mut DataConfig, watch: &Watch) -> Result<Images, DataError> {
    make_absolute(&mut data.data);
    make_absolute(&mut data.labels);
    let images = data.load(watch)?;
    if let Some(collection) = images.collection()
        && collection.lacks_many()
    {
        let skipped = collection.skipped.len();
        return Err(DataError::ManySkipped {
            skipped,
            files: skipped + images.len(),
            first: collection.skipped[0].clone(),
        });
    }
    Ok(images)
}

/// Makes a path one that means the same from anywhere.
fn make_absolute(path: &mut Option<PathBuf>) {
    if let Some(path) = path {
        // What makes this fail, such as an empty path, loading tells in better words.
        *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
    }
}

/// The rest of [`prepare`], for images that it would load.
pub(super) fn prepare_with(config: TrainConfig, images: Images) -> Result<Prepared, TrainError> {
    let selected = device::select(config.device.backend, config.device.device)?;
    Prepared::new(config, images, selected)
}

/// A model in words, for messages.
fn described(info: &ModelInfo) -> String {
    format!(
        "{} with {} latent values for images of {}",
        info.arch_words(),
        info.latent_dim,
        info.image
    )
}

/// Makes the settings say what images and device are, whatever they would have been by themselves.
fn adopt(
    config: &mut TrainConfig,
    images: &Images,
    selected: &SelectedDevice,
) -> Result<(), TrainError> {
    let data = &mut config.data;
    data.classes = match &data.classes {
        ClassSelection::Auto => images.classes(),
        chosen => {
            let chosen = chosen.canonical(images.class_names())?;
            if chosen != ClassSelection::All && chosen != images.classes() {
                tracing::warn!(
                    "of the chosen classes {chosen}, there are images of {} only",
                    images.classes()
                );
            }
            chosen
        }
    };
    if images.collection().is_some() {
        // As they are now, so that other files in the folder can't change it.
        let ImageShape {
            channels,
            height,
            width,
        } = images.shape();
        data.size = Size::Of { width, height };
        data.channels = if channels == 1 {
            Channels::Grey
        } else {
            Channels::Rgb
        };
    }
    config.device.backend = selected.backend;
    Ok(())
}
