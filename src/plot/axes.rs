//! Plots side by side, drawn by plotters: axes and lines. Titles and legends above them are
//! [`Panel`]'s.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of pixels and of decimals, far below the limits of u32"
)]

use image::{Rgb, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::PlotError;
use super::font::plotters_font;
use super::panel::{
    PANEL_HEADER, PANEL_TITLE_SIZE, Panel, REFERENCE_COLOR, STROKE, drawable, place,
};
use super::style::{BACKGROUND, FOREGROUND, HEADER, LEGEND_SIZE, MARGIN, MUTED, draw_title};
use super::text::{self, Align};

/// plotters draws lines without smoothing; so the plots are drawn this much larger, and reduced.
const FINENESS: u32 = 3;
const GRID_LINES: RGBColor = RGBColor(222, 222, 220);

/// Draws plots side by side, from `top` down to the end of a picture of this size (width and height
/// in pixels). What is above them is left empty. `what` names the picture, should that fail.
pub(super) fn draw_plots(
    what: &'static str,
    panels: &[Panel],
    (width, height): (u32, u32),
    top: u32,
) -> Result<RgbImage, PlotError> {
    let failed = |reason: String| PlotError { what, reason };
    let size = (width * FINENESS, height * FINENESS);
    let mut buffer = vec![0; (size.0 * size.1 * 3) as usize];
    draw_fine(&mut buffer, panels, size, top * FINENESS)
        .map_err(|error| failed(error.to_string()))?;
    let fine = RgbImage::from_raw(size.0, size.1, buffer)
        .ok_or_else(|| failed("the buffer is too small for the picture".to_owned()))?;
    let mut image = image::imageops::thumbnail(&fine, width, height);
    for (index, panel) in panels.iter().enumerate() {
        if panel.is_empty() {
            let (panel_width, left) = place(width, panels.len(), index);
            let middle = (left + panel_width / 2, u32::midpoint(top, height));
            let (text, size) = ("nothing to show yet", PANEL_TITLE_SIZE);
            text::draw(&mut image, text, middle, Align::Centre, size, MUTED);
        }
    }
    Ok(image)
}

/// Draws into the pixels of a picture of this size. Lengths are those of the finished picture times
/// [`FINENESS`].
fn draw_fine(
    buffer: &mut [u8],
    panels: &[Panel],
    (width, height): (u32, u32),
    top: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let root = BitMapBackend::with_buffer(buffer, (width, height)).into_drawing_area();
    root.fill(&plotters_color(BACKGROUND))
        .map_err(|error| error.to_string())?;
    for (index, panel) in panels.iter().enumerate() {
        let (panel_width, left) = place(width / FINENESS, panels.len(), index);
        let corner = (left * FINENESS, top);
        let size = (panel_width * FINENESS, height - top - MARGIN / 2 * FINENESS);
        draw_plot(&root.clone().shrink(corner, size), panel).map_err(|error| error.to_string())?;
    }
    root.present().map_err(|error| error.to_string())?;
    Ok(())
}

/// Draws plots side by side, below a title and above each its header. Legends of several rows make the picture higher.
///
/// # Errors
/// As [`draw_plots`].
pub(super) fn draw_panels(
    what: &'static str,
    title: &str,
    panels: &[Panel],
    (width, height): (u32, u32),
) -> Result<RgbImage, PlotError> {
    let places: Vec<(u32, u32)> = (0..panels.len())
        .map(|index| place(width, panels.len(), index))
        .collect();
    let headers = panels.iter().zip(&places);
    let header = headers.map(|(panel, (width, _))| panel.header_height(*width));
    let header = header.max().unwrap_or(PANEL_HEADER);
    let size = (width, height + header.saturating_sub(PANEL_HEADER));
    let mut image = draw_plots(what, panels, size, HEADER + header)?;
    draw_title(&mut image, title);
    for (panel, place) in panels.iter().zip(places) {
        panel.draw_header(&mut image, place);
    }
    Ok(image)
}

fn draw_plot<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    panel: &Panel,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let (first, last) = panel.positions();
    let padding = panel.axis.padding;
    let from = if panel.from_zero { 0 } else { first - padding };
    let to = last + padding;
    let (low, high) = panel.values();

    let (width, _) = area.dim_in_pixel();
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(44 * FINENESS)
        .y_label_area_size(64 * FINENESS)
        .margin_right(12 * FINENESS)
        .build_cartesian_2d(from..to, low..high)?;
    let decimals = (1.0 - (high - low).log10()).ceil().clamp(0.0, 9.0) as usize;
    let label = plotters_font(LEGEND_SIZE * FINENESS).color(&plotters_color(FOREGROUND));
    chart
        .configure_mesh()
        .x_desc(panel.axis.name.as_str())
        .x_labels((width / (35 * FINENESS)).min(10) as usize)
        .y_labels(8)
        // The padding isn't labelled.
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
        .axis_style(plotters_color(MUTED).stroke_width(FINENESS))
        .bold_line_style(GRID_LINES.stroke_width(FINENESS))
        .set_all_tick_mark_size(5 * FINENESS)
        .light_line_style(TRANSPARENT)
        .draw()?;

    if let Some(reference) = &panel.reference {
        let ends = [(from, reference.value), (to, reference.value)];
        let style = plotters_color(REFERENCE_COLOR).stroke_width(STROKE * FINENESS);
        let (dash, gap) = (8 * FINENESS, 6 * FINENESS);
        chart.draw_series(DashedLineSeries::new(ends, dash, gap, style))?;
    }
    for series in &panel.series {
        let color = plotters_color(series.color);
        let style = color.stroke_width(STROKE * FINENESS);
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
                let dot = |point: &_| Circle::new(*point, radius, color.filled());
                chart.draw_series(line.iter().map(dot))?;
            }
        }
    }
    if let Some(marker) = &panel.marker {
        let rings = [(7, FOREGROUND), (5, BACKGROUND), (3, FOREGROUND)];
        let rings = rings.map(|(radius, color)| {
            let style = plotters_color(color).filled();
            Circle::new(marker.point, radius * FINENESS, style)
        });
        chart.draw_series(rings)?;
    }
    Ok(())
}

fn plotters_color(color: Rgb<u8>) -> RGBColor {
    let [red, green, blue] = color.0;
    RGBColor(red, green, blue)
}
