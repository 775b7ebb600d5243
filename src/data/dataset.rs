//! The images of a run, in memory.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::error::DataError;

/// Grey images with their labels, no two images alike.
///
/// Exact duplicates (the same pixels, whatever the label) are dropped when a data set is made, the
/// first is kept, so that no image can be in two splits. Fashion-MNIST itself has none: 0 of the
/// 14,000 images of its first two classes, 0 of its 70,000 images.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// `[N, height, width]`, row-major, 0 (background) to 255.
    pub pixels: Vec<u8>,
    /// `[N]`, the class of each image.
    pub labels: Vec<u8>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Where the images come from, for people to read.
    pub source: String,
    /// SHA-256 in hexadecimal over `labels`, then `pixels`: equal for equal data from any source.
    pub sha256: String,
    /// The number of images dropped because an earlier one has the same pixels.
    pub duplicates: usize,
}

impl Dataset {
    /// A data set of `pixels` `[N, height, width]` and `labels` `[N]`, less exact duplicates.
    ///
    /// # Errors
    /// [`DataError::NoImages`] if there is none; [`DataError::PixelCount`] if the lengths disagree.
    pub fn new(
        mut pixels: Vec<u8>,
        mut labels: Vec<u8>,
        height: usize,
        width: usize,
        source: String,
    ) -> Result<Self, DataError> {
        if labels.is_empty() {
            return Err(DataError::NoImages { dataset: source });
        }
        let image_len = height * width;
        if image_len == 0 || pixels.len() != labels.len() * image_len {
            return Err(DataError::PixelCount {
                dataset: source,
                pixels: pixels.len(),
                labels: labels.len(),
                width,
                height,
            });
        }

        let mut seen = HashSet::with_capacity(labels.len());
        let is_first: Vec<bool> = pixels
            .chunks_exact(image_len)
            .map(|image| seen.insert(image))
            .collect();
        let duplicates = labels.len() - seen.len();
        if duplicates > 0 {
            let images = pixels.chunks_exact(image_len).zip(&is_first);
            pixels = images
                .filter(|(_, first)| **first)
                .flat_map(|(image, _)| image.to_vec())
                .collect();
            let mut first = is_first.iter();
            labels.retain(|_| first.next() == Some(&true));
        }

        let sha256 = Sha256::new()
            .chain_update(&labels)
            .chain_update(&pixels)
            .finalize();
        Ok(Self {
            pixels,
            labels,
            height,
            width,
            source,
            sha256: format!("{sha256:x}"),
            duplicates,
        })
    }

    /// The number of images, `N`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image; never so for a data set made by [`Dataset::new`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels per image.
    #[must_use]
    pub fn image_len(&self) -> usize {
        self.height * self.width
    }

    /// The pixels of image `index`, `[height, width]`, row-major.
    ///
    /// # Panics
    /// If `index` is not below [`Dataset::len`], as indexing a slice does.
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.image_len()..][..self.image_len()]
    }
}
