//! Pictures that show several runs beside each other: their curves, and what each makes of the same
//! images.
//!
//! Runs are numbered from 1, in the order in which they come: names are too long for a column.

#![allow(
    clippy::cast_possible_truncation,
    reason = "pixel positions and counts of runs, far below the limits of u32"
)]

use image::RgbImage;
use plotters::style::RGBColor;

use super::curves::{
    Axis, BLUE, GREEN, HEADER, INK as DARK, LEGEND_SIZE, MARGIN, Panel, Sample, Series, VERMILION,
    draw_legend_entry, draw_panel_title, draw_plots, draw_title, panel_left,
};
use super::picture::{
    FAINT_INK, GAP, INK, LABEL_SIZE, PAPER, SMALL_SIZE, TARGET, draw_image, grey, number,
};
use super::text::{self, Align};
use super::{EpochMetrics, RunError};

/// Okabe and Ito's palette, in which black and a brown stand for what paper swallows. Further runs
/// take the colours again, with dashes.
const COLORS: [RGBColor; 8] = [
    BLUE,
    VERMILION,
    GREEN,
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    DARK,
    RGBColor(133, 88, 42),
];

const CURVES_WIDTH: u32 = 1560;
/// Height of the plots, with their axes.
const PLOT_HEIGHT: u32 = 380;
const LEGEND_ROW: u32 = 24;
/// The legend, of long names, is in so many columns.
const LEGEND_COLUMNS: usize = 2;
/// A panel's title.
const PANEL_TITLE: u32 = 36;

/// Below an image: its SSIM.
const CAPTION: u32 = 26;
/// Left of the images: the class.
const ROW_LABELS: u32 = 110;

/// Draws training loss, validation loss and validation SSIM by epoch, a line for each run, which has
/// a name and a history. The picture is 1560 pixels wide; its height grows with the legend.
///
/// Values that aren't finite, or beyond any scale, leave a gap, and the legend counts them.
///
/// # Errors
/// [`RunError::Draw`] if the plotting library refuses.
pub fn draw_comparison(
    title: &str,
    runs: &[(String, Vec<EpochMetrics>)],
) -> Result<RgbImage, RunError> {
    let panel = |title, value: fn(&EpochMetrics) -> f64| {
        let series = runs.iter().enumerate().map(|(index, (name, history))| {
            let color = COLORS[index % COLORS.len()];
            let mut series = Series::of(name, color, history, value);
            series.dashed = index / COLORS.len() % 2 == 1;
            series
        });
        Panel {
            title,
            axis: Axis::EPOCHS,
            from_zero: false,
            series: series.collect(),
            dots_up_to: 1,
            reference: None,
            marker: None,
        }
    };
    let panels = [
        panel("training loss", |row| row.train_loss),
        panel("validation loss", |row| row.validation_loss),
        panel("validation SSIM", |row| row.validation_ssim),
    ];

    let legend_rows = runs.len().div_ceil(LEGEND_COLUMNS) as u32;
    let titles = HEADER + legend_rows * LEGEND_ROW + MARGIN / 2;
    let top = titles + PANEL_TITLE;
    let mut image = draw_plots(&panels, (CURVES_WIDTH, top + PLOT_HEIGHT), top)?;
    draw_title(&mut image, title);
    draw_legend(&mut image, &panels);
    for (index, panel) in panels.iter().enumerate() {
        let left = panel_left(CURVES_WIDTH, panels.len(), index);
        draw_panel_title(&mut image, panel, (left, titles + 20));
    }
    Ok(image)
}

/// The numbers and names of the runs, down one column and then the next.
fn draw_legend(image: &mut RgbImage, panels: &[Panel]) {
    let Some(Panel { series: runs, .. }) = panels.first() else {
        return;
    };
    let rows = runs.len().div_ceil(LEGEND_COLUMNS).max(1);
    let column_width = (CURVES_WIDTH - 2 * MARGIN) / LEGEND_COLUMNS as u32;
    for (index, run) in runs.iter().enumerate() {
        let missing: usize = panels
            .iter()
            .map(|panel| panel.series[index].missing())
            .sum();
        let note = match missing {
            0 => String::new(),
            count => format!(" ({count} NaN or too large)"),
        };
        let number = format!("{}  ", index + 1);
        let room = column_width - 80 - text::width(&note, LEGEND_SIZE);
        let name = text::fit(&run.name, LEGEND_SIZE, room);
        let corner = (
            MARGIN + (index / rows) as u32 * column_width,
            HEADER + 16 + (index % rows) as u32 * LEGEND_ROW,
        );
        let sample = if run.dashed {
            Sample::Dashes
        } else {
            Sample::Line
        };
        let entry = format!("{number}{name}{note}");
        draw_legend_entry(image, corner, &entry, run.color, &sample);
    }
}

