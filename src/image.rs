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
