//! Images, each with those that are nearest to it.

#![allow(
    clippy::cast_possible_truncation,
    reason = "pixel positions, far below the limits of u32"
)]

use image::RgbImage;

use super::raster::{Raster, Scale, color};
use super::style::{
    BACKGROUND, FOREGROUND, GAP, HEADER, MARGIN, MUTED, SMALL_SIZE, TITLE_SIZE, draw_title,
};
use super::text::{self, Align};
use crate::image::ImageShape;

/// Images are enlarged by an integer as far as they stay within this, and reduced if they are larger.
const TARGET: usize = 96;
/// A narrower column would have no room for a name.
const NARROWEST: u32 = 96;
/// From an image to the baseline of its name, and to that of its distance.
const BASELINES: [u32; 2] = [16, 34];
/// Both, and the space below them.
const CAPTION: u32 = 46;

/// An image of a [`neighbour_sheet`].
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// `[C, H, W]`; none if it couldn't be read again.
    pub levels: Option<&'a [u8]>,
    /// Its path.
    pub name: &'a str,
    /// Stands below the name.
    pub caption: String,
}

/// Draws a row for each image that was asked about, which comes first, with those that were found.
#[must_use]
pub fn neighbour_sheet(title: &str, rows: &[Vec<Found>], shape: ImageShape) -> RgbImage {
    let scale = Scale::fit(shape.height.max(shape.width), TARGET, TARGET);
    let (width, height) = (scale.of(shape.width) as u32, scale.of(shape.height) as u32);
    let column = width.max(NARROWEST) + GAP;
    let row_height = height + CAPTION;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    // The first one stands apart.
    let apart = 2 * GAP;
    let widest = (columns * column + apart).max(text::width(title, TITLE_SIZE));
    let mut sheet = RgbImage::from_pixel(
        2 * MARGIN + widest,
        HEADER + MARGIN / 2 + rows.len() as u32 * row_height + MARGIN / 2,
        BACKGROUND,
    );
    draw_title(&mut sheet, title);
    for (row, found) in rows.iter().enumerate() {
        let y = HEADER + MARGIN / 2 + row as u32 * row_height;
        for (place, image) in found.iter().enumerate() {
            let shift = if place == 0 { 0 } else { apart };
            let x = MARGIN + place as u32 * column + shift;
            let room = column - GAP;
            let corner = (x + (room - width) / 2, y);
            if let Some(levels) = image.levels {
                Raster::of_levels(levels, shape).draw(&mut sheet, corner, scale, color);
            }
            let (_, file) = image.name.rsplit_once('/').unwrap_or(("", image.name));
            let lines = [(file, FOREGROUND), (image.caption.as_str(), MUTED)];
            for (baseline, (line, color)) in BASELINES.into_iter().zip(lines) {
                let line = text::fit(line, SMALL_SIZE, room);
                let corner = (x + room / 2, y + height + baseline);
                text::draw(&mut sheet, &line, corner, Align::Centre, SMALL_SIZE, color);
            }
        }
    }
    sheet
}
