//! The contact sheet: many images side by side, without gaps, for a page that shows one of them at a
//! time.

#![allow(
    clippy::cast_possible_truncation,
    reason = "pixel positions, far below the limits of u32"
)]

use image::{DynamicImage, GrayImage, Luma, RgbImage};

use super::raster::{Raster, Scale, color};
use super::style::BACKGROUND;
use crate::image::ImageShape;

/// The longest side of a thumbnail: a sheet of 1,000, 40 in a row, is 2,560 × 1,600 pixels.
const LONGEST_SIDE: usize = 64;

/// Width and height in pixels that images of a shape have on a [`sheet`]: their own, or reduced until
/// the longer side is 64.
#[must_use]
pub fn thumbnail_shape(shape: ImageShape) -> (u32, u32) {
    let scale = scale(shape);
    (scale.of(shape.width) as u32, scale.of(shape.height) as u32)
}

/// Draws images in rows of `columns`, each [`thumbnail_shape`] large: image `i` is in row
/// `i / columns`, column `i % columns`. The sheet of grey images is grey.
///
/// An image is a slice in `[C, H, W]` order; what one lacks, is black; the end of the last row is empty.
#[must_use]
pub fn sheet<'a>(
    images: impl ExactSizeIterator<Item = &'a [u8]>,
    shape: ImageShape,
    columns: usize,
) -> DynamicImage {
    let (width, height) = thumbnail_shape(shape);
    let columns = columns.max(1);
    let size = (
        images.len().min(columns) as u32 * width,
        images.len().div_ceil(columns) as u32 * height,
    );
    let mut sheet = RgbImage::from_pixel(size.0, size.1, BACKGROUND);
    for (tile, levels) in images.enumerate() {
        let corner = (
            (tile % columns) as u32 * width,
            (tile / columns) as u32 * height,
        );
        Raster::of_levels(levels, shape).draw(&mut sheet, corner, scale(shape), color);
    }
    if shape.channels == 1 {
        let grey = |x, y| Luma([sheet.get_pixel(x, y).0[0]]);
        GrayImage::from_fn(size.0, size.1, grey).into()
    } else {
        sheet.into()
    }
}

/// Thumbnails aren't enlarged.
fn scale(shape: ImageShape) -> Scale {
    Scale::fit(shape.height.max(shape.width), 1, LONGEST_SIDE)
}
