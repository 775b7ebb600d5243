//! The two sums that convolutions are made of, over rows that lie anywhere in a buffer: with the nine taps
//! of a padded image as rows, nothing is copied for them.
//!
//! Rows of `P` values are in whole vectors: `P` is a multiple of [`LANES`], and what stands behind a
//! row's own values must be readable.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `with_simd` isn't compiled for wide vectors"
)]

use std::array;

use pulp::{Arch, Simd, WithSimd};

/// Doesn't compile without pulp's feature for AVX2, which nobody would miss who tries the kernels with AVX-512.
#[cfg(target_arch = "x86_64")]
const _: fn(pulp::x86::V3) -> Arch = Arch::V3;

/// What rows are rounded up to: the widest vector of any processor.
pub(super) const LANES: usize = 16;

/// Rows of a [`Packed`] matrix that a kernel sums side by side.
const ROWS: usize = 8;
/// Taps that a kernel of [`accumulate`] sums side by side.
const TAPS: usize = 9;

/// A matrix `[rows, columns]` in the order in which [`multiply`] reads it: eight rows at a time, column by
/// column; the last ones are filled up with zeros.
pub(super) struct Packed {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Packed {
    /// From its elements by row and column.
    pub fn new(rows: usize, columns: usize, element: impl Fn(usize, usize) -> f32) -> Self {
        let mut values = Vec::with_capacity(rows.next_multiple_of(ROWS) * columns);
        for first in (0..rows).step_by(ROWS) {
            for column in 0..columns {
                for row in first..first + ROWS {
                    values.push(if row < rows {
                        element(row, column)
                    } else {
                        0.0
                    });
                }
            }
        }
        Self {
            values,
            rows,
            columns,
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// `target[row][p] = Σ matrix[row][j] · buffer[starts[j] + p]`: `target` is `[rows, P]`, with as many
/// starts as the matrix has columns.
pub(super) fn multiply(matrix: &Packed, starts: &[usize], buffer: &[f32], target: &mut [f32]) {
    assert_eq!(starts.len(), matrix.columns, "a row for each column");
    Arch::new().dispatch(Multiply {
        matrix,
        starts,
        buffer,
        target,
    });
}

struct Multiply<'a> {
    matrix: &'a Packed,
    starts: &'a [usize],
    buffer: &'a [f32],
    target: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Sums, a column's vectors and a factor have to fit the registers.
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, ROWS, 3>(simd);
        } else {
            self.run::<S, { ROWS / 2 }, 3>(simd);
        }
    }
}

impl Multiply<'_> {
    /// `R` rows and `V` vectors at a time.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let length = self.target.len() / self.matrix.rows.max(1);
        let vectors = length / S::F32_LANES;
        let blocks = self.matrix.values.chunks_exact(ROWS * self.matrix.columns);
        let targets = self.target.chunks_mut(ROWS * length);
        for (block, target) in blocks.zip(targets) {
            for (half, target) in target.chunks_mut(R * length).enumerate() {
                let part = Part {
                    simd,
                    factors: block,
                    half: half * R,
                    starts: self.starts,
                    buffer: self.buffer,
                    length,
                };
                let mut first = 0;
                while first < vectors {
                    let place = first * S::F32_LANES;
                    // Four vectors are two and two rather than three and one, which would wait for its own sums.
                    let step = match vectors - first {
                        1 => {
                            part.columns::<R, 1>(place, target);
                            1
                        }
                        2 | 4 => {
                            part.columns::<R, 2>(place, target);
                            2
                        }
                        _ => {
                            part.columns::<R, V>(place, target);
                            V
                        }
                    };
                    first += step;
                }
            }
        }
    }
}

struct Part<'a, S> {
    simd: S,
    factors: &'a [f32],
    half: usize,
    starts: &'a [usize],
    buffer: &'a [f32],
    length: usize,
}

