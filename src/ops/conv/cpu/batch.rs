//! The convolution stage on the CPU backends: a batch, shared among threads.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use rayon::prelude::*;

use super::geometry::Geometry;
use super::kernels::{Kept, Stage};
use crate::ops::cpu::CpuBackend;

/// Images that one task handles. Fixed, so that sums over a batch, and with them the weights, are the
/// same to the bit however many threads there are.
const IMAGES_PER_TASK: usize = 8;
/// Values that a task's images and their gradients may have in its cache, 512 KiB: the sums over small ones
/// take several images at once, since they are kept in vectors that have to be added up in the end.
const CACHED_VALUES: usize = 1 << 17;

/// The inputs of a forward pass; the backward pass keeps them.
#[derive(Clone, Debug)]
pub(super) struct Inputs<T> {
    pub x: T,
    pub weight: T,
    pub bias: T,
}

/// Which of its four inputs each pooled output took; empty without pooling.
pub(super) type Winners = Arc<Vec<u8>>;

/// `[N, C_in, H, W]` → `[N, C_out, H', W']`; `inputs` must be contiguous.
pub(super) fn forward<B: CpuBackend>(
    g: &Geometry,
    inputs: &Inputs<FloatTensor<B>>,
) -> (FloatTensor<B>, Winners) {
    let stage = Stage::new(g, B::values(&inputs.weight), B::values(&inputs.bias), false);
    let (input_len, output_len) = (g.input_len(), g.output_len());
    let winners_len = if g.options.max_pool { output_len } else { 0 };
    let mut output = vec![0.0; g.images * output_len];
    let mut winners = vec![0; g.images * winners_len];

    // `chunks_mut(0)` panics, so without pooling each task gets an empty slice.
    let winners_of_task: Vec<&mut [u8]> = if winners_len == 0 {
        (0..g.images.div_ceil(IMAGES_PER_TASK))
            .map(|_| Default::default())
            .collect()
    } else {
        winners.chunks_mut(IMAGES_PER_TASK * winners_len).collect()
    };
    B::values(&inputs.x)
        .par_chunks(IMAGES_PER_TASK * input_len)
        .zip(output.par_chunks_mut(IMAGES_PER_TASK * output_len))
        .zip(winners_of_task)
        .for_each(|((inputs, outputs), winners)| {
            let mut scratch = stage.scratch(1);
            let images = inputs
                .chunks_exact(input_len)
                .zip(outputs.chunks_exact_mut(output_len));
            for (image, (input, output)) in images.enumerate() {
                let winners = &mut winners[image * winners_len..][..winners_len];
                stage.forward(&mut scratch, input, output, winners);
            }
        });
    (
        B::from_values(output, Shape::from(g.output_shape())),
        Arc::new(winners),
    )
}

/// Gradients with respect to `x` (where wanted), weight and bias, in their shapes.
pub(super) struct Gradients<T> {
    pub x: Option<T>,
    pub weight: T,
    pub bias: T,
}

/// The transpose of [`forward`]'s derivative, applied to `output_gradient`.
pub(super) fn backward<B: CpuBackend>(
    g: &Geometry,
    inputs: &Inputs<FloatTensor<B>>,
    output: &FloatTensor<B>,
    winners: &Winners,
    output_gradient: FloatTensor<B>,
    wants_x: bool,
) -> Gradients<FloatTensor<B>> {
    let weight = B::values(&inputs.weight);
    let stage = Stage::new(g, weight, B::values(&inputs.bias), wants_x);
    let output_gradient = B::contiguous(output_gradient);
    let (x, output) = (B::values(&inputs.x), B::values(output));
    let output_gradient = B::values(&output_gradient);
    let (input_len, output_len) = (g.input_len(), g.output_len());
    let winners_len = if g.options.max_pool { output_len } else { 0 };

    let mut x_gradient = vec![0.0; if wants_x { x.len() } else { 0 }];
    let tasks = g.images.div_ceil(IMAGES_PER_TASK);
    let x_gradient_of_task: Vec<Option<&mut [f32]>> = if wants_x {
        x_gradient
            .chunks_mut(IMAGES_PER_TASK * input_len)
            .map(Some)
            .collect()
    } else {
        (0..tasks).map(|_| None).collect()
    };
    let at_once = (CACHED_VALUES / (input_len + output_len)).clamp(1, IMAGES_PER_TASK);
    let partial_sums: Vec<(Vec<f32>, Vec<f32>)> = x_gradient_of_task
        .into_par_iter()
        .enumerate()
        .map(|(task, mut x_gradient)| {
            let mut scratch = stage.scratch(at_once);
            let mut weight_gradient = vec![0.0; weight.len()];
            let mut bias_gradient = vec![0.0; g.out_channels];
            let start = task * IMAGES_PER_TASK;
            let end = g.images.min(start + IMAGES_PER_TASK);
            for first in (start..end).step_by(at_once) {
                let last = end.min(first + at_once);
                let images = (first..last).map(|image| {
                    let kept = Kept {
                        input: &x[image * input_len..][..input_len],
                        output: &output[image * output_len..][..output_len],
                        winners: &winners[image * winners_len..][..winners_len],
                    };
                    (kept, &output_gradient[image * output_len..][..output_len])
                });
                let x_gradient = x_gradient.as_deref_mut().map(|gradient| {
                    &mut gradient[(first - start) * input_len..(last - start) * input_len]
                });
                let sums = (&mut weight_gradient[..], &mut bias_gradient[..]);
                stage.backward(&mut scratch, images, x_gradient, sums);
            }
            (weight_gradient, bias_gradient)
        })
        .collect();

    // In the order of the tasks, whichever finished first: floating-point sums depend on the order.
    let mut weight_gradient = vec![0.0; weight.len()];
    let mut bias_gradient = vec![0.0; g.out_channels];
    for (weight, bias) in &partial_sums {
        weight_gradient
            .iter_mut()
            .zip(weight)
            .for_each(|(sum, part)| *sum += part);
        bias_gradient
            .iter_mut()
            .zip(bias)
            .for_each(|(sum, part)| *sum += part);
    }
    let [height, width] = g.input;
    Gradients {
        x: wants_x.then(|| {
            B::from_values(
                x_gradient,
                Shape::from([g.images, g.in_channels, height, width]),
            )
        }),
        weight: B::from_values(
            stage.restore(weight_gradient),
            Shape::from([g.out_channels, g.in_channels, 3, 3]),
        ),
        bias: B::from_values(bias_gradient, Shape::from([g.out_channels])),
    }
}
