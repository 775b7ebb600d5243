//! SSIM with its gradients on the CPU backends: plane by plane, in a cache, shared among threads.
//!
//! The arithmetic is that of [`super::reference`], whose names are used here. In tensor operations most
//! of the time went into reading and writing what lies between them.
//!
//! What a window sees beyond the image is written around it, so that all borders are one case. The
//! four moments of a row lie side by side, and a blur is one pass over all rows as if they were a
//! single line: of `stride` 1 along rows, of a line's length down columns. What it mixes at the ends of
//! rows belongs to no window. The transpose is the same pass, since the weights are symmetric, over
//! values with zeros around them.

#![expect(
    clippy::inline_always,
    reason = "what isn't part of `Part::call` isn't compiled for wider vectors"
)]

use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use rayon::prelude::*;

use super::backend::{Comparison, Term};
use super::config::Border;
use crate::ops::CpuBackend;

/// x, y, x² + y² and (x − y)²
const MOMENTS: usize = 4;
/// Pixels that a task handles at least: some microseconds' work.
const PIXELS_PER_TASK: usize = 1 << 13;
/// Values that are computed side by side: the widest vector of any processor. A row's length is a
/// multiple of it.
const LANES: usize = 16;
/// Values of a blur that are summed side by side.
const BLURRED: usize = 4 * LANES;

type Lanes = [f32; LANES];

/// The scores `[N, C]` of images `[N, C, H, W]`, and the gradients of their sum by `x` and, if `G` is 2,
/// by `y`.
pub(super) fn gradients<B: CpuBackend, const G: usize>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> (FloatTensor<B>, [FloatTensor<B>; G]) {
    let shape = x.shape();
    let [images, channels, height, width] = [shape[0], shape[1], shape[2], shape[3]];
    let (x, y) = (B::contiguous(x), B::contiguous(y));
    let (count, pixels) = (images * channels, height * width);
    let plan = Plan::new(height, width, comparison);

    let mut scores = vec![0.0; count];
    // [N·C, G, H, W]
    let mut gradients = vec![0.0; count * G * pixels];
    let at_once = PIXELS_PER_TASK.div_ceil(pixels);
    let parts = (
        B::values(&x).par_chunks(at_once * pixels),
        B::values(&y).par_chunks(at_once * pixels),
        scores.par_chunks_mut(at_once),
        gradients.par_chunks_mut(at_once * G * pixels),
    );
    parts.into_par_iter().for_each(|(x, y, scores, gradients)| {
        let plan = &plan;
        // With the widest vectors that the processor has.
        pulp::Arch::new().dispatch(Part::<G> {
            plan,
            x,
            y,
            scores,
            gradients,
        });
    });

    let mut sides = if G == 1 {
        vec![gradients]
    } else {
        let side = |side| {
            let planes = gradients.chunks_exact(pixels).skip(side).step_by(G);
            planes.flatten().copied().collect()
        };
        (0..G).map(side).collect()
    };
    let tensors = std::array::from_fn(|side| {
        let values = std::mem::take(&mut sides[side]);
        B::from_values(values, shape.clone())
    });
    let scores = B::from_values(scores, Shape::from([images, channels]));
    (scores, tensors)
}

/// Some planes, and where their results go.
struct Part<'a, const G: usize> {
    plan: &'a Plan,
    x: &'a [f32],
    y: &'a [f32],
    scores: &'a mut [f32],
    gradients: &'a mut [f32],
}

impl<const G: usize> pulp::NullaryFnOnce for Part<'_, G> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let plan = self.plan;
        let pixels = plan.size.iter().product();
        let mut scratch = Scratch::new(plan, G);
        let pairs = self.x.chunks_exact(pixels).zip(self.y.chunks_exact(pixels));
        let results = self
            .scores
            .iter_mut()
            .zip(self.gradients.chunks_exact_mut(G * pixels));
        for ((x, y), (score, gradients)) in pairs.zip(results) {
            *score = plan.differentiate::<G>([x, y], gradients, &mut scratch);
        }
    }
}

/// What is the same for all planes.
struct Plan {
    size: [usize; 2],
    /// Rows and columns around the image on each side.
    margin: usize,
    /// Rows with the margin, and the length of a row, which has room for it.
    padded: [usize; 2],
    /// Rows of windows, and windows in a row.
    map: [usize; 2],
    /// What a window counts for, by its column; 0 where there is none. `[w]`
    shares: Vec<f32>,
    border: Border,
    /// How often the term's loss, 1 less the term, has the luminance's and the structure's, and how often
    /// their product is taken off. Numbers, since a branch would be taken one window at a time.
    parts: [f32; 3],
    weights: Vec<f32>,
    c1: f32,
    c2: f32,
    factor: f32,
}