impl<S: Simd> Part<'_, S> {
    /// `V` vectors of each of `R` rows.
    #[inline(always)]
    fn columns<const R: usize, const V: usize>(&self, place: usize, target: &mut [f32]) {
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        let factors = self.factors.as_chunks::<ROWS>().0;
        for (factors, &start) in factors.iter().zip(self.starts) {
            let values = &self.buffer[start + place..][..V * S::F32_LANES];
            let values: &[S::f32s] = S::as_simd_f32s(values).0;
            let values: [S::f32s; V] = array::from_fn(|index| values[index]);
            for row in 0..R {
                let factor = simd.splat_f32s(factors[self.half + row]);
                for index in 0..V {
                    sums[row][index] = simd.mul_add_e_f32s(factor, values[index], sums[row][index]);
                }
            }
        }
        for (row, sums) in target.chunks_mut(self.length).zip(sums) {
            let row = &mut row[place..][..V * S::F32_LANES];
            S::as_mut_simd_f32s(row).0.copy_from_slice(&sums);
        }
    }
}

/// Rows of `length` values: those of an image begin at `first`, and are `stride` from each other.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub values: &'a [f32],
    pub images: usize,
    /// From an image's values to the next one's.
    pub image_stride: usize,
    pub first: usize,
    pub stride: usize,
    pub length: usize,
}

/// `sums[row][j] += Σ rows[row][p] · buffer[starts[j] + p]`, over all images, whose buffers are
/// `buffer_stride` from each other. There are nine starts for each channel.
pub(super) fn accumulate(
    rows: Rows,
    starts: &[usize],
    buffer: &[f32],
    buffer_stride: usize,
    sums: &mut [f32],
) {
    Arch::new().dispatch(Accumulate {
        rows,
        starts,
        buffer,
        buffer_stride,
        sums,
    });
}

struct Accumulate<'a> {
    rows: Rows<'a>,
    starts: &'a [usize],
    buffer: &'a [f32],
    buffer_stride: usize,
    sums: &'a mut [f32],
}

impl WithSimd for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, 2>(simd);
        } else {
            self.run::<S, 1>(simd);
        }
    }
}

impl Accumulate<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize>(mut self, simd: S) {
        let columns = self.starts.len();
        let count = self.sums.len() / columns;
        let mut row = 0;
        while row + R <= count {
            self.rows::<S, R>(simd, row);
            row += R;
        }
        while row < count {
            self.rows::<S, 1>(simd, row);
            row += 1;
        }
    }

    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&mut self, simd: S, row: usize) {
        let columns = self.starts.len();
        for (block, starts) in self.starts.as_chunks::<TAPS>().0.iter().enumerate() {
            let sums = self.block::<S, R, TAPS>(simd, row, starts);
            for (index, sums) in sums.into_iter().enumerate() {
                let place = (row + index) * columns + block * TAPS;
                let target = self.sums[place..][..TAPS].iter_mut();
                for (target, sum) in target.zip(sums) {
                    *target += simd.reduce_sum_f32s(sum);
                }
            }
        }
    }

    #[inline(always)]
    fn block<S: Simd, const R: usize, const T: usize>(
        &self,
        simd: S,
        row: usize,
        starts: &[usize; T],
    ) -> [[S::f32s; T]; R] {
        let Rows {
            values,
            images,
            image_stride,
            first,
            stride,
            length,
        } = self.rows;
        let mut sums = [[simd.splat_f32s(0.0); T]; R];
        for image in 0..images {
            let lines: [&[S::f32s]; R] = array::from_fn(|index| {
                let start = image * image_stride + first + (row + index) * stride;
                S::as_simd_f32s(&values[start..][..length]).0
            });
            let taps: [&[S::f32s]; T] = array::from_fn(|index| {
                let start = image * self.buffer_stride + starts[index];
                S::as_simd_f32s(&self.buffer[start..][..length]).0
            });
            let vectors = length / S::F32_LANES;
            let lines: [&[S::f32s]; R] = array::from_fn(|index| &lines[index][..vectors]);
            let taps: [&[S::f32s]; T] = array::from_fn(|index| &taps[index][..vectors]);
            for place in 0..vectors {
                let lines: [S::f32s; R] = array::from_fn(|index| lines[index][place]);
                for tap in 0..T {
                    let value = taps[tap][place];
                    for index in 0..R {
                        sums[index][tap] =
                            simd.mul_add_e_f32s(lines[index], value, sums[index][tap]);
                    }
                }
            }
        }
        sums
    }
}

/// Adds values to as many sums.
pub(super) fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
