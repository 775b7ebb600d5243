//! The convolution stage on the CPU backends: a batch, shared among threads.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use rayon::prelude::*;

use super::direction::{Direction, Wanted};
use super::geometry::Geometry;
use super::kernels::{Kept, Stage, Sums};
use super::product::add;
use super::scratch::Lease;
use crate::ops::cpu::CpuBackend;
use crate::ops::unwritten::{Part, Unwritten};

/// Images that one task handles. Fixed, so that sums over a batch, and with them the weights, are the
/// same to the bit however many threads there are.
const IMAGES_PER_TASK: usize = 8;
/// Sums of the weights' gradient that a task adds up, of all images.
const SUMS_PER_TASK: usize = 4096;
/// Sums that are kept until they are added up, 64 MiB, unless each thread's own are more.
const MOST_SUMS: usize = 1 << 24;

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
    let (weight, bias) = (B::values(&inputs.weight), B::values(&inputs.bias));
    let stage = Stage::new(g, weight, bias, Direction::Forward);
    let (input_len, output_len) = (g.input_len(), g.output_len());
    let winners_len = g.winners_len();
    let mut output = Unwritten::new(g.images * output_len);
    let mut winners = vec![0; g.images * winners_len];

    // `chunks_mut(0)` panics, so without pooling each task gets an empty slice.
    let winners_of_task: Vec<&mut [u8]> = if winners_len == 0 {
        (0..g.images.div_ceil(IMAGES_PER_TASK))
            .map(|_| Default::default())
            .collect()
    } else {
        winners.chunks_mut(IMAGES_PER_TASK * winners_len).collect()
    };
    let tasks: Vec<Part> = output.parts(IMAGES_PER_TASK * output_len).collect();
    let in_a_row = in_a_row(tasks.len());
    B::values(&inputs.x)
        .par_chunks(IMAGES_PER_TASK * input_len)
        .zip(tasks)
        .zip(winners_of_task)
        .with_min_len(in_a_row)
        .for_each_init(
            || stage.scratch(false),
            |scratch, ((inputs, mut outputs), winners)| {
                stage.forward(scratch, inputs, &mut outputs, winners);
            },
        );
    (
        B::from_values(output.into_vec(), Shape::from(g.output_shape())),
        Arc::new(winners),
    )
}

/// Gradients with respect to `x`, weight and bias, in their shapes, where they are wanted.
pub(super) struct Gradients<T> {
    pub x: Option<T>,
    pub weight_and_bias: Option<(T, T)>,
}

/// The transpose of [`forward`]'s derivative, applied to `output_gradient`.
pub(super) fn backward<B: CpuBackend>(
    g: &Geometry,
    inputs: &Inputs<FloatTensor<B>>,
    output: &FloatTensor<B>,
    winners: &Winners,
    output_gradient: FloatTensor<B>,
    wanted: Wanted,
) -> Gradients<FloatTensor<B>> {
    let (weight, bias) = (B::values(&inputs.weight), B::values(&inputs.bias));
    let stage = Stage::new(g, weight, bias, Direction::Backward(wanted));
    let output_gradient = B::contiguous(output_gradient);
    let (x, output) = (B::values(&inputs.x), B::values(output));
    let output_gradient = B::values(&output_gradient);
    let (input_len, output_len) = (g.input_len(), g.output_len());
    let kept = Kept {
        input: x,
        output,
        winners,
    };

    let mut x_gradient = wanted.images.then(|| Unwritten::new(x.len()));
    let tasks = g.images.div_ceil(IMAGES_PER_TASK);
    let x_gradient_of_task: Vec<Option<Part>> = match &mut x_gradient {
        Some(gradient) => gradient
            .parts(IMAGES_PER_TASK * input_len)
            .map(Some)
            .collect(),
        None => (0..tasks).map(|_| None).collect(),
    };
    let mut sums = wanted.weights.then(|| stage.no_sums());
    let backward = |scratch: &mut Lease, (task, mut x_gradient): (usize, Option<Part>)| {
        let mut sums = wanted.weights.then(|| stage.no_sums());
        let start = task * IMAGES_PER_TASK;
        let end = g.images.min(start + IMAGES_PER_TASK);
        stage.backward(
            scratch,
            kept.part(g, start..end),
            &output_gradient[start * output_len..end * output_len],
            x_gradient.as_mut(),
            sums.as_mut(),
        );
        sums
    };
    let at_once = (MOST_SUMS / g.weight_len().max(1)).max(2 * rayon::current_num_threads());
    let mut left = x_gradient_of_task.into_iter().enumerate();
    for _ in 0..tasks.div_ceil(at_once) {
        let tasks: Vec<_> = left.by_ref().take(at_once).collect();
        let in_a_row = in_a_row(tasks.len());
        let partial_sums: Vec<Option<Sums>> = tasks
            .into_par_iter()
            .with_min_len(in_a_row)
            .map_init(|| stage.scratch(true), backward)
            .collect();
        if let Some(sums) = &mut sums {
            add_all(sums, &partial_sums);
        }
    }
    drop(left);
    let [height, width] = g.input;
    Gradients {
        x: x_gradient.map(|gradient| {
            B::from_values(
                gradient.into_vec(),
                Shape::from([g.images, g.in_channels, height, width]),
            )
        }),
        weight_and_bias: sums.map(|Sums { weight, bias }| {
            let shape = Shape::from([g.out_channels, g.in_channels, 3, 3]);
            (
                B::from_values(stage.restore(weight), shape),
                B::from_values(bias, Shape::from([g.out_channels])),
            )
        }),
    }
}

/// Adds up what tasks have, in their order, whichever finished first: floating-point sums depend on the order.
fn add_all(sums: &mut Sums, of_tasks: &[Option<Sums>]) {
    let of_tasks = || of_tasks.iter().flatten();
    sums.weight
        .par_chunks_mut(SUMS_PER_TASK)
        .enumerate()
        .for_each(|(index, sums)| {
            for task in of_tasks() {
                add(sums, &task.weight[index * SUMS_PER_TASK..][..sums.len()]);
            }
        });
    for task in of_tasks() {
        add(&mut sums.bias, &task.bias);
    }
}
