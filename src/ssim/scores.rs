//! Scores, maps and terms of images `[N, C, H, W]`, and the loss made of them.

use burn::backend::Dispatch;
use burn::tensor::{DType, FloatDType, Tensor};

use super::backend::SsimBackend;
use super::comparison::{Comparison, Term};
use super::config::{SsimConfig, SsimError};

/// One score per image: the mean over its windows and channels, at most 1.
///
/// `x` and `y` are `[N, C, H, W]`; the result is `[N]`, in f32. Differentiable in both images.
///
/// # Errors
///
/// What [`SsimConfig::check`] finds, or a window that needs more workgroup memory than the GPU has.
pub fn ssim(x: Tensor<4>, y: Tensor<4>, config: &SsimConfig) -> Result<Tensor<1>, SsimError> {
    let [images, ..] = x.dims();
    let planes = plane_scores(x, y, config, Term::Similarity)?;
    Ok(planes.mean_dim(1).reshape([images]))
}

/// One score per window: `[N, C, H, W]` twice → `[N, C, H', W']`, in f32.
///
/// `H'` and `W'` are [`SsimConfig::map_size`]. Differentiable in both images.
///
/// # Errors
///
/// As for [`ssim`].
pub fn ssim_map(x: Tensor<4>, y: Tensor<4>, config: &SsimConfig) -> Result<Tensor<4>, SsimError> {
    let (x, y, comparison) = checked(x, y, config, Term::Similarity)?;
    Ok(Tensor::from_dispatch(Dispatch::ssim_map(
        x.into_dispatch(),
        y.into_dispatch(),
        comparison,
    )))
}

/// SSIM's two terms, each averaged over the windows of a plane: `[N, C]`.
#[derive(Clone, Debug)]
pub struct SsimParts {
    /// How alike the means are.
    pub luminance: Tensor<2>,
    /// How alike the variances are, and how correlated the deviations.
    pub contrast_structure: Tensor<2>,
}

/// SSIM's terms separately, for `[N, C, H, W]` twice. Their product isn't the score, which is a mean of
/// products. Differentiable in both images.
///
/// # Errors
///
/// As for [`ssim`].
pub fn ssim_parts(x: Tensor<4>, y: Tensor<4>, config: &SsimConfig) -> Result<SsimParts, SsimError> {
    Ok(SsimParts {
        luminance: plane_scores(x.clone(), y.clone(), config, Term::Luminance)?,
        contrast_structure: plane_scores(x, y, config, Term::ContrastStructure)?,
    })
}

/// [`ssim`] in plain tensor operations on every backend, and with burn's own gradients: what the
/// kernels are tested and measured against.
///
/// # Errors
///
/// As for [`ssim`].
pub fn ssim_composed(
    x: Tensor<4>,
    y: Tensor<4>,
    config: &SsimConfig,
) -> Result<Tensor<1>, SsimError> {
    let [images, ..] = x.dims();
    let (x, y, comparison) = checked(x, y, config, Term::Similarity)?;
    let scores = Dispatch::ssim_composed(x.into_dispatch(), y.into_dispatch(), comparison);
    let planes: Tensor<2> = Tensor::from_dispatch(scores);
    Ok(planes.mean_dim(1).reshape([images]))
}

/// 1 − the mean of [`ssim`] over a batch: what training minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SsimLoss {
    /// Window, border, covariances and constants.
    pub config: SsimConfig,
}

impl SsimLoss {
    /// `[N, C, H, W]` twice → `[1]`, from 0 for equal images to 2. Differentiable in both.
    ///
    /// # Errors
    ///
    /// As for [`ssim`].
    pub fn forward(&self, x: Tensor<4>, y: Tensor<4>) -> Result<Tensor<1>, SsimError> {
        Ok(1.0 - ssim(x, y, &self.config)?.mean())
    }
}

/// The mean of a term over each plane: `[N, C]`.
pub(super) fn plane_scores(
    x: Tensor<4>,
    y: Tensor<4>,
    config: &SsimConfig,
    term: Term,
) -> Result<Tensor<2>, SsimError> {
    let (x, y, comparison) = checked(x, y, config, term)?;
    let scores = Dispatch::ssim_scores(x.into_dispatch(), y.into_dispatch(), comparison);
    Ok(Tensor::from_dispatch(scores))
}

/// The images in f32, which all backends take, and their comparison, if it is possible.
fn checked(
    x: Tensor<4>,
    y: Tensor<4>,
    config: &SsimConfig,
    term: Term,
) -> Result<(Tensor<4>, Tensor<4>, Comparison), SsimError> {
    config.check(x.dims(), y.dims())?;
    #[cfg(feature = "wgpu")]
    super::kernel::check_memory(config, &x.device())?;
    let in_f32 = |images: Tensor<4>| {
        if images.dtype() == DType::F32 {
            images
        } else {
            images.cast(FloatDType::F32)
        }
    };
    let comparison = Comparison {
        config: *config,
        term,
    };
    Ok((in_f32(x), in_f32(y), comparison))
}
