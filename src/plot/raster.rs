//! Images of any shape, brought to the size at which a picture shows them.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel positions and channels, far below the limits of u32 and f32"
)]

use image::{Rgb, RgbImage};

use super::style::NO_VALUE;
use crate::image::{ImageShape, from_levels};

/// How the images of a picture are enlarged or reduced; all of them alike, so that sizes compare.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// Each pixel becomes a square of so many pixels along its side.
    Enlarge(usize),
    /// Sides become `to / from` of what they were.
    Reduce { from: usize, to: usize },
}

impl Scale {
    /// For images whose longest side is `longest`: it is enlarged by an integer as far as it stays
    /// within `target`, and reduced to `limit` if it is longer than that.
    pub fn fit(longest: usize, target: usize, limit: usize) -> Self {
        if longest > limit {
            Self::Reduce {
                from: longest,
                to: limit,
            }
        } else {
            Self::Enlarge((target / longest.max(1)).max(1))
        }
    }

    /// The pixels that a side of so many takes up. A side of at least one never vanishes.
    pub fn of(self, side: usize) -> usize {
        match self {
            Self::Enlarge(factor) => side * factor,
            Self::Reduce { from, to } => ((side * to + from / 2) / from).max(side.min(1)),
        }
    }
}

/// Values of an image, to be shown as colours. NaN stands for a value that is missing or not finite.
pub(super) struct Raster {
    height: usize,
    width: usize,
    /// A plane `[height * width]` for each channel.
    planes: Vec<Vec<f32>>,
}

impl Raster {
    /// An image in `[C, H, W]` order, 0 to 255; what it lacks is black.
    pub fn of_levels(levels: &[u8], shape: ImageShape) -> Self {
        let mut pixels = from_levels(levels);
        pixels.resize(shape.len(), 0.0);
        Self::of(&pixels, shape)
    }

    /// An image in `[C, H, W]` order. Values are clipped to [0, 1].
    pub fn of(pixels: &[f32], shape: ImageShape) -> Self {
        let plane = |channel| {
            let values = channel * shape.pixels()..(channel + 1) * shape.pixels();
            let values = values.map(|index| number(pixels, index).clamp(0.0, 1.0));
            values.collect()
        };
        Self {
            height: shape.height,
            width: shape.width,
            planes: (0..shape.channels).map(plane).collect(),
        }
    }

    /// The same with values `[H, W]` as one more channel, not clipped.
    pub fn with_plane(mut self, values: &[f32]) -> Self {
        let values = (0..self.height * self.width).map(|index| number(values, index));
        self.planes.push(values.collect());
        self
    }

    /// The absolute difference of two images, averaged over the channels: one plane.
    pub fn difference(a: &[f32], b: &[f32], shape: ImageShape) -> Self {
        let mean = |pixel| {
            let channels = 0..shape.channels;
            let differences = channels.map(|channel| {
                let index = channel * shape.pixels() + pixel;
                (number(a, index) - number(b, index)).abs()
            });
            differences.sum::<f32>() / shape.channels as f32
        };
        Self {
            height: shape.height,
            width: shape.width,
            planes: vec![(0..shape.pixels()).map(mean).collect()],
        }
    }

    /// Draws the image, in the colours that the values of a pixel have, one for each channel.
    pub fn draw(
        &self,
        picture: &mut RgbImage,
        (x, y): (u32, u32),
        scale: Scale,
        color: impl Fn(&[f32]) -> Rgb<u8>,
    ) {
        let side = match scale {
            Scale::Enlarge(factor) => factor as u32,
            Scale::Reduce { .. } => {
                let reduced = self.reduced(scale.of(self.height), scale.of(self.width));
                return reduced.draw(picture, (x, y), Scale::Enlarge(1), color);
            }
        };
        let mut values = vec![0.0; self.planes.len()];
        for index in 0..self.height * self.width {
            for (value, plane) in values.iter_mut().zip(&self.planes) {
                *value = plane[index];
            }
            let color = if values.iter().any(|value| value.is_nan()) {
                NO_VALUE
            } else {
                color(&values)
            };
            let left = x + (index % self.width) as u32 * side;
            let top = y + (index / self.width) as u32 * side;
            for dy in 0..side {
                for dx in 0..side {
                    picture.put_pixel(left + dx, top + dy, color);
                }
            }
        }
    }

    /// Averages over the area that each pixel of a smaller image covers. A single NaN in it makes the
    /// average NaN, so that it isn't overlooked.
    fn reduced(&self, height: usize, width: usize) -> Self {
        let rows: Vec<_> = (0..height)
            .map(|y| overlaps(self.height, height, y))
            .collect();
        let columns: Vec<_> = (0..width).map(|x| overlaps(self.width, width, x)).collect();
        let reduce = |plane: &Vec<f32>| {
            let mut reduced = Vec::with_capacity(height * width);
            for row in &rows {
                for column in &columns {
                    let mut sum = 0.0;
                    for (y, row_share) in row {
                        for (x, column_share) in column {
                            sum += row_share * column_share * plane[y * self.width + x];
                        }
                    }
                    reduced.push(sum);
                }
            }
            reduced
        };
        Self {
            height,
            width,
            planes: self.planes.iter().map(reduce).collect(),
        }
    }
}

/// Which of `from` pixels along a side the pixel `index` of `to` covers, and with what share of itself.
/// Counted in `1 / to` of the former and `1 / from` of the latter, ends are integers.
fn overlaps(from: usize, to: usize, index: usize) -> Vec<(usize, f32)> {
    let (start, end) = (index * from, (index + 1) * from);
    let covered = start / to..end.div_ceil(to);
    let share = |place| {
        let overlap = end.min((place + 1) * to) - start.max(place * to);
        (place, overlap as f32 / from as f32)
    };
    covered.map(share).collect()
}

/// NaN where there is no finite number.
fn number(values: &[f32], index: usize) -> f32 {
    match values.get(index) {
        Some(value) if value.is_finite() => *value,
        _ => f32::NAN,
    }
}

/// The colour of a pixel with values in [0, 1]: grey for one, RGB for three. No other number of
/// channels has a colour.
pub(super) fn color(values: &[f32]) -> Rgb<u8> {
    let level = |value: f32| (value * 255.0).round() as u8;
    match *values {
        [grey] => Rgb([level(grey); 3]),
        [red, green, blue] => Rgb([red, green, blue].map(level)),
        _ => NO_VALUE,
    }
}
