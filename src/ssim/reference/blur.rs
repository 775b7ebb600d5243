//! Means over the window, for every border, and the transpose of taking them.
//!
//! This blur is separable; each of its two passes is a product with a banded matrix, and one product
//! serves a whole batch. Of a large matrix, only blocks along the diagonal are multiplied.

use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{DType, Shape, TensorData};

use super::planes::Planes;
use crate::ssim::config::{Border, SsimConfig};

/// Outputs of one block. Sides of small images fit one, which is fastest; larger blocks would multiply
/// by ever more zeros.
const BLOCK: usize = 128;

/// The device and type of all tensors in a product.
pub struct Place<B: Backend> {
    pub device: B::Device,
    pub dtype: DType,
}

/// The blur with the window, of planes of one size.
pub struct Blur<B: Backend> {
    rows: Matrix<B>,
    columns: Matrix<B>,
    transposed_rows: Matrix<B>,
    transposed_columns: Matrix<B>,
    /// `[1, H', W']`, the weight of each window beyond the image; None where windows don't reach there.
    outside: Option<Planes<B>>,
}

impl<B: Backend> Blur<B> {
    pub fn new(height: usize, width: usize, config: &SsimConfig, place: &Place<B>) -> Self {
        let [rows, columns] = [height, width].map(|side| taps(side, config));
        let outside = (config.border == Border::Zero).then(|| {
            let masses = |taps: &[Taps]| -> Vec<f64> {
                let mass = |taps: &Taps| taps.iter().map(|(_, weight)| weight).sum();
                taps.iter().map(mass).collect()
            };
            let (rows, columns) = (masses(&rows), masses(&columns));
            let outside: Vec<f64> = rows
                .iter()
                .flat_map(|row| columns.iter().map(move |column| 1.0 - row * column))
                .collect();
            let shape = [1, rows.len(), columns.len()];
            Planes(tensor::<B>(&outside, &shape, place))
        });
        Self {
            transposed_rows: Matrix::new(&transposed(&rows, height), place),
            transposed_columns: Matrix::new(&transposed(&columns, width), place),
            rows: Matrix::new(&rows, place),
            columns: Matrix::new(&columns, place),
            outside,
        }
    }

