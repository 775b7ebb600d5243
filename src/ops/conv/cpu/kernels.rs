//! One image through a convolution stage and back, on plain `f32` slices.
//!
//! Layouts, all row-major: images `[C, H, W]`; weights `[C_out, C_in·9]` where the taps are spread
//! over the input, `[C_out·9, C_in]` where they are spread over the output
//! (see [`Geometry::spreads_input`]). Tap `t = 3·ky + kx` reads at offset `(ky − 1, kx − 1)`, with
//! zeros outside the image.

use super::gemm::{Matrix, multiply};
use super::geometry::Geometry;

const TAPS: usize = 9;
/// Marks a pooled output whose window had no positive value, so that no gradient flows.
const INACTIVE: u8 = 4;

/// Buffers that a thread reuses for each of its images.
pub(super) struct Scratch {
    /// The nine shifted copies: `[C·9, pixels]`.
    taps: Vec<f32>,
    /// The convolution's result, or its gradient: `[C_out, H, W]`.
    conv: Vec<f32>,
}

impl Scratch {
    pub fn new(g: &Geometry) -> Self {
        let taps = if g.spreads_input() {
            TAPS * g.in_channels * g.conv_plane()
        } else {
            TAPS * g.out_channels * g.input_plane()
        };
        Self {
            taps: vec![0.0; taps],
            conv: vec![0.0; g.out_channels * g.conv_plane()],
        }
    }
}

/// Weights `[C_out, C_in, 3, 3]` in the layout that the geometry asks for.
pub(super) fn arrange_weight(g: &Geometry, weight: &[f32]) -> Vec<f32> {
    if g.spreads_input() {
        return weight.to_vec();
    }
    transpose_taps(weight, g.out_channels, g.in_channels, TAPS)
}

/// The inverse of [`arrange_weight`], for the weights' gradient.
pub(super) fn restore_weight(g: &Geometry, arranged: Vec<f32>) -> Vec<f32> {
    if g.spreads_input() {
        return arranged;
    }
    transpose_taps(&arranged, g.out_channels, TAPS, g.in_channels)
}

/// Swaps the inner two axes of `[outer, rows, columns]`.
fn transpose_taps(source: &[f32], outer: usize, rows: usize, columns: usize) -> Vec<f32> {
    let mut target = Vec::with_capacity(source.len());
    for block in source.chunks_exact(rows * columns).take(outer) {
        for column in 0..columns {
            target.extend((0..rows).map(|row| block[row * columns + column]));
        }
    }
    target
}

/// One image forward. `winners` takes, for a pooled output, which of its four inputs won.
pub(super) fn forward(
    g: &Geometry,
    Scratch { taps, conv }: &mut Scratch,
    (input, weight, bias): (&[f32], &[f32], &[f32]),
    output: &mut [f32],
    winners: &mut [u8],
) {
    if g.options.max_pool {
        convolve(g, taps, (input, weight, bias), conv);
        pool(g, conv, output, winners);
    } else {
        convolve(g, taps, (input, weight, bias), output);
    }
}

/// Everything before the pooling.
fn convolve(
    g: &Geometry,
    taps: &mut [f32],
    (input, weight, bias): (&[f32], &[f32], &[f32]),
    conv: &mut [f32],
) {
    let (rows, pixels) = (TAPS * g.in_channels, g.conv_plane());
    if g.spreads_input() {
        spread(input, g.input, false, taps);
        multiply(
            Matrix::rows(weight, g.out_channels, rows),
            Matrix::rows(taps, rows, pixels),
            conv,
            false,
        );
    } else {
        multiply(
            Matrix::rows(weight, TAPS * g.out_channels, g.in_channels),
            Matrix::rows(input, g.in_channels, g.input_plane()),
            taps,
            false,
        );
        conv.fill(0.0);
        if g.options.upsample {
            gather_upsampled(taps, g.input, conv);
        } else {
            gather(taps, g.conv, false, conv);
        }
    }
    for (plane, bias) in conv.chunks_exact_mut(pixels).zip(bias) {
        for value in plane {
            let sum = *value + bias;
            // Not `max`, which would turn a NaN into a harmless zero.
            *value = if g.options.relu && sum < 0.0 {
                0.0
            } else {
                sum
            };
        }
    }
}

/// What the forward pass left for the backward pass, of one image.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub input: &'a [f32],
    pub output: &'a [f32],
    pub winners: &'a [u8],
}

