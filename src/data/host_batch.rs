//! Some images in host memory, brought to [0, 1].

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::error::DataError;
use super::images::Images;
use crate::image::ImageShape;

/// Some images as the model takes them, still in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBatch {
    /// `[n, C, H, W]`, row-major, in [0, 1]: the byte divided by 255.
    pub values: Vec<f32>,
    /// `[n]`, the place of each image among all.
    pub indices: Vec<u32>,
    /// Of each image.
    pub shape: ImageShape,
}

impl HostBatch {
    /// The images at `indices`, in that order.
    ///
    /// # Errors
    /// [`DataError::IndexRange`] if there is no such image.
    pub fn gather(images: &Images, indices: &[u32]) -> Result<Self, DataError> {
        check_range(images, indices)?;
        Ok(Self::gather_checked(images, indices, &[]))
    }

    /// Mirrors the images whose place in `mirrored` says so; none beyond its end.
    pub(super) fn gather_checked(images: &Images, indices: &[u32], mirrored: &[bool]) -> Self {
        let shape = images.shape();
        let mut values = Vec::with_capacity(indices.len() * shape.len());
        for (place, index) in indices.iter().enumerate() {
            let image = images.image(*index as usize);
            let first = values.len();
            values.extend(image.iter().map(|value| f32::from(*value) / 255.0));
            if mirrored.get(place) == Some(&true) {
                let rows = values[first..].chunks_exact_mut(shape.width);
                rows.for_each(<[f32]>::reverse);
            }
        }
        Self {
            values,
            indices: indices.to_vec(),
            shape,
        }
    }

    /// The number of images, `n`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no image; never so for a batch from `Batches`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The images as a tensor `[n, C, H, W]` on `device`.
    #[must_use]
    pub fn into_tensor(self, device: &Device) -> Tensor<4> {
        let shape = self.shape.batch(self.len());
        Tensor::from_data(TensorData::new(self.values, shape), device)
    }
}

/// Which of `images` images to mirror: each with a probability of one half.
pub fn mirror_half(images: usize, rng: &mut impl Rng) -> Vec<bool> {
    (0..images).map(|_| rng.next_u32() & 1 == 1).collect()
}

/// Checks that each of `indices` is one of the images.
pub(super) fn check_range(images: &Images, indices: &[u32]) -> Result<(), DataError> {
    match indices
        .iter()
        .find(|index| **index as usize >= images.len())
    {
        None => Ok(()),
        Some(&index) => {
            let (dataset, images) = (images.source().to_owned(), images.len());
            Err(DataError::IndexRange {
                index,
                dataset,
                images,
            })
        }
    }
}
