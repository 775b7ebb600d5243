//! The training curves: losses on the left, validation SSIM on the right, both by epoch. Here is
//! also what draws any row of plots by epoch, for the curves of several runs.

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
const FINENESS: u32 = 3;
/// Width of the curves in the finished picture.
const STROKE: u32 = 2;
/// The title of the picture.
pub(super) const HEADER: u32 = 44;
/// A panel's title and legend, above the plot, where the legend can't cover a line.
pub(super) const PANEL_HEADER: u32 = 60;
pub(super) const MARGIN: u32 = 20;
/// The legend's font.
pub(super) const LEGEND_SIZE: u32 = 15;

pub(super) const PAPER: RGBColor = RGBColor(250, 250, 248);
pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
const FAINT_INK: RGBColor = RGBColor(95, 95, 95);
const GRID: RGBColor = RGBColor(222, 222, 220);
// From the palette of Okabe and Ito, which colour-blind eyes can tell apart.
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 135, 100);

/// Far beyond any loss worth a look, and small enough for the arithmetic of an axis.
const LARGEST_DRAWN: f64 = 1e12;

/// A series of a panel: values along its axis.
pub(super) struct Series {
    pub name: String,
    pub color: RGBColor,
    pub dashed: bool,
    pub points: Vec<(i32, f64)>,
}

impl Series {
    /// One value of each epoch.
    pub fn of(
        name: impl Into<String>,
        color: RGBColor,
        history: &[EpochMetrics],
        value: fn(&EpochMetrics) -> f64,
    ) -> Self {
        Self {
            name: name.into(),
            color,
            dashed: false,
            points: history
                .iter()
                .map(|row| (epoch_position(row), value(row)))
                .collect(),
        }
    }

    /// Values that the plot leaves out.
    pub fn missing(&self) -> usize {
        let drawn = self.points.iter().filter(|point| drawable(point.1));
        self.points.len() - drawn.count()
    }
}

/// A dashed horizontal line to compare with.
pub(super) struct Reference {
    name: String,
    value: f64,
}

/// A point that stands out.
pub(super) struct Marker {
    name: String,
    point: (i32, f64),
}

/// What stands before a name in the legend: a line of 28 pixels, or a dot.
pub(super) enum Sample {
    Line,
    Dashes,
    Dot,
}

/// What lies along the bottom of a panel.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub name: &'static str,
    /// What keeps the ends off the frame.
    pub air: i32,
    pub label: fn(i32) -> String,
}

impl Axis {
    pub const EPOCHS: Self = Self {
        name: "epoch",
        air: 1,
        label: |epoch| epoch.to_string(),
    };
}

