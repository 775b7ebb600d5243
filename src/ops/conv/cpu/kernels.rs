//! A convolution stage on some images, forward and backward, on plain `f32` slices.

use std::ops::Range;

use super::blocks::{pool, shuffle, unpool, unshuffle};
use super::buffer::first;
use super::direct::{Adjoint, Direct, active};
use super::direction::{Direction, Wanted};
use super::geometry::Geometry;
use super::planes::Layout;
use super::scratch::{Lease, Scratch};
use super::upsampled::{Upsampled, activated};
use super::winograd::{Images, Winograd};
use crate::ops::unwritten::Part;

/// Values that images and their gradients may have in a thread's cache, 512 KiB: the sums over small ones take several
/// images at once, since they are kept in vectors that have to be added up in the end.
const CACHED_VALUES: usize = 1 << 17;
const MOST_AT_ONCE: usize = 8;

/// A stage with its weights, as the kernels want them.
pub(super) struct Stage {
    pub geometry: Geometry,
    bias: Vec<f32>,
    convolution: Convolution,
}

enum Convolution {
    Direct(Direct, Option<Adjoint>),
    Winograd(Winograd),
    Upsampled(Upsampled),
}

/// Gradients of weights and bias, as far as they were added up.
pub(super) struct Sums {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// What the forward pass left for the backward pass, of some images.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub input: &'a [f32],
    pub output: &'a [f32],
    pub winners: &'a [u8],
}

impl<'a> Kept<'a> {
    /// Of some of these images.
    pub fn part(self, g: &Geometry, images: Range<usize>) -> Kept<'a> {
        let of = |len: usize| images.start * len..images.end * len;
        Kept {
            input: &self.input[of(g.input_len())],
            output: &self.output[of(g.output_len())],
            winners: &self.winners[of(g.winners_len())],
        }
    }
}

impl Stage {
    /// Weights are `[C_out, C_in, 3, 3]`.
    pub fn new(geometry: &Geometry, weight: &[f32], bias: &[f32], direction: Direction) -> Self {
        let convolution = if geometry.options.upsample {
            Convolution::Upsampled(Upsampled::new(geometry, weight))
        } else if Winograd::suits(geometry) {
            Convolution::Winograd(Winograd::new(geometry, weight, direction))
        } else {
            let direct = Direct::new(geometry, weight);
            let wants_images =
                matches!(direction, Direction::Backward(Wanted { images: true, .. }));
            let adjoint = wants_images.then(|| Adjoint::new(&direct, weight));
            Convolution::Direct(direct, adjoint)
        };
        Self {
            geometry: *geometry,
            bias: bias.to_vec(),
            convolution,
        }
    }

    /// Sums of gradients, before any is added.
    pub fn no_sums(&self) -> Sums {
        let g = &self.geometry;
        Sums {
            weight: vec![0.0; g.weight_len()],
            bias: vec![0.0; g.out_channels],
        }
    }

    /// How many images are handled at once, in the backward pass.
    fn at_once(&self) -> usize {
        let g = &self.geometry;
        match &self.convolution {
            Convolution::Direct(..) => {
                (CACHED_VALUES / (g.input_len() + g.output_len())).clamp(1, MOST_AT_ONCE)
            }
            Convolution::Winograd(winograd) => winograd.images(),
            Convolution::Upsampled(_) => 1,
        }
    }

    /// Buffers for a thread, for the forward or the backward pass.
    pub fn scratch(&self, is_backward: bool) -> Lease {
        let g = &self.geometry;
        let images = self.at_once();
        let mut scratch = Scratch::lease();
        first(&mut scratch.output, g.output_len(), 0.0);
        if is_backward {
            first(&mut scratch.image_gradients, images * g.input_len(), 0.0);
        }
        match &self.convolution {
            Convolution::Direct(direct, adjoint) => {
                // Borders must be zero.
                let padded = if is_backward { images } else { 1 };
                first(&mut scratch.images, padded * direct.padded_len(), 0.0).fill(0.0);
                if is_backward {
                    first(&mut scratch.gradients, images * direct.gradient_len(), 0.0).fill(0.0);
                }
                let adjoint_len = adjoint.as_ref().map_or(0, Adjoint::product_len);
                let result = direct.product_len().max(adjoint_len);
                first(&mut scratch.product, result, 0.0);
            }
            Convolution::Winograd(_) => {
                if is_backward {
                    first(&mut scratch.gradients, images * g.conv_len(), 0.0);
                }
                first(&mut scratch.product, images * g.conv_len(), 0.0);
            }
            Convolution::Upsampled(upsampled) => {
                first(&mut scratch.images, upsampled.image_len(), 0.0);
                first(&mut scratch.gradients, g.conv_len(), 0.0);
                first(&mut scratch.product, g.conv_len(), 0.0);
                first(&mut scratch.taps, upsampled.taps_len(), 0.0);
            }
        }
        scratch
    }

