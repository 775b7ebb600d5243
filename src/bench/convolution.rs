//! SSIM as burn-train 0.22.1 computes it: `SsimMetric` in its `src/metric/vision/ssim.rs`, whose
//! operations these are, one by one (MIT or Apache-2.0, © the burn contributors). A blur is two
//! depthwise convolutions with 11 taps; beyond the border there are zeros, so a map is as large as its
//! image, and scores are those of the preset `same`.
//!
//! Two things are left out that would only slow it down: the taps are uploaded once and not in each
//! blur, and the scores aren't read. One is added without which results are wrong, see [`in_rows`].

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};

use crate::ops::in_rows;

const TAPS: usize = 11;
const SIGMA: f32 = 1.5;
const K1: f32 = 0.01;
const K2: f32 = 0.03;

/// burn-train's SSIM for images of some channels, with values in [0, 1].
#[derive(Clone, Debug)]
pub(super) struct ConvolutionSsim {
    channels: usize,
    /// `[C, 1, 1, K]`
    horizontal: Tensor<4>,
    /// `[C, 1, K, 1]`
    vertical: Tensor<4>,
}

impl ConvolutionSsim {
    pub fn new(channels: usize, device: &Device) -> Self {
        let taps = Tensor::<1>::from_floats(taps().as_slice(), device);
        Self {
            channels,
            horizontal: taps
                .clone()
                .reshape([1, 1, 1, TAPS])
                .repeat_dim(0, channels),
            vertical: taps.reshape([1, 1, TAPS, 1]).repeat_dim(0, channels),
        }
    }

    /// `[N, C, H, W]` twice → `[N]`. Differentiable in both images.
    pub fn scores(&self, x: Tensor<4>, y: Tensor<4>) -> Tensor<1> {
        let [images, ..] = x.dims();
        let (c1, c2) = (K1.powi(2), K2.powi(2));
        let mu_x = self.blur(x.clone());
        let mu_y = self.blur(y.clone());
        let mu_x_mu_y = mu_x.clone() * mu_y.clone();
        let square_of_mu_x = mu_x.clone() * mu_x;
        let square_of_mu_y = mu_y.clone() * mu_y;

        let var_x = self.blur(x.clone() * x.clone()) - square_of_mu_x.clone();
        let var_y = self.blur(y.clone() * y.clone()) - square_of_mu_y.clone();
        let (var_x, var_y) = (var_x.clamp_min(0.0), var_y.clamp_min(0.0));
        let sigma_xy = self.blur(x * y) - mu_x_mu_y.clone();

        let numerator = (mu_x_mu_y.mul_scalar(2.0_f32) + c1) * (sigma_xy.mul_scalar(2.0_f32) + c2);
        let denominator = (square_of_mu_x + square_of_mu_y + c1) * (var_x + var_y + c2);
        let map = numerator / denominator; // [N, C, H, W]
        map.mean_dims(&[1, 2, 3]).reshape([images])
    }

    fn blur(&self, images: Tensor<4>) -> Tensor<4> {
        let options = |padding| ConvOptions::new([1, 1], padding, [1, 1], self.channels);
        let rows = conv2d(
            in_rows(images),
            self.horizontal.clone(),
            None,
            options([0, TAPS / 2]),
        );
        let blurred = conv2d(rows, self.vertical.clone(), None, options([TAPS / 2, 0]));
        in_rows(blurred)
    }
}

/// A Gaussian; its sum is 1.
fn taps() -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "a count of taps")]
    let weight = |tap: usize| {
        let x = tap as f32 - (TAPS / 2) as f32;
        (-(x * x) / (2.0 * SIGMA * SIGMA)).exp()
    };
    let sum: f32 = (0..TAPS).map(weight).sum();
    (0..TAPS).map(|tap| weight(tap) / sum).collect()
}
