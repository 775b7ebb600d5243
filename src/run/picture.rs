//! The one place that draws a grid of reconstructions: for each image a column of original,
//! reconstruction and absolute difference, with its class and its SSIM below.
//!
//! Images are row-major `[height * width]` slices of grey values in [0, 1]. They are enlarged by
//! repeating pixels, so that what is seen is what the model made.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel positions and channels, far below the limits of u32 and f32"
)]

use std::io::Cursor;
use std::path::Path;

use image::{ImageBuffer, ImageFormat, PixelWithColorType, Rgb, RgbImage};

use super::text::{self, Align};
use super::{RunError, write_atomically};

pub(super) const PAPER: Rgb<u8> = Rgb([250, 250, 248]);
pub(super) const INK: Rgb<u8> = Rgb([34, 34, 34]);
pub(super) const FAINT_INK: Rgb<u8> = Rgb([95, 95, 95]);
/// Where a value is missing or not a number. No grey and no difference has this colour.
pub(super) const NO_VALUE: Rgb<u8> = Rgb([0, 158, 255]);

pub(super) const TITLE_SIZE: u32 = 24;
pub(super) const LABEL_SIZE: u32 = 16;
pub(super) const SMALL_SIZE: u32 = 14;

/// Around the picture.
pub(super) const MARGIN: u32 = 20;
/// Between the images.
pub(super) const GAP: u32 = 8;
/// Title, and the space below it.
pub(super) const HEADER: u32 = 36;
/// Wide enough for the longest row label.
const ROW_LABELS: u32 = 128;
/// Class name, SSIM, and the space to the next block.
const CAPTION: u32 = 52;
/// Images are enlarged as far as they stay within this: 28 pixels become 112.
pub(super) const TARGET: u32 = 112;
/// A narrower column would have no room for a caption.
const NARROWEST_COLUMN: u32 = 84;
/// More columns wrap into another block: about what a screen is wide.
const COLUMNS: usize = 10;

/// Differences from here on have the brightest colour. Fully wrong pixels are rare; with a scale
/// to 1 the usual errors, below 0.2, would all look black.
const DIFFERENCE_LIMIT: f32 = 0.5;
/// The inferno colour map (matplotlib, CC0) at nine even steps: its brightness rises evenly, in
/// grey and for colour-blind eyes too.
const INFERNO: [[u8; 3]; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

/// One column of the grid.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The original, `height * width` grey values in [0, 1].
    pub original: &'a [f32],
    /// What the model made of it, of the same shape.
    pub reconstruction: &'a [f32],
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// The SSIM of the two.
    pub ssim: f32,
    /// The class's name.
    pub label: &'a str,
}

/// Draws originals, reconstructions and differences, ten columns to a block.
///
/// Values outside of [0, 1] are clipped. Pixels without a number, because it is NaN or because a
/// slice is too short, are bright blue.
#[must_use]
pub fn reconstruction_grid(title: &str, tiles: &[Tile]) -> RgbImage {
    let height = tiles.iter().map(|tile| tile.height).max().unwrap_or(0) as u32;
    let width = tiles.iter().map(|tile| tile.width).max().unwrap_or(0) as u32;
    let scale = (TARGET / height.max(width).max(1)).max(1);
    let (height, width) = (height * scale, width * scale);
    let column = width.max(NARROWEST_COLUMN) + GAP;
    let block = 3 * (height + GAP) + CAPTION;

    let columns = tiles.len().min(COLUMNS) as u32;
    let blocks = tiles.len().div_ceil(COLUMNS) as u32;
    let left = MARGIN + ROW_LABELS;
    let top = MARGIN + HEADER;
    let content = (left + columns * column).max(MARGIN + text::width(title, TITLE_SIZE));
    let mut image = RgbImage::from_pixel(content + MARGIN, top + blocks * block + GAP, PAPER);

    text::draw(
        &mut image,
        title,
        (MARGIN, MARGIN + 14),
        Align::Left,
        TITLE_SIZE,
        INK,
    );
    for (index, chunk) in tiles.chunks(COLUMNS).enumerate() {
        let y = top + index as u32 * block;
        draw_row_labels(&mut image, y, height);
        for (index, tile) in chunk.iter().enumerate() {
            let x = left + index as u32 * column;
            // Centred, where the caption is wider than the image.
            let image_x = x + (column - GAP - width) / 2;
            draw_tile(&mut image, tile, (image_x, y), height + GAP, scale);

            let (middle, below) = (x + (column - GAP) / 2, y + 3 * (height + GAP));
            let label = text::fit(tile.label, LABEL_SIZE, column - GAP);
            text::draw(
                &mut image,
                &label,
                (middle, below + 12),
                Align::Centre,
                LABEL_SIZE,
                INK,
            );
            let ssim = format!("SSIM {:.3}", tile.ssim);
            let position = (middle, below + 29);
            text::draw(
                &mut image,
                &ssim,
                position,
                Align::Centre,
                SMALL_SIZE,
                FAINT_INK,
            );
        }
    }
    image
}

