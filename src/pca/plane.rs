//! Vectors along their principal components: the leading ones, and the plane of the first two.

use nalgebra::{DMatrix, SymmetricEigen};
use rand::Rng;

use super::leading;
use crate::rng::{Stream, rng};

/// Vectors, by their leading principal components.
#[derive(Clone, Debug)]
pub struct Principal {
    /// `[width]`
    pub mean: Vec<f64>,
    /// `[count][width]`, of length one each; the sign is the one that makes the largest loading positive.
    pub directions: Vec<Vec<f64>>,
    /// `[count]`, the standard deviation along each, the largest first.
    pub deviations: Vec<f64>,
    /// The sum of the variances along all of them, those that aren't there included.
    pub variance: f64,
    /// `[N][count]`, about the mean.
    pub coordinates: Vec<Vec<f64>>,
}

impl Principal {
    /// The coordinates along the first two of the components, `[N][2]`; 0 along one that there isn't.
    #[must_use]
    pub fn plane(&self) -> Vec<[f64; 2]> {
        let pair = |row: &Vec<f64>| [0, 1].map(|axis| row.get(axis).copied().unwrap_or(0.0));
        self.coordinates.iter().map(pair).collect()
    }
}

/// The leading principal components of `rows`, vectors of `width` numbers one after the other: at most `count`, no
/// more than a row has numbers and than there are rows.
///
/// By subspace iteration (Halko, Martinsson and Tropp, 2011) rather than a covariance matrix, which would have the
/// square of a latent vector's size.
///
/// # Panics
///
/// Where `width` is 0 or doesn't divide the length of `rows`, or a number isn't finite.
#[must_use]
pub fn principal(rows: &[f32], width: usize, count: usize) -> Principal {
    /// More than are wanted, so that close ones behind them don't slow it down.
    const MORE: usize = 6;
    const ITERATIONS: usize = 24;
    assert!(width > 0 && rows.len().is_multiple_of(width), "whole rows");
    assert!(rows.iter().all(|value| value.is_finite()), "finite numbers");
    let found = rows.len() / width;
    let mut vectors =
        DMatrix::from_row_iterator(found, width, rows.iter().map(|&value| f64::from(value)));
    let mut means = Vec::with_capacity(width);
    for mut column in vectors.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
        means.push(mean);
    }
    if found == 0 {
        return Principal {
            mean: vec![0.0; width],
            directions: Vec::new(),
            deviations: Vec::new(),
            variance: 0.0,
            coordinates: Vec::new(),
        };
    }
    let size = (count + MORE).min(width).min(found);
    let mut generator = rng(0, Stream::Samples, 2);
    let mut basis = DMatrix::from_fn(width, size, |_, _| {
        f64::from(generator.next_u32()) / f64::from(u32::MAX) - 0.5
    });
    for _ in 0..ITERATIONS {
        basis = vectors.tr_mul(&(&vectors * &basis)).qr().q();
    }
    let projected = &vectors * &basis;
    let eigen = SymmetricEigen::new(projected.tr_mul(&projected));
    let order = leading(&eigen.eigenvalues, count);
    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    let rows = found as f64;
    let mut principal = Principal {
        mean: means,
        directions: Vec::new(),
        deviations: Vec::new(),
        variance: vectors.norm_squared() / rows,
        coordinates: vec![Vec::new(); found],
    };
    for &index in &order {
        let direction = eigen.eigenvectors.column(index);
        let loadings = &basis * direction;
        let sign = loadings[loadings.iamax()].signum();
        let direction_signed: Vec<f64> = loadings.iter().map(|value| sign * value).collect();
        principal.directions.push(direction_signed);
        let variance = eigen.eigenvalues[index].max(0.0) / rows;
        principal.deviations.push(variance.sqrt());
        let along = &projected * direction;
        for (row, value) in principal.coordinates.iter_mut().zip(along.iter()) {
            row.push(sign * value);
        }
    }
    principal
}

/// Coordinates of `rows`, vectors of `width` numbers one after the other, along their first two principal
/// components: `[N][2]`, about their mean. A component that there isn't (of one row, or of vectors of one number) is
/// 0. Where a row isn't finite, nothing is.
///
/// # Panics
///
/// Where `width` is 0 or doesn't divide the length of `rows`.
#[must_use]
pub fn plane(rows: &[f32], width: usize) -> Vec<[f64; 2]> {
    if rows.iter().any(|value| !value.is_finite()) {
        return vec![[f64::NAN; 2]; rows.len() / width];
    }
    principal(rows, width, 2).plane()
}
