//! Which layers each architecture has. Sizes follow from the image's shape.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::error::ConfigError;
use crate::ops::Stages;

/// The architectures by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// One dense layer on each side, which start as PCA; latent vectors are refined on the loss
    #[default]
    Linear,
    /// One convolution and a dense layer on each side
    Baseline,
    /// A convolution more on each side, batch normalisation, dropout, twice the latent values
    Modified,
}

impl Architecture {
    /// The name on the command line and in run folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Modified => "modified",
            Self::Linear => "linear",
        }
    }

    /// The latent size where none is asked for.
    #[must_use]
    pub fn default_latent_dim(self) -> usize {
        match self {
            Self::Baseline | Self::Linear => 128,
            Self::Modified => 256,
        }
    }

    /// The settings that it's trained with where others aren't given, by their keys in `config.toml`;
    /// what isn't here is the same for all.
    #[must_use]
    pub fn recipe(self) -> toml::Table {
        match self {
            Self::Baseline | Self::Modified => toml::Table::new(),
            Self::Linear => toml::toml! {
                loss = "ssim+mse"
                refine = 20
                epochs = 20
                batch_size = 128
                learning_rate = 0.001
            },
        }
    }

    /// The layers for images of one shape.
    ///
    /// # Errors
    ///
    /// Where pooling would not divide height and width evenly, so that the decoder could not
    /// restore them.
    pub fn design(self, image: ImageShape) -> Result<Design, ConfigError> {
        let design = match self {
            Self::Baseline => Design {
                image,
                encoder: vec![Stage::new(32).relu().max_pool()],
                dropout: 0.0,
                decoder: vec![Stage::new(32).relu(), Stage::new(image.channels).upsample()],
            },
            Self::Modified => Design {
                image,
                encoder: vec![
                    Stage::new(32).relu().max_pool(),
                    Stage::new(16).relu().batch_norm(),
                ],
                dropout: 0.02,
                decoder: vec![
                    Stage::new(32).relu(),
                    Stage::new(16).relu().batch_norm(),
                    Stage::new(image.channels).upsample(),
                ],
            },
            Self::Linear => Design {
                image,
                encoder: Vec::new(),
                dropout: 0.0,
                decoder: Vec::new(),
            },
        };
        let poolings = design.encoder.iter().filter(|stage| stage.stages.max_pool);
        let divisor = poolings.fold(1, |divisor, _| 2 * divisor);
        if !image.height.is_multiple_of(divisor) || !image.width.is_multiple_of(divisor) {
            return Err(ConfigError::ImageSize {
                architecture: self.name(),
                divisor,
                height: image.height,
                width: image.width,
            });
        }
        Ok(design)
    }
}

/// Channels, height and width of an image or a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// 1 for grey images.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

impl ImageShape {
    /// Values in one image.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a shape is never empty")]
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// The shape behind a stage.
    #[must_use]
    pub fn after(self, stage: &Stage) -> Self {
        let up = if stage.stages.upsample { 2 } else { 1 };
        let down = if stage.stages.max_pool { 2 } else { 1 };
        Self {
            channels: stage.channels,
            height: self.height * up / down,
            width: self.width * up / down,
        }
    }
}

/// A 3×3 convolution to `channels`, what is done around it, and batch normalisation after it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Channels of the result.
    pub channels: usize,
    /// Upsampling, `ReLU`, pooling.
    pub stages: Stages,
    /// Normalise at the end: behind the pooling, where it has a quarter of the values to handle.
    pub batch_norm: bool,
}

impl Stage {
    fn new(channels: usize) -> Self {
        Self {
            channels,
            stages: Stages::default(),
            batch_norm: false,
        }
    }

    fn upsample(mut self) -> Self {
        self.stages.upsample = true;
        self
    }

    fn relu(mut self) -> Self {
        self.stages.relu = true;
        self
    }

    fn max_pool(mut self) -> Self {
        self.stages.max_pool = true;
        self
    }

    fn batch_norm(mut self) -> Self {
        self.batch_norm = true;
        self
    }
}

/// The layers of one autoencoder, around a dense layer on each side of the latent vector.
#[derive(Clone, Debug)]
pub struct Design {
    /// The images' shape.
    pub image: ImageShape,
    /// From the image to the features.
    pub encoder: Vec<Stage>,
    /// Share of the features that training sets to zero, in [0, 1).
    pub dropout: f64,
    /// From the features back to the image; the last stage gives logits.
    pub decoder: Vec<Stage>,
}

impl Design {
    /// Whether there are dense layers alone. They give pixels, not logits, and can start as PCA.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        self.encoder.is_empty() && self.decoder.is_empty()
    }

    /// The shape of the features, on both sides of the dense layers.
    #[must_use]
    pub fn features(&self) -> ImageShape {
        self.encoder.iter().fold(self.image, ImageShape::after)
    }
}
