//! Structural similarity of image pairs, after Wang, Bovik, Sheikh and Simoncelli, "Image quality
//! assessment: from error visibility to structural similarity", 2004.
//!
//! A score means nothing without its conventions. These are those of `tf.image.ssim` (and of
//! pytorch-msssim): an 11×11 Gaussian window with σ = 1.5, only where it lies wholly inside the
//! image; population covariances (÷ N); `K1` = 0.01, `K2` = 0.03. In run folders they go by the
//! name [`PRESET`].

mod reference;

use burn::tensor::Tensor;

/// The name of the conventions.
pub const PRESET: &str = "tf";
/// Height and width of the window, in pixels: images must be at least as large.
pub const WINDOW: usize = 11;
/// Standard deviation of the window, in pixels.
const SIGMA: f64 = 1.5;
const K1: f64 = 0.01;
const K2: f64 = 0.03;

/// One score an image: `[N, C, H, W]` twice, values in [0, `data_range`] → `[N]`, each at most 1.
///
/// Runs on every backend, and is differentiable in both images.
///
/// # Errors
///
/// Where the shapes differ, an image is smaller than the window, or the range isn't positive.
pub fn ssim(x: Tensor<4>, y: Tensor<4>, data_range: f64) -> Result<Tensor<1>, SsimError> {
    if x.dims() != y.dims() {
        return Err(SsimError::Shapes(x.dims(), y.dims()));
    }
    let [_, _, height, width] = x.dims();
    if height < WINDOW || width < WINDOW {
        return Err(SsimError::SmallImage { height, width });
    }
    if !(data_range.is_finite() && data_range > 0.0) {
        return Err(SsimError::DataRange(data_range));
    }
    Ok(reference::ssim(x, y, data_range))
}

/// Why a pair of images has no score.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SsimError {
    /// The two images differ in shape.
    #[error("SSIM compares images of one shape, but these are {0:?} and {1:?}")]
    Shapes([usize; 4], [usize; 4]),
    /// The window doesn't fit.
    #[error("an image of {height}×{width} pixels is smaller than SSIM's {WINDOW}×{WINDOW} window")]
    SmallImage {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
    /// The range of the values is no range.
    #[error("SSIM's data range must be a positive number, not {0}")]
    DataRange(f64),
}