    /// Some images forward. `winners` takes, for each pooled output, which of its four inputs won.
    pub fn forward(
        &self,
        scratch: &mut Scratch,
        inputs: &[f32],
        outputs: &mut Part,
        winners: &mut [u8],
    ) {
        let g = &self.geometry;
        let activate = g.options.activate;
        let count = inputs.len() / g.input_len();
        let Scratch {
            images,
            product,
            output,
            taps,
            units,
            ..
        } = scratch;
        let output = &mut output[..g.output_len()];
        let mut finish = |image: usize, result: &mut [f32], layout: Layout| {
            let winners = &mut winners[image * g.winners_len()..][..g.winners_len()];
            outputs.extend(self.finish(result, layout, output, winners));
        };
        match &self.convolution {
            Convolution::Direct(direct, _) => {
                let padded = &mut images[..direct.padded_len()];
                let product = &mut product[..direct.product_len()];
                for (image, input) in inputs.chunks_exact(g.input_len()).enumerate() {
                    direct.pad(input, activate, padded);
                    direct.convolve(padded, product);
                    finish(image, product, g.grid().product());
                }
            }
            Convolution::Winograd(winograd) => {
                for first in (0..count).step_by(winograd.images()) {
                    let last = count.min(first + winograd.images());
                    let values = &inputs[first * g.input_len()..last * g.input_len()];
                    let results = &mut product[..(last - first) * g.conv_len()];
                    winograd.convolve(units, Images { values, activate }, results);
                    let results = results.chunks_exact_mut(g.conv_len());
                    for (image, result) in (first..last).zip(results) {
                        finish(image, result, g.grid().plain());
                    }
                }
            }
            Convolution::Upsampled(upsampled) => {
                for (image, input) in inputs.chunks_exact(g.input_len()).enumerate() {
                    let images = &mut images[..upsampled.image_len()];
                    let taps = &mut taps[..upsampled.taps_len()];
                    let product = &mut product[..g.conv_len()];
                    activated(input, activate, images);
                    upsampled.convolve(images, taps, product);
                    finish(image, product, g.grid().plain());
                }
            }
        }
    }

