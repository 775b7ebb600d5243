//! What a network makes of images, read back: scores of many, reconstructions of some.

use burn::tensor::Tensor;

use super::network::Autoencoder;
use super::objective::Objective;
use crate::data::{DataError, DeviceImages};
use crate::host::block_on;
use crate::metrics::{ScoreError, Scores, ssim_and_mse};
use crate::readback::{ReadError, Readback, Values};
use crate::ssim::SsimConfig;

/// Scores of the images at `indices`, encoded as `objective` says and reconstructed by `network`
/// (without autodiff), which is on the same device.
///
/// # Errors
///
/// Where `indices` don't belong to the images, or the device fails.
///
/// # Panics
///
/// Where images are smaller than SSIM's window: whoever calls has to check them before.
pub fn evaluate(
    network: &Autoencoder,
    objective: &Objective,
    images: &DeviceImages,
    indices: &[u32],
) -> Result<Scores, ScoreError> {
    let mut readback = Readback::default();
    add_scores(&mut readback, network, objective, images, indices)?;
    Ok(Scores::take_from(&mut block_on(readback.read())?))
}

/// Queues what [`evaluate`] does, for [`Scores::take_from`] to take what is read.
pub(crate) fn add_scores(
    readback: &mut Readback,
    network: &Autoencoder,
    objective: &Objective,
    images: &DeviceImages,
    indices: &[u32],
) -> Result<(), DataError> {
    let mut columns = Vec::new();
    let mut codes = Vec::new();
    for (indices, images) in images.indexed_batches(indices)? {
        let seen = objective.noise.in_scoring(images.clone(), indices);
        let encoded = objective.encode(network, seen);
        let prediction = network.predict(encoded.clone());
        if !objective.rate.is_none() {
            codes.push(encoded);
        }
        let (loss, ssim_config) = (&objective.loss, &objective.ssim_config);
        let scores = ssim_and_mse(prediction.reconstructions(), images.clone(), ssim_config);
        let losses = loss.per_image_beside(&prediction, images, ssim_config, Some(&scores));
        let [ssim, mse] = scores;
        columns.push(Tensor::stack::<2>(vec![losses, ssim, mse], 0)); // [3, n]
    }
    readback.add_columns(columns);
    // As in training: else the best epoch would be one whose codes take many bytes.
    let price = (!codes.is_empty()).then(|| {
        let bytes = objective.rate.bytes(Tensor::cat(codes, 0));
        (bytes * objective.rate.weight).reshape([1, 1])
    });
    readback.add_columns(price.into_iter().collect());
    Ok(())
}

/// What a model makes of some images.
#[derive(Clone, Debug)]
pub struct Reconstructions {
    /// `[n, C, H, W]`, row-major, in [0, 1].
    pub values: Vec<f32>,
    /// `[n]`.
    pub ssim: Vec<f32>,
    /// What the encoder saw of them where they were spoilt, and its SSIM: shapes as above.
    pub seen: Option<(Vec<f32>, Vec<f32>)>,
}

impl Reconstructions {
    /// Of images that were spoilt as `objective` says.
    pub(crate) fn take_from(values: &mut Values, objective: &Objective) -> Self {
        let mut pair = || (values.take(), values.take());
        let (restored, ssim) = pair();
        Self {
            values: restored,
            ssim,
            seen: (!objective.noise.corruption.is_none()).then(pair),
        }
    }
}

/// Restores `images` `[n, C, H, W]`, those at `indices` of a data set, by `network` (both without autodiff), encoded
/// as `objective` says, and scores them by `ssim_config`.
///
/// # Errors
///
/// Where the device fails.
///
/// # Panics
///
/// Where images are smaller than SSIM's window: whoever calls has to check them before.
pub fn reconstruct(
    network: &Autoencoder,
    images: Tensor<4>,
    indices: &[u32],
    objective: &Objective,
    ssim_config: &SsimConfig,
) -> Result<Reconstructions, ReadError> {
    let mut readback = Readback::default();
    add_reconstructions(
        &mut readback,
        network,
        images,
        indices,
        objective,
        ssim_config,
    );
    let mut values = block_on(readback.read())?;
    Ok(Reconstructions::take_from(&mut values, objective))
}

/// Queues what [`reconstruct`] does, for [`Reconstructions::take_from`] to take what is read.
pub(crate) fn add_reconstructions(
    readback: &mut Readback,
    network: &Autoencoder,
    images: Tensor<4>,
    indices: &[u32],
    objective: &Objective,
    ssim_config: &SsimConfig,
) {
    let seen = objective.noise.in_scoring(images.clone(), indices);
    let restored = network.decode(objective.encode(network, seen.clone()));
    let mut add = |shown: Tensor<4>| {
        let [ssim, _] = ssim_and_mse(shown.clone(), images.clone(), ssim_config);
        readback.add(shown);
        readback.add(ssim);
    };
    add(restored);
    if !objective.noise.corruption.is_none() {
        add(seen);
    }
}