/// Encodes the image as PNG and writes it atomically.
///
/// # Errors
/// [`RunError::Write`] if the system refuses, [`RunError::Encode`] if the image is empty.
pub fn save_png<P>(image: &ImageBuffer<P, Vec<u8>>, path: &Path) -> Result<(), RunError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|source| RunError::Encode {
            path: path.to_owned(),
            source: source.into(),
        })?;
    write_atomically(path, bytes.get_ref())
}

/// Names the three rows, and gives the differences a scale.
fn draw_row_labels(image: &mut RgbImage, y: u32, height: u32) {
    let middle = |row: u32| y + row * (height + GAP) + height / 2 + 5;
    for (row, label) in ["original", "reconstruction"].into_iter().enumerate() {
        let position = (MARGIN, middle(row as u32));
        text::draw(image, label, position, Align::Left, LABEL_SIZE, INK);
    }

    let y = middle(2) - 18;
    text::draw(
        image,
        "|difference|",
        (MARGIN, y),
        Align::Left,
        LABEL_SIZE,
        INK,
    );
    let (bar_width, bar_height) = (100, 10);
    for dx in 0..bar_width {
        let color = difference_color(DIFFERENCE_LIMIT * dx as f32 / (bar_width - 1) as f32);
        for dy in 0..bar_height {
            image.put_pixel(MARGIN + dx, y + 10 + dy, color);
        }
    }
    let (start, end) = ((MARGIN, y + 35), (MARGIN + bar_width, y + 35));
    text::draw(image, "0", start, Align::Left, SMALL_SIZE, FAINT_INK);
    let limit = format!("≥ {DIFFERENCE_LIMIT}");
    text::draw(image, &limit, end, Align::Right, SMALL_SIZE, FAINT_INK);
}

/// Draws the three images of a tile below each other, `row` pixels apart.
fn draw_tile(image: &mut RgbImage, tile: &Tile, (x, y): (u32, u32), row: u32, scale: u32) {
    let shape = (tile.height, tile.width);
    let difference = |index| {
        let original = number(tile.original, index)?;
        Some((original - number(tile.reconstruction, index)?).abs())
    };
    draw_image(image, (x, y), shape, scale, |index| {
        number(tile.original, index).map(grey)
    });
    draw_image(image, (x, y + row), shape, scale, |index| {
        number(tile.reconstruction, index).map(grey)
    });
    draw_image(image, (x, y + 2 * row), shape, scale, |index| {
        difference(index).map(difference_color)
    });
}

/// Draws an image of this height and width, each pixel enlarged to `scale` × `scale`, in the colour
/// that its index has.
pub(super) fn draw_image(
    image: &mut RgbImage,
    (x, y): (u32, u32),
    (height, width): (usize, usize),
    scale: u32,
    color: impl Fn(usize) -> Option<Rgb<u8>>,
) {
    for index in 0..height * width {
        let color = color(index).unwrap_or(NO_VALUE);
        let left = x + (index % width) as u32 * scale;
        let top = y + (index / width) as u32 * scale;
        for dy in 0..scale {
            for dx in 0..scale {
                image.put_pixel(left + dx, top + dy, color);
            }
        }
    }
}

pub(super) fn number(values: &[f32], index: usize) -> Option<f32> {
    values.get(index).copied().filter(|value| value.is_finite())
}

pub(super) fn grey(value: f32) -> Rgb<u8> {
    let level = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    Rgb([level; 3])
}

fn difference_color(difference: f32) -> Rgb<u8> {
    let position = (difference / DIFFERENCE_LIMIT).clamp(0.0, 1.0) * (INFERNO.len() - 1) as f32;
    let lower = (position as usize).min(INFERNO.len() - 2);
    let fraction = position - lower as f32;
    let mut color = [0; 3];
    for (channel, value) in color.iter_mut().enumerate() {
        let from = f32::from(INFERNO[lower][channel]);
        let to = f32::from(INFERNO[lower + 1][channel]);
        *value = (from + fraction * (to - from)).round() as u8;
    }
    Rgb(color)
}
