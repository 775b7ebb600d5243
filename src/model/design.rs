//! Which layers each architecture has. Sizes follow from the image's shape.

use serde::{Deserialize, Serialize};

use crate::image::ImageShape;
use crate::ops::ConvOptions;

/// The most values of a latent vector.
pub(crate) const LARGEST_LATENT: usize = 1 << 16;
/// The greatest width: with sixteen times as many channels after some halvings.
pub(crate) const LARGEST_WIDTH: usize = 1024;

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
    /// Residual blocks down to about 8×8 on each side, beside a dense layer that starts as PCA
    Residual,
}

impl Architecture {
    /// The name on the command line and in run folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Modified => "modified",
            Self::Linear => "linear",
            Self::Residual => "residual",
        }
    }

    /// The layers for images of one shape. Where halving wouldn't divide height and width evenly, the network
    /// works on a larger image, whose last row and column are repeated, and what it makes is cut to size.
    ///
    /// `width` is the number of channels that `residual` has at full size, of which it has twice as many after
    /// each halving, up to sixteen times as many.
    #[must_use]
    pub fn design(self, image: ImageShape, width: usize) -> Design {
        match self {
            Self::Baseline => Design {
                image,
                encoder: vec![Stage::new(32).relu().max_pool()],
                dropout: 0.0,
                decoder: vec![Stage::new(32).relu(), Stage::new(image.channels).upsample()],
                output: Output::Logits,
                shortcut: Shortcut::None,
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
                shortcut: Shortcut::None,
            },
            Self::Linear => Design {
                image,
                encoder: Vec::new(),
                dropout: 0.0,
                decoder: Vec::new(),
                output: Output::Pixels,
                shortcut: Shortcut::Only,
            },
            Self::Residual => residual(image, width),
        }
    }
}

/// The layers of [`Architecture::Residual`].
fn residual(image: ImageShape, width: usize) -> Design {
    /// Sides that are halved have at least so many pixels: 28 becomes 7, 16 and 64 become 8.
    const HALVED: usize = 14;
    const MOST_DOUBLINGS: u32 = 4;
    let mut side = image.height.min(image.width);
    let mut halvings = 0;
    while side >= HALVED {
        side = side.div_ceil(2);
        halvings += 1;
    }
    let channels = |level: u32| width << level.min(MOST_DOUBLINGS);
    let mut encoder = vec![Stage::new(channels(0))];
    let mut decoder = Vec::new();
    if halvings == 0 {
        encoder.push(Stage::residual(channels(0)));
        decoder.push(Stage::residual(channels(0)));
    }
    for level in 1..=halvings {
        encoder.push(Stage::new(channels(level)).activate().halve());
        encoder.push(Stage::residual(channels(level)));
        decoder.push(Stage::new(channels(level - 1)).activate().shuffle());
        decoder.push(Stage::residual(channels(level)));
    }
    decoder.reverse();
    decoder.push(Stage::new(image.channels).activate());
    // Without a start from PCA, pixels would begin around 0, where half of them have no gradient.
    let (shortcut, output) = if image.len() <= LARGEST_SHORTCUT {
        (Shortcut::Beside, Output::Pixels)
    } else {
        (Shortcut::None, Output::Logits)
    };
    Design {
        image,
        encoder,
        dropout: 0.0,
        decoder,
        output,
        shortcut,
    }
}

/// A 3×3 convolution to `channels`, what is done around it, and batch normalisation after it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Channels of the result.
    pub channels: usize,
    /// What is done around the convolution.
    pub conv: ConvOptions,
    /// A second convolution follows, and both add to what comes in: a block with identity mappings (He et al.,
    /// 2016), whose second convolution starts as zero.
    pub residual: bool,
    /// Normalise at the end: behind the pooling, where it has a quarter of the values to handle.
    pub batch_norm: bool,
}

impl Stage {
    fn new(channels: usize) -> Self {
        Self {
            channels,
            conv: ConvOptions::default(),
            residual: false,
            batch_norm: false,
        }
    }

    fn residual(channels: usize) -> Self {
        Self {
            residual: true,
            ..Self::new(channels).activate()
        }
    }

    /// The shape of what it makes of an input of this shape.
    #[must_use]
    pub fn output_shape(&self, input: ImageShape) -> ImageShape {
        let factor = |is_taken| if is_taken { 2 } else { 1 };
        let up = factor(self.conv.upsample) * factor(self.conv.shuffle);
        let down = factor(self.conv.max_pool) * factor(self.conv.halve);
        ImageShape {
            channels: self.channels,
            height: input.height * up / down,
            width: input.width * up / down,
        }
    }

    /// Channels of the convolution's own result.
    #[must_use]
    pub fn conv_channels(&self) -> usize {
        if self.conv.shuffle {
            4 * self.channels
        } else {
            self.channels
        }
    }

    fn activate(mut self) -> Self {
        self.conv.activate = true;
        self
    }

    fn halve(mut self) -> Self {
        self.conv.halve = true;
        self
    }

    fn shuffle(mut self) -> Self {
        self.conv.shuffle = true;
        self
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
    /// Whether there is a way from the image to the latent vector and back that starts as PCA of the training
    /// images.
    pub shortcut: Shortcut,
}

/// Values of the largest images that a dense layer beside the convolutions is affordable for: each has as many
/// weights as latent values.
const LARGEST_SHORTCUT: usize = 1 << 16;

/// Dense layers between the image itself and the latent vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// None: the dense layers are between features and latent vector.
    None,
    /// There is nothing else: the features are the image.
    Only,
    /// On each side one beside the others, to whose result it is added. Convolutions start as nothing.
    Beside,
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
    /// The shape that the layers work on: the images', with sides that halving divides evenly.
    #[must_use]
    pub fn inner(&self) -> ImageShape {
        let halves = |stage: &&Stage| stage.conv.max_pool || stage.conv.halve;
        let halvings = self.encoder.iter().filter(halves);
        let divisor = halvings.fold(1, |divisor, _| 2 * divisor);
        ImageShape {
            height: self.image.height.next_multiple_of(divisor),
            width: self.image.width.next_multiple_of(divisor),
            ..self.image
        }
    }

    /// What the learning rate of a parameter is multiplied with, by its name.
    ///
    /// Where PCA stands at the start, a step must not grow with the image: the components of images of P values
    /// are about 1/√P, and latent vectors about √P. Beside convolutions, which start as nothing, PCA has the most
    /// to lose, and learns slower. AdamW's decay isn't changed: it makes room for them.
    pub(crate) fn relative_rate(&self, parameter: &str) -> f32 {
        /// The values of an image for which learning rates are given.
        const USUAL: f32 = 784.0;
        const BESIDE: f32 = 0.3;
        #[expect(clippy::cast_precision_loss, reason = "a count of values")]
        let by_size = (USUAL / self.image.len() as f32).sqrt().min(1.0);
        match self.shortcut {
            Shortcut::Only => by_size,
            Shortcut::Beside if parameter.contains(".shortcut.") => BESIDE * by_size,
            Shortcut::Beside | Shortcut::None => 1.0,
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
