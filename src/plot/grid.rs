//! The grid of reconstructions: for each image a column of original, reconstruction and absolute
//! difference, with its class and its SSIM below.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel positions and channels, far below the limits of u32 and f32"
)]

use image::{Rgb, RgbImage};

use super::heat::inferno;
use super::raster::{Raster, Scale, color};
use super::style::{
    BACKGROUND, FOREGROUND, GAP, LABEL_SIZE, LARGEST, MARGIN, MUTED, SMALL_SIZE, TARGET, TITLE_SIZE,
};
use super::text::{self, Align};
use crate::image::ImageShape;

/// Title, and the space below it.
const HEADER: u32 = 36;
/// Wide enough for the longest row label.
const ROW_LABELS: u32 = 128;
/// Class name.
const LABEL: u32 = 18;
/// SSIM, and the space to the next block.
const SSIM: u32 = 34;
/// A narrower column would have no room for a caption.
const NARROWEST_COLUMN: u32 = 84;
/// A lower row would have no room for the differences' scale.
const LOWEST_ROW: u32 = 56;
/// More columns wrap into another block.
const MOST_COLUMNS: usize = 10;
/// So do wider ones: with the row labels, a block is about as wide as a screen.
const WIDEST_BLOCK: u32 = 1200;

/// Differences from here on have the brightest colour. Fully wrong pixels are rare; with a scale
/// to 1 the usual errors, below 0.2, would all look black.
const DIFFERENCE_LIMIT: f32 = 0.5;

/// One column of the grid.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The original, in `[C, H, W]` order, with values in [0, 1].
    pub original: &'a [f32],
    /// What the model made of it, of the same shape.
    pub reconstruction: &'a [f32],
    /// The shape of both: one channel for grey, three for RGB.
    pub shape: ImageShape,
    /// The SSIM of the two.
    pub ssim: f32,
    /// The class's name, if there are classes.
    pub label: Option<&'a str>,
}

/// Where the parts of a grid are, in pixels.
struct Layout {
    scale: Scale,
    /// Of an image, with the space around one that is lower than its row.
    row_height: u32,
    /// Of the widest image.
    image_width: u32,
    /// From the top of a row to the highest image.
    image_top: u32,
    /// From one column to the next.
    column: u32,
    columns: usize,
    label: u32,
}

impl Layout {
    fn of(tiles: &[Tile]) -> Self {
        let height = tiles.iter().map(|tile| tile.shape.height).max();
        let width = tiles.iter().map(|tile| tile.shape.width).max();
        let (height, width) = (height.unwrap_or(0), width.unwrap_or(0));
        let scale = Scale::fit(height.max(width), TARGET, LARGEST);
        let (image_height, image_width) = (scale.of(height) as u32, scale.of(width) as u32);
        let row_height = image_height.max(LOWEST_ROW);
        let column = image_width.max(NARROWEST_COLUMN) + GAP;
        let labelled = tiles.iter().any(|tile| tile.label.is_some());
        Self {
            scale,
            row_height,
            image_width,
            image_top: (row_height - image_height) / 2,
            column,
            columns: columns(tiles.len(), (WIDEST_BLOCK / column) as usize),
            label: if labelled { LABEL } else { 0 },
        }
    }

    /// From one row to the next.
    fn row(&self) -> u32 {
        self.row_height + GAP
    }

    /// From one block to the next.
    fn block(&self) -> u32 {
        3 * self.row() + self.label + SSIM
    }
}

