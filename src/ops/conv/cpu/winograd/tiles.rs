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

use std::ops::Range;

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
                let pixels = before[above..].iter_mut().zip(&mut after[above..]);
                for (y, (before, after)) in (first..last).zip(pixels) {
                    let row = &image[channel * plane + y * width..];
                    let near = left..end.min(left + TILE * LANES);
                    let far = end.min(left + TILE - 1)..end;
                    copy(simd, row, near, images.activate, &mut before[at + 1..]);
                    copy(simd, row, far, images.activate, &mut after[at..]);
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
                for (y, pixels) in (top..height).zip(&mut pixels) {
                    let row = &image[channel * plane + y * width..];
                    copy(simd, row, left..end, false, &mut pixels[at..]);
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
        let across = end - left == width;
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
                let bottom = height.min(top + RESULT_ROWS);
                let plane = &mut image[channel * plane..][..bottom * width];
                for (y, pixels) in (top..bottom).zip(&pixels) {
                    // What is written beyond a row of the only unit of its width is where the next row comes.
                    let start = y * width + left;
                    let room = if across { plane.len() } else { y * width + end };
                    let target = &mut plane[start..room];
                    store(simd, &pixels[at..], target, end - left);
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

/// Copies some values to the beginning of a longer row, in whole vectors: some zeros follow them. Loads of parts of
/// vectors are calls of functions, so what is behind the values is read, too, where there is something.
#[inline(always)]
fn copy<S: Simd>(
    simd: S,
    source: &[f32],
    values: Range<usize>,
    activate: bool,
    target: &mut [f32],
) {
    let count = values.len();
    let source = &source[values.start..];
    let whole = count - count % S::F32_LANES;
    let vectors = S::as_simd_f32s(&source[..whole]).0;
    let mut targets = target.chunks_exact_mut(S::F32_LANES);
    for (vector, target) in vectors.iter().zip(&mut targets) {
        S::as_mut_simd_f32s(target).0[0] = activated(simd, *vector, activate);
    }
    if whole == count {
        return;
    }
    let Some(target) = targets.next() else {
        return;
    };
    let values = if let Some(values) = source[whole..].get(..S::F32_LANES) {
        let own = simd.less_than_f32s(vector::<S>(&LANE, 0), simd.splat_f32s(LANE[count - whole]));
        let values = S::as_simd_f32s(values).0[0];
        simd.select_f32s(own, values, simd.splat_f32s(0.0))
    } else {
        simd.partial_load_f32s(&source[whole..count])
    };
    S::as_mut_simd_f32s(target).0[0] = activated(simd, values, activate);
}

/// Copies the beginning of a longer row: `count` values, and what follows them in whole vectors, where the target has room.
#[inline(always)]
fn store<S: Simd>(simd: S, source: &[f32], target: &mut [f32], count: usize) {
    let whole = count - count % S::F32_LANES;
    let sources = S::as_simd_f32s(&source[..count.next_multiple_of(S::F32_LANES)]).0;
    let (vectors, rest) = target.split_at_mut(whole);
    let vectors = S::as_mut_simd_f32s(vectors).0;
    for (vector, source) in vectors.iter_mut().zip(sources) {
        *vector = *source;
    }
    let Some(source) = sources.get(vectors.len()) else {
        return;
    };
    if let Some(target) = rest.get_mut(..S::F32_LANES) {
        S::as_mut_simd_f32s(target).0[0] = *source;
    } else {
        simd.partial_store_f32s(&mut rest[..count - whole], *source);
    }
}

/// The lanes' numbers.
const LANE: Line = [
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
];
