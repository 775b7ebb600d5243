//! SSIM on the CPU backends.
//!
//! Scores and maps are taken in double precision, in tensor operations. Where gradients are wanted, in
//! training, the last digits aren't worth the time, and a kernel makes scores and gradients in one pass
//! over each plane, in f32:
//!
//! - `gradients`: a batch, shared among threads;
//! - `plan`: what all planes have in common, and a thread's buffers; `plane`: the passes over a plane;
//!   `window`: the formula; `lanes`: vectors.

#![cfg_attr(
    feature = "ndarray",
    expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )
)]

mod gradients;
mod lanes;
mod plan;
mod plane;
mod window;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::FloatDType;
use rayon::prelude::*;

use super::backend::SsimBackend;
use super::comparison::Comparison;
use super::reference;
use gradients::gradients;

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
                let (scores, [grad_x]) = gradients::<Self, 1>(x, y, &comparison);
                (scores, grad_x)
            }

            fn ssim_gradients(
                x: FloatTensor<Self>,
                y: FloatTensor<Self>,
                comparison: Comparison,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                let (scores, [grad_x, grad_y]) = gradients::<Self, 2>(x, y, &comparison);
                (scores, grad_x, grad_y)
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

#[cfg(feature = "flex")]
on_cpu!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_cpu!(burn::backend::NdArray);

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

/// Compares images `[N, …]` part by part, shared among threads, so that intermediate results stay in
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
