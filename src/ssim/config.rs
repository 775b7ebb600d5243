//! The settings that an SSIM score depends on, those of other libraries, and what can be wrong with them.

use serde::{Deserialize, Serialize};

/// How two images are compared.
///
/// A score says nothing without these settings: on one pair of 28×28 images, the border alone makes it
/// .96 or .75.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SsimConfig {
    /// The weights of a pixel's neighbours.
    pub window: Window,
    /// What windows see beyond the image.
    pub border: Border,
    /// Which estimate of the covariances is taken.
    pub covariance: Covariance,
    /// The constant of the luminance term, as a share of the data range.
    pub k1: f64,
    /// The constant of the contrast and structure term, as a share of the data range.
    pub k2: f64,
    /// The largest possible value of a pixel minus the smallest one: 1 or 255, say.
    pub data_range: f64,
}

/// The weights of a pixel's neighbours; they add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// A Gaussian, cut off to a square.
    Gaussian {
        /// Height and width in pixels, odd.
        size: usize,
        /// Standard deviation in pixels.
        sigma: f64,
    },
    /// The same weight for all pixels of a square.
    Uniform {
        /// Height and width in pixels, odd.
        size: usize,
    },
}

/// What windows see beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Border {
    /// Nothing: a window counts only where it lies inside the image.
    Valid,
    /// Zeros; there's a window around every pixel.
    Zero,
    /// The image mirrored at its outermost pixels, which aren't repeated; there's a window around
    /// every pixel.
    Reflect,
}

/// An estimate of variances and covariances in a window of n pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Covariance {
    /// The weighted mean of the squared deviations.
    Population,
    /// That, times n / (n − 1).
    Sample,
}

/// The settings of other libraries, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// tf.image.ssim, pytorch-msssim: Gaussian 11, valid positions, population covariance
    #[default]
    Tf,
    /// scikit-image's defaults: uniform 7, valid positions, sample covariance
    Skimage,
    /// scikit-image with `gaussian_weights`: Gaussian 11, valid positions, sample covariance
    SkimageGaussian,
    /// torchmetrics: Gaussian 11, every pixel, mirrored borders, population covariance
    Torchmetrics,
    /// fused-ssim, burn-train: Gaussian 11, every pixel, zeros beyond the image
    Same,
}

impl Preset {
    /// The name on the command line and in run folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tf => "tf",
            Self::Skimage => "skimage",
            Self::SkimageGaussian => "skimage-gaussian",
            Self::Torchmetrics => "torchmetrics",
            Self::Same => "same",
        }
    }

    /// The settings, for values in [0, 1].
    #[must_use]
    pub fn config(self) -> SsimConfig {
        let gaussian = Window::Gaussian {
            size: 11,
            sigma: 1.5,
        };
        let (window, border, covariance) = match self {
            Self::Tf => (gaussian, Border::Valid, Covariance::Population),
            Self::Skimage => (
                Window::Uniform { size: 7 },
                Border::Valid,
                Covariance::Sample,
            ),
            Self::SkimageGaussian => (gaussian, Border::Valid, Covariance::Sample),
            Self::Torchmetrics => (gaussian, Border::Reflect, Covariance::Population),
            Self::Same => (gaussian, Border::Zero, Covariance::Population),
        };
        SsimConfig {
            window,
            border,
            covariance,
            k1: 0.01,
            k2: 0.03,
            data_range: 1.0,
        }
    }
}

impl Default for SsimConfig {
    /// Preset [`Preset::Tf`], for values in [0, 1].
    fn default() -> Self {
        Preset::Tf.config()
    }
}

impl From<Preset> for SsimConfig {
    fn from(preset: Preset) -> Self {
        preset.config()
    }
}

impl Window {
    /// Height and width, in pixels.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Gaussian { size, .. } | Self::Uniform { size } => size,
        }
    }

    /// The weights along one axis, symmetric; the window is their outer product. In f64, so that they add
    /// up to 1 as nearly as possible when they are rounded to f32.
    pub(super) fn weights(self) -> Vec<f64> {
        let size = self.size();
        let weights: Vec<f64> = match self {
            #[expect(clippy::cast_precision_loss, reason = "a window's size")]
            Self::Gaussian { sigma, .. } => (0..size)
                .map(|index| {
                    let distance = index as f64 - (size / 2) as f64;
                    (-0.5 * (distance / sigma).powi(2)).exp()
                })
                .collect(),
            Self::Uniform { .. } => vec![1.0; size],
        };
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }
}

impl Border {
    /// The smallest side of an image that a window of `size` works on.
    #[must_use]
    pub fn smallest_side(self, size: usize) -> usize {
        match self {
            Self::Valid => size,
            // A mirror image shows each pixel but the outermost once.
            Self::Reflect => size / 2 + 1,
            Self::Zero => 1,
        }
    }
}

impl SsimConfig {
    /// The same settings for values in a range of this size.
    #[must_use]
    pub fn with_data_range(self, data_range: f64) -> Self {
        Self { data_range, ..self }
    }

