//! The shapes of images to measure, as they are given on the command line.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::ssim::{SsimConfig, SsimError};

/// The largest image: half a GiB, of which SSIM by tensor operations needs dozens.
const LARGEST_IMAGE: usize = 1 << 27;

/// `[N, C, H, W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shape(pub(super) [usize; 4]);

impl Shape {
    /// Values in one image.
    pub(super) fn values(self) -> usize {
        self.0[1..].iter().product()
    }

    /// The same images, but another number of them.
    pub(super) fn with_images(self, images: usize) -> [usize; 4] {
        let [_, channels, height, width] = self.0;
        [images, channels, height, width]
    }
}

/// Why a word isn't the shape of images to measure.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// Not four numbers.
    #[error("expected images×channels×height×width, such as 512x3x256x256")]
    Form,
    /// Too many values.
    #[error("an image may have at most {LARGEST_IMAGE} values: channels×height×width")]
    Large,
    /// What SSIM itself can't work with.
    #[error(transparent)]
    Ssim(#[from] SsimError),
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(word: &str) -> Result<Self, ShapeError> {
        let numbers: Result<Vec<usize>, _> = word.split(['x', '×']).map(str::parse).collect();
        let numbers = numbers.map_err(|_| ShapeError::Form)?;
        let shape: [usize; 4] = numbers.try_into().map_err(|_| ShapeError::Form)?;
        SsimConfig::default().check(shape, shape)?;
        shape[1..]
            .iter()
            .try_fold(1_usize, |values, &side| values.checked_mul(side))
            .filter(|&values| values <= LARGEST_IMAGE)
            .ok_or(ShapeError::Large)?;
        Ok(Self(shape))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [images, channels, height, width] = self.0;
        write!(formatter, "{images}x{channels}x{height}x{width}")
    }
}
