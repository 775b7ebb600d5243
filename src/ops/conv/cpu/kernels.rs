//! A convolution stage on one image, forward and backward, on plain `f32` slices.

use super::direct::{Adjoint, Direct, active};
use super::geometry::Geometry;
use super::planes::{Grid, Layout};
use super::upsampled::{Upsampled, activated};

/// Marks a pooled output whose window had no positive value, so that no gradient flows.
const INACTIVE: u8 = 4;

/// A stage with its weights, as the kernels want them.
pub(super) struct Stage {
    pub geometry: Geometry,
    bias: Vec<f32>,
    convolution: Convolution,
}

enum Convolution {
    Direct(Direct, Option<Adjoint>),
    Upsampled(Upsampled),
}

/// Buffers that a thread reuses for each of its images, or has for a few of them.
pub(super) struct Scratch {
    /// Images with a border, or as the convolution takes them.
    images: Vec<f32>,
    /// Gradients of the convolution's results, with a border if the images have one.
    gradients: Vec<f32>,
    /// The convolution's result, or what becomes the image's gradient.
    product: Vec<f32>,
    /// The taps of an upsampled image.
    taps: Vec<f32>,
}

/// What the forward pass left for the backward pass, of one image.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub input: &'a [f32],
    pub output: &'a [f32],
    pub winners: &'a [u8],
}

impl Stage {
    /// Weights are `[C_out, C_in, 3, 3]`. `wants_image_gradient` is for the backward pass.
    pub fn new(
        geometry: &Geometry,
        weight: &[f32],
        bias: &[f32],
        wants_image_gradient: bool,
    ) -> Self {
        let convolution = if geometry.options.upsample {
            Convolution::Upsampled(Upsampled::new(geometry, weight))
        } else {
            let direct = Direct::new(geometry, weight);
            let adjoint = wants_image_gradient.then(|| Adjoint::new(&direct, weight));
            Convolution::Direct(direct, adjoint)
        };
        Self {
            geometry: *geometry,
            bias: bias.to_vec(),
            convolution,
        }
    }

    /// Buffers for so many images at once.
    pub fn scratch(&self, images: usize) -> Scratch {
        let zeros = |len| vec![0.0; len];
        match &self.convolution {
            Convolution::Direct(direct, adjoint) => {
                let adjoint_len = adjoint.as_ref().map_or(0, Adjoint::product_len);
                Scratch {
                    images: zeros(images * direct.padded_len()),
                    gradients: zeros(images * direct.gradient_len()),
                    product: zeros(direct.product_len().max(adjoint_len)),
                    taps: Vec::new(),
                }
            }
            Convolution::Upsampled(upsampled) => {
                let result = self.geometry.out_channels * self.geometry.conv_plane();
                Scratch {
                    images: zeros(upsampled.image_len()),
                    gradients: zeros(result),
                    product: zeros(result),
                    taps: zeros(upsampled.taps_len()),
                }
            }
        }
    }

    /// One image forward. `winners` takes, for a pooled output, which of its four inputs won.
    pub fn forward(
        &self,
        scratch: &mut Scratch,
        input: &[f32],
        output: &mut [f32],
        winners: &mut [u8],
    ) {
        let Scratch {
            images,
            product,
            taps,
            ..
        } = scratch;
        let activate = self.geometry.options.activate;
        let layout = match &self.convolution {
            Convolution::Direct(direct, _) => {
                let padded = &mut images[..direct.padded_len()];
                direct.pad(input, activate, padded);
                direct.convolve(padded, &mut product[..direct.product_len()]);
                self.geometry.grid().product()
            }
            Convolution::Upsampled(upsampled) => {
                activated(input, activate, images);
                upsampled.convolve(images, taps, product);
                self.geometry.grid().plain()
            }
        };
        self.finish(product, layout, output, winners);
    }

    /// Bias, and what comes behind the convolution, whose result is in `conv`.
    fn finish(&self, conv: &mut [f32], layout: Layout, output: &mut [f32], winners: &mut [u8]) {
        let g = &self.geometry;
        let options = g.options;
        for (plane, bias) in conv.chunks_exact_mut(layout.plane).zip(&self.bias) {
            for value in plane {
                let sum = *value + bias;
                *value = if options.relu { active(sum) } else { sum };
            }
        }
        if options.max_pool {
            pool(g, conv, layout, output, winners);
        } else if options.shuffle {
            shuffle(g.grid(), conv, layout, output);
        } else {
            g.grid().copy(
                (conv, layout),
                (output, g.grid().plain()),
                |source, target| target.copy_from_slice(source),
            );
        }
    }