pub(super) struct Panel {
    pub title: &'static str,
    pub axis: Axis,
    /// Both scales begin at zero, for values whose ratio is of interest.
    pub from_zero: bool,
    pub series: Vec<Series>,
    /// Lines of so many points or fewer show each of them.
    pub dots_up_to: usize,
    pub reference: Option<Reference>,
    pub marker: Option<Marker>,
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
    let best = history
        .iter()
        .find(|row| Some(row.epoch) == best_epoch && drawable(row.validation_ssim));
    let panels = [
        Panel {
            title: "loss",
            axis: Axis::EPOCHS,
            from_zero: false,
            series: vec![
                Series::of("train", BLUE, history, |row| row.train_loss),
                Series::of("validation", VERMILION, history, |row| row.validation_loss),
            ],
            dots_up_to: 1,
            reference: None,
            marker: None,
        },
        Panel {
            title: "validation SSIM",
            axis: Axis::EPOCHS,
            from_zero: false,
            series: vec![Series::of("model", VERMILION, history, |row| {
                row.validation_ssim
            })],
            dots_up_to: 1,
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

    let mut image = draw_plots(&panels, (WIDTH, HEIGHT), HEADER + PANEL_HEADER)?;
    draw_title(&mut image, title);
    for (index, panel) in panels.iter().enumerate() {
        draw_panel_header(&mut image, panel, panel_left(WIDTH, panels.len(), index));
    }
    Ok(image)
}

/// The width of each of several panels side by side.
fn panel_width(width: u32, panels: usize) -> u32 {
    let panels = panels as u32;
    (width - (panels + 1) * MARGIN) / panels
}

/// Where a panel begins.
pub(super) fn panel_left(width: u32, panels: usize, index: usize) -> u32 {
    MARGIN + index as u32 * (panel_width(width, panels) + MARGIN)
}

/// Draws plots side by side, from `top` down to the end of a picture of this size (width and height
/// in pixels). What is above them is left empty.
pub(super) fn draw_plots(
    panels: &[Panel],
    (width, height): (u32, u32),
    top: u32,
) -> Result<RgbImage, RunError> {
    let panel_width = panel_width(width, panels.len());
    let (fine_width, fine_height) = (width * FINENESS, height * FINENESS);
    let mut buffer = vec![0; (fine_width * fine_height * 3) as usize];
    {
        let size = (fine_width, fine_height);
        let root = BitMapBackend::with_buffer(&mut buffer, size).into_drawing_area();
        root.fill(&PAPER).map_err(failed)?;
        for (index, panel) in panels.iter().enumerate() {
            let left = panel_left(width, panels.len(), index);
            let corner = (left * FINENESS, top * FINENESS);
            let size = (
                panel_width * FINENESS,
                (height - top - MARGIN / 2) * FINENESS,
            );
            draw_plot(&root.clone().shrink(corner, size), panel).map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    let fine = RgbImage::from_raw(fine_width, fine_height, buffer)
        .ok_or_else(|| failed("the buffer is too small for the picture"))?;
    let mut image = image::imageops::thumbnail(&fine, width, height);
    for (index, panel) in panels.iter().enumerate() {
        if panel.series.iter().all(|series| series.points.is_empty()) {
            let left = panel_left(width, panels.len(), index);
            let middle = (left + panel_width / 2, u32::midpoint(top, height));
            let color = rgb(FAINT_INK);
            text::draw(
                &mut image,
                "nothing to show yet",
                middle,
                Align::Centre,
                18,
                color,
            );
        }
    }
    Ok(image)
}

/// The title of a picture, in its first `HEADER` pixels.
pub(super) fn draw_title(image: &mut RgbImage, title: &str) {
    let title = text::fit(title, 24, image.width() - 2 * MARGIN);
    text::draw(image, &title, (MARGIN, 32), Align::Left, 24, rgb(INK));
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
    let (first, from) = if panel.from_zero {
        (0, 0)
    } else {
        let first = epochs.clone().min().unwrap_or(1);
        (first, first - panel.axis.air)
    };
    let last = epochs.max().unwrap_or(first);
    let to = last + panel.axis.air;
    let (low, high) = value_range(panel);

    let (width, _) = area.dim_in_pixel();
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(44 * FINENESS)
        .y_label_area_size(64 * FINENESS)
        .margin_right(12 * FINENESS)
        .build_cartesian_2d(from..to, low..high)?;
    let decimals = (1.0 - (high - low).log10()).ceil().clamp(0.0, 9.0) as usize;
    let label = text::font(15 * FINENESS).color(&INK);
    chart
        .configure_mesh()
        .x_desc(panel.axis.name)
        .x_labels((width / (35 * FINENESS)).min(10) as usize)
        .y_labels(8)
        // The air isn't labelled.
        .x_label_formatter(&|x| {
            if (first..=last).contains(x) {
                (panel.axis.label)(*x)
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
        let ends = [(from, reference.value), (to, reference.value)];
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
            let points = line.iter().copied();
            if series.dashed {
                let (dash, gap) = (5 * FINENESS, 3 * FINENESS);
                chart.draw_series(DashedLineSeries::new(points, dash, gap, style))?;
            } else {
                chart.draw_series(LineSeries::new(points, style))?;
            }
            // A line of one point can't be seen; and where there are few, each is a measurement.
            if line.len() <= panel.dots_up_to {
                let radius = 4 * FINENESS;
                chart.draw_series(
                    line.iter()
                        .map(|point| Circle::new(*point, radius, series.color.filled())),
                )?;
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
    if panel.from_zero {
        (0.0, 1.1 * high)
    } else {
        (low - air, high + air)
    }
}

/// The epoch on the axis, which has room for one more.
fn epoch_position(row: &EpochMetrics) -> i32 {
    i32::try_from(row.epoch).map_or(i32::MAX - 1, |epoch| epoch.min(i32::MAX - 1))
}

fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST_DRAWN
}

/// The panel's title alone.
pub(super) fn draw_panel_title(image: &mut RgbImage, panel: &Panel, corner: (u32, u32)) {
    text::draw(image, panel.title, corner, Align::Left, 18, rgb(INK));
}

/// The panel's title and, below it, a row of samples with their names.
pub(super) fn draw_panel_header(image: &mut RgbImage, panel: &Panel, left: u32) {
    draw_panel_title(image, panel, (left, HEADER + 20));
    let mut corner = (left, HEADER + 43);
    let mut entry = |name: &str, color: RGBColor, sample: &Sample| {
        corner.0 = draw_legend_entry(image, corner, name, color, sample) + 24;
    };
    for series in &panel.series {
        let name = match series.missing() {
            0 => series.name.clone(),
            count => format!("{} ({count} NaN or too large)", series.name),
        };
        let sample = if series.dashed {
            Sample::Dashes
        } else {
            Sample::Line
        };
        entry(&name, series.color, &sample);
    }
    if let Some(reference) = &panel.reference {
        entry(&reference.name, GREEN, &Sample::Dashes);
    }
    if let Some(marker) = &panel.marker {
        entry(&marker.name, INK, &Sample::Dot);
    }
}

/// Draws a sample and a name with their baseline at `y`; returns where they end.
pub(super) fn draw_legend_entry(
    image: &mut RgbImage,
    (x, y): (u32, u32),
    name: &str,
    color: RGBColor,
    sample: &Sample,
) -> u32 {
    let dashes: &[(u32, u32)] = match sample {
        Sample::Line => &[(0, 28)],
        Sample::Dashes => &[(0, 8), (10, 18), (20, 28)],
        Sample::Dot => &[],
    };
    for dx in dashes.iter().flat_map(|(from, to)| *from..*to) {
        for dy in 0..STROKE {
            image.put_pixel(x + dx, y - 5 + dy, rgb(color));
        }
    }
    let sample_width = if dashes.is_empty() {
        text::draw(image, "●", (x, y), Align::Left, LEGEND_SIZE, rgb(color));
        text::width("●", LEGEND_SIZE)
    } else {
        28
    };
    let x = x + sample_width + 8;
    text::draw(image, name, (x, y), Align::Left, LEGEND_SIZE, rgb(INK));
    x + text::width(name, LEGEND_SIZE)
}

pub(super) fn rgb(color: RGBColor) -> Rgb<u8> {
    Rgb([color.0, color.1, color.2])
}
