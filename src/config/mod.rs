//! The settings of a run, in groups: device, data, model, training, output.
//!
//! [`TrainConfig::for_arch`] is the one table of defaults: the help text, [`Default`] and the recipe of
//! each architecture come from it. In files ([`TrainConfig::to_toml`], [`TrainConfig::layered`]) the
//! groups are flat: one key for each setting, whose [`Role`] says what it is to a run that has begun, and
//! whose [`Range`], if it's a number, which numbers it may be.

mod choices;
mod error;
mod file;
mod range;
mod role;
mod valid;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::{
    Channels, ClassSelection, Corruption, DataError, Fit, FolderOptions, ImageOptions, Images,
    InputNoise, Size, Source, SplitFractions, Watch,
};
use crate::decode::Background;
use crate::device::Backend;
use crate::image::ImageShape;
use crate::loss::{Loss, Term};
use crate::model::{Architecture, CodeRate, Design, Objective, Shortcut};
use crate::ssim::Preset;

pub use choices::{Augment, Interval, OnNan, Optimizer, Schedule};
pub use error::ConfigError;
pub use range::Range;
pub use role::{ROLES, Role};

/// What to train, on which images, where and how. Every setting has a value.
///
/// ```
/// use trainer::TrainConfig;
/// use trainer::model::Architecture;
///
/// let mut config = TrainConfig::for_arch(Architecture::Baseline);
/// config.model.latent_dim = 64;
/// config.training.loss = "0.8*ssim+0.2*l1".parse()?;
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainConfig {
    /// Where to compute.
    #[serde(flatten)]
    pub device: DeviceConfig,
    /// On which images.
    #[serde(flatten)]
    pub data: DataConfig,
    /// Which network.
    #[serde(flatten)]
    pub model: ModelConfig,
    /// How it learns.
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// What a run folder shows and keeps.
    #[serde(flatten)]
    pub output: OutputConfig,
}

/// Where a run computes. `train::fit` computes on the device that it's given instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConfig {
    /// The backend.
    pub backend: Backend,
    /// Which of the backend's devices, as [`crate::device::list`] counts them.
    pub device: usize,
}

impl DeviceConfig {
    /// Takes what was given. Devices are counted by backend, so that another one begins with its first.
    pub fn choose(&mut self, backend: Option<Backend>, device: Option<usize>) {
        if let Some(backend) = backend
            && backend != self.backend
        {
            *self = Self { backend, device: 0 };
        }
        self.device = device.unwrap_or(self.device);
    }
}

/// The images of a run, and their split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataConfig {
    /// Classes to train on.
    pub classes: ClassSelection,
    /// Shares of the training, validation and test images.
    pub split: SplitFractions,
    /// Use only so many images; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Folder with the images, or a data set's files; none for the first place that has Fashion-MNIST.
    #[serde(
        default,
        with = "crate::path_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub data: Option<PathBuf>,
    /// A table with the class of each image file; none where folders are the classes.
    #[serde(
        default,
        with = "crate::path_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub labels: Option<PathBuf>,
    /// Grey or colour.
    #[serde(default)]
    pub channels: Channels,
    /// The size that image files are made to have.
    #[serde(default)]
    pub size: Size,
    /// How a picture of another aspect ratio is made to fit.
    #[serde(default)]
    pub fit: Fit,
    /// What is behind transparent pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
    /// Whether the first file that can't be used is an error.
    #[serde(default)]
    pub strict: bool,
    /// Whether decoded images are kept for the next time.
    #[serde(default = "yes")]
    pub cache: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            classes: ClassSelection::default(),
            split: SplitFractions::default(),
            limit: None,
            data: None,
            labels: None,
            channels: Channels::default(),
            size: Size::default(),
            fit: Fit::default(),
            background: None,
            strict: false,
            cache: true,
        }
    }
}

impl DataConfig {
    /// What images are made into.
    #[must_use]
    pub fn image_options(&self) -> ImageOptions {
        ImageOptions {
            channels: self.channels,
            size: self.size,
            fit: self.fit,
            background: self.background,
        }
    }

    /// Loads the images.
    ///
    /// # Errors
    ///
    /// As [`Source::load`].
    pub fn load(&self, watch: &Watch) -> Result<Images, DataError> {
        let options = FolderOptions {
            images: self.image_options(),
            labels: self.labels.clone(),
            strict: self.strict,
            cache: FolderOptions::usual_cache().filter(|_| self.cache),
        };
        let source = Source::of(self.data.as_deref(), options);
        let images = source.load(&self.classes, watch)?;
        images.made(&self.image_options())
    }
}

/// The network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Which layers.
    pub arch: Architecture,
    /// Values in the latent vector.
    pub latent_dim: usize,
    /// Channels that `residual` has at full size: what its layers' widths are multiples of.
    #[serde(default = "ModelConfig::usual_width")]
    pub width: usize,
}

impl ModelConfig {
    /// The width where nothing else is asked for.
    #[must_use]
    pub fn usual_width() -> usize {
        16
    }

    /// The layers for images of one shape.
    #[must_use]
    pub fn design(&self, image: ImageShape) -> Design {
        self.arch.design(image, self.width)
    }
}

