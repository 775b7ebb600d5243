//! Winograd's convolution, its adjoint and its weights' gradient: tiles of 4×4 results by 36 products a pair of channels
//! instead of 144, for planes and channels of which there are enough that transforming them pays.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `with_simd` isn't compiled for wide vectors"
)]

use std::array;

use pulp::{Arch, Simd, WithSimd};

use super::geometry::Geometry;
use super::product::LANES;
use super::tiles::{BAND, EMPTY, Images, Line, PRODUCTS, Tiles, Unit, line, vector, vector_mut};
use super::transforms::{self, SIDE, TAPS, TILE};

/// A convolution with stride 1 on some images, without bias or anything around it.
pub(super) struct Winograd {
    in_channels: usize,
    out_channels: usize,
    tiles: Tiles,
    weight: Packed,
    /// From a gradient of the result to that of the image: a convolution with the taps turned round.
    adjoint: Option<Packed>,
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

/// As many units as are needed, of those that a thread has.
fn first(units: &mut Vec<Unit>, count: usize) -> &mut [Unit] {
    if units.len() < count {
        units.resize(count, EMPTY);
    }
    &mut units[..count]
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
    pub fn new(g: &Geometry, weight: &[f32], wants_image_gradient: bool) -> Self {
        const COUNT: usize = TAPS * TAPS;
        let (inputs, outputs) = (g.in_channels, g.out_channels);
        let packed = Packed::new(outputs, inputs, |output, input, tap| {
            weight[(output * inputs + input) * COUNT + tap]
        });
        let adjoint = wants_image_gradient.then(|| {
            Packed::new(inputs, outputs, |input, output, tap| {
                weight[(output * inputs + input) * COUNT + COUNT - 1 - tap]
            })
        });
        Self {
            in_channels: inputs,
            out_channels: outputs,
            tiles: Tiles::new(g.grid()),
            weight: packed,
            adjoint,
        }
    }

    /// How many images are best done together.
    pub fn images(&self) -> usize {
        self.tiles.images()
    }

    /// The results `[C_out, H, W]` of some images, as many as [`images`](Self::images) or fewer.
    pub fn convolve(&self, units: &mut Units, images: Images, results: &mut [f32]) {
        self.run(&self.weight, self.in_channels, units, images, results);
    }

    /// The images' gradients, from those of the results, where they are wanted.
    pub fn image_gradients(&self, units: &mut Units, gradients: &[f32], images: &mut [f32]) {
        if let Some(adjoint) = &self.adjoint {
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
            read: first(&mut units.read, in_channels),
            products: first(&mut units.products, padded),
            images,
            results,
        });
    }

    /// Adds up the weights' gradient, of some images and gradients of their results.
    pub fn add_weight_gradient(&self, units: &mut Units, images: Images, gradients: &[f32]) {
        let [inputs, outputs] =
            [self.in_channels, self.out_channels].map(|channels| channels.next_multiple_of(LANES));
        units.sums.resize(PRODUCTS * inputs * outputs, 0.0);
        let read = first(&mut units.read, inputs);
        let products = first(&mut units.products, outputs);
        read[self.in_channels..].fill(EMPTY);
        products[self.out_channels..].fill(EMPTY);
        Arch::new().dispatch(Correlate {
            winograd: self,
            read,
            products,
            sums: &mut units.sums,
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
            sums: &units.sums,
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

/// `sums[p][o][i] += Σ gradient[o][p][tile] · image[i][p][tile]`
struct Correlate<'a> {
    winograd: &'a Winograd,
    read: &'a mut [Unit],
    products: &'a mut [Unit],
    sums: &'a mut [f32],
    /// Whether what is in the sums doesn't count.
    begins: bool,
    images: Images<'a>,
    gradients: &'a [f32],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let &Winograd {
            in_channels,
            out_channels,
            tiles,
            ..
        } = self.winograd;
        let Self {
            read,
            products,
            sums,
            mut begins,
            ..
        } = self;
        let (inputs, outputs) = (read.len(), products.len());
        let order = tile_order(simd);
        let mut turned = vec![0.0; BAND * LANES * inputs];
        for corner in tiles.corners() {
            tiles.read(simd, corner, self.images, &mut read[..in_channels]);
            let gradients = &mut products[..out_channels];
            tiles.read_gradients(simd, corner, self.gradients, gradients);
            for (product, sums) in sums.chunks_exact_mut(outputs * inputs).enumerate() {
                turn(simd, read, product, &mut turned);
                if begins {
                    sums.fill(0.0);
                }
                if S::REGISTER_COUNT >= 32 {
                    correlate::<S, 8>(simd, &order, (products, product), &turned, sums);
                } else {
                    correlate::<S, 4>(simd, &order, (products, product), &turned, sums);
                }
            }
            begins = false;
        }
    }
}

/// Which lane each of the groups of four channels is of, that `interleave_shfl_f32s` makes of four channels' lines.
#[inline(always)]
fn tile_order<S: Simd>(simd: S) -> [usize; LANES] {
    let mut lanes: Line = [0.0; LANES];
    for (lane, value) in lanes.iter_mut().zip(0_u8..) {
        *lane = value.into();
    }
    let quads = interleave(simd, [&lanes; TILE]);
    array::from_fn(|place| {
        let lane = lanes.iter().position(|lane| *lane == quads[place][0]);
        lane.expect("each lane is somewhere")
    })
}

/// Four channels beside each other, in some order of their tiles.
#[inline(always)]
fn interleave<S: Simd>(simd: S, lines: [&Line; TILE]) -> [[f32; TILE]; LANES] {
    let mut quads = [[0.0; TILE]; LANES];
    let targets = S::as_mut_simd_f32s(quads.as_flattened_mut()).0;
    for (at, target) in targets.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
        let mut channels = [simd.splat_f32s(0.0); TILE];
        for (channel, line) in channels.iter_mut().zip(lines) {
            *channel = vector::<S>(line, at);
        }
        *target = simd.interleave_shfl_f32s(channels);
    }
    quads
}

