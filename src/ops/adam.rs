//! A step of Adam or AdamW, for one parameter.
//!
//! In tensor operations it reads and writes each of the values a dozen times, on one thread. On the
//! CPU backends it goes over them once, in place, on all threads.

#![expect(
    deprecated,
    reason = "burn-ndarray is deprecated in favour of burn-flex, and still asked for"
)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, NdArray, backend_extension};
use burn::tensor::{Scalar, Tensor};
use burn_wgpu::CubeBackend;
use rayon::prelude::*;

use super::cpu::CpuBackend;

/// Values that one task handles.
const VALUES_PER_TASK: usize = 1 << 14;

/// What a step is, for all parameters alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AdamStep {
    /// How much of the running mean of the gradients stays.
    pub beta_1: f32,
    /// How much of the running mean of their squares stays.
    pub beta_2: f32,
    /// The share of itself that the parameter loses: 0 without weight decay.
    pub decay: f32,
    /// What the quotient of both means is multiplied by: the learning rate, and the correction of
    /// means that started at zero.
    pub rate: f32,
    /// What is added to the root of the second mean.
    pub epsilon: f32,
}

/// The parameter and its two moments after a step down the gradient; all are of one shape.
///
/// On the CPU backends, memory that no other tensor holds is written to instead of allocated.
pub(crate) fn adam_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: [Tensor<D>; 2],
    step: AdamStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let [first, second] = moments;
    let (parameter, first, second) = <Dispatch as AdamBackend>::adam_step(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        step,
    );
    (
        Tensor::from_dispatch(parameter),
        [Tensor::from_dispatch(first), Tensor::from_dispatch(second)],
    )
}

/// The backends' side of [`adam_step`]; the body is what a GPU runs, and the reference for the rest.
#[backend_extension(Cube, Flex, NdArray, Fusion: cfg(feature = "fusion"))]
pub(crate) trait AdamBackend: Backend {
    /// See [`adam_step`].
    #[fusion(default)]
    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let times = |tensor, factor: f32| Self::float_mul_scalar(tensor, Scalar::from(factor));
        let squared = Self::float_mul(gradient.clone(), gradient.clone());
        let first = Self::float_add(
            times(first, step.beta_1),
            times(gradient, 1.0 - step.beta_1),
        );
        let second = Self::float_add(
            times(second, step.beta_2),
            times(squared, 1.0 - step.beta_2),
        );
        let root = Self::float_sqrt(second.clone());
        let update = Self::float_div(
            times(first.clone(), step.rate),
            Self::float_add_scalar(root, Scalar::from(step.epsilon)),
        );
        let loss = Self::float_add(times(parameter.clone(), step.decay), update);
        let parameter = Self::float_sub(parameter, loss);
        (parameter, first, second)
    }
}

impl AdamBackend for CubeBackend {}

macro_rules! in_place {
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

in_place!(Flex);
in_place!(NdArray);

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
