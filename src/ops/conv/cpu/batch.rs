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
/// How many tasks a thread takes at once, with the same buffers: a quarter of its share.
fn in_a_row(tasks: usize) -> usize {
    tasks.div_ceil(4 * rayon::current_num_threads())
}

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
    let winners_len = g.winners_len();
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
    let tasks = g.images.div_ceil(IMAGES_PER_TASK);
    B::values(&inputs.x)
        .par_chunks(IMAGES_PER_TASK * input_len)
        .zip(output.par_chunks_mut(IMAGES_PER_TASK * output_len))
        .zip(winners_of_task)
        .with_min_len(in_a_row(tasks))
        .for_each_init(
            || stage.scratch(),
            |scratch, ((inputs, outputs), winners)| {
                stage.forward(scratch, inputs, outputs, winners);
            },
        );
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
    let kept = Kept {
        input: x,
        output,
        winners,
    };

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
    let partial_sums: Vec<(Vec<f32>, Vec<f32>)> = x_gradient_of_task
        .into_par_iter()
        .enumerate()
        .with_min_len(in_a_row(tasks))
        .map_init(
            || stage.scratch(),
            |scratch, (task, x_gradient)| {
                let mut weight_gradient = vec![0.0; weight.len()];
                let mut bias_gradient = vec![0.0; g.out_channels];
                let start = task * IMAGES_PER_TASK;
                let end = g.images.min(start + IMAGES_PER_TASK);
                stage.backward(
                    scratch,
                    kept.part(g, start..end),
                    &output_gradient[start * output_len..end * output_len],
                    x_gradient,
                    (&mut weight_gradient, &mut bias_gradient),
                );
                (weight_gradient, bias_gradient)
            },
        )
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
