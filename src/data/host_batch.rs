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
        Ok(Self::gather_checked(
            images,
            indices,
            &Variations::default(),
            0,
        ))
    }

    /// Varies the image at place `i` as `variations` says of place `first + i`.
    pub(super) fn gather_checked(
        images: &Images,
        indices: &[u32],
        variations: &Variations,
        first: usize,
    ) -> Self {
        let Variations { mirrored, shifts } = variations;
        let shape = images.shape();
        images.prefetch(indices);
        let mut values = Vec::with_capacity(indices.len() * shape.len());
        for (place, index) in indices.iter().enumerate() {
            let image = images.image(*index as usize);
            let start = values.len();
            match shifts.get(first + place) {
                Some(&shift) if shift != [0, 0] => {
                    values
                        .extend(shifted(image, shape, shift).map(|value| f32::from(value) / 255.0));
                }
                _ => values.extend(image.iter().map(|value| f32::from(*value) / 255.0)),
            }
            if mirrored.get(first + place) == Some(&true) {
                let rows = values[start..].chunks_exact_mut(shape.width);
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

/// How training images are varied: each by its place in the order of training; those beyond the end of a list
/// aren't varied by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variations {
    /// Whether it's mirrored left to right.
    pub mirrored: Vec<bool>,
    /// By how many rows and columns it's moved, before it's mirrored: down and to the right, where positive.
    pub shifts: Vec<[i32; 2]>,
}

/// The values of an image `[C, H, W]` moved by rows and columns; its edges are repeated where there was
/// nothing.
fn shifted(image: &[u8], shape: ImageShape, [down, right]: [i32; 2]) -> impl Iterator<Item = u8> {
    let source = |place: usize, by: i32, side: usize| {
        let moved = i64::try_from(place).unwrap_or(0) - i64::from(by);
        usize::try_from(moved.max(0)).unwrap_or(0).min(side - 1)
    };
    let planes = image.chunks_exact(shape.pixels());
    planes.flat_map(move |plane| {
        (0..shape.height).flat_map(move |y| {
            let row = source(y, down, shape.height) * shape.width;
            (0..shape.width).map(move |x| plane[row + source(x, right, shape.width)])
        })
    })
}

/// By how much to move each of `images` images of this shape: at most a sixteenth of each side, and one
/// pixel at least, all amounts alike likely.
pub fn small_shifts(images: usize, shape: ImageShape, rng: &mut impl Rng) -> Vec<[i32; 2]> {
    const SHARE: usize = 16;
    let mut draw = |side: usize| {
        let most = u32::try_from((side / SHARE).max(1)).unwrap_or(u32::MAX / 4);
        let choices = u64::from(2 * most + 1);
        // The upper half of a product, as for shuffles.
        let drawn = (u64::from(rng.next_u32()) * choices) >> 32;
        i32::try_from(drawn).unwrap_or(0) - i32::try_from(most).unwrap_or(0)
    };
    (0..images)
        .map(|_| [draw(shape.height), draw(shape.width)])
        .collect()
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