    /// Bias, and what comes behind the convolution, whose result is in `conv`; `output` has room for what becomes of it.
    fn finish<'a>(
        &self,
        conv: &'a mut [f32],
        layout: Layout,
        output: &'a mut [f32],
        winners: &mut [u8],
    ) -> &'a [f32] {
        let g = &self.geometry;
        let options = g.options;
        for (plane, bias) in conv.chunks_exact_mut(layout.plane).zip(&self.bias) {
            for value in plane {
                let sum = *value + bias;
                *value = if options.relu { active(sum) } else { sum };
            }
        }
        let plain = g.grid().plain();
        if options.max_pool {
            pool(g, conv, layout, output, winners);
        } else if options.shuffle {
            shuffle(g.grid(), conv, layout, output);
        } else if layout == plain {
            return conv;
        } else {
            g.grid()
                .copy((conv, layout), (output, plain), |source, target| {
                    target.copy_from_slice(source);
                });
        }
        output
    }

    /// Some images backward: adds to the gradients of weights and bias, and sets the images'; those that are wanted.
    pub fn backward(
        &self,
        scratch: &mut Scratch,
        kept: Kept,
        output_gradients: &[f32],
        mut image_gradients: Option<&mut Part>,
        mut sums: Option<&mut Sums>,
    ) {
        let g = &self.geometry;
        let count = output_gradients.len() / g.output_len();
        for first in (0..count).step_by(self.at_once()) {
            let images = first..count.min(first + self.at_once());
            let kept = kept.part(g, images.clone());
            let of = |len: usize| images.start * len..images.end * len;
            let gradients = &output_gradients[of(g.output_len())];
            self.backward_at_once(
                scratch,
                kept,
                gradients,
                image_gradients.is_some(),
                sums.as_deref_mut(),
            );
            if let Some(targets) = &mut image_gradients {
                let gradients = &scratch.image_gradients[..kept.input.len()];
                if g.options.activate {
                    // None where the activation before the convolution is flat.
                    targets.extend_by(gradients, kept.input, |gradient, input| {
                        if input > 0.0 { gradient } else { 0.0 }
                    });
                } else {
                    targets.extend(gradients);
                }
            }
        }
        if let (Convolution::Winograd(winograd), Some(sums)) = (&self.convolution, sums) {
            winograd.finish_weight_gradient(&mut scratch.units, &mut sums.weight);
        }
    }

    /// As many images as are handled at once; their gradients, in `scratch`, are those behind the activation.
    fn backward_at_once(
        &self,
        scratch: &mut Scratch,
        kept: Kept,
        output_gradients: &[f32],
        wants_images: bool,
        mut sums: Option<&mut Sums>,
    ) {
        let g = &self.geometry;
        let activate = g.options.activate;
        let count = output_gradients.len() / g.output_len();
        let (layout, len) = match &self.convolution {
            Convolution::Direct(direct, _) => (g.grid().padded(), direct.gradient_len()),
            _ => (g.grid().plain(), g.conv_len()),
        };
        let Scratch {
            images,
            gradients,
            image_gradients,
            product,
            taps,
            units,
            ..
        } = scratch;
        let image_gradients = wants_images.then(|| &mut image_gradients[..count * g.input_len()]);
        let gradients = &mut gradients[..count * len];
        let each = gradients.chunks_exact_mut(len);
        let outputs = output_gradients.chunks_exact(g.output_len());
        for (image, (gradient, output)) in each.zip(outputs).enumerate() {
            let kept = kept.part(g, image..image + 1);
            self.begin(kept, output, gradient, layout);
            if let Some(Sums { bias, .. }) = sums.as_deref_mut() {
                for (plane, bias) in gradient.chunks_exact(layout.plane).zip(bias) {
                    *bias += sum(plane);
                }
            }
        }
        match &self.convolution {
            Convolution::Direct(direct, adjoint) => {
                if let (Some(adjoint), Some(image_gradients)) = (adjoint, image_gradients) {
                    let product = &mut product[..adjoint.product_len()];
                    let targets = image_gradients.chunks_exact_mut(g.input_len());
                    for (gradient, target) in gradients.chunks_exact(len).zip(targets) {
                        adjoint.image_gradient(gradient, product, target);
                    }
                }
                if let Some(sums) = sums {
                    let images = &mut images[..count * direct.padded_len()];
                    let padded = images.chunks_exact_mut(direct.padded_len());
                    for (input, padded) in kept.input.chunks_exact(g.input_len()).zip(padded) {
                        direct.pad(input, activate, padded);
                    }
                    direct.weight_gradient(images, gradients, &mut sums.weight);
                }
            }
            Convolution::Winograd(winograd) => {
                if let Some(image_gradients) = image_gradients {
                    winograd.image_gradients(units, gradients, image_gradients);
                }
                if sums.is_some() {
                    let values = kept.input;
                    winograd.add_weight_gradient(units, Images { values, activate }, gradients);
                }
            }
            Convolution::Upsampled(upsampled) => {
                let taps = &mut taps[..upsampled.taps_len()];
                upsampled.spread(gradients, taps);
                if let Some(image_gradients) = image_gradients {
                    upsampled.image_gradient(taps, image_gradients);
                }
                if let Some(sums) = sums {
                    let images = &mut images[..upsampled.image_len()];
                    activated(kept.input, activate, images);
                    upsampled.add_weight_gradient(images, taps, &mut sums.weight);
                }
            }
        }
    }

    /// The weights' gradient that [`backward`](Self::backward) added to, as `[C_out, C_in, 3, 3]`.
    pub fn restore(&self, weight_gradient: Vec<f32>) -> Vec<f32> {
        match &self.convolution {
            Convolution::Direct(..) | Convolution::Winograd(_) => weight_gradient,
            Convolution::Upsampled(upsampled) => upsampled.restore(&weight_gradient),
        }
    }

    /// The gradient of the convolution's result, from that of the output.
    fn begin(&self, kept: Kept, output_gradient: &[f32], gradient: &mut [f32], layout: Layout) {
        let g = &self.geometry;
        let grid = g.grid();
        if g.options.max_pool {
            unpool(g, output_gradient, kept.winners, gradient, layout);
        } else if g.options.shuffle {
            unshuffle(grid, output_gradient, gradient, layout);
        } else {
            grid.copy(
                (output_gradient, grid.plain()),
                (gradient, layout),
                |source, target| target.copy_from_slice(source),
            );
            if g.options.relu {
                grid.copy(
                    (kept.output, grid.plain()),
                    (gradient, layout),
                    |output, target| {
                        for (gradient, output) in target.iter_mut().zip(output) {
                            *gradient = if *output > 0.0 { *gradient } else { 0.0 };
                        }
                    },
                );
            }
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
