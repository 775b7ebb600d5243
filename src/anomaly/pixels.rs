//! Where an image and its reconstruction differ.

use std::sync::OnceLock;

use super::score::{Aggregate, Measure, mean};
use crate::image::ImageShape;

/// The errors of a reconstruction, means over the channels.
#[derive(Clone, Debug)]
pub struct PixelErrors {
    /// `[H, W]`
    squared: Vec<f32>,
    /// `[H, W]`
    absolute: Vec<f32>,
    /// 1 − SSIM of each window, `windows`.
    dissimilarity: Vec<f32>,
    /// `[H, W]`: the image less the reconstruction.
    signed: Vec<f32>,
    /// `[H, W]`: the same of square roots.
    roots: Vec<f32>,
    /// Local means of these two, once they have been asked for.
    local: [OnceLock<Vec<f32>>; 2],
    /// The image's mean.
    brightness: f32,
    /// Height and width.
    size: [usize; 2],
    windows: [usize; 2],
}

impl PixelErrors {
    /// Of an image and its reconstruction, `[C, H, W]` in [0, 1] both, and the SSIM of their windows,
    /// `[C, H', W']` with `windows` for `[H', W']`.
    ///
    /// # Panics
    ///
    /// Where there are more or fewer values than that.
    #[must_use]
    pub fn new(
        original: &[f32],
        restored: &[f32],
        shape: ImageShape,
        ssim: &[f32],
        windows: [usize; 2],
    ) -> Self {
        assert_eq!([original.len(), restored.len()], [shape.len(); 2]);
        assert_eq!(ssim.len(), shape.channels * windows[0] * windows[1]);
        let differences = || {
            let pairs = original.iter().zip(restored);
            pairs.map(|(a, b)| a - b)
        };
        let roots = original.iter().zip(restored);
        let roots = roots.map(|(a, b)| a.sqrt() - b.sqrt());
        Self {
            signed: channel_mean(differences(), shape.channels),
            roots: channel_mean(roots, shape.channels),
            brightness: mean(original),
            squared: channel_mean(differences().map(|value| value * value), shape.channels),
            absolute: channel_mean(differences().map(f32::abs), shape.channels),
            dissimilarity: channel_mean(ssim.iter().map(|score| 1.0 - score), shape.channels),
            local: Default::default(),
            size: [shape.height, shape.width],
            windows,
        }
    }

    /// One number for the image.
    #[must_use]
    pub fn score(&self, measure: Measure, aggregate: Aggregate) -> f32 {
        let mut errors = match measure {
            // Each window once; of a map, those at the borders have several pixels.
            Measure::Ssim => self.dissimilarity.clone(),
            measure => self.map(measure),
        };
        aggregate.of(&mut errors)
    }

    /// Errors by pixel, `[H, W]`. A pixel has the SSIM of the window about it, or of the nearest one.
    #[must_use]
    pub fn map(&self, measure: Measure) -> Vec<f32> {
        match measure {
            Measure::Mse => self.squared.clone(),
            Measure::Ssim => self.windows_by_pixel().collect(),
            Measure::Relative => {
                // What is a little darker than it should be shows in a dark image as in a bright one.
                let brightness = self.brightness + DARKEST;
                let means = self.local[0].get_or_init(|| local_means(&self.signed, self.size));
                means.iter().map(|mean| mean.abs() / brightness).collect()
            }
            Measure::Sqrt => {
                let means = self.local[1].get_or_init(|| local_means(&self.roots, self.size));
                means.iter().map(|mean| mean * mean).collect()
            }
            Measure::SsimL1 => {
                let windows = self.windows_by_pixel();
                windows.zip(&self.absolute).map(|(a, b)| a + b).collect()
            }
        }
    }

    /// The absolute difference by pixel, `[H, W]`.
    #[must_use]
    pub fn absolute(&self) -> &[f32] {
        &self.absolute
    }

    fn windows_by_pixel(&self) -> impl Iterator<Item = f32> {
        let [height, width] = self.size;
        let [rows, columns] = self.windows;
        let nearest = |pixel: usize, pixels: usize, windows: usize| {
            pixel
                .saturating_sub((pixels - windows) / 2)
                .min(windows - 1)
        };
        (0..height).flat_map(move |y| {
            let row = nearest(y, height, rows) * columns;
            (0..width).map(move |x| self.dissimilarity[row + nearest(x, width, columns)])
        })
    }
}

/// Added to an image's brightness, lest black images be all error.
const DARKEST: f32 = 0.05;

/// Gaussian means about each pixel, of `signed` differences `[H, W]`: what is wrong in a region stays, and noise and
/// an outline half a pixel beside, which are as often too dark as too bright, hardly do.
#[expect(clippy::cast_precision_loss, reason = "a few hundred pixels")]
fn local_means(signed: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    // A neighbourhood is as wide as a sixteenth of the image.
    let deviation = height.min(width) as f32 / 32.0;
    let weights = gaussian(deviation);
    let rows: Vec<f32> = signed
        .chunks_exact(width)
        .flat_map(|row| blurred(row, &weights))
        .collect();
    let mut means = vec![0.0; signed.len()];
    for x in 0..width {
        let column: Vec<f32> = rows.iter().skip(x).step_by(width).copied().collect();
        for (y, mean) in blurred(&column, &weights).into_iter().enumerate() {
            means[y * width + x] = mean;
        }
    }
    means
}

/// Weights of a value's neighbours, itself in the middle, to three standard deviations.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few pixels"
)]
fn gaussian(deviation: f32) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil() as usize;
    let weight = |place: usize| {
        let distance = place as f32 - reach as f32;
        (-0.5 * (distance / deviation).powi(2)).exp()
    };
    (0..=2 * reach).map(weight).collect()
}

/// Weighted means about each value, over those that there are.
fn blurred(values: &[f32], weights: &[f32]) -> Vec<f32> {
    let reach = weights.len() / 2;
    let all: f32 = weights.iter().sum();
    let mean = |place: usize| {
        let first = place.saturating_sub(reach);
        let last = (place + reach + 1).min(values.len());
        let weights = &weights[first + reach - place..last + reach - place];
        let products = weights.iter().zip(&values[first..last]);
        let sum: f32 = products.map(|(weight, value)| weight * value).sum();
        let is_inside = weights.len() == 2 * reach + 1;
        sum / if is_inside { all } else { weights.iter().sum() }
    };
    (0..values.len()).map(mean).collect()
}

/// Of values `[C, …]`, which come plane by plane.
#[expect(clippy::cast_precision_loss, reason = "one channel or three")]
fn channel_mean(values: impl Iterator<Item = f32>, channels: usize) -> Vec<f32> {
    let values: Vec<f32> = values.collect();
    let pixels = values.len() / channels;
    let mut mean = vec![0.0; pixels];
    for plane in values.chunks_exact(pixels) {
        for (sum, value) in mean.iter_mut().zip(plane) {
            *sum += value / channels as f32;
        }
    }
    mean
}
