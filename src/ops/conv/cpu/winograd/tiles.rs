//! Images cut into tiles for Winograd's convolution, 16 tiles beside each other in vectors: how they are read and
//! transformed, and how results are written.
//!
//! A unit is two rows of 16 tiles: of as many images as are 16 tiles wide together, or of a part of a wider one. Lanes that
//! no tile uses may hold anything, since lanes don't mix, but that gradients have zeros there. The order of a row's tiles
//! in the lanes is what the processor's shuffles make it: the same on reading and on writing.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `with_simd` isn't compiled for wide vectors"
)]

use pulp::Simd;

use super::transforms::{self, SIDE, TILE};
use crate::ops::conv::cpu::direct::active;
use crate::ops::conv::cpu::planes::Grid;
use crate::ops::conv::cpu::product::LANES;

/// Rows of tiles in a unit.
pub(super) const BAND: usize = 2;
/// Products of a tile.
pub(super) const PRODUCTS: usize = SIDE * SIDE;
/// Rows of pixels that a unit's result has, and that it is made of.
const RESULT_ROWS: usize = BAND * TILE;
const ROWS: usize = RESULT_ROWS + SIDE - TILE;

/// A value of each of 16 tiles.
pub(super) type Line = [f32; LANES];
/// One channel of a unit: line `BAND · p + b` has product `p` of the tiles of row `b`. One more line keeps units of
/// different channels from competing for the same places in a cache.
pub(super) type Unit = [Line; PRODUCTS * BAND + 1];
/// A row of a unit's pixels, with room for what is written beyond them.
type Pixels = [f32; TILE * LANES + 2 * LANES];

pub(super) const EMPTY: Unit = [[0.0; LANES]; PRODUCTS * BAND + 1];

/// Planes of one size, cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    grid: Grid,
    /// Tiles beside each other in an image.
    across: usize,
}

/// Some images `[C, H, W]`, one after another.
#[derive(Clone, Copy)]
pub(in crate::ops::conv::cpu) struct Images<'a> {
    pub values: &'a [f32],
    /// Whether negative values count as zero.
    pub activate: bool,
}

impl Tiles {
    pub fn new(grid: Grid) -> Self {
        let across = grid.width.div_ceil(TILE);
        Self { grid, across }
    }

    /// Images that are in the same units.
    pub fn images(self) -> usize {
        (LANES / self.across).max(1)
    }

    /// Row and column of each unit's first pixel.
    pub fn corners(self) -> impl Iterator<Item = [usize; 2]> {
        let tops = (0..self.grid.height).step_by(RESULT_ROWS);
        tops.flat_map(move |top| {
            let lefts = (0..self.grid.width).step_by(TILE * LANES);
            lefts.map(move |left| [top, left])
        })
    }

    /// The transformed pixels that make the unit at a corner, of each channel.
    #[inline(always)]
    pub fn read<S: Simd>(
        self,
        simd: S,
        [top, left]: [usize; 2],
        images: Images,
        units: &mut [Unit],
    ) {
        let Grid { height, width } = self.grid;
        let plane = height * width;
        // The first row is the one above the corner.
        let above = usize::from(top == 0);
        let (first, last) = (top + above - 1, (top + RESULT_ROWS + 1).min(height));
        let end = width.min(left + TILE * LANES + TAPS_BEYOND);
        // Of each tile, the four pixels from the one before it on, and those that follow.
        let mut before: [Pixels; ROWS] = [[0.0; _]; ROWS];
        let mut after = before;
        let mut rows = [[[0.0; LANES]; SIDE]; ROWS];
        let channels = units.len();
        for (channel, unit) in units.iter_mut().enumerate() {
            for (index, image) in images.values.chunks_exact(channels * plane).enumerate() {
                let at = TILE * index * self.across;
                let source = &image[channel * plane..][first * width..last * width];
                let pixels = before[above..].iter_mut().zip(&mut after[above..]);
                for (row, (before, after)) in source.chunks_exact(width).zip(pixels) {
                    let near = &row[left..end.min(left + TILE * LANES)];
                    let far = &row[end.min(left + TILE - 1)..end];
                    copy(simd, near, images.activate, &mut before[at + 1..]);
                    copy(simd, far, images.activate, &mut after[at..]);
                    before[at] = match left.checked_sub(1) {
                        Some(beside) if images.activate => active(row[beside]),
                        Some(beside) => row[beside],
                        None => 0.0,
                    };
                }
            }
            let pixels = before.iter().zip(&after).zip(&mut rows);
            for ((before, after), row) in pixels.skip(above).take(last - first) {
                for at in 0..LANES / S::F32_LANES {
                    let [d0, d1, d2, d3] = simd.deinterleave_shfl_f32s(quads::<S>(before)[at]);
                    let [d4, d5, ..] = simd.deinterleave_shfl_f32s(quads::<S>(after)[at]);
                    let values = transforms::input(simd, [d0, d1, d2, d3, d4, d5]);
                    for (line, value) in row.iter_mut().zip(&values) {
                        *vector_mut::<S>(line, at) = *value;
                    }
                }
            }
            for band in 0..BAND {
                let rows: &[[Line; SIDE]; SIDE] = part(&rows, TILE * band);
                for place in 0..SIDE * LANES / S::F32_LANES {
                    let (column, at) = (place % SIDE, place / SIDE);
                    let values = transforms::input(simd, gather(simd, rows, column, at));
                    scatter::<S>(unit, values, band, column, at);
                }
            }
        }
    }

