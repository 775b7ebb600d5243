//! How near reconstructions are to their originals: SSIM, PSNR, MSE and the loss, image by image.
//!
//! Scores stay on the device until a whole split is through: one read for all of them.

use burn::tensor::Tensor;

use crate::data::{DataError, DeviceImages};
use crate::model::Autoencoder;
use crate::objective::Objective;
use crate::run::Quality;
use crate::ssim::{SsimConfig, ssim};

/// Images in a batch where no gradients are kept.
const BATCH: usize = 256;
/// The MSE below which PSNR says no more: that of a 100 dB reconstruction.
const SMALLEST_MSE: f64 = 1e-10;

/// Scores of each image, in the order of the indices that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// The training loss, without dropout; empty where a reconstruction came without a loss.
    pub loss: Vec<f32>,
    /// SSIM, by the conventions that were asked for.
    pub ssim: Vec<f32>,
    /// Mean squared error, of pixels in [0, 1].
    pub mse: Vec<f32>,
}

impl Scores {
    /// The mean loss.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        mean(self.loss.iter().map(|&loss| f64::from(loss)))
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

/// Scores of the images at `indices`, encoded as `objective` says and reconstructed by `model`
/// (without autodiff), which is on the same device.
///
/// # Errors
///
/// Where `indices` don't belong to the data set.
///
/// # Panics
///
/// Where images are smaller than SSIM's window: [`crate::train::prepare`] refuses them.
pub fn evaluate(
    model: &Autoencoder,
    objective: &Objective,
    images: &DeviceImages,
    indices: &[u32],
) -> Result<Scores, DataError> {
    let mut rows = Vec::new();
    for images in images.batches(indices, BATCH)? {
        let prediction = model.predict(objective.encode(model, images.clone()));
        let losses = objective.losses(&prediction, images.clone());
        let restored = prediction.reconstructions();
        let [ssim, mse] = compare(restored, images, &objective.conventions);
        rows.push(Tensor::stack::<2>(vec![losses, ssim, mse], 0)); // [3, n]
    }
    let [loss, ssim, mse] = read_rows(rows);
    Ok(Scores { loss, ssim, mse })
}

/// What a model makes of some images.
#[derive(Clone, Debug)]
pub struct Reconstructions {
    /// `[n, 1, height, width]`, row-major, in [0, 1].
    pub pixels: Vec<f32>,
    /// `[n]`.
    pub ssim: Vec<f32>,
}

/// Restores `images` `[n, 1, height, width]` by `model` (both without autodiff), encoded as `objective`
/// says, and scores them by `conventions`.
///
/// # Panics
///
/// Where images are smaller than SSIM's window: [`crate::train::prepare`] refuses them.
#[must_use]
pub fn reconstruct(
    model: &Autoencoder,
    images: Tensor<4>,
    objective: &Objective,
    conventions: &SsimConfig,
) -> Reconstructions {
    let reconstructions = model.decode(objective.encode(model, images.clone()));
    let [ssim, _] = compare(reconstructions.clone(), images, conventions);
    let read = "a tensor of the models is f32";
    Reconstructions {
        pixels: reconstructions.into_data().try_to_vec().expect(read),
        ssim: ssim.into_data().try_to_vec().expect(read),
    }
}

/// SSIM and MSE of each pair of images `[N, C, H, W]` with values in [0, 1]: `[N]` each.
///
/// # Panics
///
/// Where shapes differ or images are smaller than SSIM's window.
pub(crate) fn compare(
    reconstructions: Tensor<4>,
    images: Tensor<4>,
    conventions: &SsimConfig,
) -> [Tensor<1>; 2] {
    let squares: Tensor<2> = (reconstructions.clone() - images.clone())
        .square()
        .flatten(1, 3);
    let ssim =
        ssim(reconstructions, images, conventions).expect("sizes are checked before training");
    [ssim, squares.mean_dim(1).squeeze_dim(1)]
}

/// Joins tensors `[R, n]` and reads them, row by row: the one place where the device is waited for.
pub(crate) fn read_rows<const R: usize>(rows: Vec<Tensor<2>>) -> [Vec<f32>; R] {
    if rows.is_empty() {
        return std::array::from_fn(|_| Vec::new());
    }
    let all = Tensor::cat(rows, 1);
    let [_, count] = all.dims();
    let values = all
        .into_data()
        .convert::<f32>()
        .try_to_vec::<f32>()
        .expect("converted to f32");
    std::array::from_fn(|row| values[row * count..][..count].to_vec())
}
