//! SSIM in plain tensor operations, for every backend.
//!
//! Means over the window are a Gaussian blur. The blur is separable, and each of its two passes is
//! a product with a banded matrix `[H − 10, H]`: one matrix product for a whole batch.

use burn::tensor::{Device, Tensor, TensorData};

use super::{K1, K2, SIGMA, WINDOW};

/// See [`super::ssim`], which checks the arguments.
pub(super) fn ssim(x: Tensor<4>, y: Tensor<4>, data_range: f64) -> Tensor<1> {
    let [images, channels, height, width] = x.dims();
    let planes = images * channels;
    let device = x.device().inner();
    let x: Tensor<3> = x.reshape([planes, height, width]);
    let y: Tensor<3> = y.reshape([planes, height, width]);

    // Variances don't change when a constant is subtracted from a plane, but without it
    // E[x²] − E[x]² cancels in f32: the mean of both planes takes most of that away.
    let pivot_x = x.clone().mean_dim(1).mean_dim(2).detach(); // [P, 1, 1]
    let pivot_y = y.clone().mean_dim(1).mean_dim(2).detach();
    let (x, y) = (x - pivot_x.clone(), y - pivot_y.clone());

    let blur = Blur::new(height, width, &device);
    let mean_x = blur.apply(x.clone());
    let mean_y = blur.apply(y.clone());
    let squares = blur.apply(x.clone().square() + y.clone().square());
    let squared_differences = blur.apply((x - y).square());

    // Variances are never negative, except by rounding.
    let centred_difference = mean_x.clone() - mean_y.clone();
    let mean_difference = centred_difference.clone() + (pivot_x.clone() - pivot_y.clone());
    let mean_squares = mean_x.clone().square() + mean_y.clone().square();
    let variances = (squares - mean_squares).clamp_min(0.0); // σx² + σy²
    let variance_of_difference = (squared_differences - centred_difference.square()).clamp_min(0.0);

    // 2·μx·μy = μx² + μy² − (μx − μy)², and 2·σxy = σx² + σy² − σ²(x − y). Written so, each factor
    // is one minus a non-negative term: at most 1, exactly 1 for equal images, and without the
    // cancellation of a covariance.
    let (c1, c2) = ((K1 * data_range).powi(2), (K2 * data_range).powi(2));
    let (mean_x, mean_y) = (mean_x + pivot_x, mean_y + pivot_y);
    let mean_energy = mean_x.square() + mean_y.square() + c1;
    let luminance = 1.0 - mean_difference.square() / mean_energy;
    let contrast_structure = 1.0 - variance_of_difference / (variances + c2);

    let map: Tensor<3> = luminance * contrast_structure; // [P, H − 10, W − 10]
    let scores: Tensor<2> = map.mean_dim(1).mean_dim(2).reshape([images, channels]);
    scores.mean_dim(1).reshape([images])
}

/// The blur with the window, at the positions where the window lies inside the plane.
struct Blur {
    /// `[H − 10, H]`
    rows: Tensor<2>,
    /// `[W, W − 10]`
    columns: Tensor<2>,
}

impl Blur {
    fn new(height: usize, width: usize, device: &Device) -> Self {
        Self {
            rows: band(height, device),
            columns: band(width, device).transpose(),
        }
    }

    /// `[P, H, W]` → `[P, H − 10, W − 10]`
    fn apply(&self, planes: Tensor<3>) -> Tensor<3> {
        let [count, height, width] = planes.dims();
        let [out_width, out_height] = [width - WINDOW + 1, height - WINDOW + 1];
        // Both passes are one large matrix product; a batch of small ones is far slower.
        let blurred = planes
            .reshape([count * height, width])
            .matmul(self.columns.clone());
        let turned = blurred.reshape([count, height, out_width]).swap_dims(1, 2);
        let blurred = turned
            .reshape([count * out_width, height])
            .matmul(self.rows.clone().transpose());
        blurred
            .reshape([count, out_width, out_height])
            .swap_dims(1, 2)
    }
}

/// The matrix `[size − 10, size]` each of whose rows holds the window's weights, one further right.
fn band(size: usize, device: &Device) -> Tensor<2> {
    let weights = gaussian();
    let positions = size - WINDOW + 1;
    let mut values = vec![0.0_f32; positions * size];
    for (position, row) in values.chunks_exact_mut(size).enumerate() {
        row[position..position + WINDOW].copy_from_slice(&weights);
    }
    Tensor::from_data(TensorData::new(values, [positions, size]), device)
}

/// The window's weights along one axis; their sum is 1.
fn gaussian() -> [f32; WINDOW] {
    let weight = |index: usize| {
        #[expect(clippy::cast_precision_loss, reason = "at most the window's size")]
        let distance = index as f64 - (WINDOW / 2) as f64;
        (-0.5 * (distance / SIGMA).powi(2)).exp()
    };
    let sum: f64 = (0..WINDOW).map(weight).sum();
    #[expect(clippy::cast_possible_truncation, reason = "the tensors are f32")]
    std::array::from_fn(|index| (weight(index) / sum) as f32)
}
