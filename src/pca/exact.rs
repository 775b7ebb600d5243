//! Principal components as eigenvectors of the covariance matrix, in double precision.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::{Pca, Rows, leading, single};
use crate::data::DataError;

/// Images whose products are added at a time.
const BATCH: usize = 512;

/// The leading `components` of `images`; no more than an image has pixels.
pub(super) fn fit(images: Rows, components: usize) -> Result<Pca, DataError> {
    let pixels = images.pixels();
    let mut sum = DVector::<f64>::zeros(pixels);
    let mut products = DMatrix::<f64>::zeros(pixels, pixels);
    for batch in images.batches(BATCH) {
        let batch = batch?;
        let count = batch.len() / pixels;
        // One image a column.
        let batch = DMatrix::from_iterator(pixels, count, batch.into_iter().map(f64::from));
        sum += batch.column_sum();
        products.gemm(1.0, &batch, &batch.transpose(), 1.0);
    }
    let count = images.count();
    let mean = sum / count;
    // Values in [0, 1]: no cancellation that f64 would feel.
    let covariance = products / count - &mean * mean.transpose();
    let eigen = SymmetricEigen::new(covariance);
    let order = leading(&eigen.eigenvalues, components);
    let mut basis = vec![0.0_f32; pixels * components];
    for (column, &index) in order.iter().enumerate() {
        for (row, &value) in eigen.eigenvectors.column(index).iter().enumerate() {
            basis[row * components + column] = single(value);
        }
    }
    Ok(Pca {
        mean: mean.iter().copied().map(single).collect(),
        components: basis,
    })
}