/// Draws originals, reconstructions and differences, the mean over the channels; up to ten columns to
/// a block, fewer if images are wide.
///
/// Sides are enlarged by an integer up to 128 pixels, and reduced to 256 if they are longer. Values
/// outside of [0, 1] are clipped. Pixels without a number, because it is NaN or because a slice is too
/// short, are bright blue, and so are images of neither one nor three channels.
#[must_use]
pub fn reconstruction_grid(title: &str, tiles: &[Tile]) -> RgbImage {
    let layout = Layout::of(tiles);
    let columns = tiles.len().min(layout.columns) as u32;
    let blocks = tiles.len().div_ceil(layout.columns) as u32;
    let left = MARGIN + ROW_LABELS;
    let top = MARGIN + HEADER;
    let width = (left + columns * layout.column).max(MARGIN + text::width(title, TITLE_SIZE));
    let height = top + blocks * layout.block() + GAP;
    let mut image = RgbImage::from_pixel(width + MARGIN, height, BACKGROUND);

    let corner = (MARGIN, MARGIN + 14);
    text::draw(
        &mut image,
        title,
        corner,
        Align::Left,
        TITLE_SIZE,
        FOREGROUND,
    );
    for (index, tiles) in tiles.chunks(layout.columns).enumerate() {
        let y = top + index as u32 * layout.block();
        draw_row_labels(&mut image, y, &layout);
        for (index, tile) in tiles.iter().enumerate() {
            let x = left + index as u32 * layout.column;
            draw_tile(&mut image, tile, (x, y), &layout);
        }
    }
    image
}

/// How many of so many tiles form a block, where a screen has room for `room` side by side. With room
/// for less than usual, blocks are equally wide: ten tiles form two of five, not one of eight and a rest.
fn columns(tiles: usize, room: usize) -> usize {
    if room >= MOST_COLUMNS {
        return MOST_COLUMNS;
    }
    let blocks = tiles.div_ceil(room.max(1)).max(1);
    tiles.div_ceil(blocks).max(1)
}

/// Names the three rows, and gives the differences a scale.
fn draw_row_labels(image: &mut RgbImage, y: u32, layout: &Layout) {
    let middle = |row: u32| y + row * layout.row() + layout.row_height / 2 + 5;
    let labels = [
        ("original", middle(0)),
        ("reconstruction", middle(1)),
        ("|difference|", middle(2) - 18),
    ];
    for (label, y) in labels {
        text::draw(
            image,
            label,
            (MARGIN, y),
            Align::Left,
            LABEL_SIZE,
            FOREGROUND,
        );
    }

    let y = middle(2) - 8;
    let (bar_width, bar_height) = (100, 10);
    for dx in 0..bar_width {
        let color = difference_color(DIFFERENCE_LIMIT * dx as f32 / (bar_width - 1) as f32);
        for dy in 0..bar_height {
            image.put_pixel(MARGIN + dx, y + dy, color);
        }
    }
    let (start, end) = ((MARGIN, y + 25), (MARGIN + bar_width, y + 25));
    text::draw(image, "0", start, Align::Left, SMALL_SIZE, MUTED);
    let limit = format!("≥ {DIFFERENCE_LIMIT}");
    text::draw(image, &limit, end, Align::Right, SMALL_SIZE, MUTED);
}

/// Draws the three images of a tile below each other, and the captions.
fn draw_tile(picture: &mut RgbImage, tile: &Tile, (x, y): (u32, u32), layout: &Layout) {
    let &Tile {
        original,
        reconstruction,
        shape,
        ..
    } = tile;
    let room = layout.column - GAP;
    // Centred, where the caption is wider than the image.
    let image_x = x + (room - layout.image_width) / 2;
    let corner = |row: u32| (image_x, y + row * layout.row() + layout.image_top);
    let (scale, difference) = (layout.scale, |values: &[f32]| difference_color(values[0]));
    Raster::of(original, shape).draw(picture, corner(0), scale, color);
    Raster::of(reconstruction, shape).draw(picture, corner(1), scale, color);
    Raster::difference(original, reconstruction, shape).draw(picture, corner(2), scale, difference);

    let (middle, below) = (x + room / 2, y + 3 * layout.row());
    if let Some(label) = tile.label {
        let label = text::fit(label, LABEL_SIZE, room);
        let corner = (middle, below + 12);
        text::draw(
            picture,
            &label,
            corner,
            Align::Centre,
            LABEL_SIZE,
            FOREGROUND,
        );
    }
    let ssim = format!("SSIM {:.3}", tile.ssim);
    let corner = (middle, below + layout.label + 11);
    text::draw(picture, &ssim, corner, Align::Centre, SMALL_SIZE, MUTED);
}

fn difference_color(difference: f32) -> Rgb<u8> {
    inferno(difference / DIFFERENCE_LIMIT)
}
