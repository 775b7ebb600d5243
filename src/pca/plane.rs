//! Vectors drawn in a plane: the one of their first two principal components.

use nalgebra::{DMatrix, SymmetricEigen};
use rand::Rng;

use crate::rng::{Stream, rng};

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