/// What one run makes of the images of a [`comparison_grid`].
#[derive(Debug, Clone)]
pub struct GridColumn {
    /// The run's number and name.
    pub name: String,
    /// Stands above the images, such as the run's number.
    pub heading: String,
    /// `[n * height * width]` grey values in [0, 1].
    pub pixels: Vec<f32>,
    /// `[n]`, the SSIM of each image.
    pub ssim: Vec<f32>,
}

/// The images that the columns of a [`comparison_grid`] restore.
#[derive(Debug, Clone)]
pub struct Originals<'a> {
    /// `[n * height * width]` grey values in [0, 1].
    pub pixels: &'a [f32],
    /// `[n]`, the name of each image's class.
    pub labels: Vec<&'a str>,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

/// Draws a row for each image: the original, then each run's reconstruction with its SSIM.
///
/// Values outside of [0, 1] are clipped; pixels without a number are bright blue.
#[must_use]
pub fn comparison_grid(title: &str, originals: &Originals, runs: &[GridColumn]) -> RgbImage {
    let &Originals { height, width, .. } = originals;
    let shape = (height, width);
    let scale = (TARGET / height.max(width).max(1) as u32).max(1);
    let (shown_height, shown_width) = (height as u32 * scale, width as u32 * scale);
    let column = shown_width.max(TARGET) + GAP;
    let row = shown_height + CAPTION;

    let legend = HEADER + 16;
    let headings = legend + runs.len() as u32 * LEGEND_ROW + MARGIN / 2;
    let top = headings + MARGIN / 2;
    let left = MARGIN + ROW_LABELS;
    let names: Vec<String> = runs
        .iter()
        .map(|run| format!("{}  {}", run.heading, run.name))
        .collect();
    let widest = names.iter().map(|name| text::width(name, LEGEND_SIZE));
    let text_width = widest.chain([text::width(title, 24)]).max().unwrap_or(0);
    let images = left + (1 + runs.len() as u32) * column;
    let size = (
        images.max(MARGIN + text_width) + MARGIN,
        top + originals.labels.len() as u32 * row + MARGIN / 2,
    );
    let mut image = RgbImage::from_pixel(size.0, size.1, PAPER);
    draw_title(&mut image, title);
    for (index, name) in names.iter().enumerate() {
        let corner = (MARGIN, legend + index as u32 * LEGEND_ROW);
        text::draw(&mut image, name, corner, Align::Left, LEGEND_SIZE, INK);
    }

    let middle = |place: usize| left + place as u32 * column + (column - GAP) / 2;
    let above = ["original"].into_iter();
    let above = above.chain(runs.iter().map(|run| run.heading.as_str()));
    for (place, heading) in above.enumerate() {
        let corner = (middle(place), headings);
        text::draw(&mut image, heading, corner, Align::Centre, LABEL_SIZE, INK);
    }
    for (index, label) in originals.labels.iter().enumerate() {
        let y = top + index as u32 * row;
        let corner = (MARGIN, y + shown_height / 2 + 5);
        let label = text::fit(label, LABEL_SIZE, ROW_LABELS - GAP);
        text::draw(&mut image, &label, corner, Align::Left, LABEL_SIZE, INK);
        let pixels = [originals.pixels].into_iter();
        let pixels = pixels.chain(runs.iter().map(|run| run.pixels.as_slice()));
        for (place, pixels) in pixels.enumerate() {
            let corner = (middle(place) - shown_width / 2, y);
            let offset = index * height * width;
            draw_image(&mut image, corner, shape, scale, |pixel| {
                number(pixels, offset + pixel).map(grey)
            });
        }
        for (place, run) in runs.iter().enumerate() {
            let ssim = run.ssim.get(index).copied().unwrap_or(f32::NAN);
            let caption = format!("SSIM {ssim:.3}");
            let corner = (middle(place + 1), y + shown_height + 15);
            let color = FAINT_INK;
            text::draw(
                &mut image,
                &caption,
                corner,
                Align::Centre,
                SMALL_SIZE,
                color,
            );
        }
    }
    image
}
