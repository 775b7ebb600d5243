//! The 3×3 convolution stage that the convolutional models are made of, as one operation of every
//! backend: `[N, C_in, H, W]` → `[N, C_out, H', W']`.
//!
//! On a GPU it is a sequence of burn's own operations. On the CPU backends these are slow, most of all
//! the convolution's backward pass, so there `cpu` runs the stage image by image, with kernels and a
//! backward pass of its own.

#![cfg_attr(
    feature = "ndarray",
    expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )
)]

#[cfg(any(feature = "flex", feature = "ndarray"))]
mod cpu;
mod options;

use burn::backend::ops::{ConvOptions as BurnConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};
#[cfg(feature = "wgpu")]
use burn_autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
#[cfg(feature = "wgpu")]
use burn_wgpu::CubeBackend;

pub use options::ConvOptions;

/// A 3×3 convolution with zero padding and bias, and the optional steps around it.
///
/// `x` is `[N, C_in, H, W]`, `weight` `[C_out, C_in, 3, 3]`, `bias` `[C_out]`; the result is
/// `[N, C_out, H', W']`, where `H'` and `W'` are doubled by `upsample` and `shuffle`, and halved by `halve`
/// (rounded up) and `max_pool` (rounded down); `shuffle` leaves a quarter of the channels. Differentiable in
/// all three.
///
/// # Panics
///
/// Where the shapes or options don't go together, as burn's own operations do.
#[must_use]
pub fn conv3x3(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: ConvOptions,
) -> Tensor<4> {
    let [out_channels, ..] = weight.dims();
    options.check(out_channels);
    in_rows(Tensor::from_dispatch(<Dispatch as ConvStage>::conv3x3(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    )))
}

/// The same images `[N, C, H, W]`, with the strides of a row-major array; no value moves.
///
/// On a GPU, what a convolution returns, forward or backward, is laid out as `[N, H, W, C]`. With one
/// channel, whose stride is then 1, like that of a row's pixels, burn-cubecl-fusion 0.22.1 reads it in
/// the wrong places when it fuses it with another tensor. After a reshape to another rank and back, it
/// reads it correctly.
pub(crate) fn in_rows(images: Tensor<4>) -> Tensor<4> {
    let [count, channels, height, width] = images.dims();
    if channels > 1 {
        return images;
    }
    let planes: Tensor<3> = images.reshape([count, height, width]);
    planes.reshape([count, channels, height, width])
}

/// The backends' side of [`conv3x3`]; the body is what a GPU runs, and the reference for the rest.
#[backend_extension(
    Cube: cfg(feature = "wgpu"),
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff,
    Fusion: cfg(feature = "fusion")
)]
pub trait ConvStage: Backend {
    /// See [`conv3x3`].
    #[fusion(default)]
    fn conv3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: ConvOptions,
    ) -> FloatTensor<Self> {
        reference::<Self>(x, weight, bias, options)
    }
}

/// The stage in burn's own operations.
fn reference<B: Backend>(
    mut x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    options: ConvOptions,
) -> FloatTensor<B> {
    if options.activate {
        x = B::relu(x);
    }
    if options.upsample {
        let shape = x.shape();
        let size = [2 * shape[2], 2 * shape[3]];
        x = B::interpolate(x, size, InterpolateOptions::new(InterpolateMode::Nearest));
    }
    let stride = if options.halve { 2 } else { 1 };
    x = B::conv2d(
        x,
        weight,
        Some(bias),
        BurnConvOptions::new([stride, stride], [1, 1], [1, 1], 1),
    );
    if options.relu {
        x = B::relu(x);
    }
    if options.max_pool {
        x = B::max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
    }
    if options.shuffle {
        let [images, channels, height, width] = x.shape().dims();
        let channels = channels / 4;
        let blocks = Shape::from([images, channels, 2, 2, height, width]);
        x = B::float_permute(B::float_reshape(x, blocks), &[0, 1, 4, 2, 5, 3]);
        x = B::float_reshape(x, Shape::from([images, channels, 2 * height, 2 * width]));
    }
    x
}

#[cfg(feature = "wgpu")]
impl ConvStage for CubeBackend {}
#[cfg(feature = "wgpu")]
impl<C: CheckpointStrategy> ConvStage for Autodiff<CubeBackend, C> {}
#[cfg(feature = "fusion")]
impl<C: CheckpointStrategy> ConvStage for Autodiff<burn::backend::fusion::Fusion<CubeBackend>, C> {}
