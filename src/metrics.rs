//! How near reconstructions are to their originals: SSIM, PSNR, MSE and the loss, image by image.
//!
//! Scores stay on the device until a whole split is done: one read for all of them.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::data::{DataError, DeviceImages, Images, InputNoise};
use crate::device::is_cpu;
use crate::host::block_on;
use crate::pca::{Pca, Projection};
use crate::readback::{ReadError, Readback, Values};
use crate::ssim::{SsimConfig, ssim};

/// The MSE below which PSNR says no more: that of a 100 dB reconstruction.
const SMALLEST_MSE: f64 = 1e-10;

/// Scores of each image, in the order of the indices that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// The training loss, without dropout; empty where a reconstruction came without a loss.
    pub loss: Vec<f32>,
    /// SSIM, by the configuration that was asked for.
    pub ssim: Vec<f32>,
    /// Mean squared error, of pixels in [0, 1].
    pub mse: Vec<f32>,
    /// What the bytes of a code cost in training, as all codes together tell; 0 where they cost nothing.
    pub price: f32,
}

impl Scores {
    pub(crate) fn take_from(values: &mut Values) -> Self {
        let [loss, ssim, mse] = values.take_rows();
        let price = values.take().first().copied().unwrap_or(0.0);
        Self {
            loss,
            ssim,
            mse,
            price,
        }
    }

    /// The mean loss, with the price of codes.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        mean(self.loss.iter().map(|&loss| f64::from(loss))) + f64::from(self.price)
    }

    /// Means over the images. PSNR is that of each image, averaged, as in `tf.image.psnr`.
    #[must_use]
    pub fn quality(&self) -> Quality {
        Quality {
            ssim: mean(self.ssim.iter().map(|&ssim| f64::from(ssim))),
            psnr: mean(self.mse.iter().map(|&mse| psnr(f64::from(mse)))),
            mse: mean(self.mse.iter().map(|&mse| f64::from(mse))),
            images: self.ssim.len(),
        }
    }
}

/// Peak signal-to-noise ratio in dB, for a peak of 1.
#[must_use]
pub fn psnr(mse: f64) -> f64 {
    // `max` would hide a NaN.
    let mse = if mse < SMALLEST_MSE {
        SMALLEST_MSE
    } else {
        mse
    };
    -10.0 * mse.log10()
}

/// Not a number, if there are none.
#[expect(clippy::cast_precision_loss, reason = "a count of images")]
pub(crate) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    values.sum::<f64>() / count as f64
}

/// SSIM and MSE of each pair of images `[N, C, H, W]` with values in [0, 1]: `[N]` each.
///
/// # Panics
///
/// Where shapes differ or images are smaller than SSIM's window.
pub(crate) fn ssim_and_mse(
    reconstructions: Tensor<4>,
    images: Tensor<4>,
    ssim_config: &SsimConfig,
) -> [Tensor<1>; 2] {
    let squares = (reconstructions.clone() - images.clone()).square();
    let ssim =
        ssim(reconstructions, images, ssim_config).expect("sizes are checked before training");
    [ssim, pixel_mean(squares)]
}

/// The mean of each image's values: `[N, C, H, W]` → `[N]`.
pub(crate) fn pixel_mean(values: Tensor<4>) -> Tensor<1> {
    let mut rows: Tensor<3> = values.flatten(1, 2); // [N, C·H, W]
    if is_cpu(&rows.device()) {
        // burn-flex adds up one number after the other: of a large image whose values are much the same, all at once
        // would be off by a percent. A GPU adds up many side by side, and does so in one launch.
        rows = rows.mean_dim(2);
    }
    let per_image: Tensor<2> = rows.flatten(1, 2);
    per_image.mean_dim(1).squeeze_dim(1)
}

/// Why images can't be scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The indices don't belong to the images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device has failed.
    #[error(transparent)]
    Device(#[from] ReadError),
}

/// Scores, without a loss, of the images at `indices`, projected onto principal components and restored
/// on `device`, then clamped to [0, 1] as any image is. SSIM goes by `ssim_config`.
///
/// # Errors
///
/// Where `indices` don't belong to the images, or the device fails.
///
/// # Panics
///
/// Where images aren't of the size that `pca` is of, or smaller than SSIM's window: whoever calls has to
/// check them before.
pub fn evaluate_pca(
    pca: &Pca,
    images: &Arc<Images>,
    indices: &[u32],
    ssim_config: &SsimConfig,
    device: &Device,
) -> Result<Scores, ScoreError> {
    let noise = InputNoise::default();
    block_on(evaluate_pca_async(
        pca,
        images,
        indices,
        noise,
        ssim_config,
        device,
    ))
}

/// As [`evaluate_pca`], without blocking; what is projected is spoilt by `noise`.
pub(crate) async fn evaluate_pca_async(
    pca: &Pca,
    images: &Arc<Images>,
    indices: &[u32],
    noise: InputNoise,
    ssim_config: &SsimConfig,
    device: &Device,
) -> Result<Scores, ScoreError> {
    let projection = Projection::new(pca, device);
    let shape = images.shape();
    let restore = |images| projection.decode(projection.encode(images), shape);
    evaluate_restored(images, indices, noise, restore, ssim_config, device).await
}

/// Scores, without a loss, of images that are spoilt by `noise` as they are.
pub(crate) async fn evaluate_noise(
    images: &Arc<Images>,
    indices: &[u32],
    noise: InputNoise,
    ssim_config: &SsimConfig,
    device: &Device,
) -> Result<Scores, ScoreError> {
    evaluate_restored(images, indices, noise, |seen| seen, ssim_config, device).await
}

/// Scores of what `restore` makes of images that are spoilt by `noise`.
async fn evaluate_restored(
    images: &Arc<Images>,
    indices: &[u32],
    noise: InputNoise,
    restore: impl Fn(Tensor<4>) -> Tensor<4>,
    ssim_config: &SsimConfig,
    device: &Device,
) -> Result<Scores, ScoreError> {
    let images = DeviceImages::within(images.clone(), device, 0);
    let mut columns = Vec::new();
    for (indices, images) in images.indexed_batches(indices)? {
        let restored = restore(noise.in_scoring(images.clone(), indices));
        let [ssim, mse] = ssim_and_mse(restored, images, ssim_config);
        columns.push(Tensor::stack::<2>(vec![ssim, mse], 0)); // [2, n]
    }
    let mut readback = Readback::default();
    readback.add_columns(columns);
    let [ssim, mse] = readback.read().await?.take_rows();
    Ok(Scores {
        loss: Vec::new(),
        ssim,
        mse,
        price: 0.0,
    })
}

/// How close reconstructions are to their originals, averaged over a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Mean SSIM.
    #[serde(with = "number")]
    pub ssim: f64,
    /// Mean PSNR in dB; that of an exact reconstruction is 100 dB.
    #[serde(with = "number")]
    pub psnr: f64,
    /// Mean squared error.
    #[serde(with = "number")]
    pub mse: f64,
    /// How many images were averaged over.
    pub images: usize,
}

/// Numbers that may be infinite or undefined. JSON has no such numbers and `serde_json` would
/// write `null`, which then can't be read back; so they are written as `"inf"`, `"-inf"`, `"NaN"`.
mod number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    // serde's `with` decides the signature.
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference; where pointers have 32 bits it isn't noticed"
    )]
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            serializer.serialize_f64(*value)
        } else {
            serializer.collect_str(value)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Finite(f64),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Finite(value) => Ok(value),
            Written::Word(word) => word.parse().map_err(D::Error::custom),
        }
    }
}