    /// Some images backward, as many as `scratch` has room for: adds to the gradients of weights and bias, and
    /// sets the images'.
    pub fn backward<'a>(
        &self,
        scratch: &mut Scratch,
        kept: impl Iterator<Item = (Kept<'a>, &'a [f32])>,
        image_gradients: Option<&mut [f32]>,
        (weight_gradient, bias_gradient): (&mut [f32], &mut [f32]),
    ) {
        let g = &self.geometry;
        let mut image_gradients = image_gradients.map(|all| all.chunks_exact_mut(g.input_len()));
        let mut next_gradient = || image_gradients.as_mut().and_then(Iterator::next);
        let mut images = 0;
        for (kept, output_gradient) in kept {
            let image_gradient = next_gradient();
            match &self.convolution {
                Convolution::Direct(direct, adjoint) => {
                    let len = direct.padded_len();
                    let padded = &mut scratch.images[images * len..][..len];
                    direct.pad(kept.input, g.options.activate, padded);
                    let len = direct.gradient_len();
                    let gradient = &mut scratch.gradients[images * len..][..len];
                    self.begin(
                        kept,
                        output_gradient,
                        gradient,
                        g.grid().padded(),
                        bias_gradient,
                    );
                    if let (Some(adjoint), Some(image_gradient)) = (adjoint, image_gradient) {
                        let product = &mut scratch.product[..adjoint.product_len()];
                        adjoint.image_gradient(gradient, product, image_gradient);
                        self.deactivate(kept.input, image_gradient);
                    }
                }
                Convolution::Upsampled(upsampled) => {
                    activated(kept.input, g.options.activate, &mut scratch.images);
                    let gradient = &mut scratch.gradients;
                    self.begin(
                        kept,
                        output_gradient,
                        gradient,
                        g.grid().plain(),
                        bias_gradient,
                    );
                    let mut image_gradient = image_gradient;
                    upsampled.gradients(
                        &scratch.images,
                        &mut scratch.taps,
                        gradient,
                        weight_gradient,
                        image_gradient.as_deref_mut(),
                    );
                    if let Some(image_gradient) = image_gradient {
                        self.deactivate(kept.input, image_gradient);
                    }
                }
            }
            images += 1;
        }
        if let Convolution::Direct(direct, _) = &self.convolution {
            let padded = &scratch.images[..images * direct.padded_len()];
            let gradients = &scratch.gradients[..images * direct.gradient_len()];
            direct.weight_gradient(padded, gradients, weight_gradient);
        }
    }

    /// The weights' gradient that [`backward`](Self::backward) added to, as `[C_out, C_in, 3, 3]`.
    pub fn restore(&self, weight_gradient: Vec<f32>) -> Vec<f32> {
        match &self.convolution {
            Convolution::Direct(..) => weight_gradient,
            Convolution::Upsampled(upsampled) => upsampled.restore(&weight_gradient),
        }
    }

    /// The gradient of the convolution's result, from that of the output, and its sums in the bias's.
    fn begin(
        &self,
        kept: Kept,
        output_gradient: &[f32],
        gradient: &mut [f32],
        layout: Layout,
        bias_gradient: &mut [f32],
    ) {
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
        for (plane, bias) in gradient.chunks_exact(layout.plane).zip(bias_gradient) {
            *bias += sum(plane);
        }
    }

    /// No gradient where the activation before the convolution is flat.
    fn deactivate(&self, input: &[f32], gradient: &mut [f32]) {
        if self.geometry.options.activate {
            for (gradient, input) in gradient.iter_mut().zip(input) {
                *gradient = if *input > 0.0 { *gradient } else { 0.0 };
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

/// The four pixels of 2×2 block `(y, x)` of a plane: top left, top right, bottom left, bottom right.
fn window(y: usize, x: usize, layout: Layout) -> [usize; 4] {
    let corner = layout.first + 2 * y * layout.stride + 2 * x;
    [
        corner,
        corner + 1,
        corner + layout.stride,
        corner + layout.stride + 1,
    ]
}

/// 2×2 maxima of each plane; the first of equal values wins.
fn pool(g: &Geometry, conv: &[f32], layout: Layout, output: &mut [f32], winners: &mut [u8]) {
    let [height, width] = g.output;
    let planes = conv.chunks_exact(layout.plane);
    let targets = output.chunks_exact_mut(height * width);
    let winners = winners.chunks_exact_mut(height * width);
    for ((plane, target), winner) in planes.zip(targets).zip(winners) {
        for y in 0..height {
            for x in 0..width {
                let mut best = (f32::NEG_INFINITY, 0);
                for (index, position) in (0..).zip(window(y, x, layout)) {
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
fn unpool(
    g: &Geometry,
    output_gradient: &[f32],
    winners: &[u8],
    gradient: &mut [f32],
    layout: Layout,
) {
    let [height, width] = g.output;
    gradient.fill(0.0);
    let sources = output_gradient.chunks_exact(height * width);
    let winners = winners.chunks_exact(height * width);
    let planes = gradient.chunks_exact_mut(layout.plane);
    for ((plane, source), winner) in planes.zip(sources).zip(winners) {
        for y in 0..height {
            for x in 0..width {
                let pixel = y * width + x;
                if winner[pixel] != INACTIVE {
                    plane[window(y, x, layout)[usize::from(winner[pixel])]] = source[pixel];
                }
            }
        }
    }
}

/// Four planes become the pixels of 2×2 blocks of one: `[4·C, H, W]` → `[C, 2H, 2W]`.
fn shuffle(grid: Grid, conv: &[f32], layout: Layout, output: &mut [f32]) {
    let Grid { height, width } = grid;
    let fours = conv.chunks_exact(4 * layout.plane);
    for (four, plane) in fours.zip(output.chunks_exact_mut(4 * height * width)) {
        for (y, row) in plane.chunks_exact_mut(2 * width).enumerate() {
            let start = 2 * (y % 2) * layout.plane + layout.first + y / 2 * layout.stride;
            let evens = &four[start..][..width];
            let odds = &four[start + layout.plane..][..width];
            for (pair, values) in row.as_chunks_mut().0.iter_mut().zip(evens.iter().zip(odds)) {
                *pair = [*values.0, *values.1];
            }
        }
    }
}

/// The inverse of [`shuffle`].
fn unshuffle(grid: Grid, planes: &[f32], gradient: &mut [f32], layout: Layout) {
    let Grid { height, width } = grid;
    let fours = gradient.chunks_exact_mut(4 * layout.plane);
    for (four, plane) in fours.zip(planes.chunks_exact(4 * height * width)) {
        for (y, row) in plane.chunks_exact(2 * width).enumerate() {
            let start = 2 * (y % 2) * layout.plane + layout.first + y / 2 * layout.stride;
            for (x, [even, odd]) in row.as_chunks().0.iter().enumerate() {
                four[start + x] = *even;
                four[start + layout.plane + x] = *odd;
            }
        }
    }
}