    /// `H'` and `W'`
    pub fn map_size(&self) -> [usize; 2] {
        [self.rows.outputs, self.columns.outputs]
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
    pub fn positions(&self) -> f64 {
        self.map_size().iter().product::<usize>() as f64
    }

    /// `[P, H, W]` → `[P, H', W']`, where `zero` `[P, 1, 1]` are the pixels beyond the image.
    pub fn apply(&self, planes: &Planes<B>, zero: &Planes<B>) -> Planes<B> {
        let blurred = multiply::<B>(planes, &self.rows, &self.columns);
        match &self.outside {
            None => blurred,
            Some(outside) => blurred + zero * outside,
        }
    }

    /// `[P, H', W']` → `[P, H, W]`
    pub fn apply_transposed(&self, planes: &Planes<B>) -> Planes<B> {
        multiply::<B>(planes, &self.transposed_rows, &self.transposed_columns)
    }
}

/// Both passes of a blur. A batch of small products instead of one large one would be far slower.
fn multiply<B: Backend>(planes: &Planes<B>, rows: &Matrix<B>, columns: &Matrix<B>) -> Planes<B> {
    let shape = planes.0.shape();
    let [count, height, width] = [shape[0], shape[1], shape[2]];
    let reshape = |tensor, shape: &[usize]| B::float_reshape(tensor, Shape::from(shape));

    let lines = reshape(planes.0.clone(), &[count * height, width]);
    let blurred = reshape(columns.apply(lines), &[count, height, columns.outputs]);
    let turned = B::float_swap_dims(blurred, 1, 2);
    let lines = reshape(turned, &[count * columns.outputs, height]);
    let blurred = reshape(rows.apply(lines), &[count, columns.outputs, rows.outputs]);
    Planes(B::float_swap_dims(blurred, 1, 2))
}

/// The pixels that one window takes along an axis, and their weights.
type Taps = Vec<(usize, f64)>;

/// The taps of each window along an axis of `side` pixels.
fn taps(side: usize, config: &SsimConfig) -> Vec<Taps> {
    let weights = config.window.weights();
    // From a window's first pixel to the one whose position it has in the map.
    let origin = match config.border {
        Border::Valid => 0,
        Border::Zero | Border::Reflect => weights.len() / 2,
    };
    let [windows, _] = config.map_size(side, side);
    let pixel = |padded: usize| match config.border {
        Border::Reflect if padded < origin => Some(origin - padded),
        Border::Reflect if padded - origin >= side => Some(2 * (side - 1) - (padded - origin)),
        _ => padded.checked_sub(origin).filter(|&pixel| pixel < side),
    };
    (0..windows)
        .map(|window| {
            let taps = weights.iter().enumerate();
            taps.filter_map(|(tap, &weight)| Some((pixel(window + tap)?, weight)))
                .collect()
        })
        .collect()
}

fn transposed(taps: &[Taps], side: usize) -> Vec<Taps> {
    let mut transposed = vec![Taps::new(); side];
    for (window, taps) in taps.iter().enumerate() {
        for &(pixel, weight) in taps {
            transposed[pixel].push((window, weight));
        }
    }
    transposed
}

/// A banded matrix, which multiplies lines from the right.
struct Matrix<B: Backend> {
    blocks: Vec<Block<B>>,
    inputs: usize,
    outputs: usize,
}

/// The columns of some neighbouring outputs, without the rows that are zero in all of them.
struct Block<B: Backend> {
    inputs: Range<usize>,
    /// `[inputs, outputs]`
    weights: FloatTensor<B>,
}

impl<B: Backend> Matrix<B> {
    /// From the taps of each output.
    fn new(taps: &[Taps], place: &Place<B>) -> Self {
        let inputs = |taps: &[Taps]| {
            let pixels = || taps.iter().flatten().map(|&(pixel, _)| pixel);
            let first = pixels().min().unwrap_or_default();
            first..pixels().max().map_or(first + 1, |last| last + 1)
        };
        let blocks = taps.chunks(BLOCK).map(|taps| {
            let inputs = inputs(taps);
            let mut weights = vec![0.0; inputs.len() * taps.len()];
            for (output, taps_of_output) in taps.iter().enumerate() {
                for &(pixel, weight) in taps_of_output {
                    // A window may see a pixel twice: itself and its mirror image.
                    weights[(pixel - inputs.start) * taps.len() + output] += weight;
                }
            }
            Block {
                weights: tensor::<B>(&weights, &[inputs.len(), taps.len()], place),
                inputs,
            }
        });
        Self {
            blocks: blocks.collect(),
            inputs: inputs(taps).end,
            outputs: taps.len(),
        }
    }

    /// `[L, inputs]` → `[L, outputs]`
    fn apply(&self, lines: FloatTensor<B>) -> FloatTensor<B> {
        let count = lines.shape()[0];
        let mut outputs: Vec<FloatTensor<B>> = self
            .blocks
            .iter()
            .map(|block| {
                let lines = if block.inputs == (0..self.inputs) {
                    lines.clone()
                } else {
                    let range = [(0..count).into(), block.inputs.clone().into()];
                    B::float_slice(lines.clone(), &range)
                };
                B::float_matmul(lines, block.weights.clone())
            })
            .collect();
        if outputs.len() > 1 {
            return B::float_cat(outputs, 1);
        }
        outputs.remove(0)
    }
}

fn tensor<B: Backend>(values: &[f64], shape: &[usize], place: &Place<B>) -> FloatTensor<B> {
    let data = TensorData::new(values.to_vec(), shape).convert_dtype(place.dtype);
    B::float_from_data(data, &place.device)
}
