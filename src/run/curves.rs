//! The training curves: losses on the left, validation SSIM on the right, both by epoch.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of panels and of decimals, far below the limits of u32"
)]

use image::{Rgb, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::text::{self, Align};
use super::{EpochMetrics, RunError};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 480;
/// plotters draws lines without smoothing; so the plots are drawn this much larger, and reduced.
const FINENESS: u32 = 2;
/// Width of the curves in the finished picture.
const STROKE: u32 = 2;
/// The title of the picture.
const HEADER: u32 = 44;
/// A panel's title and legend, above the plot, where the legend can't cover a line.
const PANEL_HEADER: u32 = 60;
const MARGIN: u32 = 20;

const PAPER: RGBColor = RGBColor(250, 250, 248);
const INK: RGBColor = RGBColor(34, 34, 34);
const FAINT_INK: RGBColor = RGBColor(95, 95, 95);
const GRID: RGBColor = RGBColor(222, 222, 220);
// From the palette of Okabe and Ito, which colour-blind eyes can tell apart.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 135, 100);

/// Far beyond any loss worth a look, and small enough for the arithmetic of an axis.
const LARGEST_DRAWN: f64 = 1e12;

/// A series of a panel: one value for each epoch.
struct Series {
    name: &'static str,
    color: RGBColor,
    points: Vec<(i32, f64)>,
}

/// A dashed horizontal line to compare with.
struct Reference {
    name: String,
    value: f64,
}

/// A point that stands out.
struct Marker {
    name: String,
    point: (i32, f64),
}

/// What stands before a name in the legend: a line of 28 pixels with these dashes, each from and
/// up to a pixel, or a dot.
enum Sample {
    Line(&'static [(u32, u32)]),
    Dot,
}

struct Panel {
    title: &'static str,
    series: Vec<Series>,
    reference: Option<Reference>,
    marker: Option<Marker>,
}

/// Draws losses and validation SSIM by epoch, 1200 × 480 pixels. `pca` is the number of principal
/// components and the validation SSIM that they reach: the line that the model should cross.
///
/// Values that aren't finite, or beyond any scale, leave a gap, and the legend counts them.
///
/// # Errors
/// [`RunError::Draw`] if the plotting library refuses.
pub fn draw_curves(
    title: &str,
    history: &[EpochMetrics],
    pca: Option<(usize, f64)>,
    best_epoch: Option<usize>,
) -> Result<RgbImage, RunError> {
    let series = |name, color, value: fn(&EpochMetrics) -> f64| Series {
        name,
        color,
        points: history
            .iter()
            .map(|row| (epoch_position(row), value(row)))
            .collect(),
    };
    let best = history
        .iter()
        .find(|row| Some(row.epoch) == best_epoch && drawable(row.validation_ssim));
    let panels = [
        Panel {
            title: "loss",
            series: vec![
                series("train", BLUE, |row| row.train_loss),
                series("validation", VERMILION, |row| row.validation_loss),
            ],
            reference: None,
            marker: None,
        },
        Panel {
            title: "validation SSIM",
            series: vec![series("model", VERMILION, |row| row.validation_ssim)],
            reference: pca
                .filter(|(_, value)| drawable(*value))
                .map(|(components, value)| Reference {
                    name: format!("PCA, {components} components"),
                    value,
                }),
            marker: best.map(|row| Marker {
                name: format!("best: {:.3} (epoch {})", row.validation_ssim, row.epoch),
                point: (epoch_position(row), row.validation_ssim),
            }),
        },
    ];

    let panel_width = (WIDTH - 3 * MARGIN) / 2;
    let panel_left = |index: usize| MARGIN + index as u32 * (panel_width + MARGIN);
    let plot_top = HEADER + PANEL_HEADER;

    let (fine_width, fine_height) = (WIDTH * FINENESS, HEIGHT * FINENESS);
    let mut buffer = vec![0; (fine_width * fine_height * 3) as usize];
    {
        let size = (fine_width, fine_height);
        let root = BitMapBackend::with_buffer(&mut buffer, size).into_drawing_area();
        root.fill(&PAPER).map_err(failed)?;
        for (index, panel) in panels.iter().enumerate() {
            let corner = (panel_left(index) * FINENESS, plot_top * FINENESS);
            let size = (
                panel_width * FINENESS,
                (HEIGHT - plot_top - MARGIN / 2) * FINENESS,
            );
            draw_plot(&root.clone().shrink(corner, size), panel).map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    let fine = RgbImage::from_raw(fine_width, fine_height, buffer)
        .ok_or_else(|| failed("the buffer is too small for the picture"))?;
    let mut image = image::imageops::thumbnail(&fine, WIDTH, HEIGHT);

    let headline = text::fit(title, 24, WIDTH - 2 * MARGIN);
    text::draw(
        &mut image,
        &headline,
        (MARGIN, 32),
        Align::Left,
        24,
        rgb(INK),
    );
    for (index, panel) in panels.iter().enumerate() {
        let left = panel_left(index);
        draw_panel_header(&mut image, panel, left);
        if history.is_empty() {
            let middle = (left + panel_width / 2, HEIGHT / 2);
            text::draw(
                &mut image,
                "no epochs yet",
                middle,
                Align::Centre,
                18,
                rgb(FAINT_INK),
            );
        }
    }
    Ok(image)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` hands the error over"
)]
fn failed(error: impl ToString) -> RunError {
    RunError::Draw {
        what: "the training curves",
        reason: error.to_string(),
    }
}

/// Draws axes and lines. Lengths are those of the finished picture times `FINENESS`.
fn draw_plot<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    panel: &Panel,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let epochs = panel
        .series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| point.0);
    let first = epochs.clone().min().unwrap_or(1);
    let last = epochs.max().unwrap_or(first);
    let (low, high) = value_range(panel);

    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(44 * FINENESS)
        .y_label_area_size(64 * FINENESS)
        .margin_right(12 * FINENESS)
        // An epoch of air on both sides keeps the ends off the frame.
        .build_cartesian_2d((first - 1)..(last + 1), low..high)?;
    let decimals = (1.0 - (high - low).log10()).ceil().clamp(0.0, 9.0) as usize;
    let label = text::font(15 * FINENESS).color(&INK);
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(10)
        .y_labels(8)
        // The air isn't an epoch.
        .x_label_formatter(&|epoch| {
            if (first..=last).contains(epoch) {
                epoch.to_string()
            } else {
                String::new()
            }
        })
        .y_label_formatter(&|value| {
            if value.abs() < 1e5 {
                format!("{value:.decimals$}")
            } else {
                format!("{value:.1e}")
            }
        })
        .label_style(label.clone())
        .axis_desc_style(label)
        .axis_style(FAINT_INK.stroke_width(FINENESS))
        .bold_line_style(GRID.stroke_width(FINENESS))
        .set_all_tick_mark_size(5 * FINENESS)
        .light_line_style(TRANSPARENT)
        .draw()?;

    if let Some(reference) = &panel.reference {
        let ends = [(first - 1, reference.value), (last + 1, reference.value)];
        let style = GREEN.stroke_width(STROKE * FINENESS);
        chart.draw_series(DashedLineSeries::new(
            ends,
            8 * FINENESS,
            6 * FINENESS,
            style,
        ))?;
    }
    for series in &panel.series {
        let style = series.color.stroke_width(STROKE * FINENESS);
        for line in series.points.split(|point| !drawable(point.1)) {
            chart.draw_series(LineSeries::new(line.iter().copied(), style))?;
            // A line of one point can't be seen.
            if let [point] = line {
                let radius = 4 * FINENESS;
                chart.draw_series([Circle::new(*point, radius, series.color.filled())])?;
            }
        }
    }
    if let Some(marker) = &panel.marker {
        let rings = [(7, INK), (5, PAPER), (3, INK)];
        chart.draw_series(
            rings.map(|(radius, color)| {
                Circle::new(marker.point, radius * FINENESS, color.filled())
            }),
        )?;
    }
    Ok(())
}

/// The range of what is drawn, with a little air; never empty, never infinite.
fn value_range(panel: &Panel) -> (f64, f64) {
    let values = panel
        .series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| point.1);
    let reference = panel.reference.as_ref().map(|reference| reference.value);
    let drawn = values.chain(reference).filter(|value| drawable(*value));
    let (low, high) = drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (0.0, 1.0);
    }
    // A flat line gets a range too, one that its magnitude can resolve.
    let air = (0.06 * (high - low)).max(0.01 * high.abs()).max(1e-6);
    (low - air, high + air)
}

/// The epoch on the axis, which has room for one more.
fn epoch_position(row: &EpochMetrics) -> i32 {
    i32::try_from(row.epoch).map_or(i32::MAX - 1, |epoch| epoch.min(i32::MAX - 1))
}

fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST_DRAWN
}

/// The panel's title and, below it, a row of samples with their names.
fn draw_panel_header(image: &mut RgbImage, panel: &Panel, left: u32) {
    let size = 15;
    text::draw(
        image,
        panel.title,
        (left, HEADER + 20),
        Align::Left,
        18,
        rgb(INK),
    );
    let y = HEADER + 43;
    let mut x = left;
    let mut entry = |name: &str, color: RGBColor, sample: &Sample| {
        match sample {
            Sample::Line(dashes) => {
                for dx in dashes.iter().flat_map(|(from, to)| *from..*to) {
                    for dy in 0..STROKE {
                        image.put_pixel(x + dx, y - 5 + dy, rgb(color));
                    }
                }
                x += 28;
            }
            Sample::Dot => {
                text::draw(image, "●", (x, y), Align::Left, size, rgb(color));
                x += text::width("●", size);
            }
        }
        x += 8;
        text::draw(image, name, (x, y), Align::Left, size, rgb(INK));
        x += text::width(name, size) + 24;
    };
    for series in &panel.series {
        let missing = series
            .points
            .iter()
            .filter(|point| !drawable(point.1))
            .count();
        let name = match missing {
            0 => series.name.to_owned(),
            count => format!("{} ({count} NaN or too large)", series.name),
        };
        entry(&name, series.color, &Sample::Line(&[(0, 28)]));
    }
    if let Some(reference) = &panel.reference {
        entry(
            &reference.name,
            GREEN,
            &Sample::Line(&[(0, 8), (10, 18), (20, 28)]),
        );
    }
    if let Some(marker) = &panel.marker {
        entry(&marker.name, INK, &Sample::Dot);
    }
}

fn rgb(color: RGBColor) -> Rgb<u8> {
    Rgb([color.0, color.1, color.2])
}
