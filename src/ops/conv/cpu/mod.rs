//! The convolution stage on the CPU backends: image by image, with what comes before and behind the
//! convolution done while the image is in the cache, and with a backward pass of its own.
//!
//! - `geometry`: sizes; `direction`: forward, or which gradients; `planes`: images with a border;
//! - `product`: the sums that a convolution is made of; `direct`: the convolution and its adjoint by them;
//! - `winograd`: the convolution and its adjoints by fewer products, where channels are many;
//! - `upsampled`: the convolution behind an upsampling; `gemm`: the matrix product for that;
//! - `blocks`: maxima and pixel shuffle behind a convolution;
//! - `kernels`: some images, forward and backward, on slices; `scratch`, `buffer`: what they take;
//! - `batch`: a batch, shared among threads; this file: the stage's place in burn.

#![cfg_attr(
    feature = "ndarray",
    expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )
)]

mod batch;
mod blocks;
mod buffer;
mod direct;
mod direction;
mod gemm;
mod geometry;
mod kernels;
mod planes;
mod product;
mod scratch;
mod upsampled;
mod winograd;

use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use super::{ConvOptions, ConvStage};
use crate::ops::cpu::CpuBackend;
use batch::{Inputs, Winners};
use direction::Wanted;
use geometry::Geometry;

macro_rules! on_cpu {
    ($backend:ty) => {
        impl ConvStage for $backend {
            fn conv3x3(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                options: ConvOptions,
            ) -> FloatTensor<Self> {
                forward::<Self>(x, weight, bias, options).output
            }
        }
    };
}

#[cfg(feature = "flex")]
on_cpu!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_cpu!(burn::backend::NdArray);

/// A forward pass with all that the backward pass needs of it.
#[derive(Clone, Debug)]
struct Pass<T> {
    geometry: Geometry,
    inputs: Inputs<T>,
    output: T,
    winners: Winners,
}

fn forward<B: CpuBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    options: ConvOptions,
) -> Pass<FloatTensor<B>> {
    let geometry = Geometry::new(&x.shape(), &weight.shape(), options);
    let inputs = Inputs {
        x: B::contiguous(x),
        weight: B::contiguous(weight),
        bias: B::contiguous(bias),
    };
    let (output, winners) = batch::forward::<B>(&geometry, &inputs);
    Pass {
        geometry,
        inputs,
        output,
        winners,
    }
}

#[derive(Debug)]
struct ConvStageBackward;

impl<B: CpuBackend> Backward<B, 3> for ConvStageBackward {
    type State = Pass<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x, weight, bias] = ops.parents;
        let Pass {
            geometry,
            inputs,
            output,
            winners,
        } = ops.state;
        let grad_output = grads.consume::<B>(&ops.node);
        let gradients = batch::backward::<B>(
            &geometry,
            &inputs,
            &output,
            &winners,
            grad_output,
            Wanted {
                images: x.is_some(),
                weights: weight.is_some() || bias.is_some(),
            },
        );
        if let (Some(node), Some(gradient)) = (x, gradients.x) {
            grads.register::<B>(node.id, gradient);
        }
        let (of_weight, of_bias) = gradients.weight_and_bias.unzip();
        if let (Some(node), Some(gradient)) = (weight, of_weight) {
            grads.register::<B>(node.id, gradient);
        }
        if let (Some(node), Some(gradient)) = (bias, of_bias) {
            grads.register::<B>(node.id, gradient);
        }
    }
}

impl<B: CpuBackend, C: CheckpointStrategy> ConvStage for Autodiff<B, C> {
    fn conv3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let pass = forward::<B>(
            x.into_primitive(),
            weight.into_primitive(),
            bias.into_primitive(),
            options,
        );
        match ConvStageBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let output = pass.output.clone();
                prepared.finish(pass, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(pass.output),
        }
    }
}
