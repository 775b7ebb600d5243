//! The grid that compares models: what each makes of the same images.

#![allow(
    clippy::cast_possible_truncation,
    reason = "pixel positions and counts of columns, far below the limits of u32"
)]

use image::RgbImage;

use super::raster::{Raster, Scale, color};
use super::style::{
    BACKGROUND, FOREGROUND, GAP, HEADER, LABEL_SIZE, LARGEST, LEGEND_ROW, LEGEND_SIZE, MARGIN,
    MUTED, SMALL_SIZE, TARGET, TITLE_SIZE, draw_title,
};
use super::text::{self, Align};
use crate::image::ImageShape;

/// Below an image: its SSIM.
const CAPTION: u32 = 26;
/// Left of the images: the class.
const ROW_LABELS: u32 = 110;
/// A lower row would have no room for its label.
const LOWEST_ROW: u32 = 20;
/// A narrower column would have no room for a caption; images aren't reduced below it.
const NARROWEST_COLUMN: usize = 112;
/// What all columns together may take up before large images are reduced: about what a screen has.
const WIDEST: usize = 1200;

/// What one model makes of the images of a [`comparison_grid`].
#[derive(Debug, Clone)]
pub struct GridColumn {
    /// The model's name, for the legend.
    pub name: String,
    /// Stands above the images and before the name in the legend, such as a number.
    pub heading: String,
    /// `[N, C, H, W]`, with values in [0, 1].
    pub pixels: Vec<f32>,
    /// `[N]`, the SSIM of each image.
    pub ssim: Vec<f32>,
}

/// The images that the columns of a [`comparison_grid`] restore.
#[derive(Debug, Clone)]
pub struct Originals<'a> {
    /// `[N, C, H, W]`, with values in [0, 1].
    pub pixels: &'a [f32],
    /// `[N]`, the name of each image's class, where there are classes.
    pub labels: Vec<Option<&'a str>>,
    /// The shape of each image: one channel for grey, three for RGB.
    pub shape: ImageShape,
}

/// Draws a row for each image: the original, then each model's reconstruction with its SSIM.
///
/// Sides are enlarged by an integer up to 128 pixels. Longer ones than 256 are reduced to that, and to
/// less, but no less than 112, where all columns wouldn't fit on a screen. Values outside of [0, 1] are
/// clipped; pixels without a number are bright blue.
#[must_use]
pub fn comparison_grid(title: &str, originals: &Originals, columns: &[GridColumn]) -> RgbImage {
    let shape = originals.shape;
    let room = (WIDEST / (1 + columns.len())).saturating_sub(GAP as usize);
    let longest = shape.height.max(shape.width);
    // A high image needs less of the width.
    let limit = (room * longest / shape.width.max(1)).clamp(NARROWEST_COLUMN, LARGEST);
    let scale = Scale::fit(longest, TARGET, limit);
    let (height, width) = (scale.of(shape.height) as u32, scale.of(shape.width) as u32);
    let column = width.max(NARROWEST_COLUMN as u32) + GAP;
    let row_height = height.max(LOWEST_ROW);
    let row = row_height + CAPTION;

    let legend = HEADER + 16;
    let headings = legend + columns.len() as u32 * LEGEND_ROW + MARGIN / 2;
    let top = headings + MARGIN / 2;
    let labelled = originals.labels.iter().any(Option::is_some);
    let left = MARGIN + if labelled { ROW_LABELS } else { 0 };
    let names: Vec<String> = columns
        .iter()
        .map(|column| format!("{}  {}", column.heading, column.name))
        .collect();
    let widest = names.iter().map(|name| text::width(name, LEGEND_SIZE));
    let widest = widest.chain([text::width(title, TITLE_SIZE)]).max();
    let images = left + (1 + columns.len()) as u32 * column;
    let size = (
        images.max(MARGIN + widest.unwrap_or(0)) + MARGIN,
        top + originals.labels.len() as u32 * row + MARGIN / 2,
    );
    let mut picture = RgbImage::from_pixel(size.0, size.1, BACKGROUND);
    let mut write = |text: &str, corner, align, size, color| {
        text::draw(&mut picture, text, corner, align, size, color);
    };
    for (index, name) in names.iter().enumerate() {
        let corner = (MARGIN, legend + index as u32 * LEGEND_ROW);
        write(name, corner, Align::Left, LEGEND_SIZE, FOREGROUND);
    }

    let middle = |place: usize| left + place as u32 * column + (column - GAP) / 2;
    let above = ["original"].into_iter();
    let above = above.chain(columns.iter().map(|column| column.heading.as_str()));
    for (place, heading) in above.enumerate() {
        let corner = (middle(place), headings);
        write(heading, corner, Align::Centre, LABEL_SIZE, FOREGROUND);
    }
    for (index, label) in originals.labels.iter().enumerate() {
        let y = top + index as u32 * row;
        if let Some(label) = label {
            let label = text::fit(label, LABEL_SIZE, ROW_LABELS - GAP);
            let corner = (MARGIN, y + row_height / 2 + 5);
            write(&label, corner, Align::Left, LABEL_SIZE, FOREGROUND);
        }
        for (place, column) in columns.iter().enumerate() {
            let ssim = column.ssim.get(index).copied().unwrap_or(f32::NAN);
            let corner = (middle(place + 1), y + row_height + 15);
            let caption = format!("SSIM {ssim:.3}");
            write(&caption, corner, Align::Centre, SMALL_SIZE, MUTED);
        }
    }

    draw_title(&mut picture, title);
    for index in 0..originals.labels.len() {
        let y = top + index as u32 * row + (row_height - height) / 2;
        let pixels = [originals.pixels].into_iter();
        let pixels = pixels.chain(columns.iter().map(|column| column.pixels.as_slice()));
        for (place, pixels) in pixels.enumerate() {
            let image = pixels.get(index * shape.len()..).unwrap_or_default();
            let corner = (middle(place) - width / 2, y);
            Raster::of(image, shape).draw(&mut picture, corner, scale, color);
        }
    }
    picture
}