/// The values that one product is of, `[32 tiles, C_in]`.
#[inline(always)]
fn turn<S: Simd>(simd: S, read: &[Unit], product: usize, turned: &mut [f32]) {
    let inputs = read.len();
    for band in 0..BAND {
        let turned = &mut turned[band * LANES * inputs..][..LANES * inputs];
        for (place, units) in read.as_chunks::<TILE>().0.iter().enumerate() {
            let [a, b, c, d] = units;
            let place_of = line(product, band);
            let quads = interleave(
                simd,
                [&a[place_of], &b[place_of], &c[place_of], &d[place_of]],
            );
            for (quad, row) in quads.iter().zip(turned.chunks_exact_mut(inputs)) {
                row[TILE * place..][..TILE].copy_from_slice(quad);
            }
        }
    }
}

/// Adds to `[C_out, C_in]` what one product comes to, `R` channels of the result at a time.
#[inline(always)]
fn correlate<S: Simd, const R: usize>(
    simd: S,
    order: &[usize; LANES],
    (gradients, product): (&[Unit], usize),
    turned: &[f32],
    sums: &mut [f32],
) {
    let inputs = turned.len() / (BAND * LANES);
    let vectors = inputs / S::F32_LANES;
    let rows = sums.chunks_exact_mut(R * inputs);
    for (rows, gradients) in rows.zip(gradients.as_chunks::<R>().0) {
        let lines: [&[Line]; R] = array::from_fn(|row| &gradients[row][line(product, 0)..][..BAND]);
        let mut first = 0;
        while first < vectors {
            if first + 2 <= vectors {
                correlate_block::<S, R, 2>(simd, order, lines, turned, rows, first);
                first += 2;
            } else {
                correlate_block::<S, R, 1>(simd, order, lines, turned, rows, first);
                first += 1;
            }
        }
    }
}

/// `V` vectors of each of `R` rows, from the vector `first` on.
#[inline(always)]
fn correlate_block<S: Simd, const R: usize, const V: usize>(
    simd: S,
    order: &[usize; LANES],
    lines: [&[Line]; R],
    turned: &[f32],
    rows: &mut [f32],
    first: usize,
) {
    let inputs = turned.len() / (BAND * LANES);
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (sums, row) in sums.iter_mut().zip(rows.chunks_exact(inputs)) {
        sums.copy_from_slice(&S::as_simd_f32s(row).0[first..][..V]);
    }
    for band in 0..BAND {
        let lines: [&Line; R] = array::from_fn(|row| &lines[row][band]);
        let turned = &turned[band * LANES * inputs..];
        for (values, &tile) in turned.chunks_exact(inputs).zip(order) {
            let values: &[S::f32s; V] = S::as_simd_f32s(values).0[first..]
                .first_chunk()
                .expect("a row has these vectors");
            for row in 0..R {
                let factor = simd.splat_f32s(lines[row][tile % LANES]);
                for (sum, value) in sums[row].iter_mut().zip(values) {
                    *sum = simd.mul_add_e_f32s(factor, *value, *sum);
                }
            }
        }
    }
    for (row, sums) in rows.chunks_exact_mut(inputs).zip(&sums) {
        S::as_mut_simd_f32s(row).0[first..][..V].copy_from_slice(sums);
    }
}

/// From the gradient of what taps multiply by to that of the taps.
struct Finish<'a> {
    winograd: &'a Winograd,
    sums: &'a [f32],
    gradient: &'a mut [f32],
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let inputs = self.winograd.in_channels;
        let padded = inputs.next_multiple_of(LANES);
        let plane = self.sums.len() / PRODUCTS;
        let outputs = self.gradient.chunks_exact_mut(inputs * TAPS * TAPS);
        for (output, gradient) in outputs.enumerate() {
            for first in (0..padded).step_by(S::F32_LANES) {
                let mut rows = [[simd.splat_f32s(0.0); SIDE]; TAPS];
                for column in 0..SIDE {
                    let mut sums = [simd.splat_f32s(0.0); SIDE];
                    for (row, sum) in sums.iter_mut().enumerate() {
                        let product = SIDE * row + column;
                        let place = product * plane + output * padded + first;
                        *sum = S::as_simd_f32s(&self.sums[place..][..S::F32_LANES]).0[0];
                    }
                    let values = transforms::weight_adjoint(simd, sums);
                    for (row, value) in rows.iter_mut().zip(&values) {
                        row[column] = *value;
                    }
                }
                let mut taps = [[simd.splat_f32s(0.0); TAPS]; TAPS];
                for (taps, row) in taps.iter_mut().zip(&rows) {
                    *taps = transforms::weight_adjoint(simd, *row);
                }
                for (tap, values) in taps.as_flattened().iter().enumerate() {
                    let mut line = [0.0; LANES];
                    *vector_mut::<S>(&mut line, 0) = *values;
                    let targets = gradient[first * TAPS * TAPS..].iter_mut();
                    let targets = targets.skip(tap).step_by(TAPS * TAPS);
                    for (target, value) in targets.zip(&line[..S::F32_LANES]) {
                        *target += value;
                    }
                }
            }
        }
    }
}
