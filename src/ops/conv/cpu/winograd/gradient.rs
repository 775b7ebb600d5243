//! The weights' gradient: products of the transformed images and the transformed gradients, added up over their tiles.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `with_simd` isn't compiled for wide vectors"
)]

use std::array;

use pulp::{Simd, WithSimd};

use super::Winograd;
use super::tiles::{BAND, Images, Line, PRODUCTS, Unit, line, vector, vector_mut};
use super::transforms::{self, SIDE, TAPS, TILE};
use crate::ops::conv::cpu::product::LANES;

/// `sums[p][o][i] += Σ gradient[o][p][tile] · image[i][p][tile]`
pub(super) struct Correlate<'a> {
    pub winograd: &'a Winograd,
    pub read: &'a mut [Unit],
    pub products: &'a mut [Unit],
    pub sums: &'a mut [f32],
    /// Whether what is in the sums doesn't count.
    pub begins: bool,
    pub images: Images<'a>,
    pub gradients: &'a [f32],
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
        let lane = lanes
            .iter()
            .position(|lane| lane.total_cmp(&quads[place][0]).is_eq());
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
pub(super) struct Finish<'a> {
    pub winograd: &'a Winograd,
    pub sums: &'a [f32],
    pub gradient: &'a mut [f32],
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let inputs = self.winograd.in_channels;
        let padded = inputs.next_multiple_of(LANES);
        let channels = self.sums.len() / PRODUCTS;
        let outputs = self.gradient.chunks_exact_mut(inputs * TAPS * TAPS);
        for (output, gradient) in outputs.enumerate() {
            for first in (0..inputs).step_by(S::F32_LANES) {
                let mut rows = [[simd.splat_f32s(0.0); SIDE]; TAPS];
                for column in 0..SIDE {
                    let mut sums = [simd.splat_f32s(0.0); SIDE];
                    for (row, sum) in sums.iter_mut().enumerate() {
                        let product = SIDE * row + column;
                        let place = product * channels + output * padded + first;
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
