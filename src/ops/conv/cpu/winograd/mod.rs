//! Winograd's convolution, its adjoint and its weights' gradient: tiles of 4×4 results by 36 products a pair of channels
//! instead of 144, for planes and channels of which there are enough that transforming them pays.
//!
//! - `tiles`: what images are cut into; `transforms`: the small matrices; `gradient`: the weights' gradient;
//! - this file: the convolution, which its adjoint is as well, with other weights.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `with_simd` isn't compiled for wide vectors"
)]

mod gradient;
mod tiles;
mod transforms;

use std::array;

use pulp::{Arch, Simd, WithSimd};

use super::buffer::first;
use super::direction::{Direction, Wanted};
use super::geometry::Geometry;
use super::product::LANES;
use gradient::{Correlate, Finish};
pub(super) use tiles::Images;
use tiles::{BAND, EMPTY, Line, PRODUCTS, Tiles, Unit, line, vector, vector_mut};
use transforms::{SIDE, TAPS};

/// A convolution with stride 1 on some images, without bias or anything around it.
pub(super) struct Winograd {
    in_channels: usize,
    out_channels: usize,
    tiles: Tiles,
    weight: Weight,
}

/// Weights as the pass needs them.
enum Weight {
    Forward(Packed),
    /// From a gradient of the result to that of the image: a convolution with the taps turned round.
    Adjoint(Packed),
    /// Where the image's gradient isn't wanted.
    None,
}

/// Weights as products take them: `[36, C_out / 16, C_in]`, each with 16 channels of the result; the last ones are
/// filled up with zeros.
struct Packed(Vec<Line>);

/// Buffers of a thread.
#[derive(Default)]
pub(super) struct Units {
    read: Vec<Unit>,
    products: Vec<Unit>,
    /// Of the weights' gradient: `[36, C_out, C_in]`, each filled up to 16 channels.
    sums: Vec<f32>,
    /// Whether they are of any images yet.
    has_sums: bool,
}

impl Units {
    /// Begins anew, whatever sums were begun.
    pub fn forget(&mut self) {
        self.has_sums = false;
    }
}

impl Winograd {
    /// Whether a convolution is done faster this way than tap by tap, from counts of what is multiplied. The cost of
    /// transforming a channel is what measurements fit: 1040 multiplications a tile.
    pub fn suits(g: &Geometry) -> bool {
        const TRANSFORM: usize = 520;
        if g.options.halve || g.options.upsample {
            return false;
        }
        let tiles = Tiles::new(g.grid());
        let channels = g.in_channels * g.out_channels;
        let transforms = TRANSFORM * (g.in_channels + g.out_channels);
        let units = tiles.corners().count() * BAND * LANES;
        let winograd = units * (PRODUCTS * channels + transforms);
        winograd < tiles.images() * g.grid().run() * TAPS * TAPS * channels
    }

    /// With weights `[C_out, C_in, 3, 3]`.
    pub fn new(g: &Geometry, weight: &[f32], direction: Direction) -> Self {
        const COUNT: usize = TAPS * TAPS;
        let (inputs, outputs) = (g.in_channels, g.out_channels);
        let weight = match direction {
            Direction::Forward => {
                Weight::Forward(Packed::new(outputs, inputs, |output, input, tap| {
                    weight[(output * inputs + input) * COUNT + tap]
                }))
            }
            Direction::Backward(Wanted { images: true, .. }) => {
                Weight::Adjoint(Packed::new(inputs, outputs, |input, output, tap| {
                    weight[(output * inputs + input) * COUNT + COUNT - 1 - tap]
                }))
            }
            Direction::Backward(_) => Weight::None,
        };
        Self {
            in_channels: inputs,
            out_channels: outputs,
            tiles: Tiles::new(g.grid()),
            weight,
        }
    }

    /// How many images are best done together.
    pub fn images(&self) -> usize {
        self.tiles.images()
    }

    /// The results `[C_out, H, W]` of some images, as many as [`images`](Self::images) or fewer, in a forward pass.
    pub fn convolve(&self, units: &mut Units, images: Images, results: &mut [f32]) {
        let Weight::Forward(weight) = &self.weight else {
            unreachable!("made for a backward pass");
        };
        self.run(weight, self.in_channels, units, images, results);
    }

    /// The images' gradients, from those of the results, where they are wanted.
    pub fn image_gradients(&self, units: &mut Units, gradients: &[f32], images: &mut [f32]) {
        if let Weight::Adjoint(adjoint) = &self.weight {
            let gradients = Images {
                values: gradients,
                activate: false,
            };
            self.run(adjoint, self.out_channels, units, gradients, images);
        }
    }

    fn run(
        &self,
        weight: &Packed,
        in_channels: usize,
        units: &mut Units,
        images: Images,
        results: &mut [f32],
    ) {
        let out_channels = self.in_channels + self.out_channels - in_channels;
        let padded = out_channels.next_multiple_of(LANES);
        Arch::new().dispatch(Convolve {
            tiles: self.tiles,
            weight,
            out_channels,
            read: first(&mut units.read, in_channels, EMPTY),
            products: first(&mut units.products, padded, EMPTY),
            images,
            results,
        });
    }

    /// Values of the sums that become the weights' gradient.
    fn sums_len(&self) -> usize {
        let channels = [self.in_channels, self.out_channels];
        PRODUCTS
            * channels
                .map(|channels| channels.next_multiple_of(LANES))
                .iter()
                .product::<usize>()
    }

