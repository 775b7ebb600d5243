//! How near reconstructions are to their originals: SSIM, PSNR, MSE and the loss, image by image.
//!
//! Scores stay on the device until a whole split is through: one read for all of them.

use burn::tensor::Tensor;

use crate::data::{DataError, DeviceImages};
use crate::model::Autoencoder;
use crate::objective::Objective;
use crate::readback::{Readback, Values};
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
    pub(crate) fn take_from(values: &mut Values) -> Self {
        let [loss, ssim, mse] = values.take_rows();
        Self { loss, ssim, mse }
    }

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
    let mut readback = Readback::default();
    add_scores(&mut readback, model, objective, images, indices)?;
    Ok(Scores::take_from(&mut readback.read()))
}

/// Queues what [`evaluate`] does, for [`Scores::take_from`] to take what is read.
pub(crate) fn add_scores(
    readback: &mut Readback,
    model: &Autoencoder,
    objective: &Objective,
    images: &DeviceImages,
    indices: &[u32],
) -> Result<(), DataError> {
    let mut columns = Vec::new();
    for images in images.batches(indices, BATCH)? {
        let prediction = model.predict(objective.encode(model, images.clone()));
        let losses = objective.losses(&prediction, images.clone());
        let restored = prediction.reconstructions();
        let [ssim, mse] = compare(restored, images, &objective.conventions);
        columns.push(Tensor::stack::<2>(vec![losses, ssim, mse], 0)); // [3, n]
    }
    readback.add_columns(columns);
    Ok(())
}

/// What a model makes of some images.
#[derive(Clone, Debug)]
pub struct Reconstructions {
    /// `[n, 1, height, width]`, row-major, in [0, 1].
    pub pixels: Vec<f32>,
    /// `[n]`.
    pub ssim: Vec<f32>,
}

impl Reconstructions {
    pub(crate) fn take_from(values: &mut Values) -> Self {
        let [pixels, ssim] = [values.take(), values.take()];
        Self { pixels, ssim }
    }
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
    let mut readback = Readback::default();
    add_reconstructions(&mut readback, model, images, objective, conventions);
    Reconstructions::take_from(&mut readback.read())
}

/// Queues what [`reconstruct`] does, for [`Reconstructions::take_from`] to take what is read.
pub(crate) fn add_reconstructions(
    readback: &mut Readback,
    model: &Autoencoder,
    images: Tensor<4>,
    objective: &Objective,
    conventions: &SsimConfig,
) {
    let reconstructions = model.decode(objective.encode(model, images.clone()));
    let [ssim, _] = compare(reconstructions.clone(), images, conventions);
    readback.add(reconstructions);
    readback.add(ssim);
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
