//! Which layers each architecture has. Sizes follow from the image's shape.

use serde::{Deserialize, Serialize};

use crate::image::ImageShape;
use crate::ops::ConvOptions;

/// The architectures by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
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

    /// The layers for images of one shape. Where pooling wouldn't divide height and width evenly, the network
    /// works on a larger image, whose last row and column are repeated, and what it makes is cut to size.
    #[must_use]
    pub fn design(self, image: ImageShape) -> Design {
        match self {
            Self::Baseline => Design {
                image,
                encoder: vec![Stage::new(32).relu().max_pool()],
                dropout: 0.0,
                decoder: vec![Stage::new(32).relu(), Stage::new(image.channels).upsample()],
                output: Output::Logits,
                starts_as_pca: false,
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
                output: Output::Logits,
                starts_as_pca: false,
            },
            Self::Linear => Design {
                image,
                encoder: Vec::new(),
                dropout: 0.0,
                decoder: Vec::new(),
                output: Output::Pixels,
                starts_as_pca: true,
            },
        }
    }
}

/// A 3×3 convolution to `channels`, what is done around it, and batch normalisation after it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Channels of the result.
    pub channels: usize,
    /// Upsampling, `ReLU`, pooling.
    pub conv: ConvOptions,
    /// Normalise at the end: behind the pooling, where it has a quarter of the values to handle.
    pub batch_norm: bool,
}

impl Stage {
    fn new(channels: usize) -> Self {
        Self {
            channels,
            conv: ConvOptions::default(),
            batch_norm: false,
        }
    }

    /// The shape of what it makes of an input of this shape.
    #[must_use]
    pub fn output_shape(&self, input: ImageShape) -> ImageShape {
        let up = if self.conv.upsample { 2 } else { 1 };
        let down = if self.conv.max_pool { 2 } else { 1 };
        ImageShape {
            channels: self.channels,
            height: input.height * up / down,
            width: input.width * up / down,
        }
    }

    fn upsample(mut self) -> Self {
        self.conv.upsample = true;
        self
    }

    fn relu(mut self) -> Self {
        self.conv.relu = true;
        self
    }

    fn max_pool(mut self) -> Self {
        self.conv.max_pool = true;
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
    /// From the features back to the image.
    pub decoder: Vec<Stage>,
    /// What the decoder's last layer gives.
    pub output: Output,
    /// Whether it starts as PCA of the training images, which takes dense layers alone.
    pub starts_as_pca: bool,
}

/// What a decoder gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Any numbers, whose sigmoid is the reconstruction.
    Logits,
    /// The reconstruction, to be clamped to [0, 1].
    Pixels,
}

impl Design {
    /// The shape that the layers work on: the images', with sides that pooling divides evenly.
    #[must_use]
    pub fn inner(&self) -> ImageShape {
        let poolings = self.encoder.iter().filter(|stage| stage.conv.max_pool);
        let divisor = poolings.fold(1, |divisor, _| 2 * divisor);
        ImageShape {
            height: self.image.height.next_multiple_of(divisor),
            width: self.image.width.next_multiple_of(divisor),
            ..self.image
        }
    }

    /// The shape of the features, on both sides of the dense layers.
    #[must_use]
    pub fn features(&self) -> ImageShape {
        self.encoder
            .iter()
            .fold(self.inner(), |shape, stage| stage.output_shape(shape))
    }
}