/// One image backward: adds to the gradients of weights (arranged) and bias, and sets the input's.
pub(super) fn backward(
    g: &Geometry,
    scratch: &mut Scratch,
    weight: &[f32],
    kept: Kept<'_>,
    output_gradient: &[f32],
    (input_gradient, weight_gradient, bias_gradient): (Option<&mut [f32]>, &mut [f32], &mut [f32]),
) {
    let Scratch { taps, conv } = scratch;
    if g.options.max_pool {
        unpool(g, output_gradient, kept.winners, conv);
    } else {
        conv.copy_from_slice(output_gradient);
        if g.options.relu {
            for (gradient, output) in conv.iter_mut().zip(kept.output) {
                *gradient = if *output > 0.0 { *gradient } else { 0.0 };
            }
        }
    }
    for (plane, bias) in conv.chunks_exact(g.conv_plane()).zip(bias_gradient) {
        *bias += sum(plane);
    }
    let pixels = g.conv_plane();
    if g.spreads_input() {
        let rows = TAPS * g.in_channels;
        spread(kept.input, g.input, false, taps);
        multiply(
            Matrix::rows(conv, g.out_channels, pixels),
            Matrix::rows(taps, rows, pixels).transposed(),
            weight_gradient,
            true,
        );
        if let Some(input_gradient) = input_gradient {
            multiply(
                Matrix::rows(weight, g.out_channels, rows).transposed(),
                Matrix::rows(conv, g.out_channels, pixels),
                taps,
                false,
            );
            input_gradient.fill(0.0);
            gather(taps, g.input, true, input_gradient);
        }
    } else {
        let (rows, pixels) = (TAPS * g.out_channels, g.input_plane());
        if g.options.upsample {
            spread_upsampled(conv, g.input, taps);
        } else {
            spread(conv, g.conv, true, taps);
        }
        multiply(
            Matrix::rows(taps, rows, pixels),
            Matrix::rows(kept.input, g.in_channels, pixels).transposed(),
            weight_gradient,
            true,
        );
        if let Some(input_gradient) = input_gradient {
            multiply(
                Matrix::rows(weight, rows, g.in_channels).transposed(),
                Matrix::rows(taps, rows, pixels),
                input_gradient,
                false,
            );
        }
    }
}

/// A sum in eight lanes, which the compiler turns into vector additions.
fn sum(values: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The part of a row of `width` pixels that tap column `kx` copies: (first source, first target, count).
fn columns(kx: usize, width: usize) -> (usize, usize, usize) {
    match kx {
        0 => (0, 1, width - 1),
        1 => (0, 0, width),
        _ => (1, 0, width - 1),
    }
}

/// Row `y` seen through tap row `ky`: the row it reads, unless that lies outside.
fn source_row(y: usize, ky: usize, height: usize) -> Option<usize> {
    (y + ky).checked_sub(1).filter(|&row| row < height)
}

/// Writes nine shifted copies of each plane: `[C, H, W]` → `[C·9, H·W]`.
/// With `reverse`, tap `t` shifts the other way.
fn spread(planes: &[f32], [height, width]: [usize; 2], reverse: bool, taps: &mut [f32]) {
    let pixels = height * width;
    for (plane, copies) in planes
        .chunks_exact(pixels)
        .zip(taps.chunks_exact_mut(TAPS * pixels))
    {
        for (tap, copy) in copies.chunks_exact_mut(pixels).enumerate() {
            let tap = if reverse { TAPS - 1 - tap } else { tap };
            let (from, to, count) = columns(tap % 3, width);
            for (y, row) in copy.chunks_exact_mut(width).enumerate() {
                let Some(source) = source_row(y, tap / 3, height) else {
                    row.fill(0.0);
                    continue;
                };
                let source = &plane[source * width..][..width];
                row[0] = 0.0;
                row[width - 1] = 0.0;
                row[to..to + count].copy_from_slice(&source[from..from + count]);
            }
        }
    }
}

/// Adds the nine rows of each plane, shifted back: the transpose of [`spread`] with the other
/// `reverse`. `[C·9, H·W]` → `[C, H, W]`.
fn gather(taps: &[f32], [height, width]: [usize; 2], reverse: bool, planes: &mut [f32]) {
    let pixels = height * width;
    for (plane, copies) in planes
        .chunks_exact_mut(pixels)
        .zip(taps.chunks_exact(TAPS * pixels))
    {
        for (tap, copy) in copies.chunks_exact(pixels).enumerate() {
            let tap = if reverse { TAPS - 1 - tap } else { tap };
            let (from, to, count) = columns(tap % 3, width);
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                if let Some(source) = source_row(y, tap / 3, height) {
                    add(
                        &mut row[to..to + count],
                        &copy[source * width + from..][..count],
                    );
                }
            }
        }
    }
}

