//! A step of Adam or AdamW, for one parameter.
//!
//! In tensor operations it reads and writes each value a dozen times, on one thread. On the CPU
//! backends (`cpu`) it goes over the values once, in place, on all threads.

#![cfg_attr(
    feature = "ndarray",
    expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )
)]

#[cfg(any(feature = "flex", feature = "ndarray"))]
mod cpu;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Scalar, Tensor};

/// The coefficients of a step, the same for all parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AdamStep {
    /// The share of the gradients' running mean that is kept.
    pub beta_1: f32,
    /// The share of the squared gradients' running mean that is kept.
    pub beta_2: f32,
    /// The share of itself that the parameter loses to weight decay: 0 without.
    pub decay: f32,
    /// What the quotient of both means is multiplied by: the learning rate, times the correction for
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
#[backend_extension(
    Cube: cfg(feature = "wgpu"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Fusion: cfg(feature = "fusion")
)]
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
        let change = Self::float_add(times(parameter.clone(), step.decay), update);
        let parameter = Self::float_sub(parameter, change);
        (parameter, first, second)
    }
}

#[cfg(feature = "wgpu")]
impl AdamBackend for burn_wgpu::CubeBackend {}
