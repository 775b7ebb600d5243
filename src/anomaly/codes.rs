//! Where the codes of usual images lie: their mean and covariance, and distances by them.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::pca::leading;

/// Values that a code may have for there to be a covariance: 4 MB of them, and seconds to compute with.
pub const WIDEST: usize = 1024;

/// Mean and covariance of codes.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeStatistics {
    mean: Vec<f32>,
    covariance: Vec<f32>,
}

impl CodeStatistics {
    /// Of `codes` `[N, width]`, row-major. The correlations are shrunk towards none by as much as makes the
    /// expected error least (Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance
    /// matrices", Journal of Multivariate Analysis 88, 2004, of codes of variance 1): with few codes of many
    /// values, there would be directions without any variance else.
    ///
    /// None where a value isn't finite, or codes have more than [`WIDEST`] values: a covariance has the square of
    /// that.
    ///
    /// # Panics
    ///
    /// Where there is no code, or a part of one.
    #[must_use]
    pub fn of(codes: &[f32], width: usize) -> Option<Self> {
        assert!(
            width > 0 && !codes.is_empty() && codes.len().is_multiple_of(width),
            "whole codes"
        );
        if width > WIDEST || codes.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let count = codes.len() / width;
        #[expect(clippy::cast_precision_loss, reason = "a count of codes")]
        let n = count as f64;
        // One code a column.
        let mut codes =
            DMatrix::from_iterator(width, count, codes.iter().map(|&value| f64::from(value)));
        let mean = codes.column_mean();
        for mut code in codes.column_iter_mut() {
            code -= &mean;
        }
        let mut deviations = DVector::from_iterator(
            width,
            codes
                .row_iter()
                .map(|values| (values.norm_squared() / n).sqrt()),
        );
        // A value that is always the same has no scale of its own.
        let least = deviations.max() * 1e-6;
        deviations.apply(|value| {
            *value = if least > 0.0 { value.max(least) } else { 1.0 };
        });
        for mut code in codes.column_iter_mut() {
            code.component_div_assign(&deviations);
        }
        let correlations = &codes * codes.transpose() / n;
        let squares = correlations.norm_squared();
        let spread = (&correlations - DMatrix::identity(width, width)).norm_squared();
        let fourths: f64 = codes
            .column_iter()
            .map(|code| code.norm_squared().powi(2))
            .sum();
        let noise = (fourths / n - squares) / n;
        let shrinkage = if spread > 0.0 {
            (noise / spread).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let covariance = DMatrix::from_fn(width, width, |row, column| {
            let correlation = if row == column {
                1.0
            } else {
                correlations[(row, column)] * (1.0 - shrinkage)
            };
            correlation * deviations[row] * deviations[column]
        });
        let [mean, covariance] = [mean.as_slice(), covariance.as_slice()]
            .map(|values| values.iter().copied().map(single).collect());
        Self::from_parts(mean, covariance)
    }

    /// From a mean `[width]` and a covariance `[width, width]`; none if they are no such.
    #[must_use]
    pub fn from_parts(mean: Vec<f32>, covariance: Vec<f32>) -> Option<Self> {
        let is_square = Some(covariance.len()) == mean.len().checked_mul(mean.len());
        let numbers = mean.iter().chain(&covariance);
        let is_finite = numbers.copied().all(f32::is_finite);
        (is_square && is_finite && !mean.is_empty()).then_some(Self { mean, covariance })
    }

    /// Values of a code.
    #[must_use]
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// The mean, `[width]`.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The covariance, `[width, width]`.
    #[must_use]
    pub fn covariance(&self) -> &[f32] {
        &self.covariance
    }

    /// The variance in all directions together, and the principal directions, at most `count`, the one of most variance
    /// first: one standard deviation along each, `[width]`. The sign is the one that makes the largest loading positive.
    #[must_use]
    pub fn directions(&self, count: usize) -> (f64, Vec<Vec<f64>>) {
        let width = self.width();
        let values = self.covariance.iter().map(|&value| f64::from(value));
        let covariance = DMatrix::from_iterator(width, width, values);
        let variance = covariance.trace();
        let eigen = SymmetricEigen::new(covariance);
        let order = leading(&eigen.eigenvalues, count).into_iter();
        let directions = order.map(|index| {
            let direction = eigen.eigenvectors.column(index);
            // Rounding may take a variance of nothing below it.
            let deviation = eigen.eigenvalues[index].max(0.0).sqrt();
            let signed = deviation * direction[direction.iamax()].signum();
            direction.iter().map(|loading| signed * loading).collect()
        });
        (variance, directions.collect())
    }
}

/// Distances from the mean of some codes, in their standard deviations.
#[derive(Clone, Debug)]
pub struct Mahalanobis {
    mean: DVector<f64>,
    /// L⁻¹, where L·Lᵀ is the covariance.
    whitening: DMatrix<f64>,
}

impl Mahalanobis {
    /// By the mean and the covariance of some codes.
    ///
    /// # Panics
    ///
    /// Never: a Cholesky factor has an inverse.
    #[must_use]
    pub fn new(statistics: &CodeStatistics) -> Self {
        let width = statistics.width();
        let mean = statistics.mean.iter().map(|&value| f64::from(value));
        let covariance = statistics.covariance.iter().map(|&value| f64::from(value));
        let mut covariance = DMatrix::from_iterator(width, width, covariance);
        let scale = covariance.diagonal().max().max(f64::MIN_POSITIVE);
        // Rounding to single precision may have left a direction without variance. What is added ends far above
        // what rounding can do to finite numbers.
        let mut ridge = scale * 1e-12;
        let factor = loop {
            if let Some(factor) = covariance.clone().cholesky() {
                break factor.unpack();
            }
            for place in 0..width {
                covariance[(place, place)] += ridge;
            }
            ridge *= 10.0;
        };
        let identity = DMatrix::identity(width, width);
        Self {
            mean: DVector::from_iterator(width, mean),
            whitening: factor
                .solve_lower_triangular(&identity)
                .expect("a Cholesky factor's diagonal is positive"),
        }
    }

    /// √((z − mean)ᵀ · covariance⁻¹ · (z − mean)) of each of some codes `[N, width]`.
    ///
    /// # Panics
    ///
    /// Where there is a part of a code.
    #[must_use]
    pub fn distances(&self, codes: &[f32]) -> Vec<f32> {
        let width = self.mean.len();
        assert!(codes.len().is_multiple_of(width), "whole codes");
        let count = codes.len() / width;
        let values = codes.iter().map(|&value| f64::from(value));
        let mut codes = DMatrix::from_iterator(width, count, values);
        for mut code in codes.column_iter_mut() {
            code -= &self.mean;
        }
        let whitened = &self.whitening * codes;
        whitened
            .column_iter()
            .map(|code| single(code.norm()))
            .collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "codes are in single precision"
)]
fn single(value: f64) -> f32 {
    value as f32
}
