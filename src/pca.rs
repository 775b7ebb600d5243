//! Principal component analysis: what the best linear autoencoder reaches, to measure others by.
//!
//! Fitted on the training images, exactly: the eigenvectors of their covariance matrix, in double
//! precision.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand::Rng;

use crate::data::{DataError, Dataset, DeviceImages, HostBatch};
use crate::metrics::{Scores, compare};
use crate::readback::Readback;
use crate::rng::{Stream, rng};
use crate::ssim::SsimConfig;

/// Images handled at a time.
const BATCH: usize = 512;

/// A projection onto the leading principal components.
#[derive(Clone, Debug)]
pub struct Pca {
    /// `[1, P]`, for images of P pixels.
    mean: Tensor<2>,
    /// `[P, K]`, for K components: orthonormal columns.
    components: Tensor<2>,
    device: Device,
}

impl Pca {
    /// The leading `components` of the images at `indices`; no more than an image has pixels.
    ///
    /// # Errors
    ///
    /// Where `indices` don't belong to the data set.
    pub fn fit(dataset: &Dataset, indices: &[u32], components: usize) -> Result<Self, DataError> {
        let pixels = dataset.image_len();
        let components = components.min(pixels);
        let mut sum = DVector::<f64>::zeros(pixels);
        let mut products = DMatrix::<f64>::zeros(pixels, pixels);
        for indices in indices.chunks(BATCH) {
            let batch = HostBatch::gather(dataset, indices)?;
            let values = batch.pixels.iter().map(|&value| f64::from(value));
            // One image a column.
            let images = DMatrix::from_iterator(pixels, batch.len(), values);
            sum += images.column_sum();
            products.gemm(1.0, &images, &images.transpose(), 1.0);
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        let count = indices.len() as f64;
        let mean = sum / count;
        // Values of a few hundred images at least, in [0, 1]: no cancellation that f64 would feel.
        let covariance = products / count - &mean * mean.transpose();
        let eigen = SymmetricEigen::new(covariance);

        let mut order: Vec<usize> = (0..pixels).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.truncate(components);
        let mut basis = vec![0.0_f32; pixels * components];
        for (column, &index) in order.iter().enumerate() {
            for (row, &value) in eigen.eigenvectors.column(index).iter().enumerate() {
                basis[row * components + column] = single(value);
            }
        }
        // The reference is the same whichever backend a run is on.
        let device = Device::flex();
        let mean: Vec<f32> = mean.iter().copied().map(single).collect();
        Ok(Self {
            mean: Tensor::from_data(TensorData::new(mean, [1, pixels]), &device),
            components: Tensor::from_data(TensorData::new(basis, [pixels, components]), &device),
            device,
        })
    }

    /// `[1, P]`, for images of P pixels.
    #[must_use]
    pub fn mean(&self) -> &Tensor<2> {
        &self.mean
    }

    /// `[P, K]`, for K components: orthonormal columns.
    #[must_use]
    pub fn components(&self) -> &Tensor<2> {
        &self.components
    }

    /// Scores of the images at `indices`, projected and restored, then clipped to [0, 1] as any
    /// image is. SSIM goes by `conventions`.
    ///
    /// # Errors
    ///
    /// Where `indices` don't belong to the data set.
    ///
    /// # Panics
    ///
    /// Where images are smaller than SSIM's window: [`crate::train::prepare`] refuses them.
    pub fn evaluate(
        &self,
        dataset: &Arc<Dataset>,
        indices: &[u32],
        conventions: &SsimConfig,
    ) -> Result<Scores, DataError> {
        let mut columns = Vec::new();
        let images = DeviceImages::new(dataset.clone(), &self.device);
        for images in images.batches(indices, BATCH)? {
            let flat: Tensor<2> = images.clone().flatten(1, 3); // [n, P]
            let latents = (flat - self.mean.clone()).matmul(self.components.clone()); // [n, K]
            let restored = latents.matmul(self.components.clone().transpose()) + self.mean.clone();
            let restored = restored.clamp(0.0, 1.0).reshape(images.dims());
            columns.push(Tensor::stack::<2>(
                compare(restored, images, conventions).to_vec(),
                0,
            )); // [2, n]
        }
        let mut readback = Readback::default();
        readback.add_columns(columns);
        let [ssim, mse] = readback.read().take_rows();
        Ok(Scores {
            loss: Vec::new(),
            ssim,
            mse,
        })
    }
}

/// Coordinates of `rows`, vectors of `width` numbers one after the other, along their first two
/// principal components: `[N][2]`, about their mean. A component that there isn't (of one row, or
/// of vectors of one number) is 0; the sign is the one that makes the largest loading positive.
///
/// By subspace iteration (Halko, Martinsson and Tropp, 2011) rather than a covariance matrix, which
/// would have the square of a latent vector's size. Where a row isn't finite, nothing is.
///
/// # Panics
///
/// Where `width` is 0 or doesn't divide the length of `rows`.
#[must_use]
pub fn plane(rows: &[f32], width: usize) -> Vec<[f64; 2]> {
    /// More than the two that are wanted, so that close ones behind them don't slow it down.
    const SUBSPACE: usize = 8;
    const ITERATIONS: usize = 24;
    assert!(width > 0 && rows.len().is_multiple_of(width), "whole rows");
    let count = rows.len() / width;
    if rows.iter().any(|value| !value.is_finite()) {
        return vec![[f64::NAN; 2]; count];
    }
    let mut vectors =
        DMatrix::from_row_iterator(count, width, rows.iter().map(|&value| f64::from(value)));
    for mut column in vectors.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let size = SUBSPACE.min(width).min(count);
    let mut generator = rng(0, Stream::Samples, 2);
    let mut basis = DMatrix::from_fn(width, size, |_, _| {
        f64::from(generator.next_u32()) / f64::from(u32::MAX) - 0.5
    });
    for _ in 0..ITERATIONS {
        basis = vectors.tr_mul(&(&vectors * &basis)).qr().q();
    }
    let projected = &vectors * &basis;
    let eigen = SymmetricEigen::new(projected.tr_mul(&projected));
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut points = vec![[0.0; 2]; count];
    for (axis, &index) in order.iter().take(2).enumerate() {
        let direction = eigen.eigenvectors.column(index);
        let loadings = &basis * direction;
        let sign = loadings[loadings.iamax()].signum();
        for (point, value) in points.iter_mut().zip((&projected * direction).iter()) {
            point[axis] = sign * value;
        }
    }
    points
}

#[expect(clippy::cast_possible_truncation, reason = "the tensors are f32")]
fn single(value: f64) -> f32 {
    value as f32
}