/// [`gather`] where the taps have half the planes' height and width (`size`), each value standing
/// for a 2×2 block.
fn gather_upsampled(taps: &[f32], [height, width]: [usize; 2], planes: &mut [f32]) {
    let (pixels, wide) = (height * width, 2 * width);
    let mut doubled = vec![0.0; wide];
    for (plane, copies) in planes
        .chunks_exact_mut(4 * pixels)
        .zip(taps.chunks_exact(TAPS * pixels))
    {
        for (tap, copy) in copies.chunks_exact(pixels).enumerate() {
            let (from, to, count) = columns(tap % 3, wide);
            for (y, row) in copy.chunks_exact(width).enumerate() {
                for (pair, value) in doubled.chunks_exact_mut(2).zip(row) {
                    pair.fill(*value);
                }
                // The doubled rows 2y and 2y + 1 land, shifted by the tap, on these target rows.
                for doubled_row in [2 * y, 2 * y + 1] {
                    let target = (doubled_row + 1).checked_sub(tap / 3);
                    if let Some(target) = target.filter(|&row| row < 2 * height) {
                        let target = &mut plane[target * wide + to..][..count];
                        add(target, &doubled[from..from + count]);
                    }
                }
            }
        }
    }
}

/// The transpose of [`gather_upsampled`]: `[C, 2H, 2W]` → `[C·9, H·W]`, with `size` = `[H, W]`.
fn spread_upsampled(planes: &[f32], [height, width]: [usize; 2], taps: &mut [f32]) {
    let (pixels, wide) = (height * width, 2 * width);
    let mut doubled = vec![0.0; wide];
    for (plane, copies) in planes
        .chunks_exact(4 * pixels)
        .zip(taps.chunks_exact_mut(TAPS * pixels))
    {
        for (tap, copy) in copies.chunks_exact_mut(pixels).enumerate() {
            let (from, to, count) = columns(tap % 3, wide);
            for (y, row) in copy.chunks_exact_mut(width).enumerate() {
                doubled.fill(0.0);
                for doubled_row in [2 * y, 2 * y + 1] {
                    let target = (doubled_row + 1).checked_sub(tap / 3);
                    if let Some(target) = target.filter(|&row| row < 2 * height) {
                        add(
                            &mut doubled[from..from + count],
                            &plane[target * wide + to..][..count],
                        );
                    }
                }
                for (value, pair) in row.iter_mut().zip(doubled.chunks_exact(2)) {
                    *value = pair[0] + pair[1];
                }
            }
        }
    }
}

fn add(target: &mut [f32], source: &[f32]) {
    for (target, source) in target.iter_mut().zip(source) {
        *target += source;
    }
}

/// The four inputs of pooled pixel `(y, x)`: top left, top right, bottom left, bottom right.
fn window(y: usize, x: usize, width: usize) -> [usize; 4] {
    let corner = 2 * y * width + 2 * x;
    [corner, corner + 1, corner + width, corner + width + 1]
}

/// 2×2 maxima of each plane; the first of equal values wins.
fn pool(g: &Geometry, conv: &[f32], output: &mut [f32], winners: &mut [u8]) {
    let [height, width] = g.output;
    let planes = conv.chunks_exact(g.conv_plane());
    let targets = output.chunks_exact_mut(height * width);
    let winners = winners.chunks_exact_mut(height * width);
    for ((plane, target), winner) in planes.zip(targets).zip(winners) {
        for y in 0..height {
            for x in 0..width {
                let mut best = (f32::NEG_INFINITY, 0);
                for (index, position) in (0..).zip(window(y, x, g.conv[1])) {
                    if plane[position] > best.0 {
                        best = (plane[position], index);
                    }
                }
                let pixel = y * width + x;
                // A NaN is never greater: let it through, for the loss to show it.
                target[pixel] = if best.0 == f32::NEG_INFINITY {
                    f32::NAN
                } else {
                    best.0
                };
                winner[pixel] = if g.options.relu && best.0 <= 0.0 {
                    INACTIVE
                } else {
                    best.1
                };
            }
        }
    }
}

/// The gradient before pooling (and `ReLU`): each output's gradient goes to its winner.
fn unpool(g: &Geometry, output_gradient: &[f32], winners: &[u8], conv: &mut [f32]) {
    let [height, width] = g.output;
    conv.fill(0.0);
    let gradients = output_gradient.chunks_exact(height * width);
    let winners = winners.chunks_exact(height * width);
    for ((plane, gradient), winner) in conv
        .chunks_exact_mut(g.conv_plane())
        .zip(gradients)
        .zip(winners)
    {
        for y in 0..height {
            for x in 0..width {
                let pixel = y * width + x;
                if winner[pixel] != INACTIVE {
                    plane[window(y, x, g.conv[1])[usize::from(winner[pixel])]] = gradient[pixel];
                }
            }
        }
    }
}
