//! The contact sheet with names: what a data set looks like.

#![allow(
    clippy::cast_possible_truncation,
    reason = "pixel positions, far below the limits of u32"
)]

use image::RgbImage;

use super::raster::{Raster, Scale, color};
use super::style::{BACKGROUND, GAP, HEADER, MARGIN, MUTED, SMALL_SIZE, TITLE_SIZE, draw_title};
use super::text::{self, Align};
use crate::image::ImageShape;

/// Images are enlarged by an integer as far as they stay within this, and reduced if they are larger.
const TARGET: usize = 96;
/// A narrower tile would have no room for a name.
const NARROWEST: u32 = 96;
/// About as wide as a screen.
const WIDEST: u32 = 1400;
/// From an image to the baseline of its name.
const BASELINE: u32 = 16;
/// A name, and the space below it.
const NAME: u32 = 24;

/// Draws images, each with its name below, shortened where it is too long; `all` is how many there are of
/// which these are some.
///
/// An image is a slice in `[C, H, W]` order.
#[must_use]
pub fn contact_sheet(tiles: &[(&[u8], &str)], shape: ImageShape, all: usize) -> RgbImage {
    let scale = Scale::fit(shape.height.max(shape.width), TARGET, TARGET);
    let (width, height) = (scale.of(shape.width) as u32, scale.of(shape.height) as u32);
    let column = width.max(NARROWEST) + GAP;
    let row = height + NAME + GAP;
    let columns = (WIDEST / column).clamp(1, tiles.len().max(1) as u32);
    let rows = (tiles.len() as u32).div_ceil(columns);
    let title = if all == tiles.len() {
        format!("{all} images")
    } else {
        format!("{} of {all} images", tiles.len())
    };
    let widest = text::width(&title, TITLE_SIZE);
    let inner = (columns * column - GAP).max(widest);
    let mut sheet =
        RgbImage::from_pixel(2 * MARGIN + inner, HEADER + rows * row + MARGIN, BACKGROUND);
    draw_title(&mut sheet, &title);
    for (place, (levels, name)) in tiles.iter().enumerate() {
        let (x, y) = (
            MARGIN + (place as u32 % columns) * column,
            HEADER + (place as u32 / columns) * row,
        );
        let room = column - GAP;
        let corner = (x + (room - width) / 2, y);
        Raster::of_levels(levels, shape).draw(&mut sheet, corner, scale, color);
        let (_, file) = name.rsplit_once('/').unwrap_or(("", name));
        let shown = text::fit(file, SMALL_SIZE, room);
        let baseline = (x + room / 2, y + height + BASELINE);
        text::draw(
            &mut sheet,
            &shown,
            baseline,
            Align::Centre,
            SMALL_SIZE,
            MUTED,
        );
    }
    sheet
}
