//! Multi-scale SSIM, after Wang, Simoncelli and Bovik, "Multiscale structural similarity for image
//! quality assessment", Asilomar Conference, 2003.

use burn::tensor::Tensor;

use super::comparison::Term;
use super::config::{SsimConfig, SsimError};
use super::scores::plane_scores;

/// SSIM over several scales: contrast and structure at each, luminance at the last.
///
/// From scale to scale, images are halved by 2×2 means; the last row or column of an odd side is
/// averaged with itself. The paper's weights are for five scales of large photographs: scales that the
/// window doesn't fit are left out, and the remaining weights are divided by their sum. 28×28 images
/// under an 11×11 window have two scales.
#[derive(Clone, Debug, PartialEq)]
pub struct MsSsim {
    /// Window, border, covariances and constants, the same at every scale.
    pub config: SsimConfig,
    /// The exponents, from the full size down; all positive.
    pub weights: Vec<f64>,
}

/// Scores, and the number of scales that they are made of.
#[derive(Clone, Debug)]
pub struct MsSsimScores {
    /// One per image, `[N]`: from 0 to 1.
    pub scores: Tensor<1>,
    /// The scales that the window fitted.
    pub scales: usize,
}

/// A term below this counts as zero: a fractional power has no value below 0 and no usable derivative
/// near it, and f32 can't tell such a term from 0.
const SMALLEST_TERM: f64 = 1e-6;

impl Default for MsSsim {
    /// Preset `tf` and the paper's weights.
    fn default() -> Self {
        Self::new(SsimConfig::default())
    }
}

impl MsSsim {
    /// The paper's weights.
    #[must_use]
    pub fn new(config: SsimConfig) -> Self {
        Self {
            config,
            weights: vec![0.0448, 0.2856, 0.3001, 0.2363, 0.1333],
        }
    }

    /// How many scales the window fits, for images of `height` and `width`: at most one per weight.
    #[must_use]
    pub fn scales(&self, height: usize, width: usize) -> usize {
        let smallest = self.config.border.smallest_side(self.config.window.size());
        let sides = std::iter::successors(Some(height.min(width)), |side| Some(side.div_ceil(2)));
        sides
            .take(self.weights.len())
            .take_while(|&side| side >= smallest)
            .count()
    }

    /// One score per image, the mean over its channels, for `[N, C, H, W]` twice. Differentiable in both
    /// images.
    ///
    /// # Errors
    ///
    /// As for [`ssim`](super::ssim), and where a weight isn't positive.
    ///
    /// # Panics
    ///
    /// Never: the full size fits, which is checked first.
    pub fn scores(&self, x: Tensor<4>, y: Tensor<4>) -> Result<MsSsimScores, SsimError> {
        let valid = |weight: &f64| weight.is_finite() && *weight > 0.0;
        if self.weights.is_empty() || !self.weights.iter().all(valid) {
            return Err(SsimError::Weights(self.weights.clone()));
        }
        self.config.check(x.dims(), y.dims())?;
        let [images, _, height, width] = x.dims();
        let scales = self.scales(height, width);
        let sum: f64 = self.weights[..scales].iter().sum();

        let (mut x, mut y) = (x, y);
        let mut product: Option<Tensor<2>> = None; // [N, C]
        for (scale, weight) in self.weights[..scales].iter().enumerate() {
            let is_last = scale + 1 == scales;
            let term = if is_last {
                Term::Similarity
            } else {
                Term::ContrastStructure
            };
            let means = plane_scores(x.clone(), y.clone(), &self.config, term)?;
            // By logarithms: no backend has to know a power's derivative.
            let positive = means.clone().greater_elem(SMALLEST_TERM).float();
            let logarithm = means.clamp_min(SMALLEST_TERM).log();
            let power = (logarithm * (weight / sum)).exp() * positive;
            product = Some(match product {
                None => power,
                Some(product) => product * power,
            });
            if !is_last {
                (x, y) = (halved(x), halved(y));
            }
        }
        let product = product.expect("at least the full size fits, which was checked");
        Ok(MsSsimScores {
            scores: product.mean_dim(1).reshape([images]),
            scales,
        })
    }
}

/// Means of 2×2 pixels: `[N, C, H, W]` → `[N, C, ⌈H/2⌉, ⌈W/2⌉]`. The last row or column of an odd side
/// is averaged with itself.
fn halved(images: Tensor<4>) -> Tensor<4> {
    let mut images = images;
    for dim in [2, 3] {
        let side = images.dims()[dim];
        if side % 2 == 1 {
            let last = images.clone().narrow(dim, side - 1, 1);
            images = Tensor::cat(vec![images, last], dim);
        }
    }
    let [count, channels, height, width] = images.dims();
    let pairs: Tensor<6> = images.reshape([count, channels, height / 2, 2, width / 2, 2]);
    pairs
        .mean_dim(3)
        .mean_dim(5)
        .reshape([count, channels, height / 2, width / 2])
}
