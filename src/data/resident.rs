//! All images in a GPU's memory, as bytes, from which batches are gathered there.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::images::Images;
use crate::image::ImageShape;

/// Values in a word of a GPU's memory, which has no smaller ones in WGSL.
const VALUES_PER_WORD: usize = 4;

/// Words of an image.
fn words(shape: ImageShape) -> usize {
    shape.len().div_ceil(VALUES_PER_WORD)
}

/// All images of a data set in a GPU's memory.
#[derive(Clone, Debug)]
pub(super) struct Resident {
    /// `[N, words]`, four pixels to each, the first in the lowest byte; zeros behind the last one.
    words: Tensor<2, Int>,
    /// `[1, 1, 4]`, by how many bits each pixel of a word is shifted.
    shifts: Tensor<3, Int>,
    shape: ImageShape,
}

impl Resident {
    /// How much of the GPU's memory `images` take.
    pub fn bytes(images: &Images) -> usize {
        images.len() * words(images.shape()) * VALUES_PER_WORD
    }

    pub fn upload(images: &Images, device: &Device) -> Self {
        let shape = images.shape();
        let mut values = Vec::with_capacity(images.len() * words(shape));
        for image in images.values().chunks_exact(shape.len()) {
            values.extend(image.chunks(VALUES_PER_WORD).map(|bytes| {
                let mut word = [0; VALUES_PER_WORD];
                word[..bytes.len()].copy_from_slice(bytes);
                i32::from_le_bytes(word)
            }));
        }
        let words = TensorData::new(values, [images.len(), words(shape)]);
        Self {
            words: Tensor::from_data(words, device),
            shifts: Tensor::from_data([[[0, 8, 16, 24]]], device),
            shape,
        }
    }

    /// The images at the places `start..end` of `order`: `[n, C, H, W]`.
    pub fn gather(&self, order: &Order, start: usize, end: usize) -> Tensor<4> {
        let (images, image_len) = (end - start, self.shape.len());
        let indices = order.indices.clone().slice(start..end);
        let words: Tensor<3, Int> = self.words.clone().select(0, indices).unsqueeze_dim(2); // [n, words, 1]
        let [_, words_per_image, _] = words.dims();
        let bytes = words
            .bitwise_right_shift(self.shifts.clone())
            .bitwise_and_scalar(0xff); // [n, words, 4]
        let pixels = (bytes.float() / 255.0)
            .reshape([images, words_per_image * VALUES_PER_WORD])
            .slice([0..images, 0..image_len])
            .reshape(self.shape.batch(images));
        match &order.mirrored {
            None => pixels,
            Some(mirrored) => {
                let mirrored = mirrored.clone().slice(start..end).equal_elem(1);
                let mask = mirrored.reshape([images, 1, 1, 1]).expand(pixels.dims());
                pixels.clone().mask_where(mask, pixels.flip([3]))
            }
        }
    }
}

/// An epoch's order, on the device. It's uploaded at once, since each upload ends what was to be one
/// submission to the GPU.
#[derive(Debug)]
pub(super) struct Order {
    /// `[images]`
    indices: Tensor<1, Int>,
    /// `[images]`, 1 for each that is to be mirrored.
    mirrored: Option<Tensor<1, Int>>,
}

impl Order {
    pub fn upload(indices: &[u32], mirrored: &[bool], device: &Device) -> Self {
        let upload = |values: Vec<i32>| {
            let count = values.len();
            Tensor::from_data(TensorData::new(values, [count]), device)
        };
        #[expect(
            clippy::cast_possible_wrap,
            reason = "images in memory: fewer than 2³¹"
        )]
        let places = indices.iter().map(|&index| index as i32).collect();
        let mirrored = (!mirrored.is_empty()).then(|| {
            let flags = mirrored.iter().map(|&flag| i32::from(flag));
            let none = std::iter::repeat(0);
            upload(flags.chain(none).take(indices.len()).collect())
        });
        Self {
            indices: upload(places),
            mirrored,
        }
    }
}