/// What is computed on the way. `R` are the padded rows, `r` those of windows, `w` is the length of a row,
/// `t` the taps less one.
struct Scratch {
    /// `[R, w]`, less the pivots
    x: Vec<f32>,
    y: Vec<f32>,
    /// `[R, 4, w]`
    moments: Vec<f32>,
    /// `[r, 4, w]`, and `t` more
    down: Vec<f32>,
    /// `[r, 4, w]`
    means: Vec<f32>,
    /// `t` zeros, then `[r, G + 2, w]`, zeros where there are no windows
    coefficients: Vec<f32>,
    /// `[t + r + t, G + 2, w]`, the first and last `t` lines zeros
    across: Vec<f32>,
    /// `[R, G + 2, w]`
    spread: Vec<f32>,
    /// `[w]`
    row: Vec<f32>,
}

impl Scratch {
    fn new(plan: &Plan, gradients: usize) -> Self {
        let [rows, width] = plan.padded;
        let [windows, _] = plan.map;
        let taps = plan.weights.len() - 1;
        let (line, results) = (MOMENTS * width, (gradients + 2) * width);
        Self {
            x: vec![0.0; rows * width],
            y: vec![0.0; rows * width],
            moments: vec![0.0; rows * line],
            down: vec![0.0; windows * line + taps],
            means: vec![0.0; windows * line],
            coefficients: vec![0.0; taps + windows * results],
            across: vec![0.0; (windows + 2 * taps) * results],
            spread: vec![0.0; rows * results],
            row: vec![0.0; width],
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
#[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
impl Plan {
    fn new(height: usize, width: usize, comparison: &Comparison) -> Self {
        let config = &comparison.config;
        let weights = config.window.weights();
        let margin = match config.border {
            Border::Valid => 0,
            Border::Zero | Border::Reflect => weights.len() / 2,
        };
        let [c1, c2] = config.constants().map(|constant| constant as f32);
        let length = (width + 2 * margin).next_multiple_of(LANES);
        let map = config.map_size(height, width);
        let share = 1.0 / map.iter().product::<usize>() as f32;
        let share = |column| if column < map[1] { share } else { 0.0 };
        Self {
            size: [height, width],
            margin,
            padded: [height + 2 * margin, length],
            map,
            shares: (0..length).map(share).collect(),
            border: config.border,
            parts: match comparison.term {
                Term::Similarity => [1.0, 1.0, 1.0],
                Term::Luminance => [1.0, 0.0, 0.0],
                Term::ContrastStructure => [0.0, 1.0, 0.0],
            },
            weights: weights.into_iter().map(|weight| weight as f32).collect(),
            c1,
            c2,
            factor: config.covariance_factor() as f32,
        }
    }

    /// One plane's score. `gradients` are `G` planes.
    #[inline(always)]
    fn differentiate<const G: usize>(
        &self,
        planes: [&[f32]; 2],
        gradients: &mut [f32],
        all: &mut Scratch,
    ) -> f32 {
        let pivots = planes.map(|plane| sum(plane) / plane.len() as f32);
        self.pad(planes[0], pivots[0], &mut all.x);
        self.pad(planes[1], pivots[1], &mut all.y);
        self.moments(all);
        let [_, width] = self.padded;
        let (line, results) = (MOMENTS * width, (G + 2) * width);
        blur(&all.moments, line, &self.weights, &mut all.down);
        blur(&all.down, 1, &self.weights, &mut all.means);

        let loss = self.windows::<G>(pivots, all);
        let above = (self.weights.len() - 1) * results;
        let inner = &mut all.across[above..][..self.map[0] * results];
        blur(&all.coefficients, 1, &self.weights, inner);
        blur(&all.across, results, &self.weights, &mut all.spread);
        gradients.fill(0.0);
        for (side, gradient) in gradients.chunks_exact_mut(planes[0].len()).enumerate() {
            self.gather::<G>(side, all, gradient);
        }
        1.0 - loss
    }

    /// The pixel that a padded place shows along an axis of `side` pixels; none beyond a border of zeros.
    #[inline(always)]
    fn source(&self, place: usize, side: usize) -> Option<usize> {
        let reflects = self.border == Border::Reflect;
        match place.checked_sub(self.margin) {
            Some(pixel) if pixel < side => Some(pixel),
            Some(pixel) if reflects => Some(2 * (side - 1) - pixel),
            None if reflects => Some(self.margin - place),
            _ => None,
        }
    }

    /// The places of a row that lie beyond the image.
    #[inline(always)]
    fn beside(&self) -> impl Iterator<Item = usize> + use<> {
        let end = self.margin + self.size[1];
        (0..self.margin).chain(end..end + self.margin)
    }

    /// A plane less its pivot, with what lies beyond its border.
    #[inline(always)]
    fn pad(&self, plane: &[f32], pivot: f32, padded: &mut [f32]) {
        let [height, width] = self.size;
        for (place, row) in padded.chunks_exact_mut(self.padded[1]).enumerate() {
            let Some(source) = self.source(place, height) else {
                row.fill(-pivot);
                continue;
            };
            let source = &plane[source * width..][..width];
            for (value, pixel) in row[self.margin..].iter_mut().zip(source) {
                *value = pixel - pivot;
            }
            for place in self.beside() {
                let pixel = self.source(place, width);
                row[place] = pixel.map_or(0.0, |pixel| source[pixel]) - pivot;
            }
        }
    }

    #[inline(always)]
    fn moments(&self, all: &mut Scratch) {
        let [_, width] = self.padded;
        let rows = all.x.chunks_exact(width).zip(all.y.chunks_exact(width));
        for ((x, y), line) in rows.zip(all.moments.chunks_exact_mut(MOMENTS * width)) {
            let [first, second, squares, squared_differences] = segments_mut(line);
            for place in 0..width / LANES {
                let (x, y) = (lanes(x)[place], lanes(y)[place]);
                first[place] = x;
                second[place] = y;
                squares[place] = each(|lane| x[lane] * x[lane] + y[lane] * y[lane]);
                squared_differences[place] = each(|lane| (x[lane] - y[lane]) * (x[lane] - y[lane]));
            }
        }
    }

    /// Writes the coefficients of each window, for `G` gradients, and returns the mean loss.
    #[inline(always)]
    fn windows<const G: usize>(&self, pivots: [f32; 2], all: &mut Scratch) -> f32 {
        let [_, width] = self.padded;
        let inner = &mut all.coefficients[self.weights.len() - 1..];
        let means = all.means.chunks_exact(MOMENTS * width);
        let mut losses = [0.0; LANES];
        for (means, results) in means.zip(inner.chunks_exact_mut((G + 2) * width)) {
            for (place, share) in lanes(&self.shares).iter().enumerate() {
                let [mean_x, mean_y, squares, squared_differences] =
                    [0, 1, 2, 3].map(|moment| lanes(&means[moment * width..])[place]);
                let mut results_here = [[0.0; LANES]; 4];
                for lane in 0..LANES {
                    let window = self.window(
                        [mean_x[lane], mean_y[lane]],
                        pivots,
                        squares[lane],
                        squared_differences[lane],
                    );
                    losses[lane] += share[lane] * window.loss;
                    results_here[0][lane] = share[lane] * window.by_means[0];
                    results_here[1][lane] = share[lane] * window.by_means[1];
                    results_here[2][lane] = share[lane] * window.by_difference;
                    results_here[3][lane] = share[lane] * window.by_spread;
                }
                for side in 0..G {
                    lanes_mut(&mut results[side * width..])[place] = results_here[side];
                }
                lanes_mut(&mut results[G * width..])[place] = results_here[2];
                lanes_mut(&mut results[(G + 1) * width..])[place] = results_here[3];
            }
        }
        losses.iter().sum()
    }

    /// As `Pair::compare` and `Windows` of [`super::reference`].
    #[inline(always)]
    fn window(
        &self,
        [mean_x, mean_y]: [f32; 2],
        [pivot_x, pivot_y]: [f32; 2],
        squares: f32,
        squared_differences: f32,
    ) -> Window {
        let mean_difference = mean_x - mean_y;
        let variances = at_least_zero(squares - (mean_x * mean_x + mean_y * mean_y));
        let variance_of_difference =
            at_least_zero(squared_differences - mean_difference * mean_difference);
        let (full_mean_x, full_mean_y) = (mean_x + pivot_x, mean_y + pivot_y);
        let difference = full_mean_x - full_mean_y;
        let energy = full_mean_x * full_mean_x + full_mean_y * full_mean_y + self.c1;
        let scale = self.factor / (variances * self.factor + self.c2);
        let luminance_loss = difference * difference / energy;
        let structure_loss = variance_of_difference * scale;

        let [luminance, structure, product] = self.parts;
        let both = product * luminance_loss * structure_loss;
        let by_luminance = luminance - product * structure_loss;
        let by_structure = structure - product * luminance_loss;
        let slope = 2.0 * by_luminance / energy;
        let by_difference = 2.0 * by_structure * scale;
        let by_spread = by_difference * structure_loss;
        let pulled = mean_difference * by_difference;
        Window {
            loss: luminance * luminance_loss + structure * structure_loss - both,
            by_means: [
                (luminance_loss * full_mean_x - difference) * slope + pulled - by_spread * mean_x,
                (luminance_loss * full_mean_y + difference) * slope - pulled - by_spread * mean_y,
            ],
            by_difference,
            by_spread,
        }
    }

    /// The gradient by one of `G` images: what the windows say of each place, added where the pixel is
    /// that it shows.
    #[inline(always)]
    fn gather<const G: usize>(&self, side: usize, all: &mut Scratch, gradient: &mut [f32]) {
        let [height, width] = self.size;
        let [_, length] = self.padded;
        let (own, other) = match side {
            0 => (&all.x, &all.y),
            _ => (&all.y, &all.x),
        };
        let rows = own.chunks_exact(length).zip(other.chunks_exact(length));
        let spread = all.spread.chunks_exact((G + 2) * length);
        for (place, ((own, other), spread)) in rows.zip(spread).enumerate() {
            let Some(row) = self.source(place, height) else {
                continue;
            };
            for (place, by) in lanes_mut(&mut all.row).iter_mut().enumerate() {
                let [by_mean, by_difference, by_spread] =
                    [side, G, G + 1].map(|result| lanes(&spread[result * length..])[place]);
                let (own, other) = (lanes(own)[place], lanes(other)[place]);
                *by = each(|lane| {
                    by_mean[lane] - (own[lane] - other[lane]) * by_difference[lane]
                        + own[lane] * by_spread[lane]
                });
            }
            let row = &mut gradient[row * width..][..width];
            for (value, by) in row.iter_mut().zip(&all.row[self.margin..]) {
                *value += by;
            }
            for place in self.beside() {
                if let Some(column) = self.source(place, width) {
                    row[column] += all.row[place];
                }
            }
        }
    }
}

struct Window {
    loss: f32,
    by_means: [f32; 2],
    by_difference: f32,
    by_spread: f32,
}

/// Not `max`, which hides what is no number.
#[inline(always)]
fn at_least_zero(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

/// A row, some values at a time.
#[inline(always)]
fn lanes(row: &[f32]) -> &[Lanes] {
    row.as_chunks().0
}

#[inline(always)]
fn lanes_mut(row: &mut [f32]) -> &mut [Lanes] {
    row.as_chunks_mut().0
}

/// `N` equal parts of a line.
#[inline(always)]
fn segments_mut<const N: usize>(line: &mut [f32]) -> [&mut [Lanes]; N] {
    let mut segments = line.chunks_exact_mut(line.len() / N);
    std::array::from_fn(|_| lanes_mut(segments.next().expect("N of them")))
}

#[inline(always)]
fn each(value: impl Fn(usize) -> f32) -> Lanes {
    let mut values = [0.0; LANES];
    for (lane, target) in values.iter_mut().enumerate() {
        *target = value(lane);
    }
    values
}

/// `output[i] = Σ weights[t] · input[i + t · stride]`, as far as the input goes.
#[inline(always)]
fn blur(input: &[f32], stride: usize, weights: &[f32], output: &mut [f32]) {
    let count = output.len().min(input.len() - (weights.len() - 1) * stride);
    let (chunks, rest) = output[..count].as_chunks_mut::<BLURRED>();
    for (index, chunk) in chunks.iter_mut().enumerate() {
        let mut sums = [0.0; BLURRED];
        for (tap, weight) in weights.iter().enumerate() {
            let values = &input[index * BLURRED + tap * stride..][..BLURRED];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        *chunk = sums;
    }
    let start = count - rest.len();
    for (index, value) in rest.iter_mut().enumerate() {
        let mut sum = 0.0;
        for (tap, weight) in weights.iter().enumerate() {
            sum += weight * input[start + index + tap * stride];
        }
        *value = sum;
    }
}

#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    let mut total = 0.0;
    for value in sums.iter().chain(rest) {
        total += value;
    }
    total
}
