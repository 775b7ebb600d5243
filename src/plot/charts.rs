//! Charts of measurements: quality by latent size, and cost by size of the work.

use image::RgbImage;

use super::PlotError;
use super::axes::draw_panels;
use super::panel::{Axis, Panel, Series};
use super::style::{FOREGROUND, line_style};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 520;
/// Steps of a logarithmic axis for a factor of two.
const OCTAVE: f64 = 1000.0;
/// Steps of a logarithmic axis that keep the ends off the frame.
const OCTAVE_PADDING: i32 = 300;
/// Part of the largest size that keeps it off the frame.
const SIZE_PADDING: i32 = 20;
/// All points of a chart are measurements to be seen.
const ALL: usize = usize::MAX;

/// Test scores of one method by latent size.
#[derive(Clone, Debug)]
pub struct RateQuality {
    /// The method's name.
    pub name: String,
    /// Latent values, SSIM, PSNR in dB.
    pub points: Vec<(usize, f64, f64)>,
}

/// One plot of [`draw_by_size`]: something measured at several sizes.
#[derive(Clone, Debug)]
pub struct SizeChart {
    /// What was measured, with its unit, such as "peak memory, MB".
    pub title: String,
    /// What the sizes count, such as "images".
    pub axis: String,
    /// Of what it was measured, such as "training"; equal names have one colour.
    pub name: String,
    /// Sizes and values; NaN for what isn't known.
    pub points: Vec<(usize, f64)>,
}

/// Draws SSIM and PSNR by latent size, each method a line, 1200 × 520 pixels, and more where the legend takes several
/// rows. The first method's is dashed: the one to compare with.
///
/// # Errors
/// [`PlotError`] if the plotting library refuses.
pub fn draw_rate_quality(title: &str, methods: &[RateQuality]) -> Result<RgbImage, PlotError> {
    let axis = Axis {
        name: "latent values".to_owned(),
        padding: OCTAVE_PADDING,
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
    let panel = |title, value: fn(&(usize, f64, f64)) -> f64| {
        let series = methods.iter().enumerate().map(|(index, method)| {
            let (color, dashed) = match index {
                0 => (FOREGROUND, true),
                _ => line_style(index - 1),
            };
            let points = method.points.iter();
            Series {
                name: method.name.clone(),
                color,
                dashed,
                points: points
                    .map(|point| (logarithm(point.0), value(point)))
                    .collect(),
            }
        });
        panel(title, axis.clone(), series.collect())
    };
    let panels = [
        panel("test SSIM", |point| point.1),
        panel("test PSNR, dB", |point| point.2),
    ];
    draw_panels(
        "the quality by latent size",
        title,
        &panels,
        (WIDTH, HEIGHT),
    )
}

/// Draws plots side by side, each by size and with scales from zero, 1200 × 520 pixels, and more where a
/// legend takes several rows.
///
/// # Errors
/// [`PlotError`] if the plotting library refuses.
pub fn draw_by_size(title: &str, charts: &[SizeChart]) -> Result<RgbImage, PlotError> {
    let mut names: Vec<&str> = Vec::new();
    for chart in charts {
        if !names.contains(&chart.name.as_str()) {
            names.push(&chart.name);
        }
    }
    let style = |name: &str| {
        let place = names.iter().position(|other| *other == name);
        line_style(place.unwrap_or(0))
    };
    let panel = |chart: &SizeChart| {
        let largest = chart.points.iter().map(|point| point.0).max();
        let axis = Axis {
            name: chart.axis.clone(),
            padding: position(largest.unwrap_or_default()) / SIZE_PADDING,
            label: thousands,
        };
        let (color, dashed) = style(&chart.name);
        let series = Series {
            name: chart.name.clone(),
            color,
            dashed,
            points: chart
                .points
                .iter()
                .map(|&(size, value)| (position(size), value))
                .collect(),
        };
        Panel {
            from_zero: true,
            ..panel(&chart.title, axis, vec![series])
        }
    };
    let panels: Vec<Panel> = charts.iter().map(panel).collect();
    draw_panels("the cost by size", title, &panels, (WIDTH, HEIGHT))
}

fn thousands(position: i32) -> String {
    if position >= 1000 {
        format!("{}k", f64::from(position) / 1000.0)
    } else {
        position.to_string()
    }
}

fn panel(title: &str, axis: Axis, series: Vec<Series>) -> Panel {
    Panel {
        title: title.to_owned(),
        axis,
        from_zero: false,
        series,
        dots_up_to: ALL,
        reference: None,
        marker: None,
    }
}

/// A size on an axis, which has room for padding.
fn position(size: usize) -> i32 {
    i32::try_from(size).map_or(i32::MAX / 2, |size| size.min(i32::MAX / 2))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "latent sizes, and thousands"
)]
fn logarithm(latent_dim: usize) -> i32 {
    ((latent_dim.max(1) as f64).log2() * OCTAVE).round() as i32
}
