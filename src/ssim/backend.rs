//! SSIM as operations of every backend.
//!
//! The bodies in the trait are plain tensor operations ([`super::reference`]), for any backend. A GPU
//! whose driver takes WGSL runs kernels instead (`kernel`), and the CPU backends compute gradients by a
//! kernel of their own (`cpu`). Autodiff keeps the gradients that come with the scores, and nothing
//! else ([`super::autodiff`]).

#![cfg_attr(
    feature = "ndarray",
    expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )
)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

use super::comparison::Comparison;
use super::reference;
#[cfg(feature = "fusion")]
use metadata::{map_gradients, map_shape, scores_and_gradient, scores_and_gradients, scores_shape};

/// The backends' side of SSIM. Images are `[N, C, H, W]`, in f32.
#[backend_extension(
    Cube: cfg(feature = "wgpu"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff,
    Fusion: cfg(feature = "fusion")
)]
pub trait SsimBackend: Backend {
    /// The mean of the term over each plane: `[N, C]`.
    #[fusion(dtype = x, shape = scores_shape(x))]
    fn ssim_scores(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> FloatTensor<Self> {
        reference::scores::<Self>(x, y, &comparison)
    }

    /// The same, and the gradient of the scores' sum with respect to `x`: `[N, C]`, `[N, C, H, W]`.
    #[fusion(meta = scores_and_gradient)]
    fn ssim_gradient(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::gradient::<Self>(x, y, &comparison)
    }

    /// The same, and the gradients of the scores' sum with respect to `x` and to `y`.
    #[fusion(meta = scores_and_gradients)]
    fn ssim_gradients(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        reference::gradients::<Self>(x, y, &comparison)
    }

    /// The term in each window: `[N, C, H', W']`.
    #[fusion(dtype = x, shape = map_shape(x, comparison))]
    fn ssim_map(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> FloatTensor<Self> {
        reference::map::<Self>(x, y, &comparison)
    }

    /// The gradients of the map's sum, weighted by `upstream` `[N, C, H', W']`, with respect to `x` and
    /// to `y`.
    #[fusion(meta = map_gradients)]
    fn ssim_map_gradients(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        comparison: Comparison,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::map_gradients::<Self>(x, y, upstream, &comparison)
    }

    /// [`ssim_scores`](Self::ssim_scores) in plain tensor operations on every backend, whose
    /// gradients are burn's: what the kernels are measured and tested against.
    #[fusion(default)]
    fn ssim_composed(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> FloatTensor<Self> {
        reference::scores::<Self>(x, y, &comparison)
    }
}

/// The shapes of results, which fusion must know before anything is computed.
#[cfg(feature = "fusion")]
mod metadata {
    use burn::backend::fusion::custom::TensorSpec;
    use burn::tensor::Shape;

    use super::Comparison;

    pub fn scores_shape(x: &Shape) -> Shape {
        Shape::from([x[0], x[1]])
    }

    pub fn map_shape(x: &Shape, comparison: &Comparison) -> Shape {
        let [height, width] = comparison.config.map_size(x[2], x[3]);
        Shape::from([x[0], x[1], height, width])
    }

    pub fn scores_and_gradient(
        x: &TensorSpec,
        _: &TensorSpec,
        _: &Comparison,
    ) -> (TensorSpec, TensorSpec) {
        (TensorSpec::new(scores_shape(&x.shape), x.dtype), x.clone())
    }

    pub fn scores_and_gradients(
        x: &TensorSpec,
        y: &TensorSpec,
        comparison: &Comparison,
    ) -> (TensorSpec, TensorSpec, TensorSpec) {
        let (scores, grad_x) = scores_and_gradient(x, y, comparison);
        (scores, grad_x, y.clone())
    }

    pub fn map_gradients(
        x: &TensorSpec,
        y: &TensorSpec,
        _: &TensorSpec,
        _: &Comparison,
    ) -> (TensorSpec, TensorSpec) {
        (x.clone(), y.clone())
    }
}
