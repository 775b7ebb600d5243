//! Pictures of several runs at once: quality by latent size, and cost by size of the work.

use image::RgbImage;
use plotters::style::RGBColor;
use serde::Serialize;

use super::RunError;
use super::curves::{
    Axis, BLUE, GREEN, HEADER, INK, PANEL_HEADER, Panel, Series, VERMILION, draw_panel_header,
    draw_plots, draw_title, panel_left,
};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 520;
/// Of the panels' lines, in their order; from the palette of Okabe and Ito.
const COLORS: [RGBColor; 6] = [
    INK,
    VERMILION,
    BLUE,
    GREEN,
    RGBColor(204, 121, 167),
    RGBColor(196, 138, 0),
];
/// Steps of a logarithmic axis for a factor of two.
const OCTAVE: f64 = 1000.0;
/// All points of a chart are measurements to be seen.
const ALL: usize = usize::MAX;

const LATENT_VALUES: Axis = Axis {
    name: "latent values",
    air: 300,
    // Between powers of two there are no round numbers.
    label: |position| {
        let power = f64::from(position) / OCTAVE;
        if power.fract() == 0.0 {
            power.exp2().to_string()
        } else {
            String::new()
        }
    },
};

/// Test scores of one method by latent size.
#[derive(Clone, Debug)]
pub struct RateQuality {
    /// The method's name.
    pub name: String,
    /// Latent values, SSIM, PSNR in dB.
    pub points: Vec<(usize, f64, f64)>,
}

/// How long and how large training is, for one size of the work.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScalePoint {
    /// Images of all splits together.
    pub images: usize,
    /// Images in a batch.
    pub batch: usize,
    /// Seconds of an epoch, without validation.
    pub epoch_seconds: f64,
    /// Trained on in a second.
    pub images_per_second: f64,
    /// The most memory of the process, in MB, where the system tells.
    pub peak_megabytes: Option<f64>,
}

/// Draws SSIM and PSNR by latent size, each method a line, 1200 × 520 pixels.
///
/// # Errors
///
/// [`RunError::Draw`] if the plotting library refuses.
pub fn draw_rate_quality(title: &str, methods: &[RateQuality]) -> Result<RgbImage, RunError> {
    let panel = |title, value: fn(&(usize, f64, f64)) -> f64| {
        let series = methods.iter().enumerate().map(|(index, method)| Series {
            name: method.name.clone(),
            color: COLORS[index % COLORS.len()],
            dashed: index == 0,
            points: method
                .points
                .iter()
                .map(|point| (logarithm(point.0), value(point)))
                .collect(),
        });
        chart(title, LATENT_VALUES, series.collect())
    };
    let panels = [
        panel("test SSIM", |point| point.1),
        panel("test PSNR, dB", |point| point.2),
    ];
    draw(title, &panels)
}

/// Draws seconds an epoch and memory: by images for the first `by_images` points, by batch for the
/// others; 1200 × 520 pixels.
///
/// # Errors
///
/// [`RunError::Draw`] if the plotting library refuses.
pub fn draw_scale(points: &[ScalePoint], by_images: usize) -> Result<RgbImage, RunError> {
    let (by_images, by_batch) = points.split_at(by_images.min(points.len()));
    let axis = |name, points: &[ScalePoint], size: fn(&ScalePoint) -> usize| Axis {
        name,
        air: position(points.iter().map(size).max().unwrap_or_default() / 20),
        label: |position| position.to_string(),
    };
    let series =
        |name: &str, color, points: &[ScalePoint], x: fn(&ScalePoint) -> usize, y| Series {
            name: name.to_owned(),
            color,
            dashed: false,
            points: points
                .iter()
                .map(|point| (position(x(point)), value(y, point)))
                .collect(),
        };
    let peak = |point: &ScalePoint| point.peak_megabytes.unwrap_or(f64::NAN);
    let images = axis("images", by_images, |point| point.images);
    let batch = axis("images in a batch", by_batch, |point| point.batch);
    let panels = [
        chart(
            "seconds an epoch",
            images,
            vec![series(
                "training",
                VERMILION,
                by_images,
                |point| point.images,
                |point| point.epoch_seconds,
            )],
        ),
        chart(
            "peak memory, MB",
            images,
            vec![series(
                "process",
                BLUE,
                by_images,
                |point| point.images,
                peak,
            )],
        ),
        chart(
            "peak memory, MB",
            batch,
            vec![series("process", BLUE, by_batch, |point| point.batch, peak)],
        ),
    ];
    draw("Cost by size: one epoch of training", &panels)
}

fn value(of: fn(&ScalePoint) -> f64, point: &ScalePoint) -> f64 {
    of(point)
}

fn chart(title: &'static str, axis: Axis, series: Vec<Series>) -> Panel {
    Panel {
        title,
        axis,
        series,
        dots_up_to: ALL,
        reference: None,
        marker: None,
    }
}

fn draw(title: &str, panels: &[Panel]) -> Result<RgbImage, RunError> {
    let mut image = draw_plots(panels, (WIDTH, HEIGHT), HEADER + PANEL_HEADER)?;
    draw_title(&mut image, title);
    for (index, panel) in panels.iter().enumerate() {
        draw_panel_header(&mut image, panel, panel_left(WIDTH, panels.len(), index));
    }
    Ok(image)
}

fn position(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX / 2)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "latent sizes, and thousands"
)]
fn logarithm(latent_dim: usize) -> i32 {
    ((latent_dim.max(1) as f64).log2() * OCTAVE).round() as i32
}
