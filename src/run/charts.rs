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

/// Draws time and memory: by images for the first `by_images` points, by batch for the others; 1200 × 520 pixels.
///
/// # Errors
///
/// [`RunError::Draw`] if the plotting library refuses.
pub fn draw_scale(points: &[ScalePoint], by_images: usize) -> Result<RgbImage, RunError> {
    let (by_images, by_batch) = points.split_at(by_images.min(points.len()));
    let panel = |title, points: &[ScalePoint], by: Size, name: &str, color, value: Value| Panel {
        from_zero: true,
        ..chart(
            title,
            Axis {
                name: by.name,
                air: position(points.iter().map(by.of).max().unwrap_or_default() / 20),
                label: thousands,
            },
            vec![Series {
                name: name.to_owned(),
                color,
                dashed: false,
                points: points
                    .iter()
                    .map(|point| (position((by.of)(point)), value(point)))
                    .collect(),
            }],
        )
    };
    let images = Size {
        name: "images",
        of: |point| point.images,
    };
    let batch = Size {
        name: "images in a batch",
        of: |point| point.batch,
    };
    let milliseconds =
        |point: &ScalePoint| 1000.0 * f64::from(position(point.batch)) / point.images_per_second;
    let peak = |point: &ScalePoint| point.peak_megabytes.unwrap_or(f64::NAN);
    let panels = [
        panel(
            "seconds an epoch",
            by_images,
            images,
            "training",
            VERMILION,
            |point| point.epoch_seconds,
        ),
        panel("peak memory, MB", by_images, images, "process", BLUE, peak),
        panel(
            "milliseconds a step",
            by_batch,
            batch,
            "training",
            VERMILION,
            milliseconds,
        ),
        panel("peak memory, MB", by_batch, batch, "process", BLUE, peak),
    ];
    draw("Cost by size", &panels)
}

/// What is measured of a training.
type Value = fn(&ScalePoint) -> f64;

/// What a training's cost grows with.
#[derive(Clone, Copy)]
struct Size {
    name: &'static str,
    of: fn(&ScalePoint) -> usize,
}

fn thousands(position: i32) -> String {
    if position >= 1000 {
        format!("{}k", f64::from(position) / 1000.0)
    } else {
        position.to_string()
    }
}

fn chart(title: &'static str, axis: Axis, series: Vec<Series>) -> Panel {
    Panel {
        title,
        axis,
        from_zero: false,
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
