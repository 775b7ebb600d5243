//! The shape of an image: the one thing that data, models, pictures and files all have to agree on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Channels, height and width of an image or a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    /// 1 for grey images, 3 for RGB.
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

    /// Pixels in one image, whatever its channels.
    #[must_use]
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// The shape of `images` such images, as tensors have it: `[N, C, H, W]`.
    #[must_use]
    pub fn batch(self, images: usize) -> [usize; 4] {
        [images, self.channels, self.height, self.width]
    }
}

/// Bytes as numbers in [0, 1].
pub(crate) fn from_levels(levels: &[u8]) -> Vec<f32> {
    let levels = levels.iter();
    levels.map(|&level| f32::from(level) / 255.0).collect()
}

/// Numbers, clamped to [0, 1], as bytes.
#[must_use]
pub fn to_levels(values: &[f32]) -> Vec<u8> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 255"
    )]
    let level = |value: &f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    values.iter().map(level).collect()
}

/// As `3×40×24`: channels, height, width.
impl fmt::Display for ImageShape {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            channels,
            height,
            width,
        } = self;
        write!(formatter, "{channels}×{height}×{width}")
    }
}
