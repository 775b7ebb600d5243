//! Adam's step on the CPU backends: one pass over the values, in place, on all threads.

#![cfg_attr(
    feature = "ndarray",
    expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )
)]

use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::{AdamBackend, AdamStep};
use crate::ops::cpu::CpuBackend;

/// Values that one task handles: 64 KiB of each tensor.
const VALUES_PER_TASK: usize = 1 << 14;

macro_rules! on_cpu {
    ($backend:ty) => {
        impl AdamBackend for $backend {
            fn adam_step(
                parameter: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                first: FloatTensor<Self>,
                second: FloatTensor<Self>,
                step: AdamStep,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                in_place::<Self>(parameter, gradient, first, second, step)
            }
        }
    };
}

#[cfg(feature = "flex")]
on_cpu!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_cpu!(burn::backend::NdArray);

fn in_place<B: CpuBackend>(
    parameter: FloatTensor<B>,
    gradient: FloatTensor<B>,
    first: FloatTensor<B>,
    second: FloatTensor<B>,
    step: AdamStep,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [mut parameter, gradient, mut first, mut second] =
        [parameter, gradient, first, second].map(B::contiguous);
    B::values_mut(&mut parameter)
        .par_chunks_mut(VALUES_PER_TASK)
        .zip(B::values(&gradient).par_chunks(VALUES_PER_TASK))
        .zip(B::values_mut(&mut first).par_chunks_mut(VALUES_PER_TASK))
        .zip(B::values_mut(&mut second).par_chunks_mut(VALUES_PER_TASK))
        .for_each(|(((parameters, gradients), firsts), seconds)| {
            let values = parameters.iter_mut().zip(gradients);
            for ((parameter, gradient), (first, second)) in
                values.zip(firsts.iter_mut().zip(seconds))
            {
                *first = step.beta_1 * *first + (1.0 - step.beta_1) * gradient;
                *second = step.beta_2 * *second + (1.0 - step.beta_2) * gradient * gradient;
                let update = step.rate * *first / (second.sqrt() + step.epsilon);
                *parameter -= step.decay * *parameter + update;
            }
        });
    (parameter, first, second)
}
