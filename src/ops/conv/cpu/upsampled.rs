//! A convolution of an image that is doubled first, at the image's own size: the weights' product with
//! each pixel, for nine taps, whose results are added where they belong. That takes a quarter of the
//! multiplications.

use super::direct::active;
use super::gemm::{Matrix, multiply};
use super::geometry::Geometry;
use super::product::add;

const TAPS: usize = 9;

/// One image's convolution behind an upsampling, without bias.
pub(super) struct Upsampled {
    in_channels: usize,
    out_channels: usize,
    /// Height and width of the image.
    size: [usize; 2],
    /// `[C_out·9, C_in]`
    weight: Vec<f32>,
}

impl Upsampled {
    /// With weights `[C_out, C_in, 3, 3]`.
    pub fn new(g: &Geometry, weight: &[f32]) -> Self {
        Self {
            in_channels: g.in_channels,
            out_channels: g.out_channels,
            size: g.input,
            weight: transpose(weight, g.out_channels, g.in_channels, TAPS),
        }
    }

    /// Values of the taps' products of an image.
    pub fn taps_len(&self) -> usize {
        TAPS * self.out_channels * self.plane()
    }

    /// Values of an image.
    pub fn image_len(&self) -> usize {
        self.in_channels * self.plane()
    }

    fn plane(&self) -> usize {
        self.size.iter().product()
    }

    /// The result `[C_out, 2H, 2W]` of an image `[C_in, H, W]`; `taps` is written over.
    pub fn convolve(&self, image: &[f32], taps: &mut [f32], result: &mut [f32]) {
        multiply(
            Matrix::rows(&self.weight, TAPS * self.out_channels, self.in_channels),
            Matrix::rows(image, self.in_channels, self.plane()),
            taps,
            false,
        );
        result.fill(0.0);
        gather(taps, self.size, result);
    }

    /// The gradient of the taps' products, from that `[C_out, 2H, 2W]` of the result.
    pub fn spread(&self, gradient: &[f32], taps: &mut [f32]) {
        spread(gradient, self.size, taps);
    }

    /// The image's gradient `[C_in, H, W]`, from that of the taps' products.
    pub fn image_gradient(&self, taps: &[f32], gradient: &mut [f32]) {
        let (rows, pixels) = (TAPS * self.out_channels, self.plane());
        multiply(
            Matrix::rows(&self.weight, rows, self.in_channels).transposed(),
            Matrix::rows(taps, rows, pixels),
            gradient,
            false,
        );
    }

    /// Adds to the weights' gradient, which [`restore`](Self::restore) puts in order, from that of the taps' products.
    pub fn add_weight_gradient(&self, image: &[f32], taps: &[f32], gradient: &mut [f32]) {
        let (rows, pixels) = (TAPS * self.out_channels, self.plane());
        multiply(
            Matrix::rows(taps, rows, pixels),
            Matrix::rows(image, self.in_channels, pixels).transposed(),
            gradient,
            true,
        );
    }

    /// The weights' gradient as `[C_out, C_in, 3, 3]`.
    pub fn restore(&self, gradient: &[f32]) -> Vec<f32> {
        transpose(gradient, self.out_channels, TAPS, self.in_channels)
    }
}

/// An image as it is, or with negative values at zero.
pub(super) fn activated(image: &[f32], activate: bool, target: &mut [f32]) {
    for (target, value) in target.iter_mut().zip(image) {
        *target = if activate { active(*value) } else { *value };
    }
}

/// Swaps the inner two axes of `[outer, rows, columns]`.
fn transpose(source: &[f32], outer: usize, rows: usize, columns: usize) -> Vec<f32> {
    let mut target = Vec::with_capacity(source.len());
    for block in source.chunks_exact(rows * columns).take(outer) {
        for column in 0..columns {
            target.extend((0..rows).map(|row| block[row * columns + column]));
        }
    }
    target
}

/// The part of a row of `width` pixels that tap column `kx` copies: (first source, first target, count).
fn columns(kx: usize, width: usize) -> (usize, usize, usize) {
    match kx {
        0 => (0, 1, width - 1),
        1 => (0, 0, width),
        _ => (1, 0, width - 1),
    }
}

/// Adds the nine rows of each plane, shifted, each value standing for a 2×2 block: `[C·9, H·W]` →
/// `[C, 2H, 2W]`, with `size` = `[H, W]`.
fn gather(taps: &[f32], [height, width]: [usize; 2], planes: &mut [f32]) {
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

/// The transpose of [`gather`]: `[C, 2H, 2W]` → `[C·9, H·W]`, with `size` = `[H, W]`.
fn spread(planes: &[f32], [height, width]: [usize; 2], taps: &mut [f32]) {
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