    /// The transformed gradients of the results of the unit at a corner, of each channel.
    #[inline(always)]
    pub fn read_gradients<S: Simd>(
        self,
        simd: S,
        [top, left]: [usize; 2],
        gradients: &[f32],
        units: &mut [Unit],
    ) {
        let Grid { height, width } = self.grid;
        let plane = height * width;
        let end = width.min(left + TILE * LANES);
        let mut pixels: [Pixels; RESULT_ROWS] = [[0.0; _]; RESULT_ROWS];
        let mut rows = [[[0.0; LANES]; SIDE]; RESULT_ROWS];
        let channels = units.len();
        for (channel, unit) in units.iter_mut().enumerate() {
            for (index, image) in gradients.chunks_exact(channels * plane).enumerate() {
                let at = TILE * index * self.across;
                let source = &image[channel * plane..][..plane];
                let source = source.chunks_exact(width).skip(top);
                for (row, pixels) in source.zip(&mut pixels) {
                    copy(simd, &row[left..end], false, &mut pixels[at..]);
                }
            }
            for (pixels, row) in pixels.iter().zip(&mut rows) {
                for at in 0..LANES / S::F32_LANES {
                    let values = simd.deinterleave_shfl_f32s(quads::<S>(pixels)[at]);
                    let values = transforms::output_adjoint(simd, values);
                    for (line, value) in row.iter_mut().zip(&values) {
                        *vector_mut::<S>(line, at) = *value;
                    }
                }
            }
            for band in 0..BAND {
                let rows: &[[Line; SIDE]; TILE] = part(&rows, TILE * band);
                for place in 0..SIDE * LANES / S::F32_LANES {
                    let (column, at) = (place % SIDE, place / SIDE);
                    let values = transforms::output_adjoint(simd, gather(simd, rows, column, at));
                    scatter::<S>(unit, values, band, column, at);
                }
            }
        }
    }

    /// Writes the results of the unit at a corner, from its products, into images `[C, H, W]`.
    #[inline(always)]
    pub fn write<S: Simd>(
        self,
        simd: S,
        [top, left]: [usize; 2],
        units: &[Unit],
        images: &mut [f32],
    ) {
        let Grid { height, width } = self.grid;
        let plane = height * width;
        let end = width.min(left + TILE * LANES);
        let mut pixels: [Pixels; RESULT_ROWS] = [[0.0; _]; RESULT_ROWS];
        for (channel, unit) in units.iter().enumerate() {
            for (band, pixels) in pixels.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
                for at in 0..LANES / S::F32_LANES {
                    let mut rows = [[simd.splat_f32s(0.0); SIDE]; TILE];
                    for column in 0..SIDE {
                        let mut products = [simd.splat_f32s(0.0); SIDE];
                        for (row, product) in products.iter_mut().enumerate() {
                            *product = vector::<S>(&unit[line(SIDE * row + column, band)], at);
                        }
                        let values = transforms::output(simd, products);
                        for (row, value) in rows.iter_mut().zip(&values) {
                            row[column] = *value;
                        }
                    }
                    for (pixels, row) in pixels.iter_mut().zip(&rows) {
                        let values = transforms::output(simd, *row);
                        quads_mut::<S>(pixels)[at] = simd.interleave_shfl_f32s(values);
                    }
                }
            }
            for (index, image) in images.chunks_exact_mut(units.len() * plane).enumerate() {
                let at = TILE * index * self.across;
                let target = &mut image[channel * plane..][..plane];
                let target = target.chunks_exact_mut(width).skip(top);
                for (row, pixels) in target.zip(&pixels) {
                    store(simd, &pixels[at..], &mut row[left..end]);
                }
            }
        }
    }
}