/// How a network learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// Passes over the training images, at most.
    pub epochs: usize,
    /// Images in one optimizer step.
    pub batch_size: usize,
    /// Step size of the optimizer, at its highest.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// The share of all steps over which the learning rate rises.
    #[serde(default)]
    pub warmup: f64,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The norm that all gradients together have at most; 0 for no limit.
    #[serde(default)]
    pub clip_norm: f64,
    /// How much of itself the running mean of the weights keeps in a step; it's what is validated and kept. 0 for
    /// the weights themselves.
    #[serde(default)]
    pub ema: f64,
    /// What training minimises.
    pub loss: Loss,
    /// Steps by which the encoder improves each latent vector on the loss; 0 for none.
    #[serde(default)]
    pub refine: usize,
    /// Whose conventions SSIM follows, in every score and in the loss.
    #[serde(default)]
    pub ssim_preset: Preset,
    /// How training images are varied, against overfitting.
    pub augment: Augment,
    /// How images are spoilt before they are encoded, for a model that restores such ones.
    #[serde(default)]
    pub corrupt: Corruption,
    /// What a byte of an image's code costs in the loss, for a model that compresses; codes are rounded then. 0 for
    /// codes that aren't.
    #[serde(default)]
    pub rate: f64,
    /// Stop after so many epochs without a better validation loss.
    pub patience: usize,
    /// How much lower a validation loss must be to count as better.
    pub min_delta: f64,
    /// What to do when the loss diverges.
    #[serde(default)]
    pub on_nan: OnNan,
    /// A model file, or a run, whose weights training starts from; none for the architecture's own start.
    #[serde(
        default,
        with = "crate::path_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub init: Option<PathBuf>,
    /// Seed of every random draw: split, order, initial weights, dropout.
    pub seed: u64,
}

/// What a run folder shows and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputConfig {
    /// How often to save what a run can be resumed from, besides at each epoch's end.
    #[serde(default)]
    pub checkpoint_every: Interval,
    /// Images that the run's pictures show.
    pub samples: usize,
    /// Whether PCA, with as many components as the model has latent values, is judged on the same
    /// images. A linear model starts as PCA in either case.
    #[serde(default = "yes")]
    pub pca: bool,
}

fn yes() -> bool {
    true
}

impl Default for TrainConfig {
    /// [`TrainConfig::for_arch`] of the default architecture.
    fn default() -> Self {
        Self::for_arch(Architecture::default())
    }
}

impl TrainConfig {
    /// The settings that an architecture is trained with where nothing else is asked for.
    #[must_use]
    pub fn for_arch(arch: Architecture) -> Self {
        let training = TrainingConfig {
            epochs: 50,
            batch_size: 32,
            learning_rate: 2e-3,
            schedule: Schedule::default(),
            warmup: 0.0,
            optimizer: Optimizer::default(),
            clip_norm: 0.0,
            ema: 0.0,
            loss: Loss::default(),
            refine: 0,
            ssim_preset: Preset::default(),
            augment: Augment::default(),
            corrupt: Corruption::None,
            rate: 0.0,
            patience: 10,
            min_delta: 0.0,
            on_nan: OnNan::default(),
            init: None,
            seed: 0,
        };
        let (latent_dim, training) = match arch {
            Architecture::Baseline => (128, training),
            Architecture::Modified => (256, training),
            Architecture::Linear => {
                let training = TrainingConfig {
                    epochs: 12,
                    batch_size: 128,
                    learning_rate: 1e-3,
                    loss: [Term::Ssim, Term::Psnr].into(),
                    refine: 20,
                    ..training
                };
                (128, training)
            }
            Architecture::Residual => {
                let training = TrainingConfig {
                    epochs: 30,
                    batch_size: 128,
                    loss: [Term::Ssim, Term::Psnr].into(),
                    schedule: Schedule::OneCycle,
                    warmup: 0.15,
                    optimizer: Optimizer::AdamW,
                    clip_norm: 1.0,
                    // A cycle is best at its end: on the way up, losses may rise for long.
                    patience: 30,
                    ..training
                };
                (128, training)
            }
        };
        Self {
            device: DeviceConfig::default(),
            data: DataConfig::default(),
            model: ModelConfig {
                arch,
                latent_dim,
                width: ModelConfig::usual_width(),
            },
            training,
            output: OutputConfig {
                checkpoint_every: Interval::default(),
                samples: 10,
                pca: true,
            },
        }
    }

    /// The loss for images of this shape, and how latent vectors are found.
    #[must_use]
    pub fn objective(&self, image: ImageShape) -> Objective {
        Objective {
            loss: self.training.loss.clone(),
            ssim_config: self.training.ssim_preset.config(),
            refine: self.training.refine,
            noise: InputNoise {
                corruption: self.training.corrupt,
                seed: self.training.seed,
            },
            rate: CodeRate::new(
                self.training.rate,
                image,
                self.model.latent_dim,
                self.training.seed,
            ),
        }
    }

    /// Checks that images of this shape can be trained on with these settings.
    ///
    /// # Errors
    ///
    /// Where SSIM's window doesn't fit them, or a linear model would have more latent values than an
    /// image has values.
    pub fn check_images(&self, shape: ImageShape) -> Result<(), ConfigError> {
        let batch = shape.batch(1);
        let preset = self.training.ssim_preset;
        let check = preset.config().check(batch, batch);
        check.map_err(|reason| ConfigError::SsimPreset {
            preset: preset.name(),
            reason,
        })?;
        let latent_dim = self.model.latent_dim;
        let starts_as_pca = self.model.design(shape).shortcut != Shortcut::None;
        if starts_as_pca && latent_dim > shape.len() {
            return Err(ConfigError::Value {
                setting: "latent_dim",
                value: format!("{latent_dim}, of images of {} values", shape.len()),
                expected: "at most as many as an image has values, with arch linear or residual",
            });
        }
        Ok(())
    }
}