    /// Height and width of the map that belongs to an image of `height` and `width`.
    #[must_use]
    pub fn map_size(&self, height: usize, width: usize) -> [usize; 2] {
        match self.border {
            Border::Valid => {
                [height, width].map(|side| (side + 1).saturating_sub(self.window.size()))
            }
            Border::Zero | Border::Reflect => [height, width],
        }
    }

    /// What multiplies population covariances.
    pub(super) fn covariance_factor(&self) -> f64 {
        match self.covariance {
            Covariance::Population => 1.0,
            Covariance::Sample => {
                #[expect(clippy::cast_precision_loss, reason = "a window's area")]
                let pixels = self.window.size().pow(2) as f64;
                pixels / (pixels - 1.0)
            }
        }
    }

    /// The constants C1 and C2.
    pub(super) fn constants(&self) -> [f64; 2] {
        [self.k1, self.k2].map(|k| (k * self.data_range).powi(2))
    }

    /// Checks the settings, and whether images of two shapes can be compared by them.
    ///
    /// # Errors
    ///
    /// The first setting, shape or size that can't work.
    pub fn check(&self, x: [usize; 4], y: [usize; 4]) -> Result<(), SsimError> {
        /// Far above what any image is compared by.
        const LARGEST_WINDOW: usize = 255;
        let size = self.window.size();
        if size.is_multiple_of(2) {
            return Err(SsimError::EvenWindow(size));
        }
        // A sample covariance needs two samples.
        if size > LARGEST_WINDOW || (size == 1 && self.covariance == Covariance::Sample) {
            return Err(SsimError::WindowSize(size));
        }
        let positive = |name, value: f64| {
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                Err(SsimError::NotPositive { name, value })
            }
        };
        positive("data range", self.data_range)?;
        positive("k1", self.k1)?;
        positive("k2", self.k2)?;
        // What is added up in each window: the constants, and the squares of two means.
        let squares = 2.0 * self.data_range.powi(2);
        for number in self.constants().into_iter().chain([squares]) {
            #[expect(clippy::cast_possible_truncation, reason = "to see what is left")]
            let single = number as f32;
            if !single.is_normal() {
                return Err(SsimError::Precision {
                    data_range: self.data_range,
                });
            }
        }
        if let Window::Gaussian { sigma, .. } = self.window {
            positive("sigma", sigma)?;
        }
        if x != y {
            return Err(SsimError::Shapes(x, y));
        }
        if x.contains(&0) {
            return Err(SsimError::Empty(x));
        }
        let [_, _, height, width] = x;
        let smallest = self.border.smallest_side(size);
        if height < smallest || width < smallest {
            return Err(SsimError::SmallImage {
                height,
                width,
                window: size,
                smallest,
            });
        }
        Ok(())
    }
}

/// Why a pair of images has no score.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SsimError {
    /// The two images differ in shape.
    #[error("SSIM compares images of one shape, but these are {0:?} and {1:?}")]
    Shapes([usize; 4], [usize; 4]),
    /// No images, or images without pixels.
    #[error("there is nothing to compare in images of shape {0:?}")]
    Empty([usize; 4]),
    /// The window doesn't fit.
    #[error(
        "an image of {height}×{width} pixels is too small for SSIM's {window}×{window} window: \
         each side must have at least {smallest} pixels"
    )]
    SmallImage {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
        /// Height and width of the window.
        window: usize,
        /// The smallest side that would do.
        smallest: usize,
    },
    /// A window without a pixel in the middle.
    #[error("SSIM's window must have a middle pixel: its size must be odd, not {0}")]
    EvenWindow(usize),
    /// A window without pixels, too large for any GPU, or too small for a sample covariance.
    #[error(
        "SSIM's window must have 1 to 255 pixels per side (3 to 255 for a sample covariance), not {0}"
    )]
    WindowSize(usize),
    /// A data range, or k1 or k2 beside it, whose constants aren't numbers in single precision.
    #[error(
        "SSIM's constants for a data range of {data_range} are beyond single precision: scale the images and the \
         range, or change k1 and k2"
    )]
    Precision {
        /// The data range.
        data_range: f64,
    },
    /// A setting that must be a positive number.
    #[error("SSIM's {name} must be a positive number, not {value}")]
    NotPositive {
        /// Its name.
        name: &'static str,
        /// What it was.
        value: f64,
    },
    /// A window that needs more workgroup memory than the GPU has.
    #[error(
        "SSIM's {window}×{window} window needs {needed} bytes of workgroup memory, and this GPU has \
         {available}; take a smaller window, or a CPU backend"
    )]
    SharedMemory {
        /// Height and width of the window.
        window: usize,
        /// Bytes of workgroup memory that the kernels would use.
        needed: usize,
        /// What the adapter has.
        available: usize,
    },
    /// Weights that multi-scale SSIM can't work with.
    #[error("multi-scale SSIM needs one positive weight per scale, not {0:?}")]
    Weights(Vec<f64>),
}