    /// Adds up the weights' gradient, of some images and gradients of their results.
    pub fn add_weight_gradient(&self, units: &mut Units, images: Images, gradients: &[f32]) {
        let [inputs, outputs] =
            [self.in_channels, self.out_channels].map(|channels| channels.next_multiple_of(LANES));
        let sums = first(&mut units.sums, self.sums_len(), 0.0);
        let read = first(&mut units.read, inputs, EMPTY);
        let products = first(&mut units.products, outputs, EMPTY);
        read[self.in_channels..].fill(EMPTY);
        products[self.out_channels..].fill(EMPTY);
        Arch::new().dispatch(Correlate {
            winograd: self,
            read,
            products,
            sums,
            begins: !units.has_sums,
            images,
            gradients,
        });
        units.has_sums = true;
    }

    /// Adds what was added up to the weights' gradient `[C_out, C_in, 3, 3]`, and begins anew.
    pub fn finish_weight_gradient(&self, units: &mut Units, gradient: &mut [f32]) {
        Arch::new().dispatch(Finish {
            winograd: self,
            sums: first(&mut units.sums, self.sums_len(), 0.0),
            gradient,
        });
        units.has_sums = false;
    }
}

impl Packed {
    /// From taps by channel of the result, channel of the image, and place.
    fn new(outputs: usize, inputs: usize, tap: impl Fn(usize, usize, usize) -> f32) -> Self {
        let mut taps = Vec::with_capacity(outputs.div_ceil(LANES) * inputs);
        for first in (0..outputs).step_by(LANES) {
            for input in 0..inputs {
                taps.push(array::from_fn(|place| {
                    array::from_fn(|lane| match first + lane {
                        output if output < outputs => tap(output, input, place),
                        _ => 0.0,
                    })
                }));
            }
        }
        let mut packed = vec![[0.0; LANES]; PRODUCTS * taps.len()];
        Arch::new().dispatch(Pack {
            taps: &taps,
            packed: &mut packed,
        });
        Self(packed)
    }
}

struct Pack<'a> {
    taps: &'a [[Line; TAPS * TAPS]],
    packed: &'a mut [Line],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (index, taps) in self.taps.iter().enumerate() {
            for at in 0..LANES / S::F32_LANES {
                let mut rows = [[simd.splat_f32s(0.0); TAPS]; SIDE];
                for column in 0..TAPS {
                    let mut values = [simd.splat_f32s(0.0); TAPS];
                    for (row, value) in values.iter_mut().enumerate() {
                        *value = vector::<S>(&taps[TAPS * row + column], at);
                    }
                    let values = transforms::weight(simd, values);
                    for (row, value) in rows.iter_mut().zip(&values) {
                        row[column] = *value;
                    }
                }
                for (row, values) in rows.iter().enumerate() {
                    let values = transforms::weight(simd, *values);
                    for (column, value) in values.iter().enumerate() {
                        let place = (SIDE * row + column) * self.taps.len() + index;
                        *vector_mut::<S>(&mut self.packed[place], at) = *value;
                    }
                }
            }
        }
    }
}

struct Convolve<'a> {
    tiles: Tiles,
    weight: &'a Packed,
    out_channels: usize,
    read: &'a mut [Unit],
    products: &'a mut [Unit],
    images: Images<'a>,
    results: &'a mut [f32],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { read, products, .. } = self;
        for corner in self.tiles.corners() {
            self.tiles.read(simd, corner, self.images, read);
            // Sums, two vectors and a factor have to fit the registers.
            if S::REGISTER_COUNT >= 32 {
                multiply::<S, 8>(simd, self.weight, read, products);
            } else {
                multiply::<S, 4>(simd, self.weight, read, products);
            }
            let products = &products[..self.out_channels];
            self.tiles.write(simd, corner, products, self.results);
        }
    }
}

/// The products of each channel of the result, `R` channels at a time.
#[inline(always)]
fn multiply<S: Simd, const R: usize>(
    simd: S,
    weight: &Packed,
    read: &[Unit],
    products: &mut [Unit],
) {
    let mut blocks = weight.0.chunks_exact(read.len());
    for product in 0..PRODUCTS {
        for targets in products.chunks_exact_mut(LANES) {
            let factors = blocks.next().expect("weights of each product");
            for (part, targets) in targets.as_chunks_mut::<R>().0.iter_mut().enumerate() {
                for pair in 0..BAND * LANES / S::F32_LANES / 2 {
                    let mut sums = [[simd.splat_f32s(0.0); 2]; R];
                    for (factors, unit) in factors.iter().zip(read) {
                        let values: [S::f32s; 2] = pairs::<S>(unit, product)[pair];
                        for row in 0..R {
                            let factor = simd.splat_f32s(factors[part * R + row]);
                            for (sum, value) in sums[row].iter_mut().zip(&values) {
                                *sum = simd.mul_add_e_f32s(factor, *value, *sum);
                            }
                        }
                    }
                    for (target, sums) in targets.iter_mut().zip(&sums) {
                        pairs_mut::<S>(target, product)[pair] = *sums;
                    }
                }
            }
        }
    }
}

/// A product of all tiles of a unit, in pairs of vectors.
#[inline(always)]
fn pairs<S: Simd>(unit: &Unit, product: usize) -> &[[S::f32s; 2]] {
    let lines = unit[line(product, 0)..][..BAND].as_flattened();
    S::as_simd_f32s(lines).0.as_chunks().0
}

#[inline(always)]
fn pairs_mut<S: Simd>(unit: &mut Unit, product: usize) -> &mut [[S::f32s; 2]] {
    let lines = unit[line(product, 0)..][..BAND].as_flattened_mut();
    S::as_mut_simd_f32s(lines).0.as_chunks_mut().0
}
