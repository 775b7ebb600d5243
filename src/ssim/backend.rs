//! SSIM as operations of every backend.
//!
//! The bodies in the trait are plain tensor operations ([`super::reference`]), for any backend. A
//! GPU whose driver takes WGSL runs the kernels instead ([`super::kernel`]), and so does a CPU where
//! gradients are wanted ([`super::cpu`]); autodiff keeps the gradients that come with the scores, and
//! nothing else ([`super::autodiff`]).

#![expect(
    deprecated,
    reason = "burn-ndarray is deprecated in favour of burn-flex, and still asked for"
)]

#[cfg(feature = "fusion")]
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, NdArray, TensorMetadata, backend_extension};
use burn::tensor::FloatDType;
#[cfg(feature = "fusion")]
use burn::tensor::Shape;
use rayon::prelude::*;

use super::{SsimConfig, cpu, reference};

/// What is averaged over an image's windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// SSIM: luminance times contrast and structure.
    Similarity,
    /// How alike the means are.
    Luminance,
    /// How alike the variances are, and how correlated the deviations.
    ContrastStructure,
}

/// A comparison that [`SsimConfig::check`] found possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The conventions.
    pub config: SsimConfig,
    /// What is averaged.
    pub term: Term,
}

/// The backends' side of SSIM. Images are `[N, C, H, W]`, in f32.
#[backend_extension(Cube, Flex, NdArray, Autodiff, Fusion: cfg(feature = "fusion"))]
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

    /// The same with the gradient of the scores' sum by `x`: `[N, C]` and `[N, C, H, W]`.
    #[fusion(meta = scores_and_gradient)]
    fn ssim_gradient(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::gradient::<Self>(x, y, &comparison)
    }

    /// The same with the gradients of the scores' sum by `x` and by `y`.
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

    /// The gradients of the map's sum, weighted by `upstream` `[N, C, H', W']`, by `x` and by `y`.
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

/// The CPU backends have double precision, so scores are taken in it. Training's aren't: there, the
/// last digits aren't worth the time, and a kernel makes scores and gradients ([`super::cpu`]).
macro_rules! on_cpu {
    ($backend:ty) => {
        impl SsimBackend for $backend {
            fn ssim_scores(
                x: FloatTensor<Self>,
                y: FloatTensor<Self>,
                comparison: Comparison,
            ) -> FloatTensor<Self> {
                in_parts::<Self>(&x, &y, |x, y| {
                    in_double_precision::<Self>(reference::scores::<Self>, x, y, &comparison)
                })
            }

            fn ssim_gradient(
                x: FloatTensor<Self>,
                y: FloatTensor<Self>,
                comparison: Comparison,
            ) -> (FloatTensor<Self>, FloatTensor<Self>) {
                let (scores, [by_x]) = cpu::gradients::<Self, 1>(x, y, &comparison);
                (scores, by_x)
            }

            fn ssim_gradients(
                x: FloatTensor<Self>,
                y: FloatTensor<Self>,
                comparison: Comparison,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                let (scores, [by_x, by_y]) = cpu::gradients::<Self, 2>(x, y, &comparison);
                (scores, by_x, by_y)
            }

            fn ssim_map(
                x: FloatTensor<Self>,
                y: FloatTensor<Self>,
                comparison: Comparison,
            ) -> FloatTensor<Self> {
                in_parts::<Self>(&x, &y, |x, y| {
                    in_double_precision::<Self>(reference::map::<Self>, x, y, &comparison)
                })
            }
        }
    };
}

on_cpu!(Flex);
on_cpu!(NdArray);

type Compare<T> = fn(T, T, &Comparison) -> T;

fn in_double_precision<B: Backend>(
    compare: Compare<FloatTensor<B>>,
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> FloatTensor<B> {
    let [x, y] = [x, y].map(|images| B::float_cast(images, FloatDType::F64));
    B::float_cast(compare(x, y, comparison), FloatDType::F32)
}

/// Compares images `[N, …]` part by part, shared among threads: what is computed in between stays in
/// the cache. Parts are the same however many threads there are.
fn in_parts<B: Backend>(
    x: &FloatTensor<B>,
    y: &FloatTensor<B>,
    compare: impl Fn(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B> + Sync,
) -> FloatTensor<B> {
    /// Pixels of a part: 64 KiB.
    const PIXELS: usize = 1 << 14;
    let shape = x.shape();
    let images = shape[0];
    let at_once = (PIXELS / shape[1..].iter().product::<usize>()).max(1);
    let parts: Vec<FloatTensor<B>> = (0..images.div_ceil(at_once))
        .into_par_iter()
        .map(|part| {
            let first = part * at_once;
            let part = [(first..images.min(first + at_once)).into()];
            let [x, y] = [x, y].map(|images| B::float_slice(images.clone(), &part));
            compare(x, y)
        })
        .collect();
    B::float_cat(parts, 0)
}

#[cfg(feature = "fusion")]
fn scores_shape(x: &Shape) -> Shape {
    Shape::from([x[0], x[1]])
}

#[cfg(feature = "fusion")]
fn map_shape(x: &Shape, comparison: &Comparison) -> Shape {
    let [height, width] = comparison.config.map_size(x[2], x[3]);
    Shape::from([x[0], x[1], height, width])
}

#[cfg(feature = "fusion")]
fn scores_and_gradient(x: &TensorSpec, _: &TensorSpec, _: &Comparison) -> (TensorSpec, TensorSpec) {
    (TensorSpec::new(scores_shape(&x.shape), x.dtype), x.clone())
}

#[cfg(feature = "fusion")]
fn scores_and_gradients(
    x: &TensorSpec,
    y: &TensorSpec,
    comparison: &Comparison,
) -> (TensorSpec, TensorSpec, TensorSpec) {
    let (scores, by_x) = scores_and_gradient(x, y, comparison);
    (scores, by_x, y.clone())
}

#[cfg(feature = "fusion")]
fn map_gradients(
    x: &TensorSpec,
    y: &TensorSpec,
    _: &TensorSpec,
    _: &Comparison,
) -> (TensorSpec, TensorSpec) {
    (x.clone(), y.clone())
}
