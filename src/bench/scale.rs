//! What training costs by size of the work, and its chart.

use image::RgbImage;
use serde::Serialize;

use crate::plot::{PlotError, SizeChart, draw_by_size};

/// How long and how large training is, for one size of the work.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScalePoint {
    /// Images of all splits together.
    pub images: usize,
    /// Images in a batch.
    pub batch: usize,
    /// Seconds of an epoch; without validation, except on a GPU.
    pub epoch_seconds: f64,
    /// Trained on in a second.
    pub images_per_second: f64,
    /// The most memory of the process, in MB, where the system tells.
    pub peak_megabytes: Option<f64>,
}

impl ScalePoint {
    #[expect(clippy::cast_precision_loss, reason = "images in a batch")]
    fn step_milliseconds(&self) -> f64 {
        1000.0 * self.batch as f64 / self.images_per_second
    }
}

/// Draws time and memory: by images for the first `by_images` points, by batch for the others.
///
/// # Errors
///
/// [`PlotError`] if the plotting library refuses.
pub fn draw_scale(points: &[ScalePoint], by_images: usize) -> Result<RgbImage, PlotError> {
    let (by_images, by_batch) = points.split_at(by_images.min(points.len()));
    let images = |value| points_of(by_images, |point| point.images, value);
    let batch = |value| points_of(by_batch, |point| point.batch, value);
    let peak = |point: &ScalePoint| point.peak_megabytes.unwrap_or(f64::NAN);
    let chart = |title: &str, axis: &str, name: &str, points| SizeChart {
        title: title.to_owned(),
        axis: axis.to_owned(),
        name: name.to_owned(),
        points,
    };
    let (seconds, step) = (
        images(|point| point.epoch_seconds),
        batch(ScalePoint::step_milliseconds),
    );
    let charts = [
        chart("seconds an epoch", "images", "training", seconds),
        chart("peak memory, MB", "images", "process", images(peak)),
        chart("milliseconds a step", "images in a batch", "training", step),
        chart(
            "peak memory, MB",
            "images in a batch",
            "process",
            batch(peak),
        ),
    ];
    draw_by_size("Cost by size", &charts)
}

fn points_of(
    points: &[ScalePoint],
    size: fn(&ScalePoint) -> usize,
    value: fn(&ScalePoint) -> f64,
) -> Vec<(usize, f64)> {
    points
        .iter()
        .map(|point| (size(point), value(point)))
        .collect()
}
