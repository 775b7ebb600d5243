//! Where an image and its reconstruction differ.

use super::score::{Aggregate, Measure};
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
        Self {
            squared: channel_mean(differences().map(|value| value * value), shape.channels),
            absolute: channel_mean(differences().map(f32::abs), shape.channels),
            dissimilarity: channel_mean(ssim.iter().map(|score| 1.0 - score), shape.channels),
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
