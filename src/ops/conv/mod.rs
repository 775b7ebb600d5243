//! The 3×3 convolution stage that all models are made of, as one operation of every backend.
//!
//! On a GPU it is burn's own layers in a row. On the CPU backends those layers are slow (most of
//! all in the convolution's backward pass), so there the stage runs image by image as matrix
//! products, with upsampling, bias, `ReLU` and pooling done while the image is in the cache, and
//! with a backward pass of its own:
//!
//! - `geometry`: sizes, and which of two matrix products suits them;
//! - `kernels`: one image, forward and backward, on slices; `gemm`: the matrix product;
//! - `batch`: a batch among threads; this file: the operation and its place in burn.

#![expect(
    deprecated,
    reason = "burn-ndarray is deprecated in favour of burn-flex, and still asked for"
)]

mod batch;
mod gemm;
mod geometry;
mod kernels;

use burn::backend::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, NdArray, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_wgpu::CubeBackend;

use super::cpu::CpuBackend;
use batch::{Inputs, Winners};
use geometry::Geometry;
pub use geometry::Stages;

/// A 3×3 convolution with zero padding and bias, and the optional [`Stages`] around it.
///
/// `x` is `[N, C_in, H, W]`, `weight` `[C_out, C_in, 3, 3]`, `bias` `[C_out]`; the result is
/// `[N, C_out, H', W']`, where `H'` and `W'` are doubled by `upsample` and halved (rounded down)
/// by `max_pool`. Differentiable in all three.
///
/// # Panics
///
/// Where the shapes don't fit each other, as burn's own operations do.
#[must_use]
pub fn conv3x3(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, stages: Stages) -> Tensor<4> {
    in_rows(Tensor::from_dispatch(<Dispatch as ConvStage>::conv3x3(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stages,
    )))
}

/// The same images `[N, C, H, W]`, with the strides of such an array; no value moves.
///
/// On a GPU, what a convolution puts out, forward or backward, is laid out as `[N, H, W, C]`. With one
/// channel, whose stride is then 1 as well as that of a row, burn-cubecl-fusion 0.22.1 reads it in the
/// wrong places together with another tensor. By way of another rank, it reads it right.
pub(crate) fn in_rows(images: Tensor<4>) -> Tensor<4> {
    let [count, channels, height, width] = images.dims();
    if channels > 1 {
        return images;
    }
    let planes: Tensor<3> = images.reshape([count, height, width]);
    planes.reshape([count, channels, height, width])
}

/// The backends' side of [`conv3x3`]; the body is what a GPU runs, and the reference for the rest.
#[backend_extension(Cube, Flex, NdArray, Autodiff, Fusion: cfg(feature = "fusion"))]
pub trait ConvStage: Backend {
    /// See [`conv3x3`].
    #[fusion(default)]
    fn conv3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stages: Stages,
    ) -> FloatTensor<Self> {
        reference::<Self>(x, weight, bias, stages)
    }
}

/// The stage in burn's own operations.
fn reference<B: Backend>(
    mut x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    stages: Stages,
) -> FloatTensor<B> {
    if stages.upsample {
        let shape = x.shape();
        let size = [2 * shape[2], 2 * shape[3]];
        x = B::interpolate(x, size, InterpolateOptions::new(InterpolateMode::Nearest));
    }
    x = B::conv2d(
        x,
        weight,
        Some(bias),
        ConvOptions::new([1, 1], [1, 1], [1, 1], 1),
    );
    if stages.relu {
        x = B::relu(x);
    }
    if stages.max_pool {
        x = B::max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
    }
    x
}

impl ConvStage for CubeBackend {}
impl<C: CheckpointStrategy> ConvStage for Autodiff<CubeBackend, C> {}
#[cfg(feature = "fusion")]
impl<C: CheckpointStrategy> ConvStage for Autodiff<burn::backend::fusion::Fusion<CubeBackend>, C> {}

impl ConvStage for Flex {
    fn conv3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stages: Stages,
    ) -> FloatTensor<Self> {
        forward_on_cpu::<Self>(x, weight, bias, stages).output
    }
}

impl ConvStage for NdArray {
    fn conv3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stages: Stages,
    ) -> FloatTensor<Self> {
        forward_on_cpu::<Self>(x, weight, bias, stages).output
    }
}

/// A forward pass with all that the backward pass needs of it.
#[derive(Clone, Debug)]
struct Pass<T> {
    geometry: Geometry,
    inputs: Inputs<T>,
    output: T,
    winners: Winners,
}

fn forward_on_cpu<B: CpuBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    stages: Stages,
) -> Pass<FloatTensor<B>> {
    let geometry = Geometry::new(&x.shape(), &weight.shape(), stages);
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
        let output_gradient = grads.consume::<B>(&ops.node);
        let gradients = batch::backward::<B>(
            &geometry,
            &inputs,
            &output,
            &winners,
            output_gradient,
            x.is_some(),
        );
        if let (Some(node), Some(gradient)) = (x, gradients.x) {
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = weight {
            grads.register::<B>(node.id, gradients.weight);
        }
        if let Some(node) = bias {
            grads.register::<B>(node.id, gradients.bias);
        }
    }
}

impl<B: CpuBackend, C: CheckpointStrategy> ConvStage for Autodiff<B, C> {
    fn conv3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stages: Stages,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let pass = forward_on_cpu::<B>(
            x.into_primitive(),
            weight.into_primitive(),
            bias.into_primitive(),
            stages,
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