/// Pixels that a row of tiles reads behind those of its result, and the first of which it has read by then.
const TAPS_BEYOND: usize = SIDE - TILE + 1;

/// The line of a unit that has a product of a row of tiles.
pub(super) fn line(product: usize, band: usize) -> usize {
    product * BAND + band
}

/// `N` rows from one on.
#[inline(always)]
fn part<T, const N: usize>(rows: &[T], first: usize) -> &[T; N] {
    rows[first..].first_chunk().expect("a unit has these rows")
}

/// A vector of a column.
#[inline(always)]
fn gather<S: Simd, const N: usize>(
    simd: S,
    rows: &[[Line; SIDE]; N],
    column: usize,
    at: usize,
) -> [S::f32s; N] {
    let mut values = [simd.splat_f32s(0.0); N];
    for (value, row) in values.iter_mut().zip(rows) {
        *value = vector::<S>(&row[column], at);
    }
    values
}

/// The products of a vector of a column to their places.
#[inline(always)]
fn scatter<S: Simd>(
    unit: &mut Unit,
    values: [S::f32s; SIDE],
    band: usize,
    column: usize,
    at: usize,
) {
    for (row, value) in values.iter().enumerate() {
        *vector_mut::<S>(&mut unit[line(SIDE * row + column, band)], at) = *value;
    }
}

#[inline(always)]
pub(super) fn vector<S: Simd>(line: &Line, at: usize) -> S::f32s {
    S::as_simd_f32s(line).0[at]
}

#[inline(always)]
pub(super) fn vector_mut<S: Simd>(line: &mut Line, at: usize) -> &mut S::f32s {
    &mut S::as_mut_simd_f32s(line).0[at]
}

/// The pixels of 16 tiles, four of each, as many in each group as a vector has lanes.
#[inline(always)]
fn quads<S: Simd>(pixels: &Pixels) -> &[[S::f32s; TILE]] {
    S::as_simd_f32s(&pixels[..TILE * LANES]).0.as_chunks().0
}

#[inline(always)]
fn quads_mut<S: Simd>(pixels: &mut Pixels) -> &mut [[S::f32s; TILE]] {
    let vectors = S::as_mut_simd_f32s(&mut pixels[..TILE * LANES]).0;
    vectors.as_chunks_mut().0
}

/// [`active`] values, if they are to be.
#[inline(always)]
fn activated<S: Simd>(simd: S, values: S::f32s, activate: bool) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    if activate {
        simd.select_f32s(simd.less_than_f32s(values, zero), zero, values)
    } else {
        values
    }
}

/// Copies a row to the beginning of a longer one, in whole vectors: some zeros follow it.
#[inline(always)]
fn copy<S: Simd>(simd: S, source: &[f32], activate: bool, target: &mut [f32]) {
    let (vectors, rest) = S::as_simd_f32s(source);
    let mut targets = target.chunks_exact_mut(S::F32_LANES);
    for (vector, target) in vectors.iter().zip(&mut targets) {
        S::as_mut_simd_f32s(target).0[0] = activated(simd, *vector, activate);
    }
    if let (false, Some(target)) = (rest.is_empty(), targets.next()) {
        let values = simd.partial_load_f32s(rest);
        S::as_mut_simd_f32s(target).0[0] = activated(simd, values, activate);
    }
}

/// Copies the beginning of a longer row.
#[inline(always)]
fn store<S: Simd>(simd: S, source: &[f32], target: &mut [f32]) {
    let mut sources = source.chunks_exact(S::F32_LANES);
    let (vectors, rest) = S::as_mut_simd_f32s(target);
    for (vector, source) in vectors.iter_mut().zip(&mut sources) {
        *vector = S::as_simd_f32s(source).0[0];
    }
    if let (false, Some(source)) = (rest.is_empty(), sources.next()) {
        simd.partial_store_f32s(rest, S::as_simd_f32s(source).0[0]);
    }
}
